"""RFM by rules, against scores by pandas and the segments as marketing tools list them."""

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.rules import FEATURES, NAMES, cluster_by_rules, fit_rules

# Segments by the digits of recency and of frequency and value, as regular expressions: the form in
# which notebooks have them.
SEGMENTS = {
    r"11": "lost",
    r"[1-2][1-2]": "hibernating",
    r"[1-2][3-4]": "at risk",
    r"[1-2]5": "cannot lose them",
    r"3[1-2]": "about to sleep",
    r"33": "need attention",
    r"[3-4][4-5]": "loyal",
    r"41": "promising",
    r"51": "new",
    r"[4-5][2-3]": "potential loyalists",
    r"5[4-5]": "champions",
}


def customers(seed: int, number: int = 500) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "recency_days": random.integers(0, 400, number).astype(float),
            "frequency": random.geometric(0.5, number).astype(float),
            "monetary_value": random.lognormal(4, 1, number).round(2),
        }
    )


@pytest.mark.parametrize("seed", range(5))
def test_segments_are_those_of_the_digits(seed):
    frame = customers(seed)
    features = frame.to_numpy()
    # Whole fifths where there are no ties; pandas counts who has less or as much.
    share = frame["monetary_value"].rank(method="max", pct=True)
    scores = fit_rules(features).scores(features)
    assert np.array_equal(scores[:, 2], np.ceil(share * 5).astype(int).to_numpy())
    digits = pd.Series(scores[:, 0].astype(str)) + ((scores[:, 1] + scores[:, 2] + 1) // 2).astype(
        str
    )
    named = pd.Series(None, index=digits.index, dtype=object)
    for pattern, name in SEGMENTS.items():
        named[named.isna() & digits.str.fullmatch(pattern)] = name
    labels = fit_rules(features).label(features)
    assert [NAMES[label] for label in labels] == named.tolist()


def test_the_same_cut_points_in_sql_give_the_same_segments():
    """What is frozen is twelve numbers, and a lookup of 25 cells."""
    frame, later = customers(1), customers(2)
    rules = fit_rules(frame.to_numpy())
    cuts = dict(zip(FEATURES, rules.cut_points.tolist(), strict=True))
    scores = {
        feature: " + ".join(["1", *(f"({feature} > {cut!r})::int" for cut in cuts[feature])])
        for feature in FEATURES
    }
    found = duckdb.sql(
        f"select 6 - ({scores['recency_days']}) as r, {scores['frequency']} as f, "
        f"{scores['monetary_value']} as m from later"
    ).fetchnumpy()
    mine = rules.scores(later.to_numpy())
    assert np.array_equal(np.column_stack([found["r"], found["f"], found["m"]]), mine)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=60), st.integers(0, 2**32 - 1))
def test_ties_stay_together_and_more_is_never_less(frequencies, seed):
    frame = customers(seed, len(frequencies)).assign(frequency=[float(f) for f in frequencies])
    rules = fit_rules(frame.to_numpy())
    scores = pd.DataFrame(rules.scores(frame.to_numpy()), columns=FEATURES)
    for feature, way in zip(FEATURES, (-1, 1, 1), strict=True):
        by_value = scores[feature].groupby(frame[feature]).agg(["min", "max"])
        assert (by_value["min"] == by_value["max"]).all()
        assert (way * by_value["min"].diff().dropna() >= 0).all()
    assert scores.isin(range(1, 6)).all().all()


def test_cut_points_by_hand_and_weights():
    frame = customers(3)
    by_hand = {"frequency": [1, 2, 4, 9]}
    rules = fit_rules(frame.to_numpy(), cut_points=by_hand)
    assert rules.cut_points[1].tolist() == [1, 2, 4, 9]
    assert rules.cut_points[0].tolist() == fit_rules(frame.to_numpy()).cut_points[0].tolist()
    counts = np.random.default_rng(0).integers(0, 4, len(frame))
    repeated = np.repeat(frame.to_numpy(), counts, axis=0)
    weighted = fit_rules(frame.to_numpy(), weights=counts.astype(float))
    assert np.array_equal(weighted.cut_points, fit_rules(repeated).cut_points)
    for wrong in ([1, 2, 3], [1, 1, 2, 3], [4, 3, 2, 1]):
        with pytest.raises(ValueError, match="frequency needs 4 cut points that ascend"):
            fit_rules(frame.to_numpy(), cut_points={"frequency": wrong})
    with pytest.raises(ValueError, match="no customer"):
        fit_rules(frame.to_numpy()[:0])


def test_segments_without_customers_have_no_number():
    frame = customers(4).assign(frequency=1.0)
    clustering = cluster_by_rules(frame.to_numpy())
    assert set(clustering.labels) == set(range(clustering.labels.max() + 1))
    raw = clustering.rules.label(frame.to_numpy())
    assert len(set(zip(raw, clustering.labels, strict=True))) == len(set(raw))
