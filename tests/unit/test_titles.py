"""What titles and cards claim holds in the figures that they are made from, whatever the shop."""

import re

import numpy as np
import pandas as pd
import pytest

from reporting.choice_page import criteria_title, nature, silhouette_title
from reporting.exploration_page import (
    correlations_title,
    funnel_title,
    skewness_title,
    whole_grid,
)
from reporting.moves import moves_title
from reporting.segment_cards import at_stake, expected, newest_outcomes, ranges, what_came
from reporting.segments_page import (
    balance_title,
    index_title,
    outward,
    radar_title,
    sizes_title,
    spread_title,
)
from reporting.text import plain

SEEDS = range(40)
START, END = pd.Timestamp("2018-04-01"), pd.Timestamp("2018-07-01")
FEATURES = ["recency_days", "frequency", "monetary_value"]


def numbers_in(sentence: str) -> list[float]:
    """The numbers of a sentence, without dates."""
    return [
        float(value)
        for kind, value in re.findall(r"⟦(\w+):([^⟧]+)⟧", sentence)
        if kind not in ("date", "month")
    ]


def about(value):
    return pytest.approx(value, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_step_of_a_funnel_that_loses_most(seed):
    random = np.random.default_rng(seed)
    kept = random.choice([1.0, 0.995, 0.9, 0.3, 0.0], size=3)
    quantities = np.floor(random.choice([20, 1000]) * np.cumprod([1, *kept])).astype(int)
    rows = pd.DataFrame({"stage": ["a", "b", "c", "d"], "quantity": quantities})
    rows["share_of_first"] = rows["quantity"] / rows["quantity"].iloc[0]
    rows["share_of_previous"] = rows["quantity"] / rows["quantity"].shift().replace(0, np.nan)
    title = funnel_title(rows, "orders")
    steps = [
        (before, after, later / earlier)
        for before, after, earlier, later in zip(
            "abc", "bcd", quantities, quantities[1:], strict=False
        )
        if earlier >= 30
    ]
    lowest = min((step[2] for step in steps), default=None)
    found = re.search(r'from "(.)" to "(.)"', title)
    if lowest is None:
        assert "Fewer than" in title
    elif lowest > 0.98:
        # Hardly any are lost: no step is blamed.
        assert found is None
        assert numbers_in(title)[1] == about(
            rows.set_index("stage")["share_of_first"][steps[-1][1]]
        )
    else:
        assert (found[1], found[2], numbers_in(title)[0]) in [
            (before, after, about(rate)) for before, after, rate in steps if rate == lowest
        ]


def test_orders_that_all_go_on_are_not_said_to_be_lost():
    rows = pd.DataFrame({"stage": ["placed", "counted"], "quantity": [1003, 1003]})
    rows["share_of_first"], rows["share_of_previous"] = 1.0, [np.nan, 1.0]
    title = plain(funnel_title(rows, "orders"))
    assert "lost" not in title
    assert '100.0% come as far as "counted"' in title


@pytest.mark.parametrize("seed", SEEDS)
def test_who_brought_most_for_their_number(seed):
    random = np.random.default_rng(seed)
    customers = random.integers(0, 100, size=4) + np.array([1, 0, 0, 0])
    revenue = customers * random.uniform(0.97, 1.03, size=4)
    if seed % 2:
        revenue = revenue * random.uniform(0, 5, size=4)
    if seed % 5 == 0:
        revenue = 0 * revenue
    profiles = pd.DataFrame({"segment_name": list("abcd"), "customers": customers})
    profiles["share"] = customers / customers.sum()
    profiles["revenue_share"] = revenue / revenue.sum() if revenue.sum() else np.nan
    title = balance_title(profiles)
    told = profiles.set_index("segment_name").loc[title[0]]
    if "revenue" in title:
        assert numbers_in(title) == about([told["share"], told["revenue_share"]])
        ratios = (profiles["revenue_share"] / profiles["share"]).dropna()
        assert told["revenue_share"] / told["share"] == about(ratios.max())
        assert ratios.max() >= 1.1
    else:
        assert told["customers"] == customers.max()
        assert numbers_in(title) == about([told["share"]])


@pytest.mark.parametrize("seed", SEEDS)
def test_which_segment_grew_or_shrank_most(seed):
    random = np.random.default_rng(seed)
    sizes = random.integers(1, random.choice([8, 500]), size=(3, 4))
    if seed % 4 == 0:
        sizes[2] = 2 * sizes[0]
    customers = pd.DataFrame(
        sizes, columns=list("abcd"), index=pd.date_range("2018-01-01", periods=3, freq="7D")
    )
    title = sizes_title(customers)
    shares = customers.div(customers.sum(axis=1), axis=0)
    change = shares.iloc[-1] - shares.iloc[0]
    found = re.match(r"(.) (grew|shrank) most", title)
    if sizes[0].sum() < 30 or change.abs().max() < 0.05:
        assert found is None
        return
    assert abs(change[found[1]]) == pytest.approx(change.abs().max())
    assert (change[found[1]] > 0) == (found[2] == "grew")
    assert numbers_in(title) == about([shares[found[1]].iloc[0], shares[found[1]].iloc[-1]])


def distributions(random, customers) -> pd.DataFrame:
    rows = pd.DataFrame(
        [(f, name) for f in FEATURES for name in "abcd"], columns=["feature", "segment_name"]
    )
    rows["known_customers"] = np.tile(customers, len(FEATURES))
    rows["mean"] = random.uniform(0, 100, size=len(rows))
    rows["mean_scaled"] = random.normal(size=len(rows))
    rows["p50_scaled"] = random.normal(0, random.choice([0.1, 3]), size=len(rows))
    return rows


@pytest.mark.parametrize("seed", SEEDS)
def test_what_sets_segments_apart_and_who_stands_out(seed):
    random = np.random.default_rng(seed)
    customers = random.choice([3, 29, 30, 1000], size=4)
    rows = distributions(random, customers)
    enough = rows[rows["known_customers"] >= 30]

    title = plain(spread_title(rows))
    if (customers >= 30).sum() < 2:
        assert "apart" not in title
    else:
        by_feature = enough.groupby("feature")["mean_scaled"]
        most = (by_feature.max() - by_feature.min()).idxmax()
        original = enough[enough["feature"] == most].set_index("segment_name")["mean"]
        low, high = re.search(r"for (\w), .* for (\w) \(", title).groups()
        assert title.lower().startswith(most.split("_")[0])
        assert (low, high) == (original.idxmin(), original.idxmax())
        assert ("of 30 customers or more" in title) == (customers < 30).any()

    title = radar_title(rows)
    furthest = enough["p50_scaled"].abs().max()
    if len(enough) and furthest >= 0.5:
        told = enough.loc[enough["p50_scaled"].abs().idxmax()]
        assert title.startswith(f"{told.segment_name} stand out most")
        assert numbers_in(title)[-1] == about(furthest)
        assert ("above" in title) == (told.p50_scaled > 0)
        assert ("of ⟦integer:30⟧ customers or more" in title) == (customers < 30).any()
    else:
        assert "stand out" not in title


def test_outward_is_better():
    rows = pd.DataFrame({"feature": ["recency_days", "frequency"], "p50_scaled": [-1.0, 2.0]})
    assert outward(rows).tolist() == [1.0, 2.0]


def places(random, shares) -> pd.DataFrame:
    """Customers of each segment by place, drawn from `shares` of shape (n_segments, n_places)."""
    counts = np.array([random.multinomial(random.choice([20, 300, 5000]), s) for s in shares])
    of_all = counts.sum(axis=0) / counts.sum()
    rows = pd.DataFrame(
        [
            (f"s{i}", f"p{j}", counts[i, j], counts[i, j] / counts[i].sum() / of_all[j])
            for i, j in zip(*np.nonzero(counts), strict=True)
        ],
        columns=["segment_name", "place", "customers", "index_to_all"],
    )
    return rows


@pytest.mark.parametrize("seed", SEEDS)
def test_who_is_above_average_where(seed):
    random = np.random.default_rng(seed)
    rows = places(random, random.dirichlet(np.ones(12), size=4))
    title = index_title(rows, "place", "customers", "live above average in")
    found = re.match(r"(s\d) live above average in (p\d+)", title)
    if found is None:
        assert ((rows["customers"] < 30) | (rows["index_to_all"] < 3)).all()
        return
    told = rows[(rows["segment_name"] == found[1]) & (rows["place"] == found[2])].iloc[0]
    assert told.customers >= 30
    assert told.index_to_all >= 1.1
    assert numbers_in(title) == about([told.index_to_all])
    # Nobody of whom enough is known is further above the average, unless it may be chance.
    above = rows[(rows["customers"] >= 100) & (rows["index_to_all"] > told.index_to_all)]
    assert (above["index_to_all"] < np.exp(3 / np.sqrt(above["customers"]))).all()


def test_chance_is_hardly_ever_taken_for_a_place_that_a_segment_prefers():
    random = np.random.default_rng(1)
    claims = 0
    for _ in range(100):
        share = random.dirichlet(np.ones(27))
        rows = places(random, [share] * 4)
        claims += "above average" in index_title(rows, "place", "customers", "above average")
    assert claims <= 10


@pytest.mark.parametrize("seed", SEEDS)
def test_how_many_stayed_and_how_many_moved_by_which_cause(seed):
    random = np.random.default_rng(seed)
    ids = [1.0, 2.0, np.nan]
    moved = pd.DataFrame(
        [(a, b, c) for a in ids for b in ids for c in (False, True)],
        columns=["from_id", "to_id", "is_relabelled"],
    )
    moved = moved[(moved["from_id"] != moved["to_id"]) | ~moved["is_relabelled"]]
    moved = moved[~(moved["is_relabelled"] & moved[["from_id", "to_id"]].isna().any(axis=1))]
    moved["customers"] = random.integers(1, random.choice([4, 400]), size=len(moved))
    if seed % 3 == 0:
        moved = moved[~moved["is_relabelled"]]
    moved["from"], moved["to"] = moved["from_id"].astype(str), moved["to_id"].astype(str)
    title = moves_title(moved, START, END)
    people = moved.loc[moved.index.repeat(moved["customers"])]
    people = people[people["from_id"].notna()]
    if len(people) < 30:
        assert "too few" in title
        return
    is_move = (people["from_id"] != people["to_id"]) & people["to_id"].notna()
    expected = [
        (people["from_id"] == people["to_id"]).mean(),
        (is_move & ~people["is_relabelled"]).mean(),
    ]
    if people["is_relabelled"].any():
        expected.append((is_move & people["is_relabelled"]).mean())
    assert numbers_in(title) == about(expected)
    largest = moved[moved["from_id"].notna() & moved["to_id"].notna()]
    largest = largest[largest["from_id"] != largest["to_id"]].sort_values("customers").iloc[-1]
    found = re.search(r"largest move was from (\S+) to (\S+)$", title)
    assert (found is not None) == (largest.customers >= 30)
    if found:
        cells = moved[(moved["from"] == found[1]) & (moved["to"] == found[2])]
        assert cells["customers"].max() == largest.customers


@pytest.mark.parametrize("seed", SEEDS)
def test_a_range_holds_half_of_the_customers_or_all_of_a_few(seed):
    random = np.random.default_rng(seed)
    values = {
        "recency_days": random.integers(0, 400, size=random.choice([1, 5, 29, 30, 31, 300])),
        "monetary_value": random.lognormal(4, 1, size=50).round(2),
        "review_score": np.array([]),
    }
    names = ["min", "p25", "p75", "max"]
    features = pd.DataFrame(
        [
            {
                "feature": feature,
                "known_customers": len(v),
                **dict(zip(names, np.quantile(v, [0, 0.25, 0.75, 1]), strict=True)),
            }
            if len(v)
            else {"feature": feature, "known_customers": 0}
            for feature, v in values.items()
        ]
    )
    told = dict(ranges(features))
    assert list(told) == ["last order, days ago", "spent so far"]
    for label, known in zip(told, values.values(), strict=False):
        low, high = (
            (numbers_in(told[label]) * 2)[:2]
            if "to" not in told[label]
            else numbers_in(told[label])
        )
        inside = ((known >= low - 0.005) & (known <= high + 0.005)).mean()
        if len(known) < 30:
            assert inside == 1
        else:
            assert inside * len(known) >= len(known) // 2 - 1
            assert (known < low).mean() <= 0.25 + 1 / len(known)
            assert (known > high).mean() <= 0.25 + 1 / len(known)


def outcomes(random) -> pd.DataFrame:
    rows = pd.DataFrame(
        [(s, d, h) for s in (1, 2, 3) for d in (1, 8, 15) for h in (30, 90)],
        columns=["segment_id", "day", "horizon_days"],
    )
    rows = rows.sample(frac=random.choice([0, 0.5, 1]), random_state=int(random.integers(1000)))
    rows["evaluation_date"] = pd.Timestamp("2018-01-01") + pd.to_timedelta(rows["day"], unit="D")
    rows["segment_name"] = random.choice(["a", "b"], size=len(rows))
    rows["customers"] = random.choice([5, 29, 30, 500], size=len(rows))
    rows["buyers"] = (rows["customers"] * random.uniform(0, 1, size=len(rows))).astype(int)
    rows["buyer_share"] = rows["buyers"] / rows["customers"]
    rows["buyer_share_low"] = rows["buyer_share"] / 2
    rows["buyer_share_high"] = (1 + rows["buyer_share"]) / 2
    rows["revenue"] = rows["buyers"] * 10.0 * random.choice([0, 1])
    return rows


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_at_stake_and_what_came(seed):
    random = np.random.default_rng(seed)
    rows = outcomes(random)
    profiles = pd.DataFrame({"segment_id": [1, 2, 3], "customers": [10, 20, 30]})
    profiles["revenue"] = random.choice([0.0, 7.0], size=3)
    newest = newest_outcomes(rows)
    if len(rows):
        horizon = 90 if (rows["horizon_days"] == 90).any() else 30
        of_horizon = rows[rows["horizon_days"] == horizon]
        expected = of_horizon[of_horizon["day"] == of_horizon["day"].max()]
        assert sorted(newest.index) == sorted(expected.index)
    stake, told = at_stake(profiles, newest)
    if "days" in told:
        assert set(newest["segment_id"]) == {1, 2, 3}
        assert newest["buyers"].sum() >= 30
        assert stake.to_dict() == newest.set_index("segment_id")["revenue"].to_dict()
        assert numbers_in(told) == [newest["horizon_days"].iloc[0]]
    elif "revenue" in told:
        assert stake.tolist() == profiles["revenue"].tolist()
        assert stake.sum() > 0
    else:
        assert stake.tolist() == [10, 20, 30]
        assert profiles["revenue"].sum() == 0
    for _, row in newest.iterrows():
        sentence = what_came(row, "a")
        assert ("then called b" in sentence) == (row.segment_name == "b")
        if row.customers < 30:
            assert "too few" in sentence
            assert numbers_in(sentence) == [row.customers]
        else:
            assert numbers_in(sentence) == about(
                [
                    row.customers,
                    *[row.buyer_share, row.buyer_share_low, row.buyer_share_high],
                    *[row.horizon_days, row.revenue],
                ]
            )
            assert len(numbers_in(what_came(row, "a", has_money=False))) == 5


def test_an_outcome_that_is_not_known_is_not_told():
    assert not numbers_in(what_came(None, "a"))


@pytest.mark.parametrize("found", ["natural", "reproducible", "constructed"])
def test_segments_that_come_back_are_not_called_natural(found):
    candidate = pd.Series(
        {"segment_nature": found, "resampling_agreement": 0.98, "silhouette": 0.32}
    )
    told = nature(candidate)
    assert numbers_in(told) == [0.98, 0.32]
    assert ("not to say that they are natural" in told) == (found == "reproducible")
    assert ("lies apart from the others." in told and "not every" not in told) == (
        found == "natural"
    )
    unmeasured = candidate.replace({0.98: np.nan, 0.32: np.nan})
    assert not numbers_in(nature(unmeasured))


@pytest.mark.parametrize("seed", SEEDS)
def test_how_the_chosen_candidate_compares(seed):
    random = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            "candidate_id": list("abcde"),
            "n_segments": random.integers(2, 8, size=5),
            "silhouette": random.uniform(-1, 1, size=5),
            "silhouette_standard_error": random.choice([0.01, 0.3, np.nan], size=5),
            "balance": 0.5,
            "business_sense": 0.25,
        }
    )
    winner = rows.iloc[int(random.integers(5))]
    above = (rows["silhouette"] > winner.silhouette).sum()
    told = numbers_in(criteria_title(rows, winner))
    assert told == about([above, 5, 0.5, 0.25] if above else [5, winner.silhouette, 0.5, 0.25])

    title = silhouette_title(rows, winner)
    best = rows.sort_values("silhouette").iloc[-1]
    assert numbers_in(title)[:2] == about([best.n_segments, best.silhouette])
    gap = best.silhouette - winner.silhouette
    error = 1.96 * np.sqrt(
        np.nan_to_num(best.silhouette_standard_error) ** 2
        + np.nan_to_num(winner.silhouette_standard_error) ** 2
    )
    assert ("too near to tell apart" in title) == (0 < gap < error)


@pytest.mark.parametrize("seed", SEEDS)
def test_skewness_and_correlation(seed):
    random = np.random.default_rng(seed)
    skew = pd.DataFrame(
        random.normal(0, 2, size=(3, 2)), index=FEATURES, columns=["original", "model"]
    )
    if seed % 3 == 0:
        skew["model"] = skew["original"]
    title = skewness_title(skew)
    fall = skew["original"].abs() - skew["model"].abs()
    if fall.max() < 0.5:
        assert title.startswith("No feature")
    else:
        most = skew.loc[fall.idxmax()]
        assert numbers_in(title) == about([most["model"], most["original"]])

    pairs = pd.DataFrame({"feature": FEATURES, "other_feature": FEATURES[::-1]})
    pairs["correlation"] = random.uniform(-1, 1, size=3) * random.choice([0.2, 1])
    title = correlations_title(pairs)
    value = pairs.loc[pairs["correlation"].abs().idxmax(), "correlation"]
    assert numbers_in(title) == about([value])
    assert ("hardly" in title) == (abs(value) < 0.3)
    assert ("together" in title) == (value >= 0.3)
    assert ("against" in title) == (value <= -0.3)


@pytest.mark.parametrize("seed", SEEDS)
def test_cohorts_hold_every_month_that_is_over_and_no_other(seed):
    random = np.random.default_rng(seed)
    newest = pd.Period("2018-06")
    cohorts = [newest - int(age) for age in random.choice(8, size=3, replace=False)]
    rows = pd.DataFrame(
        [
            (cohort.to_timestamp(), months, 100 if months == 0 else int(random.integers(100)))
            for cohort in cohorts
            # The month that is not over has orders too.
            for months in range((newest - cohort).n + 2)
            if months == 0 or random.uniform() < 0.7
        ],
        columns=["cohort", "months_since", "active_customers"],
    )
    rows["customers"] = 100
    grid = whole_grid(rows, newest)
    assert sorted(zip(grid["cohort"], grid["months_since"], strict=True)) == sorted(
        (str(cohort), months) for cohort in cohorts for months in range(1, (newest - cohort).n + 1)
    )
    found = rows.assign(cohort=rows["cohort"].dt.strftime("%Y-%m"))
    found = found.set_index(["cohort", "months_since"])["active_customers"]
    for row in grid.itertuples():
        active = found.get((row.cohort, row.months_since), 0)
        assert row.retention == active / 100


@pytest.mark.parametrize(
    ("orders", "revenue", "told"),
    [
        (21.6, 3475.2, "22 orders, R$ 3,475"),
        (21.6, np.nan, "22 orders"),
        (4.9, 800.0, "fewer than 5 orders"),
        (np.nan, np.nan, "not known yet"),
    ],
)
def test_of_few_expected_orders_no_number_is_shown(orders, revenue, told):
    assert plain(expected(orders, revenue)) == told
