"""Subscribers: who paid what, in minor units of the currency, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairpay.errors import InputError, Problem
from fairpay.io.known import KNOWN, PAID
from fairpay.io.parquet import ParquetLog
from fairpay.io.side_tables import column_for, open_table, read_columns
from fairpay.io.table import check_id_type
from fairpay.kernels.amounts import is_text, read_amounts
from fairpay.kernels.numbers import EMPTY, NEGATIVE, NOT_A_NUMBER, TOO_LARGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from fairpay.money import Currency

__all__ = ["read_subscribers"]

WORDS = {EMPTY: "is empty", NEGATIVE: "is negative", NOT_A_NUMBER: "is not an amount", TOO_LARGE: "is too large"}
ADVICE = "Correct the file: one line for each subscriber, amounts with a decimal point, such as 9.99."


@dataclass(slots=True)
class Fault:
    """A reason, how often it was met, and first in which row."""

    count: int
    row: int
    example: str


def read_subscribers(path: Path, currency: Currency) -> Iterator[tuple[pa.Array, NDArray[np.int64]]]:
    """Read batches of user ids (text or integers, as in logs) and int64 minor units paid; a user may come twice.

    Raises:
        InputError: the file cannot be read, has no such columns or no row, or some of its rows cannot be used; the
            last is known, and raised, only after the last batch.

    """
    log = open_table(path)
    user = column_for(log.names, KNOWN["user"], what="user", where=path)
    paid = column_for(log.names, PAID, what="amount paid", where=path)
    if isinstance(log, ParquetLog):
        check_id_type(log.schema.field(user).type, role="user", name=user, where=str(path))
    faults: dict[str, Fault] = {}
    seen = 0
    for rows, columns in read_columns(log, list(dict.fromkeys([user, paid]))):
        units = judge(columns[user], columns[paid], rows.broken, (faults, seen, paid, currency))
        seen += rows.rows
        if not faults:
            yield columns[user], units
    if seen == 0:
        message = f"{path}: there is no subscriber in this file"
        raise InputError(message, advice="It is empty, or holds only a header.")
    if faults:
        refuse(path, faults, seen)


def judge(
    users: pa.Array, paid: pa.Array, broken: pa.Array | None, known: tuple[dict[str, Fault], int, str, Currency]
) -> NDArray[np.int64]:
    """Read the amounts of one batch and note what is wrong with which rows, one reason for each row."""
    faults, before, name, currency = known
    amounts = read_amounts(paid, role=name, digits=currency.digits)
    open_rows = np.ones(len(users), np.bool_)

    def note(mask: NDArray[np.bool_], reason: str, *, show: bool = False) -> None:
        found = np.flatnonzero(mask & open_rows)
        open_rows[found] = False
        if len(found):
            example = f": {paid[int(found[0])].as_py()}"[:60] if show else ""
            fault = faults.setdefault(reason, Fault(0, before + int(found[0]) + 1, example))
            fault.count += len(found)

    if broken is not None:
        note(broken.to_numpy(zero_copy_only=False), "row has more fields than the header")
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
    advice = "Write amounts with a decimal point and no separators: 9,99 is 9.99 here." if comma else ADVICE
    message = f"{path}: {bad} of {seen} subscribers cannot be used"
    raise InputError(message, problems=problems, advice=advice)
