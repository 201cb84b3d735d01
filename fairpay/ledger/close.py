"""Close: a month of plays and pools becomes a month of the books, whole and checked, or not at all."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from fairpay.errors import DifferentRunError, UsageError
from fairpay.ledger.balances import LEFT, balances
from fairpay.ledger.closing import begin_hashing, inputs_of, load, run_id_of
from fairpay.ledger.controls import check_month, require
from fairpay.ledger.earning import earn
from fairpay.ledger.model import Booking, Ledger, after, check_period
from fairpay.ledger.publish import Closed, kept, publish_month
from fairpay.ledger.settle import Terms, post, settle
from fairpay.ledger.statements import effects_files
from fairpay.ledger.store import check_head, keep_head, locked, read_entry, shelf
from fairpay.pipeline.request import Watch
from fairpay.runs.rejects import check_rejects

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairpay.ledger.closing import Closing, Input, Loaded
    from fairpay.ledger.facts import Earned
    from fairpay.ledger.store import Entry, Shelf

__all__ = ["Closed", "close"]


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
        hashed = begin_hashing(closing)
        if closing.reading.rejects is not None:
            check_rejects(closing.reading.rejects, [one.path for one in hashed.inputs], output=closing.books)
        loaded = load(closing)
        closing = replace(closing, policies=loaded.policies.hashes(loaded.pools))
        found = shelf(closing.books)
        check_head(closing.books, found)
        check_next(found, closing.period)
        entry = found.month(closing.period)
        if entry is not None:
            before = closed_before(entry, closing, found, inputs_of(hashed, closing.books))
            if not dry_run:
                keep_head(closing.books, found)
            return before
        earned = divide(quiet(closing) if dry_run else closing, loaded, watch or Watch())
        inputs = inputs_of(hashed, closing.books)
        month = work_out(closing, loaded, found, earned, inputs)
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


def check_next(found: Shelf, period: str) -> None:
    last = found.last
    if last is not None and found.month(period) is None and period != after(last.period):
        message = f"{period} cannot be closed: {after(last.period)} comes next"
        raise UsageError(message, advice="Months are closed one after another; a month without plays is closed too.")


def run_id_after(found: Shelf, closing: Closing, inputs: list[Input]) -> str:
    """The id of closing this month after those before it, with what is booked in it."""
    earlier = found.before(closing.period)
    booked = [entry.run_id for entry in found.booked_in(closing.period)]
    return run_id_of(earlier[-1].run_id if earlier else "", closing.options(), inputs, booked)


def work_out(closing: Closing, loaded: Loaded, found: Shelf, earned: Earned, inputs: list[Input]) -> Closed:
    run_id, earlier = run_id_after(found, closing, inputs), found.before(closing.period)
    booking = Booking(run_id, closing.period)
    before = balances(entry.ledger(LEFT) for entry in earlier)
    booked = Ledger.joined(entry.ledger() for entry in found.booked_in(closing.period))
    policy = closing.paying(loaded.currencies | set(before.carried["currency"].unique().to_list()))
    terms = Terms(before, loaded.standing, policy, booking)
    known = Ledger.joined([post(earned, loaded.routing, booking), booked.booked_by(run_id)])
    rows = settle(known, terms, loaded.routing).sorted()
    advances = {
        f"{payee} / {currency} / advance {name}": amount
        for (payee, currency), paid in loaded.standing.advances.items()
        for name, amount in paid
    }
    facts = replace(earned.facts, run_id=run_id, minimum=dict(policy.minimum), advances=advances)
    closed = [entry.period for entry in earlier]
    controls = tuple(check_month(rows, facts, before, adjustments=booked, closed=closed))
    beside = {**loaded.policies.files(), **effects_files(facts)}
    return Closed(
        status="preview",
        period=closing.period,
        run_id=run_id,
        facts=facts,
        rows=rows,
        controls=controls,
        beside=beside,
    )


def closed_before(entry: Entry, closing: Closing, found: Shelf, inputs: list[Input]) -> Closed:
    """Say that a month is closed already, if it is by the same run; books of an earlier edition stay as they are."""
    asked = replace(closing, edition=entry.books["options"].get("edition", 1))
    run_id = run_id_after(found, asked, inputs)
    if run_id != entry.run_id:
        message = f"{closing.period} is closed, from other inputs or options (run {entry.run_id}, not {run_id})"
        raise DifferentRunError(message, advice="A closed month is never edited: book the correction, fairpay adjust.")
    return Closed(**kept(entry), manifest_sha256=entry.sha256)
