"""How the clusters of a new champion go on with those of the one before."""

import numpy as np
import pyarrow as pa

from segmentation import agreement

MATCHES_SCHEMA = pa.schema(
    [
        ("champion_period", pa.int32()),
        ("previous_cluster", pa.int32()),
        ("cluster", pa.int32()),
        ("shared_customers", pa.int64()),
        ("jaccard", pa.float64()),
    ]
)


def match_clusters_at_takeovers(takeovers: pa.Table) -> pa.Table:
    """Match the clusters of each new champion with those of the one before.

    Parameters
    ----------
    takeovers : pyarrow.Table
        One row per `champion_period`, `previous_cluster` and `cluster`, all of each, sorted by
        them, with the `customers` in both and the `centroid_distance` of the two.

    Returns
    -------
    pyarrow.Table
        One row per champion_period and matched pair, with `MATCHES_SCHEMA`: as many customers as
        possible stay, and among such matchings the centroids are as near as possible.
    """
    columns = {name: takeovers[name].to_numpy() for name in takeovers.column_names}
    rows = []
    for champion_period in np.unique(columns["champion_period"]):
        cells = columns["champion_period"] == champion_period
        shape = [1 + columns[name][cells].max() for name in ("previous_cluster", "cluster")]
        table = columns["customers"][cells].reshape(shape)
        distances = columns["centroid_distance"][cells].reshape(shape)
        rows += [
            {
                "champion_period": champion_period,
                "previous_cluster": previous_cluster,
                "cluster": cluster,
                "shared_customers": int(table[previous_cluster, cluster]),
                "jaccard": agreement.jaccard(table, previous_cluster, cluster),
            }
            for previous_cluster, cluster in agreement.match_labels(table, distances)
        ]
    return pa.Table.from_pylist(rows, schema=MATCHES_SCHEMA)
