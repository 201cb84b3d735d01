"""Close: a month of plays and pools becomes a month of the books, whole and checked, or not at all."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from fairpay.errors import DifferentRunError, InputError, UsageError
from fairpay.ledger.closing import KEPT, begin_hashing, inputs_of, load, run_id_of
from fairpay.ledger.controls import check_month, require
from fairpay.ledger.earning import earn
from fairpay.ledger.export import Sheet
from fairpay.ledger.facts import MonthFacts
from fairpay.ledger.model import Booking, Kind, Ledger, after, check_period
from fairpay.ledger.pools import policy_files, policy_hashes
from fairpay.ledger.settle import Terms, post, settle
from fairpay.ledger.statements import (
    data,
    earned_by_track,
    effects_files,
    ledger_files,
    month_files,
    payables,
    plays_by_artist,
    suspense,
    totals,
    tracks_sheet,
)
from fairpay.ledger.store import (
    ADJUSTMENTS,
    LEFT,
    already,
    balances,
    check_head,
    keep_head,
    locked,
    read_entry,
    shelf,
    standing,
)
from fairpay.money.currency import exact_text
from fairpay.pipeline.request import Watch
from fairpay.reports.tables import Shown
from fairpay.runs.disk import open_new
from fairpay.runs.manifest import describe
from fairpay.runs.outputs import check_rejects
from fairpay.runs.publish import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from fairpay.ledger.closing import Closing, Input, Loaded
    from fairpay.ledger.facts import Earned
    from fairpay.ledger.statements import Writer
    from fairpay.ledger.store import Entry, Shelf
    from fairpay.reports.outcome import Control

__all__ = ["Adjusted", "Closed", "close", "kept", "publish_adjustment"]

SCHEMA_VERSION = 4
"""Of the books: policies withhold, and there are penalties. In the third there was tax, pools said their exchange rate,
ledgers' amounts were `amount_minor`, and plays were kept by artist. In the second the ledger had a counterparty; in the
first its texts said what kinds say since."""


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class BooksRun(Shown):
    """What a run puts into the books, or would."""

    status: Literal["done", "already", "preview"]
    period: str
    run_id: str
    facts: MonthFacts
    """Of an adjustment, the closed month as it is known now."""
    rows: Ledger
    """In ledger order."""
    controls: tuple[Control, ...]
    beside: Mapping[str, str] = field(default_factory=dict)
    """File name -> text, of what stands in its directory besides the ledger and its tables."""


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Closed(BooksRun):
    """A month that was closed, or would be."""

    standing: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What stands after the month: suspense, reserve, what is carried, advances; by currency, in major units."""

    manifest_sha256: str = ""
    """Of the manifest in the books; empty for a preview. Kept elsewhere, it shows later that the books are these."""
    plays: pl.DataFrame = field(default_factory=pl.DataFrame)
    """What was played of each artist, where the month was worked out and not read: pool, artist, track, plays."""
    tracks: pl.DataFrame | None = None
    """What each track earned, where that was asked for."""

    def __repr__(self) -> str:
        """Say in one line what it is."""
        pools = f"{len(self.facts.pools):,} pools, {self.table.height:,} payments"
        rules = ", ".join(sorted({pool.rule for pool in self.facts.pools}))
        return f"<close of {self.period} ({self.status}) under {rules}: {pools}>"

    @property
    def table(self) -> pl.DataFrame:
        """What is to be paid, to whom; amounts are decimals beside their currency."""
        return pl.DataFrame(payables(self.rows).arrow())

    @property
    def summary(self) -> dict[str, Any]:
        """What `fairpay close --json` prints."""
        facts = self.facts.as_json()
        return {
            "schema_version": 2,
            "command": "close",
            "status": self.status,
            "period": self.period,
            "run_id": self.run_id,
            "manifest_sha256": self.manifest_sha256,
            "totals": totals(self.rows),
            "payments": len(self.rows.of_kinds({Kind.PAYABLE})),
            "suspense": suspense(self.rows),
            "standing": self.standing,
            "pools": facts["pools"],
            "policies": facts.get("policies", ()),
            "decisions": facts.get("decisions", ()),
            "penalties": self.facts.penalty_records,
            "listening": facts["heard"],
            "controls": [asdict(control) for control in self.controls],
        }


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Adjusted(BooksRun):
    """An adjustment that was booked, or would be."""

    ref_period: str
    """The closed month it corrects."""
    reason: str

    def __repr__(self) -> str:
        """Say in one line what it is."""
        return f"<adjustment of {self.ref_period} booked in {self.period} ({self.status}): {len(self.rows):,} rows>"

    @property
    def table(self) -> pl.DataFrame:
        """The rows that are booked, as a ledger file has them."""
        return self.rows.written

    @property
    def summary(self) -> dict[str, Any]:
        """What `fairpay adjust --json` prints."""
        return {
            "schema_version": 1,
            "command": "adjust",
            "status": self.status,
            "run_id": self.run_id,
            "period": self.period,
            "ref_period": self.ref_period,
            "reason": self.reason,
            "rows": len(self.rows),
            "totals": totals(self.rows),
            "listening": self.facts.as_json()["heard"],
            "controls": [asdict(control) for control in self.controls],
        }


def close(
    closing: Closing, *, dry_run: bool = False, watch: Watch | None = None, divide: Callable[..., Earned] = earn
) -> Closed:
    """Close a month, or preview it.

    Args:
        closing: what is asked.
        dry_run: work everything out and check it, and write nothing.
        watch: who is told how it goes.
        divide: what reads the logs and divides the pools: here, where `closing.engine` says, or in tests.

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
        closing = replace(closing, policies=policy_hashes(loaded.pools, loaded.chosen))
        found = shelf(closing.books)
        check_head(closing.books, found)
        check_next(found, closing.period)
        entry = found.month(closing.period)
        if entry is not None:
            before = closed_before(entry, closing, found, inputs_of(hashed, closing.books))
            if not dry_run:
                keep_head(closing.books, found)
            return before
        earned = divide(replace(closing, write_rejects=not dry_run), loaded, watch or Watch())
        inputs = inputs_of(hashed, closing.books)
        month = work_out(closing, loaded, found, earned, inputs)
        require(month.controls)
        if dry_run:
            return month
        keep_head(closing.books, found)
        publish_month(closing, month, inputs, found)
        keep_head(closing.books, shelf(closing.books))
        return replace(month, status="done", manifest_sha256=read_entry(closing.books / month.period).sha256)


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
    currencies = {pool.payout.code for pool in loaded.pools} | set(before.carried["currency"].unique().to_list())
    policy = closing.paying(currencies)
    terms = Terms(before, loaded.standing, policy, booking)
    known = Ledger.joined([post(earned, loaded.routing, booking), booked.booked_by(run_id)])
    rows = settle(known, terms, loaded.routing).sorted()
    advances = {
        f"{payee} / {currency} / advance {name}": amount
        for (payee, currency), paid in loaded.standing.advances.items()
        for name, amount in paid
    }
    taxes = {payee: exact_text(rate) for payee, (rate, _) in sorted(loaded.standing.taxes.items())}
    facts = replace(earned.facts, run_id=run_id, minimum=dict(policy.minimum), advances=advances, taxes=taxes)
    closed = [entry.period for entry in earlier]
    controls = tuple(check_month(rows, facts, before, adjustments=booked, closed=closed))
    beside = {**policy_files(loaded.pools, loaded.chosen), **effects_files(facts)}
    return Closed(
        status="preview",
        period=closing.period,
        run_id=run_id,
        facts=facts,
        rows=rows,
        controls=controls,
        beside=beside,
        plays=plays_by_artist(earned, loaded.routing.splits),
        tracks=earned_by_track(earned) if closing.tracks else None,
        standing=standing(before.after(rows), advances),
    )


def closed_before(entry: Entry, closing: Closing, found: Shelf, inputs: list[Input]) -> Closed:
    """Say that a month is closed already, if it is by the same run; books of an earlier edition stay as they are."""
    asked = replace(closing, edition=entry.books["options"].get("edition", 1))
    run_id = run_id_after(found, asked, inputs)
    if run_id != entry.run_id:
        message = f"{closing.period} is closed, from other inputs or options (run {entry.run_id}, not {run_id})"
        raise DifferentRunError(message, advice="A closed month is never edited: book the correction, fairpay adjust.")
    fields, before = kept(entry), balances(one.ledger(LEFT) for one in found.before(closing.period))
    after = standing(before.after(fields["rows"]), fields["facts"].advances)
    return Closed(**fields, standing=after, manifest_sha256=entry.sha256)


def kept(entry: Entry) -> dict[str, Any]:
    """The fields of `BooksRun` of an entry that is in the books already.

    Raises:
        InputError: it is not as it was written.

    """
    controls = already(entry)
    return {
        "status": "already",
        "period": entry.period,
        "run_id": entry.run_id,
        "facts": MonthFacts.of_json(entry.books["facts"]),
        "controls": controls,
        "rows": entry.ledger(),
    }


def publish_month(closing: Closing, month: Closed, inputs: Sequence[Input], found: Shelf) -> None:
    last, options = found.last, closing.options()
    said = {
        "previous": last.sha256 if last else None,
        "previous_run_id": last.run_id if last else "",
        "adjustments": [
            {"name": entry.directory.name, "run_id": entry.run_id, "sha256": entry.sha256}
            for entry in found.booked_in(month.period)
        ],
        "options": options,
        "inputs": inputs,
        "facts": month.facts.as_json(),
        **closing.place,
    }
    tables = [Sheet("plays", month.plays, frozenset())]
    tables += [] if month.tracks is None else [tracks_sheet(month.tracks)]
    files = month_files(month.rows, month.facts, tables, excel=closing.excel, per_payee=closing.per_payee)
    files |= kept_tables(closing, inputs)
    publish(closing.books / month.period, month, "close", options, said, files)


def publish_adjustment(books: Path, adjusted: Adjusted, record: Mapping[str, Any], found: Shelf) -> None:
    """Write an adjustment into the books, linked to what was written before it; `record` is what it says of the change.

    Raises:
        OutputError: it cannot be written; nothing is left behind.

    """
    said = {
        "previous": found.head.sha256 if found.head else None,
        "ref_period": adjusted.ref_period,
        "reason": adjusted.reason,
        "facts": adjusted.facts.as_json(),
        **record,
    }
    name = f"{len(found.adjustments) + 1:04d}-{adjusted.ref_period}-{adjusted.run_id[:8]}"
    shown = {"period": adjusted.ref_period, "reason": adjusted.reason}
    publish(books / ADJUSTMENTS / name, adjusted, "adjust", shown, said, ledger_files(adjusted.rows))


def publish(  # noqa: PLR0913, PLR0917 - what a directory of the books says and holds
    directory: Path,
    made: BooksRun,
    command: str,
    options: Mapping[str, Any],
    said: Mapping[str, Any],
    files: Mapping[str, Writer],
) -> None:
    hashed = [{"name": one["path"], "size": one["size"], "sha256": one["sha256"]} for one in said["inputs"]]
    shown = {name: (value, "") for name, value in options.items()}
    manifest = describe(command=command, options=shown, inputs=hashed, controls=made.controls)
    books = {"schema_version": SCHEMA_VERSION, "run_id": made.run_id, "period": made.period, **said}
    texts = {name: data(text) for name, text in made.beside.items()}
    with Target(directory) as target:
        manifest["books"] = books
        target.publish(files={**files, **texts}, manifest=manifest, fingerprint=made.run_id)


def kept_tables(closing: Closing, inputs: Iterable[Input]) -> dict[str, Writer]:
    """Copies of the tables a month was closed with, so that it can be worked out again."""
    hashes = {one["role"]: one["sha256"] for one in inputs}
    return {
        f"input-{role}{path.suffix.lower()}": partial(copy, path, hashes[role])
        for role, path in closing.tables.items()
        if role in KEPT
    }


def copy(source: Path, sha256: str, path: Path) -> None:
    found = source.read_bytes()
    if hashlib.sha256(found).hexdigest() != sha256:
        message = f"{source.name} changed while the month was closed"
        raise InputError(message, advice="Run again when nothing writes to it. Nothing was written.")
    with open_new(path) as file:
        file.write(found)
