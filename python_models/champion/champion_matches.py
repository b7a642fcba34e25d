from segmentation.comparison import match_handovers


def model(dbt, session):
    cells = dbt.ref("champion_handovers").order("reign, previous_cluster, cluster")
    return match_handovers(cells.to_arrow_table())
