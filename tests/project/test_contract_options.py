"""Relative recency and an observation window, as options and in use."""

import copy
import json
import shutil
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from test_segments import assert_same_features

from conftest import with_any_vars
from pandas_features import features_as_of

pytestmark = pytest.mark.slow

OPTIONS = {
    "recency as a rank": {"feature_set": "rfm-review-rank"},
    "recency as a share": {"feature_set": "rfm-review-share"},
    "twelve months": {"observation_months": 12},
    "all facts": {"observation_months": None},
}
SETTINGS = {
    "observation_months": 6,
    "pinned_candidate": "kmeans-4-rfm-review-rank",
    "contract_options": OPTIONS,
}
WINDOW_BEGINS = datetime(2017, 8, 1)


@pytest.fixture(scope="module")
def built(project, shop_data, tmp_path_factory):
    """The small shop, its model by rank on the facts of six months; and the options compared."""
    return project.dbt_build(
        shop_data,
        tmp_path_factory.mktemp("window") / "shop.duckdb",
        *("--exclude", "selection_fitted_candidates", "--vars", json.dumps(SETTINGS)),
    )


def test_features_within_the_window_equal_pandas_without_older_orders(built, shop, tmp_path, read):
    shop = copy.deepcopy(shop)
    orders = shop.rows["olist_orders_dataset"]
    shop.rows["olist_orders_dataset"] = [
        order for order in orders if order["order_purchase_timestamp"] > WINDOW_BEGINS
    ]
    published = read(built, "select * from marts.customer_segments")
    assert_same_features(
        published, features_as_of(shop.write(tmp_path / "data"), "2018-02-01 00:00:00")
    )
    # Who has not ordered for half a year has no segment.
    assert not published["customer_id"].str.startswith("lapsed").any()
    assert len(published) == 192


def test_the_rank_of_recency_equals_pandas(built, read):
    published = read(built, "select * from marts.customer_segments")
    days = published["recency_days"]
    # pandas ranks from 1 to n and gives ties their mean.
    expected = (days.rank() - 0.5) / len(days)
    assert published["recency_rank"].to_numpy() == pytest.approx(expected)
    assert published["recency_share"].to_numpy() == pytest.approx(days / days.max())


def test_models_are_fitted_by_rank_and_within_the_window(built, read):
    models = read(built, "select * from marts.segment_models")
    assert set(models["feature_set"]) == {"recency_rank, frequency, monetary_value, review_score"}
    features = read(built, "select distinct feature from marts.segment_feature_distributions")
    assert "recency_rank" in set(features["feature"])
    assert models.set_index("fitted_as_of")["customers"]["2018-01-01"] == 180


def test_options_are_held_against_what_is_in_use(built, read):
    options = read(built, "select * from marts.maintenance_options").set_index("option")
    assert options.index[0] == "as in use"
    assert set(options.index) == {"as in use", *OPTIONS}
    months = options["observation_months"]
    assert months.dropna().to_dict() == {
        "as in use": 6,
        "recency as a rank": 6,
        "recency as a share": 6,
        "twelve months": 12,
    }
    assert not options["is_stale"].any()
    # The option that is in use already gives the same; a longer window knows more customers.
    figures = ["customers", "business_sense", "smallest_share", "migrated_share"]
    pd.testing.assert_series_equal(
        options.loc["as in use", figures],
        options.loc["recency as a rank", figures],
        check_names=False,
    )
    known = read(
        built,
        "select count(distinct customer_number) as n from intermediate.int_customer_facts "
        "where fact = 'order placed' and known_at < "
        "(select max(cutoff) from intermediate.int_cutoffs where is_evaluation_date)",
    )["n"][0]
    assert options.loc["twelve months", "customers"] == known
    assert options.loc["all facts", "customers"] == known
    assert options.loc["as in use", "customers"] == 192
    curves = read(built, "select * from marts.maintenance_option_curves")
    assert (curves[curves["weeks"] == 0]["mean_adjusted_rand_index"] == 1).all()
    assert curves["first_adjusted_rand_index"].notna().all()
    np.testing.assert_array_equal(
        curves[curves["option"] == "twelve months"]["start_dates"], [5, 4, 3, 2, 1]
    )


def test_an_option_that_is_declared_otherwise_is_reported(
    project, shop_data, built, tmp_path, read
):
    warehouse = with_any_vars(shutil.copy(built, tmp_path / "shop.duckdb"))
    changed = OPTIONS | {"twelve months": {"observation_months": 13}}
    del changed["all facts"]
    settings = ("--vars", json.dumps(SETTINGS | {"contract_options": changed}))
    asked = ("run", "--select", "monitoring_options", "maintenance_options")
    result = project.dbt(shop_data, warehouse, *asked, *settings)
    assert result.returncode == 0, result.stdout
    options = read(warehouse, "select * from marts.maintenance_options").set_index("option")
    assert set(options.index[options["is_stale"]]) == {"twelve months", "all facts"}
    is_reported = options["sentence"].str.contains("make compare measures it anew")
    assert is_reported.equals(options["is_stale"])
