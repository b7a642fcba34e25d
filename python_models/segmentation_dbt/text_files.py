"""The encoding of a text file: DuckDB reads UTF-8, so another one is written anew in it."""

import codecs
from collections.abc import Iterator
from pathlib import Path

from segmentation_dbt.faults import UserError

# The values of csv_format.encoding, by what Python calls them.
ENCODINGS = {
    "utf-8": "utf-8-sig",
    "latin-1": "latin-1",
    "windows-1252": "cp1252",
    "utf-16": "utf-16",
}

_CHUNK = 1 << 20
# Windows-1252 leaves them without a character.
_NOT_IN_WINDOWS_1252 = b"\x81\x8d\x8f\x90\x9d"


def write_as_utf8(path: str, encoding: str, target: Path) -> None:
    """Write a text file anew as UTF-8, in a stream; line ends stay as they are.

    Parameters
    ----------
    path : str
        The file.
    encoding : str
        One of `ENCODINGS`.
    target : Path
        The file to write.

    Raises
    ------
    UserError
        If the file is in another encoding; the message names the likely one.
    """
    decoder = codecs.getincrementaldecoder(ENCODINGS[encoding])()
    is_utf8 = codecs.getincrementaldecoder("utf-8")()
    is_ascii = True
    with target.open("wb") as written:
        try:
            for chunk in _chunks(path):
                written.write(decoder.decode(chunk, final=not chunk).encode("utf-8"))
                is_ascii = is_ascii and chunk.isascii()
                is_utf8 = _still_utf8(is_utf8, chunk)
        except UnicodeError:
            raise UserError(in_another_encoding(path, encoding)) from None
    # One byte for each character reads any file, and turns the umlauts of UTF-8 into two letters.
    if is_utf8 is not None and not is_ascii and encoding in ("latin-1", "windows-1252"):
        raise UserError(in_another_encoding(path, encoding))


def in_another_encoding(path: str, encoding: str) -> str:
    """Say that a file is not in the encoding that the vars tell, and in which it likely is."""
    likely = likely_encoding(path)
    told = f" It looks like {likely}: csv_format: {{encoding: {likely}}}." if likely else ""
    return f"{path} is not {'UTF-8' if encoding == 'utf-8' else encoding} text.{told}"


def likely_encoding(path: str) -> str | None:
    """Guess the encoding of a text file from its first megabyte.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    str or None
        One of `ENCODINGS`; None where the bytes are those of no text.
    """
    with Path(path).open("rb") as file:
        start = file.read(_CHUNK)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in start:
        # Every second byte of a Western text in UTF-16.
        return "utf-16" if start.count(0) > len(start) / 4 else None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
        return "utf-8"
    except UnicodeDecodeError:
        has_gaps = any(byte in start for byte in _NOT_IN_WINDOWS_1252)
        return "latin-1" if has_gaps else "windows-1252"


def lines_beyond_ascii(path: str) -> tuple[int, int]:
    """Count the lines of a file with bytes beyond ASCII: those that are UTF-8, and the others."""
    sound = broken = 0
    with Path(path).open("rb") as file:
        for line in file:
            if not line.isascii():
                try:
                    line.decode("utf-8")
                    sound += 1
                except UnicodeDecodeError:
                    broken += 1
    return sound, broken


def _chunks(path: str) -> Iterator[bytes]:
    """Read a file in parts; the last one is empty."""
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
    yield b""


def _still_utf8(
    decoder: codecs.IncrementalDecoder | None, chunk: bytes
) -> codecs.IncrementalDecoder | None:
    if decoder is not None:
        try:
            decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError:
            return None
    return decoder
