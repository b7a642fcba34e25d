"""The real Olist tables: control figures, and every result against an independent computation."""

import pytest
from sklearn import metrics
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

from pandas_features import assert_same_features, features_as_of, read_raw
from sklearn_labels import predict

pytestmark = pytest.mark.olist

# Agreement of a refit with the model of 2018-01-01 by weeks since, computed independently of this
# project: with all review scores known, and with only those written by then.
CURVE_OF_ALL_SCORES = {2: 0.95, 4: 0.91, 6: 0.87, 8: 0.83, 10: 0.79, 12: 0.75, 16: 0.70, 20: 0.59}
CURVE_OF_KNOWN_SCORES = {2: 0.96, 6: 0.88, 10: 0.80, 14: 0.74, 18: 0.62}


def features_at(read, warehouse, cutoff):
    return read(
        warehouse,
        "select * from intermediate.int_customer_features "
        f"where cutoff = '{cutoff}' order by customer_id",
    )


@pytest.fixture(scope="module")
def model_tables(olist_warehouse):
    import duckdb

    with duckdb.connect(str(olist_warehouse), read_only=True) as connection:
        return [
            connection.execute(f"select * from marts.segment_model_{name}").df()
            for name in ("parameters", "centroids")
        ]


def labels_of(model_id, features, model_tables):
    return predict(features, *(t[t["model_id"] == model_id] for t in model_tables))


def test_every_raw_row_and_centavo_is_accounted_for(olist_warehouse, read):
    ledger = read(
        olist_warehouse, "select * from marts.data_quality_ledger where rule = 'all rules'"
    ).set_index("raw_table")
    rows_in = ledger["rows_in"].to_dict()
    assert rows_in == {
        "olist_customers_dataset": 99_441,
        "olist_orders_dataset": 99_441,
        "olist_order_items_dataset": 112_650,
        "olist_order_payments_dataset": 103_886,
        "olist_order_reviews_dataset": 99_224,
        "olist_products_dataset": 32_951,
        "olist_sellers_dataset": 3_095,
        "olist_geolocation_dataset": 1_000_163,
        "product_category_name_translation": 71,
    }
    assert (ledger["rows_in"] == ledger["rows_accepted"] + ledger["rows_rejected"]).all()
    money = read(
        olist_warehouse,
        "select sum(payment_value) as paid, sum(items_value) as price, "
        "sum(freight_value) as freight, count(distinct customer_id) as customers "
        "from staging.stg_olist__orders_joined",
    ).iloc[0]
    assert float(money["paid"]) == pytest.approx(16_008_872.12, abs=0.001)
    assert float(money["price"]) == pytest.approx(13_591_643.70, abs=0.001)
    assert float(money["freight"]) == pytest.approx(2_251_909.54, abs=0.001)
    assert money["customers"] == 96_096


def test_the_published_state_equals_pandas_for_every_customer(olist_data, olist_warehouse, read):
    built = read(olist_warehouse, "select * from marts.customer_segments")
    assert str(built["as_of"][0]) == "2018-09-04 00:00:00"
    assert len(built) == 94_990
    assert_same_features(built, features_as_of(olist_data, "2018-09-04"))


@pytest.mark.parametrize("cutoff", ["2018-01-01", "2018-05-21"])
def test_features_as_of_a_evaluation_date_equal_pandas(olist_data, olist_warehouse, read, cutoff):
    assert_same_features(
        features_at(read, olist_warehouse, cutoff), features_as_of(olist_data, cutoff)
    )


def test_scoring_in_sql_equals_predict_for_every_customer(olist_warehouse, read, model_tables):
    customers = read(olist_warehouse, "select * from marts.customer_segments")
    model_id = customers["model_id"][0]
    centroids = model_tables[1]
    segments = (
        centroids[centroids["model_id"] == model_id]
        .drop_duplicates("cluster")
        .set_index("cluster")["segment_id"]
    )
    predicted = segments.loc[labels_of(model_id, customers, model_tables)].to_numpy()
    assert (predicted != customers["nearest_segment_id"].to_numpy()).sum() == 0


def test_stability_equals_scikit_learn_at_every_evaluation_date(
    olist_warehouse, read, model_tables
):
    """Of the first model with all later ones; of the others a pair each."""
    stability = read(
        olist_warehouse, "select * from marts.segment_stability order by evaluation_date"
    )
    assert len(stability) == 36 * 37 / 2
    is_first = stability["origin_model_id"] == "kmeans-4-rfm-review-2018-01-01"
    is_of_a_quarter = stability["weeks"] == 13
    stability = stability[is_first | is_of_a_quarter]
    assert len(stability) == 36 + 22
    for row in stability.itertuples():
        features = features_at(read, olist_warehouse, row.evaluation_date)
        frozen = labels_of(row.origin_model_id, features, model_tables)
        refitted = labels_of(row.model_id, features, model_tables)
        assert row.adjusted_rand_index == pytest.approx(
            metrics.adjusted_rand_score(frozen, refitted), abs=1e-9
        )


@pytest.mark.parametrize("curve", [CURVE_OF_ALL_SCORES, CURVE_OF_KNOWN_SCORES])
def test_the_curve_of_the_first_model_is_the_known_one(olist_warehouse, read, curve):
    stability = read(
        olist_warehouse,
        "select * from marts.segment_stability where origin_model_id like '%-2018-01-01'",
    )
    by_week = stability.set_index("weeks")["adjusted_rand_index"]
    assert {week: by_week[week] for week in curve} == pytest.approx(curve, abs=0.03)


def test_the_first_model_is_what_scikit_learn_fits(olist_data, olist_warehouse, read, model_tables):
    """A plain pipeline in pandas and scikit-learn, from the raw files on, without the caps."""
    import numpy as np

    features = features_as_of(olist_data, "2018-01-01")[
        ["recency_days", "frequency", "monetary_value", "review_score"]
    ].fillna({"review_score": features_as_of(olist_data, "2018-01-01")["review_score"].mean()})
    assert len(features) == 43_322
    features[["frequency", "monetary_value"]] = np.log1p(features[["frequency", "monetary_value"]])
    observations = StandardScaler().fit_transform(features)
    labels = KMeans(4, n_init=10, tol=1e-8, max_iter=1000, random_state=0).fit_predict(observations)
    built = features_at(read, olist_warehouse, "2018-01-01")
    ours = labels_of("kmeans-4-rfm-review-2018-01-01", built, model_tables)
    assert metrics.adjusted_rand_score(labels, ours) > 0.98


def test_a_review_that_is_not_written_yet_does_not_count(olist_data, olist_warehouse, read):
    """Scores as of a cut-off differ from those of today: the future does not leak."""
    cutoff = "2018-01-01"
    built = features_at(read, olist_warehouse, cutoff).set_index("customer_id")["review_score"]
    orders = read_raw(olist_data, "orders").merge(
        read_raw(olist_data, "customers"), on="customer_id"
    )
    orders = orders[orders["order_purchase_timestamp"] < cutoff]
    today = (
        orders.merge(read_raw(olist_data, "order_reviews"), on="order_id")
        .groupby("customer_unique_id")["review_score"]
        .mean()
    )
    assert built.isna().sum() > today.reindex(built.index).isna().sum() + 2_000


@pytest.fixture(scope="module")
def olist_comparison(project, olist_data, olist_warehouse, tmp_path_factory):
    """A comparison of KMeans candidates, with fewer resamples than the default."""
    import json
    import shutil

    warehouse = tmp_path_factory.mktemp("comparison") / "olist.duckdb"
    shutil.copy(olist_warehouse, warehouse)
    settings = {
        "candidate_algorithms": {"kmeans": {"n_segments": [4, 5, 6]}},
        "comparison_resamples": 5,
    }
    selected = ["+model_comparison", "+model_comparison_segments"]
    result = project.dbt(
        olist_data, warehouse, "run", "--select", *selected, "--vars", json.dumps(settings)
    )
    assert result.returncode == 0, result.stdout
    return warehouse


def test_silhouettes_are_the_known_ones(olist_comparison, read):
    """Around .38 with logarithms; .52 and more untransformed, for a clump that recency cuts."""
    table = read(olist_comparison, "select * from marts.model_comparison").set_index("candidate_id")
    log, raw = table.loc["kmeans-4-rfm"], table.loc["kmeans-4-rfm-raw"]
    assert log["customers"] == 43_322
    assert log["basis"] == "all customers"
    assert 0.36 < log["silhouette"] < 0.40
    assert 0.50 < raw["silhouette"] < 0.60
    assert raw["balance"] < log["balance"] - 0.15
    assert log["silhouette_standard_error"] < 0.004


def test_five_segments_with_reviews_are_chosen(olist_comparison, read):
    choice = read(olist_comparison, "select * from marts.model_comparison where is_chosen").iloc[0]
    assert choice["candidate_id"] == "kmeans-5-rfm-review"
    assert choice["chosen_by"] == "by the comparison"
    assert choice["segment_nature"] == "reproducible"
    assert choice["lowest_jaccard"] > 0.9
    segments = read(
        olist_comparison,
        "select * from marts.model_comparison_segments "
        f"where candidate_id = '{choice['candidate_id']}'",
    )
    assert set(segments["segment_name"]) == {
        "Big spenders",
        "Loyal customers",
        "Dissatisfied customers",
        "Recent small spenders",
        "Lapsed customers",
    }
    assert segments["customers"].sum() == 43_322


def test_the_report_of_olist_is_small_and_tells_its_figures(project, olist_warehouse, tmp_path):
    result = project.report(olist_warehouse, tmp_path / "report")
    assert result.returncode == 0, result.stdout + result.stderr
    shared = sum(path.stat().st_size for path in (tmp_path / "report" / "assets").iterdir())
    for name in ("index", "exploration", "choice", "maintenance", "method"):
        assert (tmp_path / "report" / f"{name}.html").stat().st_size + shared < 2_000_000
    index = (tmp_path / "report" / "index.html").read_text()
    assert '<data value="94990">94,990</data> customers' in index
    assert "R$ 15,739,280" in index
