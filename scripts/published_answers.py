"""Show how long the contract seems to last under the errors of published studies.

    python scripts/published_answers.py --warehouse warehouse/segments.duckdb

Each line makes one mistake, and nothing else differs from the first line: four segments by recency,
frequency, monetary value and review score, the model of the first evaluation date, frozen, against
a refit some weeks later, as an adjusted Rand index on the customers known then.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.metrics import adjusted_rand_score

from segmentation.kmeans import fit_kmeans
from segmentation.parallel import use_one_thread
from segmentation.scaling import fit_scaling, scale_features

TRANSFORMS = {
    "recency_days": "identity",
    "frequency": "log1p",
    "monetary_value": "log1p",
    "review_score": "identity",
}
RAW_RFM = dict.fromkeys(["recency_days", "frequency", "monetary_value"], "identity")
WITHOUT_RECENCY = {name: TRANSFORMS[name] for name in list(TRANSFORMS)[1:]}
WEEKS = [1, 2, 4, 6, 8, 10, 13, 26, 41]
SEEDS = range(6)


def fit(customers: pd.DataFrame, transforms: dict[str, str]):
    """Scalings and clustering of a fit that is the best of five starts and has converged."""
    features = customers[list(transforms)].astype(float)
    scalings = fit_scaling(features, transforms=transforms, cap_quantiles=(0.001, 0.999))
    points = scale_features(features, scalings)
    return scalings, fit_kmeans(points, n_clusters=4, n_init=5, random_state=1)


def of_frozen_scaler(
    then: pd.DataFrame, now: pd.DataFrame, transforms: dict[str, str] = TRANSFORMS
) -> float:
    """Measure the agreement under the scaler of the first customers."""
    (scalings, frozen), (_, refitted) = fit(then, transforms), fit(now, transforms)
    return adjusted_rand_score(frozen.label(scale_features(now, scalings)), refitted.labels)


def of_raw_rfm(then: pd.DataFrame, now: pd.DataFrame) -> float:
    """Measure the agreement without logarithms."""
    return of_frozen_scaler(then, now, RAW_RFM)


def without_recency(then: pd.DataFrame, now: pd.DataFrame) -> float:
    """Measure the agreement of models that leave recency out."""
    return of_frozen_scaler(then, now, WITHOUT_RECENCY)


def of_refitted_scaler(then: pd.DataFrame, now: pd.DataFrame) -> float:
    """Measure the agreement with a scaler of each date."""
    (_, frozen), (scalings, refitted) = fit(then, TRANSFORMS), fit(now, TRANSFORMS)
    return adjusted_rand_score(frozen.label(scale_features(now, scalings)), refitted.labels)


def worst_of(estimator: Callable, **settings) -> Callable[[pd.DataFrame, pd.DataFrame], float]:
    """Return the lowest agreement over some seeds of refits that are one start each."""

    def agreement(then: pd.DataFrame, now: pd.DataFrame) -> float:
        (scalings, frozen), (new_scalings, _) = fit(then, TRANSFORMS), fit(now, TRANSFORMS)
        labels = frozen.label(scale_features(now, scalings))
        points = scale_features(now, new_scalings)
        use_one_thread()
        return min(
            adjusted_rand_score(
                labels, estimator(4, n_init=1, random_state=seed, **settings).fit_predict(points)
            )
            for seed in SEEDS
        )

    return agreement


MISTAKES = {
    "none": of_frozen_scaler,
    "untransformed RFM": of_raw_rfm,
    "one random start, the worst of six": worst_of(KMeans, init="random"),
    "MiniBatchKMeans, the worst of six": worst_of(MiniBatchKMeans),
    "scaler refitted at every date": of_refitted_scaler,
    "no recency": without_recency,
}


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warehouse", type=Path, required=True, help="a built warehouse")
    arguments = parser.parse_args()
    if not arguments.warehouse.is_file():
        print(
            f"There is no warehouse {arguments.warehouse}: make build makes one.", file=sys.stderr
        )
        return 1
    with duckdb.connect(str(arguments.warehouse), read_only=True) as connection:
        first, last = connection.execute(
            "select min(cutoff), max(cutoff) from intermediate.int_cutoffs where is_evaluation_date"
        ).fetchall()[0]

        def known_after(weeks: int) -> pd.DataFrame:
            return connection.execute(
                "select * from intermediate.int_customer_features "
                "where cutoff = ? + to_weeks(?) order by customer_id",
                [first, weeks],
            ).df()

        weeks = [week for week in WEEKS if first + np.timedelta64(week, "W") <= last]
        then = known_after(0)
        print(f"{'mistake':<38}" + "".join(f"{week:>7}" for week in weeks) + "  weeks")
        for mistake, agreement in MISTAKES.items():
            values = [agreement(then, known_after(week)) for week in weeks]
            print(f"{mistake:<38}" + "".join(f"{value:>7.2f}" for value in values), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
