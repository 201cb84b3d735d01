"""A sweep: every value is a rule like any other, and all are weighed in the walk of one run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from fairpay.errors import UsageError
from fairpay.fraud.audit.audit import remarks
from fairpay.fraud.sweep.points import Point, Tried, points, summary, table
from fairpay.pipeline.work import Saved
from fairpay.reports.outcome import Control

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from fractions import Fraction

    import pyarrow as pa

    from fairpay.fraud.sweep.series import Series
    from fairpay.pipeline.request import Request
    from fairpay.reports.outcome import Outcome
    from fairpay.rules.core.month import Month
    from fairpay.rules.core.rule import Rule

__all__ = ["Swept", "run_sweep"]

TIED = "too near to a tie"
WEIGHED = "what a fake account gets back is worked out for plays that the policy neither boosts nor weighs down"


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
        """A row for each rule, as an Arrow table; amounts are exact decimals."""
        return table(self.outcome, self.points)

    @property
    def summary(self) -> dict[str, Any]:
        """What `summary.json` holds."""
        return summary(self.outcome, self.points)


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
