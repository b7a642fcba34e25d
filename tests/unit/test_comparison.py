"""Comparisons from cross-tables against the same figures from the customers themselves."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from segmentation.comparison import compare_labelings, match_clusters


@pytest.fixture(scope="module")
def customers():
    random = np.random.default_rng(2)
    frame = pd.DataFrame(random.normal(size=(400, 2)), columns=["a", "b"])
    frame["cluster"] = random.integers(0, 3, 400)
    frame["origin_cluster"] = np.where(
        random.random(400) < 0.8, (frame["cluster"] + 1) % 3, random.integers(0, 3, 400)
    )
    return frame


@pytest.fixture(scope="module")
def cells(customers):
    grouped = customers.assign(squares=customers["a"] ** 2 + customers["b"] ** 2).groupby(
        ["origin_cluster", "cluster"], as_index=False
    )
    cells = grouped.agg(
        customers=("a", "size"),
        a_scaled_sum=("a", "sum"),
        b_scaled_sum=("b", "sum"),
        scaled_sum_of_squares=("squares", "sum"),
    )
    return cells.assign(origin_model_id="m0", model_id="m1")


def test_figures_equal_those_from_the_customers(customers, cells):
    row = compare_labelings(cells).iloc[0]
    labels = customers["origin_cluster"], customers["cluster"]
    assert row["customers"] == 400
    assert row["adjusted_rand_index"] == pytest.approx(metrics.adjusted_rand_score(*labels))
    assert row["adjusted_mutual_information"] == pytest.approx(
        metrics.adjusted_mutual_info_score(*labels)
    )

    def inertia(by):
        means = customers.groupby(by)[["a", "b"]].transform("mean")
        return ((customers[["a", "b"]] - means) ** 2).to_numpy().sum()

    assert row["excess_inertia"] == pytest.approx(
        inertia("origin_cluster") / inertia("cluster") - 1
    )


def test_each_cluster_is_matched_with_the_one_that_continues_it(customers, cells):
    matches = match_clusters(cells).set_index("origin_cluster")
    for origin_cluster in range(3):
        match = matches.loc[origin_cluster]
        assert match["cluster"] == (origin_cluster - 1) % 3
        then = customers["origin_cluster"] == origin_cluster
        now = customers["cluster"] == match["cluster"]
        assert match["jaccard"] == pytest.approx((then & now).sum() / (then | now).sum())
        assert match["origin_customers"] == then.sum()
        assert match["customers"] == now.sum()


def test_a_cluster_that_dies_out_is_matched_with_nothing_left(cells):
    """The last cluster of the origin has customers in one pair and none in the other."""
    dying = cells[cells["origin_cluster"] < 2].assign(model_id="m2")
    matches = match_clusters(pd.concat([cells, dying])).query("model_id == 'm2'")
    assert matches["origin_cluster"].tolist() == [0, 1, 2]
    assert matches["jaccard"].tolist()[2] == 0
    assert matches["origin_customers"].tolist()[2] == 0


def test_pairs_are_kept_apart(cells):
    both = pd.concat([cells, cells.assign(model_id="m2")])
    compared = compare_labelings(both)
    assert compared["model_id"].tolist() == ["m1", "m2"]
    assert compared["adjusted_rand_index"][0] == compared["adjusted_rand_index"][1]
