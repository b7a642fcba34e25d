"""marts.segment_of gives the segment that a customer of these features has."""

import json

import duckdb
import pytest

FEATURES = ["recency_days", "frequency", "monetary_value", "review_score", "basket_size"]
FEATURES += ["delivery_days", "recency_rank", "recency_share"]
GIVEN = ", ".join(f"{feature} := customers.{feature}" for feature in FEATURES)


def assert_equal_for_every_customer(warehouse) -> int:
    """Compare with customer_segments; returns how many customers there are."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        ((customers, found, segments, names, runners_up, confidence, models),) = connection.sql(
            f"""
            select
                (select count(*) from marts.customer_segments),
                count(*),
                count(*) filter (found.segment_id != nearest_segment_id),
                count(*) filter (not is_held and found.segment_name != customers.segment_name),
                count(*) filter (
                    not is_held and found.runner_up_segment_id != customers.runner_up_segment_id
                ),
                count(*) filter (not is_held and found.confidence != customers.confidence),
                count(*) filter (found.model_id != customers.model_id)
            from marts.customer_segments as customers, marts.segment_of({GIVEN}) as found
            """
        ).fetchall()
    assert found == customers
    assert (segments, names, runners_up, confidence, models) == (0, 0, 0, 0, 0)
    return customers


def test_it_is_the_segment_of_every_customer(shop_warehouse):
    assert assert_equal_for_every_customer(shop_warehouse) > 100


def test_a_feature_that_is_not_given_is_imputed(shop_warehouse, read):
    """As that of a customer of whom nothing is known."""
    (value,) = read(
        shop_warehouse,
        "select imputation_value from marts.segment_model_parameters as parameters "
        "semi join marts.customer_segments as customers "
        "on parameters.model_id = customers.scaling_model_id where feature = 'review_score'",
    )["imputation_value"]
    given = "recency_days := 3, frequency := 2, monetary_value := 120"
    without = read(shop_warehouse, f"from marts.segment_of({given})")
    imputed = read(shop_warehouse, f"from marts.segment_of({given}, review_score := {value!r})")
    assert len(without) == 1
    assert without.equals(imputed)


def test_what_bi_tools_read_has_it_too(project, shop_warehouse, tmp_path):
    exported = project.script(
        "export.py", "--warehouse", shop_warehouse, "--folder", tmp_path / "export"
    )
    assert exported.returncode == 0, exported.stderr
    assert_equal_for_every_customer(tmp_path / "export" / "segments.duckdb")


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"pinned_candidate": "kmeans-3-rfm-rank"},
        {"refit_policy": "recentre"},
        {"pinned_candidate": "kmeans-5-rfm-review-raw", "hysteresis_margin": 0},
    ],
)
def test_it_follows_the_model_in_use(project, shop_data, tmp_path, changes):
    warehouse = tmp_path / "shop.duckdb"
    project.dbt_build(shop_data, warehouse, "--vars", json.dumps(changes))
    assert_equal_for_every_customer(warehouse)


@pytest.mark.olist
def test_on_olist_it_is_the_segment_of_every_customer(olist_warehouse):
    assert assert_equal_for_every_customer(olist_warehouse) == 94_990


def test_the_query_for_spark_takes_each_feature_as_a_parameter(project, shop_data, shop_warehouse):
    compiled = project.dbt(shop_data, shop_warehouse, "compile", "--select", "segment_of")
    assert compiled.returncode == 0, compiled.stdout
    assert all(f"cast(:{feature} as double)" in compiled.stdout for feature in FEATURES)
