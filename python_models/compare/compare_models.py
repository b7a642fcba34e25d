from segmentation.comparison import compare_models


def model(dbt, session):
    cells = dbt.ref("score_cross_tables")
    if dbt.is_incremental:
        cells = cells.filter(f"model_id not in (select model_id from {dbt.this})")
    order = "origin_model_id, model_id, origin_cluster, cluster"
    return compare_models(cells.order(order).to_arrow_table())
