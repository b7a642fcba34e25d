"""Why this model: all candidates, the criteria, and how the chosen one looks."""

import altair as alt
import numpy as np
import pandas as pd

from reporting.figures import (
    ACCENT,
    Figure,
    Panel,
    Section,
    by_segment,
    coloured,
    colours_of_segments,
    horizontal_line,
    segment_colour,
    sized,
)
from reporting.marts import PALETTE, Marts, feature_name
from reporting.text import day, if_known, integer, number, share

# Standings of a candidate, in the order of the legend.
STANDINGS = {"chosen": ACCENT, "eligible": PALETTE[0], "ruled out": "#9a9a9a"}
CALLED = {"kmeans": "KMeans", "ward": "Ward's clustering", "dbscan": "DBSCAN"}
CALLED["rules"] = "RFM by rules"
SHAPES = {"kmeans": "circle", "ward": "square", "dbscan": "triangle-up", "rules": "diamond"}
ALGORITHMS = {"kmeans": PALETTE[0], "ward": PALETTE[1], "dbscan": PALETTE[2], "rules": PALETTE[3]}
# What it means that segments are natural, reproducible or constructed.
NATURES = {
    "natural": "The segments come back in fits on resamples, and each lies apart from the others",
    "reproducible": "The segments come back in fits on resamples. That is not to say that they are "
    "natural clusters: not every segment lies apart from the others",
    "constructed": "The segments depend on the sample: fits on resamples do not bring all of them "
    "back",
}
# What the charts say of a candidate.
MEASURES = ["candidate_id", "algorithm", "feature_set", "n_segments", "is_chosen", "score"]
MEASURES += ["business_sense", "balance", "smallest_share", "silhouette"]
MEASURES += ["silhouette_standard_error", "resampling_agreement", "resampling_agreement_p05"]
MEASURES += ["seed_agreement"]


def is_compared(marts: Marts) -> bool:
    """Tell whether candidates have been compared."""
    return bool(marts["model_comparison"]["compared_at"].notna().any())


def has_labels(marts: Marts) -> bool:
    """Whether segments are labels that somebody else gives."""
    return marts["model_comparison"].empty


def chosen(marts: Marts) -> pd.Series:
    """Return the row of the candidate in use."""
    candidates = marts["model_comparison"]
    return candidates[candidates["is_chosen"]].iloc[0]


def verdict(marts: Marts) -> list[str]:
    """Why the chosen one, in sentences."""
    if has_labels(marts):
        return [
            f"In use is the label set {marts.model_id}, which somebody else has made: there is "
            "nothing to choose here."
        ]
    winner = chosen(marts)
    told = [f"In use is {_called(winner)}, chosen {winner.chosen_by}."]
    if not is_compared(marts):
        return [
            *told,
            "The candidates have not been compared in this warehouse; make compare does.",
        ]
    if isinstance(winner.reason, str):
        told[0] += f" {winner.reason}"
    candidates = marts["model_comparison"]
    eligible = candidates["is_eligible"].fillna(False).astype(bool)
    # One that is declared or pinned since then has no figures of its own.
    compared = candidates[candidates["customers"].notna()]
    told.append(
        f"{integer(len(compared))} candidates were compared on "
        f"{integer(compared['customers'].max())} customers known by "
        f"{day(compared['compared_as_of'].max())}; {integer(eligible.sum())} are within "
        "the limits, and the best score among them wins, or of near ties the one with the fewest "
        "segments."
    )
    if winner.segment_nature in NATURES:
        told.append(nature(winner))
    if winner.is_stale:
        told.append(f"The comparison is stale: {winner.stale_reason}.")
    return told


def nature(candidate: pd.Series) -> str:
    """Say whether the segments come back, and whether they lie apart, which is another matter.

    Parameters
    ----------
    candidate : Series
        A row of `model_comparison`.
    """
    told = NATURES[candidate.segment_nature]
    if pd.notna(candidate.resampling_agreement):
        told += f". The fits agree at {number(candidate.resampling_agreement)} on average"
    if pd.notna(candidate.silhouette):
        told += (
            f". The mean silhouette is {number(candidate.silhouette)}: near 0 groups touch or "
            "overlap, near 1 there are gaps between them"
        )
    return f"{told}."


def _called(candidate: pd.Series) -> str:
    features = [feature_name(f.strip()).lower() for f in str(candidate.features).split(",")]
    return (
        f"{CALLED.get(candidate.algorithm, candidate.algorithm)} with "
        f"{integer(candidate.n_segments or candidate.clusters)} segments on {', '.join(features)}"
    )


def figures(marts: Marts) -> list[Figure]:
    """Draw the figures of the page, in order."""
    made = []
    if not has_labels(marts):
        made = [criteria(marts), silhouette_by_k(marts), stability_by_k(marts)]
    return [f for f in [*made, silhouettes(marts), projection(marts)] if f is not None]


def _measured(marts: Marts) -> pd.DataFrame:
    """Candidates that were measured, with their standing."""
    candidates = marts["model_comparison"]
    candidates = candidates[candidates["silhouette"].notna()].copy()
    eligible = candidates["is_eligible"].fillna(False).astype(bool)
    candidates["standing"] = eligible.map({True: "eligible", False: "ruled out"})
    candidates.loc[candidates["is_chosen"], "standing"] = "chosen"
    return candidates[[*MEASURES, "standing"]]


def _candidate_tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("candidate_id:N", title="Candidate"),
        alt.Tooltip("score:Q", title="Score", format=".2f"),
        alt.Tooltip("business_sense:Q", title="Business sense", format=".2f"),
        alt.Tooltip("balance:Q", title="Balance", format=".2f"),
        alt.Tooltip("silhouette:Q", title="Silhouette", format=".2f"),
        alt.Tooltip("resampling_agreement:Q", title="Agreement on resamples", format=".2f"),
        alt.Tooltip("smallest_share:Q", title="Smallest segment", format=".1%"),
    ]


def criteria(marts: Marts) -> Figure | None:
    """Draw the criteria of the candidates against each other."""
    candidates = _measured(marts)
    if candidates.empty:
        return None
    panels = []
    for column, label in (("business_sense", "Business sense"), ("balance", "Balance")):
        chart = (
            alt.Chart(candidates)
            .mark_point(filled=True, size=60)
            .encode(
                x=alt.X("silhouette:Q", title="Silhouette (-1 to 1)", scale=alt.Scale(zero=False)),
                y=alt.Y(f"{column}:Q", title=f"{label} (0 to 1)", scale=alt.Scale(zero=False)),
                color=coloured("standing", STANDINGS),
                shape=alt.Shape(
                    "algorithm:N",
                    scale=alt.Scale(domain=list(SHAPES), range=list(SHAPES.values())),
                    legend=None,
                ),
                opacity=alt.condition(
                    "datum.standing === 'ruled out'", alt.value(0.45), alt.value(0.95)
                ),
                tooltip=_candidate_tooltip(),
            )
        )
        panels.append(Panel(sized(chart, 320), f"{label} against silhouette"))
    winner = chosen(marts)
    title = (
        "The candidate in use was not measured: it is declared or pinned since the comparison"
        if pd.isna(winner.silhouette)
        else criteria_title(candidates, winner)
    )
    return Figure(
        "criteria",
        title,
        panels,
        nearest_candidates(marts),
        "Business sense is the share of the variance of what marketers ask for that lies between "
        "the segments; balance is 1 for segments of one size. Hover over a point for its figures.",
        legend=STANDINGS,
        shapes=SHAPES,
    )


def criteria_title(candidates: pd.DataFrame, winner: pd.Series) -> str:
    """How many candidates have a higher silhouette than the chosen one, and what it has instead.

    Parameters
    ----------
    candidates : DataFrame
        Rows of `model_comparison` with a silhouette.
    winner : Series
        The row of the candidate in use.
    """
    above = int((candidates["silhouette"] > winner.silhouette).sum())
    has = (
        f"a balance of {number(winner.balance)} and a business sense of "
        f"{number(winner.business_sense)}"
    )
    if above == 0:
        return (
            f"No candidate of {integer(len(candidates))} has a higher silhouette than the chosen "
            f"one, {number(winner.silhouette)}; it has {has}"
        )
    return (
        f"A silhouette is not all: {integer(above)} of {integer(len(candidates))} candidates have "
        f"a higher one than the chosen, which has {has}"
    )


def others(marts: Marts) -> list[Section]:
    """Return the section on the candidates that nearly won; none where there was nothing to win."""
    heading = "The eligible candidates with the best scores"
    if has_labels(marts):
        return []
    return [Section("What nearly won", tables=[(heading, nearest_candidates(marts))])]


def nearest_candidates(marts: Marts, number_of: int = 10) -> pd.DataFrame:
    """Return the chosen candidate and those with the best scores beside it."""
    candidates = marts["model_comparison"]
    eligible = candidates["is_eligible"].fillna(False).astype(bool)
    top = candidates[candidates["is_chosen"] | eligible]
    top = top.sort_values(["is_chosen", "score"], ascending=False).head(number_of)
    return pd.DataFrame(
        {
            "Candidate": top["candidate_id"],
            "Score": top["score"].map(if_known(number)),
            "Business sense": top["business_sense"].map(if_known(number)),
            "Balance": top["balance"].map(if_known(number)),
            "Silhouette": top["silhouette"].map(if_known(number)),
            "Agreement on resamples": top["resampling_agreement"].map(if_known(number)),
            "Smallest segment": top["smallest_share"].map(if_known(share)),
            "Why": top["reason"].fillna(""),
        }
    )


def _of_the_chosen_features(marts: Marts) -> pd.DataFrame:
    candidates = _measured(marts)
    same = candidates[candidates["feature_set"] == chosen(marts)["feature_set"]]
    return same[same["n_segments"].notna()]


def _against_k(rows: pd.DataFrame) -> alt.Chart:
    """Candidates by their number of segments, a colour for each algorithm."""
    return alt.Chart(rows).encode(
        x=alt.X(
            "n_segments:Q", title="Number of segments", axis=alt.Axis(tickMinStep=1, format="d")
        ),
        color=coloured("algorithm", ALGORITHMS),
        tooltip=_candidate_tooltip(),
    )


def _colours_of(rows: pd.DataFrame) -> dict[str, str]:
    drawn = set(rows["algorithm"])
    return {name: colour for name, colour in ALGORITHMS.items() if name in drawn}


def silhouette_by_k(marts: Marts) -> Figure | None:
    """Draw the silhouette by number of segments."""
    if not is_compared(marts):
        return None
    rows = _of_the_chosen_features(marts).copy()
    if rows.empty:
        return None
    error = 1.96 * rows["silhouette_standard_error"].fillna(0)
    rows["low"], rows["high"] = rows["silhouette"] - error, rows["silhouette"] + error
    base = _against_k(rows)
    line = base.mark_line().encode(
        y=alt.Y("silhouette:Q", title="Silhouette (-1 to 1)", scale=alt.Scale(zero=False))
    )
    bars = base.mark_rule(strokeWidth=1.5).encode(y="low:Q", y2="high:Q")
    points = base.mark_point(filled=True, size=50).encode(y="silhouette:Q")
    winner = chosen(marts)
    ring = (
        alt.Chart(rows[rows["is_chosen"]])
        .mark_point(size=220, strokeWidth=2.5, color=ACCENT)
        .encode(x="n_segments:Q", y="silhouette:Q")
    )
    table = _by_k_table(
        rows, {"Silhouette": "silhouette", "Standard error": "silhouette_standard_error"}
    )
    return Figure(
        "silhouette-by-k",
        silhouette_title(rows, winner),
        [Panel(sized(line + bars + points + ring, 300))],
        table,
        "The chosen features and scale only. Bars are 95 % intervals of the sampling; the ring is "
        "the chosen one.",
        legend=_colours_of(rows),
    )


def silhouette_title(rows: pd.DataFrame, winner: pd.Series) -> str:
    """Which number of segments has the highest silhouette, and whether the chosen one falls short.

    Parameters
    ----------
    rows : DataFrame
        Rows of `model_comparison` with a silhouette.
    winner : Series
        The row of the candidate in use.
    """
    best = rows.loc[rows["silhouette"].idxmax()]
    title = f"The silhouette is highest with {integer(best.n_segments)} segments, "
    title += number(best.silhouette)
    if best.candidate_id == winner.candidate_id or pd.isna(winner.silhouette):
        return title
    title += f"; the chosen {integer(winner.n_segments)} reach {number(winner.silhouette)}"
    errors = [best.silhouette_standard_error, winner.silhouette_standard_error]
    if best.silhouette - winner.silhouette < 1.96 * np.hypot(*np.nan_to_num(errors)):
        title += ", too near to tell apart"
    return title


def stability_by_k(marts: Marts) -> Figure | None:
    """Draw the agreement on resamples by number of segments."""
    if not is_compared(marts):
        return None
    rows = _of_the_chosen_features(marts)
    rows = rows[rows["resampling_agreement"].notna()]
    if rows.empty:
        return None
    base = _against_k(rows)
    mean = base.mark_line(point={"filled": True, "size": 50}).encode(
        y=alt.Y(
            "resampling_agreement:Q",
            title="Adjusted Rand index of resamples",
            scale=alt.Scale(domain=[min(0.5, float(rows["resampling_agreement_p05"].min())), 1]),
        )
    )
    low = base.mark_rule(strokeWidth=1.5).encode(
        y="resampling_agreement_p05:Q", y2="resampling_agreement:Q"
    )
    winner = chosen(marts)
    title = "Fits on resamples were not made for the chosen model"
    if pd.notna(winner.resampling_agreement):
        title = (
            f"Fits on resamples agree with the chosen segments at "
            f"{number(winner.resampling_agreement)} on average, and at "
            f"{number(winner.resampling_agreement_p05)} or more in 95 of 100"
        )
    return Figure(
        "stability-by-k",
        title,
        [Panel(sized(mean + low, 300))],
        _by_k_table(
            rows,
            {
                "Agreement on resamples": "resampling_agreement",
                "5th percentile": "resampling_agreement_p05",
                "Agreement of seeds": "seed_agreement",
            },
        ),
        "The mean adjusted Rand index of fits on bootstrap resamples; the bar goes down to its 5th "
        "percentile. Only candidates within the other limits are resampled.",
        legend=_colours_of(rows),
    )


def _by_k_table(rows: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    rows = rows.sort_values(["algorithm", "n_segments"])
    return pd.DataFrame(
        {
            "Algorithm": rows["algorithm"],
            "Segments": rows["n_segments"].map(integer),
            **{heading: rows[column].map(if_known(number)) for heading, column in columns.items()},
        }
    )


def silhouettes(marts: Marts) -> Figure:
    """Draw the silhouette of each segment."""
    points = marts["segment_map"].sort_values(
        ["segment_id", "silhouette", "point"], ascending=[True, False, True]
    )
    points = points.assign(place=range(len(points)))
    mean = float(points["silhouette"].mean())
    chart = by_segment(
        sized(
            alt.Chart(points)
            .mark_bar(binSpacing=0)
            .encode(
                x=alt.X("place:O", title="Sampled customers, by segment", axis=None),
                y=alt.Y("silhouette:Q", title="Silhouette (-1 to 1)"),
                color=segment_colour(marts),
                tooltip=[
                    alt.Tooltip("segment_name:N", title="Segment"),
                    alt.Tooltip("silhouette:Q", title="Silhouette", format=".2f"),
                ],
            ),
            280,
        )
    )
    grouped = points.groupby("segment_name")["silhouette"]
    table = pd.DataFrame(
        {
            "mean": grouped.mean(),
            "negative": grouped.agg(lambda s: (s < 0).mean()),
            "size": grouped.size(),
        }
    ).reindex([n for n in marts.profiles["segment_name"] if n in grouped.groups])
    negative = float((points["silhouette"] < 0).mean())
    return Figure(
        "silhouettes",
        f"The mean silhouette is {number(mean)}; {share(negative)} of the customers in the sample "
        "lie nearer to another segment than to their own",
        [Panel(sized(chart + horizontal_line(mean), 280))],
        pd.DataFrame(
            {
                "Segment": table.index,
                "Customers in the sample": table["size"].map(integer),
                "Mean silhouette": table["mean"].map(number),
                "Share below 0": table["negative"].map(share),
            }
        ),
        f"{integer(len(points))} customers drawn by a hash of their id, in the segments that are "
        "published. Dashed: the mean.",
        has_segments=True,
        legend=colours_of_segments(marts),
    )


def projection(marts: Marts) -> Figure:
    """Draw the customers on two axes."""
    points = marts["segment_map"]
    axes = marts["segment_model_axes"]
    explained = axes.groupby("axis")["explained_share"].first()
    both = float(explained.reindex([1, 2]).fillna(0).sum())
    chart = by_segment(
        sized(
            alt.Chart(points)
            .mark_circle(size=22, opacity=0.6)
            .encode(
                x=alt.X("x:Q", title=_axis_title(marts, 1)),
                y=alt.Y("y:Q", title=_axis_title(marts, 2)),
                color=segment_colour(marts),
                tooltip=[
                    alt.Tooltip("segment_name:N", title="Segment"),
                    alt.Tooltip("silhouette:Q", title="Silhouette", format=".2f"),
                    alt.Tooltip("confidence:Q", title="Confidence", format=".2f"),
                ],
            ),
            420,
        )
    )
    wide = axes.pivot_table(index="feature", columns="axis", values="loading").reindex(
        marts.features
    )
    table = pd.DataFrame({"Feature": [feature_name(f) for f in wide.index]})
    for axis in wide.columns:
        heading = f"Axis {axis} ({explained.get(axis, 0):.0%} of the variance)"
        table[heading] = wide[axis].map(if_known(number)).to_numpy()
    return Figure(
        "projection",
        f"Two axes hold {share(both)} of the variance of the features",
        [Panel(chart)],
        table,
        "The same sample on the first two principal components of the customers that the model was "
        "fitted on. Segments that lie over one another here can be apart on other axes.",
        has_segments=True,
        legend=colours_of_segments(marts),
    )


def _axis_title(marts: Marts, axis: int) -> str:
    """Return the two features that weigh most, with their signs."""
    axes = marts["segment_model_axes"]
    axes = axes[axes["axis"] == axis]
    if axes.empty:
        return ""
    heaviest = axes.reindex(axes["loading"].abs().sort_values(ascending=False).index).head(2)
    return f"Axis {axis}: " + ", ".join(
        f"{'more' if row.loading > 0 else 'less'} {feature_name(row.feature).lower()}"
        for row in heaviest.itertuples()
    )
