from segmentation.relations import arrow, observations_of


def model(dbt, session):
    settings = dict(dbt.config.get("meta"))
    if settings.pop("has_labels"):
        return dbt.ref("training_label_models")
    chosen = arrow(dbt.ref("selection_chosen_candidate"), order="candidate_id").to_pylist()[0]
    settings |= {name: chosen[name] for name in ("candidate_id", "algorithm", "n_segments")}
    transforms = {feature["feature"]: feature["transform"] for feature in chosen["features"]}
    is_chosen = f"candidate_id = '{chosen['candidate_id']}'"
    due, first = "is_evaluation_date", None
    if dbt.is_incremental:
        fitted = arrow(session.table(str(dbt.this)), where=is_chosen, order="fitted_as_of")
        first = next(iter(fitted.slice(0, 1).to_pylist()), None)
        newest = f"(select max(fitted_as_of) from {dbt.this} where {is_chosen})"
        due += f" and cutoff > coalesce({newest}, timestamp '0001-01-01')"
    cutoffs = arrow(dbt.ref("int_cutoffs"), where=due, order="cutoff", columns="cutoff")
    if dbt.is_incremental and not cutoffs.num_rows:
        return session.table(str(dbt.this)).limit(0)
    from segmentation.models import fit_models  # takes a second to load

    dates = (chosen | {"fitted_as_of": day} for day in cutoffs.column("cutoff").to_pylist())
    observations = dbt.ref("training_observations")
    snapshots = ((date["fitted_as_of"], observations_of(observations, date)) for date in dates)
    return fit_models(snapshots, transforms=transforms, first_model=first, **settings)
