"""What the page of the contract claims, recomputed from the marts by SQL."""

import re
from pathlib import Path

import duckdb
import pytest

from reporting import maintenance_page
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
    """Compare each sentence of the page with the marts.

    Raises
    ------
    AssertionError
        If a sentence claims what the marts do not hold.
    """
    marts = Marts(warehouse)
    sections = maintenance_page.sections(marts)
    titles = {f.name: plain(f.title) for section in sections for f in section.figures}
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
    assert line.startswith(again) and f" {next_date:%-d %B %Y}." in line
    assert ("nine of ten" in line) == (by is not None and status in ("ok", "warn"))


def _agreement(rows, title: str) -> None:
    threshold = rows("select threshold from marts.maintenance_contract where clause = 'agreement'")[
        0
    ][0]
    ((live, kept, beyond),) = rows(
        f"select count(*), count(*) filter (adjusted_rand_index >= {threshold}), "
        f"count(*) filter (adjusted_rand_index < {threshold} and is_beyond_noise) "
        "from marts.maintenance_drift semi join "
        "(from marts.segment_model_decisions where is_live) using (evaluation_date) where weeks > 0"
    )
    if live >= ENOUGH:
        assert f" or more at {kept} of {live} evaluations" in title
        assert (f", and at less by more than chance at {beyond}" in title) == (kept < live)
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
