def model(dbt, session):
    pairs = dbt.ref("champion_reviews").order("model_id, origin_model_id")
    if dbt.is_incremental:
        explained = f"select origin_model_id, model_id from {dbt.this}"
        pairs = pairs.filter(f"(origin_model_id, model_id) not in ({explained})")
        if not pairs.limit(1).fetchall():
            return session.table(str(dbt.this)).limit(0)
    from segmentation.drift import explain_pairs  # scikit-learn takes seconds to load

    models = {row["model_id"]: row for row in dbt.ref("fit_models").to_arrow_table().to_pylist()}
    points = dbt.ref("fit_points").order("point")

    def points_of(row):
        date = f"candidate_id = '{row['candidate_id']}' and cutoff = '{row['fitted_as_of']}'"
        return points.filter(date).to_arrow_table()

    columns = pairs.select("origin_model_id, model_id, is_alarming").fetchall()
    asked = ((models[origin], models[refit], is_alarming) for origin, refit, is_alarming in columns)
    found = ((o, m, points_of(o), points_of(m), is_alarming) for o, m, is_alarming in asked)
    return explain_pairs(found, **dbt.config.get("meta"))
