"""Models compared on the same customers, from the cross-tables of their labels."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa
from numba import njit

from segmentation import agreement
from segmentation.kmeans import BLOCK, label_block
from segmentation.observations import WeightedObservations
from segmentation.parallel import run_in_threads
from segmentation.refits import FrozenModel

_MATCHES = pa.list_(
    pa.struct(
        [
            ("origin_cluster", pa.int32()),
            ("cluster", pa.int32()),
            ("origin_customers", pa.int64()),
            ("customers", pa.int64()),
            ("jaccard", pa.float64()),
        ]
    )
)
PAIRS_SCHEMA = pa.schema(
    [
        ("origin_model_id", pa.string()),
        ("model_id", pa.string()),
        ("customers", pa.int64()),
        ("revenue", pa.decimal128(18, 2)),
        ("misplaced_revenue", pa.decimal128(18, 2)),
        ("adjusted_rand_index", pa.float64()),
        ("structural_agreement", pa.float64()),
        ("adjusted_mutual_information", pa.float64()),
        ("variation_of_information", pa.float64()),
        ("matched_agreement", pa.float64()),
        ("structural_matched_agreement", pa.float64()),
        ("excess_inertia", pa.float64()),
        ("structural_excess_inertia", pa.float64()),
        ("structural_misplaced_revenue", pa.decimal128(18, 2)),
        ("matches", _MATCHES),
        ("structural_matches", _MATCHES),
    ]
)


def compare_models(
    refits: Iterable[tuple[Mapping, Sequence[Mapping], pa.Table]], *, threads: int
) -> pa.Table:
    """Agreement of each pair of models, what it costs to keep the older one, and what became of it.

    Parameters
    ----------
    refits : iterable of (model, origins, observations)
        As `compare_with_origins` takes them.
    threads : int
        See `segmentation.parallel.run_in_threads`.

    Returns
    -------
    pyarrow.Table
        One row per pair, by model and origin, with `PAIRS_SCHEMA`.
    """
    compared = run_in_threads(compare_with_origins, refits, threads=threads)
    rows = [row for rows in compared for row in rows]
    rows.sort(key=lambda row: (row["model_id"], row["origin_model_id"]))
    return pa.Table.from_pylist(rows, schema=PAIRS_SCHEMA)


def refits_of(
    pairs: Iterable[Mapping], models: Sequence[Mapping], known: Callable[[Mapping], pa.Table]
) -> Iterator[tuple[Mapping, list[Mapping], pa.Table]]:
    """Gather the older models of each refit, those with most of them first.

    Parameters
    ----------
    pairs : iterable of mapping
        With `model_id` and `origin_model_id`.
    models : sequence of mapping
        Rows of `segmentation.models.MODELS_SCHEMA`.
    known : callable
        Returns the observations of a model; called as they are needed.

    Yields
    ------
    (model, origins, observations)
        As `compare_with_origins` takes them.
    """
    by_id = {row["model_id"]: row for row in models}
    origins: dict[str, list[Mapping]] = {}
    for pair in pairs:
        origins.setdefault(pair["model_id"], []).append(by_id[pair["origin_model_id"]])
    for refit in sorted(origins, key=lambda refit: -len(origins[refit])):
        yield by_id[refit], origins[refit], known(by_id[refit])


def compare_with_origins(
    model: Mapping, origins: Sequence[Mapping], observations: pa.Table
) -> list[dict]:
    """Compare a model with older ones on the customers that it is fitted on.

    Parameters
    ----------
    model : mapping
        A row of `segmentation.models.MODELS_SCHEMA`.
    origins : sequence of mapping
        Rows of models with the same features and number of clusters.
    observations : pyarrow.Table
        The customers; see `segmentation.observations.WeightedObservations.from_table`, with their
        `revenue` (money).

    Returns
    -------
    list of dict
        Rows of `PAIRS_SCHEMA`. `structural_agreement` is the adjusted Rand index of the refit and
        of the origin's centroids under the scaling of the refit: ageing, which moves all customers
        alike, is taken out. What else is structural is so likewise; all of it is None where a
        feature has another transform in the two models. `misplaced_revenue` is that of the
        customers whose cluster is not matched with the origin's; `variation_of_information` is in
        nats;
        `excess_inertia` is by which share the origin's partition is looser than the refit's, both
        around their own means in the scaled units of the refit; `matches` are the clusters of the
        two, matched one to one by the customers that they share.
    """
    known = WeightedObservations.from_table(observations)
    centavos = np.rint(observations["revenue"].cast(pa.float64()).to_numpy() * 100)
    refit = FrozenModel.from_row(model)
    n_clusters = model["n_segments"]
    scaled = np.ascontiguousarray(known.scaled(refit.scalings).T)
    sum_of_squares = float((known.customers * scaled**2).sum())
    older = [FrozenModel.from_row(origin) for origin in origins]
    recentred = [FrozenModel(refit.scalings, each.clustering) for each in older]
    # The refit itself comes last.
    frozen = [*older, *recentred, refit]
    transforms = [[*enumerate(s.transform for s in each.scalings)] for each in frozen]
    used = sorted({feature for features in transforms for feature in features})
    sums = _sum_by_labels(
        known.transformed(used),
        np.array([[used.index(feature) for feature in features] for features in transforms]),
        np.array([each.caps() for each in frozen]),
        *map(np.array, zip(*(each.linear_scores() for each in frozen), strict=True)),
        refit.label(known),
        known.customers,
        centavos,
        scaled,
    )
    tables = np.rint(sums[:, :, :n_clusters]).astype(np.int64)
    revenues = np.rint(sums[:, :, n_clusters : 2 * n_clusters]).astype(np.int64)
    inertias = [
        agreement.within_cluster_sum_of_squares(table.sum(axis=1), of_features, sum_of_squares)
        for table, of_features in zip(tables, sums[:, :, 2 * n_clusters :], strict=True)
    ]
    looser = [inertia / inertias[-1] - 1 for inertia in inertias]
    rows = []
    for i, origin in enumerate(origins):
        j = len(origins) + i
        structure = None
        if transforms[i] == transforms[-1]:
            structure = _kept(tables[j], revenues[j]) | {"excess_inertia": looser[j]}
        rows.append(
            {"origin_model_id": origin["model_id"], "model_id": model["model_id"]}
            | compared(tables[i], revenues[i])
            | {"excess_inertia": looser[i]}
            | structural(structure)
        )
    return rows


def compared(table: np.ndarray, revenues: np.ndarray) -> dict:
    """Tell what customers and centavos by the clusters of two models say."""
    return {
        "customers": int(table.sum()),
        "revenue": Decimal(int(revenues.sum())) / 100,
        "adjusted_mutual_information": agreement.adjusted_mutual_information(table),
        "variation_of_information": agreement.variation_of_information(table),
    } | _kept(table, revenues)


def _kept(table: np.ndarray, revenues: np.ndarray) -> dict:
    """Tell how far a refit keeps the clusters of an older model."""
    matches = agreement.match_labels(table)
    placed = sum(int(revenues[pair]) for pair in matches)
    return {
        "misplaced_revenue": Decimal(int(revenues.sum()) - placed) / 100,
        "adjusted_rand_index": agreement.adjusted_rand_index(table),
        "matched_agreement": agreement.matched_agreement(table),
        "matches": _described(table, matches),
    }


def structural(kept: dict | None) -> dict:
    """Name what is kept under the scaling of the refit; None throughout where nothing is known."""
    kept = kept or {}
    return {
        "structural_agreement": kept.get("adjusted_rand_index"),
        "structural_matched_agreement": kept.get("matched_agreement"),
        "structural_excess_inertia": kept.get("excess_inertia"),
        "structural_misplaced_revenue": kept.get("misplaced_revenue"),
        "structural_matches": kept.get("matches"),
    }


def _described(table: np.ndarray, matches: list[tuple[int, int]]) -> list[dict]:
    return [
        {
            "origin_cluster": origin_cluster,
            "cluster": cluster,
            "origin_customers": int(table[origin_cluster].sum()),
            "customers": int(table[:, cluster].sum()),
            "jaccard": agreement.jaccard(table, origin_cluster, cluster),
        }
        for origin_cluster, cluster in matches
    ]


@njit(cache=True, nogil=True)
def _sum_by_labels(
    transformed, rows, caps, weights, biases, refit_labels, customers, centavos, scaled
):
    """Sum by model and cluster of it customers and centavos by cluster of the refit, and features.

    `rows` tell by model and feature where it stands in `transformed`; see `label_block`.
    """
    n_models, n_clusters, n_features = weights.shape
    n_observations = len(customers)
    sums = np.zeros((n_models, n_clusters, 2 * n_clusters + n_features))
    labels = np.zeros(BLOCK, np.int64)
    for start in range(0, n_observations, BLOCK):
        size = min(BLOCK, n_observations - start)
        for model in range(n_models):
            of_model = rows[model], start, size, caps[model], weights[model], biases[model]
            label_block(transformed, *of_model, labels)
            for i in range(size):
                point, of_cluster = start + i, sums[model, labels[i]]
                of_cluster[refit_labels[point]] += customers[point]
                of_cluster[n_clusters + refit_labels[point]] += centavos[point]
                for feature in range(n_features):
                    of_cluster[2 * n_clusters + feature] += (
                        customers[point] * scaled[feature, point]
                    )
    return sums
