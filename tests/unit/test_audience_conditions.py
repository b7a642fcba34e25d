"""A condition of an audience is one expression on a customer, the same today and tomorrow."""

import pytest
import yaml

from conftest import ROOT
from segmentation_dbt.audiences import check_audiences
from segmentation_dbt.faults import UserError
from segmentation_dbt.settings import check_vars

MART = ROOT / "dbt_project/models/marts/segments/customer_segments.yml"
COLUMNS = {
    column["name"]: column["data_type"]
    for column in yaml.safe_load(MART.read_text())["models"][0]["columns"]
}


@pytest.mark.parametrize(
    "condition",
    [
        "segment_name = 'Loyal customers' and recency_days > 180",
        "monetary_value >= 100.50 or frequency in (2, 3) -- buys again",
        "segment_changed_at >= as_of - interval 7 day",
        "upper(segment_name) like '%RISK%' and review_score is null",
        "is_held",
        "case when confidence > 0.5 then true end",
    ],
)
def test_a_condition_on_the_columns_of_a_customer_will_do(condition):
    check_audiences({"vips": condition}, COLUMNS)


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("segment_nam = 'Loyal customers'", "segment_nam is no column of customer_segments"),
        ("recency_days > ", "syntax error"),
        ("recency_days > 1) or (frequency > 1", "syntax error"),
        ("recency_days > 1; drop table raw.orders", "Only SELECT statements"),
        ("recency_days, frequency", "it must be one expression"),
        ("recency_days > 1 from marts.customer_segments", "it must be one expression"),
        ("recency_days > 1 order by 1", "it must be one expression"),
        ("recency_days > 1 limit 1", "it must be one expression"),
        ("recency_days", "its type is integer, not boolean"),
        ("sqrt(segment_name) > 1", "No function matches"),
        ("segment_name > 5", "Cannot compare values"),
        ("customer_id in (select customer_id from raw.orders)", "it has a query of its own"),
        ("count(*) > 1", "aggregates"),
        ("row_number() over () = 1", "about one customer at a time"),
        ("frequency > ?", "about one customer at a time"),
        ("segment_changed_at > current_date - 7", "current_date differs from build to build"),
        ("segment_changed_at > now()", "now differs from build to build; as_of is the date"),
        ("random() < 0.5", "random differs from build to build"),
        ("", "it must be a text of SQL"),
        (7, "it must be a text of SQL"),
    ],
)
def test_any_other_is_refused_with_one_that_would_do(condition, told):
    with pytest.raises(UserError) as refused:
        check_audiences({"good": "frequency > 1", "vips": condition}, COLUMNS)
    message = str(refused.value)
    assert message.startswith("audiences, vips: ")
    assert told in message
    assert 'such as vips: "segment_name =' in message


@pytest.mark.parametrize("audiences", [["vips"], "vips", {"a b": "true"}, {"x'; drop": "true"}])
def test_a_name_that_cannot_be_used_is_refused(audiences):
    settings = yaml.safe_load((ROOT / "dbt_project.yml").read_text())["vars"]
    with pytest.raises(UserError, match=r"^audiences is .*; it must be a"):
        check_vars(
            given=settings | {"audiences": audiences},
            named=["audiences"],
            naming_features=["recency_days"],
            audience_columns=COLUMNS,
        )


@pytest.mark.parametrize("name", ["audiences", "campaigns"])
def test_on_spark_where_nobody_can_be_erased_there_are_none(name):
    settings = yaml.safe_load((ROOT / "dbt_project.yml").read_text())["vars"]
    told = f"{name} are for DuckDB alone: on Spark nobody can be erased"
    with pytest.raises(UserError, match=told):
        check_vars(
            given=settings | {name: {"vips": "frequency > 1"}},
            named=[name],
            naming_features=["recency_days"],
            engine="spark",
            audience_columns=COLUMNS,
        )
