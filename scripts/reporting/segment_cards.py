"""What to decide for each segment: who, how many, worth what, what they did next, what to do."""

import math

import pandas as pd

from reporting.maintenance_page import clauses
from reporting.marts import Marts, feature_name
from reporting.text import day, if_known, integer, money, number, share

# Of fewer customers or buyers no share is shown.
LEAST = 30
# Of fewer expected orders no number is shown.
LEAST_EXPECTED = 5
# Horizons of the outcomes, in days, the first that has passed.
HORIZONS = [90, 30]
# How a card calls the range of a feature, and how it writes a number of it.
RANGES = {
    "recency_days": ("last order, days ago", integer),
    "frequency": ("orders", integer),
    "monetary_value": ("spent so far", money),
}


def cards(marts: Marts) -> list[dict]:
    """Return what the cards show, a dict a segment that has customers, most at stake first."""
    profiles = marts.profiles[marts.profiles["customers"] > 0]
    outcomes = newest_outcomes(marts["segment_outcomes"])
    stake, _ = at_stake(profiles, outcomes)
    profiles = profiles.assign(stake=profiles["segment_id"].map(stake))
    profiles = profiles.sort_values(["stake", "customers"], ascending=False, kind="stable")
    distributions = marts["segment_feature_distributions"]
    outcomes = outcomes.set_index("segment_id")
    forecast = marts.query(
        """
        select segment_id, sum(expected_orders_90) as orders, sum(expected_revenue_90) as revenue
        from marts.customer_value
        inner join marts.customer_segments using (customer_id)
        group by all
        """
    )
    forecast = forecast.set_index("segment_id").reindex(profiles["segment_id"])
    contract = clauses(marts).set_index("clause")
    made = []
    for row in profiles.itertuples():
        features = distributions[distributions["segment_id"] == row.segment_id]
        features = features.set_index("feature").reindex(marts.features).reset_index()
        outcome = outcomes.loc[row.segment_id] if row.segment_id in outcomes.index else None
        clause = f"segment {row.segment_id}"
        made.append(
            {
                "id": int(row.segment_id),
                "name": row.segment_name,
                "colour": row.colour,
                "rule": row.description,
                "customers": integer(row.customers),
                "share": share(row.share),
                "revenue": money(row.revenue) if marts.has_money else "",
                "revenue_share": if_known(share)(row.revenue_share),
                "ranges": [
                    *ranges(features),
                    ("expected, 90 days", expected(*forecast.loc[row.segment_id])),
                ],
                "next": what_came(outcome, row.segment_name, has_money=marts.has_money),
                "action": row.recommended_action,
                "light": contract.loc[clause] if clause in contract.index else None,
            }
        )
    return made


def order_of_cards(marts: Marts) -> list[str]:
    """Say in which order the cards come, and how to read them."""
    profiles = marts.profiles[marts.profiles["customers"] > 0]
    _, told = at_stake(profiles, newest_outcomes(marts["segment_outcomes"]))
    return [
        told,
        "A range such as 10 to 90 is that of the middle half of a segment's customers, or of all "
        f"of them where fewer than {integer(LEAST)} are known. Behind a share of buyers stands "
        "what chance allows it to be (95 % interval).",
    ]


def newest_outcomes(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the outcomes at the newest date whose horizon has passed: of 90 days, else of 30."""
    for horizon in HORIZONS:
        found = outcomes[outcomes["horizon_days"] == horizon]
        if len(found):
            return found[found["evaluation_date"] == found["evaluation_date"].max()]
    return outcomes.iloc[:0]


def at_stake(profiles: pd.DataFrame, outcomes: pd.DataFrame) -> tuple[pd.Series, str]:
    """Return what is at stake in each segment, and the sentence that says what that is.

    It is what its customers of a past date spent in the horizon after it, where every segment has
    such an outcome and the buyers are not few; else its revenue so far; else, without amounts, its
    customers.

    Parameters
    ----------
    profiles : DataFrame
        Rows of `segment_profiles`.
    outcomes : DataFrame
        Rows of `segment_outcomes` at one date and horizon, or none.

    Returns
    -------
    (Series, str)
        By `segment_id`; the sentence.
    """
    is_complete = set(profiles["segment_id"]) <= set(outcomes["segment_id"])
    if is_complete and outcomes["buyers"].sum() >= LEAST and outcomes["revenue"].sum() > 0:
        first = outcomes.iloc[0]
        return outcomes.set_index("segment_id")["revenue"], (
            "Segments come in the order of the money at stake: what the customers who were in them "
            f"on {day(first.evaluation_date)} spent in the {integer(first.horizon_days)} days "
            "from then on."
        )
    by_id = profiles.set_index("segment_id")
    if by_id["revenue"].sum() > 0:
        return by_id["revenue"], "Segments come in the order of their revenue so far."
    return by_id["customers"], "Segments come in the order of their size, as no amounts are known."


def ranges(features: pd.DataFrame) -> list[tuple[str, str]]:
    """Return label and range of each feature: the middle half, or all where few values are known.

    Whole numbers are rounded away from the middle, so that the range holds no less than it claims.

    Parameters
    ----------
    features : DataFrame
        Rows of `segment_feature_distributions`, of one segment.
    """
    made = []
    for row in features[features["known_customers"] > 0].itertuples():
        low, high = (row.min, row.max) if row.known_customers < LEAST else (row.p25, row.p75)
        label, told = RANGES.get(row.feature, (feature_name(row.feature).lower(), number))
        if told is integer:
            low, high = math.floor(low), math.ceil(high)
        low, high = told(low), told(high)
        made.append((label, low if low == high else f"{low} to {high}"))
    return made


def expected(orders: float, revenue: float) -> str:
    """Say what `customer_value` expects of a segment's customers in the next 90 days.

    Parameters
    ----------
    orders, revenue : float
        NaN where too few customers have come back to expect anything, or no amounts are known.
    """
    if pd.isna(orders):
        return "not known yet"
    if orders < LEAST_EXPECTED:
        return f"fewer than {integer(LEAST_EXPECTED)} orders"
    told = f"{integer(orders)} orders"
    return told if pd.isna(revenue) else f"{told}, {money(revenue)}"


def what_came(outcome: pd.Series | None, name: str, *, has_money: bool = True) -> str:
    """Say what the customers of a segment did after a past date.

    Parameters
    ----------
    outcome : Series or None
        A row of `segment_outcomes`.
    name : str
        Name of the segment today; another one at the date is named.
    has_money : bool
        If amounts are known.
    """
    if outcome is None:
        return "What they do next is not known yet."
    then = f", then called {outcome.segment_name}," if outcome.segment_name != name else ""
    group = f"the {integer(outcome.customers)} who were in the segment{then} on "
    group += day(outcome.evaluation_date)
    if outcome.customers < LEAST:
        return f"What they do next cannot be told from {group}: too few."
    told = (
        f"Of {group}, {share(outcome.buyer_share)} ({share(outcome.buyer_share_low)} to "
        f"{share(outcome.buyer_share_high)}) ordered again within "
        f"{integer(outcome.horizon_days)} days"
    )
    return f"{told}, for {money(outcome.revenue)}." if has_money else f"{told}."
