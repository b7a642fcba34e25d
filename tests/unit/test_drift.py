"""Shifts of features, and customers to whom a shift has not come, with shifts that are known."""

import doctest

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp, spearmanr

from segmentation import drift
from segmentation.drift import hold_feature, population_stability_index, restore
from segmentation.observations import WeightedObservations
from small_models import counted_points_of


def ones(values):
    return np.ones(values if isinstance(values, int) else len(values))


def test_population_stability_index_of_known_shares():
    """Ten equal bins of then; now the lower half of the customers is gone."""
    then = np.arange(1000.0)
    now = np.arange(500.0, 1000)
    expected = 5 * (0.2 - 0.1) * np.log(0.2 / 0.1) + 5 * (1e-4 - 0.1) * np.log(1e-4 / 0.1)
    # The first bin ends at its own decile, so bins differ by one customer in a thousand.
    assert population_stability_index(then, now, ones(then), ones(now)) == pytest.approx(
        expected, rel=0.02
    )
    assert population_stability_index(then, then, ones(then), ones(then)) == 0


def test_population_stability_index_of_frequent_and_unknown_values():
    """One value holds most deciles, which are one bin then; the unknown are one too."""
    then = np.array([1.0] * 90 + [2.0] * 10)
    now = np.array([1.0] * 60 + [2.0] * 20 + [np.nan] * 20)
    expected = (
        (0.6 - 0.9) * np.log(0.6 / 0.9)
        + (0.2 - 0.1) * np.log(0.2 / 0.1)
        + (0.2 - 1e-4) * np.log(0.2 / 1e-4)
    )
    measured = population_stability_index(then, now, ones(then), ones(now))
    assert measured == pytest.approx(expected)


def distribution(observations, feature):
    frame = pd.DataFrame(
        {"value": observations.features[:, feature], "customers": observations.customers}
    )
    shares = frame.groupby("value", dropna=False)["customers"].sum()
    return shares / shares.sum()


@pytest.fixture
def then():
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"days": random.integers(0, 90, 800), "score": random.integers(1, 6, 800)})
    return counted_points_of(frame.astype(float))


@pytest.fixture
def today():
    random = np.random.default_rng(2)
    days = random.integers(50, 200, 1100)
    frame = pd.DataFrame(
        {"days": days, "score": np.where(days > 120, 5, random.integers(3, 6, 1100))}
    )
    frame = frame.astype(float)
    frame.loc[::50, "score"] = np.nan
    return counted_points_of(frame)


def test_a_held_frequent_feature_is_distributed_as_then(then, today):
    held = hold_feature(today, 1, then)
    known = distribution(held, 1)[lambda shares: shares.index.notna()]
    known = known / known.sum()
    pd.testing.assert_series_equal(known, distribution(then, 1), check_exact=False)
    assert held.customers.sum() == pytest.approx(today.customers.sum())
    # The unknown stay unknown, the other feature stays as it is.
    assert distribution(held, 1)[np.nan] == pytest.approx(distribution(today, 1)[np.nan])
    pd.testing.assert_series_equal(distribution(held, 0), distribution(today, 0))


def test_a_held_rare_feature_moves_by_rank(then, today):
    held = hold_feature(today, 0, then)
    # Days are spread over 90 values of 1.1 % each: quantiles as then, within a value.
    for quantile in (0.1, 0.5, 0.9):
        value = np.quantile(
            held.features[:, 0], quantile, weights=held.customers, method="inverted_cdf"
        )
        expected = np.quantile(
            then.features[:, 0], quantile, weights=then.customers, method="inverted_cdf"
        )
        assert value == pytest.approx(expected, abs=1)


def test_everyone_keeps_the_rank():
    random = np.random.default_rng(3)
    values = random.exponential(size=700)
    then = WeightedObservations(random.normal(size=(500, 2)), np.ones(500))
    now = WeightedObservations(np.column_stack([values, values]), np.ones(700))
    held = hold_feature(now, 0, then)
    assert len(held.features) == 700  # rare values are moved, not split
    assert (np.diff(held.features[np.argsort(held.features[:, 1]), 0]) >= 0).all()
    assert sorted(held.features[:, 1]) == sorted(values)


def test_holding_what_has_not_changed_changes_nothing(then):
    held = hold_feature(then, 0, then)
    pd.testing.assert_series_equal(distribution(held, 0), distribution(then, 0))


def test_points_without_a_known_value_are_left_alone(then):
    unknown = WeightedObservations(np.full((3, 2), np.nan), np.ones(3))
    held = hold_feature(unknown, 0, then)
    np.testing.assert_array_equal(held.features, unknown.features)
    np.testing.assert_array_equal(held.customers, unknown.customers)


def test_a_feature_given_another_takes_over_the_dependence_of_then():
    """Then both features went together, now they do not; the ten groups bring that back."""
    random = np.random.default_rng(7)
    days = random.normal(size=5000)
    then = np.column_stack([days, 3 * days + random.normal(size=5000)])
    now = np.column_stack([random.normal(2, 1, 5000), random.normal(-4, 2, 5000)])
    then, now = (WeightedObservations(each, np.ones(5000)) for each in (then, now))
    held = hold_feature(now, 1, then, given=0)
    assert np.corrcoef(then.features.T)[0, 1] == pytest.approx(0.95, abs=0.01)
    # Of what is going on within a group nothing comes back.
    assert np.corrcoef(held.features.T)[0, 1] == pytest.approx(0.91, abs=0.01)
    assert np.corrcoef(hold_feature(now, 1, then).features.T)[0, 1] == pytest.approx(0, abs=0.05)
    # The distribution is that of then either way, and the other feature stays.
    for quantile in (0.05, 0.5, 0.95):
        expected = np.quantile(then.features[:, 1], quantile)
        assert np.quantile(held.features[:, 1], quantile) == pytest.approx(expected, abs=0.1)
    assert sorted(held.features[:, 0]) == sorted(now.features[:, 0])


def test_a_group_that_is_empty_at_either_date_stays_as_it_is():
    """Then all customers were of one recency, the sixth of ten groups."""
    then = WeightedObservations(np.array([[5.0, 1.0], [5.0, 2.0]]), np.array([10.0, 10.0]))
    now = WeightedObservations(np.array([[1.0, 7.0], [2.0, 8.0], [3.0, 9.0]]), np.full(3, 10.0))
    held = hold_feature(now, 1, then, given=0)
    expected = {(1.0, 7.0): 10, (2.0, 1.0): 5, (2.0, 2.0): 5, (3.0, 9.0): 10}
    found = zip(map(tuple, held.features.tolist()), held.customers, strict=True)
    assert dict(found) == pytest.approx(expected)


def test_what_is_restored_in_all_or_nothing_is_one_of_the_dates(then, today):
    nothing = restore(then, today, [], is_dependence_restored=False, given=0)
    everything = restore(then, today, [0, 1], is_dependence_restored=True, given=0)
    assert nothing is today
    assert everything is then


def test_what_has_been_made_before_is_gone_on_from(then, today):
    made = {}
    settings = {"is_dependence_restored": False, "given": 0}
    restore(then, today, [0], made=made, **settings)
    again = restore(then, today, [0, 1], made=made, **settings)
    assert set(made) == {(False, frozenset({0})), (False, frozenset({0, 1}))}
    assert restore(then, today, [0, 1], made=made, **settings) is again
    once = restore(then, today, [0, 1], **settings)
    for feature in (0, 1):
        pd.testing.assert_series_equal(
            distribution(again, feature), distribution(once, feature), atol=0.01, check_exact=False
        )


def test_distributions_and_dependence_are_restored_apart():
    """By SciPy: the rank correlation of one date, the quantiles of the other."""
    random = np.random.default_rng(8)
    shape = [[1, 0.8], [0.8, 1]]
    then = WeightedObservations(np.exp(random.multivariate_normal([0, 0], shape, 4000)), ones(4000))
    now = WeightedObservations(random.uniform(5, 9, size=(4000, 2)), ones(4000))
    dependent = restore(then, now, [], is_dependence_restored=True)
    distributed = restore(then, now, [0, 1], is_dependence_restored=False)
    assert spearmanr(dependent.features).statistic == pytest.approx(
        spearmanr(then.features).statistic, abs=0.01
    )
    assert spearmanr(distributed.features).statistic == pytest.approx(
        spearmanr(now.features).statistic, abs=0.01
    )
    for feature in (0, 1):
        assert ks_2samp(dependent.features[:, feature], now.features[:, feature]).pvalue > 0.99
        assert ks_2samp(distributed.features[:, feature], then.features[:, feature]).pvalue > 0.99


def test_the_example_of_a_held_feature_holds():
    assert doctest.testmod(drift) == (0, 4)
