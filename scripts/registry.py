"""Change what outlasts a build, while no build of the warehouse runs.

    python scripts/registry.py --warehouse warehouse/segments.duckdb erase CUSTOMER_ID
    python scripts/registry.py --warehouse warehouse/segments.duckdb drop

`erase` deletes a customer from every table, in the backup too, and keeps later builds from bringing
the customer back. `drop` drops the model registry, so that the next build fits all models and
numbers the segments anew.
"""

import argparse
import sys
from pathlib import Path

from build import add_vars_option
from dbt_runs import DbtRuns, vars_of
from workshop import BuildError, damaged_files_of, only_build_of


def run_operation(
    warehouse: Path, macro: str, arguments: dict[str, str], settings: Path | None = None
) -> None:
    """Run a macro of the project on a published warehouse.

    Raises
    ------
    BuildError
        If there is no such warehouse, a build of it is running, or the macro fails.
    """
    warehouse = warehouse.absolute()
    if not warehouse.is_file():
        raise BuildError(f"There is no warehouse {warehouse}.")
    changed = vars_of(settings)
    with only_build_of(warehouse):
        # A log of dbt's own would keep the id of who is erased; DbtRuns keeps none.
        DbtRuns(warehouse.parent, warehouse, changed).run_operation(macro, arguments)


def main() -> int:
    """Erase or drop; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warehouse", type=Path, required=True, help="the published .duckdb file")
    add_vars_option(parser)
    commands = parser.add_subparsers(dest="command", required=True)
    erase = commands.add_parser("erase", help="erase a customer on request")
    erase.add_argument("customer", help="the customer_id")
    commands.add_parser("drop", help="drop the registry of models, decisions and segments")
    arguments = parser.parse_args()
    try:
        if arguments.command == "erase":
            if not arguments.customer.strip():
                raise BuildError("Name the customer: make erase CUSTOMER=customer_id")
            customer = {"customer_id": arguments.customer}
            run_operation(arguments.warehouse, "erase_customer", customer, arguments.vars)
            for file in damaged_files_of(arguments.warehouse):
                print(f"{file} is damaged and stays as it is, with the customer: delete it.")
        else:
            run_operation(arguments.warehouse, "drop_registry", {}, arguments.vars)
    except (BuildError, OSError) as error:
        print(f"Nothing was changed.\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
