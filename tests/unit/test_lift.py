"""What a campaign has changed: against computations of others, and where the truth is known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from segmentation.lift import (
    Sums,
    campaign_figures,
    cuped,
    figures_of,
    narrower,
    smallest_difference,
    split_p_value,
    welch,
)

SEEDS = range(500)


def customers(random, count):
    """Recency, frequency and monetary value of customers, as skewed as they are in a shop."""
    recency = random.integers(1, 400, count)
    frequency = 1 + random.poisson(0.6, count)
    return np.column_stack([recency, frequency, frequency * random.lognormal(4, 0.7, count)])


def campaign(seed, *, lift=0.0, treated=800, held_out=200, correlation=0.02):
    """Sums of either arm of a campaign in which treated customers bring `lift` more."""
    random = np.random.default_rng(seed)
    arms = []
    for count, added in ((treated, lift), (held_out, 0.0)):
        x = customers(random, count)
        buys = random.random(count) < 0.3
        y = buys * (random.lognormal(3.5, 0.6, count) + correlation * x[:, 2])
        arms.append(Sums.of(y + added, x))
    return arms


# -- against computations of others ---------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_welch_is_that_of_scipy(seed):
    random = np.random.default_rng(seed)
    first, second = random.lognormal(3, 1, 50), random.lognormal(3.2, 0.5, 31)
    found = welch(*(Sums.of(y, np.ones((len(y), 1))) for y in (first, second)))
    expected = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert found.value == pytest.approx(first.mean() - second.mean())


@pytest.mark.parametrize("seed", range(5))
def test_cuped_has_the_slope_of_a_regression_with_an_indicator(seed):
    """Of least squares on arm and covariates: the coefficient of the arm, and nearly its error."""
    random = np.random.default_rng(seed)
    x = customers(random, 1000)
    is_treated = random.random(1000) < 0.7
    y = 3 * is_treated + 0.05 * x[:, 2] - 0.01 * x[:, 0] + random.normal(0, 5, 1000)
    found = cuped(*(Sums.of(y[side], x[side]) for side in (is_treated, ~is_treated)))
    design = np.column_stack([np.ones(1000), is_treated, x])
    coefficients, (residual,), *_ = np.linalg.lstsq(design, y)
    error = np.sqrt(residual / (1000 - 5) * np.linalg.inv(design.T @ design)[1, 1])
    assert found.value == pytest.approx(coefficients[1])
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.05)


def test_the_split_is_that_of_scipy():
    expected = stats.chisquare([850, 150], [800, 200]).pvalue
    assert split_p_value(850, 150, holdout_share=0.2) == pytest.approx(expected)
    assert split_p_value(20, 1, holdout_share=0.2) is None


# -- campaigns whose truth is known ---------------------------------------------------------------


@pytest.mark.parametrize("method", [welch, cuped, narrower])
@pytest.mark.parametrize(("treated", "held_out"), [(800, 200), (150, 100)])
def test_the_interval_holds_a_planted_lift(method, treated, held_out):
    found = [method(*campaign(seed, lift=5, treated=treated, held_out=held_out)) for seed in SEEDS]
    covered = np.mean([difference.low <= 5 <= difference.high for difference in found])
    assert 0.93 <= covered <= 0.97


@pytest.mark.parametrize("correlation", [0.0, 0.3])
def test_no_lift_alarms_in_one_of_twenty_cases(correlation):
    found = [narrower(*campaign(seed, correlation=correlation)) for seed in range(2000)]
    alarms = np.mean([not difference.low <= 0 <= difference.high for difference in found])
    assert 0.04 <= alarms <= 0.065


def test_cuped_narrows_where_a_covariate_tells_of_the_outcome_and_is_taken_there():
    arms = [campaign(seed, correlation=3.0) for seed in range(50)]
    widths = [[m(*a).high - m(*a).low for m in (welch, cuped)] for a in arms]
    assert np.mean([after / before for before, after in widths]) < 0.95
    assert np.mean([narrower(*a).method == "cuped" for a in arms]) > 0.8
    alone = [narrower(*campaign(seed, correlation=0.0)).method for seed in range(50)]
    assert "welch" in alone


def test_covariates_that_are_all_the_same_change_nothing():
    random = np.random.default_rng(1)
    arms = [Sums.of(random.normal(size=n), np.ones((n, 3))) for n in (90, 60)]
    assert cuped(*arms).value == pytest.approx(welch(*arms).value)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_check_of_the_split_has_its_level(share):
    random = np.random.default_rng(3)
    held_out = random.binomial(2000, share, 20_000)
    p_values = [split_p_value(2000 - n, n, holdout_share=share) for n in held_out]
    assert 0.04 <= np.mean(np.array(p_values) < 0.05) <= 0.06
    assert np.mean(np.array(p_values) < 0.001) <= 0.002


@pytest.mark.parametrize(
    ("treated", "held_out", "share"), [(4000, 1000, 0.1), (300, 300, 0.3), (900, 100, 0.05)]
)
def test_the_smallest_difference_is_seen_in_four_of_five_cases(treated, held_out, share):
    rise = smallest_difference(treated, held_out, buyer_share=share)
    random = np.random.default_rng(4)
    seen = 0
    for _ in range(2000):
        arms = []
        for count, rate in ((treated, share + rise), (held_out, share)):
            buyers = random.binomial(count, rate)
            one = np.zeros(1)
            arms.append(Sums(count, buyers, buyers, one, np.zeros((1, 1)), one))
        seen += welch(*arms).low > 0
    assert 0.74 <= seen / 2000 <= 0.9


def test_a_campaign_that_is_too_small_has_no_smallest_difference():
    assert smallest_difference(3, 2, buyer_share=0.5) is None
    assert smallest_difference(1000, 1000, buyer_share=1.0) is None
    larger = smallest_difference(10_000, 10_000, buyer_share=0.1)
    assert larger < smallest_difference(1000, 1000, buyer_share=0.1)


# -- what is said ---------------------------------------------------------------------------------


def arms(*, treated=(800, 100), held_out=(200, 20), as_of="2018-10-01", **changed):
    """Two rows of `campaign_arms`: customers and buyers of either arm, who bring 50 each."""
    rows = []
    for is_held_out, (count, buyers) in ((False, treated), (True, held_out)):
        x = np.column_stack([np.arange(count) % 90, np.ones(count), 50 + np.arange(count) % 7])
        bought = (np.arange(count) < buyers).astype(float)
        revenue = bought * (50 + np.arange(count) % 3)
        row = {
            "campaign": "win_back",
            "is_held_out": is_held_out,
            "audience": "vips",
            "starts_on": pd.Timestamp("2018-09-01"),
            "ends_on": pd.Timestamp("2018-09-30"),
            "holdout_share": 0.2,
            "as_of": pd.Timestamp(as_of),
            "customers": count,
            "buyers": buyers,
            "orders": buyers,
            "revenue": revenue.sum(),
            "buyers_before": count // 10,
            "sum_revenue_revenue": revenue @ revenue,
        }
        names = ["recency_days", "frequency", "monetary_value"]
        for i, name in enumerate(names):
            row[f"sum_{name}"] = x[:, i].sum()
            row[f"sum_{name}_bought"] = x[:, i] @ bought
            row[f"sum_{name}_revenue"] = x[:, i] @ revenue
            for j in range(i, 3):
                row[f"sum_{name}_{names[j]}"] = x[:, i] @ x[:, j]
        rows.append(row | changed)
    return rows


def test_a_campaign_that_is_over_has_a_verdict():
    more = figures_of(*arms(treated=(8000, 1300), held_out=(2000, 200)), currency="€")
    assert (more["status"], more["verdict"]) == ("over", "more buyers")
    assert more["sentence"].startswith("More customers bought with the campaign than without: of ")
    assert "treated customers 16.2 % bought, of 2,000 held out 10 % (+6." in more["sentence"]
    assert "Revenue per customer: € " in more["sentence"] and " more (" in more["sentence"]
    fewer = figures_of(*arms(treated=(8000, 500), held_out=(2000, 200)), currency="€")
    assert fewer["verdict"] == "fewer buyers"
    same = figures_of(*arms(treated=(8000, 800), held_out=(2000, 200)), currency="€")
    assert same["verdict"] == "no difference seen"
    assert same["sentence"].startswith("Whether the campaign has changed how many buy cannot be")


@pytest.mark.parametrize(
    ("sizes", "intervals"),
    [
        ({"treated": (800, 20), "held_out": (200, 9)}, []),
        ({"treated": (800, 40), "held_out": (200, 9)}, []),
        ({"treated": (800, 0), "held_out": (200, 0)}, []),
        ({"treated": (800, 795), "held_out": (200, 150)}, ["revenue"]),
    ],
)
def test_few_buyers_give_no_verdict_and_no_interval(sizes, intervals):
    found = figures_of(*arms(**sizes), currency="€")
    assert found["verdict"] == "too few buyers"
    assert "too few to say what the campaign has changed" in found["sentence"]
    assert [n for n in ("buyer_share", "revenue") if f"{n}_method" in found] == intervals
    assert "buyer_share_difference" in found


def test_with_few_buyers_held_out_nothing_is_said_of_revenue():
    found = figures_of(*arms(treated=(8000, 1300), held_out=(2000, 29)), currency="€")
    assert found["verdict"] == "more buyers"
    assert "Revenue" not in found["sentence"]
    assert "revenue_difference_low" not in found


def test_a_split_that_is_off_gives_no_lift():
    found = figures_of(*arms(treated=(850, 200), held_out=(150, 20)), currency="€")
    assert (found["status"], found["verdict"]) == ("split off", None)
    assert {name for name in found if "difference" in name} == {"smallest_difference"}
    assert "150 of 1,000 customers are held out, where 20 % are planned" in found["sentence"]
    assert "No lift is given" in found["sentence"]


def test_before_the_end_there_is_no_verdict():
    found = figures_of(*arms(as_of="2018-09-11"), currency="€")
    assert (found["status"], found["verdict"]) == ("running", None)
    assert found["sentence"] == (
        "After 10 of 30 days of 800 treated customers 12.5 % bought, of 200 held out 10 %. There "
        "is no verdict before the end."
    )
    assert figures_of(*arms(as_of="2018-09-30 12:00"), currency="€")["status"] == "running"
    assert figures_of(*arms(as_of="2018-10-01"), currency="€")["status"] == "over"


def test_before_the_start_it_says_what_can_be_seen():
    found = figures_of(*arms(as_of="2018-08-20"), currency="€")
    assert found["status"] == "planned"
    assert "10 % of them bought in the 30 days before; a rise of 7." in found["sentence"]
    assert "points would be seen in 80 % of the cases" in found["sentence"]
    nobody = figures_of(*arms(as_of="2018-08-20", buyers_before=0), currency="€")
    assert "None of them bought in the 30 days before" in nobody["sentence"]


def test_without_members_there_is_nobody_to_compare():
    empty = arms(treated=(0, 0), held_out=(0, 0))
    table = campaign_figures(pd.DataFrame(empty), currency="€").to_pylist()[0]
    assert table["status"] == "no members"
    assert "The audience vips had no members on 2018-09-01" in table["sentence"]
    planned = figures_of(*arms(treated=(0, 0), held_out=(0, 0), as_of="2018-08-01"), currency="€")
    assert planned["status"] == "planned"
    assert campaign_figures(pd.DataFrame(empty)[:0], currency="€").num_rows == 0


def test_one_arm_without_customers_has_no_difference():
    found = figures_of(*arms(treated=(3, 1), held_out=(0, 0)), currency="€")
    assert found["verdict"] == "too few buyers"
    assert "buyer_share_difference" not in found
