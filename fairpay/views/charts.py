"""The pictures of runs: Altair charts of a few hundred numbers each, whatever the size of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt
import polars as pl

from fairpay.reports.pages.pictures import COLOURS, GAIN, LOSS, MARGINS, PLAIN, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.reports.pages.page import Drawable
    from fairpay.views.parts import RuleColumns

__all__ = ["MANY", "bars", "bars_by_rule", "frontier", "intensity", "lorenz", "multiples"]

MANY = 1500
"""Artists from which on a picture shows how many lie where, and not each."""
POINTS = 100
"""Of a curve."""
NAMES = {"left": 172, "right": 26}
"""Room beside a view for names."""
LEGEND_COLUMNS, LEGEND_ROW = 3, 18
SMALL = 0.01
DECADES = 4
"""Powers of ten that an axis names, at most, on each side of 0."""
SHORTENED = 100_000
FINE, COARSE = "format(datum.value, ',~r')", "format(datum.value, '~s')"
WIDER = 1.15
"""How much further than the furthest mark a view goes."""


def by_rule(labels: Sequence[str], symbol: str, offset: int = 8) -> alt.Color:
    """Colour marks by rule, the rules named above the view."""
    colours = [COLOURS[place % len(COLOURS)] for place in range(len(labels))]
    legend = alt.Legend(columns=LEGEND_COLUMNS, symbolType=symbol, symbolStrokeWidth=3, offset=offset)
    return alt.Color("rule", scale=alt.Scale(domain=list(labels), range=colours), legend=legend)


def over(labels: Sequence[str]) -> int:
    """Return the room that the names of rules take above a view."""
    return 20 + LEGEND_ROW * -(-len(labels) // LEGEND_COLUMNS)


def lorenz(frame: pl.DataFrame, rules: Sequence[RuleColumns]) -> Drawable:
    """Draw what part of the pool the artists from the least paid up get together, under each rule."""
    curves = pl.concat(curve(frame[rule.paid]).with_columns(rule=pl.lit(rule.label)) for rule in rules)
    even = alt.Chart(pl.DataFrame({"artists": [0, 100], "pool": [0, 100]})).mark_line(color="#888", strokeDash=[4, 4])
    x = alt.X("artists", title="% of artists, least paid first", scale=alt.Scale(domain=[0, 100]))
    y = alt.Y("pool", title="% of the pool", scale=alt.Scale(domain=[0, 100]))
    labels = [rule.label for rule in rules]
    lines = alt.Chart(curves).mark_line(strokeWidth=2).encode(x=x, y=y, color=by_rule(labels, "stroke", 26))
    return alt.layer(
        even.encode(x=x, y=y), lines, padding={"left": 46, "right": 24, "top": over(labels) + 18, "bottom": 44}
    )


def curve(paid: pl.Series) -> pl.DataFrame:
    """Return some hundred points of a Lorenz curve, more of them at the end that is steep; `paid` are amounts."""
    summed = paid.cast(pl.Float64).sort().cum_sum()
    count, whole = len(summed), summed[-1] or 1.0
    steps = {round(count * (1 - (1 - step / POINTS) ** 3)) for step in range(POINTS + 1)}
    places = sorted({0, count, *steps})
    shares = [0.0 if place == 0 else 100 * summed[place - 1] / whole for place in places]
    return pl.DataFrame({"artists": [round(100 * place / count, 3) for place in places], "pool": shares}).with_columns(
        pl.col("pool").round(3)
    )


def bars_by_rule(rows: Sequence[tuple[str, str, float]], labels: Sequence[str], unit: str) -> Drawable:
    """Draw bars of amounts by name, one for each rule: rows of name, rule and amount, in order."""
    data = pl.DataFrame(rows, schema={"name": pl.String, "rule": pl.String, "amount": pl.Float64}, orient="row")
    names = unique([name for name, _, _ in rows])
    top, bottom = over(labels), 44
    height = max(120, len(names) * (10 + 11 * len(labels)))
    chart: alt.Chart = (
        alt.Chart(data.with_columns(pl.col("name").replace_strict(names)))
        .mark_bar()
        .encode(
            y=alt.Y("name", sort=list(names.values()), title=None, axis=quiet()),
            yOffset=alt.YOffset("rule", sort=list(labels)),
            x=alt.X("amount", title=unit, axis=numbers(max(amount for _, _, amount in rows))),
            color=by_rule(labels, "square"),
        )
        .properties(height=height, padding={**NAMES, "top": top, "bottom": bottom})
    )
    return chart


def bars(rows: Sequence[tuple[str, float]], unit: str, *, above: str = PLAIN, below: str = PLAIN) -> Drawable:
    """Draw a bar for each of some names, in order, in a colour above 0 and one below."""
    data, names = named(rows)
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_bar()
        .encode(
            y=alt.Y("name", sort=names, title=None, axis=quiet()),
            x=alt.X("amount", title=unit, axis=numbers(largest(rows))),
            color=alt.condition(alt.datum.amount < 0, alt.value(below), alt.value(above)),
        )
        .properties(height=row_heights(rows), padding={**NAMES, "top": 12, "bottom": 44})
    )
    return chart


def multiples(rows: Sequence[tuple[str, float]], unit: str) -> Drawable:
    """Draw numbers from a hundredth to thousands as bars that begin at 1: to the right is more, to the left less."""
    data, names = named([(name, max(SMALL, value)) for name, value in rows])
    most = max([10.0, *(value for _, value in rows)])
    steps = [value for value in (0.01, 0.1, 1, 10, 100, 1_000, 10_000, 100_000) if value <= most * 1.5]
    least = min([0.5, *(max(SMALL, value) for _, value in rows)])
    scale = alt.Scale(type="log", domain=[least, most * 1.3], nice=False)
    x = alt.X("amount", title=unit, scale=scale, axis=numbers(most, [step for step in steps if step >= least]))
    colour = alt.condition(alt.datum.amount > 1.0, alt.value(LOSS), alt.value(GAIN))
    y = alt.Y("name", sort=names, title=None, axis=quiet())
    drawn = alt.Chart(data).mark_bar().encode(y=y, x=x, x2=alt.X2Datum(1), color=colour)
    one = alt.Chart(pl.DataFrame({"amount": [1.0]})).mark_rule(color="#888", strokeWidth=1.5).encode(x=x)
    return alt.layer(drawn, one, height=row_heights(rows), padding={**NAMES, "top": 12, "bottom": 44})


def frontier(rows: Sequence[tuple[str, float, float, str]], unit: str) -> Drawable:
    """Draw what a fake account earns for each 1.00 it pays against something else, a line for each rule.

    Args:
        rows: rule, what is to the right, what a fake earns, and what is written at the point (empty: nothing); those of
            a rule in their order.
        unit: of what is to the right.

    """
    names = ["rule", "right", "earns", "mark"]
    data = pl.DataFrame([(short(rule), *rest) for rule, *rest in rows], schema=names, orient="row")
    data = data.with_row_index("place").with_columns(pl.col("earns").clip(SMALL), pl.col("right").round(3))
    earns = data["earns"].to_list()
    reach = [min(0.9, *earns) / WIDER, max(1.5, *earns) * WIDER]
    steps = [step for step in (0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1_000) if reach[0] <= step <= reach[1]]
    scale = alt.Scale(type="log", nice=False, domain=reach)
    y = alt.Y("earns", title="most a fake earns for each 1.00 it pays", scale=scale, axis=numbers(values=steps))
    x = alt.X("right", title=unit, scale=alt.Scale(zero=False), axis=numbers())
    series = data["rule"].unique(maintain_order=True).to_list()
    colour = by_rule(series, "stroke", 26)
    base = alt.Chart(data).encode(x=x, y=y, color=colour)
    marked = data.filter(pl.col("mark") != "")
    one = alt.Chart(pl.DataFrame({"earns": [1.0]})).mark_rule(color="#888", strokeWidth=1.5).encode(y=y)
    texts = [  # one above the other: such points lie side by side at 1
        alt.Chart(marked[place]).mark_text(align="left", dx=4, dy=-14 - 16 * place).encode(x=x, y=y, text="mark")
        for place in range(marked.height)
    ]
    return alt.layer(
        one,
        base.mark_line(strokeWidth=2).encode(order="place"),
        base.mark_circle(size=36, opacity=1),
        alt.Chart(marked).mark_point(size=140, strokeWidth=2, color=LOSS).encode(x=x, y=y),
        *texts,
        padding={"left": 46, "right": 60, "top": over(series) + 18, "bottom": 44},
    )


def intensity(frame: pl.DataFrame, change: str, unit: str) -> Drawable:
    """Draw fan intensity against change: each artist as a point, or of many how many lie where.

    Args:
        frame: with `fan_intensity` and the column of the change, in major units.
        change: its name.
        unit: the currency.

    """
    known = frame.filter(pl.col("fan_intensity") > 0).select(
        x=pl.col("fan_intensity").clip(SMALL, 100), y=pl.col(change).cast(pl.Float64)
    )
    most = WIDER * max(SMALL, *(abs(float(edge)) for edge in (known["y"].min(), known["y"].max())))  # type: ignore[arg-type] # numbers
    reach = [float(known["x"].min()) / WIDER, float(known["x"].max()) * WIDER]  # type: ignore[arg-type] # as above
    marked = [value for value in (0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 100) if reach[0] <= value <= reach[1]]
    near = max(SMALL, float(known["y"].abs().median()))  # type: ignore[arg-type] # as above
    steps = [10.0**power for power in range(-2, 12) if near <= 10.0**power <= most]
    steps = steps[:: 1 + len(steps) // DECADES]
    x = alt.X(
        "x",
        title="fan intensity: listening per fee against the average",
        axis=numbers(values=marked),
        scale=alt.Scale(type="log", nice=False, domain=reach),
    )
    y = alt.Y(
        "y",
        title=f"change, {unit}",
        axis=numbers(most, [*(-step for step in steps[::-1]), 0.0, *steps]),
        scale=alt.Scale(type="symlog", constant=near, nice=False, domain=[-most, most]),
    )
    zero = alt.Chart(pl.DataFrame({"y": [0.0]})).mark_rule(color="#888").encode(y=y)
    return alt.layer(zero, cloud(known, near).encode(x=x, y=y), padding=MARGINS)


def cloud(known: pl.DataFrame, near: float) -> alt.Chart:
    """Mark points `x`, `y`, or, where there are many, squares that are darker where more lie.

    Args:
        known: where artists lie.
        near: changes below it lie as near to 0 on paper as they do in money.

    """
    if known.height <= MANY:
        points: alt.Chart = alt.Chart(known).mark_circle(color=PLAIN, opacity=0.55, size=26, clip=True)
        return points
    squared = (
        known.select(
            column=(pl.col("x").log10() * 10).floor(),
            row=(pl.col("y").sign() * (pl.col("y").abs() / near).log1p() * 3).floor(),
        )
        .group_by("column", "row")
        .len("artists")
        .sort("column", "row")
        .select(
            x=10 ** (pl.col("column") / 10),
            x2=10 ** ((pl.col("column") + 1) / 10),
            y=edge(pl.col("row"), near),
            y2=edge(pl.col("row") + 1, near),
            artists=pl.col("artists"),
        )
    )
    shade = alt.Opacity("artists", scale=alt.Scale(type="log", range=[0.12, 1]), legend=None)
    marks: alt.Chart = alt.Chart(squared).mark_rect(color=PLAIN, clip=True).encode(x2="x2", y2="y2", opacity=shade)
    return marks


def edge(row: pl.Expr, near: float) -> pl.Expr:
    """Return where a row of squares begins: the inverse of what put points into rows."""
    return row.sign() * ((row.abs() / 3).exp() - 1) * near


def named(rows: Sequence[tuple[str, float]]) -> tuple[pl.DataFrame, list[str]]:
    """Return names, cut and different, and their amounts."""
    names = [*unique([f"{place}\n{name}" for place, (name, _) in enumerate(rows)]).values()]
    return pl.DataFrame({"name": names, "amount": [value for _, value in rows]}), names


def unique(names: Sequence[str]) -> dict[str, str]:
    """Cut names to what a picture has room for; two that would read the same are told apart by spaces nobody sees."""
    found: dict[str, str] = {}
    for name in names:
        if name not in found:
            text = short(name.partition("\n")[2] or name)
            while text in found.values():
                text += "\u200b"
            found[name] = text
    return found


def largest(rows: Sequence[tuple[str, float]]) -> float:
    """Return the largest amount without its sign."""
    return max(abs(value) for _, value in rows)


def row_heights(rows: Sequence[object]) -> int:
    """Return the height of a view with so many rows of names."""
    return max(40, 18 * len(rows))


def quiet() -> alt.Axis:
    """Return an axis of names, without ticks."""
    return alt.Axis(ticks=False, domain=False, labelPadding=6)


def numbers(most: float = 0.0, values: Sequence[float] | None = None) -> alt.Axis:
    """Return an axis of amounts, 1,000 and 0.5, from a hundred thousand on 200k and 1.5M; with ticks at some values."""
    if values is not None:
        return alt.Axis(values=list(values), tickCount=len(values), labelExpr=FINE if most < SHORTENED else COARSE)
    return alt.Axis(labelExpr=FINE if most < SHORTENED else COARSE, tickCount=4)
