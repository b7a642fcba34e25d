"""Time the project, and beside it the way a notebook does the same, and write a page about it.

    python scripts/benchmark.py --olist data/olist --customers 1000000 --output docs/benchmarks.md

For each shop: a first build; builds that add thirty days, seven and one; the work of a notebook
(`notebook_way.py`) and the same work of the project, one after the other; whole comparisons; where
the time goes, held against reading the inputs of a table and writing it. Then readers poll while
builds publish. Project and notebook must find the same customers, orders and revenue, and nearly
the same agreement of models, or nothing is written. Synthetic shops come from `make_demo_data.py`.

With `--notes FILE` it goes on where an earlier run has ended: what is noted there is not measured
again.
"""

import argparse
import json
import math
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import duckdb
import yaml

from benchmark_floors import ratios_to_floors
from benchmark_readers import Polls, poll_while
from notebook_way import FEATURE_SETS, FEATURES, N_SEGMENTS, NUMBERS_OF_SEGMENTS

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ["dbt-core", "dbt-duckdb", "duckdb", "numba", "pandas", "scikit-learn"]
# Two good fits of the same customers, one of which stops early, agree this nearly.
LARGEST_DIFFERENCE = 0.06
NODE = re.compile(r"\s*\d+ / (\d+)\s+([\w ]+?)\s+([\d.]+) s$")
# The first line of a build after dbt has started.
STARTED = "Reading the raw files"
# Builds that take longer are timed once, not three times.
REPEATED_UP_TO = 120.0
# Days that builds add, one after the other; to a shop that is built only, a day.
CHANGES = (30, 7, 1)
# Of a shop with more customers a notebook does a fifth, which is multiplied.
WHOLE_NOTEBOOK = 200_000
# Nodes that take less than this share of a build are not told.
LEAST_SHARE = 0.03

# What the commit before the round of work on speed took on two cores.
BEFORE = [
    ("Olist, first build", "23 s", ""),
    ("Olist, a day more", "8 s", ""),
    ("1,000,000 customers, first build", "77 s", "2.5 GB"),
    ("1,000,000 customers, a day more", "37 s", ""),
    ("10,000,000 customers, first build", "754 s (426 to 1,092)", "4.7 GB"),
    ("10,000,000 customers, a day more", "243 s", ""),
]


class BenchmarkError(Exception):
    """What was measured cannot be told; the message says why."""


@dataclass
class Run:
    """A process with all its children.

    Attributes
    ----------
    seconds : float
        From start to end.
    started : float
        Of these, until dbt has started.
    gigabytes : float
        Peak of the summed resident memory.
    nodes : dict of str to float
        Seconds of each model.
    all_nodes : int
        Models, seeds and tests that dbt has run.
    evaluations : int
        Evaluation dates that a build has added.
    """

    seconds: float
    gigabytes: float = 0.0
    started: float = 0.0
    nodes: dict[str, float] = field(default_factory=dict)
    all_nodes: int = 0
    evaluations: int = 0

    @property
    def work(self) -> float:
        """Seconds after dbt has started."""
        return self.seconds - self.started


@dataclass
class SameWork:
    """Pairs of runs of the project and of the notebook, and by how much their results differ.

    The notebook does each so many-th evaluation date and candidate.
    """

    project: list[Run]
    notebook: list[Run]
    largest_difference: float
    each: int = 1

    @property
    def ratio(self) -> float:
        """Median of the ratios of the pairs."""
        pairs = zip(self.project, self.notebook, strict=True)
        return statistics.median(other.seconds / ours.seconds for ours, other in pairs)


@dataclass
class SameResult:
    """A whole comparison, and what a notebook would need for it, reckoned from timed parts."""

    project: Run
    notebook: dict[str, tuple[int, float]]

    @property
    def notebook_seconds(self) -> float:
        """Number times seconds of each part."""
        return sum(number * seconds for number, seconds in self.notebook.values())


@dataclass
class Shop:
    """What was measured on one data set."""

    name: str
    customers: int = 0
    first: list[Run] = field(default_factory=list)
    changes: dict[int, list[Run]] = field(default_factory=dict)
    floors: list[tuple[str, float, float]] = field(default_factory=list)
    same_work: SameWork | None = None
    same_result: SameResult | None = None

    def first_seconds(self) -> float:
        """Median of the first builds."""
        return median(self.first)


def environment() -> str:
    """Return what the seconds depend on beside the code: the machine and the versions."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {versions}."
    )


def write_notes(path: Path, shops: list[Shop], polls: list[Polls]) -> None:
    """Write down what has been measured, for a run that goes on from there."""
    noted = {"environment": environment(), "shops": shops, "polls": polls}
    path.write_text(json.dumps(noted, default=asdict))


def read_notes(path: Path) -> tuple[list[Shop], list[Polls]]:
    """Return what an earlier run has measured; raises BenchmarkError if it was another machine."""
    if not path.exists():
        return [], []
    noted = json.loads(path.read_text())
    if noted["environment"] != environment():
        raise BenchmarkError(f"{path} is of another machine or other versions; delete it.")

    def runs(each: list[dict]) -> list[Run]:
        return [Run(**fields) for fields in each]

    shops = []
    for shop in noted["shops"]:
        work, result = shop["same_work"], shop["same_result"]
        if work:
            work |= {"project": runs(work["project"]), "notebook": runs(work["notebook"])}
        if result:
            parts = {name: tuple(part) for name, part in result["notebook"].items()}
            result = SameResult(Run(**result["project"]), parts)
        shops.append(
            Shop(
                shop["name"],
                shop["customers"],
                runs(shop["first"]),
                {int(days): runs(each) for days, each in shop["changes"].items()},
                [tuple(floor) for floor in shop["floors"]],
                SameWork(**work) if work else None,
                result,
            )
        )
    return shops, [Polls(**poll) for poll in noted["polls"]]


def run(*command: object) -> Run:
    """Run a command to its end; raises BenchmarkError if it fails."""
    begun = time.perf_counter()
    started, lines = 0.0, []
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
        for line in process.stdout:
            lines.append(line)
            if line.startswith(STARTED) and not started:
                started = time.perf_counter() - begun
        process.wait()
        watcher.join()
    seconds = time.perf_counter() - begun
    # 3: published, with a broken maintenance contract.
    if process.returncode not in (0, 3):
        told = "".join(lines)[-2000:]
        raise BenchmarkError(f"{' '.join(map(str, command))} failed:\n{told}")
    found = [match for line in lines if (match := NODE.match(line))]
    totals = {int(match[1]) for match in found}
    nodes = {match[2]: float(match[3]) for match in found}
    return Run(seconds, peak[0], started, nodes, sum(totals))


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


def median(runs: list[Run], attribute: str = "seconds") -> float:
    """Return the median of a figure of some runs."""
    return statistics.median(getattr(each, attribute) for each in runs)


def measure(
    shop: Shop, data: Path, folder: Path, *, is_built_only: bool, note: Callable[[], None]
) -> None:
    """Measure a shop step by step; raises BenchmarkError if project and notebook disagree.

    `note` is called after each step, because the next one may take long.
    """
    warehouse = folder / "benchmark.duckdb"
    build = ("scripts/build.py", "--verbose", "--warehouse", warehouse, "--data")
    name = shop.name
    added = CHANGES[-1:] if is_built_only else CHANGES
    missing = [sum(added[nth:]) for nth in range(len(added) + 1)]
    folders = [written_without_newest_days(days, data, folder) for days in missing]
    whole = folders[-1]
    while not shop.first or (shop.first[0].seconds < REPEATED_UP_TO and len(shop.first) < 3):
        tell(name, "first build")
        shop.first.append(fresh(warehouse, *build, folders[0]))
        evaluated = count_evaluations(warehouse)
        if not shop.floors:
            shop.customers = count_customers(warehouse)
            nodes = shop.first[0].nodes
            shop.floors = ratios_to_floors(warehouse, nodes, LEAST_SHARE * sum(nodes.values()))
        note()
        for days, longer in zip(added, folders[1:], strict=True):
            tell(name, f"{days} more days" if days > 1 else "a day more")
            later = run(*build, longer)
            later.evaluations = count_evaluations(warehouse) - evaluated
            evaluated += later.evaluations
            shop.changes.setdefault(days, []).append(later)
            note()
    shop.customers = count_customers(warehouse)
    for shorter in folders[:-1]:
        shutil.rmtree(shorter)
    if not is_built_only:
        tell(name, "the same work as a notebook")
        shop.same_work = measure_same_work(warehouse, whole, folder, shop.customers)
        note()
    if not is_built_only and shop.customers <= WHOLE_NOTEBOOK:
        tell(name, "the same result")
        shop.same_result = measure_same_result(warehouse, whole, folder)
        note()
    shutil.rmtree(whole)


def tell(name: str, what: str) -> None:
    """Print what comes next."""
    print(f"{name}: {what}", flush=True)


def forget(warehouse: Path) -> None:
    """Delete a warehouse with all that stands beside it: what follows is a first build."""
    for pattern in (f"{warehouse.stem}.*", f".{warehouse.stem}.*"):
        for left in warehouse.parent.glob(pattern):
            left.unlink()


def fresh(warehouse: Path, *command: object) -> Run:
    """Run a build into an empty warehouse."""
    forget(warehouse)
    return run(*command)


def measure_same_work(warehouse: Path, data: Path, folder: Path, customers: int) -> SameWork:
    """Time what a notebook does by the project and by the notebook, in pairs."""
    each = 1 if customers <= WHOLE_NOTEBOOK else 5
    settings, results = folder / "candidates.yml", folder / "notebook.json"
    settings.write_text(yaml.safe_dump(notebook_candidates()))
    ours, theirs, differences = [], [], []
    while not ours or (each == 1 and len(ours) < 3):
        compare = ("scripts/build.py", "--warehouse", warehouse, "--data", data)
        compare += ("--compare", "always", "--vars", settings)
        ours.append(fresh(warehouse, *compare))
        notebook = ("scripts/notebook_way.py", "--data", data, "--results", results)
        theirs.append(run(*notebook, "--each", each))
        found = json.loads(results.read_text())
        theirs[-1].seconds = sum(found["seconds"].values())
        differences.append(check(warehouse, found))
    return SameWork(ours, theirs, max(differences), each)


def notebook_candidates() -> dict:
    """Vars with which the project compares the notebook's candidates, and follows its model."""
    sets = {"-".join(features): features for features in FEATURE_SETS}
    numbers = list(NUMBERS_OF_SEGMENTS)
    return {
        "feature_sets": sets,
        "candidate_feature_sets": list(sets),
        "candidate_scales": ["log"],
        "candidate_algorithms": {"kmeans": {"n_segments": numbers}},
        "default_candidate": [f"kmeans-{N_SEGMENTS}-{name}" for name in sets],
        "pinned_candidate": f"kmeans-{N_SEGMENTS}-{'-'.join(FEATURES)}",
        "contract_options": {},
    }


def measure_same_result(warehouse: Path, data: Path, folder: Path) -> SameResult:
    """Time a whole comparison, and one of each kind of its parts in a notebook."""
    command = ("scripts/build.py", "--warehouse", warehouse, "--data", data, "--compare", "always")
    ours = fresh(warehouse, *command)
    results = folder / "notebook.json"
    run("scripts/notebook_way.py", "--data", data, "--results", results, "--parts")
    seconds = json.loads(results.read_text())
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        numbers = dict(
            connection.execute(
                "select algorithm, count(*) from marts.model_comparison "
                "where algorithm in ('kmeans', 'ward', 'dbscan') group by 1"
            ).fetchall()
        )
        numbers["resample"] = connection.execute(
            "select coalesce(sum(resamples) filter (where algorithm = 'kmeans'), 0) "
            "+ (select sum(seeds + resamples + splits) from marts.maintenance_noise) "
            "from marts.model_comparison"
        ).fetchall()[0][0]
        query = "select count(*) from marts.segment_stability"
        numbers["pair"] = connection.execute(query).fetchall()[0][0]
    return SameResult(ours, {part: (int(numbers[part]), seconds[part]) for part in seconds})


def written_without_newest_days(days: int, data: Path, folder: Path) -> Path:
    """Write the raw files without the newest days into a folder of their own."""
    target = folder / f"without {days} days"
    write_without_newest_days(days, data, target)
    return target


def write_without_newest_days(days: int, data: Path, folder: Path) -> None:
    """Copy the raw files without the orders of the newest days and what belongs to them.

    The newest day is that of the newest order that counts: after it Olist's files have a few
    canceled ones. Rows come in the order in which orders were placed, as a shop appends them: the
    files of fewer days begin with those of more.
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
            "create table orders as select order_id, customer_id, order_status, "
            "cast(order_purchase_timestamp as timestamp) as ordered_at, "
            "row_number() over (order by ordered_at, order_id) as place from olist_orders_dataset"
        )
        connection.execute(
            "delete from orders where $1 > 0 and ordered_at >= "
            "(select date_trunc('day', max(ordered_at)) from orders "
            "where order_status not in ('canceled', 'unavailable')) - to_days($1 - 1)",
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


def count_evaluations(warehouse: Path) -> int:
    """Count the evaluation dates of which a published warehouse has models."""
    counted = "select count(distinct fitted_as_of) from marts.segment_models"
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(counted).fetchone()[0]


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
    seen = [
        (value, found["agreement"][date]) for date, value in curve if date in found["agreement"]
    ]
    if not seen:
        raise BenchmarkError("No evaluation date is in both curves of agreement")
    difference = max(abs(value - other) for value, other in seen)
    if difference > LARGEST_DIFFERENCE:
        raise BenchmarkError(f"The curves of agreement differ by {difference:.3f}")
    return difference


# -- the page -------------------------------------------------------------------------------------


def page(shops: list[Shop], polls: list[Polls]) -> str:
    """Return the measured figures as Markdown."""
    parts = [
        "# Benchmarks",
        "Written by `make bench`. Builds of a shop whose first one takes less than two minutes "
        "are medians of three, others single runs. Seconds depend on the machine; ratios are of "
        "runs one after the other.",
        environment(),
        "## Same work",
        f"The notebook (`scripts/notebook_way.py`) reads the same files with pandas, fits "
        f"scikit-learn's KMeans at each weekly evaluation date, compares it with the first model, "
        f"and measures {len(FEATURE_SETS) * len(NUMBERS_OF_SEGMENTS)} candidates by their "
        "silhouette. The project does it by one `make compare` into an empty warehouse, with vars "
        "that leave these candidates and dates and no options; resamples, all pairs of models, "
        "noise, segments with history and tests are in its time and not in the notebook's. Both "
        "find the same customers, orders, revenue and recency; their curves of agreement differ by "
        "what the last column says: scikit-learn's default tolerance stops early, nothing is "
        f"capped. Of more than {WHOLE_NOTEBOOK:,} customers the notebook does each fifth date and "
        "candidate, and its seconds are reckoned from that.",
        table(
            "shop|customers|project|notebook|ratio|memory|of notebook|pairs|curves differ",
            [_same_work(shop) for shop in shops if shop.same_work],
        ),
        "## Same result",
        "What a whole `make compare` computes, at a notebook's pace: one candidate of each "
        "algorithm, one fit of a resample and one pair of models are timed with pandas and "
        "scikit-learn, five times each, and the median is multiplied by how many of them the "
        "project has computed. This is a reckoning from parts, not a run. Hierarchical clustering "
        "and DBSCAN see 4,000 customers in both.",
        table(
            "shop|`make compare`|notebook, reckoned|ratio|of which",
            [_same_result(shop) for shop in shops if shop.same_result],
        ),
        "## Builds",
        "A first build reads everything, fits the model of each evaluation date and judges it. A "
        "later one reads what the files have more. Work is what a build takes beyond the start of "
        "dbt, which parses the project where that has changed. The days that are added, one number "
        "after the other, are the newest of orders that count; the first build is without them. "
        "The third figure of each is how many evaluations it holds.",
        table(
            "shop|customers|first build: all, work|memory|30 days: all, work, evaluations"
            "|7 days: all, work, evaluations|a day: all, work, evaluations",
            [_builds(shop) for shop in shops],
        ),
        _growth(shops),
        "### Before",
        "Before builds went by change, on another machine of two cores:",
        table("build|time|memory", [list(row) for row in BEFORE]),
        "## dbt's own share",
        _share_of_dbt(shops[0]),
        "## Beside the floor",
        f"Models that take {LEAST_SHARE:.0%} or more of a first build. The floor is DuckDB's time "
        "to read the columns of all inputs once and to write the output once. A model that fits, "
        "sorts, or meets customers with many dates cannot reach it.",
        *[_floors(shop) for shop in shops],
        "## Readers",
        "Clients open the file, ask for the sizes of segments and for the customers, and close it, "
        "again and again while builds publish; a mixed state is an answer in which the two do not "
        "fit together.",
        table(
            "what is read|clients|queries|errors|mixed states|median|p99",
            [poll.cells() for poll in polls],
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(header: str, rows: list[list[str]]) -> str:
    """Return a table, its header cells apart by |; nothing without rows."""
    if not rows:
        return ""
    names = header.split("|")
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _same_work(shop: Shop) -> list[str]:
    same = shop.same_work
    return [
        shop.name,
        f"{shop.customers:,}",
        f"{median(same.project):.0f} s",
        f"{median(same.notebook):,.0f} s" + (", reckoned" if same.each > 1 else ""),
        f"{same.ratio:.1f}",
        f"{max(each.gigabytes for each in same.project):.1f} GB",
        f"{max(each.gigabytes for each in same.notebook):.1f} GB",
        str(len(same.project)),
        f"{same.largest_difference:.3f}",
    ]


def _same_result(shop: Shop) -> list[str]:
    same = shop.same_result
    parts = [
        f"{number:,} {part} of {seconds:.2f} s" for part, (number, seconds) in same.notebook.items()
    ]
    return [
        shop.name,
        f"{same.project.seconds:.0f} s",
        f"{same.notebook_seconds:,.0f} s",
        f"{same.notebook_seconds / same.project.seconds:.0f}",
        ", ".join(parts),
    ]


def _builds(shop: Shop) -> list[str]:
    gigabytes = max(each.gigabytes for each in shop.first)
    cells = [shop.name, f"{shop.customers:,}"]
    first = f"{shop.first_seconds():.0f} s, {median(shop.first, 'work'):.0f} s"
    cells += [first, f"{gigabytes:.1f} GB"]
    for days in CHANGES:
        runs = shop.changes.get(days)
        cells.append("-")
        if runs:
            seconds, work = median(runs), median(runs, "work")
            cells[-1] = f"{seconds:.0f} s, {work:.0f} s, {runs[0].evaluations}"
    return cells


def _growth(shops: list[Shop]) -> str:
    told = []
    for smaller, larger in pairwise(shops):
        if larger.customers <= smaller.customers:
            continue
        ratio = math.log(larger.customers / smaller.customers)
        power = math.log(larger.first_seconds() / smaller.first_seconds()) / ratio
        told.append(
            f"From {smaller.name} to {larger.name} a first build grows with the customers to the "
            f"power of {power:.2f}."
        )
    return " ".join(told)


def _share_of_dbt(shop: Shop) -> str:
    first = shop.first[-1]
    # A first run may have to parse the project; a later one has it parsed.
    started = median(shop.changes.get(1, shop.first), "started")
    told = (
        f"On {shop.name} dbt starts in {started:.1f} s. A first build has "
        f"{first.all_nodes} models, seeds and tests, {1000 * first.work / first.all_nodes:.0f} ms "
        "each, SQL and fits included"
    )
    if 1 in shop.changes:
        day = shop.changes[1][-1]
        told += f"; a day more has {day.all_nodes}, {1000 * day.work / day.all_nodes:.0f} ms each"
    return f"{told}."


def _floors(shop: Shop) -> str:
    total = sum(shop.first[0].nodes.values())
    rows = [
        [
            name,
            f"{seconds:.1f} s",
            f"{seconds / total:.0%}",
            f"{floor:.1f} s",
            f"{seconds / floor:.1f}" if floor else "",
        ]
        for name, seconds, floor in shop.floors
    ]
    return table(f"{shop.name}: model|time|of all models|floor|ratio", rows)


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
    parser.add_argument("--notes", type=Path, help="what was measured, to go on from")
    parser.add_argument("--output", type=Path, default=Path("docs/benchmarks.md"))
    arguments = parser.parse_args()
    arguments.output.parent.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=arguments.folder))
    try:
        measure_all(arguments, folder)
    except BenchmarkError as error:
        sys.exit(str(error))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"Written to {arguments.output}")


def measure_all(arguments: argparse.Namespace, folder: Path) -> None:
    """Measure what is asked for and not noted yet, and write the page after each step."""
    shops, polls = read_notes(arguments.notes) if arguments.notes else ([], [])

    def note() -> None:
        arguments.output.write_text(page(shops, polls))
        if arguments.notes:
            write_notes(arguments.notes, shops, polls)

    def is_noted(name: str) -> bool:
        return name in [shop.name for shop in shops]

    if arguments.olist and not is_noted("Olist"):
        shops.append(Shop("Olist"))
        measure(shops[-1], arguments.olist, folder, is_built_only=False, note=note)
    if not polls:
        tell("Readers", "poll while builds publish")
        data = folder / "read"
        run("scripts/make_demo_data.py", data)
        polls += poll_while(data, folder / "readers")
    for customers in arguments.customers:
        name = f"synthetic {customers:,}"
        if is_noted(name):
            continue
        data = folder / str(customers)
        run("scripts/make_demo_data.py", data, "--customers", customers)
        shops.append(Shop(name))
        is_built_only = customers > arguments.largest_notebook
        measure(shops[-1], data, folder, is_built_only=is_built_only, note=note)
        shutil.rmtree(data)
    note()


if __name__ == "__main__":
    main()
