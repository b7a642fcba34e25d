from segmentation.relations import frame


def model(dbt, session):
    order = "origin_model_id, model_id, horizon_days, half, origin_cluster, cluster"
    scored = f"select origin_model_id, model_id, horizon_days from {dbt.this}"
    is_new = f"(origin_model_id, model_id, horizon_days) not in ({scored})"
    is_new = is_new if dbt.is_incremental else None
    counts = frame(dbt.ref("champion_model_outcomes"), where=is_new, order=order)
    if dbt.is_incremental and counts.empty:
        return session.table(str(dbt.this)).limit(0)
    from segmentation.outcomes import compare_outcomes  # takes a second to load

    return compare_outcomes(counts)
