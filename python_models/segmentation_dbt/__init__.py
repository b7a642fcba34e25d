"""What dbt calls of Python outside its models: raw files, vars and erasure.

`profiles.yml` names this package under `plugins:`, and dbt-duckdb loads the class `Plugin`. It adds
SQL functions to the connection, so that a macro is a line: it sends a request as JSON and gets an
answer as JSON, `{"fault": …}` for what a user has to mend and `{"told": …}` else.
"""

import json
from collections.abc import Callable

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from segmentation_dbt.erasure import drop_registry, erase_customer
from segmentation_dbt.faults import UserError, described
from segmentation_dbt.loads import take_in
from segmentation_dbt.raw_files import load_raw_files
from segmentation_dbt.relations import check_relation, prepare_relations, tell_misfit
from segmentation_dbt.settings import check_same_vars, check_vars, note_vars
from segmentation_dbt.versions import check_library

FUNCTIONS = {
    "check_library": lambda connection, **request: check_library(**request),
    "check_vars": lambda connection, **request: check_vars(**request),
    "check_same_vars": check_same_vars,
    "note_vars": note_vars,
    "load_raw_files": load_raw_files,
    "take_in": take_in,
    "prepare_relations": prepare_relations,
    "check_relation": check_relation,
    "tell_misfit": lambda connection, **request: tell_misfit(**request),
    "erase_customer": erase_customer,
    "drop_registry": drop_registry,
}


class Plugin(BasePlugin):
    """The plugin of dbt-duckdb: makes each of `FUNCTIONS` a SQL function."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Add the functions to the connection that dbt has opened, and let its time be UTC.

        Not by `settings` of the profile: dbt-duckdb hands those to every plugin, and sqlalchemy
        refuses them.
        """
        conn.execute("set global TimeZone = 'UTC'")
        text = duckdb.sqltype("VARCHAR")
        for name, function in FUNCTIONS.items():
            answer = _answering(conn, function)
            conn.create_function(f"segmentation_{name}", answer, [text], text, side_effects=True)


def _answering(conn: duckdb.DuckDBPyConnection, function: Callable) -> Callable[[str], str]:
    """Take a request as JSON, work on a connection of its own, and answer as JSON."""

    def answer(request: str) -> str:
        with conn.cursor() as cursor:
            try:
                return json.dumps({"told": function(cursor, **json.loads(request))})
            except (UserError, duckdb.Error, OSError) as error:
                return json.dumps({"fault": described(error)})

    return answer
