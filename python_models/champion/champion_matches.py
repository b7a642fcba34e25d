from segmentation.relations import arrow
from segmentation.takeovers import match_clusters_at_takeovers


def model(dbt, session):
    cells = arrow(
        dbt.ref("champion_cluster_overlaps"), order="champion_period, previous_cluster, cluster"
    )
    return match_clusters_at_takeovers(cells)
