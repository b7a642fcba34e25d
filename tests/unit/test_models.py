"""Model rows: complete, independent of threads, clear about what they cannot fit."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from segmentation.models import MODELS_SCHEMA, fingerprint, fit_model, fit_models
from segmentation.scaling import FeatureScaling, scale_features

SETTINGS = {
    "candidate_id": "kmeans-3-rm",
    "algorithm": "kmeans",
    "transforms": {"recency_days": "identity", "monetary_value": "log1p"},
    "cap_quantiles": (0.001, 0.999),
    "n_segments": 3,
    "n_init": 3,
    "random_state": 1,
    "ward_sample_size": 200,
    "silhouette_sample_size": 100,
}


def customers(seed):
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "recency_days": random.integers(0, 400, 300),
            "monetary_value": random.lognormal(4, 1, 300),
        }
    )


@pytest.fixture(scope="module")
def snapshots():
    return [(datetime(2018, 1, 1 + 7 * i), customers(i)) for i in range(4)]


def test_a_model_row_suffices_to_score(snapshots):
    """Labels by its parameters and centroids have the inertia and share that the row states."""
    _, features = snapshots[0]
    row = fit_model(*snapshots[0], **SETTINGS)
    points = scale_features(features, [FeatureScaling(**p) for p in row["parameters"]])
    centroids = np.array([c["centroid_scaled"] for c in row["centroids"]]).reshape(3, 2)
    distances = ((points[:, None] - centroids[None]) ** 2).sum(axis=2)
    assert row["inertia"] == pytest.approx(distances.min(axis=1).sum())
    assert row["smallest_share"] == pytest.approx(
        np.bincount(distances.argmin(axis=1)).min() / len(features)
    )
    assert row["customers"] == len(features)


def test_centroids_in_original_units_scale_back(snapshots):
    row = fit_model(*snapshots[0], **SETTINGS)
    scalings = {p["feature"]: FeatureScaling(**p) for p in row["parameters"]}
    for centroid in row["centroids"]:
        scaled = scalings[centroid["feature"]].apply(np.array([centroid["centroid"]]))
        assert scaled[0] == pytest.approx(centroid["centroid_scaled"])


def test_models_do_not_depend_on_threads(snapshots):
    one, two = (fit_models(iter(snapshots), threads=n, **SETTINGS) for n in (1, 2))
    assert one.schema == MODELS_SCHEMA
    assert one.equals(two)
    assert one["model_id"].to_pylist() == [
        f"kmeans-3-rm-2018-01-{day}" for day in ("01", "08", "15", "22")
    ]


def test_ward_is_scored_by_its_centroids_too(snapshots):
    row = fit_model(*snapshots[0], **SETTINGS | {"algorithm": "ward"})
    points = scale_features(snapshots[0][1], [FeatureScaling(**p) for p in row["parameters"]])
    centroids = np.array([c["centroid_scaled"] for c in row["centroids"]]).reshape(3, 2)
    distances = ((points[:, None] - centroids[None]) ** 2).sum(axis=2)
    assert row["algorithm"] == "ward"
    assert row["inertia"] == pytest.approx(distances.min(axis=1).sum())


def test_an_algorithm_without_centroids_cannot_be_a_model(snapshots):
    with pytest.raises(ValueError, match="dbscan gives no centroids"):
        fit_model(*snapshots[0], **SETTINGS | {"algorithm": "dbscan"})


def test_a_snapshot_that_is_too_small_is_named():
    with pytest.raises(ValueError, match=r"No model can be fitted at 2018-01-01: 2 customers"):
        fit_model(datetime(2018, 1, 1), customers(0).head(2), **SETTINGS)


def test_of_several_snapshots_that_are_too_small_the_first_is_named(snapshots):
    small = [(date, frame.head(2)) for date, frame in snapshots]
    with pytest.raises(ValueError, match="at 2018-01-08"):
        fit_models([snapshots[0], *small[1:]], threads=2, **SETTINGS)


def test_the_fingerprint_tells_values_names_and_order_apart():
    features = customers(0)
    prints = {
        fingerprint(features),
        fingerprint(features.iloc[::-1]),
        fingerprint(features.rename(columns={"recency_days": "age"})),
        fingerprint(features.assign(recency_days=features["recency_days"] + 1)),
    }
    assert len(prints) == 4
    assert fingerprint(features.copy()) == fingerprint(features)
