"""The manifest, in what dbt-bouncer.yml cannot say of it."""

import json
import re
import shutil

import duckdb
import pytest
import yaml

from conftest import ROOT, Project
from reporting.marts import FEATURES


@pytest.fixture(scope="module")
def manifest(project, shop_warehouse):
    return json.loads((project.target(shop_warehouse) / "manifest.json").read_text())


@pytest.fixture(scope="module")
def models(manifest):
    return {k: v for k, v in manifest["nodes"].items() if v["resource_type"] == "model"}


def test_the_layers_after_staging_know_no_source(models):
    interface = ROOT / "dbt_project" / "models" / "staging" / "_interface__models.yml"
    neutral = {model["name"] for model in yaml.safe_load(interface.read_text())["models"]}
    read = {
        models[parent]["name"]
        for model in models.values()
        for parent in model["depends_on"]["nodes"]
        if model["fqn"][1] != "staging"
        and parent in models
        and models[parent]["fqn"][1] == "staging"
    }
    assert read == neutral


def test_python_only_fits_and_compares(models):
    layers = {m["fqn"][1] for m in models.values() if m["language"] == "python"}
    # What campaigns have changed is computed from marts.
    assert layers == {"selection", "training", "monitoring", "champion", "marts"}
    for model in models.values():
        if model["language"] == "python":
            assert len(model["raw_code"].splitlines()) <= 26, f"{model['name']} is not thin"


def test_tables_of_evaluations_depend_on_what_stands_between_two_of_them(manifest, models):
    """`make build` takes them over until the next evaluation date."""
    told = {"selection_chosen_candidate"}  # the build script compares it with the models
    told |= {"segment_models"}  # the corrections that change it daily are read by nobody else
    compared = {"monitoring_contract_options", "monitoring_option_customers"}  # in comparisons only
    # Rows of steps that are due: between two evaluations none is.
    due = {"champion_last_known_segments", "champion_scored_steps", "champion_given_clusters"}
    due |= {"champion_compositions"}  # likewise of evaluations
    nodes = models | {k: n for k, n in manifest["nodes"].items() if n["resource_type"] == "seed"}
    evaluated = {unique_id for unique_id, node in nodes.items() if "evaluations" in node["tags"]}
    assert len(evaluated) > 50
    for unique_id in evaluated:
        node = nodes[unique_id]
        if node["config"]["materialized"] == "incremental" or node["name"] in compared | due:
            continue
        for parent in node["depends_on"].get("nodes", []):
            assert parent in evaluated or nodes[parent]["name"] in told, (node["name"], parent)


# A row or more for each customer: the index of a key would grow with them, so a test asks for it.
OF_CUSTOMERS = {"customer_segments", "customer_segment_history", "customer_value"}
OF_CUSTOMERS |= {"audience_changes", "audience_members", "campaign_members"}
# Segments may be unknown there.
OF_UNKNOWN_PARTS = {"segment_transitions"}


def test_every_mart_has_a_key(manifest, models):
    test = (ROOT / "dbt_project/tests/singular/keys_of_marts_hold.sql").read_text()
    of_spark = set(re.findall(r"^    '(\w+)',$", test, re.MULTILINE))
    tests = [n for n in manifest["nodes"].values() if n["resource_type"] == "test"]
    tested = {
        test["attached_node"]
        for test in tests
        if test.get("test_metadata", {}).get("name")
        in ("unique", "unique_combination_of_columns", "primary_key")
    }
    for unique_id, model in models.items():
        if model["fqn"][1] == "marts" and model["language"] == "sql":
            constraints = [*model["constraints"]]
            for column in model["columns"].values():
                constraints += column["constraints"]
            kept = [c for c in constraints if c["type"] == "primary_key"]
            is_tested = model["name"] in OF_CUSTOMERS | OF_UNKNOWN_PARTS
            assert ((unique_id in tested), len(kept)) == (is_tested, not is_tested), model["name"]
            assert (model["name"] in of_spark) == bool(kept), model["name"]


def test_every_feature_is_published_and_has_a_name(models):
    settings = yaml.safe_load((ROOT / "dbt_project.yml").read_text())["vars"]
    features = {*settings["feature_transforms"], *settings["relative_feature_transforms"]}
    columns = models["model.customer_segmentation.customer_segments"]["columns"]
    assert set(settings["feature_transforms"]) <= set(columns)
    assert features == set(FEATURES)


def test_a_feature_that_a_model_of_the_registry_uses_cannot_go(
    project, shop_data, shop_warehouse, tmp_path
):
    warehouse = shutil.copy(shop_warehouse, tmp_path / "shop.duckdb")
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "update training.training_models set feature_set = feature_set || ', tenure_days' "
            "where model_id = (select max(model_id) from training.training_models)"
        )
    result = project.dbt(shop_data, warehouse, "compile", "--select", "champion_scored_steps")
    assert result.returncode != 0
    told = " ".join(result.stdout.split())
    assert "A model in the registry uses the feature tenure_days, which" in told


@pytest.mark.slow
def test_every_model_id_of_a_mart_is_known(project, shop_data, shop_warehouse, tmp_path, models):
    test = (ROOT / "dbt_project/tests/singular/every_model_of_a_mart_is_known.sql").read_text()
    columns = {
        (model["name"], column)
        for model in models.values()
        if model["fqn"][1] == "marts" and model["name"] != "segment_models"
        for column in model["columns"]
        if column.endswith("model_id")
    }
    asked = re.findall(r"\('(\w+)', '(\w+)'\)", test)
    assert columns == set(asked) and len(columns) == len(asked)
    warehouse = tmp_path / "shop.duckdb"
    shutil.copy(shop_warehouse, warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update marts.maintenance_causes set origin_model_id = 'lost'")
    result = project.dbt(
        shop_data, warehouse, "test", "--select", "every_model_of_a_mart_is_known", quiet=False
    )
    assert result.returncode == 1 and "FAIL" in result.stdout, result.stdout


def test_a_key_that_is_repeated_or_unknown_in_part_is_found(
    project, shop_data, shop_warehouse, tmp_path
):
    warehouse = tmp_path / "shop.duckdb"
    shutil.copy(shop_warehouse, warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("insert into intermediate.int_days from intermediate.int_days limit 1")
        connection.execute(
            "insert into monitoring.monitoring_agreement (model_id) values ('alone')"
        )
    result = project.dbt(shop_data, warehouse, "test", "--select", "test_name:primary_key")
    found = set(re.findall(r"test primary_key_([a-z]+_[a-z]+)", result.stdout))
    assert found == {"int_days", "monitoring_agreement"}, result.stdout


def test_every_source_says_its_grain(manifest):
    for source in manifest["sources"].values():
        assert source["description"].startswith(("One row per", "Points of")), source["name"]


# Generated of every feature and cluster of the models in the registry, so their names are not
# known to the YAML: the description of the model tells what they are.
GENERATED = {"training_coefficients": "__"}


def test_every_column_in_the_warehouse_is_described(manifest, shop_warehouse):
    with duckdb.connect(str(shop_warehouse), read_only=True) as connection:
        columns = connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns() where not internal"
        ).fetchall()
    described = {
        (node["schema"], node["alias"], column["name"])
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed")
        for column in node["columns"].values()
        if column["description"]
    }
    lacking = {
        (schema, table, column)
        for schema, table, column in columns
        if schema not in ("raw", "main") and not (table in GENERATED and GENERATED[table] in column)
    } - described
    assert lacking == set()


def test_the_exposure_of_the_report_names_what_it_reads(manifest, models):
    exposures = {exposure["name"]: exposure for exposure in manifest["exposures"].values()}
    assert set(exposures) == {"report", "slides", "bi_dashboard"}
    source = "".join(path.read_text() for path in (ROOT / "scripts" / "reporting").glob("*.py"))
    reads = re.findall(r'(?:marts|self)\["(\w+)"\]|(?:from|join) marts\.(\w+)', source)
    depends = {models[node]["name"] for node in exposures["report"]["depends_on"]["nodes"]}
    assert depends == {one or other for one, other in reads}


@pytest.mark.slow
def test_a_parsed_project_follows_the_number_of_threads(shop_data, tmp_path, monkeypatch):
    """dbt reads a file anew when it names a changed environment variable, but not for `target`."""
    project, warehouse = Project(tmp_path, tmp_path / "shared"), tmp_path / "shop.duckdb"
    for threads in (2, 1):
        monkeypatch.setenv("SEGMENTS_THREADS", str(threads))
        result = project.dbt(shop_data, warehouse, "parse", "--write-json")
        assert result.returncode == 0, result.stdout
        nodes = json.loads((project.target(warehouse) / "manifest.json").read_text())["nodes"]
        settings = [node["config"]["meta"] for node in nodes.values()]
        assert {s.get(n) for s in settings for n in ("processes", "threads")} == {None, threads}
