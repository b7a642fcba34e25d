"""Survival curves against SciPy's."""

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
    curves = survival_curves(both).to_pandas()
    assert set(curves["season"]) == {ALL_SEASONS, "quarter 1", "quarter 2"}
    of_d = curves[curves["subject"] == "d"]
    assert (of_d["survival"] == 1).all()
    first = curves[(curves["subject"] == "c") & (curves["season"] == "quarter 1")]
    chosen = slice(0, None, 2)
    at = np.unique(weeks[chosen])
    assert first["survival"].tolist() == pytest.approx(
        kaplan_meier(weeks[chosen], breached[chosen], at)[2].tolist()
    )


def test_no_durations_have_no_curve():
    empty = table_of(np.array([]), np.array([], dtype=bool))
    curves = survival_curves(empty)
    assert curves.num_rows == 0
