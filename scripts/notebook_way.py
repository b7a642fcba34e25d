"""The same questions as a notebook answers them: pandas and scikit-learn as they come.

    python scripts/notebook_way.py --data data/demo --results notebook.json

For the benchmark only. It reads the files, computes recency, frequency, monetary value and mean
review score as of each weekly evaluation date, fits KMeans at each, compares the first model with
each refit by the adjusted Rand index, and measures candidates for the model by their silhouette.

With `--each 5` it takes each fifth evaluation date and candidate only, after the first, and
multiplies its seconds. With `--parts` it times one of each kind of what a whole comparison
computes more: a candidate of each algorithm, a fit of a resample, a pair of models.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_rand_score, davies_bouldin_score, silhouette_score
from sklearn.preprocessing import StandardScaler

FEATURES = ["recency_days", "frequency", "monetary_value", "review_score"]
FEATURE_SETS = [FEATURES, FEATURES[:3], [FEATURES[0], *FEATURES[2:]], FEATURES[1:]]
NUMBERS_OF_SEGMENTS = range(2, 12)
FIRST_EVALUATION_DATE = "2018-01-01"
N_SEGMENTS = 4
SEED = 20180101
# Of each part of a whole comparison that is timed.
REPEATS = 5


def read_orders(data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per counted order with its value, and one per review with the time it is known."""

    def read(table: str, *times: str) -> pd.DataFrame:
        return pd.read_csv(data / f"olist_{table}_dataset.csv", parse_dates=list(times))

    orders = read("orders", "order_purchase_timestamp").merge(read("customers"), on="customer_id")
    orders = orders[~orders["order_status"].isin(["canceled", "unavailable"])]
    newest = orders["order_purchase_timestamp"].max()
    paid = read("order_payments").groupby("order_id")["payment_value"].sum()
    items = read("order_items")
    priced = (items["price"] + items["freight_value"]).groupby(items["order_id"]).sum()
    orders["value"] = orders["order_id"].map(paid).fillna(orders["order_id"].map(priced)).fillna(0)
    orders = orders[["order_id", "customer_unique_id", "order_purchase_timestamp", "value"]]
    reviews = read("order_reviews", "review_creation_date", "review_answer_timestamp")
    reviews["written_at"] = reviews["review_answer_timestamp"].fillna(
        reviews["review_creation_date"] + pd.Timedelta(days=3)
    )
    orders.attrs["as_of"] = newest.normalize() + pd.Timedelta(days=1)
    return orders, reviews[["order_id", "written_at", "review_score"]]


def features_as_of(
    orders: pd.DataFrame, reviews: pd.DataFrame, cutoff: pd.Timestamp
) -> pd.DataFrame:
    """One row per customer known before the cut-off."""
    known = orders[orders["order_purchase_timestamp"] < cutoff]
    scores = reviews[reviews["written_at"] < cutoff].groupby("order_id")["review_score"].mean()
    known = known.assign(score=known["order_id"].map(scores))
    customers = known.groupby("customer_unique_id").agg(
        last_ordered_at=("order_purchase_timestamp", "max"),
        frequency=("order_id", "size"),
        monetary_value=("value", "sum"),
        review_score=("score", "mean"),
    )
    customers["recency_days"] = (cutoff - customers["last_ordered_at"]).dt.days
    return customers[FEATURES]


def transformed(features: pd.DataFrame) -> pd.DataFrame:
    """Take logarithms as the notebook does."""
    features = features.fillna(features.mean())
    skewed = [name for name in ("frequency", "monetary_value") if name in features]
    return features.assign(**{name: np.log1p(features[name]) for name in skewed})


def follow(orders: pd.DataFrame, reviews: pd.DataFrame, dates: pd.Index) -> dict[str, float]:
    """Return the adjusted Rand index of the first model and each refit, by evaluation date."""
    first = None
    curve = {}
    for date in dates:
        features = transformed(features_as_of(orders, reviews, date))
        scaler = StandardScaler().fit(features)
        refit = KMeans(N_SEGMENTS, n_init=10, random_state=SEED).fit(scaler.transform(features))
        first = first or (scaler, refit)
        labels = first[1].predict(first[0].transform(features))
        curve[f"{date:%Y-%m-%d}"] = float(adjusted_rand_score(labels, refit.labels_))
    return curve


def compare(orders: pd.DataFrame, reviews: pd.DataFrame, candidates: list) -> list[dict]:
    """Silhouette (of 10,000 customers) and Davies-Bouldin index of candidates."""
    features = transformed(features_as_of(orders, reviews, pd.Timestamp(FIRST_EVALUATION_DATE)))
    measured = []
    for names, k in candidates:
        points = StandardScaler().fit_transform(features[names])
        labels = KMeans(k, n_init=10, random_state=SEED).fit_predict(points)
        sample = min(len(points), 10_000)
        silhouette = silhouette_score(points, labels, sample_size=sample, random_state=SEED)
        index = davies_bouldin_score(points, labels)
        measured.append({"features": names, "k": k, "silhouette": silhouette, "index": index})
    return measured


def parts(orders: pd.DataFrame, reviews: pd.DataFrame) -> dict[str, float]:
    """Seconds of one candidate, fit or pair of each kind, with all customers as far as they fit.

    Each is the median of some runs, for it is multiplied by hundreds. Hierarchical clustering and
    DBSCAN hold distances of all pairs: they see 4,000 customers.
    """
    seconds = {}

    def time_of(name: str, work: Callable[[], object]) -> None:
        runs = []
        for _ in range(REPEATS):
            started = time.perf_counter()
            work()
            runs.append(time.perf_counter() - started)
        seconds[name] = statistics.median(runs)

    features = transformed(features_as_of(orders, reviews, pd.Timestamp(FIRST_EVALUATION_DATE)))
    points = StandardScaler().fit_transform(features)
    sample = points[np.random.default_rng(SEED).permutation(len(points))[:4000]]
    fit = KMeans(5, n_init=10, random_state=SEED).fit(points)
    drawn = np.random.default_rng(SEED).integers(len(points), size=len(points))

    def refit_resample() -> None:
        refit = KMeans(5, n_init=10, random_state=SEED).fit(points[drawn])
        adjusted_rand_score(refit.predict(points), fit.labels_)

    def candidate_of(labels: np.ndarray, of: np.ndarray) -> None:
        if len(set(labels)) > 1:
            silhouette_score(of, labels, sample_size=min(len(of), 10_000), random_state=SEED)
            davies_bouldin_score(of, labels)

    time_of(
        "kmeans",
        lambda: candidate_of(KMeans(5, n_init=10, random_state=SEED).fit_predict(points), points),
    )
    time_of("ward", lambda: candidate_of(AgglomerativeClustering(5).fit_predict(sample), sample))
    time_of("dbscan", lambda: candidate_of(DBSCAN(0.5, min_samples=10).fit_predict(sample), sample))
    time_of("resample", refit_resample)
    time_of("pair", lambda: adjusted_rand_score(fit.predict(points), fit.labels_))
    return seconds


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--each", type=int, default=1, help="take each n-th date and candidate")
    parser.add_argument("--parts", action="store_true", help="time parts of a whole comparison")
    arguments = parser.parse_args()
    seconds = {}
    started = time.perf_counter()
    orders, reviews = read_orders(arguments.data)
    if arguments.parts:
        arguments.results.write_text(json.dumps(parts(orders, reviews)))
        return
    now = features_as_of(orders, reviews, orders.attrs["as_of"])
    seconds["read"] = time.perf_counter() - started
    dates = pd.date_range(FIRST_EVALUATION_DATE, orders.attrs["as_of"], freq="7D")
    taken = dates[:: arguments.each]
    begun = time.perf_counter()
    curve = follow(orders, reviews, taken)
    seconds["follow"] = (time.perf_counter() - begun) * len(dates) / len(taken)
    candidates = list(product(FEATURE_SETS, NUMBERS_OF_SEGMENTS))
    begun = time.perf_counter()
    # The middle one of each few: more segments take longer.
    compare(orders, reviews, candidates[arguments.each // 2 :: arguments.each])
    seconds["compare"] = (time.perf_counter() - begun) * arguments.each
    results = {
        "seconds": seconds,
        "agreement": curve,
        "customers": len(now),
        "orders": int(now["frequency"].sum()),
        "revenue": round(float(now["monetary_value"].sum()), 2),
        "recency_days": int(now["recency_days"].sum()),
        "review_score": float(now["review_score"].mean()),
    }
    arguments.results.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
