"""What customers will order, by BG/NBD, and what an order is worth, by Gamma-Gamma.

BG/NBD (Fader, Hardie and Lee 2005, "Counting your customers the easy way"): while alive, a customer
orders at a rate of his own, drawn from a gamma distribution of shape `r` and rate `alpha`; after
each repeat order he leaves for good with a probability of his own, drawn from a beta distribution
of `a` and `b`. Gamma-Gamma (Fader, Hardie and Lee 2005, "RFM and CLV"; Fader and Hardie 2013): what
his orders are worth is gamma distributed with shape `p` and a rate of his own, drawn from a gamma
distribution of shape `q` and rate `gamma`.

Both are fitted on counted cells, customers who are alike, so a fit takes as long for a million
customers as for some thousands. SQL scores customers from the parameters.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import minimize
from scipy.special import digamma, gammaln
from threadpoolctl import threadpool_limits

# Fewer customers with a second order say next to nothing about who comes back.
FEWEST_REPEAT_CUSTOMERS = 30
# Parameters stay within these bounds: beyond, a distribution is a point for all that matters.
LEAST, MOST = 1e-3, 1e4
# Steps that make an optimum exact.
NEWTON_STEPS = 5
# Points at which a mean over the probabilities of leaving is taken.
POINTS = 64

VALUE_MODELS_SCHEMA = pa.schema(
    [
        ("fitted_as_of", pa.timestamp("us")),
        ("customers", pa.int64()),
        ("repeat_customers", pa.int64()),
        ("r", pa.float64()),
        ("alpha", pa.float64()),
        ("a", pa.float64()),
        ("b", pa.float64()),
        ("orders_log_likelihood", pa.float64()),
        ("p", pa.float64()),
        ("q", pa.float64()),
        ("gamma", pa.float64()),
        ("values_log_likelihood", pa.float64()),
        ("frequency_value_correlation", pa.float64()),
        ("points", pa.list_(pa.struct([("leaving", pa.float64()), ("weight", pa.float64())]))),
    ]
)


def fit_value_models(order_cells: pd.DataFrame, value_cells: pd.DataFrame) -> pa.Table:
    """Fit the models of all cut-offs.

    Parameters
    ----------
    order_cells : DataFrame
        One row per `cutoff` and cell: `customers`, and their `repeat_orders`, `last_order_days` and
        `age_days`, as `fit_bg_nbd` takes them.
    value_cells : DataFrame
        One row per `cutoff` and cell: `customers`, and their `orders` and `log_order_value`, as
        `fit_gamma_gamma` takes them. Empty where money is left out.

    Returns
    -------
    pyarrow.Table
        One row per cut-off, with `VALUE_MODELS_SCHEMA`. Parameters are null where fewer than
        `FEWEST_REPEAT_CUSTOMERS` have a repeat order, or orders have no value.
    """
    rows = []
    for cutoff, orders in order_cells.groupby("cutoff", sort=True):
        repeated = orders["repeat_orders"] > 0
        row = {
            "fitted_as_of": cutoff,
            "customers": int(orders["customers"].sum()),
            "repeat_customers": int(orders["customers"][repeated].sum()),
        }
        if row["repeat_customers"] >= FEWEST_REPEAT_CUSTOMERS:
            row |= _orders_of(orders) | _values_of(value_cells[value_cells["cutoff"] == cutoff])
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=VALUE_MODELS_SCHEMA)


def fit_bg_nbd(
    repeats: np.ndarray, last: np.ndarray, age: np.ndarray, customers: np.ndarray
) -> dict[str, float]:
    """Fit the BG/NBD model by maximum likelihood.

    Parameters
    ----------
    repeats : ndarray of shape (n_cells,)
        Orders after the first one; means of a cell need not be whole.
    last : ndarray of shape (n_cells,)
        Time from the first order to the last, 0 without a repeat order; any unit of time.
    age : ndarray of shape (n_cells,)
        Time from the first order to the cut-off, in the same unit.
    customers : ndarray of shape (n_cells,)
        How many customers a cell counts for.

    Returns
    -------
    dict
        `r`; `alpha`, in the unit of time; `a`; `b`; and `log_likelihood`, of all customers.

    Raises
    ------
    ValueError
        If no customer has a repeat order, or one is younger than the last order.
    """
    repeats, last, age, customers = (
        np.asarray(values, float) for values in (repeats, last, age, customers)
    )
    if not (customers * repeats).sum() > 0:
        raise ValueError("BG/NBD needs repeat orders.")
    if (last > age).any():
        raise ValueError("A customer is younger than the last order.")

    # In the time that customers have been there, so that bounds and starts fit any shop.
    unit = np.average(age, weights=customers)
    last, age = last / unit, age / unit
    # Functions of the number alone are computed once for all who share it.
    number, which = np.unique(repeats, return_inverse=True)
    of_number = np.bincount(which, customers)
    has_repeated = repeats > 0

    def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
        r, alpha, a, b = np.exp(logs)
        leaving = np.where(number > 0, b + number - 1, 1)
        shape = (r + number)[which]
        log_age, log_last = np.log(alpha + age), np.log(alpha + last)
        stays = -shape * log_age
        leaves = np.where(has_repeated, np.log(a / leaving)[which] - shape * log_last, -np.inf)
        either = np.logaddexp(stays, leaves)
        stayed, left = np.exp(stays - either), np.exp(leaves - either)
        value = gammaln(r + number) - gammaln(r) + r * np.log(alpha)
        value += gammaln(a + b) + gammaln(b + number) - gammaln(b) - gammaln(a + b + number)
        together = digamma(a + b) - digamma(a + b + number)
        left_of_number = np.bincount(which, customers * left)
        slopes = [
            of_number @ (digamma(r + number) - digamma(r) + np.log(alpha))
            - customers @ (stayed * log_age + left * log_last),
            customers @ (r / alpha - shape * (stayed / (alpha + age) + left / (alpha + last))),
            of_number @ together + left_of_number.sum() / a,
            of_number @ (together + digamma(b + number) - digamma(b))
            - left_of_number @ (1 / leaving),
        ]
        total = of_number @ value + customers @ either
        return -total / customers.sum(), -np.array(slopes) * np.exp(logs) / customers.sum()

    # From little and from much heterogeneity.
    rate = np.average(repeats, weights=customers)
    starts = [(0.2, 0.2 / rate, 0.5, 2), (2, 2 / rate, 1, 20)]
    logs, value = _best(loss, starts)
    found = dict(
        zip(("r", "alpha", "a", "b"), (np.exp(logs) * [1, unit, 1, 1]).tolist(), strict=True)
    )
    likelihood = -value * customers.sum() - (customers @ repeats) * np.log(unit)
    return found | {"log_likelihood": float(likelihood)}


def fit_gamma_gamma(
    orders: np.ndarray, log_values: np.ndarray, customers: np.ndarray
) -> dict[str, float]:
    """Fit the Gamma-Gamma model by maximum likelihood.

    Parameters
    ----------
    orders : ndarray of shape (n_cells,)
        Orders that the mean value of a customer is of.
    log_values : ndarray of shape (n_cells,)
        Natural logarithm of that mean value, of a cell the mean logarithm.
    customers : ndarray of shape (n_cells,)
        How many customers a cell counts for.

    Returns
    -------
    dict
        `p`; `q`; `gamma`, in the unit of the values; and `log_likelihood`, of all customers.

    Raises
    ------
    ValueError
        If there is no customer.
    """
    orders, log_values, customers = (
        np.asarray(values, float) for values in (orders, log_values, customers)
    )
    if not customers.sum() > 0:
        raise ValueError("Gamma-Gamma needs customers.")
    unit = np.average(log_values, weights=customers)  # values as multiples of the usual one
    logs_of_values = log_values - unit
    totals = orders * np.exp(logs_of_values)

    number, which = np.unique(orders, return_inverse=True)
    of_number = np.bincount(which, customers)
    log_totals = np.log(totals)

    def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
        p, q, gamma = np.exp(logs)
        shapes = p * number + q
        log_rates = np.log(gamma + totals)
        value = gammaln(shapes) - gammaln(p * number) - gammaln(q) + q * np.log(gamma)
        of_cell = p * orders * log_totals - logs_of_values - shapes[which] * log_rates
        slopes = [
            of_number @ (number * (digamma(shapes) - digamma(p * number)))
            + customers @ (orders * (log_totals - log_rates)),
            of_number @ (digamma(shapes) - digamma(q) + np.log(gamma)) - customers @ log_rates,
            customers @ (q / gamma - shapes[which] / (gamma + totals)),
        ]
        total = of_number @ value + customers @ of_cell
        return -total / customers.sum(), -np.array(slopes) * np.exp(logs) / customers.sum()

    logs, value = _best(loss, [(p, q, q / p) for p, q in ((1, 3), (6, 4))])
    found = dict(
        zip(("p", "q", "gamma"), (np.exp(logs) * [1, 1, np.exp(unit)]).tolist(), strict=True)
    )
    likelihood = -value * customers.sum() - customers.sum() * unit
    return found | {"log_likelihood": float(likelihood)}


def leaving_points(a: float, b: float, *, points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of the mean over a beta distribution (Golub and Welsch 1969).

    What a customer who is alive after x repeat orders will order in the next t days is the mean
    over the probabilities of leaving, those of a beta distribution of `a` and `b + x`, of
    `(1 - (1 + probability * t / (alpha + age)) ** -(r + x)) / probability`. With weights times
    `(1 - probability) ** x` the points of `a` and `b` serve every x. It equals the formula with
    the hypergeometric function in the paper, which SQL does not have.

    Parameters
    ----------
    a, b : float
        Of the beta distribution, above 0.
    points : int
        How many.

    Returns
    -------
    probabilities, weights : ndarray of shape (points,)
        Ascending, between 0 and 1; the weights add up to 1.
    """
    n = np.arange(points, dtype=float)
    total = 2 * n + a + b
    # Recurrence of Jacobi polynomials on [0, 1]; at n = 0 two factors cancel.
    middle = np.full(points, a / (a + b))
    middle[1:] = ((a - b) * (a + b - 2) / (total[1:] * (total[1:] - 2)) + 1) / 2
    k, of_k = n[1:], total[1:]
    first = np.where(k == 1, 1.0, (k + a + b - 2) / np.where(k == 1, 1.0, of_k - 3))
    square = k * (k + a - 1) * (k + b - 1) * first / ((of_k - 2) ** 2 * (of_k - 1))
    values, vectors = eigh_tridiagonal(middle, np.sqrt(square))
    return np.clip(values, 1e-9, 1), vectors[0] ** 2


def _orders_of(cells: pd.DataFrame) -> dict:
    columns = ("repeat_orders", "last_order_days", "age_days", "customers")
    fit = fit_bg_nbd(*(cells[name].to_numpy() for name in columns))
    likelihood = {"orders_log_likelihood": fit.pop("log_likelihood")}
    points = zip(*leaving_points(fit["a"], fit["b"]), strict=True)
    listed = [{"leaving": float(p), "weight": float(weight)} for p, weight in points]
    return fit | likelihood | {"points": listed}


def _values_of(cells: pd.DataFrame) -> dict:
    """Parameters of the values, and how far who orders more also pays more per order."""
    if cells.empty:
        return {}
    orders, logs, customers = (
        cells[name].to_numpy(float) for name in ("orders", "log_order_value", "customers")
    )
    fit = fit_gamma_gamma(orders, logs, customers)
    fit["values_log_likelihood"] = fit.pop("log_likelihood")
    again = orders > 1
    if again.sum() > 1:
        spread = np.cov(orders[again], np.exp(logs[again]), aweights=customers[again])
        scale = np.sqrt(spread[0, 0] * spread[1, 1])
        if scale > 0:
            fit["frequency_value_correlation"] = float(spread[0, 1] / scale)
    return fit


def _best(
    loss: Callable[[np.ndarray], tuple[float, np.ndarray]], starts: list[tuple[float, ...]]
) -> tuple[np.ndarray, float]:
    """Logarithms of the parameters at the least loss, from fixed starts, and the loss."""
    bounds = [(np.log(LEAST), np.log(MOST))] * len(starts[0])
    options = {"maxiter": 1000, "ftol": 1e-13, "gtol": 1e-8}
    # Threads would spend more time on waiting for each other than on products of such vectors.
    with threadpool_limits(1, user_api="blas"):
        found = [
            minimize(
                loss,
                np.clip(np.log(start), *bounds[0]),
                jac=True,
                method="L-BFGS-B",
                bounds=bounds,
                options=options,
            )
            for start in starts
        ]
        best = min(found, key=lambda result: result.fun)
        logs = _polished(loss, best.x, bounds[0])
    return logs, float(loss(logs)[0])


def _polished(
    loss: Callable[[np.ndarray], tuple[float, np.ndarray]],
    logs: np.ndarray,
    bounds: tuple[float, float],
) -> np.ndarray:
    """Return the optimum by Newton's steps from near it, so that it is the same on any machine.

    Where the search stops in a flat valley depends on the last bits of the data. Parameters at a
    bound stay there.
    """
    free = np.flatnonzero((logs > bounds[0] + 1e-6) & (logs < bounds[1] - 1e-6))
    slopes = loss(logs)[1]
    for _ in range(NEWTON_STEPS):
        curvature = np.empty((len(free), len(free)))
        for row, place in enumerate(free):
            step = np.zeros_like(logs)
            step[place] = 1e-4
            curvature[row] = (loss(logs + step)[1] - loss(logs - step)[1])[free] / 2e-4
        try:
            move = np.linalg.solve((curvature + curvature.T) / 2, slopes[free])
        except np.linalg.LinAlgError:
            return logs
        nearer = logs.copy()
        nearer[free] -= move
        slopes_there = loss(nearer)[1]
        is_within = (nearer[free] > bounds[0]).all() and (nearer[free] < bounds[1]).all()
        if not is_within or np.abs(slopes_there[free]).max() >= np.abs(slopes[free]).max():
            return logs
        logs, slopes = nearer, slopes_there
    return logs
