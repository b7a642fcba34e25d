"""KMeans, Ward and DBSCAN against scikit-learn."""

import numpy as np
import pytest
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import NearestNeighbors

from segmentation.clustering import (
    NOISE,
    cut_ward_tree,
    draw_sample,
    fit_dbscan,
    fit_kmeans,
    grow_ward_tree,
    neighbour_distances,
)


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
    with pytest.raises(ValueError, match="to form 3 segments"):
        fit_kmeans(customers, n_clusters=3, n_init=1, random_state=0)


def test_weights_count_as_repeated_points(points):
    weights = np.random.default_rng(0).integers(0, 4, len(points))
    weighted = fit_kmeans(
        points[weights > 0],
        n_clusters=5,
        n_init=20,
        random_state=0,
        weights=weights[weights > 0].astype(float),
    )
    repeated = fit_kmeans(
        np.repeat(points, weights, axis=0), n_clusters=5, n_init=20, random_state=0
    )
    assert weighted.inertia == pytest.approx(repeated.inertia)
    assert adjusted_rand_score(weighted.label(points), repeated.label(points)) == 1


def test_a_warm_start_is_taken_when_it_is_better_and_only_then(points):
    best = fit_kmeans(points, n_clusters=8, n_init=50, random_state=0)
    poor = KMeans(8, n_init=1, init="random", max_iter=1, random_state=3).fit(points)
    warm = {"n_clusters": 8, "n_init": 1, "random_state": 5}
    alone = fit_kmeans(points, **warm)
    assert alone.inertia > best.inertia * 1.0001
    assert fit_kmeans(points, **warm, warm_starts=[best.centroids]).inertia == pytest.approx(
        best.inertia
    )
    assert (
        fit_kmeans(points, **warm, warm_starts=[poor.cluster_centers_]).inertia
        <= alone.inertia + 1e-9
    )


def test_the_label_of_a_point_is_its_nearest_centroid(points):
    fit = fit_kmeans(points, n_clusters=5, n_init=2, random_state=1)
    assert (fit.label(points) == fit.labels).all()
    assert (fit.label(fit.centroids + 1e-6) == np.arange(5)).all()


@pytest.mark.parametrize("n_clusters", [2, 5, 9])
def test_wards_tree_is_scikit_learns(points, n_clusters):
    """Centroids are the means of the branches; labels, the nearest of them."""
    fit = cut_ward_tree(points, points, grow_ward_tree(points), n_clusters=n_clusters)
    branches = AgglomerativeClustering(n_clusters, linkage="ward").fit_predict(points)
    means = np.array([points[branches == i].mean(axis=0) for i in range(n_clusters)])
    assert np.sort(fit.centroids, axis=0) == pytest.approx(np.sort(means, axis=0))
    distances = np.linalg.norm(points[:, None] - means[None], axis=2)
    assert adjusted_rand_score(distances.argmin(axis=1), fit.labels) == 1
    assert fit.inertia == pytest.approx((distances.min(axis=1) ** 2).sum())


def test_a_tree_of_identical_customers_cannot_be_cut():
    same = np.zeros((20, 2))
    with pytest.raises(ValueError, match=r"too few distinct customers \(1\) to form 3 segments"):
        cut_ward_tree(same, same, grow_ward_tree(same), n_clusters=3)


def test_core_points_get_the_clusters_of_scikit_learns_dbscan(points):
    fit = fit_dbscan(points, points, eps=0.8, min_samples=10)
    theirs = DBSCAN(eps=0.8, min_samples=10).fit(points)
    core = theirs.core_sample_indices_
    assert theirs.labels_.max() >= 1
    assert adjusted_rand_score(theirs.labels_[core], fit.labels[core]) == 1
    # A border point lies within eps of a core point in both; noise in neither.
    assert ((theirs.labels_ == NOISE) == (fit.labels == NOISE)).all()


def test_a_customer_far_from_every_core_point_is_noise(points):
    fit = fit_dbscan(points, points, eps=0.8, min_samples=10)
    assert fit.label(np.array([[1000.0, 1000.0]])).tolist() == [NOISE]


def test_dbscan_without_a_dense_region_is_an_error(points):
    with pytest.raises(ValueError, match="no customer has 10 neighbours within"):
        fit_dbscan(points, points, eps=1e-9, min_samples=10)


def test_customers_who_are_alike_have_no_density():
    same = np.zeros((20, 2))
    with pytest.raises(ValueError, match="are alike"):
        fit_dbscan(same, same, eps=0.0, min_samples=5)


def test_the_k_distance_counts_the_point_itself(points):
    ours = neighbour_distances(points, min_samples=4)
    theirs, _ = NearestNeighbors(n_neighbors=3).fit(points).kneighbors()  # without themselves
    assert ours == pytest.approx(theirs[:, -1])


def test_a_sample_is_seeded_and_without_repetition():
    sample = draw_sample(1000, 100, 7)
    assert (sample == draw_sample(1000, 100, 7)).all()
    assert (sample != draw_sample(1000, 100, 8)).any()
    assert len(np.unique(sample)) == 100
    assert (draw_sample(5, None, 7) == np.arange(5)).all()
    assert (draw_sample(5, 9, 7) == np.arange(5)).all()
