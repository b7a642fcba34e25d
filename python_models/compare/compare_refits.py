def model(dbt, session):
    models = dbt.ref("fit_models").order("model_id")
    points = dbt.ref("fit_points").order("point")
    if dbt.is_incremental:
        models = models.filter(f"model_id not in (select model_id from {dbt.this})")
        if not models.limit(1).fetchall():
            return session.table(str(dbt.this)).limit(0)
    from segmentation.noise import measure_noise  # scikit-learn takes seconds to load

    def points_of(row):
        date = f"candidate_id = '{row['candidate_id']}' and cutoff = '{row['fitted_as_of']}'"
        return points.filter(date).to_arrow_table()

    new = models.to_arrow_table().to_pylist()
    return measure_noise(((row, points_of(row)) for row in new), **dbt.config.get("meta"))
