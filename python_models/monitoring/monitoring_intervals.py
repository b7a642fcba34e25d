from segmentation.forecast import rolling_intervals
from segmentation.relations import arrow


def model(dbt, session):
    durations = arrow(dbt.ref("monitoring_durations"), order="subject_kind, subject, fitted_as_of")
    return rolling_intervals(durations, **dbt.config.get("meta"))
