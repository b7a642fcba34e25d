"""The faults that tests inject, and the page that tells what stood after them.

    make test-faults

injects them all, writes a line for each injection to `tests/faults/record.csv` and the page
docs/reliability.md from these lines and from docs/damaged_input.md, which the same command writes.
"""

import csv
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "tests" / "faults" / "record.csv"
PAGE = ROOT / "docs" / "reliability.md"
DAMAGED_INPUT = ROOT / "docs" / "damaged_input.md"

STATES = ("old", "new", "none")
COLUMNS = ["fault", "case", "stood", "healed_by"]

# Where a run of the tests writes its record; without it nothing is written.
RECORD_OF_RUN = "FAULT_RECORD"


@dataclass(frozen=True)
class Fault:
    """A fault, what a build does about it, and the test that injects it."""

    what: str
    answer: str
    test: str


FAULTS = {
    "kill": Fault(
        "build, dbt or both killed (SIGKILL) at a random moment",
        "nothing is left running or locked; where dbt alone is killed, the build says so",
        "killed",
    ),
    "full disk": Fault(
        "the disk is full: a small file system, or a limit on the size of a file",
        "the build ends and names the cause",
        "disk",
    ),
    "memory": Fault(
        "too little memory: DuckDB's limit, or that of the process",
        "the build ends; at DuckDB's limit it names the model and the setting",
        "memory",
    ),
    "read-only folder": Fault(
        "the folder of the warehouse cannot be written",
        "the build ends and names the folder",
        "read_only",
    ),
    "two builds": Fault(
        "a second build while one runs",
        "the second one says so and ends, the first one publishes",
        "second_build",
    ),
    "clock": Fault(
        "a clock that is 30 years ahead, or 25 behind",
        "the same rows in every mart",
        "surroundings",
    ),
    "time zone": Fault(
        "another time zone (TZ)",
        "the same rows in every mart",
        "surroundings",
    ),
    "locale": Fault(
        "a locale without UTF-8 (LC_ALL=C, PYTHONUTF8=0)",
        "the same rows in every mart",
        "surroundings",
    ),
    "threads": Fault(
        "one thread, eight threads (SEGMENTS_THREADS)",
        "the same rows in every mart",
        "surroundings",
    ),
    "damaged warehouse": Fault(
        "the published file is cut off, overwritten in part, emptied or gone",
        "the same build says so, moves the file aside, and makes the registry and all marts again "
        "from the raw files and the backup",
        "damaged_warehouse",
    ),
    "damaged backup": Fault(
        "the backup is damaged, the warehouse is not",
        "the same build writes a new backup",
        "damaged_backup",
    ),
    "no backup": Fault(
        "the published file is damaged, and there is no backup or a damaged one",
        "the build ends and says what is lost and how to go on",
        "without_a_backup",
    ),
}


def append(fault: str, case: str, stood: str, healed_by: str) -> None:
    """Append an injected fault to the record of this run, if one is kept.

    `stood` is the state of the marts after it, old, new, or none where a damaged file stays as it
    is; `healed_by` the build that gave the new
    one, "itself" or "the next", or nothing where no build followed.
    """
    assert fault in FAULTS
    assert stood in STATES and healed_by in ("itself", "the next", "")
    path = os.environ.get(RECORD_OF_RUN)
    if path:
        with Path(path).open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow([fault, case, stood, healed_by])


def read_record(path: Path = RECORD) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file, COLUMNS))


def page(record: list[dict[str, str]]) -> str:
    """docs/reliability.md from the lines of a record."""
    outcomes = DAMAGED_INPUT.read_text(encoding="utf-8").splitlines()
    built = sum("| built: " in line for line in outcomes)
    told = sum("| not built: " in line for line in outcomes)
    healed = sum(line["healed_by"] != "" for line in record)
    lines = [
        "# Reliability",
        "",
        "| what is tried | how often | outcome | run it |",
        "|---|---:|---|---|",
        f"| damaged input | {built + told} | {built} builds, each raw row accounted for and every "
        f"customer's orders and money counted again in Python, rows lost: 0; {told} times nothing "
        "built and one message says why ([each one](damaged_input.md)) "
        "| `make test-faults ONLY=damaged_folders` |",
        f"| injected faults | {len(record)} | marts old or new, never in between; {healed} healed "
        "by a build | `make test-faults ONLY=test_faults` |",
        "| laws on random shops | 5 | rows and money conserved through every join, features as of "
        "a date equal to a brute-force computation, order and names without effect, later orders "
        "without effect on earlier features, money in another unit scales monetary value alone "
        "| `.venv/bin/pytest tests/project/test_properties.py` |",
        "| SQL in settings | every var and environment variable | refused or quoted "
        "| `.venv/bin/pytest tests/project/test_vars.py` |",
        "",
        "`make test-faults` tries all of the first two and writes this page; `make test` tries a "
        "part of them and all of the others.",
        "",
        "## What stands after a fault",
        "",
        f"`make test-faults` injects {len(record)} faults into builds of a small shop. After",
        "each one every published mart is read and compared, row for row, with",
        "the state before the build (*old*) and with what an undisturbed build makes of the same",
        "files (*new*). There is no third state, or the command ends with an error; *none* are",
        "damaged files that stay as they are because there is no backup. *Healed* counts faults",
        "after which a build, the same or the next one, has given the new state; ten kills follow",
        "one another before a build heals them.",
        "",
        "| fault | injected | old | new | none | healed | what the build does | alone |",
        "|---|---:|---:|---:|---:|---:|---|---|",
    ]
    for name, fault in FAULTS.items():
        of_fault = [line for line in record if line["fault"] == name]
        stood = Counter(line["stood"] for line in of_fault)
        healed = sum(line["healed_by"] != "" for line in of_fault)
        lines.append(
            f"| **{name}**: {fault.what} | {len(of_fault)} | {stood['old']} | {stood['new']} "
            f"| {stood['none']} | {healed} | {fault.answer} "
            f"| `make test-faults ONLY={fault.test}` |"
        )
    lines += ["", "The cases:", ""]
    for name in FAULTS:
        cases = Counter(line["case"] for line in record if line["fault"] == name)
        cases_told = ", ".join(
            f"{case} ({n})" if n > 1 else case for case, n in sorted(cases.items())
        )
        lines.append(f"- {name}: {cases_told}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(read_record()), encoding="utf-8")
