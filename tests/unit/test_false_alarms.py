"""Customers who do not change must not break the contract."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from segmentation.models import fit_model
from segmentation.noise import noise_of_model
from segmentation.refits import FrozenModel, agreement_of
from small_models import observations_of, table_of

SHOPS = 200
THRESHOLD = 0.8
SETTINGS = {"cap_quantiles": (0.001, 0.999), "ward_sample_size": 1000}
REFITS = SETTINGS | {"noise_bin_width": 0.2, "n_init": 5, "n_init_beside_warm_start": 2}
TRANSFORMS = {
    "recency_days": "identity",
    "frequency": "log1p",
    "monetary_value": "log1p",
    "review_score": "identity",
}


def customers_like_olists(random, size):
    """One-time buyers mostly, review scores skewed to 5, spending log-normal: no gaps but two."""
    return pd.DataFrame(
        {
            "recency_days": random.integers(0, 400, size).astype(float),
            "frequency": 1.0 + (random.random(size) < 0.04) * (1 + random.poisson(0.3, size)),
            "monetary_value": np.round(random.lognormal(4.7, 0.9, size), 2),
            "review_score": random.choice(
                [1.0, 2.0, 3.0, 4.0, 5.0], size, p=[0.12, 0.03, 0.08, 0.19, 0.58]
            ),
        }
    )


def model_of(customers, **warm):
    return fit_model(
        datetime(2018, 1, 1),
        table_of(customers),
        candidate_id="c",
        algorithm="kmeans",
        transforms=TRANSFORMS,
        n_segments=4,
        random_state=1,
        silhouette_sample_size=2,
        **SETTINGS,
        **({"n_init": 5} | warm),
    )


def noise_of(model, customers):
    row = noise_of_model(model, table_of(customers), seeds=3, resamples=10, **REFITS)
    return (
        min(row["seed_agreement"], row["resampling_agreement"]),
        min(row["seed_agreement_p05"], row["resampling_agreement_p05"]),
    )


def is_broken(seed, size_then, size_now):
    """The clause of agreement between two dates with other customers of the same kind."""
    random = np.random.default_rng(seed)
    then, now = (customers_like_olists(random, size) for size in (size_then, size_now))
    origin = model_of(then)
    frozen = FrozenModel.from_row(origin)
    refitted = model_of(now, n_init=2, warm_starts=[frozen])
    value = agreement_of(frozen, FrozenModel.from_row(refitted), observations_of(now), n_clusters=4)
    if value >= THRESHOLD:
        return False
    noise = [noise_of(origin, then), noise_of(refitted, now)]
    agreement, floor = np.min(noise, axis=0)
    return agreement >= THRESHOLD and value < floor


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size_then", "size_now", "allowed"),
    [
        (4000, 5000, 0),
        # So few customers of this kind form other segments now and then (12 of 200).
        (1000, 1500, 0.08 * SHOPS),
    ],
)
def test_no_drift_breaks_no_contract_in_two_hundred_shops(size_then, size_now, allowed):
    broken = sum(is_broken(seed, size_then, size_now) for seed in range(SHOPS))
    print(f"false alarms with {size_then} and {size_now} customers: {broken} of {SHOPS}")
    assert broken <= allowed
