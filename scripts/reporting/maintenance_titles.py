"""What the figures of the contract say, as sentences: frames in, words out.

Each function says less where the sample is too small or the difference too slight to be named.
"""

import pandas as pd

from reporting.text import counted, day, integer, listed, number, share

# The fewest pairs of models, start dates or evaluations whose spread is named.
SMALLEST_SAMPLE = 10
# The fewest customers of a segment that is named.
SMALLEST_SEGMENT = 30
# The smallest difference between two shares or agreements that is named.
SMALLEST_DIFFERENCE = 0.05
# Below it a distribution is commonly called unmoved.
SMALLEST_SHIFT = 0.1
# The longest wait whose price the first lines tell, in weeks.
WAIT_TOLD = 13
# The smallest loss of the area under the ROC curve that is named.
SMALLEST_LOSS = 0.01


def headline(contract: pd.DataFrame, status: str, *, has_stopped: bool = False) -> str:
    """Say in one sentence how the contract stands, from its clauses and its worst status.

    `has_stopped` tells that orders come no more: the contract knows nothing of what came after.
    """
    told = _headline(contract, status)
    if has_stopped:
        return f"Orders have stopped. As of the last ones, {told[0].lower()}{told[1:]}"
    return told


def _headline(contract: pd.DataFrame, status: str) -> str:
    statuses = contract.set_index("clause")["status"]
    if statuses.get("data") == "breach":
        return "The data have jumped: until that is explained, the contract cannot be trusted."
    if status == "breach":
        return "The contract is broken: the segments are due for a refit."
    if statuses["agreement"] == "not assessable":
        return "The contract cannot be assessed: the clause agreement says why."
    if status == "not assessable":
        return "The contract is kept, as far as it can be assessed."
    if status == "warn":
        return "The segments may still be trusted, but a clause asks for a look."
    return "The segments may be trusted: the contract is kept."


def is_due(contract: pd.DataFrame) -> str:
    """Say whether a refit is due, and of which kind, from the clauses of `maintenance_contract`."""
    judged = contract[contract["severity"] == "error"]
    agreement = judged[judged["clause"] == "agreement"].iloc[0]
    broken = judged[judged["status"] == "breach"]
    compared = _compared(agreement)
    if len(broken):
        segments = [f'"{name}"' for name in _named(broken)]
        if agreement["status"] == "breach" and agreement["breach_kind"] == "the customers changed":
            told = "A refit is due: the customers have changed, not the calendar alone"
        elif agreement["breach_kind"] == "re-centring due" and not segments:
            told = (
                "A refit is due, and re-centring is enough: the calendar has moved, the customers "
                "have hardly changed"
            )
        elif segments:
            told = f"A refit is due: computed anew, {listed(segments)} would have other customers"
        else:
            told = "A refit is due: too many customers would be in another segment"
        return f"{told}. {compared}" if agreement["status"] == "breach" and compared else f"{told}."
    if agreement["status"] == "not assessable":
        return "Whether a refit is due cannot be told: the agreement cannot be assessed."
    unknown = judged[judged["status"] == "not assessable"]
    close = judged[judged["status"] == "warn"]
    told = "No refit is due"
    if len(unknown):
        told += f", as far as can be told: {counted(len(unknown), 'clause')} cannot be assessed"
    if len(close):
        told += f"; {counted(len(close), 'clause')} {_is(close)} close to the limit or beyond it"
        told += ", which may be chance"
    warned = contract[(contract["severity"] != "error") & (contract["status"] == "breach")]
    if len(warned):
        told += f". What is broken asks for a look, not for a refit: {listed([*warned['clause']])}"
    return f"{told}. {compared}".rstrip()


def _compared(agreement: pd.Series) -> str:
    """Say how segments that are computed anew agree with those in use, if that is measured."""
    if pd.isna(agreement["measured_value"]) or pd.isna(agreement["threshold"]):
        return ""
    told = (
        f"Segments computed anew agree with those in use at {number(agreement['measured_value'])}, "
        f"where 1 is the same; the contract asks for {number(agreement['threshold'])}."
    )
    is_ageing = agreement["breach_kind"] == "re-centring due"
    if is_ageing and pd.notna(agreement["structural_agreement"]):
        told += (
            f" With ageing taken out they agree at {number(agreement['structural_agreement'])}: "
            "time has passed, the customers have hardly changed."
        )
    return told


def _named(clauses: pd.DataFrame) -> list[str]:
    named = clauses.dropna(subset=["segment_id"])
    return named["segment_name"].tolist()


def _is(rows: pd.DataFrame) -> str:
    return "is" if len(rows) == 1 else "are"


def price_of_waiting(waiting: pd.DataFrame, outcomes: pd.DataFrame, contract: pd.DataFrame) -> str:
    """Say what waiting costs, from `maintenance_waiting` and `maintenance_outcomes`.

    Of the outcomes the one that the clause `outcome` of the contract is about.
    """
    told = f"{misplaced(waiting, WAIT_TOLD)}."
    followed = outcomes[outcomes["is_champion"] & outcomes["is_assessable"]]
    clause = contract[(contract["clause"] == "outcome") & (contract["status"] != "not assessable")]
    if len(clause):
        followed = followed[followed["evaluation_date"] == clause["evaluation_date"].iloc[0]]
    if followed.empty or clause.empty:
        return (
            f"{told} Whether a model that is not refitted tells less well who buys next is not "
            "known yet."
        )
    followed = followed.sort_values("horizon_days", ascending=False)
    distance = (followed["auc_loss"] - clause["measured_value"].iloc[0]).abs()
    row = followed.loc[distance.idxmin()]
    worse = "not measurably worse"
    if row.auc_loss_low > 0:
        worse = "worse" if row.auc_loss >= SMALLEST_LOSS else "hardly worse"
    return (
        f"{told} At telling who buys in the next {counted(row.horizon_days, 'day')}, the model in "
        f"use on {day(row.evaluation_date)}, {counted(row.weeks, 'week')} after its fit, was "
        f"{worse} than a refit."
    )


def misplaced(waiting: pd.DataFrame, most_weeks: float) -> str:
    """Say how many customers a wait of at most so many weeks leaves in another segment."""
    known = waiting[waiting["start_dates"] >= SMALLEST_SAMPLE]
    known = known[known["weeks"] <= most_weeks]
    if known.empty:
        return (
            "What waiting costs cannot be told yet: fewer than "
            f"{counted(SMALLEST_SAMPLE, 'model')} have been followed"
        )
    row = known.sort_values("weeks").iloc[-1]
    revenue = ""
    if pd.notna(row.misplaced_revenue_share):
        revenue = f", with {share(row.misplaced_revenue_share)} of the revenue,"
    return (
        f"After {counted(row.weeks, 'week')} without a refit, {share(row.misplaced_share)} of the "
        f"customers{revenue} are in another segment than a refit would give, on average over "
        f"{counted(row.start_dates, 'model')}"
    )


def look_again(
    contract: pd.DataFrame, schedule: pd.Series | None, *, has_stopped: bool = False
) -> str:
    """Say when to look again, and when a refit will be due where that is forecast.

    `has_stopped` tells that orders come no more: the next evaluation waits for them.
    """
    told = []
    status = contract.loc[contract["clause"] == "agreement", "status"].iloc[0]
    if contract["next_evaluation_date"].notna().any():
        date = day(contract["next_evaluation_date"].max())
        if has_stopped:
            told.append(f"Look again once orders come; the next evaluation is that of {date}.")
        elif status == "breach":
            told.append(f"The contract is measured again on {date}.")
        else:
            told.append(f"Look again on {date}.")
    else:
        told.append("Look again at the next date that is labelled.")
    if schedule is not None and pd.notna(schedule.next_refit_date):
        told.append(f"By its policy the next refit is on {day(schedule.next_refit_date)}.")
    dates = ["breach_not_before", "breach_most_likely", "breach_by"]
    is_forecast = schedule is not None and schedule[dates].notna().all()
    if is_forecast and status in ("ok", "warn"):
        told.append(
            f"In half of such cases a refit is due by {day(schedule.breach_most_likely)}, in nine "
            f"of ten not before {day(schedule.breach_not_before)}, and in nine of ten by "
            f"{day(schedule.breach_by)}."
        )
    elif status != "breach":
        told.append("When a refit will be due is not forecast.")
    return " ".join(told)


def agreement(rows: pd.DataFrame, threshold: float | None) -> str:
    """Say how the model in use has done at the evaluations with orders as usual.

    `rows` has one evaluation a row: `evaluation_date`, `adjusted_rand_index`,
    `structural_agreement`, `noise_floor`, `is_live`.
    """
    live = rows[rows["is_live"]].sort_values("evaluation_date")
    if live.empty:
        return (
            f"{counted(len(rows), 'evaluation')} so far, and none while orders came as usual: "
            "agreement says nothing of the customers then"
        )
    if threshold is None or len(live) < SMALLEST_SAMPLE:
        return (
            f"{counted(len(live), 'evaluation')} so far; at the newest, of "
            f"{day(live['evaluation_date'].iloc[-1])}, the model in use and a refit agree at "
            f"{number(live['adjusted_rand_index'].iloc[-1])}"
        )
    kept = int((live["adjusted_rand_index"] >= threshold).sum())
    told = (
        f"The model in use and a refit agreed at {number(threshold)} or more at {integer(kept)} of "
        f"{counted(len(live), 'evaluation')}"
    )
    least = live["noise_floor"].clip(upper=threshold)
    beyond = int((live["adjusted_rand_index"] < least).sum())
    if kept < len(live) and live["noise_floor"].isna().all():
        told += "; whether less than that is more than chance is not known"
    elif kept < len(live):
        told += f", and at less by more than chance at {integer(beyond)}"
    if live["structural_agreement"].notna().all():
        structural = int((live["structural_agreement"] >= threshold).sum())
        told += f"; with ageing taken out, at {number(threshold)} or more at {integer(structural)}"
    return told


def ages(by_weeks: pd.DataFrame) -> str:
    """Say between what the agreement lies at an age of which enough pairs are known.

    `by_weeks` has one age a row: `weeks`, and of its pairs `min`, `max` and `size`.
    """
    known = by_weeks[by_weeks["size"] >= SMALLEST_SAMPLE].sort_values("weeks")
    if known.empty:
        return (
            f"{counted(by_weeks['size'].sum(), 'pair')} of models so far: too few of any age to "
            "tell how agreement falls with it"
        )
    last = known.iloc[-1]
    told = (
        f"{counted(last['weeks'], 'week')} after its fit a model agrees with a refit at "
        f"{number(last['min'])} to {number(last['max'])} ({integer(last['size'])} pairs)"
    )
    first = known.iloc[0]
    if len(known) > 1 and first["min"] - last["max"] >= SMALLEST_DIFFERENCE:
        told += f"; {counted(first['weeks'], 'week')} after it, never below {number(first['min'])}"
    return told


def segments(last: pd.DataFrame) -> str:
    """Say which segment a model and a refit have least and most in common.

    `last` has one segment a row: `segment_name`, `jaccard`, `weeks` and `customers`, the larger
    of the numbers of customers whom either puts there.
    """
    weeks = counted(last["weeks"].iloc[0], "week")
    known = last[last["customers"] >= SMALLEST_SEGMENT].sort_values(
        ["jaccard", "segment_name"], kind="stable"
    )
    if known.empty:
        return (
            f"No segment of the first model has as many as {integer(SMALLEST_SEGMENT)} customers "
            f"after {weeks}: too few to compare"
        )
    worst, best = known.iloc[0], known.iloc[-1]
    either = f"Of the customers whom the first model or a refit {weeks} later puts into"
    if len(known) > 1 and best.jaccard - worst.jaccard < SMALLEST_DIFFERENCE:
        return f"{either} a segment, {share(worst.jaccard)} to {share(best.jaccard)} are in both"
    told = f'{either} "{worst.segment_name}", {share(worst.jaccard)} are in both'
    if len(known) > 1:
        told += f'; of those in "{best.segment_name}", {share(best.jaccard)}'
    return told


def lasting(survival: pd.DataFrame, schedule: pd.Series | None) -> str:
    """Say how long models last, from the curve of all start dates."""
    models = int(survival["at_risk"].max())
    if models < SMALLEST_SAMPLE:
        return f"{counted(models, 'model')} followed so far: too few to tell how long one lasts"
    if not survival["breached"].sum():
        return f"None of {counted(models, 'model')} followed so far has broken its contract"
    if schedule is not None and pd.notna(schedule.median_weeks_until_breach):
        return (
            f"Of {counted(models, 'model')} followed, an estimated half break the contract within "
            f"{counted(schedule.median_weeks_until_breach, 'week')}"
        )
    known = survival[survival["at_risk"] >= SMALLEST_SAMPLE].sort_values("weeks").iloc[-1]
    return (
        f"Of {counted(models, 'model')} followed, an estimated {share(known.survival)} keep the "
        f"contract for {counted(known.weeks, 'week')}"
    )


def intervals(backtest: pd.DataFrame, probability: float) -> str:
    """Say what intervals found at past dates were worth to the models fitted later."""
    found = f"Intervals found at {counted(len(backtest), 'past date')}"
    if len(backtest) < SMALLEST_SAMPLE:
        return f"{found} so far: too few to tell whether later models keep them"
    return (
        f"{found} were kept by {share(backtest['later_kept_share'].mean())} of later models on "
        f"average; {share(probability)} were asked for"
    )


def migration(rows: pd.DataFrame) -> str:
    """Say how many customers change segment between evaluations because they changed."""
    if len(rows) < SMALLEST_SAMPLE:
        newest = rows.sort_values("evaluation_date").iloc[-1]
        return (
            f"At the newest of {counted(len(rows), 'evaluation')}, "
            f"{share(newest.migrated_share)} of the customers had changed segment under one model"
        )
    return (
        f"On average over {counted(len(rows), 'evaluation')}, "
        f"{share(rows['migrated_share'].mean())} of the customers have changed segment under one "
        "model"
    )


def options(curves: pd.DataFrame) -> str:
    """Say which option keeps most agreement, at the longest time that all have been followed."""
    number_of_options = curves["option"].nunique()
    known = curves[curves["start_dates"] >= SMALLEST_SAMPLE]
    by_weeks = known.groupby("weeks")["option"].nunique()
    common = by_weeks.index[by_weeks == number_of_options]
    compared = counted(number_of_options, "option")
    if number_of_options < 2 or common.empty:
        return f"{compared} followed so far, too few models of each to compare"
    weeks = float(common.max())
    at = known[known["weeks"] == weeks].sort_values("mean_adjusted_rand_index")
    best, second = at.iloc[-1], at.iloc[-2]
    after = f"after {counted(weeks, 'week')}"
    if best.mean_adjusted_rand_index - second.mean_adjusted_rand_index < SMALLEST_DIFFERENCE:
        return (
            f"Of {compared} none keeps clearly more agreement than the next: "
            f"{number(best.mean_adjusted_rand_index)} and "
            f"{number(second.mean_adjusted_rand_index)} {after}"
        )
    return (
        f"Of {compared}, {best.option} keeps most agreement: "
        f"{number(best.mean_adjusted_rand_index)} {after}"
    )


def shift(moved: pd.Series) -> str:
    """Say which feature has moved most; `moved` is the highest stability index by feature."""
    if moved.max() < SMALLEST_SHIFT:
        return f"No feature moves much: no stability index is above {number(moved.max())}"
    return (
        f"{moved.idxmax()} moves most: its stability index reaches {number(moved.max())} before a "
        "refit"
    )


def forecasts(rows: pd.DataFrame) -> str:
    """Say how many of the expected orders came, at the newest date and over all dates.

    `rows` has one evaluation date a row: `evaluation_date`, `horizon_days`, `expected_orders` and
    `orders`.
    """
    newest = rows.sort_values("evaluation_date").iloc[-1]
    days = counted(newest["horizon_days"], "day")
    from_newest = f"In the {days} from {day(newest['evaluation_date'])}"
    if max(newest["expected_orders"], newest["orders"]) < SMALLEST_SEGMENT:
        return f"{from_newest} too few orders were expected or came to compare them"
    told = (
        f"{from_newest} {integer(newest['expected_orders'])} orders were expected and "
        f"{integer(newest['orders'])} came"
    )
    if len(rows) < SMALLEST_SAMPLE:
        return told
    ratio = rows["orders"].sum() / rows["expected_orders"].sum()
    return f"{told}; over {counted(len(rows), 'date')} {share(ratio)} of those expected came"
