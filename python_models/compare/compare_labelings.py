from segmentation import comparison


def model(dbt, session):
    cells = dbt.ref("score_cross_tables")
    order = "origin_model_id, model_id, origin_cluster, cluster"
    return comparison.compare_labelings(cells.order(order).df())
