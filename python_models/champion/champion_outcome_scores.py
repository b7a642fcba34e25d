from segmentation.relations import arrow, frame


def model(dbt, session):
    order = "origin_model_id, model_id, horizon_days, half, origin_cluster, cluster"
    key = "(origin_model_id, model_id, horizon_days)"
    scored = f"select origin_model_id, model_id, horizon_days from {dbt.this}"
    is_new = f"{key} not in ({scored})" if dbt.is_incremental else None
    if dbt.is_incremental:
        if not arrow(dbt.ref("champion_model_outcomes"), where=is_new, order=None).num_rows:
            return session.table(str(dbt.this)).limit(0)
    from segmentation.outcomes import compare_outcomes  # takes a second to load

    return compare_outcomes(frame(dbt.ref("champion_model_outcomes"), where=is_new, order=order))
