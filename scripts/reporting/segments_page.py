"""Who the customers are: a card for each segment, and what sets the segments apart."""

import altair as alt
import numpy as np
import pandas as pd

from reporting.figures import DIVERGING, Figure, Panel, by_segment, segment_colour, sized
from reporting.marts import Marts, feature_name, feature_unit
from reporting.text import day, if_known, integer, listed, money, number, share

# The states of Brazil as tiles: column and row, roughly where they lie.
BRAZIL = {
    **{"RR": (1, 0), "AP": (3, 0), "AM": (1, 1), "PA": (2, 1), "MA": (3, 1), "CE": (4, 1)},
    **{"RN": (5, 1), "AC": (0, 2), "RO": (1, 2), "TO": (2, 2), "PI": (3, 2), "PB": (5, 2)},
    **{"MT": (1, 3), "GO": (2, 3), "DF": (3, 3), "BA": (4, 3), "PE": (5, 3), "MS": (1, 4)},
    **{"MG": (3, 4), "SE": (4, 4), "AL": (5, 4), "SP": (2, 5), "RJ": (3, 5), "ES": (4, 5)},
    **{"PR": (2, 6), "SC": (2, 7), "RS": (1, 7)},
}
# Side of a chart whose shape means something, in pixels; it fits a phone.
SQUARE = 250
# Fewer customers or orders than this say little about a place or category.
LEAST_QUANTITY = 30


def cards(marts: Marts) -> list[dict]:
    """Return what the cards show, a dict a segment that has customers."""
    return [
        {
            "id": int(row.segment_id),
            "name": row.segment_name,
            "colour": row.colour,
            "rule": row.description,
            "action": row.recommended_action,
            "figures": _card_figures(row),
        }
        for row in marts.profiles.itertuples()
        if row.customers > 0
    ]


def _card_figures(row) -> list[tuple[str, str]]:
    figures = [
        ("customers", integer(row.customers)),
        ("of all customers", share(row.share)),
        ("revenue", money(row.revenue)),
        ("of all revenue", if_known(share)(row.revenue_share)),
        ("days since the newest order, median", number(row.median_recency_days)),
        ("orders, mean", number(row.mean_frequency)),
        ("monetary value, median", money(row.median_monetary_value)),
    ]
    if pd.notna(row.mean_review_score):
        figures.append(("review score, mean", number(row.mean_review_score)))
    return figures


def figures(marts: Marts) -> list[Figure]:
    """Draw the figures of the page, in order."""
    made = [balance(marts), boxes(marts), radar(marts), places(marts), categories(marts)]
    return [figure for figure in [*made, transitions(marts)] if figure is not None]


def balance(marts: Marts) -> Figure:
    """Draw the share of each segment in customers and revenue."""
    profiles = marts.profiles
    long = profiles.melt(
        id_vars=["segment_id", "segment_name"],
        value_vars=["share", "revenue_share"],
        var_name="of",
        value_name="value",
    ).assign(of=lambda rows: rows["of"].map({"share": "customers", "revenue_share": "revenue"}))
    long["bar"] = long["segment_name"] + ": " + long["of"]
    bars = long.sort_values(["segment_id", "of"])["bar"].tolist()
    chart = (
        alt.Chart(long)
        .mark_bar()
        .encode(
            x=alt.X("value:Q", title="Share of all (%)", axis=alt.Axis(format="%")),
            y=alt.Y("bar:N", title=None, sort=bars, axis=alt.Axis(labelLimit=190)),
            color=segment_colour(marts, legend=False),
            fillOpacity=alt.condition("datum.of === 'revenue'", alt.value(0.55), alt.value(1)),
            tooltip=[
                alt.Tooltip("segment_name:N", title="Segment"),
                alt.Tooltip("of:N", title="Of all"),
                alt.Tooltip("value:Q", title="Share", format=".1%"),
            ],
        )
    )
    known = profiles[profiles["customers"] > 0]
    if known["revenue_share"].notna().all() and len(known) > 1:
        richest = known.loc[(known["revenue_share"] / known["share"]).idxmax()]
        title = (
            f"{richest.segment_name}, {share(richest.share)} of the customers, bring "
            f"{share(richest.revenue_share)} of the revenue"
        )
    else:
        largest = known.loc[known["customers"].idxmax()]
        title = f"{largest.segment_name} are {share(largest.share)} of the customers"
    table = pd.DataFrame(
        {
            "Segment": profiles["segment_name"],
            "Customers": profiles["customers"].map(integer),
            "Share of customers": profiles["share"].map(share),
            "Revenue": profiles["revenue"].map(money),
            "Share of revenue": profiles["revenue_share"].map(if_known(share)),
        }
    )
    return Figure(
        "balance",
        title,
        [Panel(by_segment(sized(chart, 34 * len(long) // 2 + 60)))],
        table,
        "Bright bars are shares of the customers, pale ones of the revenue.",
        has_segments=True,
    )


def boxes(marts: Marts) -> Figure:
    """Draw the features of each segment as boxes."""
    rows = marts["segment_feature_distributions"].merge(
        marts.profiles[["segment_id", "segment_name"]], on="segment_id"
    )
    panels = []
    for feature in marts.features:
        of_feature = rows[(rows["feature"] == feature) & (rows["known_customers"] > 0)]
        base = alt.Chart(of_feature).encode(
            y=alt.Y(
                "segment_name:N",
                title=None,
                sort=marts.profiles["segment_name"].tolist(),
                axis=alt.Axis(labelLimit=150),
            ),
            color=segment_colour(marts, legend=False),
            tooltip=[alt.Tooltip("segment_name:N", title="Segment")]
            + [
                alt.Tooltip(f"{column}:Q", title=title, format=",.6~g")
                for column, title in {
                    "p05": "5th percentile",
                    "p25": "25th",
                    "p50": "median",
                    "p75": "75th",
                    "p95": "95th percentile",
                    "mean": "mean",
                }.items()
            ],
        )
        scale = alt.Scale(type="symlog" if feature == "monetary_value" else "linear", zero=False)
        whiskers = base.mark_rule().encode(
            x=alt.X("p05:Q", title=feature_unit(feature), scale=scale), x2="p95:Q"
        )
        box = base.mark_bar(height=14, opacity=0.75).encode(x="p25:Q", x2="p75:Q")
        middle = base.mark_tick(height=20, thickness=3).encode(x="p50:Q")
        panels.append(
            Panel(
                by_segment(sized(whiskers + box + middle, 40 * len(marts.profiles) + 20)),
                feature_name(feature),
            )
        )
    table = pd.DataFrame(
        {
            "Feature": rows["feature"].map(feature_name),
            "Segment": rows["segment_name"],
            **{
                heading: rows[column].map(if_known(number))
                for heading, column in {
                    "5 %": "p05",
                    "25 %": "p25",
                    "Median": "p50",
                    "75 %": "p75",
                    "95 %": "p95",
                    "Mean": "mean",
                }.items()
            },
        }
    )
    return Figure(
        "features",
        _spread_title(marts, rows),
        panels,
        table,
        "A box holds the middle half of a segment, the line across it is the median, whiskers "
        "reach from the 5th to the 95th percentile.",
        has_segments=True,
    )


def _spread_title(marts: Marts, rows: pd.DataFrame) -> str:
    """Which feature sets the segments apart most, and how."""
    means = rows.pivot_table(index="segment_name", columns="feature", values="mean_scaled")
    spread = means.max() - means.min()
    if spread.isna().all() or len(means) < 2:
        return "One segment holds all customers"
    feature = str(spread.idxmax())
    low, high = means[feature].idxmin(), means[feature].idxmax()
    original = rows[rows["feature"] == feature].set_index("segment_name")["mean"]
    return (
        f"{feature_name(feature)} sets segments apart most: on average {number(original[low])} for "
        f"{low}, {number(original[high])} for {high} ({feature_unit(feature)})"
    )


def radar(marts: Marts) -> Figure | None:
    """Scaled medians around a circle, a panel a segment."""
    rows = marts["segment_feature_distributions"].merge(
        marts.profiles[["segment_id", "segment_name", "colour"]], on="segment_id"
    )
    features = marts.features
    if len(features) < 3:
        return None
    reach = max(2.0, float(np.ceil(rows["p50_scaled"].abs().clip(upper=3).max())))
    angles = {f: 2 * np.pi * i / len(features) for i, f in enumerate(features)}
    panels = []
    for segment in marts.profiles.itertuples():
        of_segment = rows[rows["segment_id"] == segment.segment_id].set_index("feature")
        if of_segment.empty:
            continue
        outline = _closed(
            [(f, float(np.clip(of_segment.loc[f, "p50_scaled"], -reach, reach))) for f in features]
        )
        panels.append(
            Panel(_radar_chart(outline, angles, reach, segment.colour), segment.segment_name)
        )
    medians = rows.assign(distance=rows["p50_scaled"].abs())
    most = medians.loc[medians["distance"].idxmax()]
    title = (
        f"{most.segment_name} stand out most: {feature_name(most.feature).lower()} "
        f"{number(most.distance)} standard deviations "
        f"{'above' if most.p50_scaled > 0 else 'below'} the average of all"
    )
    table = rows.pivot_table(index="segment_name", columns="feature", values="p50_scaled")
    table = table.reindex(marts.profiles["segment_name"]).reindex(columns=features)
    table = table.map(if_known(number)).rename(columns=feature_name)
    table.insert(0, "Segment", table.index)
    return Figure(
        "profiles",
        title,
        panels,
        table.reset_index(drop=True),
        "Medians in the model's scaled units. The grey ring is the average of the customers that "
        f"the model was fitted on, the outer ring {number(reach)} standard deviations above it, "
        "the centre as far below.",
    )


def _closed(outline: list[tuple[str, float]]) -> list[tuple[str, float]]:
    return [*outline, outline[0]]


def _radar_chart(
    outline: list[tuple[str, float]], angles: dict[str, float], reach: float, colour: str
) -> alt.LayerChart:
    def placed(feature: str, value: float) -> dict:
        radius = (value + reach) / (2 * reach)
        return {"x": radius * np.sin(angles[feature]), "y": radius * np.cos(angles[feature])}

    def path(corners: list[tuple[str, float]]) -> pd.DataFrame:
        return pd.DataFrame(
            [
                {**placed(f, v), "order": i, "feature": feature_name(f), "value": v}
                for i, (f, v) in enumerate(corners)
            ]
        )

    hidden = alt.Scale(domain=[-1.45, 1.45])
    x, y = alt.X("x:Q", axis=None, scale=hidden), alt.Y("y:Q", axis=None, scale=hidden)
    rings = [
        alt.Chart(path(_closed([(f, level) for f in angles])))
        .mark_line(color="#808080", strokeWidth=width, interpolate="linear", opacity=0.7)
        .encode(x=x, y=y, order="order:Q")
        for level, width in ((0, 1.5), (reach, 0.75))
    ]
    labels = pd.DataFrame([{**placed(f, 1.4 * reach), "feature": feature_name(f)} for f in angles])
    names = alt.Chart(labels).mark_text(fontSize=11).encode(x=x, y=y, text="feature:N")
    shape = alt.Chart(path(outline))
    tooltip = [
        alt.Tooltip("feature:N", title="Feature"),
        alt.Tooltip("value:Q", title="Median, scaled", format=".2f"),
    ]
    filled = shape.mark_line(
        color=colour, strokeWidth=2.5, fill=colour, fillOpacity=0.25, strokeJoin="round"
    ).encode(x=x, y=y, order="order:Q")
    corners = shape.mark_circle(color=colour, size=40, opacity=1).encode(x=x, y=y, tooltip=tooltip)
    return alt.layer(*rings, filled, corners, names).properties(width=SQUARE, height=SQUARE)


def places(marts: Marts) -> Figure | None:
    """Draw where the customers of a segment live."""
    rows = marts["segment_places"]
    if rows["place"].nunique() < 2:
        return None
    totals = rows.groupby("place")["customers"].transform("sum")
    told = rows[(totals >= LEAST_QUANTITY) & (rows["place"] != "unknown")]
    is_brazil = set(rows["place"]) - {"unknown"} <= set(BRAZIL)
    panels = []
    for segment in marts.profiles.itertuples():
        of_segment = told[told["segment_id"] == segment.segment_id]
        if not of_segment.empty:
            draw = _tile_map if is_brazil else _place_bars
            panels.append(Panel(draw(of_segment), segment.segment_name))
    title = _index_title(told, "place", "customers", "live above average in")
    table = _index_table(told, "Place", "place", "customers")
    note = (
        "Blue: a smaller share of the segment than of all customers lives there; orange: a larger."
    )
    if is_brazil:
        note += " A tile is a state, roughly where it lies."
    return Figure("places", title, panels, table, note) if panels else None


def _index_colour(title: str) -> alt.Color:
    return alt.Color(
        "index_to_all:Q",
        title=title,
        scale=alt.Scale(
            type="log", domain=[0.5, 1, 2], range=DIVERGING, clamp=True, interpolate="lab"
        ),
        legend=alt.Legend(orient="bottom", gradientLength=120, values=[0.5, 1, 2]),
    )


def _index_tooltip(kind: str, quantity: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip(f"{kind}:N", title=kind.capitalize()),
        alt.Tooltip("segment_name:N", title="Segment"),
        alt.Tooltip(f"{quantity}:Q", title=quantity.capitalize(), format=","),
        alt.Tooltip("share_of_segment:Q", title="Share of the segment", format=".1%"),
        alt.Tooltip("index_to_all:Q", title="Times the share of all", format=".2f"),
    ]


def _tile_map(rows: pd.DataFrame) -> alt.LayerChart:
    tiles = rows.assign(
        column=rows["place"].map(lambda place: BRAZIL[place][0]),
        row=rows["place"].map(lambda place: BRAZIL[place][1]),
    )
    base = alt.Chart(tiles).encode(
        x=alt.X("column:O", axis=None, scale=alt.Scale(domain=list(range(6)))),
        y=alt.Y("row:O", axis=None, scale=alt.Scale(domain=list(range(8)))),
        tooltip=_index_tooltip("place", "customers"),
    )
    tile = base.mark_rect(cornerRadius=3, stroke=None).encode(
        color=_index_colour("Times the share of all")
    )
    label = base.mark_text(color="white", fontSize=10, fontWeight="bold").encode(text="place:N")
    return (tile + label).properties(width=SQUARE, height=SQUARE)


def _place_bars(rows: pd.DataFrame) -> alt.Chart:
    top = rows.nlargest(12, "customers")
    return sized(
        alt.Chart(top)
        .mark_bar()
        .encode(
            x=alt.X(
                "share_of_segment:Q", title="Share of the segment (%)", axis=alt.Axis(format="%")
            ),
            y=alt.Y("place:N", title=None, sort="-x"),
            color=_index_colour("Times the share of all"),
            tooltip=_index_tooltip("place", "customers"),
        ),
        260,
    )


def _index_title(told: pd.DataFrame, kind: str, quantity: str, does: str) -> str:
    """Who is furthest above the average where, of what is not rare."""
    common = told[told[quantity] >= LEAST_QUANTITY]
    if common.empty:
        return "Segments are too small to tell them apart here"
    most = common.loc[common["index_to_all"].idxmax()]
    if most.index_to_all < 1.1:
        return "Segments hardly differ here: no share is 10 % above that of all"
    return (
        f"{most.segment_name} {does} {_readable(most[kind])}: "
        f"{number(most.index_to_all)} times the share of all"
    )


def _readable(value: str) -> str:
    return str(value).replace("_", " ")


def _index_table(told: pd.DataFrame, heading: str, kind: str, quantity: str) -> pd.DataFrame:
    told = told.sort_values(["segment_id", quantity], ascending=[True, False])
    told = told.groupby("segment_id").head(10)
    return pd.DataFrame(
        {
            "Segment": told["segment_name"],
            heading: told[kind].map(_readable),
            quantity.capitalize(): told[quantity].map(integer),
            "Share of the segment": told["share_of_segment"].map(share),
            "Times the share of all": told["index_to_all"].map(number),
        }
    )


def categories(marts: Marts) -> Figure | None:
    """Draw what the customers of a segment buy."""
    rows = marts["segment_categories"]
    totals = rows[rows["category"] != "unknown"].groupby("category")["orders"].sum()
    top = totals.nlargest(12).index.tolist()
    if len(top) < 2:
        return None
    told = rows[rows["category"].isin(top)].assign(
        label=lambda found: found["category"].map(_readable)
    )
    base = alt.Chart(told).encode(
        x=alt.X(
            "segment_name:N",
            title=None,
            sort=marts.profiles["segment_name"].tolist(),
            axis=alt.Axis(labelAngle=-35, labelLimit=130),
        ),
        y=alt.Y(
            "label:N",
            title=None,
            sort=[_readable(c) for c in top],
            axis=alt.Axis(labelLimit=140),
        ),
        tooltip=_index_tooltip("category", "orders"),
    )
    tile = base.mark_rect().encode(color=_index_colour("Times the share of all"))
    label = base.mark_text(color="white", fontSize=11).encode(
        text=alt.Text("share_of_segment:Q", format=".0%")
    )
    return Figure(
        "categories",
        _index_title(told, "category", "orders", "buy above average of"),
        [Panel(by_segment(sized(tile + label, 26 * len(top) + 40)))],
        _index_table(told, "Category", "category", "orders"),
        "The twelve categories with most orders. Figures are shares of the segment's orders; "
        "colours compare them with the share of all orders.",
        has_segments=True,
    )


def transitions(marts: Marts) -> Figure | None:
    """Where the customers of a quarter's end were one quarter later."""
    end = marts.as_of.to_period("Q").start_time
    start = (end - pd.DateOffset(months=3)).to_pydatetime()
    moved = marts.query(
        """
        with ends as (
            select customer_id, segment_id from marts.customer_segment_history
            where valid_from <= $2 and (valid_to > $2 or valid_to is null)
        ),
        starts as (
            select customer_id, segment_id from marts.customer_segment_history
            where valid_from <= $1 and (valid_to > $1 or valid_to is null)
        )
        select starts.segment_id as from_id, ends.segment_id as to_id, count(*) as customers
        from starts full join ends on starts.customer_id = ends.customer_id
        group by all order by all
        """,
        [start, end.to_pydatetime()],
    )
    if moved.empty or moved["from_id"].isna().all():
        return None
    # No segment: at first not yet a customer, later out of the facts that count.
    moved["from"] = [_name_or(marts, i, "not yet a customer") for i in moved["from_id"]]
    moved["to"] = [_name_or(marts, i, "without a segment") for i in moved["to_id"]]
    moved["share"] = moved["customers"] / moved.groupby("from")["customers"].transform("sum")
    moved["segment_id"] = moved["from_id"]
    order = moved.sort_values("from_id", na_position="last")["from"].unique().tolist()
    base = alt.Chart(moved).encode(
        x=alt.X(
            "to:N",
            title=f"Segment on {end:%Y-%m-%d}",
            sort=order,
            axis=alt.Axis(labelAngle=-35, labelLimit=130),
        ),
        y=alt.Y("from:N", title=f"Segment on {start:%Y-%m-%d}", sort=order),
        tooltip=[
            alt.Tooltip("from:N", title="From"),
            alt.Tooltip("to:N", title="To"),
            alt.Tooltip("customers:Q", title="Customers", format=","),
            alt.Tooltip("share:Q", title="Of those who came from there", format=".1%"),
        ],
    )
    tile = base.mark_rect().encode(
        color=alt.Color(
            "share:Q",
            title="Share of the row",
            scale=alt.Scale(scheme="viridis", domain=[0, 1]),
            legend=alt.Legend(orient="bottom", format="%", gradientLength=120),
        )
    )
    label = base.mark_text(fontSize=11).encode(
        text=alt.Text("share:Q", format=".0%"),
        color=alt.condition("datum.share > 0.55", alt.value("black"), alt.value("white")),
    )
    known = moved[moved["from_id"].notna()]
    stayed = known.loc[known["from_id"] == known["to_id"], "customers"].sum()
    left = known[(known["from_id"] != known["to_id"]) & known["to_id"].notna()]
    title = (
        f"{share(stayed / known['customers'].sum())} of the customers of {day(start)} were in the "
        f"same segment on {day(end)}"
    )
    if not left.empty:
        most = left.loc[left["customers"].idxmax()]
        title += f"; most movers went from {most['from']} to {most['to']}"
    table = moved.sort_values(["from_id", "to_id"], na_position="last")
    table = pd.DataFrame(
        {
            "From": table["from"],
            "To": table["to"],
            "Customers": table["customers"].map(integer),
            "Share of those from there": table["share"].map(share),
        }
    )
    return Figure(
        "transitions",
        title,
        [Panel(by_segment(sized(tile + label, 46 * len(order) + 40)))],
        table,
        "Each row adds up to 100 %. A change of model counts as a move too; the page on "
        "maintenance keeps both apart.",
        has_segments=True,
    )


def _name_or(marts: Marts, segment_id: float, otherwise: str) -> str:
    return otherwise if pd.isna(segment_id) else marts.name_of(int(segment_id))


def summary(marts: Marts) -> str:
    """Return the page in one sentence."""
    known = marts.profiles[marts.profiles["customers"] > 0].sort_values(
        "customers", ascending=False
    )
    names = [f"{row.segment_name} ({share(row.share)})" for row in known.itertuples()]
    return f"{marts.alarm_of_feed} ".lstrip() + (
        f"As of {day(marts.as_of)}, {integer(marts.customers)} customers with a revenue of "
        f"{money(marts.profiles['revenue'].sum())} fall into {integer(len(known))} "
        f"segment{'s' if len(known) != 1 else ''}: {listed(names)}."
    )
