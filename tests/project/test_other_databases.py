"""Orders in PostgreSQL, in SQLite and in a workbook, by the plugins of dbt-duckdb.

Each is a source that a YAML file in the project's folder declares, as
docs/guides/your-own-orders.md has it.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy
import yaml
from test_exports import features_of
from test_source_relations import Tables, assert_right, profile_with, run_layers

from conftest import ROOT

pytestmark = pytest.mark.slow

COLUMNS = {"customer_id": "buyer", "ordered_at": "at", "order_id": "id", "order_status": "status"}
LINES = {"order_id": "order_id", "items": "quantity", "unit_price": "price"}
TABLES = {"orders": "select * from shop_orders", "order_lines": "select * from shop_lines"}


def frames_of(seed: int, *, buyers=str) -> tuple[Tables, dict]:
    tables = Tables(seed)
    status = tables.orders.columns[-1]
    orders = tables.orders.rename(columns={status: "status", "placed at": "at"})
    orders["at"] = orders["at"].dt.tz_localize(None)
    orders["buyer"] = orders["buyer"].str.removeprefix("b").astype(int).map(buyers)
    lines = tables.lines.rename(columns={"order": "order_id"})
    return tables, {"orders": orders, "order_lines": lines[["order_id", "quantity", "price"]]}


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of the project, into which somebody puts a file of sources."""
    folder = tmp_path_factory.mktemp("copied") / "project"
    folder.mkdir()
    for name in ("dbt_project", "python_models"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("dbt_project.yml", "selectors.yml", ".dbtignore"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def declare(copied: Path, **meta: dict) -> None:
    """Put the file of sources into the project; `meta` says of each table where it is."""
    tables = [
        {"name": name, "description": "One row per row of the shop.", "config": {"meta": told}}
        for name, told in meta.items()
    ]
    sources = [{"name": "crm", "schema": "crm", "tables": tables}]
    path = copied / "dbt_project/models/staging/relations/my_sources.yml"
    path.write_text(yaml.safe_dump({"version": 2, "sources": sources}))


def assert_built(project, copied, folder, read, tables, *, plugin: dict, expected=None, **more):
    settings = {"orders": {"source": ["crm", "orders"]}, "columns": COLUMNS} | more
    profiles = profile_with(folder / "profiles", plugins=[plugin])
    options = ("--project-dir", str(copied))
    warehouse = folder / "shop.duckdb"
    run_layers(project, warehouse, profiles, settings, options=options)
    right = tables.right()
    right.index = right.index.str.removeprefix("b").astype(int).map(expected or str)
    assert_right(features_of(read, warehouse), right.sort_index())
    ledger = read(warehouse, "from marts.data_quality_ledger where rule = 'all rules'")
    rows = ledger.set_index("raw_table")["rows_accepted"]
    assert rows["orders"] == len(tables.orders)


def write_into(url: str, frames: dict, **types) -> None:
    engine = sqlalchemy.create_engine(url)
    for name, frame in frames.items():
        table = TABLES[name].rpartition(" ")[2]
        frame.to_sql(table, engine, index=False, dtype=types if name == "orders" else None)
    engine.dispose()


def by_query(alias: str) -> dict:
    return {name: {"plugin": alias, "query": query} for name, query in TABLES.items()}


def test_orders_in_sqlite(project, copied, tmp_path, read):
    tables, frames = frames_of(21, buyers=int)
    # SQLite keeps times as texts.
    frames["orders"]["at"] = frames["orders"]["at"].astype(str)
    url = f"sqlite:///{tmp_path / 'crm.sqlite'}"
    write_into(url, frames)
    declare(copied, **by_query("sqlalchemy"))
    plugin = {"module": "sqlalchemy", "config": {"connection_url": url}}
    lines = {"source": ["crm", "order_lines"], "columns": LINES}
    assert_built(project, copied, tmp_path, read, tables, plugin=plugin, order_lines=lines)


def binaries_of_postgresql() -> Path | None:
    there = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = str(there[-1]) if there else shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def postgresql() -> Iterator[str]:
    """A server of its own, reached by a socket in a folder of its own; yields its URL."""
    binaries = binaries_of_postgresql()
    if binaries is None:
        pytest.skip("needs PostgreSQL: initdb is neither in /usr/lib/postgresql nor on the path")
    # The path of a socket must be short, and the server refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    user = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(folder, "nobody")
    try:
        options = ["-D", folder / "data", "-U", "shop", "-A", "trust", "-E", "UTF8", "--locale=C"]
        subprocess.run(
            [binaries / "initdb", *options], check=True, capture_output=True, cwd="/", **user
        )
        server = subprocess.Popen(
            [binaries / "postgres", "-D", folder / "data", "-k", folder, "-h", ""],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **user,
        )
        try:
            url = f"postgresql+psycopg2://shop@/postgres?host={folder}"
            wait_for(url)
            yield url
        finally:
            server.terminate()
            server.wait(timeout=60)
    finally:
        shutil.rmtree(folder)


def wait_for(url: str) -> None:
    engine = sqlalchemy.create_engine(url)
    for _ in range(200):
        try:
            engine.connect().close()
            return
        except sqlalchemy.exc.OperationalError:
            time.sleep(0.1)
        finally:
            engine.dispose()
    raise AssertionError("PostgreSQL has not started")


def test_orders_in_postgresql(project, copied, tmp_path, read):
    tables, frames = frames_of(22, buyers=int)
    frames["orders"]["at"] = frames["orders"]["at"].dt.tz_localize("America/Recife")
    frames["order_lines"]["price"] = frames["order_lines"]["price"].map("{:.2f}".format)
    with postgresql() as url:
        write_into(url, frames, at=sqlalchemy.TIMESTAMP(timezone=True))
        numeric = "select order_id, quantity, price::numeric(12, 2) as price from shop_lines"
        meta = by_query("crm_database") | {
            "order_lines": {"plugin": "crm_database", "query": numeric}
        }
        declare(copied, **meta)
        plugin = {"module": "sqlalchemy", "alias": "crm_database"}
        plugin |= {"config": {"connection_url": url}}
        lines = {"source": ["crm", "order_lines"], "columns": LINES}
        assert_built(
            *(project, copied, tmp_path, read, tables),
            plugin=plugin,
            order_lines=lines,
            time_zone="America/Recife",
        )


def test_orders_in_a_workbook(project, copied, tmp_path, read):
    tables, frames = frames_of(23, buyers=int)
    spent = (frames["order_lines"]["price"] * 100).round() * frames["order_lines"]["quantity"]
    spent = spent.groupby(frames["order_lines"]["order_id"]).sum() / 100
    orders = frames["orders"].assign(total=frames["orders"]["id"].map(spent))
    orders.to_excel(tmp_path / "crm.xlsx", sheet_name="Orders", index=False)
    declare(
        copied,
        orders={
            "plugin": "excel",
            "external_location": str(tmp_path / "crm.xlsx"),
            "sheet_name": "Orders",
        },
    )
    columns = COLUMNS | {"amount": "total"}
    assert_built(
        *(project, copied, tmp_path, read, tables), plugin={"module": "excel"}, columns=columns
    )
