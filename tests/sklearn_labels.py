"""Labels by scikit-learn's own predict from the published parameters and centroids."""

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans


def predict(features: pd.DataFrame, parameters: pd.DataFrame, centroids: pd.DataFrame):
    """Labels of one model on features in original units.

    Parameters
    ----------
    features : DataFrame with a column per feature, NaN where missing
    parameters : rows of `segment_model_parameters` of the model
    centroids : rows of `segment_model_centroids` of the model
    """
    scaled = {}
    for row in parameters.itertuples():
        values = features[row.feature].astype(float).fillna(row.imputation_value)
        values = values.clip(row.lower_cap, row.upper_cap)
        values = np.log1p(values) if row.transform == "log1p" else values
        scaled[row.feature] = (values - row.mean) / row.scale
    names = sorted(scaled)
    table = centroids.pivot_table(index="cluster", columns="feature", values="centroid_scaled")
    kmeans = KMeans(len(table), n_init=1).fit(np.eye(len(table), len(names)))
    kmeans.cluster_centers_ = np.ascontiguousarray(table[names].to_numpy())
    return kmeans.predict(np.ascontiguousarray(pd.DataFrame(scaled)[names].to_numpy()))
