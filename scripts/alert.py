"""Tell a webhook or a file how the maintenance contract stands: for cron, after each build.

    python scripts/alert.py --warehouse warehouse/segments.duckdb --to https://example.org/hook
    python scripts/alert.py --warehouse warehouse/segments.duckdb --to alerts.jsonl

The message is JSON: `text` for people, and the clauses with their values. A URL gets it as a POST,
a file as one more line, and without a receiver it is printed. Nothing is sent while every clause is
kept, unless it is asked for.

Exit codes: 0 sent, or nothing to send; 1 the warehouse cannot be read or the receiver has failed.
"""

import argparse
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import duckdb

# Seconds that a receiver has.
PATIENCE = 20


class AlertError(Exception):
    """An alert that could not be sent; the message says what to do."""


def message_of(warehouse: Path) -> dict:
    """Return what the contract says.

    Returns
    -------
    dict
        `text`, `as_of`, `is_kept`, and `clauses`: of those that are not kept, and of agreement,
        the clause, status, value, threshold and sentence.

    Raises
    ------
    AlertError
        If the warehouse cannot be read.
    """
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            as_of = connection.execute("select max(as_of) from marts.customer_segments")
            as_of = as_of.fetchall()[0][0]
            rows = connection.execute(
                "select coalesce(segment_name, clause), clause, status, severity, measured_value, "
                "threshold, sentence from marts.maintenance_contract "
                "left join marts.segment_profiles using (segment_id) "
                "order by clause = 'agreement' desc, clause"
            ).fetchall()
            feed = connection.execute(
                "select case when has_stopped or not is_live then sentence end "
                "from marts.maintenance_feed"
            ).fetchall()[0][0]
    except duckdb.Error as error:
        raise AlertError(f"{warehouse} cannot be read: {error}") from None
    names = ("name", "clause", "status", "severity", "value", "threshold", "sentence")
    found = [dict(zip(names, row, strict=True)) for row in rows]
    # What cannot be assessed is reported where it could end the contract.
    open_points = [
        clause
        for clause in found
        if clause["status"] in ("breach", "warn")
        or (clause["status"] == "not assessable" and clause["severity"] == "error")
    ]
    is_kept = not open_points and feed is None
    told = open_points or [clause for clause in found if clause["clause"] == "agreement"]
    lines = [f"Maintenance contract of {warehouse.name}, as of {as_of:%Y-%m-%d}"]
    lines += [feed] if feed else []
    lines += [f"{clause['name']}: {clause['status']}. {clause['sentence']}" for clause in told]
    return {
        "text": "\n".join(lines),
        "as_of": f"{as_of:%Y-%m-%d}",
        "is_kept": is_kept,
        "clauses": told,
    }


def tell(message: dict, receiver: str) -> None:
    """Send a message to a URL, append it to a file, or print it where neither is named.

    Raises
    ------
    AlertError
        If the receiver has failed.
    """
    line = json.dumps(message, ensure_ascii=False)
    if not receiver:
        print(message["text"])
    elif receiver.startswith(("http://", "https://")):
        request = urllib.request.Request(
            receiver, data=line.encode(), headers={"Content-Type": "application/json"}
        )
        try:
            urllib.request.urlopen(request, timeout=PATIENCE).close()
        except urllib.error.HTTPError as error:
            raise AlertError(f"{_host(receiver)} refuses the alert: {error}.") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise AlertError(f"{_host(receiver)} cannot be reached: {reason}.") from None
    else:
        try:
            with Path(receiver).open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise AlertError(f"{receiver} cannot be written: {error.strerror}.") from None


def _host(receiver: str) -> str:
    """Name a receiver without the path, which may be a secret."""
    parts = urllib.parse.urlsplit(receiver)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warehouse", type=Path, default=Path("warehouse/segments.duckdb"))
    parser.add_argument("--to", default="", help="a URL or a file; without it, print")
    parser.add_argument("--always", action="store_true", help="also while every clause is kept")
    options = parser.parse_args()
    try:
        message = message_of(options.warehouse)
        if options.always or not message["is_kept"]:
            tell(message, options.to)
    except AlertError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
