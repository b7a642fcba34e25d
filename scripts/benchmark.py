"""Time the project, and beside it the way a notebook does the same, and write a page about it.

    python scripts/benchmark.py --olist data/olist --customers 1000000 --output docs/benchmarks.md

The project builds an empty warehouse without the orders of the newest eight days, then again with
seven of these days, and with the last one too. Into another empty warehouse it builds everything
and compares the candidates that the notebook compares. The notebook's way is `notebook_way.py`.
Both must find the same customers, orders and revenue, and nearly the same agreement of models, or
nothing is written. Synthetic shops come from `make_demo_data.py`.
"""

import argparse
import json
import math
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import duckdb
import yaml

from notebook_way import FEATURE_SETS, NUMBERS_OF_SEGMENTS

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ["dbt-core", "dbt-duckdb", "duckdb", "numba", "pandas", "scikit-learn"]
# Two good fits of the same customers, one of which stops early, agree this nearly.
LARGEST_DIFFERENCE = 0.06
NODE = re.compile(r"\s*(?:\d+ / \d+)?\s+([\w ]+?)\s+([\d.]+) s$")


@dataclass
class Run:
    """A process with all its children: seconds, peak of the summed resident memory in GB."""

    seconds: float
    gigabytes: float
    output: str
    nodes: dict[str, float] = field(default_factory=dict)


class BenchmarkError(Exception):
    """What was measured cannot be told; the message says why."""


def run(*command: object) -> Run:
    """Run a command to its end; raises BenchmarkError if it fails."""
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        peak = [0.0]
        watcher = threading.Thread(target=_watch, args=(process, peak))
        watcher.start()
        output = process.stdout.read()
        process.wait()
        watcher.join()
    seconds = time.perf_counter() - started
    # 3: published, with a broken maintenance contract.
    if process.returncode not in (0, 3):
        raise BenchmarkError(f"{' '.join(map(str, command))} failed:\n{output[-2000:]}")
    nodes = {m[1]: float(m[2]) for line in output.splitlines() if (m := NODE.match(line))}
    return Run(seconds, peak[0], output, nodes)


def _watch(process: subprocess.Popen, peak: list[float]) -> None:
    while process.poll() is None:
        peak[0] = max(peak[0], _resident_gigabytes(process.pid))
        time.sleep(0.2)


def _resident_gigabytes(root: int) -> float:
    """Of a process and its descendants; 0 where /proc is not there to say."""
    parents, pages = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = int(stat.parent.name), stat.read_text().rpartition(")")[2].split()
        except OSError:  # gone meanwhile
            continue
        parents[pid], pages[pid] = int(rest[1]), int(rest[21])
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(pages.get(pid, 0) for pid in family) * os.sysconf("SC_PAGE_SIZE") / 1e9


@dataclass
class Shop:
    """What was measured on one data set."""

    name: str
    customers: int
    first: Run
    weekly: Run
    daily: Run
    comparison: Run | None = None
    notebook: Run | None = None
    notebook_seconds: dict[str, float] = field(default_factory=dict)
    largest_difference: float | None = None

    @property
    def answers(self) -> float | None:
        """The notebook's seconds for what a build answers too; None where it did not run."""
        if self.notebook is None:
            return None
        return self.notebook_seconds["read"] + self.notebook_seconds["follow"]

    @property
    def ratio_with_candidates(self) -> float:
        """The notebook's seconds for everything to those of `make compare`, which builds too."""
        return (self.answers + self.notebook_seconds["compare"]) / self.comparison.seconds


def measure(name: str, data: Path, folder: Path, largest_notebook: int) -> Shop:
    """Build, build again, and do it the notebook's way; raises BenchmarkError if they disagree.

    A shop with more customers than `largest_notebook` is built only.
    """
    print(f"{name}: building", flush=True)
    warehouse = folder / "benchmark.duckdb"
    forget(warehouse)
    build = ("scripts/build.py", "--warehouse", warehouse, "--data")
    first = run_without_newest_days(8, build, data, folder)
    print(f"{name}: {first.seconds:.0f} s; building again with a week more", flush=True)
    weekly = run_without_newest_days(1, build, data, folder)
    print(f"{name}: {weekly.seconds:.0f} s; building again with a day more", flush=True)
    daily = run(*build, data)
    customers = count_customers(warehouse)
    if customers > largest_notebook:
        print(f"{name}: {daily.seconds:.0f} s", flush=True)
        return Shop(name, customers, first, weekly, daily)
    print(f"{name}: {daily.seconds:.0f} s; the notebook's way", flush=True)
    results = folder / "notebook.json"
    notebook = run("scripts/notebook_way.py", "--data", data, "--results", results)
    found = json.loads(results.read_text())
    difference = check(warehouse, found)
    print(f"{name}: {notebook.seconds:.0f} s; comparing candidates", flush=True)
    settings = folder / "candidates.yml"
    settings.write_text(yaml.safe_dump(notebook_candidates()))
    forget(warehouse)
    comparison = run(*build, data, "--compare", "always", "--vars", settings)
    print(f"{name}: {comparison.seconds:.0f} s", flush=True)
    told = (comparison, notebook, found["seconds"], difference)
    return Shop(name, customers, first, weekly, daily, *told)


def forget(warehouse: Path) -> None:
    """Delete a warehouse with the backup of its ledger: what follows is a first build."""
    for left in warehouse.parent.glob(f"{warehouse.stem}.*"):
        left.unlink()


def run_without_newest_days(days: int, build: tuple, data: Path, folder: Path) -> Run:
    """Build from the raw files without the orders of the newest days."""
    before = folder / "before"
    write_without_newest_days(days, data, before)
    built = run(*build, before)
    shutil.rmtree(before)
    return built


def notebook_candidates() -> dict:
    """Vars with which the project compares the candidates that the notebook compares."""
    sets = {"-".join(features): features for features in FEATURE_SETS}
    numbers = list(NUMBERS_OF_SEGMENTS)
    return {
        "feature_sets": sets,
        "candidate_feature_sets": list(sets),
        "candidate_scales": ["log"],
        "candidate_algorithms": {"kmeans": {"n_segments": numbers}},
        "default_candidate": [f"kmeans-4-{name}" for name in sets],
        "contract_options": {},
    }


def write_without_newest_days(days: int, data: Path, folder: Path) -> None:
    """Copy the raw files without the orders of the newest days and what belongs to them.

    Rows come in the order in which orders were placed, as a shop appends them: the files of fewer
    days begin with those of more.
    """
    folder.mkdir()
    with duckdb.connect() as connection:
        names = {path.stem: path for path in data.iterdir() if path.suffix in (".csv", ".parquet")}
        for name, path in names.items():
            reader = "read_csv" if path.suffix == ".csv" else "read_parquet"
            options = ", all_varchar = true" if path.suffix == ".csv" else ""
            quoted = str(path).replace("'", "''")
            connection.execute(f"create view {name} as from {reader}('{quoted}'{options})")
        connection.execute(
            "create table orders as select order_id, customer_id, "
            "cast(order_purchase_timestamp as timestamp) as ordered_at, "
            "row_number() over (order by ordered_at, order_id) as place from olist_orders_dataset"
        )
        connection.execute(
            "delete from orders where ordered_at >= "
            "(select date_trunc('day', max(ordered_at)) from orders) - to_days($1 - 1) and $1 > 0",
            [days],
        )
        for name in names:
            key = "customer_id" if name == "olist_customers_dataset" else "order_id"
            columns = [column[0] for column in connection.execute(f"describe {name}").fetchall()]
            rows = f"from {name}"
            if key in columns:
                rows = (
                    f"select rows.* from {name} as rows inner join orders using ({key}) "
                    f"order by orders.place, {', '.join(f'rows.{column}' for column in columns)}"
                )
            target = str(folder / f"{name}.csv").replace("'", "''")
            connection.execute(f"copy ({rows}) to '{target}' (header)")


def count_customers(warehouse: Path) -> int:
    """Count the customers of a published warehouse."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute("select count(*) from marts.customer_segments").fetchone()[0]


def check(warehouse: Path, found: dict) -> float:
    """By how much the two curves of agreement differ at most; raises BenchmarkError if by much."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        built = connection.execute(
            "select count(*), sum(frequency), sum(monetary_value), sum(recency_days), "
            "avg(review_score) from marts.customer_segments"
        ).fetchone()
        curve = connection.execute(
            "select strftime(evaluation_date, '%Y-%m-%d'), adjusted_rand_index "
            "from marts.segment_stability where origin_model_id = "
            "(select min_by(model_id, fitted_as_of) from marts.segment_models)"
        ).fetchall()
    names = ("customers", "orders", "revenue", "recency_days", "review_score")
    for name, value in zip(names, built, strict=True):
        if not math.isclose(value, found[name], rel_tol=1e-9, abs_tol=0.02):
            raise BenchmarkError(f"{name}: {value} in the warehouse, {found[name]} in pandas")
    difference = max(abs(value - found["agreement"][date]) for date, value in curve)
    if difference > LARGEST_DIFFERENCE:
        raise BenchmarkError(f"The curves of agreement differ by {difference:.3f}")
    return difference


def page(shops: list[Shop]) -> str:
    """Return the measured figures as Markdown."""
    candidates = len(FEATURE_SETS) * len(NUMBERS_OF_SEGMENTS)
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Each line is one run; the project and the notebook's way ran one "
        "after the other, so ratios are safer than seconds.",
        "",
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {versions}.",
        "",
        "## Against a notebook",
        "",
        "The notebook's way (`scripts/notebook_way.py`) reads the same files with pandas, computes "
        "recency, frequency, monetary value and review score as of each weekly evaluation date, "
        "fits scikit-learn's KMeans at each date and compares it with the first model. `make "
        "build` does that and the rest: raw-row accounting, all pairs of models, noise, causes, "
        "segments with history, tests. The ratio is the notebook's time for these questions to the "
        "first "
        f"build's. Then both compare {candidates} candidates too: the notebook by one fit each, "
        "`make compare`, which builds an empty warehouse in the same run, by resamples, seeds, "
        "balance and names as well. The last ratio is of all this together. Both ways find "
        "the same customers, orders, revenue and recency; their curves of agreement differ by what "
        "the last column says: scikit-learn's default tolerance stops early, nothing is capped. "
        "The week more has an evaluation date, the day more has none.",
        "",
        "| shop | customers | first build | a week more | a day more | memory, build | notebook "
        "| ratio | `make compare` | notebook's candidates | ratio of all | memory, notebook "
        "| agreement differs |",
        "|---|" + "---:|" * 12,
    ]
    lines += [
        f"| {shop.name} | {shop.customers:,} | {shop.first.seconds:.0f} s "
        f"| {shop.weekly.seconds:.0f} s | {shop.daily.seconds:.0f} s | {_notebook_cells(shop)} |"
        for shop in shops
    ]
    if len(shops) > 1:
        lines += ["", "## Growth", ""]
        for smaller, larger in pairwise(shops):
            if larger.customers <= smaller.customers:
                continue
            ratio = math.log(larger.customers / smaller.customers)
            build = math.log(larger.first.seconds / smaller.first.seconds) / ratio
            told = (
                f"From {smaller.name} to {larger.name} time grows with the customers to the power "
                f"of {build:.2f}"
            )
            if larger.answers and smaller.answers:
                notebook = math.log(larger.answers / smaller.answers) / ratio
                told += f", the notebook's to {notebook:.2f}"
            lines.append(f"{told}.")
    lines += [
        "",
        "## Where the time goes",
        "",
        "Seconds of the nodes that take one or more in one of the builds.",
        "",
    ]
    runs = [(f"{shop.name}, {kind}", run) for shop in shops for kind, run in _kinds(shop)]
    names = sorted(
        {name for _, run in runs for name, seconds in run.nodes.items() if seconds >= 1},
        key=lambda name: -shops[-1].first.nodes.get(name, 0),
    )
    lines += [f"| node | {' | '.join(kind for kind, _ in runs)} |", "|---|" + "---:|" * len(runs)]
    for name in names:
        cells = [f"{run.nodes.get(name, 0):.1f}" for _, run in runs]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _kinds(shop: Shop) -> list[tuple[str, Run]]:
    return [("first", shop.first), ("week more", shop.weekly), ("day more", shop.daily)]


def _notebook_cells(shop: Shop) -> str:
    """Return the cells from the build's memory on; dashes where the notebook did not run."""
    cells = [f"{shop.first.gigabytes:.1f} GB"]
    if shop.notebook is None:
        return " | ".join([*cells, *["-"] * 7])
    cells += [f"{shop.answers:.0f} s", f"{shop.answers / shop.first.seconds:.1f}"]
    cells += [f"{shop.comparison.seconds:.0f} s", f"{shop.notebook_seconds['compare']:.0f} s"]
    cells += [f"{shop.ratio_with_candidates:.1f}"]
    cells += [f"{shop.notebook.gigabytes:.1f} GB", f"{shop.largest_difference:.3f}"]
    return " | ".join(cells)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--olist", type=Path, help="folder of the real tables")
    parser.add_argument("--customers", type=int, nargs="*", default=[], help="synthetic shops")
    parser.add_argument(
        "--largest-notebook",
        type=int,
        default=1_000_000,
        help="a shop with more customers is built only",
    )
    parser.add_argument("--folder", type=Path, help="for data and warehouses; else a temporary one")
    parser.add_argument("--output", type=Path, default=Path("docs/benchmarks.md"))
    arguments = parser.parse_args()
    shops = []
    folder = Path(tempfile.mkdtemp(dir=arguments.folder))
    try:
        if arguments.olist:
            shops.append(measure("Olist", arguments.olist, folder, arguments.largest_notebook))
        for customers in arguments.customers:
            data = folder / str(customers)
            run("scripts/make_demo_data.py", data, "--customers", customers)
            name = f"synthetic {customers:,}"
            shops.append(measure(name, data, folder, arguments.largest_notebook))
            shutil.rmtree(data)
    except BenchmarkError as error:
        sys.exit(str(error))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    arguments.output.parent.mkdir(exist_ok=True)
    arguments.output.write_text(page(shops))
    print(f"Written to {arguments.output}")


if __name__ == "__main__":
    main()
