"""Fitted segmentation models as rows: all that scoring needs, and where it came from."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial

import numba
import numpy as np
import pyarrow as pa

from segmentation.observations import WeightedObservations
from segmentation.parallel import run_in_threads
from segmentation.refits import (
    CAP_QUANTILES,
    N_INIT,
    N_INIT_BESIDE_WARM_START,
    RANDOM_STATE,
    SAMPLE_SIZE,
    FrozenModel,
    Recipe,
    refit,
    starts_beside_warm_one,
)
from segmentation.validity import sampled_silhouette

Snapshot = tuple[datetime, pa.Table]

# Customers whose silhouette is measured in a model.
SILHOUETTE_SAMPLE_SIZE = 1000

MODELS_SCHEMA = pa.schema(
    [
        ("model_id", pa.string()),
        ("candidate_id", pa.string()),
        ("fitted_as_of", pa.timestamp("us")),
        ("algorithm", pa.string()),
        ("feature_set", pa.string()),
        ("n_segments", pa.int32()),
        ("n_init", pa.int32()),
        ("random_state", pa.int32()),
        ("customers", pa.int64()),
        ("inertia", pa.float64()),
        ("silhouette", pa.float64()),
        ("silhouette_standard_error", pa.float64()),
        ("smallest_share", pa.float64()),
        ("data_fingerprint", pa.string()),
        ("library_versions", pa.string()),
        (
            "parameters",
            pa.list_(
                pa.struct(
                    [
                        ("feature", pa.string()),
                        ("imputation_value", pa.float64()),
                        ("lower_cap", pa.float64()),
                        ("upper_cap", pa.float64()),
                        ("transform", pa.string()),
                        ("mean", pa.float64()),
                        ("scale", pa.float64()),
                    ]
                )
            ),
        ),
        (
            "centroids",
            pa.list_(
                pa.struct(
                    [
                        ("cluster", pa.int32()),
                        ("feature", pa.string()),
                        ("centroid_scaled", pa.float64()),
                        ("centroid", pa.float64()),
                    ]
                )
            ),
        ),
    ]
)


def fit_models(
    snapshots: Iterable[Snapshot],
    *,
    threads: int,
    first_model: Mapping | None,
    n_init: int = N_INIT,
    n_init_beside_warm_start: int = N_INIT_BESIDE_WARM_START,
    **settings,
) -> pa.Table:
    """Fit one model per snapshot of the customers.

    Parameters
    ----------
    snapshots : iterable of (fitted_as_of, observations)
        In order; the observations as `segmentation.observations.WeightedObservations.from_table`
        takes them.
    threads : int
        See `segmentation.parallel.run_in_threads`.
    first_model : mapping or None
        The row of the candidate's first model; None when the first snapshot gives it.
    n_init, n_init_beside_warm_start : int
        Fresh k-means++ starts of the first model, and of the others, which also start from the
        first one's centroids (of seven segments and more see
        `segmentation.refits.starts_beside_warm_one`).
    **settings
        Passed to `fit_model`.

    Returns
    -------
    pyarrow.Table
        One row per model, in the order of the snapshots, with `MODELS_SCHEMA`.

    Raises
    ------
    ValueError
        The first error of `fit_model`, in the order of the snapshots.
    """
    snapshots = iter(snapshots)
    fits = []
    if first_model is None:
        first_model = fit_model(*next(snapshots), n_init=n_init, **settings)
        fits.append(first_model)
    starts = starts_beside_warm_one(first_model["n_segments"], n_init_beside_warm_start)
    warm = {"warm_starts": [FrozenModel.from_row(first_model)], "n_init": starts}
    fit = partial(_fit_or_error, **warm, **settings)
    fits += run_in_threads(fit, snapshots, threads=threads)
    for fit in fits:
        if isinstance(fit, ValueError):
            raise fit
    return pa.Table.from_pylist(fits, schema=MODELS_SCHEMA)


def _fit_or_error(*snapshot, **settings) -> dict | ValueError:
    """Return an error as a value: the first by date is reported, not the first that is met."""
    try:
        return fit_model(*snapshot, **settings)
    except ValueError as error:
        return error


def fit_model(
    fitted_as_of: datetime,
    observations: pa.Table,
    *,
    candidate_id: str,
    algorithm: str,
    transforms: Mapping[str, str],
    cap_quantiles: Sequence[float] = CAP_QUANTILES,
    n_segments: int,
    n_init: int = N_INIT,
    random_state: int = RANDOM_STATE,
    ward_sample_size: int | None = SAMPLE_SIZE,
    silhouette_sample_size: int | None = SILHOUETTE_SAMPLE_SIZE,
    warm_starts: Sequence[FrozenModel] = (),
) -> dict:
    """Fit scaling and clusters on the customers known at one date.

    Parameters
    ----------
    fitted_as_of : datetime
        The cut-off of the features.
    observations : pyarrow.Table
        The customers, see `segmentation.observations.WeightedObservations.from_table`; features in
        the order of `transforms`.
    candidate_id : str
        What is fitted; with the date it is the id of the model.
    algorithm : {"kmeans", "ward"}
    transforms, cap_quantiles
        See `segmentation.scaling.fit_scaling`.
    n_segments, n_init, random_state
        See `segmentation.kmeans.fit_kmeans`.
    ward_sample_size, silhouette_sample_size : int or None
        Customers, drawn by `random_state`, on whom Ward's tree is fitted and the silhouette is
        measured; None takes all.
    warm_starts : sequence of FrozenModel, optional
        See `segmentation.refits.refit`.

    Returns
    -------
    dict
        A row of `MODELS_SCHEMA`.

    Raises
    ------
    ValueError
        If the customers do not suffice for a model; the message names the date.
    """
    recipe = Recipe(
        algorithm=algorithm,
        n_segments=n_segments,
        transforms=transforms,
        cap_quantiles=cap_quantiles,
        n_init=n_init,
        ward_sample_size=ward_sample_size,
    )
    try:
        if not observations.num_rows:
            raise ValueError("no customer is known yet")
        known = WeightedObservations.from_table(observations)
        fit = refit(known, recipe, random_state=random_state, warm_starts=warm_starts)
    except ValueError as error:
        raise ValueError(
            f"No model can be fitted at {fitted_as_of:%Y-%m-%d}: {error}. "
            "Check first_evaluation_date and the chosen candidate (dbt_project.yml, under vars)."
        ) from error
    scalings, clustering = fit.scalings, fit.clustering
    silhouette, standard_error = sampled_silhouette(
        known.scaled(scalings),
        clustering.labels,
        known.sample(silhouette_sample_size, random_state),
        n_customers=known.n_customers,
    )
    sizes = np.bincount(clustering.labels, weights=known.customers)
    originals = np.column_stack(
        [s.invert(clustering.centroids[:, i]) for i, s in enumerate(scalings)]
    )
    return {
        "model_id": f"{candidate_id}-{fitted_as_of:%Y-%m-%d}",
        "candidate_id": candidate_id,
        "fitted_as_of": fitted_as_of,
        "algorithm": algorithm,
        "feature_set": ", ".join(transforms),
        "n_segments": n_segments,
        "n_init": n_init,
        "random_state": random_state,
        "customers": known.n_customers,
        "inertia": clustering.inertia,
        "silhouette": silhouette,
        "silhouette_standard_error": standard_error,
        "smallest_share": float(sizes.min() / sizes.sum()),
        "data_fingerprint": fingerprint(known, list(transforms)),
        "library_versions": f"numba {numba.__version__}, numpy {np.__version__}",
        "parameters": [asdict(scaling) for scaling in scalings],
        "centroids": [
            {
                "cluster": cluster,
                "feature": scaling.feature,
                "centroid_scaled": float(clustering.centroids[cluster, i]),
                "centroid": float(originals[cluster, i]),
            }
            for cluster in range(n_segments)
            for i, scaling in enumerate(scalings)
        ],
    }


def fingerprint(observations: WeightedObservations, features: Sequence[str]) -> str:
    """Hash of the values that a model is fitted on: 16 hexadecimal digits of BLAKE2b."""
    digest = hashlib.blake2b(digest_size=8)
    for name, values in zip(features, observations.features.T, strict=True):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
    if observations.weights is not None:
        digest.update(np.ascontiguousarray(observations.weights, dtype="<f8").tobytes())
    return digest.hexdigest()
