"""Raw tables as they would have been earlier: what was not known by then is left out."""

from pathlib import Path

import pandas as pd

from shop import COLUMNS


def write_known_by(date: str, raw: dict[str, pd.DataFrame], folder: Path) -> Path:
    """Write the raw files of `date`: orders placed, parcels delivered and reviews written before.

    `raw` holds the tables of `read_texts`. Status and payments bear no time and are those of today.
    """
    folder.mkdir(parents=True)
    known = dict(raw)
    orders = raw["olist_orders_dataset"]
    orders = orders[orders["order_purchase_timestamp"] < date].copy()
    for column in ("order_delivered_carrier_date", "order_delivered_customer_date"):
        orders[column] = orders[column].where(orders[column] < date)
    known["olist_orders_dataset"] = orders
    for table, key in {
        "olist_customers_dataset": "customer_id",
        "olist_order_items_dataset": "order_id",
        "olist_order_payments_dataset": "order_id",
        "olist_order_reviews_dataset": "order_id",
    }.items():
        known[table] = raw[table][raw[table][key].isin(orders[key])]
    reviews = known["olist_order_reviews_dataset"]
    survey = pd.to_datetime(reviews["review_creation_date"]) + pd.Timedelta(days=3)
    answer = reviews["review_answer_timestamp"].fillna(survey.dt.strftime("%Y-%m-%d %H:%M:%S"))
    known["olist_order_reviews_dataset"] = reviews[~(answer >= date)]
    for name in COLUMNS:
        known[name].to_csv(folder / f"{name}.csv", index=False)
    return folder


def read_texts(folder: Path) -> dict[str, pd.DataFrame]:
    """The raw files of a folder as texts, so that what is written again is what was read."""
    return {
        name: pd.read_csv(folder / f"{name}.csv", dtype=str, encoding="utf-8-sig")
        for name in COLUMNS
    }
