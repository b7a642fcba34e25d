"""How customers have changed since a model was fitted, and which feature makes it age."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from joblib import Parallel, delayed
from scipy.stats import wasserstein_distance

from segmentation.cells import Cells, FrozenModel, agreement_of, recipe_of, refit

# Customers in cells, and each feature alone.
Known = tuple[pa.Table, pa.Table]

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
    pairs: Iterable[tuple[Mapping, Mapping, Known, Known, bool]], *, threads: int, **settings
) -> pa.Table:
    """What changed between the fits of two models, and what that does to their agreement.

    Parameters
    ----------
    pairs : iterable of (origin, model, known_then, known_now, is_alarming)
        As `explain_pair` takes them. Consumed as threads become free.
    threads : int
        Pairs at the same time. The result does not depend on it.
    **settings
        Passed to `explain_pair`.

    Returns
    -------
    pyarrow.Table
        One row per pair and feature, and one for all features of alarming pairs, with
        `CAUSES_SCHEMA`.
    """
    found = Parallel(n_jobs=threads, prefer="threads")(
        delayed(explain_pair)(*pair, **settings) for pair in pairs
    )
    return pa.Table.from_pylist([row for rows in found for row in rows], schema=CAUSES_SCHEMA)


def explain_pair(
    origin: Mapping,
    model: Mapping,
    known_then: Known,
    known_now: Known,
    is_alarming: bool,
    *,
    cap_quantiles: Sequence[float],
    ward_sample_size: int,
) -> list[dict]:
    """Change of each feature, and the agreement with that feature held as it was.

    Parameters
    ----------
    origin, model : mapping
        Rows of `segmentation.models.MODELS_SCHEMA`, of one candidate.
    known_then, known_now : pair of pyarrow.Table
        The customers that each is fitted on: in cells (see `segmentation.cells.Cells.from_table`),
        and each feature alone, as rows of `feature`, `feature_value` (original units, null where
        unknown) and `customers`.
    is_alarming : bool
        Whether to refit with features held, which takes most of the time.
    cap_quantiles, ward_sample_size
        See `segmentation.models.fit_model`.

    Returns
    -------
    list of dict
        Rows of `CAUSES_SCHEMA`. Wasserstein distance and means are in the scaled units of the
        origin. `adjusted_rand_index` is that of the origin and a refit on the cells of today;
        `held_adjusted_rand_index` the same after the feature's values have been replaced by those
        of equal rank at the origin's date, so that its distribution is the one of then while every
        customer's rank, and all other features, are those of today. Both are None unless the pair
        is alarming.
    """
    now = Cells.from_table(known_now[0])
    values_then, values_now = (_values_of_features(known[1]) for known in (known_then, known_now))
    frozen, refitted = FrozenModel.from_row(origin), FrozenModel.from_row(model)
    recipe = recipe_of(model, cap_quantiles=cap_quantiles, ward_sample_size=ward_sample_size)
    warm_recipe = replace(recipe, n_init=2)

    def agreement_on(cells: Cells) -> float:
        fit = refit(
            cells,
            warm_recipe,
            random_state=model["random_state"],
            warm_starts=[frozen, refitted],
        )
        return agreement_of(frozen, fit, cells, recipe.n_segments)

    pair = {"origin_model_id": origin["model_id"], "model_id": model["model_id"]}
    rows = []
    for scaling in frozen.scalings:
        then, customers_then = values_then[scaling.feature]
        today, customers_today = values_now[scaling.feature]
        scaled_then, scaled_today = scaling.apply(then), scaling.apply(today)
        rows.append(
            pair
            | {
                "feature": scaling.feature,
                "population_stability_index": population_stability_index(
                    then, today, customers_then, customers_today
                ),
                "wasserstein_distance": float(
                    wasserstein_distance(scaled_then, scaled_today, customers_then, customers_today)
                ),
                "mean_scaled_then": float(np.average(scaled_then, weights=customers_then)),
                "mean_scaled_now": float(np.average(scaled_today, weights=customers_today)),
            }
        )
    if not is_alarming:
        return rows
    rows.append(pair | {"feature": ALL_FEATURES})
    agreement_today = agreement_on(now)
    held_all = now
    for i, row in enumerate(rows[:-1]):
        then = values_then[row["feature"]]
        row["held_adjusted_rand_index"] = agreement_on(hold_feature(now, i, *then))
        held_all = hold_feature(held_all, i, *then)
    rows[-1]["held_adjusted_rand_index"] = agreement_on(held_all)
    return [row | {"adjusted_rand_index": agreement_today} for row in rows]


def population_stability_index(
    then: np.ndarray, now: np.ndarray, customers_then: np.ndarray, customers_now: np.ndarray
) -> float:
    """Population stability index over the deciles of `then`; below .1 is stable, above .25 is not.

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


def hold_feature(now: Cells, feature: int, then: np.ndarray, customers_then: np.ndarray) -> Cells:
    """Customers of now with one feature distributed as then, everyone's rank kept.

    Parameters
    ----------
    now : Cells
    feature : int
        Its place among the features of the cells.
    then, customers_then : ndarray of shape (n_then,)
        Values, NaN where unknown, and how often each counts.

    Returns
    -------
    Cells
        As many customers as `now`; more cells where values are split.

    Notes
    -----
    Values are replaced by those of equal rank (the monotone coupling of the two distributions). A
    value that many customers share is split over the values of then that its ranks cover, in equal
    shares for all of them, so that no tie is broken by chance. Unknown values stay unknown.
    """
    known_now, known_then = ~np.isnan(now.features[:, feature]), ~np.isnan(then)
    if not known_now.any() or not known_then.any():
        return now
    _, number, masses = _distribution(now.features[known_now, feature], now.customers[known_now])
    values_then, _, masses_then = _distribution(then[known_then], customers_then[known_then])
    # Both axes of ranks, 0 to 1, are cut at the ends of every value; a piece lies in one value of
    # each.
    ends, ends_then = np.cumsum(masses), np.cumsum(masses_then)
    cuts = np.union1d(ends, ends_then)
    pieces = np.diff(cuts, prepend=0.0)
    middles = cuts - pieces / 2
    of_now = np.minimum(np.searchsorted(ends, middles), len(masses) - 1)
    of_then = np.minimum(np.searchsorted(ends_then, middles), len(masses_then) - 1)
    # A rare value moves to the mean of what it covers. A frequent one is split into the frequent
    # values that it covers and the means of the rare ones between them.
    is_frequent = masses_then > _FREQUENT_SHARE
    part = 2 * np.cumsum(is_frequent) - is_frequent
    part = np.where(masses[of_now] > _FREQUENT_SHARE, part[of_then], -1)
    parts, part_of_piece = np.unique(np.stack([of_now, part]), axis=1, return_inverse=True)
    owner, mass = parts[0], np.bincount(part_of_piece.ravel(), weights=pieces)
    value = np.bincount(part_of_piece.ravel(), weights=pieces * values_then[of_then]) / mass
    share = mass / np.bincount(owner, weights=mass)[owner]
    # Every cell is repeated once for each part of its value.
    first, parts_of_value = np.unique(owner, return_index=True, return_counts=True)[1:]
    repeats = parts_of_value[number]
    rows = np.repeat(np.arange(len(number)), repeats)
    nth = np.arange(len(rows)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    taken = first[number[rows]] + nth
    values = now.features[known_now][rows]
    values[:, feature] = value[taken]
    return Cells(
        np.concatenate([values, now.features[~known_now]]),
        np.concatenate([now.customers[known_now][rows] * share[taken], now.customers[~known_now]]),
    )


def _values_of_features(rows: pa.Table) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Values and numbers of customers by feature."""
    features = np.array(rows["feature"].to_pylist())
    values = rows["feature_value"].to_numpy(zero_copy_only=False).astype(float)
    customers = rows["customers"].to_numpy().astype(float)
    return {
        str(feature): (values[features == feature], customers[features == feature])
        for feature in np.unique(features)
    }


def _distribution(
    values: np.ndarray, customers: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct values, the number of each row's value among them, and their shares of customers."""
    distinct, number = np.unique(values, return_inverse=True)
    masses = np.bincount(number, weights=customers)
    return distinct, number, masses / masses.sum()
