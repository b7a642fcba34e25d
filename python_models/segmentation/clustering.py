"""Ward's trees and DBSCAN, repeatable to the last bit, labelling customers whom no fit has seen.

They grow with the square of the customers: they are fitted on a seeded sample, and everyone gets a
label by the nearest cluster.
"""

from dataclasses import dataclass

import fastcluster
import numpy as np
from scipy.cluster.hierarchy import fcluster
from sklearn.cluster import DBSCAN
from sklearn.neighbors import NearestNeighbors

from segmentation.kmeans import CentroidClustering, cluster_means, label_by_centroids

NOISE = -1


@dataclass(frozen=True)
class DensityClustering:
    """Clusters of dense regions: the fit of DBSCAN.

    Attributes
    ----------
    core_points : ndarray of shape (n_core_points, n_features)
    core_labels : ndarray of int of shape (n_core_points,)
    eps : float
        How near a core point must be to give an observation its label, in scaled units.
    labels : ndarray of int of shape (n_observations,)
        Label of each observation that is to be clustered, -1 for noise.
    """

    core_points: np.ndarray
    core_labels: np.ndarray
    eps: float
    labels: np.ndarray

    def label(self, observations: np.ndarray) -> np.ndarray:
        """Label of the nearest core point within `eps`, else -1; ndarray of int."""
        return _label_by_core_points(observations, self.core_points, self.core_labels, self.eps)


def grow_ward_tree(sample: np.ndarray) -> np.ndarray:
    """Build Ward's tree (Ward 1963), as a SciPy linkage of shape (n_observations - 1, 4).

    Raises
    ------
    ValueError
        If there are fewer than two observations.
    """
    if len(sample) < 2:
        raise ValueError(f"too few customers ({len(sample)}) to form a tree")
    return fastcluster.linkage_vector(sample, method="ward")


def cut_ward_tree(
    observations: np.ndarray,
    sample: np.ndarray,
    tree: np.ndarray,
    *,
    n_clusters: int,
    weights: np.ndarray | None = None,
) -> CentroidClustering:
    """Cut the tree of a sample into clusters and label everyone by the nearest cluster mean.

    Parameters
    ----------
    observations : ndarray of shape (n_observations, n_features)
    sample : ndarray of shape (n_sampled, n_features)
        The observations of the tree.
    tree : ndarray of shape (n_sampled - 1, 4)
        From `grow_ward_tree`.
    n_clusters : int
    weights : ndarray of shape (n_observations,), optional
        How often each observation counts in the inertia.

    Raises
    ------
    ValueError
        If there are fewer observations than clusters, or a cluster is nobody's nearest.
    """
    _, branches = np.unique(fcluster(tree, n_clusters, "maxclust"), return_inverse=True)
    _, centroids = cluster_means(sample, branches)
    labels = label_by_centroids(observations, centroids)
    distinct = len(np.unique(labels))
    if distinct < n_clusters:
        raise ValueError(f"too few distinct customers ({distinct}) to form {n_clusters} segments")
    squares = ((observations - centroids[labels]) ** 2).sum(axis=1)
    inertia = squares.sum() if weights is None else squares @ weights
    return CentroidClustering(centroids, labels, float(inertia))


def neighbour_distances(sample: np.ndarray, *, min_samples: int) -> np.ndarray:
    """Measure how far the `min_samples`-th neighbour is: the k-distance curve (Ester et al. 1996).

    An observation counts as its own first neighbour, as in `sklearn.cluster.DBSCAN`.

    Returns
    -------
    ndarray of shape (n_observations,)
        In scaled units.

    Raises
    ------
    ValueError
        If there are fewer observations than `min_samples`.
    """
    if len(sample) < min_samples:
        raise ValueError(f"{len(sample)} customers have no {min_samples} neighbours")
    distances, _ = NearestNeighbors(n_neighbors=min_samples).fit(sample).kneighbors(sample)
    return distances[:, -1]


def fit_dbscan(
    observations: np.ndarray, sample: np.ndarray, *, eps: float, min_samples: int
) -> DensityClustering:
    """Fit DBSCAN (Ester et al. 1996) on a sample and label everyone by the nearest core point.

    Parameters
    ----------
    observations : ndarray of shape (n_observations, n_features)
    sample : ndarray of shape (n_sampled, n_features)
    eps : float
        Radius of a neighbourhood, in scaled units.
    min_samples : int
        Observations of the sample that make a neighbourhood dense.

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
    labels = _label_by_core_points(observations, core_points, core_labels, eps)
    return DensityClustering(core_points, core_labels, eps, labels)


def _label_by_core_points(
    observations: np.ndarray, core_points: np.ndarray, core_labels: np.ndarray, eps: float
) -> np.ndarray:
    neighbours = NearestNeighbors(n_neighbors=1).fit(core_points)
    distances, nearest = neighbours.kneighbors(observations)
    return np.where(distances[:, 0] <= eps, core_labels[nearest[:, 0]], NOISE)
