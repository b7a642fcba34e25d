"""Values of customers, recomputed from the orders by the formulas of the papers."""

import duckdb
import pandas as pd
import pytest
from scipy.special import hyp2f1

HORIZONS = (30, 90, 365)


def recomputed(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Of orders without returns: BG/NBD with its hypergeometric function, and Gamma-Gamma."""
    orders = connection.execute(
        "select customer_id, ordered_at, monetary_value::double as value, as_of "
        "from intermediate.int_orders, (select max(as_of) as as_of from marts.customer_value) "
        "where is_counted and ordered_at < as_of"
    ).df()
    last_day = (orders["as_of"].max() - pd.Timedelta(seconds=1)).normalize()
    orders["day"] = orders["ordered_at"].dt.normalize()
    found = orders.groupby("customer_id").agg(
        days=("day", "nunique"), first=("day", "min"), last=("day", "max"), value=("value", "sum")
    )
    x, age = found["days"] - 1, (last_day - found["first"]).dt.days
    since_last = (last_day - found["last"]).dt.days
    (m,) = (
        connection.execute(
            "select models.* from training.training_value_models as models "
            "where fitted_as_of in (select fitted_as_of from marts.customer_value)"
        )
        .df()
        .to_dict("records")
    )
    r, alpha, a, b = (m[name] for name in ("r", "alpha", "a", "b"))
    odds = a / (b + x - 1) * ((alpha + age) / (alpha + age - since_last)) ** (r + x)
    found["alive_probability"] = (1 / (1 + odds)).where(x > 0)
    for days in HORIZONS:
        power = ((alpha + age) / (alpha + age + days)) ** (r + x)
        series = hyp2f1(r + x, b + x, a + b + x - 1, days / (alpha + age + days))
        living = (a + b + x - 1) / (a - 1) * (1 - power * series)
        found[f"expected_orders_{days}"] = living * found["alive_probability"].fillna(1)
    found["order_value"] = (
        m["p"] * (m["gamma"] + found["value"]) / (m["p"] * found["days"] + m["q"] - 1)
    )
    return found


def test_customers_are_valued_as_in_the_papers(shop_warehouse):
    with duckdb.connect(str(shop_warehouse), read_only=True) as connection:
        values = connection.execute("from marts.customer_value").df().set_index("customer_id")
        segments = connection.execute("select customer_id from marts.customer_segments").df()
        found = recomputed(connection)
    assert sorted(values.index) == sorted(segments["customer_id"])
    assert values["alive_probability"].nunique() > 10
    for name in ["alive_probability", "order_value", *(f"expected_orders_{d}" for d in HORIZONS)]:
        pd.testing.assert_series_equal(
            values[name], found[name].reindex(values.index), rtol=1e-6, check_names=False
        )
    for days in HORIZONS:
        assert values[f"expected_revenue_{days}"].tolist() == pytest.approx(
            (values[f"expected_orders_{days}"] * values["order_value"]).tolist()
        )
    assert (values["expected_orders_30"] < values["expected_orders_90"]).all()
    assert (values["expected_orders_90"] < values["expected_orders_365"]).all()


@pytest.mark.olist
def test_what_came_on_olist_is_what_was_ordered(olist_warehouse, read):
    forecasts = read(olist_warehouse, "from marts.value_forecasts where horizon_days = 30")
    came = read(
        olist_warehouse,
        "select evaluation_date, count(distinct (customer_id, ordered_at::date)) as orders, "
        "sum(monetary_value) as revenue "
        "from (select distinct evaluation_date from marts.value_forecasts where horizon_days = 30) "
        "join intermediate.int_orders on is_counted and ordered_at >= evaluation_date "
        "and ordered_at < evaluation_date + interval 30 day "
        "where customer_id in (select customer_id from intermediate.int_orders as earlier "
        "where earlier.is_counted and earlier.ordered_at < evaluation_date) group by 1",
    ).set_index("evaluation_date")
    of_all = forecasts[forecasts["segment_id"] == 0].set_index("evaluation_date")
    assert len(of_all) == 30  # of 36; the others end when orders have stopped
    assert of_all["orders_ratio"].between(0.7, 1.15).all()
    assert of_all["orders"].to_dict() == came["orders"].reindex(of_all.index).to_dict()
    assert of_all["revenue"].astype(float).to_dict() == pytest.approx(
        came["revenue"].astype(float).reindex(of_all.index).to_dict()
    )
