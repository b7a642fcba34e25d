"""The notebook runs on the marts of a shop, and shows what they hold."""

import runpy

import pytest

from conftest import ROOT


@pytest.fixture(scope="module")
def shown(shop_warehouse):
    """What the cells of the notebook define, as it opens."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SEGMENTS_WAREHOUSE", str(shop_warehouse))
        app = runpy.run_path(str(ROOT / "notebooks" / "explore.py"))["app"]
        _, defined = app.run()
    yield defined
    defined["connection"].close()


def test_it_shows_the_customers_of_the_segment_that_is_picked(shown, read, shop_warehouse):
    expected = read(
        shop_warehouse,
        "select customer_id from marts.customer_segments "
        "where segment_id = (select min(segment_id) from marts.customer_segments)",
    )
    assert set(shown["customers"]["customer_id"]) == set(expected["customer_id"])
    assert shown["bought"]["orders"].sum() == (shown["customers"]["frequency"]).sum()


def test_a_threshold_is_tried_on_the_agreements_that_were_measured(shown, read, shop_warehouse):
    stability = read(
        shop_warehouse,
        "select * from marts.segment_stability where origin_model_id = "
        "(select min_by(model_id, fitted_as_of) from marts.segment_models) order by weeks",
    )
    agreements = [row["agreement"] for row in shown["walked"]]
    assert len(agreements) == stability["evaluation_date"].nunique()
    until = next((i for i, each in enumerate(agreements) if each < 0.8), len(agreements))
    expected = stability["adjusted_rand_index"].tolist()
    assert agreements[: until + 1] == pytest.approx(expected[: until + 1])
    assert len(shown["refits"]) == sum(each < 0.8 for each in agreements)
