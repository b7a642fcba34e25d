"""A live look at the marts: pick a segment, see its customers, try another threshold.

    make explore WAREHOUSE=warehouse/segments.duckdb

The notebook reads the published warehouse and writes nothing.
"""

import marimo

app = marimo.App(width="medium", app_title="Customer segments")


@app.cell
def _():
    import os

    import altair as alt
    import duckdb
    import marimo as mo
    import pandas as pd

    return alt, duckdb, mo, os, pd


@app.cell
def _(duckdb, mo, os):
    warehouse = os.environ.get("SEGMENTS_WAREHOUSE", "warehouse/segments.duckdb")
    connection = duckdb.connect(warehouse, read_only=True)

    def rows(query, *parameters):
        """Return the rows of a query on the marts as a frame."""
        return connection.execute(query, list(parameters)).df()

    profiles = rows("from marts.segment_profiles where customers > 0 order by segment_id")
    as_of = rows("select any_value(as_of) as as_of from marts.customer_segments")["as_of"][0]
    mo.md(f"# Customer segments as of {as_of:%Y-%m-%d}\n\n{len(profiles)} segments, {warehouse}")
    return profiles, rows


@app.cell
def _(mo, profiles):
    names = dict(zip(profiles["segment_name"], profiles["segment_id"].map(int), strict=True))
    segment = mo.ui.dropdown(names, value=next(iter(names)), label="Segment")
    kinds = ["all", "who stay", "who have changed segment in the last 90 days"]
    kind = mo.ui.dropdown(kinds, value="all", label="Customers")
    mo.vstack([mo.md("## Who they are"), mo.hstack([segment, kind], justify="start")])
    return kind, segment


@app.cell
def _(kind, mo, profiles, rows, segment):
    conditions = {
        "all": "true",
        "who stay": "segment_changed_at <= as_of - interval 90 day",
        "who have changed segment in the last 90 days": (
            "segment_changed_at > as_of - interval 90 day"
        ),
    }
    customers = rows(
        "select customer_id, recency_days, frequency, monetary_value, review_score, confidence, "
        "previous_segment_id, segment_changed_at from marts.customer_segments "
        f"where segment_id = $1 and {conditions[kind.value]} "
        "order by monetary_value desc, customer_id limit 1000",
        segment.value,
    )
    profile = profiles[profiles["segment_id"] == segment.value].iloc[0]
    mo.vstack(
        [
            mo.md(
                f"**{profile.segment_name}**: {profile.description} {profile.customers:,} "
                f"customers, {profile.share:.1%} of all. *{profile.recommended_action}*"
            ),
            # At most a thousand, those with the highest monetary value.
            mo.ui.table(customers, page_size=8, selection=None),
        ]
    )
    return (customers,)


@app.cell
def _(mo):
    subject = mo.ui.dropdown(
        {"Months": "months", "Places": "places", "Categories": "categories"},
        value="Months",
        label="What they buy, by",
    )
    mo.vstack([subject])
    return (subject,)


@app.cell
def _(alt, mo, rows, segment, subject):
    queries = {
        "months": (
            "select strftime(month, '%Y-%m') as part, orders from marts.segment_months "
            "where segment_id = $1 order by 1"
        ),
        "places": (
            "select place as part, customers as orders from marts.segment_places "
            "where segment_id = $1 order by 2 desc, 1 limit 20"
        ),
        "categories": (
            "select category as part, orders from marts.segment_categories "
            "where segment_id = $1 order by 2 desc, 1 limit 20"
        ),
    }
    bought = rows(queries[subject.value], segment.value)
    chart = (
        alt.Chart(bought)
        .mark_bar()
        .encode(
            x=alt.X("orders:Q", title="Customers" if subject.value == "places" else "Orders"),
            y=alt.Y("part:N", sort=None, title=None),
            tooltip=["part", "orders"],
        )
    )
    mo.vstack([mo.md("The source does not tell this.") if bought.empty else chart])
    return (bought,)


@app.cell
def _(mo):
    threshold = mo.ui.slider(0.5, 0.98, step=0.01, value=0.8, label="Agreement to ask for")
    mo.vstack([mo.md("## What another threshold would have done"), threshold])
    return (threshold,)


@app.cell
def _(alt, mo, pd, rows, threshold):
    pairs = rows(
        "select stability.* "
        "from marts.segment_stability as stability "
        "join marts.segment_models as models on stability.model_id = models.model_id "
        "where models.candidate_id = (select any_value(candidate_id) from marts.segment_models "
        "where status = 'champion') order by evaluation_date"
    )
    walked, refits, in_use = [], [], None
    for date, of_date in pairs.groupby("evaluation_date", sort=True):
        if in_use is None:
            in_use = of_date[of_date["weeks"] == 0]["model_id"].iloc[0]
        found = of_date[of_date["origin_model_id"] == in_use]
        if found.empty:
            continue
        agreement = float(found["adjusted_rand_index"].iloc[0])
        walked.append({"evaluation_date": date, "agreement": agreement})
        if agreement < threshold.value:
            in_use = found["model_id"].iloc[0]
            refits.append(date)
    lines = pd.DataFrame(walked).assign(threshold=threshold.value)
    of_model = alt.Chart(lines).encode(x=alt.X("evaluation_date:T", title="Evaluation date"))
    drawn = of_model.mark_line(point=True).encode(
        y=alt.Y("agreement:Q", title="Agreement of the model in use", scale=alt.Scale(zero=False))
    ) + of_model.mark_line(strokeDash=[4, 4]).encode(y="threshold:Q")
    mo.vstack(
        [
            mo.md(
                f"With {threshold.value:.2f}, a refit would have been due {len(refits)} times in "
                f"{len(walked)} evaluations. Noise is not taken into account here; the contract "
                "does so."
            ),
            drawn,
        ]
    )
    return refits, walked


@app.cell
def _(mo, rows):
    candidates = rows(
        "select candidate_id, n_segments, score, silhouette, balance, business_sense, is_eligible, "
        "is_chosen from marts.model_comparison "
        "order by score desc nulls last, candidate_id limit 200"
    )
    mo.vstack(
        [
            mo.md("## How the model was chosen"),
            mo.ui.table(candidates, page_size=10, selection=None)
            if len(candidates) > 1
            else mo.md("Candidates have not been compared yet: make compare."),
        ]
    )
    return (candidates,)


if __name__ == "__main__":
    app.run()
