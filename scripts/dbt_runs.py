"""dbt in a process of its own: what it runs, its progress and its faults, told to a person."""

import ctypes
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path

from kept_tables import BuildError

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def dbt_process(data: Path, warehouse: Path, changed: list[str]) -> Iterator["DbtRuns"]:
    """Start dbt, which loads its libraries and the project at once; it ends with the block.

    `changed` are arguments for the vars that differ from those in dbt_project.yml.
    """
    environment = os.environ | {
        "DBT_TARGET_PATH": str(target_folder(warehouse, changed)),
        "SEGMENTS_DATA": str(data.resolve()),
        "SEGMENTS_RAW_FILES": "loaded",
        "SEGMENTS_WAREHOUSE": str(warehouse.resolve()),
        "DBT_PROFILES_DIR": str(ROOT),
        # A broken contract is a finding, not a fault of the data: the tables are published.
        "SEGMENTS_CONTRACT_SEVERITY": "warn",
        "PYTHONUNBUFFERED": "1",  # the comparison tells its progress while it runs
    }
    runner = Path(__file__).with_name("run_dbt.py")
    with (
        subprocess.Popen(
            [sys.executable, str(runner), *changed],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a group of its own, that ends as a whole
            close_fds=False,  # dbt holds the lock of the build too
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        ) as process,
        _ended_with_us(process),
    ):
        runs = DbtRuns(process)
        yield runs
        runs.end()
    print(runs.time_spent())


class DbtRuns:
    """Runs of `dbt build`, one after the other in one process."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process
        self._started = time.monotonic()
        self._first_node_at: float | None = None
        self._ended = self._started
        self._seconds: Counter[str] = Counter()

    def build(self, selector: str) -> list[str]:
        """Build what a selector of selectors.yml names, and tell the progress.

        Returns those of the tables that change at evaluation dates only, as `schema.table`.

        Raises
        ------
        BuildError
            If a model or a test has failed.
        """
        with suppress(BrokenPipeError):  # the output tells why dbt has ended
            # Past the buffer, which would keep the line and fail once more when it is closed.
            os.write(self._process.stdin.fileno(), f"{selector}\n".encode())
        problems: list[str] = []
        last_lines: list[str] = []
        compared = 0
        for line in self._process.stdout:
            if line.startswith("comparison: "):
                _print_comparison(line.removeprefix("comparison: ").rstrip(), compared)
                compared += 1
            try:
                event = json.loads(line)
                if "finished" in event:
                    if event["finished"]:
                        return event["evaluated"]
                    break
                name, data_of_event = event["info"]["name"], event["data"]
                last_lines = [*last_lines[-4:], event["info"]["msg"]]
            except (ValueError, KeyError, TypeError):
                last_lines = [*last_lines[-4:], line]
                continue
            self._note(name, data_of_event)
            problem = problem_of(name, data_of_event)
            if problem:
                problems.append(problem)
        else:
            if self._process.wait() < 0:
                raise BuildError(_killed(-self._process.returncode))
        raise BuildError("\n".join(problems or filter(str.strip, last_lines)))

    def end(self) -> None:
        """Nothing more is to be run."""
        if not self._process.stdin.closed:
            self._process.stdin.close()
            self._ended = time.monotonic()

    def time_spent(self) -> str:
        """What the time was spent on, once the process has ended."""
        total = self._ended - self._started
        start = (self._first_node_at or self._ended) - self._started
        busy = sum(self._seconds.values()) or 1.0
        shares = ", ".join(
            f"{kind} {spent / busy:.0%}" for kind, spent in self._seconds.most_common()
        )
        # In KiB, on macOS in bytes.
        processes = (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)
        peak = max(resource.getrusage(each).ru_maxrss for each in processes)
        gigabytes = peak / (1e9 if sys.platform == "darwin" else 1e9 / 1024)
        return (
            f"Built in {total:.0f} s: dbt's start and the raw files {start:.0f} s, then {shares}. "
            f"The largest process took {gigabytes:.1f} GB."
        )

    def _note(self, name: str, event: dict) -> None:
        """Count the time of what has ended, and tell it."""
        if self._first_node_at is None and name == "LogStartLine":
            self._first_node_at = time.monotonic()
        if name in ("LogModelResult", "LogSeedResult", "LogTestResult"):
            self._seconds[_kind(event["node_info"])] += event["execution_time"]
            _print_progress(name, event)


def target_folder(warehouse: Path, changed: list[str]) -> Path:
    """Where dbt keeps what it has read of the project, from one build of a warehouse to the next.

    It reads the whole project anew when these differ from those of the last run in a folder.
    """
    read_with = zlib.crc32(repr((warehouse.name, changed)).encode())
    own = ROOT / "target" / f"build-{read_with:08x}"
    return Path(os.environ.get("DBT_TARGET_PATH", own))


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
    if node["resource_type"] == "test":
        return "tests"
    return "fits and comparisons" if node["node_path"].endswith(".py") else "SQL"


def _print_progress(name: str, event: dict) -> None:
    if name != "LogTestResult":
        step = f"{event['index']:>4} / {event['total']}"
        print_step(step, event["node_info"]["node_name"], event["execution_time"])


def print_step(step: str, name: str, seconds: float) -> None:
    print(f"{step:10} {name:<45}{seconds:6.1f} s", flush=True)


def _print_comparison(line: str, compared: int) -> None:
    """The comparison's own progress: a headline, then a line for each candidate."""
    number = f"({compared})" if compared else ""
    print(f"{number:>10} {line}", flush=True)


def problem_of(name: str, event: dict) -> str | None:
    """What a person has to know of an event, without dbt's own framing."""
    if name == "MainEncounteredError":
        return plain(event["exc"])
    if name == "LogTestResult" and event["status"] in ("fail", "error"):
        return _failed_test(event["name"], event["num_failures"])
    if name == "RunResultError" and event["node_info"]["resource_type"] != "test":
        if "Out of Memory Error" in event["msg"]:
            one_by_one = ", or set SEGMENTS_THREADS=1 so that one model at a time is built"
            is_alone = os.environ.get("SEGMENTS_THREADS") == "1"
            return out_of_memory(event["node_info"]["node_name"], "" if is_alone else one_by_one)
        if "PRIMARY KEY or UNIQUE constraint violation" in event["msg"]:
            return _repeated_key(event["node_info"]["node_name"], event["msg"])
        return plain(event["msg"])
    return None


def _killed(number: int) -> str:
    """What to do when a signal has ended dbt."""
    return (
        f"dbt was ended by {signal.Signals(number).name}. If nobody did that, the machine has run "
        "out of memory: lower SEGMENTS_MEMORY_LIMIT, or set SEGMENTS_THREADS=1."
    )


def out_of_memory(what: str, or_else: str = "") -> str:
    """What to do when DuckDB's limit is too low for something."""
    limit = os.environ.get("SEGMENTS_MEMORY_LIMIT", "4GB")
    told = f"{what} needs more memory than DuckDB may take ({limit})."
    return f"{told} Raise SEGMENTS_MEMORY_LIMIT{or_else}."


def _repeated_key(node: str, message: str) -> str:
    """Rows of a mart that its key does not tell apart."""
    key = message.split("duplicate key", 1)[-1].strip()
    return f"{node} has more than one row of the key {key}: its SQL joins or groups wrongly."


def _failed_test(name: str, failures: int) -> str:
    """A failed data test, with what its file says of it."""
    rows = "1 row" if failures == 1 else f"{failures} rows"
    told = f"The test {name} found {rows} that it forbids."
    path = ROOT / "dbt_project" / "tests" / "singular" / f"{name}.sql"
    if path.is_file():
        lines = takewhile(lambda line: line.startswith("--"), path.read_text().splitlines())
        told += " " + " ".join(line.removeprefix("--").strip() for line in lines)
    return told


def plain(message: str) -> str:
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
