"""dbt in this process, by its public `dbtRunner`: progress and faults, told to a person."""

import gc
import json
import os
import re
import resource
import sys
import time
import zlib
from collections import Counter
from itertools import takewhile
from pathlib import Path

import yaml

from segmentation_dbt.faults import out_of_memory, unreadable_file
from workshop import BuildError

ROOT = Path(__file__).resolve().parents[1]


class DbtRuns:
    """Runs of dbt on a warehouse, one after the other, of a project that is parsed once.

    Parameters
    ----------
    data : Path
        The folder of the raw files.
    warehouse : Path
        The file that is built. dbt runs in its folder and knows it by its name alone, so that the
        project need not be parsed anew for a warehouse in another place.
    changed : dict
        Vars that differ from those in dbt_project.yml.
    is_quiet : bool
        Whether no progress is printed.
    is_verbose : bool
        Whether each node is printed, not each layer.
    """

    def __init__(
        self,
        data: Path,
        warehouse: Path,
        changed: dict,
        *,
        is_quiet: bool = False,
        is_verbose: bool = False,
    ) -> None:
        self._is_quiet = is_quiet
        self._is_verbose = is_verbose
        self._layers = Layers([])
        self._started = time.monotonic()
        self._seconds: Counter[str] = Counter()
        self._problems: list[str] = []
        self._errors: list[str] = []  # where dbt says no more of a problem
        os.environ |= {
            "SEGMENTS_DATA": str(data.resolve()),
            "SEGMENTS_WAREHOUSE": warehouse.name,
            # A broken contract is a finding, not a fault of the data: the tables are published.
            "SEGMENTS_CONTRACT_SEVERITY": "warn",
        }
        os.chdir(warehouse.parent)
        self._vars = ["--vars", json.dumps(changed, default=str)] if changed else []
        self._target = target_folder(warehouse, changed)
        # Most of what dbt makes lives to the end; to look for garbage as often as Python does by
        # default takes a tenth of a build.
        gc.set_threshold(100_000, 50, 50)
        self._manifest = None
        self._manifest = self._run("parse").result

    def build(self, selector: str) -> None:
        """Build what a selector of selectors.yml names, and tell the progress.

        dbt's unit tests are left out: they test the code, not the data.

        Raises
        ------
        BuildError
            If a model or a test has failed.
        """
        if not self._is_quiet and not self._is_verbose:
            nodes = ("--resource-types", "model", "seed", "--output", "path")
            self._layers = Layers(self._run("list", "--selector", selector, *nodes).result)
        self._run("build", "--selector", selector, "--exclude-resource-type", "unit_test")
        self._layers.finish()

    def run(self, *selected: str) -> None:
        """Run the models that are selected, without tests.

        Raises
        ------
        BuildError
            If a model has failed.
        """
        self._run("run", "--select", *selected)

    def run_operation(self, macro: str, arguments: dict) -> None:
        """Run a macro, and tell what it logs."""
        self._run("run-operation", macro, "--args", json.dumps(arguments))

    def time_spent(self) -> str:
        """Return what the time was spent on."""
        total = time.monotonic() - self._started
        busy = sum(self._seconds.values()) or 1.0
        shares = ", ".join(
            f"{kind} {spent / busy:.0%}" for kind, spent in self._seconds.most_common()
        )
        # In KiB, on macOS in bytes.
        processes = (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)
        peak = max(resource.getrusage(each).ru_maxrss for each in processes)
        gigabytes = peak / (1e9 if sys.platform == "darwin" else 1e9 / 1024)
        return (
            f"Built in {total:.0f} s; of the work on tables {shares}. The largest process took "
            f"{gigabytes:.1f} GB."
        )

    def _run(self, *command: str):
        # Which take a second to load.
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        self._problems.clear()
        self._errors.clear()
        # The callback reports the events, and a log of every statement takes seconds.
        quiet = ["--log-level", "none", "--log-level-file", "none", "--no-write-json"]
        folders = ["--project-dir", str(ROOT), "--profiles-dir", str(ROOT)]
        folders += ["--target-path", str(self._target)]
        run = dbtRunner(manifest=self._manifest, callbacks=[self._note]).invoke(
            [*quiet, *command, *folders, *self._vars]
        )
        DuckDBConnectionManager.close_all_connections()  # whoever comes next opens the file anew
        if not run.success:
            said = self._problems or self._errors or [plain(str(run.exception))]
            raise BuildError("\n".join(said))
        return run

    def _note(self, event) -> None:
        """Count the time of what has ended, and tell it."""
        name = event.info.name
        if name in ("LogModelResult", "LogSeedResult", "LogTestResult"):
            node, seconds = event.data.node_info, event.data.execution_time
            self._seconds[_kind(node.resource_type, node.node_path)] += seconds
            if name != "LogTestResult" and not self._is_quiet:
                if self._is_verbose:
                    step = f"{event.data.index:>4} / {event.data.total}"
                    print_step(step, node.node_name, seconds)
                else:
                    self._layers.note(node.node_path, seconds)
        elif name == "JinjaLogInfo" and not self._is_quiet:
            print(event.info.msg, flush=True)
        if event.info.level == "error":
            self._errors.append(plain(event.info.msg))
        problem = problem_of(event)
        if problem and problem not in self._problems:
            self._problems.append(problem)


class Layers:
    """Tells of each layer once its last node has ended.

    Parameters
    ----------
    paths : list of str
        The files of all nodes of a run.
    """

    def __init__(self, paths: list[str]) -> None:
        self._nodes = Counter(map(layer_of, paths))
        self._ended: Counter[str] = Counter()
        self._seconds: Counter[str] = Counter()

    def note(self, path: str, seconds: float) -> None:
        """Count a node that has ended."""
        layer = layer_of(path)
        self._ended[layer] += 1
        self._seconds[layer] += seconds
        if self._ended[layer] == self._nodes[layer]:
            self._tell(layer)

    def finish(self) -> None:
        """Tell the layers of which dbt has not run every node that it lists."""
        for layer in [layer for layer, ended in self._ended.items() if ended < self._nodes[layer]]:
            self._tell(layer)

    def _tell(self, layer: str) -> None:
        nodes = self._ended[layer]
        print_step(layer, "1 node" if nodes == 1 else f"{nodes} nodes", self._seconds[layer])


def layer_of(path: str) -> str:
    """Return the layer of a node by its file, within the project or within its folder of models."""
    parts = Path(path).parts
    for folder in ("models", "python_models"):
        if folder in parts:
            return parts[parts.index(folder) + 1]
    return parts[0] if len(parts) > 1 and "seeds" not in parts else "seeds"


def vars_of(settings: Path | None) -> dict:
    """Return the vars in a YAML file.

    Raises
    ------
    BuildError
        If the file cannot be read.
    """
    if settings is None:
        return {}
    try:
        changed = yaml.safe_load(settings.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BuildError(f"The vars in {settings} cannot be read: {error}") from None
    if not isinstance(changed, dict):
        raise BuildError(f"{settings} must hold vars as `name: value`, as dbt_project.yml does.")
    return changed


def target_folder(warehouse: Path, changed: dict) -> Path:
    """Where dbt keeps what it has parsed of the project.

    It parses the whole project anew when these differ from those of the last run in a folder.
    """
    parsed_with = zlib.crc32(repr((warehouse.name, changed)).encode())
    return Path(os.environ.get("DBT_TARGET_PATH", ROOT / "target" / f"build-{parsed_with:08x}"))


def print_step(step: str, name: str, seconds: float) -> None:
    """Tell a step that has ended, in columns."""
    print(f"{step:<12} {name:<45}{seconds:6.1f} s", flush=True)


def problem_of(event) -> str | None:
    """Return what a person has to know of an event, without dbt's own framing."""
    name, data = event.info.name, event.data
    if name in ("MainEncounteredError", "RunningOperationCaughtError"):
        is_memory = "Out of Memory Error" in data.exc
        return out_of_memory("A build") if is_memory else plain(data.exc)
    if name == "LogTestResult" and data.status == "fail":
        return _failed_test(data.name, data.num_failures)
    if name == "RunResultError" and "configured to fail if" not in data.msg:
        node = data.node_info.node_name
        if "Out of Memory Error" in data.msg:
            one_by_one = ", or set SEGMENTS_THREADS=1 so that one model at a time is built"
            is_alone = os.environ.get("SEGMENTS_THREADS") == "1"
            return out_of_memory(node, "" if is_alone else one_by_one)
        if "PRIMARY KEY or UNIQUE constraint violation" in data.msg:
            key = data.msg.split("duplicate key", 1)[-1].strip()
            return (
                f"{node} has more than one row of the key {key}: its SQL joins or groups wrongly."
            )
        return plain(data.msg)
    return None


def plain(message: str) -> str:
    """Return the core of a dbt message: no frame, no macro stack, no Python traceback."""
    lines = message.strip().splitlines()
    if any(line.strip().startswith("Traceback (most recent call last)") for line in lines):
        exceptions = [line for line in lines if re.match(r"\s*[\w.]+: ", line)]
        return exceptions[-1].split(": ", 1)[1] if exceptions else lines[-1].strip()
    if len(lines) > 1 and re.match(r"\w+ Error( in |$)", lines[0]):
        lines = lines[1:]
    unreadable = unreadable_file("\n".join(lines))
    if unreadable:
        return unreadable
    frames = ("> in macro", "> called by", "compiled code at")
    kept = takewhile(lambda line: not line.startswith(frames), map(str.strip, lines))
    return "\n".join(kept).strip()


def _kind(resource_type: str, path: str) -> str:
    """Return what the time of a node counts as."""
    if resource_type == "test":
        return "tests"
    return "fits and comparisons" if path.endswith(".py") else "SQL"


def _failed_test(name: str, failures: int) -> str:
    """Return a failed data test, with what its file says of it."""
    rows = "1 row" if failures == 1 else f"{failures} rows"
    told = f"The test {name} found {rows} that it forbids."
    path = ROOT / "dbt_project" / "tests" / "singular" / f"{name}.sql"
    if path.is_file():
        lines = takewhile(lambda line: line.startswith("--"), path.read_text().splitlines())
        told += " " + " ".join(line.removeprefix("--").strip() for line in lines)
    return told
