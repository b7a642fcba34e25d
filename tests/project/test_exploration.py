"""The marts that the report draws, against pandas and scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_samples

from pandas_features import read_raw

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def orders(shop_data):
    """The shop's orders with customer, state, category and money, straight from the files."""
    orders = read_raw(shop_data, "orders").merge(read_raw(shop_data, "customers"), on="customer_id")
    paid = read_raw(shop_data, "order_payments").groupby("order_id")["payment_value"].sum()
    orders["value"] = orders["order_id"].map(paid)
    orders["month"] = orders["order_purchase_timestamp"].dt.to_period("M")
    orders["counted"] = ~orders["order_status"].isin(["canceled", "unavailable"])
    return orders


@pytest.fixture(scope="module")
def counted(orders):
    """Counted orders in time, with the month of each customer's first one."""
    counted = orders[orders["counted"]].sort_values("order_purchase_timestamp")
    customers = counted.groupby("customer_unique_id")
    return counted.assign(nth=customers.cumcount() + 1, cohort=customers["month"].transform("min"))


def test_months_are_those_of_the_orders(orders, counted, shop_warehouse, read):
    months = read(shop_warehouse, "from marts.order_months").set_index("month")
    months.index = months.index.to_period("M")
    by_month = counted.groupby("month")
    assert months["orders"].to_dict() == orders.groupby("month").size().to_dict()
    assert months["counted_orders"].to_dict() == by_month.size().to_dict()
    assert months["customers"].to_dict() == by_month["customer_unique_id"].nunique().to_dict()
    new = counted[counted["nth"] == 1].groupby("month").size()
    assert months["new_customers"][months["new_customers"] > 0].to_dict() == new.to_dict()
    assert months["revenue"].to_dict() == pytest.approx(by_month["value"].sum().to_dict())


def test_segments_share_the_months_among_them(counted, shop_warehouse, read):
    segments = read(shop_warehouse, "from marts.segment_months")
    customers = read(shop_warehouse, "select customer_id, segment_id from marts.customer_segments")
    owner = customers.set_index("customer_id")["segment_id"]
    rows = counted.assign(segment_id=counted["customer_unique_id"].map(owner))
    expected = rows.groupby(["segment_id", "month"]).agg(
        orders=("value", "size"),
        repeat_orders=("nth", lambda nth: (nth > 1).sum()),
        customers=("customer_unique_id", "nunique"),
        revenue=("value", "sum"),
    )
    segments["month"] = segments["month"].dt.to_period("M")
    found = segments.set_index(["segment_id", "month"])[list(expected.columns)].astype(float)
    pd.testing.assert_frame_equal(
        found.sort_index(), expected.astype(float).sort_index(), check_index_type=False
    )


def test_funnels_narrow_as_the_orders_do(orders, counted, shop_data, shop_warehouse, read):
    funnel = read(shop_warehouse, "from marts.order_funnel").set_index(["funnel", "stage"])
    as_of = read(shop_warehouse, "select any_value(as_of) as day from marts.customer_segments")
    as_of = str(as_of["day"][0])
    reviews = read_raw(shop_data, "order_reviews")
    reviewed = set(reviews["order_id"][reviews["review_answer_timestamp"] < as_of])
    assert len(reviewed) < len(reviews)
    delivered = counted[counted["order_delivered_customer_date"] < as_of]
    repeats = counted.groupby("customer_unique_id").size()
    expected = {
        ("orders", "placed"): len(orders),
        ("orders", "counted"): len(counted),
        ("orders", "delivered"): len(delivered),
        ("orders", "reviewed"): delivered["order_id"].isin(reviewed).sum(),
        ("customers", "first order"): len(repeats),
        ("customers", "second order"): (repeats >= 2).sum(),
        ("customers", "third order"): (repeats >= 3).sum(),
        ("customers", "fourth order"): (repeats >= 4).sum(),
    }
    assert funnel["quantity"].to_dict() == expected
    assert funnel.loc[("customers", "second order"), "share_of_first"] == pytest.approx(
        (repeats >= 2).mean()
    )


def test_cohorts_follow_their_first_month(counted, shop_warehouse, read):
    cohorts = read(shop_warehouse, "from marts.customer_cohorts")
    since = (counted["month"] - counted["cohort"]).map(lambda months: months.n)
    active = counted.groupby([counted["cohort"].astype(str), since])["customer_unique_id"]
    found = cohorts.set_index([cohorts["cohort"].dt.strftime("%Y-%m"), "months_since"])
    assert found["active_customers"].to_dict() == active.nunique().to_dict()
    sizes = counted[counted["nth"] == 1].groupby(counted["cohort"].astype(str)).size()
    for (cohort, _), row in found.iterrows():
        assert row["customers"] == sizes[cohort]
        assert row["retention"] == row["active_customers"] / row["customers"]


@pytest.mark.parametrize(
    ("mart", "kind", "quantity", "share_of_all"),
    [
        ("segment_places", "place", "customers", "share_of_customers"),
        ("segment_categories", "category", "orders", "share_of_orders"),
    ],
)
def test_shares_of_places_and_categories(
    shop_warehouse, read, counted, mart, kind, quantity, share_of_all
):
    rows = read(shop_warehouse, f"from marts.{mart}")
    customers = counted["customer_unique_id"].nunique()
    assert rows[quantity].sum() == (customers if quantity == "customers" else len(counted))
    by_segment = rows.groupby("segment_id")[quantity].transform("sum")
    of_all = rows.groupby(kind)[quantity].transform("sum") / rows[quantity].sum()
    assert rows["share_of_segment"].tolist() == pytest.approx(
        (rows[quantity] / by_segment).tolist()
    )
    assert rows[share_of_all].tolist() == pytest.approx(of_all.tolist())
    index = rows["share_of_segment"] / of_all
    assert rows["index_to_all"].tolist() == pytest.approx(index.tolist())


def test_a_customer_lives_where_the_newest_order_went(project, shop, tmp_path, read):
    """Two orders to two states, the later one counts; an unknown state has a name."""
    rows = shop.rows["olist_customers_dataset"]
    states = [row["customer_state"] for row in rows]
    for row in rows:
        if row["customer_unique_id"] == "loyal 00":
            row["customer_state"] = "RJ"
    newest = [row for row in rows if row["customer_unique_id"] == "loyal 00"][-1]
    newest["customer_state"] = "BA"
    data = shop.write(tmp_path / "data")
    for row, state in zip(rows, states, strict=True):
        row["customer_state"] = state
    warehouse = project.dbt_build(data, tmp_path / "shop.duckdb")
    places = read(
        warehouse, "select place, sum(customers) as n from marts.segment_places group by 1"
    )
    assert places.set_index("place")["n"].to_dict() == {"SP": 271, "BA": 1}


def scaled(read, warehouse):
    """Features of the published customers in the champion's scaled units, by numpy."""
    customers = read(warehouse, "from marts.customer_segments order by customer_id")
    parameters = read(
        warehouse,
        "select parameters.* from marts.segment_model_parameters as parameters "
        "semi join marts.segment_profiles using (model_id) order by feature",
    )
    columns = {}
    for row in parameters.itertuples():
        values = customers[row.feature].astype(float).fillna(row.imputation_value)
        values = values.clip(row.lower_cap, row.upper_cap)
        values = np.log1p(values) if row.transform == "log1p" else values
        columns[row.feature] = (values - row.mean) / row.scale
    return customers, pd.DataFrame(columns)


def test_histograms_hold_every_customer_in_both_scales(shop_warehouse, read):
    bins = read(shop_warehouse, "from marts.feature_histograms")
    customers, features = scaled(read, shop_warehouse)
    for feature in features:
        for scale, values in (
            ("original", customers[feature].dropna()),
            ("model", features[feature]),
        ):
            values = values.astype(float)
            found = bins[(bins["feature"] == feature) & (bins["scale"] == scale)]
            top = values.quantile(0.995)
            width = (top - values.min()) / 40
            place = (values - values.min()) / width if width else 0 * values
            place = place.clip(upper=39).astype(int)
            counts = found.groupby("bin")["customers"].sum().reindex(range(40), fill_value=0)
            expected = np.bincount(place, minlength=40)
            # A value on an edge may fall to either side of it.
            assert np.abs(counts.cumsum() - expected.cumsum()).max() <= 3, (feature, scale)
            assert found["customers"].sum() == len(values)


def test_the_map_is_that_of_scikit_learn(shop_warehouse, read):
    points = read(shop_warehouse, "from marts.segment_map order by point")
    axes = read(shop_warehouse, "from marts.segment_model_axes")
    customers, features = scaled(read, shop_warehouse)
    assert len(points) == len(customers)  # fewer than the sample: everyone is drawn
    loadings = axes.pivot_table(index="feature", columns="axis", values="loading")
    places = features.to_numpy() @ loadings.loc[features.columns, [1, 2]].to_numpy()
    found = points.sort_values(["x", "y"])[["x", "y"]].to_numpy()
    expected = places[np.lexsort((places[:, 1], places[:, 0]))]
    assert found == pytest.approx(expected, abs=1e-9)
    silhouettes = silhouette_samples(features, customers["segment_id"])
    assert np.sort(points["silhouette"]) == pytest.approx(np.sort(silhouettes), abs=1e-5)


def test_axes_and_correlations_are_those_of_the_fitted_customers(shop_warehouse, read):
    axes = read(shop_warehouse, "from marts.segment_model_axes")
    model = axes["model_id"].iloc[0]
    parameters = read(
        shop_warehouse,
        f"select * from marts.segment_model_parameters where model_id = '{model}' order by feature",
    )
    fitted_as_of = read(
        shop_warehouse,
        f"select fitted_as_of from marts.segment_models where model_id = '{model}'",
    )["fitted_as_of"][0]
    known = read(
        shop_warehouse,
        f"select * from intermediate.int_customer_features where cutoff = '{fitted_as_of}'",
    )
    columns = {}
    for row in parameters.itertuples():
        values = known[row.feature].astype(float).fillna(row.imputation_value)
        values = values.clip(row.lower_cap, row.upper_cap)
        values = np.log1p(values) if row.transform == "log1p" else values
        columns[row.feature] = (values - row.mean) / row.scale
    features = pd.DataFrame(columns)
    pca = PCA().fit(features)
    loadings = axes.pivot_table(index="axis", columns="feature", values="loading")
    agreement = np.abs((loadings[features.columns].to_numpy() * pca.components_).sum(axis=1))
    assert agreement == pytest.approx(np.ones(len(agreement)), abs=1e-6)
    explained = axes.groupby("axis")["explained_share"].first()
    assert explained.to_numpy() == pytest.approx(pca.explained_variance_ratio_, abs=1e-9)
    correlations = read(shop_warehouse, "from marts.feature_correlations").pivot_table(
        index="feature", columns="other_feature", values="correlation"
    )
    assert correlations.to_numpy() == pytest.approx(features.corr().to_numpy(), abs=1e-6)
