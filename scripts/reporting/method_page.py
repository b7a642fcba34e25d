"""What the figures rest on: the ledger of raw rows, the words, the model, how to make it again."""

import numpy as np
import pandas as pd

from reporting.exploration_page import balance, spaced, table_name
from reporting.figures import Section
from reporting.marts import Marts, feature_name
from reporting.text import day, if_known, integer, number

WORDS = {
    "customer": "A person, however many orders they have placed.",
    "cut-off": "A moment; features as of a cut-off use only facts known strictly before it.",
    "evaluation date": "A cut-off at which the contract is checked.",
    "counted order": "An order that the features use: all but those of the statuses "
    "that are left out.",
    "recency": "Whole days from the newest counted order to the cut-off.",
    "frequency": "Number of counted orders.",
    "monetary value": "What the counted orders were worth.",
    "review score": "Mean over the counted orders of their mean score, of reviews written before "
    "the cut-off.",
    "segment": "A group of customers with a durable number and name; both outlast refits.",
    "confidence": "0 for a customer half-way to the next segment, 1 for one in the centre.",
    "model": "Everything that gives a segment to a customer, fixed at its fit: what replaces "
    "missing values, caps, transforms, means, scales and centroids.",
    "champion, challenger": "The model in use, and the one fitted at the newest evaluation date.",
    "adjusted Rand index": "Agreement of two segmentations of the same customers: 1 when they are "
    "the same, about 0 when they agree no more than chance (Hubert and Arabie 1985).",
    "Jaccard index": "Customers whom two models both put into a segment, over those whom either "
    "does.",
    "silhouette": "How much nearer a customer is to the own segment than to the next: 1 far from "
    "the others, 0 on the border, below 0 nearer to another one.",
    "drift": "The customers as a whole have changed, so that a refit differs.",
    "migration": "Customers change segment under one model, because they changed.",
    "noise": "How far two fits of the same customers differ by chance alone.",
    "noise floor": "The 5th percentile of the agreement of such fits; what lies below is more than "
    "chance.",
    "population stability index": "How far a distribution has moved; 0 is not at all, above 0.25 "
    "is commonly called much.",
}


def sections(marts: Marts) -> list[Section]:
    """Write the sections of the page."""
    return [
        Section(
            "Raw rows", [balance(marts)], tables=[("Every rule that met a row", _ledger(marts))]
        ),
        Section(
            "The model in use",
            ["The model card says what it is for, what it was fitted on, and where it ends."],
            tables=[("Centres of the segments, in original units", _centroids(marts))],
        ),
        Section(
            "All models in use so far", tables=[("From first to last", _champion_periods(marts))]
        ),
        Section("Words", tables=[("As they are used here", _words(marts))]),
        Section("How to make this again", _reproduce(marts)),
    ]


def _ledger(marts: Marts) -> pd.DataFrame:
    rows = marts["data_quality_ledger"]
    rows = rows[
        (rows["rule"] == "all rules") | (rows["rows_changed"] > 0) | (rows["rows_rejected"] > 0)
    ]
    return pd.DataFrame(
        {
            "Table": rows["raw_table"].map(table_name),
            "Rule": rows["rule"].map(spaced),
            "What is done": rows["description"],
            "Rows in": rows["rows_in"].map(integer),
            "Accepted": rows["rows_accepted"].map(integer),
            "Changed": rows["rows_changed"].map(integer),
            "Rejected": rows["rows_rejected"].map(integer),
        }
    )


def _centroids(marts: Marts) -> pd.DataFrame:
    rows = marts["segment_model_centroids"]
    rows = rows[rows["model_id"] == marts.model_id]
    scalings = marts["segment_model_parameters"]
    scalings = scalings[scalings["model_id"] == marts.scaling_model_id].drop(columns="model_id")
    rows = rows.merge(scalings, on="feature")
    transformed = rows["centroid_scaled"] * rows["scale"] + rows["mean"]
    is_log = rows["transform"] == "log1p"
    rows = rows.assign(centre=transformed.where(~is_log, np.expm1(transformed.where(is_log))))
    wide = rows.pivot_table(index="segment_id", columns="feature", values="centre")
    wide = wide.reindex(columns=marts.features)
    table = pd.DataFrame({"Segment": [marts.name_of(int(i)) for i in wide.index]})
    for feature in wide.columns:
        table[feature_name(feature)] = wide[feature].map(number).to_numpy()
    return table


def _champion_periods(marts: Marts) -> pd.DataFrame:
    models = marts["segment_models"]
    models = models[models["champion_from"].notna()].sort_values("champion_from")
    return pd.DataFrame(
        {
            "Model": models["model_id"],
            "In use from": models["champion_from"].map(day),
            "To": [day(d) if pd.notna(d) else "today" for d in models["champion_to"]],
            "Fitted on": models["customers"].map(lambda n: f"{integer(n)} customers"),
            "Silhouette": models["silhouette"].map(if_known(number)),
        }
    )


def _words(marts: Marts) -> pd.DataFrame:
    unknown = set() if "review_score" in marts.known_features else {"review score"}
    words = {word: meaning for word, meaning in WORDS.items() if word not in unknown}
    return pd.DataFrame({"Word": list(words), "Meaning": list(words.values())})


def _reproduce(marts: Marts) -> list[str]:
    return [
        "The segments are built by make build from the raw tables, with all settings in "
        "dbt_project.yml; make report makes these pages and the slides from the tables in schema "
        "marts alone. The same raw tables and settings give the same figures.",
        f"The published state is as of {day(marts.as_of)}.",
    ]
