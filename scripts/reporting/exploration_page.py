"""What the data are like: orders over time, gaps and extremes, distributions, loyalty."""

import altair as alt
import pandas as pd

from reporting.figures import (
    ACCENT,
    DIVERGING,
    NEUTRAL,
    SEQUENTIAL,
    Figure,
    Panel,
    Steps,
    coloured,
    colours_of_segments,
    names_axis,
    segment_colour,
    sized,
    whole,
)
from reporting.marts import PALETTE, Marts, feature_name, feature_unit
from reporting.text import counted, currency, if_known, integer, money, month, number, share

BLUE, ORANGE = PALETTE[0], PALETTE[1]
# Of fewer orders or customers no mean or share is shown.
LEAST_QUANTITY = 30
# A share of a month's new customers has no colour where it is expected to rest on fewer.
LEAST_EXPECTED = 5
# What the figure of a cell needs, in pixels.
CELL = 38
# A step that loses a smaller share loses hardly any.
LEAST_LOSS = 0.02
# The colours of a correlation.
CORRELATIONS = Steps([-0.6, -0.3, -0.1, 0.1, 0.3, 0.6], DIVERGING, number)
# A skewness that falls by less is as good as the same.
LEAST_SKEWNESS = 0.5


def figures(marts: Marts) -> list[Figure]:
    """Draw the figures of the page, in order."""
    made = [
        over_time(marts),
        segments_over_time(marts),
        gaps(marts),
        distributions(marts),
        correlations(marts),
        cohorts(marts),
        *funnels(marts),
    ]
    return [figure for figure in made if figure is not None]


def balance(marts: Marts) -> str:
    """Return what became of the raw rows, in a sentence."""
    total = marts["data_quality_ledger"]
    total = total[total["rule"] == "all rules"]
    return (
        f"Of {integer(total['rows_in'].sum())} raw rows {integer(total['rows_accepted'].sum())} "
        f"are accepted and {integer(total['rows_rejected'].sum())} rejected with a reason; in "
        f"{integer(total['rows_changed'].sum())} a value is replaced or left out. Every row is "
        "accounted for."
    )


def _month_axis() -> alt.X:
    axis = alt.Axis(format="%b %Y", labelAngle=-40, tickCount="month")
    return alt.X("month:T", timeUnit="yearmonth", title="Month of purchase", axis=axis)


def over_time(marts: Marts) -> Figure:
    """Draw customers, orders and revenue by month."""
    months = marts["order_months"]
    peak = months.loc[months["orders"].idxmax()]
    base = alt.Chart(months)
    # A mean of few orders is one customer's whim.
    mean = alt.Chart(months[months["counted_orders"] >= LEAST_QUANTITY])
    tooltip = [
        alt.Tooltip("month:T", title="Month", format="%B %Y"),
        alt.Tooltip("orders:Q", title="Orders", format=","),
        alt.Tooltip("new_customers:Q", title="New customers", format=","),
    ]
    if marts.has_money:
        tooltip += [
            alt.Tooltip("revenue:Q", title=f"Revenue, {currency()}", format=",.0f"),
            alt.Tooltip(
                "average_order_value:Q", title=f"Average order value, {currency()}", format=",.2f"
            ),
        ]
    orders = base.mark_bar(color=BLUE).encode(
        x=_month_axis(),
        y=alt.Y("orders:Q", **whole("Orders")),
        tooltip=tooltip,
    )
    revenue = base.mark_line(color=ORANGE, point={"color": ORANGE, "size": 40}).encode(
        x=_month_axis(),
        y=alt.Y("revenue:Q", title=f"Revenue ({currency()})", axis=alt.Axis(format=",~f")),
        tooltip=tooltip,
    )
    value = mean.mark_line(color=PALETTE[2], point={"color": PALETTE[2], "size": 40}).encode(
        x=_month_axis(),
        y=alt.Y(
            "average_order_value:Q", title=f"{currency()} per order", scale=alt.Scale(zero=False)
        ),
        tooltip=tooltip,
    )
    table = {
        "Month": months["month"].map(month),
        "Orders": months["orders"].map(integer),
        "Counted orders": months["counted_orders"].map(integer),
        "Customers": months["customers"].map(integer),
        "New customers": months["new_customers"].map(integer),
    }
    panels = [Panel(sized(orders), "Orders")]
    note = "The first and the last month may be covered in part."
    if marts.has_money:
        table["Revenue"] = months["revenue"].map(money)
        table["Average order value"] = months["average_order_value"].map(if_known(money))
        panels += [Panel(sized(revenue), "Revenue")]
        if len(mean.data):
            panels.append(Panel(sized(value), "Average order value"))
            note += (
                f" The average order value leaves months of fewer than {integer(LEAST_QUANTITY)} "
                "counted orders out."
            )
    repeat = 1 - months["new_customers"].sum() / months["counted_orders"].sum()
    return Figure(
        "over-time",
        f"Most orders came in {month(peak.month)}: {integer(peak.orders)}; of all counted orders "
        f"{share(repeat)} are repeat orders",
        panels,
        pd.DataFrame(table),
        note,
    )


def segments_over_time(marts: Marts) -> Figure:
    """Draw what the customers of each segment brought by month."""
    months = marts["segment_months"]
    # Without amounts, orders.
    quantity, title = ("revenue", f"Revenue ({currency()})") if marts.has_money else ("orders",) * 2
    tooltip = [
        alt.Tooltip("segment_name:N", title="Segment"),
        alt.Tooltip("month:T", title="Month", format="%B %Y"),
        alt.Tooltip("orders:Q", title="Orders", format=","),
    ]
    if marts.has_money:
        tooltip.append(alt.Tooltip("revenue:Q", title=f"Revenue, {currency()}", format=",.0f"))
    chart = sized(
        alt.Chart(months)
        .mark_bar()
        .encode(
            x=_month_axis(),
            y=alt.Y(f"{quantity}:Q", **whole(title[0].upper() + title[1:])),
            color=segment_colour(marts),
            tooltip=tooltip,
        )
    )
    by_name = months.groupby("segment_name").agg(
        orders=("orders", "sum"), repeats=("repeat_orders", "sum"), revenue=("revenue", "sum")
    )
    by_name = by_name.reindex(
        [name for name in marts.profiles["segment_name"] if name in by_name.index]
    )
    table = {
        "Segment": by_name.index,
        "Orders": by_name["orders"].map(integer),
        "Share of the orders": (by_name["orders"] / by_name["orders"].sum()).map(share),
        "Of these repeat orders": (by_name["repeats"] / by_name["orders"]).map(share),
    }
    most = by_name[quantity].idxmax()
    part = share(by_name[quantity][most] / by_name[quantity].sum())
    finding = f"{most} placed {part} of the orders"
    if marts.has_money:
        average = by_name["revenue"] / by_name["orders"]
        table["Revenue"] = by_name["revenue"].map(money)
        table["Share of the revenue"] = (by_name["revenue"] / by_name["revenue"].sum()).map(share)
        table["Average order value"] = average.map(money)
        finding = f"{most} brought {part} of the revenue"
        if by_name["orders"][most] >= LEAST_QUANTITY:
            finding += f", with an average order value of {money(average[most])}"
    return Figure(
        "segments-over-time",
        finding,
        [Panel(chart)],
        pd.DataFrame(table),
        "Orders of the customers who are in the segment today, whatever segment they were in then.",
        legend=colours_of_segments(marts),
    )


def gaps(marts: Marts) -> Figure | None:
    """Draw what is missing, impossible or rejected, by rule of the ledger."""
    rules = marts["data_quality_ledger"]
    total = rules[rules["rule"] == "all rules"]
    rules = rules[rules["rule"] != "all rules"]
    rules = rules[(rules["rows_changed"] > 0) | (rules["rows_rejected"] > 0)].copy()
    changed, aside = int(total["rows_changed"].sum()), int(total["rows_rejected"].sum())
    rows_in = int(total["rows_in"].sum())
    if rules.empty:
        return None
    most = rules.loc[(rules["rows_changed"] + rules["rows_rejected"]).idxmax()]
    title = (
        f"Of {integer(rows_in)} raw rows {integer(aside)} are rejected, and {integer(changed)} "
        f"values are missing or impossible; most often in {table_name(most.raw_table)}: "
        f"{spaced(most['rule'])}"
    )
    colours = {"value replaced or left out": BLUE, "row rejected": ACCENT}
    long = rules.melt(
        id_vars=["raw_table", "rule", "description", "rows_in"],
        value_vars=["rows_changed", "rows_rejected"],
        var_name="what",
        value_name="rows",
    )
    long = long[long["rows"] > 0].assign(
        what=lambda found: found["what"].map(
            {"rows_changed": "value replaced or left out", "rows_rejected": "row rejected"}
        ),
        label=lambda found: found["raw_table"].map(table_name) + ": " + found["rule"].map(spaced),
    )
    chart = sized(
        alt.Chart(long)
        .mark_bar()
        .encode(
            x=alt.X("rows:Q", scale=alt.Scale(type="symlog"), **whole("Rows", tickCount=5)),
            y=alt.Y("label:N", title=None, sort="-x", axis=names_axis(long["label"].unique())),
            color=coloured("what", colours),
            tooltip=[
                alt.Tooltip("description:N", title="What is done"),
                alt.Tooltip("rows:Q", title="Rows", format=","),
                alt.Tooltip("rows_in:Q", title="Of", format=","),
            ],
        ),
        max(120, 46 * len(long) + 40),
    )
    table = pd.DataFrame(
        {
            "Table": rules["raw_table"].map(table_name),
            "What is done": rules["description"],
            "Rows changed": rules["rows_changed"].map(integer),
            "Rows rejected": rules["rows_rejected"].map(integer),
        }
    )
    return Figure(
        "gaps", title, [Panel(chart)], table, "The scale of rows is logarithmic.", legend=colours
    )


def table_name(raw_table: str) -> str:
    """Name a raw table as people do."""
    return spaced(raw_table.removeprefix("olist_").removesuffix("_dataset"))


def spaced(name: str) -> str:
    """Put spaces for underscores."""
    return name.replace("_", " ")


def extremes(marts: Marts) -> pd.DataFrame:
    """Return what the model in use makes of missing and extreme values."""
    parameters = marts["segment_model_parameters"]
    parameters = parameters[parameters["model_id"] == marts.scaling_model_id].set_index("feature")
    parameters = parameters.loc[marts.features]
    return pd.DataFrame(
        {
            "Feature": [feature_name(f) for f in parameters.index],
            "Missing becomes": parameters["imputation_value"].map(if_known(number)),
            "Capped from below at": parameters["lower_cap"].map(if_known(number)),
            "Capped from above at": parameters["upper_cap"].map(if_known(number)),
            "Transform": parameters["transform"].map({"identity": "none", "log1p": "log(1 + x)"}),
            "Mean after it": parameters["mean"].map(number),
            "Scale after it": parameters["scale"].map(number),
        }
    )


def distributions(marts: Marts) -> Figure:
    """Draw the distribution of each feature."""
    rows = marts["feature_histograms"].merge(
        marts.profiles[["segment_id", "segment_name"]], on="segment_id"
    )
    panels = []
    for feature in marts.features:
        for scale, label in (("original", "as it is"), ("model", "as the model sees it")):
            of_scale = rows[(rows["feature"] == feature) & (rows["scale"] == scale)]
            unit = feature_unit(feature) if scale == "original" else "standard deviations"
            chart = (
                alt.Chart(of_scale)
                .mark_bar(binSpacing=0)
                .encode(
                    x=alt.X("lower_edge:Q", bin="binned", title=unit, scale=alt.Scale(nice=False)),
                    x2="upper_edge:Q",
                    y=alt.Y("customers:Q", stack="zero", **whole("Customers")),
                    color=segment_colour(marts),
                    tooltip=[
                        alt.Tooltip("segment_name:N", title="Segment"),
                        alt.Tooltip("lower_edge:Q", title="From", format=",.4~g"),
                        alt.Tooltip("upper_edge:Q", title="To", format=",.4~g"),
                        alt.Tooltip("customers:Q", title="Customers", format=","),
                    ],
                )
            )
            panels.append(Panel(sized(chart, 190), f"{feature_name(feature)}, {label}"))
    skew = _skewness(rows)
    table = pd.DataFrame(
        {
            "Feature": [feature_name(f) for f in skew.index],
            "Skewness as it is": skew["original"].map(if_known(number)),
            "Skewness as the model sees it": skew["model"].map(if_known(number)),
        }
    )
    title = skewness_title(skew)
    return Figure(
        "distributions",
        title,
        panels,
        table,
        "As in the data, then after imputation, capping, transform and standardisation. The last "
        "bin takes the highest 0.5 % in. Colours are segments. Skewness is that of the bins.",
        legend=colours_of_segments(marts),
    )


def skewness_title(skew: pd.DataFrame) -> str:
    """Which feature is made least skewed for the model, if any is by much.

    Parameters
    ----------
    skew : DataFrame
        Columns `original` and `model`; features are the index.
    """
    fall = (skew["original"].abs() - skew["model"].abs()).fillna(0)
    most = fall.idxmax()
    if fall[most] < LEAST_SKEWNESS:
        return f"No feature's skewness falls by {number(LEAST_SKEWNESS)} or more for the model"
    return (
        f"{feature_name(most)} is less skewed as the model sees it: {number(skew['model'][most])}, "
        f"and {number(skew['original'][most])} as it is"
    )


def _skewness(rows: pd.DataFrame) -> pd.DataFrame:
    """Skewness by feature and scale, of the middles of the bins."""

    def skewness(bins: pd.DataFrame) -> float:
        middle = (bins["lower_edge"] + bins["upper_edge"]) / 2
        weight = bins["customers"] / bins["customers"].sum()
        mean = (weight * middle).sum()
        variance = (weight * (middle - mean) ** 2).sum()
        if variance <= 0:
            return float("nan")
        return float((weight * (middle - mean) ** 3).sum() / variance**1.5)

    found = rows.groupby(["feature", "scale"])[["lower_edge", "upper_edge", "customers"]]
    found = found.apply(skewness).rename("skewness").reset_index()
    found = found.pivot_table(index="feature", columns="scale", values="skewness", dropna=False)
    return found.reindex(columns=["original", "model"])


def correlations(marts: Marts) -> Figure | None:
    """Draw the correlation of each pair of features."""
    rows = marts["feature_correlations"].dropna(subset=["correlation"]).copy()
    pairs = rows[rows["feature"] < rows["other_feature"]]
    if pairs.empty:
        return None
    rows["one"], rows["other"] = (rows[c].map(feature_name) for c in ("feature", "other_feature"))
    order = [feature_name(f) for f in marts.features]
    base = alt.Chart(rows.assign(step=CORRELATIONS.of(rows["correlation"]))).encode(
        x=alt.X("one:N", title=None, sort=order, axis=names_axis(order, labelAngle=-40)),
        y=alt.Y("other:N", title=None, sort=order, axis=names_axis(order)),
        tooltip=[
            alt.Tooltip("one:N", title="Feature"),
            alt.Tooltip("other:N", title="And"),
            alt.Tooltip("correlation:Q", title="Correlation", format=".2f"),
        ],
    )
    tile = base.mark_rect().encode(color=CORRELATIONS.colour())
    label = base.mark_text(fontSize=12).encode(
        text=alt.Text("correlation:Q", format=".2f"),
        color=CORRELATIONS.text(),
    )
    table = pd.DataFrame(
        {
            "Feature": pairs["feature"].map(feature_name),
            "And": pairs["other_feature"].map(feature_name),
            "Correlation": pairs["correlation"].map(number),
        }
    )
    return Figure(
        "correlations",
        correlations_title(pairs),
        [Panel(sized(tile + label, 60 * len(order) + 40))],
        table,
        "Pearson correlations in the model's scaled units, of the customers it was fitted on.",
        legend=CORRELATIONS.legend,
    )


def correlations_title(pairs: pd.DataFrame) -> str:
    """Which two features correlate most, and which way.

    Parameters
    ----------
    pairs : DataFrame
        Rows of `feature_correlations`, one a pair.
    """
    strongest = pairs.loc[pairs["correlation"].abs().idxmax()]
    names = f"{feature_name(strongest.feature)} and {feature_name(strongest.other_feature).lower()}"
    value = number(strongest.correlation)
    if abs(strongest.correlation) < 0.3:
        return f"Features hardly correlate: {names} do most, at {value}"
    if strongest.correlation < 0:
        return f"{names} go against each other most: correlation {value}"
    return f"{names} go together most: correlation {value}"


def cohorts(marts: Marts) -> Figure | None:
    """Draw how many customers of each first month order again."""
    rows = marts["customer_cohorts"]
    # The month of the cut-off is over only if it has just begun, and then holds no orders.
    newest = marts.as_of.to_period("M") - 1
    grid = whole_grid(rows[rows["customers"] >= LEAST_QUANTITY], newest)
    if grid.empty:
        return None
    rows_of_few = f"datum.expected < {LEAST_EXPECTED}"
    steps = _steps(grid)
    base = alt.Chart(grid.assign(step=steps.of(grid["retention"]))).encode(
        x=alt.X("months_since:O", title="Months since the first order"),
        y=alt.Y("label:O", title="Month of the first order, and customers"),
        tooltip=[
            alt.Tooltip("cohort:O", title="First order in"),
            alt.Tooltip("months_since:O", title="Months since"),
            alt.Tooltip("active_customers:Q", title="Customers who order", format=","),
            alt.Tooltip("customers:Q", title="Of", format=","),
            alt.Tooltip("retention:Q", title="Share", format=".2%"),
        ],
    )
    enough = base.transform_filter(f"!({rows_of_few})")
    tile = enough.mark_rect().encode(color=steps.colour())
    hollow = base.transform_filter(rows_of_few).mark_rect(filled=False, stroke=NEUTRAL)
    # A narrow cell has no room for its figure.
    columns = grid["months_since"].nunique()
    figure = enough.mark_text(fontSize=11).encode(
        text=alt.Text("retention:Q", format=".1%"),
        color=steps.text(),
        fillOpacity=alt.condition(f"width > {CELL * columns}", alt.value(1), alt.value(0)),
    )
    chart = sized(tile + hollow + figure, 20 * grid["cohort"].nunique() + 30)
    table = grid.groupby("months_since").agg(
        active=("active_customers", "sum"), of=("customers", "sum")
    )
    table = pd.DataFrame(
        {
            "Months since the first order": table.index.map(integer),
            "Customers who order": table["active"].map(integer),
            "Of": table["of"].map(integer),
            "Share": (table["active"] / table["of"]).map(share),
        }
    )
    first = table.iloc[0]
    return Figure(
        "cohorts",
        f"{first['Share']} of {first['Of']} new customers ordered again in the month after that of "
        "their first order",
        [Panel(chart)],
        table,
        f"{counted(grid['cohort'].nunique(), 'month')} of first orders; those with fewer than "
        f"{integer(LEAST_QUANTITY)} customers are left out, and so are months that are not over. "
        "Figures are the share who order in a month. Hollow: too few to compare, as at the share "
        f"of all fewer than {integer(LEAST_EXPECTED)} of them would order.",
        legend=steps.legend,
    )


def _steps(grid: pd.DataFrame) -> Steps:
    """Return the steps of a share: even ones, from nothing to the largest."""
    enough = grid[grid["expected"] >= LEAST_EXPECTED]
    most = float(enough["retention"].max()) if len(enough) else 0
    # As they are written, so that no two have one name.
    step = max(0.001, round(most / len(SEQUENTIAL), 3))
    return Steps([step * i for i in range(1, len(SEQUENTIAL))], SEQUENTIAL, share)


def whole_grid(rows: pd.DataFrame, newest: pd.Period) -> pd.DataFrame:
    """Return every cohort with every later month up to the newest, 0 where nobody ordered.

    Parameters
    ----------
    rows : DataFrame
        Rows of `customer_cohorts`.
    newest : Period
        The last month that is over.
    """
    sizes = rows[rows["months_since"] == 0]
    furthest = (newest - rows["cohort"].min().to_period("M")).n if len(rows) else 0
    months = pd.DataFrame({"months_since": range(1, furthest + 1)})
    grid = sizes[["cohort", "customers"]].merge(months, how="cross")
    ends = grid["cohort"].dt.to_period("M") + grid["months_since"]
    grid = grid[ends <= newest]
    found = rows[["cohort", "months_since", "active_customers"]]
    grid = grid.merge(found, on=["cohort", "months_since"], how="left")
    grid["active_customers"] = grid["active_customers"].fillna(0)
    grid["retention"] = grid["active_customers"] / grid["customers"]
    sums = grid.groupby("months_since")[["active_customers", "customers"]].transform("sum")
    grid["expected"] = grid["customers"] * sums["active_customers"] / sums["customers"]
    grid["cohort"] = grid["cohort"].dt.strftime("%Y-%m")
    grid["label"] = grid["cohort"] + " (" + grid["customers"].astype(str) + ")"
    return grid


def funnels(marts: Marts) -> list[Figure]:
    """Draw how far orders have come, and what became of them."""
    made = []
    for funnel in ("orders", "customers"):
        rows = marts["order_funnel"]
        rows = rows[rows["funnel"] == funnel]
        if not len(rows) or rows["quantity"].iloc[0] == 0:
            continue
        if rows["share_of_previous"].isna().all():
            continue
        # For the share behind each bar.
        room_at_end = alt.Scale(range=[0, alt.expr("width - 48")])
        chart = sized(
            alt.Chart(rows)
            .mark_bar(color=BLUE)
            .encode(
                x=alt.X("quantity:Q", scale=room_at_end, **whole(funnel.capitalize())),
                y=alt.Y(
                    "stage:N",
                    title=None,
                    sort=rows["stage"].tolist(),
                    axis=names_axis(rows["stage"]),
                ),
                tooltip=[
                    alt.Tooltip("stage:N", title="Stage"),
                    alt.Tooltip("quantity:Q", title=funnel.capitalize(), format=","),
                    alt.Tooltip("share_of_first:Q", title="Of the first stage", format=".2%"),
                ],
            ),
            170,
        )
        labels = (
            alt.Chart(rows)
            .mark_text(align="left", dx=4)
            .encode(
                x="quantity:Q",
                y=alt.Y("stage:N", sort=rows["stage"].tolist()),
                text=alt.Text("share_of_first:Q", format=".1%"),
            )
        )
        table = pd.DataFrame(
            {
                "Stage": rows["stage"],
                funnel.capitalize(): rows["quantity"].map(integer),
                "Of the first stage": rows["share_of_first"].map(share),
                "Of the stage before": rows["share_of_previous"].map(if_known(share)),
            }
        )
        made.append(
            Figure(
                f"funnel-of-{funnel}",
                funnel_title(rows, funnel),
                [Panel(sized(chart + labels, 170))],
                table,
                "Each stage is a part of the one before it.",
            )
        )
    return made


def funnel_title(rows: pd.DataFrame, funnel: str) -> str:
    """Which step loses most, if any loses more than hardly any.

    Parameters
    ----------
    rows : DataFrame
        Rows of `order_funnel`, of one funnel, by stage. Steps from fewer than 30 are left out.
    funnel : str
        What goes through it, in the plural.
    """
    rows = rows.assign(before=rows["stage"].shift(), previous=rows["quantity"].shift())
    steps = rows[rows["previous"] >= LEAST_QUANTITY]
    if steps.empty:
        return f"Fewer than {integer(LEAST_QUANTITY)} {funnel}: no share is shown"
    worst = steps.loc[steps["share_of_previous"].idxmin()]
    if 1 - worst.share_of_previous < LEAST_LOSS:
        last = steps.iloc[-1]
        return (
            f"No step keeps back {share(LEAST_LOSS)} of the {funnel}: {share(last.share_of_first)} "
            f'come as far as "{last.stage}"'
        )
    return (
        f'The largest step down of {funnel} is from "{worst.before}" to "{worst.stage}": '
        f"{share(worst.share_of_previous)} go on"
    )
