"""What the report reads: the marts of one warehouse."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import duckdb
import pandas as pd

from reporting.text import FormatError, currency, use_format

# How features are called, and what they are measured in.
FEATURES = {
    "recency_days": ("Recency", "days since the newest order"),
    "frequency": ("Frequency", "orders"),
    "monetary_value": ("Monetary value", "money"),
    "review_score": ("Review score", "mean score, 1 to 5"),
    "basket_size": ("Basket size", "items per order"),
    "delivery_days": ("Delivery time", "days from order to delivery"),
    "recency_rank": ("Recency rank", "share of customers who ordered more recently"),
    "recency_share": ("Recency share", "share of the longest recency"),
}

# Okabe and Ito without yellow, which is faint on white, and four more.
PALETTE = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8F63C7", "#8C6D31"]
PALETTE += ["#9DB82A", "#607885"]


class ReportError(Exception):
    """A report that cannot be made; the message says what to do."""


def feature_name(feature: str) -> str:
    """Name a feature as people do."""
    return FEATURES.get(feature, (feature.replace("_", " ").capitalize(), ""))[0]


def feature_unit(feature: str) -> str:
    """Say what a feature is measured in."""
    unit = FEATURES.get(feature, ("", feature.replace("_", " ")))[1]
    return currency() if unit == "money" else unit


def colours(segment_ids: Iterable[int]) -> list[str]:
    """Give each segment the colour of its id, or the next one where another segment has that.

    An id is for good, so that a segment has its colour whatever becomes of the others.
    """
    taken: list[str] = []
    for segment_id in segment_ids:
        turned = [PALETTE[(segment_id - 1 + i) % len(PALETTE)] for i in range(len(PALETTE))]
        taken.append(next((colour for colour in turned if colour not in taken), turned[0]))
    return taken


@dataclass
class Marts:
    """The tables of schema marts, read once each."""

    warehouse: Path
    _tables: dict[str, pd.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.warehouse.is_file():
            raise ReportError(f"{self.warehouse} does not exist. make build makes one.")
        try:
            self._connection = duckdb.connect(str(self.warehouse), read_only=True)
            self._connection.execute("from marts.customer_segments limit 0")
            self._connection.execute("from marts.segment_map limit 0")
            self._connection.execute("select is_live from marts.segment_model_decisions limit 0")
            self._connection.execute("from marts.customer_value limit 0")
            self._connection.execute("select locale from marts.segment_profiles limit 0")
        except duckdb.IOException as error:
            raise ReportError(f"{self.warehouse} cannot be read: {error}") from None
        except (duckdb.CatalogException, duckdb.BinderException):
            raise ReportError(
                f"{self.warehouse} lacks tables that the report reads. make build makes them."
            ) from None

    def use_format(self) -> None:
        """Write amounts, numbers and dates as the shop does from now on."""
        shop = self["segment_profiles"].iloc[0]
        try:
            use_format(str(shop["currency"]), str(shop["locale"]))
        except FormatError as error:
            raise ReportError(str(error)) from None

    def close(self) -> None:
        """Close the warehouse."""
        self._connection.close()

    def __getitem__(self, table: str) -> pd.DataFrame:
        """Return a whole mart in its published order."""
        if table not in self._tables:
            self._tables[table] = self.query(f"from marts.{table}")
        return self._tables[table]

    def query(self, sql: str, parameters: list | None = None) -> pd.DataFrame:
        """Rows of a query; decimals as doubles, integers with gaps as doubles."""
        found = self._connection.sql(sql, params=parameters or []).to_arrow_table()
        frame = found.to_pandas(date_as_object=False)
        for name, kind in zip(found.column_names, found.schema.types, strict=True):
            if str(kind).startswith("decimal"):
                frame[name] = frame[name].astype(float)
        return frame

    @cached_property
    def profiles(self) -> pd.DataFrame:
        """The segments, by id, with the colour that each has on all pages."""
        profiles = self["segment_profiles"].sort_values("segment_id").reset_index(drop=True)
        profiles["colour"] = colours(profiles["segment_id"])
        return profiles

    @cached_property
    def as_of(self) -> pd.Timestamp:
        """Return the cut-off of the published state."""
        return self.query("select max(as_of) as as_of from marts.customer_segments")["as_of"][0]

    @cached_property
    def customers(self) -> int:
        """Count the customers."""
        return int(self.profiles["customers"].sum())

    @cached_property
    def model_id(self) -> str:
        """Name the model in use."""
        return str(self.profiles["model_id"].iloc[0])

    @cached_property
    def scaling_model_id(self) -> str:
        """Name the model in whose scaling customers are scored; another one where re-centred."""
        found = self.query("select any_value(scaling_model_id) as id from marts.customer_segments")
        return str(found["id"].iloc[0])

    @cached_property
    def features(self) -> list[str]:
        """Features of the model in use, in the usual order."""
        used = self["segment_model_parameters"]
        used = set(used.loc[used["model_id"] == self.model_id, "feature"])
        return [f for f in FEATURES if f in used] + sorted(used - set(FEATURES))

    @cached_property
    def known_features(self) -> list[str]:
        """Features of which the source tells a value of any customer."""
        columns = self.query("from marts.customer_segments limit 0").columns
        features = [feature for feature in FEATURES if feature in columns]
        counts = ", ".join(f"count({feature}) as {feature}" for feature in features)
        known = self.query(f"select {counts} from marts.customer_segments").iloc[0]
        return [feature for feature in features if known[feature]]

    @cached_property
    def has_stopped(self) -> bool:
        """Tell whether counted orders come no more."""
        return bool(self["maintenance_feed"]["has_stopped"].iloc[0])

    @cached_property
    def alarm_of_feed(self) -> str:
        """Say that counted orders have stopped, or nearly; empty while they come as usual."""
        feed = self["maintenance_feed"].iloc[0]
        return feed["sentence"] if self.has_stopped or not feed["is_live"] else ""

    @cached_property
    def has_money(self) -> bool:
        """Tell whether amounts are known."""
        return bool(self.profiles["revenue"].sum() > 0)

    @cached_property
    def _names(self) -> dict[int, str]:
        """Names of today; a segment that is retired has its last one, with its id."""
        last = self.query(
            "select segment_id, max_by(segment_name, valid_from) as segment_name "
            "from marts.customer_segment_history group by all"
        )
        retired = {
            row.segment_id: f"{row.segment_name} (retired, id {row.segment_id})"
            for row in last.itertuples()
        }
        return retired | dict(self.profiles[["segment_id", "segment_name"]].to_numpy())

    def name_of(self, segment_id: int) -> str:
        """Name a segment."""
        return self._names[segment_id]
