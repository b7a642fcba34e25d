"""Forecasts of the end of a contract are kept as often as they say, and know nothing of later."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from calibration import FIRST_DATE, WEEK, claims, durations, lifetimes
from scipy.stats import CensoredData, ecdf

from segmentation.forecast import (
    LEAST_ERRORS,
    LEAST_SETTLED_DATES,
    LEAST_STARTS,
    censored_quantiles,
    forecast_breaks,
    rolling_intervals,
)

WEEKS = ["not_before_weeks", "most_likely_weeks", "by_weeks"]


@pytest.fixture(scope="module")
def season():
    return lifetimes("season", 120, np.random.default_rng(3))


def forecasts_of(known):
    return forecast_breaks(known, interval_weeks=1).to_pandas()


@pytest.mark.slow
@pytest.mark.parametrize("process", ["constant", "falling", "season", "sudden fall"])
def test_issued_forecasts_are_kept_in_85_to_95_percent(process):
    """Thirty shops of three years of weekly evaluations each; claims of all dates."""
    random = np.random.default_rng(1)
    shops = [claims(durations(lifetimes(process, 156, random))) for _ in range(30)]
    issued = pd.concat(shops).query("status == 'issued'")
    for claim in ("is_not_before_kept", "is_by_kept"):
        kept = issued[claim].dropna().astype(float)
        assert len(kept) > 5000
        assert 0.85 <= kept.mean() <= 0.95, claim


@pytest.mark.parametrize("process", ["constant", "season", "sudden rise"])
def test_a_year_is_too_short_for_a_forecast(process):
    found = forecasts_of(durations(lifetimes(process, 52, np.random.default_rng(1))))
    assert found["by_weeks"].notna().any()
    assert not (found["status"] == "issued").any()
    assert (found["settled_dates"] < LEAST_SETTLED_DATES).all()


def test_a_later_fact_changes_no_earlier_forecast(season):
    known = forecasts_of(durations(season))
    for dates in (60, 90):
        then = forecasts_of(durations(season[:dates]))
        assert then["evaluation_date"].max() == pd.Timestamp(FIRST_DATE + (dates - 1) * WEEK)
        earlier = known[known["evaluation_date"] <= then["evaluation_date"].max()]
        pd.testing.assert_frame_equal(earlier.reset_index(drop=True), then)


def test_forecasts_are_ordered_and_after_the_age(season):
    found = forecasts_of(durations(season)).dropna(subset=WEEKS)
    assert len(found) > 500
    assert (found["not_before_weeks"] > found["weeks"]).all()
    assert (found["most_likely_weeks"] >= found["not_before_weeks"]).all()
    assert (found["by_weeks"] >= found["most_likely_weeks"]).all()


def test_models_that_never_broke_give_no_forecast_and_no_interval():
    known = durations(np.full(120, 1000.0))
    found = forecasts_of(known)
    assert found[WEEKS].isna().all(axis=None)
    assert set(found["status"]) == {"too few models have broken"}
    assert rolling_intervals(known, probability=0.9).to_pandas()["interval_weeks"].isna().all()


def test_nothing_is_forecast_of_nothing():
    empty = durations(np.array([10.0]))
    assert forecasts_of(empty).empty
    assert rolling_intervals(empty, probability=0.9).num_rows == 0


def test_lifetimes_that_are_all_the_same_are_forecast_as_such():
    """A model lasts five weeks: known as soon as ten have broken."""
    found = forecasts_of(durations(np.full(80, 5.0)))
    first = found.dropna(subset=WEEKS).iloc[0]
    # The first model breaks after five weeks. From then on there are errors, a week later known.
    weeks = (first["evaluation_date"] - pd.Timestamp(FIRST_DATE)).days / 7
    assert weeks == 5 + LEAST_ERRORS
    assert first["weeks"] == 4
    assert (found.dropna(subset=WEEKS)[WEEKS] == 5).all(axis=None)


def test_a_forecast_is_the_last_lifetime_and_past_errors():
    """The forecasts that are made before any level has moved, by SciPy."""
    season = lifetimes("season", 60, np.random.default_rng(8))
    found = forecasts_of(durations(season)).dropna(subset=WEEKS)
    found = found[found["not_before_kept"].isna() & found["by_kept"].isna()]
    assert len(found) > 10
    starts = np.arange(len(season))
    ends = starts + season

    def newest(week):
        broken = starts[ends <= week]
        return season[max(broken, key=lambda start: (ends[start], start))] if len(broken) else None

    for row in found.itertuples():
        now = round((row.evaluation_date - pd.Timestamp(FIRST_DATE)).days / 7)
        errors, censored = [], []
        for start in range(int(now - row.weeks)):
            at_age = newest(start + row.weeks)
            so_far = min(season[start], now - start)
            if so_far > row.weeks and at_age is not None:
                (errors if ends[start] <= now else censored).append(so_far - at_age)
        assert len(errors) >= LEAST_ERRORS
        curve = ecdf(CensoredData(uncensored=errors, right=censored)).cdf
        number = len(errors) + len(censored)
        levels = (0.1 * number / (number + 1), 0.5, min(1, 0.9 * (number + 1) / number))
        for name, level in zip(WEEKS, levels, strict=True):
            value = curve.quantiles[np.flatnonzero(curve.probabilities >= level - 1e-9)[0]]
            assert getattr(row, name) == max(newest(now) + value, row.weeks + 1)


def test_claims_that_are_kept_too_often_narrow_the_forecast(monkeypatch):
    """Levels that follow the claims of an even shop come down to nine tenths."""
    known = durations(lifetimes("constant", 156, np.random.default_rng(2)))
    kept, wide = [], []
    for step in (0, 0.05):
        monkeypatch.setattr("segmentation.forecast.STEP", step)
        made = claims(known)
        kept.append(made["is_by_kept"].dropna().astype(float).mean())
        wide.append((made["by_weeks"] - made["not_before_weeks"]).mean())
    assert kept[0] > 0.92
    assert abs(kept[1] - 0.9) < abs(kept[0] - 0.9)
    assert wide[1] < wide[0]


def test_quantiles_equal_scipys():
    random = np.random.default_rng(1)
    values = random.integers(-5, 9, 50).astype(float)
    is_known = random.uniform(size=50) < 0.7
    curve = ecdf(CensoredData(uncensored=values[is_known], right=values[~is_known])).cdf
    levels = [0.05, 0.33, 0.6]
    expected = [curve.quantiles[np.flatnonzero(curve.probabilities >= p)[0]] for p in levels]
    assert censored_quantiles(values, is_known, levels).tolist() == expected
    # Where the largest are not known, no quantile of all is.
    assert np.isnan(censored_quantiles(np.array([1.0, 2]), np.array([True, False]), [0.9])).all()


def test_an_interval_is_what_most_models_outlasted_by_then():
    """Half of fifty models last nine weeks, then four, of which later dates know."""
    lasting = np.repeat([9.0, 4.0], 25)
    found = rolling_intervals(durations(lasting), probability=0.9).to_pandas()
    weeks = (found["evaluation_date"] - pd.Timestamp(FIRST_DATE)).dt.days / 7
    # By week 28 twenty models have had nine weeks and lasted no longer, and 21 more than eight.
    at = found[weeks == 28].iloc[0]
    assert at["starts"] == 28
    assert at["breached_starts"] == 20
    assert at["interval_weeks"] == 8
    # Those of week 28 to 41 have had eight weeks, and last four.
    assert at["later_starts"] == 14
    assert at["later_kept"] == 0
    # In the end half of the models have lasted four weeks at most.
    assert found["interval_weeks"].iloc[-1] == 3
    assert found["later_starts"].iloc[-1] == 0
    assert found[weeks < LEAST_STARTS]["interval_weeks"].isna().all()


def test_an_early_break_does_not_count_before_its_date(season):
    """The record is of the claims whose date has come, kept or not."""
    known = durations(season)
    made = claims(known)
    last = forecasts_of(known).iloc[-1]
    for claim in ("not_before", "by"):
        kept = made[f"is_{claim}_kept"].dropna().astype(float)
        assert last[f"{claim}_kept"] == pytest.approx(kept.mean())


def test_models_that_are_not_followed_settle_nothing():
    """Models of the 40th week and later are lost sight of: forecasts for them stay open."""
    known = durations(np.full(80, 5.0)).to_pandas()
    lost = known["fitted_as_of"] >= pd.Timestamp(FIRST_DATE + 40 * WEEK)
    known.loc[lost & (known["weeks_observed"] > 2), "weeks_until_breach"] = np.nan
    known.loc[lost, "weeks_observed"] = known.loc[lost, "weeks_observed"].clip(upper=2)
    found = forecasts_of(pa.Table.from_pandas(known, preserve_index=False))
    settled = found.groupby("evaluation_date")["settled_dates"].first()
    assert settled.iloc[-1] == settled.loc[pd.Timestamp(FIRST_DATE + 46 * WEEK)]
