"""dbt-spark's `session` method, with Python models run in the same process.

dbt-spark sends Python models to Databricks only. This plugin runs them with the Spark session that
runs the SQL, by the interface that dbt-databricks has too: `dbt.ref` gives Spark DataFrames. It
inherits all else from dbt-spark; macros are looked for as `sparksession__`, then `spark__`.
"""

from __future__ import annotations

import atexit
import json
from dataclasses import dataclass
from pathlib import Path

from dbt.adapters.base import AdapterPlugin, PythonJobHelper, available
from dbt.adapters.contracts.connection import Connection
from dbt.adapters.spark.connections import SparkConnectionManager, SparkCredentials
from dbt.adapters.spark.impl import SparkAdapter

NAME = "sparksession"

# What rows of Parquet tables, which cannot be deleted, do not allow.
ON_SPARK = {
    "erase_customer": (
        "On Spark no customer can be erased: rows of Parquet tables cannot be deleted. Take the "
        "customer out of the raw files, drop the warehouse folder and build anew."
    ),
    "drop_registry": (
        "On Spark the registry goes with its tables: delete the folders of the schemas training, "
        "monitoring, champion and marts in the warehouse folder, and build anew."
    ),
}


class SessionPythonJob(PythonJobHelper):
    """Runs the compiled code of one Python model, which writes its table itself."""

    def __init__(self, parsed_model: dict, credentials: SparkCredentials) -> None:
        self.name = parsed_model["alias"]

    def submit(self, compiled_code: str) -> None:
        from pyspark.sql import SparkSession

        # Statements have run before: the session is there.
        scope = {"spark": SparkSession.builder.getOrCreate(), "__name__": f"model_{self.name}"}
        exec(compile(compiled_code, f"<{self.name}>", "exec"), scope)


@dataclass
class SparkSessionCredentials(SparkCredentials):
    """Nothing but `schema` and `server_side_parameters` (settings of the session) is needed."""

    method: str = "session"
    host: str = "localhost"

    @property
    def type(self) -> str:
        return NAME

    def _connection_keys(self) -> tuple[str, ...]:
        return ("schema", "server_side_parameters")


class SparkSessionConnectionManager(SparkConnectionManager):
    TYPE = NAME

    @classmethod
    def open(cls, connection: Connection) -> Connection:
        # Spark makes the folder of its tables, but not the one that Derby logs to.
        folder = connection.credentials.server_side_parameters.get("spark.sql.warehouse.dir", "")
        if folder and "://" not in folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
        return super().open(connection)


class SparkSessionAdapter(SparkAdapter):
    ConnectionManager = SparkSessionConnectionManager

    @classmethod
    def type(cls) -> str:
        return NAME

    @available
    def ask_python(self, function: str, request: str) -> str:
        """What the plugin of dbt-duckdb does by SQL functions (`segmentation_dbt`)."""
        from pyspark.sql import SparkSession

        from segmentation_dbt.faults import UserError
        from segmentation_dbt.raw_files_spark import load_raw_files
        from segmentation_dbt.relations import tell_misfit
        from segmentation_dbt.relations_spark import check_relation, prepare_relations
        from segmentation_dbt.settings import check_vars
        from segmentation_dbt.versions import check_library

        spark = SparkSession.builder.getOrCreate()  # it is there: statements have run before
        # Executors that end with the JVM, not with the session, count as failed on a cluster.
        atexit.register(spark.stop)
        asked = json.loads(request)
        alone = {"check_library": check_library, "check_vars": check_vars}
        alone |= {"tell_misfit": tell_misfit}
        with_spark = {"load_raw_files": load_raw_files, "prepare_relations": prepare_relations}
        with_spark |= {"check_relation": check_relation}
        try:
            if function in alone:
                return json.dumps({"told": alone[function](**asked)})
            if function in with_spark:
                return json.dumps({"told": with_spark[function](spark, **asked)})
        except UserError as error:
            return json.dumps({"fault": str(error)})
        if function in ("check_same_vars", "note_vars"):
            return json.dumps({"told": "On Spark nobody writes the vars down."})
        return json.dumps({"fault": ON_SPARK[function]})

    @property
    def default_python_submission_method(self) -> str:
        return "session"

    @property
    def python_submission_helpers(self) -> dict[str, type[PythonJobHelper]]:
        return {"session": SessionPythonJob}


Plugin = AdapterPlugin(
    adapter=SparkSessionAdapter,
    credentials=SparkSessionCredentials,
    include_path=str(Path(__file__).parents[2] / "include" / NAME),
    dependencies=["spark"],
)
