"""Agreement of two labellings, computed from their cross-table alone.

A cross-table counts customers: entry (i, j) is how many carry label i in the first labelling and
label j in the second. No function needs the customers themselves, so the work does not grow with
their number.
"""

import math
from functools import cache

import numpy as np
from numba import njit
from scipy.optimize import linear_sum_assignment
from scipy.special import gammaln, xlogy

_TABULATED = 2**17


def adjusted_rand_index(cross_table: np.ndarray) -> float:
    """Compute the adjusted Rand index (Hubert and Arabie 1985) of two labellings.

    Parameters
    ----------
    cross_table : ndarray of int of shape (n_first, n_second)

    Returns
    -------
    float
        1 for the same partition, 0 on average for independent ones; negative values are possible.
    """
    together_in_both = _pairs(cross_table).sum()
    together_in_first = _pairs(cross_table.sum(axis=1)).sum()
    together_in_second = _pairs(cross_table.sum(axis=0)).sum()
    pairs = _pairs(cross_table.sum())
    if together_in_first == together_in_second and together_in_first in (0, pairs):
        return 1.0  # both put every customer apart, or all together
    expected = together_in_first * together_in_second / pairs
    maximum = (together_in_first + together_in_second) / 2
    # Rounding can lift the same partition a little above 1.
    return min(1.0, float((together_in_both - expected) / (maximum - expected)))


def adjusted_mutual_information(cross_table: np.ndarray) -> float:
    """Compute adjusted mutual information (Vinh et al. 2010), by the mean of the entropies.

    1 for the same partition, 0 on average for independent ones.
    """
    table = _without_empty_labels(cross_table)
    if table.shape[0] == table.shape[1] and table.shape[0] in (1, table.sum()):
        return 1.0
    mutual_information, first_entropy, second_entropy = _information(table)
    expected = _expected_mutual_information(
        table.sum(axis=1), table.sum(axis=0), _log_factorial_table()
    )
    maximum = (first_entropy + second_entropy) / 2
    # Rounding can lift the same partition a little above 1.
    return min(1.0, float((mutual_information - expected) / (maximum - expected)))


def variation_of_information(cross_table: np.ndarray) -> float:
    """Variation of information (Meila 2007) in nats: 0 for the same partition; a metric."""
    mutual_information, first_entropy, second_entropy = _information(cross_table)
    return max(0.0, float(first_entropy + second_entropy - 2 * mutual_information))


def match_labels(
    cross_table: np.ndarray, distances: np.ndarray | None = None
) -> list[tuple[int, int]]:
    """Match labels one to one so that as many customers as possible keep theirs (Kuhn 1955).

    Parameters
    ----------
    cross_table : ndarray of int of shape (n_first, n_second)
    distances : ndarray of shape (n_first, n_second), optional
        At least 0. Of matchings that keep as many customers, the one with the least sum is taken.

    Returns
    -------
    list of (first, second)
        min(n_first, n_second) pairs of row and column, by row.
    """
    table = np.asarray(cross_table, dtype=float)
    if distances is not None:
        # All distances together weigh less than one customer.
        table = table - distances / (1 + np.sum(distances))
    rows, columns = linear_sum_assignment(table, maximize=True)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def matched_agreement(cross_table: np.ndarray) -> float:
    """Share of customers, 0 to 1, whose labels are matched with each other by `match_labels`."""
    matched = sum(cross_table[pair] for pair in match_labels(cross_table))
    return float(matched / cross_table.sum())


def jaccard(cross_table: np.ndarray, first: int, second: int) -> float:
    """Divide customers in both clusters by customers in either, 0 to 1; 0 when both are empty."""
    both = cross_table[first, second]
    either = cross_table[first].sum() + cross_table[:, second].sum() - both
    return float(both / either) if either else 0.0


def within_cluster_sum_of_squares(
    customers: np.ndarray, sums: np.ndarray, sum_of_squares: float
) -> float:
    """Squared distances of all observations to the mean of their cluster, from sums alone.

    Parameters
    ----------
    customers : ndarray of shape (n_clusters,)
        Observations of each cluster.
    sums : ndarray of shape (n_clusters, n_features)
        Sum of the observations of each cluster.
    sum_of_squares : float
        Sum of the squared norms of all observations.
    """
    occupied = customers > 0
    explained = np.sum(sums[occupied] ** 2, axis=1) / customers[occupied]
    return float(sum_of_squares - explained.sum())


def _pairs(counts: np.ndarray) -> np.ndarray:
    counts = np.asarray(counts, dtype=float)
    return counts * (counts - 1) / 2


def _without_empty_labels(cross_table: np.ndarray) -> np.ndarray:
    return cross_table[cross_table.any(axis=1)][:, cross_table.any(axis=0)]


def _information(cross_table: np.ndarray) -> tuple[float, float, float]:
    """Mutual information and the two entropies, in nats."""
    joint = cross_table / cross_table.sum()
    first, second = joint.sum(axis=1), joint.sum(axis=0)
    first_entropy = -xlogy(first, first).sum()
    second_entropy = -xlogy(second, second).sum()
    joint_entropy = -xlogy(joint, joint).sum()
    return first_entropy + second_entropy - joint_entropy, first_entropy, second_entropy


@njit(cache=True, nogil=True)
def _expected_mutual_information(first_sizes, second_sizes, log_factorials):
    """Mutual information that labellings of these sizes share by chance.

    Equation 24a of Vinh, Epps and Bailey (2010): the customers in a cell are then distributed
    hypergeometrically. Only counts within twelve standard deviations of the mean are summed, and
    thirty beyond: the others have no weight.
    """
    customers = first_sizes.sum()
    total = 0.0
    for first in first_sizes:
        for second in second_sizes:
            mean = first / customers * second
            variance = mean * (customers - first) / customers * (customers - second)
            deviation = np.sqrt(variance / max(customers - 1, 1))
            lowest = max(1, first + second - customers, int(mean - 12 * deviation) - 30)
            highest = min(first, second, int(mean + 12 * deviation) + 30)
            constant = (
                _log_factorial(first, log_factorials)
                + _log_factorial(second, log_factorials)
                + _log_factorial(customers - first, log_factorials)
                + _log_factorial(customers - second, log_factorials)
                - _log_factorial(customers, log_factorials)
            )
            for shared in range(lowest, highest + 1):
                log_probability = (
                    constant
                    - _log_factorial(shared, log_factorials)
                    - _log_factorial(first - shared, log_factorials)
                    - _log_factorial(second - shared, log_factorials)
                    - _log_factorial(customers - first - second + shared, log_factorials)
                )
                information = np.log(shared / mean)
                total += shared / customers * information * np.exp(log_probability)
    return total


@njit(cache=True, nogil=True)
def _log_factorial(number, log_factorials):
    """Logarithm of n!; a table serves what pairs share."""
    if number < len(log_factorials):
        return log_factorials[number]
    return math.lgamma(number + 1.0)


@cache
def _log_factorial_table() -> np.ndarray:
    return gammaln(np.arange(_TABULATED) + 1.0)
