"""Stability figures against scikit-learn and plain set arithmetic."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from segmentation.resampling import (
    bootstrap_counts,
    cluster_stability,
    cross_table,
    draw_sample,
    mutual_agreement,
)


@pytest.fixture(scope="module")
def labelings():
    random = np.random.default_rng(3)
    truth = random.integers(0, 4, 500)
    noisy = [
        np.where(random.random(500) < 0.2, random.integers(0, 5, 500), truth) for _ in "abcdef"
    ]
    return np.array(noisy)


def test_a_resample_draws_as_many_customers_as_there_are():
    counts = bootstrap_counts(1000, resamples=5, random_state=1)
    assert counts.shape == (5, 1000)
    assert (counts.sum(axis=1) == 1000).all()
    # About 1/e of the customers are not drawn.
    assert (counts == 0).mean() == pytest.approx(np.exp(-1), abs=0.02)
    assert len({row.tobytes() for row in counts}) == 5
    assert (counts == bootstrap_counts(1000, resamples=5, random_state=1)).all()


def test_mutual_agreement_is_over_all_pairs(labelings):
    values = [adjusted_rand_score(a, b) for a, b in combinations(labelings, 2)]
    mean, p05 = mutual_agreement(labelings)
    assert len(values) == 15
    assert mean == pytest.approx(np.mean(values))
    assert p05 == pytest.approx(np.quantile(values, 0.05))


def test_noise_is_a_label_of_its_own(labelings):
    first, second = labelings[0] - 1, labelings[1] - 1
    table = cross_table(first, second)
    assert table.sum() == 500
    assert table[0, 0] == ((first == -1) & (second == -1)).sum()
    assert mutual_agreement(np.array([first, second]))[0] == pytest.approx(
        adjusted_rand_score(first, second)
    )


def test_stability_is_the_mean_jaccard_with_the_most_similar_cluster(labelings):
    labels, others = labelings[0] - 1, labelings[1:] - 1
    expected = []
    for cluster in range(labels.max() + 1):
        members = set(np.flatnonzero(labels == cluster))
        best = []
        for other in others:
            candidates = [set(np.flatnonzero(other == i)) for i in range(other.max() + 1)]
            best.append(max(len(members & c) / len(members | c) for c in candidates))
        expected.append(np.mean(best))
    assert cluster_stability(labels, others) == pytest.approx(expected)


def test_a_cluster_that_dissolves_is_not_stable():
    labels = np.repeat([0, 1, 2], [480, 10, 10])
    without = np.repeat([0, 1], [490, 10])
    stability = cluster_stability(labels, np.array([without, without]))
    assert stability.tolist() == [480 / 490, 10 / 490, 1.0]


def test_noise_is_no_cluster_that_another_could_come_back_as():
    labels = np.repeat([0, 1], [50, 50])
    lost = np.repeat([0, -1], [50, 50])
    assert cluster_stability(labels, np.array([lost])).tolist() == [1.0, 0.0]


def test_a_sample_is_seeded_and_without_repetition():
    sample = draw_sample(1000, 100, 7)
    assert (sample == draw_sample(1000, 100, 7)).all()
    assert (sample != draw_sample(1000, 100, 8)).any()
    assert len(np.unique(sample)) == 100
    assert (draw_sample(5, None, 7) == np.arange(5)).all()
    assert (draw_sample(5, 9, 7) == np.arange(5)).all()
