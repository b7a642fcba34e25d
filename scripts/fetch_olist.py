"""Download the Olist data set from Kaggle into a folder that `make build DATA=...` takes.

    make fetch-olist

The data are Olist's, under CC BY-NC-SA 4.0: https://www.kaggle.com/datasets/olistbr/brazilian-ecommerce
"""

import argparse
import shutil
import sys
from pathlib import Path

DATASET = "olistbr/brazilian-ecommerce"
FILES = [
    "olist_customers_dataset.csv",
    "olist_geolocation_dataset.csv",
    "olist_order_items_dataset.csv",
    "olist_order_payments_dataset.csv",
    "olist_order_reviews_dataset.csv",
    "olist_orders_dataset.csv",
    "olist_products_dataset.csv",
    "olist_sellers_dataset.csv",
    "product_category_name_translation.csv",
]


class FetchError(Exception):
    """The data set did not arrive whole; the message says what to do."""


def fetch(folder: Path) -> None:
    """Download the nine files into `folder`; an existing folder with files is left alone.

    Raises
    ------
    FetchError
        If kagglehub is not installed, Kaggle cannot be reached, or a file is missing.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FetchError(f"{folder} is not empty; name another folder or delete it.")
    try:
        import kagglehub
    except ImportError:
        raise FetchError("kagglehub is not installed: run make fetch-olist.") from None
    try:
        downloaded = Path(kagglehub.dataset_download(DATASET))
    except Exception as error:  # kagglehub passes on whatever its HTTP client raises
        raise FetchError(f"Kaggle did not deliver {DATASET}: {error}") from error
    missing = [name for name in FILES if not (downloaded / name).is_file()]
    if missing:
        raise FetchError(f"The download lacks {', '.join(missing)}; try again later.")
    # All or nothing: the folder appears when its files are complete.
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name in FILES:
        shutil.copyfile(downloaded / name, partial / name)
    if folder.exists():
        folder.rmdir()
    partial.rename(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("data/olist"))
    folder = parser.parse_args().folder
    try:
        fetch(folder)
    except FetchError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The nine Olist files are in {folder}: make build DATA={folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
