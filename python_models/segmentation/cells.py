"""Customers counted in cells, and models refitted on them.

A cell holds the customers who are alike in every feature that a model uses. Refits that ask how far
noise goes, or why agreement ends, are made on cells: the work does not grow with the customers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from segmentation import agreement
from segmentation.clustering import CentroidClustering, cut_ward_tree, fit_kmeans, grow_ward_tree
from segmentation.scaling import FeatureScaling, fit_scaling, scale_features


@dataclass(frozen=True)
class Cells:
    """Customers of one date.

    Attributes
    ----------
    features : ndarray of shape (n_cells, n_features)
        What the customers of a cell have in common, in original units, NaN where unknown.
    customers : ndarray of float of shape (n_cells,)
        How many they are; need not be whole in a resample or a counterfactual.
    """

    features: np.ndarray
    customers: np.ndarray

    @classmethod
    def from_table(cls, cells: pa.Table) -> "Cells":
        """From rows with `customers` and the list `feature_values`."""
        values = cells["feature_values"].combine_chunks().flatten()
        return cls(
            values.to_numpy(zero_copy_only=False).astype(float).reshape(cells.num_rows, -1),
            cells["customers"].to_numpy().astype(float),
        )

    def resampled(self, random_state: int) -> "Cells":
        """A bootstrap resample: as many customers, drawn with replacement; cells stay in place."""
        total = round(self.customers.sum())
        shares = self.customers / self.customers.sum()
        drawn = np.random.default_rng(random_state).multinomial(total, shares)
        return replace(self, customers=drawn.astype(float))


@dataclass(frozen=True)
class Recipe:
    """How a candidate is fitted; see `segmentation.models.fit_model`.

    Attributes
    ----------
    algorithm : {"kmeans", "ward"}
    n_segments : int
    transforms : mapping of str to {"identity", "log1p"}
        By feature, in the order of the cells' values.
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

    def label(self, cells: Cells) -> np.ndarray:
        """Number of the cluster of each cell, ndarray of int of shape (n_cells,)."""
        return self.clustering.label(_scaled(cells, self.scalings))


def recipe_of(model: Mapping, *, cap_quantiles: Sequence[float], ward_sample_size: int) -> Recipe:
    """The recipe of a row of `segmentation.models.MODELS_SCHEMA`."""
    return Recipe(
        algorithm=model["algorithm"],
        n_segments=model["n_segments"],
        transforms={p["feature"]: p["transform"] for p in model["parameters"]},
        cap_quantiles=cap_quantiles,
        n_init=model["n_init"],
        ward_sample_size=ward_sample_size,
    )


def refit(
    cells: Cells, recipe: Recipe, *, random_state: int, warm_starts: Sequence[FrozenModel] = ()
) -> FrozenModel:
    """Fit a recipe anew, its scaling included, on customers in cells.

    Parameters
    ----------
    cells : Cells
    recipe : Recipe
    random_state : int
    warm_starts : sequence of FrozenModel, optional
        KMeans tries their centroids beside the fresh starts.

    Raises
    ------
    ValueError
        If the cells do not suffice for a model.
    """
    held = cells.customers > 0
    values, weights = cells.features[held], cells.customers[held]
    scalings = fit_scaling(
        dict(zip(recipe.transforms, values.T, strict=True)),
        transforms=recipe.transforms,
        cap_quantiles=recipe.cap_quantiles,
        weights=weights,
    )
    points = _scaled(Cells(values, weights), scalings)
    if recipe.algorithm == "ward":
        shares = weights / weights.sum()
        drawn = np.random.default_rng(random_state).choice(
            len(points), min(recipe.ward_sample_size, int(weights.sum())), p=shares
        )
        sample = points[np.sort(drawn)]
        tree = grow_ward_tree(sample)
        return FrozenModel(
            scalings, cut_ward_tree(points, sample, tree, n_clusters=recipe.n_segments)
        )
    return FrozenModel(
        scalings,
        fit_kmeans(
            points,
            n_clusters=recipe.n_segments,
            n_init=recipe.n_init,
            random_state=random_state,
            weights=weights,
            warm_starts=[_moved(model, scalings) for model in warm_starts],
        ),
    )


def cross_table(
    first: np.ndarray, second: np.ndarray, customers: np.ndarray, n_clusters: int
) -> np.ndarray:
    """Customers by the labels that two models give them, of shape (n_clusters, n_clusters)."""
    cells = first.astype(np.int64) * n_clusters + second
    counts = np.bincount(cells, weights=customers, minlength=n_clusters**2)
    return counts.reshape(n_clusters, n_clusters)


def agreement_of(first: FrozenModel, second: FrozenModel, cells: Cells, n_clusters: int) -> float:
    """Adjusted Rand index of two models on the same customers."""
    table = cross_table(first.label(cells), second.label(cells), cells.customers, n_clusters)
    return agreement.adjusted_rand_index(table)


def _scaled(cells: Cells, scalings: Sequence[FeatureScaling]) -> np.ndarray:
    values = {s.feature: column for s, column in zip(scalings, cells.features.T, strict=True)}
    return scale_features(values, scalings)


def _moved(model: FrozenModel, scalings: Sequence[FeatureScaling]) -> np.ndarray:
    """A model's centroids in the scaled units of other scalings."""
    centroids = model.clustering.centroids
    return np.column_stack(
        [
            (centroids[:, i] * old.scale + old.mean - new.mean) / new.scale
            for i, (old, new) in enumerate(zip(model.scalings, scalings, strict=True))
        ]
    )
