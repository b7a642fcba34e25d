"""Write the table of the guide to your own orders from the record of the tests.

    LOOK_RECORD=target/look.csv python -m pytest -m slow -k "look_proposes or cdnow_gives" \
        tests/project/test_look.py
    python tests/look_table.py target/look.csv

The first command runs `make look` and `make build` on each export and writes down what it
measured; CASES adds the exports of a folder. The second keeps the record and writes the table.
With --check nothing is written: the exit code says whether the table is that of the record.
"""

import csv
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GUIDE = ROOT / "docs" / "guides" / "your-own-orders.md"
RECORD = ROOT / "tests" / "project" / "look_record.csv"
BEGIN, END = "<!-- made by tests/look_table.py -->", "<!-- end -->"

# Vars that every file of vars names.
OF_ALL = ["source", "transaction_columns", "first_evaluation_date", "evaluation_interval_weeks"]


def table_of(record: Path) -> str:
    """Make the table of a record."""
    lines = [
        "| export | what look proposes, beside columns and dates | rows | look | build |",
        "|---|---|---|---|---|",
    ]
    with record.open(newline="", encoding="utf-8") as file:
        for name, proposal, rows, looked, built in sorted(csv.reader(file)):
            settings = ", ".join(f"`{told}`" for told in _vars(json.loads(proposal))) or "none"
            lines.append(f"| {name} | {settings} | {int(rows):,} | {looked} s | {built} s |")
    return "\n".join(lines)


def _vars(proposal: dict) -> list[str]:
    told = []
    for name, value in proposal.items():
        if name == "csv_format":
            usual = {"delimiter": ",", "encoding": "utf-8", "decimal_separator": "."}
            told += [f"{key}: {each}" for key, each in value.items() if usual.get(key) != each]
        elif name not in OF_ALL and value not in (None, ""):
            shown = ", ".join(value) if isinstance(value, list) else str(value)
            told.append(f"{name}: {shown}".replace("True", "true"))
    return [each.replace("|", "\\|").replace("True", "true").replace("\t", "tab") for each in told]


def main() -> int:
    """Write the table, or check it; returns the exit code."""
    page = GUIDE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    if sys.argv[1:] == ["--check"]:
        if f"{BEGIN}\n{table_of(RECORD)}\n{END}" not in page:
            print(f"{GUIDE} is not what {RECORD} gives: run tests/look_table.py.", file=sys.stderr)
            return 1
        return 0
    if sys.argv[1:]:
        RECORD.write_text(Path(sys.argv[1]).read_text(encoding="utf-8"), encoding="utf-8")
    GUIDE.write_text(f"{before}{BEGIN}\n{table_of(RECORD)}\n{END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
