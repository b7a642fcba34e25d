"""Who comes into an audience and leaves it, once for each reader that holds a cursor."""

import copy
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

import export
from conftest import ROOT, with_any_vars
from segmentation_dbt.erasure import erase_customer

AUDIENCES = {
    "loyal": "segment_name = 'Loyal customers'",
    "spenders": "monetary_value >= 64 and recency_days < 1000 -- nearly all who spend",
}
CHANGED = {"spenders": "monetary_value >= 63", "o'brien": "frequency > 1"}
TABLES = ("int_published_segments", "audience_changes", "audience_members")


def with_audiences(audiences):
    return ("--vars", json.dumps({"audiences": audiences}))


class Reader:
    """A campaign tool: it knows what the feed has said, and by which number it has read last."""

    def __init__(self):
        self.cursor = 0
        self.members = {}

    def poll(self, connection):
        rows = connection.execute(
            "select change_id, audience, customer_hash, customer_id, change, reason, segment_id, "
            "segment_name from marts.audience_changes where change_id > ? order by change_id",
            [self.cursor],
        ).fetchall()
        for change_id, audience, customer_hash, customer, change, reason, *segment in rows:
            assert change_id > self.cursor
            self.cursor = change_id
            key = (audience, customer_hash)
            if reason == "erased":
                assert (customer, change, *segment) == (None, "removed", None, None)
                self.members.pop(key, None)
            elif change == "removed":
                assert self.members.pop(key)[0] == customer
            else:
                assert (key in self.members) == (change == "changed")
                assert self.members.get(key) != (customer, *segment)
                self.members[key] = (customer, *segment)
        return len(rows)

    def holds(self):
        return sorted((audience, *member) for (audience, _), member in self.members.items())


def expected(connection, audiences):
    """The members by the conditions themselves."""
    return sorted(
        (audience, *row)
        for audience, condition in audiences.items()
        for row in connection.execute(
            "select customer_id, segment_id, segment_name from marts.customer_segments "
            f"where (\n{condition}\n)"
        ).fetchall()
    )


# -- the rule of the SQL, on states drawn at random -----------------------------------------------


@pytest.fixture(scope="module")
def models(project, shop_data, shop_warehouse, tmp_path_factory):
    """The SQL that a build runs, for each declaration of audiences."""
    warehouse = shutil.copy(shop_warehouse, tmp_path_factory.mktemp("compiled") / "shop.duckdb")

    def compiled(model, audiences):
        result = project.dbt(
            shop_data, warehouse, "compile", "--select", model, *with_audiences(audiences)
        )
        assert result.returncode == 0, result.stdout
        return result.stdout

    return {
        name: (compiled("audience_changes", audiences), compiled("audience_members", audiences))
        for name, audiences in {"first": AUDIENCES, "changed": CHANGED, "none": {}}.items()
    }


class Warehouse:
    """The tables that the feed reads and writes, alone in a file."""

    def __init__(self, shop_warehouse, folder, models, seed):
        self.models = models
        self.random = np.random.default_rng(seed)
        self.connection = duckdb.connect(str(folder / "shop.duckdb"))
        self.connection.execute(f"attach '{shop_warehouse}' as other (read_only)")
        for table in (
            *("marts.customer_segments", "intermediate.int_cutoffs", "raw.unreadable_lines"),
            *("marts.audience_changes", "intermediate.int_published_segments"),
        ):
            self.connection.execute(f"create schema if not exists {table.split('.')[0]}")
            self.connection.execute(f"create table {table} as from other.{table} limit 0")
        self.connection.execute("insert into intermediate.int_cutoffs values (null, true, true)")
        self.names = {1: "Loyal customers", 2: "Recent customers", 3: "Lapsed customers"}
        self.erased = set()

    def draw(self, date):
        """Customers of a date: most as they were, some new, some gone, some moved."""
        self.connection.execute(
            "create or replace table intermediate.int_published_segments as "
            "select customer_id, segment_id, segment_name from marts.customer_segments"
        )
        if self.random.random() < 0.2:
            self.names[1] = str(self.random.choice(["Loyal customers", "Regulars"]))
        known = self.connection.execute("from marts.customer_segments").df()
        known = known.set_index("customer_id")["segment_id"].to_dict()
        rows = []
        for customer in [f"customer {i:02}" for i in range(30)]:
            stays, moves = self.random.random(2)
            if customer in self.erased or stays < (0.15 if customer in known else 0.7):
                continue
            segment = known.get(customer)
            segment = int(self.random.integers(1, 4)) if not segment or moves < 0.2 else segment
            rows.append((customer, segment, self.names[segment], *self.random.integers(1, 4, 2)))
        self.connection.execute("delete from marts.customer_segments")
        self.connection.executemany(
            "insert into marts.customer_segments by name select $1 as customer_id, "
            "$2 as segment_id, $3 as segment_name, $4 as frequency, 61 + $5 as monetary_value, "
            "5 as recency_days",
            [[c, s, name, int(f), int(m)] for c, s, name, f, m in rows],
        )
        self.connection.execute("update intermediate.int_cutoffs set cutoff = ?", [date])

    def build(self, declared):
        changes, members = self.models[declared]
        before = self.count()
        self.connection.execute(f"insert into marts.audience_changes by name ({changes})")
        self.connection.execute(f"create or replace table marts.audience_members as {members}")
        return self.count() - before

    def count(self):
        return self.connection.execute("select count(*) from marts.audience_changes").fetchall()[0][
            0
        ]

    def erase(self, customer):
        nothing = "select '' as customer_id, '' as order_id where false"
        erase_customer(
            self.connection,
            customer_id=customer,
            schema="raw",
            delimiter=",",
            keys={},
            erased_orders=nothing,
            feed=["marts", "audience_changes"],
        )
        self.erased.add(customer)


@pytest.mark.parametrize("seed", range(6))
def test_each_reader_gets_each_change_once(shop_warehouse, models, tmp_path, seed):
    warehouse = Warehouse(shop_warehouse, tmp_path, models, seed)
    readers = [Reader() for _ in range(4)]
    numbers = set()
    declared = "first"
    for date in pd.date_range("2018-01-01", periods=15):
        declared = warehouse.random.choice([declared] * 4 + ["first", "changed", "none"])
        audiences = {"first": AUDIENCES, "changed": CHANGED, "none": {}}[declared]
        if warehouse.random.random() < 0.2:
            # A build that is killed before the feed.
            warehouse.draw(date)
        warehouse.draw(date)
        warehouse.build(declared)
        members = expected(warehouse.connection, audiences)
        assert warehouse.build(declared) == 0, "a rebuild with the same data adds nothing"
        told = warehouse.connection.execute(
            "select audience, customer_id, segment_id, segment_name from marts.audience_members"
        ).fetchall()
        assert sorted(told) == members
        if warehouse.random.random() < 0.4:
            warehouse.erase(f"customer {warehouse.random.integers(30):02}")
            members = [row for row in members if row[1] not in warehouse.erased]
        # The first reads each state, the others now and then, the last one at the end alone.
        for reader, often in zip(readers, (1, 0.5, 0.2, 0), strict=True):
            if warehouse.random.random() < often:
                reader.poll(warehouse.connection)
                assert reader.holds() == members
        new = {
            number
            for (number,) in warehouse.connection.execute(
                "select change_id from marts.audience_changes"
            ).fetchall()
        }
        assert not new - numbers or min(new - numbers) > max(numbers, default=0)
        numbers |= new
    for reader in readers:
        reader.poll(warehouse.connection)
        assert reader.holds() == members
        assert reader.poll(warehouse.connection) == 0
    reasons = warehouse.connection.execute(
        "select distinct reason from marts.audience_changes"
    ).fetchall()
    assert len(reasons) >= 6


def test_a_reason_is_true(shop_warehouse, models, tmp_path):
    warehouse = Warehouse(shop_warehouse, tmp_path, models, 9)
    for date in pd.date_range("2018-01-01", periods=20):
        state = "select customer_id, segment_id, segment_name, monetary_value from "
        before = warehouse.connection.execute(f"{state} marts.customer_segments").df()
        warehouse.draw(date)
        first = warehouse.count() + 1
        warehouse.build("first")
        after = warehouse.connection.execute(f"{state} marts.customer_segments").df()
        both = before.merge(after, on="customer_id", how="outer", suffixes=("_before", ""))
        both = both.set_index("customer_id")
        changes = warehouse.connection.execute(
            "from marts.audience_changes where change_id >= ?", [first]
        ).df()
        assert (changes["as_of"] == date).all()
        for change in changes.itertuples():
            customer = both.loc[change.customer_id]
            is_known, was_known = customer["segment_id"] > 0, customer["segment_id_before"] > 0
            moved = is_known and was_known and customer["segment_id"] != customer.iloc[0]
            if change.reason == "first members":
                assert change.change == "added" and date == pd.Timestamp("2018-01-01")
            elif change.reason == "new customer":
                assert change.change == "added" and is_known and not was_known
            elif change.reason == "left":
                assert change.change == "removed" and was_known and not is_known
            elif change.reason == "moved segment":
                assert moved
            elif change.reason == "segment renamed":
                assert change.change == "changed" and not moved
                assert customer["segment_name"] != customer["segment_name_before"]
            else:
                assert change.reason == "condition" and is_known and was_known and not moved


# -- whole builds ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def declared(project, shop_data, shop_warehouse, tmp_path_factory):
    """The small shop with audiences, built twice."""
    warehouse = shutil.copy(shop_warehouse, tmp_path_factory.mktemp("declared") / "shop.duckdb")
    with_any_vars(warehouse)
    for _ in range(2):
        result = project.dbt(
            shop_data, warehouse, "build", "--select", *TABLES, *with_audiences(AUDIENCES)
        )
        assert result.returncode == 0, result.stdout
    return warehouse


def test_a_build_adds_the_first_members_and_a_second_one_nobody(declared, read):
    changes = read(declared, "from marts.audience_changes order by change_id")
    assert changes["change_id"].tolist() == list(range(1, len(changes) + 1))
    assert set(changes["change"] + ", " + changes["reason"]) == {"added, first members"}
    keys = changes[["audience", "customer_id"]].apply(tuple, axis=1).tolist()
    assert keys == sorted(keys)
    reader = Reader()
    with duckdb.connect(str(declared)) as connection:
        reader.poll(connection)
        assert reader.holds() == expected(connection, AUDIENCES)
    assert len([key for key in keys if key[0] == "loyal"]) == 40


def test_a_condition_that_cannot_be_read_stops_a_run_before_anything_is_written(
    project, shop_data, tmp_path
):
    warehouse = tmp_path / "shop.duckdb"
    result = project.dbt(
        shop_data, warehouse, "build", *with_audiences({"vips": "segment_nam = 'Loyal'"})
    )
    told = " ".join(result.stdout.split())
    assert result.returncode == 1
    assert "audiences, vips: segment_nam = 'Loyal' is no condition that can be used" in told
    assert "segment_nam is no column of customer_segments" in told
    assert "such as vips: \"segment_name = 'Loyal customers' and recency_days > 180\"" in told
    with duckdb.connect(str(warehouse)) as connection:
        assert connection.execute("select count(*) from duckdb_tables()").fetchall() == [(0,)]


def test_an_erased_customer_is_removed_from_every_audience_by_the_hash_alone(
    project, shop_data, declared, tmp_path, read
):
    warehouse = shutil.copy(declared, tmp_path / "shop.duckdb")
    reader = Reader()
    with duckdb.connect(str(warehouse)) as connection:
        reader.poll(connection)
    arguments = ("run-operation", "erase_customer", "--args", "{customer_id: loyal 07}")
    for _ in range(2):
        result = project.dbt(shop_data, warehouse, *arguments)
        assert result.returncode == 0, result.stdout
    rows = read(warehouse, "from marts.audience_changes where reason = 'erased' order by audience")
    assert rows["audience"].tolist() == ["loyal", "spenders"]
    assert set(rows["customer_hash"]) == {hashlib.sha256(b"loyal 07").hexdigest()}
    assert rows[["customer_id", "segment_id", "segment_name"]].isna().all(axis=None)
    assert len(read(warehouse, "from marts.audience_changes where customer_id = 'loyal 07'")) == 0
    with duckdb.connect(str(warehouse)) as connection:
        assert reader.poll(connection) == 2
        assert reader.holds() == expected(connection, AUDIENCES)
    assert not any(member[1] == "loyal 07" for member in reader.holds())
    told = "select distinct customer_id from marts.audience_members where customer_id like 'loyal%'"
    assert len(read(warehouse, told)) == 39


def test_the_feed_outlasts_the_registry(project, shop_data, declared, tmp_path, read):
    warehouse = shutil.copy(declared, tmp_path / "shop.duckdb")
    feed = "from marts.audience_changes order by change_id"
    before = read(warehouse, feed)
    result = project.dbt(shop_data, warehouse, "run-operation", "drop_registry")
    assert result.returncode == 0, result.stdout
    assert read(warehouse, feed).equals(before)


@pytest.mark.slow
def test_make_build_carries_the_feed_on(project, shop, shop_data, shop_warehouse, tmp_path, read):
    warehouse, given = tmp_path / "shop.duckdb", tmp_path / "vars.yml"
    shutil.copy(shop_warehouse, warehouse)
    reader = Reader()

    def make(data, audiences):
        given.write_text(json.dumps({"audiences": audiences}))
        result = project.script(
            *("build.py", "--data", data, "--warehouse", warehouse, "--vars", given)
        )
        assert result.returncode == 0, result.stderr
        with duckdb.connect(str(warehouse)) as connection:
            read = reader.poll(connection)
            assert reader.holds() == expected(connection, audiences)
        return read

    assert make(shop_data, AUDIENCES) > 0
    assert make(shop_data, AUDIENCES) == 0
    later = copy.deepcopy(shop)
    later.order("recent 01", "2018-02-01", 500, score=5)
    later.order("newcomer", "2018-02-01", 500, score=5)
    data = later.write(tmp_path / "later")
    assert make(data, AUDIENCES) >= 1
    newest = read(
        warehouse,
        "from marts.audience_changes where as_of = '2018-02-02' and customer_id = 'newcomer'",
    )
    assert set(newest["reason"]) == {"new customer"}
    assert make(data, {"spenders": CHANGED["spenders"], "again": "frequency > 1"}) > 40
    dropped = read(warehouse, "from marts.audience_changes where reason = 'audience dropped'")
    assert set(dropped["audience"]) == {"loyal"}


# -- a tool that reads the feed -------------------------------------------------------------------


@contextmanager
def endpoint():
    """A campaign tool at a local address: yields the address, what it is sent, and its answers.

    An answer that it has been given is its next one; without any it accepts.
    """
    batches, answers = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            batches.append((self.path, json.loads(body)))
            self.send_response(answers.pop() if answers else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", batches, answers
        server.shutdown()
        thread.join()


def write_recipe(folder, export, address):
    """Write the files that the guide shows, with another folder, audience and address."""
    guide = (ROOT / "docs/guides/audiences.md").read_text()
    for block in re.findall(r"```yaml\n# (\S+)\n(.*?)```", guide, re.DOTALL):
        name, text = block
        text = text.replace("vips_at_risk", "loyal").replace(
            "https://campaigns.example.com", address
        )
        file = folder / name.replace("~/", "home/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("/srv/export", str(export)))


@pytest.mark.slow
def test_drt_sends_each_change_once_as_the_guide_says(project, shop_data, declared, tmp_path):
    warehouse = shutil.copy(declared, tmp_path / "shop.duckdb")

    def send(*, is_accepted=True):
        export.export(warehouse, tmp_path / "export")
        batches.clear()
        result = subprocess.run(
            [Path(sys.executable).with_name("drt"), "run"],
            cwd=tmp_path / "drt",
            env=os.environ | {"HOME": str(tmp_path / "drt" / "home"), "DO_NOT_TRACK": "1"},
            capture_output=True,
            text=True,
        )
        assert (result.returncode == 0) == is_accepted, result.stdout + result.stderr
        assert {path for path, _ in batches} <= {"/audiences/loyal"}
        return [row for _, rows in batches for row in rows]

    with endpoint() as (address, batches, answers):
        write_recipe(tmp_path / "drt", tmp_path / "export", address)
        answers.append(400)
        refused = send(is_accepted=False)
        first = send()
        assert first == refused
        assert [row["customer_id"] for row in first] == [f"loyal {i:02}" for i in range(40)]
        assert {row["change"] for row in first} == {"added"}
        assert send() == []
        erasure = ("run-operation", "erase_customer", "--args", "{customer_id: loyal 07}")
        assert project.dbt(shop_data, warehouse, *erasure).returncode == 0
        removed = send()
    assert [row["change"] for row in removed] == ["removed"]
    assert removed[0]["customer_hash"] == first[7]["customer_hash"]
    assert removed[0]["customer_id"] is None
