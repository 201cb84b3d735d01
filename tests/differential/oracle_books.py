"""A closed month by the documentation: pools from gross to royalty, artists by the rule, then tracks, then payees."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from oracle_layers import ZERO, in_territory, number, pot_of
from oracle_rules import divide, half_even, pay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oracle_layers import Pot
    from oracle_rules import Divided, Rule
    from random_months import Month

DIGITS = {"JPY": 0, "EUR": 2, "KWD": 3}

Source = tuple[str, str]
"""(artist, track); the track is empty for all tracks of the artist without splits of their own."""
Standing = dict[tuple[str, str], int]
"""(payee or account in suspense, currency) -> minor units."""
WAITING = ("unmatched:", "unclaimed:", "unallocated:", "held:")
"""How accounts in suspense begin."""


@dataclass(frozen=True)
class Pool:
    """A line of the pool file."""

    name: str
    territory: str
    gross: str
    """Major units, as written; below zero where more was refunded than received."""
    currency: str
    rate: str
    rule: Rule
    fee: str = ""
    """A percentage that is deducted, or nothing."""
    tax: tuple[str, ...] = ()
    """Percentages of the price that the gross holds beside it."""
    of_gross: bool = False
    """Whether the fee is of the gross; else it is of the price, which is the gross without its taxes."""
    promotion: str = ""
    """Major units that are deducted."""

    @property
    def royalty(self) -> int:
        """(gross - deductions) x rate, rounded once, a half to the even minor unit."""
        gross = Fraction(self.gross)
        price = gross / (1 + sum(map(number, self.tax)))
        fee = number(self.fee or "0") * (gross if self.of_gross else price)
        net = price - fee - number(self.promotion or "0")
        return half_even(net * number(self.rate) * 10 ** DIGITS[self.currency])

    @property
    def deductions(self) -> str:
        """As a pool file states them, taxes last: their place changes nothing."""
        fee = f"fee {self.fee}{' of gross' * self.of_gross}" if self.fee else ""
        promotion = f"promotion {self.promotion}" if self.promotion else ""
        return "; ".join(filter(None, (fee, promotion, *(f"tax {rate} included" for rate in self.tax))))


@dataclass(frozen=True)
class Books:
    """What a month is closed with; payees are paid whatever is left of what they are owed."""

    month: Month
    pools: tuple[Pool, ...]
    splits: Mapping[Source, Mapping[str, Fraction]] = field(default_factory=dict)
    catalogue: frozenset[str] | None = None
    suspend_unsplit: bool = False
    advances: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(payee, currency) -> minor units paid in advance."""
    recoup: str = "100%"
    reserve: str = "0%"

    def month_of(self, pool: Pool) -> Month:
        """The rows of one pool, as `fairpay pay` is asked to divide its royalty."""
        return replace(
            in_territory(self.month, pool.territory),
            rules=(pool.rule,),
            money="pool",
            amount=pool.royalty,
            rate=Fraction(1),
            currency=pool.currency,
        )


def settled(books: Books) -> dict[tuple[str, str, str], int]:
    """(`recouped`, `reserve_held` or `stands`, payee or account in suspense, currency) -> minor units.

    The parts of what a payee has that go to its advance, and to its reserve, are rounded to the nearest minor unit, a
    half to the even one. A debt earns nothing back.
    """
    found: dict[tuple[str, str, str], int] = {}
    for (who, currency), amount in standing(books).items():
        own = 0 if who.startswith(WAITING) else max(0, amount)
        advance = min(half_even(own * number(books.recoup)), books.advances.get((who, currency), 0))
        reserve = min(half_even(own * number(books.reserve)), own - advance)
        parts = {"recouped": -advance, "reserve_held": reserve, "stands": amount - advance - reserve}
        found.update({(what, who, currency): part for what, part in parts.items() if part})
    return found


def shared(shares: Mapping[str, Fraction], amount: int) -> dict[str, int]:
    """Divide an amount of either sign: what is taken back is divided as it would have been paid."""
    sign = -1 if amount < 0 else 1
    return {who: sign * part for who, part in pay(shares, abs(amount)).items()}


def standing(books: Books) -> Standing:
    """What each payee and each account in suspense has, before advances and reserves."""
    found: Standing = defaultdict(int)
    for pool in books.pools:
        for source, amount in earned(books, pool).items():
            for payee, part in payees(books, source, amount).items():
                found[payee, pool.currency] += part
    return {key: amount for key, amount in found.items() if amount}


def earned(books: Books, pool: Pool) -> dict[Source, int]:
    """What each artist is paid, divided among its tracks with splits."""
    pot = replace(pot_of(books.month_of(pool)), rate=number(pool.rate))
    if not pot.listeners:
        return {("unallocated:", ""): pool.royalty}
    divided = divide(pool.rule, pot.listeners, pot.rate)
    out: dict[Source, int] = {}
    for artist, amount in shared(divided.shares, pool.royalty).items():
        weights = brought(books, pot, divided, artist)
        parts = shared(weights, amount) if len(weights) > 1 else dict.fromkeys(weights or [name((artist, ""))], amount)
        out.update({(artist, text[len(artist) :].removeprefix(OF_TRACK)): part for text, part in parts.items()})
    return out


OF_TRACK = ", track "
"""Between artist and track in what a source is called; equal remainders go to the smaller such name."""


def name(source: Source) -> str:
    """What a source is called."""
    return source[0] + (OF_TRACK + source[1] if source[1] else "")


def brought(books: Books, pot: Pot, divided: Divided, artist: str) -> dict[str, Fraction]:
    """What each source of an artist brought it: every listener's part, by what that listener played of the artist.

    Where a rule solves for all together, nobody has a part, and listening counts.
    """
    weights: dict[str, Fraction] = defaultdict(Fraction)
    for place, heard in enumerate(pot.heard):
        mine = {track: x for (who, track), x in heard.tracks.items() if who == artist}
        part = heard.x.get(artist, ZERO) if divided.parts is None else divided.parts[place].get(artist, ZERO)
        whole = sum(mine.values(), ZERO)
        if not whole:
            weights[name((artist, ""))] += part
        for track, x in mine.items():
            weights[name((artist, track if (artist, track) in books.splits else ""))] += part * x / whole
    return {source: weight for source, weight in weights.items() if weight}


def payees(books: Books, source: Source, amount: int) -> dict[str, int]:
    """Who gets what a source earned: its payees, itself, or an account in suspense; who is unknown has no payees."""
    artist, track = source
    if artist.endswith(":") or artist.startswith("held:"):
        return {artist: amount}
    if books.catalogue is not None and artist not in books.catalogue:
        return {f"unmatched:{name(source)}": amount}
    shares = books.splits.get(source)
    if shares is not None:
        return shared(shares, amount)
    assert not track
    return {f"unclaimed:{artist}" if books.suspend_unsplit else artist: amount}
