"""A sweep: every value of a parameter is a rule like any other, weighed in the walk of one run; what each comes to.

That is the money it moves, what it invites and who gains: as a table, as data, in sentences.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from fairpay.errors import UsageError
from fairpay.fraud.audit.audit import remarks
from fairpay.fraud.audit.report import Limited
from fairpay.money.integers import sum_exactly
from fairpay.pipeline.work import Saved
from fairpay.reports.figures import Tier, as_column, shift, tiers
from fairpay.reports.outcome import Control
from fairpay.reports.summary import ratio, tier_of
from fairpay.reports.summary import summary as compared
from fairpay.reports.tables import (
    ColumnKind,
    TableColumn,
    by_payout,
    change_percent,
    column_of,
    currency_of,
    decimals,
    table_of,
)
from fairpay.reports.words import percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fairpay.fraud.series import Series
    from fairpay.pipeline.request import Request
    from fairpay.reports.figures import Shift
    from fairpay.reports.outcome import Outcome, Payout
    from fairpay.rules.core.month import Month
    from fairpay.rules.core.rule import Edge, Rule

__all__ = ["Point", "Swept", "lessons", "run_sweep"]

SMALL = 10
"""Artists outside the best paid 1 / SMALL of all, at least one, are called small."""
FINE = 10**6
"""Values that are whole in parts of this are written as decimals."""
TIED = "too near to a tie"
WEIGHED = "what a fake account gets back is worked out for plays that the policy neither boosts nor weighs down"


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


@dataclass(frozen=True, slots=True, repr=False)
class Swept(Saved):
    """What a sweep found."""

    points: tuple[Point, ...] = field(kw_only=True)
    """A rule each: the one that money moves from, then each series by value."""

    def __repr__(self) -> str:
        """Say in one line what it is."""
        pool = f"{self.outcome.currency.text(self.outcome.money.pool)} {self.outcome.currency.code}"
        return f"<sweep of {pool} under {len(self.points):,} rules: {self.outcome.listening.artists:,} artists>"

    @property
    def arrow(self) -> pa.Table:
        """A row for each rule, as an Arrow table: the first, then those of each series by value.

        Columns: `rule`, `series` (the rule without what varies), `parameter`, `value` (float64; null: nothing varies,
        or a word), `moved` (major units, decimal128), `moved_share` (of the pool), `most_per_fee` (null: no limit, or
        none known), `fraud_proof` (null: not known), `last_fraud_proof_value`, `small_artists_change` (decimal128),
        `steered_by_top_1_percent_of_listeners`, `small_artists_change_percent` and `change_percent_<tier>` (decimal128,
        2 digits, null where the first rule pays nothing), `currency`.
        """
        outcome, found = self.outcome, self.points

        def column(kind: ColumnKind, value: Callable[[Point], Any]) -> TableColumn:
            return column_of(kind, map(value, found))

        def money(kind: ColumnKind, units: Sequence[int]) -> TableColumn:
            return TableColumn(kind, decimals(np.array(units, dtype=np.int64), outcome.currency.digits))

        def yes(values: Sequence[bool | None]) -> TableColumn:
            return TableColumn(ColumnKind.TEXT, pa.array(values, pa.bool_()))

        def percents(several: Sequence[Tier]) -> TableColumn:
            both = np.array([(tier.before, tier.after) for tier in several], dtype=np.int64)
            return TableColumn(ColumnKind.PERCENT, change_percent(both[:, 0], both[:, 1]))

        small = [point.small for point in found]
        columns = {
            "rule": column(ColumnKind.KEY, lambda p: p.rule.label),
            "series": column(ColumnKind.TEXT, lambda p: p.series.label),
            "parameter": column(ColumnKind.TEXT, lambda p: p.series.parameter or None),
            "value": column(ColumnKind.RATIO, lambda p: float(p.value) if isinstance(p.value, Fraction) else None),
            "moved": money(ColumnKind.MONEY, [p.change.moved for p in found]),
            "moved_share": column(ColumnKind.SHARE, lambda p: ratio(p.change.share)),
            "most_per_fee": column(ColumnKind.RATIO, lambda p: ratio(p.most)),
            "fraud_proof": yes([p.proof if p.known else None for p in found]),
            "last_fraud_proof_value": yes([p.edge is not None for p in found]),
            "steered_by_top_1_percent_of_listeners": column(
                ColumnKind.SHARE, lambda p: ratio(p.payout.steered_by_top_1_percent)
            ),
            "small_artists_change": money(ColumnKind.DIFFERENCE, [tier.after - tier.before for tier in small]),
            "small_artists_change_percent": percents(small),
        }
        for k, tier in enumerate(found[0].tiers):
            columns["change_percent_" + as_column(tier.name)] = percents([point.tiers[k] for point in found])
        columns["currency"] = currency_of(outcome, len(found))
        return table_of(columns)

    @property
    def summary(self) -> dict[str, Any]:
        """What `summary.json` holds: what `compare` tells of a comparison with the first rule, then lessons and points.

        Amounts are text in major units, ratios numbers rounded to 6 digits, percents to 2; what is not known, or has no
        limit, is null.
        """
        found = self.points
        told = [{"series": one.label, "parameter": one.parameter, "sentence": said} for one, said in lessons(found)]
        return {**compared(self.outcome), "lessons": told, "points": [point_of(self.outcome, p) for p in found]}


@dataclass(slots=True)
class Scout:
    """Looks at a month before it is divided: how far parameters may go, and what accounts get back at most."""

    first: Series
    series: Sequence[Series]
    tried: list[Tried] = field(default_factory=list)
    most: dict[Rule, Fraction | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __call__(self, month: Month) -> list[Rule]:
        """Return the rules in the order of the points: those at edges among them, without values the month refuses.

        Raises:
            UsageError: a rule that cannot run on this month; of values that vary, only where no rule is left.

        """
        edges = [one.rules[0].edge(month) for one in self.series]
        self.tried = [
            Tried(one, edge if edge is not None and edge.parameter == one.parameter else None)
            for one, edge in zip(self.series, edges, strict=True)
        ]
        self.most, left = {rule: rule.limit(month) for rule in self.first.rules}, list[str]()
        for one in self.tried:
            refused = []
            for rule in one.rules:
                try:
                    self.most[rule] = rule.limit(month)
                except UsageError as problem:
                    if not one.series.parameter:
                        raise
                    refused.append(problem)
            if len(refused) == len(one.rules) and len(self.tried) == 1:
                raise refused[-1]
            if refused:
                values = f"{len(refused)} value{'s' * (len(refused) > 1)} of {one.series.label}"
                left.append(f"{values} left out, such as {refused[0].message}")
        self.notes = (*left, *remarks(month))
        return [*self.most]


def run_sweep(
    request: Request, go: Callable[..., Outcome], *, first: Series, series: Sequence[Series]
) -> tuple[Outcome, tuple[Point, ...]]:
    """Read the logs once, and weigh every value in one walk; `go` does a run, here or where Spark has the plays.

    Raises:
        FairpayError: every error of a comparison.

    """
    scout = Scout(first, series)
    outcome = go(replace(request, chosen=scout))
    found = tuple(points(outcome, first, scout.tried, scout.most))
    labels = tuple(f"{point.rule.label}: " for point in found)  # what each rule says of its limit is in the points
    notes = [note for note in outcome.notes if TIED in note or not note.startswith(labels)]
    if request.policy is not None and (request.policy.weights or request.policy.boosts):
        notes.append(WEIGHED)
    held = [
        Control(
            f"edge {point.rule.label}", point.proof, f"{point.edge.at} gives back {float(point.most or 0):.6g} of a fee"
        )
        for point in found
        if point.edge is not None
    ]
    return replace(outcome, notes=(*notes, *scout.notes), controls=(*outcome.controls, *held)), found


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
