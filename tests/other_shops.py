"""Shops unlike Olist, as frames of orders: customer_id, ordered_at and amount."""

import numpy as np
import pandas as pd

START = pd.Timestamp("2022-01-03")


def subscription() -> pd.DataFrame:
    """Everybody pays the same each month; some leave."""
    rng = np.random.default_rng(11)
    orders = []
    for number in range(600):
        first = int(rng.integers(0, 500))
        months = int(rng.geometric(1 / 9))
        days = first + 30 * np.arange(months)
        orders += [(f"member {number}", day, 10.0) for day in days[days < 540]]
    return _frame(orders, rng)


def wholesale() -> pd.DataFrame:
    """Three customers have nearly all of the revenue."""
    rng = np.random.default_rng(12)
    orders = []
    for number in range(300):
        is_whale = number < 3
        days = np.sort(rng.choice(540, 40 if is_whale else int(rng.integers(1, 6)), replace=False))
        mean = 40_000 if is_whale else 60
        orders += [(f"firm {number}", day, float(mean * rng.lognormal(0, 0.4))) for day in days]
    return _frame(orders, rng)


def groceries() -> pd.DataFrame:
    """Most come back within days; who has been away for a month has left."""
    rng = np.random.default_rng(13)
    orders = []
    for number in range(400):
        first, every = int(rng.integers(0, 160)), float(rng.choice([1.5, 3, 6]))
        last = first + (int(rng.integers(10, 60)) if rng.random() < 0.3 else 200)
        day = float(first)
        while day < min(last, 200):
            orders.append((f"shopper {number}", int(day), float(rng.lognormal(3, 0.5))))
            day += max(1.0, rng.exponential(every))
    return _frame(orders, rng)


def fifty_customers() -> pd.DataFrame:
    """A young shop."""
    rng = np.random.default_rng(14)
    orders = []
    for number in range(50):
        days = np.sort(rng.choice(200, int(rng.integers(1, 5)), replace=False))
        orders += [(f"person {number}", day, float(rng.lognormal(3.5, 0.6))) for day in days]
    return _frame(orders, rng)


def ten_sparse_years() -> pd.DataFrame:
    """An order every other day, for ten years."""
    rng = np.random.default_rng(15)
    orders = [
        (f"guest {int(rng.zipf(1.7)) % 900}", day, float(rng.lognormal(4, 0.7)))
        for day in range(0, 3650, 2)
    ]
    return _frame(orders, rng)


def _frame(orders: list[tuple], rng: np.random.Generator) -> pd.DataFrame:
    frame = pd.DataFrame(orders, columns=["customer_id", "day", "amount"])
    seconds = frame["day"] * 86_400 + rng.integers(0, 86_400, len(frame))
    frame["ordered_at"] = START + pd.to_timedelta(seconds, "s")
    frame["amount"] = frame["amount"].round(2)
    return frame.drop(columns="day").sort_values("ordered_at", ignore_index=True)
