"""Label sets that somebody else has made, compared by the cross-tables of their labels."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from segmentation import agreement
from segmentation.comparison import PAIRS_SCHEMA, compared, structural
from segmentation.noise import NOISE_SCHEMA

_CELL = ["model_id", "origin_model_id", "origin_cluster", "cluster"]


def compare_label_sets(cells: pa.Table) -> pa.Table:
    """Agreement of pairs of label sets, and what it costs to keep the older one.

    Parameters
    ----------
    cells : pyarrow.Table
        One row per pair of `model_id` and `origin_model_id`, and of their labels, `cluster` and
        `origin_cluster`, numbered from 0: all of them. `customers` have both labels, and `revenue`
        (money) is what they have brought. Pairs with `is_repeat` are passed over.

    Returns
    -------
    pyarrow.Table
        One row per pair, by model and origin, with `segmentation.comparison.PAIRS_SCHEMA`. What
        needs the centroids of a fit is null. Where one set has more labels than the other, some
        are in no match.
    """
    rows = [
        {"origin_model_id": origin, "model_id": model}
        | compared(customers, centavos)
        | structural(None)
        for (model, origin), customers, centavos in _cross_tables(cells, is_repeat=False)
    ]
    return pa.Table.from_pylist(rows, schema=PAIRS_SCHEMA)


def measure_label_noise(model_ids: Sequence[str], cells: pa.Table) -> pa.Table:
    """Tell how far label sets that begin at one date agree: they are fits of the same customers.

    Parameters
    ----------
    model_ids : sequence of str
        The label sets that stand for a model.
    cells : pyarrow.Table
        As `compare_label_sets` takes them. Of pairs with `is_repeat` the origin is a model, and the
        other set repeats it; the others are passed over.

    Returns
    -------
    pyarrow.Table
        One row per model, with `segmentation.noise.NOISE_SCHEMA`. `seeds` are repeats, and the
        figures are of the model with each; without a repeat nothing is known of noise. That of a
        label is the Jaccard index with the label that it is matched with, 0 where it is with none.
    """
    agreements: dict[str, list[float]] = {model_id: [] for model_id in model_ids}
    jaccards: dict[str, list[list[float]]] = {model_id: [] for model_id in model_ids}
    for (_, origin), table, _ in _cross_tables(cells, is_repeat=True):
        if origin in agreements:
            agreements[origin].append(agreement.adjusted_rand_index(table))
            match = dict(agreement.match_labels(table))
            shared = [
                agreement.jaccard(table, label, match[label]) if label in match else 0.0
                for label in range(len(table))
            ]
            jaccards[origin].append(shared)
    rows = [
        {"model_id": model_id, "seeds": len(values), "resamples": 0, "failed_refits": 0}
        | (_summary(values, "seed_agreement", "seed_agreement_p05") if values else {})
        | {
            "clusters": [
                {"cluster": label} | _summary(of_label, "noise_agreement", "noise_floor")
                for label, of_label in enumerate(zip(*jaccards[model_id], strict=True))
            ]
        }
        for model_id, values in agreements.items()
    ]
    return pa.Table.from_pylist(rows, schema=NOISE_SCHEMA)


def _summary(values: Sequence[float], mean: str, low: str) -> dict[str, float]:
    return {mean: float(np.mean(values)), low: float(np.quantile(values, 0.05))}


def _cross_tables(
    cells: pa.Table, *, is_repeat: bool
) -> Iterator[tuple[tuple, np.ndarray, np.ndarray]]:
    """Make the tables of customers and of centavos, of shape (n_origin, n_other), of each pair."""
    frame = cells.to_pandas()
    frame = frame[frame["is_repeat"].astype(bool) == is_repeat].sort_values(_CELL)
    for pair, of_pair in frame.groupby(_CELL[:2], sort=True):
        shape = [1 + of_pair[label].max() for label in _CELL[2:]]
        centavos = np.rint(of_pair["revenue"].astype(float) * 100)
        yield (
            pair,
            of_pair["customers"].to_numpy().reshape(shape),
            centavos.to_numpy().astype(np.int64).reshape(shape),
        )
