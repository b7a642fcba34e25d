"""Figures: a finding as title, charts, and the same as a table."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import altair as alt
import pandas as pd

from reporting.marts import Marts

alt.data_transformers.disable_max_rows()

ACCENT = "#D55E00"  # thresholds, what asks for attention
NEUTRAL = "#808080"  # what is there for comparison; visible on white and on black
# Low, as everybody, high: blue, grey, orange.
DIVERGING = ["#0072B2", "#9aa5ab", "#D55E00"]


@dataclass(frozen=True)
class Panel:
    """One chart of a figure; its width is the layer that it gets."""

    chart: alt.TopLevelMixin
    label: str = ""


@dataclass(frozen=True)
class Figure:
    """What a chart says, shows and holds.

    Attributes
    ----------
    name : str
        Anchor on the page.
    title : str
        The finding, computed from the data; see `reporting.text`.
    panels : list of Panel
    table : DataFrame
        The figures in the charts, with the headings that a reader sees; numbers in tokens.
    note : str
        How to read it.
    has_segments : bool
        If the segment filter acts on it: its charts have the parameter `segment`.
    """

    name: str
    title: str
    panels: list[Panel]
    table: pd.DataFrame
    note: str = ""
    has_segments: bool = False


@dataclass(frozen=True)
class Section:
    """Part of a page: a heading, sentences, and figures or tables below; folded or open."""

    heading: str
    sentences: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: list[tuple[str, pd.DataFrame]] = field(default_factory=list)
    is_folded: bool = False


def segment_colour(marts: Marts, *, legend: bool = True, others: Sequence[str] = ()) -> alt.Color:
    """Return the colour of a segment's name, the same everywhere; `others` are grey."""
    profiles = marts.profiles
    return alt.Color(
        "segment_name:N",
        title="Segment",
        scale=alt.Scale(
            domain=[*profiles["segment_name"], *others],
            range=[*profiles["colour"], *[NEUTRAL] * len(others)],
        ),
        legend=alt.Legend(orient="bottom", columns=2, labelLimit=260) if legend else None,
    )


def by_segment(chart: alt.Chart) -> alt.Chart:
    """Return the chart for the segment that the reader picks, or for all."""
    segment = alt.param(name="segment", value=None)
    return chart.add_params(segment).transform_filter(
        "segment === null || datum.segment_id === segment"
    )


def sized(chart: alt.TopLevelMixin, height: int = 260) -> alt.TopLevelMixin:
    """Give a chart the width of the page."""
    return chart.properties(width="container", height=height)


def horizontal_line(value: float) -> alt.Chart:
    """Draw a threshold."""
    return (
        alt.Chart(pd.DataFrame({"threshold": [value]}))
        .mark_rule(color=ACCENT, strokeDash=[6, 4], strokeWidth=1.5)
        .encode(y="threshold:Q")
    )
