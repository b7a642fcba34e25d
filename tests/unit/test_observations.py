"""WeightedObservations: how they count customers, scale, sample and fall into bins."""

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from conftest import ROOT
from segmentation.observations import BIN_OFFSETS, WeightedObservations
from segmentation.scaling import fit_scaling, scale_features
from small_models import SETTINGS, counted_points_of, observations_of, three_groups

TRANSFORMS = {"days": "identity", "money": "log1p"}


def scalings_of(customers):
    return fit_scaling(customers, transforms=TRANSFORMS, cap_quantiles=SETTINGS["cap_quantiles"])


def with_gaps():
    customers = three_groups().astype(float)
    customers.loc[::7, "days"] = np.nan
    return customers


def test_points_come_from_lists_with_unknown_values():
    table = pa.table({"customers": [3, 1], "feature_values": [[1.0, None], [2.0, 5.0]]})
    observations = WeightedObservations.from_table(table)
    assert observations.customers.tolist() == [3, 1]
    assert observations.n_customers == 4
    np.testing.assert_array_equal(observations.features, [[1, np.nan], [2, 5]])


def test_only_points_of_several_customers_have_weights():
    customers = pd.concat([three_groups(), three_groups()])
    assert observations_of(customers).weights is None
    assert counted_points_of(customers).weights.sum() == 600


def test_scaled_points_equal_scaled_features():
    customers = with_gaps()
    scalings = scalings_of(customers[:150])
    np.testing.assert_allclose(
        observations_of(customers).scaled(scalings), scale_features(customers, scalings), rtol=1e-12
    )


def test_a_sample_draws_customers_not_points():
    observations = WeightedObservations(np.arange(4.0)[:, None], np.array([1.0, 1, 1, 997]))
    drawn = observations.sample(200, 1)
    assert len(drawn) == 200
    assert (drawn == 3).mean() > 0.97
    np.testing.assert_array_equal(observations.sample(200, 1), drawn)
    assert np.bincount(observations.sample(None, 1)).tolist() == [1, 1, 1, 997]
    alone = observations_of(three_groups())
    assert len(np.unique(alone.sample(100, 1))) == 100


def test_a_resample_has_as_many_customers_drawn_in_proportion():
    customers = three_groups()
    observations = counted_points_of(pd.concat([customers, customers[:1].loc[[0] * 700]]))
    often = observations.features[observations.customers.argmax()]
    drawn = []
    for seed in range(50):
        resample = observations.resampled(seed)
        assert resample.n_customers == 1000
        assert (resample.customers > 0).all()
        drawn.append(resample.customers[(resample.features == often).all(axis=1)].sum())
    assert np.mean(drawn) == pytest.approx(observations.customers.max(), rel=0.02)
    assert np.std(drawn) == pytest.approx(np.sqrt(1000 * 0.7 * 0.3), rel=0.4)


def test_cells_hold_everyone_near_the_mean_of_the_cell():
    customers = with_gaps()
    scalings = scalings_of(customers)
    observations = observations_of(customers)
    bins = observations.in_bins(scalings, 0.5)
    assert bins.customers.sum() == 300
    assert len(bins.customers) < 100
    # Known and unknown values stay apart, and sums are kept.
    unknown = np.isnan(bins.features[:, 0])
    assert bins.customers[unknown].sum() == customers["days"].isna().sum()
    np.testing.assert_allclose(
        bins.scaled(scalings).T @ bins.customers,
        observations.scaled(scalings).sum(axis=0),
        atol=1e-9,
    )
    distances = np.abs(observations.scaled(scalings)[:, None] - bins.scaled(scalings)[None])
    assert distances.max(axis=2).min(axis=1).max() <= 0.5


@pytest.mark.parametrize(
    "width", [1e-6, 1e-12]
)  # of the latter there are more than an integer counts
def test_narrow_cells_are_the_distinct_points(width):
    customers = with_gaps()
    bins = observations_of(customers).in_bins(scalings_of(customers), width)
    expected = counted_points_of(customers)
    order = np.lexsort(np.nan_to_num(bins.features, nan=-1).T)
    expected_order = np.lexsort(np.nan_to_num(expected.features, nan=-1).T)
    np.testing.assert_allclose(bins.features[order], expected.features[expected_order])
    np.testing.assert_array_equal(bins.customers[order], expected.customers[expected_order])


def test_a_distribution_counts_distinct_values_and_the_unknown():
    observations = WeightedObservations(
        np.array([[1.0], [np.nan], [1.0], [3.0], [np.nan]]), np.arange(1.0, 6)
    )
    values = observations.distribution(0)
    np.testing.assert_array_equal(values.features[:, 0], [1, 3, np.nan])
    assert values.customers.tolist() == [4, 4, 7]


def test_a_point_weighs_in_its_cell_as_its_customers():
    customers = pd.concat([with_gaps(), with_gaps()[:80]], ignore_index=True)
    scalings = scalings_of(customers)
    everyone, counted = (
        observations.in_bins(scalings, 0.5)
        for observations in (observations_of(customers), counted_points_of(customers))
    )
    assert counted_points_of(customers).weights is not None
    np.testing.assert_array_equal(counted.customers, everyone.customers)
    np.testing.assert_allclose(counted.features, everyone.features)


def test_sql_and_python_bins_start_at_the_same_fractions():
    """SQL bins what models are fitted on, Python what is coarser: neither can read the other."""
    macro = (ROOT / "dbt_project" / "macros" / "weighted_observations.sql").read_text()
    (fractions,) = re.findall(r"set fractions = \[([^\]]*)\]", macro)
    assert tuple(float(fraction) for fraction in fractions.split(",")) == BIN_OFFSETS
