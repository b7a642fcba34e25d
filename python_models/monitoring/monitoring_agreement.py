from segmentation.relations import arrow, observations_of


def model(dbt, session):
    models = arrow(dbt.ref("training_models"), order="model_id").to_pylist()
    models = {row["model_id"]: row for row in models}
    chosen = arrow(dbt.ref("selection_chosen_candidate"), order="candidate_id").to_pylist()[0]
    due = f"candidate_id = '{chosen['candidate_id']}'"
    if dbt.is_incremental:
        due += f" and model_id not in (select model_id from {dbt.this})"
    order = "model_id, origin_model_id"
    pairs = arrow(dbt.ref("monitoring_model_pairs"), where=due, order=order).to_pylist()
    if dbt.is_incremental and not pairs:
        return session.table(str(dbt.this)).limit(0)
    from segmentation.comparison import compare_models  # takes a second to load

    customers, columns = dbt.ref("training_observations"), "customers, revenue, feature_values"
    origins = {}
    for pair in pairs:
        origins.setdefault(pair["model_id"], []).append(models[pair["origin_model_id"]])
    longest = [models[refit] for refit in sorted(origins, key=lambda refit: -len(origins[refit]))]
    known = (observations_of(customers, model, columns=columns) for model in longest)
    older = (origins[model["model_id"]] for model in longest)
    return compare_models(zip(longest, older, known, strict=True), **dbt.config.get("meta"))
