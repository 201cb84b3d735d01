"""Subscribers: who paid what, in minor units of the currency, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from fairpay.errors import InputError
from fairpay.kernels.amounts import is_text, read_amounts
from fairpay.kernels.numbers import EMPTY, NEGATIVE, NOT_A_NUMBER, TOO_LARGE
from fairpay.logs.cells import with_comma
from fairpay.logs.faults import Faults
from fairpay.logs.names import KNOWN, PAID, normal
from fairpay.logs.tables import check_ids, column_for, open_table, read_columns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from fairpay.kernels.amounts import Amounts
    from fairpay.money.currency import Currency
    from fairpay.settings.values import Reading

__all__ = ["read_subscribers"]

WORDS = {EMPTY: "is empty", NEGATIVE: "is negative", NOT_A_NUMBER: "is not an amount", TOO_LARGE: "is too large"}
SHOWN = (NOT_A_NUMBER, TOO_LARGE)
ADVICE = "Correct the file: one line for each subscriber, amounts with a decimal point, such as 9.99."
COMMA = "Write amounts with a decimal point (9,99 is 9.99 here), or give --decimal ','."


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
    faults = Faults(str(path))
    seen = 0
    currencies: set[str] = set()
    wanted = list(dict.fromkeys([user, paid, *([money] if money else [])]))
    for numbers, broken, columns in read_columns(log, wanted, listing=True):
        if money is not None:
            named = (one.strip().upper() for one in columns[money].drop_null().unique().to_pylist())
            currencies.update(one for one in named if one)
            check_currencies(path, currencies, currency)
        if comma and is_text(columns[paid].type):
            columns[paid] = pl.select(with_comma(pl.lit(pl.Series(columns[paid])))).to_series().to_arrow()
        amounts = read_amounts(columns[paid], role=paid, digits=currency.digits)
        wrong = [
            (broken, "row has more fields than the header", False),
            (is_empty(columns[user]), "user is empty", False),
        ]
        note(faults, numbers, columns[paid], [*wrong, *reasons(amounts, paid, currency)])
        seen += len(numbers)
        if not faults.found:
            yield columns[user], amounts.value
    if seen == 0:
        message = f"{path}: there is no subscriber in this file"
        raise InputError(message, advice="It is empty, or holds only a header.")
    comma = any("," in one.reason.partition(": ")[2] for one in faults.found.values())
    faults.stop(COMMA if comma else ADVICE, f"{{}} of {seen} subscribers cannot be used")


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


def reasons(amounts: Amounts, name: str, currency: Currency) -> list[tuple[NDArray[np.bool_], str, bool]]:
    """Say which amounts cannot be used and why, and whether an example helps."""
    if amounts.how is None:
        return []
    fine = f"{name} is finer than {currency.code} allows ({currency.digits} digits)"
    known = [(amounts.how == code, f"{name} {words}", code in SHOWN) for code, words in WORDS.items()]
    return [*known, (amounts.how != 0, fine, True)]


def is_empty(users: pa.Array) -> NDArray[np.bool_]:
    """Say which lines have no user."""
    ids = pl.Series(users)
    found: NDArray[np.bool_] = (ids.is_null() if ids.dtype != pl.String else ids.fill_null("") == "").to_numpy()
    return found


def note(
    faults: Faults, numbers: NDArray[np.int64], paid: pa.Array, wrong: list[tuple[NDArray[np.bool_], str, bool]]
) -> None:
    """Note what is wrong with which lines of one batch: for each line the first reason that holds."""
    left = np.ones(len(numbers), np.bool_)
    met: list[tuple[int, str, int, str]] = []
    for mask, reason, show in wrong:
        found = np.flatnonzero(mask & left)
        left[found] = False
        if len(found):
            example = f": {paid[int(found[0])].as_py()}"[:60] if show else ""
            met.append((int(numbers[found[0]]), reason, len(found), example))
    for row, reason, count, example in sorted(met):
        faults.add(reason, row, count, example=example)
