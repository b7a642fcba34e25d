"""What sets the segments apart, how large they have been, and who moved."""

import altair as alt
import numpy as np
import pandas as pd

from reporting.figures import (
    ACCENT,
    DIVERGING,
    NEUTRAL,
    QUIET,
    Figure,
    Panel,
    Steps,
    by_segment,
    colours_of_segments,
    names_axis,
    segment_colour,
    sized,
    whole,
)
from reporting.marts import Marts, feature_name, feature_unit
from reporting.moves import transitions
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
SQUARE = 300
# Fewer customers or orders than this say little about a place or category.
LEAST_QUANTITY = 30
# A share that is not this many times another one is as good as the same.
LEAST_RATIO = 1.1
# A smaller share has no label in a ring: it would lie over others.
LEAST_LABELLED = 0.03
# The colours of an index: around 1 a share is as good as that of all.
INDEX = Steps([0.67, 0.8, 0.91, 1.1, 1.25, 1.5], DIVERGING, number)
# A change of a share by less is no change.
LEAST_CHANGE = 0.05
# Segments that no customer is in today, together.
RETIRED = -1
MONTHS = alt.Axis(
    format="%b %Y",
    labelAngle=-40,
    labelOverlap=True,
    tickCount=alt.TimeIntervalStep(interval="month", step=1),
)
# The rim of a radar, in standard deviations, at most.
RIM = 3.0
# A median that is nearer to the average does not stand out, in standard deviations.
LEAST_DEVIATION = 0.5
# Features that come in whole numbers.
WHOLE = ["frequency", "recency_days"]
# So many orders have a mark each on their axis.
FEW_ORDERS = 12
# Features of which less is better: the radar turns them.
TURNED = {
    "recency_days": "Recency:\nnewest outward",
    "recency_rank": "Recency rank:\nnewest outward",
    "recency_share": "Recency share:\nnewest outward",
    "delivery_days": "Delivery time:\nshortest outward",
}


def figures(marts: Marts) -> list[Figure]:
    """Draw the figures of the page, in order."""
    made = [balance(marts), sizes(marts), *transitions(marts), boxes(marts), radar(marts)]
    made += [places(marts), categories(marts)]
    return [figure for figure in made if figure is not None]


def balance(marts: Marts) -> Figure:
    """Draw the share of each segment in customers and revenue."""
    profiles = marts.profiles[marts.profiles["customers"] > 0]
    quantities = {"share": "Customers", "revenue_share": "Revenue"}
    if not marts.has_money:
        del quantities["revenue_share"]
    panels = [
        Panel(by_segment(_donut(marts, profiles, column)), label)
        for column, label in quantities.items()
    ]
    table = {
        "Segment": profiles["segment_name"],
        "Customers": profiles["customers"].map(integer),
        "Share of customers": profiles["share"].map(share),
    }
    if marts.has_money:
        table["Revenue"] = profiles["revenue"].map(money)
        table["Share of revenue"] = profiles["revenue_share"].map(if_known(share))
    return Figure(
        "balance",
        balance_title(profiles),
        panels,
        pd.DataFrame(table),
        f"A share below {share(LEAST_LABELLED)} has no label; the table has it.",
        has_segments=True,
        legend=colours_of_segments(marts),
    )


def _donut(marts: Marts, profiles: pd.DataFrame, column: str) -> alt.LayerChart:
    rows = profiles[["segment_id", "segment_name", column]].rename(columns={column: "value"})
    base = alt.Chart(rows).encode(
        theta=alt.Theta("value:Q", stack=True),
        order="segment_id:O",
        tooltip=[
            alt.Tooltip("segment_name:N", title="Segment"),
            alt.Tooltip("value:Q", title="Share of all", format=".1%"),
        ],
    )
    ring = base.mark_arc(innerRadius=62, outerRadius=106, padAngle=0.012).encode(
        color=segment_colour(marts)
    )
    # Outside of the ring, in the colour of the page's text.
    labels = base.mark_text(radius=124, fontSize=13).encode(
        text=alt.condition(
            f"datum.value >= {LEAST_LABELLED}", alt.Text("value:Q", format=".0%"), alt.value("")
        )
    )
    return sized(ring + labels, 290)


def balance_title(profiles: pd.DataFrame) -> str:
    """Which segment brought most for its size, if any brought more than its share by a tenth.

    Parameters
    ----------
    profiles : DataFrame
        Rows of `segment_profiles`.
    """
    known = profiles[profiles["customers"] > 0]
    ratio = known["revenue_share"] / known["share"]
    if ratio.notna().any() and ratio.max() >= LEAST_RATIO:
        richest = known.loc[ratio.idxmax()]
        return (
            f"{richest.segment_name}, {share(richest.share)} of the customers, brought "
            f"{share(richest.revenue_share)} of the revenue"
        )
    largest = known.loc[known["customers"].idxmax()]
    return f"{largest.segment_name} are {share(largest.share)} of the customers"


def sizes(marts: Marts) -> Figure | None:
    """Draw the customers of each segment at each evaluation date, stacked."""
    rows = marts.query(
        """
        with scored as (
            -- A date has two steps where the model changes there; the last one holds.
            select *, max(step) over (partition by evaluation_date) as last_step
            from marts.segment_transitions
        )
        select evaluation_date, to_segment_id as segment_id, sum(customers) as customers
        from scored
        where step = last_step and to_segment_id is not null
        group by all order by all
        """
    )
    if rows["evaluation_date"].nunique() < 2:
        return None
    rows["segment_id"] = rows["segment_id"].where(
        rows["segment_id"].isin(marts.profiles["segment_id"]), RETIRED
    )
    grid = rows.pivot_table(
        index="evaluation_date",
        columns="segment_id",
        values="customers",
        aggfunc="sum",
        fill_value=0,
    )
    shares = grid.div(grid.sum(axis=1), axis=0)
    long = grid.reset_index().melt("evaluation_date", value_name="customers")
    long["segment_name"] = [_name_at_a_date(marts, i) for i in long["segment_id"]]
    # The stack follows the legend.
    long["place"] = long["segment_id"].replace(RETIRED, grid.columns.max() + 1)
    others = [_name_at_a_date(marts, RETIRED)] if RETIRED in grid.columns else []
    area = (
        alt.Chart(long)
        .mark_area()
        .encode(
            x=alt.X("evaluation_date:T", title="Evaluation date", axis=MONTHS),
            y=alt.Y("customers:Q", stack="zero", **whole("Customers")),
            color=segment_colour(marts, others),
            order=alt.Order("place:Q"),
            tooltip=[alt.Tooltip("segment_name:N", title="Segment")],
        )
    )
    takeovers = marts.query(
        "select distinct evaluation_date from marts.segment_transitions where is_change_of_model"
    )
    lines = (
        alt.Chart(takeovers)
        .mark_rule(strokeDash=[6, 4], color=ACCENT)
        .encode(x="evaluation_date:T")
    )
    first, last = grid.index[0], grid.index[-1]
    table = pd.DataFrame(
        {
            "Segment": [_name_at_a_date(marts, i) for i in grid.columns],
            f"Customers on {day(first)}": grid.loc[first].map(integer).to_numpy(),
            "Share then": shares.loc[first].map(share).to_numpy(),
            f"Customers on {day(last)}": grid.loc[last].map(integer).to_numpy(),
            "Share now": shares.loc[last].map(share).to_numpy(),
        }
    )
    named = grid.rename(columns=lambda i: _name_at_a_date(marts, i))
    note = "Segments as they were at each evaluation date, under their names of today."
    if len(takeovers):
        note += " Dashed: another model or scaling begins, which puts customers into other segments"
        note += " though they have not changed."
    return Figure(
        "sizes",
        sizes_title(named),
        [Panel(sized(by_segment(area) + lines if len(takeovers) else by_segment(area), 300))],
        table,
        note,
        has_segments=True,
        legend=colours_of_segments(marts, others),
    )


def sizes_title(customers: pd.DataFrame) -> str:
    """Which segment's share changed most between the first and the last date.

    Parameters
    ----------
    customers : DataFrame of shape (n_dates, n_segments)
        Number of customers; names of segments are the columns.
    """
    first, last = customers.index[0], customers.index[-1]
    if customers.loc[first].sum() < LEAST_QUANTITY:
        return f"On {day(first)} {integer(customers.loc[first].sum())} customers had a segment"
    before = customers.loc[first] / customers.loc[first].sum()
    after = customers.loc[last] / customers.loc[last].sum()
    most = (after - before).abs().idxmax()
    change = after[most] - before[most]
    if abs(change) < LEAST_CHANGE:
        return (
            "No segment's share of the customers changed by "
            f"{number(100 * LEAST_CHANGE)} percentage points or more between {day(first)} and "
            f"{day(last)}"
        )
    return (
        f"{most} {'grew' if change > 0 else 'shrank'} most: from {share(before[most])} of the "
        f"customers on {day(first)} to {share(after[most])} on {day(last)}"
    )


def _name_at_a_date(marts: Marts, segment_id: int) -> str:
    return "Retired segments" if segment_id == RETIRED else marts.name_of(int(segment_id))


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
                axis=names_axis(marts.profiles["segment_name"]),
            ),
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
        is_spread = feature == "monetary_value" and of_feature["p05"].min() > 0
        unit = feature_unit(feature)
        most = of_feature["p95"].max()
        values = {"values": list(range(1, int(most) + 1))} if most <= FEW_ORDERS else {}
        axis = whole(unit, **values) if feature in WHOLE else {"title": unit}
        scale = alt.Scale(type="log") if is_spread else alt.Scale(zero=False)
        x = alt.X("p05:Q", scale=scale, **axis)
        colour = segment_colour(marts)
        whiskers = base.mark_rule(strokeWidth=1.5).encode(x=x, x2="p95:Q", color=colour)
        box = base.mark_bar(height=16).encode(x=alt.X("p25:Q", **axis), x2="p75:Q", color=colour)
        middle = base.mark_tick(height=24, thickness=3).encode(x=alt.X("p50:Q", **axis))
        panels.append(
            Panel(
                by_segment(sized(whiskers + box + middle, 46 * len(marts.profiles) + 20)),
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
                    "Mean, scaled": "mean_scaled",
                }.items()
            },
        }
    )
    return Figure(
        "features",
        spread_title(rows),
        panels,
        table,
        "A box holds the middle half of a segment, the line across it is the median, whiskers "
        "reach from the 5th to the 95th percentile. Scaled means are in the model's units, "
        "standard deviations from the average of the customers that it was fitted on.",
        has_segments=True,
    )


def spread_title(rows: pd.DataFrame) -> str:
    """Which feature's means lie furthest apart in the model's units, and what they are.

    Parameters
    ----------
    rows : DataFrame
        Rows of `segment_feature_distributions` with the name of the segment. Those with fewer than
        30 known customers are left out.
    """
    of, rows = _enough(rows)
    means = rows.pivot_table(index="segment_name", columns="feature", values="mean_scaled")
    means = means.loc[:, means.count() >= 2]
    if means.empty:
        return f"Fewer than two segments have {integer(LEAST_QUANTITY)} customers to compare"
    feature = str((means.max() - means.min()).idxmax())
    original = rows[rows["feature"] == feature].set_index("segment_name")["mean"]
    low, high = original.idxmin(), original.idxmax()
    return (
        f"{feature_name(feature)} sets segments{of} apart most: on average "
        f"{number(original[low])} for {low}, {number(original[high])} for {high} "
        f"({feature_unit(feature)})"
    )


def _enough(rows: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Return the rows of enough customers, and how to say so where others are left out."""
    enough = rows[rows["known_customers"] >= LEAST_QUANTITY]
    of = f" of {integer(LEAST_QUANTITY)} customers or more" if len(enough) < len(rows) else ""
    return of, enough


def radar(marts: Marts) -> Figure | None:
    """Scaled medians around a circle, a panel a segment; outward is better."""
    rows = marts["segment_feature_distributions"].merge(
        marts.profiles[["segment_id", "segment_name", "colour"]], on="segment_id"
    )
    features = marts.features
    if len(features) < 3:
        return None
    rows = rows.assign(outward=outward(rows))
    reach = min(RIM, max(2.0, float(np.ceil(rows["outward"].abs().max()))))
    angles = {f: 2 * np.pi * i / len(features) for i, f in enumerate(features)}
    panels = []
    for segment in marts.profiles.itertuples():
        of_segment = rows[rows["segment_id"] == segment.segment_id].set_index("feature")
        if of_segment.empty:
            continue
        outline = _closed([(f, float(of_segment.loc[f, "outward"])) for f in features])
        panels.append(
            Panel(
                _radar_chart(outline, angles, reach, segment.colour),
                segment.segment_name,
                int(segment.segment_id),
            )
        )
    table = rows.pivot_table(index="segment_name", columns="feature", values="p50_scaled")
    table = table.reindex(marts.profiles["segment_name"]).reindex(columns=features)
    table = table.map(if_known(number)).rename(columns=feature_name)
    table.insert(0, "Segment", table.index)
    turned = [feature_name(f).lower() for f in features if f in TURNED]
    note = (
        "Medians in the model's scaled units. The grey ring is the average of the customers that "
        f"the model was fitted on, the outer ring {number(reach)} standard deviations above it, "
        "the centre as far below."
    )
    if turned:
        note += f" Of {listed(turned)} less is better, so it is turned: outward is below average."
        note += " In the table it is as it is."
    beyond = int((rows["outward"].abs() > reach).sum())
    if beyond:
        note += " A hollow corner lies beyond the ring or the centre: there "
        note += "is one" if beyond == 1 else f"are {integer(beyond)}"
        note += ", and the table has the value."
    return Figure(
        "profiles",
        radar_title(rows),
        panels,
        table.reset_index(drop=True),
        note,
        has_segments=True,
    )


def outward(rows: pd.DataFrame) -> pd.Series:
    """Scaled medians, turned where less is better.

    Parameters
    ----------
    rows : DataFrame
        Rows of `segment_feature_distributions`.
    """
    return rows["p50_scaled"].where(~rows["feature"].isin(TURNED), -rows["p50_scaled"])


def radar_title(rows: pd.DataFrame) -> str:
    """Which segment's median is furthest from the average.

    Parameters
    ----------
    rows : DataFrame
        Rows of `segment_feature_distributions` with the name of the segment. Those with fewer than
        30 known customers are left out.
    """
    of, rows = _enough(rows[rows["p50_scaled"].notna()])
    if rows.empty:
        return f"No segment has {integer(LEAST_QUANTITY)} customers to compare with the average"
    most = rows.loc[rows["p50_scaled"].abs().idxmax()]
    if abs(most.p50_scaled) < LEAST_DEVIATION:
        return (
            f"No median of segments{of} lies {number(LEAST_DEVIATION)} standard deviations or more "
            "from the average"
        )
    return (
        f"{most.segment_name} stand out most{' among segments' + of if of else ''}: "
        f"median {feature_name(most.feature).lower()} "
        f"{number(abs(most.p50_scaled))} standard deviations "
        f"{'above' if most.p50_scaled > 0 else 'below'} the average"
    )


def _closed(outline: list[tuple[str, float]]) -> list[tuple[str, float]]:
    return [*outline, outline[0]]


def _radar_chart(
    outline: list[tuple[str, float]], angles: dict[str, float], reach: float, colour: str
) -> alt.LayerChart:
    def placed(feature: str, value: float, rim: float = reach) -> dict:
        radius = (np.clip(value, -rim, rim) + reach) / (2 * reach)
        return {"x": radius * np.sin(angles[feature]), "y": radius * np.cos(angles[feature])}

    def path(corners: list[tuple[str, float]]) -> pd.DataFrame:
        return pd.DataFrame(
            [
                {
                    **placed(f, v),
                    "order": i,
                    "feature": feature_name(f),
                    # As the mart has it, though the radar turns it.
                    "value": -v if f in TURNED else v,
                    "is_beyond": abs(v) > reach,
                }
                for i, (f, v) in enumerate(corners)
            ]
        )

    hidden = alt.Scale(domain=[-1.6, 1.6])
    x, y = alt.X("x:Q", axis=None, scale=hidden), alt.Y("y:Q", axis=None, scale=hidden)
    rings = [
        alt.Chart(path(_closed([(f, level) for f in angles])))
        .mark_line(color="#808080", strokeWidth=width, interpolate="linear", opacity=0.7)
        .encode(x=x, y=y, order="order:Q")
        for level, width in ((0, 1.5), (reach, 0.75))
    ]
    labels = pd.DataFrame(
        [
            {**placed(f, 1.16 * reach, np.inf), "feature": TURNED.get(f, feature_name(f))}
            for f in angles
        ]
    )
    side = "datum.x > 0.1 ? 'left' : datum.x < -0.1 ? 'right' : 'center'"
    above = "datum.y > 0.5 ? 'bottom' : 'middle'"
    names = alt.Chart(labels).mark_text(
        fontSize=12, lineBreak="\n", align=alt.expr(side), baseline=alt.expr(above)
    )
    names = names.encode(x=x, y=y, text="feature:N")
    shape = alt.Chart(path(outline))
    tooltip = [
        alt.Tooltip("feature:N", title="Feature"),
        alt.Tooltip("value:Q", title="Median, scaled", format=".2f"),
    ]
    filled = shape.mark_line(
        color=colour, strokeWidth=2.5, fill=colour, fillOpacity=0.25, strokeJoin="round"
    ).encode(x=x, y=y, order="order:Q")
    corners = shape.mark_point(color=colour, size=40, opacity=1).encode(
        x=x,
        y=y,
        fill=alt.condition("datum.is_beyond", alt.value("transparent"), alt.value(colour)),
        tooltip=tooltip,
    )
    return alt.layer(*rings, filled, corners, names).properties(width=SQUARE, height=SQUARE)


def places(marts: Marts) -> Figure | None:
    """Draw where the customers of a segment live."""
    rows = marts["segment_places"]
    told = rows[rows["place"] != "unknown"]
    told = told.assign(step=INDEX.of(told["index_to_all"]))
    if told["place"].nunique() < 2 or told["customers"].max() < LEAST_QUANTITY:
        return None
    is_brazil = set(told["place"]) <= set(BRAZIL)
    panels = []
    for segment in marts.profiles.itertuples():
        of_segment = told[told["segment_id"] == segment.segment_id]
        if not is_brazil:
            of_segment = of_segment[of_segment["customers"] >= LEAST_QUANTITY]
        if not of_segment.empty:
            draw = _tile_map if is_brazil else _place_bars
            panels.append(Panel(draw(of_segment), segment.segment_name, int(segment.segment_id)))
    note = (
        "Colours are the share of the segment who live there, as a multiple of that of all "
        "customers: blue is less, orange more. "
    )
    few = f"fewer than {integer(LEAST_QUANTITY)} customers of the segment"
    note += (
        f"A tile is a state, roughly where it lies; hollow and grey with {few}, too few to compare."
        if is_brazil
        else f"At most twelve places a segment; those with {few} are left out."
    )
    title = index_title(told, "place", "customers", "live above average in")
    table = _index_table(told, "Place", "place", "customers")
    return Figure("places", title, panels, table, note, has_segments=True, legend=INDEX.legend)


def _of_enough(chart: alt.Chart, quantity: str) -> alt.Chart:
    return chart.transform_filter(f"datum.{quantity} >= {LEAST_QUANTITY}")


def _of_few(chart: alt.Chart, quantity: str) -> alt.Chart:
    return chart.transform_filter(f"datum.{quantity} < {LEAST_QUANTITY}")


def _index_tooltip(kind: str, quantity: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip(f"{kind}:N", title=kind.capitalize()),
        alt.Tooltip("segment_name:N", title="Segment"),
        alt.Tooltip(f"{quantity}:Q", title=quantity.capitalize(), format=","),
        alt.Tooltip("share_of_segment:Q", title="Share of the segment", format=".1%"),
        alt.Tooltip("index_to_all:Q", title="Times the share of all", format=".2f"),
    ]


def _tile_map(rows: pd.DataFrame) -> alt.LayerChart:
    # A state without customers of the segment has no row, and is hollow too.
    missing = [place for place in BRAZIL if place not in set(rows["place"])]
    tiles = pd.concat([rows, pd.DataFrame({"place": missing, "customers": 0, "step": ""})])
    tiles["segment_name"] = rows["segment_name"].iloc[0]
    tiles = tiles.assign(
        column=tiles["place"].map(lambda place: BRAZIL[place][0]),
        row=tiles["place"].map(lambda place: BRAZIL[place][1]),
    )
    base = alt.Chart(tiles).encode(
        x=alt.X("column:O", axis=None, scale=alt.Scale(domain=list(range(6)))),
        y=alt.Y("row:O", axis=None, scale=alt.Scale(domain=list(range(8)))),
        tooltip=_index_tooltip("place", "customers"),
    )
    tile = _of_enough(base, "customers").mark_rect(cornerRadius=3).encode(color=INDEX.colour())
    hollow = _of_few(base, "customers").mark_rect(cornerRadius=3, filled=False, stroke=NEUTRAL)
    words = {"fontSize": 11, "fontWeight": "bold"}
    label = _of_enough(base, "customers").mark_text(**words)
    label = label.encode(text="place:N", color=INDEX.text())
    quiet = _of_few(base, "customers").mark_text(**words, style=QUIET).encode(text="place:N")
    return (tile + hollow + label + quiet).properties(width=SQUARE, height=SQUARE)


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
            color=INDEX.colour(),
            tooltip=_index_tooltip("place", "customers"),
        ),
        260,
    )


def index_title(rows: pd.DataFrame, kind: str, quantity: str, does: str) -> str:
    """Who is furthest above the average where: by a tenth, and by more than chance.

    A count has a standard error of about its root; three of them are left out of account, because
    many shares are compared.

    Parameters
    ----------
    rows : DataFrame
        Rows of `segment_places` or `segment_categories`.
    kind, quantity : str
        Column of what is distinguished, and of what is counted.
    does : str
        What the customers do there more than others.
    """
    counts = rows[quantity].where(rows[quantity] >= LEAST_QUANTITY)
    least = rows["index_to_all"] * np.exp(-3 / np.sqrt(counts))
    clear = rows[(least > 1) & (rows["index_to_all"] >= LEAST_RATIO)]
    if clear.empty:
        return f"No share is clearly {share(LEAST_RATIO - 1)} or more above that of all"
    most = clear.loc[clear["index_to_all"].idxmax()]
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
            "Times the share of all": told["index_to_all"]
            .where(told[quantity] >= LEAST_QUANTITY)
            .map(if_known(number)),
        }
    )


def categories(marts: Marts) -> Figure | None:
    """Draw what the customers of a segment buy."""
    rows = marts["segment_categories"]
    totals = rows[rows["category"] != "unknown"].groupby("category")["orders"].sum()
    top = totals.nlargest(12).index.tolist()
    if len(top) < 2 or rows.loc[rows["category"].isin(top), "orders"].max() < LEAST_QUANTITY:
        return None
    told = rows[rows["category"].isin(top)].assign(
        label=lambda found: found["category"].map(_readable),
        step=lambda found: INDEX.of(found["index_to_all"]),
    )
    base = alt.Chart(told).encode(
        x=alt.X(
            "segment_name:N",
            title=None,
            sort=marts.profiles["segment_name"].tolist(),
            axis=names_axis(marts.profiles["segment_name"], labelAngle=-40),
        ),
        y=alt.Y(
            "label:N",
            title=None,
            sort=[_readable(c) for c in top],
            axis=names_axis([_readable(c) for c in top]),
        ),
        tooltip=_index_tooltip("category", "orders"),
    )
    tile = _of_enough(base, "orders").mark_rect().encode(color=INDEX.colour())
    hollow = _of_few(base, "orders").mark_rect(filled=False, stroke=NEUTRAL)
    label = (
        _of_enough(base, "orders")
        .mark_text(fontSize=12)
        .encode(
            text=alt.Text("share_of_segment:Q", format=".0%"),
            color=INDEX.text(),
        )
    )
    return Figure(
        "categories",
        index_title(told, "category", "orders", "buy above average of"),
        [Panel(by_segment(sized(tile + hollow + label, 30 * len(top) + 40)))],
        _index_table(told, "Category", "category", "orders"),
        "The twelve categories with most orders. Figures are shares of the segment's orders; "
        "colours are multiples of the share of all orders. Hollow and grey: fewer than "
        f"{integer(LEAST_QUANTITY)} orders, too few to compare.",
        has_segments=True,
        legend=INDEX.legend,
    )


def summary(marts: Marts) -> str:
    """Return the page in one sentence."""
    known = marts.profiles[marts.profiles["customers"] > 0].sort_values(
        "customers", ascending=False
    )
    names = [f"{row.segment_name} ({share(row.share)})" for row in known.itertuples()]
    revenue = marts.profiles["revenue"].sum()
    worth = f" with a revenue of {money(revenue)}" if marts.has_money else ""
    return f"{marts.alarm_of_feed} ".lstrip() + (
        f"As of {day(marts.as_of)}, {integer(marts.customers)} customers{worth} fall into "
        f"{integer(len(known))} segment{'s' if len(known) != 1 else ''}: {listed(names)}."
    )
