"""The benchmark tells ratios of the same work, and nothing where results disagree."""

import duckdb
import pytest

import benchmark
from benchmark import (
    BenchmarkError,
    Run,
    Shop,
    check,
    count_customers,
    measure,
    page,
    write_without_newest_days,
)
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


@pytest.mark.parametrize(
    "changed",
    [{"customers": 3}, {"revenue": 30.6}, {"agreement": {"2018-01-01": 1, "2018-01-08": 0.8}}],
)
def test_other_results_are_reported(warehouse, changed):
    with pytest.raises(BenchmarkError):
        check(warehouse, FOUND | changed)


def shop(name, customers, seconds, read, follow):
    runs = (Run(s, 1.5, "", {"training_models": s / 2}) for s in (seconds, 7, 5, 20, 99))
    steps = {"read": read, "follow": follow, "compare": 70}
    return Shop(name, customers, *runs, steps, 0.01)


def test_the_page_has_ratios_of_the_same_questions_and_growth():
    text = page([shop("small", 1000, 10, 5, 15), shop("large", 10_000, 50, 30, 370)])
    assert "| small | 1,000 | 10 s | 7 s | 5 s | 1.5 GB | 20 s | 2.0 | 20 s | 70 s | 4.5 |" in text
    assert "to the power of 0.70, the notebook's to 1.30" in text
    assert "| training_models | 5.0 | 3.5 | 2.5 | 25.0 | 3.5 | 2.5 |" in text


def test_a_shop_without_a_notebook_has_dashes():
    runs = Run(50, 1.5, "", {}), Run(7, 1.5, "", {}), Run(5, 1.5, "", {})
    text = page([shop("small", 1000, 10, 5, 15), Shop("large", 10_000, *runs)])
    assert "| large | 10,000 | 50 s | 7 s | 5 s | 1.5 GB | - | - | - | - | - | - | - |" in text
    assert "to the power of 0.70." in text


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

    gone = orders(shop_data, "order_purchase_timestamp >= timestamp '2018-02-03'")
    kept = orders(shop_data, "order_purchase_timestamp < timestamp '2018-02-03'")
    assert len(gone) == 1
    assert sorted(orders(tmp_path / "before", "true")) == sorted(kept)
    for table in ("olist_order_payments_dataset", "olist_customers_dataset"):
        lost = rows(shop_data, table) - rows(tmp_path / "before", table)
        assert lost == {row for row in rows(shop_data, table) if row[0] in gone[0]}
    assert rows(shop_data, "olist_products_dataset") == rows(
        tmp_path / "before", "olist_products_dataset"
    )
    write_without_newest_days(4, shop_data, tmp_path / "long before")
    kept = orders(shop_data, "order_purchase_timestamp < timestamp '2018-01-31'")
    assert sorted(orders(tmp_path / "long before", "true")) == sorted(kept)


def test_a_shop_begins_without_the_registry_of_the_one_before(monkeypatch, tmp_path, shop_data):
    """So does the build with a comparison, which is measured as a whole."""
    left = [tmp_path / name for name in ("benchmark.duckdb", "benchmark.previous.duckdb")]
    found = []

    def build(*command):
        found.append(sorted(tmp_path.glob("benchmark.*")))
        for path in left:
            path.touch()
        (tmp_path / "notebook.json").write_text('{"seconds": {}}')
        return Run(1.0, 1.0, "", {})

    monkeypatch.setattr(benchmark, "run", build)
    monkeypatch.setattr(benchmark, "count_customers", lambda warehouse: 2)
    monkeypatch.setattr(benchmark, "check", lambda warehouse, found: 0.0)
    for path in left:
        path.touch()
    measure("shop", shop_data, tmp_path, 2)
    first, weekly, daily, _, comparison = found
    assert (first, weekly, daily, comparison) == ([], left, left, [])


def test_the_project_compares_the_candidates_of_the_notebook():
    told = benchmark.notebook_candidates()
    sets = [told["feature_sets"][name] for name in told["candidate_feature_sets"]]
    assert sets == FEATURE_SETS
    assert told["candidate_algorithms"] == {"kmeans": {"n_segments": list(range(2, 12))}}
