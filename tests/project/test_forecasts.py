"""Forecasts of the small shop's contract, against pandas."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def tables(shop_warehouse):
    import duckdb

    with duckdb.connect(str(shop_warehouse), read_only=True) as connection:

        def table(name):
            return connection.execute(f"from {name} order by all").df()

        return {
            name: table(f"{schema}.{name}")
            for schema, name in (
                ("marts", "maintenance_backtest"),
                ("marts", "maintenance_schedule"),
                ("marts", "segment_model_decisions"),
                ("marts", "segment_models"),
                ("monitoring", "monitoring_durations"),
                ("monitoring", "monitoring_forecasts"),
            )
        }


def test_every_evaluation_has_a_row_for_the_champion(tables):
    backtest = tables["maintenance_backtest"]
    champions = backtest[backtest["subject"] == "champion"].set_index("evaluation_date")
    decisions = tables["segment_model_decisions"].groupby("evaluation_date")["model_id"].last()
    assert champions["model_id"].sort_index().tolist() == decisions.sort_index().tolist()
    assert champions["is_newest"].sum() == 1
    assert champions.index[champions["is_newest"]][0] == decisions.index.max()


def test_any_start_is_every_model_that_stood(tables):
    """By pandas: fitted by then, not broken, and followed."""
    backtest, durations = tables["maintenance_backtest"], tables["monitoring_durations"]
    durations = durations[durations["subject_kind"] == "candidate"].set_index("model_id")
    dates = sorted(tables["segment_model_decisions"]["evaluation_date"].unique())
    expected = set()
    for model in tables["segment_models"].itertuples():
        for date in dates:
            age = (date - model.fitted_as_of) / pd.Timedelta(weeks=1)
            lasted = durations["weeks_until_breach"].get(model.model_id, np.nan)
            followed = durations["weeks_observed"].get(model.model_id, 0)
            if 0 <= age <= followed and not lasted <= age:
                expected.add((date, model.model_id, age))
    found = backtest[backtest["subject"] == "any start"]
    rows = found[["evaluation_date", "model_id", "weeks"]].itertuples(index=False, name=None)
    assert set(rows) == expected
    assert len(found) == len(expected)


def test_a_short_history_is_forecast_nothing(tables):
    """The shop is evaluated for too few weeks to show that a forecast holds."""
    backtest = tables["maintenance_backtest"]
    assert backtest["by_weeks"].isna().all()
    assert backtest["is_by_kept"].isna().all()
    assert not (backtest["status"] == "issued").any()
    assert (tables["monitoring_forecasts"]["settled_dates"] < 52).all()
    schedule = tables["maintenance_schedule"]
    assert schedule[["breach_not_before", "breach_most_likely", "breach_by"]].isna().all(axis=None)
    assert schedule["recommended_interval_weeks"].isna().all()
    assert len(set(schedule["sentence"])) == 1
    assert "too short to show that a forecast holds" in schedule["sentence"][0]
