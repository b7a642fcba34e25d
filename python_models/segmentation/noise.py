"""How far two fits differ although nothing has changed: the noise floor.

Fits of resamples share most of their customers, so they agree better than fits of two dates, which
see other customers. Fits of the two halves of a random split share none: what the worst pair of
them keeps, a model must fall below before anything but chance is shown.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np
import pyarrow as pa

from segmentation import agreement
from segmentation.observations import NOISE_BIN_WIDTH, WeightedObservations
from segmentation.parallel import run_in_threads
from segmentation.refits import (
    CAP_QUANTILES,
    N_INIT,
    N_INIT_BESIDE_WARM_START,
    SAMPLE_SIZE,
    FrozenModel,
    Recipe,
    cross_table,
    recipe_of,
    refit,
    starts_beside_warm_one,
)

# Refits at each evaluation date that differ only in their seed, and refits on bootstrap resamples.
SEEDS = 3
RESAMPLES = 10
# Random splits into halves, and how many will do while all of their fits agree clearly.
SPLITS = 40
FEWEST_SPLITS = 5
# What counts as clear: far above any threshold that a clause has by default.
CLEAR_AGREEMENT = 0.9

NOISE_SCHEMA = pa.schema(
    [
        ("model_id", pa.string()),
        ("bins", pa.int64()),
        ("seeds", pa.int32()),
        ("resamples", pa.int32()),
        ("failed_refits", pa.int32()),
        ("seed_agreement", pa.float64()),
        ("seed_agreement_p05", pa.float64()),
        ("resampling_agreement", pa.float64()),
        ("resampling_agreement_p05", pa.float64()),
        ("splits", pa.int32()),
        ("half_agreement", pa.float64()),
        ("half_agreement_low", pa.float64()),
        (
            "clusters",
            pa.list_(
                pa.struct(
                    [
                        ("cluster", pa.int32()),
                        ("noise_agreement", pa.float64()),
                        ("noise_floor", pa.float64()),
                        ("half_agreement_low", pa.float64()),
                    ]
                )
            ),
        ),
    ]
)


def measure_noise(
    models: Iterable[tuple[Mapping, pa.Table]], *, threads: int, **settings
) -> pa.Table:
    """Measure the noise floor of each model.

    Parameters
    ----------
    models : iterable of (model, observations)
        As `noise_of_model` takes them.
    threads : int
        See `segmentation.parallel.run_in_threads`.
    **settings
        Passed to `noise_of_model`.

    Returns
    -------
    pyarrow.Table
        One row per model, with `NOISE_SCHEMA`.
    """
    measure = partial(noise_of_model, **settings)
    rows = run_in_threads(measure, models, threads=threads)
    return pa.Table.from_pylist(rows, schema=NOISE_SCHEMA)


def noise_of_model(
    model: Mapping,
    observations: pa.Table,
    *,
    noise_bin_width: float = NOISE_BIN_WIDTH,
    seeds: int = SEEDS,
    resamples: int = RESAMPLES,
    splits: int = SPLITS,
    clear_agreement: float = CLEAR_AGREEMENT,
    cap_quantiles: Sequence[float] = CAP_QUANTILES,
    n_init: int = N_INIT,
    n_init_beside_warm_start: int = N_INIT_BESIDE_WARM_START,
    ward_sample_size: int = SAMPLE_SIZE,
) -> dict:
    """Agreement of refits that differ only in their seed, of resamples, and of halves.

    Parameters
    ----------
    model : mapping
        A row of `segmentation.models.MODELS_SCHEMA`.
    observations : pyarrow.Table
        The customers that the model is fitted on; see
        `segmentation.observations.WeightedObservations.from_table`.
    noise_bin_width : float
        Refits are made on bins; see `segmentation.observations.WeightedObservations.in_bins`.
    seeds, resamples : int
        Refits of either kind, at least two.
    splits : int
        Random splits into halves at most. A half is fitted afresh, as a first model is, and the
        other from there, as a later one is.
    clear_agreement : float
        After a few splits no more follow while every pair of fits agrees as well as this.
    cap_quantiles, n_init, n_init_beside_warm_start, ward_sample_size
        See `segmentation.models.fit_models`. Refits that differ in their seed start afresh.

    Returns
    -------
    dict
        A row of `NOISE_SCHEMA`. The agreement of a kind is the adjusted Rand index of all pairs of
        its refits, each of which labels all customers: mean and 5th percentile, None when fewer
        than two refits of either kind succeed. Those of a cluster are of the Jaccard index between
        the clusters that continue it in two resamples. Of halves, mean and lowest value.
    """
    original = FrozenModel.from_row(model)
    held = WeightedObservations.from_table(observations).in_bins(original.scalings, noise_bin_width)
    recipe = recipe_of(
        model, cap_quantiles=cap_quantiles, n_init=n_init, ward_sample_size=ward_sample_size
    )
    n_clusters = recipe.n_segments
    # A resample keeps most of what the fit has found; fresh starts show where it does not.
    starts = starts_beside_warm_one(recipe.n_segments, n_init_beside_warm_start)
    warm_recipe = replace(recipe, n_init=starts)
    reseeded, resampled = [], []
    failed = 0
    for number in range(1, seeds + 1):
        try:
            fit = refit(held, recipe, random_state=model["random_state"] + number)
            reseeded.append(fit.label(held))
        except ValueError:  # few customers: a sample of them can hold too few different ones
            failed += 1
    for number in range(1, resamples + 1):
        random_state = model["random_state"] + 1000 + number
        try:
            fit = refit(
                held.resampled(random_state),
                warm_recipe,
                random_state=random_state,
                warm_starts=[original],
            )
            resampled.append(fit.label(held))
        except ValueError:
            failed += 1
    row = {
        "model_id": model["model_id"],
        "bins": len(held.customers),
        "seeds": seeds,
        "resamples": resamples,
        "failed_refits": failed,
        "clusters": [],
    }
    if len(reseeded) < 2 or len(resampled) < 2:
        return row
    between_seeds = _agreements(reseeded, held.customers, n_clusters)
    between_resamples = _agreements(resampled, held.customers, n_clusters)
    labels = original.label(held)
    jaccards = _jaccards(labels, resampled, held.customers, n_clusters)
    fit_split = partial(
        _fit_halves,
        held,
        recipe=recipe,
        warm_recipe=warm_recipe,
        random_state=model["random_state"],
    )
    between_halves, jaccards_of_halves, splits = _compare_halves(
        fit_split, labels, held.customers, n_clusters, splits, clear_agreement
    )
    return row | {
        "splits": splits,
        "half_agreement": _figure(np.mean, between_halves),
        "half_agreement_low": _figure(np.min, between_halves),
        "seed_agreement": float(np.mean(between_seeds)),
        "seed_agreement_p05": float(np.quantile(between_seeds, 0.05)),
        "resampling_agreement": float(np.mean(between_resamples)),
        "resampling_agreement_p05": float(np.quantile(between_resamples, 0.05)),
        "clusters": [
            {
                "cluster": cluster,
                "noise_agreement": float(np.mean(values)),
                "noise_floor": float(np.quantile(values, 0.05)),
                "half_agreement_low": _figure(np.min, jaccards_of_halves[:, cluster]),
            }
            for cluster, values in enumerate(jaccards.T)
        ],
    }


def _figure(summary, values: np.ndarray) -> float | None:
    return float(summary(values)) if len(values) else None


def _fit_halves(
    held: WeightedObservations,
    split: int,
    *,
    recipe: Recipe,
    warm_recipe: Recipe,
    random_state: int,
) -> list[np.ndarray]:
    """Label all customers by a fit of one half, and by a refit from there on the other."""
    random_state += 2000 + 2 * split
    first, second = held.halves(random_state)
    origin = refit(first, recipe, random_state=random_state)
    later = refit(second, warm_recipe, random_state=random_state + 1, warm_starts=[origin])
    return [origin.label(held), later.label(held)]


def _compare_halves(
    fit_split: Callable[[int], list[np.ndarray]],
    labels: np.ndarray,
    customers: np.ndarray,
    n_clusters: int,
    splits: int,
    clear_agreement: float,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Agreement of all pairs of fits of halves, Jaccard indices by cluster, and splits made."""
    fits: list[np.ndarray] = []
    agreements, jaccards = np.empty(0), np.empty((0, n_clusters))
    for split in range(1, splits + 1):
        with suppress(ValueError):  # few customers: a half of them can hold too few different ones
            fits += fit_split(split)
        if split in (FEWEST_SPLITS, splits) and len(fits) > 1:
            agreements = np.array(_agreements(fits, customers, n_clusters))
            jaccards = _jaccards(labels, fits, customers, n_clusters)
            if min(agreements.min(), jaccards.min()) >= clear_agreement:
                return agreements, jaccards, split
    return agreements, jaccards, splits


def _agreements(
    labelings: Sequence[np.ndarray], customers: np.ndarray, n_clusters: int
) -> list[float]:
    return [
        agreement.adjusted_rand_index(cross_table(first, second, customers, n_clusters))
        for first, second in combinations(labelings, 2)
    ]


def _jaccards(
    labels: np.ndarray, labelings: Sequence[np.ndarray], customers: np.ndarray, n_clusters: int
) -> np.ndarray:
    """Jaccard index of each cluster between two labelings, of shape (n_pairs, n_clusters)."""
    renumbered = []
    for labeling in labelings:
        table = cross_table(labels, labeling, customers, n_clusters)
        number = np.empty(n_clusters, dtype=int)
        for original, cluster in agreement.match_labels(table):
            number[cluster] = original
        renumbered.append(number[labeling])
    tables = [
        cross_table(first, second, customers, n_clusters)
        for first, second in combinations(renumbered, 2)
    ]
    return np.array(
        [[agreement.jaccard(table, c, c) for c in range(n_clusters)] for table in tables]
    )
