"""The benchmark tells ratios of the same work, and nothing where results disagree."""

import duckdb
import pytest

import benchmark
from benchmark import (
    BenchmarkError,
    Run,
    SameResult,
    SameWork,
    Shop,
    check,
    count_customers,
    count_evaluations,
    measure,
    page,
    read_notes,
    write_notes,
    write_without_newest_days,
)
from benchmark_readers import Polls
from notebook_way import FEATURE_SETS

FOUND = {
    "customers": 2,
    "orders": 3,
    "revenue": 30.5,
    "recency_days": 40,
    "review_score": 4.5,
    "agreement": {"2018-01-01": 1.0, "2018-01-08": 0.9},
}


@pytest.fixture
def warehouse(tmp_path):
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create schema marts;"
            "create table marts.customer_segments as from (values (1, 10.00, 15, 4.0), "
            "(2, 20.50, 25, 5.0)) as t(frequency, monetary_value, recency_days, review_score);"
            "create table marts.segment_models as select 'm' as model_id, "
            "timestamp '2018-01-01' as fitted_as_of;"
            "create table marts.segment_stability as select 'm' as origin_model_id, * from (values "
            "(timestamp '2018-01-01', 1e0), (timestamp '2018-01-08', 0.92e0)) "
            "as t(evaluation_date, adjusted_rand_index);"
        )
    return path


def test_equal_results_and_near_curves_pass(warehouse):
    assert check(warehouse, FOUND) == pytest.approx(0.02)
    assert count_customers(warehouse) == 2
    assert count_evaluations(warehouse) == 1


@pytest.mark.parametrize(
    "changed",
    [{"customers": 3}, {"revenue": 30.6}, {"agreement": {"2018-01-01": 1, "2018-01-08": 0.8}}],
)
def test_other_results_are_reported(warehouse, changed):
    with pytest.raises(BenchmarkError):
        check(warehouse, FOUND | changed)


def shop(name, customers, *seconds):
    runs = [Run(s, 1.5, 2.0, {"training_models": s / 2}, 100) for s in seconds]
    changes = {days: [Run(s, 1.0, 3.0, {}, 50, 4) for s in (9, 8, 30)] for days in (30, 7, 1)}
    return Shop(name, customers, runs, changes, [("training_models", 5.0, 0.5)])


def test_the_page_has_medians_work_beyond_the_start_and_growth():
    text = page([shop("small", 1000, 10, 12, 90), shop("large", 10_000, 60)], [])
    assert (
        "| small | 1,000 | 12 s, 10 s | 1.5 GB | 9 s, 6 s, 4 | 9 s, 6 s, 4 | 9 s, 6 s, 4 |" in text
    )
    assert "From small to large a first build grows with the customers to the power of 0.70" in text
    assert "dbt starts in 3.0 s. A first build has 100 models, seeds and tests, 880 ms each" in text
    assert "| training_models | 5.0 s | 100% | 0.5 s | 10.0 |" in text
    assert "## Same work" in text
    assert "| ratio |" not in text.split("## Same result")[0]


def test_ratios_are_of_pairs_and_of_all_parts():
    measured = shop("small", 1000, 10)
    measured.same_work = SameWork([Run(10), Run(20), Run(30)], [Run(50), Run(120), Run(270)], 0.01)
    measured.same_result = SameResult(Run(50), {"kmeans": (90, 2.0), "pair": (600, 0.5)})
    text = page([measured], [])
    assert "| small | 1,000 | 20 s | 120 s | 6.0 | 0.0 GB | 0.0 GB | 3 | 0.010 |" in text
    assert "| small | 50 s | 480 s | 10 | 90 kmeans of 2.00 s, 600 pair of 0.50 s |" in text


def test_what_readers_have_seen_is_counted():
    polls = Polls("the warehouse", 10, [0.01] * 98 + [0.5, 0.6], ["broken"], 2)
    told = page([shop("small", 1000, 10)], [polls])
    assert "| the warehouse | 10 | 100 | 1 | 2 | 10 ms | 599 ms |" in told


def test_the_newest_day_goes_with_all_that_belongs_to_it(shop_data, tmp_path):
    write_without_newest_days(1, shop_data, tmp_path / "before")

    def rows(folder, table):
        with duckdb.connect() as connection:
            return set(connection.sql(f"from read_csv('{folder}/{table}.csv')").fetchall())

    def orders(folder, where):
        with duckdb.connect() as connection:
            return connection.sql(
                "select order_id, customer_id "
                f"from read_csv('{folder}/olist_orders_dataset.csv') where {where}"
            ).fetchall()

    # The one of February is canceled: the newest order that counts is of the 31st.
    gone = orders(shop_data, "order_purchase_timestamp >= timestamp '2018-01-31'")
    kept = orders(shop_data, "order_purchase_timestamp < timestamp '2018-01-31'")
    assert len(gone) == 2
    assert sorted(orders(tmp_path / "before", "true")) == sorted(kept)
    for table in ("olist_order_payments_dataset", "olist_customers_dataset"):
        lost = rows(shop_data, table) - rows(tmp_path / "before", table)
        of_gone = {name for order in gone for name in order}
        assert lost == {row for row in rows(shop_data, table) if row[0] in of_gone}
    assert rows(shop_data, "olist_products_dataset") == rows(
        tmp_path / "before", "olist_products_dataset"
    )
    write_without_newest_days(4, shop_data, tmp_path / "long before")
    kept = orders(shop_data, "order_purchase_timestamp < timestamp '2018-01-28'")
    assert sorted(orders(tmp_path / "long before", "true")) == sorted(kept)


def test_a_shop_begins_without_the_registry_of_the_one_before(monkeypatch, tmp_path, shop_data):
    """So does the build with a comparison, which is measured as a whole."""
    names = ["benchmark.duckdb", "benchmark.previous.duckdb", ".benchmark.seal.json"]
    left = [tmp_path / name for name in names]
    found = []

    def build(*command):
        if "scripts/build.py" in command:
            found.append([path.exists() for path in left])
        for path in left:
            path.touch()
        (tmp_path / "notebook.json").write_text('{"seconds": {"read": 500}}')
        return Run(130.0)

    monkeypatch.setattr(benchmark, "run", build)
    monkeypatch.setattr(benchmark, "ratios_to_floors", lambda *arguments: [])
    monkeypatch.setattr(benchmark, "count_customers", lambda warehouse: 2)
    evaluated = iter([30, 34, 35, 35])
    monkeypatch.setattr(benchmark, "count_evaluations", lambda warehouse: next(evaluated))
    monkeypatch.setattr(benchmark, "check", lambda warehouse, found: 0.0)
    monkeypatch.setattr(benchmark, "measure_same_result", lambda *arguments: None)
    for path in left:
        path.touch()
    measured, notes = Shop("shop"), []
    measure(measured, shop_data, tmp_path, is_built_only=False, note=lambda: notes.append(1))
    none, all_ = [False] * 3, [True] * 3
    assert found == [none, all_, all_, all_, none, none, none]
    assert len(notes) == 6
    assert measured.customers == 2
    assert [measured.changes[days][0].evaluations for days in (30, 7, 1)] == [4, 1, 0]


def test_the_project_compares_the_candidates_of_the_notebook():
    told = benchmark.notebook_candidates()
    sets = [told["feature_sets"][name] for name in told["candidate_feature_sets"]]
    assert sets == FEATURE_SETS
    assert told["candidate_algorithms"] == {"kmeans": {"n_segments": list(range(2, 12))}}


def test_a_run_goes_on_from_what_is_noted(tmp_path):
    measured = shop("small", 1000, 10, 12)
    measured.same_work = SameWork([Run(10)], [Run(50)], 0.01)
    measured.same_result = SameResult(Run(50), {"kmeans": (90, 2.0)})
    polls = [Polls("the warehouse", 10, [0.01, 0.5], ["broken"], 2)]
    notes = tmp_path / "notes.json"
    assert read_notes(notes) == ([], [])
    write_notes(notes, [measured], polls)
    assert read_notes(notes) == ([measured], polls)


def test_notes_of_another_machine_are_refused(tmp_path, monkeypatch):
    notes = tmp_path / "notes.json"
    write_notes(notes, [], [])
    monkeypatch.setattr(benchmark, "environment", lambda: "64 cores")
    with pytest.raises(BenchmarkError, match="another machine"):
        read_notes(notes)
