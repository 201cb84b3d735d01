"""Slow exact answers for the books: earnings in fractions, months as transfers between accounts that sum to zero."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from fairpay.ledger.facts import Earned, Heard, Paid, PoolEarned
from fairpay.ledger.pools import revenue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairpay.ledger.closing import Closing, Loaded
    from fairpay.pipeline.request import Watch

Account = tuple[str, str, str]
"""(what, who, currency)."""


def largest_remainder(amount: int, shares: list[Fraction]) -> list[int]:
    """Divide an amount; leftover units go to the largest remainders, ties to the first."""
    whole = sum(shares)
    exact = [abs(amount) * share / whole for share in shares]
    parts = [int(x) for x in exact]
    left = abs(amount) - sum(parts)
    for i in sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))[:left]:
        parts[i] += 1
    return [-part for part in parts] if amount < 0 else parts


def naive_earn(closing: Closing, loaded: Loaded, watch: Watch) -> Earned:  # noqa: ARG001 - as `earn`
    """Read CSV logs of user, artist, country, plan, plays, and divide each pool by one of the two plain rules."""
    out = loaded.exclusions.keys.get(("user",), frozenset())
    plays: dict[int | str, Counter[tuple[str, str]]] = defaultdict(Counter)
    rows: Counter[int | str] = Counter()
    for log in closing.logs:
        with Path(log).open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                where = "excluded" if line["user"] in out else pool_of(line, loaded)
                artist = loaded.routing.aliases.of(line["artist"])
                plays[where][line["user"], artist] += int(line["plays"])
                rows[where] += 1
    pools = []
    for index, pool in enumerate(loaded.pools):
        found = plays.get(index, Counter())
        users = {user for user, _ in found}
        money = revenue(pool, subscribers=len(users))
        rule = pool.rule or closing.rule or ""
        pools.append(
            PoolEarned(
                pool.name, rule, money, Paid.of(divide(found, rule, money.pool)), len(users), sum(found.values())
            )
        )
    return Earned(tuple(pools), heard(plays, rows, len(loaded.pools)))


def pool_of(line: Mapping[str, str], loaded: Loaded) -> int | str:
    """The pool of a play, where every pool names its country and plan."""
    for index, pool in enumerate(loaded.pools):
        if (pool.key.get("territory"), pool.key.get("offering")) == (line["country"], line["plan"]):
            return index
    return "without a pool"


def divide(plays: Counter[tuple[str, str]], rule: str, pool: int) -> dict[str, int]:
    """What each artist gets; nothing where nobody listened."""
    per_user: Counter[str] = Counter()
    for (user, _), count in plays.items():
        per_user[user] += count
    weight: dict[str, Fraction] = defaultdict(Fraction)
    for (user, artist), count in plays.items():
        weight[artist] += Fraction(count) if rule == "market-centric" else Fraction(count, per_user[user])
    if not weight:
        return {}
    artists = sorted(weight)
    amounts = largest_remainder(pool, [weight[artist] for artist in artists])
    return {artist: amount for artist, amount in zip(artists, amounts, strict=True) if amount}


def heard(plays: Mapping[int | str, Counter[tuple[str, str]]], rows: Counter[int | str], pools: int) -> Heard:
    """Count what was read."""
    lost = ("without a pool", "excluded")
    count = {where: sum(found.values()) for where, found in plays.items()}
    users = {where: len({user for user, _ in found}) for where, found in plays.items()}

    def inside(values: Mapping[int | str, int]) -> int:
        return sum(values.get(index, 0) for index in range(pools))

    return Heard(
        rows=sum(rows.values()),
        used=inside(rows),
        dropped={where: rows[where] for where in lost if rows[where]},
        plays=sum(count.values()),
        plays_used=inside(count),
        plays_dropped={where: count[where] for where in lost if count.get(where)},
        listeners=sum(users.values()),
        listeners_used=inside(users),
        listeners_dropped={where: users[where] for where in lost if users.get(where)},
    )


@dataclass(frozen=True)
class Month:
    """What a month brings; one pool for each currency."""

    earned: Mapping[str, Mapping[str, int]]
    """currency -> artist -> amount."""
    splits: Mapping[str, Mapping[str, Fraction]]
    known: frozenset[str]
    holds: frozenset[str] = frozenset()
    minimum: Mapping[str, int] = field(default_factory=dict)
    advances: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(payee, currency) -> all advances paid up to now."""
    adjusted: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(payee, currency) -> what earlier months owe more, or less."""

    def payees(self, artist: str, amount: int) -> list[tuple[str, int]]:
        """Who gets what an artist earned."""
        if artist not in self.known and artist != "unallocated:":
            return [(f"unmatched:{artist}", amount)]
        if artist in self.splits:
            payees = sorted(self.splits[artist])
            return list(zip(payees, largest_remainder(amount, [self.splits[artist][p] for p in payees]), strict=True))
        return [(artist, amount)]

    def credited(self) -> dict[tuple[str, str], int]:
        """(payee, currency) -> what the month's own earnings credit."""
        found: dict[tuple[str, str], int] = defaultdict(int)
        for currency, amounts in self.earned.items():
            for artist, amount in amounts.items():
                for payee, part in self.payees(artist, amount):
                    found[payee, currency] += part
        return {key: amount for key, amount in found.items() if amount}


@dataclass
class World:
    """Every account there is. Each transfer takes from one what it gives to another, so all of them sum to zero."""

    accounts: defaultdict[Account, int] = field(default_factory=lambda: defaultdict(int))

    def move(self, giver: Account, taker: Account, amount: int) -> None:
        """Transfer."""
        self.accounts[giver] -= amount
        self.accounts[taker] += amount

    def live(self, month: Month) -> None:
        """Let a month happen."""
        for credited in (month.credited(), month.adjusted):
            for (payee, currency), amount in credited.items():
                self.move(("revenue", "", currency), ("payee", payee, currency), amount)
        for account in sorted(self.accounts):
            if account[0] in {"payee", "suspense"} and ":" in account[1]:
                self.place(month, account[1], account[2])
        for what, who, currency in sorted(self.accounts):
            if what in {"payee", "suspense"} and ":" not in who:
                self.settle(month, who, currency)

    def place(self, month: Month, who: str, currency: str) -> None:
        """Give what waits to whom it belongs, or let it wait."""
        waits, own = ("suspense", who, currency), ("payee", who, currency)
        self.move(waits, own, self.accounts[waits])
        artist = who.partition(":")[2]
        if who != "unallocated:" and month.payees(artist, 0)[0][0] != who:
            for payee, part in month.payees(artist, self.accounts[own]):
                self.move(own, ("payee", payee, currency), part)
        self.move(own, waits, self.accounts[own])

    def settle(self, month: Month, who: str, currency: str) -> None:
        """Pay, hold or keep what an account has."""
        own, waits, advance = (("payee", who, currency), ("suspense", who, currency), ("advance", who, currency))
        if who not in month.holds:
            self.move(waits, own, self.accounts[waits])
        owed = max(0, month.advances.get((who, currency), 0) - self.accounts[advance])
        self.move(own, advance, min(max(0, self.accounts[own]), owed))
        rest = self.accounts[own]
        if rest > 0 and who in month.holds:
            self.move(own, waits, rest)
        elif rest > 0 and rest >= month.minimum.get(currency, 0):
            self.move(own, ("bank", who, currency), rest)

    def standing(self, what: str) -> dict[tuple[str, str], int]:
        """(who, currency) -> balance, of the accounts of one kind that are not empty."""
        return {(who, code): amount for (kind, who, code), amount in self.accounts.items() if kind == what and amount}
