"""Change what outlasts a build, while no build of the warehouse runs.

    python scripts/ledger.py --warehouse warehouse/segments.duckdb erase CUSTOMER_ID
    python scripts/ledger.py --warehouse warehouse/segments.duckdb drop

`erase` deletes a customer from every table and keeps later builds from bringing the customer back.
`drop` drops the ledger, so that the next build fits all models and numbers the segments anew.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from build import ROOT, add_vars_option, only_build_of, vars_of
from kept_tables import BuildError, damaged_files_of


def run_operation(
    warehouse: Path, macro: str, arguments: dict[str, str], settings: Path | None = None
) -> str:
    """Run a macro of the project on a published warehouse; returns what it tells.

    Raises
    ------
    BuildError
        If there is no such warehouse, a build of it is running, or the macro fails.
    """
    if not warehouse.is_file():
        raise BuildError(f"There is no warehouse {warehouse}.")
    environment = os.environ | {
        "SEGMENTS_WAREHOUSE": str(warehouse.resolve()),
        "DBT_PROFILES_DIR": str(ROOT),
    }
    # dbt's own log would keep the id of who is erased.
    command = [str(Path(sys.executable).with_name("dbt")), "--log-format", "json"]
    command += ["--log-level-file", "none"]
    command += ["--no-write-json", "run-operation", macro, "--args", json.dumps(arguments)]
    command += vars_of(settings)
    with only_build_of(warehouse):
        result = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            close_fds=False,  # dbt holds the lock too
        )
    events = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    if result.returncode:
        errors = [event["info"]["msg"] for event in events if event["info"]["level"] == "error"]
        raise BuildError("\n".join(errors) or result.stdout + result.stderr)
    return "\n".join(e["info"]["msg"] for e in events if e["info"]["name"] == "JinjaLogInfo")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warehouse", type=Path, required=True, help="the published .duckdb file")
    add_vars_option(parser)
    commands = parser.add_subparsers(dest="command", required=True)
    erase = commands.add_parser("erase", help="erase a customer on request")
    erase.add_argument("customer", help="the customer_id")
    commands.add_parser("drop", help="drop the ledger of models, decisions and segments")
    arguments = parser.parse_args()
    try:
        if arguments.command == "erase":
            if not arguments.customer.strip():
                raise BuildError("Name the customer: make erase CUSTOMER=customer_id")
            customer = {"customer_id": arguments.customer}
            print(run_operation(arguments.warehouse, "erase_customer", customer, arguments.vars))
            for file in damaged_files_of(arguments.warehouse):
                print(f"{file} is damaged and stays as it is, with the customer: delete it.")
        else:
            print(run_operation(arguments.warehouse, "drop_registry", {}, arguments.vars))
    except (BuildError, OSError) as error:
        print(f"Nothing was changed.\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
