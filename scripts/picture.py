"""Take the picture of the report that the README shows.

    python scripts/picture.py --warehouse warehouse/segments.duckdb --output docs/report.png

It makes the pages of the report in a temporary folder and opens the first one in Chromium.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from reporting import site
from reporting.marts import Marts, ReportError

BROWSERS = ["chromium", "chromium-browser", "google-chrome"]
WIDTH, HEIGHT = 1200, 1000


def take(warehouse: Path, output: Path) -> None:
    """Write the upper part of the report's first page as a PNG file.

    Raises
    ------
    ReportError
        If there is no Chromium, or the warehouse cannot be read.
    """
    from playwright.sync_api import sync_playwright  # a package of the group dev

    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise ReportError("The picture needs Chromium; on Debian: apt-get install chromium")
    marts = Marts(warehouse)
    try:
        marts.use_format()
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            site.write(marts, site.pages(marts), Path(folder), {})
            chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
            page = chromium.new_page(
                viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light", locale="en-US"
            )
            page.goto((Path(folder) / "index.html").as_uri())
            page.wait_for_selector("html[data-drawn]", state="attached")
            page.screenshot(path=output)
            chromium.close()
    finally:
        marts.close()


def main() -> int:
    """Take the picture; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warehouse", type=Path, required=True, help="the built .duckdb file")
    parser.add_argument("--output", type=Path, required=True, help="the PNG file")
    arguments = parser.parse_args()
    try:
        take(arguments.warehouse, arguments.output)
    except ReportError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
