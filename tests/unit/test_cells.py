"""Refits on customers in cells, against fits on the customers themselves."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn import metrics

from segmentation.cells import Cells, FrozenModel, agreement_of, recipe_of, refit
from segmentation.models import fit_model

TRANSFORMS = {"days": "identity", "money": "log1p"}
SETTINGS = {"cap_quantiles": (0.0, 1.0), "ward_sample_size": 1000}


@pytest.fixture
def customers():
    random = np.random.default_rng(1)
    group = np.repeat([0, 1, 2], 100)
    return pd.DataFrame(
        {
            "days": np.array([10, 200, 400])[group] + random.integers(0, 20, 300),
            "money": np.array([50.0, 300.0, 20.0])[group] + random.integers(0, 5, 300),
        }
    )


def model_of(customers, algorithm="kmeans"):
    return fit_model(
        datetime(2018, 1, 1),
        customers,
        candidate_id="c",
        algorithm=algorithm,
        transforms=TRANSFORMS,
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


def as_parameters(model):
    return pd.DataFrame(
        [(s.feature, s.lower_cap, s.upper_cap, s.mean, s.scale) for s in model.scalings]
    ).set_index(0)


def test_cells_come_from_lists_with_unknown_values():
    table = pa.table({"customers": [3, 1], "feature_values": [[1.0, None], [2.0, 5.0]]})
    cells = Cells.from_table(table)
    assert cells.customers.tolist() == [3, 1]
    np.testing.assert_array_equal(cells.values, [[1, np.nan], [2, 5]])


@pytest.mark.parametrize("algorithm", ["kmeans", "ward"])
def test_a_refit_on_cells_without_loss_is_the_fit_on_customers(customers, algorithm):
    model = model_of(customers, algorithm)
    frozen = FrozenModel.from_row(model)
    refitted = refit(cells_of(customers), recipe_of(model, **SETTINGS), random_state=9)
    everyone = Cells(customers.to_numpy(dtype=float), np.ones(len(customers)))
    pd.testing.assert_frame_equal(as_parameters(frozen), as_parameters(refitted))
    assert agreement_of(frozen, refitted, everyone, 3) == 1
    assert refitted.clustering.centroids[refitted.label(everyone)] == pytest.approx(
        frozen.clustering.centroids[frozen.label(everyone)], abs=1e-9 if algorithm == "kmeans" else 1
    )


def test_agreement_counts_customers_not_cells():
    random = np.random.default_rng(2)
    cloud = pd.DataFrame({"days": random.normal(100, 10, 200), "money": random.normal(90, 5, 200)})
    first, second = (FrozenModel.from_row(model_of(part)) for part in (cloud, cloud[:60]))
    cells = replace(cells_of(cloud), customers=np.arange(1.0, 201))
    repeats = cells.customers.astype(int)
    expected = metrics.adjusted_rand_score(
        np.repeat(first.label(cells), repeats), np.repeat(second.label(cells), repeats)
    )
    assert 0 < expected < 1
    assert agreement_of(first, second, cells, 3) == pytest.approx(expected)


def test_a_resample_has_as_many_customers_drawn_in_proportion(customers):
    cells = cells_of(pd.concat([customers, customers[:1].loc[[0] * 700]]))
    drawn = np.stack([cells.resampled(i).customers for i in range(50)])
    assert (drawn.sum(axis=1) == 1000).all()
    often = cells.customers.argmax()
    assert drawn[:, often].mean() == pytest.approx(cells.customers[often], rel=0.02)
    assert drawn[:, often].std() == pytest.approx(np.sqrt(1000 * 0.7 * 0.3), rel=0.4)
    np.testing.assert_array_equal(drawn[3], cells.resampled(3).customers)


def test_a_warm_start_is_in_the_units_of_the_new_scaling(customers):
    """The same customers a year older: only a start that is moved along is the optimum at once."""
    model = FrozenModel.from_row(model_of(customers))
    recipe = replace(recipe_of(model_of(customers), **SETTINGS), n_init=1)
    older = cells_of(customers)
    older = replace(older, values=older.values + [365, 0])
    cold = refit(older, recipe, random_state=3)
    warm = refit(older, recipe, random_state=3, warm_starts=[model])
    assert warm.clustering.inertia <= cold.clustering.inertia + 1e-9
