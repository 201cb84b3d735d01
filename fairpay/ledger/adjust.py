"""Adjust: work a closed month out again with what is known now, and book the difference in the open month."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from fairpay.errors import InputError, UsageError
from fairpay.ledger.changes import apply, in_effect, recorded, reopened
from fairpay.ledger.closing import load
from fairpay.ledger.controls import POSITION, heard_controls, position, require, restated_controls
from fairpay.ledger.earning import Source, earn
from fairpay.ledger.facts import Facts, facts_of
from fairpay.ledger.inputs import Hashing, identity_of, run_id_of
from fairpay.ledger.listening import Watch
from fairpay.ledger.model import Booking, Kind, Ledger, after, check_period, less, summed, wide
from fairpay.ledger.policies import Policies, choose
from fairpay.ledger.pools import read_pools
from fairpay.ledger.publish import Adjusted, publish_adjustment
from fairpay.ledger.settle import post
from fairpay.ledger.statements import totals
from fairpay.ledger.store import already, check_head, keep_head, locked, shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fairpay.ledger.changes import Change
    from fairpay.ledger.closing import Closing
    from fairpay.ledger.earned import Earned
    from fairpay.ledger.inputs import Input
    from fairpay.ledger.pools import Pool
    from fairpay.ledger.store import Entry, Shelf

__all__ = ["Adjusted", "adjust", "adjusted_json"]


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
        again = Reopened(closing, change, found, month)
        same = again.same_in_effect()
        if same is not None:
            return of_entry(same)
        adjusted = again.work_out(watch or Watch(), divide)
        require(adjusted.controls)
        if dry_run:
            return adjusted
        keep_head(closing.books, found)
        publish_adjustment(closing.books, adjusted, again.record(), found)
        keep_head(closing.books, shelf(closing.books))
        return replace(adjusted, status="done")


def of_entry(entry: Entry) -> Adjusted:
    """An adjustment that is in the books."""
    books = entry.books
    controls = already(entry)
    facts = Facts.of_json(books["facts"])
    return Adjusted(
        "already", entry.run_id, entry.period, facts.period, books["reason"], facts, entry.ledger(), controls
    )


@dataclass(frozen=True)
class Reopened:
    """One closed month, reopened to be looked at."""

    closing: Closing
    change: Change
    found: Shelf
    month: Entry

    @cached_property
    def standing(self) -> list[Entry]:
        """The adjustments in effect before this one, less the one it takes back.

        Raises:
            UsageError: what is to be taken back was never booked for this month.

        """
        effective = in_effect(self.found, self.month.period)
        undo = self.change.undo
        if undo is not None and undo not in {entry.run_id for entry in effective}:
            message = f"{self.month.period} has no adjustment {undo} that is in effect"
            known = ", ".join(entry.run_id for entry in effective) or "none"
            raise UsageError(message, advice=f"In effect: {known}.")
        return [entry for entry in effective if entry.run_id != undo]

    @cached_property
    def new(self) -> list[Input]:
        """The files of this change."""
        only = replace(self.closing.again(self.month.books["options"]), logs=self.change.logs, tables={})
        return Hashing.of(only, more=self.change.files()).inputs()

    @cached_property
    def own(self) -> tuple[list[Pool], Policies]:
        """The pools of this change and their policies; none where it corrects no pools."""
        table = self.change.tables.get("pools")
        if table is None:
            return [], Policies()
        options = self.month.books["options"]
        pools = read_pools(table, currency=str(options["currency"]), edition=options.get("edition", 1))
        return pools, choose(pools, None, beside=table.parent, kept={})

    @cached_property
    def hashes(self) -> dict[str, str]:
        """Pool -> sha256 of the policy stated for it, in the pools of this change."""
        pools, policies = self.own
        return policies.hashes(pools)

    def same_in_effect(self) -> Entry | None:
        """The adjustment that already does this, if there is one."""
        booked = [e for e in self.found.adjustments if e.books["ref_period"] == self.month.period]
        if self.change.undo is not None:
            return next((e for e in booked if e.books["change"]["undo"] == self.change.undo), None)
        mine = sorted(one.identity for one in self.new)
        for entry in in_effect(self.found, self.month.period):
            theirs = sorted(identity_of(one) for one in entry.books["inputs"])
            change = entry.books["change"]
            same = change["instead"] == self.change.instead and change.get("policies", {}) == self.hashes
            if theirs == mine and same:
                return entry
        return None

    def record(self) -> dict[str, Any]:
        """What the manifest says of the change."""
        policies = {"policies": self.hashes} if self.hashes else {}
        return {
            "ref_run_id": self.month.run_id,
            "change": {"instead": self.change.instead, "undo": self.change.undo, **policies},
            "inputs": [one.as_json() for one in self.new],
        }

    def work_out(self, watch: Watch, divide: Callable[..., Earned]) -> Adjusted:
        """Work the month out again, and take the difference to what is booked."""
        books, reason = self.closing.books, self.change.reason
        base = reopened(self.closing, self.month)
        changes = [recorded(entry, books) for entry in self.standing]
        hashing = Hashing.of(base, more=[(role, path) for change in changes for role, path in change.every_file()])
        now, exclusions = apply(base, [*changes, self.change])
        loaded = load(now)
        earned = divide(now, loaded, Source(now.logs, exclusions), watch)
        self.check_unchanged(hashing.inputs())
        ids = [entry.run_id for entry in self.standing]
        head = self.found.head
        asked = {"adjust": self.month.run_id, **self.record()["change"], "reason": reason}
        run_id = run_id_of(head.run_id if head else "", asked, self.new, ids)
        period = after(self.found.months[-1].period)
        restated = position(post(earned, loaded.routing, Booking(run_id, period)))
        rows = self.difference(restated, Booking(run_id, period), reason)
        facts = Facts(period=self.month.period, run_id=run_id, **facts_of(earned))
        controls = (*heard_controls(facts), *restated_controls(facts, restated, rows, self.booked))
        beside = self.own[1].files()
        month = self.month.period
        return Adjusted("preview", run_id, period, month, reason, facts, rows, controls, beside=beside)

    def check_unchanged(self, inputs: Iterable[Input]) -> None:
        """Make sure that the month was worked out again from what it was closed from.

        Raises:
            InputError: a file is not the one it was.

        """
        now = {tuple(one.identity) for one in inputs}
        records = [one for entry in (self.month, *self.standing) for one in entry.books["inputs"]]
        changed = sorted({str(one["path"]) for one in records if tuple(identity_of(one)) not in now})
        if changed:
            message = f"{len(changed):,} inputs of {self.month.period} have changed, {changed[0]} among them"
            raise InputError(message, advice="Restore them; a corrected file is given to adjust beside the old one.")

    @cached_property
    def booked(self) -> pl.DataFrame:
        """What stands in the books for the month: its own rows and every adjustment of it so far."""
        entries = [entry for entry in self.found.adjustments if entry.books["ref_period"] == self.month.period]
        corrections = Ledger.joined(entry.ledger() for entry in entries).frame.select(*POSITION, wide())
        return summed(pl.concat([position(self.month.ledger()), corrections]), *POSITION)

    def difference(self, restated: pl.DataFrame, booking: Booking, reason: str) -> Ledger:
        """One row for each payee and pool whose amount changes."""
        changed = summed(pl.concat([restated, self.booked.with_columns(less())]), *POSITION)
        reference = {"ref_run_id": self.month.run_id, "ref_period": self.month.period, "reason": reason}
        return booking.rows(changed, Kind.ADJUSTMENT, **reference).sorted()


def adjusted_json(adjusted: Adjusted) -> dict[str, Any]:
    """What `fairpay adjust --json` prints."""
    return {
        "schema_version": 1,
        "command": "adjust",
        "status": adjusted.status,
        "run_id": adjusted.run_id,
        "period": adjusted.period,
        "ref_period": adjusted.ref_period,
        "reason": adjusted.reason,
        "rows": len(adjusted.rows),
        "totals": totals(adjusted.rows),
        "listening": adjusted.facts.as_json()["heard"],
        "controls": [asdict(control) for control in adjusted.controls],
    }
