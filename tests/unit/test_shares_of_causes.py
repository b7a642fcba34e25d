"""Causes of lost agreement, with causes that are known and shares computed in another way."""

import doctest
import os
import pickle
import subprocess
import sys
from itertools import permutations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from segmentation import causes
from segmentation.causes import (
    ALL_FEATURES,
    DEPENDENCE,
    NOISE,
    STAYERS,
    TURNOVER,
    Composition,
    compositions_of,
    explain_pair,
    share_out,
)
from small_models import SETTINGS, counted_points_of, model_of, observations_of

CAUSES = SETTINGS | {"noise_bin_width": 1e-6}


def explained(then, now, composition=None, **settings):
    rows = explain_pair(
        model_of(then),
        model_of(now),
        observations_of(then),
        observations_of(now),
        True,
        composition,
        **(CAUSES | settings),
    )
    return pd.DataFrame(rows).set_index("feature")


def shapley_values(value, names):
    """By definition: what a cause adds, on average over all orders."""
    added = {name: [] for name in names}
    for order in permutations(names):
        for place, name in enumerate(order):
            before = frozenset(order[:place])
            added[name].append(value(before | {name}) - value(before))
    return {name: np.mean(values) for name, values in added.items()}


@pytest.mark.parametrize("seed", range(5))
def test_shares_of_causes_that_work_by_twos_are_shapley_values(seed):
    random = np.random.default_rng(seed)
    names = list("abcde")
    alone, together = random.normal(size=5), random.normal(size=(5, 5))

    def value(restored):
        places = [names.index(name) for name in restored]
        return alone[places].sum() + together[np.ix_(places, places)].sum()

    shares = share_out(value, list(random.permutation(names)))
    assert shares == pytest.approx(shapley_values(value, names))


def test_shares_add_up_whatever_the_causes_do_together():
    values = {}
    random = np.random.default_rng(6)

    def value(restored):
        return values.setdefault(restored, random.random())

    shares = share_out(value, list("abcd"))
    assert sum(shares.values()) == pytest.approx(value(frozenset("abcd")) - value(frozenset()))


def square(size=3000, seed=4):
    """Customers evenly over a square, where a fit goes by how they lie in it."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {"days": random.uniform(0, 100, size), "money": np.exp(random.uniform(3, 6, size)) - 1}
    )


def clumps(size=1500, seed=4):
    """Customers in three clumps, low, middle or high in both features, as parts of a range."""
    random = np.random.default_rng(seed)
    low = random.integers(0, 3, size) * 0.4
    return pd.DataFrame({name: low + random.uniform(0, 0.2, size) for name in ("days", "money")})


def customers_of(parts):
    return pd.DataFrame({"days": 100 * parts["days"], "money": np.exp(3 + 3 * parts["money"]) - 1})


@pytest.mark.parametrize("shifted", ["days", "money"])
def test_a_planted_shift_is_attributed_to_its_feature(shifted):
    """The clumps keep their order, but the middle one moves to the lowest."""
    parts = clumps()
    then = customers_of(parts)
    now = customers_of(parts.assign(**{shifted: parts[shifted] ** 5}))
    rows = explained(then, now)
    other = {"days": "money", "money": "days"}[shifted]
    today = rows["adjusted_rand_index"].iloc[0]
    assert today < 0.8
    assert rows["agreement_given_back"][shifted] > 0.8 * (1 - today)
    assert rows["agreement_given_back_low"][shifted] > 0.1
    for nothing in (other, DEPENDENCE):
        assert rows["agreement_given_back"][nothing] == pytest.approx(0, abs=0.05)
        assert rows["agreement_given_back_low"][nothing] < 0.02
    assert rows["population_stability_index"][shifted] > 0.25
    assert rows["population_stability_index"][other] == pytest.approx(0, abs=1e-9)
    assert rows["wasserstein_distance"][other] == pytest.approx(0, abs=1e-9)
    # Everyone moves the same way, so the distance is that of the means.
    distance = abs(rows["mean_scaled_now"][shifted] - rows["mean_scaled_then"][shifted])
    assert rows["wasserstein_distance"][shifted] == pytest.approx(distance)


def test_features_that_go_together_otherwise_are_a_cause_of_their_own():
    """Both distributions are as then; only who has which value of both has changed."""
    random = np.random.default_rng(5)
    size = 3000
    days = random.uniform(0, 100, size)
    then = pd.DataFrame({"days": days, "money": np.exp(3 + 3 * days / 100) - 1})
    then["money"] *= random.uniform(0.9, 1.1, size)
    now = then.assign(days=100 - then["days"])
    rows = explained(then, now)
    today = rows["adjusted_rand_index"].iloc[0]
    assert today < 0.8
    assert rows["agreement_given_back"][DEPENDENCE] > 0.8 * (1 - today)
    assert rows["agreement_given_back_low"][DEPENDENCE] > 0.02
    assert rows["agreement_given_back_high"][["days", "money"]].max() < 0.1


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_attributed_where_other_customers_of_the_same_kind_came(seed):
    rows = explained(square(600, seed), square(600, seed + 10))
    measured = rows.drop([ALL_FEATURES, NOISE])
    assert (measured["agreement_given_back_low"] <= 0.02).all()


def test_shares_and_noise_add_up_to_what_is_missing():
    rows = explained(square(), square(seed=9) ** 1.2)
    shares = rows["agreement_given_back"]
    assert shares[["days", "money"]].sum() == pytest.approx(shares[ALL_FEATURES])
    missing = 1 - rows["adjusted_rand_index"].iloc[0]
    assert shares[["days", "money", DEPENDENCE, NOISE]].sum() == pytest.approx(missing)
    assert rows["kind"].to_dict() == {
        "days": "feature",
        "money": "feature",
        DEPENDENCE: "dependence",
        ALL_FEATURES: "all features",
        NOISE: "noise",
    }
    inside = rows[["agreement_given_back_low", "agreement_given_back_high"]].sub(shares, axis=0)
    assert inside.iloc[:, 0].to_numpy() == pytest.approx(-inside.iloc[:, 1].to_numpy())


def test_who_came_and_who_stayed_are_told_apart():
    """A clump comes that the model has not seen; or those who stayed move."""
    parts = clumps()
    then = customers_of(parts)
    far = customers_of(clumps(500, seed=11).assign(days=3.0))
    stayers = counted_points_of(then)
    came = Composition(None, stayers, stayers, counted_points_of(far))
    rows = explained(then, pd.concat([then, far], ignore_index=True), came)
    missing = 1 - rows["adjusted_rand_index"][TURNOVER]
    assert missing > 0.2
    assert rows["agreement_given_back"][TURNOVER] == pytest.approx(missing, abs=0.02)
    assert rows["agreement_given_back"][STAYERS] == pytest.approx(0, abs=0.02)
    moved = customers_of(parts.assign(days=parts["days"] ** 5))
    rows = explained(then, moved, Composition(None, stayers, counted_points_of(moved), None))
    assert rows["agreement_given_back_low"][STAYERS] > 0.1
    assert rows["agreement_given_back"][TURNOVER] == 0


def test_compositions_are_read_from_their_table():
    rows = [
        ("a", "b", "leavers", 2, [1.0, 2.0]),
        ("a", "b", "leavers", 3, [3.0, None]),
        ("a", "b", "stayers_now", 4, [5.0, 6.0]),
        ("a", "c", "stayers_now", 1, [7.0, 8.0]),
    ]
    names = ["origin_model_id", "model_id", "part", "customers", "feature_values"]
    table = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])
    found = compositions_of(table)
    assert set(found) == {("a", "b"), ("a", "c")}
    leavers = found["a", "b"].leavers
    np.testing.assert_array_equal(leavers.features, [[1.0, 2.0], [3.0, np.nan]])
    np.testing.assert_array_equal(leavers.customers, [2.0, 3.0])
    assert found["a", "b"].newcomers is None
    np.testing.assert_array_equal(found["a", "c"].stayers_now.features, [[7.0, 8.0]])
    assert compositions_of(table.slice(0, 0)) == {}


def test_a_pair_that_is_not_alarming_is_not_refitted():
    customers = pd.DataFrame({"days": [1.0, 2, 30, 31, 60, 61], "money": [5.0, 5, 80, 80, 20, 20]})
    model, observations = model_of(customers), observations_of(customers)
    rows = explain_pair(model, model, observations, observations, False, **CAUSES)
    assert [row["feature"] for row in rows] == ["days", "money"]
    assert all("agreement_given_back" not in row for row in rows)


def test_too_few_different_customers_leave_causes_unmeasured():
    customers = pd.DataFrame({"days": [1.0, 30, 60], "money": [5.0, 80, 20]})
    rows = explained(customers, customers)
    assert list(rows.index) == ["days", "money"]


@pytest.mark.parametrize("is_alarming", [False, True])
def test_what_is_reported_does_not_depend_on_threads(tmp_path, is_alarming):
    random = np.random.default_rng(6)
    then = pd.DataFrame(
        {"days": random.uniform(0, 100, 60_000), "money": random.lognormal(4, 1, 60_000)}
    )
    model = model_of(then)
    pair = model, model, observations_of(then), observations_of(then * 1.1), is_alarming
    (tmp_path / "pair.pickle").write_bytes(pickle.dumps(pair))
    # In a process of its own, where no fit has taken care of threads before.
    code = (
        "import pickle, sys; from segmentation.causes import explain_pair; "
        "print(explain_pair(*pickle.load(open(sys.argv[1], 'rb')), repeats=2))"
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


def test_the_example_of_shares_holds():
    assert doctest.testmod(causes) == (0, 2)
