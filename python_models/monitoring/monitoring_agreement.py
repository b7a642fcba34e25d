from segmentation.relations import arrow, observations_of


def model(dbt, session):
    models = arrow(dbt.ref("training_models"), order="model_id").to_pylist()
    models = {row["model_id"]: row for row in models}
    chosen = arrow(dbt.ref("selection_chosen_candidate"), order="candidate_id").to_pylist()[0]
    is_due = f"candidate_id = '{chosen['candidate_id']}'"
    if dbt.is_incremental:
        is_due += f" and model_id not in (select model_id from {dbt.this})"
    pairs = arrow(
        dbt.ref("monitoring_model_pairs"), where=is_due, order="model_id, origin_model_id"
    )
    if dbt.is_incremental and not pairs.num_rows:
        return session.table(str(dbt.this)).limit(0)
    from segmentation.comparison import compare_models  # takes a second to load

    observations, columns = dbt.ref("training_observations"), "customers, revenue, feature_values"
    origins = {}
    for pair in pairs.to_pylist():
        origins.setdefault(pair["model_id"], []).append(models[pair["origin_model_id"]])
    longest = sorted(origins, key=lambda model_id: -len(origins[model_id]))
    asked = ((models[refit], origins[refit]) for refit in longest)
    refits = (
        (model, older, observations_of(observations, model, columns=columns))
        for model, older in asked
    )
    return compare_models(refits, **dbt.config.get("meta"))
