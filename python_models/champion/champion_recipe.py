from functools import lru_cache

from segmentation.relations import arrow, observations_of


def model(dbt, session):
    measured = f"select origin_model_id, model_id from {dbt.this}"
    is_new = f"(origin_model_id, model_id) not in ({measured})" if dbt.is_incremental else None
    windows = arrow(dbt.ref("champion_windows"), where=is_new, order="origin_model_id, model_id")
    if dbt.is_incremental and not windows.num_rows:
        return session.table(str(dbt.this)).limit(0)
    from segmentation.observations import WeightedObservations
    from segmentation.recipe_measures import measure_recipes  # takes a second to load

    models = arrow(dbt.ref("training_models"), order="model_id").to_pylist()
    models = {row["model_id"]: row for row in models}

    @lru_cache(maxsize=2)  # one pair after the other has the same origin
    def known(model_id):
        observations = observations_of(dbt.ref("training_observations"), models[model_id])
        return WeightedObservations.from_table(observations)

    # The origin itself, at its fit, is one of the pairs.
    pairs = dict.fromkeys((row["origin_model_id"], row["model_id"]) for row in windows.to_pylist())
    found = ((models[o], models[m], known(o), known(m)) for o, m in pairs)
    return measure_recipes(found, **dbt.config.get("meta"))
