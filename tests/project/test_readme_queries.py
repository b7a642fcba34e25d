"""The queries of the guide to BI tools run on what `make export` writes."""

import re

import duckdb
import pytest

import export
from conftest import ROOT


def queries():
    """The SQL of the guide, by the question in its first line."""
    guide = (ROOT / "docs" / "guides" / "bi.md").read_text()
    blocks = re.findall(r"^```sql\n-- (.+?)\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    return dict(blocks)


QUERIES = queries()
AT_RISK, SLIPPED, RELABELLED, EARLIER = "loyal 06", "recent 03", "recent 04", "recent 05"


@pytest.fixture(scope="module")
def exported(shop_warehouse, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    export.export(shop_warehouse, folder)
    with duckdb.connect(str(folder / "segments.duckdb")) as connection:
        # In the small shop nobody slips, and nobody is about to: here two do.
        lapsed = "(select segment_id from marts.segment_profiles where segment_name like 'Lapsed%')"
        connection.execute(
            f"update marts.customer_segments set runner_up_segment_id = {lapsed}, confidence = 0.1 "
            f"where customer_id = '{AT_RISK}'"
        )
        as_of = "(select max(as_of) from marts.customer_segments)"
        for customer, movement, days in [
            (SLIPPED, "migration", 28),
            (RELABELLED, "relabelling", 28),
            (EARLIER, "migration", 29),
        ]:
            connection.execute(
                f"update marts.customer_segment_history set segment_id = {lapsed}, "
                f"segment_name = 'Lapsed customers', movement = '{movement}', "
                f"valid_from = {as_of} - interval {days} day "
                f"where is_current and customer_id = '{customer}'"
            )
        yield connection


def test_the_guide_has_queries():
    assert len(QUERIES) == 7


@pytest.mark.parametrize("question", QUERIES)
def test_every_query_runs(exported, question):
    answer = exported.execute(QUERIES[question]).df()
    assert len(answer.columns) >= 3
    assert len(answer)


@pytest.mark.parametrize(
    ("question", "customer"), [("Who are my VIPs", AT_RISK), ("Who has slipped", SLIPPED)]
)
def test_the_customers_asked_for_are_found_and_no_other(exported, question, customer):
    query = next(sql for asked, sql in QUERIES.items() if asked.startswith(question))
    assert exported.execute(query).df()["customer_id"].tolist() == [customer]
