"""Write the reference pages of tables and vars, or check that they are fresh.

    python scripts/make_reference.py
    python scripts/make_reference.py --check

docs/reference/tables.md comes from the YAML files beside the marts, docs/reference/vars.md from the
comments and defaults in dbt_project.yml.
"""

import argparse
import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
MARTS = ROOT / "dbt_project" / "models" / "marts"
FOLDERS = ["segments", "models", "maintenance", "exploration"]

WRITTEN = "<!-- Written by scripts/make_reference.py; change the source and run it again. -->\n"


def tables_page() -> str:
    """Return the public tables with their columns, by folder."""
    lines = [WRITTEN, "# Public tables\n"]
    lines += ["Schema `marts`. Names and grains are promises; columns may be added.\n"]
    for folder in FOLDERS:
        lines += [f"## {folder.capitalize()}\n"]
        for path in sorted((MARTS / folder).glob("*.yml")):
            for model in yaml.safe_load(path.read_text()).get("models", []):
                lines += [f"### {model['name']}\n", f"{_line(model['description'])}\n"]
                lines += ["| column | type | |", "|---|---|---|"]
                lines += [
                    f"| `{column['name']}` | {column['data_type']} | {_cell(column)} |"
                    for column in model["columns"]
                ]
                lines += [""]
    return "\n".join(lines)


def vars_page() -> str:
    """Return the vars, with the comments in dbt_project.yml."""
    text = (ROOT / "dbt_project.yml").read_text()
    block = re.search(r"^vars:\n(.*?)^\S", text, re.MULTILINE | re.DOTALL)[1]
    lines = [
        WRITTEN,
        "# Vars\n",
        "Set them in `dbt_project.yml`, in a YAML file (`make build VARS=file.yml`), or by "
        "`dbt build --vars`. They are checked at the start of each run.\n",
    ]
    section, comment = None, []
    for chunk in _chunks(block):
        if heading := re.fullmatch(r"  # -- (.+?) -+", chunk):
            section, comment = heading[1], []
        elif chunk.startswith("  #"):
            comment.append(chunk.removeprefix("  #").strip())
        else:
            name = re.match(r"  (\w+):", chunk)[1]
            if section:
                lines += [f"## {section[0].upper()}{section[1:]}\n"]
                section = None
            lines += [f"### {name}\n"]
            lines += [f"{' '.join(comment)}\n"] if comment else []
            lines += ["```yaml", re.sub(r"^  ", "", chunk, flags=re.MULTILINE), "```\n"]
            comment = []
    return "\n".join(lines)


def _chunks(block: str) -> list[str]:
    """Comment lines of the first level one by one, and each var with what is nested in it."""
    chunks: list[str] = []
    for line in block.rstrip().splitlines():
        if line.startswith("    ") and chunks:
            chunks[-1] += f"\n{line}"
        elif line.strip():
            chunks.append(line)
    return chunks


def _line(text: str) -> str:
    return " ".join(text.split())


def _cell(column: dict) -> str:
    return _line(column["description"]).replace("|", "\\|")


def main() -> int:
    """Write or check; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say which pages are not fresh")
    check = parser.parse_args().check
    stale = []
    for name, text in [("tables.md", tables_page()), ("vars.md", vars_page())]:
        page = REFERENCE / name
        if check and (not page.is_file() or page.read_text() != text):
            stale.append(name)
        elif not check:
            page.write_text(text)
    if stale:
        print(f"Not fresh: {', '.join(stale)}. Run scripts/make_reference.py.", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
