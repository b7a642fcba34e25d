"""How the clusters of a new champion go on with those of the one before."""

import numpy as np
import pyarrow as pa

from segmentation import agreement

MATCHES_SCHEMA = pa.schema(
    [
        ("reign", pa.int32()),
        ("previous_cluster", pa.int32()),
        ("cluster", pa.int32()),
        ("shared_customers", pa.int64()),
        ("jaccard", pa.float64()),
    ]
)


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
