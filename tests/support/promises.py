"""The statements of the promises, executed on one month and one change to it, in exact arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import naive

from fairpay.rules import rule_classes
from fairpay.rules.core.promise import Promise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fairpay.rules.core.promise import CounterExample
    from fairpay.rules.core.rule import Rule

Listening = dict[str, dict[str, int]]
NOBODY = ""
"""An artist without listeners, in every month."""
SLACK = Fraction(1, 10**24)
"""What a root to 120 bits, or a geometric median to 30 digits, may be off, as a part of the pool."""

VARIANTS = [
    cls.parse(text)
    for cls in rule_classes().values()
    for text in dict.fromkeys(["", *(e.parameters for e in cls.examples), *(e.parameters for e in cls.breaks)])
]
"""Every rule with the parameters of its examples and counter-examples."""


@dataclass
class Change:
    """A month before and after."""

    before: Listening
    after: Listening
    fees: Mapping[str, int] = field(default_factory=dict)
    rate: Fraction = Fraction(1)
    aliases: Mapping[str, str] = field(default_factory=dict)
    """artist after -> artist before, where an artist was split or renamed."""

    def fee(self, users: Iterable[str]) -> int:
        """What some users paid."""
        return sum(self.fees.get(user, 1) for user in users)


def pays(rule: Rule, listening: Listening, fees: Mapping[str, int], rate: Fraction) -> dict[str, Fraction]:
    """What each artist is paid of the royalty part of all fees, exactly."""
    names = [NOBODY, *sorted({artist for mine in listening.values() for artist in mine})]
    code = {artist: j for j, artist in enumerate(names)}
    listeners = [
        naive.Listener(fees.get(user, 1), {code[a]: x for a, x in mine.items()}, sum(mine.values()))
        for user, mine in listening.items()
    ]
    pool = rate * sum(u.fee for u in listeners)
    return dict(zip(names, naive.exact(rule, listeners, artists=len(names), pool=pool, rate=rate), strict=True))


def of_example(example: CounterExample) -> Change:
    """The change of a stored counter-example; aliases are the names after, merged into the first before."""
    aliases = {}
    if example.promise is Promise.SPLIT_PROOF:
        aliases = dict.fromkeys(example.artists_after, example.artists[0])
    freeze = {user: dict(mine) for user, mine in example.before.items()}
    after = {user: dict(mine) for user, mine in (example.after or example.before).items()}
    return Change(freeze, after, example.fees, example.rate, aliases)


def excess(rule: Rule, promise: Promise, change: Change) -> Fraction:
    """By how much a promise is broken on this change, as an amount of money; at or below zero: it holds."""
    return excesses(rule, [promise], change)[promise]


def excesses(
    rule: Rule, several: Iterable[Promise], change: Change, known: tuple[Listening, dict[str, Fraction]] | None = None
) -> dict[Promise, Fraction]:
    """The same of several promises, for which the month is worked out once, unless it is `known` what it pays."""
    if known is not None and known[0] == change.before:
        was = known[1]
    else:
        was = pays(rule, change.before, change.fees, change.rate)
    now = was if change.after == change.before else pays(rule, change.after, change.fees, change.rate)
    pool = change.rate * change.fee(change.after)
    return {promise: STATEMENTS[promise](change, was, now) - SLACK * pool for promise in several}


def gains(was: Mapping[str, Fraction], now: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """What each artist is paid more."""
    return {a: now.get(a, Fraction(0)) - was.get(a, Fraction(0)) for a in {*was, *now}}


def changed(change: Change) -> list[str]:
    """The users whose plays differ, added users among them."""
    return [user for user in change.after if change.before.get(user) != change.after[user]]


def conserves(change: Change, was: Mapping[str, Fraction], _: object) -> Fraction:
    """Σ pay = P, none negative."""
    return abs(sum(was.values()) - change.rate * change.fee(change.before)) - min(0, *was.values())


def own_money(change: Change, was: Mapping[str, Fraction], _: object) -> Fraction:
    """Every set of artists is paid at least what the listeners who play nothing else bring.

    It is Hall's condition for money that reaches only artists its payer played; and that no listeners could pay all
    artists they play more by leaving with what they paid, which is the core.
    """
    names = sorted(set(was) - {NOBODY})
    worst = Fraction(-1)
    for bits in range(1, 1 << len(names)):
        some = {a for i, a in enumerate(names) if bits >> i & 1}
        brought = change.rate * change.fee(u for u, mine in change.before.items() if set(mine) <= some)
        worst = max(worst, brought - sum(was[a] for a in some))
    return worst


def lower_bound(change: Change, was: Mapping[str, Fraction], _: object) -> Fraction:
    """Every artist is paid at least what the listeners who play nobody else bring."""
    return max(
        change.rate * change.fee(u for u, mine in change.before.items() if set(mine) == {artist}) - paid
        for artist, paid in was.items()
        if artist
    )


def played(change: Change) -> dict[str, list[int]]:
    """What every artist with a listener was played, listener by listener."""
    names = {artist for mine in change.before.values() for artist in mine}
    return {artist: [mine.get(artist, 0) for mine in change.before.values()] for artist in sorted(names)}


def ordered(change: Change, was: Mapping[str, Fraction], _: object) -> Fraction:
    """Played at least as much by everybody, paid at least as much."""
    table = played(change)
    return max(
        was[less] - was[more]
        for more, x in table.items()
        for less, y in table.items()
        if all(a >= b for a, b in zip(x, y, strict=True))
    )


def proportional(change: Change, was: Mapping[str, Fraction], _: object) -> Fraction:
    """Played so many times as much by everybody, paid so many times as much."""
    table = [(was[artist], sum(plays), plays) for artist, plays in played(change).items()]
    return max(
        abs(more * less_paid - less * more_paid) / less
        for more_paid, more, x in table
        for less_paid, less, y in table
        if all(a * less == b * more for a, b in zip(x, y, strict=True))
    )


def null_artist(_: Change, was: Mapping[str, Fraction], now: Mapping[str, Fraction]) -> Fraction:
    """The artist nobody played is paid nothing."""
    return max(was[NOBODY], now[NOBODY])


def monotone(change: Change, was: Mapping[str, Fraction], now: Mapping[str, Fraction]) -> Fraction:
    """The one artist listened to more is paid no less."""
    more = {
        a
        for user in changed(change)
        for a, x in change.after[user].items()
        if x > change.before.get(user, {}).get(a, 0)
    }
    return max(was.get(a, Fraction(0)) - now[a] for a in more)


def group_gain(change: Change, was: Mapping[str, Fraction], now: Mapping[str, Fraction]) -> Fraction:
    """The best group of artists for the users who changed gains no more than their fees."""
    return sum(g for g in gains(was, now).values() if g > 0) - change.fee(changed(change))


def click(change: Change, was: Mapping[str, Fraction], now: Mapping[str, Fraction]) -> Fraction:
    """No one artist moves by more than the fee of the user who changed."""
    return max(map(abs, gains(was, now).values())) - change.fee(changed(change))


def split(change: Change, was: Mapping[str, Fraction], now: Mapping[str, Fraction]) -> Fraction:
    """The names of a split artist are together paid no more than it was."""
    split_up = set(change.aliases.values())
    return sum(x for a, x in now.items() if change.aliases.get(a) in split_up) - sum(was[a] for a in split_up)


def renamed(change: Change, was: Mapping[str, Fraction], now: Mapping[str, Fraction]) -> Fraction:
    """Every artist is paid the same under the new name."""
    return max(abs(x - was[change.aliases.get(a, a)]) for a, x in now.items())


STATEMENTS = {
    Promise.CONSERVES: conserves,
    Promise.OWN_MONEY: own_money,
    Promise.CORE: own_money,
    Promise.LOWER_BOUND: lower_bound,
    Promise.ORDER_PRESERVING: ordered,
    Promise.PROPORTIONAL: proportional,
    Promise.NULL_ARTIST: null_artist,
    Promise.MONOTONE: monotone,
    Promise.FRAUD_PROOF: group_gain,
    Promise.BRIBERY_PROOF: group_gain,
    Promise.CLICK_FRAUD_PROOF: click,
    Promise.SPLIT_PROOF: split,
    Promise.ANONYMOUS: renamed,
}
