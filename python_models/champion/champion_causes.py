from functools import lru_cache

from segmentation.relations import arrow, observations_of


def model(dbt, session):
    explained = f"select origin_model_id, model_id from {dbt.this}"
    is_new = f"(origin_model_id, model_id) not in ({explained})" if dbt.is_incremental else None
    pairs = arrow(dbt.ref("champion_evaluations"), where=is_new, order="model_id, origin_model_id")
    if dbt.is_incremental and not pairs.num_rows:
        return session.table(str(dbt.this)).limit(0)
    from segmentation.drift import WeightedObservations, explain_pairs  # takes a second to load

    models = arrow(dbt.ref("training_models"), order="model_id").to_pylist()
    models = {row["model_id"]: row for row in models}

    @lru_cache(maxsize=2)  # one pair after the other has the same origin
    def known(model_id):
        observations = observations_of(dbt.ref("training_observations"), models[model_id])
        return WeightedObservations.from_table(observations)

    pairs = pairs.select(["origin_model_id", "model_id", "is_alarming"]).to_pylist()
    found = (
        (models[o], models[m], known(o), known(m), how) for o, m, how in map(dict.values, pairs)
    )
    return explain_pairs(found, **dbt.config.get("meta"))
