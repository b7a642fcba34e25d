"""What the pages on segments and on the contract claim, recomputed from the marts by SQL."""

import re
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from reporting import maintenance_page, segment_cards, segments_page
from reporting.marts import Marts
from reporting.text import plain

NUMBER = r"(\d+(?:\.\d+)?)"
ENOUGH = 10

# Pairs of the candidate in use, and the segments of its first model.
PAIRS = """
with candidates as (
    select candidate_id from marts.segment_models where status = 'champion'
),
models as (from marts.segment_models semi join candidates using (candidate_id)),
pairs as (
    from marts.segment_stability as pair
    where
        weeks > 0 and pair.origin_model_id in (select model_id from models)
        and pair.model_id in (select model_id from models)
)
"""


def assert_claims_hold(warehouse: Path) -> None:
    """Compare titles and sentences of the two pages with the marts.

    Raises
    ------
    AssertionError
        If a sentence claims what the marts do not hold.
    """
    marts = Marts(warehouse)
    sections = maintenance_page.sections(marts)
    figures = [f for section in sections for f in section.figures]
    figures += segments_page.figures(marts)
    titles = {f.name: plain(f.title) for f in figures}
    cards = segment_cards.cards(marts)
    lines = [plain(line) for line in sections[0].sentences]
    marts.close()
    with duckdb.connect(str(warehouse), read_only=True) as connection:

        def rows(sql: str) -> list[tuple]:
            return connection.execute(sql).fetchall()

        _due(rows, lines[-3])
        _waiting(rows, lines[-2])
        _again(rows, lines[-1])
        if "agreement" in titles:
            _agreement(rows, titles["agreement"])
        if "all-pairs" in titles:
            _ages(rows, titles["all-pairs"])
        if "segment-agreement" in titles:
            _segments(rows, titles["segment-agreement"])
        if "forecasts" in titles:
            _forecasts(rows, titles["forecasts"])
        _balance(rows, titles["balance"])
        if "sizes" in titles:
            _sizes(rows, titles["sizes"])
        for name, title in titles.items():
            if name.startswith("transitions"):
                _moves(rows, title)
        _cards(rows, cards)


def _due(rows, line: str) -> None:
    broken = rows(
        "select clause, breach_kind from marts.maintenance_contract "
        "where status = 'breach' and severity = 'error'"
    )
    assert line.startswith("A refit is due") == bool(broken)
    assert ("re-centring" in line) <= (broken == [("agreement", "re-centring due")])


def _waiting(rows, line: str) -> None:
    known = rows(
        "select weeks, misplaced_share, start_dates from marts.maintenance_waiting "
        f"where start_dates >= {ENOUGH} and weeks <= 13 order by weeks desc limit 1"
    )
    if known:
        weeks, misplaced, starts = known[0]
        found = re.match(rf"After (\d+) weeks? .*?, {NUMBER}%.* over (\d+) models\.", line)
        assert [float(n) for n in found.groups()] == [
            weeks,
            pytest.approx(100 * misplaced, abs=0.051),
            starts,
        ]
    else:
        assert "cannot be told yet" in line and "%" not in line
    outcomes = rows(
        "select evaluation_date, contract.sentence, auc_loss, auc_loss_low "
        "from marts.maintenance_contract as contract "
        "left join marts.maintenance_outcomes as outcomes using (evaluation_date) "
        "where clause = 'outcome' and status != 'not assessable' and is_champion "
        "and outcomes.is_assessable and abs(auc_loss - measured_value) < 1e-9"
    )
    assert ("is not known yet" in line) == (not outcomes)
    for date, sentence, loss, low in outcomes:
        assert f"in use on {date:%-d %B %Y}" in line
        assert re.search(r"in the next \d+ days", line)[0] in sentence
        assert (" was worse" in line) == (low > 0 and loss >= 0.01)


def _again(rows, line: str) -> None:
    ((next_date, status, by),) = rows(
        "select next_evaluation_date, status, breach_by from marts.maintenance_contract "
        "cross join marts.maintenance_schedule where clause = 'agreement' and is_in_use"
    )
    ((has_stopped,),) = rows("select has_stopped from marts.maintenance_feed")
    again = "Look again"
    if has_stopped:
        again = "Look again once orders come; the next evaluation is that of"
    elif status == "breach":
        again = "The contract is measured again"
    if next_date is None:
        assert line.startswith("Look again at the next date that is labelled.")
    else:
        assert line.startswith(again) and f" {next_date:%-d %B %Y}." in line
    assert ("nine of ten" in line) == (by is not None and status in ("ok", "warn"))


def _agreement(rows, title: str) -> None:
    threshold = rows("select threshold from marts.maintenance_contract where clause = 'agreement'")[
        0
    ][0]
    ((live, kept, beyond, floors),) = rows(
        f"select count(*), count(*) filter (adjusted_rand_index >= {threshold}), "
        f"count(*) filter (adjusted_rand_index < {threshold} and is_beyond_noise), "
        "count(noise_floor) from marts.maintenance_drift semi join "
        "(from marts.segment_model_decisions where is_live) using (evaluation_date) where weeks > 0"
    )
    if live >= ENOUGH:
        assert f" or more at {kept} of {live} evaluations" in title
        less = f", and at less by more than chance at {beyond}"
        less = less if floors else "; whether less than that is more than chance is not known"
        assert (less in title) == (kept < live)
    else:
        assert " of " not in title.split("newest")[0]


def _ages(rows, title: str) -> None:
    known = rows(
        f"{PAIRS} select weeks, min(adjusted_rand_index), max(adjusted_rand_index), count(*) "
        f"from pairs group by 1 having count(*) >= {ENOUGH} order by 1 desc limit 1"
    )
    if not known:
        assert "too few" in title
        return
    found = re.match(rf"(\d+) weeks? after .* at {NUMBER} to {NUMBER} \((\d+) pairs\)", title)
    assert [float(n) for n in found.groups()] == pytest.approx(known[0], abs=0.0051)


def _segments(rows, title: str) -> None:
    first = "(select min_by(origin_model_id, evaluation_date - to_weeks(weeks::int)) from pairs)"
    known = rows(
        f"{PAIRS}, live as (from marts.segment_model_decisions where is_live), "
        "shares as (select segments.evaluation_date, jaccard, "
        "pairs.customers * greatest(share_now, share_now_refitted) as size "
        "from marts.segment_stability_by_segment as segments "
        "join pairs using (origin_model_id, model_id) "
        "join marts.segment_profiles using (segment_id) "
        f"where segments.origin_model_id = {first} and segments.evaluation_date in "
        "(select evaluation_date from live)) "
        "select min(jaccard), max(jaccard) from shares where size >= 30 "
        "and evaluation_date = (select max(evaluation_date) from shares)"
    )
    told = [float(share) / 100 for share in re.findall(rf"{NUMBER}%", title)]
    assert (known[0][0] is None) == (not told)
    if told:
        assert [min(told), max(told)] == pytest.approx(list(known[0]), abs=0.00051)


def _forecasts(rows, title: str) -> None:
    ((date, expected, orders),) = rows(
        "select evaluation_date, expected_orders, orders from marts.value_forecasts "
        "where segment_id = 0 and horizon_days = 90 order by evaluation_date desc limit 1"
    )
    assert f"{date:%-d %B %Y}" in title
    if max(expected, orders) < 30:
        assert "too few" in title
        return
    found = re.search(r" ([\d,]+) orders were expected and ([\d,]+) came", title)
    told = [float(number.replace(",", "")) for number in found.groups()]
    assert told == pytest.approx([expected, orders], abs=0.51)


def _balance(rows, title: str) -> None:
    ratios = rows(
        "select segment_name, share, revenue_share, revenue_share / share from "
        "marts.segment_profiles where customers > 0 order by 4 desc nulls last, segment_id"
    )
    name, share, revenue, ratio = ratios[0]
    if ratio is not None and ratio >= 1.1:
        assert title.startswith(f"{name}, ") and "brought" in title
        assert _percents(title) == pytest.approx([share, revenue], abs=0.00051)
    else:
        largest = max(ratios, key=lambda row: row[1])
        assert "brought" not in title
        assert _percents(title) == pytest.approx([largest[1]], abs=0.00051)


def _sizes(rows, title: str) -> None:
    if " most: from " not in title:
        return
    name = re.match(r"(.*) (?:grew|shrank) most: from ", title)[1]
    retired = "select segment_id from marts.segment_profiles"
    shares = rows(
        f"""
        with last_steps as (
            select *, max(step) over (partition by evaluation_date) as last_step
            from marts.segment_transitions
        ),
        counted as (
            select evaluation_date, to_segment_id as id, sum(customers) as customers
            from last_steps where step = last_step and to_segment_id is not null group by all
        )
        select
            sum(customers) filter (case when ? = 'Retired segments' then id not in ({retired})
                else id = (select segment_id from marts.segment_profiles where segment_name = ?) end
            ) / sum(customers)
        from counted group by evaluation_date order by evaluation_date
        """.replace("?", f"'{name}'")
    )
    first, last = shares[0][0] or 0, shares[-1][0] or 0
    assert _percents(title) == pytest.approx([first, last], abs=0.00051)
    assert abs(last - first) >= 0.05 - 1e-9


def _moves(rows, title: str) -> None:
    dates = re.findall(r"\d+ [A-Z]\w+ \d{4}", title)
    if "too few" in title:
        return
    start, end = (pd.Timestamp(date) for date in dates[:2])
    at = (
        "(select customer_id, segment_id from marts.customer_segment_history "
        "where valid_from <= '{0}' and (valid_to > '{0}' or valid_to is null))"
    )
    ((stayed,),) = rows(
        f"select count(*) filter (a.segment_id = b.segment_id) / count(*) "
        f"from {at.format(start)} a left join {at.format(end)} b using (customer_id)"
    )
    assert _percents(title)[0] == pytest.approx(stayed, abs=0.00051)


def _cards(rows, cards: list[dict]) -> None:
    known = {
        segment: (orders, revenue)
        for segment, orders, revenue in rows(
            "select segment_id, sum(expected_orders_90), sum(expected_revenue_90) "
            "from marts.customer_value join marts.customer_segments using (customer_id) group by 1"
        )
    }
    assert {card["id"] for card in cards} == set(known)
    for card in cards:
        orders, revenue = known[card["id"]]
        told = plain(dict(card["ranges"])["expected, 90 days"])
        if orders is None:
            assert told == "not known yet"
        elif orders < 5:
            assert told == "fewer than 5 orders"
        else:
            assert told.startswith(f"{round(orders):,} orders")
            assert ("," in told[len(f"{round(orders):,}") :]) == (revenue is not None)


def _percents(title: str) -> list[float]:
    return [float(share) / 100 for share in re.findall(rf"{NUMBER}%", title)]
