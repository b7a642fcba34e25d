"""How long the model may be trusted: the contract, its verdict, and what it rests on."""

from collections.abc import Callable
from dataclasses import replace
from itertools import cycle

import altair as alt
import pandas as pd

from reporting import maintenance_titles as titles
from reporting.exploration_page import spaced
from reporting.figures import (
    ACCENT,
    NEUTRAL,
    SEQUENTIAL,
    Figure,
    Panel,
    Section,
    Steps,
    coloured,
    colours_of_segments,
    horizontal_line,
    segment_colour,
    sized,
    whole,
)
from reporting.marts import PALETTE, Marts, feature_name
from reporting.text import counted, day, if_known, integer, money, number, share

STATUSES = {
    "ok": "Kept",
    "warn": "Close to its limit",
    "breach": "Broken",
    "not assessable": "Not assessable",
}
# The colours of an agreement.
AGREEMENTS = Steps([0.5, 0.6, 0.7, 0.8, 0.9], SEQUENTIAL, number)
# The horizon of the forecasts that are drawn, in days.
FORECAST_DAYS = 90
# What a letter takes of the width, in pixels.
LABEL = 7
# Lines through a time without orders.
HATCHES = 16
# Clauses that compare with earlier months.
_ON_HISTORY = ["data", "outcome", "newcomers", "recipe", "value"]


def sections(marts: Marts) -> list[Section]:
    """Write the sections of the page: what a marketer asks, and folded what it rests on."""
    chart = agreement(marts)
    opening = Section(headline(marts), verdict(marts), [chart] if chart else [])
    groups = [
        Section("Every clause", tables=[("The contract, clause by clause", _clauses(marts))]),
        Section(
            "How long a model lasts",
            figures=_drawn(all_pairs(marts), segment_agreement(marts), survival(marts)),
        ),
        Section(
            "Refit policies, and forecasts tried on the past",
            _schedule(marts),
            _drawn(policies(marts), intervals(marts)),
            [("Forecasts tried so far", _forecasts(marts))],
        ),
        Section("What changed", figures=_drawn(causes(marts))),
        Section(
            "Customers who wait, and who move", figures=_drawn(waiting(marts), migration(marts))
        ),
        Section(
            "Newcomers and recipe",
            tables=[_of_newest(marts["maintenance_population_checks"], _population_checks)],
        ),
        Section("Data", tables=[_of_newest(marts["maintenance_data_checks"], _data_checks)]),
        Section("What was expected of customers, and what came", figures=_drawn(forecasts(marts))),
        Section("Options for a longer contract", figures=_drawn(options(marts))),
    ]
    shown = [group for group in groups if group.figures or any(len(t) for _, t in group.tables)]
    return [opening, *(replace(group, is_folded=True) for group in shown)]


def _drawn(*figures: Figure | None) -> list[Figure]:
    return [figure for figure in figures if figure is not None]


def _schedule(marts: Marts) -> list[str]:
    """Tell interval and forecast, unless the model in use has no contract that they could hold."""
    contract = marts["maintenance_contract"].set_index("clause")
    schedule = _in_use(marts)
    if schedule is None or contract["status"]["agreement"] == "not assessable":
        return []
    return [schedule.sentence]


def clauses(marts: Marts) -> pd.DataFrame:
    """One row a clause, with the name of its segment and its status in words."""
    found = marts["maintenance_contract"].copy()
    names = found["segment_id"].map(lambda i: None if pd.isna(i) else marts.name_of(int(i)))
    found["segment_name"] = names
    found["label"] = found["status"].map(STATUSES).fillna(found["status"])
    return found


def _clauses(marts: Marts) -> pd.DataFrame:
    found = clauses(marts)
    return pd.DataFrame(
        {
            "Clause": found["segment_name"].fillna(found["clause"]),
            "Status": found["label"],
            "What is found": found["sentence"],
        }
    )


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
    return titles.headline(clauses(marts), status(marts), has_stopped=marts.has_stopped)


def verdict(marts: Marts) -> list[str]:
    """Say whether a refit is due, what waiting costs, and when to look again."""
    contract = clauses(marts)
    return [
        *([marts.alarm_of_feed] if marts.alarm_of_feed else []),
        titles.is_due(contract),
        titles.price_of_waiting(
            marts["maintenance_waiting"], marts["maintenance_outcomes"], contract
        ),
        titles.look_again(contract, _in_use(marts), has_stopped=marts.has_stopped),
    ]


def _in_use(marts: Marts) -> pd.Series | None:
    schedule = marts["maintenance_schedule"]
    schedule = schedule[schedule["is_in_use"]]
    return schedule.iloc[0] if len(schedule) else None


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
    return alt.X(
        "evaluation_date:T",
        title=title,
        axis=alt.Axis(format="%b %Y", labelAngle=-40, tickCount="month"),
    )


# What ended a champion period, as a label has room for.
_ENDS = {
    "agreement": "agreement fell",
    "misplaced revenue": "revenue misplaced",
    "not assessable": "too unstable",
    "candidate changed": "another candidate",
}


def evaluations(marts: Marts) -> pd.DataFrame:
    """One row an evaluation of the model in use, with both agreements and its noise floor."""
    pairs = marts["segment_stability"]
    pairs = pairs[["origin_model_id", "model_id", "structural_agreement"]]
    rows = marts["maintenance_drift"]
    rows = rows[rows["weeks"] > 0].merge(pairs, on=["origin_model_id", "model_id"])
    rows["is_live"] = rows["evaluation_date"].map(_is_live(marts))
    return rows.sort_values("evaluation_date")


def _is_live(marts: Marts) -> pd.Series:
    """Whether orders came as usual, by evaluation date."""
    dates = marts["segment_model_decisions"].groupby("evaluation_date")
    return dates["is_live"].first().astype(bool)


def agreement(marts: Marts) -> Figure | None:
    """Draw the agreement of the model in use with each refit."""
    rows = evaluations(marts)
    if rows.empty:
        return None
    threshold = _threshold(marts)
    periods = _periods(marts)
    lines = {
        "agreement with a refit": ("adjusted_rand_index", PALETTE[0]),
        "ageing taken out": ("structural_agreement", PALETTE[2]),
        "noise floor of the date": ("noise_floor", NEUTRAL),
    }
    colours = {line: colour for line, (_, colour) in lines.items()}
    long = pd.concat(
        [
            rows[["evaluation_date", "origin_model_id", "weeks"]].assign(
                line=line, value=rows[column]
            )
            for line, (column, _) in lines.items()
        ]
    ).dropna(subset=["value"])
    lowest = min(0.0, float(long["value"].min()))
    drawn = (
        alt.Chart(long)
        .mark_line(point={"filled": True, "size": 26})
        .encode(
            x=_dates("Evaluation date"),
            y=alt.Y(
                "value:Q",
                title="Adjusted Rand index (1 = the same segments)",
                scale=alt.Scale(domain=[lowest, 1]),
            ),
            detail="origin_model_id:N",
            color=coloured("line", colours),
            tooltip=[
                alt.Tooltip("line:N", title="Line"),
                alt.Tooltip("evaluation_date:T", title="Evaluation date"),
                alt.Tooltip("weeks:Q", title="Weeks since the fit"),
                alt.Tooltip("value:Q", title="Value", format=".3f"),
            ],
        )
    )
    layers = [_bands(periods), *_without_orders(rows), drawn]
    if threshold is not None:
        layers.append(horizontal_line(threshold))
    layers.append(_labels(periods, lowest))
    ends = periods.dropna(subset=["champion_to"]).set_index("champion_to")["end"]
    table = pd.DataFrame(
        {
            "Evaluation date": rows["evaluation_date"].map(day),
            "Weeks since the fit": rows["weeks"].map(number),
            "Agreement with a refit": rows["adjusted_rand_index"].map(if_known(number)),
            "Ageing taken out": rows["structural_agreement"].map(if_known(number)),
            "Noise floor": rows["noise_floor"].map(if_known(number)),
            "Orders as usual": rows["is_live"].map({True: "yes", False: "no"}),
            "Model replaced": rows["evaluation_date"]
            .map(ends.to_dict())
            .astype(object)
            .fillna("-"),
        }
    )
    return Figure(
        "agreement",
        titles.agreement(rows, threshold),
        [Panel(sized(alt.layer(*layers), 340))],
        table,
        "Each point compares the segments in use with those of a refit of the same customers. "
        "Dashed: what the contract asks for. Grey: the noise floor of the date; above it, a "
        "difference may be chance. Green: the same with ageing taken out, as if no time had "
        "passed; what it lacks to 1 is change of the customers, or chance. Blue bands are the "
        "times of one model, with what ended it."
        + (
            " Hatched times have far fewer orders than usual, and what is measured there breaks no "
            "clause."
            if not rows["is_live"].all()
            else ""
        ),
        legend=colours,
    )


def _periods(marts: Marts) -> pd.DataFrame:
    """One row a champion period, with the dates of its band and what ended it, in words."""
    periods = marts["champion_periods"].copy()
    newest = marts["segment_model_decisions"]["evaluation_date"].max()
    periods["until"] = periods["champion_to"].fillna(newest)
    periods["end"] = [
        "in use" if pd.isna(to) else _end(marts, ended_by)
        for to, ended_by in zip(periods["champion_to"], periods["ended_by"], strict=True)
    ]
    return periods


def _end(marts: Marts, ended_by: str) -> str:
    """`segment 2` by its name, anything else as a reader calls it."""
    kind, _, number_of_segment = str(ended_by).partition(" ")
    if kind == "segment" and number_of_segment.isdigit():
        return f"{marts.name_of(int(number_of_segment))} moved"
    return _ENDS.get(ended_by, str(ended_by).replace("_", " "))


def _bands(periods: pd.DataFrame) -> alt.Chart:
    rows = periods[["champion_period", "champion_from", "until", "end"]].assign(
        is_odd=periods["champion_period"] % 2 == 1
    )
    return (
        alt.Chart(rows)
        .mark_rect(color=PALETTE[0])
        .encode(
            x=alt.X("champion_from:T", title="Evaluation date"),
            x2="until:T",
            opacity=alt.condition("datum.is_odd", alt.value(0.14), alt.value(0.05)),
            tooltip=[
                alt.Tooltip("champion_from:T", title="In use from"),
                alt.Tooltip("until:T", title="To"),
                alt.Tooltip("end:N", title="Ended by"),
            ],
        )
    )


def _without_orders(rows: pd.DataFrame) -> list[alt.Chart]:
    """Shade the time before each evaluation with far fewer orders than usual."""
    before = rows["evaluation_date"].shift().fillna(rows["evaluation_date"])
    shaded = rows[["evaluation_date"]].assign(begins=before)[~rows["is_live"]]
    if shaded.empty:
        return []
    # Vega has no hatching: lines that climb through the time, a step of the axis each.
    steps = [i / HATCHES for i in range(HATCHES)]
    lines = shaded.merge(pd.DataFrame({"low": steps}), how="cross")
    lines["high"] = lines["low"] + 1 / HATCHES
    x = alt.X("begins:T", title="Evaluation date")
    tooltip = [alt.Tooltip("evaluation_date:T", title="Far fewer orders than usual by")]
    ground = alt.Chart(shaded).mark_rect(color=NEUTRAL, opacity=0.12)
    hatches = alt.Chart(lines).mark_rule(color=NEUTRAL, strokeWidth=1.2)
    return [
        ground.encode(x=x, x2="evaluation_date:T", tooltip=tooltip),
        hatches.encode(x=x, x2="evaluation_date:T", y=alt.Y("low:Q"), y2="high:Q"),
    ]


def _labels(periods: pd.DataFrame, lowest: float) -> alt.Chart:
    """Name what ended each period, where its band has room for it."""
    length = periods["until"] - periods["champion_from"]
    rows = periods[["until", "end"]].assign(
        lowest=lowest, part=length / (periods["until"].max() - periods["champion_from"].min())
    )
    has_room = f"datum.part * width > {LABEL} * length(datum.end)"
    return (
        alt.Chart(rows)
        .mark_text(align="right", baseline="bottom", dx=-4, dy=-4, fontSize=11)
        .encode(
            x=alt.X("until:T", title="Evaluation date"),
            y=alt.Y("lowest:Q"),
            text="end:N",
            fillOpacity=alt.condition(has_room, alt.value(1), alt.value(0)),
        )
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
    rows["step"] = AGREEMENTS.of(rows["adjusted_rand_index"])
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
            color=AGREEMENTS.colour(),
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
        titles.ages(by_weeks),
        [Panel(sized(chart, 420))],
        table,
        "Colours are the adjusted Rand index of every model against every later refit, on the "
        "customers known at the evaluation date.",
        legend=AGREEMENTS.legend,
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
    pairs = marts["segment_stability"][["origin_model_id", "model_id", "customers"]]
    of_first = rows[rows["origin_model_id"] == oldest].merge(
        pairs, on=["origin_model_id", "model_id"]
    )
    of_first["customers"] *= of_first[["share_now", "share_now_refitted"]].max(axis=1)
    chart = sized(
        alt.Chart(of_first)
        .mark_line(point={"filled": True, "size": 26})
        .encode(
            x=alt.X("weeks:Q", **whole("Weeks since the fit")),
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
    live = of_first[of_first["evaluation_date"].map(_is_live(marts))]
    if live.empty:
        return None
    last = live[live["weeks"] == live["weeks"].max()]
    table = pd.DataFrame(
        {
            "Segment": last["segment_name"],
            "In both, of those in either": last["jaccard"].map(share),
            "Customers, in the larger": last["customers"].map(integer),
            "Share at the fit": last["share_then"].map(if_known(share)),
            "Share at the last evaluation": last["share_now"].map(if_known(share)),
        }
    )
    return Figure(
        "segment-agreement",
        titles.segments(last),
        [Panel(chart)],
        table,
        "The first model, never refitted. The Jaccard index: of the customers whom it or a refit "
        "puts into the segment, the share whom both do.",
        legend=colours_of_segments(marts),
    )


def survival(marts: Marts) -> Figure | None:
    """Draw how long models last."""
    rows = marts["maintenance_survival"]
    rows = rows[rows["season"] == "all"]
    if rows.empty:
        return None
    schedule = _in_use(marts)
    base = alt.Chart(rows).encode(
        x=alt.X("weeks:Q", **whole("Weeks since the fit")),
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
        titles.lasting(rows, schedule),
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
        titles.intervals(rows, float(schedule.probability)),
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
            color=coloured("label", _colours_of_features(marts)),
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
    title = titles.shift(moved)
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
        legend=_colours_of_features(marts),
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
        x=alt.X("given_back:Q", title="Agreement taken"),
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


def _colours_of_features(marts: Marts) -> dict[str, str]:
    return dict(zip(map(feature_name, marts.features), cycle(PALETTE), strict=False))


def waiting(marts: Marts) -> Figure | None:
    """Draw what waiting costs."""
    rows = marts["maintenance_waiting"]
    if len(rows) < 2:
        return None
    colours = {"customers": PALETTE[0], "revenue": PALETTE[1]}
    long = rows.melt(
        id_vars=["weeks", "start_dates"],
        value_vars=["misplaced_share", "misplaced_revenue_share"],
        var_name="of",
        value_name="value",
    ).assign(
        of=lambda found: found["of"].map(
            {"misplaced_share": "customers", "misplaced_revenue_share": "revenue"}
        )
    )
    chart = sized(
        alt.Chart(long)
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X("weeks:Q", **whole("Weeks without a refit")),
            y=alt.Y("value:Q", title="In another segment (%)", axis=alt.Axis(format="%")),
            color=coloured("of", colours),
            tooltip=[
                alt.Tooltip("weeks:Q", title="Weeks"),
                alt.Tooltip("of:N", title="Share of"),
                alt.Tooltip("value:Q", title="In another segment", format=".1%"),
            ],
        ),
        300,
    )
    title = titles.misplaced(rows, float(rows["weeks"].max()))
    table = pd.DataFrame(
        {
            "Weeks between refits": rows["weeks"].map(number),
            "Models followed": rows["start_dates"].map(integer),
            "Customers in another segment, at the end": rows["misplaced_share"].map(
                if_known(share)
            ),
            "Revenue in another segment, at the end": rows["misplaced_revenue_share"].map(
                if_known(share)
            ),
            "Customers, over the time": rows["mean_misplaced_share"].map(if_known(share)),
            "Customers relabelled a year": rows["relabelled_share_a_year"].map(if_known(share)),
        }
    )
    return Figure(
        "waiting",
        title,
        [Panel(chart)],
        table,
        "Who is in another segment than a refit would give when so many weeks have passed, on "
        "average over all models followed for so long.",
        legend=colours,
    )


def policies(marts: Marts) -> Figure | None:
    """Draw what each refit policy costs."""
    rows = marts["maintenance_schedule"]
    if rows.empty:
        return None
    rows = rows.assign(label=rows["policy"].map(lambda policy: policy.replace("_", " ")))
    base = alt.Chart(rows).encode(
        x=alt.X("refits:Q", **whole("Refits on this history")),
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
    labels = base.mark_text(align="left", dx=8, dy=-6).encode(text="label:N")
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
    colours = {"the customer changed": PALETTE[0], "the model changed": PALETTE[1]}
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
            y=alt.Y("customers:Q", **whole("Customers who changed segment")),
            color=coloured("cause", colours),
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
        titles.migration(rows),
        [Panel(chart)],
        table,
        "Migration under one model and relabelling by a new one are two things and counted apart.",
        legend=colours,
    )


def forecasts(marts: Marts) -> Figure | None:
    """Draw the orders that `customer_value` expected at each date, and those that came."""
    rows = marts["value_forecasts"]
    rows = rows[(rows["segment_id"] == 0) & (rows["horizon_days"] == FORECAST_DAYS)]
    if rows.empty:
        return None
    colours = {"expected": NEUTRAL, "came": PALETTE[0]}
    long = rows.rename(columns={"expected_orders": "expected", "orders": "came"}).melt(
        id_vars=["evaluation_date"], value_vars=list(colours), var_name="what", value_name="orders"
    )
    chart = (
        alt.Chart(long)
        .mark_line(point={"filled": True, "size": 26})
        .encode(
            x=_dates("Evaluation date"),
            y=alt.Y("orders:Q", **whole(f"Orders in the {FORECAST_DAYS} days after")),
            color=coloured("what", colours),
            tooltip=[
                alt.Tooltip("evaluation_date:T", title="Evaluation date"),
                alt.Tooltip("what:N", title="Orders that"),
                alt.Tooltip("orders:Q", title="Orders", format=",.0f"),
            ],
        )
    )
    table = pd.DataFrame(
        {
            "Evaluation date": rows["evaluation_date"].map(day),
            "Customers": rows["customers"].map(integer),
            "Orders expected": rows["expected_orders"].map(integer),
            "Orders that came": rows["orders"].map(integer),
            "Revenue expected": rows["expected_revenue"].map(if_known(money)),
            "Revenue that came": rows["revenue"].map(if_known(money)),
        }
    )
    return Figure(
        "forecasts",
        titles.forecasts(rows),
        [Panel(sized(chart, 300))],
        table,
        "Of the customers known at each date, by the value model of that date, which knows nothing "
        "later. Orders of a day are one order. Times in which orders stopped are left out.",
        legend=colours,
    )


def options(marts: Marts) -> Figure | None:
    """Draw how long the contract would last under each option."""
    curves, told = marts["maintenance_option_curves"], marts["maintenance_options"]
    if curves.empty or told.empty:
        return None
    colours = dict(zip(sorted(curves["option"].unique()), cycle(PALETTE), strict=False))
    chart = sized(
        alt.Chart(curves)
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X("weeks:Q", **whole("Weeks since the fit")),
            y=alt.Y("mean_adjusted_rand_index:Q", title="Mean agreement with a refit"),
            color=coloured("option", colours),
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
        titles.options(curves),
        [Panel(layered)],
        table,
        "What another definition of recency or another window would do to the contract.",
        legend=colours,
    )


def _forecasts(marts: Marts) -> pd.DataFrame:
    """Say how the forecasts of the model in use have done, as of the newest date."""
    rows = marts["maintenance_backtest"]
    rows = rows[(rows["subject"] == "champion") & rows["is_newest"]]
    return pd.DataFrame(
        {
            "State": rows["status"],
            "Dates tried": rows["tried_dates"].map(integer),
            "Kept the first date": rows["tried_not_before_kept_share"].map(if_known(share)),
            "Kept the last date": rows["tried_by_kept_share"].map(if_known(share)),
        }
    )


def _of_newest(
    checks: pd.DataFrame, told: Callable[[pd.DataFrame], pd.DataFrame]
) -> tuple[str, pd.DataFrame]:
    """Return caption and table of the newest evaluation at which a check could be made."""
    rows = checks[checks["is_assessable"]]
    rows = rows[rows["evaluation_date"] == rows["evaluation_date"].max()]
    caption = f"At the evaluation of {day(rows['evaluation_date'].iloc[0])}" if len(rows) else ""
    return caption, told(rows)


def _population_checks(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Clause": rows["clause"],
            "Measure": rows["measure"],
            "Of": rows["subject"],
            "Customers": rows["customers"].map(if_known(integer)),
            "Now": rows["measured_value"].map(if_known(number)),
            "Up to the fit": rows["reference_value"].map(if_known(number)),
            "Standard errors apart": rows["deviations"].map(if_known(number)),
            "Beyond the limit": rows["is_beyond"].map({True: "yes", False: "no"}),
        }
    )


def _data_checks(rows: pd.DataFrame) -> pd.DataFrame:
    checks = rows.groupby("check_name", as_index=False)[["is_assessable", "is_jump"]].sum()
    return pd.DataFrame(
        {
            "Check": checks["check_name"].map(spaced),
            "Made": checks["is_assessable"].map(integer),
            "Jumped": checks["is_jump"].map(integer),
        }
    )
