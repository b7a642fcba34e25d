"""Exports as shops write them: read by vars alone, with the features that pandas finds.

Each shop is a table of events. What is right is computed from them before they are written in the
form of an export.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
import yaml

from conftest import ROOT

COLUMNS = {"customer_id": "buyer", "ordered_at": "at", "amount": "amount", "order_id": "id"}
LAYERS = [f"path:dbt_project/models/{layer}" for layer in ("staging", "intermediate")]
START = pd.Timestamp("2023-01-01")


@dataclass
class Export:
    """An export in a folder, the vars that read it, and the right features of the customers.

    Attributes
    ----------
    settings : dict
        The vars, but for the source.
    right : pandas.DataFrame
        By customer_id: frequency, monetary_value and the time of the last order.
    rejected : dict
        Rows that are rejected, by rule.
    changed : dict
        Rows that are changed, by rule, as far as the test asks.
    """

    settings: dict
    right: pd.DataFrame
    rejected: dict = field(default_factory=dict)
    changed: dict = field(default_factory=dict)


def events(seed: int, *, customers: int = 60, days: int = 200) -> pd.DataFrame:
    """Orders of customers: who, at, cents and a number, sorted by time."""
    rng = np.random.default_rng(seed)
    orders = rng.poisson(2, customers) + 1
    who = np.repeat(np.arange(1, customers + 1), orders)
    seconds = rng.choice(days * 86_400, len(who), replace=False)
    frame = pd.DataFrame(
        {
            "who": who,
            "at": START + pd.to_timedelta(seconds, unit="s"),
            "cents": rng.integers(150, 400_000, len(who)),
        }
    )
    frame = frame.sort_values("at", ignore_index=True)
    return frame.assign(order=[f"A{number:04}" for number in frame.index])


def right_of(orders: pd.DataFrame, name) -> pd.DataFrame:
    """Features of orders that all count, the last one by its time."""
    told = orders.groupby("who").agg(
        frequency=("order", "nunique"), cents=("cents", "sum"), last=("at", "max")
    )
    told.index = pd.Index([name(who) for who in told.index], name="customer_id")
    return told.assign(monetary_value=told["cents"] / 100).drop(columns="cents").sort_index()


def german(cents: int) -> str:
    return f"{cents / 100:,.2f}".translate(str.maketrans(",.", ".,"))


def excel(folder: Path) -> Export:
    """Windows-1252, semicolons, groups of digits, a currency, days without a time."""
    orders = events(1)
    orders["at"] = orders["at"].dt.normalize()
    table = pd.DataFrame(
        {
            "Käufer": orders["who"].map("Müller {}".format),
            "Tag": orders["at"].dt.strftime("%d.%m.%Y"),
            "Betrag": orders["cents"].map(german) + " €",
            "Größe": "groß",
        }
    )
    table.to_csv(folder / "transactions.csv", sep=";", index=False, encoding="cp1252")
    by_day = orders.groupby(["who", "at"], as_index=False).agg(
        cents=("cents", "sum"), order=("order", "min")
    )
    return Export(
        {
            "transaction_columns": {
                "customer_id": "Käufer",
                "ordered_at": "Tag",
                "amount": "Betrag",
                "city": "Größe",
            },
            "csv_format": {
                "delimiter": ";",
                "decimal_separator": ",",
                "thousands_separator": ".",
                "strip_currency": True,
                "encoding": "windows-1252",
                "timestamp_format": "%d.%m.%Y",
            },
        },
        right_of(by_day, "Müller {}".format),
    )


def storefront(folder: Path) -> Export:
    """Orders over several lines, told on the first; offsets; addresses; discounts."""
    rng = np.random.default_rng(2)
    orders = events(2)
    # Two hours before and after midnight in UTC: another day in the shop.
    orders["at"] = orders["at"].dt.normalize() + pd.to_timedelta(
        rng.integers(20 * 60, 28 * 60, len(orders)), unit="min"
    )
    orders = orders.sort_values("at", ignore_index=True)
    written = orders["at"].dt.tz_localize("America/New_York").dt.tz_convert("UTC")
    lines = []
    for order, at in zip(orders.itertuples(), written, strict=True):
        address = f"buyer{order.who}@example.com"
        address = address.upper() if order.Index % 3 == 0 else f"\u00a0{address}\t"
        first = {"id": order.order, "at": at.strftime("%Y-%m-%d %H:%M:%S %z"), "buyer": address}
        first |= {"status": "paid" if order.Index % 7 else "void", "town": "Lima"}
        share = int(order.cents * 0.3)
        lines += [first | {"amount": order.cents / 100}]
        lines += [{"id": order.order, "amount": amount / 100} for amount in (share, -share)]
        lines += [{"id": order.order, "amount": -share / 100}]
        orders.loc[order.Index, "cents"] = order.cents - share
    pd.DataFrame(lines).to_csv(folder / "transactions.csv", index=False)
    paid = orders[orders.index % 7 != 0]
    return Export(
        {
            "transaction_columns": COLUMNS | {"order_status": "status", "city": "town"},
            "csv_format": {"timestamp_format": "%Y-%m-%d %H:%M:%S %z"},
            "time_zone": "America/New_York",
            "normalize_customer_id": "lower_trim",
            "uncounted_order_statuses": ["void"],
        },
        right_of(paid, "buyer{}@example.com".format),
        changed={
            "continuation_line": 3 * len(orders),
            "discount": 2 * len(orders),
            "normalized_customer_id": len(orders),
        },
    )


def charges(folder: Path) -> Export:
    """Cents, milliseconds since 1970, what was refunded beside the charge."""
    orders = events(3)
    refunded = np.select(
        [orders.index % 9 == 0, orders.index % 5 == 0], [orders["cents"], orders["cents"] // 3], 0
    )
    table = pd.DataFrame(
        {
            "id": orders["order"],
            "at": orders["at"].astype("datetime64[ms]").astype("int64"),
            "amount": orders["cents"],
            "back": refunded,
            "buyer": orders["who"].map("cus_{}".format),
        }
    )
    table.to_csv(folder / "transactions.csv", index=False)
    net = orders.assign(cents=orders["cents"] - refunded)
    return Export(
        {
            "transaction_columns": COLUMNS | {"refunded_amount": "back"},
            "csv_format": {"timestamp_format": "epoch_ms"},
            "amount_divisor": 100,
            "returns": "subtract",
        },
        right_of(net[net["cents"] > 0], "cus_{}".format),
        changed={"refunded": int((refunded > 0).sum())},
    )


def invoices(folder: Path) -> Export:
    """Quantity and unit price in thousandths; guests; texts for nobody; returns set aside."""
    rng = np.random.default_rng(4)
    orders = events(4)
    quantity = rng.integers(1, 9, len(orders))
    price = (orders["cents"] / 100 / quantity).round(3)
    number = orders.index.to_numpy()
    buyer = orders["who"].astype(str).to_numpy(dtype=object)
    buyer = np.select([number % 6 == 0, number % 11 == 0], ["GUEST", "nan"], buyer)
    table = pd.DataFrame(
        {
            "id": orders["order"],
            "Customer ID": buyer,
            "at": orders["at"].dt.strftime("%m/%d/%Y %I:%M:%S %p"),
            "Quantity": quantity,
            "Unit Price": price,
        }
    )
    back = table.iloc[1::8].assign(id=lambda rows: "C" + rows["id"], Quantity=-1)
    pd.concat([table, back]).to_csv(folder / "transactions.csv", index=False)
    exact = [
        (Decimal(str(one)) * int(many)).quantize(Decimal("0.01"), ROUND_HALF_UP) * 100
        for one, many in zip(price, quantity, strict=True)
    ]
    known = ~np.isin(buyer, ["GUEST", "nan"])
    nobody = np.isin(back["Customer ID"], ["GUEST", "nan"]).sum()
    finer = [
        Decimal(str(one)) * int(many) % Decimal("0.01") != 0
        for one, many in zip(price, quantity, strict=True)
    ]
    return Export(
        {
            "transaction_columns": {
                "customer_id": "Customer ID",
                "ordered_at": "at",
                "order_id": "id",
                "unit_price": "Unit Price",
                "items": "Quantity",
            },
            "csv_format": {"timestamp_format": "%m/%d/%Y %I:%M:%S %p"},
            "round_amounts": True,
            "no_customer_values": ["GUEST"],
        },
        right_of(orders.assign(cents=[int(cents) for cents in exact])[known], str),
        rejected={
            "no_customer": int((~known).sum() + nobody),
            "negative_money": int(len(back) - nobody),
        },
        changed={"rounded": int((np.array(finer) & known).sum())},
    )


def workbook(folder: Path) -> Export:
    """Cells of a workbook, an id among them a floating number, in a column of others below it."""
    orders = events(5)
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["id", "buyer", "at", "net", "tax", "note"])
    for order in orders.itertuples():
        buyer = 10_000 + order.who
        buyer = float(buyer) if order.Index % 2 else buyer
        tax = order.cents // 5
        cells = [order.order, buyer, order.at.to_pydatetime(), (order.cents - tax) / 100]
        sheet.append([*cells, tax / 100, None])
    sheet.append([None] * 6)
    book.save(folder / "transactions.xlsx")
    columns = COLUMNS | {"amount": {"sql": "net + tax"}}
    return Export(
        {"transaction_columns": columns, "csv_format": {"decimal_separator": ","}},
        right_of(orders, lambda who: str(10_000 + who)),
    )


def run_layers(project, folder: Path, settings: dict) -> Path:
    """Build staging and the features, with the data tests of these layers."""
    warehouse = folder / "shop.duckdb"
    given = {"source": "transactions", "first_evaluation_date": "2023-03-01"} | settings
    seeds = ["data_quality_rules", "data_quality_ledger"]
    result = project.dbt(
        folder,
        warehouse,
        "build",
        *("--exclude-resource-type", "unit_test", "--indirect-selection", "cautious"),
        *("--select", *LAYERS, *seeds),
        *("--vars", json.dumps(given)),
    )
    assert result.returncode == 0, result.stdout
    return warehouse


def features_of(read, warehouse: Path, cutoff: str = "is_as_of") -> pd.DataFrame:
    return read(
        warehouse,
        "select customer_id, cutoff, recency_days, frequency, "
        "cast(monetary_value as double) as monetary_value "
        f"from intermediate.int_customer_features semi join (from intermediate.int_cutoffs "
        f"where {cutoff}) using (cutoff) order by customer_id, cutoff",
    ).set_index("customer_id")


@pytest.mark.parametrize(
    "written",
    [
        storefront,
        pytest.param(excel, marks=pytest.mark.slow),
        pytest.param(charges, marks=pytest.mark.slow),
        pytest.param(invoices, marks=pytest.mark.slow),
        pytest.param(workbook, marks=pytest.mark.slow),
    ],
    ids=lambda written: written.__name__,
)
def test_an_export_is_read_by_vars_alone(written, project, tmp_path, read):
    export = written(tmp_path)
    warehouse = run_layers(project, tmp_path, export.settings)
    found = features_of(read, warehouse)
    assert found.index.tolist() == export.right.index.tolist()
    assert found["frequency"].tolist() == export.right["frequency"].tolist()
    assert found["monetary_value"].to_numpy() == pytest.approx(
        export.right["monetary_value"].to_numpy(), abs=1e-9
    )
    recency = (found["cutoff"] - export.right["last"]).dt.days
    assert found["recency_days"].tolist() == recency.tolist()
    midnight = export.right["last"].max().normalize() + pd.Timedelta(days=1)
    assert (found["cutoff"] >= midnight).all()
    ledger = read(warehouse, "from marts.data_quality_ledger").set_index("rule")
    total = ledger.loc["all rules"]
    assert total["rows_in"] == total["rows_accepted"] + total["rows_rejected"]
    rejected = ledger["rows_rejected"].drop("all rules")
    assert rejected[rejected > 0].to_dict() == export.rejected
    for rule, rows in export.changed.items():
        assert ledger.loc[rule, "rows_changed"] == rows, rule


@pytest.mark.slow
def test_an_erased_customer_takes_the_further_lines_of_orders_along(project, tmp_path, read):
    export = storefront(tmp_path)
    warehouse = run_layers(project, tmp_path, export.settings)
    before = read(warehouse, "from raw.transactions")
    ids = before["customer_id"].str.lower()
    orders = set(before.loc[ids.str.contains("buyer5@", na=False), "order_id"])
    assert orders
    told = project.dbt(
        tmp_path,
        warehouse,
        *("run-operation", "erase_customer", "--args", "{customer_id: ' Buyer5@Example.com'}"),
        *("--vars", json.dumps({"source": "transactions"} | export.settings)),
    )
    assert told.returncode == 0, told.stdout
    for _ in ("erased", "built again"):
        after = read(warehouse, "from raw.transactions")
        assert not orders & set(after["order_id"])
        assert len(after) == len(before) - 4 * len(orders)
        run_layers(project, tmp_path, export.settings)
    ledger = read(warehouse, "from marts.data_quality_ledger").set_index("rule")
    assert ledger.loc["erased_on_request", "rows_rejected"] == 4 * len(orders)
    found = features_of(read, warehouse)
    assert found.index.tolist() == export.right.index.drop("buyer5@example.com").tolist()


# -- returns ---------------------------------------------------------------------------------------


def returns_of(orders: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Returns that name their order, with others that do not; some are worth more than is left."""
    rng = np.random.default_rng(seed)
    sampled = orders.sample(frac=0.6, replace=True, random_state=seed)
    frame = sampled.assign(
        at=sampled["at"].dt.normalize() + pd.to_timedelta(rng.integers(1, 60, len(sampled)), "D"),
        cents=(sampled["cents"] * rng.choice([0.25, 0.5, 1.0, 1.5], len(sampled))).astype(int) + 1,
        order=[
            order if is_named else f"R{number}"
            for number, (order, is_named) in enumerate(
                zip(sampled["order"], rng.random(len(sampled)) < 0.5, strict=True)
            )
        ],
    )
    # Each at a moment of its own: those of one moment are in no order.
    return frame.assign(at=frame["at"] + pd.to_timedelta(np.arange(len(frame)), unit="s"))


def left_at(orders: pd.DataFrame, back: pd.DataFrame, cutoff: pd.Timestamp) -> dict:
    """What is left of each order by what is known before a cut-off, one event after the other."""
    left: dict[str, list] = {}
    known = pd.concat([orders.assign(kind=0), back.assign(kind=1)])
    for event in known[known["at"] < cutoff].sort_values(["at", "kind"]).itertuples():
        if event.kind == 0:
            left[event.order] = [event.who, event.at, event.cents]
            continue
        own = [event.order] if event.order in left else []
        newest = [order for order, (who, *_) in reversed(left.items()) if who == event.who]
        to_take = event.cents
        for order in own or newest:
            taken = min(to_take, left[order][2])
            left[order][2] -= taken
            to_take -= taken
    return left


@pytest.fixture(scope="module")
def returning(project, tmp_path_factory):
    """A shop with returns, in parentheses, once up to a day and once with what came after."""
    orders = events(6)
    back = returns_of(orders, 7)
    settings = {
        "transaction_columns": COLUMNS,
        "csv_format": {"parentheses_negative": True},
        "returns": "subtract",
    }
    rows = pd.concat(
        [
            orders.assign(text=orders["cents"].map(lambda cents: f"{cents / 100:.2f}")),
            back.assign(text=back["cents"].map(lambda cents: f"({cents / 100:.2f})")),
        ]
    )
    rows = rows.rename(columns={"who": "buyer", "text": "amount", "order": "id"})
    day = START + pd.Timedelta(days=120)
    warehouses = {}
    for name, known in {"early": rows[rows["at"] < day], "late": rows}.items():
        folder = tmp_path_factory.mktemp(name)
        known[["id", "buyer", "at", "amount"]].to_csv(folder / "transactions.csv", index=False)
        warehouses[name] = run_layers(project, folder, settings)
    return orders, back, day, warehouses


@pytest.mark.slow
def test_a_return_takes_off_from_the_day_on_at_which_it_is_known(returning, read):
    orders, back, _, warehouses = returning
    found = features_of(read, warehouses["late"], "true").reset_index()
    assert found["cutoff"].nunique() > 15
    assert found["cutoff"].max() > back["at"].max()
    for cutoff, at_cutoff in found.groupby("cutoff"):
        left = pd.DataFrame(left_at(orders, back, cutoff).values(), columns=["who", "at", "cents"])
        left = left[left["cents"] > 0]
        expected = left.groupby("who").agg(
            frequency=("at", "size"), cents=("cents", "sum"), last=("at", "max")
        )
        at_cutoff = at_cutoff.assign(who=at_cutoff["customer_id"].astype(int)).set_index("who")
        at_cutoff = at_cutoff.sort_index()
        assert at_cutoff.index.tolist() == expected.index.tolist(), cutoff
        assert at_cutoff["frequency"].tolist() == expected["frequency"].tolist(), cutoff
        assert (at_cutoff["monetary_value"] * 100).round().tolist() == expected["cents"].tolist()
        days = (cutoff - expected["last"]).dt.days
        assert at_cutoff["recency_days"].tolist() == days.tolist(), cutoff


@pytest.mark.slow
def test_a_late_return_changes_no_past_row(returning, read):
    _, back, day, warehouses = returning
    early, late = (
        features_of(read, warehouses[name], "is_evaluation_date") for name in ("early", "late")
    )
    assert (back["at"] > day).any()
    past = [frame[frame["cutoff"] <= day] for frame in (early, late)]
    assert past[0]["cutoff"].nunique() > 8
    pd.testing.assert_frame_equal(*past)


# -- what is doubted -------------------------------------------------------------------------------


@pytest.mark.slow
def test_doubts_about_a_file_are_told(project, tmp_path):
    """Rejected rows, a customer with many orders, ids alike, and amounts in cents."""
    orders = pd.concat([events(8, customers=150), events(9, customers=150)], ignore_index=True)
    buyer = orders["who"].map("Buyer {}".format).where(orders.index % 2 == 0, "buyer 1 ")
    buyer = buyer.where(orders.index % 10 != 0, None)
    table = pd.DataFrame({"buyer": buyer, "at": orders["at"], "amount": orders["cents"]})
    table.to_csv(tmp_path / "transactions.csv", index=False)
    columns = {name: COLUMNS[name] for name in ("customer_id", "ordered_at", "amount")}
    settings = {"source": "transactions", "transaction_columns": columns}
    settings |= {"first_evaluation_date": "2023-06-01"}
    (tmp_path / "vars.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    warehouse = tmp_path / "shop.duckdb"
    built = project.script(
        "build.py",
        *("--data", tmp_path, "--warehouse", warehouse, "--vars", tmp_path / "vars.yml"),
    )
    assert built.returncode in (0, 3), built.stdout + built.stderr
    told = " ".join(built.stdout.split())
    assert "Mind: " in told
    for doubt in (
        f"rows ({(orders.index % 10 == 0).mean():.1%})".replace("%", " %"),
        "One customer has",
        "1 customer ids differ from another one by case or blanks alone",
        "set amount_divisor to 100",
    ):
        assert doubt in told, doubt


# -- the cases of others ---------------------------------------------------------------------------


def cases() -> list[Path]:
    folder = os.environ.get("CASES")
    return sorted(path.parent for path in Path(folder).glob("*/vars.yml")) if folder else []


@pytest.mark.slow
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_case_of_others_is_right(case, project, tmp_path):
    """CASES names a folder of exports, each with vars.yml, and check.py, which holds them."""
    warehouse, settings = tmp_path / "shop.duckdb", tmp_path / "vars.yml"
    # Few evaluations: what customers are worth does not depend on them.
    given = (case / "vars.yml").read_text(encoding="utf-8")
    settings.write_text(f"{given}\nevaluation_interval_weeks: 13\n", encoding="utf-8")
    built = project.script("build.py", "--data", case, "--warehouse", warehouse, "--vars", settings)
    assert built.returncode in (0, 3), built.stdout + built.stderr
    checked = subprocess.run(
        [sys.executable, case.parent / "check.py", case, warehouse], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_vars_of_an_export_are_explained():
    page = (ROOT / "docs" / "guides" / "your-own-orders.md").read_text(encoding="utf-8")
    settings = yaml.safe_load((ROOT / "dbt_project.yml").read_text())["vars"]
    names = ["time_zone", "amount_divisor", "amount_decimals", "round_amounts", "returns"]
    names += ["normalize_customer_id", "no_customer_values"]
    assert settings.keys() >= set(names)
    for name in names + [f"csv_format.{name}" for name in settings["csv_format"]]:
        assert f"`{name}" in page, name
