"""Customer features straight from the raw files in pandas: the independent computation."""

from pathlib import Path

import pandas as pd
import yaml

SETTINGS = yaml.safe_load((Path(__file__).parents[1] / "dbt_project.yml").read_text())["vars"]

TIMES = {
    "orders": ["order_purchase_timestamp", "order_delivered_customer_date"],
    "order_reviews": ["review_creation_date", "review_answer_timestamp"],
}


def read_raw(folder: Path, table: str) -> pd.DataFrame:
    frame = pd.read_csv(folder / f"olist_{table}_dataset.csv")
    for column in TIMES.get(table, []):
        frame[column] = pd.to_datetime(frame[column])
    return frame


def features_as_of(folder: Path, cutoff: str) -> pd.DataFrame:
    """One row per customer known before the cut-off, by `customer_id`, sorted."""
    cutoff = pd.Timestamp(cutoff)
    orders = read_raw(folder, "orders").merge(read_raw(folder, "customers"), on="customer_id")
    orders = orders[~orders["order_status"].isin(["canceled", "unavailable"])]
    orders = orders[orders["order_purchase_timestamp"] < cutoff].set_index("order_id")

    paid = read_raw(folder, "order_payments").groupby("order_id")["payment_value"].sum()
    items = read_raw(folder, "order_items")
    priced = (items["price"] + items["freight_value"]).groupby(items["order_id"]).sum()
    orders["value"] = paid.reindex(orders.index)
    orders["value"] = orders["value"].fillna(priced.reindex(orders.index)).fillna(0)
    orders["items"] = items.groupby("order_id").size().reindex(orders.index).fillna(0)

    delivered = orders["order_delivered_customer_date"]
    delivered = delivered.where(delivered < cutoff)
    orders["days"] = (delivered - orders["order_purchase_timestamp"]).dt.total_seconds() / 86400

    reviews = read_raw(folder, "order_reviews")
    reviews = reviews[reviews["order_id"].isin(orders.index)]
    written = reviews["review_answer_timestamp"].fillna(
        reviews["review_creation_date"] + pd.Timedelta(days=3)
    )
    # No lower bound: an evaluation dated before its order counts from the order on, as the order
    # does.
    scores = reviews[written < cutoff].groupby("order_id")["review_score"].mean()
    orders["score"] = scores.reindex(orders.index)

    customers = orders.groupby("customer_unique_id")
    features = pd.DataFrame(
        {
            "recency_days": (cutoff - customers["order_purchase_timestamp"].max()).dt.days,
            "frequency": customers.size(),
            "monetary_value": customers["value"].sum().round(2),
            "review_score": customers["score"].mean(),
            "basket_size": customers["items"].mean(),
            "delivery_days": customers["days"].mean(),
        }
    )
    features.index.name = "customer_id"
    return features.sort_index()


def assert_same_features(built: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Every customer, every feature; scores and days to the six decimals that SQL keeps."""
    assert set(expected.columns) == set(SETTINGS["feature_transforms"])
    built = built.set_index("customer_id").sort_index()[expected.columns]
    built["monetary_value"] = built["monetary_value"].astype(float)
    pd.testing.assert_frame_equal(
        built, expected, check_dtype=False, check_index_type=False, rtol=0, atol=2e-6
    )
    assert (built["recency_days"] == expected["recency_days"]).all()
    assert (built["frequency"] == expected["frequency"]).all()
    assert (built["monetary_value"].round(2) == expected["monetary_value"]).all()
