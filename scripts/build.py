"""Run dbt beside the published warehouse, put the result in its place, and tell a person.

    python scripts/build.py --data data/demo --warehouse warehouse/segments.duckdb
    python scripts/build.py --data data/demo --warehouse warehouse/segments.duckdb --compare always
    python scripts/build.py --data data/cdnow --warehouse warehouse/cd.duckdb \
        --vars presets/cdnow.yml

The build works in a copy of the warehouse. Only when every model and test has passed does the copy
replace it, in one step: readers see the old state or the new one, and a failed build changes
nothing. What was published before stays beside it as `NAME.previous.duckdb`.

With `--compare` it compares the candidates for the model first: always, or when the customers or
settings that the last comparison depends on have changed.

Exit codes: 0 the tables are published, 1 they are not, 3 they are published and the maintenance
contract is broken, in a clause of severity error; 130 the build was stopped.
"""

import argparse
import gc
import hashlib
import json
import os
import re
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import duckdb

from dbt_runs import ROOT, DbtRuns, vars_of
from segmentation_dbt.erasure import BACKUP
from summary import is_contract_broken, print_summary
from workshop import (
    BuildError,
    begin,
    only_build_of,
    opened,
    publish,
    workshop_of,
    write_out,
)

# In a file named after one of its schemas, `marts.customer_segments` is ambiguous to DuckDB; the
# last names are databases of DuckDB's own.
RESERVED = ["raw", "staging", "seeds", "intermediate", "selection", "training", "monitoring"]
RESERVED += ["champion", "marts", "main", "temp", "system", "memory"]

CONTRACT_BROKEN = 3

# What the warehouse was built with; a run of plain dbt forgets it (macro forget_fingerprint).
FINGERPRINT = "raw.build_fingerprint"


def build(
    data: Path,
    warehouse: Path,
    compare: str = "never",
    settings: Path | None = None,
    *,
    accepts_loss: bool = False,
    is_verbose: bool = False,
) -> None:
    """Build the warehouse from the raw files in `data`, or leave it as it is.

    Parameters
    ----------
    data : Path
        The folder of the raw files, or the one file of them.
    warehouse : Path
        The .duckdb file that is published.
    compare : str
        When to compare the candidates for the model: never, stale or always.
    settings : Path, optional
        A YAML file of vars that differ from those in dbt_project.yml.
    accepts_loss : bool
        Whether this build may have lost any share of the rows that the last one had.
    is_verbose : bool
        Whether each node is told, not each layer.

    Raises
    ------
    BuildError
        If the data or the settings are at fault, or another build of the warehouse is running.
    """
    if (
        not re.fullmatch(r"[\w .-]+\.duckdb", warehouse.name)
        or warehouse.stem in RESERVED
        or warehouse.stem.endswith(BACKUP)
    ):
        raise BuildError(
            f"The warehouse must be a .duckdb file with a plain name that does not end in "
            f"{BACKUP}.duckdb and is not one of {', '.join(RESERVED)}; {warehouse} is not."
        )
    data, warehouse = data.resolve(), warehouse.absolute()
    changed = vars_of(settings)
    fingerprint = fingerprint_of_project(changed)
    if accepts_loss:
        changed = changed | {"max_loss": 1}
    with only_build_of(warehouse), workshop_of(warehouse) as built:
        with ThreadPoolExecutor(1) as copying:
            copied = copying.submit(begin, built, warehouse)
            print("Starting dbt", flush=True)
            dbt = DbtRuns(data, built, changed, is_verbose=is_verbose)
            is_damaged = copied.result()
        if compare == "always":
            dbt.build("comparison")
        else:
            _build_what_has_changed(dbt, built, fingerprint)
            if compare == "stale" and _has_no_valid_comparison(built):
                dbt.build("comparison")
        _write_down(fingerprint, built)
        write_out(built)
        publish(built, warehouse, is_damaged=is_damaged)
    print(dbt.time_spent())


def fingerprint_of_project(changed: dict) -> str:
    """Return a hash of whatever decides, beside the raw files, what a build makes of them.

    These are the files of the project, the vars of the command line, the files of settings that
    vars do not hold, and the versions of the libraries that compute.
    """
    told = hashlib.sha256(json.dumps(changed, default=str, sort_keys=True).encode())
    for path in sorted(_project_files()):
        told.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    for package in ("dbt-core", "dbt-duckdb", "duckdb", "numba", "numpy", "scipy", "scikit-learn"):
        told.update(f"{package} {version(package)}\0".encode())
    return told.hexdigest()


def _project_files() -> list[Path]:
    folders = [ROOT / "dbt_project", ROOT / "python_models"]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    files += [ROOT / name for name in ("dbt_project.yml", "profiles.yml", "selectors.yml")]
    return [path for path in files if "__pycache__" not in path.parts]


def _build_what_has_changed(dbt: DbtRuns, built: Path, fingerprint: str) -> None:
    """Build everything but the comparisons, or less where the tables that stand will do.

    Models, what they are evaluated by and the contract change at evaluation dates only: between two
    of them they stand, if the same project has built them with the same settings.
    """
    if not _was_built_with(fingerprint, built) or _has_labels(built):
        dbt.build("daily")
        return
    dbt.build("facts")
    if _is_evaluation_due(built):
        dbt.build("after_facts")
    else:
        print("No evaluation is due: models and contract stand as they are.", flush=True)
        dbt.build("between_evaluations")


def _rows(built: Path, query: str, parameters: list | None = None) -> list[tuple]:
    with opened(built) as connection:
        return connection.execute(query, parameters).fetchall()


def _was_built_with(fingerprint: str, built: Path) -> bool:
    if not built.exists():
        return False
    try:
        return _rows(built, f"select fingerprint from {FINGERPRINT}") == [(fingerprint,)]
    except duckdb.CatalogException:
        return False


def _write_down(fingerprint: str, built: Path) -> None:
    query = f"create or replace table {FINGERPRINT} as select $1::text as fingerprint"
    _rows(built, query, [fingerprint])


def _is_evaluation_due(built: Path) -> bool:
    """Whether the chosen candidate has not just one model for each evaluation date."""
    return _rows(
        built,
        """
        with

        evaluation_dates as (from intermediate.int_cutoffs where is_evaluation_date),

        models as (
            from training.training_models
            semi join selection.selection_chosen_candidate using (candidate_id)
        )

        select count(*) > 0
        from evaluation_dates full join models on cutoff = fitted_as_of
        where cutoff is null or fitted_as_of is null
        """,
    )[0][0]


def _has_labels(built: Path) -> bool:
    """Whether the models are label sets, which are evaluated whenever one of them labels."""
    query = "select bool_or(candidate_id = 'labels') from training.training_models"
    return bool(_rows(built, query)[0][0])


def _has_no_valid_comparison(built: Path) -> bool:
    query = "select bool_or(is_stale is not false) from marts.model_comparison"
    return _rows(built, query)[0][0]


def add_vars_option(parser: argparse.ArgumentParser) -> None:
    """Add the option `--vars` to a command."""
    parser.add_argument(
        "--vars",
        type=Path,
        metavar="FILE",
        help="YAML file of vars that replace those in dbt_project.yml",
    )


def _with_advice(message: str) -> str:
    """Return a message, and what to do about a full disk."""
    signs = ("No space left on device", "File too large", "Disk quota exceeded")
    if any(sign in message for sign in signs):
        return (
            "The disk is full. Beside the warehouse, a build needs room for a second one, for the "
            "backup, and for what does not fit into memory.\n"
            f"{message.splitlines()[-1]}"
        )
    return message


def main() -> int:
    """Build, and tell what came out; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of the raw files, or a file"
    )
    parser.add_argument("--warehouse", type=Path, required=True, help="the .duckdb file to publish")
    parser.add_argument(
        "--compare",
        choices=["never", "stale", "always"],
        default="never",
        help="when to compare the candidates for the model",
    )
    parser.add_argument(
        "--accept-loss",
        action="store_true",
        help="build although rows, customers or orders of the last build are gone",
    )
    parser.add_argument("--verbose", action="store_true", help="tell each node, not each layer")
    add_vars_option(parser)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    warehouse = arguments.warehouse.absolute()
    try:
        build(
            arguments.data,
            warehouse,
            arguments.compare,
            arguments.vars,
            accepts_loss=arguments.accept_loss,
            is_verbose=arguments.verbose,
        )
    except (BuildError, OSError, duckdb.Error) as error:
        print(
            f"\nNothing was built; {arguments.warehouse} is as it was.\n{_with_advice(str(error))}",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(f"\nStopped; {arguments.warehouse} is as it was.", file=sys.stderr, flush=True)
        os._exit(130)  # fits that still run in the background have nothing left to do
    gc.freeze()  # else Python looks through all that dbt leaves before it ends
    print_summary(warehouse)
    return CONTRACT_BROKEN if is_contract_broken(warehouse) else 0


if __name__ == "__main__":
    sys.exit(main())
