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
import ctypes
import fcntl
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path

import duckdb
import yaml

from kept_tables import (
    BACKUP,
    BuildError,
    DamagedError,
    backup_of,
    copy_kept_tables,
    name_aside,
    newest_decision_in,
)

ROOT = Path(__file__).resolve().parents[1]

# In a file named after one of its schemas, `marts.customer_segments` is ambiguous to DuckDB; the
# last names are databases of DuckDB's own.
RESERVED = ["raw", "staging", "seeds", "intermediate", "choose", "fit", "scoring", "compare"]
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
        try:
            is_damaged = _take_over(warehouse, workshop / warehouse.name)
            if compare != "always":
                _dbt_build(data, workshop / warehouse.name, "daily", changed)
            if compare == "always" or (
                compare == "stale" and _has_no_valid_comparison(workshop / warehouse.name)
            ):
                _dbt_build(data, workshop / warehouse.name, "comparison", changed)
            _write_out(workshop / warehouse.name)
            copy_kept_tables(workshop / warehouse.name, backup_of(workshop / warehouse.name))
            if is_damaged:
                _move_aside(warehouse)
            _publish(workshop / warehouse.name, warehouse)
            _publish(backup_of(workshop / warehouse.name), backup_of(warehouse))
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
            if copy_kept_tables(published, warehouse) or not backup.exists():
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


def _write_out(built: Path) -> None:
    """Move into the file what DuckDB still keeps in the write-ahead log beside it.

    DuckDB does so when it closes a file, and passes over it without an error when the disk is full.
    """
    with duckdb.connect(str(built)) as connection:
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


def _dbt_build(data: Path, warehouse: Path, selector: str, changed: list[str]) -> None:
    """Run dbt in a process of its own and report its progress; raises BuildError."""
    environment = os.environ | {
        "SEGMENTS_DATA": str(data.resolve()),
        "SEGMENTS_WAREHOUSE": str(warehouse.resolve()),
        "DBT_PROFILES_DIR": str(ROOT),
        # A broken contract is a finding, not a fault of the data: the tables are published.
        "SEGMENTS_CONTRACT_SEVERITY": "warn",
        "PYTHONUNBUFFERED": "1",  # the comparison tells its progress while it runs
    }
    # What is worth telling is told here; writing dbt's own log of everything takes seconds.
    command = [str(Path(sys.executable).with_name("dbt")), "--log-format", "json"]
    command += ["--log-level-file", "none", "build"]
    command += ["--selector", selector, "--no-write-json"]
    command += changed
    command += ["--exclude-resource-type", "unit_test"]  # they test the code, not the data
    started = time.monotonic()
    first_node_at = None
    seconds: Counter[str] = Counter()
    problems: list[str] = []
    compared = 0
    last_lines: list[str] = []
    print("Starting dbt", flush=True)
    with (
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a group of its own, that ends as a whole
            close_fds=False,  # dbt holds the lock too
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        ) as process,
        _ended_with_us(process),
    ):
        for line in process.stdout:
            if line.startswith("comparison: "):
                _print_comparison(line.removeprefix("comparison: ").rstrip(), compared)
                compared += 1
            try:
                event = json.loads(line)
                name, data_of_event = event["info"]["name"], event["data"]
                last_lines = [*last_lines[-4:], event["info"]["msg"]]
            except (ValueError, KeyError, TypeError):
                last_lines = [*last_lines[-4:], line]
                continue
            if first_node_at is None and name in ("LogHookStartLine", "LogStartLine"):
                first_node_at = time.monotonic()
            if name in ("LogHookEndLine", "LogModelResult", "LogSeedResult", "LogTestResult"):
                seconds[_kind(data_of_event["node_info"])] += data_of_event["execution_time"]
                _print_progress(name, data_of_event)
            problem = _problem(name, data_of_event)
            if problem:
                problems.append(problem)
    if process.returncode < 0:
        raise BuildError(_killed(-process.returncode))
    if process.returncode:
        raise BuildError("\n".join(problems or filter(str.strip, last_lines)))
    total = time.monotonic() - started
    print(_time_spent(total, (first_node_at or time.monotonic()) - started, seconds))


def _end_with_parent() -> None:
    """In a new process: be killed when the one that has started it ends, however it does."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


@contextmanager
def _ended_with_us(process: subprocess.Popen) -> Iterator[None]:
    """Whatever ends this program ends dbt and its workers too, before its folder goes."""
    try:
        yield
    except BaseException:
        process.terminate()
        process.wait()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise


def _kind(node: dict) -> str:
    """What the time of a node counts as."""
    if node["resource_type"] == "operation":
        return "reading the files"
    if node["resource_type"] == "test":
        return "tests"
    return "fits and comparisons" if node["node_path"].endswith(".py") else "SQL"


def _print_progress(name: str, event: dict) -> None:
    seconds = f"{event['execution_time']:6.1f} s"
    if name == "LogHookEndLine":
        if event["index"] != 2:  # the second hook reads the files
            return
        print(f"{'':10} {'raw files':<45}{seconds}", flush=True)
    elif name != "LogTestResult":
        step = f"{event['index']:>4} / {event['total']}"
        print(f"{step:10} {event['node_info']['node_name']:<45}{seconds}", flush=True)


def _print_comparison(line: str, compared: int) -> None:
    """The comparison's own progress: a headline, then a line for each candidate."""
    number = f"({compared})" if compared else ""
    print(f"{number:>10} {line}", flush=True)


def _problem(name: str, event: dict) -> str | None:
    """What a person has to know of an event, without dbt's own framing."""
    if name == "MainEncounteredError":
        return _plain(event["exc"])
    if name == "LogTestResult" and event["status"] in ("fail", "error"):
        return _failed_test(event["name"], event["num_failures"])
    if name == "RunResultError" and event["node_info"]["resource_type"] != "test":
        if "Out of Memory Error" in event["msg"]:
            return _out_of_memory(event["node_info"]["node_name"])
        return _plain(event["msg"])
    return None


def _killed(number: int) -> str:
    """What to do when a signal has ended dbt."""
    return (
        f"dbt was ended by {signal.Signals(number).name}. If nobody did that, the machine has run "
        "out of memory: lower SEGMENTS_MEMORY_LIMIT, or set SEGMENTS_THREADS=1."
    )


def _out_of_memory(node: str) -> str:
    """What to do when DuckDB's limit is too low for a model."""
    limit = os.environ.get("SEGMENTS_MEMORY_LIMIT", "4GB")
    told = f"{node} needs more memory than DuckDB may take ({limit}). Raise SEGMENTS_MEMORY_LIMIT"
    if os.environ.get("SEGMENTS_THREADS") != "1":
        told += ", or set SEGMENTS_THREADS=1 so that one model at a time is built"
    return f"{told}."


def _failed_test(name: str, failures: int) -> str:
    """A failed data test, with what its file says of it."""
    rows = "1 row" if failures == 1 else f"{failures} rows"
    told = f"The test {name} found {rows} that it forbids."
    path = ROOT / "dbt_project" / "tests" / "singular" / f"{name}.sql"
    if path.is_file():
        lines = takewhile(lambda line: line.startswith("--"), path.read_text().splitlines())
        told += " " + " ".join(line.removeprefix("--").strip() for line in lines)
    return told


def _plain(message: str) -> str:
    """The core of a dbt message: no frame, no macro stack, no Python traceback."""
    lines = message.strip().splitlines()
    if any(line.strip().startswith("Traceback (most recent call last)") for line in lines):
        exceptions = [line for line in lines if re.match(r"\s*[\w.]+: ", line)]
        return exceptions[-1].split(": ", 1)[1] if exceptions else lines[-1].strip()
    if len(lines) > 1 and re.match(r"\w+ Error( in |$)", lines[0]):
        lines = lines[1:]
    unreadable = _unreadable_file("\n".join(lines))
    if unreadable:
        return unreadable
    kept = []
    for line in lines:
        if line.strip().startswith(("> in macro", "> called by", "compiled code at")):
            break
        kept.append(line.strip())
    return "\n".join(kept).strip()


def _unreadable_file(message: str) -> str | None:
    """What to do about a file that DuckDB gives up, if that is what the message says."""
    csv_file = re.search(r"^\s*file = (.+)$", message, re.MULTILINE)
    if csv_file and "CSV Parser state machine" in message:
        return f"{csv_file[1]} has line ends of two kinds. Save it with one of them."
    parquet_file = re.search(r"""ile ['"](.+\.parquet)['"]""", message)
    if parquet_file:
        return (
            f"{parquet_file[1]} is no sound Parquet file. Write it anew, or give the table as CSV. "
            f"DuckDB says: {message.splitlines()[0].split('Error: ')[-1].strip()}"
        )
    return None


def _time_spent(total: float, start: float, seconds: Counter) -> str:
    busy = sum(seconds.values()) or 1.0
    shares = ", ".join(f"{kind} {spent / busy:.0%}" for kind, spent in seconds.most_common())
    # In KiB, on macOS in bytes.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    gigabytes = peak / (1e9 if sys.platform == "darwin" else 1e9 / 1024)
    return (
        f"Built in {total:.0f} s: dbt's start {start:.0f} s, then {shares}. "
        f"The largest process took {gigabytes:.1f} GB."
    )


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
        set_aside, changed = rows(
            "select sum(rows_set_aside), sum(rows_changed) from marts.data_quality_ledger "
            "where rule = 'all rules'"
        )[0]
        print(
            f"\nRaw rows set aside: {set_aside:,}; values changed: {changed:,} "
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
    next_review = rows("select max(next_review_date) from marts.maintenance_contract")[0][0]
    return f"{told} The next review is on {next_review:%Y-%m-%d}."


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
