from segmentation.models import fit_models


def model(dbt, session):
    settings = dict(dbt.config.get("meta"))
    columns = ", ".join(settings.pop("feature_set"))
    features = dbt.ref("int_customer_features")
    review_dates = dbt.ref("int_cutoffs").filter("is_review_date").order("cutoff")
    snapshots = (
        (
            model_id,
            cutoff,
            features.filter(f"cutoff = '{cutoff}'").order("customer_id").select(columns).df(),
        )
        for model_id, cutoff in review_dates.select("model_id, cutoff").fetchall()
    )
    return fit_models(snapshots, **settings)
