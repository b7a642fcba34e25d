"""Refits on customers in cells, against fits on the customers themselves."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn import metrics

from segmentation import clustering
from segmentation.cells import Cells, FrozenModel, agreement_of, recipe_of, refit
from small_models import SETTINGS, cells_of, cloud, model_of, three_groups


def as_parameters(model):
    return pd.DataFrame(
        [(s.feature, s.lower_cap, s.upper_cap, s.mean, s.scale) for s in model.scalings]
    ).set_index(0)


def test_cells_come_from_lists_with_unknown_values():
    table = pa.table({"customers": [3, 1], "feature_values": [[1.0, None], [2.0, 5.0]]})
    cells = Cells.from_table(table)
    assert cells.customers.tolist() == [3, 1]
    np.testing.assert_array_equal(cells.features, [[1, np.nan], [2, 5]])


@pytest.mark.parametrize("algorithm", ["kmeans", "ward"])
def test_a_refit_on_cells_without_loss_is_the_fit_on_customers(algorithm):
    customers = three_groups()
    model = model_of(customers, algorithm)
    frozen = FrozenModel.from_row(model)
    refitted = refit(cells_of(customers), recipe_of(model, **SETTINGS), random_state=9)
    everyone = Cells(customers.to_numpy(dtype=float), np.ones(len(customers)))
    pd.testing.assert_frame_equal(as_parameters(frozen), as_parameters(refitted))
    assert agreement_of(frozen, refitted, everyone, 3) == 1
    assert refitted.clustering.centroids[refitted.label(everyone)] == pytest.approx(
        frozen.clustering.centroids[frozen.label(everyone)],
        abs=1e-9 if algorithm == "kmeans" else 1,
    )


def test_agreement_counts_customers_not_cells():
    everyone = cloud(200)
    first, second = (FrozenModel.from_row(model_of(part)) for part in (everyone, everyone[:60]))
    cells = replace(cells_of(everyone), customers=np.arange(1.0, 201))
    repeats = cells.customers.astype(int)
    expected = metrics.adjusted_rand_score(
        np.repeat(first.label(cells), repeats), np.repeat(second.label(cells), repeats)
    )
    assert 0 < expected < 1
    assert agreement_of(first, second, cells, 3) == pytest.approx(expected)


def test_a_resample_has_as_many_customers_drawn_in_proportion():
    customers = three_groups()
    cells = cells_of(pd.concat([customers, customers[:1].loc[[0] * 700]]))
    drawn = np.stack([cells.resampled(i).customers for i in range(50)])
    assert (drawn.sum(axis=1) == 1000).all()
    often = cells.customers.argmax()
    assert drawn[:, often].mean() == pytest.approx(cells.customers[often], rel=0.02)
    assert drawn[:, often].std() == pytest.approx(np.sqrt(1000 * 0.7 * 0.3), rel=0.4)
    np.testing.assert_array_equal(drawn[3], cells.resampled(3).customers)


def test_a_warm_start_is_in_the_units_of_the_new_scaling(monkeypatch):
    """The same customers a year older: moved along, the centroids are the optimum at once."""
    row = model_of(three_groups())
    model = FrozenModel.from_row(row)
    older = cells_of(three_groups())
    older = replace(older, features=older.features + np.array([365, 0]))
    passed = []

    def fit_kmeans(points, *, warm_starts, **settings):
        passed.extend(warm_starts)
        return clustering.fit_kmeans(points, warm_starts=warm_starts, **settings)

    monkeypatch.setattr("segmentation.cells.fit_kmeans", fit_kmeans)
    refitted = refit(older, recipe_of(row, **SETTINGS), random_state=3, warm_starts=[model])
    (moved,) = passed
    for i, (then, now) in enumerate(zip(model.scalings, refitted.scalings, strict=True)):
        assert now.invert(moved[:, i]) == pytest.approx(
            then.invert(model.clustering.centroids[:, i])
        )
