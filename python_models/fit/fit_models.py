from segmentation.models import fit_models


def model(dbt, session):
    chosen = dbt.ref("choose_model").to_arrow_table().to_pylist()[0]
    transforms = {feature["feature"]: feature["transform"] for feature in chosen["features"]}
    columns = ", ".join(transforms)
    features = dbt.ref("int_customer_features").order("customer_id")
    review_dates = dbt.ref("int_cutoffs").filter("is_review_date").order("cutoff")
    snapshots = (
        (
            f"{chosen['candidate_id']}-{cutoff:%Y-%m-%d}",
            cutoff,
            features.filter(f"cutoff = '{cutoff}'").select(columns).df(),
        )
        for (cutoff,) in review_dates.select("cutoff").fetchall()
    )
    kind = {name: chosen[name] for name in ("algorithm", "n_segments")}
    return fit_models(snapshots, transforms=transforms, **kind, **dbt.config.get("meta"))
