"""Scaled features and labels, in pandas and scikit-learn, from the published model tables."""

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans


def scale(features: pd.DataFrame, parameters: pd.DataFrame) -> pd.DataFrame:
    """Features in original units, NaN where missing, to the scaled units of one model.

    `parameters` are the rows of `segment_model_parameters` of the model; columns come out by name.
    """
    scaled = {}
    for row in parameters.sort_values("feature").itertuples():
        values = features[row.feature].astype(float).fillna(row.imputation_value)
        values = values.clip(row.lower_cap, row.upper_cap)
        values = np.log1p(values) if row.transform == "log1p" else values
        scaled[row.feature] = (values - row.mean) / row.scale
    return pd.DataFrame(scaled)


def centroid_table(centroids: pd.DataFrame, values: str = "centroid_scaled") -> pd.DataFrame:
    """One row per cluster and one column per feature, by name, of one model's centroids."""
    return centroids.pivot_table(index="cluster", columns="feature", values=values)


def predict(features: pd.DataFrame, parameters: pd.DataFrame, centroids: pd.DataFrame):
    """Labels of one model by scikit-learn's own predict."""
    observations = scale(features, parameters)
    table = centroid_table(centroids)
    kmeans = KMeans(len(table), n_init=1).fit(np.eye(*table.shape))
    kmeans.cluster_centers_ = np.ascontiguousarray(table[observations.columns].to_numpy())
    return kmeans.predict(np.ascontiguousarray(observations.to_numpy()))
