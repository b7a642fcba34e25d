"""Ward and DBSCAN against scikit-learn."""

import numpy as np
import pytest
from sklearn.cluster import DBSCAN, AgglomerativeClustering
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import NearestNeighbors

from segmentation.clustering import (
    NOISE,
    cut_ward_tree,
    fit_dbscan,
    grow_ward_tree,
    neighbour_distances,
)


@pytest.fixture(scope="module")
def observations():
    return make_blobs(600, centers=5, cluster_std=2.0, random_state=5)[0]


@pytest.mark.parametrize("n_clusters", [2, 5, 9])
def test_wards_tree_is_scikit_learns(observations, n_clusters):
    """Centroids are the means of the branches; labels, the nearest of them."""
    fit = cut_ward_tree(
        observations, observations, grow_ward_tree(observations), n_clusters=n_clusters
    )
    branches = AgglomerativeClustering(n_clusters, linkage="ward").fit_predict(observations)
    means = np.array([observations[branches == i].mean(axis=0) for i in range(n_clusters)])
    assert np.sort(fit.centroids, axis=0) == pytest.approx(np.sort(means, axis=0))
    distances = np.linalg.norm(observations[:, None] - means[None], axis=2)
    assert adjusted_rand_score(distances.argmin(axis=1), fit.labels) == 1
    assert fit.inertia == pytest.approx((distances.min(axis=1) ** 2).sum())


def test_a_tree_of_identical_customers_cannot_be_cut():
    same = np.zeros((20, 2))
    with pytest.raises(ValueError, match=r"too few distinct customers \(1\) to form 3 segments"):
        cut_ward_tree(same, same, grow_ward_tree(same), n_clusters=3)


def test_core_points_get_the_clusters_of_scikit_learns_dbscan(observations):
    fit = fit_dbscan(observations, observations, eps=0.8, min_samples=10)
    theirs = DBSCAN(eps=0.8, min_samples=10).fit(observations)
    core = theirs.core_sample_indices_
    assert theirs.labels_.max() >= 1
    assert adjusted_rand_score(theirs.labels_[core], fit.labels[core]) == 1
    # A border observation lies within eps of a core point in both; noise in neither.
    assert ((theirs.labels_ == NOISE) == (fit.labels == NOISE)).all()


def test_a_customer_far_from_every_core_point_is_noise(observations):
    fit = fit_dbscan(observations, observations, eps=0.8, min_samples=10)
    assert fit.label(np.array([[1000.0, 1000.0]])).tolist() == [NOISE]


def test_dbscan_without_a_dense_region_is_an_error(observations):
    with pytest.raises(ValueError, match="no customer has 10 neighbours within"):
        fit_dbscan(observations, observations, eps=1e-9, min_samples=10)


def test_customers_who_are_alike_have_no_density():
    same = np.zeros((20, 2))
    with pytest.raises(ValueError, match="are alike"):
        fit_dbscan(same, same, eps=0.0, min_samples=5)


def test_the_k_distance_counts_the_point_itself(observations):
    ours = neighbour_distances(observations, min_samples=4)
    theirs, _ = NearestNeighbors(n_neighbors=3).fit(observations).kneighbors()  # without themselves
    assert ours == pytest.approx(theirs[:, -1])
