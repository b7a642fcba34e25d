"""Comparisons from cross-tables against the same figures from the customers themselves."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn import metrics

from segmentation.comparison import (
    MATCHES_SCHEMA,
    PAIRS_SCHEMA,
    compare_models,
    match_handovers,
)


@pytest.fixture(scope="module")
def customers():
    random = np.random.default_rng(2)
    frame = pd.DataFrame(random.normal(size=(400, 2)), columns=["a", "b"])
    frame["cluster"] = random.integers(0, 3, 400)
    frame["origin_cluster"] = np.where(
        random.random(400) < 0.8, (frame["cluster"] + 1) % 3, random.integers(0, 3, 400)
    )
    return frame


def tabulated(customers, origin_model_id="m0", model_id="m1"):
    squares = customers["a"] ** 2 + customers["b"] ** 2
    spent = [Decimal(number) / 100 for number in range(len(customers))]
    cells = (
        customers.assign(squares=squares, spent=spent)
        .groupby(["origin_cluster", "cluster"], as_index=False)
        .agg(
            customers=("a", "size"),
            revenue=("spent", "sum"),
            a=("a", "sum"),
            b=("b", "sum"),
            scaled_sum_of_squares=("squares", "sum"),
        )
    )
    cells["scaled_sums"] = cells[["a", "b"]].to_numpy().tolist()
    return cells.assign(origin_model_id=origin_model_id, model_id=model_id)


def compare(*cells):
    return compare_models(pa.Table.from_pandas(pd.concat(cells))).to_pylist()


def test_figures_equal_those_from_the_customers(customers):
    (row,) = compare(tabulated(customers))
    labels = customers["origin_cluster"], customers["cluster"]
    assert row["customers"] == 400
    assert row["adjusted_rand_index"] == pytest.approx(metrics.adjusted_rand_score(*labels))
    assert row["adjusted_mutual_information"] == pytest.approx(
        metrics.adjusted_mutual_info_score(*labels)
    )

    # Clusters are numbered one on in the origin; who is elsewhere is misplaced.
    misplaced = customers["origin_cluster"] != (customers["cluster"] + 1) % 3
    assert row["revenue"] == Decimal(400 * 399 // 2) / 100
    assert row["misplaced_revenue"] == Decimal(int(np.arange(400)[misplaced].sum())) / 100

    def inertia(by):
        means = customers.groupby(by)[["a", "b"]].transform("mean")
        return ((customers[["a", "b"]] - means) ** 2).to_numpy().sum()

    assert row["excess_inertia"] == pytest.approx(
        inertia("origin_cluster") / inertia("cluster") - 1
    )


def test_each_cluster_is_matched_with_the_one_that_continues_it(customers):
    (row,) = compare(tabulated(customers))
    assert [match["origin_cluster"] for match in row["matches"]] == [0, 1, 2]
    for match in row["matches"]:
        assert match["cluster"] == (match["origin_cluster"] - 1) % 3
        then = customers["origin_cluster"] == match["origin_cluster"]
        now = customers["cluster"] == match["cluster"]
        assert match["jaccard"] == pytest.approx((then & now).sum() / (then | now).sum())
        assert match["origin_customers"] == then.sum()
        assert match["customers"] == now.sum()


def test_a_cluster_that_dies_out_is_matched_with_nothing_left(customers):
    """The last cluster of the origin has customers in one pair and none in the other."""
    dying = tabulated(customers[customers["origin_cluster"] < 2], model_id="m2")
    _, row = compare(tabulated(customers), dying)
    assert [match["origin_cluster"] for match in row["matches"]] == [0, 1, 2]
    assert row["matches"][2]["jaccard"] == 0
    assert row["matches"][2]["origin_customers"] == 0


def test_pairs_are_kept_apart(customers):
    fewer = customers.head(200)
    both = compare(tabulated(customers), tabulated(fewer, model_id="m2"))
    assert [row["model_id"] for row in both] == ["m1", "m2"]
    assert both == compare(tabulated(customers)) + compare(tabulated(fewer, model_id="m2"))


def test_no_pair_gives_an_empty_table(customers):
    cells = pa.Table.from_pandas(tabulated(customers)).slice(0, 0)
    assert compare_models(cells).equals(PAIRS_SCHEMA.empty_table())


def handover(reign, customers, distances=None):
    customers = np.array(customers)
    distances = np.zeros(customers.shape) if distances is None else np.array(distances)
    previous, following = np.indices(customers.shape)
    return pd.DataFrame(
        {
            "reign": reign,
            "previous_cluster": previous.ravel(),
            "cluster": following.ravel(),
            "customers": customers.ravel(),
            "centroid_distance": distances.ravel(),
        }
    )


def match(*handovers):
    table = match_handovers(pa.Table.from_pandas(pd.concat(handovers)))
    assert table.schema == MATCHES_SCHEMA
    return [tuple(row.values()) for row in table.to_pylist()]


def test_most_customers_stay_even_where_the_largest_overlap_does_not():
    """The largest cell, 10, is left: 9 and 9 are more than 10 and 1."""
    assert match(handover(2, [[10, 9], [9, 1]])) == [
        (2, 0, 1, 9, pytest.approx(9 / 20)),
        (2, 1, 0, 9, pytest.approx(9 / 20)),
    ]


def test_distances_decide_ties_only():
    tied = [[5, 5], [5, 5]]
    assert [row[1:3] for row in match(handover(2, tied, [[0, 1], [1, 0]]))] == [(0, 0), (1, 1)]
    assert [row[1:3] for row in match(handover(2, tied, [[1, 0], [0, 1]]))] == [(0, 1), (1, 0)]
    # One customer outweighs any distance.
    near = [[6, 5], [5, 5]]
    assert [row[1:3] for row in match(handover(2, near, [[99, 0], [0, 99]]))] == [(0, 0), (1, 1)]


def test_of_more_old_clusters_than_new_ones_some_are_left():
    rows = match(handover(2, [[9, 0], [0, 9], [3, 0]]), handover(3, [[1, 2, 9]]))
    assert [row[:3] for row in rows] == [(2, 0, 0), (2, 1, 1), (3, 0, 2)]


def test_without_a_change_of_champion_nothing_is_matched():
    assert match(handover(2, [[1]]).head(0)) == []
