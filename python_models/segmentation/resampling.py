"""Would the segments come back? Fits on bootstrap resamples that all label the same customers."""

from itertools import combinations

import numpy as np

from segmentation import agreement


def draw_sample(n_observations: int, sample_size: int | None, random_state: int) -> np.ndarray:
    """Row numbers of a seeded sample without replacement, ascending; all rows if None."""
    if sample_size is None or sample_size >= n_observations:
        return np.arange(n_observations)
    return np.sort(
        np.random.default_rng(random_state).choice(n_observations, sample_size, replace=False)
    )


def bootstrap_counts(n_observations: int, *, resamples: int, random_state: int) -> np.ndarray:
    """How often each observation is drawn in each resample with replacement.

    Returns
    -------
    ndarray of int of shape (resamples, n_observations)
        Each row sums to `n_observations`.
    """
    random = np.random.default_rng(random_state)
    return np.stack(
        [
            np.bincount(
                random.integers(n_observations, size=n_observations), minlength=n_observations
            )
            for _ in range(resamples)
        ]
    )


def cross_table(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Observations by the labels of two labellings; -1, noise, is the first row or column.

    Returns
    -------
    ndarray of int of shape (n_first + 1, n_second + 1)
    """
    first, second = first.astype(np.int64) + 1, second.astype(np.int64) + 1
    shape = first.max() + 1, second.max() + 1
    return np.bincount(first * shape[1] + second, minlength=shape[0] * shape[1]).reshape(shape)


def mutual_agreement(labelings: np.ndarray) -> tuple[float, float]:
    """Compute the adjusted Rand index between all pairs of labelings: mean and 5th percentile.

    The mean is that of flexclust's `bootFlexclust` (Dolnicar and Leisch 2010), which compares the
    fits of two resamples at a time; all pairs use the same fits better.

    Parameters
    ----------
    labelings : ndarray of int of shape (n_labelings, n_observations)
        At least two.
    """
    values = [
        agreement.adjusted_rand_index(cross_table(first, second))
        for first, second in combinations(labelings, 2)
    ]
    return float(np.mean(values)), float(np.quantile(values, 0.05))


def cluster_stability(labels: np.ndarray, labelings: np.ndarray) -> np.ndarray:
    """Mean Jaccard index of each cluster with the most similar cluster of each labelling.

    As fpc's `clusterboot` (Hennig 2007), over all observations: .75 and more is stable, below .6
    is not to be trusted.

    Parameters
    ----------
    labels : ndarray of int of shape (n_observations,)
        Clusters 0, 1, …; -1 for noise.
    labelings : ndarray of int of shape (n_labelings, n_observations)

    Returns
    -------
    ndarray of shape (n_clusters,)
        0 to 1.
    """
    best = []
    for labeling in labelings:
        table = cross_table(labels, labeling)
        either = table.sum(axis=1)[:, None] + table.sum(axis=0)[None] - table
        best.append((table / np.maximum(either, 1))[1:, 1:].max(axis=1, initial=0.0))
    return np.mean(best, axis=0)
