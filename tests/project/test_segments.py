"""The small shop: obvious segments come out, as scikit-learn and pandas see them too."""

import pandas as pd
import pytest
from sklearn import metrics

from pandas_features import assert_same_features, features_as_of
from sklearn_labels import predict

FEATURES = ["recency_days", "frequency", "monetary_value", "review_score"]


@pytest.fixture(scope="module")
def model_tables(shop_warehouse):
    import duckdb

    with duckdb.connect(str(shop_warehouse), read_only=True) as connection:
        return {
            name: connection.execute(f"select * from marts.segment_model_{name}").df()
            for name in ("parameters", "centroids")
        }


def labels_of(model_id, features, model_tables):
    return predict(
        features, *(table[table["model_id"] == model_id] for table in model_tables.values())
    )


def test_obvious_segments_are_found_and_named(shop, shop_warehouse, read):
    """Under the first model, on the customers that it is fitted on."""
    spells = read(
        shop_warehouse,
        "select customer_id, segment_name from scoring.score_champion_spells "
        "inner join marts.segment_profiles using (segment_id) where valid_from = '2018-01-01'",
    )
    found = dict(zip(spells["customer_id"], spells["segment_name"], strict=True))
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
    assert as_of == "2018-02-01 00:00:00"  # midnight after the newest order, though it is canceled
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
    assert (predicted.to_numpy() == customers["segment_id"].to_numpy()).all()


def test_stability_equals_scikit_learn(shop_warehouse, read, model_tables):
    """Labels by predict, indices by scikit-learn: nothing of the project's own."""
    stability = read(shop_warehouse, "select * from marts.segment_stability order by review_date")
    assert stability["weeks"].tolist() == [0, 1, 2, 3, 4]
    for row in stability.itertuples():
        features = read(
            shop_warehouse,
            "select * from intermediate.int_customer_features "
            f"where cutoff = '{row.review_date}' order by customer_id",
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
            f"where review_date = '{row.review_date}'",
        )
        table = metrics.cluster.contingency_matrix(frozen, refitted)
        union = table.sum(axis=1)[:, None] + table.sum(axis=0)[None] - table
        assert set(by_segment["jaccard"].round(9)) <= set((table / union).round(9).ravel())
        assert by_segment["share_now"].sum() == pytest.approx(1)
        assert by_segment["share_now_refitted"].sum() == pytest.approx(1)


def test_the_first_comparison_is_of_the_model_with_itself(shop_warehouse, read):
    first = read(shop_warehouse, "select * from marts.segment_stability where weeks = 0")
    assert first["adjusted_rand_index"].tolist() == [1]
    assert first["excess_inertia"][0] == pytest.approx(0, abs=1e-9)


def test_confidence_is_zero_at_the_border_and_points_to_the_runner_up(shop_warehouse, read):
    customers = read(shop_warehouse, "select * from marts.customer_segments")
    assert customers["confidence"].between(0, 1).all()
    assert (customers["runner_up_segment_id"] != customers["segment_id"]).all()


def test_changes_of_segment_follow_the_spells(shop_warehouse, read):
    customers = read(shop_warehouse, "select * from marts.customer_segments")
    spells = read(
        shop_warehouse,
        "select * from scoring.score_champion_spells order by customer_id, valid_from",
    )
    for _, of_customer in spells.groupby("customer_id"):
        # Each spell starts when the one before ends, in another segment.
        assert (
            of_customer["valid_to"].iloc[:-1].tolist()
            == of_customer["valid_from"].iloc[1:].tolist()
        )
        assert (of_customer["segment_id"].diff().iloc[1:] != 0).all()
    last = spells.groupby("customer_id").tail(1).set_index("customer_id")
    joined = customers.join(last.add_suffix("_of_spell"), on="customer_id")
    assert (joined["segment_id"] == joined["segment_id_of_spell"]).all()
    assert (joined["segment_changed_at"] == joined["valid_from_of_spell"]).all()
    assert joined["valid_to_of_spell"].isna().all()


def test_a_model_is_champion_and_the_newest_one_challenger(shop_warehouse, read):
    models = read(shop_warehouse, "select * from marts.segment_models order by fitted_as_of")
    assert models["status"].tolist() == [
        "champion",
        "reviewed",
        "reviewed",
        "reviewed",
        "challenger",
    ]
    assert models["champion_from"][0] == pd.Timestamp("2018-01-01")
    assert models["champion_from"][1:].isna().all()
