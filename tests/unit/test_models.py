"""Model rows: complete, independent of threads, clear about what they cannot fit."""

from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from segmentation.models import MODELS_SCHEMA, fingerprint, fit_model, fit_models
from segmentation.observations import WeightedObservations
from segmentation.scaling import FeatureScaling, scale_features
from small_models import counted_points_of, observations_of, table_of

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
SERIES = SETTINGS | {"n_init_beside_warm_start": 1, "first_model": None}


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
    return [(datetime(2018, 1, 1 + 5 * i), customers(i)) for i in range(6)]


@pytest.fixture(scope="module")
def tables(snapshots):
    return [(date, table_of(frame)) for date, frame in snapshots]


def test_a_model_row_suffices_to_score(snapshots, tables):
    """Labels by its parameters and centroids have the inertia and share that the row states."""
    _, features = snapshots[0]
    row = fit_model(*tables[0], **SETTINGS)
    observations = scale_features(features, [FeatureScaling(**p) for p in row["parameters"]])
    centroids = np.array([c["centroid_scaled"] for c in row["centroids"]]).reshape(3, 2)
    distances = ((observations[:, None] - centroids[None]) ** 2).sum(axis=2)
    assert row["inertia"] == pytest.approx(distances.min(axis=1).sum())
    assert row["smallest_share"] == pytest.approx(
        np.bincount(distances.argmin(axis=1)).min() / len(features)
    )
    assert row["customers"] == len(features)


def test_centroids_in_original_units_scale_back(snapshots, tables):
    row = fit_model(*tables[0], **SETTINGS)
    scalings = {p["feature"]: FeatureScaling(**p) for p in row["parameters"]}
    for centroid in row["centroids"]:
        scaled = scalings[centroid["feature"]].apply(np.array([centroid["centroid"]]))
        assert scaled[0] == pytest.approx(centroid["centroid_scaled"])


def test_models_do_not_depend_on_threads(snapshots, tables):
    one, two = (fit_models(iter(tables), threads=n, **SERIES) for n in (1, 2))
    assert one.schema == MODELS_SCHEMA
    assert one.equals(two)
    assert one["model_id"].to_pylist() == [f"kmeans-3-rm-{date:%Y-%m-%d}" for date, _ in tables]


def test_refits_start_from_the_first_model_too(snapshots, tables):
    """Fitted in one go or one by one with the first model at hand: the same rows."""
    together = fit_models(tables[:3], threads=1, **SERIES)
    first = together.to_pylist()[0]
    assert first["n_init"] == 3
    for number in (1, 2):
        one = fit_models(tables[number : number + 1], threads=1, **SERIES | {"first_model": first})
        assert one.to_pylist() == together.to_pylist()[number : number + 1]
        assert one["n_init"].to_pylist() == [1]
        cold = fit_model(*tables[number], **SETTINGS | {"n_init": 1})
        assert one["inertia"].to_pylist()[0] <= cold["inertia"]


def test_counted_customers_give_the_model_of_everyone(snapshots, tables):
    date, frame = snapshots[0]
    repeated = pd.concat([frame] * 3).sort_values(list(frame), ignore_index=True)
    observations = counted_points_of(frame)
    values = [list(row) for row in observations.features]
    counted = pa.table({"customers": 3 * observations.customers, "feature_values": values})
    everyone, weighted = (
        fit_model(date, table, **SETTINGS | {"n_init": 10, "cap_quantiles": (0.0, 1.0)})
        for table in (table_of(repeated), counted)
    )
    assert weighted["customers"] == everyone["customers"] == 900
    assert weighted["inertia"] == pytest.approx(everyone["inertia"])
    assert weighted["smallest_share"] == pytest.approx(everyone["smallest_share"])
    assert weighted["silhouette"] == pytest.approx(everyone["silhouette"], abs=0.15)
    assert weighted["data_fingerprint"] != everyone["data_fingerprint"]


def test_ward_is_scored_by_its_centroids_too(snapshots, tables):
    row = fit_model(*tables[0], **SETTINGS | {"algorithm": "ward"})
    observations = scale_features(snapshots[0][1], [FeatureScaling(**p) for p in row["parameters"]])
    centroids = np.array([c["centroid_scaled"] for c in row["centroids"]]).reshape(3, 2)
    distances = ((observations[:, None] - centroids[None]) ** 2).sum(axis=2)
    assert row["algorithm"] == "ward"
    assert row["inertia"] == pytest.approx(distances.min(axis=1).sum())


def test_an_algorithm_without_centroids_cannot_be_a_model(snapshots, tables):
    with pytest.raises(ValueError, match="dbscan gives no centroids"):
        fit_model(*tables[0], **SETTINGS | {"algorithm": "dbscan"})


def test_a_snapshot_that_is_too_small_is_named():
    with pytest.raises(ValueError, match=r"fitted at 2018-01-01: too few customers"):
        fit_model(datetime(2018, 1, 1), table_of(customers(0).head(2)), **SETTINGS)


def test_of_several_snapshots_that_are_too_small_the_first_is_named(snapshots, tables):
    small = [(date, table.slice(0, 2)) for date, table in tables]
    with pytest.raises(ValueError, match="at 2018-01-06"):
        fit_models([tables[0], *small[1:]], threads=2, **SERIES)


def test_the_fingerprint_tells_values_names_and_order_apart():
    features = customers(0)
    names = list(features)

    def print_of(frame, names=names):
        return fingerprint(observations_of(frame), names)

    counted = WeightedObservations(features.to_numpy(dtype=float), np.full(len(features), 2.0))
    prints = {
        print_of(features),
        print_of(features.iloc[::-1]),
        print_of(features, ["age", names[1]]),
        print_of(features.assign(recency_days=features["recency_days"] + 1)),
        fingerprint(counted, names),
    }
    assert len(prints) == 5
    assert print_of(features.copy()) == print_of(features)
