from functools import cache

from segmentation.relations import arrow, frame


def model(dbt, session):
    settings = dict(dbt.config.get("meta"))
    if not settings.pop("is_asked"):
        return session.table(str(dbt.this))
    from segmentation.options import compare_options

    options = arrow(dbt.ref("monitoring_options"), order="option").to_pylist()

    @cache
    def known_within(months):
        window = f"observation_months is not distinct from {months or 'null'}"
        customers = frame(
            dbt.ref("monitoring_option_customers"), where=window, order="cutoff, customer_id"
        )
        return [(date.to_pydatetime(), of_date) for date, of_date in customers.groupby("cutoff")]

    of_options = ((option, known_within(option["observation_months"])) for option in options)
    return compare_options(of_options, report=print, **settings)
