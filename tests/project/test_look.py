"""What `make look` proposes, what builds of it give, and the presets for exports that are known."""

import csv
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from test_exports import cases, run_layers

import look
from conftest import ROOT
from make_cdnow_data import write as write_cdnow
from segmentation_dbt.column_names import NAMES, plain_name, rank_of_name
from segmentation_dbt.faults import UserError
from segmentation_dbt.raw_files import find_files
from segmentation_dbt.settings import VARS
from segmentation_dbt.tables import RawTable
from shapes import SHAPES, events

GUIDE = ROOT / "docs" / "guides" / "your-own-orders.md"


def write(folder: Path, text: str, name: str = "transactions.csv", encoding: str = "utf-8") -> Path:
    (folder / name).write_bytes(text.encode(encoding))
    return folder


def table(header: str, line: str, rows: int = 200) -> str:
    """Lines of orders; {who}, {day}, {month}, {n} and others differ from row to row."""
    lines = [header]
    for n in range(rows):
        told = {"n": n, "who": n % 37, "day": n % 28 + 1, "month": n // 28 % 12 + 1}
        told["guest"] = f"c{n % 37}" if n % 5 else "GUEST"
        lines.append(line.format(**told, cents=f"{n * 7 % 100:02}", euros=10 + n * 13 % 900))
    return "\n".join(lines) + "\n"


def proposed(folder: Path) -> look.Proposal:
    return look.proposal_of(folder)[1]


# A file in each language, and the columns that are to be found in it.
LANGUAGES = {
    "English": (
        "Order No.,Customer Number,Order Date,Total Amount,Tax Amount,Qty,City",
        "{n},C{who},2023-{month:02}-{day:02} 10:00:00,{euros}.{cents},1.10,2,Leeds",
        "order_id=Order No. customer_id=Customer Number ordered_at=Order Date amount=Total Amount "
        "items=Qty city=City",
    ),
    "German": (
        "Bestell-Nr.;Kundennummer;Bestelldatum;Lieferdatum;Gesamtbetrag;Versandkosten;Stückzahl;Ort",
        "B{n};K{who};{day:02}.{month:02}.2023;{day:02}.{month:02}.2023;{euros},{cents};4,90;2;Köln",
        "order_id=Bestell-Nr. customer_id=Kundennummer ordered_at=Bestelldatum "
        "amount=Gesamtbetrag items=Stückzahl city=Ort delivered_at=Lieferdatum",
    ),
    "French": (
        "N° commande;Code client;Date de commande;Montant TTC;TVA;Quantité;Ville;Statut",
        "F{n};C{who};{day:02}/{month:02}/2023 14:05;{euros},{cents};1,10;2;Lyon;payée",
        "order_id=N° commande customer_id=Code client ordered_at=Date de commande "
        "amount=Montant TTC items=Quantité city=Ville order_status=Statut",
    ),
    "Spanish": (
        "Número de pedido;Cliente;Fecha de pedido;Importe total;Gastos de envío;Ciudad;Estado",
        "P{n};C{who};{day:02}-{month:02}-2023;{euros},{cents};4,90;Málaga;pagado",
        "order_id=Número de pedido customer_id=Cliente ordered_at=Fecha de pedido "
        "amount=Importe total city=Ciudad order_status=Estado",
    ),
    "Portuguese": (
        "Código do Pedido;CPF;Data da Compra;Valor Total;Frete;Quantidade;Cidade;Estado",
        "{n};9{who:010};{day:02}/{month:02}/2023;R$ {euros},{cents};R$ 4,90;2;Olinda;PE",
        "order_id=Código do Pedido customer_id=CPF ordered_at=Data da Compra "
        "amount=Valor Total items=Quantidade city=Cidade state=Estado",
    ),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_columns_are_found_in_five_languages(language, tmp_path):
    header, line, columns = LANGUAGES[language]
    told = proposed(write(tmp_path, table(header, line)))
    found = " ".join(f"{column}={name}" for column, name in told.columns.items())
    assert sorted(found) == sorted(columns), found
    assert "transaction_columns" not in told.doubts, told.doubts


# A form of a file, and what is to be proposed of it.
FORMS = {
    "day first, told by a day beyond 12": (
        "id,customer,date,amount",
        "{n},c{who},{day}/{month}/2023,{euros}.{cents}",
        {"csv_format": {"timestamp_format": "%d/%m/%Y"}},
    ),
    "month first, with a currency and groups": (
        "id\tcustomer\tdate\tamount",
        '{n}\tc{who}\t{month}/{day}/23 1:05 PM\t"$1,{euros:03}.{cents}"',
        {
            "csv_format": {
                "delimiter": "\t",
                "thousands_separator": ",",
                "strip_currency": True,
                "timestamp_format": "%m/%d/%y %I:%M %p",
            },
            "currency": "$",
        },
    ),
    "an offset, addresses in two cases": (
        "id,email,created_at,amount",
        "{n},Who{who}@example.com,2023-{month:02}-{day:02} 10:00:00 +0100,{euros}.{cents}",
        {
            "csv_format": {"timestamp_format": "%Y-%m-%d %H:%M:%S %z"},
            "normalize_customer_id": "lower_trim",
        },
    ),
    "milliseconds and cents": (
        "id,customer,created,amount,currency",
        "{n},c{who},16725{n:03}00000,{euros}{cents},gbp",
        {
            "csv_format": {"timestamp_format": "epoch_ms"},
            "amount_divisor": 100,
            "currency": "£",
        },
    ),
    "yen are no cents": (
        "id,customer,created,amount,currency",
        "{n},c{who},2023-{month:02}-{day:02},{euros}{cents},jpy",
        {"amount_divisor": None, "amount_decimals": 0, "currency": "¥"},
    ),
    "a price of each, thousandths, guests, returns": (
        "Invoice,Customer,Date,Quantity,Unit Price",
        "{n},{guest},2023-{month:02}-{day:02},-{who},{euros}.1{cents}",
        {
            "transaction_columns": {"unit_price": "Unit Price", "items": "Quantity"},
            "round_amounts": True,
            "no_customer_values": ["GUEST"],
            "returns": "subtract",
        },
    ),
    "statuses that count not": (
        "Bestellnummer;Kunde;Datum;Betrag;Status",
        "{n};k{who};{day:02}.{month:02}.23;({euros},{cents});storniert",
        {
            "uncounted_order_statuses": ["storniert"],
            "csv_format": {"parentheses_negative": True, "timestamp_format": "%d.%m.%y"},
        },
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_a_file_is_found(form, tmp_path):
    header, line, right = FORMS[form]
    settings = proposed(write(tmp_path, table(header, line))).settings
    for name, value in right.items():
        if isinstance(value, dict):
            assert {key: settings[name].get(key) for key in value} == value
        else:
            assert settings.get(name) == value, name


def test_encodings_are_found(tmp_path):
    text = table("Kunde;Datum;Betrag;Ort", "k{who};{day:02}.{month:02}.2023;{euros},{cents};Köln")
    for encoding, name in (
        ("utf-8-sig", "utf-8"),
        ("cp1252", "windows-1252"),
        ("utf-16", "utf-16"),
    ):
        told = proposed(write(tmp_path, text, encoding=encoding))
        assert told.settings["csv_format"]["encoding"] == name
        assert told.columns["customer_id"] == "Kunde"


def test_where_day_and_month_may_be_either_the_order_of_the_lines_decides(tmp_path):
    days = [f"{day:02}/{month:02}" for month in (1, 2, 3) for day in range(1, 13)]
    rows = "".join(f"{n},c{n % 7},{day}/2023,1.5\n" for n, day in enumerate(days))
    told = proposed(write(tmp_path, "id,customer,date,amount\n" + rows))
    assert told.settings["csv_format"]["timestamp_format"] == "%d/%m/%Y"
    assert "the other way round: timestamp_format: %m/%d/%Y" in " ".join(told.doubts["csv_format"])
    swapped = re.sub(r",(\d\d)/(\d\d)/", r",\2/\1/", rows)
    told = proposed(write(tmp_path, "id,customer,date,amount\n" + swapped))
    assert told.settings["csv_format"]["timestamp_format"] == "%m/%d/%Y"


def test_a_total_on_each_line_of_an_order_is_not_summed(tmp_path):
    line = "A{who},c{who},2023-01-{day:02},{total},{euros}.{cents}"
    lines = [
        line.format(who=n // 3, day=n // 3 % 28 + 1, total=90 + n // 3, euros=n, cents="10")
        for n in range(150)
    ]
    text = "order id,customer id,date,order total,line total\n" + "\n".join(lines) + "\n"
    told = proposed(write(tmp_path, text))
    assert told.columns["amount"] == "line total"
    assert "order total is the same on all lines" in " ".join(told.doubts["transaction_columns"])
    alone = re.sub(r",[^,\n]*$", "", text, flags=re.MULTILINE)
    told = proposed(write(tmp_path, alone))
    assert told.columns["amount"] == "order total"
    assert "summed over the lines" in " ".join(told.doubts["transaction_columns"])


def test_what_is_not_sure_is_said_in_the_file(tmp_path):
    line = "c{who},2023-{month:02}-{day:02},{euros}.{cents},{euros}.{cents}"
    told = proposed(write(tmp_path, table("customer,date,total,subtotal", line)))
    text = look.text_of(told, "make build", "a file")
    assert "# Unsure: amount may be subtotal instead." in text
    assert "# Unsure: The file does not name it" in text
    assert yaml.safe_load(text) == told.settings
    assert set(told.settings) <= set(VARS)


def test_customers_who_never_come_back_are_doubted(tmp_path):
    line = "c{n},2023-{month:02}-{day:02},{euros}.{cents}"
    told = proposed(write(tmp_path, table("customer,date,amount", line)))
    assert "nobody comes back" in " ".join(told.doubts["transaction_columns"])


def test_a_customer_with_far_more_rows_than_others_is_doubted(tmp_path):
    rows = (
        "".join(f"{n},2023-01-{n % 28 + 1:02},1.5\n" for n in range(60)) + "7,2023-02-01,2\n" * 40
    )
    told = proposed(write(tmp_path, "customer,date,amount\n" + rows))
    assert "no_customer_values" not in told.settings
    assert "7 has 41 rows" in told.doubts["no_customer_values"][0]


def test_control_characters_of_a_file_reach_neither_terminal_nor_comment(tmp_path):
    line = "c{who},2023-{month:02}-{day:02},{euros}.{cents},x"
    told = proposed(write(tmp_path, table("customer,date,amount,no\x1bte\x07", line)))
    text = look.text_of(told, "make build", "a file")
    assert "not used: no\ufffdte\ufffd." in text
    assert yaml.safe_load(text) == told.settings


def test_a_name_in_two_ways_is_the_same():
    assert plain_name("\ufeffKunden-Nr.") == plain_name("KUNDEN NR") == "kunden nr"
    assert plain_name("OrderDate") == "order date" and plain_name("CustomerID") == "customer id"
    for column, names in NAMES.items():
        for name in names.split(";"):
            assert rank_of_name(name.strip(), column) is not None, (column, name)


# -- faults of a user ------------------------------------------------------------------------------


def run_look(folder: Path, *arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "look.py", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (None, "There is no file or folder"),
        ({}, "has no .csv, .parquet, .xlsx file"),
        ({"a.csv": "x,y\n1,2\n", "b.csv": "x,y\n1,2\n"}, "has 2 files: a.csv, b.csv. Name the one"),
        ({"a.csv": ""}, "a.csv is empty"),
        ({"a.csv": "x,y\n"}, "a.csv has no rows below the names of its columns"),
        ({"a.csv": "nothing\nat all\n"}, "does not look like a table: its first line is nothing."),
        ({"a.parquet": "x,y\n"}, "a.parquet cannot be read"),
        ({"a.xlsx": "x,y\n"}, "is no workbook that can be read"),
        ({"a.csv": "x\0,y\0\x01\x02\x03\n" * 9}, "a.csv is no text"),
    ],
    ids=["missing", "none", "several", "empty", "no rows", "no table", "parquet", "xlsx", "binary"],
)
def test_a_fault_of_a_user_ends_in_a_sentence(files, told, tmp_path):
    data = tmp_path / "data"
    if files is not None:
        data.mkdir()
        for name, text in files.items():
            write(data, text, name)
    with pytest.raises(UserError, match=re.escape(told)):
        look.proposal_of(data)


def test_a_file_without_orders_says_which_columns_are_missing(tmp_path):
    write(tmp_path, "colour,size\nred,2\nblue,3\n", "shirts.csv")
    told = run_look(tmp_path, tmp_path)
    assert told.returncode == 1
    assert "does not say which column is customer_id and which is ordered_at" in told.stderr
    assert "Traceback" not in told.stderr
    assert (tmp_path / "shirts.yml").read_text().count("# Unsure") >= 2


def test_a_file_of_vars_is_never_overwritten(tmp_path):
    target = tmp_path / "shop.yml"
    assert look.write(target, "a: 1\n") == f"Written: {target}"
    assert look.write(target, "a: 1\n") == f"{target} says so already."
    with pytest.raises(UserError, match=r"is there already.*VARS=shop-2.yml"):
        look.write(target, "a: 2\n")
    assert target.read_text() == "a: 1\n"


def test_names_follow_the_orders(tmp_path):
    folder = tmp_path / "my shop"
    folder.mkdir()
    for name, expected in (("transactions.csv", "my-shop"), ("marts.csv", "marts-orders")):
        write(folder, "", name)
        assert look.name_of(folder / name, folder / name) == expected
    assert look.name_of(folder, folder / "transactions.csv") == "my-shop"


# -- what a build makes of it ----------------------------------------------------------------------


def features(read, warehouse: Path) -> pd.DataFrame:
    frame = read(
        warehouse,
        "select customer_id, frequency, cast(monetary_value as double) as monetary_value, "
        "recency_days, as_of from marts.customer_segments order by customer_id",
    )
    return frame.set_index("customer_id")


def assert_right(found: pd.DataFrame, right: pd.DataFrame) -> None:
    assert found.index.tolist() == right.index.tolist()
    assert found["frequency"].tolist() == right["frequency"].tolist()
    assert found["monetary_value"].to_numpy() == pytest.approx(
        right["monetary_value"].to_numpy(), abs=1e-6
    )
    recency = (found["as_of"] - right["last"]).dt.days
    assert found["recency_days"].tolist() == recency.tolist()


def look_and_build(project, data: Path, folder: Path) -> tuple[Path, str, dict, str]:
    """Run both commands on a file, with what look writes; returns the warehouse and what they say.

    With LOOK_RECORD the figures are written down; tests/look_table.py makes a table of them.
    """
    started = time.monotonic()
    settings = folder / "proposed.yml"
    told = run_look(folder, data, "--vars", settings)
    looked = time.monotonic() - started
    assert told.returncode == 0, told.stdout + told.stderr
    assert len(told.stdout.splitlines()) <= 24, told.stdout
    started = time.monotonic()
    warehouse = folder / "shop.duckdb"
    built = project.script("build.py", "--data", data, "--warehouse", warehouse, "--vars", settings)
    seconds = time.monotonic() - started
    assert built.returncode in (0, 3), built.stdout + built.stderr
    proposal = yaml.safe_load(settings.read_text(encoding="utf-8"))
    if record := os.environ.get("LOOK_RECORD"):
        rows = re.search(r": ([\d,]+) rows", told.stdout)[1].replace(",", "")
        with Path(record).open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(
                [data.name, json.dumps(proposal), rows, f"{looked:.0f}", f"{seconds:.0f}"]
            )
    return warehouse, " ".join(told.stdout.split()), proposal, built.stdout


def assert_told(read, warehouse: Path, told: str) -> None:
    """What look says of orders, customers, revenue and rows is what the build has."""
    sums = read(
        warehouse,
        "select count(*) as customers, sum(frequency) as orders, sum(monetary_value) as revenue "
        "from marts.customer_segments",
    ).iloc[0]
    ledger = read(warehouse, "from marts.data_quality_ledger where rule = 'all rules'").sum()
    times = read(
        warehouse,
        "select min(ordered_at) as first, max(ordered_at) as last from intermediate.int_orders "
        "where is_counted",
    ).iloc[0]
    assert (
        f"Would build: {int(sums['orders']):,} orders of {int(sums['customers']):,} customers, "
        f"from {times['first']:%Y-%m-%d} to {times['last']:%Y-%m-%d}, "
    ) in told
    assert f"{sums['revenue']:,.2f}. Raw rows" in told
    assert f"rejected: {ledger['rows_rejected']:,} of {ledger['rows_in']:,}." in told


@pytest.mark.parametrize("preset", SHAPES)
def test_look_knows_a_preset_by_its_columns(preset, tmp_path):
    SHAPES[preset](tmp_path)
    told = proposed(tmp_path)
    given = look.presets()[preset]
    assert told.preset == preset
    assert told.columns == given["transaction_columns"]
    for name in ("amount_divisor", "round_amounts", "returns", "normalize_customer_id"):
        assert told.settings.get(name) == given.get(name), name
    for name, value in given.get("csv_format", {}).items():
        if name != "thousands_separator":
            assert told.settings["csv_format"][name] == value, name


def test_each_preset_has_a_shape():
    assert set(look.presets()) == {*SHAPES, "olist"}


@pytest.mark.slow
@pytest.mark.parametrize("preset", SHAPES)
def test_a_preset_as_it_stands_reads_its_export(preset, project, tmp_path, read):
    shape = SHAPES[preset](tmp_path)
    settings = {"first_evaluation_date": "2023-07-01"} | look.presets()[preset]
    settings["evaluation_interval_weeks"] = 26
    warehouse = run_layers(project, tmp_path, settings)
    found = read(
        warehouse,
        "select customer_id, frequency, cast(monetary_value as double) as monetary_value, "
        "recency_days, cutoff as as_of from intermediate.int_customer_features "
        "semi join (from intermediate.int_cutoffs where is_as_of) using (cutoff) "
        "order by customer_id",
    ).set_index("customer_id")
    assert_right(found, shape.right)


@pytest.mark.slow
@pytest.mark.parametrize("preset", SHAPES)
def test_what_look_proposes_for_an_export_builds(preset, project, tmp_path, read):
    data = tmp_path / preset
    data.mkdir()
    shape = SHAPES[preset](data)
    warehouse, told, *_ = look_and_build(project, data, tmp_path)
    assert_right(features(read, warehouse), shape.right)
    assert_told(read, warehouse, told)


def test_the_file_of_a_table_that_is_alone_may_have_any_name(tmp_path):
    orders = RawTable("transactions", {"customer_id": "string"}, {})
    write(tmp_path, "a,b\n", "orders.csv")
    write(tmp_path, "source: transactions\n", "shop.yml")
    found = [(orders, f"{tmp_path}/orders.csv")]
    assert find_files([orders], str(tmp_path), "transactions") == found
    assert find_files([orders], f"{tmp_path}/orders.csv", "transactions") == found
    write(tmp_path, "a,b\n", "more.csv")
    with pytest.raises(UserError, match=r"more than one other: more.csv, orders.csv. Name the"):
        find_files([orders], str(tmp_path), "transactions")
    write(tmp_path, "a,b\n")
    found = [(orders, f"{tmp_path}/transactions.csv")]
    assert find_files([orders], str(tmp_path), "transactions") == found
    for folder in (tmp_path / "no folder", tmp_path / "no.csv"):
        with pytest.raises(UserError, match=r"has no file transactions.csv"):
            find_files([orders], str(folder), "transactions")


@pytest.mark.slow
def test_the_only_file_of_a_folder_is_built_and_so_is_a_file(project, tmp_path, read):
    orders = events(31)
    rows = pd.DataFrame(
        {"customer": orders["who"], "date": orders["at"], "amount": orders["cents"]}
    )
    rows.to_parquet(tmp_path / "orders of 2023.parquet", index=False)
    settings = {
        "transaction_columns": {"customer_id": "customer", "ordered_at": "date", "amount": "amount"}
    }
    for data in (tmp_path, tmp_path / "orders of 2023.parquet"):
        warehouse = tmp_path / "shop.duckdb"
        given = json.dumps({"source": "transactions"} | settings)
        layers = ["path:dbt_project/models/staging"]
        result = project.dbt(data, warehouse, "run", "--select", *layers, "--vars", given)
        assert result.returncode == 0, result.stdout
        assert read(warehouse, "select count(*) as n from staging.stg_orders")["n"][0] == len(
            orders
        )
        warehouse.unlink()
    (tmp_path / "more.csv").write_text("a,b\n1,2\n")
    result = project.dbt(tmp_path, warehouse, "run", "--select", *layers, "--vars", given)
    assert result.returncode == 1
    assert "more than one other: more.csv, orders of 2023.parquet" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_what_look_proposes_for_a_case_of_others_is_right(case, project, tmp_path, read):
    """CASES names a folder of exports with check.py, which holds the right values."""
    warehouse, told, *_ = look_and_build(project, case, tmp_path)
    checked = subprocess.run(
        [sys.executable, case.parent / "check.py", case, warehouse], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert_told(read, warehouse, told)


@pytest.mark.slow
def test_the_guide_shows_what_cdnow_gives(project, tmp_path, read):
    write_cdnow(tmp_path / "cdnow")
    warehouse, told, proposal, printed = look_and_build(project, tmp_path / "cdnow", tmp_path)
    given = look.presets()["cdnow"]
    assert {n: v for n, v in proposal.items() if n != "csv_format"} == {
        n: v for n, v in given.items() if n != "csv_format"
    }
    assert_told(read, warehouse, told)
    page = GUIDE.read_text(encoding="utf-8")
    block = page.split("After a minute:")[1].split("```text\n")[1].split("\n```")[0]
    assert len(block.splitlines()) == 3 + len(read(warehouse, "from marts.segment_profiles"))
    assert block in printed, printed


@pytest.mark.olist
def test_look_knows_olist_and_tells_what_the_build_has(olist_data, olist_warehouse, tmp_path, read):
    told = run_look(tmp_path, olist_data)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "source: olist" in told.stdout
    settings = yaml.safe_load(
        (tmp_path / f"{look.name_of(olist_data, olist_data)}.yml").read_text()
    )
    assert settings == look.presets()["olist"]
    assert_told(read, olist_warehouse, " ".join(told.stdout.split()))


def test_the_demo_is_written_as_olist_is(shop_data):
    _, told, about = look.proposal_of(shop_data)
    assert told.settings == look.presets()["olist"]
    assert "source: olist" in told.doubts["file"][0] and "Olist's files" in about


def test_the_table_of_the_guide_is_made_of_the_record():
    made = subprocess.run(
        [sys.executable, ROOT / "tests" / "look_table.py", "--check"],
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
