"""Are forecasts of the end of a contract kept as often as they say? On made-up shops, and others.

    python tests/statistics/calibration.py [warehouse.duckdb ...]

prints the table of docs/explanation/the-contract.md.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from segmentation.forecast import forecast_breaks, rolling_intervals

FIRST_DATE = np.datetime64("2018-01-01", "us")
WEEK = np.timedelta64(7, "D")
PROCESSES = ("constant", "independent", "falling", "rising", "season", "sudden fall", "sudden rise")


def lifetimes(process: str, dates: int, random: np.random.Generator) -> np.ndarray:
    """Weeks that the models of so many weekly start dates last; neighbours last about as long."""
    weeks = np.arange(dates)
    noise = np.zeros(dates)
    for week in range(1, dates):
        noise[week] = 0.7 * noise[week - 1] + random.normal()
    mean = {
        "constant": 10.0,
        "independent": 10.0,
        "falling": 16 - 10 * weeks / dates,
        "rising": 6 + 10 * weeks / dates,
        "season": 10 + 4 * np.sin(2 * np.pi * (weeks / 52 + random.uniform())),
        "sudden fall": np.where(weeks < dates / 2, 12, 6),
        "sudden rise": np.where(weeks < dates / 2, 6, 12),
    }[process]
    if process == "independent":
        noise = random.normal(scale=2, size=dates)
    return np.maximum(1, np.round(mean + noise))


def durations(lasting: np.ndarray) -> pa.Table:
    """What is known of these models at the last date."""
    followed = len(lasting) - 1 - np.arange(len(lasting) - 1)
    lasting = lasting[:-1]
    broken = lasting <= followed
    return pa.table(
        {
            "subject_kind": ["candidate"] * len(lasting),
            "subject": ["c"] * len(lasting),
            "fitted_as_of": FIRST_DATE + np.arange(len(lasting)) * WEEK,
            "weeks_until_breach": pa.array(np.where(broken, lasting, np.nan), from_pandas=True),
            "weeks_observed": np.where(broken, lasting, followed).astype(float),
        }
    )


def claims(known: pa.Table, *, interval_weeks: float = 1) -> pd.DataFrame:
    """Each forecast for each model that stood, and whether it was kept; null until its date."""
    forecasts = forecast_breaks(known, interval_weeks=interval_weeks).to_pandas()
    models = known.to_pandas()
    now = (models["fitted_as_of"] + pd.to_timedelta(models["weeks_observed"] * 7, "D")).max()
    made = models.merge(forecasts, on="subject").dropna(subset="by_weeks")
    age = (made["evaluation_date"] - made["fitted_as_of"]).dt.days / 7
    stood = ~(made["weeks_until_breach"] <= age)
    made = made[stood & (age == made["weeks"])].copy()
    for claim, is_kept in (
        ("not_before", ~(made["weeks_until_breach"] < made["not_before_weeks"])),
        ("by", made["weeks_until_breach"] <= made["by_weeks"]),
    ):
        due = made["fitted_as_of"] + pd.to_timedelta(made[f"{claim}_weeks"] * 7, "D")
        made[f"is_{claim}_kept"] = is_kept.astype("boolean").where(due <= now)
    return made


def recommendations(lasting: np.ndarray) -> pd.DataFrame:
    """What intervals found at every fourth date were worth then, and to the models after it."""
    rows = []
    for date in range(30, len(lasting) - 1, 4):
        found = rolling_intervals(durations(lasting[: date + 1]), probability=0.9).to_pandas()
        past = found[found["later_starts"] > 0]
        weeks = found["interval_weeks"].iloc[-1]
        if np.isnan(weeks) or len(lasting) <= date + weeks:
            continue
        kept = (lasting[date : len(lasting) - int(weeks)] > weeks).mean()
        rows.append((len(past), past["later_kept"].mean(), kept))
    return pd.DataFrame(rows, columns=["past_dates", "past_kept", "kept"])


def _row(name: str, made: pd.DataFrame) -> str:
    told = [name]
    for chosen in (made, made[made["status"] == "issued"]):
        told.append(f"{chosen['is_by_kept'].count():,}")
        for claim in ("not_before", "by"):
            kept = chosen[f"is_{claim}_kept"].dropna().astype(float)
            told.append(f"{kept.mean():.0%}" if len(kept) else "none")
    return f"| {' | '.join(told)} |"


def table(warehouses: list[Path], *, shops: int = 30) -> Iterator[str]:
    """Lines of the table, tried forecasts beside issued ones."""
    yield "| shop | tried | not before | by | issued | not before | by |"
    yield "|---|---|---|---|---|---|---|"
    for dates in (52, 104, 156):
        for process in PROCESSES:
            random = np.random.default_rng(1)
            made = [claims(durations(lifetimes(process, dates, random))) for _ in range(shops)]
            yield _row(f"{process}, {dates} weeks", pd.concat(made))
    yield ""
    yield "| shop | dates | recommended | later models that kept the interval then |"
    yield "|---|---|---|---|"
    for process in PROCESSES:
        random = np.random.default_rng(1)
        tried = pd.concat(
            recommendations(lifetimes(process, 156, random)) for _ in range(shops // 3)
        )
        given = tried[(tried["past_dates"] >= 40) & (tried["past_kept"] >= 0.9)]
        kept = f"{given['kept'].mean():.0%}" if len(given) else "none"
        yield f"| {process} | {len(tried)} | {len(given)} | {kept} |"
    yield ""
    yield "| shop | tried | not before | by | issued | not before | by |"
    yield "|---|---|---|---|---|---|---|"
    built = {warehouse.stem: _built(warehouse) for warehouse in warehouses}
    for shop, (known, weeks) in built.items():
        yield _row(shop, claims(known, interval_weeks=weeks))
    yield ""
    yield "| shop | past dates | later models that kept the interval | interval now (weeks) |"
    yield "|---|---|---|---|"
    for shop, (known, _) in built.items():
        found = rolling_intervals(known, probability=0.9).to_pandas()
        past = found[found["later_starts"] > 0]
        now = found["interval_weeks"].iloc[-1]
        yield f"| {shop} | {len(past)} | {past['later_kept'].mean():.0%} | {now:g} |"


def _built(warehouse: Path) -> tuple[pa.Table, float]:
    """Durations in a warehouse, and the weeks between its evaluations."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        known = connection.sql(
            "select * from monitoring.monitoring_durations where subject_kind = 'candidate' "
            "order by subject, fitted_as_of"
        ).to_arrow_table()
        weeks = connection.execute(
            "select min(weeks) from monitoring.monitoring_model_pairs where weeks > 0"
        ).fetchall()[0][0]
    return known, weeks


if __name__ == "__main__":
    for line in table([Path(argument) for argument in sys.argv[1:]]):
        print(line, flush=True)
