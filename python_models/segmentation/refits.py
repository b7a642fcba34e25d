"""A model's recipe fitted anew on any customers, and what frozen models make of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from segmentation import agreement
from segmentation.kmeans import CentroidClustering, fit_kmeans, label_by_scores, linear_scores
from segmentation.observations import WeightedObservations
from segmentation.scaling import FeatureScaling, fit_scaling

# Of every fit. Extreme values are capped at these quantiles of the customers that it is fitted on.
CAP_QUANTILES = (0.001, 0.999)
# Fresh k-means++ starts of a first fit; the best counts. A refit starts from the centroids of the
# first one too, and needs fewer.
N_INIT = 5
N_INIT_BESIDE_WARM_START = 2
# Many segments have many optima, and there a warm start must not decide: so many fresh ones then.
MANY_SEGMENTS = 7
N_INIT_OF_MANY_SEGMENTS = 10
RANDOM_STATE = 20180101
# Customers on whom Ward's tree and DBSCAN are fitted and candidates' silhouettes measured.
SAMPLE_SIZE = 4000


@dataclass(frozen=True)
class Recipe:
    """How a candidate is fitted; see `segmentation.models.fit_model`.

    Attributes
    ----------
    algorithm : {"kmeans", "ward"}
    n_segments : int
    transforms : mapping of str to {"identity", "log1p"}
        By feature, in the order of the observations' features.
    cap_quantiles : pair of float
    n_init : int
    ward_sample_size : int
    """

    algorithm: str
    n_segments: int
    transforms: Mapping[str, str]
    cap_quantiles: Sequence[float]
    n_init: int
    ward_sample_size: int


@dataclass(frozen=True)
class FrozenModel:
    """Parameters and centroids that label any customers."""

    scalings: Sequence[FeatureScaling]
    clustering: CentroidClustering

    @classmethod
    def from_row(cls, model: Mapping) -> "FrozenModel":
        """From a row of `segmentation.models.MODELS_SCHEMA`."""
        scalings = [FeatureScaling(**parameter) for parameter in model["parameters"]]
        placed = {(c["cluster"], c["feature"]): c["centroid_scaled"] for c in model["centroids"]}
        centroids = np.array(
            [[placed[i, s.feature] for s in scalings] for i in range(model["n_segments"])]
        )
        return cls(scalings, CentroidClustering(centroids, np.array([], dtype=int), np.nan))

    def label(self, observations: WeightedObservations) -> np.ndarray:
        """Return the cluster of each observation, ndarray of int of shape (n_observations,)."""
        features = observations.transformed([*enumerate(s.transform for s in self.scalings)])
        return label_by_scores(features, self.caps(), *self.linear_scores())

    def caps(self) -> np.ndarray:
        """Caps and imputation by feature, after the transform, of shape (n_features, 3)."""
        return np.array([s.transformed_caps() for s in self.scalings])

    def linear_scores(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights and biases by cluster that score capped and transformed features."""
        means, scales = (
            np.array([getattr(s, n) for s in self.scalings]) for n in ("mean", "scale")
        )
        return linear_scores(self.clustering.centroids, means, scales)


def recipe_of(
    model: Mapping, *, cap_quantiles: Sequence[float], n_init: int, ward_sample_size: int
) -> Recipe:
    """Read the recipe of a row of `segmentation.models.MODELS_SCHEMA`."""
    return Recipe(
        algorithm=model["algorithm"],
        n_segments=model["n_segments"],
        transforms={p["feature"]: p["transform"] for p in model["parameters"]},
        cap_quantiles=cap_quantiles,
        n_init=n_init,
        ward_sample_size=ward_sample_size,
    )


def starts_beside_warm_one(n_segments: int, few: int = N_INIT_BESIDE_WARM_START) -> int:
    """Fresh k-means++ starts of a fit that also starts from known centroids.

    Parameters
    ----------
    n_segments : int
    few : int
        For fewer than seven segments; for more it is ten, or `few` if that is more.
    """
    return few if n_segments < MANY_SEGMENTS else max(few, N_INIT_OF_MANY_SEGMENTS)


def refit(
    observations: WeightedObservations,
    recipe: Recipe,
    *,
    random_state: int,
    warm_starts: Sequence[FrozenModel] = (),
) -> FrozenModel:
    """Fit a recipe, its scaling included, on the customers at hand.

    Parameters
    ----------
    observations : WeightedObservations
    recipe : Recipe
    random_state : int
    warm_starts : sequence of FrozenModel, optional
        KMeans tries their centroids beside the fresh starts.

    Raises
    ------
    ValueError
        If the customers do not suffice for a model, or the algorithm gives no centroids.
    """
    scalings = fit_scaling(
        dict(zip(recipe.transforms, observations.features.T, strict=True)),
        transforms=recipe.transforms,
        cap_quantiles=recipe.cap_quantiles,
        weights=observations.weights,
    )
    scaled = observations.scaled(scalings)
    if recipe.algorithm == "kmeans":
        clustering = fit_kmeans(
            scaled,
            n_clusters=recipe.n_segments,
            n_init=recipe.n_init,
            random_state=random_state,
            weights=observations.weights,
            warm_starts=[_moved(model, scalings) for model in warm_starts],
        )
    elif recipe.algorithm == "ward":
        # Loads scikit-learn, which takes seconds.
        from segmentation.clustering import cut_ward_tree, grow_ward_tree

        sample = scaled[observations.sample(recipe.ward_sample_size, random_state)]
        clustering = cut_ward_tree(
            scaled,
            sample,
            grow_ward_tree(sample),
            n_clusters=recipe.n_segments,
            weights=observations.weights,
        )
    else:
        raise ValueError(
            f"{recipe.algorithm} gives no centroids, so it cannot score later customers"
        )
    return FrozenModel(scalings, clustering)


def cross_table(
    first: np.ndarray, second: np.ndarray, customers: np.ndarray, n_clusters: int
) -> np.ndarray:
    """Count customers by the labels of two models, of shape (n_clusters, n_clusters)."""
    cells = first.astype(np.int64) * n_clusters + second
    counts = np.bincount(cells, weights=customers, minlength=n_clusters**2)
    return counts.reshape(n_clusters, n_clusters)


def agreement_of(
    first: FrozenModel, second: FrozenModel, observations: WeightedObservations, n_clusters: int
) -> float:
    """Compute the adjusted Rand index of two models on the same customers."""
    table = cross_table(
        first.label(observations), second.label(observations), observations.customers, n_clusters
    )
    return agreement.adjusted_rand_index(table)


def _moved(model: FrozenModel, scalings: Sequence[FeatureScaling]) -> np.ndarray:
    """Convert a model's centroids to the scaled units of other scalings."""
    centroids = model.clustering.centroids
    return np.column_stack(
        [
            (centroids[:, i] * old.scale + old.mean - new.mean) / new.scale
            for i, (old, new) in enumerate(zip(model.scalings, scalings, strict=True))
        ]
    )
