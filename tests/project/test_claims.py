"""What pages claim is in the marts of unlike shops: large and small, broken, of nine segments."""

import json

import pytest

import other_shops
from make_cdnow_data import write as write_cdnow
from make_demo_data import make_demo_data
from page_claims import assert_claims_hold

pytestmark = pytest.mark.slow

TRANSACTIONS = {
    "source": "transactions",
    "transaction_columns": {name: name for name in ("customer_id", "ordered_at", "amount")},
}


def demo(folder):
    make_demo_data(folder, customers=6_000, seed=1, file_format="csv")


def cdnow(folder):
    write_cdnow(folder)
    return {
        "source": "transactions",
        "transaction_columns": {
            "customer_id": "customer_id",
            "ordered_at": "date",
            "amount": "dollar_value",
        },
        "csv_format": {"timestamp_format": "%Y%m%d"},
    }


def fifty(folder):
    other_shops.fifty_customers().to_csv(folder / "transactions.csv", index=False)
    return TRANSACTIONS | {"first_evaluation_date": "2022-04-01"}


@pytest.mark.parametrize(
    ("make", "given"),
    [
        pytest.param(demo, {}, id="demo"),
        pytest.param(demo, {"pinned_candidate": "kmeans-9-rfm-review"}, id="nine segments"),
        pytest.param(demo, {"refit_policy": "never"}, id="broken"),
        pytest.param(cdnow, {}, id="CDNOW"),
        pytest.param(fifty, {}, id="fifty customers"),
    ],
)
def test_what_the_pages_claim_is_in_the_marts(project, tmp_path, make, given):
    folder = tmp_path / "data"
    folder.mkdir()
    settings = (make(folder) or {}) | given
    warehouse = tmp_path / "shop.duckdb"
    project.dbt_build(folder, warehouse, "--vars", json.dumps(settings))
    assert_claims_hold(warehouse)
