from segmentation.relations import arrow, observations_of


def model(dbt, session):
    settings = dict(dbt.config.get("meta"))
    has_labels = settings.pop("has_labels")
    is_new = f"model_id not in (select model_id from {dbt.this})" if dbt.is_incremental else None
    new = arrow(dbt.ref("training_models"), where=is_new, order="model_id").to_pylist()
    if dbt.is_incremental and not new:
        return session.table(str(dbt.this)).limit(0)
    if has_labels:
        from segmentation.labels import measure_label_noise

        overlaps = arrow(dbt.ref("monitoring_label_overlaps"), order=None)
        return measure_label_noise([row["model_id"] for row in new], overlaps)
    from segmentation.noise import measure_noise  # takes a second to load

    observations = dbt.ref("training_observations")
    return measure_noise(((row, observations_of(observations, row)) for row in new), **settings)
