"""A build is held against the last one: what is gone stops it, until the loss is accepted."""

import json

import duckdb
import numpy as np
import pandas as pd
import pytest

VARS = {"source": "transactions", "first_evaluation_date": "2024-02-01"}
SELECTED = ("+int_build_measures", "+int_customer_versions", "int_cutoffs")


@pytest.fixture
def orders():
    rng = np.random.default_rng(1)
    seconds = np.sort(rng.choice(60 * 86_400, 400, replace=False))
    return pd.DataFrame(
        {
            "customer_id": [f"00{number}" for number in rng.integers(10, 99, 400)],
            "ordered_at": (pd.Timestamp("2024-01-01") + pd.to_timedelta(seconds, "s")).astype(str),
            "amount": rng.integers(1, 90, 400),
        }
    )


@pytest.mark.slow
def test_a_cut_file_or_other_ids_stop_the_build_until_the_loss_is_accepted(
    project, orders, tmp_path, read
):
    warehouse, folder = tmp_path / "shop.duckdb", tmp_path / "data"
    folder.mkdir()

    def built(rows: pd.DataFrame, **changes):
        rows.to_csv(folder / "transactions.csv", index=False)
        given = ("--vars", json.dumps(VARS | changes))
        result = project.dbt(
            folder, warehouse, "build", "--select", *SELECTED, "--exclude-resource-type",
            "unit_test", "--indirect-selection", "cautious", *given, quiet=False,
        )  # fmt: skip
        return result.returncode, result.stdout

    code, said = built(orders)
    assert code == 0, said
    before = read(warehouse, "select * from intermediate.int_customer_versions")

    cut, other_ids = orders[:300], orders.assign(customer_id=orders["customer_id"].str.lstrip("0"))
    people = orders["customer_id"].nunique()
    february = int((orders["ordered_at"] >= "2024-02-01").sum())
    lost = february - int((cut["ordered_at"] >= "2024-02-01").sum())
    for rows, sentence in (
        (cut, "transactions has 300 rows; at the last build it had 400."),
        (cut, f"orders of 2024-02 fell from {february} to {february - lost} since"),
        (other_ids, f"{people} of the {people} customers of the last build are gone; {people} of"),
    ):
        # A second try is held against the same build.
        code, said = built(rows)
        assert code == 1 and sentence in said, said
        assert before.equals(read(warehouse, "select * from intermediate.int_customer_versions"))
    code, said = built(cut, loss_severity="warn")
    assert code == 0 and "transactions has 300 rows" in said, said
    code, said = built(other_ids, max_loss=1)
    assert code == 0, said
    code, said = built(other_ids)
    assert code == 0 and "last build" not in said, said


@pytest.mark.parametrize("kind", ["double", "decimal(18, 1)"])
def test_ids_that_are_numbers_with_decimals_stop_the_build(project, orders, tmp_path, kind):
    with duckdb.connect() as connection:
        rows = connection.from_df(orders)
        assert rows.columns
        connection.execute(
            f"copy (select * replace (cast(customer_id as {kind}) as customer_id) from rows) "
            f"to '{tmp_path}/transactions.parquet'"
        )
    given = ("--vars", json.dumps(VARS))
    result = project.dbt(tmp_path, tmp_path / "shop.duckdb", "run", "--select", "staging", *given)
    assert result.returncode == 1
    assert "transactions.parquet, column customer_id: ids are stored as numbers" in result.stdout


def test_ids_that_a_program_took_for_numbers_are_told(project, orders, tmp_path, read):
    ids = orders["customer_id"].copy()
    ids.iloc[:30] = [f"{1000 + number}.0" for number in range(30)]
    ids.iloc[30:50] = "1.23E+12"
    ids.iloc[50:60] = [str(2**53 + 8 + number) + "0" for number in range(10)]
    orders.assign(customer_id=ids).to_csv(tmp_path / "transactions.csv", index=False)
    warehouse, given = tmp_path / "shop.duckdb", ("--vars", json.dumps(VARS))
    result = project.dbt(tmp_path, warehouse, "run", "--select", "staging", *given)
    assert result.returncode == 0, result.stdout
    told = read(warehouse, "select warning, sentence from staging.stg_data_warnings")
    told = dict(told.itertuples(index=False))
    assert told["ids with a point"].startswith("Customer ids that end in .0: 30.")
    assert "rounded numbers such as 1.23E+12: 1. Each" in told["rounded ids"]
    assert "numbers beyond 9007199254740992: 10. Programs" in told["long ids"]
