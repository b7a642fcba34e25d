"""The report in a browser: it opens offline, shows what the marts hold, and can be used by all."""

import os
import shutil

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

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
    assert all(
        (report / link.get_attribute("href")).exists() for link in page.locator("nav a").all()
    )


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


BARS = "#chart-balance-0 g.mark-rect.role-mark path"


def wait_for_bars(page, number):
    page.wait_for_function(f"document.querySelectorAll('{BARS}').length === {number}")


def test_the_segment_filter_leaves_one_segment(opened):
    page = opened("index.html")
    segments = page.locator(".card").count()
    assert page.locator(BARS).count() == 2 * segments
    second = page.locator("#segment option").nth(2)
    page.select_option("#segment", second.get_attribute("value"))
    wait_for_bars(page, 2)
    shown = page.locator(".card:visible h3").all_text_contents()
    assert shown == [second.text_content()]
    page.select_option("#segment", "")
    wait_for_bars(page, 2 * segments)
    assert page.locator(".card:visible").count() == segments


def test_the_theme_can_be_changed(opened):
    page = opened("index.html")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    page.click("#theme")
    assert page.evaluate(ground) == "rgb(20, 23, 26)"
    assert page.told == []


def test_numbers_take_the_reader_s_format(opened, read, shop_warehouse):
    page = opened("exploration.html", language="de-DE")
    orders = read(shop_warehouse, "select sum(orders) as n from marts.order_months")["n"][0]
    share = page.locator("#funnel-of-customers h3 data").text_content()
    assert share.endswith("\u00a0%") and "," in share
    assert 0 < orders < 1000


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
    sentences = read(shop_warehouse, "from marts.maintenance_contract")["sentence"].tolist()
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


@pytest.fixture
def hostile_report(project, shop_warehouse, tmp_path):
    """A report of a shop in which names and sentences are code."""
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
        assert page.evaluate("document.scripts.length") == 3
    page = opened("index.html", folder=hostile_report)
    assert HOSTILE in page.locator(".card h3").first.text_content()
