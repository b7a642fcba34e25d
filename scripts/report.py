"""Make the report, the slides and dbt's documentation from a built warehouse.

    python scripts/report.py --warehouse warehouse/segments.duckdb --output report

The report is a folder of pages that open from the file system, offline. It reads the marts alone:
no model is refitted and no raw file read. The folder replaces the last one when all of it is made.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from build import add_vars_option
from dbt_runs import vars_of
from reporting import documentation, site, slides
from reporting.marts import Marts, ReportError
from workshop import BuildError

SLIDES = "slides.pdf"
TABLES = "tables.html"


def report(
    warehouse: Path,
    output: Path,
    settings: Path | None = None,
    *,
    with_customers: bool = False,
) -> None:
    """Write the report of `warehouse` into the folder `output`, or leave it as it is.

    `settings` is the YAML file of vars that the warehouse was built with, if there was
    one; only the documentation needs it. `with_customers` adds the ids of each segment's customers.

    Raises
    ------
    BuildError
        If `settings` cannot be read.
    ReportError
        If the warehouse cannot be read or the folder is not a report's.
    """
    if output.exists() and any(output.iterdir()) and not (output / "assets" / "vega.js").exists():
        raise ReportError(f"{output} is not empty and holds no report. Name another folder.")
    changed = vars_of(settings)
    marts = Marts(warehouse)
    marts.use_format()
    output.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        with documentation.written_meanwhile(warehouse, made / TABLES, changed) as documented:
            pages = site.pages(marts)
            print(f"{sum(len(page.figures) for page in pages)} figures computed", flush=True)
            slides.write(marts, pages, made / SLIDES)
            print("Slides made", flush=True)
            links = {"Slides": SLIDES, "Tables": TABLES}
            site.write(marts, pages, made, links, with_customers=with_customers)
            print("Pages made", flush=True)
            documented()
        made.chmod(0o755)
        _replace(made, output)
    finally:
        marts.close()
        shutil.rmtree(made, ignore_errors=True)


def _replace(made: Path, output: Path) -> None:
    """Put the new folder in the old one's place."""
    old = made.with_name(made.name + ".old")
    if output.exists():
        output.rename(old)
    made.rename(output)
    shutil.rmtree(old, ignore_errors=True)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warehouse", type=Path, default=Path("warehouse/segments.duckdb"))
    add_vars_option(parser)
    parser.add_argument("--output", type=Path, default=Path("report"), help="a folder")
    parser.add_argument(
        "--customers", action="store_true", help="list the customers of each segment, in CSV files"
    )
    options = parser.parse_args()
    started = time.monotonic()
    try:
        report(options.warehouse, options.output, options.vars, with_customers=options.customers)
    except (ReportError, BuildError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Made in {time.monotonic() - started:.0f} s: {options.output / 'index.html'}, {SLIDES}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
