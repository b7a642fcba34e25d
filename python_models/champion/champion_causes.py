def model(dbt, session):
    pairs = dbt.ref("champion_reviews").order("model_id, origin_model_id")
    if dbt.is_incremental:
        explained = f"select origin_model_id, model_id from {dbt.this}"
        pairs = pairs.filter(f"(origin_model_id, model_id) not in ({explained})")
        if not pairs.limit(1).fetchall():
            return session.table(str(dbt.this)).limit(0)
    from segmentation.drift import explain_pairs  # scikit-learn takes seconds to load

    models = {row["model_id"]: row for row in dbt.ref("fit_models").to_arrow_table().to_pylist()}
    cells = dbt.ref("score_cells").order("cell")
    values = dbt.ref("score_feature_values").order("feature, feature_value")

    def known_of(model_id):
        is_of_model = f"model_id = '{model_id}'"
        return tuple(rows.filter(is_of_model).to_arrow_table() for rows in (cells, values))

    columns = pairs.select("origin_model_id, model_id, is_alarming")
    found = (
        (models[origin], models[refit], known_of(origin), known_of(refit), is_alarming)
        for origin, refit, is_alarming in columns.fetchall()
    )
    return explain_pairs(found, **dbt.config.get("meta"))
