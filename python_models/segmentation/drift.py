"""How customers have changed since a model was fitted, and which feature makes it age."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
from scipy.stats import wasserstein_distance

from segmentation.observations import NOISE_BIN_WIDTH, WeightedObservations
from segmentation.parallel import run_in_threads, use_one_thread
from segmentation.refits import (
    CAP_QUANTILES,
    N_INIT_BESIDE_WARM_START,
    SAMPLE_SIZE,
    FrozenModel,
    agreement_of,
    recipe_of,
    refit,
)

ALL_FEATURES = "all features"

CAUSES_SCHEMA = pa.schema(
    [
        ("origin_model_id", pa.string()),
        ("model_id", pa.string()),
        ("feature", pa.string()),
        ("population_stability_index", pa.float64()),
        ("wasserstein_distance", pa.float64()),
        ("mean_scaled_then", pa.float64()),
        ("mean_scaled_now", pa.float64()),
        ("adjusted_rand_index", pa.float64()),
        ("held_adjusted_rand_index", pa.float64()),
    ]
)

# Share of the customers from which on a value is frequent: when held it is split, a rare one moves.
_FREQUENT_SHARE = 0.005


def explain_pairs(
    pairs: Iterable[tuple[Mapping, Mapping, WeightedObservations, WeightedObservations, bool]],
    *,
    threads: int,
    **settings,
) -> pa.Table:
    """Tell what changed between the fits of two models, and what that does to their agreement.

    Parameters
    ----------
    pairs : iterable of (origin, model, then, now, is_alarming)
        As `explain_pair` takes them.
    threads : int
        See `segmentation.parallel.run_in_threads`.
    **settings
        Passed to `explain_pair`.

    Returns
    -------
    pyarrow.Table
        One row per pair and feature, and one for all features of alarming pairs, with
        `CAUSES_SCHEMA`.
    """
    found = run_in_threads(partial(explain_pair, **settings), pairs, threads=threads)
    return pa.Table.from_pylist([row for rows in found for row in rows], schema=CAUSES_SCHEMA)


def explain_pair(
    origin: Mapping,
    model: Mapping,
    then: WeightedObservations,
    now: WeightedObservations,
    is_alarming: bool,
    *,
    noise_bin_width: float = NOISE_BIN_WIDTH,
    cap_quantiles: Sequence[float] = CAP_QUANTILES,
    n_init_beside_warm_start: int = N_INIT_BESIDE_WARM_START,
    ward_sample_size: int = SAMPLE_SIZE,
) -> list[dict]:
    """Change of each feature, and the agreement with that feature held as it was.

    Parameters
    ----------
    origin, model : mapping
        Rows of `segmentation.models.MODELS_SCHEMA`, of one candidate.
    then, now : WeightedObservations
        The customers that each is fitted on.
    is_alarming : bool
        Whether to refit with features held, which takes most of the time.
    noise_bin_width : float
        Refits are made on bins; see `segmentation.observations.WeightedObservations.in_bins`.
    cap_quantiles, n_init_beside_warm_start, ward_sample_size
        See `segmentation.models.fit_models`.

    Returns
    -------
    list of dict
        Rows of `CAUSES_SCHEMA`. Wasserstein distance and means are in the scaled units of the
        origin. `adjusted_rand_index` is that of the origin and a refit on the bins of today;
        `held_adjusted_rand_index` the same after the feature's values have been replaced by those
        of equal rank at the origin's date, so that its distribution is the one of then while every
        customer's rank, and all other features, are those of today. Both are None unless the pair
        is alarming.
    """
    use_one_thread()
    frozen, refitted = FrozenModel.from_row(origin), FrozenModel.from_row(model)
    recipe = recipe_of(
        model,
        cap_quantiles=cap_quantiles,
        n_init=n_init_beside_warm_start,
        ward_sample_size=ward_sample_size,
    )

    def agreement_on(bins: WeightedObservations) -> float:
        fit = refit(
            bins,
            recipe,
            random_state=model["random_state"],
            warm_starts=[frozen, refitted],
        )
        return agreement_of(frozen, fit, bins, recipe.n_segments)

    pair = {"origin_model_id": origin["model_id"], "model_id": model["model_id"]}
    rows = []
    values_then = [then.distribution(i) for i in range(len(frozen.scalings))]
    for i, scaling in enumerate(frozen.scalings):
        known = values_then[i], now.distribution(i)
        (then_values, customers_then), (now_values, customers_now) = (
            (values.features[:, 0], values.customers) for values in known
        )
        scaled_then, scaled_now = scaling.apply(then_values), scaling.apply(now_values)
        rows.append(
            pair
            | {
                "feature": scaling.feature,
                "population_stability_index": population_stability_index(
                    then_values, now_values, customers_then, customers_now
                ),
                "wasserstein_distance": wasserstein_distance(
                    scaled_then, scaled_now, customers_then, customers_now
                ),
                "mean_scaled_then": float(np.average(scaled_then, weights=customers_then)),
                "mean_scaled_now": float(np.average(scaled_now, weights=customers_now)),
            }
        )
    if not is_alarming:
        return rows
    rows.append(pair | {"feature": ALL_FEATURES})
    today = now.in_bins(refitted.scalings, noise_bin_width)
    agreement_today = agreement_on(today)
    held_all = today
    for i, row in enumerate(rows[:-1]):
        row["held_adjusted_rand_index"] = agreement_on(hold_feature(today, i, values_then[i]))
        held_all = hold_feature(held_all, i, values_then[i])
    rows[-1]["held_adjusted_rand_index"] = agreement_on(held_all)
    return [row | {"adjusted_rand_index": agreement_today} for row in rows]


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


def hold_feature(
    now: WeightedObservations, feature: int, then: WeightedObservations
) -> WeightedObservations:
    """Give customers of now one feature distributed as then, everyone's rank kept.

    Parameters
    ----------
    now : WeightedObservations
    feature : int
        Its place among the features of `now`.
    then : WeightedObservations
        That feature alone; see `segmentation.observations.WeightedObservations.distribution`.

    Returns
    -------
    WeightedObservations
        As many customers as `now`; more observations where values are split.

    Notes
    -----
    Values are replaced by those of equal rank (the monotone coupling of the two distributions). A
    value that many customers share is split over the values of then that its ranks cover, in equal
    shares for all of them, so that no tie is broken by chance. Unknown values stay unknown.

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
    is_known = ~np.isnan(now.features[:, feature])
    was_known = ~np.isnan(then.features[:, 0])
    if not is_known.any() or not was_known.any():
        return now
    _, number, shares_now = _distribution(now.features[is_known, feature], now.customers[is_known])
    values_then, _, shares_then = _distribution(
        then.features[was_known, 0], then.customers[was_known]
    )
    pieces = _cut_ranks(shares_now, shares_then)
    owner, value, share = _parts_of_values(*pieces, shares_now, shares_then, values_then)
    rows, part = _repeat_for_parts(number, owner)
    features = now.features[is_known][rows]
    features[:, feature] = value[part]
    customers = now.customers[is_known][rows] * share[part]
    return WeightedObservations(
        np.concatenate([features, now.features[~is_known]]),
        np.concatenate([customers, now.customers[~is_known]]),
    )


def _cut_ranks(
    shares_now: np.ndarray, shares_then: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut the ranks, 0 to 1, at the ends of every value: lengths, and the value of now and of then.

    In the example of `hold_feature` they are cut at 0.5 and 0.75: lengths 0.5, 0.25 and 0.25, of
    values 0, 0 and 1 of now and 0, 1 and 1 of then.
    """
    ends_now, ends_then = np.cumsum(shares_now), np.cumsum(shares_then)
    cuts = np.union1d(ends_now, ends_then)
    lengths = np.diff(cuts, prepend=0.0)
    middles = cuts - lengths / 2
    of_now = np.minimum(np.searchsorted(ends_now, middles), len(ends_now) - 1)
    of_then = np.minimum(np.searchsorted(ends_then, middles), len(ends_then) - 1)
    return lengths, of_now, of_then


def _parts_of_values(
    lengths: np.ndarray,
    of_now: np.ndarray,
    of_then: np.ndarray,
    shares_now: np.ndarray,
    shares_then: np.ndarray,
    values_then: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split each value of now in parts: the value of now, the value it gets, its share.

    A rare value moves to the mean of what it covers, in one part. A frequent one is split into the
    frequent values that it covers and the means of the rare ones between them.
    """
    is_frequent = shares_then > _FREQUENT_SHARE
    part_of_then = 2 * np.cumsum(is_frequent) - is_frequent
    part = np.where(shares_now[of_now] > _FREQUENT_SHARE, part_of_then[of_then], -1)
    n_parts = part.max() + 2
    parts, part_of_piece = np.unique(of_now * n_parts + part + 1, return_inverse=True)
    owner, length = parts // n_parts, np.bincount(part_of_piece, weights=lengths)
    value = np.bincount(part_of_piece, weights=lengths * values_then[of_then]) / length
    share = length / np.bincount(owner, weights=length)[owner]
    return owner, value, share


def _repeat_for_parts(number: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Repeat every observation for each part of its value: the observation, and the part.

    `number` tells the value of each observation, `owner`, ascending, that of each part.
    """
    _, first, parts_of_value = np.unique(owner, return_index=True, return_counts=True)
    repeats = parts_of_value[number]
    rows = np.repeat(np.arange(len(number)), repeats)
    nth = np.arange(len(rows)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    return rows, first[number[rows]] + nth


def _distribution(
    values: np.ndarray, customers: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct values, the number of each row's value among them, and their shares of customers."""
    distinct, number = np.unique(values, return_inverse=True)
    masses = np.bincount(number, weights=customers)
    return distinct, number, masses / masses.sum()
