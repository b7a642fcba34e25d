"""No personal data beyond ids and the state that a customer lives in reaches a mart."""

import copy

import duckdb
import pytest

from conftest import marts_of

pytestmark = pytest.mark.slow

# The columns of marts that hold text, by where the text comes from.
TEXT_COLUMNS = {
    "an id from the raw files": {"customer_id", "customer_hash"},
    "a place or category from the raw files": {"place", "category"},
    "made by the project": {
        *("audience", "buyer_share_method", "campaign", "change", "revenue_method", "verdict"),
        *("algorithm", "basis", "candidate_id", "challenger_model_id", "check_name"),
        *("chosen_by", "clause", "population"),
        *("data_fingerprint", "decision", "description", "error", "event", "feature"),
        *(
            "currency",
            "locale",
            "feature_set",
            "features",
            "from_segment_name",
            "funnel",
            "library_versions",
        ),
        *("model_id", "most_shifted_segment", "movement", "option", "origin_model_id"),
        *("other_feature", "other_segment_name", "policy", "previous_model_id", "raw_table"),
        *("reason", "recommended_action", "rule", "scale", "season", "segment_name"),
        *("segment_nature", "sentence", "severity", "stage", "stale_reason", "status"),
        *("to_segment_name", "transform"),
        *("breach_kind", "data_sentence", "ended_by", "kind", "late_sentence", "measure"),
        *("scaling_model_id", "subject"),
    },
}
# Tables of marts in which each person has a row.
TABLES_OF_CUSTOMERS = {"customer_segments", "customer_segment_history", "customer_value"}
TABLES_OF_CUSTOMERS |= {"audience_changes", "audience_members", "campaign_members"}

PLANTED = {
    "review_comment_title": "ana.souza@example.org",
    "review_comment_message": "Ligue +55 11 91234-5678, Rua das Flores 7",
    "customer_zip_code_prefix": "98765",
    "customer_city": "vila da ana souza",
    "seller_zip_code_prefix": "87654",
    "seller_city": "rua do vendedor",
    "geolocation_city": "beco da ana",
    "payment_type": "cartao 4111 1111 1111 1111",
}


def test_every_text_column_of_a_mart_is_known(shop_warehouse):
    with duckdb.connect(str(shop_warehouse), read_only=True) as connection:
        found = connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() "
            "where schema_name = 'marts'"
        ).fetchall()
    plain = ("INTEGER", "BIGINT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP")
    texts = [row for row in found if row[2] not in plain and not row[2].startswith("DECIMAL")]
    known = set().union(*TEXT_COLUMNS.values())
    new = {f"{table}.{column}" for table, column, _ in texts if column not in known}
    assert new == set(), "say where the text comes from, and that it is nobody's"
    assert {column for _, column, _ in texts} == known
    of_customers = {table for table, column, _ in texts if column == "customer_id"}
    assert of_customers == TABLES_OF_CUSTOMERS


@pytest.fixture(scope="module")
def planted(project, shop, tmp_path_factory):
    talkative = copy.deepcopy(shop)
    for rows in talkative.rows.values():
        for row in rows:
            row.update({column: text for column, text in PLANTED.items() if column in row})
    data = talkative.write(tmp_path_factory.mktemp("talkative") / "data")
    return project.dbt_build(data, tmp_path_factory.mktemp("talkative") / "shop.duckdb")


def test_what_people_write_and_where_they_live_is_in_no_mart(planted, read):
    raw = read(planted, "from raw.olist_order_reviews_dataset")
    assert PLANTED["review_comment_title"] in set(raw["review_comment_title"])
    with duckdb.connect(str(planted), read_only=True) as connection:
        for mart in marts_of(planted):
            rows = repr(connection.execute(f"select * from marts.{mart}").fetchall())
            for column, text in PLANTED.items():
                assert text not in rows, (mart, column)
