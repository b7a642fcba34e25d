"""The report in a browser: it opens offline, shows what the marts hold, and can be used by all."""

import io
import os
import re
import shutil
import unicodedata

import duckdb
import pypdf
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from reporting.text import plain

pytestmark = pytest.mark.slow

PAGES = ["index.html", "exploration.html", "choice.html", "maintenance.html", "card.html"]
PAGES += ["method.html"]


@pytest.fixture(scope="module")
def report(project, shop_warehouse, tmp_path_factory):
    """The folder of the report of the small shop."""
    folder = tmp_path_factory.mktemp("report") / "report"
    result = project.report(shop_warehouse, folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


@pytest.fixture(scope="module")
def chromium():
    names = ["chromium", "chromium-browser", "google-chrome"]
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        message = "needs Chromium; on Debian: apt-get install chromium"
        # CI installs it: there, a browser that is missing is a fault.
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium, report):
    """Opens a page and waits for its charts: opened("index.html", width=390)."""
    contexts = []

    def open_page(file, *, width=1200, scheme="light", language="en-US", folder=report):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, locale=language
        )
        contexts.append(context)
        page = context.new_page()
        page.told, page.asked = [], []
        page.on("console", lambda message: page.told.append(message.text))
        page.on("pageerror", lambda error: page.told.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto((folder / file).as_uri())
        page.wait_for_selector("html[data-drawn]", state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("file", PAGES)
def test_a_page_opens_offline_and_every_chart_has_marks(opened, report, file):
    page = opened(file)
    assert page.told == []
    assert {url for url in page.asked if not url.startswith(("file:", "data:"))} == set()
    charts = page.locator(".chart").all()
    assert len(charts) > 0 or file in ("card.html", "method.html")
    for chart in charts:
        marks = chart.locator("svg g.role-mark > *").count()
        assert marks > 0, chart.get_attribute("id")
    links = [link.get_attribute("href").split("?")[0] for link in page.locator("nav a").all()]
    assert all((report / link).exists() for link in links)


@pytest.mark.parametrize("file", PAGES)
def test_a_phone_shows_a_page_without_scrolling_sideways(opened, file):
    page = opened(file, width=360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for chart in page.locator(".chart svg").all():
        assert chart.bounding_box()["width"] <= 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("file", PAGES)
def test_no_serious_obstacle_for_anyone(opened, file, scheme):
    page = opened(file, scheme=scheme)
    for details in page.locator("details").all():
        details.evaluate("element => element.open = true")
    found = Axe().run(page).response["violations"]
    grave = [
        (violation["id"], [node["target"] for node in violation["nodes"]][:3])
        for violation in found
        if violation["impact"] in ("serious", "critical")
    ]
    assert grave == []


# Each text of a chart that is seen: its size and place, and the colours of it and of what is below.
TEXTS = """
charts => charts.flatMap(chart => {
  const frame = chart.querySelector("svg").getBoundingClientRect();
  const drawn = [...chart.querySelectorAll("svg path, svg rect")].reverse();
  return [...chart.querySelectorAll("svg text")].flatMap(text => {
    const box = text.getBoundingClientRect(), style = getComputedStyle(text);
    const seen = Number(style.opacity) * Number(style.fillOpacity);
    if (!text.textContent.trim() || !box.width || !seen) return [];
    const point = [box.x + box.width / 2, box.y + box.height / 2];
    const ground = drawn.find(mark => {
      const look = getComputedStyle(mark);
      if (look.fill === "none" || look.fillOpacity * look.opacity < 0.5) return false;
      if (!mark.closest("g.role-mark") || mark.getBoundingClientRect().width < 8) return false;
      const inside = new DOMPoint(...point).matrixTransform(mark.getScreenCTM().inverse());
      return mark.isPointInFill(inside);
    });
    const paper = getComputedStyle(chart.closest("figure")).backgroundColor;
    return [{
      text: text.textContent, chart: chart.id, ink: style.fill,
      ground: ground && text.closest("g.role-mark") ? getComputedStyle(ground).fill : paper,
      left: box.x - frame.x, right: box.right - frame.right, top: box.y - frame.y,
      bottom: box.bottom - frame.bottom,
    }];
  });
})
"""


def luminance(colour: str) -> float:
    """Relative luminance of `rgb(r, g, b)`, by WCAG 2."""
    parts = [float(part) / 255 for part in re.findall(r"[\d.]+", colour)[:3]]
    parts = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def texts_of(page):
    for group in page.locator("details.group").all():
        group.evaluate("element => element.open = true")
    page.wait_for_timeout(500)
    return page.locator("figure:not([hidden]) .chart").evaluate_all(TEXTS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "file", ["index.html", "exploration.html", "choice.html", "maintenance.html"]
)
def test_every_text_of_a_chart_can_be_read(opened, file, scheme):
    found = texts_of(opened(file, scheme=scheme))
    assert len(found) > 30
    faint = [row for row in found if contrast(row["ink"], row["ground"]) < 4.5]
    assert faint == []


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize(
    "file", ["index.html", "exploration.html", "choice.html", "maintenance.html"]
)
def test_no_text_of_a_chart_is_cut(opened, file, width):
    found = texts_of(opened(file, width=width))
    assert [row for row in found if "\u2026" in row["text"]] == []
    beyond = [
        row
        for row in found
        if min(row["left"], row["top"]) < -2 or max(row["right"], row["bottom"]) > 2
    ]
    assert beyond == []


ARCS = "#chart-balance-0 g.mark-arc.role-mark path"


def opacities(page):
    return page.eval_on_selector_all(ARCS, "arcs => arcs.map(arc => arc.getAttribute('opacity'))")


def test_a_segment_that_is_picked_stands_out_in_every_chart_and_title(opened):
    page = opened("index.html")
    segments = page.locator(".card").count()
    assert page.locator(ARCS).count() == segments
    second = page.locator("#segment option").nth(2)
    page.select_option("#segment", second.get_attribute("value"))
    page.wait_for_function(
        "[...document.querySelectorAll('.picked')].every(words => words.textContent)"
    )
    page.wait_for_timeout(300)
    name = second.text_content()
    assert page.locator(".card:not(.faded) h3").all_text_contents() == [name]
    assert sorted(opacities(page)) == ["0.12"] * (segments - 1) + ["1"]
    titles = page.locator("figure:not([hidden]) h3").all_text_contents()
    assert all(title.endswith(f"shown in colour: {name}") for title in titles)
    # Every chart has the signal, or shows one segment alone.
    for chart in page.locator(".chart").all():
        is_of_one = chart.evaluate("chart => chart.parentElement.dataset.segment !== undefined")
        specification = page.evaluate("name => specifications[name]", chart.get_attribute("id")[6:])
        names = [param["name"] for param in specification.get("params", [])]
        assert is_of_one or names == ["segment"]
    page.select_option("#segment", "")
    page.wait_for_timeout(300)
    assert opacities(page) == ["1"] * segments


def test_pages_without_a_segment_in_every_chart_have_no_choice_of_one(opened):
    for file in ("exploration.html", "maintenance.html", "card.html"):
        assert opened(file).locator("#segment").count() == 0


def test_segment_and_theme_stand_in_the_address_and_links_carry_them_on(opened):
    page = opened("index.html")
    value = page.locator("#segment option").nth(1).get_attribute("value")
    page.select_option("#segment", value)
    page.click("#theme")
    for link in ("Exploration", "Maintenance", "Segments"):
        page.click(f"nav a:has-text('{link}')")
        page.wait_for_selector("html[data-drawn]", state="attached")
        assert f"segment={value}" in page.url and "theme=dark" in page.url
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.input_value("#segment") == value
    assert page.locator(".card:not(.faded)").count() == 1


def test_the_reader_chooses_the_quarter(opened, hostile_report):
    page = opened("index.html", folder=hostile_report)
    options = page.locator(".choice .options option")
    assert options.count() == 3
    assert page.locator(".choice figure:visible").count() == 1
    for i in range(options.count()):
        name = options.nth(i).get_attribute("value")
        page.select_option(".choice .options", name)
        assert page.locator(".choice figure:visible").get_attribute("id") == name
        page.wait_for_function(f"document.querySelector('#{name} svg').clientWidth > 300")


def test_the_theme_can_be_changed(opened):
    page = opened("index.html")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    page.click("#theme")
    assert page.evaluate(ground) == "rgb(20, 23, 26)"
    assert page.told == []


def test_numbers_and_dates_take_the_format_of_the_shop(opened, hostile_report):
    """Whatever the language of the reader's browser."""
    page = opened("exploration.html", language="en-US", folder=hostile_report)
    share = page.locator("#funnel-of-customers h3 data").text_content()
    assert re.fullmatch(r"\d+,\d\u00a0%", share)
    page = opened("index.html", language="en-US", folder=hostile_report)
    assert re.fullmatch(r"\d+\. [A-Z]\w+ \d{4}", page.locator("header time").text_content())
    page = opened("maintenance.html", language="en-US", folder=hostile_report)
    texts = page.locator("#chart-agreement-0 svg text").all_text_contents()
    assert "0,8" in texts and "0.8" not in texts


def test_the_cards_equal_the_marts(opened, read, shop_warehouse):
    page = opened("index.html")
    profiles = read(shop_warehouse, "from marts.segment_profiles").set_index("segment_name")
    contract = read(shop_warehouse, "from marts.maintenance_contract").set_index("clause")
    cards = page.locator(".card").all()
    assert len(cards) == len(profiles)
    for card in cards:
        row = profiles.loc[card.locator("h3").text_content()]
        assert row.recommended_action in card.locator(".action").text_content()
        values = [float(d.get_attribute("value")) for d in card.locator("dd data").all()]
        expected = [row.customers, row.share, float(row.revenue), row.revenue_share]
        assert values[:4] == pytest.approx(expected, rel=1e-4)
        status = contract.loc[f"segment {row.segment_id}", "status"].replace(" ", "-")
        assert status in card.locator(".light").get_attribute("class").split()


def in_charts(page, name):
    """The rows in a chart's specification, of all its data sets."""
    specification = page.evaluate("name => specifications[name]", name)
    return [row for rows in specification["datasets"].values() for row in rows]


def test_the_charts_equal_the_marts(opened, read, shop_warehouse):
    page = opened("exploration.html")
    months = read(shop_warehouse, "from marts.order_months order by month")
    rows = sorted(in_charts(page, "over-time-0"), key=lambda row: row["month"])
    for column in ("orders", "new_customers", "revenue"):
        assert [row[column] for row in rows] == months[column].astype(float).tolist()
    histogram = in_charts(page, "distributions-0")
    customers = read(shop_warehouse, "select count(*) as n from marts.customer_segments")["n"][0]
    assert sum(row["customers"] for row in histogram) == customers

    page = opened("maintenance.html")
    pairs = read(
        shop_warehouse,
        "select evaluation_date, adjusted_rand_index, noise_floor from marts.maintenance_drift "
        "where weeks > 0 order by evaluation_date",
    )
    rows = in_charts(page, "agreement-0")
    for line, column in [
        ("agreement with a refit", "adjusted_rand_index"),
        ("noise floor of the date", "noise_floor"),
    ]:
        drawn = [row["value"] for row in rows if row.get("line") == line]
        assert drawn == pytest.approx(pairs[column].tolist())
    sentences = read(shop_warehouse, "from marts.maintenance_contract")["sentence"].map(plain)
    shown = page.locator("details.group td").all_text_contents()
    assert set(sentences) <= set(shown)

    page = opened("choice.html")
    points = read(shop_warehouse, "from marts.segment_map order by point")
    rows = sorted(in_charts(page, "projection-0"), key=lambda row: row["point"])
    assert [row["x"] for row in rows] == pytest.approx(points["x"].tolist())
    assert [row["y"] for row in rows] == pytest.approx(points["y"].tolist())


def test_a_group_of_the_contract_opens_with_charts_as_wide_as_the_page(opened):
    page = opened("maintenance.html")
    assert page.locator("details.group[open]").count() == 0
    group = page.locator("details.group", has=page.locator(".chart")).first
    group.locator("summary h2").click()
    figure = group.locator("figure").first.bounding_box()
    page.wait_for_function(
        "document.querySelector('details.group[open] .chart svg').clientWidth > 500"
    )
    assert group.locator(".chart svg").first.bounding_box()["width"] <= figure["width"]


@pytest.mark.parametrize(
    "file", ["index.html", "exploration.html", "choice.html", "maintenance.html"]
)
def test_on_paper_no_title_leaves_its_chart(opened, file):
    page = opened(file, scheme="dark")
    titles = page.locator("figure:not([hidden]) h3").all_text_contents()
    paper = pypdf.PdfReader(io.BytesIO(page.pdf(format="A4", print_background=True)))
    pages = [squeezed(found.extract_text()) for found in paper.pages]
    charts = page.locator("figure:not([hidden])").evaluate_all(
        "figures => figures.map(figure => [...figure.querySelectorAll('svg text')]"
        ".map(text => text.textContent).filter(text => /^[A-Za-z ]{5,}$/.test(text)).at(-1) ?? '')"
    )
    for title, text in zip(titles, charts, strict=True):
        # Its first line: the reader of the PDF may take what follows for another column.
        at = [i for i, found in enumerate(pages) if squeezed(title)[:35] in found]
        assert at, title
        assert any(squeezed(text) in pages[i] for i in at), (title, text)


def squeezed(text: str) -> str:
    """Without blanks, and with a letter for each of a ligature."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def test_paper_is_light(opened):
    page = opened("index.html", scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    ink = page.locator(".chart svg text").first.evaluate("text => getComputedStyle(text).fill")
    assert contrast(ink, ground) >= 4.5


def test_paper_shows_every_group(opened):
    page = opened("maintenance.html")
    page.emulate_media(media="print")
    group = page.locator("details.group").first
    assert group.locator(".table").first.bounding_box()["height"] > 50


def test_a_segment_keeps_its_colour_on_all_pages(opened):
    colours = []
    for file in ("index.html", "exploration.html", "choice.html", "maintenance.html"):
        specifications = opened(file).evaluate("specifications")
        for specification in specifications.values():
            for layer in [specification, *specification.get("layer", [])]:
                colour = layer.get("encoding", {}).get("color", {})
                if colour.get("field") == "segment_name":
                    scale = colour["scale"]
                    colours.append(dict(zip(scale["domain"], scale["range"], strict=True)))
    assert len(colours) >= 8
    assert all(found == colours[0] for found in colours)


HOSTILE = "<script>alert(1)</script></script>&lt;"


@pytest.fixture(scope="module")
def hostile_report(project, shop_warehouse, tmp_path_factory):
    """A report of a German shop in which names and sentences are code."""
    tmp_path = tmp_path_factory.mktemp("hostile")
    warehouse = tmp_path / "shop.duckdb"
    shutil.copy(shop_warehouse, warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        for table, column in [
            ("segment_profiles", "description"),
            ("segment_categories", "category"),
            ("segment_places", "place"),
            ("maintenance_contract", "sentence"),
            ("data_quality_ledger", "description"),
        ]:
            connection.execute(f"update marts.{table} set {column} = {column} || ?", [HOSTILE])
        connection.execute("update marts.segment_profiles set locale = 'de-DE'")
        # A history that has quarters.
        for table, column in [
            ("customer_segment_history", "valid_from"),
            ("segment_transitions", "evaluation_date"),
        ]:
            connection.execute(
                f"update marts.{table} set {column} = {column} - interval 8 months "
                f"where {column} = (select min({column}) from marts.{table})"
            )
        for table in ("segment_profiles", "segment_months", "segment_map", "segment_categories"):
            connection.execute(
                f"update marts.{table} set segment_name = segment_name || ? || '#panic()'",
                [HOSTILE],
            )
    folder = tmp_path / "report"
    result = project.report(warehouse, folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def test_what_the_data_say_is_text_and_never_code(opened, hostile_report):
    for file in PAGES:
        page = opened(file, folder=hostile_report)
        assert page.told == []
        assert page.evaluate("document.scripts.length") == 4
    page = opened("index.html", folder=hostile_report)
    assert HOSTILE in page.locator(".card h3").first.text_content()
