"""Comparisons from cross-tables against the same figures from the customers themselves."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn import metrics

from segmentation.comparison import PAIRS_SCHEMA, compare_models, compare_with_origins
from segmentation.scaling import FeatureScaling
from segmentation.takeovers import MATCHES_SCHEMA, match_clusters_at_takeovers
from small_models import cloud, model_of, table_of


@pytest.fixture(scope="module")
def customers():
    """400 customers, one in ten of unknown age in days."""
    random = np.random.default_rng(2)
    frame = cloud(400)
    frame.loc[random.random(400) < 0.1, "days"] = np.nan
    return frame


@pytest.fixture(scope="module")
def models(customers):
    """Two of other customers of the kind, and the refit."""
    parts = customers[:60], customers[100:200], customers
    return [model_of(part) | {"model_id": f"m{number}"} for number, part in enumerate(parts)]


def with_revenue(customers):
    spent = [Decimal(number) / 100 for number in range(len(customers))]
    revenue = pa.array(spent, pa.decimal128(18, 2))
    return table_of(customers).append_column("revenue", revenue)


def labels_of(model, customers):
    """By scikit-learn's nearest centroid of features that are scaled one by one."""
    scaled = np.column_stack(
        [FeatureScaling(**p).apply(customers[p["feature"]].to_numpy()) for p in model["parameters"]]
    )
    centroids = np.array([c["centroid_scaled"] for c in model["centroids"]]).reshape(3, 2)
    return scaled, metrics.pairwise_distances_argmin(scaled, centroids)


def inertia(scaled, by):
    groups = [scaled[by == i] for i in np.unique(by)]
    return sum(((group - group.mean(axis=0)) ** 2).sum() for group in groups)


def test_figures_equal_those_from_the_customers(customers, models):
    *origins, refit = models
    rows = compare_with_origins(refit, models, with_revenue(customers))
    assert [row["origin_model_id"] for row in rows] == ["m0", "m1", "m2"]
    scaled, labels = labels_of(refit, customers)
    for origin, row in zip(origins, rows, strict=False):
        _, then = labels_of(origin, customers)
        assert row["customers"] == 400
        assert row["adjusted_rand_index"] < 0.95
        assert row["adjusted_rand_index"] == pytest.approx(
            metrics.adjusted_rand_score(then, labels)
        )
        assert row["adjusted_mutual_information"] == pytest.approx(
            metrics.adjusted_mutual_info_score(then, labels)
        )
        matched = {match["origin_cluster"]: match["cluster"] for match in row["matches"]}
        misplaced = np.array([matched[i] for i in then]) != labels
        assert row["revenue"] == Decimal(400 * 399 // 2) / 100
        assert row["misplaced_revenue"] == Decimal(int(np.arange(400)[misplaced].sum())) / 100
        assert row["excess_inertia"] == pytest.approx(
            inertia(scaled, then) / inertia(scaled, labels) - 1
        )
        for match in row["matches"]:
            of_origin, of_refit = then == match["origin_cluster"], labels == match["cluster"]
            either = (of_origin | of_refit).sum()
            assert match["jaccard"] == pytest.approx((of_origin & of_refit).sum() / either)
            assert match["origin_customers"] == of_origin.sum()
            assert match["customers"] == of_refit.sum()
    assert rows[-1]["adjusted_rand_index"] == 1
    assert rows[-1]["excess_inertia"] == 0


def test_structural_agreement_is_that_of_the_origins_centroids_in_the_scaling_of_the_day(
    customers, models
):
    older = customers.assign(days=customers["days"] + 200)  # everybody has aged
    refit = model_of(older) | {"model_id": "m9"}
    *rows, _ = compare_with_origins(refit, [*models, refit], with_revenue(older))
    scaled, labels = labels_of(refit, older)
    for origin, row in zip(models, rows, strict=True):
        _, then = labels_of(origin | {"parameters": refit["parameters"]}, older)
        expected = metrics.adjusted_rand_score(then, labels)
        assert row["structural_agreement"] == pytest.approx(expected)
        matched = {m["origin_cluster"]: m["cluster"] for m in row["structural_matches"]}
        misplaced = np.array([matched[i] for i in then]) != labels
        assert row["structural_matched_agreement"] == pytest.approx(1 - misplaced.mean())
        lost = Decimal(int(np.arange(400)[misplaced].sum())) / 100
        assert row["structural_misplaced_revenue"] == lost
        for match in row["structural_matches"]:
            of_origin, of_refit = then == match["origin_cluster"], labels == match["cluster"]
            shared, either = (of_origin & of_refit).sum(), (of_origin | of_refit).sum()
            assert match["jaccard"] == pytest.approx(shared / either)
            assert match["origin_customers"] == of_origin.sum()
        looser = inertia(scaled, then) / inertia(scaled, labels) - 1
        assert row["structural_excess_inertia"] == pytest.approx(looser)
    assert rows[2]["structural_agreement"] > 0.99 > 0.5 > rows[2]["adjusted_rand_index"]


def test_a_point_counts_as_its_customers(customers, models):
    observations = with_revenue(customers)
    twice = observations.set_column(0, "customers", pa.array([2] * 400))
    repeated = pa.concat_tables([observations, observations])
    counted, alone = (compare_with_origins(models[2], models, t) for t in (twice, repeated))
    for row, expected in zip(counted, alone, strict=True):
        for name in ("customers", "adjusted_rand_index", "matched_agreement", "matches"):
            assert row[name] == expected[name]
        assert row["excess_inertia"] == pytest.approx(expected["excess_inertia"])
        assert 2 * row["misplaced_revenue"] == expected["misplaced_revenue"]


def test_an_origin_can_leave_a_cluster_empty(models):
    """All customers are alike to the first model, so its matches have nobody."""
    far = pd.DataFrame({"days": np.linspace(500, 900, 30), "money": 90.0})
    refit = model_of(far) | {"model_id": "m9"}
    (row,) = compare_with_origins(refit, models[:1], with_revenue(far))
    assert [match["origin_cluster"] for match in row["matches"]] == [0, 1, 2]
    assert sorted(match["origin_customers"] for match in row["matches"]) == [0, 0, 30]
    assert row["adjusted_rand_index"] == 0


def test_origins_can_differ_in_a_transform(customers, models):
    """A var has been changed since: each model labels by its own."""
    other = {**models[0], "model_id": "m9"}
    other["parameters"] = [dict(p, transform="identity") for p in models[0]["parameters"]]
    both = compare_with_origins(models[2], [models[0], other], with_revenue(customers))
    alone = compare_with_origins(models[2], [other], with_revenue(customers))
    assert both[1] == alone[0]
    structural = [name for name in both[0] if name.startswith("structural")]
    assert len(structural) == 5
    assert all(both[1][name] is None is not both[0][name] for name in structural)
    assert both[0]["adjusted_rand_index"] != both[1]["adjusted_rand_index"]


def test_refits_are_kept_apart_and_do_not_depend_on_threads(customers, models):
    fewer = customers.head(200)
    refits = [
        (models[i], models[:i], with_revenue(frame))
        for i, frame in ((1, customers), (2, fewer), (2, customers), (1, fewer))
    ]
    one, two = (compare_models(refits, threads=n) for n in (1, 2))
    assert one.schema == PAIRS_SCHEMA
    assert one.equals(two)
    assert one["model_id"].to_pylist() == ["m1", "m1", "m2", "m2", "m2", "m2"]
    assert one["customers"].to_pylist() == [400, 200, 200, 400, 200, 400]


def test_no_refit_gives_an_empty_table():
    assert compare_models([], threads=1).equals(PAIRS_SCHEMA.empty_table())


def takeover(champion_period, customers, distances=None):
    customers = np.array(customers)
    distances = np.zeros(customers.shape) if distances is None else np.array(distances)
    previous, following = np.indices(customers.shape)
    return pd.DataFrame(
        {
            "champion_period": champion_period,
            "previous_cluster": previous.ravel(),
            "cluster": following.ravel(),
            "customers": customers.ravel(),
            "centroid_distance": distances.ravel(),
        }
    )


def match(*takeovers):
    table = match_clusters_at_takeovers(pa.Table.from_pandas(pd.concat(takeovers)))
    assert table.schema == MATCHES_SCHEMA
    return [tuple(row.values()) for row in table.to_pylist()]


def test_most_customers_stay_even_where_the_largest_overlap_does_not():
    """The largest cell, 10, is left: 9 and 9 are more than 10 and 1."""
    assert match(takeover(2, [[10, 9], [9, 1]])) == [
        (2, 0, 1, 9, pytest.approx(9 / 20)),
        (2, 1, 0, 9, pytest.approx(9 / 20)),
    ]


def test_distances_decide_ties_only():
    tied = [[5, 5], [5, 5]]
    assert [row[1:3] for row in match(takeover(2, tied, [[0, 1], [1, 0]]))] == [(0, 0), (1, 1)]
    assert [row[1:3] for row in match(takeover(2, tied, [[1, 0], [0, 1]]))] == [(0, 1), (1, 0)]
    # One customer outweighs any distance.
    near = [[6, 5], [5, 5]]
    assert [row[1:3] for row in match(takeover(2, near, [[99, 0], [0, 99]]))] == [(0, 0), (1, 1)]


def test_of_more_old_clusters_than_new_ones_some_are_left():
    rows = match(takeover(2, [[9, 0], [0, 9], [3, 0]]), takeover(3, [[1, 2, 9]]))
    assert [row[:3] for row in rows] == [(2, 0, 0), (2, 1, 1), (3, 0, 2)]


def test_without_a_change_of_champion_nothing_is_matched():
    assert match(takeover(2, [[1]]).head(0)) == []
