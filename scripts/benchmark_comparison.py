"""Measure what each trick of the comparison saves, against the plain way, in one run.

    python scripts/benchmark_comparison.py --warehouse warehouse/segments.duckdb

Reads the customers that a build has put into the warehouse and prints medians and ratios.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import fastcluster
import numpy as np
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

from segmentation.kmeans import fit_kmeans
from segmentation.observations import WeightedObservations
from segmentation.resampling import bootstrap_counts, draw_sample
from segmentation.scaling import FeatureScaling, fit_scaling
from segmentation.validity import distances_between, silhouettes

TRANSFORMS = {
    "recency_days": "identity",
    "frequency": "log1p",
    "monetary_value": "log1p",
    "review_score": "identity",
}
SEED = 20180101


def customers_of(warehouse: Path) -> tuple[WeightedObservations, list[FeatureScaling]]:
    """Return the customers that a comparison is made on, and how their features are scaled."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        features = (
            connection.sql("from selection.selection_customers order by customer_id")
            .select(", ".join(TRANSFORMS))
            .df()
        )
    scalings = fit_scaling(features, transforms=TRANSFORMS, cap_quantiles=(0.001, 0.999))
    return WeightedObservations(features.to_numpy(dtype=float), np.ones(len(features))), scalings


def tricks(
    known: WeightedObservations, scalings: list[FeatureScaling]
) -> list[tuple[str, Callable, Callable]]:
    """Return what is done, the plain way, and ours; each pair does the same work."""
    observations = known.scaled(scalings)
    sample = observations[draw_sample(len(observations), 4000, SEED)]
    labelings = [
        fit_kmeans(observations, n_clusters=k, n_init=1, random_state=SEED) for k in range(2, 11)
    ]
    counts = bootstrap_counts(len(observations), resamples=1, random_state=SEED)[0]
    drawn = counts > 0
    repeated = np.repeat(observations, counts, axis=0)
    weights = counts[drawn].astype(float)
    in_bins = WeightedObservations(known.features[drawn], weights).in_bins(scalings, width=0.2)
    warm_start = {"n_init": 2, "warm_starts": [labelings[3].centroids]}

    def kmeans_of_scikit_learn() -> None:
        KMeans(5, n_init=5, tol=0, max_iter=10_000, random_state=SEED).fit(observations)

    def resample_fit(observations: np.ndarray, **options) -> None:
        fit_kmeans(observations, n_clusters=5, random_state=SEED, **options)

    def silhouettes_one_by_one() -> None:
        with threadpool_limits(1):
            for fit in labelings:
                silhouette_score(sample, fit.label(sample))

    def silhouettes_of_one_table() -> None:
        distances = distances_between(sample, sample)
        for fit in labelings:
            silhouettes(distances, fit.label(sample))

    def trees_by_scikit_learn() -> None:
        for n_clusters in range(2, 11):
            AgglomerativeClustering(n_clusters, linkage="ward").fit(sample)

    return [
        (
            "KMeans, five starts: compiled loops for scikit-learn",
            kmeans_of_scikit_learn,
            lambda: fit_kmeans(observations, n_clusters=5, n_init=5, random_state=SEED),
        ),
        (
            "resample: weights for repeated rows",
            lambda: resample_fit(repeated, n_init=2),
            lambda: resample_fit(observations[drawn], n_init=2, weights=weights),
        ),
        (
            "resample: a warm start and two fresh for ten fresh",
            lambda: resample_fit(observations[drawn], n_init=10, weights=weights),
            lambda: resample_fit(observations[drawn], weights=weights, **warm_start),
        ),
        (
            "resample: cells for customers",
            lambda: resample_fit(observations[drawn], weights=weights, **warm_start),
            lambda: resample_fit(in_bins.scaled(scalings), weights=in_bins.customers, **warm_start),
        ),
        (
            "silhouettes of nine labelings: one table of distances for nine",
            silhouettes_one_by_one,
            silhouettes_of_one_table,
        ),
        (
            "Ward, nine cuts: one tree of fastcluster for nine of scikit-learn",
            trees_by_scikit_learn,
            lambda: fastcluster.linkage_vector(sample, method="ward"),
        ),
    ]


def median_seconds(work: Callable, repeats: int) -> float:
    """Time some repeats of a piece of work; their median."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warehouse", type=Path, default=Path("warehouse/segments.duckdb"))
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    try:
        known, scalings = customers_of(arguments.warehouse)
    except duckdb.Error as error:
        print(f"{arguments.warehouse} holds no build (make build): {error}", file=sys.stderr)
        return 1
    print(f"{known.n_customers:,} customers, {arguments.repeats} repeats, medians\n")
    print(f"{'':<66}{'plain':>9}{'here':>9}{'times':>7}")
    for name, plain, ours in tricks(known, scalings):
        before = median_seconds(plain, arguments.repeats)
        after = median_seconds(ours, arguments.repeats)
        print(f"{name:<66}{before:>7.3f} s{after:>7.3f} s{before / after:>7.1f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
