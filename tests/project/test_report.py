"""The report and the slides as files, and what a user is told when they cannot be made."""

import io
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import pypdf
import pytest

from contract_claims import assert_claims_hold
from reporting import card_page, choice_page, maintenance_page, site, slides
from reporting.marts import Marts
from reporting.text import html, integer, money, plain, share
from summary import print_summary

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(project, shop_warehouse, tmp_path_factory):
    """A report from a file that holds the marts and nothing else."""
    folder = tmp_path_factory.mktemp("report")
    warehouse = folder / "shop.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(f"attach '{shop_warehouse}' as built (read_only)")
        connection.execute("create schema marts")
        for (table,) in connection.execute(
            "select table_name from duckdb_tables() "
            "where database_name = 'built' and schema_name = 'marts'"
        ).fetchall():
            connection.execute(f"create table marts.{table} as from built.marts.{table}")
    result = project.report(warehouse, folder / "report")
    assert result.returncode == 0, result.stdout + result.stderr
    return warehouse, folder / "report"


def test_pages_need_the_marts_alone_and_are_small(made):
    _, folder = made
    shared = sum(path.stat().st_size for path in (folder / "assets").iterdir())
    for name in ("index", "exploration", "choice", "maintenance", "card", "method"):
        assert (folder / f"{name}.html").stat().st_size + shared < 3_000_000
    assert (folder / "tables.html").stat().st_size > 1_000_000


def test_every_figure_has_a_finding_axes_and_a_table(made):
    warehouse, _ = made
    marts = Marts(warehouse)
    figures = [figure for page in site.pages(marts) for figure in page.figures]
    assert len(figures) >= 18
    assert len({figure.name for figure in figures}) == len(figures)
    for figure in figures:
        assert "⟦" in figure.title or figure.name in ("places", "categories"), figure.title
        assert "nan" not in plain(figure.title).lower(), figure.title
        assert len(figure.table), figure.name
        for panel in figure.panels:
            specification = site.specification(panel.chart)
            for layer in [specification, *specification.get("layer", [])]:
                for channel in ("x", "y"):
                    assert_titled(layer.get("encoding", {}).get(channel), figure.name)


def test_what_the_contract_page_claims_is_in_the_marts(made):
    assert_claims_hold(made[0])


def test_the_contract_page_opens_with_three_lines_and_one_chart_and_folds_the_rest(made):
    warehouse, folder = made
    (page,) = (page for page in site.pages(Marts(warehouse)) if page.file == "maintenance.html")
    opening, *groups = page.sections
    assert [figure.name for figure in opening.figures] == ["agreement"]
    assert len(opening.sentences) in (3, 4)  # with an alarm, where orders have stopped
    assert len(groups) >= 4 and all(group.is_folded for group in groups)
    html = (folder / "maintenance.html").read_text()
    assert html.count('<details class="group">') == len(groups)
    assert html.count("<details") == html.count("</details>")


def tables_of(card: str) -> list[list[list[str]]]:
    """The tables of a Markdown page, without their headings."""
    found = re.findall(r"(?:^\|.*\|\n)+", card, flags=re.MULTILINE)
    return [[line.strip("| ").split(" | ") for line in t.splitlines()[2:]] for t in found]


def told_number(text: str) -> float:
    return float(text.replace(",", "").replace("%", ""))


def test_every_figure_of_the_model_card_is_in_the_marts(made, read):
    warehouse, folder = made
    card = (folder / "model_card.md").read_text()
    segments, features, figures, clauses = tables_of(card)
    profiles = read(warehouse, "from marts.segment_profiles order by segment_id")
    assert [row[0] for row in segments] == profiles["segment_name"].tolist()
    assert [told_number(row[2]) for row in segments] == profiles["customers"].tolist()
    shares = [told_number(row[3]) for row in segments]
    assert shares == pytest.approx((100 * profiles["share"]).tolist(), abs=0.051)

    ((model, fitted, seed, segment_number, smallest, floor),) = read(
        warehouse,
        "select model_id, models.customers, seed, n_segments, smallest_share, noise_floor "
        "from marts.segment_models as models join marts.maintenance_noise using (model_id) "
        "where status = 'champion'",
    ).itertuples(index=False)
    assert f"It was fitted on {fitted:,} customers" in card and f"Random seed {seed}," in card
    values = dict(figures)
    assert values["Segments"] == str(segment_number)
    assert told_number(values["Smallest segment"]) == pytest.approx(100 * smallest, abs=0.051)
    assert told_number(values["Noise floor"]) == pytest.approx(floor, abs=0.0051)

    parameters = read(
        warehouse,
        "select lower_cap, upper_cap, transform from marts.segment_model_parameters "
        f"where model_id = '{model}'",
    )
    assert sorted(row[4] for row in features) == sorted(parameters["transform"])
    for i, column in ((2, "lower_cap"), (3, "upper_cap")):
        found = sorted(told_number(row[i]) for row in features)
        assert found == pytest.approx(sorted(parameters[column]), abs=0.0051, rel=1e-5)

    contract = read(warehouse, "from marts.maintenance_contract")
    assert len(clauses) == len(contract)
    for row, clause in zip(clauses, contract.itertuples(), strict=True):
        if clause.status == "not assessable":
            assert row[2] == "-"
        elif clause.measured_value == clause.measured_value:
            assert told_number(row[2]) == pytest.approx(clause.measured_value, abs=0.0051)
    ((border, customers),) = read(
        warehouse,
        "select 100 * avg((confidence < 0.1)::int), count(*) from marts.customer_segments",
    ).itertuples(index=False)
    assert f"puts {customers:,} customers" in card
    told = float(re.search(r"([\d.]+)% of the customers lie at a border", card)[1])
    assert told == pytest.approx(border, abs=0.051)
    ((rows_in, rejected),) = read(
        warehouse,
        "select sum(rows_in), sum(rows_rejected) from marts.data_quality_ledger "
        "where rule = 'all rules'",
    ).itertuples(index=False)
    assert f"Of {rows_in:,.0f} raw rows {rejected:,.0f} are rejected" in card


def test_a_card_of_hostile_text_stays_in_its_cells(made, tmp_path):
    warehouse = Path(shutil.copy(made[0], tmp_path))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "update marts.segment_profiles set segment_name = '<script>|' || chr(10) || 'x'"
        )
    marts = Marts(warehouse)
    card = card_page.markdown(marts, card_page.sections(marts))
    assert "<script" not in card and "&lt;script>\\| x" in card


def test_a_contract_that_cannot_be_assessed_has_no_interval_and_no_forecast(made, tmp_path, capsys):
    warehouse = Path(shutil.copy(made[0], tmp_path))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "update marts.maintenance_schedule set sentence = 'Refit every 5 weeks.', "
            "breach_not_before = timestamp '2030-01-01', breach_by = timestamp '2032-01-01', "
            "breach_most_likely = timestamp '2031-01-01'"
        )

    def told():
        print_summary(warehouse)
        sections = maintenance_page.sections(Marts(warehouse))
        page = plain(" ".join(sentence for made in sections for sentence in made.sentences))
        return page, capsys.readouterr().out

    set_status = "update marts.maintenance_contract set status = ? where clause = 'agreement'"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(set_status, ["ok"])
    page, console = told()
    assert "Refit every 5 weeks." in page and "by 1 January 2032" in page
    assert "Refit every 5 weeks." in console
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(set_status, ["not assessable"])
    page, console = told()
    assert "every 5 weeks" not in page + console and "203" not in page


def test_a_candidate_that_was_not_compared_is_reported_without_figures(made, tmp_path):
    """Pinned after the comparison, as the README says."""
    warehouse = Path(shutil.copy(made[0], tmp_path))
    with duckdb.connect(str(warehouse)) as connection:
        figures = ("customers", "silhouette", "balance", "business_sense", "score", "reason")
        connection.execute(
            f"update marts.model_comparison set {', '.join(f'{name} = null' for name in figures)} "
            "where is_chosen"
        )
        connection.execute(
            "update marts.model_comparison set customers = 250, silhouette = 0.3, balance = 0.9, "
            "business_sense = 0.8, compared_as_of = timestamp '2018-01-29', "
            "compared_at = timestamp '2018-01-30' where not is_chosen"
        )
    marts = Marts(warehouse)
    told = plain(" ".join(choice_page.verdict(marts)))
    assert "on 250 customers known by" in told
    assert not re.search("None|nan|NaT", told)
    (criteria,) = (f for f in choice_page.figures(marts) if f.name == "criteria")
    assert criteria.title.startswith("The candidate in use was not measured")


def assert_titled(channel, name):
    """A quantity has a title; names of segments, features and rules speak for themselves."""
    if channel is None or channel.get("axis", {}) is None:
        return
    if channel.get("type") in ("quantitative", "temporal") and "field" in channel:
        assert channel.get("title", "") or "axis" not in channel, (name, channel)


def test_slides_are_one_page_each_with_embedded_fonts(made):
    warehouse, folder = made
    marts = Marts(warehouse)
    pages = site.pages(marts)
    figures = {figure.name: figure for page in pages for figure in page.figures}
    titles = [plain(figures[name].title) for name in slides.FIGURES if name in figures]
    deck = pypdf.PdfReader(folder / "slides.pdf")
    texts = ["".join(page.extract_text().split()) for page in deck.pages]
    assert 10 <= len(deck.pages) == len(titles) + 3
    for title, text in zip(titles, texts[2:-1], strict=True):
        assert "".join(title.split()) in text
    for page in deck.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            embedded = font.get_object()["/DescendantFonts"][0]["/FontDescriptor"]
            assert {"/FontFile2", "/FontFile3"} & set(embedded.get_object())


def test_slides_of_text_that_is_code_fit_too(made, tmp_path):
    warehouse = tmp_path / "shop.duckdb"
    shutil.copy(made[0], warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            'update marts.segment_profiles set recommended_action = \'#panic("x")] \\ "\' '
            "|| repeat('many words ', 60)"
        )
    marts = Marts(warehouse)
    slides.write(marts, site.pages(marts), tmp_path / "slides.pdf")
    deck = pypdf.PdfReader(io.BytesIO((tmp_path / "slides.pdf").read_bytes()))
    before = pypdf.PdfReader(made[1] / "slides.pdf")
    assert len(deck.pages) == len(before.pages)
    assert "#panic" in deck.pages[1].extract_text()


def test_the_summary_names_segments_and_counts_the_tables(made, read, capsys):
    warehouse, _ = made
    print_summary(warehouse)
    said = capsys.readouterr().out
    contract = " ".join(said.split("Maintenance contract")[1].split())
    names = read(warehouse, "select segment_name from marts.segment_profiles")["segment_name"]
    assert all(name in contract for name in names)
    assert not re.search(r"segment \d", contract)
    ((tables,),) = read(
        warehouse, "select count(*) from information_schema.tables where table_schema = 'marts'"
    ).itertuples(index=False)
    assert said.rstrip().splitlines()[-1] == f"{tables} tables in schema marts of {warehouse}"


def test_numbers_are_elements_and_all_else_is_escaped():
    told = f"<b>{share(0.031)}</b> of {integer(1234)} bring {money(5.5)}"
    assert plain(told) == "<b>3.1%</b> of 1,234 bring R$ 5.50"
    assert html(told) == (
        '&lt;b&gt;<data value="0.031000" data-kind="share">3.1%</data>&lt;/b&gt; of '
        '<data value="1234" data-kind="integer">1,234</data> bring '
        '<data value="5.50" data-kind="money">R$ 5.50</data>'
    )


def test_a_number_that_data_spell_out_brings_no_markup():
    forged = '⟦share:"><script>alert(1)</script>⟧ ⟦integer:1" onmouseover="alert(1)⟧'
    shown = html(forged)
    assert "<script" not in shown
    assert 'onmouseover="' not in shown


def test_templates_show_every_value_as_text():
    """Jinja escapes what nothing calls safe; in slides each value is a string of Typst's."""
    page = (site.TEMPLATES / "page.html.j2").read_text()
    assert re.findall(r"'([^']*)' \| safe", page) == [' aria-current="page"']
    assert page.count("safe") == 1
    script = (site.TEMPLATES / "report.js").read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)
    slide_template = (site.TEMPLATES / "slides.typ.j2").read_text()
    values = re.findall(r"{{ (.*?) }}", slide_template)
    assert len(values) > 10
    for value in values:
        assert value.endswith("| text") or value.startswith(("slide.columns", "(370 / "))


def told(project, warehouse, output) -> subprocess.CompletedProcess:
    result = project.report(warehouse, output)
    assert result.returncode == 1
    assert "Traceback" not in result.stdout + result.stderr
    return result.stderr


def test_a_report_that_cannot_be_made_says_why_and_leaves_the_last_one(project, made, tmp_path):
    warehouse, folder = made
    kept = tmp_path / "report"
    shutil.copytree(folder, kept)
    assert "make build makes one" in told(project, tmp_path / "none.duckdb", kept)

    text = tmp_path / "text.duckdb"
    text.write_text("no database")
    assert "cannot be read" in told(project, text, kept)

    old = tmp_path / "old.duckdb"
    shutil.copy(warehouse, old)
    with duckdb.connect(str(old)) as connection:
        connection.execute("drop table marts.segment_map")
    assert "lacks tables" in told(project, old, kept)
    assert (kept / "index.html").read_bytes() == (folder / "index.html").read_bytes()

    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    assert "holds no report" in told(project, warehouse, other)
    assert [path.name for path in other.iterdir()] == ["mine.txt"]
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []
