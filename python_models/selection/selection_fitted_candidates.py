from datetime import UTC, datetime

from segmentation.candidates import compare_candidates
from segmentation.relations import arrow, frame


def model(dbt, session):
    settings = dict(dbt.config.get("meta"))
    if not settings.pop("is_asked"):
        return session.table(str(dbt.this))
    customers = frame(dbt.ref("selection_customers"), order="customer_id")
    candidates = arrow(dbt.ref("selection_candidates"), order="candidate_id").to_pylist()
    inputs = arrow(dbt.ref("selection_inputs"), order="data_fingerprint").to_pylist()[0]
    known_customers = inputs.pop("known_customers")
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    return compare_candidates(
        customers,
        candidates,
        stamp=inputs | {"compared_at": now},
        known_customers=known_customers,
        report=print,
        **settings,
    )
