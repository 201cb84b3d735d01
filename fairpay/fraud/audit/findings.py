"""What an audit found, in integers and fractions, before anything is made of it for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

    from fairpay.fraud.audit.scenario import Scenario
    from fairpay.fraud.audit.worth import Worth
    from fairpay.rules.core.added import Reason
    from fairpay.rules.core.rule import Rule

__all__ = ["Audit", "Bias", "Finding", "Inactive", "Played", "RuleAudit"]


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario as it was played on this month."""

    scenario: Scenario
    accounts: int
    plays: int
    """Plays of each account in the month."""
    seconds: int
    """Length of each play."""
    fees: int
    """What all accounts pay, minor units."""
    cost: int
    """The same, or 0 where fans pay their fees anyway."""
    fee_share: Fraction
    """Their part of all fees of users with listening."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A scenario under one rule."""

    played: Played
    income: int
    """What the made-up artists get, minor units."""
    per_fee: Fraction
    """Income for each unit of fee that the accounts pay."""
    of_share: Fraction
    """Share of the pool over share of the fees."""
    closed: int | None
    """The income by formula, minor units; None where the rule has none."""
    lost: tuple[int, ...]
    """What the real artists of each tier lose, minor units; negative where a tier gains."""
    break_even: int | None
    """The fewest plays of an account at which income reaches the fees; None where a month of days and nights is too
    short, or where it was not searched for."""
    searched: bool
    """Whether the number of plays was searched for: not where each try would take the whole month anew."""

    @property
    def profit(self) -> int:
        """Income less cost, minor units."""
        return self.income - self.played.cost


@dataclass(frozen=True, slots=True)
class Bias:
    """Who steers the pool under a rule, without any attack."""

    steered_by_top_1_percent: Fraction | None
    """Share of the pool that the heaviest 1 % of listeners steer; None where no user has a part."""
    steered_by_top_10_percent: Fraction | None
    stray: int
    """Minor units of the median subscriber's royalty money that reach artists never played."""


@dataclass(frozen=True, slots=True)
class RuleAudit:
    """All that was found about one rule."""

    rule: Rule
    most: Fraction | None
    """By formula, the most that one account gets back for each unit of fee; None: no limit, or none known."""
    why: Reason
    """What limits an account, or that nothing does."""
    findings: tuple[Finding, ...]
    """In the order of the scenarios."""
    bias: Bias
    worth: tuple[Worth, ...]
    """By tier."""

    @property
    def known(self) -> bool:
        """Whether there is a formula for what accounts get."""
        return self.findings[0].closed is not None

    @property
    def worst(self) -> Fraction:
        """The highest income per fee of all scenarios."""
        return max(finding.per_fee for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Inactive:
    """Whether the money of subscribers who played nothing makes fake accounts pay."""

    alpha: Fraction
    """Alpha' = P/F as things stand: at most so much of a fee comes back even under user-centric."""
    rate: Fraction
    """Alpha, to which `--inactive hold` brings it."""
    money: int
    """Minor units of theirs in the pool."""


@dataclass(frozen=True, slots=True)
class Audit:
    """The result of an audit."""

    rules: tuple[RuleAudit, ...]
    """Worst first."""
    played: tuple[Played, ...]
    cap: int
    """c*, the largest safe cap on the plays of a listener; 0 where no cap is safe."""
    inactive: Inactive
    median_fee: int
    """Royalty money of the median subscriber, minor units."""
    mcdonald: Fraction | None
    notes: tuple[str, ...]
    """Sentences for the reader: rules left out, what was assumed."""
