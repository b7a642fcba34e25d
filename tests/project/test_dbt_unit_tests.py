"""Each of dbt's unit tests, as a test of its own name; all of them run at once."""

import json
import shutil

import pytest
import yaml

from conftest import ROOT

FILES = sorted(
    file
    for folder in ("dbt_project/models", "python_models")
    for file in (ROOT / folder).rglob("*.yml")
)
NAMES = {
    test["name"]: "transactions" if "transactions" in file.parts else "olist"
    for file in FILES
    for test in yaml.safe_load(file.read_text()).get("unit_tests") or []
}


@pytest.fixture(scope="module")
def results(project, shop_data, shop_warehouse, tmp_path_factory):
    """By name of a unit test, its status and what dbt says of it."""
    warehouse = shutil.copy(shop_warehouse, tmp_path_factory.mktemp("units") / "shop.duckdb")
    found = {}
    flat = tmp_path_factory.mktemp("flat") / "transactions.csv"
    flat.write_text("customer_id,ordered_at,amount\na,2018-01-01,5\n")
    for models, changed in (
        ("test_type:unit", {}),
        ("stg_transactions__*", {"source": "transactions"}),
        ("stg_relations__*", {"source": "relations", "orders": {"path": "transactions.csv"}}),
    ):
        given = ("--vars", json.dumps(changed)) if changed else ()
        command = ("test", "--select", f"{models},test_type:unit", *given)
        if changed:  # fixtures have the columns of tables that are there
            result = project.dbt(flat.parent, warehouse, "run", "--select", f"+{models}", *given)
            assert result.returncode == 0, result.stdout
        result = project.dbt(shop_data, warehouse, *command, "--write-json")
        run = json.loads((project.target(warehouse, *given[1:]) / "run_results.json").read_text())
        found |= {
            node["unique_id"].rsplit(".", 1)[1]: (node["status"], node["message"], result.stdout)
            for node in run["results"]
        }
    return found


@pytest.mark.parametrize("name", NAMES)
def test_it_passes(name, results):
    assert name in results, "dbt has not run it"
    status, message, _ = results[name]
    assert status == "pass", message
