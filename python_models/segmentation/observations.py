"""Customers as observations: those who are alike in every feature that a model uses, counted.

Up to a number of customers everyone is an observation; beyond it SQL counts them in fine bins, so
that what Python sees does not grow with the customers. Refits that ask how far noise goes, or why
agreement ends, are made on bins, which are coarser still.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numba import njit

from segmentation.scaling import TRANSFORMS, FeatureScaling

# Fractions of a bin that fill it evenly, those of the macro `staggered_bins`, which says why.
BIN_OFFSETS = (0.6180339887, 0.7548776662, 0.5698402910, 0.8191725134, 0.6710436067)
# Width of the bins on which noise, causes and the stability of candidates are measured, in standard
# deviations of each feature.
NOISE_BIN_WIDTH = 0.2
# Of customers, by the ranks of a feature: within them another one is given to customers.
N_GROUPS = 10
# Up to so many bins have a place each, of a few bytes, while observations are put into bins.
_COUNTED = 10_000_000


@dataclass(frozen=True)
class Ranks:
    """The known values of a feature by group of customers, and in order within it.

    Attributes
    ----------
    values, groups, customers : ndarray of shape (n_values,)
        Distinct values of each group, their group, and how many customers have them.
    shares : ndarray of shape (n_values,)
        Of the customers of the group.
    order : ndarray of int of shape (n_known,)
        Numbers of the observations, in the same order.
    starts : ndarray of int of shape (n_values,)
        The place of the first observation of each value in `order`.
    """

    values: np.ndarray
    groups: np.ndarray
    customers: np.ndarray
    shares: np.ndarray
    order: np.ndarray
    starts: np.ndarray

    def observations_of(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the observations of some values, value after value, and which it is."""
        sizes = np.diff(self.starts, append=len(self.order))[values]
        which = np.repeat(np.arange(len(values)), sizes)
        first = np.cumsum(sizes) - sizes
        return self.order[(self.starts[values] - first)[which] + np.arange(len(which))], which


@dataclass(frozen=True)
class WeightedObservations:
    """Customers of one date.

    Attributes
    ----------
    features : ndarray of shape (n_observations, n_features)
        What the customers of an observation have in common, in original units, NaN where unknown;
        observations in an order that does not depend on chance.
    customers : ndarray of float of shape (n_observations,)
        How many they are, more than 0; need not be whole in a counterfactual.
    """

    features: np.ndarray
    customers: np.ndarray

    @classmethod
    def from_table(cls, observations: pa.Table) -> "WeightedObservations":
        """From rows with `customers` and the list `feature_values`."""
        values = observations["feature_values"].combine_chunks().flatten()
        return cls(
            values.to_numpy(zero_copy_only=False).astype(float).reshape(observations.num_rows, -1),
            observations["customers"].to_numpy().astype(float),
        )

    @cached_property
    def weights(self) -> np.ndarray | None:
        """`customers`, or None where everyone is an observation."""
        return None if (self.customers == 1).all() else self.customers

    @cached_property
    def n_customers(self) -> int:
        """All customers; a counterfactual splits them, so their sum is rounded."""
        return round(self.customers.sum())

    def scaled(self, scalings: Sequence[FeatureScaling]) -> np.ndarray:
        """Features in the scaled units of a model, of shape (n_observations, n_features)."""
        scaled = self.capped(scalings)
        for column, scaling in zip(scaled, scalings, strict=True):
            column -= scaling.mean
            column /= scaling.scale
        return scaled.T

    def capped(self, scalings: Sequence[FeatureScaling]) -> np.ndarray:
        """Imputed, capped and transformed features, of shape (n_features, n_observations)."""
        capped = np.empty(self.features.shape[::-1])
        for i, scaling in enumerate(scalings):
            values, is_missing = self._transformed(i, scaling.transform)
            lower, upper, missing = scaling.transformed_caps()
            np.clip(values, lower, upper, out=capped[i])
            if is_missing is not None:
                capped[i, is_missing] = missing
        return capped

    def transformed(self, features: Sequence[tuple[int, str]]) -> np.ndarray:
        """Transform features, NaN where unknown, to an array of shape (n_given, n_observations)."""
        return np.stack([self._transformed(*feature)[0] for feature in features])

    def _transformed(self, feature: int, transform: str) -> tuple[np.ndarray, np.ndarray | None]:
        """One transformed feature and where it is missing; kept, as many models label the same."""
        key = feature, transform
        if key not in self._transformed_features:
            forward, _ = TRANSFORMS[transform]
            values = forward(self.features[:, feature])
            is_missing = np.isnan(values)
            self._transformed_features[key] = values, is_missing if is_missing.any() else None
        return self._transformed_features[key]

    @cached_property
    def _transformed_features(self) -> dict[tuple[int, str], tuple[np.ndarray, np.ndarray | None]]:
        return {}

    def sample(self, sample_size: int | None, random_state: int) -> np.ndarray:
        """Observation numbers of a seeded sample of customers, ascending; None takes all customers.

        Without replacement where everyone is an observation; else an observation comes up as often
        as customers of it are drawn.
        """
        if sample_size is None or sample_size >= self.n_customers:
            return np.repeat(np.arange(len(self.customers)), self.customers.astype(int))
        random = np.random.default_rng(random_state)
        if self.weights is None:
            return np.sort(random.choice(len(self.customers), sample_size, replace=False))
        shares = self.customers / self.customers.sum()
        return np.sort(random.choice(len(self.customers), sample_size, p=shares))

    def resampled(self, random_state: int) -> "WeightedObservations":
        """Draw a bootstrap resample of the customers: as many, with replacement."""
        shares = self.customers / self.customers.sum()
        drawn = np.random.default_rng(random_state).multinomial(self.n_customers, shares)
        return WeightedObservations(self.features[drawn > 0], drawn[drawn > 0].astype(float))

    def halves(self, random_state: int) -> tuple["WeightedObservations", "WeightedObservations"]:
        """Split the customers at random into two halves; of an odd number one has one more."""
        drawn = np.random.default_rng(random_state).multivariate_hypergeometric(
            self.customers.astype(np.int64), self.n_customers // 2, method="marginals"
        )
        parts = drawn.astype(float), self.customers - drawn
        return tuple(WeightedObservations(self.features[n > 0], n[n > 0]) for n in parts)

    def in_whole_customers(self) -> "WeightedObservations":
        """Round to whole customers, so that none of a run of observations are off by more than one.

        Observations of small parts of a customer go, all but a few.
        """
        whole = np.diff(np.floor(np.cumsum(self.customers) + 0.5), prepend=0.0)
        return WeightedObservations(self.features[whole > 0], whole[whole > 0])

    def in_bins(self, scalings: Sequence[FeatureScaling], width: float) -> "WeightedObservations":
        """Put the customers in bins, each at the mean of its customers.

        Parameters
        ----------
        scalings : sequence of FeatureScaling
            Of a model; values are capped as it caps them.
        width : float
            Of a bin, in standard deviations of each feature.

        Notes
        -----
        Bins are staggered as the macro `staggered_bins` says, so that a border between two clusters
        that moves a little does not take whole rows of them with it.
        """
        scaled = np.ascontiguousarray(self.scaled(scalings).T)
        known = ~np.isnan(self.features.T)
        bins = _bins(np.where(known, scaled / width, np.nan), np.array(BIN_OFFSETS))
        shape = bins.max(axis=1) + 1
        if shape.prod(dtype=float) < np.iinfo(np.int64).max:
            # One number for all bins of an observation: much faster than comparing rows.
            key = np.ravel_multi_index(tuple(bins), shape)
        else:
            _, key = np.unique(bins, axis=1, return_inverse=True)
        if key.max() < _COUNTED:
            # A place for each number: nothing is sorted.
            is_taken = np.zeros(key.max() + 1, dtype=bool)
            is_taken[key] = True
            bin = (np.cumsum(is_taken) - 1)[key]
        else:
            _, bin = np.unique(key, return_inverse=True)
        some_point = np.empty(bin.max() + 1, dtype=np.int64)
        some_point[bin] = np.arange(len(bin))
        customers = np.bincount(bin, weights=self.customers)
        features = np.column_stack(
            [
                scaling.invert(np.bincount(bin, weights=column * self.customers) / customers)
                for scaling, column in zip(scalings, scaled, strict=True)
            ]
        )
        return WeightedObservations(np.where(known[:, some_point].T, features, np.nan), customers)

    def distribution(self, feature: int) -> "WeightedObservations":
        """One feature alone: its distinct values and their customers, the unknown one of them.

        Kept, as what was known at one date is compared with that of many.
        """
        if feature not in self._distributions:
            values, number = np.unique(self.features[:, feature], return_inverse=True)
            customers = np.bincount(number, weights=self.customers)
            self._distributions[feature] = WeightedObservations(values[:, None], customers)
        return self._distributions[feature]

    def ranks(self, feature: int, given: int | None = None) -> Ranks:
        """Rank the known values of a feature, in groups by the ranks of another one, if any.

        Kept, as the distribution of one date is given to many customers of the other. The groups
        are of equal size, but for customers of one value, who are not torn apart.
        """
        if (feature, given) not in self._ranks:
            values, groups = self.features[:, feature], self._groups(given)
            order = np.argsort(values, kind="stable")[: np.count_nonzero(~np.isnan(values))]
            order = order[np.argsort(groups[order], kind="stable")]
            values, groups = values[order], groups[order]
            is_first = np.ones(len(order), dtype=bool)
            is_first[1:] = (np.diff(values) != 0) | (np.diff(groups) != 0)
            starts = np.flatnonzero(is_first)
            groups, customers = groups[starts], self.customers[order]
            customers = np.add.reduceat(customers, starts) if len(starts) else customers
            shares = customers / np.bincount(groups, weights=customers)[groups]
            self._ranks[feature, given] = Ranks(
                values[starts], groups, customers, shares, order, starts
            )
        return self._ranks[feature, given]

    def _groups(self, feature: int | None) -> np.ndarray:
        """Group of each observation by the middle rank of its value; the unknown are a value."""
        if feature is None:
            return np.zeros(len(self.customers), dtype=np.int16)
        order = np.argsort(self.features[:, feature], kind="stable")
        values, customers = self.features[order, feature], self.customers[order]
        of_value = np.append(0, np.cumsum(values[1:] > values[:-1]))
        masses = np.bincount(of_value, weights=customers)
        middles = (np.cumsum(masses) - masses / 2) / masses.sum()
        groups = np.empty(len(order), dtype=np.int16)
        groups[order] = np.minimum(middles * N_GROUPS, N_GROUPS - 1)[of_value]
        return groups

    @cached_property
    def _ranks(self) -> dict[tuple[int, int | None], Ranks]:
        return {}

    @cached_property
    def _distributions(self) -> dict[int, "WeightedObservations"]:
        return {}


@njit(cache=True, nogil=True)
def _bins(places, offsets):
    """Staggered bin of each feature and observation, from 0; 0 where the place is NaN.

    Places are in widths of a bin, of shape (n_features, n_observations), as are the bins.
    """
    n_features, n_observations = places.shape
    bins = np.zeros((n_features, n_observations), np.int64)
    for feature in range(n_features):
        shifts = np.zeros(n_observations)
        others = 0
        for other in range(n_features):
            if other != feature:
                offset = offsets[others % len(offsets)]
                others += 1
                for observation in range(n_observations):
                    place = places[other, observation]
                    shifts[observation] += 0.0 if np.isnan(place) else np.round(place) * offset
        lowest = np.inf
        for observation in range(n_observations):
            shifts[observation] = np.floor(places[feature, observation] + shifts[observation] % 1)
            lowest = shifts[observation] if shifts[observation] < lowest else lowest
        for observation in range(n_observations):
            if not np.isnan(shifts[observation]):
                bins[feature, observation] = 1 + int(shifts[observation] - lowest)
    return bins
