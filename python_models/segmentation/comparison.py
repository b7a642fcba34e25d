"""Models compared on the same customers, from the cross-tables of their labels."""

import numpy as np
import pyarrow as pa

from segmentation import agreement

PAIRS_SCHEMA = pa.schema(
    [
        ("origin_model_id", pa.string()),
        ("model_id", pa.string()),
        ("customers", pa.int64()),
        ("revenue", pa.decimal128(18, 2)),
        ("misplaced_revenue", pa.decimal128(18, 2)),
        ("adjusted_rand_index", pa.float64()),
        ("adjusted_mutual_information", pa.float64()),
        ("variation_of_information", pa.float64()),
        ("matched_agreement", pa.float64()),
        ("excess_inertia", pa.float64()),
        (
            "matches",
            pa.list_(
                pa.struct(
                    [
                        ("origin_cluster", pa.int32()),
                        ("cluster", pa.int32()),
                        ("origin_customers", pa.int64()),
                        ("customers", pa.int64()),
                        ("jaccard", pa.float64()),
                    ]
                )
            ),
        ),
    ]
)


MATCHES_SCHEMA = pa.schema(
    [
        ("reign", pa.int32()),
        ("previous_cluster", pa.int32()),
        ("cluster", pa.int32()),
        ("shared_customers", pa.int64()),
        ("jaccard", pa.float64()),
    ]
)


def compare_models(cross_tables: pa.Table) -> pa.Table:
    """Agreement of each pair of models, what it costs to keep the older one, and what became of it.

    Parameters
    ----------
    cross_tables : pyarrow.Table
        One row per pair and occupied cell, the rows of a pair together: `origin_model_id`,
        `model_id`, `origin_cluster`, `cluster`, `customers`, `revenue` (decimal, R$); and, in the
        scaled units of `model_id`, the cell's sums of the features, the list `scaled_sums`, and
        of the squared norms, `scaled_sum_of_squares`.

    Returns
    -------
    pyarrow.Table
        One row per pair, in the order of the cells, with `PAIRS_SCHEMA`.
        `misplaced_revenue` is that of the customers whose cluster is not matched with the origin's
        (R$); `variation_of_information` is in nats; `excess_inertia` is by which share the origin's
        partition is looser than the refit's, both around their own means in the scaled units of
        the refit; `matches` are the clusters of the two, matched one to one by the customers that
        they share.
    """
    if not cross_tables.num_rows:
        return PAIRS_SCHEMA.empty_table()
    pairs = [cross_tables[name].to_pylist() for name in ("origin_model_id", "model_id")]
    clusters = np.column_stack(
        [cross_tables[name].to_numpy() for name in ("origin_cluster", "cluster")]
    )
    customers = cross_tables["customers"].to_numpy()
    revenues = cross_tables["revenue"].to_pylist()
    sums = np.array(cross_tables["scaled_sums"].to_pylist())
    squares = cross_tables["scaled_sum_of_squares"].to_numpy()
    # A cluster can be empty in one pair; on the customers of its own fit none is.
    shape = 1 + clusters.max(axis=0)
    keys = list(zip(*pairs, strict=True))
    starts = [i for i, key in enumerate(keys) if i == 0 or key != keys[i - 1]]
    rows = []
    for start, stop in zip(starts, [*starts[1:], len(keys)], strict=True):
        cells = slice(start, stop)
        table = np.zeros(shape, dtype=np.int64)
        table[tuple(clusters[cells].T)] = customers[cells]
        matches = agreement.match_labels(table)
        misplaced = [
            revenue
            for labels, revenue in zip(clusters[cells].tolist(), revenues[cells], strict=True)
            if tuple(labels) not in matches
        ]
        inertias = [
            _inertia(labels, customers[cells], sums[cells], squares[cells])
            for labels in clusters[cells].T
        ]
        rows.append(
            dict(zip(("origin_model_id", "model_id"), keys[start], strict=True))
            | {
                "customers": int(table.sum()),
                "revenue": sum(revenues[cells]),
                "misplaced_revenue": sum(misplaced),
                "adjusted_rand_index": agreement.adjusted_rand_index(table),
                "adjusted_mutual_information": agreement.adjusted_mutual_information(table),
                "variation_of_information": agreement.variation_of_information(table),
                "matched_agreement": agreement.matched_agreement(table),
                "excess_inertia": inertias[0] / inertias[1] - 1,
                "matches": _described(table, matches),
            }
        )
    return pa.Table.from_pylist(rows, schema=PAIRS_SCHEMA)


def match_handovers(handovers: pa.Table) -> pa.Table:
    """Match the clusters of each new champion with those of the one before.

    Parameters
    ----------
    handovers : pyarrow.Table
        One row per `reign`, `previous_cluster` and `cluster`, all of each, sorted by them, with the
        `customers` in both and the `centroid_distance` of the two.

    Returns
    -------
    pyarrow.Table
        One row per reign and matched pair, with `MATCHES_SCHEMA`: as many customers as possible
        stay, and among such matchings the centroids are as near as possible.
    """
    columns = {name: handovers[name].to_numpy() for name in handovers.column_names}
    rows = []
    for reign in np.unique(columns["reign"]):
        cells = columns["reign"] == reign
        shape = [1 + columns[name][cells].max() for name in ("previous_cluster", "cluster")]
        table = columns["customers"][cells].reshape(shape)
        distances = columns["centroid_distance"][cells].reshape(shape)
        rows += [
            {
                "reign": reign,
                "previous_cluster": previous_cluster,
                "cluster": cluster,
                "shared_customers": int(table[previous_cluster, cluster]),
                "jaccard": agreement.jaccard(table, previous_cluster, cluster),
            }
            for previous_cluster, cluster in agreement.match_labels(table, distances)
        ]
    return pa.Table.from_pylist(rows, schema=MATCHES_SCHEMA)


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


def _inertia(
    labels: np.ndarray, customers: np.ndarray, sums: np.ndarray, squares: np.ndarray
) -> float:
    """Inertia of the partition by one side's labels, from the cells of a pair."""
    sizes = np.bincount(labels, weights=customers)
    totals = np.column_stack([np.bincount(labels, weights=column) for column in sums.T])
    return agreement.within_cluster_sum_of_squares(sizes, totals, float(squares.sum()))
