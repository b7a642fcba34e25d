from segmentation.relations import arrow


def model(dbt, session):
    explained = f"select origin_model_id, model_id from {dbt.this}"
    is_new = f"(origin_model_id, model_id) not in ({explained})" if dbt.is_incremental else None
    pairs = arrow(dbt.ref("champion_reviews"), where=is_new, order="model_id, origin_model_id")
    if dbt.is_incremental and not pairs.num_rows:
        return session.table(str(dbt.this)).limit(0)
    from segmentation.drift import explain_pairs  # scikit-learn takes seconds to load

    models = arrow(dbt.ref("fit_models"), order="model_id").to_pylist()
    models = {row["model_id"]: row for row in models}

    def known(row):
        date = f"candidate_id = '{row['candidate_id']}' and cutoff = '{row['fitted_as_of']}'"
        return arrow(dbt.ref("fit_points"), where=date, order="point")

    pairs = pairs.select(["origin_model_id", "model_id", "is_alarming"]).to_pylist()
    asked = ((models[origin], models[refit], how) for origin, refit, how in map(dict.values, pairs))
    found = ((o, m, known(o), known(m), is_alarming) for o, m, is_alarming in asked)
    return explain_pairs(found, **dbt.config.get("meta"))
