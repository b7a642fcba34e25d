from datetime import UTC, datetime

from segmentation.candidates import compare_candidates


def model(dbt, session):
    customers = dbt.ref("choose_customers").order("customer_id").df()
    candidates = dbt.ref("choose_candidates").order("candidate_id").to_arrow_table().to_pylist()
    inputs = dbt.ref("choose_inputs").to_arrow_table().to_pylist()[0]
    known_customers = inputs.pop("known_customers")
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    return compare_candidates(
        customers,
        candidates,
        stamp=inputs | {"compared_at": now},
        known_customers=known_customers,
        report=print,
        **dbt.config.get("meta"),
    )
