"""Whether a recipe fits: a group that appears is far, then gains a segment; ageing does nothing."""

import numpy as np
import pandas as pd
import pytest

from segmentation.recipe_measures import measure_recipe
from small_models import REFITS, model_of, observations_of, three_groups

RECIPE = {name: REFITS[name] for name in ("cap_quantiles", "ward_sample_size", "noise_bin_width")}


def measured(customers, **settings):
    """What is measured of customers for the model of `three_groups`."""
    then = three_groups()
    rows = measure_recipe(
        model_of(then),
        model_of(customers),
        observations_of(then),
        observations_of(customers),
        **RECIPE,
        **settings,
    )
    return {(row["measure"], row["subject"]): row for row in rows}


def with_new_group(size):
    random = np.random.default_rng(3)
    new = {"days": 200.0 + random.integers(0, 20, size), "money": 2.0 + random.random(size)}
    return pd.concat([three_groups(), pd.DataFrame(new)], ignore_index=True)


def test_at_the_fit_one_in_a_hundred_is_far_and_segments_are_at_their_places():
    rows = measured(three_groups())
    assert rows["far", "all segments"]["measured_value"] == pytest.approx(0.01, abs=0.004)
    shifts = [row["measured_value"] for (name, _), row in rows.items() if name == "shift"]
    assert shifts == pytest.approx([0, 0, 0], abs=1e-9)
    [gain] = [row["measured_value"] for (name, _), row in rows.items() if name == "silhouette"]
    assert gain < 0


def test_a_new_group_is_far_and_deserves_a_segment():
    rows = measured(with_new_group(60))
    far = rows["far", "all segments"]
    assert far["measured_value"] >= 60 / 360
    assert far["customers"] == 360
    p = (far["measured_value"] * 360 + 1) / 362
    assert far["sampling_error"] == pytest.approx((p * (1 - p) / 360) ** 0.5)
    gain = rows["silhouette", "4 segments"]
    assert gain["measured_value"] > 5 * gain["sampling_error"] > 0


def test_ageing_moves_nobody():
    older = three_groups().assign(days=lambda customers: customers["days"] + 90)
    now, then = measured(older), measured(three_groups())
    assert set(now) == set(then)
    for key, row in now.items():
        assert row["measured_value"] == pytest.approx(then[key]["measured_value"], abs=1e-9)


def test_a_segment_that_moves_alone_is_told():
    moved = three_groups()
    moved.loc[100:199, "money"] *= 1.3
    rows = measured(moved)
    shifts = sorted(row["measured_value"] for (name, _), row in rows.items() if name == "shift")
    assert shifts[-1] > 3 * shifts[0]


def test_numbers_of_segments_that_cannot_be_fitted_are_left_out():
    two_places = pd.DataFrame({"days": [1.0, 100.0, 50.0] * 20, "money": [1.0, 50.0, 9.0] * 20})
    then = two_places
    rows = measure_recipe(
        model_of(then), model_of(then), observations_of(then), observations_of(then), **RECIPE
    )
    gains = {row["subject"] for row in rows if row["measure"] == "silhouette"}
    assert gains == {"2 segments"}
