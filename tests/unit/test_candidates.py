"""Three candidates per algorithm, every figure recomputed from scratch with scikit-learn."""

import warnings
from datetime import datetime
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.metrics import (
    adjusted_rand_score,
    calinski_harabasz_score,
    davies_bouldin_score,
    jaccard_score,
    silhouette_samples,
    silhouette_score,
)
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from segmentation import candidates as candidates_module
from segmentation import clustering, kmeans
from segmentation.candidates import COMPARISON_SCHEMA, compare_candidates
from segmentation.resampling import bootstrap_counts

TRANSFORMS = {
    "recency_days": "identity",
    "frequency": "log1p",
    "monetary_value": "log1p",
    "review_score": "identity",
}
RFM = ["recency_days", "frequency", "monetary_value"]
CAPS = (0.01, 0.99)
SETTINGS = {
    "cap_quantiles": CAPS,
    "n_init": 10,
    "random_state": 4,
    "sample_size": 10_000,
    "resamples": 5,
    "noise_bin_width": 1e-3,  # each customer a bin
    "seeds": 2,
    "min_segments": 3,
    "max_segments": 8,
    "min_share": 0.02,
    "max_noise_share": 0.3,
}
STAMP = {
    "compared_as_of": datetime(2018, 1, 1),
    "compared_at": datetime(2018, 2, 1),
    "data_fingerprint": "data",
    "settings_fingerprint": "settings",
}


def candidate(algorithm, feature_set="rfm", features=RFM, scale="log", **settings):
    label = "-".join(str(value) for value in settings.values())
    return {
        "candidate_id": f"{algorithm}-{label}-{feature_set}",
        "algorithm": algorithm,
        "feature_set": feature_set,
        "features": [
            {"feature": f, "transform": TRANSFORMS[f] if scale == "log" else "identity"}
            for f in features
        ],
        **settings,
    }


CANDIDATES = [
    *(candidate("kmeans", n_segments=k) for k in (2, 4)),
    candidate("kmeans", "rfm-raw", scale="raw", n_segments=4),
    *(candidate("ward", n_segments=k) for k in (2, 4)),
    candidate("ward", "rfm-raw", scale="raw", n_segments=4),
    *(candidate("dbscan", eps_quantile=q, min_samples=8) for q in (0.7, 0.9)),
    candidate("dbscan", "rfm-raw", scale="raw", eps_quantile=0.9, min_samples=8),
    candidate("rules"),
]


@pytest.fixture(scope="module")
def customers():
    """Four groups of customers that overlap a little."""
    random = np.random.default_rng(8)
    kinds = [(30, 1, 4.0, 4.8), (300, 1, 4.2, 4.5), (150, 5, 5.5, 4.7), (160, 1, 6.5, 1.5)]
    frames = []
    for recency, frequency, log_money, score in kinds:
        frames.append(
            pd.DataFrame(
                {
                    "recency_days": random.normal(recency, 15, 90).clip(0).round(),
                    "frequency": frequency + random.integers(0, 2, 90),
                    "monetary_value": random.lognormal(log_money, 0.25, 90).round(2),
                    "review_score": random.normal(score, 0.3, 90).clip(1, 5).round(1),
                }
            )
        )
    customers = pd.concat(frames, ignore_index=True).sample(frac=1, random_state=1)
    customers["review_score"] = customers["review_score"].where(customers.index % 9 > 0)
    return customers.reset_index(drop=True)


@pytest.fixture(scope="module")
def rows(customers):
    table = compare_candidates(
        customers, CANDIDATES, transforms=TRANSFORMS, stamp=STAMP, **SETTINGS
    )
    assert table.schema == COMPARISON_SCHEMA
    return {row["candidate_id"]: row for row in table.to_pylist()}


def scaled(customers, transforms):
    """Impute at the transformed mean, cap, transform and standardise, in pandas."""
    columns = {}
    for name, transform in transforms.items():
        values = customers[name].astype(float)
        values = values.clip(*values.quantile(CAPS))
        values = np.log1p(values) if transform == "log1p" else values
        columns[name] = values.fillna(values.mean())
    return StandardScaler().fit_transform(pd.DataFrame(columns))


def yardstick_of(customers):
    """Known values capped, transformed and standardised; NaN stays NaN."""
    columns = {}
    for name, transform in TRANSFORMS.items():
        values = customers[name].astype(float)
        values = values.clip(*values.quantile(CAPS))
        values = np.log1p(values) if transform == "log1p" else values
        columns[name] = (values - values.mean()) / values.std(ddof=0)
    return pd.DataFrame(columns)


# The eleven segments by the digits of recency and of frequency and value, numbered in the order of
# champions to lost.
GRID = ["11 10 8 8 9", "10 10 8 8 9", "7 7 6 2 2", "5 3 3 2 2", "4 3 3 1 1"]
RULES = {
    f"{r}{fm}": int(number)
    for r, row in enumerate(GRID, start=1)
    for fm, number in enumerate(row.split(), start=1)
}


def transforms_of(candidate):
    return {f["feature"]: f["transform"] for f in candidate["features"]}


def rules(repeated, customers):
    """Labels of customers by scores of one to five, in pandas; cut points of the repeated rows."""
    scores = pd.DataFrame(
        {
            feature: sum(customers[feature] > sorted(values)[-(-len(values) * part // 5) - 1]
                         for part in range(1, 5)) + 1
            for feature, values in repeated[RFM].items()
        }
    )  # fmt: skip
    recency = (6 - scores["recency_days"]).astype(str)
    value = (scores["frequency"] + scores["monetary_value"] + 1) // 2
    return (recency + value.astype(str)).map(RULES.get).to_numpy()


def fit(candidate, observations):
    """Labels, and a function that labels any observations, by scikit-learn alone."""
    if candidate["algorithm"] == "dbscan":
        neighbours = NearestNeighbors(n_neighbors=candidate["min_samples"]).fit(observations)
        curve = np.sort(neighbours.kneighbors(observations)[0][:, -1])
        eps = np.quantile(curve, candidate["eps_quantile"])
        dbscan = DBSCAN(eps=eps, min_samples=candidate["min_samples"]).fit(observations)
        core = dbscan.core_sample_indices_

        def label(others):
            far, near = NearestNeighbors(n_neighbors=1).fit(observations[core]).kneighbors(others)
            return np.where(far[:, 0] <= eps, dbscan.labels_[core][near[:, 0]], -1)

        return label
    if candidate["algorithm"] == "kmeans":
        kmeans = KMeans(candidate["n_segments"], n_init=30, tol=0, max_iter=1000, random_state=0)
        return kmeans.fit(observations).predict
    ward = AgglomerativeClustering(candidate["n_segments"], linkage="ward").fit(observations)
    means = np.array(
        [observations[ward.labels_ == i].mean(axis=0) for i in range(ward.n_clusters_)]
    )
    return lambda others: np.linalg.norm(others[:, None] - means[None], axis=2).argmin(axis=1)


def labels_of(candidate, customers, observations):
    if candidate["algorithm"] == "rules":
        return np.unique(rules(customers, customers), return_inverse=True)[1]
    return fit(candidate, observations)(observations)


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda c: c["candidate_id"])
def test_every_figure_is_scikit_learns(candidate, customers, rows):
    row = rows[candidate["candidate_id"]]
    observations = scaled(customers, transforms_of(candidate))
    labels = labels_of(candidate, customers, observations)
    members = labels >= 0
    sizes = np.bincount(labels[members])
    assert row["error"] is None
    assert row["customers"] == len(customers)
    assert row["basis"] == "all customers"
    assert row["clusters"] == len(sizes)
    assert row["smallest_share"] == pytest.approx(sizes.min() / len(customers))
    assert row["noise_share"] == pytest.approx((~members).mean())
    assert row["balance"] == pytest.approx(entropy(sizes) / np.log(len(sizes)))
    assert row["silhouette"] == pytest.approx(
        silhouette_score(observations[members], labels[members])
    )
    assert row["silhouette_standard_error"] == 0
    assert row["davies_bouldin"] == pytest.approx(
        davies_bouldin_score(observations[members], labels[members])
    )
    assert row["calinski_harabasz"] == pytest.approx(
        calinski_harabasz_score(observations[members], labels[members])
    )
    if candidate["algorithm"] == "dbscan":
        assert row["simplified_silhouette"] is None
        assert row["eps"] > 0
    elif candidate["algorithm"] == "rules":
        assert row["simplified_silhouette"] is None and row["eps"] is None
    else:
        if candidate["algorithm"] == "kmeans":
            means = np.array([observations[labels == i].mean(axis=0) for i in range(len(sizes))])
            to_means = np.sort(np.linalg.norm(observations[:, None] - means[None], axis=2), axis=1)
            margins = 1 - to_means[:, 0] / to_means[:, 1]
            assert row["simplified_silhouette"] == pytest.approx(margins.mean())
        assert row["eps"] is None
    # How far each feature separates the segments: on the same scale for every candidate.
    yardstick = yardstick_of(customers)[members]
    means = yardstick.groupby(labels[members]).transform("mean").where(yardstick.notna())
    between = means.var() / yardstick.var()
    found = {item["feature"]: item["share"] for item in row["separation"]}
    assert found == pytest.approx(between.to_dict())


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda c: c["candidate_id"])
def test_segments_are_what_pandas_says_of_their_customers(candidate, customers, rows):
    observations = scaled(customers, transforms_of(candidate))
    labels = labels_of(candidate, customers, observations)
    members = labels >= 0
    of_point = silhouette_samples(observations[members], labels[members])
    yardstick = yardstick_of(customers)
    expected = {}
    for cluster in range(labels.max() + 1):
        of_cluster = customers[labels == cluster]
        figures = [of_point[labels[members] == cluster].mean()]
        for name in TRANSFORMS:
            figures += [of_cluster[name].mean(), of_cluster[name].median()]
            figures += [yardstick[labels == cluster][name].mean()]
        expected[len(of_cluster), round(of_cluster["monetary_value"].sum(), 2)] = figures
    found = {}
    for segment in rows[candidate["candidate_id"]]["segments"]:
        features = {f["feature"]: f for f in segment["features"]}
        figures = [segment["silhouette"]]
        for name in TRANSFORMS:
            figures += [features[name][figure] for figure in ("mean", "median", "mean_scaled")]
        money = round(features["monetary_value"]["mean"] * segment["customers"], 2)
        found[segment["customers"], money] = figures
    assert found.keys() == expected.keys()
    for key, figures in expected.items():
        assert found[key] == pytest.approx(figures)


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda c: c["candidate_id"])
def test_stability_is_that_of_fits_on_resamples(candidate, customers, rows):
    """The same resamples as repeated rows; labels, ARI and Jaccard by scikit-learn alone."""
    row = rows[candidate["candidate_id"]]
    observations = scaled(customers, transforms_of(candidate))
    labels = labels_of(candidate, customers, observations)
    clusters = labels.max() + 1
    noise = (labels < 0).mean()
    is_rules = candidate["algorithm"] == "rules"
    smallest = min(np.bincount(labels + 1)[1:])
    is_within_limits = 3 <= clusters <= 8 and noise <= 0.3 and smallest >= 0.02 * 360
    if not (is_rules or is_within_limits):
        assert row["resamples"] is None
        assert row["resampling_agreement"] is None
        assert all(segment["jaccard"] is None for segment in row["segments"])
        return
    resampled = []
    for counts in bootstrap_counts(len(customers), resamples=5, random_state=4):
        if is_rules:
            rows_of = np.repeat(np.arange(len(customers)), counts)
            resampled.append(rules(customers.loc[rows_of], customers))
            continue
        repeated = np.repeat(observations, counts, axis=0)
        resampled.append(fit(candidate, repeated)(observations))
    values = [adjusted_rand_score(a, b) for a, b in combinations(resampled, 2)]
    assert row["resamples"] == 5
    assert row["resampling_agreement"] == pytest.approx(np.mean(values), abs=1e-9)
    assert row["resampling_agreement_p05"] == pytest.approx(np.quantile(values, 0.05), abs=1e-9)
    expected = []
    for cluster in range(clusters):
        best = [
            max(jaccard_score(labels == cluster, other == i) for i in range(other.max() + 1))
            for other in resampled
        ]
        expected.append(np.mean(best))
    found = [segment["jaccard"] for segment in row["segments"]]
    assert sorted(found) == pytest.approx(sorted(expected))
    # All customers are in the sample, so another seed finds the same optimum.
    assert row["seed_agreement"] == pytest.approx(1)


def test_the_candidates_of_the_test_are_resampled_with_each_algorithm(rows):
    """The test above is not about rows without figures."""
    resampled = {row["candidate_id"].split("-")[0] for row in rows.values() if row["resamples"]}
    assert resampled == {"kmeans", "ward", "dbscan", "rules"}


def test_a_refit_counts_the_drawn_customers_in_bins_and_is_never_warm_alone(customers, monkeypatch):
    calls = []

    def recorded(observations, **options):
        calls.append((len(observations), options))
        return kmeans.fit_kmeans(observations, **options)

    monkeypatch.setattr(candidates_module, "fit_kmeans", recorded)
    settings = SETTINGS | {"noise_bin_width": 0.5}
    compare_candidates(customers, [CANDIDATES[1]], transforms=TRANSFORMS, stamp=STAMP, **settings)
    first, *others = calls
    refits = [(n, options) for n, options in others if options.get("warm_starts")]
    assert len(refits) == SETTINGS["resamples"]
    for n, options in refits:
        assert n < len(customers) / 2
        assert options["weights"].sum() == len(customers)
        assert options["n_init"] == 2
        assert len(options["warm_starts"][0]) == 4
    seeds = {options["random_state"] for n, options in others if n == first[0]}
    assert len(seeds) == SETTINGS["seeds"]
    assert first[1]["random_state"] not in seeds


def test_each_resample_and_seed_grows_one_tree_for_all_cuts(customers, monkeypatch):
    samples = []

    def recorded(sample):
        samples.append(sample.tobytes())
        return clustering.grow_ward_tree(sample)

    monkeypatch.setattr(candidates_module, "grow_ward_tree", recorded)
    cuts = [candidate("ward", n_segments=k) for k in (3, 4, 5)]
    settings = SETTINGS | {"sample_size": 120}
    table = compare_candidates(customers, cuts, transforms=TRANSFORMS, stamp=STAMP, **settings)
    assert table["resamples"].to_pylist() == [5, 5, 5]
    assert len(samples) == len(set(samples)) == 1 + SETTINGS["resamples"] + SETTINGS["seeds"]


def test_a_failing_candidate_is_recorded_and_the_others_go_on(customers):
    few = customers.head(30)
    told = []
    failing = [
        candidate("kmeans", n_segments=3),
        candidate("kmeans", n_segments=31),
        candidate("dbscan", eps_quantile=0.9, min_samples=50),
        candidate("spectral", n_segments=3),
    ]
    table = compare_candidates(
        few, failing, transforms=TRANSFORMS, stamp=STAMP, report=told.append, **SETTINGS
    )
    errors = {row["candidate_id"]: row["error"] for row in table.to_pylist()}
    assert errors["kmeans-3-rfm"] is None
    assert errors["kmeans-31-rfm"] == "too few customers (30) to form 31 segments"
    assert errors["dbscan-0.9-50-rfm"] == "30 customers have no 50 neighbours"
    assert "spectral" in errors["spectral-3-rfm"]
    assert told[0] == "comparison: 4 candidates, 30 customers"
    assert len(told) == 1 + 4
    assert any("kmeans-31-rfm" in line and "to form" in line for line in told)


def test_a_resample_that_cannot_be_fitted_is_counted_and_the_figures_stay(customers):
    """Of eight different customers a resample draws too few for seven segments now and then."""
    few = customers.drop_duplicates(RFM).head(11)
    settings = SETTINGS | {"resamples": 20, "min_share": 0.0}
    seven = [candidate("kmeans", n_segments=7)]
    (row,) = compare_candidates(
        few, seven, transforms=TRANSFORMS, stamp=STAMP, **settings
    ).to_pylist()
    assert row["error"] is None
    assert row["clusters"] == 7
    assert row["silhouette"] is not None
    assert row["resamples"] == 20
    assert 0 < row["failed_resamples"] < 20
    assert 0 < row["resampling_agreement"] <= 1


def test_a_seed_that_cannot_be_fitted_agrees_with_nothing(customers, monkeypatch):
    def fail(*arguments):
        raise ValueError("too few")

    monkeypatch.setattr(candidates_module._Fits, "reseed", fail)
    (row,) = compare_candidates(
        customers, [CANDIDATES[1]], transforms=TRANSFORMS, stamp=STAMP, **SETTINGS
    ).to_pylist()
    assert row["error"] is None
    assert row["seed_agreement"] == 0
    assert row["resampling_agreement"] is not None


@pytest.mark.parametrize(("setting", "least"), [("resamples", 2), ("seeds", 1), ("sample_size", 2)])
def test_settings_that_measure_nothing_are_a_clear_error(customers, setting, least):
    told = f"comparison_{setting} is {least - 1}; it must be at least {least}"
    with pytest.raises(ValueError, match=told):
        compare_candidates(
            customers,
            CANDIDATES,
            transforms=TRANSFORMS,
            stamp=STAMP,
            **SETTINGS | {setting: least - 1},
        )


def test_a_feature_without_values_fails_its_candidates_only(customers):
    unknown = customers.assign(review_score=np.nan)
    with_reviews = [*RFM, "review_score"]
    table = compare_candidates(
        unknown,
        [
            candidate("kmeans", n_segments=4),
            candidate("kmeans", "rfm-review", with_reviews, n_segments=4),
        ],
        transforms=TRANSFORMS,
        stamp=STAMP,
        **SETTINGS,
    )
    rows = {row["candidate_id"]: row for row in table.to_pylist()}
    assert "review_score" in rows["kmeans-4-rfm-review"]["error"]
    assert rows["kmeans-4-rfm"]["error"] is None
    assert {item["feature"] for item in rows["kmeans-4-rfm"]["separation"]} == set(RFM)


def test_a_sample_is_reported_and_has_a_standard_error(customers):
    table = compare_candidates(
        customers,
        CANDIDATES,
        transforms=TRANSFORMS,
        stamp=STAMP,
        **SETTINGS | {"sample_size": 120},
    )
    for row in table.to_pylist():
        algorithm = row["candidate_id"].split("-")[0]
        assert (
            row["basis"]
            == {
                "kmeans": "all customers",
                "ward": "120 sampled customers, the others by the nearest mean",
                "dbscan": "120 sampled customers, the others by the nearest core point",
                "rules": "all customers",
            }[algorithm]
        )
        assert sum(segment["customers"] for segment in row["segments"]) == round(
            360 * (1 - row["noise_share"])
        )
        if row["silhouette"] is not None:
            assert 0 < row["silhouette_standard_error"] < 0.1


def test_customers_that_are_a_sample_themselves_are_reported(customers):
    table = compare_candidates(
        customers,
        [CANDIDATES[0]],
        transforms=TRANSFORMS,
        stamp=STAMP,
        known_customers=1000,
        **SETTINGS,
    )
    basis = "all customers; in a sample of 360 of 1000 customers"
    assert table["basis"].to_pylist() == [basis]


def test_the_result_does_not_depend_on_processes(customers):
    tables = []
    for processes in (1, 2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = compare_candidates(
                customers,
                CANDIDATES,
                transforms=TRANSFORMS,
                stamp=STAMP,
                processes=processes,
                **SETTINGS,
            )
        tables.append(table.drop_columns("fit_seconds"))
    assert tables[0].equals(tables[1])


def test_no_customers_are_a_clear_error(customers):
    with pytest.raises(ValueError, match="No customer is known at the comparison date"):
        compare_candidates(
            customers.head(0), CANDIDATES, transforms=TRANSFORMS, stamp=STAMP, **SETTINGS
        )
