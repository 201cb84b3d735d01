"""Explanation: what an artist, or several together, is paid under each rule and why, in exact numbers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fairpay.money.currency import format_units, round_half_even
from fairpay.reports.summary import MS_DIGITS, RATIO_DIGITS, head_of, ratio, warnings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.reports.outcome import Outcome
    from fairpay.rules.core.rule import Rule

__all__ = [
    "FINE",
    "Explanation",
    "Factors",
    "Joiner",
    "PayeePaid",
    "Reached",
    "RulePaid",
    "Subject",
    "Tenths",
    "bands",
    "explanation_of",
    "of_mean",
    "per_hour",
    "per_play",
]

FINE = 4
"""Digits beyond the minor unit of what a play, an hour or a listener is worth."""
MS_PER_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Factors:
    """Why user-centric pays an artist, or several together, another amount than market-centric: a product of three.

    With n listeners who paid F and listened X in all, of whom n_j listen to j, X_j of it, and s_uj the share of a
    listener's own listening that goes to j::

        UC_j / MC_j = (n_j / n) / (X_j / X)  ·  1/n_j Σ s_uj  ·  (Σ f_u s_uj / Σ s_uj) / (F / n)

    For UC_j = P Σ f_u s_uj / F and MC_j = P X_j / X, and n, n_j and Σ s_uj cancel. It is so whatever anybody paid, zero
    included, as long as any listener of j paid, and whatever P is: inactive subscribers' money, shared or held, and a
    royalty rate are in P alone. X, L_u and s_uj are of what counts: after a qualifying length, weights, boosts and
    thresholds of a policy; fees after delegation; s_uj after own history and wishes, with X_j = Σ L_u s_uj. Of several
    artists s_uj is the sum over them, and n_j those who listen to any. It is a statement about the two rules, not about
    one that caps or bends what a listener steers.
    """

    reach: Fraction
    """Its share of listeners over its share of listening: above 1 where its listeners play it little, each of them."""
    share: Fraction
    """The mean share that its listeners give it of their listening."""
    fees: Fraction
    """What they paid, weighted by that share, over what the mean listener paid."""

    @property
    def product(self) -> Fraction:
        """What user-centric pays for each 1 of market-centric, before rounding to minor units."""
        return self.reach * self.share * self.fees


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is explained."""

    kind: str
    """`artist`, or a column of the artist file: `label`."""
    name: str
    """As the artist file has it; of an artist without a name the id."""
    ids: tuple[str, ...]
    """The artists, those without plays among them."""
    shared: tuple[str, ...] = ()
    """Those of them that are in other groups as well, by shares; here they are whole."""


@dataclass(frozen=True, slots=True)
class RulePaid:
    """What one rule pays."""

    rule: Rule
    paid: int
    """Minor units."""
    of_pool: Fraction
    """The part of the pool, before rounding to minor units."""
    listener: Fraction | None = None
    """What one more listener brings, minor units; None where it is not told."""
    plays: Fraction | None = None
    """What 100 more plays bring."""
    before: int | None = None
    """What another run paid; None where there is none, or it has not this rule."""


@dataclass(frozen=True, slots=True)
class PayeePaid:
    """What a payee gets of it."""

    payee: str
    paid: Sequence[int]
    """Minor units, one for each rule."""


@dataclass(frozen=True, slots=True)
class Joiner:
    """The listener who is added: like those who are there, on average, in whole numbers."""

    fee: Fraction
    """Minor units; of a stated pool, a listener's part of it."""
    plays: int
    own: int
    """Plays of the artists explained."""


@dataclass(frozen=True, slots=True)
class Tenths:
    """Listeners of one tenth of all, by how much they listen, or of several together."""

    first: int
    """1 is the lightest tenth, 10 the heaviest."""
    last: int
    least: int
    """From how much listening on somebody is in it; 0 in the first."""
    listeners: int
    everybody: int


@dataclass(frozen=True, slots=True)
class Reached:
    """How artists or tracks stand to a threshold or a boost of the policy."""

    name: str
    times: Fraction
    """Of a boost; 0 of a threshold."""
    unit: str
    """`artist` or `track`."""
    streams: int
    """What is asked for."""
    listeners: int
    counted: int
    """How many artists or tracks there are."""
    reaching: int
    lost: int
    """Streams of those that miss it: of a threshold, what earns nothing."""
    nearest: tuple[str, int, int] | None
    """Of those that miss it, the one with most streams, with its streams and listeners; of one that meets it alone,
    that one; None where nothing was counted."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is said of an artist, or of several together."""

    subject: Subject
    artists: int
    """How many of them have plays that count."""
    plays: int
    ms: int | None
    listeners: int
    share: Fraction
    """Of all listening, in the measure."""
    earned: tuple[RulePaid, ...]
    factors: Factors | None
    """None where nobody listens, or none of the listeners pays."""
    k: int
    """Of fewer listeners nothing is told but how many they are."""
    bands: tuple[Tenths, ...]
    """Empty where there are fewer than k."""
    joiner: Joiner | None
    """None where there are fewer than k, or nothing can be added."""
    added: int
    """How many plays were added to tell what 100 are worth; 0: none."""
    reached: tuple[Reached, ...] = ()
    payees: tuple[PayeePaid, ...] = ()
    """Who shares it, where that is known."""
    before: str = ""
    """The other run."""
    notes: tuple[str, ...] = ()

    def earning(self, rule: str) -> RulePaid | None:
        """Return what a rule pays, where it was asked for."""
        return next((one for one in self.earned if one.rule.label == rule), None)


def bands(everybody: Sequence[int], own: Sequence[int], edges: Sequence[int], *, k: int) -> tuple[Tenths, ...]:
    """Merge tenths, the lightest first, until each band has at least k listeners; what is left joins the last band."""
    found: list[Tenths] = []
    for place, (count, mine) in enumerate(zip(everybody, own, strict=True)):
        least = 0 if not place else edges[place - 1]
        if found and found[-1].listeners < k:
            last = found.pop()
            found.append(Tenths(last.first, place + 1, last.least, last.listeners + mine, last.everybody + count))
        else:
            found.append(Tenths(place + 1, place + 1, least, mine, count))
    if len(found) > 1 and found[-1].listeners < k:
        last, before = found.pop(), found.pop()
        merged = before.listeners + last.listeners, before.everybody + last.everybody
        found.append(Tenths(before.first, last.last, before.least, *merged))
    return tuple(found) if found[-1].listeners >= k else ()


def explanation_of(outcome: Outcome, found: Explanation) -> dict[str, Any]:
    """Return what `--json` prints: amounts as text in major units, ratios as numbers, what is not known as null.

    Amounts paid have the currency's digits; what a play, an hour or a listener is worth has four more.
    """
    return {
        **head_of(outcome),
        "subject": {"kind": found.subject.kind, "name": found.subject.name, "artists": list(found.subject.ids)},
        "plays": found.plays,
        "seconds": None if found.ms is None else format_units(found.ms, MS_DIGITS),
        "listeners": found.listeners,
        "share_of_listening": ratio(found.share),
        "mean_per_play": fine(outcome, per_play(outcome.money.pool, outcome.listening.plays)),
        "mean_per_hour": fine(outcome, per_hour(outcome.money.pool, outcome.listening.ms)),
        "rules": [earned_of(outcome, found, one) for one in found.earned],
        "factors": None if found.factors is None else factors_of(found.factors, told=found.listeners >= found.k),
        "k": found.k,
        "listeners_by_decile": [band_of(outcome, band) for band in found.bands],
        "one_more_listener": None if found.joiner is None else joiner_of(outcome, found.joiner),
        "plays_added": found.added,
        "thresholds": [reached_of(one) for one in found.reached],
        "payees": [payee_of(outcome, found, one) for one in found.payees],
        "against": found.before or None,
        "notes": [*outcome.notes, *found.notes],
        "warnings": warnings_of(outcome.warnings),
    }


def earned_of(outcome: Outcome, found: Explanation, one: RulePaid) -> dict[str, Any]:
    """Say what one rule pays, for each play and hour too."""
    text, pool = outcome.currency.text, outcome.money.pool
    return {
        "name": one.rule.label,
        "paid": text(one.paid),
        "share": ratio(Fraction(one.paid, pool) if pool else None),
        "per_play": fine(outcome, per_play(one.paid, found.plays)),
        "per_hour": fine(outcome, per_hour(one.paid, found.ms)),
        "of_mean": ratio(of_mean(outcome, found, one.paid)),
        "one_more_listener": fine(outcome, one.listener),
        "hundred_more_plays": fine(outcome, one.plays),
        "before": None if one.before is None else text(one.before),
        "change": None if one.before is None else text(one.paid - one.before),
    }


def per_play(paid: int, plays: int) -> Fraction | None:
    """Return minor units for a play; None where there is none."""
    return Fraction(paid, plays) if plays else None


def per_hour(paid: int, ms: int | None) -> Fraction | None:
    """Return minor units for an hour; None where there is no duration."""
    return Fraction(paid * MS_PER_HOUR, ms) if ms else None


def of_mean(outcome: Outcome, found: Explanation, paid: int) -> Fraction | None:
    """Return what an hour of it is paid for each 1 of the month's mean hour; a play, where plays are counted."""
    timed, listening = outcome.listening.measure == "time", outcome.listening
    rates = [
        per_hour(units, ms) if timed else per_play(units, plays)
        for units, plays, ms in (
            (paid, found.plays, found.ms),
            (outcome.money.pool, listening.plays, listening.ms),
        )
    ]
    return rates[0] / rates[1] if rates[0] is not None and rates[1] else None


def fine(outcome: Outcome, value: Fraction | None) -> str | None:
    """Write minor units with four digits more than the currency has."""
    return None if value is None else format_units(round_half_even(value * 10**FINE), outcome.currency.digits + FINE)


def factors_of(factors: Factors, *, told: bool) -> dict[str, Any]:
    """Say the three factors; of fewer than k listeners the last two only together, as payouts tell them."""
    return {
        "listeners_over_listening": number(factors.reach),
        "share_of_their_listening": number(factors.share) if told else None,
        "fees_over_mean": number(factors.fees) if told else None,
        "share_times_fees": number(factors.share * factors.fees),
        "product": number(factors.product),
    }


def number(value: Fraction) -> float:
    """Round to 6 significant digits: factors may be tiny."""
    return float(f"{float(value):.{RATIO_DIGITS}g}")


def band_of(outcome: Outcome, band: Tenths) -> dict[str, Any]:
    """Say one band; `from` is in plays, or in seconds where listening is time."""
    timed = outcome.listening.measure == "time"
    return {
        "deciles": [band.first, band.last],
        "from": format_units(band.least, MS_DIGITS) if timed else band.least,
        "listeners": band.listeners,
        "all_listeners": band.everybody,
    }


def joiner_of(outcome: Outcome, joiner: Joiner) -> dict[str, Any]:
    """Say who is added."""
    return {"fee": outcome.currency.text(round_half_even(joiner.fee)), "plays": joiner.plays, "of_it": joiner.own}


def payee_of(outcome: Outcome, found: Explanation, one: PayeePaid) -> dict[str, Any]:
    """Say what a payee gets under each rule."""
    rules = (earned.rule.label for earned in found.earned)
    return {"payee": one.payee, "paid": dict(zip(rules, map(outcome.currency.text, one.paid), strict=True))}


def reached_of(one: Reached) -> dict[str, Any]:
    """Say how it stands to one line of the policy."""
    nearest = None if one.nearest is None else dict(zip(("id", "streams", "listeners"), one.nearest, strict=True))
    return {
        "name": one.name,
        "times": str(one.times),
        "unit": one.unit,
        "needs_streams": one.streams,
        "needs_listeners": one.listeners,
        "counted": one.counted,
        "reaching": one.reaching,
        "streams_of_others": one.lost,
        "nearest": nearest,
    }
