"""Look at a file of orders, propose the vars that it needs, and tell what a build would make of it.

    python scripts/look.py path/to/orders.csv
    python scripts/look.py path/to/folder --vars shop.yml

The vars go into a YAML file in the current folder, with what is not sure as comments. What would be
built is what the models of the project say: staging and the features run on the file, in a
warehouse that is gone afterwards.

Exit codes: 0 the file of vars builds as it is, 1 it does not, or there is none.
"""

import argparse
import re
import shlex
import sys
import tempfile
import textwrap
import time
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import duckdb
import yaml

from build import RESERVED
from dbt_runs import ROOT, DbtRuns
from segmentation_dbt.faults import UserError, described
from segmentation_dbt.orders_file import OrdersFile, find_orders_file
from segmentation_dbt.proposals import Proposal, propose
from segmentation_dbt.settings import NEEDED_COLUMNS
from workshop import BuildError

PRESETS = ROOT / "presets"
OLIST = "olist_orders_dataset"

# What tells orders, customers and revenue, and what is rejected.
MODELS = ["+int_customer_features", "stg_raw_tables", "+stg_data_warnings"]


@dataclass(frozen=True)
class Figures:
    """What a build would make of the orders.

    Attributes
    ----------
    customers, orders : int
        Of the published state; orders that count.
    revenue : decimal.Decimal
        What these customers have spent.
    first, last : datetime.datetime
        When the first and the last of these orders were placed.
    rows_in, rows_rejected : int
        Of the raw tables.
    warnings : list of str
        Doubts about the data that no row by itself shows.
    """

    customers: int
    orders: int
    revenue: object
    first: object
    last: object
    rows_in: int
    rows_rejected: int
    warnings: list[str]


def presets() -> dict[str, dict]:
    """Return the vars of each preset, by name."""
    files = sorted(PRESETS.glob("*.yml"))
    return {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in files}


def proposal_of(data: Path) -> tuple[Path, Proposal, str]:
    """Find the file of orders that is meant, and propose its vars.

    Parameters
    ----------
    data : Path
        A file, or a folder.

    Returns
    -------
    Path
        The file, or the folder of Olist's files.
    Proposal
        Its vars.
    str
        The file in words.

    Raises
    ------
    UserError
        If there is no such file, or it is not the only one.
    """
    known = presets()
    if any((data / f"{OLIST}.{ending}").is_file() for ending in ("csv", "parquet")):
        told = Proposal(settings=dict(known["olist"]), preset="olist")
        told.doubts["file"].append(
            "These are Olist's nine files, source: olist. For tables of your own in that form, "
            "give your currency and first_evaluation_date."
        )
        return data, told, f"{data}: Olist's files"
    path = find_orders_file(data)
    with tempfile.TemporaryDirectory() as folder:
        file = OrdersFile(path, Path(folder))
        try:
            told = propose(file, known)
            unused = [name for name in file.columns if name not in _names_in(told)]
        finally:
            file.close()
    if unused:
        told.hints["transaction_columns"] = f"Columns that are not used: {', '.join(unused)}."
    written = f", {file.encoding}" if file.encoding else ""
    return path, told, f"{path}: {file.rows:,} rows, {len(file.columns)} columns{written}"


def _names_in(told: Proposal) -> set[str]:
    computed = " ".join(each["sql"] for each in told.columns.values() if isinstance(each, dict))
    plain = {name for name in told.columns.values() if isinstance(name, str)}
    return plain | set(re.findall(r'"(.+?)"', computed))


def name_of(data: Path, path: Path) -> str:
    """Name a file of vars, and a warehouse, after the orders: a plain name."""
    is_plain = path.is_file() and path.stem != "transactions"
    stem = path.stem if is_plain else (data.parent if data.is_file() else data).resolve().name
    name = re.sub(r"[^\w.-]+", "-", stem).strip("-.") or "orders"
    return f"{name}-orders" if name in RESERVED or name.endswith(".previous") else name


def text_of(told: Proposal, command: str, about: str) -> str:
    """Write vars as YAML, with doubts and hints as comments above the var that they are about.

    Parameters
    ----------
    told : Proposal
        The vars.
    command : str
        What builds with them.
    about : str
        The file in words.
    """
    lines = [f"# Vars that make look proposes for {about}."]
    if told.preset:
        lines += [f"# Its columns are those of presets/{told.preset}.yml."]
    lines += ["# Check what is unsure; then:", f"#   {command}"]
    lines += _comments(*(f"Unsure: {doubt}" for doubt in told.doubts.get("file", [])))
    for name in dict.fromkeys([*told.settings, *told.hints, *told.doubts]):
        comments = [told.hints[name]] if name in told.hints else []
        comments += [f"Unsure: {doubt}" for doubt in told.doubts.get(name, [])]
        lines += _comments(*comments) if name != "file" else []
        if name in told.settings:
            # A list in one line.
            style = None if isinstance(told.settings[name], list) else False
            lines += yaml.safe_dump(
                {name: told.settings[name]},
                allow_unicode=True,
                sort_keys=False,
                default_flow_style=style,
                width=100,
            ).splitlines()
    return "\n".join(lines) + "\n"


def _comments(*sentences: str) -> list[str]:
    parts = [part for sentence in sentences for part in sentence.splitlines()]
    return [f"# {line}" for part in parts for line in textwrap.wrap(_visible(part), 98)]


def _visible(text: str) -> str:
    """Replace control characters of a file, which are not for a terminal or a comment."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "\ufffd", text)


def figures_of(data: Path, settings: dict, name: str) -> Figures:
    """Run staging and the features on orders, and tell what they hold.

    Parameters
    ----------
    data : Path
        A file, or the folder of Olist's files.
    settings : dict
        The vars.
    name : str
        Of the warehouse; one of this name takes over what dbt has parsed.

    Raises
    ------
    BuildError
        If a build would stop; the message says why.
    """
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        warehouse = Path(folder) / f"{name}.duckdb"
        DbtRuns(data, warehouse, settings, is_quiet=True).run(*MODELS)
        with duckdb.connect(str(warehouse)) as connection:
            return _figures(connection)


def _figures(connection: duckdb.DuckDBPyConnection) -> Figures:
    def rows(query: str) -> list[tuple]:
        return connection.execute(query).fetchall()

    customers, orders, revenue = rows(
        "select count(*), sum(frequency), sum(monetary_value) "
        "from intermediate.int_customer_features "
        "semi join (from intermediate.int_cutoffs where is_as_of) using (cutoff)"
    )[0]
    first, last = rows(
        "select min(ordered_at), max(ordered_at) from intermediate.int_orders where is_counted and "
        "ordered_at < (select cutoff from intermediate.int_cutoffs where is_as_of)"
    )[0]
    rows_in, rejected = rows(
        "select sum(rows_in), sum(rows_in - rows_accepted) from staging.stg_raw_tables"
    )[0]
    warnings = [told for (told,) in rows("select sentence from staging.stg_data_warnings")]
    return Figures(
        customers, int(orders or 0), revenue or 0, first, last, rows_in, rejected, warnings
    )


def print_proposal(told: Proposal, about: str) -> None:
    """Print what the columns are, and what is not sure."""
    print(_visible(about))
    if told.preset:
        print(f"Its columns are those of presets/{told.preset}.yml.")
    if "transaction_columns" in told.settings:
        columns = ", ".join(
            f"{column} = {name if isinstance(name, str) else name['sql']}"
            for column, name in told.columns.items()
        )
        print(_wrapped(f"Columns: {columns}"))
        skipped = ("source", "transaction_columns")
        others = {n: value for n, value in told.settings.items() if n not in skipped}
        shown = yaml.safe_dump(
            others, allow_unicode=True, sort_keys=False, default_flow_style=True, width=10_000
        )
        print(_wrapped(f"Vars: {shown.strip()[1:-1]}"))
    for var, doubts in told.doubts.items():
        for doubt in doubts:
            print(_wrapped(f"Unsure, {var}: {doubt}" if var != "file" else f"Unsure: {doubt}"))
    if "time_zone" in told.hints:
        print(_wrapped(f"Unsure, time_zone: {told.hints['time_zone'].splitlines()[0]}"))


def print_figures(figures: Figures, settings: dict) -> None:
    """Print what would be built."""
    money = f"{settings.get('currency', '')} {figures.revenue:,.2f}".strip()
    print(
        _wrapped(
            f"Would build: {figures.orders:,} orders of {figures.customers:,} customers, from "
            f"{figures.first:%Y-%m-%d} to {figures.last:%Y-%m-%d}, {money}. "
            f"Raw rows rejected: {figures.rows_rejected:,} of {figures.rows_in:,}."
        )
    )
    for warning in figures.warnings:
        print(_wrapped(f"Check the file: {warning}"))


def _wrapped(text: str) -> str:
    return textwrap.fill(_visible(text), 98, subsequent_indent="  ", break_on_hyphens=False)


def write(path: Path, text: str) -> str:
    """Write a file of vars that is not there yet; returns what was done.

    Raises
    ------
    UserError
        If one is there that says something else, or the folder cannot be written to.
    """
    if path.exists():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return f"{path} says so already."
        raise UserError(
            f"{path} is there already, and says something else. Give another name, "
            f"VARS={path.stem}-2.yml, or delete it."
        )
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}. Name it with VARS.") from None
    return f"Written: {path}"


def look(data: Path, target: Path | None) -> int:
    """Propose vars, write them, and tell what would be built; returns the exit code.

    Raises
    ------
    UserError
        If the data or the target are at fault.
    """
    started = time.monotonic()
    path, told, about = proposal_of(data)
    name = name_of(data, path)
    target = target or Path(f"{name}.yml")
    command = " ".join(
        f"{variable}={shlex.quote(str(value))}"
        for variable, value in (
            ("DATA", path),
            ("VARS", target),
            ("WAREHOUSE", f"warehouse/{name}.duckdb"),
        )
    )
    print_proposal(told, about)
    done = write(target, text_of(told, f"make build {command}", about))
    print(done, flush=True)
    columns = told.settings.get("transaction_columns")
    needed = [
        *NEEDED_COLUMNS[:2],
        "unit_price" if columns and "unit_price" in columns else "amount",
    ]
    if columns is not None and (missing := [c for c in needed if c not in columns]):
        raise UserError(
            f"{target} does not say which column is {' and which is '.join(missing)}: enter it "
            "under transaction_columns (a file without money has amount: null)."
        )
    try:
        print_figures(figures_of(path.resolve(), told.settings, name), told.settings)
    except BuildError as error:
        print(f"\nA build with {target} would stop:\n{error}", file=sys.stderr)
        return 1
    print(f"Looked for {time.monotonic() - started:.0f} s. Next:\n  make build {command}")
    return 0


def main() -> int:
    """Look, and tell; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a file of orders, or the folder that holds it")
    parser.add_argument(
        "--vars", type=Path, metavar="FILE", help="the file to write; NAME.yml by default"
    )
    arguments = parser.parse_args()
    try:
        return look(arguments.data, arguments.vars)
    except (UserError, OSError, duckdb.Error) as error:
        print(_visible(described(error)), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
