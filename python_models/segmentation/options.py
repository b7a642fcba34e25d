"""What might make a contract last longer: the same recipe on other features or another window."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
from joblib import Parallel, delayed

from segmentation import agreement, resampling, rules, validity
from segmentation.observations import WeightedObservations
from segmentation.refits import CAP_QUANTILES, N_INIT, RANDOM_STATE, FrozenModel, Recipe, refit
from segmentation.scaling import standardise_known

Snapshot = tuple[datetime, pd.DataFrame]

OPTIONS_SCHEMA = pa.schema(
    [
        ("option", pa.string()),
        ("features", pa.string()),
        ("observation_months", pa.int32()),
        ("n_segments", pa.int32()),
        ("is_recentred", pa.bool_()),
        ("fitted_as_of", pa.timestamp("us")),
        ("evaluation_date", pa.timestamp("us")),
        ("weeks", pa.float64()),
        ("customers", pa.int64()),
        ("adjusted_rand_index", pa.float64()),
        ("migrated_share", pa.float64()),
        ("business_sense", pa.float64()),
        ("smallest_share", pa.float64()),
    ]
)


def compare_options(
    options: Iterable[tuple[Mapping, Iterable[Snapshot]]],
    *,
    report: Callable[[str], None] | None = None,
    **settings,
) -> pa.Table:
    """Follow the models of each option over all evaluation dates.

    Parameters
    ----------
    options : iterable of (option, snapshots)
        `option` holds `option`, `algorithm` (kmeans, or rules: RFM by cut points at the fifths),
        `observation_months`, `n_segments`, `is_recentred`, `features` and
        `naming_features` (lists of mappings with `feature` and `transform`); business sense is
        measured on the latter. A model that is re-centred labels the customers of each evaluation
        date in the scaling of that date. `snapshots` are pairs of evaluation date and the customers
        known then, in order, with `customer_id` and all features in original units.
    report : callable, optional
        Told of each option that is done.
    **settings
        `threads`, `cap_quantiles`, `n_init` and `random_state`; see `segmentation.models`.

    Returns
    -------
    pyarrow.Table
        One row per option, model and evaluation date from its fit on, with `OPTIONS_SCHEMA`.
        `migrated_share` are the customers whom the model puts into another segment than at the
        evaluation before; `business_sense` is the mean share of the variance of the naming
        features that lies between the model's segments, at its own fit only.
    """
    rows = []
    for option, snapshots in options:
        started = time.monotonic()
        rows += _follow(option, list(snapshots), **settings)
        if report is not None:
            seconds = f"{time.monotonic() - started:.1f} s"
            report(f"comparison: {option['option']:<36} {seconds}")
    return pa.Table.from_pylist(rows, schema=OPTIONS_SCHEMA)


def _follow(
    option: Mapping,
    snapshots: Sequence[Snapshot],
    *,
    threads: int,
    cap_quantiles: Sequence[float] = CAP_QUANTILES,
    n_init: int = N_INIT,
    random_state: int = RANDOM_STATE,
) -> list[dict]:
    transforms, naming_transforms = (
        {f["feature"]: f["transform"] for f in option[kind]}
        for kind in ("features", "naming_features")
    )
    recipe = Recipe(
        algorithm="kmeans",
        n_segments=option["n_segments"],
        transforms=transforms,
        cap_quantiles=cap_quantiles,
        n_init=n_init,
        ward_sample_size=0,  # nobody: KMeans takes all customers
    )
    known = [_observations(customers, transforms) for _, customers in snapshots]
    if option["algorithm"] == "rules":
        known = [customers[list(rules.FEATURES)].to_numpy(float) for _, customers in snapshots]
    fits = Parallel(n_jobs=threads, prefer="threads")(
        delayed(rules.fit_rules)(observations)
        if option["algorithm"] == "rules"
        else delayed(_fit)(date, observations, recipe, random_state)
        for (date, _), observations in zip(snapshots, known, strict=True)
    )
    named = {
        "option": option["option"],
        "features": ", ".join(transforms),
        "observation_months": option["observation_months"],
        "n_segments": option["n_segments"],
        "is_recentred": option["is_recentred"],
    }
    rows = []
    labels_before: list[np.ndarray] = []
    for i, (date, customers) in enumerate(snapshots):
        in_use = fits[: i + 1]
        if option["is_recentred"] and option["algorithm"] == "kmeans":
            in_use = [FrozenModel(fits[i].scalings, fit.clustering) for fit in in_use]
        labels = [model.label(known[i]) for model in in_use]
        if i:
            ids_before, ids = snapshots[i - 1][1]["customer_id"], customers["customer_id"]
            _, then, now = np.intersect1d(ids_before, ids, assume_unique=True, return_indices=True)
        for j, (fitted_as_of, _) in enumerate(snapshots[: i + 1]):
            table = resampling.cross_table(labels[j], labels[i])
            migrated_share = None
            if j < i and len(now):
                migrated_share = float((labels_before[j][then] != labels[j][now]).mean())
            rows.append(
                named
                | {
                    "fitted_as_of": fitted_as_of,
                    "evaluation_date": date,
                    "weeks": (date - fitted_as_of).days / 7,
                    "customers": len(customers),
                    "adjusted_rand_index": agreement.adjusted_rand_index(table),
                    "migrated_share": migrated_share,
                }
            )
        sizes = np.unique(labels[i], return_counts=True)[1]
        yardstick = standardise_known(customers, naming_transforms, cap_quantiles)
        separation = validity.separation(yardstick.to_numpy(), labels[i])
        # A naming feature without any value separates nothing.
        rows[-1]["business_sense"] = float(np.nansum(separation) / len(naming_transforms))
        rows[-1]["smallest_share"] = float(sizes.min() / sizes.sum())
        labels_before = labels
    return rows


def _observations(customers: pd.DataFrame, features: Iterable[str]) -> WeightedObservations:
    return WeightedObservations(
        customers[list(features)].to_numpy(dtype=float), np.ones(len(customers))
    )


def _fit(
    date: datetime, observations: WeightedObservations, recipe: Recipe, random_state: int
) -> FrozenModel:
    try:
        return refit(observations, recipe, random_state=random_state)
    except ValueError as error:
        raise ValueError(
            f"No option of the contract can be compared at {date:%Y-%m-%d}: {error}. "
            "Check first_evaluation_date and contract_options (dbt_project.yml, under vars)."
        ) from error
