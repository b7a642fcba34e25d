"""BG/NBD and Gamma-Gamma against published figures, numerical integrals and simulated customers."""

from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import hyp2f1
from scipy.stats import beta, gamma

from segmentation.customer_value import (
    FEWEST_REPEAT_CUSTOMERS,
    fit_bg_nbd,
    fit_gamma_gamma,
    fit_value_models,
    leaving_points,
)

# Fader, Hardie and Lee (2005), table 2: customers of CDNOW, times in weeks.
PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    """Every tenth customer of CDNOW, after 39 of 78 weeks, as in the papers."""
    with (files("lifetimes") / "datasets" / "CDNOW_sample.txt").open() as lines:
        names = ["customer_id", "number", "day", "items", "value"]
        orders = pd.read_csv(lines, sep=r"\s+", names=names, parse_dates=["day"])
    orders = orders[orders["day"] <= "1997-09-30"]
    days = orders.groupby(["customer_id", "day"], as_index=False)["value"].sum()
    of_customer = days.groupby("customer_id")
    first, last = of_customer["day"].min(), of_customer["day"].max()
    repeats = of_customer.size() - 1
    first_value = days.loc[of_customer["day"].idxmin()].set_index("customer_id")["value"]
    return pd.DataFrame(
        {
            "repeats": repeats,
            "last": (last - first).dt.days / 7,
            "age": (pd.Timestamp("1997-09-30") - first).dt.days / 7,
            "mean_value": (of_customer["value"].sum() - first_value) / repeats.where(repeats > 0),
        }
    )


def cells_of(customers: pd.DataFrame) -> tuple[np.ndarray, ...]:
    counted = customers.groupby(["repeats", "last", "age"]).size().reset_index(name="customers")
    return tuple(counted[name].to_numpy() for name in ("repeats", "last", "age", "customers"))


def expected_by_points(fit: dict, repeats, age, days) -> float:
    """What a living customer orders, as SQL computes it."""
    leaving, weights = leaving_points(fit["a"], fit["b"])
    weights = weights * (1 - leaving) ** repeats
    powers = (1 + leaving * days / (fit["alpha"] + age)) ** -(fit["r"] + repeats)
    return float(weights @ ((1 - powers) / leaving) / weights.sum())


def expected_by_paper(fit: dict, repeats, age, days) -> float:
    """Equation 10 of the paper without its denominator, the probability of being alive."""
    r, alpha, a, b = (fit[name] for name in ("r", "alpha", "a", "b"))
    power = ((alpha + age) / (alpha + age + days)) ** (r + repeats)
    series = hyp2f1(r + repeats, b + repeats, a + b + repeats - 1, days / (alpha + age + days))
    return float((a + b + repeats - 1) / (a - 1) * (1 - power * series))


def alive(fit: dict, repeats, last, age):
    r, alpha, a, b = (fit[name] for name in ("r", "alpha", "a", "b"))
    odds = a / (b + repeats - 1) * ((alpha + age) / (alpha + last)) ** (r + repeats)
    return 1 / (1 + np.where(repeats > 0, odds, 0))


def simulated(fit: dict, age: np.ndarray, days: float, seed: int) -> pd.DataFrame:
    """Customers who order and leave as BG/NBD says, and what they order later."""
    random = np.random.default_rng(seed)
    rates = random.gamma(fit["r"], 1 / fit["alpha"], size=age.size)
    leaves = random.beta(fit["a"], fit["b"], size=age.size)
    rows = []
    for rate, leave, until in zip(rates, leaves, age, strict=True):
        time, repeats, last, later = 0.0, 0, 0.0, 0
        while True:
            time += random.exponential(1 / rate) if rate > 0 else np.inf
            if time > until + days:
                break
            if time <= until:
                repeats, last = repeats + 1, time
            else:
                later += 1
            if random.random() < leave:
                break
        rows.append((repeats, last, until, later))
    return pd.DataFrame(rows, columns=["repeats", "last", "age", "later"])


def test_cdnow_has_the_published_parameters(cdnow):
    assert len(cdnow) == 2357
    fit = fit_bg_nbd(*cells_of(cdnow))
    assert fit.pop("log_likelihood") == pytest.approx(-9582.4, abs=0.05)
    assert fit == pytest.approx(PUBLISHED, abs=5e-4)


def test_the_unit_of_time_changes_nothing_else(cdnow):
    repeats, last, age, customers = cells_of(cdnow)
    weeks = fit_bg_nbd(repeats, last, age, customers)
    days = fit_bg_nbd(repeats, last * 7, age * 7, customers)
    assert days["alpha"] / 7 == pytest.approx(weeks["alpha"], rel=1e-5)
    assert days["b"] == pytest.approx(weeks["b"], rel=1e-5)
    orders = (repeats * customers).sum()
    assert days["log_likelihood"] + orders * np.log(7) == pytest.approx(weeks["log_likelihood"])


def test_cells_count_for_their_customers(cdnow):
    one_each = [cdnow[name].to_numpy() for name in ("repeats", "last", "age")]
    assert fit_bg_nbd(*one_each, np.ones(len(cdnow))) == pytest.approx(
        fit_bg_nbd(*cells_of(cdnow)), rel=1e-6
    )


def test_bins_change_little(cdnow):
    """As training_order_cells forms them of many kinds of customers: times in fiftieths."""
    exact = fit_bg_nbd(*cells_of(cdnow))
    width = cdnow["age"].max() / 50
    steps = [cdnow["repeats"], cdnow["last"] // width, cdnow["age"] // width]
    means = cdnow.groupby(steps)[["repeats", "last", "age"]].mean()
    sizes = cdnow.groupby(steps).size().to_numpy()
    binned = fit_bg_nbd(*(means[name].to_numpy() for name in means), sizes)
    for repeats, age in [(0, 30), (1, 30), (5, 38)]:
        assert expected_by_points(binned, repeats, age, 39) == pytest.approx(
            expected_by_points(exact, repeats, age, 39), rel=0.01
        )


def test_a_customer_of_the_paper_is_expected_to_order_1_226_times():
    living = expected_by_points(PUBLISHED, 2, 38.86, 39)
    assert living * alive(PUBLISHED, 2, 30.43, 38.86) == pytest.approx(1.226, abs=5e-4)


def test_likelihood_and_probability_of_being_alive_are_means_over_customers():
    """Of what the process of a single customer gives, at evenly spaced quantiles."""
    cells = [np.array(v, float) for v in ([0, 0, 1, 1, 3], [0, 0, 4, 18, 17], [9, 20, 20, 20, 21])]
    customers = np.array([50.0, 50, 20, 10, 12])
    fit = fit_bg_nbd(*cells, customers)
    quantiles = (np.arange(1_000_000) + 0.5) / 1_000_000
    rate = gamma.ppf(quantiles, fit["r"], scale=1 / fit["alpha"])
    leave = beta.ppf(quantiles, fit["a"], fit["b"])
    total = 0.0
    for repeats, last, age, count in zip(*cells, customers, strict=True):
        stayed = ((1 - leave) ** repeats).mean() * (rate**repeats * np.exp(-rate * age)).mean()
        left = 0.0
        if repeats:
            left = (leave * (1 - leave) ** (repeats - 1)).mean()
            left *= (rate**repeats * np.exp(-rate * last)).mean()
        assert alive(fit, repeats, last, age) == pytest.approx(stayed / (stayed + left), rel=1e-3)
        total += count * np.log(stayed + left)
    assert fit["log_likelihood"] == pytest.approx(total, rel=1e-4)


def test_simulated_customers_give_back_their_parameters_and_orders():
    truth = {"r": 0.6, "alpha": 40.0, "a": 0.9, "b": 3.0}
    age = np.random.default_rng(1).integers(30, 700, size=12_000).astype(float)
    customers = simulated(truth, age, 90, seed=2)
    fit = fit_bg_nbd(*cells_of(customers))
    assert fit["r"] == pytest.approx(0.6, rel=0.08)
    assert fit["alpha"] == pytest.approx(40, rel=0.12)
    assert fit["a"] / (fit["a"] + fit["b"]) == pytest.approx(0.9 / 3.9, rel=0.1)
    customers["alive"] = alive(fit, customers["repeats"], customers["last"], customers["age"])
    assert customers["alive"].between(0, 1).all()
    customers["expected"] = customers["alive"] * [
        expected_by_points(fit, x, t, 90) for x, t in customers[["repeats", "age"]].to_numpy()
    ]
    groups = pd.cut(customers["alive"], [0, 0.3, 0.7, 0.999, 1])
    sums = customers.groupby(groups, observed=True)[["expected", "later"]].sum()
    assert len(sums) == 4
    errors = (sums["later"] - sums["expected"]) / np.sqrt(sums["expected"])
    assert (errors.abs() < 4).all(), sums


@settings(max_examples=60, deadline=None)
@given(
    a=st.floats(0.05, 50).filter(lambda a: abs(a - round(a)) > 0.01),
    b=st.floats(0.05, 50),
    repeats=st.integers(0, 60),
    age=st.integers(0, 1500),
)
def test_points_are_those_of_the_formula_in_the_paper(a, b, repeats, age):
    assume(abs(a + b + repeats - 1) > 0.01)  # there the formula of the paper divides by zero
    fit = {"r": 0.3, "alpha": 60.0, "a": a, "b": b}
    living = [expected_by_points(fit, repeats, age, days) for days in (30, 90, 365)]
    assert 0 < living[0] < living[1] < living[2]
    if repeats < 20:  # beyond, the hypergeometric function of SciPy loses digits
        assert living[1] == pytest.approx(expected_by_paper(fit, repeats, age, 90), rel=1e-5)


@given(a=st.floats(0.001, 1000), b=st.floats(0.001, 1000))
def test_points_have_the_moments_of_the_distribution(a, b):
    leaving, weights = leaving_points(a, b)
    assert weights.sum() == pytest.approx(1)
    assert ((leaving > 0) & (leaving <= 1)).all()
    for power in (1, 2, 5):
        moment = np.prod([(a + k) / (a + b + k) for k in range(power)])
        assert weights @ leaving**power == pytest.approx(moment, rel=1e-6, abs=1e-8)


def test_many_repeat_orders_are_integrated_too():
    fit = {"r": 0.3, "alpha": 60.0, "a": 0.8, "b": 2.5}

    def of_leave(leave):
        return (
            beta.pdf(leave, 0.8, 202.5)
            * (1 - (1 + leave * 365 / 960.0) ** -200.3)
            / max(leave, 1e-12)
        )

    integral = quad(of_leave, 1e-12, 1, points=[0.001, 0.01, 0.1], limit=500)[0]
    assert expected_by_points(fit, 200, 900, 365) == pytest.approx(integral, rel=1e-4)


def test_order_values_of_cdnow_have_the_published_parameters(cdnow):
    """Fader and Hardie (2013), of the 946 customers with a repeat order."""
    again = cdnow[cdnow["mean_value"] > 0]
    assert len(again) == 946
    fit = fit_gamma_gamma(again["repeats"], np.log(again["mean_value"]), np.ones(len(again)))
    fit.pop("log_likelihood")
    assert fit == pytest.approx({"p": 6.25, "q": 3.74, "gamma": 15.44}, rel=0.002)


def test_binned_order_values_change_little(cdnow):
    again = cdnow[cdnow["mean_value"] > 0]
    logs = np.log(again["mean_value"])
    exact = fit_gamma_gamma(again["repeats"], logs, np.ones(len(again)))
    cells = logs.groupby([again["repeats"], np.floor(50 * logs)]).agg(["mean", "size"])
    repeats = cells.index.get_level_values("repeats").to_numpy()
    binned = fit_gamma_gamma(repeats, cells["mean"].to_numpy(), cells["size"].to_numpy())
    assert {k: binned[k] for k in "pq"} == pytest.approx({k: exact[k] for k in "pq"}, rel=0.005)


def test_simulated_order_values_give_back_their_parameters():
    random = np.random.default_rng(3)
    orders = random.integers(1, 6, size=20_000)
    rates = random.gamma(4.0, 1 / 60.0, size=orders.size)
    means = random.gamma(5.0 * orders, 1 / (rates * orders))
    fit = fit_gamma_gamma(orders, np.log(means), np.ones(orders.size))
    fit.pop("log_likelihood")
    assert fit == pytest.approx({"p": 5, "q": 4, "gamma": 60}, rel=0.06)


def frames(customers: int, value: float | None = 10.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    cutoff = pd.Timestamp("2018-01-01")
    orders = pd.DataFrame(
        {
            "cutoff": cutoff,
            "customers": [1000, customers],
            "repeat_orders": [0.0, 1.0],
            "last_order_days": [0.0, 20.0],
            "age_days": [90.0, 80.0],
        }
    )
    values = pd.DataFrame(
        {
            "cutoff": cutoff,
            "customers": [1000, customers],
            "orders": [1.0, 2.0],
            "log_order_value": np.log(value or 1),
        }
    )
    return orders, values if value else values.iloc[:0]


def test_few_repeat_customers_have_no_model():
    (row,) = fit_value_models(*frames(FEWEST_REPEAT_CUSTOMERS - 1)).to_pylist()
    assert row["repeat_customers"] == FEWEST_REPEAT_CUSTOMERS - 1
    assert row["r"] is None and row["p"] is None and row["points"] is None


def test_without_customers_there_is_no_model():
    orders, values = frames(100)
    assert fit_value_models(orders.iloc[:0], values.iloc[:0]).num_rows == 0


def test_money_may_be_left_out_and_be_the_same_for_all():
    (row,) = fit_value_models(*frames(100, value=None)).to_pylist()
    assert row["r"] > 0 and len(row["points"]) == 64 and row["p"] is None
    (row,) = fit_value_models(*frames(100)).to_pylist()
    assert row["frequency_value_correlation"] is None
    for orders in (1, 2):
        expected = row["p"] * (row["gamma"] + 10 * orders) / (row["p"] * orders + row["q"] - 1)
        assert expected == pytest.approx(10, rel=0.01)


def test_what_cannot_be_fitted_is_named():
    one = np.ones(1)
    with pytest.raises(ValueError, match="repeat orders"):
        fit_bg_nbd(one * 0, one * 0, one, one)
    with pytest.raises(ValueError, match="younger"):
        fit_bg_nbd(one, one * 2, one, one)
    with pytest.raises(ValueError, match="customers"):
        fit_gamma_gamma(one[:0], one[:0], one[:0])
