from segmentation.relations import arrow
from segmentation.survival import survival_curves


def model(dbt, session):
    durations = arrow(dbt.ref("monitoring_durations"), order="subject_kind, subject, fitted_as_of")
    return survival_curves(durations)
