"""The audiences that are declared, and what their campaigns have changed."""

import pandas as pd

from reporting.figures import Section
from reporting.marts import Marts
from reporting.text import day, integer


def sections(marts: Marts) -> list[Section]:
    """Write a section of tables; none where no audience is declared."""
    members, changes = marts["audience_members"], marts["audience_changes"]
    results = marts["campaign_results"]
    if members.empty and changes.empty and results.empty:
        return []
    tables = [("Who is in the audiences", _audiences(members, changes))]
    if len(results):
        tables.append(("What campaigns have changed", _campaigns(results)))
    return [Section("Audiences and campaigns", tables=tables)]


def _audiences(members: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """One row an audience: its members, and what the newest build that changed it did."""
    rows = []
    for audience, of_audience in changes.groupby("audience"):
        newest = of_audience[of_audience["as_of"] == of_audience["as_of"].max()]
        counts = newest["change"].value_counts()
        rows.append(
            {
                "Audience": audience,
                "Members": integer((members["audience"] == audience).sum()),
                "Last changed": day(newest["as_of"].iloc[0]),
                "Added then": integer(counts.get("added", 0)),
                "Changed segment then": integer(counts.get("changed", 0)),
                "Removed then": integer(counts.get("removed", 0)),
            }
        )
    return pd.DataFrame(rows)


def _campaigns(results: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Campaign": results["campaign"],
            "Audience": results["audience"],
            "From": results["starts_on"].map(day),
            "To": results["ends_on"].map(day),
            "Treated": results["treated_customers"].map(integer),
            "Held out": results["held_out_customers"].map(integer),
            "What is found": results["sentence"],
        }
    )
