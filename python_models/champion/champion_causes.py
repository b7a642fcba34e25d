def model(dbt, session):
    pairs = dbt.ref("champion_reviews").order("model_id, origin_model_id")
    if dbt.is_incremental:
        explained = f"select origin_model_id, model_id from {dbt.this}"
        pairs = pairs.filter(f"(origin_model_id, model_id) not in ({explained})")
        if not pairs.limit(1).fetchall():
            return session.table(str(dbt.this)).limit(0)
    from segmentation.drift import explain_pairs  # scikit-learn takes seconds to load

    models = dbt.ref("fit_models").to_arrow_table().to_pylist()
    models = {model["model_id"]: model for model in models}
    cells = dbt.ref("score_cells").order("cell")

    def cells_of(model_id):
        return cells.filter(f"model_id = '{model_id}'").to_arrow_table()

    found = (
        (models[origin_id], models[model_id], cells_of(origin_id), cells_of(model_id), is_alarming)
        for origin_id, model_id, is_alarming in pairs.select(
            "origin_model_id, model_id, is_alarming"
        ).fetchall()
    )
    return explain_pairs(found, **dbt.config.get("meta"))
