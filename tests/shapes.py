"""Orders in the form of exports that there is a preset for, with the features that are right.

Columns are those of the exports; the orders are made up. What is right is computed from the orders
before they are written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pandas as pd

START = pd.Timestamp("2023-01-01")


@dataclass
class Shape:
    """A file that has been written.

    Attributes
    ----------
    right : pandas.DataFrame
        By customer_id: frequency, monetary_value and the time of the last counted order.
    orders : int
        That count.
    """

    right: pd.DataFrame

    @property
    def orders(self) -> int:
        return int(self.right["frequency"].sum())


def events(seed: int, *, customers: int = 150, days: int = 500) -> pd.DataFrame:
    """Orders of customers: who, at, cents and a number, sorted by time."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(1, customers + 1), rng.poisson(2, customers) + 1)
    seconds = rng.choice(days * 86_400, len(who), replace=False)
    frame = pd.DataFrame({"who": who, "at": START + pd.to_timedelta(seconds, unit="s")})
    frame["cents"] = rng.integers(1500, 40_000, len(who))
    frame = frame.sort_values("at", ignore_index=True)
    return frame.assign(order=[100_000 + number for number in frame.index])


def shape_of(orders: pd.DataFrame, name: Callable) -> Shape:
    told = orders.groupby("who").agg(
        frequency=("order", "nunique"), cents=("cents", "sum"), last=("at", "max")
    )
    told.index = pd.Index([name(who) for who in told.index], name="customer_id")
    right = told.assign(monetary_value=told["cents"] / 100).drop(columns="cents")
    return Shape(right.sort_index())


def dollars(cents: int) -> str:
    return f"{cents / 100:.2f}"


def refunds_of(orders: pd.DataFrame) -> np.ndarray:
    """Every ninth order is refunded, a third of every fifth."""
    number = orders.index
    return np.select([number % 9 == 0, number % 5 == 0], [orders["cents"], orders["cents"] // 3], 0)


SHOPIFY = """
Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,
Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,
Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,Lineitem sku,
Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,Billing Name,Billing Street,
Billing City,Billing Zip,Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping City,
Shipping Province,Notes,Cancelled at,Payment Method,Payment Reference,Refunded Amount,Vendor,Id,
Tags,Risk Level,Source,Lineitem discount
"""


def shopify(folder: Path) -> Shape:
    """A row for each product; the total on the first; the address in two cases; some void."""
    orders = events(21)
    refunded = refunds_of(orders)
    void = orders.index % 13 == 0
    lines = []
    for order, back, is_void in zip(orders.itertuples(), refunded, void, strict=True):
        address = f"Buyer{order.who}@example.com"
        local = order.at.tz_localize("UTC").tz_convert("America/New_York")
        of_all = {
            "Name": f"#{order.order}",
            "Email": address.lower() if order.Index % 2 else address,
            "Created at": local.strftime("%Y-%m-%d %H:%M:%S %z"),
            "Lineitem quantity": 2,
            "Lineitem name": "Mug",
            "Lineitem price": dollars(order.cents // 4),
            "Vendor": "Shop",
        }
        status = "voided" if is_void else "paid"
        if back and not is_void:
            status = "refunded" if back == order.cents else "partially_refunded"
        first = {
            "Financial Status": status,
            "Paid at": local.strftime("%Y-%m-%d %H:%M:%S %z"),
            "Currency": "USD",
            "Subtotal": dollars(order.cents - 500),
            "Shipping": "5.00",
            "Taxes": "0.00",
            "Total": dollars(order.cents),
            "Discount Amount": "0.00",
            "Refunded Amount": dollars(back),
            "Billing City": "Albany",
            "Billing Province": "NY",
            "Billing Country": "US",
            "Id": 5_000_000 + order.order,
        }
        lines += [of_all | first, *[of_all] * (order.Index % 3)]
    write(lines, SHOPIFY, folder)
    net = orders.assign(cents=orders["cents"] - refunded)
    return shape_of(net[(net["cents"] > 0) & ~void], "buyer{}@example.com".format)


WOOCOMMERCE = """
order_id,order_number,date,status,shipping_total,shipping_tax_total,fee_total,fee_tax_total,
tax_total,discount_total,order_total,refunded_total,order_currency,payment_method,shipping_method,
customer_id,billing_first_name,billing_last_name,billing_company,billing_email,billing_phone,
billing_address_1,billing_address_2,billing_postcode,billing_city,billing_state,billing_country,
shipping_first_name,shipping_last_name,customer_note,line_items,shipping_items,fee_items,tax_items,
coupon_items,refunds,order_notes
"""


def woocommerce(folder: Path) -> Shape:
    """A row for each order; guests have the customer_id 0 and an address; some failed."""
    orders = events(22)
    refunded = refunds_of(orders)
    failed = orders.index % 12 == 0
    rows = [
        {
            "order_id": order.order,
            "order_number": order.order,
            "date": f"{order.at:%Y-%m-%d %H:%M:%S}",
            "status": "failed" if is_failed else "completed",
            "shipping_total": "4.90",
            "tax_total": "0.00",
            "discount_total": "0.00",
            "order_total": dollars(order.cents),
            "refunded_total": dollars(back),
            "order_currency": "GBP",
            "payment_method": "stripe",
            "customer_id": 0 if order.who % 4 else order.who,
            "billing_email": f"Buyer{order.who}@example.com",
            "billing_city": "Leeds",
            "billing_state": "",
            "billing_country": "GB",
            "line_items": "name:Mug|quantity:1",
        }
        for order, back, is_failed in zip(orders.itertuples(), refunded, failed, strict=True)
    ]
    write(rows, WOOCOMMERCE, folder)
    net = orders.assign(cents=orders["cents"] - refunded)
    return shape_of(net[(net["cents"] > 0) & ~failed], "buyer{}@example.com".format)


STRIPE_API = """
id,object,amount,amount_captured,amount_refunded,balance_transaction,captured,created,currency,
customer,description,disputed,invoice,livemode,paid,payment_intent,receipt_email,refunded,status
"""


def stripe_api(folder: Path) -> Shape:
    """Cents, and seconds since 1970."""
    orders = events(23)
    refunded = refunds_of(orders)
    failed = orders.index % 11 == 0
    rows = [
        {
            "id": f"ch_{order.order}",
            "object": "charge",
            "amount": order.cents,
            "amount_captured": order.cents,
            "amount_refunded": back,
            "captured": "true",
            "created": int(order.at.timestamp()),
            "currency": "eur",
            "customer": f"cus_{order.who:05}",
            "livemode": "true",
            "paid": "true",
            "refunded": str(back == order.cents).lower(),
            "status": "failed" if is_failed else "succeeded",
        }
        for order, back, is_failed in zip(orders.itertuples(), refunded, failed, strict=True)
    ]
    write(rows, STRIPE_API, folder)
    net = orders.assign(cents=orders["cents"] - refunded)
    return shape_of(net[(net["cents"] > 0) & ~failed], "cus_{:05}".format)


STRIPE_DASHBOARD = """
id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Converted Amount,
Converted Amount Refunded,Converted Currency,Decline Reason,Description,Fee,Refunded date (UTC),
Statement Descriptor,Status,Seller Message,Taxes On Fee,Card ID,Customer ID,Customer Description,
Customer Email,Invoice ID,Transfer
"""


def stripe_dashboard(folder: Path) -> Shape:
    """The newest first; amounts with groups of digits."""
    orders = events(24)
    orders["cents"] *= 10
    refunded = refunds_of(orders)
    failed = orders.index % 11 == 0
    rows = [
        {
            "id": f"ch_{order.order}",
            "Created date (UTC)": f"{order.at:%Y-%m-%d %H:%M:%S}",
            "Amount": f"{order.cents / 100:,.2f}",
            "Amount Refunded": f"{back / 100:,.2f}",
            "Currency": "usd",
            "Captured": "true",
            "Converted Amount": f"{order.cents / 100:,.2f}",
            "Converted Amount Refunded": f"{back / 100:,.2f}",
            "Converted Currency": "usd",
            "Fee": "0.59",
            "Status": "Failed" if is_failed else "Refunded" if back == order.cents else "Paid",
            "Customer ID": f"cus_{order.who}",
            "Customer Email": f"buyer{order.who}@example.com",
        }
        for order, back, is_failed in zip(orders.itertuples(), refunded, failed, strict=True)
    ]
    write(rows[::-1], STRIPE_DASHBOARD, folder)
    net = orders.assign(cents=orders["cents"] - refunded)
    return shape_of(net[(net["cents"] > 0) & ~failed], "buyer{}@example.com".format)


def retail(folder: Path, columns: list[str], time: str, seed: int) -> Shape:
    """Invoices of several lines; some taken back whole; a quarter of no known customer."""
    rng = np.random.default_rng(seed)
    orders = events(seed)
    # To the minute, as the files are: no customer has two invoices in one.
    orders["at"] = orders["at"].dt.floor("min")
    rows, cents = [], []
    for order in orders.itertuples():
        value = Decimal(0)
        lines = []
        for _ in range(rng.integers(1, 4)):
            quantity, price = (
                int(rng.integers(1, 12)),
                Decimal(int(rng.integers(100, 90_000))) / 1000,
            )
            value += quantity * price
            lines.append((order.order, "85123A", "MUG", quantity, order.at, price, order.who))
        rows += lines
        cents.append(int((value * 100).quantize(Decimal(1), ROUND_HALF_UP)))
        if order.Index % 8 == 0:
            back = order.at + pd.Timedelta(minutes=1)
            rows += [(f"C{n}", s, d, -q, back, p, who) for n, s, d, q, _, p, who in lines]
        if order.Index % 4 == 0:
            rows.append(
                (900_000 + order.order, "85123A", "MUG", 1, order.at, Decimal("2.55"), None)
            )
    table = pd.DataFrame(rows, columns=columns[:-1]).assign(**{columns[-1]: "United Kingdom"})
    table[columns[6]] = table[columns[6]].astype("Int64")
    hour = table[columns[4]].dt
    table[columns[4]] = (
        hour.strftime(time)
        if "%Y-" in time
        else [f"{at.month}/{at.day}/{at.year} {at.hour}:{at:%M}" for at in table[columns[4]]]
    )
    table.to_csv(folder / "transactions.csv", index=False)
    kept = orders.assign(cents=cents)[orders.index % 8 != 0]
    return shape_of(kept, str)


def uci_online_retail(folder: Path) -> Shape:
    columns = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice"]
    return retail(folder, [*columns, "CustomerID", "Country"], "%m/%d/%Y %H:%M", 25)


def uci_online_retail_ii(folder: Path) -> Shape:
    columns = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price"]
    return retail(folder, [*columns, "Customer ID", "Country"], "%Y-%m-%d %H:%M:%S", 26)


SUPERSTORE = """
Row ID,Order ID,Order Date,Ship Date,Ship Mode,Customer ID,Customer Name,Segment,Country,City,State,
Postal Code,Region,Product ID,Category,Sub-Category,Product Name,Sales,Quantity,Discount,Profit
"""


def superstore(folder: Path) -> Shape:
    """Several products an order, with four decimals; days without a time; Windows-1252."""
    rng = np.random.default_rng(27)
    orders = events(27)
    orders["at"] = orders["at"].dt.normalize()
    rows, cents = [], []
    for order in orders.itertuples():
        value = Decimal(0)
        for _ in range(rng.integers(1, 4)):
            sales = Decimal(int(rng.integers(10_000, 9_000_000))) / 10_000
            value += sales
            shipped = order.at + pd.Timedelta(days=4)
            rows.append(
                {
                    "Row ID": len(rows) + 1,
                    "Order ID": f"CA-{order.at.year}-{order.order}",
                    "Order Date": f"{order.at.month}/{order.at.day}/{order.at.year}",
                    "Ship Date": f"{shipped.month}/{shipped.day}/{shipped.year}",
                    "Ship Mode": "Second Class",
                    "Customer ID": f"CG-{order.who:05}",
                    "Customer Name": "Zoë Müller",
                    "Segment": ["Consumer", "Corporate"][order.who % 2],
                    "Country": "United States",
                    "City": "Española",
                    "State": "New Mexico",
                    "Postal Code": 87532,
                    "Region": "West",
                    "Product ID": "FUR-BO-10001798",
                    "Category": ["Furniture", "Technology"][order.Index % 2],
                    "Sub-Category": "Bookcases",
                    "Product Name": "Bush Somerset Collection Bookcase",
                    "Sales": sales,
                    "Quantity": int(rng.integers(1, 9)),
                    "Discount": 0.2,
                    "Profit": sales / 4,
                }
            )
        cents.append(int((value * 100).quantize(Decimal(1), ROUND_HALF_UP)))
    write(rows, SUPERSTORE, folder, encoding="cp1252")
    return shape_of(orders.assign(cents=cents), "CG-{:05}".format)


def cdnow(folder: Path) -> Shape:
    """What a customer buys in a day is an order."""
    orders = events(28, days=540)
    orders["at"] = (orders["at"] + (pd.Timestamp("1997-01-01") - START)).dt.normalize()
    table = pd.DataFrame(
        {
            "customer_id": orders["who"].map("{:05}".format),
            "date": orders["at"].dt.strftime("%Y%m%d"),
            "number_of_cds": 2,
            "dollar_value": orders["cents"].map(dollars),
        }
    )
    table.to_csv(folder / "transactions.csv", index=False)
    by_day = orders.groupby(["who", "at"], as_index=False).agg(
        cents=("cents", "sum"), order=("order", "min")
    )
    return shape_of(by_day, "{:05}".format)


def write(rows: list[dict], columns: str, folder: Path, **options: str) -> None:
    """Write rows with all the columns of an export, in their order."""
    names = [name.strip() for name in columns.replace("\n", "").split(",")]
    frame = pd.DataFrame(rows)
    assert set(frame.columns) <= set(names)
    frame.reindex(columns=names).to_csv(folder / "transactions.csv", index=False, **options)


SHAPES = {
    "shopify": shopify,
    "woocommerce": woocommerce,
    "stripe-api": stripe_api,
    "stripe-dashboard": stripe_dashboard,
    "uci-online-retail": uci_online_retail,
    "uci-online-retail-ii": uci_online_retail_ii,
    "superstore": superstore,
    "cdnow": cdnow,
}
