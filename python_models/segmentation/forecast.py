"""When the contract of a model will break, and which interval between refits has kept it.

A forecast is a *claim*: not before so many weeks after the fit, most likely after so many, by so
many. It is made at every evaluation date for models of every age, from what was known then, and
it is settled when its date comes. Only where enough of these claims have been settled, and enough
of them were kept, is a forecast issued.

Lifetimes of models are a smooth function of the date of the fit, and those that are known early
are the short ones. So they are not draws from one distribution. What is exchangeable, more or
less, is how far a simple forecast was off: that the model lasts as long as the one that broke
last. Its errors are the conformity scores of split conformal prediction (Vovk, Gammerman and
Shafer 2005), taken at the same age of the model, so that outlived ages are left out; models that
stand are censored (Kaplan and Meier 1958); and the levels follow the claims that were missed, as
they come due (adaptive conformal inference, Gibbs and Candès 2021).
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

# Share of the claims `by`, and of the claims `not before`, that may be missed.
MISSED = 0.1
# How far the levels move at an evaluation date at which all claims that came due were missed.
STEP = 0.01
# Errors of models that have broken, below which there is no forecast at all: with nine, the
# largest is the 90 % quantile.
LEAST_ERRORS = 10
# Evaluation dates whose claims have been settled, and the share of them that was kept, below
# which none is issued. Claims of neighbouring dates are about the same models, so that few dates
# prove nothing; a year of weekly ones has every season.
LEAST_SETTLED_DATES = 52
LEAST_KEPT = 0.85

# Start dates whose fate is known, below which no interval is found.
LEAST_STARTS = 20

FORECAST_SCHEMA = pa.schema(
    [
        ("subject", pa.string()),
        ("evaluation_date", pa.timestamp("us")),
        ("weeks", pa.float64()),
        ("not_before_weeks", pa.float64()),
        ("most_likely_weeks", pa.float64()),
        ("by_weeks", pa.float64()),
        ("status", pa.string()),
        ("settled_dates", pa.int64()),
        ("not_before_kept", pa.float64()),
        ("by_kept", pa.float64()),
    ]
)

INTERVAL_SCHEMA = pa.schema(
    [
        ("subject_kind", pa.string()),
        ("subject", pa.string()),
        ("evaluation_date", pa.timestamp("us")),
        ("starts", pa.int64()),
        ("breached_starts", pa.int64()),
        ("interval_weeks", pa.float64()),
        ("later_starts", pa.int64()),
        ("later_kept", pa.float64()),
    ]
)


def forecast_breaks(durations: pa.Table, *, interval_weeks: float) -> pa.Table:
    """Forecast at each evaluation date when models of each age break their contract.

    Parameters
    ----------
    durations : pyarrow.Table
        One row per model: `subject` (whose refits they are), `fitted_as_of`, `weeks_until_breach`
        (null while it is not broken) and `weeks_observed` (until then, or for as long as it has
        been followed).
    interval_weeks : float
        Weeks between two evaluations.

    Returns
    -------
    pyarrow.Table
        One row per subject, evaluation date and age in weeks of a model that stands then, with
        `FORECAST_SCHEMA`. `not_before_weeks`, `most_likely_weeks` and `by_weeks` are weeks after
        the fit, all three null where fewer than `LEAST_ERRORS` models of that age have broken. A
        row depends on nothing after its date. `settled_dates`, `not_before_kept` and `by_kept`
        are the record by then: evaluation dates with claims of both kinds that have come due, and
        the shares of those claims that were kept. `status` is `issued` where that record is long
        enough and good enough for the forecast to be given to anybody, else why not: `too few
        models have broken`, `too few claims are settled`, `too few claims were kept`.

    Notes
    -----
    A claim is settled when its date comes, never before: an early break would count at once while
    a model that stands waits, and the record would be too good.
    """
    rows = []
    for (subject,), fitted, lasted, observed, dates in _subjects(durations, ("subject",)):
        for row in _forecasts(fitted, lasted, observed, dates, interval_weeks):
            rows.append(row | {"subject": subject})
    return _table(rows, FORECAST_SCHEMA)


def rolling_intervals(durations: pa.Table, *, probability: float) -> pa.Table:
    """Find at each evaluation date the interval that most models had kept, and its worth.

    Parameters
    ----------
    durations : pyarrow.Table
        As in `forecast_breaks`, with `subject_kind` too.
    probability : float
        Share of models that must outlast the interval, 0 to 1.

    Returns
    -------
    pyarrow.Table
        One row per subject and evaluation date, with `INTERVAL_SCHEMA`. `interval_weeks` is the
        longest interval that at least `probability` of the models had outlasted whose fate over
        it was known by then, `LEAST_STARTS` of them or more; null where there is none, or where
        no model had broken. `starts` are the models followed by then and `breached_starts` those
        that were broken. `later_starts` are the models fitted on that date or later whose fate
        over the interval is known by now, and `later_kept` the share of them that outlasted it.
    """
    rows = []
    for (kind, subject), fitted, lasted, observed, dates in _subjects(
        durations, ("subject_kind", "subject")
    ):
        for row in _intervals(fitted, lasted, observed, dates, probability):
            rows.append(row | {"subject_kind": kind, "subject": subject})
    return _table(rows, INTERVAL_SCHEMA)


def censored_quantiles(values: np.ndarray, is_known: np.ndarray, levels: list[float]) -> np.ndarray:
    """Quantiles of values some of which are only known to be larger (Kaplan and Meier 1958).

    Parameters
    ----------
    values : ndarray of shape (n_values,)
    is_known : ndarray of bool of shape (n_values,)
        Whether the value is that; else it is larger, or the same.
    levels : list of float
        0 to 1.

    Returns
    -------
    ndarray of shape (n_levels,)
        The smallest value up to which that share lies; NaN where the estimate does not come so far.
    """
    order = np.lexsort((~is_known, values))
    at_risk = len(values) - np.arange(len(values))
    below = 1 - np.cumprod(np.where(is_known[order], 1 - 1 / at_risk, 1.0))
    reached = [np.flatnonzero(below >= level - 1e-9) for level in levels]
    return np.array([values[order][first[0]] if len(first) else np.nan for first in reached])


def _subjects(durations: pa.Table, names: tuple[str, ...]) -> Iterator[tuple]:
    """Each subject with its models by date, in weeks since the first, and all dates."""
    keys = list(zip(*(durations[name].to_pylist() for name in names), strict=True))
    fitted = durations["fitted_as_of"].to_numpy().astype("datetime64[us]")
    lasted = durations["weeks_until_breach"].cast(pa.float64()).fill_null(np.inf).to_numpy()
    observed = durations["weeks_observed"].to_numpy().astype(float)
    for key in sorted(set(keys)):
        of_key = np.flatnonzero([each == key for each in keys])
        of_key = of_key[np.argsort(fitted[of_key], kind="stable")]
        first = fitted[of_key[0]]
        weeks = (fitted[of_key] - first) / np.timedelta64(7, "D")
        dates = np.unique(np.round(np.concatenate([weeks, weeks + observed[of_key]]), 6))
        named = [(date, first + np.timedelta64(round(date * 604800), "s")) for date in dates]
        yield key, np.round(weeks, 6), lasted[of_key], observed[of_key], named


def _table(rows: list[dict], schema: pa.Schema) -> pa.Table:
    """Rows as a table; NaN is null."""
    told = [{k: None if v != v else v for k, v in row.items()} for row in rows]
    return pa.Table.from_pylist(told, schema=schema)


def _forecasts(
    fitted: np.ndarray, lasted: np.ndarray, observed: np.ndarray, dates: list, interval: float
) -> Iterator[dict]:
    """Rows of one subject; every step uses what is known at its date alone."""
    # How long the model had lasted that broke last, at each date.
    newest = np.full(len(dates), np.nan)
    numbers = np.array([date for date, _ in dates])
    claims = _Claims(fitted, lasted, observed)
    for number, (date, named) in enumerate(dates):
        claims.settle(date)
        broken = fitted + lasted <= date
        if broken.any():
            by_end = np.lexsort((fitted[broken], (fitted + lasted)[broken]))
            newest[number] = lasted[broken][by_end[-1]]
        stands = (fitted <= date) & ~broken & (fitted + observed >= date - 1e-6)
        forecasts = {}
        for age in np.unique([0.0, *np.round(date - fitted[stands], 6)]):
            forecasts[age] = np.full(3, np.nan)
            # Models that were so old before, and how long the newest break had taken then.
            then = np.minimum(np.searchsorted(numbers, fitted + age - 1e-6), number)
            same_age = (fitted + age < date - 1e-6) & (np.abs(numbers[then] - fitted - age) < 1e-6)
            known = np.where(broken, lasted, np.minimum(observed, date - fitted))
            chosen = same_age & (known > age + 1e-6) & np.isfinite(newest[then])
            if (chosen & broken).sum() >= LEAST_ERRORS:
                errors = known[chosen] - newest[then][chosen]
                levels = claims.levels(len(errors))
                found = newest[number] + censored_quantiles(errors, broken[chosen], levels)
                if np.isfinite(found).all():
                    forecasts[age] = np.maximum(found, age + interval)
        record = claims.status()
        for age, (not_before, most_likely, by) in forecasts.items():
            yield {
                "evaluation_date": named,
                "weeks": age,
                "not_before_weeks": not_before,
                "most_likely_weeks": most_likely,
                "by_weeks": by,
                "status": record if np.isfinite(by) else "too few models have broken",
                "settled_dates": claims.settled_dates(),
                "not_before_kept": claims.kept("not_before"),
                "by_kept": claims.kept("by"),
            }
        for model in np.flatnonzero(stands):
            not_before, _, by = forecasts[np.round(date - fitted[model], 6)]
            claims.add(date, model, not_before, by)


class _Claims:
    """The claims made so far for the models of one subject, and the record of those due."""

    def __init__(self, fitted: np.ndarray, lasted: np.ndarray, observed: np.ndarray):
        self.fitted, self.lasted, self.observed = fitted, lasted, observed
        self.open: list[tuple] = []
        # Of each kind: the dates at which settled claims were made, how many, how many kept.
        self.dates = {"not_before": set(), "by": set()}
        self.settled = {"not_before": 0, "by": 0}
        self.successes = {"not_before": 0, "by": 0}
        self.missed = {"not_before": MISSED, "by": MISSED}

    def add(self, date: float, model: int, not_before: float, by: float) -> None:
        if np.isfinite(by):
            self.open += [(date, model, "not_before", not_before), (date, model, "by", by)]

    def settle(self, date: float) -> None:
        """Settle what comes due; a model that is not followed for so long settles nothing."""
        due = {"not_before": [], "by": []}
        still_open = []
        for claim in self.open:
            made, model, kind, weeks = claim
            if self.fitted[model] + weeks > date + 1e-6:
                still_open.append(claim)
                continue
            lasted = self.lasted[model]
            if np.isfinite(lasted) or self.observed[model] >= weeks - 1e-6:
                is_kept = lasted >= weeks if kind == "not_before" else lasted <= weeks
                due[kind].append(is_kept)
                self.dates[kind].add(made)
                self.settled[kind] += 1
                self.successes[kind] += int(is_kept)
        self.open = still_open
        for kind, kept in due.items():
            if kept:
                moved = self.missed[kind] + STEP * (MISSED - (1 - np.mean(kept)))
                self.missed[kind] = float(np.clip(moved, 0.005, 0.5))

    def levels(self, errors: int) -> list[float]:
        """Levels of the three quantiles for as many errors; the next one counts as an error too."""
        more = (errors + 1) / errors
        return [self.missed["not_before"] / more, 0.5, min(1.0, (1 - self.missed["by"]) * more)]

    def settled_dates(self) -> int:
        return min(len(dates) for dates in self.dates.values())

    def kept(self, kind: str) -> float:
        return self.successes[kind] / self.settled[kind] if self.settled[kind] else np.nan

    def status(self) -> str:
        if self.settled_dates() < LEAST_SETTLED_DATES:
            return "too few claims are settled"
        is_good = all(self.kept(kind) >= LEAST_KEPT for kind in self.settled)
        return "issued" if is_good else "too few claims were kept"


def _intervals(
    fitted: np.ndarray, lasted: np.ndarray, observed: np.ndarray, dates: list, probability: float
) -> Iterator[dict]:
    """Rows of one subject. Fates count when the interval is over, however early a model broke."""
    ages = np.array([date - dates[0][0] for date, _ in dates])
    intervals = ages[(ages > 0) & (ages <= observed.max())]
    known_from = fitted[None] + intervals[:, None]
    is_known = np.isfinite(lasted)[None] | (observed[None] >= intervals[:, None])
    is_kept = lasted[None] > intervals[:, None]
    now = dates[-1][0]
    for date, named in dates:
        by_then = is_known & (known_from <= date + 1e-6)
        starts = by_then.sum(axis=1)
        kept = (by_then & is_kept).sum(axis=1) / np.maximum(starts, 1)
        broken = (fitted + lasted <= date + 1e-6).sum()
        good = np.flatnonzero((starts >= LEAST_STARTS) & (kept >= probability - 1e-9))
        row = {
            "evaluation_date": named,
            "starts": int((fitted < date - 1e-6).sum()),
            "breached_starts": int(broken),
            "interval_weeks": np.nan,
            "later_starts": 0,
            "later_kept": np.nan,
        }
        if len(good) and broken:
            chosen = good[-1]
            later = is_known[chosen] & (known_from[chosen] <= now + 1e-6) & (fitted >= date - 1e-6)
            row["interval_weeks"] = float(intervals[chosen])
            row["later_starts"] = int(later.sum())
            if later.any():
                row["later_kept"] = float(is_kept[chosen][later].mean())
        yield row
