"""Each damage of `damage.py`: what a build makes of the folder, against what has to come of it.

One warm dbt in this process loads and counts: a damage costs a second. Python's own count of rows
and sums stands beside the ledger's. docs/damaged_input.md is written from what comes out.
"""

import contextlib
import io
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

import damage
import recount
from conftest import ROOT
from damage import Built, Damage, Told
from dbt_runs import problem_of
from shop import COLUMNS

PAGE = ROOT / "docs" / "damaged_input.md"

# What loads and counts, with the tests that guard the figures.
COUNTING = [
    "int_cutoffs",
    "+int_customer_versions",
    "+data_quality_ledger",
]
FITTING = ["+training_models"]

HEAD = """# Damaged input

What a build makes of damaged files, one damage at a time, of a small shop with 307 orders. Written
by `tests/faults/test_damaged_folders.py` from what it observes. Either a build is made, and
`marts.data_quality_ledger` counts each raw row as accepted, changed or rejected with the reason:
the table says how many rows more a rule counts than without the damage. Or nothing is built, and
one message says why.
"""


@dataclass(frozen=True)
class Outcome:
    """What a build said, or how the ledger, the rows and the customers of its warehouse are."""

    problems: list[str]
    ledger: dict[tuple[str, str], tuple[int, int, int]]
    customers: dict
    changed_tables: bool


class WarmDbt:
    """dbt in this process with the project parsed once, whatever folder it reads."""

    def __init__(self, project, folder: Path):
        self.warehouse = folder / "shop.duckdb"
        self.environment = {
            "SEGMENTS_DATA": str(folder),
            "SEGMENTS_WAREHOUSE": self.warehouse.name,
            "SEGMENTS_CONTRACT_SEVERITY": "warn",
            "DBT_PROFILES_DIR": str(ROOT),
            "DBT_PROJECT_DIR": str(ROOT),
            "DBT_TARGET_PATH": str(project.target(self.warehouse)),
            "DBT_LOG_PATH": str(folder / "logs"),
        }
        with pytest.MonkeyPatch.context() as patch:
            self.enter(patch)
            self.manifest = dbtRunner().invoke(["--quiet", "parse"]).result

    def enter(self, patch: pytest.MonkeyPatch, **environment: str) -> None:
        patch.chdir(self.warehouse.parent)
        for name, value in (self.environment | environment).items():
            patch.setenv(name, value)

    def build(self, data: Path, models: list[str]) -> Outcome:
        problems = []

        def listen(event) -> None:
            problem = problem_of(event)
            if problem and problem not in problems:
                problems.append(problem)

        # What the last damage was fitted on would stand: it is written once.
        query(self.warehouse, "drop schema if exists training cascade")
        before = self.raw_tables()
        with pytest.MonkeyPatch.context() as patch:
            self.enter(patch, SEGMENTS_DATA=str(data))
            result = dbtRunner(manifest=self.manifest, callbacks=[listen]).invoke(
                [
                    *("--quiet", "--log-level", "none", "build", "--no-write-json"),
                    *("--exclude-resource-type", "unit_test"),
                    *("--exclude", "test_type:generic", "selection_fitted_candidates"),
                    *("--indirect-selection", "buildable", "--select", *models),
                ]
            )
            DuckDBConnectionManager.close_all_connections()
        assert result.success == (not problems), (result.exception, problems)
        changed = self.raw_tables() != before
        if problems:
            return Outcome(problems, {}, {}, changed)
        return Outcome([], ledger(self.warehouse), customer_versions(self.warehouse), changed)

    def raw_tables(self) -> list[tuple]:
        """What the last load that has succeeded has read."""
        has_loads = "select count(*) from duckdb_tables() where table_name = 'loads'"
        if query(self.warehouse, has_loads) == [(0,)]:
            return []
        return query(
            self.warehouse, "select table_name, length, checksum, rows from raw.loads order by all"
        )


def query(warehouse: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(warehouse)) as connection:
        return connection.execute(sql).fetchall()


def ledger(warehouse: Path) -> dict[tuple[str, str], tuple[int, int, int]]:
    """By table and rule: rows in, and those that are rejected and changed."""
    return {
        (table, rule): (rows_in, kept, rejected, changed)
        for table, rule, rows_in, kept, rejected, changed in query(
            warehouse,
            "select raw_table, rule, rows_in, rows_accepted, rows_rejected, rows_changed "
            "from marts.data_quality_ledger",
        )
    }


def customer_versions(warehouse: Path) -> dict[str, tuple]:
    return {
        customer: (frequency, value)
        for customer, frequency, value in query(
            warehouse,
            "select customer_id, arg_max(frequency, valid_from), "
            "arg_max(monetary_value, valid_from) "
            "from intermediate.int_customer_versions group by customer_id",
        )
    }


def customer_segments(warehouse: Path) -> dict[str, tuple]:
    return {
        customer: (frequency, value)
        for customer, frequency, value in query(
            warehouse, "select customer_id, frequency, monetary_value from marts.customer_segments"
        )
    }


@pytest.fixture(scope="module")
def undamaged(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("shop") / "undamaged"
    with contextlib.redirect_stdout(io.StringIO()):
        damage.make_shop(folder)
    return folder


@pytest.fixture(scope="module")
def damaged(undamaged, tmp_path_factory) -> Callable[[Damage], Path]:
    """A copy of the shop with a damage."""

    def apply(of: Damage) -> Path:
        folder = tmp_path_factory.mktemp("damaged") / "data"
        shutil.copytree(undamaged, folder)
        read = of.apply(folder)
        return read if isinstance(read, Path) else folder

    return apply


@pytest.fixture(scope="module")
def warm_dbt(project, undamaged, tmp_path_factory) -> WarmDbt:
    return WarmDbt(project, tmp_path_factory.mktemp("warm"))


@pytest.fixture(scope="module")
def baseline(warm_dbt, undamaged) -> Outcome:
    outcome = warm_dbt.build(undamaged, COUNTING)
    assert outcome.problems == []
    return outcome


@pytest.fixture(scope="module")
def outcome_of(warm_dbt, baseline, damaged, project, tmp_path_factory):
    """What comes of a damage, tried once, and the folder."""
    known = {}

    def outcome(of: Damage) -> tuple[Outcome, Path]:
        if id_of(of) not in known:
            data = damaged(of)
            if of.whole and isinstance(of.expected, Built):
                found = made(project, data, tmp_path_factory.mktemp("made") / "shop.duckdb")
            else:
                found = warm_dbt.build(data, COUNTING + FITTING * of.whole)
            known[id_of(of)] = (found, data)
        return known[id_of(of)]

    return outcome


def made(project, data: Path, warehouse: Path) -> Outcome:
    """What `make build` makes of it."""
    result = project.make(data, warehouse)
    if result.returncode == 1:
        return Outcome(result.stderr.strip().splitlines()[1:], {}, {}, False)
    return Outcome([], ledger(warehouse), customer_segments(warehouse), True)


def more_in_ledger(outcome: Outcome, baseline: Outcome) -> dict[tuple[str, str], int]:
    """By table and rule, how many rows more than without the damage."""
    differences = {
        key: sum(found[2:]) - sum(baseline.ledger[key][2:])
        for key, found in outcome.ledger.items()
        if key[1] != "all rules"
    }
    return {key: more for key, more in differences.items() if more}


def id_of(of: Damage) -> str:
    return f"{of.kind}: {of.name}"


BUILT = [of for of in damage.DAMAGES if isinstance(of.expected, Built)]
TOLD = [of for of in damage.DAMAGES if isinstance(of.expected, Told)]

# `make test` tries every sixth damage, `make test-faults` all of them.
IN_CI = [of for of in damage.DAMAGES[::6] if not (of.whole and of in BUILT)]


def marked(damages: list[Damage]) -> list:
    return [
        pytest.param(of, marks=() if of in IN_CI else pytest.mark.faults, id=id_of(of))
        for of in damages
    ]


def test_damages_have_names_of_their_own():
    assert len({id_of(of) for of in damage.DAMAGES}) == len(damage.DAMAGES) >= 60


@pytest.mark.parametrize("of", marked(BUILT))
def test_every_row_is_accounted_for_and_every_sum_is_right(of, outcome_of, baseline):
    outcome, data = outcome_of(of)
    assert outcome.problems == []
    assert more_in_ledger(outcome, baseline) == of.expected.ledger
    for table in COLUMNS:
        rows_in, kept, rejected, _ = outcome.ledger[table, "all rules"]
        assert rows_in == kept + rejected == recount.number_of_rows(data, table), table
    assert outcome.customers == recount.customers(data)


@pytest.mark.parametrize("of", marked(TOLD))
def test_one_message_says_what_to_do(of, outcome_of):
    outcome, _ = outcome_of(of)
    told = "\n".join(outcome.problems)
    for phrase in of.expected.phrases:
        assert phrase in told
    assert len(told.splitlines()) == 1
    for noise in ("Traceback", "Error", "in macro", "compiled code"):
        assert noise not in told
    # Of these the files are sound, and what they hold will not do.
    is_of_load = not re.search("test|evaluation date|counted order", told) and not of.whole
    if is_of_load:
        assert not outcome.changed_tables, "raw tables have changed"


@pytest.mark.parametrize(
    "name", ["missing file", pytest.param("all customers alike", marks=pytest.mark.faults)]
)
def test_a_damaged_folder_leaves_the_published_warehouse_as_it_is(name, project, damaged, tmp_path):
    (of,) = [of for of in TOLD if of.name == name]
    published = tmp_path / "shop.duckdb"
    with duckdb.connect(str(published)) as connection:
        connection.execute("create table yesterday as select 'the state of yesterday' as state")
    before = published.read_bytes()
    result = project.make(damaged(of), published)
    assert result.returncode == 1
    for phrase in of.expected.phrases:
        assert phrase in result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    assert len(result.stderr.strip().splitlines()) == 2, result.stderr
    assert published.read_bytes() == before
    assert not list(tmp_path.glob(".*building*"))


def row_of(of: Damage, outcome_of, baseline: Outcome) -> str:
    told = in_words(*outcome_of(of), baseline).replace("|", "\\|").replace("\t", " ")
    return f"| {of.name} | {told} |\n"


def test_the_page_has_what_comes_of_some_damages(outcome_of, baseline):
    page = PAGE.read_text()
    for of in IN_CI:
        assert row_of(of, outcome_of, baseline) in page


@pytest.mark.faults
def test_the_page_says_what_comes_of_each_damage(outcome_of, baseline):
    page = HEAD
    for kind in dict.fromkeys(of.kind for of in damage.DAMAGES):
        page += f"\n## {kind[0].upper()}{kind[1:]}\n\n| damage | outcome |\n|---|---|\n"
        for of in damage.DAMAGES:
            if of.kind == kind:
                page += row_of(of, outcome_of, baseline)
    if "WRITE_DAMAGED_INPUT" in os.environ:
        PAGE.write_text(page)
    assert PAGE.read_text() == page, (
        "docs/damaged_input.md is no longer what comes out; write it anew: "
        "WRITE_DAMAGED_INPUT=1 make test-faults ONLY=the_page"
    )


def in_words(outcome: Outcome, data: Path, baseline: Outcome) -> str:
    """An outcome as a cell of the page, without the paths of this machine."""
    if outcome.problems:
        told = " ".join(outcome.problems)
        for folder in (data, data.parent):
            told = told.replace(f"{folder}/", "").replace(str(folder), "FOLDER")
        return f"not built: {told}"
    counted = [
        f"`{rule}` of {table.removeprefix('olist_').removesuffix('_dataset')} {more:+,}"
        for (table, rule), more in sorted(more_in_ledger(outcome, baseline).items())
    ]
    return "built: " + (", ".join(counted) or "every row is accepted")
