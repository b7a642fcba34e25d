"""The small shop: obvious segments come out, as scikit-learn and pandas see them too."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from pandas_features import assert_same_features, features_as_of
from sklearn_labels import centroid_table, predict, scale

FEATURES = ["recency_days", "frequency", "monetary_value", "review_score"]


@pytest.fixture(scope="module")
def model_tables(shop_warehouse):
    import duckdb

    with duckdb.connect(str(shop_warehouse), read_only=True) as connection:
        return {
            name: connection.execute(f"select * from marts.segment_model_{name}").df()
            for name in ("parameters", "centroids")
        }


def of_model(model_id, model_tables):
    return [table[table["model_id"] == model_id] for table in model_tables.values()]


def labels_of(model_id, features, model_tables):
    return predict(features, *of_model(model_id, model_tables))


def test_obvious_segments_are_found_and_named(shop, shop_warehouse, read):
    """Under the first model, on the customers that it is fitted on."""
    intervals = read(
        shop_warehouse,
        "select customer_id, segment_name from marts.customer_segment_history "
        "where valid_from = '2018-01-01'",
    )
    found = dict(zip(intervals["customer_id"], intervals["segment_name"], strict=True))
    assert found == shop.expected_segments


def test_segments_are_numbered_by_mean_spend(shop_warehouse, read):
    profiles = read(shop_warehouse, "select * from marts.segment_profiles order by segment_id")
    assert profiles["segment_id"].tolist() == [1, 2, 3, 4]
    assert profiles["segment_name"][0] == "Loyal customers"


def test_profiles_sum_up_the_customers(shop_warehouse, read):
    customers = read(shop_warehouse, "select * from marts.customer_segments")
    profiles = read(shop_warehouse, "select * from marts.segment_profiles").set_index("segment_id")
    assert profiles["customers"].sum() == len(customers)
    for segment_id, segment in customers.groupby("segment_id"):
        profile = profiles.loc[segment_id]
        assert profile["customers"] == len(segment)
        assert profile["share"] == pytest.approx(len(segment) / len(customers))
        assert float(profile["revenue"]) == pytest.approx(segment["monetary_value"].sum())
        assert profile["median_recency_days"] == segment["recency_days"].median()
    assert profiles["revenue_share"].sum() == pytest.approx(1)
    ranked = customers.sort_values(["monetary_value", "customer_id"], ascending=[False, True])
    reached = ranked["monetary_value"].cumsum().shift(fill_value=0) * 2
    few = ranked[reached < ranked["monetary_value"].sum()].groupby("segment_id").size()
    told = profiles["half_revenue_customers"]
    assert told[told > 0].to_dict() == few.to_dict()


def test_distributions_are_those_of_the_customers(shop_warehouse, read):
    customers = read(shop_warehouse, "select * from marts.customer_segments")
    table = read(shop_warehouse, "select * from marts.segment_feature_distributions")
    assert len(table) == customers["segment_id"].nunique() * len(FEATURES)
    for row in table.itertuples():
        values = customers[customers["segment_id"] == row.segment_id][row.feature].astype(float)
        assert row.known_customers == values.count()
        assert row.mean == pytest.approx(values.mean(), abs=1e-6)
        assert row.p05 == pytest.approx(values.quantile(0.05))
        assert row.p95 == pytest.approx(values.quantile(0.95))
        assert (row.min, row.max) == (values.min(), values.max())


def test_the_published_state_equals_pandas(shop_data, shop_warehouse, read):
    built = read(shop_warehouse, "select * from marts.customer_segments")
    as_of = str(built["as_of"][0])
    assert as_of == "2018-02-01 00:00:00"  # midnight after the newest counted order
    assert_same_features(built, features_as_of(shop_data, as_of))


def test_scoring_in_sql_equals_predict_for_every_customer(shop_warehouse, read, model_tables):
    customers = read(shop_warehouse, "select * from marts.customer_segments")
    model_id = customers["model_id"][0]
    centroids = model_tables["centroids"]
    segments = (
        centroids[centroids["model_id"] == model_id]
        .drop_duplicates("cluster")
        .set_index("cluster")["segment_id"]
    )
    predicted = segments.loc[labels_of(model_id, customers, model_tables)]
    assert (predicted.to_numpy() == customers["nearest_segment_id"].to_numpy()).all()


def test_stability_equals_scikit_learn(shop_warehouse, read, model_tables):
    """Labels by predict, indices by scikit-learn: nothing of the project's own."""
    stability = read(shop_warehouse, "select * from marts.segment_stability")
    # Every model with every later one, and itself.
    assert sorted(stability["weeks"]) == sorted([0] * 5 + [1] * 4 + [2] * 3 + [3] * 2 + [4])
    for row in stability.itertuples():
        features = read(
            shop_warehouse,
            "select * from intermediate.int_customer_features "
            f"where cutoff = '{row.evaluation_date}' order by customer_id",
        )
        frozen = labels_of(row.origin_model_id, features, model_tables)
        refitted = labels_of(row.model_id, features, model_tables)
        assert row.customers == len(features)
        assert row.adjusted_rand_index == pytest.approx(
            metrics.adjusted_rand_score(frozen, refitted), abs=1e-9
        )
        assert row.adjusted_mutual_information == pytest.approx(
            metrics.adjusted_mutual_info_score(frozen, refitted), abs=1e-9
        )
        by_segment = read(
            shop_warehouse,
            "select * from marts.segment_stability_by_segment "
            f"where origin_model_id = '{row.origin_model_id}' and model_id = '{row.model_id}'",
        )
        table = metrics.cluster.contingency_matrix(frozen, refitted)
        union = table.sum(axis=1)[:, None] + table.sum(axis=0)[None] - table
        assert set(by_segment["jaccard"].round(9)) <= set((table / union).round(9).ravel())
        assert by_segment["share_now"].sum() == pytest.approx(1)
        assert by_segment["share_now_refitted"].sum() == pytest.approx(1)


def test_the_first_comparison_is_of_the_model_with_itself(shop_warehouse, read):
    first = read(shop_warehouse, "select * from marts.segment_stability where weeks = 0")
    assert (first["origin_model_id"] == first["model_id"]).all()
    assert first["adjusted_rand_index"].tolist() == [1] * 5
    assert first["excess_inertia"].tolist() == pytest.approx([0] * 5, abs=1e-9)


def test_confidence_compares_the_distances_to_the_two_nearest_centroids(
    shop_warehouse, read, model_tables
):
    customers = read(shop_warehouse, "select * from marts.customer_segments")
    parameters, centroids = of_model(customers["model_id"][0], model_tables)
    observations = scale(customers, parameters)
    table = centroid_table(centroids)[observations.columns]
    distances = np.linalg.norm(observations.to_numpy()[:, None] - table.to_numpy()[None], axis=2)
    nearest = np.sort(distances, axis=1)
    assert customers["confidence"].to_numpy() == pytest.approx(1 - nearest[:, 0] / nearest[:, 1])
    segments = centroids.drop_duplicates("cluster").set_index("cluster")["segment_id"]
    order = table.index.to_numpy()[np.argsort(distances, axis=1)]
    assert (segments.loc[order[:, 1]].to_numpy() == customers["runner_up_segment_id"]).all()


def test_scaled_distributions_are_those_of_the_scaled_customers(shop_warehouse, read, model_tables):
    customers = read(shop_warehouse, "select * from marts.customer_segments")
    observations = scale(customers, of_model(customers["model_id"][0], model_tables)[0])
    table = read(shop_warehouse, "select * from marts.segment_feature_distributions")
    for row in table.itertuples():
        values = observations[customers["segment_id"] == row.segment_id][row.feature]
        assert row.customers == len(values)
        assert row.mean_scaled == pytest.approx(values.mean(), abs=1e-6)
        assert row.p25_scaled == pytest.approx(values.quantile(0.25))
        assert row.p50_scaled == pytest.approx(values.median())
        assert (row.min_scaled, row.max_scaled) == pytest.approx((values.min(), values.max()))


def test_shares_and_centroid_shifts_are_those_of_the_models(shop_warehouse, read, model_tables):
    by_segment = read(
        shop_warehouse,
        "select * from marts.segment_stability_by_segment "
        "where origin_model_id like '%-2018-01-01' order by evaluation_date, segment_id",
    )
    at_origin = by_segment[by_segment["weeks"] == 0].set_index("segment_id")
    last = by_segment[by_segment["weeks"] == 4].set_index("segment_id")
    assert (last["share_then"] == at_origin["share_now"]).all()
    assert (last["share_then"] != last["share_now"]).any()
    assert at_origin["centroid_shift"].to_numpy() == pytest.approx(0, abs=1e-9)
    parameters, then = of_model(last["origin_model_id"].iloc[0], model_tables)
    _, now = of_model(last["model_id"].iloc[0], model_tables)
    for segment_id, row in last.iterrows():
        # The refit's centroid, in original units, scaled as the origin scales.
        moved = scale(
            centroid_table(now[now["segment_id"] == segment_id], "centroid"),
            parameters.assign(lower_cap=-np.inf, upper_cap=np.inf),
        )
        home = centroid_table(then[then["segment_id"] == segment_id])[moved.columns]
        shift = np.linalg.norm(moved.to_numpy() - home.to_numpy())
        assert row["centroid_shift"] == pytest.approx(shift)


def test_marts_are_stored_by_their_key(shop_warehouse, read):
    customers = read(shop_warehouse, "select * from marts.customer_segments")
    assert customers["customer_id"].is_monotonic_increasing


def test_a_model_is_champion_and_the_newest_one_challenger(shop_warehouse, read):
    models = read(shop_warehouse, "select * from marts.segment_models order by fitted_as_of")
    assert models["status"].tolist() == [
        "champion",
        "evaluated",
        "evaluated",
        "evaluated",
        "challenger",
    ]
    assert models["champion_from"][0] == pd.Timestamp("2018-01-01")
    assert models["champion_from"][1:].isna().all()
