"""KMeans against scikit-learn, which is a program of others."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score, pairwise_distances_argmin

from segmentation import kmeans
from segmentation.kmeans import fit_kmeans, label_by_scores, linear_scores


@pytest.fixture(scope="module")
def observations():
    return make_blobs(600, centers=5, cluster_std=2.0, random_state=5)[0]


def test_a_fit_is_as_good_as_scikit_learns_best(observations):
    best = KMeans(5, n_init=50, tol=0, max_iter=10_000, random_state=0).fit(observations)
    ours = fit_kmeans(observations, n_clusters=5, n_init=20, random_state=1)
    assert ours.inertia == pytest.approx(best.inertia_, rel=1e-4)


def test_a_fit_is_converged(observations):
    """Every observation is nearest to its own centroid, the mean of its observations."""
    fit = fit_kmeans(observations, n_clusters=5, n_init=2, random_state=1)
    distances = np.linalg.norm(observations[:, None] - fit.centroids[None], axis=2)
    assert (distances.argmin(axis=1) == fit.labels).all()
    for cluster in range(5):
        assert fit.centroids[cluster] == pytest.approx(
            observations[fit.labels == cluster].mean(axis=0)
        )
    assert fit.inertia == pytest.approx((distances.min(axis=1) ** 2).sum())


def test_two_fits_are_the_same_to_the_last_bit(observations):
    first, second = (
        fit_kmeans(observations, n_clusters=5, n_init=3, random_state=9) for _ in range(2)
    )
    assert first.centroids.tobytes() == second.centroids.tobytes()
    assert first.labels.tobytes() == second.labels.tobytes()


@pytest.mark.parametrize("customers", [np.zeros((50, 2)), np.arange(4.0).reshape(2, 2)])
def test_too_few_distinct_points_are_an_error(customers):
    with pytest.raises(ValueError, match="to form 3 segments"):
        fit_kmeans(customers, n_clusters=3, n_init=1, random_state=0)


def test_weights_count_as_repeated_points(observations):
    weights = np.random.default_rng(0).integers(0, 4, len(observations))
    weighted = fit_kmeans(
        observations[weights > 0],
        n_clusters=5,
        n_init=20,
        random_state=0,
        weights=weights[weights > 0].astype(float),
    )
    repeated = fit_kmeans(
        np.repeat(observations, weights, axis=0), n_clusters=5, n_init=20, random_state=0
    )
    assert weighted.inertia == pytest.approx(repeated.inertia)
    assert adjusted_rand_score(weighted.label(observations), repeated.label(observations)) == 1


def test_a_warm_start_is_taken_when_it_is_better_and_only_then(observations):
    best = fit_kmeans(observations, n_clusters=8, n_init=50, random_state=0)
    poor = KMeans(8, n_init=1, init="random", max_iter=1, random_state=3).fit(observations)
    warm = {"n_clusters": 8, "n_init": 1, "random_state": 5}
    alone = fit_kmeans(observations, **warm)
    assert alone.inertia > best.inertia * 1.0001
    assert fit_kmeans(observations, **warm, warm_starts=[best.centroids]).inertia == pytest.approx(
        best.inertia
    )
    assert (
        fit_kmeans(observations, **warm, warm_starts=[poor.cluster_centers_]).inertia
        <= alone.inertia + 1e-9
    )


def test_the_label_of_a_point_is_its_nearest_centroid(observations):
    fit = fit_kmeans(observations, n_clusters=5, n_init=2, random_state=1)
    assert (fit.label(observations) == fit.labels).all()
    assert (fit.label(fit.centroids + 1e-6) == np.arange(5)).all()


def test_iterations_are_those_of_scikit_learn(observations):
    """From the same centroids on, to the same fit, with weights, in more than one block."""
    weights = np.random.default_rng(0).integers(1, 9, len(observations)).astype(float)
    starts = observations[:7]
    theirs = KMeans(7, init=starts, n_init=1, tol=0, max_iter=10_000)
    theirs.fit(observations, sample_weight=weights)
    ours = fit_kmeans(
        observations, n_clusters=7, n_init=0, random_state=0, weights=weights, warm_starts=[starts]
    )
    assert len(observations) > 2 * kmeans.BLOCK
    assert (ours.labels == theirs.labels_).all()
    assert ours.centroids == pytest.approx(theirs.cluster_centers_)
    assert ours.inertia == pytest.approx(theirs.inertia_)


def test_a_centroid_that_is_nobodys_nearest_starts_again():
    """One centroid is between two groups, and another far away from all observations."""
    groups = np.repeat([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]], 20, axis=0)
    observations = groups + np.random.default_rng(3).random((60, 2))
    starts = np.array([[0.5, 0.5], [5.0, 6.0], [500.0, 500.0]])
    fit = fit_kmeans(observations, n_clusters=3, n_init=0, random_state=0, warm_starts=[starts])
    assert adjusted_rand_score(np.repeat([0, 1, 2], 20), fit.labels) == 1


def test_a_start_near_a_settled_one_changes_nothing(observations, monkeypatch):
    """It is left before it has settled; followed to its end it gives the same fit."""
    options = {"n_clusters": 5, "n_init": 8, "random_state": 4}
    left = fit_kmeans(observations, **options)
    monkeypatch.setattr(kmeans, "_NEAR", 0.0)
    followed = fit_kmeans(observations, **options)
    assert (left.labels == followed.labels).all()
    assert left.centroids == pytest.approx(followed.centroids)


def test_labels_are_those_of_capped_and_imputed_features(observations):
    """Scaling, caps and what is missing, against scikit-learn's nearest centroid."""
    features = observations.copy()
    features[::7, 0] = np.nan
    lower, upper, missing = [-4.0, -6.0], [5.0, 7.0], [0.5, 1.5]
    means, scales = np.array([0.3, -0.2]), np.array([2.0, 3.0])
    centroids = np.array([[0.0, 1.0], [1.0, -1.0], [-1.0, 0.0]])
    labels = label_by_scores(
        np.ascontiguousarray(features.T),
        np.column_stack([lower, upper, missing]),
        *linear_scores(centroids, means, scales),
    )
    known = np.where(np.isnan(features), missing, np.clip(features, lower, upper))
    expected = pairwise_distances_argmin((known - means) / scales, centroids)
    assert (labels == expected).all()


def test_starts_on_some_of_many_points_lead_to_a_fit_of_all():
    """As good as scikit-learn's, and converged, where weights differ between the parts."""
    observations = make_blobs(4 * kmeans._FEW, centers=4, cluster_std=2.5, random_state=2)[0]
    weights = np.random.default_rng(1).integers(1, 5, len(observations)).astype(float)
    best = KMeans(4, n_init=10, tol=0, max_iter=10_000, random_state=0)
    best.fit(observations, sample_weight=weights)
    ours = fit_kmeans(observations, n_clusters=4, n_init=3, random_state=1, weights=weights)
    assert ours.inertia == pytest.approx(best.inertia_, rel=1e-6)
    assert (pairwise_distances_argmin(observations, ours.centroids) == ours.labels).all()
    sums = np.array(
        [
            np.average(observations[ours.labels == i], axis=0, weights=weights[ours.labels == i])
            for i in range(4)
        ]
    )
    assert ours.centroids == pytest.approx(sums)
