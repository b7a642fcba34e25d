"""The model card: what the model in use is for, its data, figures, limits and contract."""

import pandas as pd

from reporting import maintenance_page
from reporting.figures import Section
from reporting.marts import Marts, feature_name
from reporting.text import counted, day, if_known, integer, listed, number, plain, share

# A customer with less is about as near to the next segment as to the own one.
BORDER = 0.1


def sections(marts: Marts) -> list[Section]:
    """Write the sections of the card; every figure is one of the marts."""
    return [
        Section("What it is for", _purpose(marts), tables=[("The segments", _segments(marts))]),
        Section("Data", _data(marts), tables=[("Features", _features(marts))]),
        Section("Figures", tables=[("Of the model in use", _figures(marts))]),
        Section("Limits", _limits(marts)),
        Section(
            "Contract",
            [maintenance_page.headline(marts), *maintenance_page.verdict(marts)],
            tables=[("Clause by clause", _clauses(marts))],
        ),
    ]


def markdown(marts: Marts, made: list[Section]) -> str:
    """Return the card as Markdown, in English."""
    lines = ["# Model card", "", f"{_model(marts).model_id}, as of {plain(day(marts.as_of))}", ""]
    for section in made:
        lines += [f"## {section.heading}", ""]
        for sentence in section.sentences:
            lines += [_escaped(sentence), ""]
        for caption, table in section.tables:
            lines += [f"{caption}:", "", *_as_markdown(table), ""]
    return "\n".join(lines)


def _as_markdown(table: pd.DataFrame) -> list[str]:
    rows = [table.columns, ["---"] * len(table.columns), *table.itertuples(index=False)]
    return [f"| {' | '.join(_escaped(str(value)) for value in row)} |" for row in rows]


def _escaped(text: str) -> str:
    """Text from the data brings no markup and stays in its cell."""
    text = plain(text).replace("\\", "\\\\").replace("<", "&lt;").replace("|", "\\|")
    return " ".join(text.split())


def _model(marts: Marts) -> pd.Series:
    models = marts["segment_models"]
    return models[models["model_id"] == marts.model_id].iloc[0]


def _names(marts: Marts) -> str:
    return listed([feature_name(feature).lower() for feature in marts.features])


def _purpose(marts: Marts) -> list[str]:
    model = _model(marts)
    how = f"by {_names(marts)}"
    if model.algorithm == "labels":
        how = "by the labels that somebody else gives them"
    return [
        f"{model.model_id} puts {integer(marts.customers)} customers into "
        f"{counted(model.n_segments, 'segment')} {how}, for the choice of whom to "
        f"address and how. It is in use since {day(model.champion_from)}.",
        "A segment describes a group. It decides nothing about one person, and it does not say "
        "why customers buy.",
    ]


def _segments(marts: Marts) -> pd.DataFrame:
    profiles = marts.profiles
    table = pd.DataFrame(
        {
            "Segment": profiles["segment_name"],
            "Who": profiles["description"],
            "Customers": profiles["customers"].map(integer),
            "Share": profiles["share"].map(share),
        }
    )
    if profiles["revenue_share"].notna().any():
        table["Share of revenue"] = profiles["revenue_share"].map(if_known(share))
    return table


def _data(marts: Marts) -> list[str]:
    model = _model(marts)
    ledger = marts["data_quality_ledger"]
    ledger = ledger[ledger["rule"] == "all rules"]
    made = f"It was fitted on {integer(model.customers)} customers known by"
    with_what = f"Random seed {model.seed}, {model['library_versions']}, fingerprint"
    if model.algorithm == "labels":
        made = f"It has labelled {integer(model.customers)} customers on"
        with_what = "How it was made only its maker knows. Fingerprint"
    return [
        f"{made} {day(model.fitted_as_of)}. Of {integer(ledger['rows_in'].sum())} raw rows "
        f"{integer(ledger['rows_rejected'].sum())} are rejected, and "
        f"{integer(ledger['rows_changed'].sum())} values are changed; each by a rule of the data "
        "quality ledger.",
        f"{with_what} of the data {model.data_fingerprint}.",
    ]


def _features(marts: Marts) -> pd.DataFrame:
    rows = marts["segment_model_parameters"].set_index(["model_id", "feature"])
    rows = rows.loc[marts.model_id].loc[marts.features]
    return pd.DataFrame(
        {
            "Feature": [feature_name(feature) for feature in rows.index],
            "Where missing": rows["imputation_value"].map(if_known(number)),
            "Capped below": rows["lower_cap"].map(if_known(number)),
            "Capped above": rows["upper_cap"].map(if_known(number)),
            "Transform": rows["transform"],
        }
    )


def _figures(marts: Marts) -> pd.DataFrame:
    model = _model(marts)
    noise = marts["maintenance_noise"].set_index("model_id").loc[marts.model_id]
    figures = {
        "Algorithm": model.algorithm,
        "Segments": integer(model.n_segments),
        "Silhouette": if_known(number)(model.silhouette),
        "Smallest segment": share(model.smallest_share),
        "Inertia": if_known(number)(model.inertia),
        "Agreement of fits that differ by chance, mean": if_known(number)(noise.noise_agreement),
        "Noise floor": if_known(number)(noise.noise_floor),
    }
    return pd.DataFrame({"Figure": list(figures), "Value": list(figures.values())})


def _limits(marts: Marts) -> list[str]:
    model = _model(marts)
    at_border = marts.query(
        "select avg(case when confidence < $1 then 1 else 0 end) as share "
        "from marts.customer_segments",
        [BORDER],
    )["share"][0]
    told = [
        f"{share(at_border)} of the customers lie at a border, with a confidence below "
        f"{number(BORDER)}: another fit may put them into the next segment.",
        f"It knows {_names(marts)}, and nothing else of a customer.",
    ]
    if model.algorithm == "labels":
        told = [
            "What it knows of a customer, and how sure a label is, is not told. Here customers are "
            f"described by {_names(marts)}."
        ]
    noise = marts["maintenance_noise"].set_index("model_id").loc[marts.model_id]
    if pd.isna(noise.noise_agreement) and model.algorithm == "labels":
        told.append("How far two fits of the same customers would agree is not known.")
    elif not noise.is_assessable:
        told.append(
            "Two fits of the same customers agree too little for a contract: much of the segments "
            "is chance."
        )
    if model.late_arriving_customers:
        told.append(
            f"{counted(model.late_arriving_customers, 'customer')} of the time before the fit "
            "arrived after it."
        )
    doubts = marts["maintenance_feed"]["data_sentence"].iloc[0]
    return told + ([doubts] if pd.notna(doubts) else [])


def _clauses(marts: Marts) -> pd.DataFrame:
    found = maintenance_page.clauses(marts)
    value = found["measured_value"].where(found["status"] != "not assessable")
    return pd.DataFrame(
        {
            "Clause": found["segment_name"].fillna(found["clause"]),
            "Status": found["label"],
            "Value": value.map(if_known(number)),
            "Limit": found["threshold"].map(if_known(number)),
        }
    )
