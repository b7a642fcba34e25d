"""Readers poll a warehouse and its export while builds publish: what they see, and how fast."""

import statistics
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parents[1]
CLIENTS = 20
BUILDS = 2
# Seconds between two queries of a client.
PAUSE = 1.0

SIZES = "select segment_id, customers from marts.segment_profiles order by segment_id"
MEMBERS = "select segment_id, count(*) from marts.customer_segments group by 1 order by 1"


@dataclass
class Polls:
    """What the clients of one file have seen."""

    file: str
    clients: int
    seconds: list[float]
    errors: list[str]
    mixed_states: int

    def cells(self) -> list[str]:
        """Return the figures as cells of a table."""
        p99 = statistics.quantiles(self.seconds, n=100)[-1] if len(self.seconds) > 1 else 0.0
        middle = statistics.median(self.seconds) if self.seconds else 0.0
        return [
            self.file,
            str(self.clients),
            f"{len(self.seconds):,}",
            str(len(self.errors)),
            str(self.mixed_states),
            f"{1000 * middle:.0f} ms",
            f"{1000 * p99:.0f} ms",
        ]


def poll(path: Path, stop: Path) -> tuple[list[float], list[str], int]:
    """Query a file until a stop file is there: seconds, errors, and mixed states."""
    seconds, errors, mixed = [], [], 0
    while not stop.exists():
        begun = time.perf_counter()
        try:
            with duckdb.connect(str(path), read_only=True) as connection:
                sizes = connection.execute(SIZES).fetchall()
                members = connection.execute(MEMBERS).fetchall()
            mixed += sizes != members
        except duckdb.Error as error:
            errors.append(str(error))
        seconds.append(time.perf_counter() - begun)
        time.sleep(PAUSE)
    return seconds, errors, mixed


def poll_while(data: Path, folder: Path) -> list[Polls]:
    """Let clients poll a warehouse and its export while builds and exports go on.

    Parameters
    ----------
    data : Path
        The raw files.
    folder : Path
        Where warehouse and export go; made here.

    Returns
    -------
    list of Polls
        Of the warehouse, and of the exported file.
    """
    folder.mkdir(parents=True)
    warehouse, exported, stop = folder / "shop.duckdb", folder / "export", folder / "stop"
    build = ["scripts/build.py", "--data", data, "--warehouse", warehouse]
    export = ["scripts/export.py", "--warehouse", warehouse, "--folder", exported]
    _run(build)
    _run(export)
    files = {"the warehouse": warehouse, "the exported file": exported / "segments.duckdb"}
    with ProcessPoolExecutor(CLIENTS, mp_context=get_context("spawn")) as pool:
        begun = {
            name: [pool.submit(poll, path, stop) for _ in range(CLIENTS // len(files))]
            for name, path in files.items()
        }
        try:
            for _ in range(BUILDS):
                _run(build)
                _run(export)
        finally:
            stop.touch()
        found = {name: [each.result() for each in clients] for name, clients in begun.items()}
    return [
        Polls(
            name,
            len(clients),
            [second for seconds, _, _ in clients for second in seconds],
            [error for _, errors, _ in clients for error in errors],
            sum(mixed for _, _, mixed in clients),
        )
        for name, clients in found.items()
    ]


def _run(command: list) -> None:
    subprocess.run(
        [sys.executable, *map(str, command)], cwd=ROOT, check=False, stdout=subprocess.DEVNULL
    )
