"""Run `dbt build` beside the published warehouse, put the result in its place, and tell a person.

    python scripts/build.py --data data/demo --warehouse warehouse/segments.duckdb
    python scripts/build.py --data data/demo --warehouse warehouse/segments.duckdb --compare always
    python scripts/build.py --data data/cdnow --warehouse warehouse/cd.duckdb --vars docs/cdnow.yml

With `--compare` it compares the candidates for the model first: always, or when the customers or
settings that the last comparison depends on have changed.

The build goes into a folder of its own. Only when every model and test has passed does its file
replace the published one, in one step: readers see the old state or the new one, and a failed build
changes nothing.

Exit codes: 0 the tables are published, 1 they are not, 3 they are published and the maintenance
contract is broken, in a clause of severity error.
"""

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import duckdb
import yaml

from dbt_runs import ROOT, DbtRuns, dbt_process, out_of_memory, plain, print_step
from kept_tables import (
    BACKUP,
    KEPT_TABLES,
    BuildError,
    DamagedError,
    backup_of,
    copy_kept_tables,
    copy_tables,
    drop_tables,
    name_aside,
    newest_decision_in,
    note_reviewed,
    open_for_writing,
    reviewed_tables_in,
)

# In a file named after one of its schemas, `marts.customer_segments` is ambiguous to DuckDB; the
# last names are databases of DuckDB's own.
RESERVED = ["raw", "staging", "seeds", "intermediate", "selection", "training", "monitoring"]
RESERVED += ["champion", "marts", "main", "temp", "system", "memory"]

CONTRACT_BROKEN = 3


def build(
    data: Path, warehouse: Path, compare: str = "never", settings: Path | None = None
) -> None:
    """Build the warehouse from the raw files in `data`, or leave it as it is.

    `compare` says when to compare the candidates for the model: never, stale or always. `settings`
    is a YAML file of vars that differ from those in dbt_project.yml.

    Raises
    ------
    BuildError
        If the data or the project are at fault, or another build of the warehouse is running.
    """
    if (
        not re.fullmatch(r"[\w .-]+\.duckdb", warehouse.name)
        or warehouse.stem in RESERVED
        or warehouse.name.endswith(BACKUP)
    ):
        raise BuildError(
            f"The warehouse must be a .duckdb file with a plain name that does not end in {BACKUP} "
            f"and is not one of {', '.join(RESERVED)}; {warehouse} is not."
        )
    changed = vars_of(settings)
    fingerprint = _fingerprint_of_project(changed)
    try:
        warehouse.parent.mkdir(parents=True, exist_ok=True)
        (warehouse.parent / f".{warehouse.stem}.lock").touch()
    except OSError as error:
        raise BuildError(
            f"The folder {warehouse.parent} cannot be written to: {error.strerror}."
        ) from None
    # A view names the database that it is in, so the file keeps its name and only moves.
    workshop = warehouse.parent / f".{warehouse.stem}.building"
    with only_build_of(warehouse):
        shutil.rmtree(workshop, ignore_errors=True)
        workshop.mkdir()
        built = workshop / warehouse.name
        try:
            with dbt_process(data, built, changed) as dbt:
                is_damaged = _take_over(warehouse, built)
                print("Starting dbt", flush=True)
                if built.exists():  # the new backup, as far as it stays the same
                    shutil.copyfile(built, backup_of(built))
                _load_raw_files(data, built, changed)
                if compare != "always":
                    _build_what_has_changed(dbt, warehouse, built, fingerprint)
                if compare == "always" or (compare == "stale" and _has_no_valid_comparison(built)):
                    note_reviewed(built, dbt.build("comparison"), fingerprint)
                dbt.end()
                _write_out(built)
                copy_kept_tables(built, backup_of(built))
            if is_damaged:
                _move_aside(warehouse)
            _publish(built, warehouse)
            _publish(backup_of(built), backup_of(warehouse))
        finally:
            shutil.rmtree(workshop, ignore_errors=True)


@contextmanager
def only_build_of(warehouse: Path) -> Iterator[None]:
    """Hold the lock that a build holds; raises BuildError if another one has it."""
    lock = warehouse.parent / f".{warehouse.stem}.lock"
    with lock.open("w") as file:
        # What a killed build leaves running holds the lock to its own end.
        os.set_inheritable(file.fileno(), True)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"Another build of {warehouse} is running; wait for its end."
            raise BuildError(message) from None
        yield


def _take_over(published: Path, warehouse: Path) -> bool:
    """Copy the tables that outlast a build, from the backup if need be; tells whether it is.

    Returns whether the published file is damaged.

    Raises
    ------
    BuildError
        If neither the published file nor a backup can be read.
    """
    backup, damage = backup_of(published), None
    if published.exists():
        try:
            if _copy_from_published(published, warehouse) or not backup.exists():
                return False
            fault = f"{published} holds no ledger."
        except DamagedError as error:
            damage = str(error)
            fault = f"{published} is damaged ({damage})."
    elif backup.exists():
        fault = f"There is no {published}."
    else:
        return False
    try:
        copy_kept_tables(backup, warehouse)
    except (DamagedError, FileNotFoundError) as error:
        raise BuildError(
            f"{fault} Its backup {backup} "
            + ("is damaged too." if isinstance(error, DamagedError) else "does not exist.")
            + " To begin anew from the raw files, move away what there is of the two. Lost are "
            "then the ids and history of segments, the comparison of candidates (make compare) and "
            "the list of erased customers (make erase for each of them again)."
        ) from None
    print(
        f"{fault} The ledger comes from its backup {backup}, {newest_decision_in(backup)}."
        + (f" The build moves the damaged file to {name_aside(published)}." if damage else ""),
        flush=True,
    )
    return damage is not None


def _copy_from_published(published: Path, warehouse: Path) -> int:
    """Copy the kept tables; most of them are in the backup, whose file is copied in no time."""
    if backup_of(published).exists():
        shutil.copyfile(backup_of(published), warehouse)
        try:
            return copy_kept_tables(published, warehouse)
        except duckdb.Error:  # the backup cannot be read
            warehouse.unlink()
            warehouse.with_name(warehouse.name + ".wal").unlink(missing_ok=True)
    return copy_kept_tables(published, warehouse)


def _load_raw_files(data: Path, built: Path, changed: list[str]) -> None:
    """Load the raw files while dbt starts, and tell how long it takes."""
    from raw_files import load_raw_files  # which takes a second, and dbt is not to wait for it

    started = time.monotonic()
    try:
        load_raw_files(data, built, json.loads(changed[1]) if changed else {})
    except duckdb.OutOfMemoryException:
        raise BuildError(out_of_memory("Reading the raw files")) from None
    except duckdb.Error as error:
        raise BuildError(plain(str(error))) from None
    print_step("", "raw files", time.monotonic() - started)


def _write_out(built: Path) -> None:
    """Move into the file what DuckDB still keeps in the write-ahead log beside it.

    DuckDB does so when it closes a file, and passes over it without an error when the disk is full.
    """
    with open_for_writing(built) as connection:
        connection.execute("force checkpoint")


def _move_aside(damaged: Path) -> None:
    """Give a damaged file, and what a killed session has left of it, another name."""
    aside, log = name_aside(damaged), damaged.with_name(damaged.name + ".wal")
    if log.exists():
        log.rename(aside.with_name(aside.name + ".wal"))
    damaged.rename(aside)


def _publish(built: Path, place: Path) -> None:
    # What a killed session has left of the file that goes; it would not fit the new one.
    place.with_name(place.name + ".wal").unlink(missing_ok=True)
    built.replace(place)


def _build_what_has_changed(
    dbt: DbtRuns, published: Path, warehouse: Path, fingerprint: str
) -> None:
    """Build everything but the comparisons, or less if the published tables tell that it will do.

    Models, what they are evaluated by and the contract change at evaluation dates only: between
    two of them the published tables stand, if the same project has built them with the same
    settings.
    """
    evaluated = reviewed_tables_in(published, fingerprint)
    if not evaluated:
        evaluated = dbt.build("daily")
    else:
        standing = [table for table in evaluated if table not in KEPT_TABLES]
        copy_tables(published, warehouse, standing)
        dbt.build("facts")
        if _is_review_due(warehouse):
            drop_tables(warehouse, standing)  # dbt takes longer over those that are there
            evaluated = dbt.build("after_facts")
        else:
            print(
                "No evaluation date has passed since the last build: its evaluations stand.",
                flush=True,
            )
            dbt.build("between_evaluations")
    note_reviewed(warehouse, evaluated, fingerprint)


def _fingerprint_of_project(changed: list[str]) -> str:
    """A hash of whatever decides, beside the raw files, what a build makes of them."""
    told = hashlib.sha256(json.dumps(changed).encode())
    folders = [ROOT / "dbt_project", ROOT / "python_models"]
    files = [
        path for folder in folders for path in folder.rglob("*") if "__pycache__" not in path.parts
    ]
    for path in sorted([*filter(Path.is_file, files), ROOT / "dbt_project.yml"]):
        told.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    for package in ("dbt-core", "dbt-duckdb", "duckdb", "numba", "numpy", "scipy", "scikit-learn"):
        told.update(version(package).encode() + b"\0")
    return told.hexdigest()


def _is_review_due(warehouse: Path) -> bool:
    """Whether the chosen candidate has not just one model for each evaluation date that there is."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return bool(
            connection.execute(
                "with evaluation_dates as (from intermediate.int_cutoffs where is_evaluation_date), "
                "models as (from training.training_models semi join selection.selection_chosen_candidate using (candidate_id))"
                "select count(*) from evaluation_dates full join models on cutoff = fitted_as_of "
                "where cutoff is null or fitted_as_of is null"
            ).fetchall()[0][0]
        )


def _has_no_valid_comparison(warehouse: Path) -> bool:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        query = "select bool_or(is_stale is not false) from marts.model_comparison"
        return connection.execute(query).fetchall()[0][0]


def vars_of(settings: Path | None) -> list[str]:
    """Arguments of dbt for the vars in a YAML file; raises BuildError if it cannot be read."""
    if settings is None:
        return []
    try:
        changed = yaml.safe_load(settings.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BuildError(f"The vars in {settings} cannot be read: {error}") from None
    if not isinstance(changed, dict):
        raise BuildError(f"{settings} must hold vars as `name: value`, as dbt_project.yml does.")
    return ["--vars", json.dumps(changed, default=str)]


def print_summary(warehouse: Path) -> None:
    """Print what the warehouse holds: segments, verdict, data quality and where the tables are."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:

        def rows(query: str) -> list[tuple]:
            return connection.execute(query).fetchall()

        customers, revenue, as_of, currency = rows(
            "select count(*), sum(monetary_value), any_value(as_of), "
            "(select any_value(currency) from marts.segment_profiles) from marts.customer_segments"
        )[0]
        money = f"{currency} {revenue:,.2f}"
        print(f"\nSegments as of {as_of:%Y-%m-%d}: {customers:,} customers, {money}\n")
        print(f"  {'id':>2}  {'segment':<40}{'customers':>10}{'share':>8}{'revenue':>9}")
        for segment_id, name, size, share, revenue_share in rows(
            "select segment_id, segment_name, customers, share, revenue_share "
            "from marts.segment_profiles order by segment_id"
        ):
            print(
                f"  {segment_id:>2}  {name:<40}{size:>10,}{share:>8.1%}{revenue_share or 0:>9.1%}"
            )
        print(f"\n{_wrapped(_model_in_use(rows))}")
        print("\nMaintenance contract")
        for clause, status, sentence in rows(
            "select clause, status, sentence from marts.maintenance_contract "
            "where status != 'ok' or clause = 'agreement' order by clause"
        ):
            print(_wrapped(f"{clause}: {status.upper()}. {sentence}"))
        kept = rows("select clause from marts.maintenance_contract where status = 'ok'")
        kept = [clause for (clause,) in kept if clause != "agreement"]
        if kept:
            print(_wrapped(f"Kept: {', '.join(kept)}."))
        print(_wrapped(_schedule(rows)))
        rejected, changed = rows(
            "select sum(rows_rejected), sum(rows_changed) from marts.data_quality_ledger "
            "where rule = 'all rules'"
        )[0]
        print(
            f"\nRaw rows rejected: {rejected:,}; values changed: {changed:,} "
            "(marts.data_quality_ledger has the reasons)"
        )
        print(f"\nTables, in schema marts of {warehouse}")
        for (table,) in rows(
            "select table_name from duckdb_tables() where schema_name = 'marts' order by 1"
        ):
            size = rows(f'select count(*) from marts."{table}"')[0][0]
            print(f"  {table:<40}{size:>10,} {'row' if size == 1 else 'rows'}")


def add_vars_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--vars",
        type=Path,
        metavar="FILE",
        help="YAML file of vars that replace those in dbt_project.yml",
    )


def _is_contract_broken(warehouse: Path) -> bool:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(
            "select count(*) > 0 from marts.maintenance_contract "
            "where status = 'breach' and severity = 'error'"
        ).fetchall()[0][0]


def _model_in_use(rows: Callable[[str], list[tuple]]) -> str:
    """Which model is in use, by whose choice, and whether that choice still stands."""
    candidate_id, chosen_by, compared_as_of, compared_at, stale_reason = rows(
        "select candidate_id, chosen_by, compared_as_of, compared_at, stale_reason "
        "from marts.model_comparison where is_chosen"
    )[0]
    told = f"Model: {candidate_id}, chosen {chosen_by}"
    if compared_at is None:
        return f"{told}: candidates have not been compared yet (make compare)."
    told += (
        f". Candidates were compared on {compared_at:%Y-%m-%d}, on the customers known by "
        f"{compared_as_of:%Y-%m-%d}."
    )
    if stale_reason:
        told += f" The comparison is STALE: {stale_reason}; make compare makes a new one."
    return told


def _schedule(rows: Callable[[str], list[tuple]]) -> str:
    """How long models last, and what the refit policy makes of it."""
    (
        policy,
        changes_of_model,
        since,
        origins,
        probability,
        interval,
        shortest,
        longest,
        next_date,
    ) = rows(
        "select policy, "
        "(select count(*) - 1 from marts.segment_model_decisions where is_takeover), "
        "champion_from, origins, probability, recommended_interval_weeks, shortest_interval_weeks, "
        "longest_interval_weeks, next_refit_date "
        "from marts.maintenance_schedule cross join marts.segment_models "
        "where is_in_use and status = 'champion'"
    )[0]
    changes = "has not changed"
    if changes_of_model:
        changes = f"has changed {_counted(changes_of_model, 'time')}"
    told = f"Refit policy {policy}: the model {changes}; the one in use is of {since:%Y-%m-%d}. "
    if interval is None:
        told += "Too few models have been broken yet: how often to refit is not known."
    else:
        told += f"By {_counted(origins, 'start date')}, refit every {_counted(interval, 'week')}"
        if longest is None:
            told += f" ({shortest} or more)" if shortest != interval else ""
        elif (shortest, longest) != (interval, interval):
            told += f" ({shortest} to {longest})"
        told += f" to keep the agreement in {probability:.0%} of the cases"
        told += f": expect the next refit on {next_date:%Y-%m-%d}." if next_date else "."
    next_evaluation = rows("select max(next_evaluation_date) from marts.maintenance_contract")[0][0]
    return f"{told} The next evaluation is on {next_evaluation:%Y-%m-%d}."


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 88, initial_indent="  ", subsequent_indent="    ")


def _with_advice(message: str) -> str:
    """A message, and what to do about a full disk."""
    signs = ("No space left on device", "File too large", "Disk quota exceeded")
    if any(sign in message for sign in signs):
        return (
            "The disk is full. Beside the warehouse, a build needs room for a second one, a backup "
            f"of the ledger, and what does not fit into memory.\n{message.splitlines()[-1]}"
        )
    return message


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the raw files")
    parser.add_argument("--warehouse", type=Path, required=True, help="the .duckdb file to publish")
    parser.add_argument(
        "--compare",
        choices=["never", "stale", "always"],
        default="never",
        help="when to compare the candidates for the model",
    )
    add_vars_option(parser)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        build(arguments.data, arguments.warehouse, arguments.compare, arguments.vars)
    except (BuildError, OSError, duckdb.Error) as error:
        print(
            f"\nNothing was built; {arguments.warehouse} is as it was.\n{_with_advice(str(error))}",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(f"\nStopped; {arguments.warehouse} is as it was.", file=sys.stderr)
        return 130
    print_summary(arguments.warehouse)
    return CONTRACT_BROKEN if _is_contract_broken(arguments.warehouse) else 0


if __name__ == "__main__":
    sys.exit(main())
