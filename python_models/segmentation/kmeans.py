"""KMeans that runs until no label changes, in compiled loops: most that a build computes is this.

The loops are compiled by Numba when they are first called, and kept beside this file. They are
repeatable to the last bit and hold no lock of Python's, so fits can go on in threads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

# Observations that are looked at together: their distances stay in a processor's nearest cache.
BLOCK = 256
# Of the mean distance of observations to their centroids: a start this near to a settled one is
# left.
_NEAR = 0.001
# Observations that fresh starts settle on before they see all, where there are twice as many or
# more.
_FEW = 5_000
_MOST_PASSES = 10_000


@dataclass(frozen=True)
class CentroidClustering:
    """Clusters around centroids: the fit of KMeans or Ward.

    Attributes
    ----------
    centroids : ndarray of shape (n_clusters, n_features)
    labels : ndarray of int of shape (n_observations,)
        The nearest centroid of each observation that is to be clustered.
    inertia : float
        Sum of squared distances of the observations to their centroids.
    """

    centroids: np.ndarray
    labels: np.ndarray
    inertia: float

    def label(self, observations: np.ndarray) -> np.ndarray:
        """Return the number of the nearest centroid, ndarray of int of shape (n_observations,)."""
        return label_by_centroids(observations, self.centroids)


def fit_kmeans(
    observations: np.ndarray,
    *,
    n_clusters: int,
    n_init: int,
    random_state: int,
    weights: np.ndarray | None = None,
    warm_starts: Sequence[np.ndarray] = (),
) -> CentroidClustering:
    """Fit KMeans (Lloyd 1982) until no label changes, as the best of `n_init` k-means++ starts.

    Parameters
    ----------
    observations : ndarray of shape (n_observations, n_features)
        Scaled features, rows in an order that does not depend on chance.
    n_clusters, n_init, random_state : int
    weights : ndarray of shape (n_observations,), optional
        How often each observation counts.
    warm_starts : sequence of ndarray of shape (n_clusters, n_features), optional
        Centroids that are tried beside the k-means++ starts.

    Raises
    ------
    ValueError
        If there are fewer distinct observations than clusters.

    Notes
    -----
    A tolerance that stops earlier, as scikit-learn's default does, leaves two good fits of the same
    observations apart, which reads as drift.
    """
    if len(observations) < n_clusters:
        raise ValueError(f"too few customers ({len(observations)}) to form {n_clusters} segments")
    features = np.ascontiguousarray(observations.T, dtype=float)
    weights = np.ones(len(observations)) if weights is None else np.asarray(weights, dtype=float)
    # As many places are tried for each further centroid as in scikit-learn.
    trials = 2 + int(np.log(n_clusters))
    draws = np.random.default_rng(random_state).random((n_init, n_clusters, trials))
    # Fresh starts come most of their way on some of the observations.
    few = slice(None, None, max(1, len(observations) // _FEW))
    some, some_weights = np.ascontiguousarray(features[:, few]), weights[few].copy()
    starts = [_spread(some, some_weights, draws_of_start) for draws_of_start in draws]
    if len(some_weights) < len(weights):
        starts = [fit.centroids for fit in _settle_all(some, some_weights, starts)]
    starts += [np.ascontiguousarray(centroids, dtype=float) for centroids in warm_starts]
    best = min(_settle_all(features, weights, starts), key=lambda fit: fit.inertia)
    distinct = np.count_nonzero(np.bincount(best.labels))
    if distinct < n_clusters:
        raise ValueError(f"too few distinct customers ({distinct}) to form {n_clusters} segments")
    return best


def _settle_all(
    features: np.ndarray, weights: np.ndarray, starts: Sequence[np.ndarray]
) -> list[CentroidClustering]:
    """Return the different fits that starts lead to."""
    fits = []
    for start in starts:
        settled = np.array([fit.centroids for fit in fits]).reshape(-1, *start.shape)
        radii = np.sqrt([fit.inertia / weights.sum() for fit in fits])
        found = _settle(features, weights, start, settled, _NEAR * radii)
        if found[2] >= 0:
            fits.append(CentroidClustering(*found))
    return fits


def cluster_means(observations: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Size of each cluster 0, 1, …, and its mean of shape (n_clusters, n_features)."""
    sizes = np.bincount(labels)
    sums = np.stack([np.bincount(labels, weights=column) for column in observations.T], axis=1)
    return sizes, sums / np.maximum(sizes, 1)[:, None]


def label_by_centroids(observations: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Find the number of the nearest centroid of each observation, the lowest one of a tie.

    Parameters
    ----------
    observations : ndarray of shape (n_observations, n_features)
    centroids : ndarray of shape (n_clusters, n_features)

    Returns
    -------
    ndarray of int of shape (n_observations,)
    """
    features = np.ascontiguousarray(observations.T, dtype=float)
    no_caps = np.tile([-np.inf, np.inf, np.nan], (len(features), 1))
    return label_by_scores(features, no_caps, *linear_scores(centroids))


def linear_scores(
    centroids: np.ndarray, means: np.ndarray | float = 0.0, scales: np.ndarray | float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Weights and biases of a score that is highest for the nearest centroid.

    (x - c)^2 is x^2 - 2cx + c^2, and x^2 is the same for all centroids: the score is 2cx - c^2.
    With means and scales it takes features that are not scaled yet.

    Returns
    -------
    weights : ndarray of shape (n_clusters, n_features)
    biases : ndarray of shape (n_clusters,)
    """
    weights = np.ascontiguousarray(2 * centroids / scales)
    return weights, (centroids * (centroids + 2 * means / scales)).sum(axis=1)


@njit(cache=True, nogil=True)
def label_by_scores(
    features: np.ndarray, caps: np.ndarray, weights: np.ndarray, biases: np.ndarray
) -> np.ndarray:
    """Find the number of the highest of the scores `weights @ x - biases` of each observation x.

    Parameters
    ----------
    features : ndarray of shape (n_features, n_observations)
        NaN where missing.
    caps : ndarray of shape (n_features, 3)
        What a feature is at least and at most, and what stands in for a missing value.
    weights, biases
        See `linear_scores`.

    Returns
    -------
    ndarray of int of shape (n_observations,)
    """
    n_observations = features.shape[1]
    labels = np.zeros(n_observations, np.int64)
    rows = np.arange(len(features))
    for start in range(0, n_observations, BLOCK):
        size = min(BLOCK, n_observations - start)
        of_block = labels[start : start + size]
        label_block(features, rows, start, size, caps, weights, biases, of_block)
    return labels


@njit(cache=True, nogil=True)
def label_block(features, rows, start, size, caps, weights, biases, labels):
    """Labels of `size` observations, at most `BLOCK`, from `start` on; see `label_by_scores`.

    `rows` are the places of the model's features among `features`.
    """
    scores, highest = np.empty(BLOCK), np.full(BLOCK, -np.inf)
    capped = np.empty((len(rows), BLOCK))
    for feature in range(len(rows)):
        values = features[rows[feature], start : start + size]
        lower, upper, missing = caps[feature]
        for i in range(size):
            value = min(max(values[i], lower), upper)
            capped[feature, i] = missing if np.isnan(values[i]) else value
    for cluster in range(len(weights)):
        for i in range(size):
            scores[i] = -biases[cluster]
        for feature in range(len(rows)):
            weight = weights[cluster, feature]
            for i in range(size):
                scores[i] += weight * capped[feature, i]
        for i in range(size):
            labels[i] = cluster if scores[i] > highest[i] else labels[i]
            highest[i] = max(scores[i], highest[i])


@njit(cache=True, nogil=True)
def _spread(features, weights, draws):
    """Centroids far from each other: greedy k-means++ (Arthur and Vassilvitskii 2007).

    Each row of `draws`, numbers from 0 to 1, tries some observations for the next centroid.
    """
    n_features, n_observations = features.shape
    n_clusters, trials = draws.shape
    centroids = np.empty((n_clusters, n_features))
    # To the nearest centroid so far; at first only the weights count.
    squares, cumulated = np.ones(n_observations), np.empty(n_observations)
    for cluster in range(n_clusters):
        total = 0.0
        for observation in range(n_observations):
            total += weights[observation] * squares[observation]
            cumulated[observation] = total
        lowest, chosen = np.inf, 0
        for trial in range(trials if cluster else 1):
            drawn = np.searchsorted(cumulated, draws[cluster, trial] * total, side="right")
            drawn = min(drawn, n_observations - 1)
            left = 0.0
            for observation in range(n_observations):
                square = _square_distance(features, observation, features, drawn)
                left += weights[observation] * (
                    min(square, squares[observation]) if cluster else square
                )
            if left < lowest:
                lowest, chosen = left, drawn
        for feature in range(n_features):
            centroids[cluster, feature] = features[feature, chosen]
        for observation in range(n_observations):
            square = _square_distance(features, observation, features, chosen)
            squares[observation] = min(square, squares[observation]) if cluster else square
    return centroids


@njit(cache=True, nogil=True)
def _settle(features, weights, centroids, settled, near):
    """Lloyd's iterations from some centroids on; returns centroids, labels and inertia.

    A start that comes `near` to the centroids of a fit that has settled would settle there too: it
    is left, with an inertia of -1. Sums of the clusters follow the observations that move, and are
    made anew before the last look, so that what is left of rounding does not depend on the way.
    """
    n_features, n_observations = features.shape
    n_clusters = len(centroids)
    centroids = centroids.copy()
    labels, squares = np.full(n_observations, -1), np.zeros(n_observations)
    sums, masses = np.zeros((n_clusters, n_features)), np.zeros(n_clusters)
    sizes = np.zeros(n_clusters, np.int64)
    is_exact = False
    for _ in range(_MOST_PASSES):
        moved = _move_observations(
            features, weights, centroids, labels, squares, sums, masses, sizes
        )
        if moved == 0:
            if is_exact:
                break
            is_exact = True
            _sum_anew(features, weights, labels, sums, masses)
        else:
            is_exact = False
        _place(features, centroids, squares, sums, masses, sizes)
        for fit in range(len(settled)):
            if _are_near(centroids, settled[fit], near[fit]):
                return centroids, labels, -1.0
    inertia = 0.0
    for observation in range(n_observations):
        inertia += weights[observation] * squares[observation]
    return centroids, labels, inertia


@njit(cache=True, nogil=True)
def _move_observations(features, weights, centroids, labels, squares, sums, masses, sizes):
    """Label each observation by its nearest centroid; returns how many labels have changed."""
    n_features, n_observations = features.shape
    distances, lowest = np.empty(BLOCK), np.empty(BLOCK)
    nearest = np.empty(BLOCK, np.int64)
    moved = 0
    for start in range(0, n_observations, BLOCK):
        size = min(BLOCK, n_observations - start)
        for i in range(size):
            lowest[i] = np.inf
        for cluster in range(len(centroids)):
            for i in range(size):
                distances[i] = 0.0
            for feature in range(n_features):
                values, place = features[feature, start : start + size], centroids[cluster, feature]
                for i in range(size):
                    distance = values[i] - place
                    distances[i] += distance * distance
            for i in range(size):
                nearest[i] = cluster if distances[i] < lowest[i] else nearest[i]
                lowest[i] = min(distances[i], lowest[i])
        for i in range(size):
            observation, new = start + i, nearest[i]
            squares[observation] = lowest[i]
            old = labels[observation]
            if new != old:
                moved += 1
                labels[observation] = new
                sizes[new] += 1
                _add(features, observation, weights[observation], new, sums, masses)
                if old >= 0:
                    sizes[old] -= 1
                    _add(features, observation, -weights[observation], old, sums, masses)
    return moved


@njit(cache=True, nogil=True)
def _place(features, centroids, squares, sums, masses, sizes):
    """Move each centroid to the mean of its observations.

    One that is nobody's nearest starts again at the observation that is farthest from its own.
    """
    n_clusters, n_features = centroids.shape
    for cluster in range(n_clusters):
        if sizes[cluster]:
            for feature in range(n_features):
                centroids[cluster, feature] = sums[cluster, feature] / masses[cluster]
        else:
            farthest = np.argmax(squares)
            squares[farthest] = 0.0
            for feature in range(n_features):
                centroids[cluster, feature] = features[feature, farthest]


@njit(cache=True, nogil=True)
def _sum_anew(features, weights, labels, sums, masses):
    sums[:], masses[:] = 0.0, 0.0
    for observation in range(len(labels)):
        _add(features, observation, weights[observation], labels[observation], sums, masses)


@njit(cache=True, nogil=True)
def _add(features, observation, weight, cluster, sums, masses):
    masses[cluster] += weight
    for feature in range(len(features)):
        sums[cluster, feature] += weight * features[feature, observation]


@njit(cache=True, nogil=True)
def _are_near(centroids, settled, near):
    """Whether each centroid has one of the settled ones within a distance."""
    n_clusters, n_features = centroids.shape
    for cluster in range(n_clusters):
        is_near = False
        for other in range(n_clusters):
            square = 0.0
            for feature in range(n_features):
                square += (centroids[cluster, feature] - settled[other, feature]) ** 2
            is_near = is_near or square < near**2
        if not is_near:
            return False
    return True


@njit(cache=True, nogil=True)
def _square_distance(features, observation, places, place):
    square = 0.0
    for feature in range(len(features)):
        square += (features[feature, observation] - places[feature, place]) ** 2
    return square
