from segmentation.relations import arrow, points_at


def model(dbt, session):
    is_new = f"model_id not in (select model_id from {dbt.this})" if dbt.is_incremental else None
    new = arrow(dbt.ref("fit_models"), where=is_new, order="model_id").to_pylist()
    if dbt.is_incremental and not new:
        return session.table(str(dbt.this)).limit(0)
    from segmentation.noise import measure_noise  # scikit-learn takes seconds to load

    def points_of(row):
        points = dbt.ref("fit_points")
        return points_at(points, candidate_id=row["candidate_id"], cutoff=row["fitted_as_of"])

    return measure_noise(((row, points_of(row)) for row in new), **dbt.config.get("meta"))
