def model(dbt, session):
    models = dbt.ref("fit_models").order("model_id")
    cells = dbt.ref("score_cells").order("cell")
    if dbt.is_incremental:
        models = models.filter(f"model_id not in (select model_id from {dbt.this})")
        if not models.limit(1).fetchall():
            return session.table(str(dbt.this)).limit(0)
    from segmentation.noise import measure_noise  # scikit-learn takes seconds to load

    new = models.to_arrow_table().to_pylist()
    of_models = (
        (row, cells.filter(f"model_id = '{row['model_id']}'").to_arrow_table()) for row in new
    )
    return measure_noise(of_models, **dbt.config.get("meta"))
