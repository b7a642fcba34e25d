"""Small order tables in Olist's schema, made by hand."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

# The columns of each file, in the order of the published ones.
COLUMNS = {
    "olist_customers_dataset": [
        "customer_id",
        "customer_unique_id",
        "customer_zip_code_prefix",
        "customer_city",
        "customer_state",
    ],
    "olist_orders_dataset": [
        "order_id",
        "customer_id",
        "order_status",
        "order_purchase_timestamp",
        "order_approved_at",
        "order_delivered_carrier_date",
        "order_delivered_customer_date",
        "order_estimated_delivery_date",
    ],
    "olist_order_items_dataset": [
        "order_id",
        "order_item_id",
        "product_id",
        "seller_id",
        "shipping_limit_date",
        "price",
        "freight_value",
    ],
    "olist_order_payments_dataset": [
        "order_id",
        "payment_sequential",
        "payment_type",
        "payment_installments",
        "payment_value",
    ],
    "olist_order_reviews_dataset": [
        "review_id",
        "order_id",
        "review_score",
        "review_comment_title",
        "review_comment_message",
        "review_creation_date",
        "review_answer_timestamp",
    ],
    "olist_products_dataset": [
        "product_id",
        "product_category_name",
        "product_name_lenght",
        "product_description_lenght",
        "product_photos_qty",
        "product_weight_g",
        "product_length_cm",
        "product_height_cm",
        "product_width_cm",
    ],
    "olist_sellers_dataset": [
        "seller_id",
        "seller_zip_code_prefix",
        "seller_city",
        "seller_state",
    ],
    "olist_geolocation_dataset": [
        "geolocation_zip_code_prefix",
        "geolocation_lat",
        "geolocation_lng",
        "geolocation_city",
        "geolocation_state",
    ],
    "product_category_name_translation": [
        "product_category_name",
        "product_category_name_english",
    ],
}


@dataclass
class Shop:
    """Nine tables as lists of rows, and what each customer is meant to be."""

    rows: dict[str, list[dict]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    expected_segments: dict[str, str] = field(default_factory=dict)

    @classmethod
    def stocked(cls) -> "Shop":
        """A shop with a book to sell, a seller and a place, and no customer yet."""
        shop = cls()
        shop.add("olist_products_dataset", product_id="book", product_category_name="livros")
        shop.add(
            "product_category_name_translation",
            product_category_name="livros",
            product_category_name_english="books",
        )
        shop.add("olist_sellers_dataset", seller_id="seller", seller_zip_code_prefix="01000")
        shop.add("olist_geolocation_dataset", geolocation_zip_code_prefix="01000")
        return shop

    @classmethod
    def obvious(cls) -> "Shop":
        """260 customers in four groups far apart, and a tail of orders up to 2018-01-31."""
        shop = cls.stocked()
        for i in range(40):
            for nth in range(3):
                shop.order(
                    f"loyal {i:02}", f"2017-{9 + nth:02}-{1 + i % 20:02}", 120 + i % 7, score=5
                )
            shop.expected_segments[f"loyal {i:02}"] = "Loyal customers"
        for i in range(60):
            shop.order(f"unhappy {i:02}", f"2017-09-{1 + i % 28:02}", 60 + i % 5, score=1)
            shop.expected_segments[f"unhappy {i:02}"] = "Dissatisfied customers"
        for i in range(80):
            shop.order(f"recent {i:02}", f"2017-12-{1 + i % 15:02}", 60 + i % 5, score=5)
            shop.expected_segments[f"recent {i:02}"] = "Recent customers"
            shop.order(f"lapsed {i:02}", f"2017-03-{1 + i % 28:02}", 60 + i % 5, score=5)
            shop.expected_segments[f"lapsed {i:02}"] = "Lapsed customers"
        for i in range(12):
            shop.order(f"late {i:02}", f"2018-01-{9 + 2 * i:02}", 60 + i % 5, score=5)
        shop.order("canceler", "2018-02-03", 1000, score=1, status="canceled")
        return shop

    def add(self, table: str, **values) -> None:
        self.rows[table].append(dict.fromkeys(COLUMNS[table]) | values)

    def order(
        self, customer: str, day: str, value: float, *, score: int | None, status: str = "delivered"
    ) -> str:
        """Add an order with one item, one payment and, five days later, its review."""
        number = len(self.rows["olist_orders_dataset"])
        order_id, order_customer_id = f"order {number:04}", f"order customer {number:04}"
        ordered_at = datetime.fromisoformat(day) + timedelta(hours=9, seconds=number)
        self.add(
            "olist_customers_dataset",
            customer_id=order_customer_id,
            customer_unique_id=customer,
            customer_zip_code_prefix="01000",
            customer_city="são paulo",
            customer_state="SP",
        )
        self.add(
            "olist_orders_dataset",
            order_id=order_id,
            customer_id=order_customer_id,
            order_status=status,
            order_purchase_timestamp=ordered_at,
            order_delivered_customer_date=ordered_at + timedelta(days=4),
        )
        self.add(
            "olist_order_items_dataset",
            order_id=order_id,
            order_item_id=1,
            product_id="book",
            seller_id="seller",
            price=value - 10,
            freight_value=10,
        )
        self.add(
            "olist_order_payments_dataset",
            order_id=order_id,
            payment_sequential=1,
            payment_type="boleto",
            payment_installments=1,
            payment_value=value,
        )
        if score is not None:
            self.add(
                "olist_order_reviews_dataset",
                review_id=f"review {number:04}",
                order_id=order_id,
                review_score=score,
                review_comment_message='Um "bom" produto,\ncom duas linhas',
                review_creation_date=ordered_at + timedelta(days=4),
                review_answer_timestamp=ordered_at + timedelta(days=5),
            )
        return order_id

    def write(self, folder: Path, *, file_format: str = "csv") -> Path:
        folder.mkdir(parents=True)
        for table, columns in COLUMNS.items():
            frame = pd.DataFrame(self.rows[table], columns=columns)
            if file_format == "csv":
                has_mark = table == "product_category_name_translation"
                frame.to_csv(
                    folder / f"{table}.csv",
                    index=False,
                    encoding="utf-8-sig" if has_mark else "utf-8",
                    date_format="%Y-%m-%d %H:%M:%S",
                )
            else:
                frame.to_parquet(folder / f"{table}.parquet", index=False)
        return folder
