"""The slides: twelve at most, for a talk to the marketing team, as a PDF."""

import json
import tempfile
from pathlib import Path

import font_roboto
import jinja2
import typst
import vl_convert

from reporting import choice_page, maintenance_page, segment_cards, segments_page
from reporting.figures import QUIET, Figure, Panel
from reporting.marts import Marts
from reporting.site import TEMPLATES, Page, specification
from reporting.text import chart_formats, plain

FONTS = Path(font_roboto.Roboto).parent
# The segments have at most so many slides, each with as many segments as it takes.
MOST_OF_SEGMENTS = 4
# Segments with most at stake, of whom the last slide before the appendix asks something.
ASKED_FOR = 3
# Figures that make a slide each, if the data give them: of the talk, and of its appendix.
OF_MONEY, OF_MOVES = "balance", "transitions"
OF_APPENDIX = ["agreement", "criteria"]
# Room for the charts of a slide, in points; a chart is drawn for its part of it.
WIDTH, HEIGHT = 900, 360
MOST_PANELS = 2


def write(marts: Marts, pages: list[Page], path: Path) -> None:
    """Write the slides; every one fits its page."""
    vl_convert.register_font_directory(str(FONTS))
    figures = [figure for page in pages for figure in page.figures]
    cards = segment_cards.cards(marts)
    with tempfile.TemporaryDirectory() as folder:

        def slides(*names: str) -> list[dict]:
            found = [next((f for f in figures if f.name.startswith(name)), None) for name in names]
            return [_slide(figure, Path(folder)) for figure in found if figure is not None]

        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        # A JSON string is a string of typst too, so that no text of the data is read as code.
        environment.filters["text"] = lambda text: json.dumps(plain(str(text)), ensure_ascii=False)
        per_slide = -(-len(cards) // MOST_OF_SEGMENTS)
        deck = environment.get_template("slides.typ.j2").render(
            as_of=marts.as_of,
            summary=segments_page.summary(marts),
            order=segment_cards.order_of_cards(marts)[0],
            headline=maintenance_page.headline(marts),
            verdict=maintenance_page.verdict(marts),
            segments=[cards[i : i + per_slide] for i in range(0, len(cards), per_slide)],
            radars=_radars(figures, Path(folder)) if per_slide == 1 else {},
            body=slides(OF_MONEY, OF_MOVES),
            asked=asked(marts, cards),
            choice=choice_page.verdict(marts),
            appendix=slides(*OF_APPENDIX),
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


def asked(marts: Marts, cards: list[dict]) -> list[str]:
    """Say what the audience is asked to decide: of the contract, and of those most at stake."""
    contract = maintenance_page.clauses(marts)
    agreement = contract.loc[contract["clause"] == "agreement", "status"].iloc[0]
    is_broken = (contract["severity"] == "error") & (contract["status"] == "breach")
    first = "Leave the model as it is."
    if is_broken.any():
        first = "Let the model be refitted."
    elif agreement == "not assessable":
        first = "Leave the model as it is until its agreement can be assessed."
    next_date = contract["next_evaluation_date"].max()
    if next_date == next_date:  # a date that is missing equals nothing
        first += f" Look at the contract again on ⟦date:{next_date:%Y-%m-%d}⟧."
    return [first, *(f"{card['name']}: {card['action']}" for card in cards[:ASKED_FOR])]


def _radars(figures: list[Figure], folder: Path) -> dict[int, str]:
    """Draw the radar of each segment; returns its file by the segment's id."""
    found = next((figure for figure in figures if figure.name == "profiles"), None)
    return {
        panel.segment_id: _write(panel, f"radar-{panel.segment_id}", 330, 330, folder)
        for panel in (found.panels if found else [])
    }


def _slide(figure: Figure, folder: Path) -> dict:
    wide = [panel for panel in figure.panels if panel.is_wide]
    panels = wide or figure.panels[:MOST_PANELS]
    drawn = [
        {
            "file": _write(panel, f"{figure.name}-{i}", WIDTH / len(panels), HEIGHT, folder),
            "label": panel.label,
        }
        for i, panel in enumerate(panels)
    ]
    return {
        "title": figure.title,
        # The first sentence is about what is wide.
        "note": figure.note.partition(". ")[0] + "." if wide else figure.note,
        "panels": drawn,
        # What is wide is labelled.
        "legend": {} if wide else figure.legend,
        "shapes": figure.shapes,
    }


def _write(panel: Panel, name: str, width: float, height: float, folder: Path) -> str:
    formats = chart_formats()
    svg = vl_convert.vegalite_to_svg(
        _drawn(specification(panel.chart), width, height),
        format_locale=formats["number"],
        time_format_locale=formats["time"],
    )
    (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    return f"{name}.svg"


def _drawn(chart: dict, width: float, height: float) -> dict:
    """Return the chart in the size of its part of the slide, axes included."""
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
    text = {"labelColor": quiet, "titleColor": quiet, "labelFontSize": 12, "titleFontSize": 12}
    text["titleFontWeight"] = "normal"
    chart["config"] = {
        "font": "Roboto",
        "background": "transparent",
        "view": {"stroke": "transparent"},
        "axis": {"gridColor": line, "domainColor": line, "tickColor": line, "labelLimit": 240}
        | text,
        "text": {"color": ink},
        "tick": {"color": ink},
        "rule": {"color": ink},
        "style": {QUIET: {"fill": quiet}},
    }
    return chart
