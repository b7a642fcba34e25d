from functools import lru_cache

from segmentation.relations import arrow, points_at


def model(dbt, session):
    explained = f"select origin_model_id, model_id from {dbt.this}"
    is_new = f"(origin_model_id, model_id) not in ({explained})" if dbt.is_incremental else None
    pairs = arrow(dbt.ref("champion_reviews"), where=is_new, order="model_id, origin_model_id")
    if dbt.is_incremental and not pairs.num_rows:
        return session.table(str(dbt.this)).limit(0)
    from segmentation.drift import explain_pairs  # scikit-learn takes seconds to load
    from segmentation.points import Points

    models = arrow(dbt.ref("fit_models"), order="model_id").to_pylist()
    models = {row["model_id"]: row for row in models}

    @lru_cache(maxsize=2)  # one pair after the other has the same origin
    def known(model_id):
        which = {
            "candidate_id": models[model_id]["candidate_id"],
            "cutoff": models[model_id]["fitted_as_of"],
        }
        return Points.from_table(points_at(dbt.ref("fit_points"), **which))

    asked = pairs.select(["origin_model_id", "model_id", "is_alarming"]).to_pylist()
    found = (
        (models[origin], models[refit], known(origin), known(refit), is_alarming)
        for origin, refit, is_alarming in map(dict.values, asked)
    )
    return explain_pairs(found, **dbt.config.get("meta"))
