"""Adjust: work a closed month out again with what is known now, and book the difference in the open month."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import polars as pl

from fairpay.errors import InputError, UsageError
from fairpay.ledger.close import Adjusted, kept, publish_adjustment
from fairpay.ledger.closing import (
    EXCLUDED,
    LOGS,
    TABLES,
    begin_hashing,
    find_again,
    identity_of,
    inputs_of,
    load,
    run_id_of,
)
from fairpay.ledger.controls import POSITION, play_controls, position, require, restated_controls
from fairpay.ledger.earning import earn
from fairpay.ledger.model import Booking, Kind, Ledger, after, check_period, less, summed, wide
from fairpay.ledger.pools import MONTH, kept_name, policy_files, policy_hashes, read_pools, with_policies
from fairpay.ledger.settle import post
from fairpay.ledger.statements import effects_files
from fairpay.ledger.store import check_head, keep_head, locked, shelf
from fairpay.money.counts import counted
from fairpay.pipeline.request import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from fairpay.ledger.closing import Closing, Input
    from fairpay.ledger.facts import Earned
    from fairpay.ledger.pools import Pool
    from fairpay.ledger.store import Entry, Shelf

__all__ = ["Adjusted", "Correction", "adjust"]


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction to a closed month."""

    logs: tuple[str, ...] = ()
    """Late logs; corrected ones where `instead`."""
    instead: bool = False
    """Whether `logs` take the place of all the month's logs."""
    exclude: tuple[Path, ...] = ()
    """Tables of users or plays that do not count."""
    tables: Mapping[str, Path] = field(default_factory=dict)
    """Corrected tables, by what they are: pools, splits, aliases, artists, subscribers, decisions."""
    undo: str | None = None
    """The run id of an adjustment that is taken back."""
    reason: str = ""
    """Why, in words; goes into every row."""
    kept: Mapping[str, Path] = field(default_factory=dict)
    """Pool -> the file the books keep of its policy, where the pool file is that of an adjustment in the books."""

    def check(self) -> None:
        """Refuse a change that is none.

        Raises:
            UsageError: nothing is to change, or an undo that would change something else too.

        """
        stated = bool(self.logs or self.exclude or self.tables)
        if stated == (self.undo is not None):
            message = "an adjustment is either a change or --undo, not both" if stated else "nothing to adjust"
            advice = "Give logs, --exclude FILE or a corrected table; or --undo ID alone."
            raise UsageError(message, advice=advice)
        if self.instead and not self.logs:
            message = "--instead needs the logs that take the place of the old ones"
            raise UsageError(message, advice="Name them.")

    def files(self) -> list[tuple[str, Path]]:
        """The tables it reads, with their roles."""
        return [*((EXCLUDED, path) for path in self.exclude), *self.tables.items()]


def adjust(
    closing: Closing,
    change: Correction,
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
        divide: what reads the logs and divides the pools: here, where `closing.engine` says, or in tests.

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
            books = same.books
            return Adjusted(**kept(same), ref_period=books["facts"]["period"], reason=books["reason"])
        adjusted = again.work_out(watch or Watch(), divide)
        require(adjusted.controls)
        if dry_run:
            return adjusted
        keep_head(closing.books, found)
        publish_adjustment(closing.books, adjusted, again.record(), found)
        keep_head(closing.books, shelf(closing.books))
        return replace(adjusted, status="done")


@dataclass(frozen=True)
class Reopened:
    closing: Closing
    change: Correction
    found: Shelf
    month: Entry

    @cached_property
    def standing(self) -> list[Entry]:
        """The adjustments in effect before this one, less the one it takes back."""
        effective = in_effect(self.found, self.month.period)
        undo = self.change.undo
        if undo is not None and undo not in {entry.run_id for entry in effective}:
            message = f"{self.month.period} has no adjustment {undo} that is in effect"
            known = ", ".join(entry.run_id for entry in effective) or "none"
            raise UsageError(message, advice=f"In effect: {known}.")
        return [entry for entry in effective if entry.run_id != undo]

    @cached_property
    def new(self) -> list[Input]:
        only = replace(self.closing.again(self.month.books["options"]), logs=self.change.logs, tables={})
        return inputs_of(begin_hashing(only, more=self.change.files()), self.closing.books)

    @cached_property
    def pools(self) -> list[Pool]:
        """The pools of this change, with their policies; none where it corrects no pools."""
        table = self.change.tables.get("pools")
        if table is None:
            return []
        options = self.month.books["options"]
        pools = read_pools(table, currency=str(options["currency"]), edition=options.get("edition", 1))
        return with_policies(pools, None, beside=table.parent, kept={})[0]

    def same_in_effect(self) -> Entry | None:
        if self.change.undo is not None:
            booked = self.found.booked_for(self.month.period)
            return next((e for e in booked if e.books["change"]["undo"] == self.change.undo), None)
        mine, hashes = sorted(identity_of(one) for one in self.new), policy_hashes(self.pools, None)
        for entry in in_effect(self.found, self.month.period):
            theirs = sorted(identity_of(one) for one in entry.books["inputs"])
            change = entry.books["change"]
            same = change["instead"] == self.change.instead and change.get("policies", {}) == hashes
            if theirs == mine and same:
                return entry
        return None

    def record(self) -> dict[str, Any]:
        hashes = policy_hashes(self.pools, None)
        policies = {"policies": hashes} if hashes else {}
        return {
            "ref_run_id": self.month.run_id,
            "change": {"instead": self.change.instead, "undo": self.change.undo, **policies},
            "inputs": self.new,
            **self.closing.place,
        }

    def work_out(self, watch: Watch, divide: Callable[..., Earned]) -> Adjusted:
        books, reason = self.closing.books, self.change.reason
        base = reopened(self.closing, self.month)
        changes = [recorded(entry, books) for entry in self.standing]
        tables, late = [one.files() for one in changes], [one.logs for one in changes]
        hashed = begin_hashing(base, more=[*chain(*tables)], late=[*chain(*late)])
        now = apply(base, [*changes, self.change])
        loaded = load(now)
        earned = divide(now, loaded, watch)
        self.check_unchanged(inputs_of(hashed, books))
        ids = [entry.run_id for entry in self.standing]
        head = self.found.head
        asked = {"adjust": self.month.run_id, **self.record()["change"], "reason": reason}
        run_id = run_id_of(head.run_id if head else "", asked, self.new, ids)
        booking = Booking(run_id, after(self.found.months[-1].period))
        restated = position(post(earned, loaded.routing, booking))
        changed = summed(pl.concat([restated, self.booked.with_columns(less())]), *POSITION)
        reference = {"ref_run_id": self.month.run_id, "ref_period": self.month.period, "reason": reason}
        rows = booking.rows(changed, Kind.ADJUSTMENT, **reference).sorted()
        facts = replace(earned.facts, run_id=run_id)
        controls = (*play_controls(facts), *restated_controls(facts, restated, rows, self.booked))
        return Adjusted(
            status="preview",
            period=booking.period,
            run_id=run_id,
            facts=facts,
            rows=rows,
            controls=controls,
            beside=policy_files(self.pools, None) | effects_files(replace(facts, policies=())),
            ref_period=self.month.period,
            reason=reason,
        )

    def check_unchanged(self, inputs: Iterable[Input]) -> None:
        """Make sure that the month was worked out again from what it was closed from."""
        now = {tuple(identity_of(one)) for one in inputs}
        records = [one for entry in (self.month, *self.standing) for one in entry.books["inputs"]]
        changed = sorted({str(one["path"]) for one in records if tuple(identity_of(one)) not in now})
        if changed:
            message = f"{counted(len(changed), 'input')} of {self.month.period} changed, {changed[0]} among them"
            raise InputError(message, advice="Restore them; a corrected file is given to adjust beside the old one.")

    @cached_property
    def booked(self) -> pl.DataFrame:
        """What stands in the books for the month: its own rows and every adjustment of it so far."""
        entries = self.found.booked_for(self.month.period)
        corrections = Ledger.joined(entry.ledger() for entry in entries).frame.select(*POSITION, wide())
        return summed(pl.concat([position(self.month.ledger()), corrections]), *POSITION)


def in_effect(found: Shelf, period: str) -> list[Entry]:
    """The adjustments of a month that were not taken back, in the order they were booked."""
    booked = found.booked_for(period)
    undone = {entry.books["change"]["undo"] for entry in booked}
    return [entry for entry in booked if entry.run_id not in undone and entry.books["change"]["undo"] is None]


def reopened(closing: Closing, month: Entry) -> Closing:
    """The closing a month was made by, from what its directory keeps; `closing` says how to run."""
    inputs: Sequence[Mapping[str, Any]] = month.books["inputs"]
    roles = {one["role"] for one in inputs}
    own = {role: sorted(month.directory.glob(f"input-{role}.*"))[:1] for role in TABLES if role in roles}
    tables = {role: (kept or find_again(inputs, role, closing.books))[0] for role, kept in own.items()}
    logs = tuple(str(path) for path in find_again(inputs, LOGS, closing.books))
    stated = month.books["options"].get("policies", {})
    again = replace(closing.again(month.books["options"]), logs=logs, tables=tables)
    return replace(again, policy=named(month, stated.get(MONTH)), kept=kept_files(month, stated))


def named(month: Entry, sha256: str | None) -> str | None:
    """What the month's own policy is called; None where it has none."""
    if sha256 is None:
        return None
    used = month.books["facts"].get("policies", ())
    return next((str(one["policy"]) for one in used if one["sha256"] == sha256), kept_name(sha256))


def kept_files(entry: Entry, stated: Mapping[str, str]) -> dict[str, Path]:
    """Pool -> the file an entry keeps of its policy; a policy that stands in the pool file has none."""
    found = {pool: entry.directory / kept_name(sha256) for pool, sha256 in stated.items()}
    listed = {str(output["name"]) for output in entry.manifest["outputs"]}
    return {pool: path for pool, path in found.items() if path.name in listed}


def apply(closing: Closing, changes: Iterable[Correction]) -> Closing:
    """The closing with every change made, in order."""
    for number, change in enumerate(changes, start=1):
        late = {**closing.reading.late, **dict.fromkeys(change.logs, number)}
        closing = replace(
            closing,
            logs=change.logs if change.instead else (*closing.logs, *change.logs),
            reading=replace(closing.reading, late=late),
            tables={**closing.tables, **change.tables},
            exclude=(*closing.exclude, *change.exclude),
        )
        if "pools" in change.tables:
            month = {MONTH: closing.kept[MONTH]} if MONTH in closing.kept else {}
            closing = replace(closing, kept={**month, **change.kept})
    return closing


def recorded(entry: Entry, books: Path) -> Correction:
    inputs: Sequence[Mapping[str, Any]] = entry.books["inputs"]
    return Correction(
        logs=tuple(str(path) for path in find_again(inputs, LOGS, books)),
        instead=bool(entry.books["change"]["instead"]),
        exclude=tuple(find_again(inputs, EXCLUDED, books)),
        tables={role: path for role in TABLES for path in find_again(inputs, role, books)},
        kept=kept_files(entry, entry.books["change"].get("policies", {})),
    )
