"""Models of a few customers by two features, and the same customers in cells."""

from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from segmentation.cells import Cells
from segmentation.models import fit_model

SETTINGS = {"cap_quantiles": (0.0, 1.0), "ward_sample_size": 1000}


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
        customers,
        candidate_id="c",
        algorithm=algorithm,
        transforms={"days": "identity", "money": "log1p"},
        n_segments=3,
        n_init=5,
        random_state=1,
        silhouette_sample_size=50,
        **SETTINGS,
    )


def cells_of(customers):
    """Distinct customers with their number: cells that lose nothing."""
    counted = customers.groupby(list(customers), dropna=False).size()
    values = counted.index.to_frame().to_numpy()
    return Cells(values, counted.to_numpy().astype(float))


def table_of(customers):
    """The same as the table that the project's library reads."""
    cells = cells_of(customers)
    return pa.table({"customers": cells.customers, "feature_values": list(cells.features)})


def known_of(customers):
    """Cells, and the distribution of each feature alone."""
    counted = [customers[feature].value_counts(dropna=False) for feature in customers]
    values = pa.table(
        {
            "feature": [
                name for name, counts in zip(customers, counted, strict=True) for _ in counts
            ],
            "feature_value": np.concatenate([counts.index for counts in counted]).astype(float),
            "customers": np.concatenate(counted),
        }
    )
    return table_of(customers), values
