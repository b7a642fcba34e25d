def model(dbt, session):
    from segmentation.options import compare_options

    customers = dbt.ref("compare_option_customers").order("cutoff, customer_id")
    options = dbt.ref("compare_options").order("option").to_arrow_table().to_pylist()

    def snapshots(option):
        months = option["observation_months"] or "null"
        known = customers.filter(f"observation_months is not distinct from {months}").df()
        return ((date.to_pydatetime(), of_date) for date, of_date in known.groupby("cutoff"))

    of_options = ((option, snapshots(option)) for option in options)
    return compare_options(of_options, report=print, **dbt.config.get("meta"))
