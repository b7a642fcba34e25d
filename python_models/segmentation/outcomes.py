"""What a frozen model loses against a refit as a predictor of what customers do next."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from segmentation.refits import RANDOM_STATE

# Bootstrap resamples behind an interval, and how sure the interval is.
RESAMPLES = 1000
CONFIDENCE = 0.95

PAIR = ["origin_model_id", "model_id", "evaluation_date", "horizon_days"]

OUTCOMES_SCHEMA = pa.schema(
    [
        ("origin_model_id", pa.string()),
        ("model_id", pa.string()),
        ("evaluation_date", pa.timestamp("us")),
        ("horizon_days", pa.int32()),
        ("customers", pa.int64()),
        ("buyers", pa.int64()),
        ("least_buyers_of_half", pa.int64()),
        ("frozen_auc", pa.float64()),
        ("refit_auc", pa.float64()),
        ("auc_loss", pa.float64()),
        ("auc_loss_low", pa.float64()),
        ("auc_loss_high", pa.float64()),
        ("frozen_explained", pa.float64()),
        ("refit_explained", pa.float64()),
        ("explained_loss", pa.float64()),
        ("explained_loss_low", pa.float64()),
        ("explained_loss_high", pa.float64()),
    ]
)


def compare_outcomes(
    counts: pd.DataFrame,
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    random_state: int = RANDOM_STATE,
) -> pa.Table:
    """Score pairs of a frozen model and a refit as predictors of the same customers.

    Parameters
    ----------
    counts : DataFrame
        One row per pair of models, horizon, half and pair of clusters: `PAIR`, `half` (0 or 1),
        `origin_cluster` and `cluster`, `customers` in both, `buyers` among them, `revenue` of the
        buyers in the currency of the shop, and `revenue_squares`, the sum of its squares by buyer.
    resamples, confidence, random_state
        See `loss_of_waiting`.

    Returns
    -------
    pyarrow.Table
        One row per pair of models and horizon, with `OUTCOMES_SCHEMA`.
    """
    rows = []
    for key, of_pair in counts.groupby(PAIR, sort=True):
        pair = dict(zip(PAIR, key, strict=True))
        # A draw of its own for each pair, whatever others are scored in the same run.
        seed = [random_state, pair["horizon_days"], pair["evaluation_date"].toordinal()]
        found = loss_of_waiting(
            of_pair, resamples=resamples, confidence=confidence, random_state=seed
        )
        rows.append(pair | found)
    return pa.Table.from_pylist(rows, schema=OUTCOMES_SCHEMA)


def loss_of_waiting(
    counts: pd.DataFrame,
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    random_state: int | Sequence[int] = RANDOM_STATE,
) -> dict:
    """Measure what a frozen model loses against a refit, on customers it has no rates from.

    Each model predicts that a customer buys at the rate of the cluster, and brings the mean revenue
    of the cluster. Rates and means come from one half of the customers and are scored on the other;
    figures are the means over both ways.

    Parameters
    ----------
    counts : DataFrame
        As `compare_outcomes` takes it, of one pair of models and one horizon.
    resamples : int
        Bootstrap resamples of the customers. Both models see the same ones, so the interval is that
        of a paired comparison.
    confidence : float
        Of the intervals, 0 to 1.
    random_state : int or sequence of int
        Of the resamples.

    Returns
    -------
    dict
        `customers`, `buyers`, `least_buyers_of_half`; area under the ROC curve of either model,
        `frozen_auc` and `refit_auc`, with `auc_loss`, by how much that of the refit is higher, and
        its interval; the same of the share of the variance of revenue that is explained
        (`frozen_explained`, `refit_explained`, `explained_loss`), which is below 0 where the mean
        of all predicts better. They are left out where a half has no buyer, or nobody else.

    Notes
    -----
    Rates and means stay as they are, so the interval is that of the customers who are scored. The
    two ways share customers: where clusters tell nothing of who buys, 95 % intervals hold the true
    loss in some 87 % of the cases.
    Resamples draw the cells of the cross-table, not customers: what buyers bring is drawn as a sum,
    normal with mean and variance of the buyers of the cell. So time does not grow with customers.
    """
    cells = _Cells.from_frame(counts)
    found = {
        "customers": int(cells.customers.sum()),
        "buyers": int(cells.buyers.sum()),
        "least_buyers_of_half": int(cells.buyers.sum(axis=-1).min()),
    }
    others = cells.customers.sum(axis=-1) - cells.buyers.sum(axis=-1)
    if found["least_buyers_of_half"] == 0 or others.min() == 0:
        return found
    measured = cells.scores(cells)
    resampled = cells.resampled(resamples, np.random.default_rng(random_state)).scores(cells)
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    for name in ("auc", "explained"):
        frozen, refit = (measured[f"{model}_{name}"] for model in ("frozen", "refit"))
        loss = resampled[f"refit_{name}"] - resampled[f"frozen_{name}"]
        # With few buyers no resample has any of both kinds.
        low, high = np.nanquantile(loss, ends) if np.isfinite(loss).any() else (np.nan, np.nan)
        found |= {
            f"frozen_{name}": float(frozen),
            f"refit_{name}": float(refit),
            f"{name}_loss": float(refit - frozen),
            f"{name}_loss_low": float(low),
            f"{name}_loss_high": float(high),
        }
    return found


class _Cells:
    """A cross-table of two models by halves, or resamples of it.

    Arrays have shape (..., 2, n_cells), the second last axis being the half.
    """

    def __init__(self, labels, customers, buyers, revenue, revenue_squares):
        self.labels = labels  # of the frozen model and of the refit, each of shape (n_cells,)
        self.customers = customers
        self.buyers = buyers
        self.revenue = revenue
        self.revenue_squares = revenue_squares

    @classmethod
    def from_frame(cls, counts: pd.DataFrame) -> "_Cells":
        clusters = counts[["origin_cluster", "cluster"]].to_numpy()
        cells, cell = np.unique(clusters, axis=0, return_inverse=True)
        sums = []
        for name in ("customers", "buyers", "revenue", "revenue_squares"):
            sums.append(np.zeros((2, len(cells))))
            np.add.at(sums[-1], (counts["half"], cell), counts[name].astype(float))
        return cls(cells.T, *sums)

    def resampled(self, resamples: int, generator: np.random.Generator) -> "_Cells":
        customers, buyers = [], []
        for of_half, buyers_of_half in zip(self.customers, self.buyers, strict=True):
            drawn = np.concatenate([buyers_of_half, of_half - buyers_of_half])
            drawn = generator.multinomial(int(drawn.sum()), drawn / drawn.sum(), size=resamples)
            buyers.append(drawn[:, : len(of_half)])
            customers.append(buyers[-1] + drawn[:, len(of_half) :])
        buyers = np.stack(buyers, axis=1).astype(float)
        some = np.maximum(self.buyers, 1)
        mean, mean_square = self.revenue / some, self.revenue_squares / some
        variance = np.maximum(mean_square - mean**2, 0)
        revenue = buyers * mean + np.sqrt(buyers * variance) * generator.normal(size=buyers.shape)
        customers = np.stack(customers, axis=1).astype(float)
        return _Cells(self.labels, customers, buyers, revenue, buyers * mean_square)

    def scores(self, learnt: "_Cells") -> dict[str, np.ndarray]:
        """Score each half by what the other half of `learnt` tells about the clusters."""
        found = {}
        for model, labels in zip(("frozen", "refit"), self.labels, strict=True):
            of_cluster = (labels[:, None] == np.unique(labels)).astype(float)
            customers, buyers, revenue = (
                values @ of_cluster for values in (self.customers, self.buyers, self.revenue)
            )
            known = np.maximum(learnt.customers @ of_cluster, 1)
            rates, means = (
                np.flip((values @ of_cluster) / known, axis=-2)
                for values in (learnt.buyers, learnt.revenue)
            )
            found[f"{model}_auc"] = _auc(rates, buyers, customers - buyers).mean(axis=-1)
            found[f"{model}_explained"] = _explained(
                means, customers, revenue, self.revenue_squares.sum(axis=-1)
            ).mean(axis=-1)
        return found


def _auc(rates: np.ndarray, buyers: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Probability that a buyer has a higher rate than another customer, ties counted half."""
    higher, other = rates[..., :, None], rates[..., None, :]
    above = (higher > other) + (higher == other) / 2
    pairs = buyers.sum(axis=-1) * others.sum(axis=-1)
    concordant = np.einsum("...i,...ij,...j->...", buyers, above, others)
    return np.divide(concordant, pairs, out=np.full(pairs.shape, np.nan), where=pairs > 0)


def _explained(
    means: np.ndarray, customers: np.ndarray, revenue: np.ndarray, squares: np.ndarray
) -> np.ndarray:
    """One minus squared errors over squared deviations from the mean of the same customers."""
    errors = squares + (customers * means**2 - 2 * means * revenue).sum(axis=-1)
    deviations = squares - revenue.sum(axis=-1) ** 2 / customers.sum(axis=-1)
    return 1 - np.divide(
        errors, deviations, out=np.full(errors.shape, np.nan), where=deviations > 0
    )
