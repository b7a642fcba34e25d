"""Synthetic shops in which one thing is known to change, at a week that is known.

Customers come at a steady rate. Most order once, some are loyal and order every month until they
leave. A scenario changes one of these habits from `change_week` on; all else goes on as before. So
the cause of whatever a contract says later is known.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

SCORES = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
HAPPY = (0.12, 0.03, 0.08, 0.19, 0.58)
UNHAPPY = (0.58, 0.19, 0.08, 0.03, 0.12)


@dataclass(frozen=True)
class Orders:
    """All orders of a shop, each array of shape (n_orders,).

    `customer` is a number, `day` counts from the week 0 and may be negative, `amount` is in units
    of currency, `score` is 1 to 5.
    """

    customer: np.ndarray
    day: np.ndarray
    amount: np.ndarray
    score: np.ndarray


@dataclass(frozen=True)
class Shop:
    """A shop whose customers can be asked for at any week.

    Attributes
    ----------
    orders : Orders
    first_day : ndarray of shape (n_customers,)
        Day of the first order of each customer.
    window_weeks : int or None
        Only orders of so many weeks before a week count; None counts all.
    """

    orders: Orders
    first_day: np.ndarray
    window_weeks: int | None

    def at(self, week: int) -> dict[str, np.ndarray]:
        """Features of the customers known at the start of a week.

        Returns
        -------
        dict of str to ndarray of shape (n_known,)
            `customer` (a number that stays), `first_order_week`, and the features in original
            units: `recency_days`, `frequency`, `monetary_value`, `review_score`.
        """
        day, orders = 7 * week, self.orders
        counts = orders.day < day
        if self.window_weeks is not None:
            counts &= orders.day >= day - 7 * self.window_weeks
        customer, n = orders.customer[counts], len(self.first_day)
        frequency = np.bincount(customer, minlength=n)
        last = np.full(n, -np.inf)
        np.maximum.at(last, customer, orders.day[counts])
        known = np.flatnonzero(frequency)
        sums = {
            name: np.bincount(customer, weights=values[counts], minlength=n)[known]
            for name, values in (("amount", orders.amount), ("score", orders.score))
        }
        return {
            "customer": known,
            "first_order_week": np.floor(self.first_day[known] / 7).astype(int),
            "recency_days": np.floor(day - last[known]),
            "frequency": frequency[known].astype(float),
            "monetary_value": np.round(sums["amount"], 2),
            "review_score": sums["score"] / frequency[known],
        }


@dataclass(frozen=True)
class Habits:
    """How customers of a shop behave; those of newcomers and of orders from a change on differ.

    Attributes
    ----------
    loyal_share, newcomers_loyal_share : float
        Of the customers who come before the change, and from it on.
    newcomers_scores : tuple of float
        Share of each score, 1 to 5, among the orders of those who come from the change on.
    rich_share, rich_times : float
        Share of those who come from the change on and spend so many times as much.
    price : callable
        Factor on amounts by the weeks since the change, of shape (n_orders,), 0 before it.
    loyals_stop : bool
        Whether the loyal ones who came before the change order no more from it on.
    """

    loyal_share: float = 0.06
    newcomers_loyal_share: float = 0.06
    newcomers_scores: tuple[float, ...] = HAPPY
    rich_share: float = 0.0
    rich_times: float = 1.0
    price: Callable[[np.ndarray], np.ndarray] = field(default=np.ones_like)
    loyals_stop: bool = False


def make_shop(
    habits: Habits,
    seed: int,
    *,
    size: int = 4000,
    weeks: int = 52,
    change_week: int = 10,
    history_weeks: int = 52,
    window_weeks: int | None = None,
) -> Shop:
    """Draw a shop.

    Parameters
    ----------
    habits : Habits
    seed : int
        Shops of one seed are the same until the change.
    size : int
        Customers who come in 52 weeks; so many are known at week 0 of a shop of that age.
    weeks : int
        From week 0 on, at which a first model may be fitted.
    change_week : int
    history_weeks : int
        Age of the shop at week 0. With a window it takes twice the window until the shop is
        stationary.
    window_weeks : int, optional
        See `Shop`.
    """
    drawing = np.random.default_rng(seed)
    n = size * (history_weeks + weeks) // 52
    first_day = np.sort(drawing.uniform(-7 * history_weeks, 7 * weeks, n))
    is_newcomer = first_day >= 7 * change_week
    luck, lifetime = drawing.random((3, n)), drawing.exponential(26 * 7, n)
    spends = drawing.lognormal(4.5, 0.8, n)
    spends[is_newcomer & (luck[0] < habits.rich_share)] *= habits.rich_times
    loyal_share = np.where(is_newcomer, habits.newcomers_loyal_share, habits.loyal_share)
    is_loyal = luck[1] < loyal_share
    # One in 25 of the others comes back, once.
    comes_back = ~is_loyal & (luck[2] < 0.04)
    last_day = np.where(is_loyal, first_day + lifetime, np.where(comes_back, np.inf, first_day))
    if habits.loyals_stop:
        stops = is_loyal & ~is_newcomer
        last_day[stops] = np.minimum(last_day[stops], 7 * change_week)
    happy, unhappy = (np.cumsum(shares)[:-1] for shares in (HAPPY, habits.newcomers_scores))
    rounds, day, orders = 0, first_day, []
    orders_again = np.ones(n, dtype=bool)
    while orders_again.any():
        # Everybody draws in every round, so that what one does leaves the others as they are.
        noise, chance = drawing.lognormal(0, 0.3, n), drawing.random(n)
        gap = drawing.exponential(np.where(is_loyal, 30, 60))
        score = np.where(
            is_newcomer, np.searchsorted(unhappy, chance), np.searchsorted(happy, chance)
        )
        price = np.where(
            day >= 7 * change_week, habits.price(np.maximum(day / 7 - change_week, 0)), 1.0
        )
        found = np.flatnonzero(orders_again)
        orders.append((found, day[found], (spends * noise * price)[found], SCORES[score[found]]))
        rounds += 1
        day = day + gap
        orders_again = orders_again & (day <= last_day) & (day < 7 * weeks)
        orders_again &= is_loyal | (rounds == 1)
    columns = (np.concatenate(values) for values in zip(*orders, strict=True))
    return Shop(Orders(*columns), first_day, window_weeks)


def stationary(seed: int, **shop) -> Shop:
    """Nothing changes."""
    return make_shop(Habits(), seed, **shop)


def price_jump(seed: int, **shop) -> Shop:
    """Prices rise by half, at once."""
    return make_shop(Habits(price=lambda weeks: np.full(weeks.shape, 1.5)), seed, **shop)


def price_growth(seed: int, **shop) -> Shop:
    """Prices rise by a tenth every four weeks."""
    return make_shop(Habits(price=lambda weeks: 1.1 ** (weeks / 4)), seed, **shop)


def unhappy_newcomers(seed: int, **shop) -> Shop:
    """Those who come from the change on are as unhappy as the others are happy."""
    return make_shop(Habits(newcomers_scores=UNHAPPY), seed, **shop)


def loyal_newcomers(seed: int, **shop) -> Shop:
    """Of those who come from the change on five times as many are loyal."""
    return make_shop(Habits(newcomers_loyal_share=0.3), seed, **shop)


def rich_newcomers(seed: int, **shop) -> Shop:
    """Of those who come from the change on 6 % spend fifty times as much: a new segment."""
    return make_shop(Habits(rich_share=0.06, rich_times=50.0), seed, **shop)


def dying_loyals(seed: int, **shop) -> Shop:
    """The loyal ones order no more."""
    return make_shop(Habits(loyals_stop=True), seed, **shop)


SCENARIOS: dict[str, Callable[..., Shop]] = {
    scenario.__name__: scenario
    for scenario in (
        stationary,
        price_jump,
        price_growth,
        unhappy_newcomers,
        loyal_newcomers,
        rich_newcomers,
        dying_loyals,
    )
}


# Vars for a project that reads `transactions_of` a shop: its week 0 is the first evaluation date.
TRANSACTIONS = {
    "source": "transactions",
    "transaction_columns": {
        "customer_id": "customer_id",
        "ordered_at": "ordered_at",
        "amount": "amount",
        "review_score": "review_score",
        "reviewed_at": "ordered_at",
    },
    "contract_options": {},
    "first_evaluation_date": "2018-01-01",
}


def transactions_of(shop: Shop) -> pd.DataFrame:
    """Return the orders as rows of a file of transactions; a review is written with its order."""
    orders = shop.orders
    moments = pd.to_timedelta((orders.day * 86400).round(), "s")
    return pd.DataFrame(
        {
            "customer_id": [f"customer {number:06}" for number in orders.customer],
            "ordered_at": pd.Timestamp(TRANSACTIONS["first_evaluation_date"]) + moments,
            "amount": orders.amount.round(2),
            "review_score": orders.score.astype(int),
        }
    ).sort_values(["ordered_at", "customer_id"])
