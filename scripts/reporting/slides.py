"""The slides: the findings of the report for a talk to the marketing team, as a PDF."""

import json
import tempfile
from pathlib import Path

import font_roboto
import jinja2
import typst
import vl_convert

from reporting import choice_page, maintenance_page, segment_cards, segments_page
from reporting.figures import Figure
from reporting.marts import Marts
from reporting.site import TEMPLATES, Page, specification
from reporting.text import plain

FONTS = Path(font_roboto.Roboto).parent
# Figures that make a slide each, in this order, if the data give them.
FIGURES = ["balance", "features", "profiles", "transitions", "categories", "over-time"]
FIGURES += ["silhouette-by-k", "agreement", "causes", "waiting"]
# Room for the charts of a slide, in points; a chart is drawn for its part of it.
WIDTH, HEIGHT = 900, 380
MOST_PANELS = 8


def write(marts: Marts, pages: list[Page], path: Path) -> None:
    """Write the slides; every one fits its page."""
    vl_convert.register_font_directory(str(FONTS))
    figures = {figure.name: figure for page in pages for figure in page.figures}
    with tempfile.TemporaryDirectory() as folder:
        slides = [_slide(figures[name], Path(folder)) for name in FIGURES if name in figures]
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined
        )
        # A JSON string is a string of typst too, so that no text of the data is read as code.
        environment.filters["text"] = lambda text: json.dumps(plain(str(text)), ensure_ascii=False)
        deck = environment.get_template("slides.typ.j2").render(
            as_of=marts.as_of,
            summary=segments_page.summary(marts),
            cards=segment_cards.cards(marts),
            slides=slides,
            choice=choice_page.verdict(marts),
            headline=maintenance_page.headline(marts),
            verdict=maintenance_page.verdict(marts),
        )
        source = Path(folder) / "slides.typ"
        source.write_text(deck, encoding="utf-8")
        typst.compile(
            str(source),
            output=str(path),
            root=folder,
            font_paths=[str(FONTS)],
            ignore_system_fonts=True,
        )


def _slide(figure: Figure, folder: Path) -> dict:
    panels = figure.panels[:MOST_PANELS]
    rows = 1 if len(panels) <= 3 else 2
    columns = -(-len(panels) // rows)
    drawn = []
    for i, panel in enumerate(panels):
        name = f"{figure.name}-{i}.svg"
        (folder / name).write_text(
            vl_convert.vegalite_to_svg(
                _drawn(specification(panel.chart), WIDTH / columns, HEIGHT / rows)
            ),
            encoding="utf-8",
        )
        drawn.append({"file": name, "label": panel.label})
    return {"title": figure.title, "note": figure.note, "panels": drawn, "columns": columns}


def _drawn(chart: dict, width: float, height: float) -> dict:
    """Return the chart in the size of its part of the slide, axes and legend included."""
    if chart["width"] != "container":
        width = height = min(width, height)
    chart = chart | {
        "width": width - 20,
        "height": height - 40,
        "autosize": {"type": "fit", "contains": "padding"},
    }
    for layer in chart.get("layer", []):
        for size in ("width", "height"):
            layer.pop(size, None)
    ink, quiet, line = "#1b1f23", "#545b62", "#d5d9dd"
    chart["config"] = {
        "font": "Roboto",
        "background": "transparent",
        "view": {"stroke": "transparent"},
        "axis": {
            **{"labelColor": quiet, "titleColor": quiet, "gridColor": line, "domainColor": line},
            **{"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
        },
        "legend": {"labelColor": ink, "titleColor": quiet, "labelFontSize": 12},
        "text": {"color": ink},
    }
    return chart
