def model(dbt, session):
    chosen = dbt.ref("choose_model").to_arrow_table().to_pylist()[0]
    kind = {name: chosen[name] for name in ("candidate_id", "algorithm", "n_segments")}
    transforms = {feature["feature"]: feature["transform"] for feature in chosen["features"]}
    is_chosen = f"candidate_id = '{chosen['candidate_id']}'"
    points = dbt.ref("fit_points").filter(is_chosen).order("point")
    due = dbt.ref("int_cutoffs").filter("is_review_date").order("cutoff")
    first = []
    if dbt.is_incremental:
        fitted = session.table(str(dbt.this)).filter(is_chosen)
        first = fitted.order("fitted_as_of").limit(1).to_arrow_table().to_pylist()
        newest = f"select max(fitted_as_of) from {dbt.this} where {is_chosen}"
        due = due.filter(f"cutoff > coalesce(({newest}), '-infinity')")
        if not due.limit(1).fetchall():
            return session.table(str(dbt.this)).limit(0)
    from segmentation.models import fit_models  # scikit-learn takes seconds to load

    snapshots = (
        (cutoff, points.filter(f"cutoff = '{cutoff}'").to_arrow_table())
        for (cutoff,) in due.select("cutoff").fetchall()
    )
    settings = kind | dbt.config.get("meta") | {"first_model": first[0] if first else None}
    return fit_models(snapshots, transforms=transforms, **settings)
