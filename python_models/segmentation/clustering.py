"""Clusterings that are repeatable to the last bit, and that label customers whom no fit has seen.

A clustering is fitted once; `label` then gives any customer a label from what the fit has found.
KMeans takes all customers. Ward's tree and DBSCAN grow with the square of their number: they are
fitted on a seeded sample, and everyone gets a label by the nearest cluster.
"""

import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial

import fastcluster
import numpy as np
from scipy.cluster.hierarchy import fcluster
from sklearn.cluster import DBSCAN, KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import ThreadpoolController

NOISE = -1

_own = threading.local()


@dataclass(frozen=True)
class CentroidClustering:
    """Clusters around centroids: the fit of KMeans or Ward.

    Attributes
    ----------
    centroids : ndarray of shape (n_clusters, n_features)
    labels : ndarray of int of shape (n_points,)
        The nearest centroid of each point that is to be clustered.
    inertia : float
        Sum of squared distances of the points to their centroids.
    """

    centroids: np.ndarray
    labels: np.ndarray
    inertia: float

    def label(self, points: np.ndarray) -> np.ndarray:
        """Number of the nearest centroid, ndarray of int of shape (n_points,)."""
        return _nearest(points, self.centroids)


@dataclass(frozen=True)
class DensityClustering:
    """Clusters of dense regions: the fit of DBSCAN.

    Attributes
    ----------
    core_points : ndarray of shape (n_core_points, n_features)
    core_labels : ndarray of int of shape (n_core_points,)
    eps : float
        How near a core point must be to give a point its label, in scaled units.
    labels : ndarray of int of shape (n_points,)
        Label of each point that is to be clustered, -1 for noise.
    """

    core_points: np.ndarray
    core_labels: np.ndarray
    eps: float
    labels: np.ndarray

    def label(self, points: np.ndarray) -> np.ndarray:
        """Label of the nearest core point within `eps`, else -1; ndarray of int."""
        return _label_by_core_points(points, self.core_points, self.core_labels, self.eps)


Clustering = CentroidClustering | DensityClustering


def fit_kmeans(
    points: np.ndarray,
    *,
    n_clusters: int,
    n_init: int,
    random_state: int,
    weights: np.ndarray | None = None,
    warm_starts: Sequence[np.ndarray] = (),
) -> CentroidClustering:
    """Fit KMeans until no label changes, as the best of `n_init` k-means++ starts.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features)
        Scaled features, rows in an order that does not depend on chance.
    n_clusters, n_init, random_state : int
    weights : ndarray of shape (n_points,), optional
        How often each point counts.
    warm_starts : sequence of ndarray of shape (n_clusters, n_features), optional
        Centroids that are tried beside the k-means++ starts.

    Raises
    ------
    ValueError
        If there are fewer distinct points than clusters.

    Notes
    -----
    scikit-learn's default tolerance stops early on such data: two good fits of the same points then
    need not agree, which reads as drift. One thread, because a sum whose order depends on threads
    differs between runs.
    """
    if len(points) < n_clusters:
        raise ValueError(f"too few customers ({len(points)}) to form {n_clusters} segments")
    converged = partial(KMeans, n_clusters, tol=0, max_iter=10_000, random_state=random_state)
    fits = [converged(n_init=n_init)]
    fits += [converged(n_init=1, init=centroids) for centroids in warm_starts]
    use_one_thread()
    with warnings.catch_warnings():
        # Too few distinct points: told below, as an error.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for fit in fits:
            fit.fit(points, sample_weight=weights)
    best = min(fits, key=lambda fit: fit.inertia_)
    distinct = len(np.unique(best.labels_))
    if distinct < n_clusters:
        raise ValueError(f"too few distinct customers ({distinct}) to form {n_clusters} segments")
    return CentroidClustering(best.cluster_centers_, best.labels_, float(best.inertia_))


def draw_sample(n_points: int, sample_size: int | None, random_state: int) -> np.ndarray:
    """Row numbers of a seeded sample without replacement, ascending; all rows if None."""
    if sample_size is None or sample_size >= n_points:
        return np.arange(n_points)
    return np.sort(np.random.default_rng(random_state).choice(n_points, sample_size, replace=False))


def grow_ward_tree(sample: np.ndarray) -> np.ndarray:
    """Ward's tree of the points (Ward 1963), as a SciPy linkage of shape (n_points - 1, 4).

    Raises
    ------
    ValueError
        If there are fewer than two points.
    """
    if len(sample) < 2:
        raise ValueError(f"too few customers ({len(sample)}) to form a tree")
    return fastcluster.linkage_vector(sample, method="ward")


def cut_ward_tree(
    points: np.ndarray,
    sample: np.ndarray,
    tree: np.ndarray,
    *,
    n_clusters: int,
    weights: np.ndarray | None = None,
) -> CentroidClustering:
    """Cut the tree of a sample into clusters and label all points by the nearest cluster mean.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features)
    sample : ndarray of shape (n_sampled, n_features)
        The points of the tree.
    tree : ndarray of shape (n_sampled - 1, 4)
        From `grow_ward_tree`.
    n_clusters : int
    weights : ndarray of shape (n_points,), optional
        How often each point counts in the inertia.

    Raises
    ------
    ValueError
        If there are fewer points than clusters, or a cluster is nobody's nearest.
    """
    _, branches = np.unique(fcluster(tree, n_clusters, "maxclust"), return_inverse=True)
    _, centroids = cluster_means(sample, branches)
    labels = _nearest(points, centroids)
    distinct = len(np.unique(labels))
    if distinct < n_clusters:
        raise ValueError(f"too few distinct customers ({distinct}) to form {n_clusters} segments")
    squares = ((points - centroids[labels]) ** 2).sum(axis=1)
    inertia = squares.sum() if weights is None else squares @ weights
    return CentroidClustering(centroids, labels, float(inertia))


def neighbour_distances(sample: np.ndarray, *, min_samples: int) -> np.ndarray:
    """The k-distance curve (Ester et al. 1996), unsorted: how far the `min_samples`-th point is.

    A point counts as its own first neighbour, as in `sklearn.cluster.DBSCAN`.

    Returns
    -------
    ndarray of shape (n_points,)
        In scaled units.

    Raises
    ------
    ValueError
        If there are fewer points than `min_samples`.
    """
    if len(sample) < min_samples:
        raise ValueError(f"{len(sample)} customers have no {min_samples} neighbours")
    distances, _ = NearestNeighbors(n_neighbors=min_samples).fit(sample).kneighbors(sample)
    return distances[:, -1]


def fit_dbscan(
    points: np.ndarray, sample: np.ndarray, *, eps: float, min_samples: int
) -> DensityClustering:
    """Fit DBSCAN (Ester et al. 1996) on a sample and label all points by the nearest core point.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features)
    sample : ndarray of shape (n_sampled, n_features)
    eps : float
        Radius of a neighbourhood, in scaled units.
    min_samples : int
        Points of the sample that make a neighbourhood dense.

    Raises
    ------
    ValueError
        If `eps` is 0 or no region is dense.
    """
    if eps <= 0:
        raise ValueError(f"{min_samples} customers and more are alike, so there is no distance")
    fit = DBSCAN(eps=eps, min_samples=min_samples).fit(sample)
    if fit.core_sample_indices_.size == 0:
        raise ValueError(f"no customer has {min_samples} neighbours within {eps:.3g}")
    core_points = sample[fit.core_sample_indices_]
    core_labels = fit.labels_[fit.core_sample_indices_]
    labels = _label_by_core_points(points, core_points, core_labels, eps)
    return DensityClustering(core_points, core_labels, eps, labels)


def use_one_thread() -> None:
    """Keeps libraries from adding in threads, whose order the last digits of a sum depend on.

    Holds for the calling thread from here on; another thread that fits asks for itself.
    """
    if not getattr(_own, "has_one_thread", False):
        _thread_pools().limit(limits=1)
        _own.has_one_thread = True


@cache
def _thread_pools() -> ThreadpoolController:
    # Looking for the libraries takes longer than many a fit.
    return ThreadpoolController()


def cluster_means(points: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Size of each cluster 0, 1, …, and its mean of shape (n_clusters, n_features)."""
    sizes = np.bincount(labels)
    sums = np.stack([np.bincount(labels, weights=column) for column in points.T], axis=1)
    return sizes, sums / np.maximum(sizes, 1)[:, None]


def _nearest(points: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    return nearest(np.ascontiguousarray(points.T), 2 * centroids, (centroids**2).sum(axis=1))


def nearest(features: np.ndarray, weights: np.ndarray, biases: np.ndarray) -> np.ndarray:
    """Number of the nearest centroid c of each point x, the lowest one of a tie.

    (x - c)^2 is x^2 - 2cx + c^2, and x^2 is the same for all centroids.

    Parameters
    ----------
    features : ndarray of shape (n_features, n_points)
    weights : ndarray of shape (n_clusters, n_features)
        2c.
    biases : ndarray of shape (n_clusters,)
        c^2.

    Returns
    -------
    ndarray of int of shape (n_points,)
    """
    use_one_thread()
    scores = weights @ features
    labels = np.zeros(features.shape[1], dtype=np.intp)
    highest = scores[0] - biases[0]
    for number in range(1, len(weights)):
        scores[number] -= biases[number]
        np.copyto(labels, number, where=scores[number] > highest)
        np.maximum(highest, scores[number], out=highest)
    return labels


def _label_by_core_points(
    points: np.ndarray, core_points: np.ndarray, core_labels: np.ndarray, eps: float
) -> np.ndarray:
    neighbours = NearestNeighbors(n_neighbors=1).fit(core_points)
    distances, nearest = neighbours.kneighbors(points)
    return np.where(distances[:, 0] <= eps, core_labels[nearest[:, 0]], NOISE)
