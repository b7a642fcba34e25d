"""The ledger only grows and outlasts late facts, kills and full refreshes; ids stay."""

import copy
import itertools
import json
import re
import shutil
import time
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from arrivals import read_texts, write_known_by
from conftest import REGISTRY, with_any_vars

# A clause that the small shop breaks after some weeks, and one that it keeps.
BREACH_AT = {
    "maintenance_clauses": {
        "agreement": {"breach": 0.8, "warn": 0.95, "evaluations": 1, "severity": "error"},
        "misplaced_revenue": {"breach": 0.02, "warn": 0.01, "evaluations": 1, "severity": "error"},
    }
}


def registry_of(warehouse):
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return {
            table: connection.execute(f"select * from {table} order by {key}").fetchall()
            for table, key in REGISTRY.items()
        }


def drifting_shop(shop, until):
    """The obvious shop, then daily orders of all sorts from January on, so that borders move."""
    random = np.random.default_rng(5)
    drifting = copy.deepcopy(shop)
    for day in pd.date_range("2018-01-01", "2018-02-21"):
        for nth in range(6):
            value, score = random.lognormal(4.3, 0.8), int(random.integers(1, 6))
            customer = f"{day:%m-%d} {nth}" if nth else f"recent {day.day:02}"
            if day < pd.Timestamp(until):
                drifting.order(customer, f"{day:%Y-%m-%d}", round(value, 2), score=score)
    return drifting


@pytest.fixture(scope="module")
def january(shop):
    return drifting_shop(shop, "2018-02-01")


@pytest.fixture(scope="module")
def january_data(january, tmp_path_factory):
    return january.write(tmp_path_factory.mktemp("january") / "data")


@pytest.fixture(scope="module")
def february(shop):
    return drifting_shop(shop, "2018-02-22")


@pytest.fixture(scope="module")
def later_data(february, tmp_path_factory):
    return february.write(tmp_path_factory.mktemp("february") / "data")


@pytest.fixture(scope="module")
def settings():
    return ("--vars", json.dumps(BREACH_AT))


@pytest.fixture(scope="module")
def early(project, january_data, settings, tmp_path_factory):
    """The small shop up to the end of January."""
    return project.dbt_build(
        january_data, tmp_path_factory.mktemp("early") / "shop.duckdb", *settings
    )


@pytest.fixture(scope="module")
def grown(project, later_data, early, settings, tmp_path_factory):
    """The same warehouse three weeks later."""
    warehouse = tmp_path_factory.mktemp("grown") / "shop.duckdb"
    shutil.copy(early, warehouse)
    return project.dbt_build(later_data, warehouse, *settings)


def test_a_build_adds_to_the_ledger_and_touches_no_row(early, grown):
    before, after = registry_of(early), registry_of(grown)
    for table, rows in before.items():
        assert set(map(repr, rows)) <= set(map(repr, after[table])), table
        # The bins of features are those of the first evaluation date, for ever; nothing is late,
        # and no audience is declared.
        is_fixed = table in (
            "monitoring.monitoring_feature_bins",
            "intermediate.int_late_facts",
            "marts.audience_changes",
        )
        assert (len(after[table]) > len(rows)) != is_fixed, table


def test_the_ledger_that_grew_is_that_of_one_build(
    project, later_data, grown, settings, tmp_path, read
):
    """The sequence of champions is a function of data and settings; so is all else."""
    once = project.dbt_build(later_data, tmp_path / "shop.duckdb", *settings)
    assert registry_of(once) == registry_of(grown)
    assert read(once, "select count(*) as n from champion.champion_takeovers")["n"][0] > 2
    for mart in ("segment_models", "segment_events", "customer_segment_history"):
        query = f"select * from marts.{mart} order by all"
        pd.testing.assert_frame_equal(read(once, query), read(grown, query))
    # Changes between two evaluations are dated by the builds that saw them; the segments are the
    # same.
    query = "select customer_id, segment_id, is_held, confidence from marts.customer_segments"
    pd.testing.assert_frame_equal(read(once, query), read(grown, query))


def test_the_command_line_names_no_model_by_the_name_of_the_project(
    project, shop_data, shop_warehouse
):
    """dbt would take `--select customer_segments` for all models."""
    models = ("ls", "--resource-type", "model", "--select", "customer_segments")
    listed = project.dbt(shop_data, shop_warehouse, *models)
    assert len(listed.stdout.split()) == 1, listed.stdout


KILLED_AT = [
    "training_models",
    "champion_identities",
    "champion_changes",
]


def kill_at(project, data, warehouse, node, settings):
    """Start dbt and kill it (SIGKILL) shortly after it has started on a node."""
    run = ("--log-format", "json", "run", *settings)
    with project.started_dbt(data, warehouse, *run) as process:
        for line in process.stdout:
            event = json.loads(line)
            if (
                event["info"]["name"] == "LogStartLine"
                and event["data"]["node_info"]["node_name"] == node
            ):
                time.sleep(np.random.default_rng(len(node)).uniform(0, 0.1))
                process.kill()
                break
        else:
            pytest.fail(f"{node} never started")


@pytest.mark.slow
def test_a_build_that_is_killed_anywhere_and_run_again_gives_the_same_ledger(
    project, later_data, early, grown, settings, tmp_path
):
    warehouse = tmp_path / "shop.duckdb"
    expected = registry_of(grown)
    shutil.copy(early, warehouse)
    for node in KILLED_AT:
        # Each run goes on from what the killed one before has left.
        kill_at(project, later_data, warehouse, node, settings)
    result = project.dbt(later_data, warehouse, "run", *settings)
    assert result.returncode == 0, result.stdout
    assert registry_of(warehouse) == expected


@pytest.mark.slow
def test_facts_that_arrive_late_rewrite_nothing_and_are_reported(
    project, february, early, settings, tmp_path, read
):
    late = copy.deepcopy(february)
    late.order("unknown so far", "2017-12-24", 777, score=3)
    warehouse = tmp_path / "shop.duckdb"
    shutil.copy(early, warehouse)
    project.dbt_build(late.write(tmp_path / "data"), warehouse, *settings)
    before, after = registry_of(early), registry_of(warehouse)
    for table, rows in before.items():
        assert set(map(repr, rows)) <= set(map(repr, after[table])), table
    models = read(warehouse, "select * from marts.segment_models order by fitted_as_of")
    is_old = models["fitted_as_of"] <= "2018-01-29"
    assert (
        set(models["late_arriving_customers"][is_old])
        == set(models["late_arriving_orders"][is_old])
        == {1}
    )
    assert set(models["late_arriving_revenue"][is_old]) == {777}
    assert set(models["late_arriving_orders"][~is_old]) == {0}
    # The customer is known from the next evaluation on.
    intervals = read(
        warehouse,
        "select * from marts.customer_segment_history where customer_id = 'unknown so far'",
    )
    assert intervals["valid_from"][0] == pd.Timestamp("2018-02-05")


@pytest.mark.slow
def test_an_export_that_ends_before_the_published_state_stops_the_build(
    project, january_data, grown, settings, tmp_path, read
):
    warehouse = tmp_path / "shop.duckdb"
    shutil.copy(grown, warehouse)
    result = project.dbt(january_data, warehouse, "run", *settings)
    assert result.returncode == 1
    assert "the export is older than the last one, or cut" in result.stdout
    assert registry_of(warehouse) == registry_of(grown)
    # Set by hand it is no mistake.
    as_of = re.search(r'set the var as_of to "(.{10})"', result.stdout)[1]
    given = json.dumps(json.loads(settings[1]) | {"as_of": as_of})
    cutoffs = ("--select", "+int_cutoffs", "--vars", given)
    result = project.dbt(january_data, with_any_vars(warehouse), "run", *cutoffs)
    assert result.returncode == 0, result.stdout


@pytest.mark.slow
def test_late_facts_that_cancel_out_are_told_apart(
    project, february, early, settings, tmp_path, read
):
    """Orders that are canceled, have another value or come late, all before the state before."""
    changed = copy.deepcopy(february)
    paid, orders = (changed.rows[f"olist_{name}_dataset"] for name in ("order_payments", "orders"))
    dated = {row["order_id"]: row["order_purchase_timestamp"] for row in orders}
    old = [row for row in paid if dated[row["order_id"]] < pd.Timestamp("2017-12-01")][:30]
    gained, lost = 777.0, 0.0
    for row in old[:20]:
        lost, gained = lost + row["payment_value"], gained + row["payment_value"] + 1000
        row["payment_value"] += 1000
    canceled = {row["order_id"] for row in old[20:]}
    lost += sum(row["payment_value"] for row in old[20:])
    for row in orders:
        row["order_status"] = "canceled" if row["order_id"] in canceled else row["order_status"]
    changed.order("unknown so far", "2017-12-24", 777, score=3)
    warehouse = tmp_path / "shop.duckdb"
    shutil.copy(early, warehouse)
    data = changed.write(tmp_path / "data")
    project.dbt_build(data, warehouse, *settings)
    query = "select * from marts.maintenance_feed"
    feed = read(warehouse, query).iloc[0]
    assert (feed["late_orders_gained"], feed["late_orders_lost"]) == (21, 30)
    assert feed["late_revenue_gained"] == pytest.approx(gained)
    assert feed["late_revenue_lost"] == pytest.approx(lost)
    assert f"30 are gone or have another value ({lost:.2f} less)" in feed["late_sentence"]
    # Once more: nothing has changed since, and what was found of this state is still told.
    project.dbt_build(data, warehouse, *settings)
    pd.testing.assert_series_equal(read(warehouse, query).iloc[0], feed)
    assert read(early, query)["late_sentence"].isna().all()


GONE = "unhappy 00"


@pytest.fixture(scope="module")
def canceled_data(february, tmp_path_factory):
    canceled = copy.deepcopy(february)
    orders = {
        row["customer_id"]
        for row in canceled.rows["olist_customers_dataset"]
        if row["customer_unique_id"] == GONE
    }
    for row in canceled.rows["olist_orders_dataset"]:
        if row["customer_id"] in orders:
            row["order_status"] = "canceled"
    return canceled.write(tmp_path_factory.mktemp("canceled") / "data")


@pytest.fixture(scope="module")
def canceled(project, canceled_data, early, settings, tmp_path_factory):
    """The small shop three weeks later, after all orders of a customer have been canceled."""
    warehouse = tmp_path_factory.mktemp("canceled") / "shop.duckdb"
    shutil.copy(early, warehouse)
    return project.dbt_build(canceled_data, warehouse, *settings)


@pytest.mark.slow
def test_a_customer_whose_orders_are_canceled_leaves(canceled, read):
    intervals = read(
        canceled, f"select * from marts.customer_segment_history where customer_id = '{GONE}'"
    )
    assert intervals["valid_to"].tolist()[-1] == pd.Timestamp("2018-02-05")
    assert not intervals["is_current"].any()
    exits = read(canceled, "select * from marts.segment_transitions where movement = 'exit'")
    assert exits["customers"].tolist() == [1]
    assert exits["to_segment_id"].isna().all()
    assert len(read(canceled, f"from marts.customer_segments where customer_id = '{GONE}'")) == 0


@pytest.mark.slow
def test_steps_that_are_due_are_followed_to_the_same_end(
    project, january_data, early, canceled_data, canceled, settings, tmp_path, read
):
    """All evaluations at once, or the new ones from where the last build left off."""
    stored = "select * from champion.champion_changes"
    followed = ["champion_last_known_segments", "champion_scored_steps", "champion_given_clusters"]
    newest = read(early, stored)["step"].max()
    for data, built, undo in [
        (january_data, early, "drop table champion.champion_changes"),
        (canceled_data, canceled, f"delete from champion.champion_changes where step > {newest}"),
    ]:
        warehouse = Path(shutil.copy(built, tmp_path))
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute(undo)
        run = project.dbt(
            data, warehouse, "run", "--select", *followed, "champion_changes", *settings
        )
        assert run.returncode == 0, run.stdout
        pd.testing.assert_frame_equal(read(warehouse, stored), read(built, stored))
    assert (read(canceled, stored)["movement"] == "exit").sum() == 1


@pytest.mark.slow
def test_a_full_refresh_keeps_the_ledger_and_says_so_and_a_command_drops_it(
    project, january_data, early, settings, tmp_path
):
    warehouse = tmp_path / "shop.duckdb"
    shutil.copy(early, warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        # A mark that a new fit would not have.
        connection.execute("update training.training_models set random_state = 7")
    result = project.dbt(january_data, warehouse, "run", "--full-refresh", *settings, quiet=False)
    assert result.returncode == 0, result.stdout
    assert "--full-refresh does not drop it, dbt run-operation drop_registry does" in result.stdout
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert connection.sql("select distinct seed from marts.segment_models").fetchall() == [(7,)]
    result = project.dbt(january_data, warehouse, "run-operation", "drop_registry", quiet=False)
    assert "The model registry is dropped" in result.stdout
    result = project.dbt(january_data, warehouse, "run", *settings)
    assert result.returncode == 0, result.stdout
    assert registry_of(warehouse) == registry_of(early)


@pytest.mark.slow
def test_models_of_a_version_without_a_ledger_are_fitted_anew(
    project, shop_warehouse, shop_data, tmp_path
):
    warehouse = tmp_path / "shop.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema champion")
        connection.execute("create table champion.champion_decisions as select 1 as reign")
    project.dbt_build(shop_data, warehouse)
    assert registry_of(warehouse) == registry_of(shop_warehouse)


@pytest.mark.slow
def test_make_build_carries_the_ledger_on(project, january_data, later_data, tmp_path, read):
    """The script builds a new file each time; what only grows moves into it."""
    warehouse = tmp_path / "shop.duckdb"
    assert project.make(january_data, warehouse).returncode == 0
    before = registry_of(warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update training.training_models set random_state = 7")
    result = project.make(later_data, warehouse)
    assert result.returncode == 0, result.stderr
    seeds = read(warehouse, "select seed, count(*) as n from marts.segment_models group by 1")
    assert dict(zip(seeds["seed"], seeds["n"], strict=True)) == {
        7: len(before["training.training_models"]),
        20180101: 3,
    }


def test_the_registry_is_what_grows(project, shop_warehouse):
    manifest = json.loads((project.target(shop_warehouse) / "manifest.json").read_text())
    growing = {
        f"{node['config']['schema']}.{node['name']}"
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        and node["config"]["materialized"] == "incremental"
        and "by_change" not in node["config"]["tags"]
    }
    assert growing == set(REGISTRY)


def test_history_has_no_gaps_and_ends_in_the_evaluated_state(grown, read):
    history = read(grown, "select * from marts.customer_segment_history")
    for _, intervals in history.groupby("customer_id"):
        assert intervals["valid_to"].iloc[:-1].tolist() == intervals["valid_from"].iloc[1:].tolist()
        named = list(zip(intervals["segment_id"], intervals["segment_name"], strict=True))
        assert all(a != b for a, b in itertools.pairwise(named))
        assert intervals["is_current"].tolist() == [False] * (len(intervals) - 1) + [True]
        assert intervals["movement"].iloc[0] == "entry"
        moved = intervals[intervals["movement"].isin(["migration", "relabelling"])]
        before = intervals["segment_id"].shift()[moved.index]
        assert moved["previous_segment_id"].tolist() == before.tolist()


def assert_transitions_hold_everyone(warehouse, read):
    """At each evaluation date, each model's rows sum to the customers known and their spend."""
    sums = read(
        warehouse,
        "select evaluation_date, model_id, sum(customers) as customers, sum(revenue) as revenue "
        "from marts.segment_transitions where movement != 'exit' group by 1, 2 order by 1, 2",
    )
    known = read(
        warehouse,
        "select cutoff, count(*) as customers, sum(monetary_value) as revenue "
        "from intermediate.int_customer_features group by 1",
    ).set_index("cutoff")
    assert len(sums) >= 5
    assert sums["customers"].tolist() == known.loc[sums["evaluation_date"], "customers"].tolist()
    assert sums["revenue"].tolist() == known.loc[sums["evaluation_date"], "revenue"].tolist()
    return known


def test_transitions_hold_every_customer_and_centavo(grown, read):
    assert_transitions_hold_everyone(grown, read)


WITHIN_TWO_MONTHS = ("--vars", json.dumps(BREACH_AT | {"observation_months": 2}))


@pytest.fixture(scope="module")
def returning_data(january, tmp_path_factory):
    returning = copy.deepcopy(january)
    returning.order("loyal 15", "2018-01-25", 120, score=5)  # the last order before: November 16
    return returning.write(tmp_path_factory.mktemp("window") / "data")


@pytest.fixture(scope="module")
def within_two_months(project, returning_data, tmp_path_factory):
    """Who has not ordered for two months has no segment."""
    warehouse = tmp_path_factory.mktemp("window") / "shop.duckdb"
    return project.dbt_build(returning_data, warehouse, *WITHIN_TWO_MONTHS)


def test_transitions_hold_those_within_the_observation_window(within_two_months, read):
    """Who has not ordered for two months is nowhere, and older spend is not counted."""
    known = assert_transitions_hold_everyone(within_two_months, read)
    assert (known["customers"].diff() < 0).any()


@pytest.mark.slow
def test_an_observation_window_moves_in_two_builds_as_in_one(
    project, returning_data, within_two_months, tmp_path
):
    write_known_by("2018-01-10", read_texts(returning_data), tmp_path / "early")
    warehouse = tmp_path / "shop.duckdb"
    for data in (tmp_path / "early", returning_data):
        project.dbt_build(data, warehouse, *WITHIN_TWO_MONTHS)
    assert registry_of(warehouse) == registry_of(within_two_months)


def test_who_leaves_the_observation_window_leaves_the_segment(within_two_months, read):
    history = read(within_two_months, "select * from marts.customer_segment_history")
    known = read(
        within_two_months, "select cutoff, customer_id from intermediate.int_customer_features"
    )
    dates = read(
        within_two_months, "select distinct evaluation_date from marts.segment_transitions"
    )
    for date in dates["evaluation_date"]:
        ends_later = history["valid_to"].isna() | (history["valid_to"] > date)
        at_date = history[(history["valid_from"] <= date) & ends_later]
        assert sorted(at_date["customer_id"]) == sorted(
            known["customer_id"][known["cutoff"] == date]
        )
    returned = history[history["customer_id"] == "loyal 15"]
    is_entry = returned["movement"] == "entry"
    entered = [pd.Timestamp("2018-01-01"), pd.Timestamp("2018-01-29")]
    assert returned["valid_from"][is_entry].tolist() == entered
    assert returned["valid_to"][is_entry.shift(-1, fill_value=False)].tolist() == [
        pd.Timestamp("2018-01-22")
    ]


def test_transitions_are_the_steps_of_the_history(grown, read):
    """Walking the transitions gives the sizes of the segments in the history at each date."""
    transitions = read(grown, "select * from marts.segment_transitions")
    history = read(grown, "select * from marts.customer_segment_history")
    for date, rows in transitions.groupby("evaluation_date"):
        last = rows[rows["is_change_of_model"]] if rows["is_change_of_model"].any() else rows
        sizes = last.groupby("to_segment_id")["customers"].sum()
        at_date = history[
            (history["valid_from"] <= date)
            & (history["valid_to"].isna() | (history["valid_to"] > date))
        ]
        assert sizes.to_dict() == at_date.groupby("segment_id").size().to_dict()
        # Only the change of model relabels, and it brings nobody in.
        moved = set(last["movement"])
        assert moved <= (
            {"stay", "relabelling"} if last is not rows else {"stay", "migration", "entry"}
        )


def replayed_segments(warehouse, read, margin):
    """The rule of hysteresis in pandas, customer by customer, from features and model tables."""
    from sklearn_labels import centroid_table, scale

    steps = read(warehouse, "select * from champion.champion_steps order by step")
    identities = read(warehouse, "select * from champion.champion_identities")
    tables = {
        name: read(warehouse, f"select * from marts.segment_model_{name}")
        for name in ("parameters", "centroids")
    }
    held: dict[str, tuple[int, int]] = {}
    found = {}
    for step in steps.itertuples():
        features = read(
            warehouse,
            f"from intermediate.int_customer_features where cutoff = '{step.evaluation_date}'",
        )
        parameters, centroids = (t[t["model_id"] == step.model_id] for t in tables.values())
        observations = scale(features, parameters)
        table = centroid_table(centroids)[observations.columns].to_numpy()
        distances = np.linalg.norm(observations.to_numpy()[:, None] - table[None], axis=2)
        segments = identities[identities["champion_period"] == step.champion_period].set_index(
            "cluster"
        )["segment_id"]
        for customer, row in zip(features["customer_id"], distances, strict=True):
            nearest = int(row.argmin())
            champion_period, cluster = held.get(customer, (None, None))
            if (
                champion_period == step.champion_period
                and row[nearest] > (1 - margin) * row[cluster]
            ):
                nearest = cluster
            held[customer] = (step.champion_period, nearest)
            found[step.step, customer] = int(segments[nearest])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("margin", [0, 0.2])
def test_hysteresis_holds_customers_as_the_rule_says(
    project, later_data, grown, settings, tmp_path, read, margin
):
    warehouse = tmp_path / "shop.duckdb"
    shutil.copy(grown, warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        for table in ("champion.champion_changes", "champion.champion_transitions"):
            connection.execute(f"drop table {table}")
    changed = ("--vars", json.dumps(BREACH_AT | {"hysteresis_margin": margin}))
    result = project.dbt(later_data, warehouse, "run", *changed)
    assert result.returncode == 0, result.stdout
    changes = read(warehouse, "select * from champion.champion_changes")
    built = changes.set_index(["step", "customer_id"])["segment_id"].to_dict()
    current: dict[str, int] = {}
    expected = {}
    for (step, customer), segment in replayed_segments(warehouse, read, margin).items():
        if current.get(customer) != segment:
            expected[step, customer] = current[customer] = segment
    assert built == expected
    is_held = read(warehouse, "select is_held from marts.customer_segments")["is_held"]
    assert is_held.any() == (margin > 0)


@pytest.mark.slow
def test_whoever_asks_for_changed_rows_misses_none(project, shop, tmp_path, read):
    """A campaign tool that copies the rows changed since its last visit has all segments right."""
    shop = copy.deepcopy(shop)
    # Between two evaluations an order comes in and is canceled again: there and back.
    shop.order("lapsed 00", "2018-01-30", 60, score=5)
    rows = shop.rows["olist_orders_dataset"]
    wavering = rows[-1]
    warehouse = tmp_path / "shop.duckdb"
    copied, last_visit = {}, pd.Timestamp.min
    changes_between_evaluations = 0
    # The last two with the same date: files that have been corrected.
    for visit, (day, status) in enumerate(
        [(1, "delivered"), (2, "canceled"), (3, "delivered"), (3, "canceled")]
    ):
        wavering["order_status"] = status
        data = shop.write(tmp_path / f"data {visit}")
        as_of = f"2018-02-0{day} 00:00:00"
        given = {"hysteresis_margin": 0, "as_of": f"2018-02-0{day}"}
        project.dbt_build(data, warehouse, "--vars", json.dumps(given))
        table = read(warehouse, "select * from marts.customer_segments").set_index("customer_id")
        assert (table["as_of"] == as_of).all()
        changed = table[table["segment_changed_at"] >= last_visit]
        told = changed["segment_id"].to_dict()
        new = [customer for customer in told if copied.get(customer) != told[customer]]
        changes_between_evaluations += 0 < len(new) < len(table)
        copied |= told
        assert copied == table["segment_id"].to_dict()
        last_visit = pd.Timestamp(as_of)
    assert changes_between_evaluations == 3


@pytest.mark.slow
def test_another_candidate_takes_over_at_the_newest_evaluation_with_the_old_ids(
    project, january_data, early, settings, tmp_path, read
):
    warehouse = tmp_path / "shop.duckdb"
    shutil.copy(early, warehouse)
    changed = ("--vars", json.dumps(BREACH_AT | {"pinned_candidate": "kmeans-5-rfm-review"}))
    project.dbt_build(january_data, warehouse, *changed)
    before, after = registry_of(early), registry_of(warehouse)
    for table, rows in before.items():
        assert set(map(repr, rows)) <= set(map(repr, after[table])), table
    last = read(warehouse, "from marts.segment_model_decisions order by decision_number").iloc[-1]
    assert last["model_id"] == "kmeans-5-rfm-review-2018-01-29"
    assert last["decision"] == "candidate changed"
    # The new candidate is fitted at all evaluation dates, so that its contract is known.
    assert len(after["training.training_models"]) == 2 * len(before["training.training_models"])
    segments = read(
        warehouse, "select * from champion.champion_segments order by champion_period, segment_id"
    )
    old, new = (segments[segments["is_current"] == is_new] for is_new in (False, True))
    carried = set(old["segment_id"]) & set(new["segment_id"])
    assert len(new) == 5
    assert len(carried) >= 3
    assert new[~new["segment_id"].isin(carried)]["segment_id"].min() > old["segment_id"].max()
    events = read(warehouse, "from marts.segment_events order by champion_period desc, segment_id")
    of_change = events[events["model_id"] == last["model_id"]]
    assert set(of_change["segment_id"]) == set(new["segment_id"]) | set(
        old[old["champion_period"] == old["champion_period"].max()]["segment_id"]
    )
    # Unpinned and pinned again before the next evaluation, with dbt's tests.
    for pin in (settings, changed):
        project.dbt_build(january_data, warehouse, *pin, tested=True)
    history = read(warehouse, "from marts.customer_segment_history")
    assert (history["valid_to"].isna() | (history["valid_from"] < history["valid_to"])).all()
    again = read(warehouse, "from champion.champion_segments where is_current order by segment_id")
    assert again["segment_name"].tolist() == new["segment_name"].tolist()


@pytest.mark.slow
def test_never_means_never_and_the_exit_code_tells(
    project, january_data, tmp_path, read, monkeypatch
):
    warehouse = tmp_path / "shop.duckdb"
    never = ("--vars", json.dumps(BREACH_AT | {"refit_policy": "never"}))
    result = project.dbt(
        january_data, warehouse, "build", "--exclude-resource-type", "unit_test", *never
    )
    assert result.returncode == 1
    failed = [line for line in result.stdout.splitlines() if " FAIL " in line]
    assert [line.split()[-6] for line in failed] == ["maintenance_contract_is_kept"], failed
    assert set(read(warehouse, "from marts.segment_model_decisions")["model_id"]) == {
        "kmeans-4-rfm-review-2018-01-01"
    }
    contract = read(warehouse, "from marts.maintenance_contract").set_index("clause")
    assert contract["status"].to_dict() == {"agreement": "warn", "misplaced revenue": "breach"}
    with monkeypatch.context() as lenient:
        lenient.setenv("SEGMENTS_CONTRACT_SEVERITY", "warn")
        only = ("test", "--select", "maintenance_contract_is_kept", *never)
        assert project.dbt(january_data, warehouse, *only).returncode == 0
    # Changed later, it acts from the newest evaluation date on.
    again = tmp_path / "again.duckdb"
    shutil.copy(warehouse, again)
    project.dbt_build(january_data, again, "--vars", json.dumps(BREACH_AT))
    decisions = read(again, "from marts.segment_model_decisions order by decision_number")
    assert decisions["is_takeover"].tolist() == [True, False, False, False, False, True]
    assert decisions["evaluation_date"].iloc[-1] == decisions["evaluation_date"].iloc[-2]
    assert decisions["decision"].iloc[-1] == "breach"
