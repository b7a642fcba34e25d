def model(dbt, session):
    models = {row["model_id"]: row for row in dbt.ref("fit_models").to_arrow_table().to_pylist()}
    ((chosen,),) = dbt.ref("choose_model").select("candidate_id").fetchall()
    pairs = dbt.ref("score_model_pairs").filter(f"candidate_id = '{chosen}'")
    points = dbt.ref("fit_points").filter(f"candidate_id = '{chosen}'").order("point")
    if dbt.is_incremental:
        pairs = pairs.filter(f"model_id not in (select model_id from {dbt.this})")
        if not pairs.limit(1).fetchall():
            return session.table(str(dbt.this)).limit(0)
    from segmentation.comparison import compare_models  # scikit-learn takes seconds to load

    origins = pairs.aggregate("model_id, list(origin_model_id order by origin_model_id) as origins")
    refits = (
        (
            models[model_id],
            [models[origin] for origin in origin_ids],
            points.filter(f"cutoff = '{models[model_id]['fitted_as_of']}'").to_arrow_table(),
        )
        for model_id, origin_ids in origins.order("len(origins) desc, model_id").fetchall()
    )
    return compare_models(refits, **dbt.config.get("meta"))
