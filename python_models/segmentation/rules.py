"""RFM by rules: scores of one to five by cut points, and the usual eleven segments.

Scores are those of Hughes (1994), `Strategic Database Marketing`; the segments, by recency and the
mean of frequency and monetary value, are those that marketing tools share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

FEATURES = ("recency_days", "frequency", "monetary_value")
SCORES = 5
NAMES = [
    *("champions", "loyal", "potential loyalists", "new", "promising", "need attention"),
    *("about to sleep", "at risk", "cannot lose them", "hibernating", "lost"),
]
# By the score of recency, 1 to 5, the segments at the scores 1 to 5 of frequency and value.
_GRID = [
    ["lost", "hibernating", "at risk", "at risk", "cannot lose them"],
    ["hibernating", "hibernating", "at risk", "at risk", "cannot lose them"],
    ["about to sleep", "about to sleep", "need attention", "loyal", "loyal"],
    ["promising", "potential loyalists", "potential loyalists", "loyal", "loyal"],
    ["new", "potential loyalists", "potential loyalists", "champions", "champions"],
]
_LABELS = np.array([[NAMES.index(name) for name in row] for row in _GRID])


@dataclass(frozen=True)
class Rules:
    """Cut points that give every customer a segment, whoever they were found on.

    Attributes
    ----------
    cut_points : ndarray of shape (3, 4)
        By feature of `FEATURES`, in original units, ascending. A value above so many of them has
        that score and one more; of recency it has so much less than five.
    """

    cut_points: np.ndarray

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Score customers.

        Parameters
        ----------
        features : ndarray of shape (n_customers, 3)
            `FEATURES` in original units.

        Returns
        -------
        ndarray of int of shape (n_customers, 3)
            1 to 5; customers of one value have one score.
        """
        scores = np.column_stack(
            [
                1 + np.searchsorted(cuts, values, side="left")
                for cuts, values in zip(self.cut_points, features.T, strict=True)
            ]
        )
        scores[:, 0] = SCORES + 1 - scores[:, 0]
        return scores

    def label(self, features: np.ndarray) -> np.ndarray:
        """Return the place in `NAMES` of the segment of each customer; ndarray of int."""
        recency, frequency, monetary = self.scores(features).T
        # The mean of the two, halves up.
        return _LABELS[recency - 1, (frequency + monetary + 1) // 2 - 1]


@dataclass(frozen=True)
class RuleClustering:
    """Customers by rules: what was found, and the segment of each customer.

    Attributes
    ----------
    rules : Rules
    labels : ndarray of int of shape (n_customers,)
        Numbers from 0 on, of the segments that have customers, in the order of `NAMES`.
    """

    rules: Rules
    labels: np.ndarray


def fit_rules(
    features: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    cut_points: Mapping[str, Sequence[float]] | None = None,
) -> Rules:
    """Find the cut points at the fifths of the customers, or take those that are given.

    Parameters
    ----------
    features : ndarray of shape (n_customers, 3)
        `FEATURES` in original units.
    weights : ndarray of shape (n_customers,), optional
        How many customers a row stands for.
    cut_points : mapping of str to four numbers, optional
        By feature; one that is not there has its cut points at the fifths.

    Raises
    ------
    ValueError
        If there is no customer, or cut points do not ascend.
    """
    if not len(features):
        raise ValueError("no customer to find cut points on")
    found = np.empty((len(FEATURES), SCORES - 1))
    for i, (feature, values) in enumerate(zip(FEATURES, features.T, strict=True)):
        by_hand = (cut_points or {}).get(feature)
        if by_hand is None:
            found[i] = _fifths(values, weights)
            continue
        if len(by_hand) != SCORES - 1 or list(by_hand) != sorted(set(by_hand)):
            raise ValueError(f"{feature} needs {SCORES - 1} cut points that ascend: {by_hand}")
        found[i] = by_hand
    return Rules(found)


def cluster_by_rules(
    features: np.ndarray, *, cut_points: Mapping[str, Sequence[float]] | None = None
) -> RuleClustering:
    """Return the segments of customers by the rules that are found on them."""
    rules = fit_rules(features, cut_points=cut_points)
    return RuleClustering(rules, np.unique(rules.label(features), return_inverse=True)[1])


def _fifths(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Return the least value that so many fifths of the customers do not exceed."""
    parts = np.arange(1, SCORES) / SCORES
    return np.quantile(values, parts, method="inverted_cdf", weights=weights)
