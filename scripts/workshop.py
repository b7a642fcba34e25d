"""The file that a build works in, the file that it publishes, and the one backup.

A build works in a copy of the published warehouse and renames it into place when it has passed:
readers see the old state or the new one. What was published before stays beside it,
`segments.previous.duckdb` beside `segments.duckdb`, and the next build goes on from there when the
warehouse is missing or damaged.
"""

import fcntl
import json
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from segmentation_dbt.erasure import backup_of
from segmentation_dbt.faults import memory_limit, out_of_memory
from segmentation_dbt.tables import literal, quoted

DAMAGED = ".damaged-{}.duckdb"

# So many bytes of a file are read at a time.
PIECE = 1 << 18

# What an attached file is called: a name that no warehouse has.
ATTACHED = "published:file"


class BuildError(Exception):
    """A build that ended without a result; the message says what to do."""


class DamagedError(Exception):
    """A file that cannot be read as a whole; the message says why."""


def damaged_files_of(warehouse: Path) -> list[Path]:
    """Return the damaged files of a warehouse that builds have moved aside."""
    return sorted(warehouse.parent.glob(f"{warehouse.stem}{DAMAGED.format('*')}"))


def name_aside(warehouse: Path) -> Path:
    """Return a free name for a damaged warehouse."""
    number = 1
    while (aside := warehouse.with_name(warehouse.stem + DAMAGED.format(number))).exists():
        number += 1
    return aside


@contextmanager
def only_build_of(warehouse: Path) -> Iterator[None]:
    """Hold the lock of a warehouse.

    Raises
    ------
    BuildError
        If another build holds it, or the folder cannot be written to.
    """
    path = warehouse.parent / f".{warehouse.stem}.lock"
    try:
        warehouse.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
    except OSError as error:
        raise BuildError(
            f"The folder {warehouse.parent} cannot be written to: {error.strerror}."
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"Another build of {warehouse} is running; wait for its end."
            raise BuildError(message) from None
        yield


@contextmanager
def workshop_of(warehouse: Path) -> Iterator[Path]:
    """Make an empty folder beside the warehouse, gone at the end; give the file built in it.

    A view names the database that it is in, so the file keeps its name and only moves.
    """
    folder = warehouse.parent / f".{warehouse.stem}.building"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder / warehouse.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def begin(built: Path, warehouse: Path) -> bool:
    """Begin a workshop file as a copy of the published one, or of its backup.

    Returns
    -------
    bool
        Whether the published file is damaged, or empty beside a backup.

    Raises
    ------
    BuildError
        If neither of the two can be read, or the published one is in use.
    """
    backup, is_damaged = backup_of(warehouse), False
    if warehouse.exists():
        try:
            if copy_warehouse(warehouse, built) or not backup.exists():
                return False
            is_damaged = True
            fault = f"{warehouse} is empty."
        except DamagedError as error:
            is_damaged = True
            fault = f"{warehouse} is damaged ({error})."
    elif backup.exists():
        fault = f"There is no {warehouse}."
    else:
        return False
    try:
        if not backup.exists():
            raise DamagedError("does not exist")
        copy_warehouse(backup, built)
    except DamagedError as error:
        why = str(error) if str(error) == "does not exist" else "is damaged too"
        raise BuildError(
            f"{fault} Its backup {backup} {why}. To begin anew from the raw files, move away what "
            "there is of the two. Lost are then the ids and history of segments, the comparison of "
            "candidates (make compare) and the list of erased customers (make erase for each of "
            "them again)."
        ) from None
    aside = f" The build moves the file to {name_aside(warehouse)}." if is_damaged else ""
    print(
        f"{fault} The build goes on from its backup {backup}, {_newest_decision_in(built)}.{aside}",
        flush=True,
    )
    return is_damaged


def copy_warehouse(source: Path, target: Path) -> int:
    """Copy all tables and views into a new file; every block of the source is read.

    A file as `publish` has left it is copied byte by byte, which takes a fraction of the time, and
    held against its checksum. Of any other, erased rows and dead space stay behind.

    Returns
    -------
    int
        How many tables there are.

    Raises
    ------
    DamagedError
        If the source cannot be read as a whole.
    BuildError
        If the source is in use, or of another version of DuckDB.
    """
    target.unlink(missing_ok=True)
    if _is_sealed(source):
        return _copy_bytes(source, target)
    try:
        with opened(target) as connection:
            name = connection.execute("select current_database()").fetchall()[0][0]
            connection.execute(f"attach {literal(source)} as {quoted(ATTACHED)} (read_only)")
            connection.execute(f"copy from database {quoted(ATTACHED)} to {quoted(name)}")
            connection.execute(f"detach {quoted(ATTACHED)}")
            return connection.execute("select count(*) from duckdb_tables()").fetchall()[0][0]
    except duckdb.Error as error:
        target.unlink(missing_ok=True)
        _raise_unless_damaged(source, error)
        raise DamagedError(str(error).splitlines()[0]) from None


def opened(file: Path) -> duckdb.DuckDBPyConnection:
    """Open a file to write to it, in the memory that profiles.yml gives DuckDB.

    Raises
    ------
    BuildError
        If the memory that is asked for is none.
    """
    config = {"memory_limit": memory_limit(), "max_vacuum_tasks": 0}
    try:
        return duckdb.connect(str(file), config=config)
    except duckdb.ParserException:
        raise BuildError(
            f"SEGMENTS_MEMORY_LIMIT is {memory_limit()}, which is no amount of memory; "
            "give one such as 4GB."
        ) from None


def _copy_bytes(source: Path, target: Path) -> int:
    """Copy a sealed file; returns how many tables there are, raises as `copy_warehouse` does."""
    try:
        # Held open, so that no other program can write to it meanwhile.
        with duckdb.connect(str(source), read_only=True) as connection:
            tables = connection.execute("select count(*) from duckdb_tables()").fetchall()[0][0]
            shutil.copyfile(source, target)
    except duckdb.Error as error:
        _raise_unless_damaged(source, error)
        raise DamagedError(str(error).splitlines()[0]) from None
    if _checksum_of(target) != json.loads(_seal_of(source).read_text())["checksum"]:
        target.unlink()
        raise DamagedError("its bytes are not those that were published")
    return tables


def _seal_of(warehouse: Path) -> Path:
    return warehouse.with_name(f".{warehouse.stem}.seal.json")


def _is_sealed(warehouse: Path) -> bool:
    """Whether nothing has written to a file since `publish`, as far as size and time tell."""
    try:
        seal = json.loads(_seal_of(warehouse).read_text())
    except (OSError, ValueError):
        return False
    is_written_to = _log_of(warehouse).exists()
    return not is_written_to and {"checksum": seal.get("checksum"), **_stamp(warehouse)} == seal


def _stamp(warehouse: Path) -> dict:
    state = warehouse.stat()
    return {
        "bytes": state.st_size,
        "modified_ns": state.st_mtime_ns,
        "duckdb": duckdb.__version__,
    }


def _seal(warehouse: Path) -> None:
    """Write down the checksum of a published file, unless most of it is dead space."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        query = "select used_blocks < free_blocks from pragma_database_size()"
        is_mostly_dead = connection.execute(query).fetchall()[0][0]
    seal = {} if is_mostly_dead else {"checksum": _checksum_of(warehouse), **_stamp(warehouse)}
    _seal_of(warehouse).write_text(json.dumps(seal))


def _checksum_of(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            checksum = zlib.crc32(piece, checksum)
    return checksum


def write_out(built: Path) -> None:
    """Move into a file what DuckDB still has in the write-ahead log beside it.

    DuckDB does so when it closes a file, and passes over it without an error when the disk is full.
    """
    with opened(built) as connection:
        connection.execute("force checkpoint")


def publish(built: Path, warehouse: Path, *, is_damaged: bool) -> None:
    """Put a finished file in the place of the published one, which becomes the backup."""
    log = _log_of(warehouse)
    if is_damaged:
        aside = name_aside(warehouse)
        if log.exists():
            log.rename(_log_of(aside))
        warehouse.rename(aside)
    elif warehouse.exists():
        _keep_as_backup(warehouse)
    # What a killed session has left of the file that goes; it would not fit the new one.
    log.unlink(missing_ok=True)
    built.replace(warehouse)
    with suppress(OSError, duckdb.Error):  # the next build copies table by table then
        _seal(warehouse)


def _keep_as_backup(warehouse: Path) -> None:
    """Give the published file a second name, so that it stays when the first one moves on."""
    backup = backup_of(warehouse)
    new = backup.with_name(f".{backup.name}.new")
    new.unlink(missing_ok=True)
    try:
        os.link(warehouse, new)
    except OSError:  # a file system without links
        shutil.copyfile(warehouse, new)
    _log_of(backup).unlink(missing_ok=True)
    new.replace(backup)


def _log_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.wal")


def _raise_unless_damaged(source: Path, error: duckdb.Error) -> None:
    """Raise BuildError for what makes a sound file unreadable, or cannot be written."""
    message = str(error)
    if "Could not set lock" in message or "Conflicting lock" in message:
        raise BuildError(f"Another program writes to {source}; close it, or wait for its end.")
    if "version number" in message:
        raise BuildError(
            f"{source} is of another version of DuckDB than {duckdb.__version__}. Build with the "
            "one that wrote it, or move it away together with its backup to begin anew."
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        raise BuildError(out_of_memory(f"Copying {source}"))
    if "No space left on device" in message or "File too large" in message:
        raise BuildError(message)


def _newest_decision_in(built: Path) -> str:
    """How far a file reaches, in words."""
    try:
        with duckdb.connect(str(built), read_only=True) as connection:
            query = "select max(evaluation_date) from champion.champion_decisions"
            newest = connection.execute(query).fetchall()[0][0]
    except duckdb.CatalogException:
        newest = None
    return f"with decisions up to {newest:%Y-%m-%d}" if newest else "without decisions"
