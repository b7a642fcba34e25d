"""The report and the slides as files, and what a user is told when they cannot be made."""

import io
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pypdf
import pytest

from page_claims import assert_claims_hold
from reporting import (
    card_page,
    choice_page,
    maintenance_page,
    moves,
    segment_cards,
    segments_page,
    site,
    slides,
)
from reporting.figures import Section
from reporting.marts import Marts
from reporting.site import Page
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
        assert (folder / f"{name}.html").stat().st_size + shared < 2_000_000
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


@pytest.fixture(scope="module", params=["as built", "without amounts", "with a retired segment"])
def shop_marts(request, made, tmp_path_factory):
    """The marts of several shops: their report, and the tables to recompute it from."""
    warehouse = tmp_path_factory.mktemp("marts") / "shop.duckdb"
    shutil.copy(made[0], warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        if request.param == "without amounts":
            for table in ("segment_profiles", "segment_months", "order_months", "segment_outcomes"):
                connection.execute(f"update marts.{table} set revenue = 0")
            connection.execute("update marts.segment_profiles set revenue_share = null")
            connection.execute("update marts.order_months set average_order_value = 0")
        elif request.param == "with a retired segment":
            retire(connection)
    marts = Marts(warehouse)
    yield marts
    marts.close()


def retire(connection):
    """Give the customers of segment 1 another segment until the newest evaluation."""
    connection.execute(
        """
        create temp table newest as
            select max(evaluation_date) as newest from marts.segment_transitions;
        update marts.segment_transitions set to_segment_id = 99, to_segment_name = 'Old hands'
        where to_segment_id = 1 and evaluation_date < (select newest from newest);
        update marts.segment_transitions set from_segment_id = 99, from_segment_name = 'Old hands'
        where from_segment_id = 1;
        create temp table before as
            select * replace (99 as segment_id, 'Old hands' as segment_name, false as is_current,
                coalesce(valid_to, (select newest from newest)) as valid_to)
            from marts.customer_segment_history
            where segment_id = 1 and valid_from < (select newest from newest);
        update marts.customer_segment_history
        set valid_from = (select newest from newest), movement = 'relabelling',
            previous_segment_id = 99
        where segment_id = 1 and valid_to is null
            and valid_from < (select newest from newest);
        delete from marts.customer_segment_history
        where segment_id = 1 and valid_to is not null;
        insert into marts.customer_segment_history by name select * from before
        """
    )


def numbers_in(sentence):
    """The numbers of a sentence, without dates."""
    return [
        float(value)
        for kind, value in re.findall(r"⟦(\w+):([^⟧]+)⟧", sentence)
        if kind not in ("date", "month")
    ]


def days_in(sentence):
    return [pd.Timestamp(found) for found in re.findall(r"⟦date:([^⟧]+)⟧", sentence)]


def figures_of(marts):
    return {figure.name: figure for page in site.pages(marts) for figure in page.figures}


def segment_at(marts, moment):
    """Durable id by customer at a moment, from the history alone."""
    history = marts["customer_segment_history"]
    is_valid = (history["valid_from"] <= moment) & ~(history["valid_to"] <= moment)
    return history[is_valid].set_index("customer_id")["segment_id"]


def test_no_title_or_table_has_a_number_that_is_none(shop_marts):
    for figure in figures_of(shop_marts).values():
        assert "nan" not in plain(figure.title).lower(), figure.title
        cells = figure.table.astype(str).to_numpy().ravel()
        assert not any(re.search(r":(nan|inf)⟧", cell) for cell in cells), figure.name
    if not shop_marts.has_money:
        for name in ("balance", "over-time", "segments-over-time"):
            figure = figures_of(shop_marts)[name]
            assert "money" not in figure.title + figure.table.to_string()
        for card in segment_cards.cards(shop_marts):
            assert card["revenue"] == ""
            assert "money" not in card["next"]


def test_the_cards_say_who_how_many_worth_what_and_what_they_did_next(shop_marts):
    cards = segment_cards.cards(shop_marts)
    customers = shop_marts["customer_segments"]
    outcomes = shop_marts["segment_outcomes"]
    outcomes = outcomes[outcomes["horizon_days"] == 90]
    if outcomes.empty:
        outcomes = shop_marts["segment_outcomes"].query("horizon_days == 30")
    outcomes = outcomes[outcomes["evaluation_date"] == outcomes["evaluation_date"].max()]
    outcomes = outcomes.set_index("segment_id")
    contract = shop_marts["maintenance_contract"].set_index("clause")["status"]
    assert {card["id"] for card in cards} == set(customers["segment_id"])
    for card in cards:
        own = customers[customers["segment_id"] == card["id"]]
        assert numbers_in(card["customers"]) == [len(own)]
        assert numbers_in(card["share"]) == pytest.approx([len(own) / len(customers)], rel=1e-4)
        days = own["recency_days"]
        low, high = (2 * numbers_in(dict(card["ranges"])["last order, days ago"]))[:2]
        least = len(days) // 2 - 1 if len(days) >= 30 else len(days)
        assert days.between(low, high).sum() >= least
        assert card["light"].status == contract[f"segment {card['id']}"]
        if card["id"] in outcomes.index and outcomes.loc[card["id"], "customers"] >= 30:
            outcome = outcomes.loc[card["id"]]
            assert numbers_in(card["next"])[:2] == pytest.approx(
                [outcome["customers"], outcome["buyers"] / outcome["customers"]], abs=1e-6
            )
            assert days_in(card["next"]) == [outcome["evaluation_date"]]
        else:
            assert "%" not in plain(card["next"])
    (order, _) = segment_cards.order_of_cards(shop_marts)
    ids = [card["id"] for card in cards]
    if "days" in order:
        at_stake = outcomes["revenue"]
    elif "revenue" in order:
        at_stake = customers.groupby("segment_id")["monetary_value"].sum()
    else:
        at_stake = customers.groupby("segment_id").size()
    assert [at_stake[i] for i in ids] == sorted(at_stake[ids], reverse=True)


def test_sizes_over_time_are_those_of_the_history(shop_marts):
    figure = figures_of(shop_marts)["sizes"]
    specification = site.specification(figure.panels[0].chart)
    layers = specification.get("layer", [specification])
    (area,) = (layer for layer in layers if layer["mark"]["type"] == "area")
    name = area.get("data", specification.get("data"))["name"]
    drawn = pd.DataFrame(specification["datasets"][name])
    drawn["evaluation_date"] = pd.to_datetime(drawn["evaluation_date"])
    today = set(shop_marts.profiles["segment_id"])
    for moment, rows in drawn.groupby("evaluation_date"):
        found = segment_at(shop_marts, moment)
        found = found.where(found.isin(today), -1).value_counts()
        shown = rows.set_index("segment_id")["customers"]
        assert shown[shown > 0].to_dict() == found.to_dict()
    first, last = drawn["evaluation_date"].min(), drawn["evaluation_date"].max()
    names = {**dict(zip(drawn["segment_id"], drawn["segment_name"], strict=True))}
    shares = [
        segment_at(shop_marts, moment)
        .pipe(lambda ids: ids.where(ids.isin(today), -1))
        .map(names)
        .value_counts(normalize=True)
        for moment in (first, last)
    ]
    change = shares[1].sub(shares[0], fill_value=0)
    found = re.match(r"(.+) (grew|shrank) most", figure.title)
    assert (found is not None) == (change.abs().max() >= 0.05)
    if found:
        assert abs(change[found[1]]) == pytest.approx(change.abs().max())
        assert numbers_in(figure.title) == pytest.approx(
            [part.get(found[1], 0) for part in shares], abs=1e-6
        )


def test_who_moved_is_counted_from_the_history(shop_marts):
    dates = shop_marts["segment_transitions"]["evaluation_date"]
    start, end = dates.min(), dates.max()
    figure = moves.moves_between(shop_marts, start, end)
    assert days_in(figure.title) == [start, end]
    before, after = segment_at(shop_marts, start), segment_at(shop_marts, end)
    history = shop_marts["customer_segment_history"]
    between = history["valid_from"].between(start, end, inclusive="right")
    relabelled = set(history.loc[between & (history["movement"] == "relabelling"), "customer_id"])
    after = after.reindex(before.index)
    is_move = after.notna() & (after != before)
    is_relabelled = before.index.isin(relabelled)
    expected = [
        (after == before).mean(),
        (is_move & ~is_relabelled).mean(),
        (is_move & is_relabelled).mean(),
    ]
    told = numbers_in(figure.title)
    assert told == pytest.approx(expected[: len(told)], abs=1e-6)
    assert sum(expected[len(told) :]) == 0
    # Nobody reads "segment 99".
    text = figure.title + figure.table.to_string()
    assert not re.search(r"\bsegment \d", text)
    if 99 in set(before):
        assert "Old hands (retired, id 99)" in text


def test_a_mean_of_few_orders_is_not_drawn(shop_marts):
    figure = figures_of(shop_marts)["over-time"]
    months = shop_marts["order_months"]
    enough = months[months["counted_orders"] >= 30]
    panels = {panel.label: panel for panel in figure.panels}
    assert ("Average order value" in panels) == (shop_marts.has_money and len(enough) > 0)
    if "Average order value" in panels:
        drawn = site.specification(panels["Average order value"].chart)["datasets"]
        assert [len(rows) for rows in drawn.values()] == [len(enough)]
        assert "fewer than 30 counted orders" in plain(figure.note)
    orders, repeat = numbers_in(figure.title)
    assert orders == months["orders"].max()
    customers = len(shop_marts["customer_segments"])
    assert repeat == pytest.approx(1 - customers / months["counted_orders"].sum(), abs=1e-6)


def test_who_brought_most_and_who_came_back_is_in_the_marts(shop_marts):
    figures = figures_of(shop_marts)
    months = shop_marts["segment_months"]
    by_name = months.groupby("segment_name")[["orders", "revenue"]].sum()
    quantity = by_name["revenue" if shop_marts.has_money else "orders"]
    title = figures["segments-over-time"].title
    assert title.startswith(quantity.idxmax())
    assert numbers_in(title)[0] == pytest.approx(quantity.max() / quantity.sum(), abs=1e-6)
    if "cohorts" in figures:
        cohorts = shop_marts["customer_cohorts"]
        month = shop_marts.as_of.to_period("M").start_time
        sizes = cohorts[(cohorts["months_since"] == 0) & (cohorts["customers"] >= 30)]
        sizes = sizes[sizes["cohort"] + pd.DateOffset(months=1) < month]
        back = cohorts[(cohorts["months_since"] == 1) & cohorts["cohort"].isin(sizes["cohort"])]
        assert numbers_in(figures["cohorts"].title) == pytest.approx(
            [back["active_customers"].sum() / sizes["customers"].sum(), sizes["customers"].sum()],
            abs=1e-6,
        )


def test_places_and_categories_of_few_have_no_colour(made, tmp_path):
    """Two customers of a segment in a state may be twice the share of all, and mean nothing."""
    warehouse = Path(shutil.copy(made[0], tmp_path))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            """
            create or replace table marts.segment_places as
                select segment_places.* replace (found.place as place, found.customers as customers)
                from marts.segment_places
                cross join (values ('SP', 40), ('RJ', 2)) as found (place, customers)
                where segment_places.place = (select min(place) from marts.segment_places)
            """
        )
    marts = Marts(warehouse)
    figure = figures_of(marts)["places"]
    assert "fewer than 30 customers" in plain(figure.note)
    assert figure.table.loc[figure.table["Place"] != "SP", "Times the share of all"].eq("-").all()
    for panel in figure.panels:
        specification = site.specification(panel.chart)
        coloured, hollow = specification["layer"][:2]
        assert coloured["encoding"]["color"]["field"] == "step"
        assert coloured["transform"] == [{"filter": "datum.customers >= 30"}]
        assert hollow["mark"]["filled"] is False
        assert hollow["transform"] == [{"filter": "datum.customers < 30"}]
        (rows,) = specification["datasets"].values()
        assert {row["place"] for row in rows if row["customers"] >= 30} <= {"SP"}
        # Every state is there, if only as an outline.
        assert len(rows) == 27


def test_a_radar_turns_recency_and_shows_what_lies_beyond_its_rim(made, tmp_path):
    warehouse = Path(shutil.copy(made[0], tmp_path))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "update marts.segment_feature_distributions set p50_scaled = case "
            "when feature = 'recency_days' then -5 when feature = 'frequency' then 1 else 0 end"
        )
    marts = Marts(warehouse)
    figure = figures_of(marts)["profiles"]
    panels = len(figure.panels)
    for panel in figure.panels:
        datasets = site.specification(panel.chart)["datasets"].values()
        rows = pd.DataFrame([row for rows in datasets for row in rows])
        assert "Recency:\nnewest outward" in set(rows["feature"])
        corner = rows[(rows["feature"] == "Recency") & rows["is_beyond"].eq(True)]
        # Far below average, so outward, on the rim; the tooltip has the value as it is.
        assert set(corner["value"]) == {-5}
        assert np.allclose(corner[["x", "y"]], [0, 1])
    assert f"are {panels}, and the table" in plain(figure.note)


def test_the_customers_of_each_segment_are_listed_where_asked(project, made, read, tmp_path):
    warehouse, folder = made
    assert list(folder.glob("*.csv")) == []
    assert ".csv" not in (folder / "index.html").read_text()
    result = project.script(
        "report.py", "--warehouse", warehouse, "--output", tmp_path / "report", "--customers"
    )
    assert result.returncode == 0, result.stdout + result.stderr
    index = (tmp_path / "report" / "index.html").read_text()
    customers = read(warehouse, "from marts.customer_segments")
    files = sorted(path.name for path in (tmp_path / "report").glob("*.csv"))
    assert files == sorted(f"customers_of_{i}.csv" for i in customers["segment_id"].unique())
    for segment_id, own in customers.groupby("segment_id"):
        name = f"customers_of_{segment_id}.csv"
        listed = pd.read_csv(tmp_path / "report" / name, dtype=str)
        assert list(listed) == ["customer_id"]
        assert listed["customer_id"].tolist() == sorted(own["customer_id"])
        assert index.count(f'href="{name}"') == 1


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
        marts = Marts(warehouse)
        sections = maintenance_page.sections(marts)
        marts.close()
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


def test_slides_are_twelve_at_most_with_the_verdict_second_and_embedded_fonts(made):
    warehouse, folder = made
    marts = Marts(warehouse)
    cards = segment_cards.cards(marts)
    deck = pypdf.PdfReader(folder / "slides.pdf")
    texts = ["".join(page.extract_text().split()) for page in deck.pages]

    def slide_of(sentence):
        (found,) = [i for i, text in enumerate(texts) if "".join(plain(sentence).split()) in text]
        return found

    assert 8 <= len(texts) <= 12
    assert slide_of(maintenance_page.headline(marts)) == 1
    # A slide for each segment, in the order of the money at stake, with what to do.
    assert [slide_of(f"What to do: {card['action']}") for card in cards] == [2, 3, 4, 5]
    figures = figures_of(marts)
    assert slide_of(figures["balance"].title) == 6
    assert slide_of("What we ask for") < min(
        i for i, text in enumerate(texts) if text.startswith("Appendix")
    )
    for page in deck.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            embedded = font.get_object()["/DescendantFonts"][0]["/FontDescriptor"]
            assert {"/FontFile2", "/FontFile3"} & set(embedded.get_object())


@pytest.mark.parametrize("segments", [1, 4, 5, 9, 12])
def test_slides_of_any_number_of_segments_are_twelve_at_most(made, segments, tmp_path):
    warehouse = Path(shutil.copy(made[0], tmp_path))
    with duckdb.connect(str(warehouse)) as connection:
        for table in ("segment_profiles", "segment_feature_distributions"):
            connection.execute(
                f"""
                create or replace table marts.{table} as
                select found.* replace (number as segment_id)
                from range(1, {segments + 1}) as numbers (number)
                inner join marts.{table} as found on found.segment_id = (number - 1) % 4 + 1
                """
            )
        connection.execute(
            "update marts.segment_profiles set segment_name = segment_name || ' ' || segment_id"
        )
    marts = Marts(warehouse)
    pages = [
        Page("index.html", "", [Section("", figures=[segments_page.balance(marts)])]),
        Page("maintenance.html", "", [Section("", figures=[maintenance_page.agreement(marts)])]),
    ]
    slides.write(marts, pages, tmp_path / "slides.pdf")
    deck = pypdf.PdfReader(tmp_path / "slides.pdf")
    text = "".join("".join(page.extract_text().split()) for page in deck.pages)
    names = marts["segment_profiles"]["segment_name"]
    assert len(names) == segments
    assert all("".join(name.split()) in text for name in names)
    # Of the figures two are here, of four at most.
    assert len(deck.pages) + 2 <= 12


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
    assert "#panic" in deck.pages[2].extract_text()


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
        '&lt;b&gt;<data value="0.031000">3.1%</data>&lt;/b&gt; of '
        '<data value="1234">1,234</data> bring <data value="5.50">R$ 5.50</data>'
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
        is_layout = re.fullmatch(r"(slide\.panels|group) \| length|26 if has_radar else 20", value)
        is_layout = is_layout or value == '"14pt" if group | length > 2 else "16pt"'
        is_macro = value.startswith(("charts(", "fact(", "segment("))
        assert value.endswith("| text") or is_layout or is_macro, value


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
