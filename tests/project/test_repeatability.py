"""The same data give the same marts, in either format; later facts change nothing earlier."""

import copy
import shutil
from datetime import datetime

import duckdb
import pytest

from conftest import marts_of

# What is known up to the end of the small shop, in every room.
EARLIER = {
    "intermediate.int_customer_features": "cutoff <= '2018-01-29'",
    "training.training_models": "fitted_as_of <= '2018-01-29'",
    "training.training_observations": "cutoff <= '2018-01-29'",
    "monitoring.monitoring_agreement": "model_id <= 'kmeans-4-rfm-review-2018-01-29'",
    "champion.champion_decisions": "evaluation_date <= '2018-01-29'",
    "champion.champion_identities": "champion_period = 1",
    "champion.champion_profiles": "champion_period = 1",
    "champion.champion_changes": "evaluation_date <= '2018-01-29'",
    "marts.segment_transitions": "evaluation_date <= '2018-01-29'",
    "monitoring.monitoring_noise": "model_id <= 'kmeans-4-rfm-review-2018-01-29'",
    "marts.maintenance_drift": "evaluation_date <= '2018-01-29'",
    "marts.maintenance_causes": "evaluation_date <= '2018-01-29'",
    "marts.maintenance_migration": "evaluation_date <= '2018-01-29'",
    "marts.segment_stability": "evaluation_date <= '2018-01-29'",
    "marts.segment_stability_by_segment": "evaluation_date <= '2018-01-29'",
    "marts.segment_model_parameters": "model_id <= 'kmeans-4-rfm-review-2018-01-29'",
    "marts.segment_model_centroids": "model_id <= 'kmeans-4-rfm-review-2018-01-29'",
}


# A comparison, a change of model, ninety days or an audience fill these; other tests compare them.
FILLED_BY_OTHERS = [
    "audience_changes",
    "audience_members",
    "campaign_arms",
    "campaign_members",
    "campaign_results",
    "model_comparison_segments",
    "segment_events",
    "maintenance_options",
    "maintenance_option_curves",
    "maintenance_outcomes",
]


def assert_same_marts(first, second):
    """Row for row, in the order in which they are stored."""
    marts = marts_of(first)
    assert marts == marts_of(second)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{first}' as first (read_only)")
        connection.execute(f"attach '{second}' as second (read_only)")
        for mart in marts:
            rows = [
                connection.execute(f"select * from {side}.marts.{mart}").fetchall()
                for side in ("first", "second")
            ]
            assert rows[0] == rows[1], mart
            assert rows[0] or mart in FILLED_BY_OTHERS, mart


@pytest.mark.slow
def test_two_builds_give_identical_marts(project, shop_data, shop_warehouse, tmp_path):
    """By a process with a seed of its own for the hashes of texts."""
    again = tmp_path / "shop.duckdb"
    build = ("build", "--exclude-resource-type", "unit_test", "test")
    with project.started_dbt(shop_data, again, *build) as dbt:
        output = dbt.communicate()[0]
    assert dbt.returncode == 0, output
    assert_same_marts(shop_warehouse, again)


@pytest.mark.slow
def test_parquet_files_give_the_marts_of_the_csv_files(project, shop, shop_warehouse, tmp_path):
    data = shop.write(tmp_path / "data", file_format="parquet")
    assert_same_marts(shop_warehouse, project.dbt_build(data, tmp_path / "shop.duckdb"))


@pytest.mark.slow
def test_later_facts_change_no_earlier_row(project, shop, shop_warehouse, tmp_path, read):
    later = copy.deepcopy(shop)
    # A known customer orders again, a new one comes, and an old order gets a late review.
    later.order("loyal 00", "2018-02-10", 5000, score=1)
    later.order("new", "2018-02-03", 60, score=5)
    later.add(
        "olist_order_reviews_dataset",
        review_id="late review",
        order_id="order 0000",
        review_score=1,
        review_creation_date=datetime(2018, 2, 9),
        review_answer_timestamp=datetime(2018, 2, 9, 12),
    )
    warehouse = project.dbt_build(later.write(tmp_path / "data"), tmp_path / "shop.duckdb")
    for table, condition in EARLIER.items():
        query = f"select * from {table} where {condition} order by all"
        before, after = read(shop_warehouse, query), read(warehouse, query)
        assert len(before), f"{table} is empty"
        assert before.to_csv() == after.to_csv(), table
    # The later facts did arrive.
    newest = read(warehouse, "select * from marts.customer_segments where customer_id = 'loyal 00'")
    assert newest["frequency"].tolist() == [4]


@pytest.mark.olist
def test_two_builds_of_olist_give_identical_marts(project, olist_data, olist_warehouse, tmp_path):
    """By processes with seeds of their own for the hashes of texts."""
    again = tmp_path / "olist.duckdb"
    build = ("build", "--exclude-resource-type", "unit_test", "test")
    with project.started_dbt(olist_data, again, *build) as dbt:
        output = dbt.communicate()[0]
    assert dbt.returncode == 0, output
    assert_same_marts(olist_warehouse, again)


@pytest.mark.slow
def test_evaluations_stand_between_two_dates_and_the_marts_are_those_of_a_whole_build(
    project, shop, tmp_path, read
):
    def make(warehouse, data):
        result = project.make(data, warehouse)
        assert result.returncode in (0, 3), result.stderr
        return "models and contract stand" in result.stdout

    daily, whole = tmp_path / "daily" / "shop.duckdb", tmp_path / "whole" / "shop.duckdb"
    assert not make(daily, shop.write(tmp_path / "first"))
    shutil.copytree(daily.parent, whole.parent)
    with duckdb.connect(str(whole)) as connection:
        connection.execute("drop table raw.build_fingerprint")
    later, dates = copy.deepcopy(shop), []
    # The last of them lies beyond the next evaluation date.
    for day in ("2018-01-31", "2018-02-06"):
        later.order("loyal 00", day, 5000, score=1)
        later.order(f"new on {day}", day, 60, score=5)
        data = later.write(tmp_path / day)
        dates.append((make(daily, data), make(whole, data)))
        assert_same_marts(daily, whole)
        with duckdb.connect(str(whole)) as connection:
            connection.execute("drop table raw.build_fingerprint")
    assert dates == [(True, False), (False, False)]
    models = read(daily, "select max(fitted_as_of) as newest from marts.segment_models")
    assert str(models["newest"][0]) == "2018-02-05 00:00:00"
