"""Subscribers: who paid what, in minor units of the currency, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from fairpay.errors import InputError, Problem
from fairpay.kernels.amounts import is_text, read_amounts
from fairpay.kernels.numbers import EMPTY, NEGATIVE, NOT_A_NUMBER, TOO_LARGE
from fairpay.logs.cells import with_comma
from fairpay.logs.names import KNOWN, PAID, normal
from fairpay.logs.tables import check_ids, column_for, open_table, read_columns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from fairpay.logs.tables import Rows
    from fairpay.money.currency import Currency
    from fairpay.settings.values import Reading

__all__ = ["read_subscribers"]

WORDS = {EMPTY: "is empty", NEGATIVE: "is negative", NOT_A_NUMBER: "is not an amount", TOO_LARGE: "is too large"}
ADVICE = "Correct the file: one line for each subscriber, amounts with a decimal point, such as 9.99."


@dataclass(slots=True)
class Fault:
    """A reason, how often it was met, and first in which row."""

    count: int
    row: int
    example: str


def read_subscribers(
    path: Path, currency: Currency, reading: Reading | None = None
) -> Iterator[tuple[pa.Array, NDArray[np.int64]]]:
    """Read batches of user ids (text or integers, as in logs) and int64 minor units paid; a user may come twice.

    Raises:
        InputError: the file cannot be read, has no such columns or no row, or some of its rows cannot be used; the
            last is known, and raised, only after the last batch.

    """
    log = open_table(path, reading)
    comma = reading is not None and reading.decimal == ","
    user = column_for(log.names, KNOWN["user"], what="user", where=path)
    paid = column_for(log.names, PAID, what="amount paid", where=path)
    money = next((name for name in log.names if normal(name) in {"currency", "currencycode"}), None)
    check_ids(log, user, role="user")
    faults: dict[str, Fault] = {}
    seen = 0
    currencies: set[str] = set()
    wanted = list(dict.fromkeys([user, paid, *([money] if money else [])]))
    for rows, columns in read_columns(log, wanted, listing=True):
        if money is not None:
            currencies.update(
                one.strip().upper() for one in columns[money].drop_null().unique().to_pylist() if one.strip()
            )
            check_currencies(path, currencies, currency)
        if comma and is_text(columns[paid].type):
            columns[paid] = pl.select(with_comma(pl.lit(pl.Series(columns[paid])))).to_series().to_arrow()
        units = judge(columns[user], columns[paid], rows, (faults, paid, currency))
        seen += rows.rows
        if not faults:
            yield columns[user], units
    if seen == 0:
        message = f"{path}: there is no subscriber in this file"
        raise InputError(message, advice="It is empty, or holds only a header.")
    if faults:
        refuse(path, faults, seen)


def check_currencies(path: Path, found: set[str], currency: Currency) -> None:
    """Refuse payments in several currencies, or in another than the run's: their sum would mean nothing.

    Raises:
        InputError: naming them.

    """
    if len(found) > 1:
        message = f"{path}: the payments are in {len(found)} currencies: {', '.join(sorted(found))}"
        raise InputError(message, advice="Give one file for each currency, and run them apart.")
    if found and found != {currency.code}:
        other = next(iter(found))
        message = f"{path}: the payments are in {other}, and this run is in {currency.code}"
        raise InputError(message, advice=f"Give --currency {other}, or the file of payments in {currency.code}.")


def judge(
    users: pa.Array, paid: pa.Array, rows: Rows, known: tuple[dict[str, Fault], str, Currency]
) -> NDArray[np.int64]:
    """Read the amounts of one batch and note what is wrong with which rows, one reason for each row."""
    faults, name, currency = known
    amounts = read_amounts(paid, role=name, digits=currency.digits)
    open_rows = np.ones(len(users), np.bool_)

    def note(mask: NDArray[np.bool_], reason: str, *, show: bool = False) -> None:
        found = np.flatnonzero(mask & open_rows)
        open_rows[found] = False
        if len(found):
            example = f": {paid[int(found[0])].as_py()}"[:60] if show else ""
            fault = faults.setdefault(reason, Fault(0, int(rows.numbers[found[0]]), example))
            fault.count += len(found)

    if rows.broken is not None:
        note(rows.broken.to_numpy(zero_copy_only=False), "row has more fields than the header")
    missing = users.is_null().to_numpy(zero_copy_only=False)
    if is_text(users.type):
        missing = missing | (users.cast("string").fill_null("").to_numpy(zero_copy_only=False) == "")
    note(missing, "user is empty")
    if amounts.how is not None:
        for code, words in WORDS.items():
            note(amounts.how == code, f"{name} {words}", show=code in (NOT_A_NUMBER, TOO_LARGE))
        note(amounts.how != 0, f"{name} is finer than {currency.code} allows ({currency.digits} digits)", show=True)
    return amounts.value


def refuse(path: Path, faults: dict[str, Fault], seen: int) -> None:
    """Refuse the file, naming every reason.

    Raises:
        InputError: always.

    """
    bad = sum(fault.count for fault in faults.values())
    problems = [
        Problem(fault.count, reason + fault.example, f"first at row {fault.row}")
        for reason, fault in sorted(faults.items(), key=lambda item: item[1].row)
    ]
    comma = any("," in fault.example for fault in faults.values())
    advice = "Write amounts with a decimal point (9,99 is 9.99 here), or give --decimal ','." if comma else ADVICE
    message = f"{path}: {bad} of {seen} subscribers cannot be used"
    raise InputError(message, problems=problems, advice=advice)
