"""Options for a longer contract, on customers who age."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from segmentation.options import compare_options
from segmentation.rules import fit_rules

SETTINGS = {"threads": 2, "cap_quantiles": (0.0, 1.0), "n_init": 5, "random_state": 1}
NAMING = [{"feature": "days", "transform": "identity"}]


def option(name, *features, is_recentred=False):
    return {
        "option": name,
        "algorithm": "kmeans",
        "is_recentred": is_recentred,
        "observation_months": None,
        "n_segments": 2,
        "features": [{"feature": feature, "transform": "identity"} for feature in features],
        "naming_features": NAMING,
    }


def ageing(weeks):
    """Each week twenty new customers, everyone else a week older; rank is relative."""
    for week in range(weeks):
        days = 7.0 * np.repeat(np.arange(week + 6), 20) + np.tile(np.arange(20) % 7, week + 6)
        customers = pd.DataFrame(
            {
                # The newest come first.
                "customer_id": [f"customer {9999 - nth}" for nth in range(len(days))],
                "days": np.sort(days)[::-1],
                "rank": np.arange(len(days))[::-1] / len(days),
            }
        )
        if week % 2:  # every other week some are not known
            customers = customers[np.arange(len(days)) % 10 != 3]
        date = pd.Timestamp("2018-01-01") + pd.Timedelta(weeks=week)
        yield date, customers.sort_values("customer_id", ignore_index=True)


@pytest.fixture(scope="module")
def followed():
    recentred = option("re-centred", "days", is_recentred=True)
    options = [option("days", "days"), option("rank", "rank"), recentred]
    options = [(declared, ageing(9)) for declared in options]
    return compare_options(options, **SETTINGS).to_pandas()


def test_every_model_meets_every_later_evaluation(followed):
    assert len(followed) == 3 * 9 * 10 / 2
    assert (followed["evaluation_date"] >= followed["fitted_as_of"]).all()
    assert followed["weeks"].max() == 8
    own = followed[followed["weeks"] == 0]
    assert (own["adjusted_rand_index"] == 1).all()
    assert own["business_sense"].between(0, 1).all()
    assert followed[followed["weeks"] > 0]["business_sense"].isna().all()
    assert own["migrated_share"].isna().all()
    assert followed[followed["weeks"] > 0]["migrated_share"].notna().all()


def test_a_border_in_days_ages_and_a_rank_does_not(followed):
    last = followed[(followed["fitted_as_of"] == "2018-01-01") & (followed["weeks"] == 8)]
    agreement = last.set_index("option")["adjusted_rand_index"]
    assert agreement["rank"] > 0.95
    assert agreement["re-centred"] > 0.95
    assert agreement["days"] < 0.7


def test_a_model_that_is_re_centred_follows_the_mean_and_the_deviation_of_each_date(followed):
    snapshots = dict(ageing(9))
    first, fifth, sixth = (
        snapshots[pd.Timestamp("2018-01-01") + pd.Timedelta(weeks=week)] for week in (0, 4, 5)
    )

    def side_of_border(customers):
        days = customers["days"]
        place = (halves_of(first["days"]) - first["days"].mean()) / first["days"].std()
        return pd.Series((days - days.mean()) / days.std() > place + 1e-9).set_axis(
            customers["customer_id"]
        )

    now = side_of_border(sixth)
    before = side_of_border(fifth).reindex(now.index).dropna()
    row = followed[
        (followed["option"] == "re-centred")
        & (followed["fitted_as_of"] == "2018-01-01")
        & (followed["weeks"] == 5)
    ].iloc[0]
    assert row["is_recentred"]
    assert row["migrated_share"] == pytest.approx((before != now[before.index]).mean(), abs=0.02)


def test_figures_are_those_of_the_labels(followed):
    """Two segments of one feature are the customers on either side of a border."""
    snapshots = dict(ageing(9))
    first, fifth, sixth = (
        snapshots[pd.Timestamp("2018-01-01") + pd.Timedelta(weeks=week)] for week in (0, 4, 5)
    )

    def side_of_border(fitted_on, customers):
        border = halves_of(fitted_on["days"])
        return (customers["days"] > border).to_numpy()

    frozen = side_of_border(first, sixth)
    row = followed[
        (followed["option"] == "days")
        & (followed["fitted_as_of"] == "2018-01-01")
        & (followed["weeks"] == 5)
    ].iloc[0]
    assert row["adjusted_rand_index"] == pytest.approx(
        metrics.adjusted_rand_score(frozen, side_of_border(sixth, sixth))
    )
    before = dict(zip(fifth["customer_id"], side_of_border(first, fifth), strict=True))
    moved = [
        before[customer] != now
        for customer, now in zip(sixth["customer_id"], frozen, strict=True)
        if customer in before
    ]
    assert row["migrated_share"] == pytest.approx(np.mean(moved))


def halves_of(values):
    """The border that leaves the least sum of squares on its two sides."""
    borders = np.unique(values)[:-1]
    squares = [
        sum(((side - side.mean()) ** 2).sum() for side in (values[values <= b], values[values > b]))
        for b in borders
    ]
    return borders[int(np.argmin(squares))]


def test_a_date_without_enough_customers_is_named():
    few = pd.DataFrame({"customer_id": ["a"], "days": [1.0]})
    snapshots = [(pd.Timestamp("2018-01-01"), few)]
    with pytest.raises(ValueError, match=r"2018-01-01: too few customers \(1\) to form 2 segments"):
        compare_options([(option("days", "days"), snapshots)], **SETTINGS)


def test_rules_are_followed_by_their_cut_points():
    """RFM with scores of one to five: cut points of the fit against those of the date."""
    random = np.random.default_rng(6)
    first = pd.DataFrame(
        {
            "customer_id": [f"customer {number:03}" for number in range(300)],
            "recency_days": random.integers(0, 300, 300).astype(float),
            "frequency": random.geometric(0.4, 300).astype(float),
            "monetary_value": random.lognormal(4, 1, 300),
        }
    )
    later = first.assign(recency_days=first["recency_days"] + 40)
    dates = pd.to_datetime(["2018-01-01", "2018-02-12"])
    features = ["recency_days", "frequency", "monetary_value"]
    declared = option("by rules", *features) | {"algorithm": "rules", "n_segments": 11}
    declared["naming_features"] = declared["features"]
    snapshots = [(date, frame) for date, frame in zip(dates, (first, later), strict=True)]
    found = compare_options([(declared, snapshots)], **SETTINGS).to_pandas()
    frozen = fit_rules(first[features].to_numpy()).label(later[features].to_numpy())
    refitted = fit_rules(later[features].to_numpy()).label(later[features].to_numpy())
    row = found[found["weeks"] == 6].iloc[0]
    assert row["adjusted_rand_index"] == pytest.approx(
        metrics.adjusted_rand_score(frozen, refitted)
    )
    at_first = fit_rules(first[features].to_numpy()).label(first[features].to_numpy())
    assert row["migrated_share"] == pytest.approx((at_first != frozen).mean())
    assert row["migrated_share"] > 0.1
    assert found["smallest_share"].dropna().between(0.001, 0.2).all()
