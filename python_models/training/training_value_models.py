from segmentation.relations import frame


def model(dbt, session):
    newest = f"coalesce((select max(fitted_as_of) from {dbt.this}), timestamp '0001-01-01')"
    is_due = f"cutoff > {newest}" if dbt.is_incremental else None
    orders = frame(dbt.ref("training_order_cells"), where=is_due, order="cutoff, cell")
    values = frame(dbt.ref("training_value_cells"), where=is_due, order="cutoff, cell")
    if dbt.is_incremental and orders.empty:
        return session.table(str(dbt.this)).limit(0)
    from segmentation.customer_value import fit_value_models  # takes a second to load

    return fit_value_models(orders, values)
