"""KMeans fits that are repeatable to the last bit, and the silhouette of a labelling."""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_samples
from threadpoolctl import threadpool_limits


@dataclass(frozen=True)
class Clustering:
    """A converged KMeans fit.

    Attributes
    ----------
    centroids : ndarray of shape (n_clusters, n_features)
    labels : ndarray of int of shape (n_points,)
    inertia : float
        Sum of squared distances of the points to their centroids.
    """

    centroids: np.ndarray
    labels: np.ndarray
    inertia: float


def fit_kmeans(
    points: np.ndarray, *, n_clusters: int, n_init: int, random_state: int
) -> Clustering:
    """Fit KMeans until no label changes, as the best of `n_init` k-means++ starts.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features)
        Scaled features, rows in an order that does not depend on chance.
    n_clusters, n_init, random_state : int

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
        raise ValueError(f"{len(points)} customers cannot form {n_clusters} segments")
    kmeans = KMeans(n_clusters, n_init=n_init, tol=0, max_iter=10_000, random_state=random_state)
    with threadpool_limits(1), warnings.catch_warnings():
        # Too few distinct points: told below, as an error.
        warnings.simplefilter("ignore", ConvergenceWarning)
        kmeans.fit(points)
    distinct = len(np.unique(kmeans.labels_))
    if distinct < n_clusters:
        raise ValueError(f"{distinct} distinct customers cannot form {n_clusters} segments")
    return Clustering(kmeans.cluster_centers_, kmeans.labels_, float(kmeans.inertia_))


def sampled_silhouette(
    points: np.ndarray, labels: np.ndarray, *, sample_size: int | None, random_state: int
) -> tuple[float, float]:
    """Mean silhouette (Rousseeuw 1987) of a seeded sample, and its standard error.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features)
    labels : ndarray of int of shape (n_points,)
    sample_size : int or None
        Points drawn without replacement; None, or no fewer than there are, takes all points.
    random_state : int

    Returns
    -------
    silhouette, standard_error : float
        NaN when the sample holds a single cluster. The error is 0 when all points are taken.
    """
    is_sampled = sample_size is not None and sample_size < len(points)
    if is_sampled:
        chosen = np.random.default_rng(random_state).choice(len(points), sample_size, replace=False)
        points, labels = points[chosen], labels[chosen]
    if not 1 < len(np.unique(labels)) < len(labels):
        return float("nan"), float("nan")
    with threadpool_limits(1):
        silhouettes = silhouette_samples(points, labels)
    standard_error = silhouettes.std(ddof=1) / np.sqrt(len(labels)) if is_sampled else 0.0
    return float(silhouettes.mean()), float(standard_error)
