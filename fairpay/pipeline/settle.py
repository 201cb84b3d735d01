"""Rules, settle, result: what is made of the plays that were taken in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.adjust.decisions import HELD
from fairpay.errors import NothingToPayError
from fairpay.logs.schema import REASONS, Fate
from fairpay.money.integers import sum_exactly
from fairpay.pipeline.division import divide
from fairpay.pipeline.funds import Paying, funds
from fairpay.pipeline.measures import decile_edges
from fairpay.pipeline.warn import guard_unlisted
from fairpay.reports.figures import moved_between
from fairpay.reports.outcome import Condition, Control, Decided, InputFile, ListeningTotals, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fairpay.adjust.decisions import Decisions
    from fairpay.adjust.weights import Touched
    from fairpay.engine.pool import Intake, LocalPool
    from fairpay.logs.schema import Warned
    from fairpay.money.currency import Currency
    from fairpay.pipeline.division import Division
    from fairpay.pipeline.intake import Held, Variant
    from fairpay.pipeline.request import Request
    from fairpay.pipeline.stages import Stages
    from fairpay.pipeline.withheld import Withholding
    from fairpay.qualify import Counts
    from fairpay.reports.outcome import ArtistGroups, Charges, ListenerGroups, Money
    from fairpay.rules.core.month import Month
    from fairpay.rules.core.rule import Rule
    from fairpay.settings.values import MoneyStated

__all__ = ["Ending", "describe"]


@dataclass(frozen=True, slots=True)
class Ending:
    """What is made of the plays that were taken in: rules -> settle -> result."""

    request: Request
    currency: Currency
    fee_unit: int
    names: Mapping[str, str]
    taken: Held
    inputs: Sequence[InputFile]
    warnings: tuple[Warned, ...]

    def settle(self, variant: int, *, pool: int | None = None) -> tuple[Month, Outcome]:
        """Divide a variant; `pool` minor units are divided, whatever the money stated comes to.

        Raises:
            NothingToPayError: no play counts, or a rule finds no weight to divide the pool by.

        """
        pool_held, stages = self.taken.engine.pool(variant), self.taken.stages[variant]
        intake = pool_held.intake
        withholding = withholding_of(pool_held, stages)
        held = pool_held if withholding is None else withholding.view
        listening = describe(self.taken.counts, intake, len(held.artist), left=stages.left_out())
        refuse_nothing(self.request, intake, listening, missed=stages.missed())
        money = self.money(variant)
        month = held.month(**self.known(variant, pool=money.pool if pool is None else pool))
        division = divided(month, self.request, intake, self.request.rules_on(month))
        payouts = division.payouts
        if withholding is not None:
            paid = zip(payouts, division.ready, strict=True)
            payouts = tuple(replace(p, allocation=withholding.allocation(p.allocation, *one)) for p, one in paid)
        remarks = (*stages.remarks(), *self.taken.plan.statements.remarks())
        outcome = Outcome(
            currency=self.currency,
            money=money,
            listening=listening,
            artist=held.artist,
            plays=held.artist_plays,
            ms=held.artist_ms,
            listeners=division.listeners,
            payouts=payouts,
            market_weight=division.market_weight,
            user_weight=division.user_weight,
            median_fee=division.median_fee,
            inputs=tuple(self.inputs),
            mcdonald=division.mcdonald,
            names=self.names,
            warnings=self.warnings,
            notes=(*remarks, *division.remarks),
            conditions=tuple(
                Condition(t.name, t.times, t.rows, t.plays, t.applied, asked=t.asked, withheld=t.withheld)
                for t in touched(stages)
            ),
        )
        if self.request.by and variant == 0:
            outcome = replace(outcome, groups=self.groups(month, division, outcome))
        return month, replace(outcome, controls=controls(outcome))

    def groups(self, month: Month, division: Division, outcome: Outcome) -> tuple[ArtistGroups | ListenerGroups, ...]:
        """Put together the groups that are asked for, in the order asked."""
        from fairpay.pipeline.grouping import TENTHS, ListenerColumns, artist_groups, gathered, listener_groups  # noqa: PLC0415 - only where groups are asked for

        found, noted = self.request.grouped, self.taken.plan.listeners
        listeners = noted if isinstance(noted, ListenerColumns) else None
        path = self.request.artists
        of_artists = [artist_groups(by, path, outcome.artist) for by in found if by.where == "artists" and path]
        names = [] if listeners is None else [listeners.names(place) for place in range(len(listeners.columns))]
        tenths = [by for by in found if by.where == "listening"]
        edges = decile_edges(month) if tenths else None
        names += [TENTHS] * len(tenths)
        listed = gathered(month, division.ready, of_artists, [len(one) for one in names], edges)
        artists = (replace(one, listeners=met) for one, met in zip(of_artists, listed.artists, strict=True))
        unit = self.fee_unit if month.facts.fees_are_money else None
        columns = (*(listeners.columns if listeners else ()), *tenths)
        sums = dict(zip(columns, zip(names, listed.listeners, strict=True), strict=True))
        return tuple(
            next(artists) if by.where == "artists" else listener_groups(outcome, by, *sums[by], unit=unit)
            for by in found
        )

    def money(self, variant: int) -> Money:
        """Return the money that is divided among the listeners of a variant."""
        stated, intake = self.request.money, self.taken.engine.pool(variant).intake
        return funds(stated, self.currency, paying(stated, intake, unit=self.fee_unit), self.request.policy)

    @property
    def rate(self) -> Fraction | None:
        """Which part of what subscribers pay, or owe, artists are paid, as far as it is known."""
        known, policy = self.request.money.known_rate, self.request.policy
        return known if known is None or policy is None else known * policy.divided

    def known(self, variant: int, *, pool: int) -> dict[str, Any]:
        """Return what `LocalPool.month` takes."""
        stated, plays = self.request.money, self.taken.counts.measure == "plays"
        return {
            "pool": pool,
            "rate": self.rate,
            "fees_are_money": stated.pool is None,
            "fee_unit": self.fee_unit,
            "play": self.taken.stages[variant].play() if plays else None,
            "digits": self.currency.digits,
            "held": stated.inactive == "hold",
        }

    def others(self, variants: Sequence[Variant]) -> list[int]:
        """Return the variants beside the first that `moved` divides."""
        rows = {line.name: line.rows for line in touched(self.taken.stages[0])}
        return [k for k, one in enumerate(variants) if one.apart or (one.without is not None and rows[one.without])]

    def moved(self, variants: Sequence[Variant], outcome: Outcome) -> Outcome:
        """Say what decisions come to, and what each threshold moves, by dividing the other variants."""
        conditions = {line.name: replace(line, asked=None) for line in outcome.conditions}
        rules = tuple(payout.rule for payout in outcome.payouts)
        same = replace(self, request=replace(self.request, rules=rules, chosen=None))
        notes: list[str] = []
        for k, variant in enumerate(variants):
            if variant.apart:
                _, kept = same.settle(k)
                decisions = self.taken.stages[0].decisions
                assert decisions is not None
                outcome = replace(outcome, decided=effects(decisions, kept, outcome))
            if variant.charged:
                outcome = self.charged(k, outcome)
            if variant.without is not None:
                line = conditions[variant.without]
                other = same.settle(k, pool=outcome.money.pool)[1] if line.rows else outcome
                conditions[line.name] = replace(line, moved=moved_between(outcome, other))
                notes += other_pool(line.name, outcome, other)
        return replace(outcome, conditions=tuple(conditions.values()), notes=(*outcome.notes, *notes))

    def charged(self, variant: int, outcome: Outcome) -> Outcome:
        """Charge for excluded plays; `variant` holds them marked."""
        from fairpay.pipeline.penalties import charges  # noqa: PLC0415 - only where penalties are charged

        assert self.request.penalties is not None
        known = self.known(variant, pool=self.money(variant).pool)
        found = charges(self.taken.engine.pool(variant), known, outcome, to=self.request.penalties.to)
        return replace(outcome, penalties=found, controls=(*outcome.controls, *penalty_controls(outcome, found)))


def penalty_controls(outcome: Outcome, found: Charges) -> Iterator[Control]:
    """State that what is charged is what is shared, or what the platform keeps."""
    text = outcome.currency.text
    for k, (payout, shared) in enumerate(zip(outcome.payouts, found.shared, strict=True)):
        charged, given = sum(line.charged[k] for line in found.lines), sum_exactly(shared)
        kept = charged - given
        detail = f"charged {text(charged)} = shared {text(given)} + kept by the platform {text(kept)}"
        yield Control(f"penalties {payout.rule.label}", kept == (0 if found.to == "pool" else charged), detail)


def withholding_of(pool: LocalPool, stages: Stages) -> Withholding | None:
    """Look at a pool whose policy withholds something; None where none does."""
    if not (shares := stages.withheld()):
        return None
    from fairpay.pipeline.withheld import Withholding  # noqa: PLC0415 - only where a policy withholds

    return Withholding.of(pool, shares)


def touched(stages: Stages) -> list[Touched]:
    """Return what each line of the policies did."""
    return [line for weigher in stages.weighers for line in weigher.touched()]


def other_pool(name: str, outcome: Outcome, other: Outcome) -> list[str]:
    """Say where a threshold changes the pool itself: listeners who have no plays left then are no payers."""
    gone = other.listening.users - outcome.listening.users
    if other.money.pool == outcome.money.pool:
        return []
    pool, code = outcome.currency.text(outcome.money.pool), outcome.currency.code
    without = outcome.currency.text(other.money.pool)
    who = "1 listener has" if gone == 1 else f"{gone:,} listeners have"
    said = f"{name}: {who} no plays left, so that the pool is {pool} {code}; without the threshold it"
    return [
        f"{said} would be {without} {code}. The amounts that the threshold moves refer to the pool of {pool} {code}"
    ]


def refuse_nothing(request: Request, intake: Intake, listening: ListeningTotals, *, missed: Sequence[str]) -> None:
    """Refuse a month in which no play counts, or no listener is a subscriber.

    Raises:
        NothingToPayError: with the reasons.
        GuardError: more listeners are not in the subscriber file than `max_unlisted` allows.

    """
    guard_unlisted(request.money, intake)
    if intake.unlisted and intake.users <= (0 if request.money.unlisted == "leave-out" else intake.unlisted):
        raise strangers(request, intake.unlisted, "line")
    if intake.users:
        return
    reasons = sorted(listening.dropped.items(), key=lambda pair: (-pair[1], pair[0]))
    told = ", ".join(f"{count:,} {reason}" for reason, count in reasons)
    message = f"nothing to pay: none of {listening.rows:,} rows counts: {told}"
    if not missed:
        raise NothingToPayError(message, advice="See `fairpay check` for why rows were left out.")
    advice = "Give a log of as many months as the threshold means, or a copy of the policy with other numbers: "
    raise NothingToPayError(
        ". ".join([message, *missed]), advice=f"{advice}`fairpay rules {request.conditions.policy}` prints it."
    )


def strangers(request: Request, listeners: int, lacking: str) -> NothingToPayError:
    """Say that no listener is among those who paid; no id is told, as they may be personal."""
    who = "the only listener has no" if listeners == 1 else f"none of the {listeners:,} listeners has a"
    message = f"{who} {lacking} in {request.money.subscribers}"
    return NothingToPayError(message, advice="Are user ids written alike in the log and in the file of subscribers?")


def divided(month: Month, request: Request, intake: Intake, rules: Sequence[Rule]) -> Division:
    """Divide the month under every rule.

    Raises:
        NothingToPayError: a rule finds no weight to divide the pool by.

    """
    try:
        return divide(month, rules, exact=request.exact)
    except NothingToPayError:
        if request.money.subscribers is None or intake.fees:
            raise
        raise strangers(request, intake.users, "line with a payment") from None


def describe(
    counts: Counts, intake: Intake, artists: int, *, left: Mapping[Fate, int] | None = None
) -> ListeningTotals:
    """Put together what was read, by fate; `left` is what was left out after qualifying."""
    later = {Fate.UNLISTED: intake.unlisted_rows, **(left or {})}
    gone = {REASONS[fate]: count for fate, count in later.items() if count}
    times = (counts.first_time, counts.last_time)
    return ListeningTotals(
        rows=counts.rows,
        used=counts.used - sum(gone.values()),
        dropped={REASONS[fate]: count for fate, count in counts.dropped.items()} | gone,
        users=intake.users,
        artists=artists,
        plays=intake.plays,
        ms=intake.ms,
        measure=counts.measure,
        period=None if times[0] is None or times[1] is None else (moment(times[0]), moment(times[1])),
    )


def moment(microseconds: int) -> str:
    """Write microseconds since 1970 as ISO 8601 in UTC, in whole seconds."""
    return datetime.fromtimestamp(microseconds // 1_000_000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def paying(stated: MoneyStated, intake: Intake, *, unit: int) -> Paying:
    """Keep what the engine found about payers, where there was a subscriber file; `unit` fee units are a minor unit."""
    if stated.subscribers is None:
        return Paying(users=intake.users, fees=0)
    return Paying(
        intake.users,
        Fraction(intake.fees, unit),
        intake.inactive,
        Fraction(intake.inactive_fees, unit),
        intake.unlisted,
        left_out=stated.unlisted == "leave-out",
    )


def effects(decisions: Decisions, kept: Outcome, outcome: Outcome) -> tuple[Decided, ...]:
    """Say what each decision came to; in `kept` every decided play is kept and paid to a line of its own."""
    before, after = lines_of(kept), lines_of(outcome)
    nothing = tuple(0 for _ in outcome.payouts)
    return tuple(
        Decided(
            mark=one.mark,
            kind=one.kind,
            decision=one.said,
            by=one.by,
            plays=int(decisions.plays[k]),
            kept=tuple(None for _ in nothing) if one.action == "keep" else before.get(one.mark, nothing),
            held=after.get(one.mark, nothing),
        )
        for k, one in sorted(enumerate(decisions.decisions), key=lambda pair: pair[1].mark)
    )


def lines_of(outcome: Outcome) -> dict[str, tuple[int, ...]]:
    """Return what each suspense line is paid under each rule, by the subject's hash."""
    held = np.flatnonzero(pc.starts_with(outcome.artist, HELD).to_numpy(zero_copy_only=False))
    marks = [text.removeprefix(HELD) for text in outcome.artist.take(pa.array(held)).to_pylist()]
    paid = [payout.allocation.paid[held].tolist() for payout in outcome.payouts]
    return {mark: tuple(column[k] for column in paid) for k, mark in enumerate(marks)}


def controls(outcome: Outcome) -> tuple[Control, ...]:
    """State what must hold, with its numbers. Allocations have already refused to be unbalanced."""
    listening, money = outcome.listening, outcome.money
    left_out = sum(listening.dropped.values())
    plays = sum_exactly(outcome.plays)
    held = [
        Control(
            "rows",
            listening.rows == listening.used + left_out,
            f"{listening.rows:,} read = {listening.used:,} used + {left_out:,} left out",
        ),
        Control("plays", plays == listening.plays, f"{listening.plays:,} of users = {plays:,} of artists"),
    ]
    text, whence = outcome.currency.text, money.collected
    if whence is not None:
        aside, all_of_it = sum(units for _, units in whence.aside), whence.fees + whence.other
        told = [f"{text(units)} for {name}" for name, units in whence.aside] + [f"{text(money.held)} held"]
        detail = f"{text(whence.fees)} of fees + {text(whence.other)} of other revenue = {text(money.pool)} divided"
        ends = all_of_it == money.pool + aside + money.held
        held.append(Control("collected", ends, " + ".join([detail, *told])))
    for payout in outcome.payouts:
        paid = sum_exactly(payout.allocation.paid)
        withheld = payout.allocation.withheld
        beside = f" + withheld {text(withheld)}" if withheld else ""
        detail = f"paid {text(paid)}{beside} = pool {text(money.pool)}"
        held.append(Control(f"paid {payout.rule.label}", paid + withheld == money.pool, detail))
    return (*held, *group_controls(outcome)) if outcome.groups else tuple(held)


def group_controls(outcome: Outcome) -> Iterator[Control]:
    """State that groups add up to the plays and, under each rule, to the pool."""
    from fairpay.reports.groups import groupings  # noqa: PLC0415 - only where groups are asked for

    text, plays, pool = outcome.currency.text, outcome.listening.plays, outcome.money.pool
    for grouping in groupings(outcome):
        found = [payout.allocation for payout in grouping.lines.payouts]
        sums = [sum_exactly(one.paid) + one.withheld for one in found]
        told = sum_exactly(grouping.lines.plays)
        detail = f"{told:,} plays of {plays:,}, {' and '.join(map(text, sums))} of {text(pool)}"
        yield Control(f"groups by {grouping.column}", told == plays and set(sums) == {pool}, detail)
