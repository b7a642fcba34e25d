"""Figures of one labelling against scikit-learn and plain definitions."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import entropy
from sklearn.datasets import make_blobs
from sklearn.metrics import silhouette_samples, silhouette_score

from segmentation.resampling import draw_sample
from segmentation.validity import (
    balance,
    sampled_silhouette,
    separation,
    silhouettes,
    simplified_silhouette,
)


@pytest.fixture(scope="module")
def points():
    return make_blobs(300, centers=4, n_features=3, cluster_std=3.0, random_state=2)[0]


@pytest.fixture(scope="module")
def labels(points):
    return np.random.default_rng(1).integers(0, 4, len(points)) * (points[:, 0] > 0)


def test_silhouettes_are_scikit_learns(points, labels):
    labels = labels.copy()
    labels[0] = 4  # alone in its cluster
    ours = silhouettes(cdist(points, points), labels)
    assert ours == pytest.approx(silhouette_samples(points, labels))
    assert ours[0] == 0


def test_noise_belongs_to_no_cluster(points, labels):
    noise = np.arange(len(points)) % 7 == 0
    ours = silhouettes(cdist(points, points), np.where(noise, -1, labels))
    assert np.isnan(ours[noise]).all()
    assert ours[~noise] == pytest.approx(silhouette_samples(points[~noise], labels[~noise]))


def test_one_cluster_has_no_silhouette(points):
    assert np.isnan(silhouettes(cdist(points, points), np.zeros(len(points), dtype=int))).all()


def test_identical_points_are_neither_near_nor_far():
    points = np.zeros((6, 2))
    labels = np.array([0, 0, 0, 1, 1, 1])
    assert silhouettes(cdist(points, points), labels).tolist() == [0] * 6
    assert simplified_silhouette(points, labels, np.zeros((2, 2))) == 0


def test_the_silhouette_of_all_points_is_exact(points, labels):
    value, error = sampled_silhouette(points, labels, np.arange(len(points)))
    assert value == pytest.approx(silhouette_score(points, labels))
    assert error == 0


def test_a_sampled_silhouette_is_close_and_says_how_close():
    points, labels = make_blobs(600, centers=5, cluster_std=2.0, random_state=5)
    sampled = [
        sampled_silhouette(points, labels, draw_sample(len(points), 200, seed))
        for seed in range(40)
    ]
    values = np.array([value for value, _ in sampled])
    errors = np.array([error for _, error in sampled])
    assert values.mean() == pytest.approx(silhouette_score(points, labels), abs=0.02)
    assert values.std() == pytest.approx(errors.mean(), rel=0.5)


def test_a_sample_of_one_cluster_has_no_silhouette(points):
    value, error = sampled_silhouette(points, np.zeros(len(points), dtype=int), np.arange(50))
    assert np.isnan(value)
    assert np.isnan(error)


def test_a_simplified_silhouette_measures_to_centroids(points, labels):
    centroids = np.array([points[labels == i].mean(axis=0) for i in range(4)])
    expected = []
    for point, label in zip(points, labels, strict=True):
        to_all = np.linalg.norm(centroids - point, axis=1)
        other = np.delete(to_all, label).min()
        expected.append((other - to_all[label]) / max(other, to_all[label]))
    assert simplified_silhouette(points, labels, centroids) == pytest.approx(np.mean(expected))


def test_separation_is_the_variance_between_clusters(points, labels):
    frame = pd.DataFrame(points)
    of_cluster = frame.groupby(labels).transform("mean")
    assert separation(points, labels) == pytest.approx(of_cluster.var() / frame.var())


def test_separation_is_that_of_the_known_values(points, labels):
    holey = points.copy()
    holey[::3, 1] = np.nan
    known = np.arange(len(points)) % 3 > 0
    shares = separation(holey, labels)
    assert shares[1] == pytest.approx(separation(points[known], labels[known])[1])
    assert shares[[0, 2]] == pytest.approx(separation(points, labels)[[0, 2]])


def test_separation_leaves_noise_and_constant_features_out(points, labels):
    noise = np.arange(len(points)) % 7 == 0
    constant = np.column_stack([points, np.ones(len(points))])
    shares = separation(constant, np.where(noise, -1, labels))
    assert shares[:3] == pytest.approx(separation(points[~noise], labels[~noise]))
    assert shares[3] == 0


@pytest.mark.parametrize("sizes", [[10, 10, 10], [97, 2, 1], [5, 80, 15, 40]])
def test_balance_is_the_normalised_entropy(sizes):
    assert balance(np.array(sizes)) == pytest.approx(entropy(sizes) / np.log(len(sizes)))


def test_one_cluster_is_not_balanced():
    assert balance(np.array([7])) == 0
