"""Adjust: work a closed month out again with what is known now, and book the difference in the open month."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fairpay.errors import UsageError
from fairpay.ledger.controls import require
from fairpay.ledger.earning import earn
from fairpay.ledger.facts import Facts
from fairpay.ledger.head import check_head, keep_head
from fairpay.ledger.listening import Watch
from fairpay.ledger.periods import check_period
from fairpay.ledger.rework import Adjusted, Desk
from fairpay.ledger.store import locked, shelf
from fairpay.ledger.writing import already, publish_adjustment
from fairpay.reports.outcome import Control

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairpay.ledger.changes import Change
    from fairpay.ledger.closing import Closing
    from fairpay.ledger.earned import Earned
    from fairpay.ledger.store import Entry

__all__ = ["Adjusted", "adjust"]


def adjust(
    closing: Closing,
    change: Change,
    *,
    dry_run: bool = False,
    watch: Watch | None = None,
    divide: Callable[..., Earned] = earn,
) -> Adjusted:
    """Book what a change means for a closed month.

    Args:
        closing: names the period and the books, and how to run; all else is taken from the closed month.
        change: what became known.
        dry_run: work it out and write nothing.
        watch: who is told how it goes.
        divide: what reads the logs and divides the pools; another only in tests.

    Raises:
        FairpayError: UsageError when the month is not closed or there is nothing to change, InputError for inputs that
            are gone or cannot be used, LockedError, OutputError, UnbalancedError as in `close`.

    """
    check_period(closing.period)
    change.check()
    with locked(closing.books):
        found = shelf(closing.books)
        check_head(closing.books, found)
        month = found.month(closing.period)
        if month is None:
            message = f"{closing.period} is not closed"
            raise UsageError(message, advice="Only a closed month is adjusted; close an open one with all logs.")
        desk = Desk(closing, change, found, month)
        same = desk.same_in_effect()
        if same is not None:
            return of_entry(same)
        adjusted = desk.work_out(watch or Watch(), divide)
        require(adjusted.controls)
        if dry_run:
            return adjusted
        keep_head(closing.books, found)
        publish_adjustment(closing.books, adjusted, desk.record(), found)
        keep_head(closing.books, shelf(closing.books))
        return replace(adjusted, status="done")


def of_entry(entry: Entry) -> Adjusted:
    """An adjustment that is in the books."""
    books = entry.books
    already(entry)
    facts = Facts.of_json(books["facts"])
    controls = tuple(Control(c["name"], c["ok"], c["detail"]) for c in entry.manifest["controls"])
    return Adjusted(
        "already", entry.run_id, entry.period, facts.period, books["reason"], facts, entry.ledger(), controls
    )
