"""Whatever stands in a var or an environment variable, no SQL of it runs."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml

from conftest import ROOT
from segmentation_dbt.faults import UserError
from segmentation_dbt.settings import VARS as KINDS
from segmentation_dbt.settings import check_vars

VARS = yaml.safe_load((ROOT / "dbt_project.yml").read_text())["vars"]

COLUMNS = {"label_set": "a", "labelled_at": "b", "customer_id": "c", "label": "d"}
LABELS = {"relation": "crm.labels", "columns": COLUMNS}

INJECTIONS = [
    "'; drop table marts.customer_segments; --",
    '"; drop table marts.customer_segments; --',
    "1); drop table marts.customer_segments; --",
    "x\n; drop table marts.customer_segments; --",
]

# Texts that are quoted in SQL instead: whole vars, and values of others.
QUOTED = {"uncounted_order_statuses", "currency"}


def is_quoted(name, changed, injection):
    """Whether the injection stands where a text is quoted."""
    if name == "contract_options":
        return changed != injection and injection in changed
    if name in ("transaction_columns", "columns"):
        return changed != injection and injection not in changed
    if name == "csv_format":
        return changed != injection and injection in str(changed.get("timestamp_format"))
    return False


def spoilt(value, injection):
    """Every var that differs from `value` by the injection in one place."""
    if isinstance(value, dict):
        yield injection
        for key, inner in value.items():
            yield {(injection if k == key else k): v for k, v in value.items()}
            for bad in spoilt(inner, injection):
                yield value | {key: bad}
    elif isinstance(value, list):
        yield injection
        for i in range(min(len(value), 1)):
            for bad in spoilt(value[i], injection):
                yield [*value[:i], bad, *value[i + 1 :]]
    else:
        yield injection
        yield f"{value}{injection}"


NAMING_FEATURES = ["recency_days", "frequency", "monetary_value", "review_score"]


def validate(changes):
    """Check the vars of the project with some changes; raises UserError."""
    check_vars(given=VARS | changes, named=list(changes), naming_features=NAMING_FEATURES)


def test_every_var_has_its_limits():
    assert set(KINDS) == set(VARS)
    macro = (ROOT / "dbt_project/macros/check_vars.sql").read_text()
    names = re.findall(r"'(\w+)',", macro[macro.index("{% for name in") :])
    assert set(names) >= set(VARS)


def test_the_vars_of_the_project_are_allowed():
    validate({})
    validate({"as_of": "2018-01-01 12:30:00", "observation_months": 12, "pinned_candidate": None})
    validate({"uncounted_order_statuses": [], "contract_options": {}})
    validate({"feature_sets": VARS["feature_sets"] | {"r": ["recency_days"]}})
    validate({"labels": LABELS, "refit_policy": "manual"})


@pytest.mark.parametrize(
    ("run", "told"),
    [
        ({"engine": "spark"}, "labels is for DuckDB alone; set it to null"),
        ({"compares": True}, "labels names segments that somebody else makes, so there are no"),
    ],
)
def test_labels_are_for_duckdb_and_are_not_compared(run, told):
    with pytest.raises(UserError, match=re.escape(told)):
        check_vars(
            given=VARS | {"labels": LABELS}, named=[], naming_features=NAMING_FEATURES, **run
        )


@pytest.mark.parametrize("name", sorted(set(VARS) - QUOTED))
def test_no_var_takes_sql(name):
    for injection in INJECTIONS:
        for bad in spoilt(VARS[name], injection):
            if is_quoted(name, bad, injection):
                continue
            with pytest.raises(UserError) as refused:
                validate({name: bad})
            assert name in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"choice_min_share": float("nan")}, "choice_min_share is nan; it must be a number from 0"),
        ({"hysteresis_margin": float("inf")}, "hysteresis_margin is inf; it must be a number"),
        ({"choice_min_segments": True}, "choice_min_segments is True; it must be a whole number"),
        ({"choice_min_segments": "5"}, "choice_min_segments is 5; it must be a whole number"),
        ({"as_of": 20180101}, "as_of is 20180101; it must be a date such as 2018-01-01, or null"),
        ({"first_evaluation_date": 2018}, "first_evaluation_date is 2018; it must be a date"),
        ({"csv_format": {"encoding": "ansi"}}, "it must be utf-8, latin-1, windows-1252 or utf-16"),
        (
            {"csv_format": {"thousands_separator": ".", "decimal_separator": "."}},
            'thousands_separator: "." and decimal_separator: ","',
        ),
        ({"csv_format": {"strip_currency": "€"}}, "strip_currency is €; it must be true or false"),
        ({"time_zone": "CET+1"}, "it must be an IANA time zone such as Europe/Berlin"),
        ({"amount_divisor": 12}, "amount_divisor is 12; it must be 1, 10, 100, 1000 or another"),
        ({"returns": "subtract"}, "the files of the source olist tell of no returns"),
        ({"normalize_customer_id": "lower"}, "it must be none, trim or lower_trim"),
        ({"no_customer_values": "GUEST"}, "it must be a list, each element a text"),
        (
            {"transaction_columns": {"customer_id": {"sql": "a"}}},
            "computes customer_id; of amount and refunded_amount alone it can do so",
        ),
        (
            {"transaction_columns": {"customer_id": "a", "ordered_at": "b", "unit_price": "c"}},
            "names unit_price without items",
        ),
        ({"candidate_scales": "log"}, "candidate_scales is log; it must be a list, each element"),
        ({"refit_policy": "sometimes"}, "it must be never, on_breach, recentre, every or manual"),
        ({"uncounted_order_statuses": "canceled"}, "it must be a list, each element a text"),
        ({"refit_every_weeks": 0}, "refit_every_weeks is 0; it must be"),
        ({"schedule_probability": 1}, "schedule_probability is 1; it must be a number from"),
        ({"first_review_date": "2018-01-01"}, "did you mean first_evaluation_date?"),
        ({"feature_sets": {"r": ["reach"]}}, "the feature set r names reach; features are recency"),
        ({"candidate_feature_sets": ["rfd"]}, "names rfd, which is no feature set"),
        (
            {"candidate_algorithms": {"kmeans": {"n_segments": [4, 4]}}},
            "they declare kmeans-4-rfm more than once",
        ),
        (
            {"contract_options": {"a": {"feature_set": "rfd"}}},
            'the option "a" names the feature set rfd, which is not under feature_sets',
        ),
        ({"hysteresis_margin": 1}, "hysteresis_margin is 1; it must be a number from 0"),
        ({"maintenance_clauses": {}}, "the clause agreement is missing"),
        (
            {"maintenance_clauses": {"agreement": {"breach": 0.8, "warn": 0.7, "evaluations": 1}}},
            "agreement has no severity",
        ),
        (
            {"maintenance_clauses": {"data": {"breach": 0.1, "warn": 0.1, "evaluations": 2}}},
            "data has no severity",
        ),
        (
            {
                "maintenance_clauses": {
                    "outcome": {"breach": 0, "warn": 0, "severity": "info", "evaluations": 1}
                }
            },
            "outcome has a term that nothing reads, evaluations",
        ),
        ({"observation_months": 1.5}, "observation_months is 1.5; it must be a whole number"),
        ({"choice_score_weights": {"silhouette": 1}}, "choice_score_weights must give"),
        ({"labels": {}}, "labels is empty; name a relation, or set it to null"),
        ({"labels": {"columns": COLUMNS}}, "labels must name one relation, as one of {relation: c"),
        ({"labels": LABELS | {"path": "a.csv"}}, '{path: "labels/*.parquet"}.'),
        ({"labels": {"relation": "crm.labels"}}, "does not say which column is label_set"),
        ({"labels": LABELS | {"columns": COLUMNS | {"segment": "e"}}}, "columns names segment; it"),
        ({"labels": LABELS | {"rows": 3}}, "labels has rows, not one of relation, model, source,"),
        ({"labels": LABELS, "refit_policy": "recentre"}, "labels cannot be scored in another"),
        ({"comparison_date": "2018-01-20"}, "it must be first_evaluation_date or as_of"),
    ],
)
def test_a_refusal_names_the_var_and_what_is_allowed(changes, told):
    with pytest.raises(UserError, match=re.escape(told)):
        validate(changes)


def test_dbt_checks_the_vars_before_anything_else(project, shop_data, shop_warehouse, tmp_path):
    warehouse = shutil.copy(shop_warehouse, tmp_path / "shop.duckdb")
    before = Path(warehouse).read_bytes()
    changes = {"hysteresis_margin": "0 then 'low' end; drop table marts.customer_segments; --"}
    result = project.dbt(
        shop_data, warehouse, "run", "--select", "stg_olist__sellers", "--vars", json.dumps(changes)
    )
    assert result.returncode != 0
    assert "hysteresis_margin is 0 then 'low' end; drop" in " ".join(result.stdout.split())
    assert Path(warehouse).read_bytes() == before


@pytest.mark.slow
def test_a_quoted_text_is_a_text(project, shop, shop_warehouse, tmp_path, read):
    """The one var of free text, in the data and in the settings."""
    hostile = copy.deepcopy(shop)
    for status in INJECTIONS:
        hostile.order("hostile", "2018-01-20", 60, score=5, status=status)
    data = hostile.write(tmp_path / "data")
    changes = {"uncounted_order_statuses": ["canceled", "unavailable", *INJECTIONS]}
    warehouse = shutil.copy(shop_warehouse, tmp_path / "shop.duckdb")
    facts = ("--select", "+int_customer_facts")
    result = project.dbt(data, warehouse, "run", *facts, "--vars", json.dumps(changes))
    assert result.returncode == 0, result.stdout
    orders = "select order_status from intermediate.int_orders"
    assert set(INJECTIONS) <= set(read(warehouse, orders)["order_status"])
    facts = "select * from intermediate.int_customer_facts where customer_id = 'hostile'"
    assert len(read(warehouse, facts)) == 0
    assert len(read(warehouse, "from marts.customer_segments")) == 272


@pytest.mark.slow
def test_names_of_columns_and_formats_are_texts(project, tmp_path, read):
    """Hostile columns in the file and in the settings."""
    columns = dict(zip(["customer_id", "ordered_at", "amount"], INJECTIONS[:3], strict=True))
    data, warehouse = tmp_path / "data", tmp_path / "w.duckdb"
    data.mkdir()
    row = pd.DataFrame([["a", pd.Timestamp("2018-01-01"), 5.0]], columns=[*columns.values()])
    row.to_parquet(data / "transactions.parquet")
    changes = {"source": "transactions", "transaction_columns": columns, "currency": INJECTIONS[0]}

    def run():
        staging = ("--select", "path:dbt_project/models/staging")
        return project.dbt(data, warehouse, "run", *staging, "--vars", json.dumps(changes))

    result = run()
    assert result.returncode == 0, result.stdout
    orders = read(warehouse, "from staging.stg_orders")
    assert orders["order_id"].tolist() == ["a at 2018-01-01 00:00:00"]
    (data / "transactions.csv").write_text("c,t,a\nb,2018-01-01,5\n")
    changes["transaction_columns"] = {"customer_id": "c", "ordered_at": "t", "amount": "a"}
    changes["csv_format"] = {"timestamp_format": f"%Y-%m-%d{INJECTIONS[0]}"}
    assert "line 2, column t" in " ".join(run().stdout.split())
    assert read(warehouse, "from staging.stg_orders")["customer_id"].tolist() == ["a"]


# Where environment variables go: SQL (quoted), the connection, or Spark's configuration.
ENVIRONMENT = {
    "SEGMENTS_DATA": "SQL",
    "SEGMENTS_WAREHOUSE": "connection",
    "SEGMENTS_THREADS": "connection",
    "SEGMENTS_MEMORY_LIMIT": "connection",
    "SEGMENTS_TEMP_FOLDER": "connection",
    "SEGMENTS_CONTRACT_SEVERITY": "severity of a test",
    "SEGMENTS_SPARK_MASTER": "Spark",
    "SEGMENTS_SPARK_DRIVER_MEMORY": "Spark",
    "SEGMENTS_SPARK_PARTITIONS": "Spark",
    "SEGMENTS_SPARK_WAREHOUSE": "Spark",
}


def test_every_environment_variable_is_listed():
    read = set()
    for file in [ROOT / "profiles.yml", ROOT / "dbt_project.yml", *ROOT.glob("dbt_project/**/*.*")]:
        read |= set(re.findall(r"env_var\('(\w+)'", file.read_text()))
    assert read == set(ENVIRONMENT)


def test_spark_is_configured_by_its_own_variables_and_no_sql():
    outputs = yaml.safe_load((ROOT / "profiles.yml").read_text())["customer_segmentation"][
        "outputs"
    ]
    settings = outputs["spark"].pop("server_side_parameters")
    assert "env_var" not in json.dumps(outputs["spark"])
    found = set(re.findall(r"SEGMENTS_\w+", json.dumps(settings)))
    assert found == {name for name, goal in ENVIRONMENT.items() if goal == "Spark"}


def dbt_debug(environment, folder):
    """Connect as dbt does, without reading the project."""
    return subprocess.run(
        [Path(sys.executable).with_name("dbt"), "debug", "--connection", "--log-path", folder],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("injection", ["4GB'; drop table kept; --", "1; drop table kept"])
@pytest.mark.parametrize("name", ["SEGMENTS_THREADS", "SEGMENTS_MEMORY_LIMIT"])
def test_a_hostile_setting_of_the_connection_ends_dbt(name, injection, tmp_path):
    warehouse = tmp_path / "shop.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create table kept as select 1 as number")
    environment = {"SEGMENTS_WAREHOUSE": str(warehouse), name: injection}
    assert dbt_debug(environment, tmp_path).returncode != 0
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert connection.execute("select number from kept").fetchall() == [(1,)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SEGMENTS_TEMP_FOLDER", "SEGMENTS_WAREHOUSE"])
def test_a_hostile_path_is_a_path(name, tmp_path):
    warehouse = tmp_path / "shop.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create table kept as select 1 as number")
    hostile = tmp_path / "x'; drop table kept; --.duckdb"
    environment = {"SEGMENTS_WAREHOUSE": str(warehouse), name: str(hostile)}
    result = dbt_debug(environment, tmp_path)
    assert result.returncode == 0 or "Traceback" not in result.stdout
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert connection.execute("select number from kept").fetchall() == [(1,)]
