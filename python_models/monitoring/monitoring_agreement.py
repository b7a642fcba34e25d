from segmentation.relations import arrow, observations_of


def model(dbt, session):
    settings = dict(dbt.config.get("meta"))
    is_new = f"model_id not in (select model_id from {dbt.this})" if dbt.is_incremental else "true"
    if settings.pop("has_labels"):
        from segmentation.labels import compare_label_sets

        overlaps = dbt.ref("monitoring_label_overlaps")
        return compare_label_sets(arrow(overlaps, where=is_new, order=None))
    models = arrow(dbt.ref("training_models"), order="model_id").to_pylist()
    chosen = arrow(dbt.ref("selection_chosen_candidate"), order="candidate_id").to_pylist()[0]
    due = f"candidate_id = '{chosen['candidate_id']}' and {is_new}"
    order = "model_id, origin_model_id"
    pairs = arrow(dbt.ref("monitoring_model_pairs"), where=due, order=order).to_pylist()
    if dbt.is_incremental and not pairs:
        return session.table(str(dbt.this)).limit(0)
    from segmentation.comparison import compare_models, refits_of  # takes a second to load

    def known(model):
        columns = "customers, revenue, feature_values"
        return observations_of(dbt.ref("training_observations"), model, columns=columns)

    return compare_models(refits_of(pairs, models, known), **settings)
