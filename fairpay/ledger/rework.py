"""Rework: a closed month reopened: worked out again with what is known now, and compared with the books."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from fairpay.errors import InputError, UsageError
from fairpay.ledger.changes import apply, in_effect, recorded, reopened
from fairpay.ledger.controls import heard_controls
from fairpay.ledger.earning import Source
from fairpay.ledger.facts import Facts, facts_of
from fairpay.ledger.grouping import column, group, summed, widened
from fairpay.ledger.hashed import Hashing
from fairpay.ledger.identity import identity_of, run_id_of
from fairpay.ledger.ledger import Kind, Ledger
from fairpay.ledger.loading import load
from fairpay.ledger.periods import after
from fairpay.ledger.policies import Policies, choose
from fairpay.ledger.pools import read_pools
from fairpay.ledger.posting import Booking, post
from fairpay.ledger.routing import is_suspense
from fairpay.ledger.summary import adjusted_json
from fairpay.ledger.sums import pool_sums, with_parent
from fairpay.money.currency import format_units
from fairpay.reports.outcome import Control
from fairpay.reports.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from fairpay.ledger.changes import Change
    from fairpay.ledger.closing import Closing
    from fairpay.ledger.earned import Earned
    from fairpay.ledger.identity import Input
    from fairpay.ledger.listening import Watch
    from fairpay.ledger.pools import Pool
    from fairpay.ledger.store import Entry, Shelf

__all__ = ["Adjusted", "Desk", "position", "restated_controls"]

KEYS = ("pool", "payee", "currency", "scale")
"""What a position is by: `position` has these columns and `amount`, the minor units credited for a month."""
CREDITED = frozenset({Kind.EARNED, Kind.MINIMUM_TOPUP, Kind.SPLIT})


@dataclass(frozen=True, slots=True, repr=False)
class Adjusted(Shown):
    """An adjustment that was booked, or would be."""

    status: Literal["done", "already", "preview"]
    run_id: str
    period: str
    """The open month it is booked in."""
    ref_period: str
    """The closed month it corrects."""
    reason: str
    facts: Facts
    """The closed month as it is known now."""
    rows: Ledger
    controls: tuple[Control, ...]
    beside: Mapping[str, str] = field(default_factory=dict)
    """File name -> text, of what stands in the adjustment's directory besides the ledger."""

    def __repr__(self) -> str:
        """Say in one line what it is."""
        return f"<adjustment of {self.ref_period} booked in {self.period} ({self.status}): {len(self.rows):,} rows>"

    @property
    def table(self) -> pl.DataFrame:
        """The rows that are booked; amounts in minor units."""
        return self.rows.frame

    @property
    def summary(self) -> dict[str, Any]:
        """What `fairpay adjust --json` prints."""
        return adjusted_json(self)


@dataclass(frozen=True)
class Desk:
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
        as_read = self.closing.again(self.month.books["options"])
        return Hashing.of_change(self.change, as_read).inputs()

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
        corrections = Ledger.joined(entry.ledger() for entry in entries).frame.select(*KEYS, "amount")
        return summed(pl.concat([position(self.month.ledger(CREDITED)), corrections]), KEYS)

    def difference(self, restated: pl.DataFrame, booking: Booking, reason: str) -> Ledger:
        """One row for each payee and pool whose amount changes."""
        whole = pl.concat([restated.with_columns(now=True), self.booked.with_columns(now=False)])
        groups, amounts, now = group(whole, KEYS), whole["amount"].to_numpy(), whole["now"].to_numpy()
        known, booked = widened(groups.sum(amounts, now), groups.sum(amounts, ~now))
        changed = whole[groups.firsts()].select(KEYS).with_columns(column(known - booked))
        reference = {"ref_run_id": self.month.run_id, "ref_period": self.month.period, "reason": reason}
        return booking.rows(changed, Kind.ADJUSTMENT, **reference).sorted()


def position(rows: Ledger) -> pl.DataFrame:
    """What each payee was credited by the month's own earnings, pool by pool.

    Splits of what was released from suspense belong to earlier months and are left out.
    """
    own = rows.of_kinds(CREDITED - {Kind.SPLIT}).frame
    splits = with_parent(rows.of_kinds({Kind.SPLIT}).frame).filter(~is_suspense("parent"))
    return summed(pl.concat([part.select(*KEYS, "amount") for part in (own, splits)]), KEYS)


def restated_controls(facts: Facts, restated: pl.DataFrame, rows: Ledger, booked: pl.DataFrame) -> Iterator[Control]:
    """Each pool, as it is known now, is placed to the last minor unit, and the rows are the difference to the books."""
    sums = [pool_sums(frame) for frame in (restated, booked, rows.frame)]
    for pool in facts.pools:
        now, before, moved = (found.get((pool.name, pool.currency), 0) for found in sums)
        texts = [format_units(amount, pool.scale) for amount in (before, moved, pool.base + pool.topup)]
        detail = f"{texts[0]} booked + {texts[1]} adjusted = pool {texts[2]} {pool.currency}"
        yield Control(f"pool {pool.name}", now == pool.base + pool.topup == before + moved, detail)
