"""Labels that somebody else might give: written down, and what is right computed from them."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from shop import Shop

COLUMNS = {"label_set": "set", "labelled_at": "day", "customer_id": "who", "label": "segment"}
# The dates at which each label set labels. The last one begins with another.
# A name is a name, whatever stands in it.
AUTUMN = "o'autumn"
LABELLED = {
    AUTUMN: ["2018-01-01", "2018-02-01", "2018-03-01", "2018-04-02"],
    "spring": ["2018-03-01", "2018-04-02"],
    "spring again": ["2018-03-01"],
}
NAMES = {
    AUTUMN: ["idle", "keen", "new"],
    "spring": ['fans "100 %"', "guests", "sleepers", "testers"],
    "spring again": ['fans "100 %"', "guests", "sleepers", "testers"],
}


def small_shop() -> tuple[Shop, dict[str, pd.Timestamp]]:
    """A shop of sixty customers who come one after the other, and when each came."""
    shop, came = Shop.stocked(), {}
    for number in range(60):
        day = pd.Timestamp("2017-06-01") + pd.Timedelta(days=4 * number)
        customer = f"customer {number:02}"
        came[customer] = day
        for nth in range(1 + number % 3):
            again = day + pd.Timedelta(days=40 * nth)
            shop.order(customer, f"{again:%Y-%m-%d}", 40 + 7 * number % 90, score=1 + number % 5)
    shop.order("customer 00", "2018-04-10", 55, score=4)
    shop.order("canceler", "2017-07-01", 55, score=4, status="canceled")
    return shop, came


def labels_of(came: dict[str, pd.Timestamp]) -> pd.DataFrame:
    """Labels by chance that mostly stay, of those who have come; some go and some come late."""
    rng = np.random.default_rng(7)
    rows = []
    for label_set, dates in LABELLED.items():
        for date in dates:
            for number, (customer, day) in enumerate(came.items()):
                is_left_out = number % 11 == 5 and date == "2018-02-01"
                comes_late = number % 13 == 3 and date == "2018-01-01"
                if day >= pd.Timestamp(date) - pd.Timedelta(days=1) or is_left_out or comes_late:
                    continue
                names = NAMES[label_set]
                stays = rng.random() < 0.85
                label = names[number % 3] if stays else names[rng.integers(len(names))]
                rows.append((label_set, pd.Timestamp(date), customer, label))
    return pd.DataFrame(rows, columns=[*COLUMNS.values()])


def agreement_of(labels: pd.DataFrame, one: str, other: str, date: str) -> float:
    """The adjusted Rand index of two label sets on the customers whom both label at a date."""
    wide = labels[labels["day"] == date].pivot_table("segment", "who", "set", aggfunc="first")
    both = wide[[one, other]].dropna()
    return adjusted_rand_score(both[one], both[other])


def continued(labels: pd.DataFrame, one: str, other: str, date: str) -> dict[str, str]:
    """Which label of a set goes on as which of the next: the best matching that shares half."""
    wide = labels[labels["day"] == date].pivot_table("segment", "who", "set", aggfunc="first")
    both = wide[[one, other]].dropna()
    table = pd.crosstab(both[one], both[other])
    shorter, longer = (table, table.T)[:: 1 if len(table) <= len(table.T) else -1]
    best = max(
        permutations(longer.index, len(shorter.index)),
        key=lambda chosen: sum(
            shorter.loc[a, b] for a, b in zip(shorter.index, chosen, strict=True)
        ),
    )
    pairs = list(zip(shorter.index, best, strict=True))
    pairs = pairs if shorter is table else [(b, a) for a, b in pairs]
    return {
        old: new
        for old, new in pairs
        if 2 * table.loc[old, new] >= table.loc[old].sum() + table[new].sum() - table.loc[old, new]
        and table.loc[old, new] > 0
    }


def history_of(labels: pd.DataFrame, champions: dict[str, str]) -> pd.DataFrame:
    """Intervals of each customer by the champion of each date, with the name at each.

    `champions` has the label set in use by date. A segment that goes on under another name, and one
    that does not, begin a new interval.
    """
    dates = [*champions]
    rows = []
    for customer in sorted(labels["who"].unique()):
        of_customer = labels[labels["who"] == customer].set_index(["set", "day"])["segment"]
        given = [of_customer.get((champions[date], pd.Timestamp(date))) for date in dates]
        for i, label in enumerate(given):
            same = i and label == given[i - 1] and champions[dates[i]] == champions[dates[i - 1]]
            if label is not None and not same:
                rows.append([customer, label, dates[i], None])
            if i and given[i - 1] is not None and not same:
                last = [row for row in rows if row[0] == customer and row[2] < dates[i]][-1]
                last[3] = dates[i]
    found = pd.DataFrame(rows, columns=["customer_id", "segment_name", "valid_from", "valid_to"])
    for column in ("valid_from", "valid_to"):
        found[column] = pd.to_datetime(found[column])
    return found.sort_values(["customer_id", "valid_from"]).reset_index(drop=True)


def write(labels: pd.DataFrame, data: Path, name: str = "labels.csv") -> Path:
    """Write labels below the data folder."""
    (data / "labels").mkdir(exist_ok=True)
    labels.to_csv(data / "labels" / name, index=False)
    return data


# What only grows beside the rest of the registry, by its key.
REGISTRY_OF_LABELS = {
    "training.training_label_dates": "label_set, labelled_at",
    "training.training_labels": "label_set, cluster",
    "monitoring.monitoring_label_overlaps": "origin_model_id, model_id, origin_cluster, cluster",
}
