"""Shifts of features and what they do to agreement, with shifts that are known."""

import doctest
import os
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from segmentation import drift
from segmentation.drift import (
    ALL_FEATURES,
    explain_pair,
    hold_feature,
    population_stability_index,
)
from segmentation.observations import WeightedObservations
from small_models import REFITS, counted_points_of, model_of, observations_of


def ones(values):
    return np.ones(len(values))


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
    held = hold_feature(today, 1, then.distribution(1))
    known = distribution(held, 1)[lambda shares: shares.index.notna()]
    known = known / known.sum()
    pd.testing.assert_series_equal(known, distribution(then, 1), check_exact=False)
    assert held.customers.sum() == pytest.approx(today.customers.sum())
    # The unknown stay unknown, the other feature stays as it is.
    assert distribution(held, 1)[np.nan] == pytest.approx(distribution(today, 1)[np.nan])
    pd.testing.assert_series_equal(distribution(held, 0), distribution(today, 0))


def test_a_held_rare_feature_moves_by_rank(then, today):
    held = hold_feature(today, 0, then.distribution(0))
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
    then = WeightedObservations(random.normal(size=(500, 1)), np.ones(500))
    now = WeightedObservations(random.exponential(size=(700, 1)), np.ones(700))
    held = hold_feature(now, 0, then.distribution(0))
    assert len(held.features) == 700  # rare values are moved, not split
    assert (np.diff(held.features[np.argsort(now.features[:, 0]), 0]) >= 0).all()


def test_holding_what_has_not_changed_changes_nothing(then):
    held = hold_feature(then, 0, then.distribution(0))
    pd.testing.assert_series_equal(distribution(held, 0), distribution(then, 0))


def test_points_without_a_known_value_are_left_alone(then):
    unknown = WeightedObservations(np.full((3, 2), np.nan), np.ones(3))
    assert hold_feature(unknown, 0, then.distribution(0)) is unknown


@pytest.mark.parametrize("shifted", ["days", "money"])
def test_a_planted_shift_is_attributed_to_its_feature(shifted):
    random = np.random.default_rng(4)
    size = 3000
    then = pd.DataFrame(
        {"days": random.uniform(0, 100, size), "money": np.exp(random.uniform(3, 6, size)) - 1}
    )
    now = then.sample(frac=1, random_state=1, ignore_index=True)
    if shifted == "days":
        now["days"] = 100 * (now["days"] / 100) ** 3
    else:
        now["money"] = np.exp(3 + 3 * ((np.log1p(now["money"]) - 3) / 3) ** 3) - 1
    rows = explain_pair(
        model_of(then), model_of(now), observations_of(then), observations_of(now), True, **REFITS
    )
    held = {row["feature"]: row["held_adjusted_rand_index"] for row in rows}
    other = {"days": "money", "money": "days"}[shifted]
    today = rows[0]["adjusted_rand_index"]
    assert today < 0.8
    assert held[shifted] > 0.9
    assert held[ALL_FEATURES] > 0.9
    assert held[other] == pytest.approx(today, abs=0.05)
    moved = {row["feature"]: row for row in rows}
    assert moved[shifted]["population_stability_index"] > 0.25
    assert moved[other]["population_stability_index"] == pytest.approx(0, abs=1e-9)
    assert moved[other]["wasserstein_distance"] == pytest.approx(0, abs=1e-9)
    distance = abs(moved[shifted]["mean_scaled_now"] - moved[shifted]["mean_scaled_then"])
    # Everyone moves the same way, so the distance is that of the means.
    assert moved[shifted]["wasserstein_distance"] == pytest.approx(distance)


def test_a_pair_that_is_not_alarming_is_not_refitted(then):
    customers = pd.DataFrame({"days": [1.0, 2, 30, 31, 60, 61], "money": [5.0, 5, 80, 80, 20, 20]})
    model, observations = model_of(customers), observations_of(customers)
    rows = explain_pair(model, model, observations, observations, False, **REFITS)
    assert [row["feature"] for row in rows] == ["days", "money"]
    assert all("held_adjusted_rand_index" not in row for row in rows)


def test_what_is_reported_does_not_depend_on_threads(tmp_path):
    random = np.random.default_rng(6)
    then = pd.DataFrame(
        {"days": random.uniform(0, 100, 60_000), "money": random.lognormal(4, 1, 60_000)}
    )
    model = model_of(then)
    pair = model, model, observations_of(then), observations_of(then * 1.1), False
    (tmp_path / "pair.pickle").write_bytes(pickle.dumps(pair))
    # In a process of its own, where no fit has taken care of threads before.
    code = (
        "import pickle, sys; from segmentation.drift import explain_pair; "
        f"print(explain_pair(*pickle.load(open(sys.argv[1], 'rb')), **{REFITS}))"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code, tmp_path / "pair.pickle"],
            env=os.environ | {"OPENBLAS_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    ]
    assert "wasserstein_distance" in told[0]
    assert told[0] == told[1]


def test_the_example_of_a_held_feature_holds():
    assert doctest.testmod(drift) == (0, 4)
