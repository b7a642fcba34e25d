from segmentation.handovers import match_handovers
from segmentation.relations import arrow


def model(dbt, session):
    cells = arrow(dbt.ref("champion_handovers"), order="reign, previous_cluster, cluster")
    return match_handovers(cells)
