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
def observations():
    return make_blobs(300, centers=4, n_features=3, cluster_std=3.0, random_state=2)[0]


@pytest.fixture(scope="module")
def labels(observations):
    return np.random.default_rng(1).integers(0, 4, len(observations)) * (observations[:, 0] > 0)


def test_silhouettes_are_scikit_learns(observations, labels):
    labels = labels.copy()
    labels[0] = 4  # alone in its cluster
    ours = silhouettes(cdist(observations, observations), labels)
    assert ours == pytest.approx(silhouette_samples(observations, labels))
    assert ours[0] == 0


def test_noise_belongs_to_no_cluster(observations, labels):
    noise = np.arange(len(observations)) % 7 == 0
    ours = silhouettes(cdist(observations, observations), np.where(noise, -1, labels))
    assert np.isnan(ours[noise]).all()
    assert ours[~noise] == pytest.approx(silhouette_samples(observations[~noise], labels[~noise]))


def test_one_cluster_has_no_silhouette(observations):
    assert np.isnan(
        silhouettes(cdist(observations, observations), np.zeros(len(observations), dtype=int))
    ).all()


def test_identical_points_are_neither_near_nor_far():
    observations = np.zeros((6, 2))
    labels = np.array([0, 0, 0, 1, 1, 1])
    assert silhouettes(cdist(observations, observations), labels).tolist() == [0] * 6
    assert simplified_silhouette(observations, labels, np.zeros((2, 2))) == 0


def test_the_silhouette_of_all_points_is_exact(observations, labels):
    value, error = sampled_silhouette(observations, labels, np.arange(len(observations)))
    assert value == pytest.approx(silhouette_score(observations, labels))
    assert error == 0


def test_a_sampled_silhouette_is_close_and_says_how_close():
    observations, labels = make_blobs(600, centers=5, cluster_std=2.0, random_state=5)
    sampled = [
        sampled_silhouette(observations, labels, draw_sample(len(observations), 200, seed))
        for seed in range(40)
    ]
    values = np.array([value for value, _ in sampled])
    errors = np.array([error for _, error in sampled])
    assert values.mean() == pytest.approx(silhouette_score(observations, labels), abs=0.02)
    assert values.std() == pytest.approx(errors.mean(), rel=0.5)


def test_a_sample_of_one_cluster_has_no_silhouette(observations):
    value, error = sampled_silhouette(
        observations, np.zeros(len(observations), dtype=int), np.arange(50)
    )
    assert np.isnan(value)
    assert np.isnan(error)


def test_a_simplified_silhouette_measures_to_centroids(observations, labels):
    centroids = np.array([observations[labels == i].mean(axis=0) for i in range(4)])
    expected = []
    for point, label in zip(observations, labels, strict=True):
        to_all = np.linalg.norm(centroids - point, axis=1)
        other = np.delete(to_all, label).min()
        expected.append((other - to_all[label]) / max(other, to_all[label]))
    assert simplified_silhouette(observations, labels, centroids) == pytest.approx(
        np.mean(expected)
    )


def test_separation_is_the_variance_between_clusters(observations, labels):
    frame = pd.DataFrame(observations)
    of_cluster = frame.groupby(labels).transform("mean")
    assert separation(observations, labels) == pytest.approx(of_cluster.var() / frame.var())


def test_separation_is_that_of_the_known_values(observations, labels):
    holey = observations.copy()
    holey[::3, 1] = np.nan
    known = np.arange(len(observations)) % 3 > 0
    shares = separation(holey, labels)
    assert shares[1] == pytest.approx(separation(observations[known], labels[known])[1])
    assert shares[[0, 2]] == pytest.approx(separation(observations, labels)[[0, 2]])


def test_separation_leaves_noise_and_constant_features_out(observations, labels):
    noise = np.arange(len(observations)) % 7 == 0
    constant = np.column_stack([observations, np.ones(len(observations))])
    shares = separation(constant, np.where(noise, -1, labels))
    assert shares[:3] == pytest.approx(separation(observations[~noise], labels[~noise]))
    assert shares[3] == 0


@pytest.mark.parametrize("sizes", [[10, 10, 10], [97, 2, 1], [5, 80, 15, 40]])
def test_balance_is_the_normalised_entropy(sizes):
    assert balance(np.array(sizes)) == pytest.approx(entropy(sizes) / np.log(len(sizes)))


def test_one_cluster_is_not_balanced():
    assert balance(np.array([7])) == 0
