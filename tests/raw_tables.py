"""The request that the macro `load_raw_files` makes, for the nine files of Olist."""

import yaml

from conftest import ROOT

SOURCES = ROOT / "dbt_project/models/staging/olist/_olist__sources.yml"


def olist_request(folder, **changes):
    """Arguments of `segmentation_dbt.raw_files.load_raw_files`."""
    [source] = yaml.safe_load(SOURCES.read_text())["sources"]
    tables = [
        {
            "name": table["identifier"],
            "columns": {column["name"]: column["data_type"] for column in table["columns"]},
            "file_columns": {},
            "is_optional": "meta" in table.get("config", {}),
        }
        for table in source["tables"]
    ]
    erased_orders = """
        select customers.customer_id, orders.order_id
        from raw.olist_customers_dataset as customers
        left join raw.olist_orders_dataset as orders using (customer_id)
        where sha256(customers.customer_unique_id) in
            (select customer_hash from raw.erased_customers)
    """
    keys = {f"olist_{name}_dataset": "order_id" for name in ("order_items", "order_payments")}
    keys |= {f"olist_{name}_dataset": "order_id" for name in ("order_reviews", "orders")}
    keys |= {"olist_customers_dataset": "customer_id"}
    return {
        "folder": str(folder),
        "source": "olist",
        "schema": "raw",
        "tables": tables,
        "csv_format": {},
        "max_unreadable_lines": 100,
        "erasure": {"keys": keys, "erased_orders": erased_orders},
    } | changes
