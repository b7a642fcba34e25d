"""Axes along which customers differ most, to draw them in two dimensions."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from segmentation.observations import WeightedObservations
from segmentation.scaling import FeatureScaling

AXES_SCHEMA = pa.schema(
    [
        ("model_id", pa.string()),
        ("axis", pa.int32()),
        ("feature", pa.string()),
        ("loading", pa.float64()),
        ("variance", pa.float64()),
        ("explained_share", pa.float64()),
    ]
)


def principal_axes(model: Mapping, observations: pa.Table) -> pa.Table:
    """Principal components of the customers that a model was fitted on, in its scaled units.

    Parameters
    ----------
    model : mapping
        A row of `segmentation.models.MODELS_SCHEMA`.
    observations : pyarrow.Table
        Rows with `customers` and `feature_values`, of the date of the fit.

    Returns
    -------
    pyarrow.Table
        Of `AXES_SCHEMA`: the loading of each feature on each axis, numbered from 1 by falling
        variance.
        Axes have length 1 and point to where their largest loading is positive.
    """
    scalings = [FeatureScaling(**parameter) for parameter in model["parameters"]]
    known = WeightedObservations.from_table(observations)
    covariance = np.atleast_2d(
        np.cov(known.scaled(scalings), rowvar=False, aweights=known.customers, ddof=0)
    )
    variances, axes = np.linalg.eigh(covariance)
    variances, axes = np.clip(variances[::-1], 0, None), axes[:, ::-1]
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.where(axes[largest, np.arange(len(largest))] < 0, -1, 1)
    total = variances.sum()
    rows = [
        {
            "model_id": model["model_id"],
            "axis": axis + 1,
            "feature": scaling.feature,
            "loading": float(axes[feature, axis]),
            "variance": float(variances[axis]),
            "explained_share": float(variances[axis] / total) if total else None,
        }
        for axis in range(len(variances))
        for feature, scaling in enumerate(scalings)
    ]
    return pa.Table.from_pylist(rows, schema=AXES_SCHEMA)
