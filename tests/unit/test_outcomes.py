"""What waiting loses: against scikit-learn by customer, and on data with a known answer."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from segmentation.outcomes import PAIR, compare_outcomes, loss_of_waiting

DATE = pd.Timestamp("2018-01-08")


def customers(seed: int, n: int, *, effect: float = 0.3) -> pd.DataFrame:
    """Customers whose cluster in the refit tells who buys; the frozen model mixes them up."""
    generator = np.random.default_rng(seed)
    cluster = generator.integers(0, 3, n)
    mixed = np.where(generator.random(n) < 0.5, generator.integers(0, 3, n), cluster)
    bought = generator.random(n) < 0.05 + effect * cluster / 2
    revenue = np.where(bought, generator.gamma(2, 20 * (1 + cluster)), 0)
    return pd.DataFrame(
        {
            "half": generator.integers(0, 2, n),
            "origin_cluster": mixed,
            "cluster": cluster,
            "bought": bought,
            "revenue": revenue,
        }
    )


def counted(of: pd.DataFrame) -> pd.DataFrame:
    of = of.assign(customers=1, buyers=of["bought"].astype(int), revenue_squares=of["revenue"] ** 2)
    keys = ["half", "origin_cluster", "cluster"]
    return of.groupby(keys).sum().reset_index().drop(columns="bought")


def by_scikit_learn(of: pd.DataFrame, column: str) -> tuple[float, float]:
    aucs, explained = [], []
    for half in (0, 1):
        learnt, scored = of[of["half"] != half], of[of["half"] == half]
        rates = scored[column].map(learnt.groupby(column)["bought"].mean())
        means = scored[column].map(learnt.groupby(column)["revenue"].mean())
        aucs.append(metrics.roc_auc_score(scored["bought"], rates))
        explained.append(metrics.r2_score(scored["revenue"], means))
    return np.mean(aucs), np.mean(explained)


def test_the_scores_are_those_of_scikit_learn_on_the_customers():
    of = customers(0, 2000)
    found = loss_of_waiting(counted(of), resamples=10)
    for model, column in (("frozen", "origin_cluster"), ("refit", "cluster")):
        auc, explained = by_scikit_learn(of, column)
        assert found[f"{model}_auc"] == pytest.approx(auc)
        assert found[f"{model}_explained"] == pytest.approx(explained)
    assert found["auc_loss"] == pytest.approx(found["refit_auc"] - found["frozen_auc"])
    assert (found["customers"], found["buyers"]) == (2000, of["bought"].sum())
    assert found["least_buyers_of_half"] == of.groupby("half")["bought"].sum().min()


def test_the_interval_is_that_of_a_bootstrap_of_customers():
    of = customers(1, 1500)
    found = loss_of_waiting(counted(of), resamples=2000)
    generator, losses = np.random.default_rng(0), []
    halves = [of[of["half"] == half] for half in (0, 1)]
    learnt = {c: [half.groupby(c)["bought"].mean() for half in halves[::-1]] for c in CLUSTERS}
    for _ in range(400):
        aucs = {column: [] for column in CLUSTERS}
        for place, half in enumerate(halves):
            drawn = half.iloc[generator.integers(0, len(half), len(half))]
            for column in CLUSTERS:
                rates = drawn[column].map(learnt[column][place])
                aucs[column].append(metrics.roc_auc_score(drawn["bought"], rates))
        losses.append(np.mean(aucs["cluster"]) - np.mean(aucs["origin_cluster"]))
    low, high = np.quantile(losses, [0.025, 0.975])
    assert found["auc_loss_low"] == pytest.approx(low, abs=0.008)
    assert found["auc_loss_high"] == pytest.approx(high, abs=0.008)


CLUSTERS = ["origin_cluster", "cluster"]


def test_a_real_loss_is_found_and_the_same_model_loses_nothing():
    of = customers(2, 4000)
    assert loss_of_waiting(counted(of))["auc_loss_low"] > 0
    same = loss_of_waiting(counted(of.assign(origin_cluster=of["cluster"])))
    for name in ("auc_loss", "explained_loss"):
        assert [same[name + end] for end in ("", "_low", "_high")] == pytest.approx([0, 0, 0])


@pytest.mark.parametrize(("effect", "least"), [(0.3, 89), (0, 80)])
def test_intervals_hold_the_true_loss_as_often_as_they_say(effect, least):
    """95 of 100, within what 100 draws allow; fewer where clusters tell nothing (see the notes)."""
    true = loss_of_waiting(counted(customers(0, 400_000, effect=effect)), resamples=2)["auc_loss"]
    holds = 0
    for seed in range(100):
        of = customers(1000 + seed, 3000, effect=effect)
        found = loss_of_waiting(counted(of), resamples=300)
        holds += found["auc_loss_low"] <= true <= found["auc_loss_high"]
    assert holds >= least


@pytest.mark.parametrize("buyers", ["nobody", "everybody", "one half"])
def test_without_buyers_or_others_in_a_half_nothing_is_told(buyers):
    of = customers(3, 200)
    of["bought"] &= buyers != "nobody"
    of["bought"] |= buyers == "everybody"
    of.loc[of["half"] == 1, "bought"] &= buyers != "one half"
    found = loss_of_waiting(counted(of))
    assert set(found) == {"customers", "buyers", "least_buyers_of_half"}


def test_a_pair_gets_the_same_figures_whatever_is_scored_with_it():
    first, second = (
        counted(customers(seed, 500)).assign(
            origin_model_id=f"m{seed}", model_id="m", evaluation_date=DATE, horizon_days=30
        )
        for seed in (4, 5)
    )
    together = compare_outcomes(pd.concat([second, first])).to_pandas()
    assert together[PAIR[0]].tolist() == ["m4", "m5"]
    alone = compare_outcomes(second).to_pandas()
    pd.testing.assert_frame_equal(together[1:].reset_index(drop=True), alone)


def test_a_half_or_cluster_that_nobody_is_in_does_no_harm():
    of = customers(6, 600)
    of = of[(of["half"] == 1) | (of["cluster"] == 0)]
    found = loss_of_waiting(counted(of))
    assert np.isfinite(found["auc_loss"])
    empty = loss_of_waiting(counted(of[of["half"] == 1]))
    assert empty["least_buyers_of_half"] == 0 and "auc_loss" not in empty
