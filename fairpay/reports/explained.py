"""An explanation in words and figures, for the screen and for the page: the answer, then tables with their reasons."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from fairpay.money.currency import format_units, round_half_even
from fairpay.reports.explanation import FINE, of_mean, per_hour, per_play
from fairpay.reports.words import amount, counted, duration, percent, visible
from fairpay.rules import USUAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fairpay.reports.explanation import Explanation, Reached, Tenths
    from fairpay.reports.outcome import Outcome

__all__ = ["ExplainedTable", "answer", "blocks", "called", "listened", "stands"]

MS_PER_HOUR, MS_PER_MINUTE = 3_600_000, 60_000
PAIR = 2
DIGITS = 4
"""Significant ones of a factor."""
TENTHS = ("", "lightest", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th", "heaviest")


@dataclass(frozen=True, slots=True)
class ExplainedTable:
    """A table under a heading."""

    title: str
    """In a word or two."""
    heading: str
    headers: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    words: tuple[int, ...] = (0,)
    """Which columns hold words; the others hold figures."""
    shows: str = ""
    """What a picture of it shows: `paid` or `listeners`; empty: it needs none."""
    note: str = ""
    """A sentence below it; without rows it stands alone."""


def blocks(outcome: Outcome, found: Explanation) -> Iterator[ExplainedTable]:
    """Yield what is told of somebody with plays that count, in order."""
    yield paid(outcome, found)
    if found.payees:
        yield shared(outcome, found)
    if found.factors is not None:
        yield why(outcome, found)
    if found.added:
        yield more(outcome, found)
    yield audience(outcome, found)
    if found.before:
        yield moved(outcome, found)


def called(found: Explanation) -> str:
    """`Hushabye Loop (a000123)`, or `label Second Floor`."""
    name, ids = found.subject.name, found.subject.ids
    if found.subject.kind != "artist":
        return f"{found.subject.kind} {name}"
    return name if name == ids[0] else f"{name} ({ids[0]})"


def listened(found: Explanation) -> str:
    """`2,325 plays · 22 h · 3 listeners · 10.1 % of all listening`."""
    parts = [counted(found.plays, "play")]
    if found.ms is not None:
        parts.append(duration(found.ms))
    parts += [counted(found.listeners, "listener"), f"{percent(found.share)} of all listening"]
    if found.subject.kind != "artist":
        parts.append(f"{found.artists:,} of {counted(len(found.subject.ids), 'artist')} played")
    return " · ".join(parts)


def answer(outcome: Outcome, found: Explanation) -> str:
    """Say what user-centric pays against market-centric; else what the first rule pays."""
    code, market, user = outcome.currency.code, *(found.earning(rule) for rule in USUAL)
    if not found.plays:
        return "Paid nothing: no play counts."
    if market is None or user is None:
        first, pool = found.earned[0], outcome.money.pool
        share = percent(Fraction(first.paid, pool) if pool else None)
        return f"{first.rule.label} pays {amount(first.paid, outcome.currency)} {code}, {share} of the pool."
    change = user.paid - market.paid
    said = "the same" if not change else f"{amount(abs(change), outcome.currency)} {'more' if change > 0 else 'less'}"
    share = f" ({percent(Fraction(change, market.paid), sign=True)})" if change and market.paid else ""
    return (
        f"Market-centric pays {amount(market.paid, outcome.currency)} {code}, user-centric "
        f"{amount(user.paid, outcome.currency)}: {said}{share}."
    )


def stands(one: Reached, names: Mapping[str, str]) -> str:
    """Say whether a threshold or a boost is met, and by how much it is missed."""
    what = f"{one.name} ({'threshold' if not one.times else f'plays count {one.times} times'})"
    if one.nearest is None:
        return f"{what}: nothing of it was counted."
    named, streams, listeners = one.nearest
    alone = one.unit == "artist" and one.counted == 1
    numbers = ", ".join(
        f"{counted(have, word)} of {wanted:,}" + (f", {wanted - have:,} too few" if have < wanted else "")
        for have, wanted, word in ((streams, one.streams, "stream"), (listeners, one.listeners, "listener"))
        if wanted
    )
    if alone:
        return f"{what}: {'met' if one.reaching else 'missed'}: {numbers}."
    met = f"{what}: {one.reaching:,} of {counted(one.counted, one.unit)} {'meets' if one.reaching == 1 else 'meet'} it"
    if one.reaching == one.counted:
        return f"{met}."
    gone = f"; {counted(one.lost, 'stream')} of the others earn nothing" if not one.times else ""
    return f"{met}{gone}. Of the others the nearest is {visible(names.get(named, named))}: {numbers}."


def paid(outcome: Outcome, found: Explanation) -> ExplainedTable:
    """One line for each rule: what it pays in all, for a play and for an hour; and what the mean artist is paid."""
    pool, listening, timed = outcome.money.pool, outcome.listening, found.ms is not None
    rows = [
        (
            one.rule.label,
            amount(one.paid, outcome.currency),
            percent(Fraction(one.paid, pool) if pool else None),
            fine(outcome, per_play(one.paid, found.plays), FINE),
            *([fine(outcome, per_hour(one.paid, found.ms))] if timed else []),
            multiple(of_mean(outcome, found, one.paid)),
        )
        for one in found.earned
    ]
    mean = [fine(outcome, per_play(pool, listening.plays), FINE)]
    mean += [fine(outcome, per_hour(pool, listening.ms))] if timed else []
    rows.append(("mean of all", amount(pool, outcome.currency), "100.0 %", *mean, ""))
    hour = ("Per hour",) if timed else ()
    headers = ("Rule", "Paid", "Of the pool", "Per play", *hour, "Of the mean")
    return ExplainedTable("Payouts", f"What each rule pays, {outcome.currency.code}:", headers, rows, shows="paid")


def shared(outcome: Outcome, found: Explanation) -> ExplainedTable:
    """Show what payees get of it under the first two rules."""
    rules = [one.rule.label for one in found.earned[:PAIR]]
    rows = [
        (visible(one.payee), *(amount(units, outcome.currency) for units in one.paid[:PAIR])) for one in found.payees
    ]
    return ExplainedTable("Payees", f"Who shares it, {outcome.currency.code}:", ("Payee", *rules), rows)


def why(outcome: Outcome, found: Explanation) -> ExplainedTable:
    """Show the three factors in words; of few listeners the last two together."""
    factors = found.factors
    assert factors is not None
    everybody = percent(Fraction(found.listeners, outcome.listening.users))
    given, paying = "the mean share of their listening its listeners give it", "what they pay against the mean fee"
    rows = [("Reach", "", factors.reach, f"{everybody} of all listeners over {percent(found.share)} of all listening")]
    if found.listeners >= found.k:
        rows += [("Share", "x", factors.share, given), ("Fees", "x", factors.fees, paying)]
    else:
        rows.append(("Share, fees", "x", factors.share * factors.fees, "both together, as there are few listeners"))
    rows.append(("Together", "=", factors.product, "what user-centric pays for each 1.00 of market-centric"))
    shown = [(name, f"{sign} {written(value)}", words) for name, sign, value, words in rows]
    heading = "What user-centric pays against market-centric, as a product of three:"
    return ExplainedTable("Reasons", heading, ("Factor", "Value", "Meaning"), shown, (0, 2))


def more(outcome: Outcome, found: Explanation) -> ExplainedTable:
    """Show what a listener and 100 plays would bring, and say who is added."""
    rows = [(one.rule.label, fine(outcome, one.listener), fine(outcome, one.plays)) for one in found.earned]
    who = "One more listener: like its present ones on average"
    if found.joiner is not None:
        fee = amount(round_half_even(found.joiner.fee), outcome.currency)
        plays = counted(found.joiner.plays, "play")
        who += f", with {plays}, {found.joiner.own:,} of it, who pays {fee}"
    each = found.added // found.listeners
    by = "its only listener" if found.listeners == 1 else f"each of its {found.listeners:,} listeners, {each:,} more"
    return ExplainedTable(
        "Growth",
        f"What more would bring, the month divided again with it, {outcome.currency.code}:",
        ("Rule", "One more listener", "100 more plays"),
        rows,
        note=f"{who}; the pool grows with the fee. 100 more plays: by {by}, and the pool stays.",
    )


def audience(outcome: Outcome, found: Explanation) -> ExplainedTable:
    """Show how its listeners spread over the tenths of all listeners."""
    rows = [
        (
            tenths(band),
            least(outcome, band),
            f"{band.listeners:,}",
            percent(Fraction(band.listeners, found.listeners)),
            f"{band.everybody:,}",
            percent(Fraction(band.listeners, band.everybody)),
        )
        for band in found.bands
    ]
    headers = ("Tenth", "From", "Its listeners", "Of its", "All listeners", "Of all")
    note = "" if rows else f"Of fewer than {found.k} listeners nothing more is told (--k)."
    return ExplainedTable(
        "Listeners", "Its listeners among all, by how much they listen:", headers, rows, shows="listeners", note=note
    )


def tenths(band: Tenths) -> str:
    """`lightest`, or `2nd to 4th`."""
    first, last = TENTHS[band.first], TENTHS[band.last]
    return first if first == last else f"{first} to {last}"


def least(outcome: Outcome, band: Tenths) -> str:
    """From how much listening on somebody is in it."""
    if outcome.listening.measure != "time":
        return counted(band.least, "play")
    if band.least < MS_PER_HOUR:
        return f"{band.least // MS_PER_MINUTE} min"
    hours, tenth = divmod(round_half_even(Fraction(band.least, MS_PER_HOUR // 10)), 10)
    return f"{hours:,}.{tenth} h"


def moved(outcome: Outcome, found: Explanation) -> ExplainedTable:
    """One line for each rule that both runs have: what was paid, what is paid, and the difference."""
    currency = outcome.currency
    rows = [
        (
            one.rule.label,
            amount(one.before, currency),
            amount(one.paid, currency),
            amount(one.paid - one.before, currency, sign=True),
            percent(Fraction(one.paid - one.before, one.before) if one.before else None, sign=True),
        )
        for one in found.earned
        if one.before is not None
    ]
    headers = ("Rule", "Before", "Now", "Change", "In %")
    note = "" if rows else "It has none of these rules."
    return ExplainedTable("Another run", f"Against {found.before}, {currency.code}:", headers, rows, note=note)


def fine(outcome: Outcome, value: Fraction | None, digits: int = 2) -> str:
    """Write minor units with more digits than the currency has."""
    return "-" if value is None else format_units(round_half_even(value * 10**digits), outcome.currency.digits + digits)


def multiple(value: Fraction | None) -> str:
    """`0.2549x`."""
    return "-" if value is None else f"{written(value)}x"


def written(value: Fraction) -> str:
    """Write a factor with four significant digits: 0.1643, 1.000, 12.34, 12,340."""
    number = float(f"{float(value):.{DIGITS - 1}e}")
    size = math.floor(math.log10(number)) if number else 0
    return f"{number:,.{max(0, DIGITS - 1 - size)}f}"
