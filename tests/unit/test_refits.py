"""Refits on customers who are counted, against fits on the customers themselves."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from segmentation import kmeans
from segmentation.refits import (
    FrozenModel,
    agreement_of,
    recipe_of,
    refit,
    starts_beside_warm_one,
)
from small_models import (
    SETTINGS,
    cloud,
    counted_points_of,
    model_of,
    observations_of,
    three_groups,
)

RECIPE = SETTINGS | {"n_init": 5}


def as_parameters(model):
    return pd.DataFrame(
        [(s.feature, s.lower_cap, s.upper_cap, s.mean, s.scale) for s in model.scalings]
    ).set_index(0)


@pytest.mark.parametrize("algorithm", ["kmeans", "ward"])
def test_a_refit_on_counted_points_is_the_fit_on_customers(algorithm):
    customers = three_groups()
    model = model_of(customers, algorithm)
    frozen = FrozenModel.from_row(model)
    refitted = refit(counted_points_of(customers), recipe_of(model, **RECIPE), random_state=9)
    everyone = observations_of(customers)
    pd.testing.assert_frame_equal(as_parameters(frozen), as_parameters(refitted))
    assert agreement_of(frozen, refitted, everyone, 3) == 1
    assert refitted.clustering.centroids[refitted.label(everyone)] == pytest.approx(
        frozen.clustering.centroids[frozen.label(everyone)],
        abs=1e-9 if algorithm == "kmeans" else 1,
    )


def test_agreement_counts_customers_not_points():
    everyone = cloud(200)
    first, second = (FrozenModel.from_row(model_of(part)) for part in (everyone, everyone[:60]))
    observations = replace(observations_of(everyone), customers=np.arange(1.0, 201))
    repeats = observations.customers.astype(int)
    expected = metrics.adjusted_rand_score(
        np.repeat(first.label(observations), repeats),
        np.repeat(second.label(observations), repeats),
    )
    assert 0 < expected < 1
    assert agreement_of(first, second, observations, 3) == pytest.approx(expected)


def test_a_warm_start_is_in_the_units_of_the_new_scaling(monkeypatch):
    """The same customers a year older: moved along, the centroids are the optimum at once."""
    row = model_of(three_groups())
    model = FrozenModel.from_row(row)
    older = counted_points_of(three_groups())
    older = replace(older, features=older.features + np.array([365, 0]))
    passed = []

    def fit_kmeans(observations, *, warm_starts, **settings):
        passed.extend(warm_starts)
        return kmeans.fit_kmeans(observations, warm_starts=warm_starts, **settings)

    monkeypatch.setattr("segmentation.refits.fit_kmeans", fit_kmeans)
    refitted = refit(older, recipe_of(row, **RECIPE), random_state=3, warm_starts=[model])
    (moved,) = passed
    for i, (then, now) in enumerate(zip(model.scalings, refitted.scalings, strict=True)):
        assert now.invert(moved[:, i]) == pytest.approx(
            then.invert(model.clustering.centroids[:, i])
        )


def test_many_segments_have_more_fresh_starts_beside_a_warm_one():
    assert [starts_beside_warm_one(n) for n in (2, 6, 7, 10)] == [2, 2, 10, 10]
    assert starts_beside_warm_one(8, 20) == 20
