"""What a warehouse holds, on one screen: segments, verdict, data quality, where the tables are."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import duckdb

# Clauses that compare with earlier months, of which a young shop has too few.
_TOO_EARLY = (
    "(status = 'not assessable' and clause in ('data', 'outcome', 'newcomers', 'recipe', 'value'))"
)


def print_summary(warehouse: Path) -> None:
    """Print what the warehouse holds: segments, verdict, data quality and where the tables are."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:

        def rows(query: str) -> list[tuple]:
            return connection.execute(query).fetchall()

        customers, revenue, as_of, currency = rows(
            "select count(*), sum(monetary_value), any_value(as_of), "
            "(select any_value(currency) from marts.segment_profiles) from marts.customer_segments"
        )[0]
        has_stopped, is_live, feed, late_facts, doubts = rows(
            "select has_stopped, is_live, sentence, late_sentence, data_sentence "
            "from marts.maintenance_feed"
        )[0]
        if has_stopped or not is_live:
            print(f"\n{textwrap.fill(feed, 88)}")
        if late_facts:
            print(f"\n{textwrap.fill(late_facts, 88)}")
        if doubts:
            print(f"\n{textwrap.fill(f'Mind: {doubts}', 88)}")
        money = f", {currency} {revenue:,.2f}" if revenue else ""
        print(f"\nSegments as of {as_of:%Y-%m-%d}: {customers:,} customers{money}\n")
        of_revenue = f"{'revenue':>9}" if revenue else ""
        print(f"  {'id':>2}  {'segment':<40}{'customers':>10}{'share':>8}{of_revenue}")
        for segment_id, name, size, share, revenue_share in rows(
            "select segment_id, segment_name, customers, share, revenue_share "
            "from marts.segment_profiles order by segment_id"
        ):
            of_revenue = f"{revenue_share:>9.1%}" if revenue else ""
            print(f"  {segment_id:>2}  {name:<40}{size:>10,}{share:>8.1%}{of_revenue}")
        print(f"\n{_wrapped(_model_in_use(rows))}")
        print("\nMaintenance contract")
        # A segment is named by what it is.
        contract = (
            "(select coalesce(segment_name, clause) as name, contract.* "
            "from marts.maintenance_contract as contract "
            "left join marts.segment_profiles using (segment_id))"
        )
        for clause, status, sentence in rows(
            f"select name, status, sentence from {contract} "
            f"where status != 'ok' and not {_TOO_EARLY} or clause = 'agreement' "
            "order by clause"
        ):
            print(_wrapped(f"{clause}: {status.upper()}. {sentence}"))
        for words, condition in (
            ("Kept", "status = 'ok' and clause != 'agreement'"),
            ("Not assessable yet", _TOO_EARLY),
        ):
            clauses = rows(f"select name from {contract} where {condition} order by clause")
            if clauses:
                print(_wrapped(f"{words}: {', '.join(clause for (clause,) in clauses)}."))
        print(_wrapped(_schedule(rows)))
        rejected, changed = rows(
            "select sum(rows_rejected), sum(rows_changed) from marts.data_quality_ledger "
            "where rule = 'all rules'"
        )[0]
        print(
            f"\nRaw rows rejected: {rejected:,}; values changed: {changed:,} "
            "(marts.data_quality_ledger has the reasons)"
        )
        tables = rows("select count(*) from duckdb_tables() where schema_name = 'marts'")[0][0]
        print(f"\n{tables} tables in schema marts of {warehouse}")


def is_contract_broken(warehouse: Path) -> bool:
    """Whether a clause of severity error is broken."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(
            "select count(*) > 0 from marts.maintenance_contract "
            "where status = 'breach' and severity = 'error'"
        ).fetchall()[0][0]


def _model_in_use(rows: Callable[[str], list[tuple]]) -> str:
    """Which model is in use, by whose choice, and whether that choice still stands."""
    model_id, algorithm = rows(
        "select model_id, algorithm from marts.segment_models where status = 'champion'"
    )[0]
    if algorithm == "labels":
        return f"Model: the label set {model_id}, which somebody else has made."
    candidate_id, chosen_by, compared_as_of, compared_at, stale_reason = rows(
        "select candidate_id, chosen_by, compared_as_of, compared_at, stale_reason "
        "from marts.model_comparison where is_chosen"
    )[0]
    told = f"Model: {candidate_id}, chosen {chosen_by}"
    if compared_at is None:
        return f"{told}: candidates have not been compared yet (make compare)."
    told += (
        f". Candidates were compared on {compared_at:%Y-%m-%d}, on the customers known by "
        f"{compared_as_of:%Y-%m-%d}."
    )
    if stale_reason:
        told += f" The comparison is STALE: {stale_reason}; make compare makes a new one."
    return told


def _schedule(rows: Callable[[str], list[tuple]]) -> str:
    """Tell what the refit policy did, how often to refit, and when the model in use breaks."""
    policy, changes_of_model, since, sentence, next_date, first_date = rows(
        "select policy, "
        "(select count(*) - 1 from marts.segment_model_decisions where is_takeover), "
        "champion_from, sentence, next_refit_date, "
        "(select min(evaluation_date) from marts.segment_model_decisions) "
        "from marts.maintenance_schedule cross join marts.segment_models "
        "where is_in_use and status = 'champion'"
    )[0]
    changes = "has not changed"
    if changes_of_model:
        changes = f"has changed {_counted(changes_of_model, 'time')}"
    told = (
        f"Refit policy {policy}: since the first evaluation, of {first_date:%Y-%m-%d}, the model "
        f"{changes}; the one in use is of {since:%Y-%m-%d}. "
    )
    agreement = rows("select status from marts.maintenance_contract where clause = 'agreement'")
    if agreement != [("not assessable",)]:  # else there is no contract to forecast
        told += sentence
    if next_date:
        told = f"{told.rstrip()} The next refit is on {next_date:%Y-%m-%d}."
    next_evaluation = rows("select max(next_evaluation_date) from marts.maintenance_contract")[0][0]
    if next_evaluation is None:
        return f"{told.rstrip()} The next evaluation is at the next date that is labelled."
    return f"{told.rstrip()} The next evaluation is on {next_evaluation:%Y-%m-%d}."


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 88, initial_indent="  ", subsequent_indent="    ")
