"""Ten whole builds of shops that do not change: the same as in the library, through all of SQL."""

import json

import duckdb
import pytest

from planted_changes import TRANSACTIONS, stationary, transactions_of

WEEKS = 40


@pytest.mark.slow
def test_of_ten_shops_that_do_not_change_one_at_most_breaks_a_clause(project, tmp_path):
    """Four thousand customers in a twelve-month window, forty weekly evaluations."""
    given = ("--vars", json.dumps(TRANSACTIONS | {"observation_months": 12}))
    broken = {}
    for seed in range(10):
        shop = stationary(seed, weeks=WEEKS, history_weeks=104, window_weeks=52)
        data = tmp_path / f"data {seed}"
        data.mkdir()
        transactions_of(shop).to_csv(data / "transactions.csv", index=False)
        warehouse = project.dbt_build(data, tmp_path / "shop.duckdb", *given)
        with duckdb.connect(str(warehouse)) as connection:
            found = connection.sql(
                "select ended_by from marts.champion_periods where ended_by is not null union all "
                "select clause from marts.maintenance_population_checks where is_beyond union all "
                "select check_name from marts.maintenance_data_checks where is_jump"
            ).fetchall()
            evaluations = connection.sql("select count(*) from marts.maintenance_drift").fetchall()
        assert evaluations[0][0] >= WEEKS - 1
        if found:
            broken[seed] = sorted({name for (name,) in found})
        warehouse.unlink()
    print(broken)
    assert len(broken) <= 1
