"""How long the model may be trusted: the contract, its verdict, and what it rests on."""

import altair as alt
import pandas as pd

from reporting.figures import (
    ACCENT,
    NEUTRAL,
    Figure,
    Panel,
    by_segment,
    horizontal_line,
    segment_colour,
    sized,
)
from reporting.marts import PALETTE, Marts, feature_name
from reporting.text import counted, day, if_known, integer, number, share

STATUSES = {
    "ok": "Kept",
    "warn": "Close to its limit",
    "breach": "Broken",
    "not assessable": "Not assessable",
}
_HEADLINES = {
    "ok": "The segments may be trusted: the contract is kept.",
    "warn": "The segments may still be trusted, but the contract is close to its limit.",
    "breach": "The contract is broken: the segments are due for a refit.",
    "not assessable": "The contract cannot be assessed: see why below.",
}
# Clauses that compare with earlier months.
_ON_HISTORY = ["data", "outcome", "newcomers", "recipe"]
_UNTRUSTED = "The data have jumped: until that is explained, the contract cannot be trusted."


def clauses(marts: Marts) -> pd.DataFrame:
    """One row a clause, with what a card shows."""
    found = marts["maintenance_contract"].copy()
    found["label"] = found["status"].map(STATUSES).fillna(found["status"])
    return found


def status(marts: Marts) -> str:
    """Return the worst status of a clause that can end the contract, else the worst of all."""
    found = marts["maintenance_contract"]
    # A young shop has too little history for these, and nothing to worry about.
    found = found[~found["clause"].isin(_ON_HISTORY) | (found["status"] != "not assessable")]
    for severity in (["error"], ["error", "warn"]):
        statuses = set(found.loc[found["severity"].isin(severity), "status"])
        for worst in ("breach", "not assessable", "warn"):
            if worst in statuses:
                # A broken clause that only warns does not end the contract.
                return worst if severity == ["error"] else "warn"
    return "ok"


def headline(marts: Marts) -> str:
    """Say in one sentence how the contract stands."""
    found = marts["maintenance_contract"].set_index("clause")["status"]
    return _UNTRUSTED if found.get("data") == "breach" else _HEADLINES[status(marts)]


def verdict(marts: Marts) -> list[str]:
    """Return the contract in plain words."""
    contract, schedule = marts["maintenance_contract"], _in_use(marts)
    told = [marts.alarm_of_feed] if marts.alarm_of_feed else []
    told += [row.sentence for row in contract.itertuples() if row.clause == "agreement"]
    if schedule is not None:
        told.append(schedule.sentence)
    if schedule is not None and pd.notna(schedule.next_refit_date):
        told.append(f"The next refit is on {day(schedule.next_refit_date)}.")
    if contract["next_evaluation_date"].notna().any():
        told.append(f"The next evaluation is on {day(contract['next_evaluation_date'].max())}.")
    return told


def _in_use(marts: Marts) -> pd.Series | None:
    schedule = marts["maintenance_schedule"]
    schedule = schedule[schedule["is_in_use"]]
    return schedule.iloc[0] if len(schedule) else None


def figures(marts: Marts) -> list[Figure]:
    """Draw the figures of the page, in order."""
    made = [
        agreement(marts),
        all_pairs(marts),
        segment_agreement(marts),
        survival(marts),
        intervals(marts),
        causes(marts),
        waiting(marts),
        policies(marts),
        migration(marts),
        options(marts),
    ]
    return [figure for figure in made if figure is not None]


def _threshold(marts: Marts) -> float | None:
    contract = marts["maintenance_contract"]
    found = contract.loc[contract["clause"] == "agreement", "threshold"].dropna()
    return float(found.iloc[0]) if len(found) else None


def _of_candidate_in_use(marts: Marts, pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs whose models are of the candidate in use."""
    models = marts["segment_models"].set_index("model_id")["candidate_id"]
    candidate = models.get(marts.model_id)
    of_candidate = pairs["origin_model_id"].map(models) == candidate
    return pairs[of_candidate & (pairs["model_id"].map(models) == candidate)]


def _dates(title: str) -> alt.X:
    return alt.X("evaluation_date:T", title=title, axis=alt.Axis(format="%b %Y", labelAngle=-40))


def agreement(marts: Marts) -> Figure | None:
    """Draw the agreement of the model with its refits."""
    pairs = _of_candidate_in_use(marts, marts["segment_stability"])
    pairs = pairs[pairs["weeks"] > 0]
    if pairs.empty:
        return None
    oldest = pairs.groupby("origin_model_id")["weeks"].max().idxmax()
    never = pairs[pairs["origin_model_id"] == oldest].assign(line="first model, never refitted")
    in_use = marts["maintenance_drift"]
    in_use = in_use[in_use["weeks"] > 0].assign(line="model in use, refitted when due")
    ageing_out = never.assign(
        line="first model, ageing taken out", adjusted_rand_index=never["structural_agreement"]
    )
    columns = ["evaluation_date", "weeks", "adjusted_rand_index", "noise_floor", "line"]
    rows = pd.concat([never[columns], ageing_out[columns], in_use[columns]])
    threshold = _threshold(marts)
    base = alt.Chart(rows).encode(
        x=_dates("Evaluation date"),
        color=alt.Color(
            "line:N",
            title=None,
            scale=alt.Scale(
                domain=[
                    "first model, never refitted",
                    "first model, ageing taken out",
                    "model in use, refitted when due",
                ],
                range=[PALETTE[1], PALETTE[2], PALETTE[0]],
            ),
            legend=alt.Legend(orient="bottom", columns=1, labelLimit=300),
        ),
        tooltip=[
            alt.Tooltip("line:N", title="Line"),
            alt.Tooltip("evaluation_date:T", title="Evaluation date"),
            alt.Tooltip("weeks:Q", title="Weeks since the fit"),
            alt.Tooltip("adjusted_rand_index:Q", title="Agreement", format=".3f"),
            alt.Tooltip("noise_floor:Q", title="Noise floor", format=".3f"),
        ],
    )
    band = (
        alt.Chart(never)
        .mark_area(color=NEUTRAL, opacity=0.25)
        .encode(x="evaluation_date:T", y=alt.Y("noise_floor:Q"), y2=alt.datum(1))
    )
    lines = base.mark_line(point={"filled": True, "size": 26}).encode(
        y=alt.Y(
            "adjusted_rand_index:Q",
            title="Adjusted Rand index (1 = the same segments)",
            scale=alt.Scale(domain=[min(0.0, float(rows["adjusted_rand_index"].min())), 1]),
        )
    )
    layers = [band, lines] + ([horizontal_line(threshold)] if threshold is not None else [])
    below = never[never["adjusted_rand_index"] < threshold] if threshold is not None else never[:0]
    if below.empty:
        title = (
            f"The first model has never fallen below the threshold in "
            f"{counted(never['weeks'].max(), 'week')}"
        )
    else:
        title = (
            f"Without a refit the first model falls below {number(threshold)} after "
            f"{counted(below['weeks'].min(), 'week')}; its agreement is now "
            f"{number(never.sort_values('weeks')['adjusted_rand_index'].iloc[-1])}"
        )
    shown = never.sort_values("weeks")
    table = pd.DataFrame(
        {
            "Weeks since the first fit": shown["weeks"].map(number),
            "Evaluation date": shown["evaluation_date"].map(day),
            "First model and refit": shown["adjusted_rand_index"].map(number),
            "Ageing taken out": shown["structural_agreement"].map(if_known(number)),
            "Noise floor": shown["noise_floor"].map(if_known(number)),
        }
    )
    return Figure(
        "agreement",
        title,
        [Panel(sized(alt.layer(*layers), 340))],
        table,
        "Each point holds an older model against a refit of the same customers. Dashed: what the "
        "contract asks for. In the grey band two fits of the same customers lie that differ by "
        "chance. Where ageing is taken out, the first model's centroids are held against the refit "
        "in the scaling of the day: what is left is change of the customers.",
    )


def all_pairs(marts: Marts) -> Figure | None:
    """Draw the agreement of each pair of models."""
    pairs = _of_candidate_in_use(marts, marts["segment_stability"])
    if pairs["origin_model_id"].nunique() < 2:
        return None
    fitted = marts["segment_models"].set_index("model_id")["fitted_as_of"]
    rows = pairs.assign(
        fitted=pairs["origin_model_id"].map(fitted).dt.strftime("%Y-%m-%d"),
        evaluated=pairs["evaluation_date"].dt.strftime("%Y-%m-%d"),
    )[["fitted", "evaluated", "weeks", "adjusted_rand_index"]]
    chart = (
        alt.Chart(rows)
        .mark_rect()
        .encode(
            x=alt.X(
                "evaluated:O",
                title="Evaluation date",
                axis=alt.Axis(labelOverlap=True, labelAngle=-40),
            ),
            y=alt.Y("fitted:O", title="Model fitted on", axis=alt.Axis(labelOverlap=True)),
            color=alt.Color(
                "adjusted_rand_index:Q",
                title="Agreement",
                scale=alt.Scale(scheme="viridis"),
                legend=alt.Legend(orient="bottom", gradientLength=140),
            ),
            tooltip=[
                alt.Tooltip("fitted:O", title="Fitted on"),
                alt.Tooltip("evaluated:O", title="Evaluated on"),
                alt.Tooltip("weeks:Q", title="Weeks between"),
                alt.Tooltip("adjusted_rand_index:Q", title="Agreement", format=".3f"),
            ],
        )
    )
    by_weeks = rows[rows["weeks"] > 0].groupby("weeks")["adjusted_rand_index"]
    by_weeks = by_weeks.agg(["mean", "min", "max", "size"]).reset_index()
    told = by_weeks[by_weeks["size"] >= min(3, int(by_weeks["size"].max()))]
    last = told.iloc[-1]
    table = pd.DataFrame(
        {
            "Weeks between": by_weeks["weeks"].map(number),
            "Pairs": by_weeks["size"].map(integer),
            "Mean agreement": by_weeks["mean"].map(number),
            "Lowest": by_weeks["min"].map(number),
            "Highest": by_weeks["max"].map(number),
        }
    )
    return Figure(
        "all-pairs",
        f"What counts is the age of a model: {counted(last['weeks'], 'week')} after the fit the "
        f"agreement lies between {number(last['min'])} and {number(last['max'])}",
        [Panel(sized(chart, 420))],
        table,
        "Every model against every later refit, on the customers known at the evaluation date.",
    )


def segment_agreement(marts: Marts) -> Figure | None:
    """Draw the Jaccard index of each segment."""
    rows = _of_candidate_in_use(marts, marts["segment_stability_by_segment"])
    rows = rows[(rows["weeks"] > 0) & rows["segment_id"].notna() & rows["jaccard"].notna()]
    current = marts.profiles[["segment_id", "segment_name"]]
    rows = rows.drop(columns="segment_name").merge(current, on="segment_id")
    if rows.empty:
        return None
    oldest = rows.groupby("origin_model_id")["weeks"].max().idxmax()
    of_first = rows[rows["origin_model_id"] == oldest]
    chart = by_segment(
        sized(
            alt.Chart(of_first)
            .mark_line(point={"filled": True, "size": 26})
            .encode(
                x=alt.X("weeks:Q", title="Weeks since the fit"),
                y=alt.Y(
                    "jaccard:Q",
                    title="Jaccard index with the segment of a refit",
                    scale=alt.Scale(domain=[0, 1]),
                ),
                color=segment_colour(marts),
                tooltip=[
                    alt.Tooltip("segment_name:N", title="Segment"),
                    alt.Tooltip("weeks:Q", title="Weeks"),
                    alt.Tooltip("jaccard:Q", title="Jaccard index", format=".2f"),
                    alt.Tooltip("share_then:Q", title="Share at the fit", format=".1%"),
                    alt.Tooltip("share_now:Q", title="Share then", format=".1%"),
                ],
            )
        )
    )
    last = of_first[of_first["weeks"] == of_first["weeks"].max()].set_index("segment_name")
    worst, best = last["jaccard"].idxmin(), last["jaccard"].idxmax()
    title = f"{worst} blur first: after {counted(last['weeks'].iloc[0], 'week')} without a refit "
    title += f"{share(last['jaccard'][worst])} of them are still the same"
    if best != worst:
        title += f", of {best} {share(last['jaccard'][best])}"
    table = pd.DataFrame(
        {
            "Segment": last.index,
            "Jaccard index at the last evaluation": last["jaccard"].map(number),
            "Share at the fit": last["share_then"].map(if_known(share)),
            "Share at the last evaluation": last["share_now"].map(if_known(share)),
        }
    )
    return Figure(
        "segment-agreement",
        title,
        [Panel(chart)],
        table,
        "The first model, never refitted: customers whom both it and a refit put into the segment, "
        "over customers whom either does. A small segment cannot be lost unseen.",
        has_segments=True,
    )


def survival(marts: Marts) -> Figure | None:
    """Draw how long models last."""
    rows = marts["maintenance_survival"]
    rows = rows[rows["season"] == "all"]
    if rows.empty:
        return None
    schedule = _in_use(marts)
    base = alt.Chart(rows).encode(
        x=alt.X("weeks:Q", title="Weeks since the fit"),
        tooltip=[
            alt.Tooltip("weeks:Q", title="Weeks"),
            alt.Tooltip("survival:Q", title="Models that keep the contract", format=".1%"),
            alt.Tooltip("at_risk:Q", title="Models watched"),
        ],
    )
    line = base.mark_line(color=PALETTE[0], interpolate="step-after", strokeWidth=2.5).encode(
        y=alt.Y(
            "survival:Q",
            title="Models that keep the contract (%)",
            axis=alt.Axis(format="%"),
            scale=alt.Scale(domain=[0, 1]),
        )
    )
    if schedule is not None and pd.notna(schedule.median_weeks_until_breach):
        title = (
            f"Half of {counted(schedule.origins, 'model')} break the contract within "
            f"{counted(schedule.median_weeks_until_breach, 'week')}"
        )
    else:
        title = (
            f"{share(rows.sort_values('weeks')['survival'].iloc[-1])} of the models keep the "
            f"contract for {counted(rows['weeks'].max(), 'week')}"
        )
    table = pd.DataFrame(
        {
            "Weeks": rows["weeks"].map(number),
            "Models watched": rows["at_risk"].map(integer),
            "Broke the contract": rows["breached"].map(integer),
            "Keep it": rows["survival"].map(share),
        }
    )
    return Figure(
        "survival",
        title,
        [Panel(sized(line, 300))],
        table,
        "Kaplan-Meier curve over all start dates so far. It describes them, and promises nothing "
        "of later ones.",
    )


def intervals(marts: Marts) -> Figure | None:
    """Draw what intervals found at past dates were worth."""
    rows = marts["maintenance_backtest"]
    rows = rows[(rows["subject"] == "champion") & (rows["later_starts"] > 0)]
    schedule = _in_use(marts)
    if rows.empty or schedule is None:
        return None
    chart = (
        alt.Chart(rows)
        .mark_line(color=PALETTE[0], point=True, strokeWidth=2.5)
        .encode(
            x=_dates("Found at"),
            y=alt.Y(
                "later_kept_share:Q",
                title="Later models that kept the interval (%)",
                axis=alt.Axis(format="%"),
                scale=alt.Scale(domain=[0, 1]),
            ),
            tooltip=[
                alt.Tooltip("evaluation_date:T", title="Found at"),
                alt.Tooltip("interval_weeks:Q", title="Weeks"),
                alt.Tooltip("later_starts:Q", title="Later models"),
                alt.Tooltip("later_kept_share:Q", title="Kept it", format=".0%"),
            ],
        )
    )
    table = pd.DataFrame(
        {
            "Found at": rows["evaluation_date"].map(day),
            "Interval (weeks)": rows["interval_weeks"].map(integer),
            "Later models": rows["later_starts"].map(integer),
            "Kept it": rows["later_kept_share"].map(share),
        }
    )
    return Figure(
        "intervals",
        f"Intervals found at {counted(len(rows), 'past date')} were kept by "
        f"{share(rows['later_kept_share'].mean())} of later models; "
        f"{share(schedule.probability)} were promised",
        [Panel(sized(chart + horizontal_line(float(schedule.probability)), 300))],
        table,
        "At each date, the longest interval that enough of the models known then had kept. Dashed: "
        "the share that an interval must keep to be recommended.",
    )


# A cause that is no feature, as a reader calls it.
_CAUSES = {
    "dependence": "How features go together",
    "turnover": "Those who came and left",
    "stayers": "Those who stayed",
}


def causes(marts: Marts) -> Figure | None:
    """Draw what each cause takes from the agreement."""
    rows = marts["maintenance_causes"]
    rows = rows[rows["weeks"] > 0]
    if rows.empty:
        return None
    rows = rows.assign(label=rows["feature"].map(lambda f: _CAUSES.get(f) or feature_name(f)))
    features = rows[rows["population_stability_index"].notna()]
    shift = sized(
        alt.Chart(features)
        .mark_line(point={"filled": True, "size": 20})
        .encode(
            x=_dates("Evaluation date"),
            y=alt.Y("population_stability_index:Q", title="Population stability index"),
            color=_feature_colour(marts),
            tooltip=[
                alt.Tooltip("label:N", title="Feature"),
                alt.Tooltip("evaluation_date:T", title="Evaluation date"),
                alt.Tooltip("weeks:Q", title="Weeks since the fit"),
                alt.Tooltip("population_stability_index:Q", title="Stability index", format=".3f"),
            ],
        ),
        300,
    )
    panels = [Panel(shift, "How far the distribution of a feature has moved since the fit")]
    moved = features.groupby("label")["population_stability_index"].max()
    title = (
        f"{moved.idxmax()} moves most: its stability index reaches {number(moved.max())} before a "
        "refit"
    )
    table = pd.DataFrame({"Cause": moved.index, "Highest stability index": moved.map(number)})
    measured = rows[rows["is_attributable"].notna()]
    for kinds, heading in (
        (["ageing", "feature", "dependence"], "What each cause takes from the agreement"),
        (["composition"], "The same loss, by who came, left and stayed"),
    ):
        of_kinds = measured[measured["kind"].isin(kinds)]
        if not of_kinds.empty:
            panels.append(Panel(_shares(of_kinds), heading))
    if not measured.empty:
        title, table = _leading_cause(measured, moved)
    return Figure(
        "causes",
        title,
        panels,
        table.reset_index(drop=True),
        "Measured for the model in use at each evaluation; what a cause takes is measured where a "
        "clause is close to its limit or broken. Recency grows with the calendar; other "
        "features are compared among customers of the same recency. A cause is attributable where "
        "nine of ten resamples of the customers leave it clearly above nothing. Lines reach from "
        "the lowest 5th to the highest 95th percentile.",
    )


def _shares(rows: pd.DataFrame) -> alt.LayerChart:
    """Mean share of each cause over the evaluations, and how far its intervals reach."""
    bars = rows.groupby("label", as_index=False).agg(
        given_back=("agreement_given_back", "mean"),
        low=("agreement_given_back_low", "min"),
        high=("agreement_given_back_high", "max"),
    )
    base = alt.Chart(bars).encode(y=alt.Y("label:N", title=None, sort="-x"))
    mean = base.mark_bar(color=PALETTE[0]).encode(
        x=alt.X("given_back:Q", title="Agreement taken (adjusted Rand index)"),
        tooltip=[
            alt.Tooltip("label:N", title="Cause"),
            alt.Tooltip("given_back:Q", title="Taken, mean", format=".3f"),
            alt.Tooltip("low:Q", title="Lowest", format=".3f"),
            alt.Tooltip("high:Q", title="Highest", format=".3f"),
        ],
    )
    reach = base.mark_rule(color=NEUTRAL).encode(x="low:Q", x2="high:Q")
    return sized(mean + reach, 300)


def _leading_cause(measured: pd.DataFrame, moved: pd.Series) -> tuple[str, pd.DataFrame]:
    """Say which cause takes most where; the table has every figure of the sentence."""
    evaluations = len(measured[["evaluation_date", "origin_model_id"]].drop_duplicates())
    first = measured[measured["place"] == 1].groupby("label")["agreement_given_back"]
    labels = list(dict.fromkeys(measured["label"]))
    attributable = measured[measured["is_attributable"].astype(bool)].groupby("label").size()
    table = pd.DataFrame(
        {
            "Cause": labels,
            "Highest stability index": [
                if_known(number)(moved.get(label, float("nan"))) for label in labels
            ],
            "Measured at": integer(evaluations),
            "Attributable at": [integer(attributable.get(label, 0)) for label in labels],
            "Takes most at": [integer(first.size().get(label, 0)) for label in labels],
            "Takes there, mean": [
                if_known(number)(first.mean().get(label, float("nan"))) for label in labels
            ],
        }
    )
    where = f"{counted(evaluations, 'evaluation')} close to the limit or beyond it"
    if first.size().empty:
        return f"At {where} no cause stands out from noise", table
    leading = first.size().idxmax()
    title = (
        f"{leading} takes most of the agreement at {integer(first.size()[leading])} of {where}: "
        f"{number(first.mean()[leading])} on average"
    )
    return title, table


def _feature_colour(marts: Marts) -> alt.Color:
    names = [feature_name(f) for f in marts.features]
    return alt.Color(
        "label:N",
        title=None,
        scale=alt.Scale(domain=names, range=[PALETTE[i % len(PALETTE)] for i in range(len(names))]),
        legend=alt.Legend(orient="bottom", columns=2),
    )


def waiting(marts: Marts) -> Figure | None:
    """Draw what waiting costs."""
    rows = marts["maintenance_waiting"]
    if len(rows) < 2:
        return None
    long = rows.melt(
        id_vars=["weeks", "start_dates"],
        value_vars=["mean_misplaced_share", "mean_misplaced_revenue_share"],
        var_name="of",
        value_name="value",
    ).assign(
        of=lambda found: found["of"].map(
            {"mean_misplaced_share": "customers", "mean_misplaced_revenue_share": "revenue"}
        )
    )
    chart = sized(
        alt.Chart(long)
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X("weeks:Q", title="Weeks between refits"),
            y=alt.Y("value:Q", title="In another segment (%)", axis=alt.Axis(format="%")),
            color=alt.Color(
                "of:N",
                title="Share of all",
                scale=alt.Scale(domain=["customers", "revenue"], range=[PALETTE[0], PALETTE[1]]),
                legend=alt.Legend(orient="bottom"),
            ),
            tooltip=[
                alt.Tooltip("weeks:Q", title="Weeks"),
                alt.Tooltip("of:N", title="Share of"),
                alt.Tooltip("value:Q", title="In another segment", format=".1%"),
            ],
        ),
        300,
    )
    schedule = _in_use(marts)
    shown = rows.iloc[-1]
    if schedule is not None and pd.notna(schedule.recommended_interval_weeks):
        at = rows[rows["weeks"] <= schedule.recommended_interval_weeks]
        shown = at.iloc[-1] if len(at) else rows.iloc[0]
    title = (
        f"With a refit every {counted(shown.weeks, 'week')}, {share(shown.mean_misplaced_share)} "
        f"of the customers, with {share(shown.mean_misplaced_revenue_share)} of the revenue, wait "
        "in another segment than a refit would give"
    )
    table = pd.DataFrame(
        {
            "Weeks between refits": rows["weeks"].map(number),
            "Customers in another segment": rows["mean_misplaced_share"].map(if_known(share)),
            "Revenue in another segment": rows["mean_misplaced_revenue_share"].map(if_known(share)),
            "Customers relabelled a year": rows["relabelled_share_a_year"].map(if_known(share)),
        }
    )
    return Figure(
        "waiting", title, [Panel(chart)], table, "On average over the time between refits."
    )


def policies(marts: Marts) -> Figure | None:
    """Draw what each refit policy costs."""
    rows = marts["maintenance_schedule"]
    if rows.empty:
        return None
    rows = rows.assign(label=rows["policy"].map(lambda policy: policy.replace("_", " ")))
    base = alt.Chart(rows).encode(
        x=alt.X(
            "refits:Q", title="Refits on this history", axis=alt.Axis(tickMinStep=1, format="d")
        ),
        y=alt.Y(
            "mean_adjusted_rand_index:Q",
            title="Mean agreement with the refit of the week",
            scale=alt.Scale(zero=False),
        ),
        tooltip=[
            alt.Tooltip("label:N", title="Policy"),
            alt.Tooltip("refits:Q", title="Refits"),
            alt.Tooltip("mean_adjusted_rand_index:Q", title="Mean agreement", format=".2f"),
            alt.Tooltip("evaluations_below_threshold:Q", title="Evaluations below the threshold"),
        ],
    )
    points = base.mark_point(filled=True, size=90).encode(
        color=alt.condition("datum.is_in_use", alt.value(ACCENT), alt.value(PALETTE[0]))
    )
    labels = base.mark_text(align="left", dx=8, dy=-6, color=NEUTRAL).encode(text="label:N")
    in_use = _in_use(marts)
    title = "What each refit policy would have cost and gained"
    if in_use is not None and pd.notna(in_use.mean_adjusted_rand_index):
        title = (
            f"The policy in use, {in_use.policy.replace('_', ' ')}, takes "
            f"{counted(in_use.refits, 'refit')} in {counted(in_use.evaluations, 'evaluation')} and "
            f"keeps a mean agreement of {number(in_use.mean_adjusted_rand_index)}"
        )
    table = pd.DataFrame(
        {
            "Policy": rows["label"],
            "Refits": rows["refits"].map(integer),
            "Mean agreement": rows["mean_adjusted_rand_index"].map(if_known(number)),
            "Evaluations below the threshold": rows["evaluations_below_threshold"].map(
                if_known(integer)
            ),
            "Customers misplaced": rows["misplaced_share"].map(if_known(share)),
            "Customers relabelled by refits": rows["relabelled_customers"].map(if_known(integer)),
        }
    )
    return Figure(
        "policies",
        title,
        [Panel(sized(points + labels, 300))],
        table,
        "The policy in use is orange.",
    )


def migration(marts: Marts) -> Figure | None:
    """Draw migration apart from relabelling."""
    rows = marts["maintenance_migration"]
    rows = rows[rows["migrated_share"].notna()]
    if rows.empty:
        return None
    long = rows.melt(
        id_vars=["evaluation_date"],
        value_vars=["migrated_customers", "relabelled_customers"],
        var_name="cause",
        value_name="customers",
    ).assign(
        cause=lambda found: found["cause"].map(
            {
                "migrated_customers": "the customer changed",
                "relabelled_customers": "the model changed",
            }
        )
    )
    chart = sized(
        alt.Chart(long)
        .mark_bar()
        .encode(
            x=_dates("Evaluation date"),
            y=alt.Y(
                "customers:Q", title="Customers who changed segment", axis=alt.Axis(format="~s")
            ),
            color=alt.Color(
                "cause:N",
                title=None,
                scale=alt.Scale(
                    domain=["the customer changed", "the model changed"],
                    range=[PALETTE[0], PALETTE[1]],
                ),
                legend=alt.Legend(orient="bottom"),
            ),
            tooltip=[
                alt.Tooltip("evaluation_date:T", title="Evaluation date"),
                alt.Tooltip("cause:N", title="Because"),
                alt.Tooltip("customers:Q", title="Customers", format=","),
            ],
        ),
        280,
    )
    table = pd.DataFrame(
        {
            "Evaluation date": rows["evaluation_date"].map(day),
            "The customer changed": rows["migrated_customers"].map(integer),
            "The model changed": rows["relabelled_customers"].fillna(0).map(integer),
            "New customers": rows["new_customers"].map(integer),
        }
    )
    return Figure(
        "migration",
        f"At an evaluation {share(rows['migrated_share'].mean())} of the customers have changed "
        "segment under one model",
        [Panel(chart)],
        table,
        "Migration under one model and relabelling by a new one are two things and counted apart.",
    )


def options(marts: Marts) -> Figure | None:
    """Draw how long the contract would last under each option."""
    curves, told = marts["maintenance_option_curves"], marts["maintenance_options"]
    if curves.empty or told.empty:
        return None
    chart = sized(
        alt.Chart(curves)
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X("weeks:Q", title="Weeks since the fit"),
            y=alt.Y("mean_adjusted_rand_index:Q", title="Mean agreement with a refit"),
            color=alt.Color(
                "option:N",
                title=None,
                scale=alt.Scale(range=PALETTE),
                legend=alt.Legend(orient="bottom", columns=2),
            ),
            tooltip=[
                alt.Tooltip("option:N", title="Option"),
                alt.Tooltip("weeks:Q", title="Weeks"),
                alt.Tooltip("mean_adjusted_rand_index:Q", title="Agreement", format=".2f"),
            ],
        ),
        320,
    )
    threshold = _threshold(marts)
    layered = chart if threshold is None else sized(chart + horizontal_line(threshold), 320)
    ends = curves.sort_values("weeks").groupby("option").last()
    longest = ends["mean_adjusted_rand_index"].idxmax()
    table = pd.DataFrame(
        {
            "Option": told["option"],
            "Recommended interval (weeks)": told["recommended_interval_weeks"].map(
                if_known(integer)
            ),
            "What it means": told["sentence"].fillna(""),
        }
    )
    return Figure(
        "options",
        f"Of the options compared, {longest} keeps most agreement: "
        f"{number(ends.loc[longest, 'mean_adjusted_rand_index'])} after "
        f"{counted(ends.loc[longest, 'weeks'], 'week')}",
        [Panel(layered)],
        table,
        "What another definition of recency or another window would do to the contract.",
    )
