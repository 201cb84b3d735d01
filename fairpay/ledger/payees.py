"""Payees: who stands behind an artist, whose money waits in suspense, and what applies to a payee besides earnings."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from fairpay.errors import FairpayError
from fairpay.ledger.model import check_period
from fairpay.ledger.splits import OF_TRACK, RESERVED, Splits
from fairpay.ledger.tables import noted, payee_lines, read_table
from fairpay.logs.faults import Faults
from fairpay.money.currency import Currency, parse_rate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from fractions import Fraction
    from pathlib import Path

    from fairpay.ledger.tables import Line

__all__ = [
    "UNALLOCATED",
    "Account",
    "Routing",
    "Standing",
    "is_suspense",
    "read_advances",
    "read_aliases",
    "read_catalogue",
    "read_fees",
    "read_holds",
    "read_taxes",
]

NAMES = {"wrong": ("wrong_id", "badid", "alias", "from"), "right": ("right_id", "goodid", "artist", "to")}


def read_aliases(path: Path) -> dict[str, str]:
    """Read a table of wrong and right ids: wrong id -> final right id, which is never itself a wrong one.

    Raises:
        InputError: an empty id, one wrong id with two right ones, or ids that name each other in a circle.

    """
    faults = Faults(path.name)
    pairs: dict[str, str] = {}
    for line in read_table(path, names=NAMES, needed=("wrong", "right"), bare=("wrong", "right")):
        wrong, right = line.values["wrong"], line.values["right"]
        if not wrong or not right:
            faults.add("an id is empty", line.number)
        elif wrong != right and pairs.setdefault(wrong, right) != right:
            faults.add(f"a wrong id has two right ones: {wrong}", line.number)
    resolved, circles = resolve(pairs)
    for circle in circles:
        faults.add("ids name each other in a circle", " -> ".join((*circle, circle[0])))
    faults.stop("Correct the table: each wrong id needs one right id that is not itself wrong in the end.")
    return resolved


def resolve(pairs: Mapping[str, str]) -> tuple[dict[str, str], list[list[str]]]:
    """Follow every chain to its end; return the final ids, and each circle once."""
    final: dict[str, str] = {}
    circles: dict[frozenset[str], list[str]] = {}
    for wrong, first in pairs.items():
        trail, at = [wrong], first
        while at in pairs and at not in trail:
            trail.append(at)
            at = pairs[at]
        if at in trail:
            circle = trail[trail.index(at) :]
            circles.setdefault(frozenset(circle), circle)
        else:
            final[wrong] = at
    return final, list(circles.values())


UNMATCHED, UNCLAIMED, UNALLOCATED, HELD = RESERVED
"""What is held waits by a person's decision, or by a listener's wishes, and for nothing that a table could say."""


def is_suspense(column: str) -> pl.Expr:
    """Whether the accounts of a column hold money nobody can be paid yet."""
    return pl.any_horizontal(pl.col(column).cat.starts_with(word) for word in RESERVED)


@dataclass(frozen=True, slots=True)
class Routing:
    """Who stands behind an artist."""

    aliases: Mapping[str, str] = field(default_factory=dict)
    """wrong id -> right id."""
    splits: Splits = field(default_factory=Splits)
    catalogue: AbstractSet[str] | None = None
    """Artists that are known; None: all are."""
    suspend_unsplit: bool = False
    """Whether an artist without splits is unclaimed; else it is its own payee."""

    def account(self, source: str) -> str:
        """The account that is credited first: the source itself, or its account in suspense."""
        if source.startswith(HELD):
            return source
        if self.catalogue is not None and self.splits.artist(source) not in self.catalogue:
            return UNMATCHED + source
        return UNCLAIMED + source if self.suspend_unsplit and source not in self.splits else source

    def target(self, account: str) -> str:
        """Where the money of an account in suspense belongs under the present tables.

        An artist or track that has payees, or an account; the same account says that the money stays.
        """
        if account == UNALLOCATED or account.startswith(HELD):
            return account
        return self.account(self.known_as(account.partition(":")[2]))

    def known_as(self, source: str) -> str:
        """The same artist or track under its artist's right id."""
        artist, of_track, track = source.partition(OF_TRACK)
        right = self.aliases.get(artist, artist) + of_track + track
        return right if of_track and right in self.splits else self.aliases.get(source, source)


Account = tuple[str, str]
"""Payee and currency code."""
PAYEE = {"payee": ("payee_id",)}


@dataclass(frozen=True, slots=True)
class Standing:
    """What applies to payees besides what they earn."""

    holds: Mapping[str, str] = field(default_factory=dict)
    """payee -> why nothing is paid for now."""
    advances: Mapping[Account, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    """account -> advances paid, oldest first, as (name, minor units)."""
    fees: Mapping[Account, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    """account -> charges of this month, as (reason, minor units above zero)."""
    taxes: Mapping[str, tuple[Fraction, str]] = field(default_factory=dict)
    """payee -> the part of each payment that is withheld, below 1, and what the tax is called."""


def read_holds(path: Path) -> dict[str, str]:
    """Read payees on hold and why.

    Raises:
        InputError: an empty payee, or one that stands twice.

    """
    faults = Faults(path.name)
    lines = payee_lines(path, faults, names=PAYEE, needed=("payee",))
    holds = {line.values["payee"]: line.values.get("reason", "") for line in lines}
    faults.stop("Give each payee on hold one line.")
    return holds


def read_advances(path: Path, *, currency: str, period: str) -> dict[Account, tuple[tuple[str, int], ...]]:
    """Read the register of advances: payee, amount, period paid, name; later advances than `period` are left out.

    Raises:
        InputError: an amount, period or currency that is none, or a name that one payee has twice.

    """
    faults = Faults(path.name)
    found: dict[Account, list[tuple[str, str, int]]] = defaultdict(list)
    for line in read_table(path, names={**PAYEE, "advance": ("name", "id")}, needed=("payee", "amount", "period")):
        with noted(faults, line):
            account, units = read_amount(line, currency)
            since = check_period(line.values["period"])
            name = line.values.get("advance") or since
            if any(name == other for _, other, _ in found[account]):
                faults.add(f"one payee has two advances of one name: {name}", line.number)
            if since <= period:
                found[account].append((since, name, units))
    faults.stop("Correct the register of advances; keep every advance in it, also those earned back.")
    return {account: tuple((name, units) for _, name, units in sorted(lines)) for account, lines in found.items()}


def read_fees(path: Path, *, currency: str) -> dict[Account, tuple[tuple[str, int], ...]]:
    """Read this month's charges: payee, amount, reason.

    Raises:
        InputError: an amount or currency that is none.

    """
    faults = Faults(path.name)
    found: dict[Account, list[tuple[str, int]]] = defaultdict(list)
    for line in read_table(path, names=PAYEE, needed=("payee", "amount")):
        with noted(faults, line):
            account, units = read_amount(line, currency)
            found[account].append((line.values.get("reason", ""), units))
    faults.stop("Correct the fees; amounts are above zero and are charged.")
    return {account: tuple(sorted(lines)) for account, lines in found.items()}


def read_taxes(path: Path) -> dict[str, tuple[Fraction, str]]:
    """Read what is withheld of payments: payee, rate, tax (what it is called).

    Raises:
        InputError: an empty payee, one that stands twice, or a rate that is none or leaves nothing to pay.

    """
    faults = Faults(path.name)
    taxes: dict[str, tuple[Fraction, str]] = {}
    names = {**PAYEE, "tax": ("name", "reason")}
    for line in payee_lines(path, faults, names=names, needed=("payee", "rate")):
        with noted(faults, line):
            rate = parse_rate(line.values["rate"])
            if rate == 1:
                faults.add("a rate of 100 % leaves nothing to pay", line.number)
            taxes[line.values["payee"]] = rate, line.values.get("tax") or "tax withheld"
    faults.stop("Give each payee one rate, such as 15% or 0.265.")
    return taxes


def read_amount(line: Line, currency: str) -> tuple[Account, int]:
    own = Currency.of(line.values.get("currency") or currency)
    payee = line.values["payee"]
    if not payee or payee.startswith(RESERVED):
        message = "the payee is empty or begins with a reserved word"
        raise FairpayError(message)
    return (payee, own.code), own.units(line.values["amount"])


def read_catalogue(path: Path) -> frozenset[str]:
    """The ids of a table of artists."""
    lines = read_table(path, names={"artist": ("artist_id", "id")}, needed=("artist",))
    return frozenset(line.values["artist"] for line in lines if line.values["artist"])
