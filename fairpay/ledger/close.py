"""Close: a month of plays and pools becomes a month of the books, whole and checked, or not at all."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fairpay.errors import DifferentRunError, UsageError
from fairpay.ledger.balances import LEFT, balances
from fairpay.ledger.closing import load
from fairpay.ledger.controls import check_month, require
from fairpay.ledger.earning import earn
from fairpay.ledger.facts import MonthFacts, facts_of
from fairpay.ledger.inputs import Hashing, run_id_of
from fairpay.ledger.model import Booking, Ledger, after, check_period
from fairpay.ledger.publish import Closed, publish_month
from fairpay.ledger.settle import Terms, post, settle
from fairpay.ledger.statements import effects_files
from fairpay.ledger.store import already, check_head, keep_head, locked, read_entry, shelf
from fairpay.pipeline.request import Watch
from fairpay.runs.rejects import check_rejects

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairpay.ledger.closing import Closing, Loaded
    from fairpay.ledger.facts import Earned
    from fairpay.ledger.inputs import Input
    from fairpay.ledger.store import Entry, Shelf

__all__ = ["Closed", "close"]


@dataclass(frozen=True, slots=True)
class MonthPlace:
    earlier: tuple[Entry, ...]
    """The months before."""
    adjustments: tuple[Entry, ...]
    """What is booked for it."""

    @property
    def previous(self) -> str:
        return self.earlier[-1].run_id if self.earlier else ""


def close(
    closing: Closing, *, dry_run: bool = False, watch: Watch | None = None, divide: Callable[..., Earned] = earn
) -> Closed:
    """Close a month, or preview it.

    Args:
        closing: what is asked.
        dry_run: work everything out and check it, and write nothing.
        watch: who is told how it goes.
        divide: what reads the logs and divides the pools; another only in tests.

    Raises:
        FairpayError: UsageError for a month that is not next, InputError for inputs that cannot be used,
            DifferentRunError when the month is closed from other inputs, LockedError when somebody else holds the
            books, OutputError when they cannot be written, UnbalancedError when a control does not hold.

    """
    check_period(closing.period)
    with locked(closing.books) if not dry_run or closing.books.is_dir() else nullcontext():
        hashing = Hashing.of(closing)
        if closing.reading.rejects is not None:
            check_rejects(closing.reading.rejects, hashing.paths, output=closing.books)
        loaded = load(closing)
        closing = replace(closing, policies=loaded.policies.hashes(loaded.pools))
        found = shelf(closing.books)
        check_head(closing.books, found)
        place = place_of(found, closing.period)
        entry = found.month(closing.period)
        if entry is not None:
            before = closed_before(entry, closing, place, hashing.inputs())
            if not dry_run:
                keep_head(closing.books, found)
            return before
        earned = divide(quiet(closing) if dry_run else closing, loaded, watch or Watch())
        inputs = hashing.inputs()
        month = work_out(closing, loaded, place, earned, inputs)
        require(month.controls)
        if dry_run:
            return month
        keep_head(closing.books, found)
        publish_month(closing, month, inputs, found)
        keep_head(closing.books, shelf(closing.books))
        return replace(month, status="done", manifest_sha256=read_entry(closing.books / month.period).sha256)


def quiet(closing: Closing) -> Closing:
    """The same, and bad rows are set aside without being written: the directory of the books stands for nowhere."""
    if closing.reading.rejects is None:
        return closing
    return replace(closing, reading=replace(closing.reading, rejects=closing.books))


def place_of(found: Shelf, period: str) -> MonthPlace:
    last = found.last
    if last is not None and found.month(period) is None and period != after(last.period):
        message = f"{period} cannot be closed: {after(last.period)} comes next"
        raise UsageError(message, advice="Months are closed one after another; a month without plays is closed too.")
    earlier = tuple(entry for entry in found.months if entry.period < period)
    return MonthPlace(earlier, tuple(entry for entry in found.adjustments if entry.period == period))


def work_out(closing: Closing, loaded: Loaded, place: MonthPlace, earned: Earned, inputs: list[Input]) -> Closed:
    run_id = run_id_of(place.previous, closing.options(), inputs, [entry.run_id for entry in place.adjustments])
    booking = Booking(run_id, closing.period)
    before = balances(entry.ledger(LEFT) for entry in place.earlier)
    booked = Ledger.joined(entry.ledger() for entry in place.adjustments)
    policy = closing.paying(loaded.currencies | set(before.carried["currency"].unique().to_list()))
    terms = Terms(before, loaded.standing, policy, booking)
    known = Ledger.joined([post(earned, loaded.routing, booking), booked.booked_by(run_id)])
    rows = settle(known, terms, loaded.routing).sorted()
    advances = {
        f"{payee} / {currency} / advance {name}": amount
        for (payee, currency), paid in loaded.standing.advances.items()
        for name, amount in paid
    }
    facts = MonthFacts(
        period=closing.period, run_id=run_id, minimum=dict(policy.minimum), advances=advances, **facts_of(earned)
    )
    closed = [entry.period for entry in place.earlier]
    controls = check_month(rows, facts, before, adjustments=booked, closed=closed)
    beside = {**loaded.policies.files(), **effects_files(facts)}
    return Closed("preview", closing.period, run_id, facts, rows, tuple(controls), beside=beside)


def closed_before(entry: Entry, closing: Closing, place: MonthPlace, inputs: list[Input]) -> Closed:
    """Say that a month is closed already, if it is by the same run; books of an earlier edition stay as they are."""
    asked = replace(closing, edition=entry.books["options"].get("edition", 1)).options()
    run_id = run_id_of(place.previous, asked, inputs, [one.run_id for one in place.adjustments])
    if run_id != entry.run_id:
        message = f"{closing.period} is closed, from other inputs or options (run {entry.run_id}, not {run_id})"
        raise DifferentRunError(message, advice="A closed month is never edited: book the correction, fairpay adjust.")
    controls = already(entry)
    facts = MonthFacts.of_json(entry.books["facts"])
    return Closed("already", closing.period, run_id, facts, entry.ledger(), controls, entry.sha256)
