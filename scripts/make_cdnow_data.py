"""Write the CDNOW transactions as one flat file, as an example of orders from elsewhere.

    python scripts/make_cdnow_data.py data/cdnow
    make build DATA=data/cdnow VARS=presets/cdnow.yml

The 23,570 customers who first bought at CDNOW, a CD shop, early in 1997, and what they
bought until June 1998 (Fader and Hardie, https://www.brucehardie.com/datasets/). The Python package
lifetimes brings the file along.
"""

import argparse
import sys
from importlib.resources import files
from pathlib import Path


def write(folder: Path) -> int:
    """Write transactions.csv into `folder`; returns the number of transactions.

    Raises
    ------
    ModuleNotFoundError
        If the package lifetimes is not installed.
    """
    text = (files("lifetimes") / "datasets" / "CDNOW_master.txt").read_text()
    lines = [",".join(line.split()) for line in text.splitlines() if line.strip()]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "transactions.csv").write_text("\n".join(lines) + "\n")
    return len(lines) - 1  # the first one is the header


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where transactions.csv goes")
    arguments = parser.parse_args()
    try:
        transactions = write(arguments.folder)
    except ModuleNotFoundError:
        print("The package lifetimes is not installed: run make cdnow-data.", file=sys.stderr)
        return 1
    print(f"{transactions:,} transactions are in {arguments.folder}/transactions.csv")
    return 0


if __name__ == "__main__":
    sys.exit(main())
