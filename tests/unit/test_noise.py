"""The noise floor: high where there are gaps, low where there are none."""

import numpy as np
import pandas as pd

from segmentation import noise, refits
from segmentation.noise import measure_noise, noise_of_model
from small_models import REFITS, cloud, model_of, table_of, three_groups

NOISE = REFITS | {"n_init": 5, "seeds": 3, "resamples": 6}


def test_segments_with_gaps_come_back():
    customers = three_groups()
    row = noise_of_model(model_of(customers), table_of(customers), **NOISE)
    assert row["seed_agreement"] == row["resampling_agreement"] == 1
    assert row["resampling_agreement_p05"] == 1
    assert [c["noise_floor"] for c in row["clusters"]] == [1, 1, 1]
    assert row["failed_refits"] == 0


def test_segments_of_a_cloud_do_not():
    structureless = cloud(120)
    row = noise_of_model(model_of(structureless), table_of(structureless), **NOISE)
    assert row["resampling_agreement"] < 0.8
    assert row["resampling_agreement_p05"] < row["resampling_agreement"]
    assert min(c["noise_floor"] for c in row["clusters"]) < 0.7
    assert all(c["noise_floor"] <= c["noise_agreement"] for c in row["clusters"])


def test_no_refit_has_the_seed_of_another_or_of_the_model(monkeypatch):
    seeds = [1]  # that of the model

    def refit(bins, recipe, *, random_state, **settings):
        seeds.append(random_state)
        return refits.refit(bins, recipe, random_state=random_state, **settings)

    monkeypatch.setattr(noise, "refit", refit)
    noise_of_model(model_of(three_groups()), table_of(three_groups()), **NOISE)
    assert len(seeds) == len(set(seeds)) == 1 + 3 + 6 + 2 * 5


def test_clusters_are_found_again_under_other_numbers():
    labels = np.repeat([0, 1, 2], 10)
    labelings = [np.array(numbers)[labels] for numbers in ([0, 1, 2], [1, 2, 0], [2, 0, 1])]
    assert (noise._jaccards(labels, labelings, np.ones(30), 3) == 1).all()


def test_more_customers_make_less_noise():
    random = np.random.default_rng(3)
    means = []
    for size in (60, 6000):
        group = random.integers(3, size=size)
        days = np.array([0, 30, 60])[group] + random.normal(0, 8, size)
        money = np.array([20, 60, 180])[group] * random.lognormal(0, 0.3, size)
        customers = pd.DataFrame({"days": days, "money": money})
        row = noise_of_model(model_of(customers), table_of(customers), **NOISE)
        means.append(row["resampling_agreement"])
    assert means[0] < means[1] - 0.03


def test_too_few_different_customers_have_no_floor():
    customers = pd.DataFrame({"days": [1, 2, 3], "money": [1.0, 5.0, 50.0]})
    settings = NOISE | {"resamples": 2}
    row = noise_of_model(model_of(customers), table_of(customers), **settings)
    assert row["failed_refits"] >= 1
    assert "seed_agreement" not in row
    assert row["clusters"] == []


def test_the_result_does_not_depend_on_threads():
    customers = three_groups()
    models = [
        (model_of(frame), table_of(frame))
        for frame in (customers, cloud(120), customers[::2], cloud(90))
    ]
    alone, together = (measure_noise(iter(models), threads=n, **NOISE) for n in (1, 2))
    assert alone.equals(together)
