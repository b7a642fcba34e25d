"""Faults of the machine: what stands is whole, old or new, and the next build heals."""

import copy
import hashlib
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pytest

import reliability
from conftest import REGISTRY, ROOT, marts_of
from segmentation_dbt.erasure import backup_of
from workshop import damaged_files_of

# `make test-faults` kills so many builds, so often; `make test` kills two.
KILLS, TIMES = 10, 5
KILLS_IN_CI = 2


def state_of(warehouse):
    """Every row of every mart, in stored order, as a hash a mart."""
    state = {}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for mart in marts_of(warehouse):
            rows = connection.execute(f"select * from marts.{mart}").fetchall()
            state[mart] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return state


def registry_of(warehouse):
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return {
            table: connection.execute(f"select * from {table} order by {key}").fetchall()
            for table, key in REGISTRY.items()
        }


class Place:
    """A folder with a warehouse of yesterday, the files of today, and the states of both."""

    def __init__(self, project, data, folder):
        self.project, self.data, self.folder = project, data, folder
        self.warehouse = folder / "shop.duckdb"
        self.backup = backup_of(self.warehouse)
        self.first = self.old = self.new = self.new_registry = None

    def start(self, environment=(), **options):
        return subprocess.Popen(
            [
                *(sys.executable, "scripts/build.py"),
                *("--data", self.data, "--warehouse", self.warehouse),
            ],
            cwd=ROOT,
            env=os.environ
            | {
                "DBT_TARGET_PATH": str(self.project.target(self.warehouse)),
                "DBT_LOG_PATH": str(self.project.folder / "logs"),
            }
            | dict(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            **options,
        )

    def build(self, environment=(), **options):
        """Exit code, output and errors of a build."""
        with self.start(environment, **options) as process:
            output, errors = process.communicate(timeout=300)
        assert "Traceback" not in output + errors, errors
        return process.returncode, output, errors

    def stands(self):
        """Which state the marts are in: old or new; another one fails."""
        state = state_of(self.warehouse)
        assert state in (self.old, self.new)
        return "new" if state == self.new else "old"

    def heal(self, environment=(), **options):
        """An undisturbed build gives the new state; returns what it tells."""
        code, output, errors = self.build(environment, **options)
        assert code == 0, errors
        assert state_of(self.warehouse) == self.new
        assert registry_of(self.warehouse) == self.new_registry
        assert state_of(self.backup)
        assert not list(self.folder.glob(".*building*"))
        return output


@pytest.fixture(scope="module")
def yesterday(project, shop, shop_data, tmp_path_factory):
    """The small shop as built yesterday, and as an undisturbed build leaves it today."""
    today = copy.deepcopy(shop)
    for i in range(30):
        today.order(f"february {i:02}", f"2018-02-{1 + i % 14:02}", 40 + 9 * i, score=1 + i % 5)
    place = Place(
        project,
        today.write(tmp_path_factory.mktemp("today") / "data"),
        tmp_path_factory.mktemp("yesterday"),
    )
    with duckdb.connect(str(place.warehouse)) as connection:
        connection.execute("create table stands as select 'before the first build' as state")
    place.first = project.make(shop_data, place.warehouse)
    assert place.first.returncode == 0, place.first.stderr
    shutil.copy(place.warehouse, place.backup)  # as a second build leaves it
    reference = Place(project, place.data, tmp_path_factory.mktemp("reference"))
    for file in (place.warehouse, place.backup):
        shutil.copy(file, reference.folder)
    started = time.monotonic()
    assert reference.build()[0] == 0
    place.seconds = time.monotonic() - started
    place.old, place.new = state_of(place.warehouse), state_of(reference.warehouse)
    place.new_registry = registry_of(reference.warehouse)
    assert place.old != place.new
    return place


def test_a_good_build_replaces_the_warehouse_and_tells_what_it_holds(yesterday):
    said = yesterday.first.stdout
    for phrase in [
        "Loyal customers",
        "agreement: OK",
        "how long one lasts is not known",
        "tables in schema marts",
        "272 customers",
    ]:
        assert phrase in " ".join(said.split())
    # A line for each layer, none for each table.
    lines = [line.split()[0] for line in said.splitlines() if " nodes " in line]
    assert sorted(lines) == sorted({*lines}) and {"staging", "champion", "marts"} <= {*lines}
    assert "customer_segments" not in said
    with duckdb.connect(str(yesterday.warehouse), read_only=True) as connection:
        counted = connection.execute("select count(*) from marts.customer_segments").fetchone()
    assert counted == (272,)


def restore(place, yesterday):
    """Put yesterday's files into a place."""
    for file in place.folder.glob("*.duckdb*"):
        file.unlink()
    for file in (yesterday.warehouse, yesterday.backup):
        shutil.copy(file, place.folder)
    place.old, place.new, place.new_registry = yesterday.old, yesterday.new, yesterday.new_registry


@pytest.fixture
def place(yesterday, tmp_path_factory):
    """A copy of yesterday's files to do harm to."""
    place = Place(yesterday.project, yesterday.data, tmp_path_factory.mktemp("place"))
    restore(place, yesterday)
    return place


IS_RECORDED = reliability.RECORD_OF_RUN in os.environ


def record(place, fault, case):
    """Record a fault that the next build is to heal, and does where a record is kept."""
    stood = place.stands()
    if IS_RECORDED:
        place.heal()
    reliability.append(fault, case, stood, "the next" if IS_RECORDED else "")
    return stood


def children_of(process):
    try:
        listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(child) for child in listed.split()]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill_after(place, seconds):
    """Kill a build after so many seconds, unless it has ended; nothing of it runs on."""
    with place.start() as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        children = children_of(process)
        process.kill()
        _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    for _ in range(50):
        if not any(map(is_running, children)):
            break
        time.sleep(0.1)
    assert not any(map(is_running, children)), "a worker runs on"


@pytest.mark.faults
@pytest.mark.parametrize("time", range(TIMES))
def test_killed_at_random_moments_the_next_build_heals(place, yesterday, time):
    moments = random.Random()
    for _ in range(KILLS):
        kill_after(place, moments.uniform(0, yesterday.seconds))
        stood = place.stands()
        reliability.append("kill", "build killed", stood, "the next")
        if stood == "new":
            restore(place, yesterday)
    place.heal()


class Disk:
    """A file system of a given size; needs root."""

    def __init__(self, folder, megabytes):
        self.folder = folder
        mounted = self._mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder)
        if mounted.returncode:
            pytest.skip(f"no file system can be mounted: {mounted.stderr.strip()}")

    def change(self, options):
        assert self._mount("-o", f"remount,{options}", self.folder).returncode == 0

    def _mount(self, *arguments):
        return subprocess.run(["mount", *arguments], capture_output=True, text=True)


@pytest.fixture
def disk(yesterday, tmp_path):
    """Makes a place on a disk of its own, with so many megabytes free."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def make(free):
        used = sum(f.stat().st_size for f in (yesterday.warehouse, yesterday.backup))
        disk = Disk(folder, used // 1_000_000 + 1 + free)
        place = Place(yesterday.project, yesterday.data, folder)
        restore(place, yesterday)
        return place, disk

    yield make
    subprocess.run(["umount", folder], capture_output=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "free",
    [
        0,
        *(pytest.param(free, marks=pytest.mark.faults) for free in (15, 22)),
    ],
)
def test_a_full_disk_is_reported_and_changes_nothing(disk, free):
    place, its_disk = disk(free)
    code, _, errors = place.build()
    assert code == 1
    assert "The disk is full" in errors
    assert place.stands() == "old"
    its_disk.change("size=500m")
    record(place, "full disk", f"{free} MB free")


@pytest.mark.faults
@pytest.mark.parametrize("megabytes", [12, 16])
def test_a_disk_limit_for_files_is_reported_and_changes_nothing(place, megabytes):
    """As a full disk, where nothing can be mounted."""
    limit = (megabytes * 1_000_000,) * 2
    code, _, errors = place.build(
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    )
    assert code == 1
    assert "The disk is full" in errors
    assert record(place, "full disk", f"files of {megabytes} MB at most") == "old"


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["30MB"])
def test_too_little_memory_is_reported_and_changes_nothing(place, limit):
    code, _, errors = place.build({"SEGMENTS_MEMORY_LIMIT": limit})
    assert code == 1
    assert f"needs more memory than DuckDB may take ({limit})" in errors
    assert record(place, "memory", f"DuckDB's limit {limit}") == "old"


@pytest.mark.faults
@pytest.mark.parametrize("megabytes", [900])
def test_too_little_memory_for_the_process_changes_nothing(place, megabytes):
    limit = (megabytes * 1_000_000,) * 2
    with place.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limit)) as process:
        process.communicate(timeout=300)
    assert process.returncode != 0
    assert record(place, "memory", f"address space of {megabytes} MB") == "old"


@contextmanager
def read_only(folder):
    """A folder that nobody may write; permissions do not bind root, a mount does."""
    if os.geteuid():
        mode = folder.stat().st_mode
        folder.chmod(0o555)
        try:
            yield
        finally:
            folder.chmod(mode)
        return
    bound = subprocess.run(["mount", "--bind", folder, folder], capture_output=True, text=True)
    if bound.returncode:
        pytest.skip(f"no folder can be mounted: {bound.stderr.strip()}")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_read_only_folder_is_reported(place):
    with read_only(place.folder):
        code, _, errors = place.build()
        assert code == 1
        assert f"{place.folder} cannot be written to" in errors
        assert place.stands() == "old"
    record(place, "read-only folder", "the warehouse's")


# Readable at first sight, cut in the middle of a block, or full of what no checksum fits.
def cut_off(file):
    os.truncate(file, file.stat().st_size // 3)


def overwrite(file, start, share):
    size = file.stat().st_size
    with file.open("r+b") as open_file:
        open_file.seek(int(start * size))
        open_file.write(random.Random(1).randbytes(int(share * size)))


def overwrite_with_zeros(file):
    size = file.stat().st_size
    with file.open("r+b") as open_file:
        open_file.seek(size // 10)
        open_file.write(bytes(size // 2))


DAMAGES = {
    "overwritten in the middle": lambda file: overwrite(file, 0.1, 0.5),
    "cut off": cut_off,
    "zeros in the middle": overwrite_with_zeros,
    "text": lambda file: file.write_text("no database"),
    "gone": Path.unlink,
    "an empty database": lambda file: (file.unlink(), duckdb.connect(str(file)).close()),
}
NOT_MOVED = ("gone",)

# What surrounds a build, and must not show in its marts.
SURROUNDINGS = {
    "threads": {
        "1 thread": {"SEGMENTS_THREADS": "1"},
        "8 threads": {"SEGMENTS_THREADS": "8"},
    },
    "time zone": {
        "Asia/Kolkata": {"TZ": "Asia/Kolkata"},
    },
    "locale": {
        "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    },
    "clock": {
        "ahead": {"CLOCK_SHIFT": str(30 * 365 * 86400)},
        "behind": {"CLOCK_SHIFT": str(-25 * 365 * 86400)},
    },
}


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    """The library that shifts a clock, or None where no C compiler is."""
    library = tmp_path_factory.mktemp("clock") / "clock.so"
    source = Path(__file__).with_name("shifted_clock.c")
    command = [shutil.which("cc") or "false", "-shared", "-fPIC", "-o", library, source, "-ldl"]
    return None if subprocess.run(command).returncode else {"LD_PRELOAD": str(library)}


@pytest.mark.faults
@pytest.mark.parametrize(
    ("fault", "case"), [(fault, case) for fault in SURROUNDINGS for case in SURROUNDINGS[fault]]
)
def test_surroundings_do_not_show_in_the_marts(place, clock, fault, case):
    if fault == "clock" and not clock:
        pytest.skip("needs a C compiler to shift the clock")
    place.heal(SURROUNDINGS[fault][case] | ((clock or {}) if fault == "clock" else {}))
    reliability.append(fault, case, "new", "itself")


def test_after_kills_a_damaged_warehouse_is_rebuilt_in_harsh_surroundings(place, yesterday, clock):
    """In one build what `make test-faults` tries one by one, and a second build beside it."""
    moments = random.Random(3)
    for number in range(KILLS_IN_CI):
        seconds = (number + moments.random()) / KILLS_IN_CI * yesterday.seconds
        kill_after(place, seconds)
        if place.stands() == "new":
            restore(place, yesterday)
    damage_warehouse(place, "overwritten in the middle")
    harsh = clock | SURROUNDINGS["clock"]["ahead"] if clock else {}
    harsh |= SURROUNDINGS["threads"]["8 threads"] | SURROUNDINGS["locale"]["C"]
    with place.start(harsh | SURROUNDINGS["time zone"]["Asia/Kolkata"]) as first:
        assert any("is damaged" in line for line in first.stdout)
        code, _, errors = place.build()
        _, errors_of_first = first.communicate(timeout=300)
    assert code == 1
    assert "Another build of" in errors
    assert first.returncode == 0, errors_of_first
    assert place.stands() == "new"
    assert registry_of(place.warehouse) == place.new_registry
    assert len(damaged_files_of(place.warehouse)) == 1


@pytest.mark.faults
def test_a_second_build_says_so_and_the_first_one_publishes(place):
    with place.start() as first:
        next(line for line in first.stdout if line == "Starting dbt\n")
        code, _, errors = place.build()
        assert code == 1
        assert "Another build of" in errors
        first.communicate(timeout=300)
    assert first.returncode == 0
    assert place.stands() == "new"
    reliability.append("two builds", "of one warehouse", "new", "itself")


def damage_warehouse(place, name):
    DAMAGES[name](place.warehouse)
    return place.warehouse.read_bytes() if place.warehouse.exists() else None


@pytest.mark.faults
@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_warehouse_is_rebuilt_from_files_and_backup(place, name):
    damaged = damage_warehouse(place, name)
    output = place.heal()
    assert f"The build goes on from its backup {place.backup}" in output
    assert "with decisions up to 2018-01-29" in output
    aside = damaged_files_of(place.warehouse)
    if name in NOT_MOVED:
        assert aside == []
    else:
        assert [file.read_bytes() for file in aside] == [damaged]
        assert str(aside[0]) in output
    reliability.append("damaged warehouse", name, "new", "itself")


@pytest.mark.faults
@pytest.mark.parametrize("name", ["cut off", "text", "gone"])
def test_a_damaged_backup_is_written_anew(place, name):
    DAMAGES[name](place.backup)
    assert "backup" not in place.heal()
    reliability.append("damaged backup", name, "new", "itself")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gone", "cut off"])
def test_without_a_backup_the_build_says_what_is_lost(place, name):
    damaged = damage_warehouse(place, "cut off")
    DAMAGES[name](place.backup)
    code, _, errors = place.build()
    assert code == 1
    words = ["is damaged", "does not exist" if name == "gone" else "is damaged too"]
    for word in [*words, "move away", "list of erased customers", "make compare"]:
        assert word in errors
    assert place.warehouse.read_bytes() == damaged
    # As the message says: with neither file, a new registry is begun.
    place.warehouse.rename(place.folder / "away")
    place.backup.unlink(missing_ok=True)
    if IS_RECORDED:
        assert place.build()[0] == 0
    reliability.append("no backup", f"backup {name}", "none", "the next" if IS_RECORDED else "")
