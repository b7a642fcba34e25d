from functools import cache


def model(dbt, session):
    from segmentation.options import compare_options

    customers = dbt.ref("compare_option_customers").order("cutoff, customer_id")
    options = dbt.ref("compare_options").order("option").to_arrow_table().to_pylist()

    @cache
    def known_within(months):
        window = f"observation_months is not distinct from {months or 'null'}"
        dates = customers.filter(window).df().groupby("cutoff")
        return [(date.to_pydatetime(), of_date) for date, of_date in dates]

    of_options = ((option, known_within(option["observation_months"])) for option in options)
    return compare_options(of_options, report=print, **dbt.config.get("meta"))
