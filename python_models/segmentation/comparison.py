"""Models compared on the same customers, from the cross-tables of their labels."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from segmentation import agreement

PAIR = ["origin_model_id", "model_id"]


def compare_labelings(cross_tables: pd.DataFrame) -> pd.DataFrame:
    """Agreement of each pair of models, and what it costs to keep the older one.

    Parameters
    ----------
    cross_tables : DataFrame
        One row per pair and occupied cell: `origin_model_id`, `model_id`, `origin_cluster`,
        `cluster`, `customers`; and, in the scaled units of `model_id`, the cell's sum of each
        feature, `<feature>_scaled_sum`, and of the squared norms, `scaled_sum_of_squares`.

    Returns
    -------
    DataFrame
        One row per pair: `customers`, `adjusted_rand_index`, `adjusted_mutual_information`,
        `variation_of_information` (nats), `matched_agreement` (0 to 1), and `excess_inertia`, by
        which share the origin's partition is looser than the refit's, both around their own means
        in the scaled units of the refit.
    """
    rows = []
    for pair, cells, table in _tables(cross_tables):
        rows.append(
            {
                **pair,
                "customers": int(table.sum()),
                "adjusted_rand_index": agreement.adjusted_rand_index(table),
                "adjusted_mutual_information": agreement.adjusted_mutual_information(table),
                "variation_of_information": agreement.variation_of_information(table),
                "matched_agreement": agreement.matched_agreement(table),
                "excess_inertia": _inertia(cells, "origin_cluster") / _inertia(cells, "cluster")
                - 1,
            }
        )
    return pd.DataFrame(rows)


def match_clusters(cross_tables: pd.DataFrame) -> pd.DataFrame:
    """The refit's cluster that continues each cluster of the origin, and how well.

    Parameters
    ----------
    cross_tables : DataFrame
        As for `compare_labelings`.

    Returns
    -------
    DataFrame
        One row per pair and cluster of the origin that has a match: `origin_cluster`, `cluster`,
        `origin_customers` and `customers` of the two, and their `jaccard` (0 to 1).
    """
    rows = []
    for pair, _, table in _tables(cross_tables):
        for origin_cluster, cluster in agreement.match_labels(table):
            rows.append(
                {
                    **pair,
                    "origin_cluster": origin_cluster,
                    "cluster": cluster,
                    "origin_customers": int(table[origin_cluster].sum()),
                    "customers": int(table[:, cluster].sum()),
                    "jaccard": agreement.jaccard(table, origin_cluster, cluster),
                }
            )
    return pd.DataFrame(rows)


def _tables(cross_tables: pd.DataFrame) -> Iterator[tuple[dict, pd.DataFrame, np.ndarray]]:
    """Each pair with its cells and its cross-table as an array."""
    # A cluster can be empty in one pair; on the customers of its own fit none is.
    shape = 1 + cross_tables[["origin_cluster", "cluster"]].max().to_numpy()
    for key, cells in cross_tables.groupby(PAIR, sort=True):
        table = np.zeros(shape, dtype=np.int64)
        table[cells["origin_cluster"], cells["cluster"]] = cells["customers"]
        yield dict(zip(PAIR, key, strict=True)), cells, table


def _inertia(cells: pd.DataFrame, labels: str) -> float:
    sums = [column for column in cells if column.endswith("_scaled_sum")]
    clusters = cells.groupby(labels)[["customers", *sums]].sum()
    return agreement.within_cluster_sum_of_squares(
        clusters["customers"].to_numpy(),
        clusters[sums].to_numpy(),
        float(cells["scaled_sum_of_squares"].sum()),
    )
