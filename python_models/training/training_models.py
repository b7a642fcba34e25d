from segmentation.relations import arrow, observations_of


def model(dbt, session):
    chosen = arrow(dbt.ref("selection_chosen_candidate"), order="candidate_id").to_pylist()[0]
    kind = {name: chosen[name] for name in ("candidate_id", "algorithm", "n_segments")}
    transforms = {feature["feature"]: feature["transform"] for feature in chosen["features"]}
    is_chosen = f"candidate_id = '{chosen['candidate_id']}'"
    due, first = "is_evaluation_date", []
    if dbt.is_incremental:
        fitted = arrow(session.table(str(dbt.this)), where=is_chosen, order="fitted_as_of")
        first = fitted.slice(0, 1).to_pylist()
        newest = f"(select max(fitted_as_of) from {dbt.this} where {is_chosen})"
        due += f" and cutoff > coalesce({newest}, timestamp '0001-01-01')"
    cutoffs = arrow(dbt.ref("int_cutoffs"), where=due, order="cutoff", columns="cutoff")
    if dbt.is_incremental and not cutoffs.num_rows:
        return session.table(str(dbt.this)).limit(0)
    from segmentation.models import fit_models  # takes a second to load

    observations, days = dbt.ref("training_observations"), cutoffs.column("cutoff").to_pylist()
    snapshots = (
        (day, observations_of(observations, chosen | {"fitted_as_of": day})) for day in days
    )
    settings = kind | dbt.config.get("meta") | {"first_model": first[0] if first else None}
    return fit_models(snapshots, transforms=transforms, **settings)
