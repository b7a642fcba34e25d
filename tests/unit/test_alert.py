"""An alert says what the contract says, to whoever listens, and says so when nobody does."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import duckdb
import pytest

import alert


@pytest.fixture
def receiver():
    """A local server that keeps what it gets; `answer` is the status that it gives."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.got.append((self.headers["Content-Type"], json.loads(body)))
            self.send_response(self.server.answer)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.answer = [], 200
    server.url = f"http://127.0.0.1:{server.server_port}/secret"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def warehouse_of(folder, *, agreement="ok", segment="ok", outcome="ok", is_live=True):
    warehouse = folder / "shop.duckdb"
    warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.customer_segments as select timestamp '2018-09-04' as as_of"
        )
        connection.execute(
            "create table marts.segment_profiles as select 2 as segment_id, "
            "'Lapsed customers' as segment_name"
        )
        connection.execute(
            f"create table marts.maintenance_feed as select false as has_stopped, "
            f"{is_live} as is_live, 'Only 5 orders.' as sentence"
        )
        connection.execute(
            "create table marts.maintenance_contract (clause text, segment_id int, status text, "
            "severity text, measured_value double, threshold double, sentence text)"
        )
        connection.executemany(
            "insert into marts.maintenance_contract values (?, ?, ?, ?, ?, ?, ?)",
            [
                ("agreement", None, agreement, "error", 0.71, 0.8, "They agree at 0.71."),
                ("segment 2", 2, segment, "error", 0.9, 0.75, "90 % are in both."),
                ("outcome", None, outcome, "info", 0.0, 0.02, "Not known."),
            ],
        )
    return warehouse


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["alert.py", *map(str, arguments)])
    return alert.main()


def test_a_broken_contract_is_posted_with_its_values(monkeypatch, tmp_path, receiver):
    warehouse = warehouse_of(tmp_path, agreement="breach", segment="warn")
    assert run(monkeypatch, "--warehouse", warehouse, "--to", receiver.url) == 0
    [(kind, message)] = receiver.got
    assert kind == "application/json"
    assert message["as_of"] == "2018-09-04" and not message["is_kept"]
    found = [(c["name"], c["status"], c["value"], c["threshold"]) for c in message["clauses"]]
    assert found == [("agreement", "breach", 0.71, 0.8), ("Lapsed customers", "warn", 0.9, 0.75)]
    assert "They agree at 0.71." in message["text"]
    assert "Lapsed customers: warn. 90 % are in both." in message["text"]


@pytest.mark.parametrize(
    ("state", "is_told"),
    [
        ({}, False),
        ({"outcome": "not assessable"}, False),
        ({"segment": "warn"}, True),
        ({"agreement": "not assessable"}, True),
        ({"is_live": False}, True),
    ],
)
def test_nothing_is_said_while_all_is_kept(monkeypatch, tmp_path, receiver, state, is_told):
    given = ("--warehouse", warehouse_of(tmp_path, **state), "--to", receiver.url)
    assert run(monkeypatch, *given) == 0
    assert len(receiver.got) == is_told
    assert run(monkeypatch, *given, "--always") == 0
    assert len(receiver.got) == is_told + 1
    assert receiver.got[-1][1]["is_kept"] == (not is_told)


def test_a_file_gets_a_line_for_each_alert(monkeypatch, tmp_path):
    file = tmp_path / "alerts.jsonl"
    for status in ("breach", "warn"):
        warehouse = warehouse_of(tmp_path, agreement=status)
        assert run(monkeypatch, "--warehouse", warehouse, "--to", file) == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["clauses"][0]["status"] for line in lines] == ["breach", "warn"]


def test_a_receiver_that_fails_is_named_without_its_secret(monkeypatch, tmp_path, receiver, capsys):
    warehouse = warehouse_of(tmp_path, agreement="breach")
    receiver.answer = 500
    assert run(monkeypatch, "--warehouse", warehouse, "--to", receiver.url) == 1
    said = capsys.readouterr().err
    assert "refuses the alert: HTTP Error 500" in said and "secret" not in said
    assert run(monkeypatch, "--warehouse", warehouse, "--to", "http://127.0.0.1:1/secret") == 1
    said = capsys.readouterr().err
    assert "http://127.0.0.1:1 cannot be reached" in said and "secret" not in said
    missing = tmp_path / "none" / "alerts.jsonl"
    assert run(monkeypatch, "--warehouse", warehouse, "--to", missing) == 1
    assert "cannot be written: No such file" in capsys.readouterr().err
    assert run(monkeypatch, "--warehouse", tmp_path / "none.duckdb") == 1
    assert "cannot be read" in capsys.readouterr().err
