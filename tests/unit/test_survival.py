"""Survival curves against SciPy's, and bands that widen with what is not known."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import CensoredData, ecdf

from segmentation.survival import ALL_SEASONS, kaplan_meier, survival_curves


@pytest.fixture
def durations():
    random = np.random.default_rng(1)
    weeks = random.integers(3, 15, 60).astype(float)
    return weeks, random.uniform(size=60) < 0.7


def table_of(weeks, breached, subject="c"):
    return pa.table(
        {
            "subject_kind": ["candidate"] * len(weeks),
            "subject": [subject] * len(weeks),
            "season": ["quarter 1", "quarter 2"] * (len(weeks) // 2),
            "weeks_until_breach": pa.array(
                [w if b else None for w, b in zip(weeks, breached, strict=True)], pa.float64()
            ),
            "weeks_observed": weeks,
        }
    )


def test_the_curve_equals_scipys(durations):
    weeks, breached = durations
    at = np.unique(weeks)
    at_risk, broken, survival = kaplan_meier(weeks, breached, at)
    reference = ecdf(CensoredData(uncensored=weeks[breached], right=weeks[~breached]))
    np.testing.assert_allclose(survival, reference.sf.evaluate(at))
    assert at_risk[0] == 60
    assert broken.sum() == breached.sum()


def test_models_that_are_not_broken_yet_count_as_long_as_they_are_observed():
    """Five models: broken after 2 and 4 weeks, observed for 3, 4 and 6."""
    weeks = np.array([2.0, 3, 4, 4, 6])
    breached = np.array([True, False, True, False, False])
    _, _, survival = kaplan_meier(weeks, breached, np.unique(weeks))
    assert survival == pytest.approx([4 / 5, 4 / 5, 4 / 5 * 2 / 3, 4 / 5 * 2 / 3])


def test_seasons_and_subjects_have_curves_of_their_own(durations):
    weeks, breached = durations
    both = pa.concat_tables(
        [table_of(weeks, breached), table_of(weeks + 100, np.zeros(60, dtype=bool), "d")]
    )
    curves = survival_curves(both, resamples=50, confidence=0.9, random_state=1).to_pandas()
    assert set(curves["season"]) == {ALL_SEASONS, "quarter 1", "quarter 2"}
    of_d = curves[curves["subject"] == "d"]
    assert (of_d[["survival", "survival_low", "survival_high"]] == 1).all(axis=None)
    first = curves[(curves["subject"] == "c") & (curves["season"] == "quarter 1")]
    chosen = slice(0, None, 2)
    at = np.unique(weeks[chosen])
    assert first["survival"].tolist() == pytest.approx(
        kaplan_meier(weeks[chosen], breached[chosen], at)[2].tolist()
    )


def test_the_band_holds_the_curve_and_is_wider_for_fewer_start_dates(durations):
    weeks, breached = durations
    settings = {"resamples": 300, "confidence": 0.9, "random_state": 1}
    widths = []
    for size in (60, 12):
        curve = survival_curves(table_of(weeks[:size], breached[:size]), **settings).to_pandas()
        curve = curve[curve["season"] == ALL_SEASONS]
        assert (curve["survival_low"] <= curve["survival"] + 1e-9).all()
        assert (curve["survival_high"] >= curve["survival"] - 1e-9).all()
        widths.append((curve["survival_high"] - curve["survival_low"]).mean())
    assert widths[0] < widths[1]


def test_neighbours_that_are_alike_widen_the_band():
    """Sixty start dates of which twenty each are the same are worth three, not sixty."""
    settings = {"resamples": 300, "confidence": 0.9, "random_state": 1}
    blocks = np.repeat([4.0, 20, 36], 20)
    mixed = np.tile([4.0, 20, 36], 20)
    widths = []
    for weeks in (blocks, mixed):
        curve = survival_curves(table_of(weeks, np.ones(60, dtype=bool)), **settings).to_pandas()
        at_first = curve[(curve["season"] == ALL_SEASONS) & (curve["weeks"] == 4)].iloc[0]
        assert at_first["survival"] == pytest.approx(2 / 3)
        widths.append(at_first["survival_high"] - at_first["survival_low"])
    assert widths[0] > 3 * widths[1]


def test_no_durations_have_no_curve():
    empty = table_of(np.array([]), np.array([], dtype=bool))
    curves = survival_curves(empty, resamples=10, confidence=0.9, random_state=1)
    assert curves.num_rows == 0
