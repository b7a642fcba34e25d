def model(dbt, session):
    chosen = dbt.ref("choose_model").to_arrow_table().to_pylist()[0]
    kind = {name: chosen[name] for name in ("candidate_id", "algorithm", "n_segments")}
    transforms = {feature["feature"]: feature["transform"] for feature in chosen["features"]}
    features = dbt.ref("int_customer_features").order("customer_id")
    due = dbt.ref("int_cutoffs").filter("is_review_date").order("cutoff")
    if dbt.is_incremental:
        fitted = f"from {dbt.this} where candidate_id = '{chosen['candidate_id']}'"
        due = due.filter(f"cutoff > coalesce((select max(fitted_as_of) {fitted}), '-infinity')")
        if not due.fetchall():
            return session.table(str(dbt.this)).limit(0)
    from segmentation.models import fit_models  # scikit-learn takes seconds to load

    snapshots = (
        (cutoff, features.filter(f"cutoff = '{cutoff}'").select(", ".join(transforms)).df())
        for (cutoff,) in due.select("cutoff").fetchall()
    )
    return fit_models(snapshots, transforms=transforms, **kind, **dbt.config.get("meta"))
