"""How good one labelling is: separated, homogeneous, balanced, and telling customers apart.

Labels are 0, 1, …; -1 is noise, which belongs to no cluster and is left out of every figure.
"""

import numpy as np
from numba import njit

from segmentation.kmeans import cluster_means
from segmentation.parallel import use_one_thread


def distances_between(observations: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Euclidean distances of each point to each place, of shape (n_observations, n_places)."""
    return _distances(np.ascontiguousarray(observations), np.ascontiguousarray(places.T))


@njit(cache=True, nogil=True)
def _distances(observations, features_of_places):
    n_features, n_places = features_of_places.shape
    distances = np.zeros((len(observations), n_places))
    for i in range(len(observations)):
        row = distances[i]
        for feature in range(n_features):
            value, places = observations[i, feature], features_of_places[feature]
            for j in range(n_places):
                row[j] += (places[j] - value) ** 2
        for j in range(n_places):
            row[j] = np.sqrt(row[j])
    return distances


def silhouettes(distances: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Silhouette of each observation (Rousseeuw 1987).

    Parameters
    ----------
    distances : ndarray of shape (n_observations, n_observations)
        Between all pairs; one table serves all labellings of the same observations.
    labels : ndarray of int of shape (n_observations,)

    Returns
    -------
    ndarray of shape (n_observations,)
        -1 to 1; 0 for an observation alone in its cluster, NaN for noise and where there is one
        cluster.

    Notes
    -----
    `sklearn.metrics.silhouette_samples` takes twice as long, 140 ms in place of 70 for 4,000
    observations, of which a comparison has hundreds, and knows no noise.
    """
    result = np.full(len(labels), np.nan)
    members = np.flatnonzero(labels >= 0)
    clusters, own = np.unique(labels[members], return_inverse=True)
    if len(clusters) < 2:
        return result
    indicator = np.zeros((len(labels), len(clusters)))
    indicator[members, own] = 1
    sizes = indicator.sum(axis=0)
    use_one_thread()
    sums = (distances @ indicator)[members]
    rows = np.arange(len(members))
    within = sums[rows, own] / np.maximum(sizes[own] - 1, 1)
    means = sums / sizes
    means[rows, own] = np.inf
    nearest_other = means.min(axis=1)
    result[members] = np.where(sizes[own] == 1, 0.0, _margin(within, nearest_other))
    return result


def sampled_silhouette(
    observations: np.ndarray,
    labels: np.ndarray,
    sample: np.ndarray,
    *,
    n_customers: int | None = None,
) -> tuple[float, float]:
    """Mean silhouette of the sampled observations among themselves, and its standard error.

    Parameters
    ----------
    observations : ndarray of shape (n_observations, n_features)
    labels : ndarray of int of shape (n_observations,)
    sample : ndarray of int of shape (n_sampled,)
        Row numbers, one for each sampled customer.
    n_customers : int, optional
        How many the observations stand for; by default as many as there are observations.

    Returns
    -------
    silhouette, standard_error : float
        NaN when the sample holds a single cluster. The error is 0 when all customers are taken.
    """
    values = silhouettes(
        distances_between(observations[sample], observations[sample]), labels[sample]
    )
    n_customers = len(observations) if n_customers is None else n_customers
    return mean_and_error(values, is_sampled=len(sample) < n_customers)


def mean_and_error(values: np.ndarray, *, is_sampled: bool) -> tuple[float, float]:
    """Mean and standard error of the values that are not NaN; NaN if there are fewer than two."""
    known = values[~np.isnan(values)]
    if len(known) < 2:
        return float("nan"), float("nan")
    error = known.std(ddof=1) / np.sqrt(len(known)) if is_sampled else 0.0
    return float(known.mean()), float(error)


def simplified_silhouette(
    observations: np.ndarray, labels: np.ndarray, centroids: np.ndarray
) -> float:
    """Mean silhouette with distances to centroids instead of observations (Hruschka et al. 2006).

    Cheap for any number of observations, and another measure than the silhouette: it reads higher.
    """
    distances = distances_between(observations, centroids)
    rows = np.arange(len(observations))
    within = distances[rows, labels]
    distances[rows, labels] = np.inf
    nearest_other = distances.min(axis=1)
    return float(_margin(within, nearest_other).mean())


def separation(observations: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Share of each feature's variance that lies between the clusters, 0 to 1 (eta squared).

    Parameters
    ----------
    observations : ndarray of shape (n_observations, n_features)
        NaN where a value is missing: each feature is judged by its known values.
    labels : ndarray of int of shape (n_observations,)

    Returns
    -------
    ndarray of shape (n_features,)
        0 for a constant feature.
    """
    return np.array([_separation_by(column, labels) for column in observations.T])


def _separation_by(values: np.ndarray, labels: np.ndarray) -> float:
    members = (labels >= 0) & ~np.isnan(values)
    if not members.any():
        return 0.0
    deviations = values[members] - values[members].mean()
    total = (deviations**2).sum()
    sizes, means = cluster_means(deviations[:, None], labels[members])
    between = (sizes * means[:, 0] ** 2).sum()
    return min(1.0, float(between / total)) if total > 0 else 0.0  # 1 but for rounding


def balance(sizes: np.ndarray) -> float:
    """Entropy of the cluster sizes over its maximum: 1 for equal sizes, 0 for a single cluster."""
    shares = sizes[sizes > 0] / sizes.sum()
    if len(shares) < 2:
        return 0.0
    return float(-(shares * np.log(shares)).sum() / np.log(len(shares)))


def _margin(within: np.ndarray, nearest_other: np.ndarray) -> np.ndarray:
    """By how much the own cluster is nearer, -1 to 1; 0 where all observations are at one place."""
    larger = np.maximum(within, nearest_other)
    return np.divide(nearest_other - within, larger, out=np.zeros_like(larger), where=larger > 0)
