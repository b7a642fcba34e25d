"""Download the Olist data set from Kaggle into a folder that `make build DATA=...` takes.

    make fetch-olist
    python scripts/fetch_olist.py data/olist --archive archive.zip    # as Kaggle's page gives it

The data are Olist's, under CC BY-NC-SA 4.0: https://www.kaggle.com/datasets/olistbr/brazilian-ecommerce
"""

import argparse
import hashlib
import shutil
import stat
import sys
import zipfile
import zlib
from pathlib import Path
from typing import IO

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


# SHA-256 of the published files, as far as there is one form of them: orders and reviews are in use
# in several.
CHECKSUMS = {
    "olist_customers_dataset.csv": (
        "983a422239e1712ded753b3bf9ecf47dc73f144d306029dcfa99e70a226883d2"
    ),
    "olist_geolocation_dataset.csv": (
        "b514f6fc991b9566aeba02aa5d67e2c3630f034b60a0e05aa0d082a3b66d88d6"
    ),
    "olist_order_items_dataset.csv": (
        "0bc4d068c4fe38cbb01bd90e8746e3c613fe7b4baef75fab7b0e329701c3e279"
    ),
    "olist_order_payments_dataset.csv": (
        "4f713964f2815dbbaa40b9488268c55aac3627bfce5aa96cf58d1f3616de3cc0"
    ),
    "olist_products_dataset.csv": (
        "3e6569628a17fbc75fd206ee357b59e20364b9afa90f5b6cd5b4d624c58aa9cc"
    ),
    "olist_sellers_dataset.csv": (
        "1f643d2b950373b85735e7794b20986f528d7a000432e7c6f9bcbb44d0846a0e"
    ),
    "product_category_name_translation.csv": (
        "a81f0d1f27b27e7293f761bc79e3ce8f348ee39c4b3ed3e49bde38f478586278"
    ),
}

# The largest file has 61 MB.
MOST_BYTES = 100_000_000


class FetchError(Exception):
    """The data set did not arrive whole; the message says what to do."""


def fetch(folder: Path, archive: Path | None = None) -> None:
    """Put the nine files into `folder`, from Kaggle or a zip file; one with files is left alone.

    Raises
    ------
    FetchError
        If kagglehub is not installed, Kaggle cannot be reached, or a file is missing or not what it
        should be.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FetchError(f"{folder} is not empty; name another folder or delete it.")
    # All or nothing: the folder appears when its files are complete.
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        if archive:
            _unpack(archive, partial)
        else:
            _download(partial)
        for name in FILES:
            _check(partial / name)
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _download(partial: Path) -> None:
    try:
        import kagglehub
    except ImportError:
        raise FetchError("kagglehub is not installed: run make fetch-olist.") from None
    try:
        downloaded = Path(kagglehub.dataset_download(DATASET))
    except Exception as error:  # kagglehub passes on whatever its HTTP client raises
        raise FetchError(f"Kaggle did not deliver {DATASET}: {error}") from error
    for name in FILES:
        if (downloaded / name).is_symlink():
            raise FetchError(f"{name} of the download is a link, not a file.")
        if (downloaded / name).is_file():
            with (downloaded / name).open("rb") as source:
                _copy(source, partial / name)


def _unpack(archive: Path, partial: Path) -> None:
    """Unpack the nine files; their plain names are the only ones that an archive may hold."""
    try:
        with zipfile.ZipFile(archive) as opened:
            names = [member.filename for member in opened.infolist()]
            for name in names:
                if name not in FILES:
                    raise FetchError(f"{archive} holds {name!r}, which is no file of the data set.")
                if names.count(name) > 1:
                    raise FetchError(f"{archive} holds {name} more than once.")
            for member in opened.infolist():
                if stat.S_ISLNK(member.external_attr >> 16):
                    raise FetchError(f"{member.filename} in {archive} is a link, not a file.")
                with opened.open(member) as source:
                    _copy(source, partial / member.filename)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise FetchError(f"{archive} is no zip file that can be read: {error}.") from None


def _copy(source: IO[bytes], target: Path) -> None:
    """Copy so many bytes as a file may have, whatever size it claims."""
    with target.open("wb") as file:
        while chunk := source.read(1 << 20):
            file.write(chunk)
            if file.tell() > MOST_BYTES:
                raise FetchError(f"{target.name} has more than {MOST_BYTES:,} bytes.")


def _check(file: Path) -> None:
    if not file.is_file():
        raise FetchError(f"The download lacks {file.name}; try again later.")
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if CHECKSUMS.get(file.name, found) != found:
        raise FetchError(
            f"{file.name} is not the published file: its SHA-256 is {found}. Try again later, or "
            "download the archive from Kaggle's page and look what has changed."
        )


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("data/olist"))
    parser.add_argument("--archive", type=Path, help="a zip file to unpack in place of a download")
    arguments = parser.parse_args()
    folder = arguments.folder
    try:
        fetch(folder, arguments.archive)
    except (FetchError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The nine Olist files are in {folder}: make build DATA={folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
