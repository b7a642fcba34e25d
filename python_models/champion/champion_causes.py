from segmentation.relations import arrow, observations_of


def model(dbt, session):
    settings = dict(dbt.config.get("meta"))
    pair = "origin_model_id, model_id"
    is_new = f"({pair}) not in (select {pair} from {dbt.this})" if dbt.is_incremental else "true"
    if settings.pop("has_labels"):
        is_new = "false"  # causes are counterfactuals of fits
    pairs = arrow(dbt.ref("champion_evaluations"), where=is_new, order="model_id, origin_model_id")
    if dbt.is_incremental and not pairs.num_rows:
        return session.table(str(dbt.this)).limit(0)
    from segmentation.causes import explain_pairs  # takes a second to load

    models = arrow(dbt.ref("training_models"), order="model_id").to_pylist()
    observations = dbt.ref("training_observations")
    is_asked = f"{is_new} and {any(pairs['is_alarming'].to_pylist())}"
    by_part = f"{pair}, part, observation"
    return explain_pairs(
        pairs.to_pylist(),
        models={row["model_id"]: row for row in models},
        customers_of=lambda model: observations_of(observations, model),
        parts=arrow(dbt.ref("champion_compositions"), where=is_asked, order=by_part),
        **settings,
    )
