"""The pages: marts in, HTML files out that open from the file system, with no network."""

import json
import shutil
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import altair as alt
import jinja2
import vl_convert
from markupsafe import Markup

from reporting import (
    audiences_part,
    card_page,
    choice_page,
    exploration_page,
    maintenance_page,
    method_page,
    segment_cards,
    segments_page,
)
from reporting.figures import Figure, Section
from reporting.marts import Marts
from reporting.text import chart_formats, html

TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Page:
    """One page of the report."""

    file: str
    title: str
    sections: list[Section]
    cards: list[dict] = field(default_factory=list)
    verdict: str = ""

    @property
    def figures(self) -> list[Figure]:
        """Draw the figures of the page, in order."""
        return [figure for section in self.sections for figure in section.figures]

    @property
    def has_filter(self) -> bool:
        """Tell whether one segment can be picked in every figure."""
        return bool(self.figures) and all(figure.has_segments for figure in self.figures)


def pages(marts: Marts) -> list[Page]:
    """All pages, with every figure computed."""
    return [
        Page(
            "index.html",
            "Segments",
            [
                Section(
                    "Who the customers are",
                    [segments_page.summary(marts), *segment_cards.order_of_cards(marts)],
                    segments_page.figures(marts),
                ),
                *audiences_part.sections(marts),
            ],
            cards=segment_cards.cards(marts),
        ),
        Page(
            "exploration.html",
            "Exploration",
            [
                Section(
                    "What the data hold",
                    [exploration_page.balance(marts)],
                    exploration_page.figures(marts),
                ),
                Section(
                    "Extreme and missing values in the model",
                    tables=[("What the model makes of them", exploration_page.extremes(marts))],
                ),
            ],
        ),
        Page(
            "choice.html",
            "Choosing the model",
            [
                Section("Why this model", choice_page.verdict(marts), choice_page.figures(marts)),
                *choice_page.others(marts),
            ],
        ),
        Page(
            "maintenance.html",
            "Maintenance",
            maintenance_page.sections(marts),
            verdict=maintenance_page.status(marts),
        ),
        Page("card.html", "Model card", card_page.sections(marts)),
        Page("method.html", "Data quality and method", method_page.sections(marts)),
    ]


def write(
    marts: Marts,
    made: list[Page],
    folder: Path,
    links: dict[str, str],
    *,
    with_customers: bool = False,
) -> None:
    """Write the pages and what they share into an empty folder.

    `links` are further files of the folder, by title, that each page leads to. `with_customers`
    writes the ids of the customers of each segment too, a file a segment that its card leads to.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["numbers"] = html
    environment.filters["json_in_script"] = _json_in_script
    assets = folder / "assets"
    assets.mkdir()
    (assets / "vega.js").write_text(vl_convert.javascript_bundle(), encoding="utf-8")
    for name in ("report.css", "report.js"):
        shutil.copyfile(TEMPLATES / name, assets / name)
    if with_customers:
        _write_customers(marts, folder)
    template = environment.get_template("page.html.j2")
    for page in made:
        rendered = template.render(
            formats=chart_formats(),
            page=page,
            pages=made,
            links=links,
            with_customers=with_customers,
            segments=marts.profiles[["segment_id", "segment_name", "colour"]].to_dict("records"),
            as_of=marts.as_of,
            specs={
                f"{figure.name}-{i}": specification(panel.chart)
                for figure in page.figures
                for i, panel in enumerate(figure.panels)
            },
        )
        (folder / page.file).write_text(rendered, encoding="utf-8")
        if page.file == "card.html":
            text = card_page.markdown(marts, page.sections)
            (folder / "model_card.md").write_text(text, encoding="utf-8")


def _write_customers(marts: Marts, folder: Path) -> None:
    customers = marts.query(
        "select segment_id, customer_id from marts.customer_segments order by all"
    )
    for segment_id, of_segment in customers.groupby("segment_id"):
        of_segment[["customer_id"]].to_csv(folder / f"customers_of_{segment_id}.csv", index=False)


def specification(chart: alt.TopLevelMixin) -> dict:
    """Return the Vega-Lite specification of a chart, colours of text left to the page."""
    specified = chart.to_dict()
    specified.pop("config", None)
    return specified


def _json_in_script(value: object) -> str:
    """JSON that no value from the data can end the script element with."""
    text = json.dumps(value, default=_json_value, separators=(",", ":"), allow_nan=False)
    for sign, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(sign, escaped)
    return Markup(text)


def _json_value(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{value!r} has no JSON form")
