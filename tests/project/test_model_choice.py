"""The comparison of candidates in the warehouse: figures, rule, choice, and how long it stands."""

import copy
import hashlib
import json
import shutil

import duckdb
import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score
from sklearn.preprocessing import StandardScaler

from conftest import with_any_vars
from sklearn_labels import predict

pytestmark = pytest.mark.slow

# A small grid, so that builds are quick; DBSCAN and Ward are in it too.
VARS = {
    "feature_sets": {
        "rfm": ["recency_days", "frequency", "monetary_value"],
        "rfm-review": ["recency_days", "frequency", "monetary_value", "review_score"],
    },
    "candidate_feature_sets": ["rfm", "rfm-review"],
    "contract_options": {"six months": {"observation_months": 6}},
    "candidate_algorithms": {
        "kmeans": {"n_segments": [3, 4, 5, 400]},
        "ward": {"n_segments": [3, 4]},
        "dbscan": {"eps_quantile": [0.9], "min_samples": [10]},
    },
    "comparison_resamples": 5,
    # In this shop every segment is clear, so the fewest are not tied with the best.
    "choice_score_tolerance": 0.01,
}


def with_vars(**changes):
    return ["--vars", json.dumps(VARS | changes)]


@pytest.fixture(scope="module")
def compared(project, shop_data, shop_warehouse, tmp_path_factory):
    """The small shop with a comparison of its candidates."""
    warehouse = tmp_path_factory.mktemp("compared") / "shop.duckdb"
    shutil.copy(shop_warehouse, warehouse)
    return project.dbt_build(shop_data, warehouse, "--selector", "comparison", *with_vars())


@pytest.fixture
def rerun(project, shop_data, compared, tmp_path):
    """Runs the models up to the choice on a copy: rerun(data, **vars); no new comparison."""

    def run(data=shop_data, arguments=("--exclude", "selection_fitted_candidates"), **changes):
        warehouse = tmp_path / "shop.duckdb"
        shutil.copy(compared, warehouse)
        selected = ("--select", "+model_comparison", "+model_comparison_segments", *arguments)
        result = project.dbt(data, warehouse, "run", *selected, *with_vars(**changes))
        assert result.returncode == 0, result.stdout
        return warehouse

    return run


@pytest.fixture(scope="module")
def candidates(compared):
    with duckdb.connect(str(compared), read_only=True) as connection:
        return connection.sql("from marts.model_comparison").df().set_index("candidate_id")


def chosen(read, warehouse):
    rows = read(warehouse, "select * from marts.model_comparison where is_chosen")
    assert len(rows) == 1
    return rows.iloc[0]


def models(read, warehouse):
    """What is in use and what was fitted at the newest evaluation date, which is of one kind."""
    return read(
        warehouse,
        "select distinct algorithm, n_segments, feature_set from marts.segment_models "
        "where status in ('champion', 'challenger')",
    )


def test_before_a_comparison_the_default_is_used_and_the_table_says_so(shop_warehouse, read):
    choice = chosen(read, shop_warehouse)
    assert choice.name is not None
    assert choice["candidate_id"] == "kmeans-4-rfm-review"
    assert choice["chosen_by"] == "by default"
    assert choice["reason"] == (
        "The default (default_candidate), because nothing has been compared yet (make compare)."
    )
    assert pd.isna(choice["compared_at"])
    assert models(read, shop_warehouse).to_numpy().tolist() == [
        ["kmeans", 4, "recency_days, frequency, monetary_value, review_score"]
    ]


def test_every_declared_candidate_has_a_row(candidates):
    assert len(candidates) == 2 * 2 * 7
    assert candidates["reason"].notna().all()
    assert candidates["is_chosen"].sum() == 1
    assert set(candidates.index[candidates["algorithm"] == "dbscan"]) == {
        f"dbscan-0.9-10-{name}" for name in ("rfm", "rfm-raw", "rfm-review", "rfm-review-raw")
    }


def test_a_candidate_that_cannot_be_fitted_is_recorded(candidates):
    failed = candidates.loc["kmeans-400-rfm"]
    assert failed["error"] == "too few customers (260) to form 400 segments"
    assert failed["reason"] == f"Not eligible: it could not be fitted: {failed['error']}."
    assert pd.isna(failed["silhouette"])
    assert candidates["error"].notna().sum() == 4  # in each of the four feature sets


def test_the_comparison_finds_the_four_groups_and_they_are_what_is_fitted(
    compared, read, candidates, shop
):
    choice = chosen(read, compared)
    assert choice["chosen_by"] == "by the comparison"
    assert choice["n_segments"] == 4
    assert choice["feature_set"].startswith("rfm-review")
    assert choice["segment_nature"] == "natural"
    assert not choice["is_stale"]
    assert models(read, compared)["n_segments"].tolist() == [4]
    intervals = read(
        compared,
        "select customer_id, segment_name from marts.customer_segment_history "
        "where valid_from = '2018-01-01'",
    )
    assert dict(zip(intervals["customer_id"], intervals["segment_name"], strict=True)) == (
        shop.expected_segments
    )


def test_the_rule_in_pandas_makes_the_same_choice(candidates):
    """Constraints first, then near the best, then fewer segments, then the score."""
    table = candidates
    naming = ["recency_days", "frequency", "monetary_value", "review_score"]
    business_sense = table[[f"separation_{name}" for name in naming]].mean(axis=1)
    score = (business_sense + table["balance"] + table["silhouette"]) / 3
    compared = table["error"].isna()
    assert table["score"][compared].tolist() == pytest.approx(score[compared].tolist(), nan_ok=True)
    eligible = (
        table["clusters"].between(3, 8)
        & (table["smallest_share"] >= 0.02)
        & (table["noise_share"] <= 0.05)
        & (table["algorithm"] != "dbscan")
        & (table["distinct_names"] == table["clusters"])
        & (table["resampling_agreement"] >= 0.8)
        & (table["resampling_agreement_p05"] >= 0.7)
        & (table["seed_agreement"] >= 0.8)
        & (table["lowest_jaccard"] >= 0.75)
    )
    assert eligible.tolist() == table["is_eligible"].tolist()
    assert 0 < eligible.sum() < len(table)
    near = table[eligible & (score >= score[eligible].max() - 0.01)]
    best = (
        near.assign(score=score)
        .sort_values(["clusters", "score"], ascending=[True, False])
        .index[0]
    )
    assert table.index[table["is_chosen"]].tolist() == [best]


def test_figures_in_the_warehouse_are_scikit_learns(compared, read, candidates):
    """From the features in the warehouse, with nothing of the project's own."""
    features = read(
        compared,
        "select * from intermediate.int_customer_features "
        "where cutoff = '2018-01-01' order by customer_id",
    )
    for scale in ("", "-raw"):
        row = candidates.loc[f"kmeans-4-rfm-review{scale}"]
        columns = features[VARS["feature_sets"]["rfm-review"]].astype(float)
        columns = columns.clip(columns.quantile(0.001), columns.quantile(0.999), axis=1)
        if scale == "":
            logged = ["frequency", "monetary_value"]
            columns[logged] = np.log1p(columns[logged])
        observations = StandardScaler().fit_transform(columns.fillna(columns.mean()))
        labels = KMeans(4, n_init=20, tol=0, random_state=0).fit_predict(observations)
        assert row["customers"] == len(observations)
        assert row["silhouette"] == pytest.approx(silhouette_score(observations, labels))
        assert row["davies_bouldin"] == pytest.approx(davies_bouldin_score(observations, labels))
        assert row["calinski_harabasz"] == pytest.approx(
            calinski_harabasz_score(observations, labels)
        )
        assert row["smallest_share"] == pytest.approx(np.bincount(labels).min() / len(labels))


def test_segments_of_candidates_are_named_and_counted(compared, read, candidates):
    segments = read(compared, "select * from marts.model_comparison_segments")
    sizes = segments.groupby("candidate_id")["customers"].agg(["sum", "count", "min"])
    for candidate_id, row in sizes.iterrows():
        candidate = candidates.loc[candidate_id]
        assert row["count"] == candidate["clusters"]
        assert row["sum"] == round(260 * (1 - candidate["noise_share"]))
        assert row["min"] == round(260 * candidate["smallest_share"])
    named = segments[segments["candidate_id"] == "kmeans-4-rfm-review"]
    assert set(named["segment_name"]) == {
        "Loyal customers",
        "Dissatisfied customers",
        "Recent customers",
        "Lapsed customers",
    }
    loyal = named[named["segment_name"] == "Loyal customers"].iloc[0]
    assert loyal["segment_id"] == 1  # the highest mean spend
    assert loyal["median_frequency"] == 3
    assert loyal["customers"] == 40


def test_other_customers_make_it_stale_and_it_says_so(rerun, shop, read, tmp_path):
    changed = copy.deepcopy(shop)
    changed.order("newly loaded", "2017-10-01", 99, score=5)
    choice = chosen(read, rerun(changed.write(tmp_path / "data")))
    assert choice["chosen_by"] == "by the comparison"
    assert choice["is_stale"]
    assert choice["stale_reason"] == "the customers have changed since"


def test_a_daily_build_keeps_the_comparison_and_its_choice(rerun, shop, compared, read, tmp_path):
    """Later orders do not make it stale: it is of the customers as of the first evaluation date."""
    later = copy.deepcopy(shop)
    later.order("loyal 00", "2018-02-10", 5000, score=1)
    again = rerun(later.write(tmp_path / "data"))
    before, after = (read(w, "select * from marts.model_comparison") for w in (compared, again))
    pd.testing.assert_frame_equal(before, after)
    assert after["is_stale"].tolist() == [False] * len(after)


def test_a_sample_of_the_customers_is_reported(rerun, read):
    warehouse = rerun(arguments=(), comparison_max_customers=200)
    table = read(warehouse, "select * from marts.model_comparison").set_index("candidate_id")
    assert set(table["customers"]) == {200}
    assert set(table["basis"]) == {"all customers; in a sample of 200 of 260 customers"}
    drawn = read(warehouse, "select customer_id from selection.selection_customers")["customer_id"]
    everyone = read(
        warehouse,
        "select customer_id from intermediate.int_customer_features where cutoff = '2018-01-01'",
    )["customer_id"]
    by_hash = sorted(everyone, key=lambda name: hashlib.md5(name.encode()).hexdigest())
    assert set(drawn) == set(by_hash[:200])


def test_other_settings_make_it_stale(rerun, read):
    choice = chosen(read, rerun(comparison_resamples=6))
    assert choice["stale_reason"] == "settings have changed since"


def test_a_candidate_pinned_by_hand_is_fitted_and_scored(
    project, shop_data, compared, read, tmp_path
):
    """Ward, with other features and fewer segments: SQL labels are those of its centroids."""
    warehouse = tmp_path / "shop.duckdb"
    shutil.copy(compared, warehouse)
    project.dbt_build(shop_data, warehouse, *with_vars(pinned_candidate="ward-3-rfm-raw"))
    choice = chosen(read, warehouse)
    assert choice["candidate_id"] == "ward-3-rfm-raw"
    assert choice["chosen_by"] == "by hand"
    assert choice["reason"].startswith("Pinned by hand (pinned_candidate). The comparison would")
    assert models(read, warehouse).to_numpy().tolist() == [
        ["ward", 3, "recency_days, frequency, monetary_value"]
    ]
    customers = read(warehouse, "select * from marts.customer_segments")
    model_id = customers["model_id"][0]
    assert model_id == "ward-3-rfm-raw-2018-01-29"  # it takes over at the newest evaluation date
    parameters, centroids = (
        read(warehouse, f"select * from marts.segment_model_{name} where model_id = '{model_id}'")
        for name in ("parameters", "centroids")
    )
    assert set(parameters["transform"]) == {"identity"}
    segments = centroids.drop_duplicates("cluster").set_index("cluster")["segment_id"]
    predicted = segments.loc[predict(customers, parameters, centroids)]
    assert (predicted.to_numpy() == customers["nearest_segment_id"].to_numpy()).all()
    # The fit in the comparison, on the same customers, has the same sizes.
    compared_sizes = read(
        warehouse,
        "select customers from marts.model_comparison_segments "
        "where candidate_id = 'ward-3-rfm-raw' order by 1",
    )["customers"].tolist()
    fitted_on = read(
        warehouse, "select * from intermediate.int_customer_features where cutoff = '2018-01-01'"
    )
    first = (
        read(
            warehouse,
            f"select * from marts.segment_model_{name} "
            "where model_id = 'ward-3-rfm-raw-2018-01-01'",
        )
        for name in ("parameters", "centroids")
    )
    assert sorted(np.bincount(predict(fitted_on, *first))) == compared_sizes


@pytest.mark.parametrize(
    ("pinned", "told"),
    [
        ("kmeans-12-rfm", "is no declared candidate"),
        ("dbscan-0.9-10-rfm", "cannot score later customers"),
    ],
)
def test_a_pin_that_cannot_be_used_is_a_clear_error(
    project, shop_data, compared, tmp_path, pinned, told
):
    warehouse = with_any_vars(shutil.copy(compared, tmp_path / "shop.duckdb"))
    result = project.dbt(
        shop_data,
        warehouse,
        *("run", "--select", "selection_ranked_candidates", *with_vars(pinned_candidate=pinned)),
    )
    assert result.returncode != 0
    assert f"pinned_candidate is {pinned}, which {told}" in result.stdout
    assert "such as kmeans-4-rfm-review" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_a_comparison_of_another_version_is_dropped(project, shop_data, compared, read, tmp_path):
    warehouse = tmp_path / "shop.duckdb"
    shutil.copy(compared, warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "alter table selection.selection_fitted_candidates rename eps to epsilon"
        )
    models_of_the_choice = [
        "selection_candidate_segments+",
        "--exclude",
        "selection_chosen_candidate+",
    ]
    result = project.dbt(
        shop_data, warehouse, "run", "--select", *models_of_the_choice, *with_vars()
    )
    assert result.returncode == 0, result.stdout
    assert chosen(read, warehouse)["chosen_by"] == "by default"


@pytest.mark.parametrize("table", ["selection_fitted_candidates", "monitoring_contract_options"])
def test_a_kept_table_is_declared_as_the_comparison_writes_it(
    shop_warehouse, compared, read, table
):
    columns = "select column_name, data_type from duckdb_columns() where table_name = '{}'"
    declared, written = (
        read(w, columns.format(table)).set_index("column_name")["data_type"]
        for w in (shop_warehouse, compared)
    )
    assert declared.sort_index().to_dict() == written.sort_index().to_dict()


def test_two_comparisons_agree_in_all_but_time(rerun, compared, read):
    again = rerun(arguments=())
    query = "select * exclude (fit_seconds, compared_at) from marts.model_comparison"
    pd.testing.assert_frame_equal(read(compared, query), read(again, query))
    query = "select * from marts.model_comparison_segments"
    pd.testing.assert_frame_equal(read(compared, query), read(again, query))
    stamps = [
        read(w, "select max(compared_at) from marts.model_comparison") for w in (compared, again)
    ]
    assert stamps[0].iloc[0, 0] < stamps[1].iloc[0, 0]


def test_make_build_keeps_the_published_comparison_and_tells_that_it_is_stale(
    project, shop_data, compared, read, tmp_path
):
    """The script builds with the settings of dbt_project.yml, which are not those of this file."""
    warehouse = tmp_path / "shop.duckdb"
    shutil.copy(compared, warehouse)
    result = project.make(shop_data, warehouse)
    assert result.returncode == 0, result.stderr
    told = " ".join(result.stdout.split())
    choice = chosen(read, warehouse)
    assert (
        f"Model: {choice['candidate_id']}, chosen by the comparison. Candidates were compared on 20"
        in told
    )
    assert "The comparison is STALE: settings have changed since; make compare" in told
    assert choice["compared_at"] == chosen(read, compared)["compared_at"]


def test_more_segments_than_can_be_scored_stop_before_anything_is_fitted(
    project, shop_data, compared, tmp_path
):
    warehouse = with_any_vars(shutil.copy(compared, tmp_path / "shop.duckdb"))
    result = project.dbt(
        shop_data,
        warehouse,
        *(
            "run",
            "--select",
            "selection_candidates",
            "selection_measured_candidates",
            "selection_constraints",
            "selection_ranked_candidates",
            "selection_judged_candidates",
            "selection_chosen_candidate",
            "training_observations",
        ),
        *with_vars(pinned_candidate="kmeans-400-rfm"),
    )
    assert "kmeans-400-rfm cannot be used: 62 segments are the most" in result.stdout
