"""Faults that a user can mend, in words that say how."""

import os
import re

import duckdb


class UserError(Exception):
    """A fault of the data or the settings; the message says what to do."""


def described(error: Exception) -> str:
    """Say what is wrong and what to do; one line where that is enough."""
    message = str(error).strip()
    if isinstance(error, duckdb.OutOfMemoryException):
        return out_of_memory("Reading the raw files")
    if isinstance(error, duckdb.Error):
        return unreadable_file(message) or message
    return message


def memory_limit() -> str:
    """Return what DuckDB may take, as profiles.yml says."""
    return os.environ.get("SEGMENTS_MEMORY_LIMIT", "4GB")


def out_of_memory(what: str, advice: str = "") -> str:
    """Say what to do when DuckDB's memory limit is too low for something."""
    return (
        f"{what} needs more memory than DuckDB may take ({memory_limit()}). "
        f"Raise SEGMENTS_MEMORY_LIMIT{advice}."
    )


def unreadable_file(message: str) -> str | None:
    """Say what to do about a file that DuckDB gives up, if that is what its message is about."""
    csv_file = re.search(r"^\s*file = (.+)$", message, re.MULTILINE)
    if csv_file and "CSV Parser state machine" in message:
        return f"{csv_file[1]} has line ends of two kinds. Save it with one of them."
    parquet_file = re.search(r"""ile ['"](.+\.parquet)['"]""", message)
    if parquet_file:
        reason = message.splitlines()[0].split("Error: ")[-1].strip()
        return (
            f"{parquet_file[1]} is no sound Parquet file. Write it anew, or give the table as CSV. "
            f"DuckDB says: {reason}"
        )
    return None
