from segmentation.survival import survival_curves


def model(dbt, session):
    durations = dbt.ref("compare_durations").order("subject_kind, subject, fitted_as_of")
    return survival_curves(durations.to_arrow_table(), **dbt.config.get("meta"))
