"""A campaign on the small shop: who is held out, who bought, and what is said of it."""

import copy
import hashlib
import json
import re
import shutil

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml

from conftest import ROOT, with_any_vars
from reporting import audiences_part
from reporting.marts import Marts
from reporting.text import plain
from segmentation_dbt.faults import UserError
from segmentation_dbt.settings import check_vars

AUDIENCES = {"recent": "segment_name = 'Recent customers'"}
CAMPAIGNS = {
    "win_back": {
        "audience": "recent",
        "starts_on": "2018-02-01",
        "ends_on": "2018-02-14",
        "holdout_share": 0.4,
        "salt": "february",
    },
    "too_early": {
        "audience": "recent",
        "starts_on": "2018-01-01",
        "ends_on": "2018-01-14",
        "holdout_share": 0.4,
    },
}
MODELS = ("audience_changes", "campaign_members", "campaign_arms", "campaign_figures")
MODELS += ("campaign_results", "int_published_segments", "audience_members")
# When a customer of the campaign buys again: on its first and last day, and just outside of it.
INSIDE, OUTSIDE = ("2018-02-01", "2018-02-14"), "2018-02-15"


def given(campaigns=CAMPAIGNS):
    """Vars, dates written as YAML has them, without quotes."""
    text = json.dumps({"audiences": AUDIENCES, "campaigns": campaigns})
    return ("--vars", text.replace('"2018-02-01"', "2018-02-01"))


@pytest.fixture(scope="module")
def started(project, shop_data, shop_warehouse, tmp_path_factory):
    """The small shop on the day on which the campaign begins."""
    warehouse = shutil.copy(shop_warehouse, tmp_path_factory.mktemp("started") / "shop.duckdb")
    with_any_vars(warehouse)
    result = project.dbt(shop_data, warehouse, "build", "--select", *MODELS, *given())
    assert result.returncode == 0, result.stdout
    return warehouse


def validate(changes):
    """Check the vars of the project with some changes; raises UserError."""
    settings = yaml.safe_load((ROOT / "dbt_project.yml").read_text())["vars"]
    mart = ROOT / "dbt_project/models/marts/segments/customer_segments.yml"
    columns = yaml.safe_load(mart.read_text())["models"][0]["columns"]
    check_vars(
        given=settings | changes,
        named=[],
        naming_features=["recency_days"],
        audience_columns={column["name"]: column["data_type"] for column in columns},
    )


def is_held_out(customer, salt="february", share=0.4):
    digits = hashlib.md5(f"{salt}:{customer}".encode()).hexdigest()[:8]
    return int(digits, 16) / 2**32 < share


def results_of(read, warehouse):
    results = read(warehouse, "from marts.campaign_results").set_index("campaign")
    return results.astype(object).where(results.notna(), None)


def test_members_are_split_by_a_hash_of_salt_and_id(started, read):
    members = read(started, "from marts.campaign_members")
    assert set(members["campaign"]) == {"win_back"}
    recent = read(
        started,
        "select customer_id from marts.customer_segments where segment_name = 'Recent customers'",
    )
    assert members["customer_id"].tolist() == sorted(recent["customer_id"])
    assert members["is_held_out"].tolist() == [*map(is_held_out, members["customer_id"])]
    assert 0.25 < members["is_held_out"].mean() < 0.55


def test_the_report_has_audiences_and_campaigns(started, shop_warehouse, read):
    marts = Marts(started)
    (section,) = audiences_part.sections(marts)
    (_, audiences), (_, campaigns) = section.tables
    marts.close()
    members = read(started, "from marts.audience_members")
    assert audiences["Audience"].tolist() == ["recent"]
    assert plain(audiences["Members"][0]) == f"{len(members):,}"
    results = read(started, "from marts.campaign_results")
    assert campaigns["What is found"].tolist() == results["sentence"].tolist()
    assert [plain(n) for n in campaigns["Treated"]] == [
        f"{n:,}" for n in results["treated_customers"]
    ]
    # A shop without audiences has no word of them.
    without = Marts(shop_warehouse)
    assert audiences_part.sections(without) == []
    without.close()


def test_a_campaign_that_has_begun_has_no_verdict(started, read):
    results = results_of(read, started)
    begun = results.loc["win_back"]
    assert (begun["status"], begun["verdict"]) == ("running", None)
    assert "There is no verdict before the end" in begun["sentence"]
    assert results.loc["too_early", "status"] == "no members"
    assert "had no members on 2018-01-01" in results.loc["too_early", "sentence"]


@pytest.mark.parametrize(
    ("campaign", "told"),
    [
        ({}, "campaigns, c has no audience and no starts_on and no ends_on and no holdout_share"),
        ({"ends_on": "2018-01-31"}, "campaigns, c ends on 2018-01-31, before it starts"),
        ({"starts_on": "2018-02-31"}, "starts_on is 2018-02-31, which is no day"),
        ({"starts_on": "soon"}, "campaigns, c, starts_on is soon; it must be a date such as"),
        ({"holdout_share": 0}, "holdout_share is 0; it must be a number from 0.01 to 0.99"),
        ({"holdout": 0.2}, "campaigns, c is holdout; it must be audience, starts_on, ends_on"),
        ({"audience": "a b"}, "campaigns, c, audience is a b; it must be a name"),
        ({"salt": 7}, "campaigns, c, salt is 7; it must be a text"),
        ("recent", "campaigns, c is recent; it must be a mapping"),
    ],
)
def test_a_campaign_that_cannot_be_read_is_refused(campaign, told):
    whole = CAMPAIGNS["win_back"] | campaign if campaign and campaign != "recent" else campaign
    with pytest.raises(UserError) as refused:
        validate({"campaigns": {"c": whole}})
    assert told in str(refused.value)


def test_the_campaign_of_the_guide_is_one():
    guide = (ROOT / "docs/guides/audiences.md").read_text()
    blocks = [
        yaml.load(block, Loader=yaml.BaseLoader)
        for block in re.findall(r"```yaml\n((?:audiences|campaigns):.*?)```", guide, re.DOTALL)
    ]
    assert [[*block] for block in blocks] == [["audiences"], ["campaigns"]]
    for campaign in blocks[1]["campaigns"].values():
        campaign["holdout_share"] = float(campaign["holdout_share"])
        assert campaign["audience"] in blocks[0]["audiences"]
    validate(blocks[0] | blocks[1])


# -- after the end --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def orders(started):
    """Who buys again, and when: most of the treated customers, some of those held out."""
    with duckdb.connect(str(started), read_only=True) as connection:
        members = connection.sql("from marts.campaign_members order by customer_id").df()
    random = np.random.default_rng(2)
    rows = []
    for member in members.itertuples():
        days = [*INSIDE] if random.random() < 0.2 else [random.choice(INSIDE)]
        if random.random() < (0.35 if member.is_held_out else 0.85):
            rows += [(member.customer_id, day, int(random.integers(40, 90))) for day in days]
        if random.random() < 0.3:
            rows.append((member.customer_id, OUTSIDE, 1000))
    return pd.DataFrame(rows, columns=["customer_id", "day", "value"])


@pytest.fixture(scope="module")
def later_data(shop, orders, tmp_path_factory):
    later = copy.deepcopy(shop)
    for order in orders.itertuples():
        later.order(order.customer_id, order.day, order.value, score=5)
    return later.write(tmp_path_factory.mktemp("later") / "data")


@pytest.fixture(scope="module")
def over(project, started, later_data, tmp_path_factory):
    warehouse = shutil.copy(started, tmp_path_factory.mktemp("over") / "shop.duckdb")
    return project.dbt_build(later_data, warehouse, *given(), tested=True)


@pytest.mark.slow
def test_what_was_bought_from_the_first_day_to_the_last_counts(over, started, orders, read):
    members = read(over, "from marts.campaign_members order by customer_id")
    assert members.equals(read(started, "from marts.campaign_members order by customer_id"))
    inside = orders[orders["day"].isin(INSIDE)].merge(members)
    result = results_of(read, over).loc["win_back"]
    for side, is_held_out in (("treated", False), ("held_out", True)):
        bought = inside[inside["is_held_out"] == is_held_out]
        assert result[f"{side}_customers"] == (members["is_held_out"] == is_held_out).sum()
        assert result[f"{side}_buyers"] == bought["customer_id"].nunique()
        assert result[f"{side}_orders"] == len(bought)
        assert result[f"{side}_revenue"] == bought["value"].sum()
    assert (result["status"], result["verdict"]) == ("over", "more buyers")
    shares = [
        result[f"{side}_buyers"] / result[f"{side}_customers"] for side in ("treated", "held_out")
    ]
    assert result["buyer_share_difference_low"] < shares[0] - shares[1]
    assert result["buyer_share_difference_high"] > shares[0] - shares[1]
    assert 0.001 < result["split_p_value"] <= 1
    assert result["sentence"].startswith("More customers bought with the campaign than without")


@pytest.mark.slow
def test_an_erased_customer_is_in_no_table_and_nobody_else_changes_sides(
    project, later_data, over, orders, tmp_path, read
):
    warehouse = shutil.copy(over, tmp_path / "shop.duckdb")
    before = read(warehouse, "from marts.campaign_members order by customer_id")
    erased = orders[orders["day"].isin(INSIDE)]["customer_id"].iloc[0]
    erasure = ("run-operation", "erase_customer", "--args", f"{{customer_id: {erased}}}")
    assert project.dbt(later_data, warehouse, *erasure, *given()).returncode == 0
    for is_built in (False, True):
        if is_built:
            project.dbt_build(later_data, warehouse, *given())
        after = read(warehouse, "from marts.campaign_members order by customer_id")
        left = before[before["customer_id"] != erased].reset_index(drop=True)
        assert after.equals(left)
        tables = ("audience_members", "audience_changes", "campaign_members")
        for table in tables:
            found = read(warehouse, f"from marts.{table} where customer_id = '{erased}'")
            assert len(found) == 0, table
    customers = "select sum(customers) as n from marts.campaign_arms where campaign = 'win_back'"
    assert read(warehouse, customers)["n"][0] == len(before) - 1
