"""KMeans fits and silhouettes against scikit-learn."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import silhouette_score

from segmentation.clustering import fit_kmeans, sampled_silhouette


@pytest.fixture(scope="module")
def points():
    return make_blobs(600, centers=5, cluster_std=2.0, random_state=5)[0]


def test_a_fit_is_as_good_as_scikit_learns_best(points):
    best = KMeans(5, n_init=50, tol=0, max_iter=10_000, random_state=0).fit(points)
    ours = fit_kmeans(points, n_clusters=5, n_init=20, random_state=1)
    assert ours.inertia == pytest.approx(best.inertia_, rel=1e-4)


def test_a_fit_is_converged(points):
    """Every point is nearest to its own centroid, and every centroid is the mean of its points."""
    fit = fit_kmeans(points, n_clusters=5, n_init=2, random_state=1)
    distances = np.linalg.norm(points[:, None] - fit.centroids[None], axis=2)
    assert (distances.argmin(axis=1) == fit.labels).all()
    for cluster in range(5):
        assert fit.centroids[cluster] == pytest.approx(points[fit.labels == cluster].mean(axis=0))
    assert fit.inertia == pytest.approx((distances.min(axis=1) ** 2).sum())


def test_two_fits_are_the_same_to_the_last_bit(points):
    first, second = (fit_kmeans(points, n_clusters=5, n_init=3, random_state=9) for _ in range(2))
    assert first.centroids.tobytes() == second.centroids.tobytes()
    assert first.labels.tobytes() == second.labels.tobytes()


@pytest.mark.parametrize("customers", [np.zeros((50, 2)), np.arange(4.0).reshape(2, 2)])
def test_too_few_distinct_points_are_an_error(customers):
    with pytest.raises(ValueError, match="customers cannot form 3 segments"):
        fit_kmeans(customers, n_clusters=3, n_init=1, random_state=0)


def test_the_silhouette_of_all_points_is_exact(points):
    labels = fit_kmeans(points, n_clusters=5, n_init=2, random_state=1).labels
    value, error = sampled_silhouette(points, labels, sample_size=None, random_state=0)
    assert value == pytest.approx(silhouette_score(points, labels))
    assert error == 0


def test_a_sampled_silhouette_is_close_and_says_how_close(points):
    labels = fit_kmeans(points, n_clusters=5, n_init=2, random_state=1).labels
    exact = silhouette_score(points, labels)
    sampled = [
        sampled_silhouette(points, labels, sample_size=200, random_state=seed) for seed in range(40)
    ]
    values = np.array([value for value, _ in sampled])
    errors = np.array([error for _, error in sampled])
    assert values.mean() == pytest.approx(exact, abs=0.02)
    assert values.std() == pytest.approx(errors.mean(), rel=0.5)


def test_a_sample_of_one_cluster_has_no_silhouette(points):
    value, _ = sampled_silhouette(
        points, np.zeros(len(points), dtype=int), sample_size=None, random_state=0
    )
    assert np.isnan(value)
