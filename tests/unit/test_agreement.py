"""The agreement indices against scikit-learn and by their properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from segmentation import agreement


def cross_table(first, second):
    return metrics.cluster.contingency_matrix(first, second)


@st.composite
def labelings(draw, labels=5):
    size = draw(st.integers(2, 60))
    one = st.lists(st.integers(0, labels - 1), min_size=size, max_size=size)
    return np.array(draw(one)), np.array(draw(one))


@settings(deadline=None)  # the first call compiles
@given(labelings())
def test_indices_equal_scikit_learn(pair):
    table = cross_table(*pair)
    assert agreement.adjusted_rand_index(table) == pytest.approx(
        metrics.adjusted_rand_score(*pair), abs=1e-9
    )
    assert agreement.adjusted_mutual_information(table) == pytest.approx(
        metrics.adjusted_mutual_info_score(*pair), abs=1e-9
    )


def test_adjusted_rand_index_of_large_tables_equals_scikit_learn():
    random = np.random.default_rng(7)
    first = random.integers(0, 6, 100_000)
    second = np.where(random.random(100_000) < 0.8, first, random.integers(0, 4, 100_000))
    assert agreement.adjusted_rand_index(cross_table(first, second)) == pytest.approx(
        metrics.adjusted_rand_score(first, second), abs=1e-9
    )


@settings(deadline=None)  # the first call compiles
@given(labelings())
def test_variation_of_information_is_what_each_labeling_says_beyond_the_other(pair):
    first, second = pair
    size = len(first)
    # H(first | second) + H(second | first), customer by customer.
    expected = 0.0
    for a, b in zip(first, second, strict=True):
        both = np.sum((first == a) & (second == b))
        expected -= np.log(both / np.sum(first == a)) / size
        expected -= np.log(both / np.sum(second == b)) / size
    assert agreement.variation_of_information(cross_table(*pair)) == pytest.approx(
        expected, abs=1e-9
    )


@settings(deadline=None)  # the first call compiles
@given(labelings())
def test_indices_do_not_depend_on_the_order_of_the_labelings(pair):
    table = cross_table(*pair)
    for index in (
        agreement.adjusted_rand_index,
        agreement.adjusted_mutual_information,
        agreement.variation_of_information,
        agreement.matched_agreement,
    ):
        assert index(table) == pytest.approx(index(table.T), abs=1e-9)


@settings(deadline=None)  # the first call compiles
@given(labelings(), st.permutations(range(5)))
def test_renamed_labels_agree_perfectly(pair, names):
    first, _ = pair
    table = cross_table(first, np.array(names)[first])
    assert agreement.adjusted_rand_index(table) == pytest.approx(1)
    assert agreement.adjusted_mutual_information(table) == pytest.approx(1)
    assert agreement.variation_of_information(table) == pytest.approx(0, abs=1e-9)
    assert agreement.matched_agreement(table) == 1
    assert all(agreement.jaccard(table, *match) == 1 for match in agreement.match_labels(table))


def test_matching_keeps_as_many_customers_as_possible():
    # Matching the largest entry first, 9, would leave 1; the best total is 8 + 8.
    table = np.array([[9, 8], [8, 1]])
    assert agreement.match_labels(table) == [(0, 1), (1, 0)]
    assert agreement.matched_agreement(table) == pytest.approx(16 / 26)


def test_an_empty_label_changes_no_index():
    table = np.array([[30, 4], [2, 20]])
    padded = np.array([[30, 4, 0], [2, 20, 0], [0, 0, 0]])
    assert agreement.adjusted_rand_index(padded) == agreement.adjusted_rand_index(table)
    assert agreement.adjusted_mutual_information(padded) == pytest.approx(
        agreement.adjusted_mutual_information(table)
    )
    assert agreement.variation_of_information(padded) == agreement.variation_of_information(table)


def test_jaccard_counts_both_over_either():
    table = np.array([[30, 4], [2, 20]])
    assert agreement.jaccard(table, 0, 0) == pytest.approx(30 / 36)
    assert agreement.jaccard(np.zeros((2, 2), dtype=int), 0, 0) == 0


def test_inertia_from_sums_equals_inertia_from_points():
    random = np.random.default_rng(3)
    observations = random.normal(size=(200, 3))
    labels = random.integers(0, 4, 200)
    expected = sum(
        np.sum((observations[labels == k] - observations[labels == k].mean(axis=0)) ** 2)
        for k in range(4)
    )
    # A cluster without observations adds nothing.
    customers = np.append(np.bincount(labels), 0)
    sums = np.vstack([observations[labels == k].sum(axis=0) for k in range(5)])
    assert agreement.within_cluster_sum_of_squares(
        customers, sums, np.sum(observations**2)
    ) == pytest.approx(expected)
