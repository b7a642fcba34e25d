from segmentation.forecast import forecast_breaks
from segmentation.relations import arrow


def model(dbt, session):
    durations = arrow(
        dbt.ref("monitoring_durations"),
        where="subject_kind = 'candidate'",
        order="subject, fitted_as_of",
    )
    return forecast_breaks(durations, **dbt.config.get("meta"))
