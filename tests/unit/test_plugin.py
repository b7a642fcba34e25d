"""What the plugin of dbt-duckdb does to the connection that dbt opens."""

import json

import duckdb

from segmentation_dbt import FUNCTIONS, Plugin


def test_times_are_utc_on_a_machine_of_any_time_zone():
    with duckdb.connect() as connection:
        connection.execute("set global TimeZone = 'America/New_York'")
        Plugin("segmentation_dbt", {}).configure_connection(connection)
        for cursor in (connection, connection.cursor()):
            zone = cursor.execute("select current_setting('TimeZone')").fetchall()
            assert zone == [("UTC",)]


def test_functions_answer_with_what_they_tell_or_with_the_fault():
    with duckdb.connect() as connection:
        Plugin("segmentation_dbt", {}).configure_connection(connection)
        names = connection.execute(
            "select distinct function_name from duckdb_functions() "
            "where starts_with(function_name, 'segmentation_')"
        ).fetchall()
        assert {name for (name,) in names} == {f"segmentation_{name}" for name in FUNCTIONS}
        request = json.dumps({"version": "no version"})
        answer = connection.execute("select segmentation_check_library(?)", [request]).fetchall()
        assert "pip install customer-segments==no version" in json.loads(answer[0][0])["fault"]
