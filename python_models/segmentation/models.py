"""Fitted segmentation models as rows: all that scoring needs, and where it came from."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import sklearn
from joblib import Parallel, delayed

from segmentation.clustering import (
    CentroidClustering,
    cut_ward_tree,
    draw_sample,
    fit_kmeans,
    grow_ward_tree,
)
from segmentation.scaling import fit_scaling, scale_features
from segmentation.validity import sampled_silhouette

Snapshot = tuple[datetime, pd.DataFrame]

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


def fit_models(snapshots: Iterable[Snapshot], *, threads: int, **settings) -> pa.Table:
    """Fit one model per snapshot of the customers.

    Parameters
    ----------
    snapshots : iterable of (fitted_as_of, features)
        As `fit_model` takes them. Consumed as threads become free, so that only a few snapshots
        are in memory at a time.
    threads : int
        Fits at the same time. The result does not depend on it.
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
    fits = Parallel(n_jobs=threads, prefer="threads")(
        delayed(_fit_or_error)(*snapshot, **settings) for snapshot in snapshots
    )
    for fit in fits:
        if isinstance(fit, ValueError):
            raise fit
    return pa.Table.from_pylist(fits, schema=MODELS_SCHEMA)


def _fit_or_error(*snapshot, **settings) -> dict | ValueError:
    """An error as a value: the first by date is told, not the first that a thread meets."""
    try:
        return fit_model(*snapshot, **settings)
    except ValueError as error:
        return error


def fit_model(
    fitted_as_of: datetime,
    features: pd.DataFrame,
    *,
    candidate_id: str,
    algorithm: str,
    transforms: Mapping[str, str],
    cap_quantiles: Sequence[float],
    n_segments: int,
    n_init: int,
    random_state: int,
    ward_sample_size: int | None,
    silhouette_sample_size: int | None,
) -> dict:
    """Fit scaling and clusters on the customers known at one date.

    Parameters
    ----------
    fitted_as_of : datetime
        The cut-off of the features.
    features : DataFrame of shape (n_customers, n_features)
        Values in original units, NaN where missing, customers in a stable order.
    candidate_id : str
        What is fitted; with the date it is the id of the model.
    algorithm : {"kmeans", "ward"}
    transforms, cap_quantiles
        See `segmentation.scaling.fit_scaling`.
    n_segments, n_init, random_state
        See `segmentation.clustering.fit_kmeans`.
    ward_sample_size, silhouette_sample_size : int or None
        Customers, drawn by `random_state`, on whom Ward's tree is fitted and the silhouette is
        measured; None takes all.

    Returns
    -------
    dict
        A row of `MODELS_SCHEMA`.

    Raises
    ------
    ValueError
        If the customers do not suffice for a model; the message names the date.
    """
    try:
        if features.empty:
            raise ValueError("no customer is known yet")
        scalings = fit_scaling(features, transforms=transforms, cap_quantiles=cap_quantiles)
        points = scale_features(features, scalings)
        clustering = fit_clustering(
            points,
            algorithm=algorithm,
            n_clusters=n_segments,
            n_init=n_init,
            random_state=random_state,
            ward_sample_size=ward_sample_size,
        )
    except ValueError as error:
        raise ValueError(
            f"No model can be fitted at {fitted_as_of:%Y-%m-%d}: {error}. "
            "Check first_review_date and the chosen candidate (dbt_project.yml, under vars)."
        ) from error
    silhouette, standard_error = sampled_silhouette(
        points,
        clustering.labels,
        draw_sample(len(points), silhouette_sample_size, random_state),
    )
    originals = np.column_stack(
        [s.invert(clustering.centroids[:, i]) for i, s in enumerate(scalings)]
    )
    return {
        "model_id": f"{candidate_id}-{fitted_as_of:%Y-%m-%d}",
        "candidate_id": candidate_id,
        "fitted_as_of": fitted_as_of,
        "algorithm": algorithm,
        "feature_set": ", ".join(features),
        "n_segments": n_segments,
        "n_init": n_init,
        "random_state": random_state,
        "customers": len(points),
        "inertia": clustering.inertia,
        "silhouette": silhouette,
        "silhouette_standard_error": standard_error,
        "smallest_share": float(np.bincount(clustering.labels).min() / len(points)),
        "data_fingerprint": fingerprint(features),
        "library_versions": f"scikit-learn {sklearn.__version__}, numpy {np.__version__}",
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


def fit_clustering(
    points: np.ndarray,
    *,
    algorithm: str,
    n_clusters: int,
    n_init: int,
    random_state: int,
    ward_sample_size: int | None,
) -> CentroidClustering:
    """Fit the algorithm that is asked for, with the arguments of `fit_model`.

    Raises
    ------
    ValueError
        If the algorithm gives no centroids to score by, or the points do not suffice.
    """
    if algorithm == "kmeans":
        return fit_kmeans(points, n_clusters=n_clusters, n_init=n_init, random_state=random_state)
    if algorithm == "ward":
        sample = points[draw_sample(len(points), ward_sample_size, random_state)]
        return cut_ward_tree(points, sample, grow_ward_tree(sample), n_clusters=n_clusters)
    raise ValueError(f"{algorithm} gives no centroids, so it cannot score later customers")


def fingerprint(features: pd.DataFrame) -> str:
    """Hash of the values that a model is fitted on: 16 hexadecimal digits of BLAKE2b."""
    digest = hashlib.blake2b(digest_size=8)
    for name, values in features.items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
    return digest.hexdigest()
