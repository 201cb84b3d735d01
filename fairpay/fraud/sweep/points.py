"""What each value of a sweep comes to: the money it moves, what it invites, who gains; as a table, data, sentences."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from fairpay.fraud.audit.report import Limited
from fairpay.money.integers import sum_exactly
from fairpay.reports.figures import Tier, as_column, shift, tiers
from fairpay.reports.summary import ratio, tier_of
from fairpay.reports.summary import summary as compared
from fairpay.reports.tables import ColumnKind, TableColumn, by_payout, change_percent, currency_of, decimals, table_of
from fairpay.reports.words import percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fairpay.fraud.sweep.series import Series
    from fairpay.reports.figures import Shift
    from fairpay.reports.outcome import Outcome, Payout
    from fairpay.rules.core.rule import Edge, Rule

__all__ = ["Point", "Tried", "lessons", "points", "summary", "table"]

SMALL = 10
"""Artists outside the best paid 1 / SMALL of all, at least one, are called small."""
FINE = 10**6
"""Values that are whole in parts of this are written as decimals."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A series on a month."""

    series: Series
    edge: Edge | None
    """How far its parameter goes before a fake account pays; None: no such value is known."""

    @property
    def rules(self) -> list[Rule]:
        """The rules in the order of their values, that of the edge among them."""
        rules = list(self.series.rules)
        if self.edge is not None and self.edge.rule not in rules:
            rules.append(self.edge.rule)
        name = self.series.field
        return sorted(rules, key=lambda r: getattr(r, name)) if self.edge is not None else rules


@dataclass(frozen=True, slots=True)
class Point(Limited):
    """One rule of a sweep."""

    payout: Payout
    series: Series
    most: Fraction | None
    """The most that an account gets back for each unit of fee, in a large month; None: no limit, or none known."""
    edge: Edge | None
    """Where this is the last value at which no account earns more than its fee."""
    change: Shift
    """Against the first rule."""
    tiers: tuple[Tier, ...]
    """The same, by rank under the first rule."""
    small: Tier
    """Artists outside the best paid tenth under the first rule."""

    @property
    def rule(self) -> Rule:  # type: ignore[override] # read only, as there
        """With this value."""
        return self.payout.rule

    @property
    def value(self) -> Fraction | str | None:
        """Of what varies; None where nothing does."""
        found: Fraction | str | None = getattr(self.rule, self.series.field) if self.series.parameter else None
        return found

    @property
    def text(self) -> str:
        """The value as people write it: 0.73."""
        value = self.value
        if not isinstance(value, Fraction) or (value * FINE).denominator > 1:
            return "" if value is None else str(value)
        whole, parts = divmod(int(value * FINE), FINE)
        return f"{whole}.{parts:06d}".rstrip("0").rstrip(".")


def points(
    outcome: Outcome, first: Series, tried: Sequence[Tried], most: Mapping[Rule, Fraction | None]
) -> Iterator[Point]:
    """Yield a point for the first rule, then for each other value of each series."""
    payouts = {payout.rule: payout for payout in outcome.payouts}
    order, base = by_payout(outcome), outcome.payouts[0].allocation
    before = base.paid
    small = order[max(1, len(order) // SMALL) :]
    seen = set()
    for one in (Tried(first, None), *tried):
        for rule in one.rules:
            if rule in seen or rule not in payouts:  # as the month has none of it
                continue
            seen.add(rule)
            after = payouts[rule].allocation.paid
            yield Point(
                payout=payouts[rule],
                series=one.series,
                most=most[rule],
                edge=one.edge if one.edge is not None and one.edge.rule == rule else None,
                change=shift(before, after, withheld=base.withheld),
                tiers=tiers(order, before, after),
                small=Tier("small", len(small), sum_exactly(before[small]), sum_exactly(after[small])),
            )


def lessons(found: Sequence[Point]) -> list[tuple[Series, str]]:
    """Return what a policy maker takes away of each series, in a sentence without its full stop."""
    series = dict.fromkeys(point.series for point in found if point.series.parameter)
    return [(one, f"{one.label}: {lesson(one, [p for p in found if p.series == one])}") for one in series]


def lesson(series: Series, mine: Sequence[Point]) -> str:
    """Say up to which value no fake account pays, or which of those tried are so."""
    for point in mine:
        if point.edge is not None:
            moved = (
                ""
                if point.change.share is None
                else f"; {point.edge.at} moves {percent(point.change.share)} of the pool"
            )
            return f"{point.edge.proof} is fraud-proof on this log{moved}"
    safe = [point.text for point in mine if point.proof]
    tried = f"of the {len(mine)} values of {series.parameter} that were tried"
    if len(safe) in {0, len(mine)}:
        return f"{'all' if safe else 'none'} {tried} {'are' if safe else 'is known to be'} fraud-proof on this log"
    return f"{', '.join(safe)} {'is' if len(safe) == 1 else 'are'} fraud-proof on this log, no other {tried}"


def summary(outcome: Outcome, found: Sequence[Point]) -> dict[str, Any]:
    """Return what `fairpay compare` tells of a comparison with the first rule, then the sweep: lessons and points.

    Amounts are text in major units, ratios numbers rounded to 6 digits, percents to 2; what is not known, or has no
    limit, is null.
    """
    told = [{"series": one.label, "parameter": one.parameter, "sentence": said} for one, said in lessons(found)]
    return {**compared(outcome), "lessons": told, "points": [point_of(outcome, point) for point in found]}


def point_of(outcome: Outcome, point: Point) -> dict[str, Any]:
    return {
        "rule": point.rule.label,
        "series": point.series.label,
        "parameter": point.series.parameter or None,
        "value": point.text or None,
        "moved": outcome.currency.text(point.change.moved),
        "moved_share": ratio(point.change.share),
        "most_per_fee": ratio(point.most),
        "fraud_proof": point.proof if point.known else None,
        "last_fraud_proof_value": point.edge is not None,
        "steered_by_top_1_percent_of_listeners": ratio(point.payout.steered_by_top_1_percent),
        "small_artists": tier_of(outcome, point.small),
    }


def table(outcome: Outcome, found: Sequence[Point]) -> pa.Table:
    """Return one row for each rule: the first, then those of each series by value.

    Columns: `rule`, `series` (the rule without what varies), `parameter`, `value` (float64; null: nothing varies, or a
    word), `moved` (major units, decimal128), `moved_share` (of the pool), `most_per_fee` (null: no limit, or none
    known), `fraud_proof` (null: not known), `last_fraud_proof_value`, `steered_by_top_1_percent_of_listeners`,
    `small_artists_change` (decimal128), `small_artists_change_percent` and `change_percent_<tier>` (decimal128, 2
    digits, null where the first rule pays nothing), `currency`.
    """

    def column(kind: ColumnKind, form: pa.DataType, value: Callable[[Point], Any]) -> TableColumn:
        return TableColumn(kind, pa.array([value(point) for point in found], form))

    def text(value: Callable[[Point], str | None], kind: ColumnKind = ColumnKind.TEXT) -> TableColumn:
        return column(kind, pa.large_string(), value)

    def money(units: Sequence[int], kind: ColumnKind) -> TableColumn:
        return TableColumn(kind, decimals(np.array(units, dtype=np.int64), outcome.currency.digits))

    def percents(several: Sequence[Tier]) -> TableColumn:
        both = np.array([(tier.before, tier.after) for tier in several], dtype=np.int64)
        return TableColumn(ColumnKind.PERCENT, change_percent(both[:, 0], both[:, 1]))

    number, yes, small = pa.float64(), pa.bool_(), [point.small for point in found]
    columns = {
        "rule": text(lambda p: p.rule.label, ColumnKind.KEY),
        "series": text(lambda p: p.series.label),
        "parameter": text(lambda p: p.series.parameter or None),
        "value": column(ColumnKind.RATIO, number, lambda p: float(p.value) if isinstance(p.value, Fraction) else None),
        "moved": money([p.change.moved for p in found], ColumnKind.MONEY),
        "moved_share": column(ColumnKind.SHARE, number, lambda p: ratio(p.change.share)),
        "most_per_fee": column(ColumnKind.RATIO, number, lambda p: ratio(p.most)),
        "fraud_proof": column(ColumnKind.TEXT, yes, lambda p: p.proof if p.known else None),
        "last_fraud_proof_value": column(ColumnKind.TEXT, yes, lambda p: p.edge is not None),
        "steered_by_top_1_percent_of_listeners": column(
            ColumnKind.SHARE, number, lambda p: ratio(p.payout.steered_by_top_1_percent)
        ),
        "small_artists_change": money([tier.after - tier.before for tier in small], ColumnKind.DIFFERENCE),
        "small_artists_change_percent": percents(small),
    }
    for k, tier in enumerate(found[0].tiers):
        columns["change_percent_" + as_column(tier.name)] = percents([point.tiers[k] for point in found])
    columns["currency"] = currency_of(outcome, len(found))
    return table_of(columns)
