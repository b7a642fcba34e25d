"""Figures: a finding as title, charts, and the same as a table."""

import json
import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

import altair as alt
import pandas as pd

from reporting.marts import Marts
from reporting.text import plain

alt.data_transformers.disable_max_rows()

ACCENT = "#D55E00"  # thresholds, what asks for attention
NEUTRAL = "#808080"  # what is there for comparison; visible on white and on black
# Colours of cells with text on them, in steps, so that each step has a colour of text that one can
# read. Below, as, and above what is usual; and little to much.
DIVERGING = ["#005a94", "#5aa7d6", "#c2dff0", "#e8e8e2", "#fbd3b5", "#ee9250", "#a84a00"]
SEQUENTIAL = ["#e8e8e2", "#d3e5f2", "#a6cbe6", "#6da9d6", "#2f7fbd", "#00508a"]
# Steps at whose colour text is white; it is black at the others.
DARK = {"#005a94", "#a84a00", "#00508a"}
# Text on a dark step, and on a light one.
TEXT = ("#ffffff", "#000000")
# The style of text in the colour of labels.
QUIET = "quiet"
# A longer name takes another line, in characters.
NAME_WIDTH = 18
# The opacity of a segment that is not the one that the reader picks.
FADED = 0.12


@dataclass(frozen=True)
class Panel:
    """One chart of a figure; its width is the layer that it gets.

    `segment_id` is the segment that all of it shows, if it shows one; `is_wide` gives it the width
    of the figure.
    """

    chart: alt.TopLevelMixin
    label: str = ""
    segment_id: int | None = None
    is_wide: bool = False


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
        If a segment can be picked in it: its charts have the parameter `segment`, or show one.
    legend, shapes : dict of str to str
        What the colours, and the shapes, of the charts mean: by label.
    choice, option : str
        Of figures that follow each other with the same choice, a label, the reader sees one: the
        first, or the one whose option is picked.
    """

    name: str
    title: str
    panels: list[Panel]
    table: pd.DataFrame
    note: str = ""
    has_segments: bool = False
    legend: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, str] = field(default_factory=dict)
    choice: str = ""
    option: str = ""

    @property
    def columns(self) -> int:
        """Return how many charts stand beside each other, where there is room."""
        narrow = sum(not panel.is_wide for panel in self.panels)
        return 2 if narrow == 4 else min(narrow, 3)


@dataclass(frozen=True)
class Section:
    """Part of a page: a heading, sentences, and figures or tables below; folded or open."""

    heading: str
    sentences: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: list[tuple[str, pd.DataFrame]] = field(default_factory=list)
    is_folded: bool = False

    @property
    def groups(self) -> list[list[Figure]]:
        """Return the figures, those that are one choice together."""
        return [
            list(group)
            for _, group in groupby(self.figures, key=lambda f: f.choice or f"figure {f.name}")
        ]


def coloured(field: str, colours: Mapping[str, str]) -> alt.Color:
    """Return the colour of a mark by its name in a column; the figure has the legend."""
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color(f"{field}:N", scale=scale, legend=None)


def colours_of_segments(marts: Marts, others: Sequence[str] = ()) -> dict[str, str]:
    """Return the colour of each segment, by name; `others` are grey."""
    profiles = marts.profiles
    own = dict(zip(profiles["segment_name"], profiles["colour"], strict=True))
    return own | dict.fromkeys(others, NEUTRAL)


def segment_colour(marts: Marts, others: Sequence[str] = ()) -> alt.Color:
    """Return the colour of a segment's name, the same everywhere; `others` are grey."""
    return coloured("segment_name", colours_of_segments(marts, others))


@dataclass(frozen=True)
class Steps:
    """Colours for the steps of a quantity, and of text on them.

    Attributes
    ----------
    edges : sequence of float of length n - 1
        Where one step ends and the next begins.
    colours : sequence of str of length n
    written : callable
        How an edge is written.
    """

    edges: Sequence[float]
    colours: Sequence[str]
    written: Callable[[float], str]

    @property
    def labels(self) -> list[str]:
        """Name each step."""
        edges = [plain(self.written(edge)) for edge in self.edges]
        between = [f"{low} to {high}" for low, high in pairwise(edges)]
        return [f"below {edges[0]}", *between, f"{edges[-1]} or more"]

    def of(self, values: pd.Series) -> pd.Series:
        """Return the name of the step of each value, none for one that is missing."""
        bounds = [-math.inf, *self.edges, math.inf]
        steps = pd.cut(values, bounds, right=False, labels=self.labels)
        return steps.astype(object).fillna("")

    @property
    def legend(self) -> dict[str, str]:
        """Return the colour of each step, by name."""
        return dict(zip(self.labels, self.colours, strict=True))

    def colour(self) -> alt.Color:
        """Return the colour of a mark by its column `step`."""
        return coloured("step", self.legend)

    def text(self) -> alt.Color:
        """Return a colour of text that one can read on the mark."""
        dark = [label for label, colour in self.legend.items() if colour in DARK]
        return alt.condition(f"indexof({json.dumps(dark)}, datum.step) >= 0", *map(alt.value, TEXT))


def by_segment(chart: alt.Chart | alt.LayerChart) -> alt.TopLevelMixin:
    """Return the chart with all segments but the one that the reader picks faded."""
    return _faded(chart).add_params(alt.param(name="segment", value=None))


def _faded(chart: alt.Chart | alt.LayerChart) -> alt.TopLevelMixin:
    if isinstance(chart, alt.LayerChart):
        faded = chart.copy(deep=False)
        faded.layer = [_faded(layer) for layer in chart.layer]
        return faded
    return chart.encode(
        opacity=alt.condition(
            "segment === null || datum.segment_id === segment",
            alt.value(1),
            alt.value(FADED),
        )
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


def wrapped(name: str) -> list[str]:
    """Return the lines of a name that a narrow chart has room for."""
    return textwrap.wrap(name, NAME_WIDTH, break_long_words=False) or [""]


def names_axis(names: Sequence[str], **options: object) -> alt.Axis:
    """Return an axis that writes long names over several lines."""
    lines = json.dumps({name: wrapped(name) for name in names})
    return alt.Axis(labelExpr=f"({lines})[datum.label]", **options)


def whole(title: str, **options: object) -> dict:
    """Return title and axis of a quantity that comes in whole numbers."""
    return {"title": title, "axis": alt.Axis(tickMinStep=1, format=",d", **options)}
