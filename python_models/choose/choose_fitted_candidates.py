from datetime import UTC, datetime

from segmentation.candidates import compare_candidates


def model(dbt, session):
    inputs = dbt.ref("choose_inputs").to_arrow_table().to_pylist()[0]
    customers = dbt.ref("choose_customers").order("customer_id").df()
    candidates = dbt.ref("choose_candidates").order("candidate_id").to_arrow_table().to_pylist()
    return compare_candidates(
        customers,
        candidates,
        stamp=inputs | {"compared_at": datetime.now(UTC).replace(tzinfo=None, microsecond=0)},
        report=print,
        **dbt.config.get("meta"),
    )
