"""How customers have changed since a model was fitted, and what they would be had they not."""

from collections.abc import Collection

import numpy as np
from numba import njit

from segmentation.observations import WeightedObservations

# Share of the customers from which on a value is frequent: when held it is split, a rare one moves.
_FREQUENT_SHARE = 0.005


def population_stability_index(
    then: np.ndarray, now: np.ndarray, customers_then: np.ndarray, customers_now: np.ndarray
) -> float:
    """Compute the population stability index over the deciles of `then`: below .1 is stable.

    Parameters
    ----------
    then, now : ndarray of shape (n_then,) and (n_now,)
        Values, NaN where unknown; the unknown are a bin of their own.
    customers_then, customers_now : ndarray of the same shapes
        How often each value counts.

    Returns
    -------
    float
        Sum over the bins of (q - p) ln(q / p), where no share counts as less than 1e-4. Deciles
        that coincide, because a value is frequent, are one bin.
    """
    known = ~np.isnan(then)
    edges = np.unique(
        np.quantile(
            then[known],
            np.arange(0.1, 1, 0.1),
            weights=customers_then[known],
            method="inverted_cdf",
        )
    )
    shares = []
    for values, customers in ((then, customers_then), (now, customers_now)):
        bins = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values))
        counts = np.bincount(bins, weights=customers, minlength=len(edges) + 2)
        shares.append(np.maximum(counts / counts.sum(), 1e-4))
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def restore(
    then: WeightedObservations,
    now: WeightedObservations,
    features: Collection[int],
    *,
    is_dependence_restored: bool,
    given: int | None = None,
    made: dict | None = None,
) -> WeightedObservations:
    """Give customers of now some features, and how features go together, as then.

    Parameters
    ----------
    then, now : WeightedObservations
        Of whole customers.
    features : collection of int
        Those that are distributed as then; the others are distributed as now.
    is_dependence_restored : bool
        Whether the ranks that a customer has in all features are those of then.
    given : int, optional
        See `hold_feature`.
    made : dict, optional
        Keeps what is made of these dates, for the next call with them.

    Returns
    -------
    WeightedObservations
        Of whole customers: as many as then where the dependence is restored, else as now. With all
        restored they are those of then, with nothing those of now.

    Notes
    -----
    A distribution and a dependence (the copula) can be put together at will (Sklar 1959): the
    customers who have the dependence are given the values of equal rank of those who have the
    distribution.
    """
    customers, others = (then, now) if is_dependence_restored else (now, then)
    made = {} if made is None else made
    moved = {i for i in range(now.features.shape[1]) if (i in features) != is_dependence_restored}

    def with_moved(places: frozenset[int]) -> WeightedObservations:
        if not places:
            return customers
        key = is_dependence_restored, places
        if key not in made:
            # From customers who have been made before it is one step.
            steps = (i for i in sorted(places) if (is_dependence_restored, places - {i}) in made)
            last = next(steps, max(places))
            held = hold_feature(with_moved(places - {last}), last, others, given=given)
            made[key] = held.in_whole_customers()
        return made[key]

    return with_moved(frozenset(moved))


def hold_feature(
    now: WeightedObservations,
    feature: int,
    then: WeightedObservations,
    *,
    given: int | None = None,
) -> WeightedObservations:
    """Give customers of now one feature distributed as then, everyone's rank kept.

    Parameters
    ----------
    now, then : WeightedObservations
        Of the same features.
    feature : int
        Its place among them.
    given : int, optional
        Place of a feature by whose ranks the customers are put into ten groups: the feature is
        distributed as then in each of them, so that its dependence on that feature is as then too.

    Returns
    -------
    WeightedObservations
        As many customers as `now`; more observations where values are split.

    Notes
    -----
    Values are replaced by those of equal rank (the monotone coupling of the two distributions). A
    value that many customers share is split over the values of then that its ranks cover, in equal
    shares for all of them, so that no tie is broken by chance. Unknown values stay unknown, and a
    group that is empty at either date stays as it is.

    Examples
    --------
    Now three of four customers have the value 1 and one has 5; then two had 10 and two had 20. The
    ranks of the three, 0 to 0.75, cover all of 10 and half of 20: two thirds of them get 10, one
    third 20. The fourth, of ranks 0.75 to 1, gets 20.

    >>> now = WeightedObservations(np.array([[1.0], [5.0]]), np.array([3.0, 1.0]))
    >>> then = WeightedObservations(np.array([[10.0], [20.0]]), np.array([2.0, 2.0]))
    >>> held = hold_feature(now, 0, then)
    >>> held.features[:, 0].tolist(), held.customers.round(9).tolist()
    ([10.0, 20.0, 20.0], [2.0, 1.0, 1.0])
    """
    given = None if given == feature else given
    ranks_now, ranks_then = (each.ranks(feature, given) for each in (now, then))
    of_now, values, shares = _couple(
        ranks_now.values,
        ranks_now.groups,
        ranks_now.shares,
        ranks_now.customers > _FREQUENT_SHARE * now.customers.sum(),
        ranks_then.values,
        ranks_then.groups,
        ranks_then.shares,
        ranks_then.customers > _FREQUENT_SHARE * then.customers.sum(),
    )
    rows, part = ranks_now.observations_of(of_now)
    moved = now.features[rows]
    moved[:, feature] = values[part]
    is_unknown = np.isnan(now.features[:, feature])
    return WeightedObservations(
        np.concatenate([moved, now.features[is_unknown]]),
        np.concatenate([now.customers[rows] * shares[part], now.customers[is_unknown]]),
    )


@njit(cache=True, nogil=True)
def _couple(
    values_now,
    groups_now,
    shares_now,
    is_frequent_now,
    values_then,
    groups_then,
    shares_then,
    is_frequent_then,
):
    """Split each value of now by the values of then that its ranks cover.

    Values come by group and in order; shares are those of the group. Returns by part which value of
    now it is of, the value that it gets, and its share of the value's customers. A rare value moves
    to the mean of what it covers, in one part. A frequent one is split into the frequent values
    that it covers and the means of the rare ones between them.
    """
    n_then = len(values_then)
    of_now = np.empty(2 * (len(values_now) + n_then), np.int64)
    values, shares = np.empty(len(of_now)), np.empty(len(of_now))
    n_parts, place, left = 0, 0, 0.0
    for now in range(len(values_now)):
        group = groups_now[now]
        if now == 0 or group != groups_now[now - 1]:
            while place < n_then and groups_then[place] < group:
                place += 1
            left = shares_then[place] if place < n_then else 0.0
        if place == n_then or groups_then[place] != group:
            of_now[n_parts], values[n_parts], shares[n_parts] = now, values_now[now], 1.0
            n_parts += 1
            continue
        to_cover, covered, total = shares_now[now], 0.0, 0.0
        while True:
            is_last = place + 1 == n_then or groups_then[place + 1] != group
            length = to_cover if is_last else min(to_cover, left)
            is_apart = is_frequent_now[now] and is_frequent_then[place]
            if is_apart and covered > 0:
                of_now[n_parts], values[n_parts] = now, total / covered
                shares[n_parts] = covered / shares_now[now]
                n_parts += 1
                covered, total = 0.0, 0.0
            if is_apart and length > 0:
                of_now[n_parts], values[n_parts] = now, values_then[place]
                shares[n_parts] = length / shares_now[now]
                n_parts += 1
            elif not is_apart:
                covered += length
                total += length * values_then[place]
            to_cover -= length
            left -= length
            if to_cover <= 0:
                break
            place += 1
            left = shares_then[place]
        if covered > 0:
            of_now[n_parts], values[n_parts] = now, total / covered
            shares[n_parts] = covered / shares_now[now]
            n_parts += 1
    return of_now[:n_parts], values[:n_parts], shares[:n_parts]
