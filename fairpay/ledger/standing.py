"""Standing: who is on hold, who has an advance to earn back, who is charged a fee."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairpay.errors import FairpayError
from fairpay.ledger.periods import check_period
from fairpay.ledger.splits import RESERVED
from fairpay.ledger.tables import read_table
from fairpay.logs.faults import Faults
from fairpay.money.currency import Currency

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fairpay.ledger.tables import Line

__all__ = ["Account", "Standing", "read_advances", "read_fees", "read_holds"]

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


def read_holds(path: Path) -> dict[str, str]:
    """Read payees on hold and why.

    Raises:
        InputError: an empty payee, or one that stands twice.

    """
    faults = Faults(path.name)
    holds: dict[str, str] = {}
    for line in read_table(path, names=PAYEE, needed=("payee",)):
        payee = line.values["payee"]
        if not payee or payee in holds:
            faults.add("a payee stands twice" if payee else "the payee is empty", line.number)
        holds[payee] = line.values.get("reason", "")
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
        try:
            account, units = read_amount(line, currency)
            since = check_period(line.values["period"])
        except FairpayError as error:
            faults.add(error.message, line.number)
            continue
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
        try:
            account, units = read_amount(line, currency)
        except FairpayError as error:
            faults.add(error.message, line.number)
            continue
        found[account].append((line.values.get("reason", ""), units))
    faults.stop("Correct the fees; amounts are above zero and are charged.")
    return {account: tuple(sorted(lines)) for account, lines in found.items()}


def read_amount(line: Line, currency: str) -> tuple[Account, int]:
    """Read whose amount it is, and the amount in minor units."""
    own = Currency.of(line.values.get("currency") or currency)
    payee = line.values["payee"]
    if not payee or payee.startswith(RESERVED):
        message = "the payee is empty or begins with a reserved word"
        raise FairpayError(message)
    return (payee, own.code), own.units(line.values["amount"])
