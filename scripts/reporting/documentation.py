"""dbt's documentation of all tables, as one page that opens from the file system.

    python -m reporting.documentation FILE

dbt reads column types from the warehouse that SEGMENTS_WAREHOUSE names, and locks it; so that
nobody waits, `written_meanwhile` gives it a copy without rows, and a DBT_TARGET_PATH with what the
last build has read of the project.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from dbt_runs import target_folder
from reporting.marts import ReportError
from segmentation_dbt.tables import literal

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def written_meanwhile(warehouse: Path, page: Path, changed: dict) -> Iterator[Callable[[], None]]:
    """Write the documentation in a process of its own; yields what waits for its end.

    `changed` are the vars, other than those in dbt_project.yml, that the warehouse was built with.

    What it yields raises ReportError if dbt has failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / warehouse.name
        _copy_without_rows(warehouse, copy)
        target = Path(folder) / "target"
        target.mkdir()
        with suppress(FileNotFoundError):  # else dbt reads the project anew
            read_by_build = target_folder(warehouse, changed) / "partial_parse.msgpack"
            shutil.copy(read_by_build, target)
        environment = os.environ | {
            "DBT_TARGET_PATH": str(target),
            "SEGMENTS_WAREHOUSE": copy.name,  # as the build names it; dbt runs in the folder
            "DBT_PROFILES_DIR": str(ROOT),
            "DBT_PROJECT_DIR": str(ROOT),
            "PYTHONPATH": str(ROOT / "scripts"),
        }
        command = [sys.executable, "-m", "reporting.documentation", str(page.resolve())]
        command += ["--vars", json.dumps(changed, default=str)] if changed else []
        with subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:

            def wait() -> None:
                told = process.communicate()[0].strip()
                if process.returncode:
                    raise ReportError(f"dbt cannot write its documentation:\n{told}")

            try:
                yield wait
            except BaseException:
                process.terminate()
                raise


def _copy_without_rows(warehouse: Path, copy: Path) -> None:
    with duckdb.connect(str(copy)) as connection:
        connection.execute(f"attach {literal(warehouse)} as published (read_only)")
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'published' "
            "union all "
            "select schema_name, view_name from duckdb_views() where database_name = 'published' "
            "and not internal"
        ).fetchall():
            connection.execute(f'create schema if not exists "{schema}"')
            connection.execute(
                f'create table "{schema}"."{table}" as from published."{schema}"."{table}" limit 0'
            )


def main(page: Path, *changed_vars: str) -> int:
    """Write the page; returns the exit code."""
    from dbt.cli.main import dbtRunner  # takes seconds to load

    runner = dbtRunner()
    for command in (["parse"], ["docs", "generate", "--static", "--no-compile"]):
        result = runner.invoke(["--quiet", *command, *changed_vars])
        if not result.success:
            print(result.exception or "dbt says no more.")
            return 1
    shutil.copyfile(Path(os.environ["DBT_TARGET_PATH"]) / "static_index.html", page)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
