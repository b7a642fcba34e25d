"""What the page of the contract says is what its frames hold, whatever the shop."""

import re

import numpy as np
import pandas as pd
import pytest

from reporting import maintenance_titles as titles
from reporting.text import plain

SEEDS = range(30)
NUMBER = r"(\d+(?:\.\d+)?)"
PERCENT = rf"{NUMBER}%"
LETTERS = list("ABCDEFGHI")


def said(text):
    return plain(text)


def percents(text):
    return [float(found) / 100 for found in re.findall(PERCENT, text)]


def is_about(value):
    return pytest.approx(value, abs=0.0051)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_jaccard_index_is_told_of_the_customers_in_either(seed):
    random = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            "segment_name": LETTERS[: random.integers(1, 10)],
            "weeks": 39.0,
        }
    )
    rows["jaccard"] = random.choice([0.0, 0.5, 0.51, 1.0], size=len(rows))
    rows["customers"] = random.choice([3.0, 30.0, 4000.0], size=len(rows))
    title = said(titles.segments(rows))
    assert "still the same" not in title and "first:" not in title
    large = rows[rows["customers"] >= 30].set_index("segment_name")["jaccard"]
    if large.empty:
        assert "too few to compare" in title and not percents(title)
        return
    assert "the first model or a refit 39 weeks later puts into" in title
    assert "are in both" in title
    told = percents(title)
    assert told[0] == is_about(large.min())
    assert told[-1] == is_about(large.max())
    named = re.findall('"(.)"', title)
    # A segment is named for a difference alone.
    assert len(named) == (1 if len(large) == 1 else 2 if np.ptp(large) >= 0.05 else 0)
    for name, share in zip(named, told, strict=False):
        assert large[name] == is_about(share)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_spread_of_an_age_needs_ten_pairs(seed):
    random = np.random.default_rng(seed)
    ages = np.arange(1.0, random.integers(2, 40))
    rows = pd.DataFrame({"weeks": ages, "size": len(ages) - np.arange(len(ages))})
    rows["max"] = 1 - random.uniform(0, 0.01) * ages
    rows["min"] = rows["max"] - random.uniform(0, 0.2) * rows["size"] / len(rows)
    title = said(titles.ages(rows))
    assert "What counts" not in title
    known = rows[rows["size"] >= 10].set_index("weeks")
    if known.empty:
        assert title.startswith(f"{rows['size'].sum():,} pair")
        assert "too few" in title
        return
    found = re.match(rf"(\d+) weeks? after its fit .* at {NUMBER} to {NUMBER} \((\d+) pairs", title)
    weeks, low, high, pairs = map(float, found.groups())
    row = known.loc[weeks]
    assert weeks == known.index.max()
    assert (low, high, pairs) == (is_about(row["min"]), is_about(row["max"]), row["size"])
    if ";" in title:
        weeks, low = map(float, re.search(rf"(\d+) weeks? after it, .* {NUMBER}$", title).groups())
        assert known.loc[weeks, "min"] == is_about(low)
        assert known.loc[weeks, "min"] > row["max"]


def test_without_a_noise_floor_nothing_is_called_more_than_chance():
    rows = pd.DataFrame(
        {"evaluation_date": pd.date_range("2018-01-01", periods=20, freq="7D"), "is_live": True}
    ).assign(adjusted_rand_index=0.9, structural_agreement=np.nan, noise_floor=np.nan)
    assert "chance" not in said(titles.agreement(rows, 0.8))
    rows.loc[3, "adjusted_rand_index"] = 0.3
    told = said(titles.agreement(rows, 0.8))
    assert told.endswith(
        "at 19 of 20 evaluations; whether less than that is more than chance is not known"
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_evaluations_are_counted_while_orders_come(seed):
    random = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {"evaluation_date": pd.date_range("2018-01-01", periods=random.integers(1, 25), freq="7D")}
    )
    rows["adjusted_rand_index"] = random.uniform(0.5, 1, len(rows))
    rows["structural_agreement"] = random.uniform(0.7, 1, len(rows))
    rows["noise_floor"] = random.uniform(0.5, 1, len(rows))
    rows["is_live"] = random.uniform(size=len(rows)) < random.choice([0, 0.5, 1])
    title = said(titles.agreement(rows, 0.8))
    live = rows[rows["is_live"]]
    if live.empty:
        assert "none while orders came as usual" in title
    elif len(live) < 10:
        assert title.startswith(f"{len(live)} evaluation")
        newest = live.iloc[-1]
        assert float(title.rsplit(" ", 1)[1]) == is_about(newest["adjusted_rand_index"])
        assert f"{newest['evaluation_date']:%-d %B %Y}" in title
    else:
        found = re.search(
            r"at 0.8 or more at (\d+) of (\d+) evaluations"
            r"(?:, and at less by more than chance at (\d+))?"
            r"; with ageing taken out, at 0.8 or more at (\d+)$",
            title,
        )
        kept, number, beyond, structural = (int(found or 0) for found in found.groups())
        agreed = live["adjusted_rand_index"]
        assert (kept, number) == (sum(agreed >= 0.8), len(live))
        assert structural == sum(live["structural_agreement"] >= 0.8)
        assert beyond == sum((agreed < 0.8) & (agreed < live["noise_floor"]))


@pytest.mark.parametrize("seed", SEEDS)
def test_what_waiting_costs_needs_ten_models(seed):
    random = np.random.default_rng(seed)
    starts = random.integers(1, 40)
    rows = pd.DataFrame({"weeks": np.arange(1.0, starts + 1)})
    rows["start_dates"] = starts - np.arange(starts)
    rows["misplaced_share"] = np.sort(random.uniform(0, 0.5, starts))
    rows["misplaced_revenue_share"] = random.choice([np.nan, 0.123])
    title = said(titles.misplaced(rows, 13))
    known = rows[(rows["start_dates"] >= 10) & (rows["weeks"] <= 13)]
    if known.empty:
        assert "cannot be told yet" in title and not percents(title)
        return
    weeks = float(re.match(r"After (\d+) week", title)[1])
    row = rows.set_index("weeks").loc[weeks]
    assert weeks == known["weeks"].max()
    assert percents(title)[0] == is_about(row["misplaced_share"])
    assert ("revenue" in title) == pd.notna(row["misplaced_revenue_share"])
    assert f"over {row['start_dates']:.0f} model" in title


@pytest.mark.parametrize(
    ("low", "loss", "told"),
    [
        (0.005, 0.02, "was worse than"),
        (0.001, 0.002, "was hardly worse than"),
        (-0.01, 0.02, "was not measurably worse than"),
        (-0.05, -0.03, "was not measurably worse than"),
    ],
)
def test_a_model_is_called_worse_where_the_interval_says_so(low, loss, told):
    outcomes = pd.DataFrame(
        {
            "evaluation_date": pd.to_datetime(["2018-02-05", "2018-03-05", "2018-04-02"]),
            "horizon_days": [90, 90, 90],
            "weeks": [4.0, 8.0, 12.0],
            "is_champion": [True, True, False],
            "is_assessable": [True, True, True],
            "auc_loss": [0.5, loss, 0.5],
            "auc_loss_low": [0.4, low, 0.4],
        }
    )
    waiting = pd.DataFrame({"start_dates": [], "weeks": []})
    clause = {"clause": ["outcome"], "status": ["ok"], "measured_value": [loss]}
    clause = pd.DataFrame(clause).assign(evaluation_date=pd.Timestamp("2018-03-05"))
    sentence = said(titles.price_of_waiting(waiting, outcomes, clause))
    assert told in sentence and "5 March 2018, 8 weeks after its fit" in sentence
    for unknown in (
        (waiting, outcomes.assign(is_assessable=False), clause),
        (waiting, outcomes, clause.assign(status="not assessable")),
        (waiting, outcomes, clause.head(0)),
    ):
        assert "is not known yet" in said(titles.price_of_waiting(*unknown))


def contract(agreement="ok", kind=None, segments=("ok", "ok"), warned="ok"):
    names = ["agreement", *(f"segment {i}" for i in range(1, len(segments) + 1)), "newcomers"]
    return pd.DataFrame(
        {
            "clause": names,
            "segment_id": [np.nan, *range(1, len(segments) + 1), np.nan],
            "segment_name": [None, *LETTERS[: len(segments)], None],
            "severity": ["error"] * (len(segments) + 1) + ["warn"],
            "status": [agreement, *segments, warned],
            "breach_kind": [kind] + [None] * (len(segments) + 1),
            "next_evaluation_date": pd.Timestamp("2018-09-03"),
            "measured_value": {"breach": 0.57, "not assessable": np.nan}.get(agreement, 0.9),
            "threshold": 0.8,
            "structural_agreement": 0.95,
        }
    )


@pytest.mark.parametrize(
    ("clauses", "told"),
    [
        (contract(), "No refit is due. Segments computed anew agree with those in use at 0.9,"),
        (contract("breach", "re-centring due"), "re-centring is enough"),
        (
            contract("breach", "re-centring due", ("breach", "ok")),
            'anew, "A" would have other customers. Segm',
        ),
        (contract("breach", "the customers changed"), "the customers have changed, not the"),
        (contract("breach"), "A refit is due: too many customers"),
        (
            contract("not assessable", None, ("ok", "breach")),
            'anew, "B" would have other customers.',
        ),
        (contract("not assessable"), "cannot be told"),
        (contract("ok", None, ("warn", "not assessable")), "1 clause cannot be assessed; 1 clause"),
        (contract(warned="breach"), "asks for a look, not for a refit: newcomers. Segm"),
    ],
)
def test_a_refit_is_due_where_a_clause_that_ends_the_contract_is_broken(clauses, told):
    sentence = titles.is_due(clauses)
    assert told in said(sentence)
    is_broken = ((clauses["status"] == "breach") & (clauses["severity"] == "error")).any()
    assert sentence.startswith("A refit is due") == is_broken
    assert ("agree with those in use at" in sentence) == (
        not is_broken or clauses["status"][0] == "breach"
    ) & (clauses["status"][0] != "not assessable")
    is_ageing = (clauses["status"][0], clauses["breach_kind"][0]) == ("breach", "re-centring due")
    assert ("With ageing taken out they agree at 0.95" in said(sentence)) == is_ageing
    assert ("re-centring is enough" in sentence) <= (not (clauses["status"][1:] == "breach").any())


DATES = {"breach_not_before": "2018-09-01", "breach_most_likely": "2018-10-01"}
DATES |= {"breach_by": "2018-11-01"}


@pytest.mark.parametrize("agreement", ["ok", "warn", "breach", "not assessable"])
@pytest.mark.parametrize("dates", [DATES, dict.fromkeys(DATES), DATES | {"breach_by": None}])
def test_a_date_is_told_where_it_is_forecast_and_the_contract_can_be_assessed(agreement, dates):
    schedule = pd.Series({name: pd.Timestamp(date) for name, date in dates.items()})
    schedule["next_refit_date"] = pd.NaT
    sentence = said(titles.look_again(contract(agreement), schedule))
    again = "The contract is measured again" if agreement == "breach" else "Look again"
    assert sentence.startswith(f"{again} on 3 September 2018.")
    stopped = said(titles.look_again(contract(agreement), schedule, has_stopped=True))
    assert stopped.startswith("Look again once orders come; the next evaluation is that of 3 Sep")
    is_told = agreement in ("ok", "warn") and schedule[list(DATES)].notna().all()
    assert ("1 October 2018" in sentence) == is_told
    assert ("not forecast" in sentence) == (not is_told and agreement != "breach")
    if is_told:
        assert "in half of such cases a refit is due by 1 october" in sentence.lower()
        assert "in nine of ten not before 1 September 2018, and in nine of ten by 1 Nov" in sentence
    else:
        assert re.findall(r"\d{4}", sentence) == ["2018"]
    schedule["next_refit_date"] = pd.Timestamp("2018-12-31")
    assert "on 31 December 2018" in said(titles.look_again(contract(agreement), schedule))


@pytest.mark.parametrize("seed", SEEDS)
def test_how_long_models_last_is_told_of_ten_or_more(seed):
    random = np.random.default_rng(seed)
    weeks = np.arange(1, random.integers(2, 40))
    at_risk = np.maximum(1, len(weeks) - np.arange(len(weeks)))
    breached = (random.uniform(size=len(weeks)) < random.choice([0, 0.3])).astype(int)
    rows = pd.DataFrame({"weeks": weeks, "at_risk": at_risk, "breached": breached})
    rows["survival"] = np.cumprod(1 - rows["breached"] / rows["at_risk"])
    half = rows.loc[rows["survival"] <= 0.5, "weeks"]
    schedule = pd.Series({"median_weeks_until_breach": half.min() if len(half) else np.nan})
    title = said(titles.lasting(rows, schedule))
    if at_risk.max() < 10:
        assert "too few" in title
    elif not breached.any():
        assert title == f"None of {len(weeks)} models followed so far has broken its contract"
    elif len(half):
        assert f"half break the contract within {half.min()} week" in title
    else:
        told = int(re.search(r"for (\d+) week", title)[1])
        row = rows.set_index("weeks").loc[told]
        assert row["at_risk"] >= 10
        assert percents(title) == [is_about(row["survival"])]


@pytest.mark.parametrize("seed", SEEDS)
def test_options_are_compared_at_one_age_and_named_for_a_difference(seed):
    random = np.random.default_rng(seed)
    curves = pd.concat(
        pd.DataFrame(
            {
                "option": option,
                "weeks": np.arange(1.0, length + 1),
                "start_dates": length - np.arange(length),
                "mean_adjusted_rand_index": 1 - random.uniform(0, 0.02) * np.arange(length),
            }
        )
        for option, length in zip("abc", random.integers(5, 40, size=3), strict=True)
    )
    title = said(titles.options(curves))
    enough = curves[curves["start_dates"] >= 10]
    common = enough.groupby("weeks").filter(lambda rows: len(rows) == 3)
    if common.empty:
        assert "too few" in title
        return
    at = common[common["weeks"] == common["weeks"].max()].set_index("option")
    best, second = at["mean_adjusted_rand_index"].nlargest(2)
    assert f"after {common['weeks'].max():.0f} week" in title
    assert ("none keeps clearly more" in title) == (best - second < 0.05)
    if "keeps most" in title:
        assert f", {at['mean_adjusted_rand_index'].idxmax()} keeps most" in title


def test_past_intervals_and_migration_of_few_dates_say_less():
    few = pd.DataFrame({"later_kept_share": [1.0] * 9})
    assert percents(said(titles.intervals(few, 0.9))) == []
    many = pd.DataFrame({"later_kept_share": [1.0] * 5 + [0.5] * 5})
    assert percents(said(titles.intervals(many, 0.9))) == [0.75, 0.9]
    moved = pd.DataFrame(
        {
            "evaluation_date": pd.date_range("2018-01-01", periods=12, freq="7D"),
            "migrated_share": np.linspace(0.1, 0.21, 12),
        }
    )
    assert percents(said(titles.migration(moved))) == [is_about(0.155)]
    assert percents(said(titles.migration(moved.head(3)))) == [is_about(0.12)]


def test_a_feature_that_hardly_moves_is_not_said_to():
    assert said(titles.shift(pd.Series({"A": 0.02, "B": 0.01}))).startswith("No feature moves")
    assert said(titles.shift(pd.Series({"A": 0.02, "B": 0.4}))).startswith("B moves most")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_forecast_is_compared_where_orders_are_not_few(seed):
    random = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {"evaluation_date": pd.date_range("2018-01-01", periods=random.integers(1, 25), freq="7D")}
    )
    rows["horizon_days"] = 90
    rows["expected_orders"] = random.uniform(5, 80, len(rows))
    rows["orders"] = random.integers(5, 80, len(rows))
    title = said(titles.forecasts(rows.sample(frac=1, random_state=1)))
    newest = rows.iloc[-1]
    assert title.startswith(f"In the 90 days from {newest['evaluation_date']:%-d %B %Y}")
    if max(newest["expected_orders"], newest["orders"]) < 30:
        assert "too few" in title and not percents(title)
        return
    found = re.search(r" (\d+) orders were expected and (\d+) came", title)
    assert int(found[1]) == pytest.approx(newest["expected_orders"], abs=0.51)
    assert int(found[2]) == newest["orders"]
    assert len(percents(title)) == (len(rows) >= 10)
    if len(rows) >= 10:
        ratio = rows["orders"].sum() / rows["expected_orders"].sum()
        assert percents(title)[0] == is_about(ratio)
