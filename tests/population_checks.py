"""The clauses `newcomers` and `recipe` in numpy and pandas: the independent computation."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

# Below these no change matters.
LEAST_CHANGE = {
    "share": 0.02,
    "mean": 0.1,
    "distance": 0.05,
    "repeat purchases": 0.02,
    "far": 0.01,
    "shift": 0.3,
    "silhouette": 0.1,
}
LEAST_WINDOWS = 26

Measures = Mapping[tuple[str, str], tuple[float, float]]


def share(part: int, whole: int) -> tuple[float, float]:
    """A share and its standard error, one more of either kind counted in."""
    p = (part + 1) / (whole + 2)
    return part / whole, np.sqrt(p * (1 - p) / whole)


def newcomer_measures(scaled: pd.DataFrame, centroids: pd.DataFrame) -> Measures:
    """Measures of newcomers, by measure and subject, with their standard errors.

    Both frames are in scaled units, with the features as columns in one order; `centroids` has a
    row for each cluster.
    """
    distances = np.linalg.norm(scaled.to_numpy()[:, None] - centroids.to_numpy()[None], axis=2)
    nearest, labels, n = distances.min(axis=1), distances.argmin(axis=1), len(scaled)
    measures = {("distance", "all segments"): (nearest.mean(), nearest.std() / np.sqrt(n))}
    for cluster in range(len(centroids)):
        measures["share", str(cluster)] = share((labels == cluster).sum(), n)
    for feature, values in scaled.items():
        if not feature.startswith("recency"):
            measures["mean", feature] = values.mean(), values.std(ddof=0) / np.sqrt(n)
    return measures


def repeat_purchases(orders: pd.DataFrame, cutoff) -> Measures:
    """Of who bought in the 16th to 5th week before, those who did again in the last four.

    `orders` has `customer` and `day`, a number or a time; `cutoff` is of the same kind.
    """
    week = pd.Timedelta(weeks=1) if isinstance(cutoff, pd.Timestamp) else 7
    days, buyers = orders["day"], orders["customer"]
    then = set(buyers[(days >= cutoff - 16 * week) & (days < cutoff - 4 * week)])
    since = set(buyers[(days >= cutoff - 4 * week) & (days < cutoff)])
    return {("repeat purchases", "all segments"): share(len(then & since), len(then))}


def deviations(reference: list[Measures], now: Measures) -> dict[tuple[str, str], float]:
    """Changes against the windows up to the fit, in standard errors; none where there are few."""
    found = {}
    for key, (value, error) in now.items():
        usual = np.array([measures[key] for measures in reference if key in measures])
        windows = 1 if key[0] in ("far", "shift", "silhouette") else LEAST_WINDOWS
        if len(usual) < windows:
            continue
        mean, sampling = usual[:, 0].mean(), (usual[:, 1] ** 2).mean()
        spread = usual[:, 0].var(ddof=1) if len(usual) > 1 else 0
        scatter = max(spread - sampling, 0)
        variance = max(error**2, sampling) + scatter
        variance += (sampling + scatter) / max(len(usual) / 4, 1)
        change = value - mean
        size = min(change, value) if key[0] == "silhouette" else change
        size = size if key[0] in ("far", "shift", "silhouette") else abs(size)
        found[key] = abs(change) / np.sqrt(variance) if size >= LEAST_CHANGE[key[0]] else 0.0
    return found
