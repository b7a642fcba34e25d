"""Models of a few customers by two features, and the same customers as observations."""

from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from segmentation.models import fit_model
from segmentation.observations import WeightedObservations

SETTINGS = {"cap_quantiles": (0.0, 1.0), "ward_sample_size": 1000}
# Of refits; bins this narrow lose nothing.
REFITS = SETTINGS | {"noise_bin_width": 1e-6, "n_init_beside_warm_start": 2}


def three_groups():
    """300 customers in three groups with gaps between them."""
    random = np.random.default_rng(1)
    group = np.repeat([0, 1, 2], 100)
    return pd.DataFrame(
        {
            "days": np.array([10, 200, 400])[group] + random.integers(0, 20, 300),
            "money": np.array([50.0, 300.0, 20.0])[group] + random.integers(0, 5, 300),
        }
    )


def cloud(size):
    """Customers without any structure."""
    random = np.random.default_rng(2)
    return pd.DataFrame({"days": random.normal(100, 10, size), "money": random.normal(90, 5, size)})


def model_of(customers, algorithm="kmeans"):
    """A model of three segments."""
    return fit_model(
        datetime(2018, 1, 1),
        table_of(customers),
        candidate_id="c",
        algorithm=algorithm,
        transforms={"days": "identity", "money": "log1p"},
        n_segments=3,
        n_init=5,
        random_state=1,
        silhouette_sample_size=50,
        **SETTINGS,
    )


def observations_of(customers):
    """Everyone an observation."""
    return WeightedObservations(customers.to_numpy(dtype=float), np.ones(len(customers)))


def counted_points_of(customers):
    """Distinct customers with their number."""
    counted = customers.groupby(list(customers), dropna=False).size()
    values = counted.index.to_frame().to_numpy(dtype=float)
    return WeightedObservations(values, counted.to_numpy().astype(float))


def table_of(customers):
    """Everyone an observation, as the table that the project's library reads."""
    values = [
        [None if np.isnan(value) else float(value) for value in row]
        for row in customers.to_numpy(dtype=float)
    ]
    return pa.table({"customers": [1] * len(values), "feature_values": values})
