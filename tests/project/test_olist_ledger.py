"""The ledger on the real Olist tables: month by month as in one build, SQL as scikit-learn."""

import json
import os
import shutil

import duckdb
import pandas as pd
import pytest

from arrivals import read_texts, write_known_by
from conftest import REGISTRY
from sklearn_labels import predict

pytestmark = pytest.mark.olist

# The first evaluation date. 2017-02-06 takes the whole period, in ten minutes; before, there are
# too few customers for a model.
FIRST_EVALUATION_DATE = os.environ.get("OLIST_FIRST_REVIEW_DATE", "2018-01-01")
# The dates of the builds: monthly or, to stay within the time of CI, four. The last two are near
# enough to each other that what the first publishes between two evaluations still shows in the
# second.
BUILDS = (
    pd.DatetimeIndex(["2018-02-01", "2018-06-01", "2018-08-31", "2018-11-01"])
    if FIRST_EVALUATION_DATE == "2018-01-01"
    else pd.date_range(
        pd.Timestamp(FIRST_EVALUATION_DATE) + pd.Timedelta(days=7), "2018-11-01", freq="MS"
    )
)
SETTINGS = ("--vars", json.dumps({"first_evaluation_date": FIRST_EVALUATION_DATE}))
if FIRST_EVALUATION_DATE == "2018-01-01":  # as the project has it, which dbt has read already
    SETTINGS = ()


@pytest.fixture(scope="module")
def once(project, olist_data, olist_warehouse, tmp_path_factory):
    """One build on all data."""
    if FIRST_EVALUATION_DATE == "2018-01-01":
        return olist_warehouse
    warehouse = tmp_path_factory.mktemp("once") / "olist.duckdb"
    return project.dbt_build(olist_data, warehouse, *SETTINGS)


@pytest.fixture(scope="module")
def month_by_month(project, olist_data, tmp_path_factory):
    """A build at each of the dates, on what was known by then."""
    folder = tmp_path_factory.mktemp("months")
    raw = read_texts(olist_data)
    warehouse = folder / "olist.duckdb"
    months = [f"{month:%Y-%m-%d}" for month in BUILDS]
    data = folder / "data"  # always the same, or dbt would read the whole project each time
    for month in months:
        shutil.rmtree(data, ignore_errors=True)
        write_known_by(month, raw, data)
        command = "build" if month == months[0] else "run"
        arguments = ("--exclude-resource-type", "unit_test") if command == "build" else ()
        result = project.dbt(data, warehouse, command, *arguments, *SETTINGS)
        assert result.returncode == 0, f"{month}: {result.stdout}"
    return warehouse


def test_the_ledger_does_not_depend_on_when_the_data_came(month_by_month, once, read):
    with duckdb.connect() as connection:
        connection.execute(f"attach '{month_by_month}' as by_month (read_only)")
        connection.execute(f"attach '{once}' as at_once (read_only)")
        for table in REGISTRY:
            counts = connection.execute(
                f"select (select count(*) from at_once.{table}), "
                f"(select count(*) from (from by_month.{table} except all from at_once.{table})), "
                f"(select count(*) from (from at_once.{table} except all from by_month.{table}))"
            ).fetchall()[0]
            # Nothing is late, and no audience is declared.
            is_empty = table in ("intermediate.int_late_facts", "marts.audience_changes")
            assert counts[0] > 0 or is_empty
            assert counts[1:] == (0, 0), table
    for mart in ("customer_segment_history", "segment_transitions", "segment_events"):
        query = f"select * from marts.{mart} order by all"
        pd.testing.assert_frame_equal(read(month_by_month, query), read(once, query))


def test_only_dates_of_change_between_evaluations_tell_the_builds_apart(month_by_month, once, read):
    """They say when a campaign tool could first see the change, which depends on the builds."""
    query = "select * from marts.customer_segments order by customer_id"
    by_month, at_once = read(month_by_month, query), read(once, query)
    dates = ["previous_segment_id", "segment_changed_at"]
    pd.testing.assert_frame_equal(by_month.drop(columns=dates), at_once.drop(columns=dates))
    differ = (by_month["segment_changed_at"] != at_once["segment_changed_at"]) | (
        by_month["previous_segment_id"].fillna(0) != at_once["previous_segment_id"].fillna(0)
    )
    # Published between two evaluations in a segment that is not that of the evaluations around.
    assert 0 < differ.mean() < 0.02
    published = BUILDS.union(by_month["as_of"])
    is_between = by_month["segment_changed_at"].isin(published)
    assert (is_between | (at_once["segment_changed_at"] == at_once["as_of"]))[differ].all()


def test_no_fact_came_late(once, read):
    models = read(once, "select * from marts.segment_models")
    assert (
        len(models)
        == (pd.Timestamp("2018-09-03") - pd.Timestamp(FIRST_EVALUATION_DATE)).days / 7 + 1
    )
    assert (
        models[["late_arriving_customers", "late_arriving_orders", "late_arriving_revenue"]].astype(
            float
        )
        == 0
    ).all(axis=None)


def test_ids_and_names_hold_across_every_change_of_champion(olist_warehouse, read):
    segments = read(olist_warehouse, "select * from champion.champion_segments")
    assert segments["champion_period"].nunique() == 4
    for _, of_champion_period in segments.groupby("champion_period"):
        assert dict(
            zip(of_champion_period["segment_id"], of_champion_period["segment_name"], strict=True)
        ) == {
            1: "Loyal customers",
            2: "Dissatisfied customers",
            3: "Recent customers",
            4: "Lapsed customers",
        }
    # The numbers of the fits do change.
    assert segments.groupby("segment_id")["cluster"].nunique().max() > 1
    events = read(olist_warehouse, "select * from marts.segment_events")
    assert set(events["event"]) == {"carried on"}
    assert events["jaccard"].min() > 0.7


def test_sql_labels_are_scikit_learns_for_every_model(project, olist_data, olist_warehouse, read):
    """Each model of the ledger, on the customers known when it was fitted."""
    to_score = (
        "(select features.*, models.model_id from {{ ref('int_customer_features') }} as features "
        "inner join {{ ref('training_models') }} as models "
        "on features.cutoff = models.fitted_as_of)"
    )
    inline = (
        "{% set to_score %}"
        + to_score
        + "{% endset %}select * from ({{ assign_clusters(to_score) }})"
    )
    result = project.dbt(olist_data, olist_warehouse, "compile", "--inline", inline)
    assert result.returncode == 0, result.stdout
    parameters, centroids = (
        read(olist_warehouse, f"select * from marts.segment_model_{name}")
        for name in ("parameters", "centroids")
    )
    models = read(olist_warehouse, "select model_id, customers from marts.segment_models")
    assert len(models) == 36
    with duckdb.connect(str(olist_warehouse), read_only=True) as connection:
        connection.execute(f"create temporary table labelled as {result.stdout}")
        for model in models.itertuples():
            labelled = connection.execute(
                "select * from labelled where model_id = ?", [model.model_id]
            ).df()
            assert len(labelled) == model.customers
            expected = predict(
                labelled, *(t[t["model_id"] == model.model_id] for t in (parameters, centroids))
            )
            assert (labelled["cluster"] != expected).sum() == 0, model.model_id


def test_what_a_policy_costs_is_reported(olist_warehouse, read):
    schedule = read(olist_warehouse, "select * from marts.maintenance_schedule").set_index("policy")
    assert schedule["is_in_use"].idxmax() == "on_breach"
    assert schedule.loc["on_breach", "refits"] == 3
    assert schedule.loc["never", "evaluations_below_threshold"] == 25
    # Refitting more often agrees better; never refitting agrees worst.
    agreement = schedule["mean_adjusted_rand_index"]
    order = ["never", "every 26 weeks", "every 13 weeks", "every 8 weeks", "every 4 weeks"]
    assert agreement[order].is_monotonic_increasing
    # Ageing alone breaks it.
    assert schedule.loc["recentre", "evaluations_below_threshold"] == 0
    assert agreement["recentre"] > agreement["on_breach"]
    assert schedule["kept_interval_weeks"].iloc[0] == 6
