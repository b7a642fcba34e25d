"""The raw files, put into the warehouse while dbt starts.

Plain `dbt build` begins with it. The macros that do it ask for neither dbt's adapter nor the parsed
project, so `make build` runs them here, at a time when dbt has not got to its first query yet.
"""

import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import duckdb
import jinja2
import yaml
from dbt_common.clients.jinja import MacroReturn, get_template

from kept_tables import BuildError

ROOT = Path(__file__).resolve().parents[1]
PROJECT = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))

# The macros that read raw files, check vars and say how to write SQL: files of dbt_project/macros.
FILES = ["load_raw_files", "erase_customer", "validate_vars", "maintenance_clauses", "candidates"]
ADAPTERS = (ROOT / "dbt_project" / "macros" / "source_adapters").glob("*.sql")
FILES += ["dialect/texts", *sorted(f"source_adapters/{file.stem}" for file in ADAPTERS)]


class Macros:
    """Macros of the project without dbt, on DuckDB: `Macros({"currency": "€"}).validate_vars()`.

    `settings` are vars that differ from those in dbt_project.yml. Macros that query need a
    connection. They find what dbt gives them, as far as FILES ask for it.

    Raises
    ------
    BuildError
        If a macro stops with an error of its own.
    """

    def __init__(self, settings: dict, connection: duckdb.DuckDBPyConnection | None = None) -> None:
        self._connection = connection
        self._context = {
            "execute": True,
            "var": (PROJECT["vars"] | settings).__getitem__,
            "env_var": os.environ.get,
            "return": _return,
            "modules": {"re": re},
            "exceptions": {"raise_compiler_error": _stop},
            "flags": {"WHICH": "build"},
            "selected_resources": ["model.customer_segmentation.stg_orders"],
            "graph": {"sources": _sources()},
            "adapter": {"dispatch": self._dispatched, "quote": '"{}"'.format},
            "run_query": self._rows,
        }
        self._context["context"] = self._context
        for template in _templates():
            module = template.make_module(self._context)
            for name, macro in vars(module).items():
                if name.startswith("dbt_macro__"):
                    self._context[name.removeprefix("dbt_macro__")] = _returning(macro)

    def __getattr__(self, name: str) -> Callable:
        if name not in self._context:
            raise AttributeError(f"There is no macro {name} in {', '.join(FILES)}.")
        return self._context[name]

    def _dispatched(self, name: str) -> Callable:
        return self._context[f"default__{name}"]

    def _rows(self, query: str) -> SimpleNamespace:
        result = self._connection.execute(query)
        rows = result.fetchall() if result.description else []
        return SimpleNamespace(
            rows=rows, columns=[SimpleNamespace(values=lambda: [row[0] for row in rows])]
        )


def load_raw_files(data: Path, warehouse: Path, settings: dict) -> None:
    """Load the raw files of a folder into schema `raw` of a warehouse, all of them or none.

    Raises
    ------
    BuildError
        If a var or a file is at fault; the message names it.
    """
    with _connection_of_profile(warehouse) as connection:
        macros = Macros(settings, connection)
        macros.validate_vars()
        macros.load_raw_files(str(data.resolve()))


def _connection_of_profile(warehouse: Path) -> duckdb.DuckDBPyConnection:
    """A connection with the settings of the target duckdb in profiles.yml."""
    # Rendered value by value, as dbt does: a path may hold quotes.
    given = (os.environ | {"SEGMENTS_WAREHOUSE": str(warehouse)}).get
    profiles = yaml.safe_load((ROOT / "profiles.yml").read_text(encoding="utf-8"))
    target = profiles[PROJECT["profile"]]["outputs"]["duckdb"]
    options = {
        name: jinja2.Template(str(value)).render(env_var=given)
        for name, value in target["config_options"].items()
    }
    connection = duckdb.connect(str(warehouse), config=options)
    for name, value in target["settings"].items():
        connection.execute(f"set {name} = '{value}'")
    return connection


@cache
def _sources() -> dict[str, dict]:
    """What the project declares of its sources, as dbt's graph has it."""
    sources = {}
    for file in (ROOT / "dbt_project" / "models").rglob("_*sources.yml"):
        for source in yaml.safe_load(file.read_text(encoding="utf-8"))["sources"]:
            for table in source["tables"]:
                columns = {column["name"]: column for column in table.get("columns", [])}
                declared = {"source_name": source["name"], "columns": columns}
                declared["identifier"] = table.get("identifier", table["name"])
                sources[f"{source['name']}.{table['name']}"] = declared
    return sources


@cache
def _templates() -> list[jinja2.Template]:
    folder = ROOT / "dbt_project" / "macros"
    return [get_template((folder / f"{file}.sql").read_text("utf-8"), {}) for file in FILES]


def _returning(macro: Callable) -> Callable:
    """A macro that gives what it says with `return`, else the text that it makes."""

    def call(*arguments, **named):
        try:
            return macro(*arguments, **named)
        except MacroReturn as result:
            return result.value

    return call


def _return(value: object) -> None:
    raise MacroReturn(value)


def _stop(message: str) -> None:
    raise BuildError(message)
