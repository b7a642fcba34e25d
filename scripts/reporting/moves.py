"""Who moved between two dates: from which segment to which, and by which cause."""

import altair as alt
import numpy as np
import pandas as pd

from reporting.figures import (
    ACCENT,
    SEQUENTIAL,
    Figure,
    Panel,
    Steps,
    by_segment,
    coloured,
    colours_of_segments,
    names_axis,
    sized,
    wrapped,
)
from reporting.marts import Marts
from reporting.text import day, integer, plain, share

# Fewer customers at the first date than this say little about who moves.
LEAST_QUANTITY = 30
# The quarters that a reader can choose from, the newest ones.
MOST_QUARTERS = 8
# Those who are in no segment at the first date, and at the second.
NEW, GONE = "not yet a customer", "without a segment"
# The colours of the share of a segment that went to another one.
SHARES = Steps(
    [0.01, 0.03, 0.1, 0.25, 0.5], SEQUENTIAL, lambda edge: f"⟦percent:{round(100 * edge)}⟧"
)
# Room for names beside the flows, which have one line where there is more of it, and for the name
# of a part that is hardly to be seen; in pixels.
IS_NARROW, ROOM, WIDE_ROOM, LABEL = "width < 700", 118, 220, 34


def transitions(marts: Marts) -> list[Figure]:
    """Draw where customers were at the beginning and the end of each quarter that is over."""
    first = marts.query("select min(evaluation_date) as first from marts.segment_transitions")
    first = first["first"][0]
    end = marts.as_of.to_period("Q").start_time
    made = []
    while end > first and len(made) < MOST_QUARTERS:
        start = max(end - pd.DateOffset(months=3), first)
        figure = moves_between(marts, start, end)
        if figure is not None:
            made.append(figure)
        end = end - pd.DateOffset(months=3)
    return made


def moves_between(marts: Marts, start: pd.Timestamp, end: pd.Timestamp) -> Figure | None:
    """Draw where the customers of one date were at another, and by which cause."""
    moved = moves(marts, start, end)
    if moved["from_id"].isna().all():
        return None
    moved["from"] = [_name_or(marts, i, NEW) for i in moved["from_id"]]
    moved["to"] = [_name_or(marts, i, GONE) for i in moved["to_id"]]
    moved["share"] = moved["customers"] / moved.groupby("from")["customers"].transform("sum")
    moved["segment_id"] = moved["from_id"]
    moved["is_stay"] = moved["from_id"] == moved["to_id"]
    panels = [Panel(by_segment(_flows(marts, moved)), is_wide=True)]
    for is_relabelled, label in (
        (False, "Who moved under one model"),
        (True, "Who moved with a change of model between"),
    ):
        cells = moved[moved["is_relabelled"] == is_relabelled]
        if not cells[~cells["is_stay"]].empty:
            panels.append(Panel(by_segment(_map(moved, cells, start, end)), label))
    table = pd.DataFrame(
        {
            "From": moved["from"],
            "To": moved["to"],
            "Change of model between": moved["is_relabelled"].map({True: "yes", False: "no"}),
            "Customers": moved["customers"].map(integer),
            "Share of those from there": moved["share"].map(share),
        }
    )
    return Figure(
        f"transitions-{start:%Y-%m-%d}",
        moves_title(moved, start, end),
        panels,
        table,
        "Flows are as wide as their customers are many; pale ones stay, dashed ones have a change "
        "of model between. Below, colours are the share of each row that moved; those who stay "
        "have none. Customers move under one model because they have changed, or time has passed; "
        "where the model has changed between, that alone may have moved them.",
        has_segments=True,
        legend=SHARES.legend,
        choice="Quarter",
        option=f"{day(start)} to {day(end)}",
    )


def _order(moved: pd.DataFrame, side: str) -> list[str]:
    """Return the names of one side, by id; those in no segment are last."""
    return moved.sort_values(f"{side}_id", na_position="last")[side].unique().tolist()


def _flows(marts: Marts, moved: pd.DataFrame) -> alt.LayerChart:
    """Draw a Sankey diagram: parts on both sides, and a band for each move between them."""
    height = 80 * max(moved["from"].nunique(), moved["to"].nunique()) + 60
    gap = LABEL / height
    sides = {side: _parts(moved, side, gap) for side in ("from", "to")}
    bands = _bands(moved, sides)
    room = f"({IS_NARROW} ? {ROOM} : {WIDE_ROOM})"
    scale = alt.Scale(domain=[0, 1], range=[alt.expr(room), alt.expr(f"width - {room}")])
    x = alt.X("x:Q", axis=None, scale=scale)
    down = alt.Scale(domain=[0, 1], reverse=True)
    colour = coloured("from", colours_of_segments(marts, [NEW]))
    flow = (
        alt.Chart(bands)
        .mark_area(strokeWidth=1.2, strokeDash=[4, 3])
        .encode(
            x=x,
            y=alt.Y("top:Q", axis=None, scale=down),
            y2="bottom:Q",
            detail="band:N",
            color=colour,
            fillOpacity=alt.condition("datum.is_stay", alt.value(0.28), alt.value(0.85)),
            stroke=alt.condition(
                "datum.is_relabelled", alt.value(ACCENT), alt.value("transparent")
            ),
            tooltip=[
                alt.Tooltip("from:N", title="From"),
                alt.Tooltip("to:N", title="To"),
                alt.Tooltip("customers:Q", title="Customers", format=","),
                alt.Tooltip("share:Q", title="Of those who came from there", format=".1%"),
            ],
        )
    )
    layers: list[alt.Chart] = [flow]
    for side, place, align in (("from", 0, "right"), ("to", 1, "left")):
        parts = sides[side].assign(x=place, middle=lambda rows: (rows["top"] + rows["bottom"]) / 2)
        parts["label"] = ["\n".join(wrapped(name)) for name in parts[side]]
        bar = alt.Chart(parts).mark_rule(strokeWidth=6)
        layers.append(bar.encode(x=x, y=alt.Y("top:Q", axis=None, scale=down), y2="bottom:Q"))
        text = alt.Chart(parts).mark_text(
            align=align, dx=8 if place else -8, lineBreak="\n", fontSize=12
        )
        middle = alt.Y("middle:Q", axis=None, scale=down)
        for name, shown in ((f"{side}:N", f"!({IS_NARROW})"), ("label:N", IS_NARROW)):
            seen = alt.condition(shown, alt.value(1), alt.value(0))
            layers.append(text.encode(x=x, y=middle, text=name, fillOpacity=seen))
    return sized(alt.layer(*layers), height)


def _parts(moved: pd.DataFrame, side: str, gap: float) -> pd.DataFrame:
    """Stack the segments of one side, from 0 to 1, with a gap around each."""
    sizes = moved.groupby(side)["customers"].sum().reindex(_order(moved, side))
    heights = sizes / sizes.sum() * (1 - gap * len(sizes))
    tops = (heights + gap).cumsum() - heights - gap / 2
    return pd.DataFrame({side: sizes.index}).assign(
        top=tops.to_numpy(), bottom=(tops + heights).to_numpy()
    )


def _bands(moved: pd.DataFrame, sides: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the outlines of the bands, a row for each step of each."""
    at = {}
    orders = {side: {name: i for i, name in enumerate(sides[side][side])} for side in sides}
    for side, other in (("from", "to"), ("to", "from")):
        part = sides[side].set_index(side)
        placed = moved.assign(
            own=moved[side].map(orders[side]), others=moved[other].map(orders[other])
        ).sort_values(["own", "others", "is_relabelled"])
        sizes = placed.groupby(side)["customers"]
        height = (part["bottom"] - part["top"]).reindex(placed[side]).to_numpy()
        scale = height / sizes.transform("sum").to_numpy()
        top = part["top"].reindex(placed[side]).to_numpy()
        top = top + (sizes.cumsum() - placed["customers"]).to_numpy() * scale
        at[side] = pd.DataFrame(
            {"top": top, "bottom": top + placed["customers"].to_numpy() * scale},
            index=placed.index,
        )
    steps = np.linspace(0, 1, 17)
    bend = steps**2 * (3 - 2 * steps)
    rows = []
    for band, row in moved.iterrows():
        left, right = at["from"].loc[band], at["to"].loc[band]
        outline = pd.DataFrame(
            {
                "x": steps,
                **{
                    edge: left[edge] + (right[edge] - left[edge]) * bend
                    for edge in ("top", "bottom")
                },
            }
        ).round(4)
        told = ["from", "to", "customers", "share", "segment_id", "is_stay", "is_relabelled"]
        rows.append(outline.assign(band=band, **{column: row[column] for column in told}))
    return pd.concat(rows, ignore_index=True)


def _map(
    moved: pd.DataFrame, cells: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp
) -> alt.LayerChart:
    """Draw the share of each segment that went to each other one."""
    rows, columns = _order(moved, "from"), _order(moved, "to")
    base = alt.Chart(cells.assign(step=SHARES.of(cells["share"]))).encode(
        x=alt.X(
            "to:N",
            title=f"Segment on {plain(day(end))}",
            scale=alt.Scale(domain=columns),
            axis=names_axis(columns, labelAngle=-40),
        ),
        y=alt.Y(
            "from:N",
            title=f"Segment on {plain(day(start))}",
            scale=alt.Scale(domain=rows),
            axis=names_axis(rows),
        ),
        tooltip=[
            alt.Tooltip("from:N", title="From"),
            alt.Tooltip("to:N", title="To"),
            alt.Tooltip("customers:Q", title="Customers", format=","),
            alt.Tooltip("share:Q", title="Of those who came from there", format=".1%"),
        ],
    )
    is_move = "!datum.is_stay"
    tile = base.transform_filter(is_move).mark_rect().encode(color=SHARES.colour())
    text = base.mark_text(fontSize=12).encode(text=alt.Text("share:Q", format=".0%"))
    moving = text.transform_filter(is_move).encode(color=SHARES.text())
    staying = base.transform_filter("datum.is_stay").mark_text(fontSize=12)
    staying = staying.encode(text=alt.Text("share:Q", format=".0%"))
    return sized(tile + moving + staying, 46 * len(rows) + 30)


def moves(marts: Marts, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Count customers by segment at `start` and `end`, and by whether a model was changed between.

    `is_relabelled` tells that they are in another segment and a change of model moved them on the
    way. An id that is missing means that they have no segment at that date.
    """
    return marts.query(
        """
        with starts as (
            select customer_id, segment_id from marts.customer_segment_history
            where valid_from <= $1 and (valid_to > $1 or valid_to is null)
        ),
        ends as (
            select customer_id, segment_id from marts.customer_segment_history
            where valid_from <= $2 and (valid_to > $2 or valid_to is null)
        ),
        relabelled as (
            select distinct customer_id from marts.customer_segment_history
            where movement = 'relabelling' and valid_from > $1 and valid_from <= $2
        )
        select
            starts.segment_id as from_id,
            ends.segment_id as to_id,
            relabelled.customer_id is not null
            and coalesce(from_id != to_id, false) as is_relabelled,
            count(*) as customers
        from starts
        full join ends on starts.customer_id = ends.customer_id
        left join relabelled on starts.customer_id = relabelled.customer_id
        group by all order by all
        """,
        [start.to_pydatetime(), end.to_pydatetime()],
    )


def moves_title(moved: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> str:
    """How many stayed, how many moved under one model, how many with another, and where most went.

    Parameters
    ----------
    moved : DataFrame
        As `moves` returns it, with the names `from` and `to`.
    """
    known = moved[moved["from_id"].notna()]
    total = known["customers"].sum()
    if total < LEAST_QUANTITY:
        return (
            f"On {day(start)} {integer(total)} customers had a segment: too few to tell who moves"
        )
    is_stay = known["from_id"] == known["to_id"]
    left = known[~is_stay & known["to_id"].notna()]
    under_one = left.loc[~left["is_relabelled"], "customers"].sum() / total
    relabelled = left.loc[left["is_relabelled"], "customers"].sum() / total
    stayed = known.loc[is_stay, "customers"].sum() / total
    title = (
        f"{share(stayed)} of the customers of {day(start)} were in the same segment on {day(end)}, "
        f"{share(under_one)} had moved under one model"
    )
    if relabelled > 0:
        title += f", {share(relabelled)} with a change of model between"
    if not left.empty and left["customers"].max() >= LEAST_QUANTITY:
        most = left.loc[left["customers"].idxmax()]
        title += f"; the largest move was from {most['from']} to {most['to']}"
    return title


def _name_or(marts: Marts, segment_id: float, otherwise: str) -> str:
    return otherwise if pd.isna(segment_id) else marts.name_of(int(segment_id))
