"""Balances: what the closed months left behind, summed from their ledgers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairpay.books.ledger import Kind, Row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairpay.books.standing import Account

__all__ = ["Balances", "Held", "balances"]


@dataclass(slots=True)
class Held:
    """Money that stands in suspense or in reserve."""

    amount: int = 0
    """Minor units; below zero where a correction took back more than was held."""
    scale: int = 0
    run_id: str = ""
    """The last run that added to it."""
    period: str = ""


@dataclass(frozen=True, slots=True)
class Balances:
    """The state of the books between two months. Zero balances are left out."""

    carried: dict[Account, Held] = field(default_factory=dict)
    """account -> what the last month carried out; below zero where the payee owes."""
    suspense: dict[tuple[str, str, str], Held] = field(default_factory=dict)
    """(pool, payee, currency) -> what is in suspense."""
    reserves: dict[tuple[str, str, str], Held] = field(default_factory=dict)
    """(period held, payee, currency) -> what of it is still in reserve."""
    recouped: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """(advance, payee, currency) -> minor units earned back."""


def balances(months: Iterable[Iterable[Row]]) -> Balances:
    """Sum the ledgers of the closed months, oldest first."""
    carried: dict[Account, Held] = {}
    suspense: dict[tuple[str, str, str], Held] = defaultdict(Held)
    reserves: dict[tuple[str, str, str], Held] = defaultdict(Held)
    recouped: dict[tuple[str, str, str], int] = defaultdict(int)
    for rows in months:
        carried = {}
        for row in rows:
            match row.kind:
                case Kind.CARRY_OUT:
                    carried[row.payee, row.currency] = Held(row.amount, row.scale, row.run_id, row.period)
                case Kind.SUSPENSE:
                    add(suspense[row.pool, row.payee, row.currency], row)
                case Kind.RESERVE_HOLD:
                    add(reserves[row.period, row.payee, row.currency], row)
                case Kind.RESERVE_RELEASE:
                    reserves[row.ref_period, row.payee, row.currency].amount -= row.amount
                case Kind.RECOUP:
                    recouped[row.reason, row.payee, row.currency] -= row.amount
    return Balances(carried, nonzero(suspense), nonzero(reserves), dict(recouped))


def add(held: Held, row: Row) -> None:
    """Add a row to what is held; the reference is to the last row that put money there."""
    held.amount += row.amount
    held.scale = row.scale
    if row.amount > 0:
        held.run_id, held.period = row.run_id, row.period


def nonzero(found: dict[tuple[str, str, str], Held]) -> dict[tuple[str, str, str], Held]:
    """Leave out what has been settled."""
    return {key: held for key, held in found.items() if held.amount}
