"""Store: the directory that holds the books: one directory per closed month, one per adjustment, linked by sha256.

What was written last is kept beside the months, so that a month that is gone is missed. Balances are what the closed
months left behind, summed from their ledgers, a month at a time.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl
from filelock import FileLock, Timeout

from fairpay.errors import InputError, LockedError, OutputError
from fairpay.ledger.model import EMPTY, MONTH, Kind, by, is_kind, less, read_ledger, wide
from fairpay.money.currency import Currency, format_units
from fairpay.reports.outcome import Control
from fairpay.runs import disk
from fairpay.runs.inputs import read_plain
from fairpay.runs.manifest import has_parts, is_manifest
from fairpay.runs.outputs import as_json, write_json
from fairpay.runs.publish import damage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from fairpay.ledger.model import Ledger

__all__ = [
    "ADJUSTMENTS",
    "HEAD",
    "LEDGER",
    "LEFT",
    "Balances",
    "Entry",
    "Shelf",
    "already",
    "balances",
    "check_head",
    "gone",
    "keep_head",
    "locked",
    "read_entry",
    "shelf",
    "standing",
]


ADJUSTMENTS = "adjustments"
LEDGER = "ledger.parquet"
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """A closed month, or an adjustment."""

    directory: Path
    manifest: Mapping[str, Any]
    sha256: str
    """Of the manifest's bytes."""

    @property
    def books(self) -> Mapping[str, Any]:
        """What the manifest says of the books."""
        found: Mapping[str, Any] = self.manifest["books"]
        return found

    @property
    def run_id(self) -> str:
        """The run that wrote it."""
        return str(self.books["run_id"])

    @property
    def period(self) -> str:
        """The month it is booked in."""
        return str(self.books["period"])

    def ledger(self, kinds: Collection[Kind] = ()) -> Ledger:
        """Its ledger rows, or those of some kinds.

        Raises:
            InputError: they cannot be read.

        """
        try:
            return read_ledger(str(self.directory / LEDGER), kinds)
        except (OSError, ValueError) as error:
            message = f"{self.directory.name}/{LEDGER} cannot be read: {str(error).splitlines()[0]}"
            raise InputError(
                message, advice="Run `fairpay verify --books` and restore the books from a copy."
            ) from None


@dataclass(frozen=True, slots=True)
class Shelf:
    """All that is in the books."""

    months: tuple[Entry, ...]
    """Closed months, oldest first."""
    adjustments: tuple[Entry, ...]
    """Adjustments in the order they were booked."""

    @property
    def last(self) -> Entry | None:
        """The month closed last."""
        return self.months[-1] if self.months else None

    @property
    def pending(self) -> tuple[Entry, ...]:
        """Adjustments that no closed month holds yet."""
        closed = {entry.period for entry in self.months}
        return tuple(entry for entry in self.adjustments if entry.period not in closed)

    @property
    def head(self) -> Entry | None:
        """What was written last: the last pending adjustment, else the last month."""
        return self.pending[-1] if self.pending else self.last

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Months, then adjustments."""
        return (*self.months, *self.adjustments)

    def month(self, period: str) -> Entry | None:
        """The closed month of a period, if there is one."""
        return next((entry for entry in self.months if entry.period == period), None)

    def before(self, period: str) -> tuple[Entry, ...]:
        """The closed months before one."""
        return tuple(entry for entry in self.months if entry.period < period)

    def booked_in(self, period: str) -> tuple[Entry, ...]:
        """The adjustments that are booked in a month."""
        return tuple(entry for entry in self.adjustments if entry.period == period)

    def booked_for(self, period: str) -> tuple[Entry, ...]:
        """The adjustments that correct a month."""
        return tuple(entry for entry in self.adjustments if entry.books["ref_period"] == period)


def shelf(books: Path) -> Shelf:
    """Read every manifest in the books.

    Raises:
        InputError: one cannot be read, or says another month than its directory.

    """
    months = sorted(p for p in entries(books) if MONTH.fullmatch(p.name))
    adjustments = sorted(p for p in entries(books / ADJUSTMENTS) if p.name[:4].isdigit())
    found = Shelf(tuple(read_entry(p) for p in months), tuple(read_entry(p) for p in adjustments))
    wrong = [entry.directory.name for entry in found.months if entry.period != entry.directory.name]
    if wrong:
        message = f"{wrong[0]} holds the books of another month"
        raise InputError(message, advice="Restore the books from a copy.")
    return found


def entries(directory: Path) -> list[Path]:
    return [p for p in directory.iterdir() if p.is_dir()] if directory.is_dir() else []


def read_entry(directory: Path) -> Entry:
    """Read one manifest.

    Raises:
        InputError: it is not there or is not a manifest of the books.

    """
    try:
        data = read_plain(directory / MANIFEST)
        manifest = json.loads(data)
        entry = Entry(directory, manifest, hashlib.sha256(data).hexdigest())
        good = is_manifest(manifest) and is_of_books(entry)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        good = False
    if not good:
        message = f"{directory.name}/{MANIFEST} is missing or is not a manifest of the books"
        raise InputError(message, advice="Restore the books from a copy.")
    return entry


def is_of_books(entry: Entry) -> bool:
    books = entry.books
    adjustments = books.get("adjustments", [])
    known = {"name": (str,), "sha256": (str,)}
    return (
        bool(entry.run_id)
        and MONTH.fullmatch(entry.period) is not None
        and type(books["previous"]) in {str, type(None)}
        and isinstance(adjustments, list)
        and all(has_parts(one, known) for one in adjustments)
        and isinstance(books.get("ref_period", ""), str)
    )


@contextmanager
def locked(books: Path) -> Iterator[None]:
    """Hold the books, so that nobody else closes or adjusts meanwhile.

    Raises:
        LockedError: somebody else holds them.
        OutputError: the directory cannot be made or written.

    """
    lock = None
    try:
        books.mkdir(parents=True, exist_ok=True)
        lock = FileLock(books / ".lock", timeout=0)
        lock.acquire()
    except Timeout:
        message = f"another run holds the books in {books.name}"
        raise LockedError(message, advice="Wait until it has finished.") from None
    except (OSError, ValueError, RuntimeError) as error:
        message = f"the books in {books} cannot be written: {getattr(error, 'strerror', None) or error}"
        raise OutputError(message) from None
    try:
        yield
    finally:
        lock.release()


HEAD = "head.json"


def keep_head(books: Path, found: Shelf) -> None:
    """Write down what is last in the books; whole or not at all. Done before a month is written, and after it.

    So books without a head are not as fairpay left them, and a head is behind by one entry at most.

    Raises:
        OutputError: it cannot be written. The month is in the books all the same, and the next run writes it.

    """
    last = found.head
    said = as_kept("", "") if last is None else as_kept(last.directory.name, last.sha256)
    if said == read_head(books):
        return
    try:
        with disk.replacing(books / HEAD) as made:
            write_json(said, made)
        disk.sync_directory(books)
    except OSError as error:
        message = f"{books / HEAD} could not be written: {error.strerror or error}"
        raise OutputError(message, advice="The books are whole; run the same command again.") from error


def read_head(books: Path) -> dict[str, Any] | None:
    """What was kept; None where nothing was, and an empty one where any byte is not as it was written."""
    try:
        data = read_plain(books / HEAD)
        said = json.loads(data)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) and as_json(said) == data else {}


def gone(books: Path, found: Shelf) -> str:
    """Say what the head knows of and the books do not hold; empty where they hold it."""
    said = read_head(books)
    if said is None:
        return f"{HEAD} is missing: nobody can say that the last months are here" if found.months else ""
    name, sha256 = said.get("last"), said.get("manifest_sha256")
    if not isinstance(name, str) or not isinstance(sha256, str) or as_kept(name, sha256) != said:
        return f"{HEAD} was changed"
    known = {entry.directory.name: entry for entry in found.entries}
    if not name:
        return f"{HEAD} knows of no month, and {len(known)} are here" if len(known) > 1 else ""
    if name not in known:
        return f"{name}, which was written last, is gone"
    return "" if known[name].sha256 == sha256 else f"{name}, which was written last, was changed"


def as_kept(name: str, sha256: str) -> dict[str, Any]:
    """What is kept: the last entry's directory, and the sha256 of its manifest, which names the entry before it."""
    return {"schema_version": 1, "last": name, "manifest_sha256": sha256}


def check_head(books: Path, found: Shelf) -> None:
    """Refuse to go on with books whose last month is gone: the next would be closed on other balances.

    Raises:
        InputError: naming it.

    """
    if (books / HEAD).exists() and (fault := gone(books, found)):
        message = f"the books are not as they were written: {fault}"
        raise InputError(message, advice="Run `fairpay verify --books` and restore the books from a copy.")


def already(entry: Entry) -> tuple[Control, ...]:
    """Check that a closed month is as it was written.

    Raises:
        InputError: it is not.

    """
    broken = damage(entry.directory, entry.manifest)
    if broken:
        message = f"{entry.period} is closed, but not as it was written: {'; '.join(broken)}"
        raise InputError(message, advice="Run `fairpay verify --books` and restore the books from a copy.")
    controls: Sequence[Mapping[str, object]] = entry.manifest["controls"]
    return tuple(Control(str(c["name"]), bool(c["ok"]), str(c["detail"])) for c in controls)


LEFT = frozenset(
    {
        Kind.SUSPENSE_RELEASE,
        Kind.RESERVE_RELEASE,
        Kind.RECOUP,
        Kind.RESERVE_HOLD,
        Kind.SUSPENSE,
        Kind.CARRY_OUT,
    }
)
"""The kinds of ledger rows that months to come depend on."""
ACCOUNT = ("payee", "currency")
SUSPENSE = ("pool", *ACCOUNT)
RESERVES = ("ref_period", *ACCOUNT)
RECOUPED = ("counterparty", *ACCOUNT)


def none_of(keys: Sequence[str]) -> pl.DataFrame:
    return EMPTY.select(*keys, wide(), "scale", "run_id", "period")


@dataclass(frozen=True, slots=True)
class Balances:
    """The state of the books between two months. `run_id` and `period` are of the last row that added to an amount."""

    carried: pl.DataFrame = field(default_factory=partial(none_of, ACCOUNT))
    """payee, currency, amount, scale, run_id, period: what the last month carried out; below zero where owed."""
    held: pl.DataFrame = field(default_factory=partial(none_of, SUSPENSE))
    """pool and the same: what went to suspense less what left it, zeros among them."""
    kept: pl.DataFrame = field(default_factory=partial(none_of, RESERVES))
    """ref_period (the month it was held in) and the same: what went to reserve less what was released, zeros too."""
    recouped: pl.DataFrame = field(default_factory=partial(none_of, RECOUPED))
    """counterparty (the name of an advance) and the same: what was earned back."""

    @property
    def suspense(self) -> pl.DataFrame:
        """What is in suspense now; below zero where a correction took back more than was held."""
        return self.held.filter(pl.col("amount") != 0)

    @property
    def reserves(self) -> pl.DataFrame:
        """What is in reserve now."""
        return self.kept.filter(pl.col("amount") != 0)

    @property
    def earned_back(self) -> dict[tuple[str, str, str], int]:
        """(advance, payee, currency) -> minor units."""
        columns = self.recouped.select(*RECOUPED, "amount").iter_rows()
        return {(advance, payee, currency): amount for advance, payee, currency, amount in columns}

    def after(self, ledger: Ledger) -> Balances:
        """The state after one more month."""

        def rows(kind: Kind, amount: pl.Expr, **changes: pl.Expr) -> pl.DataFrame:
            return ledger.frame.filter(is_kind(kind)).with_columns(amount, **changes)

        return Balances(
            carried=rows(Kind.CARRY_OUT, wide()).select(none_of(ACCOUNT).columns),
            held=added(SUSPENSE, self.held, rows(Kind.SUSPENSE_RELEASE, less()), rows(Kind.SUSPENSE, wide())),
            kept=added(
                RESERVES,
                self.kept,
                rows(Kind.RESERVE_HOLD, wide(), ref_period=pl.col("period")),
                rows(Kind.RESERVE_RELEASE, less()),
            ),
            recouped=added(RECOUPED, self.recouped, rows(Kind.RECOUP, less())),
        )


STANDING_ADVANCE = re.compile(r"(?P<payee>.+) / (?P<currency>[A-Z]{3}) / advance (?P<name>.+)")


def standing(left: Balances, advances: Mapping[str, int]) -> dict[str, dict[str, str]]:
    """What stands after a month: name -> currency -> major units; names and currencies with nothing are left out.

    `advances` are those of `MonthFacts`: `PAYEE / CURRENCY / advance NAME` -> minor units paid.
    """
    found = {"suspense": left.suspense, "reserve": left.reserves, "carried forward": left.carried}
    sums = {name: by(frame, "currency", "scale") for name, frame in found.items()}
    owed = sums["unrecouped advances"] = {}
    for key, paid in advances.items():
        payee, currency, name = STANDING_ADVANCE.findall(key)[0]
        scale = Currency.of(currency).digits
        more = paid - left.earned_back.get((name, payee, currency), 0)
        owed[currency, scale] = owed.get((currency, scale), 0) + more
    return {
        name: {currency: format_units(amount, scale) for (currency, scale), amount in amounts.items() if amount}
        for name, amounts in sums.items()
        if any(amounts.values())
    }


def added(keys: Sequence[str], before: pl.DataFrame, *rows: pl.DataFrame) -> pl.DataFrame:
    """Add rows to balances, key by key; the reference is to the last row that put money there."""
    names = before.columns
    known = [part.select(names).with_columns(adds=pl.col("amount") > 0) for part in rows]
    whole = pl.concat([before.with_columns(adds=pl.lit(value=True)), *known])
    last = (pl.col("run_id", "period").filter("adds").last()).fill_null("")
    found = whole.group_by(keys, maintain_order=True).agg(wide().sum(), pl.col("scale").first(), last)
    return found.select(names)


def balances(ledgers: Iterable[Ledger]) -> Balances:
    """Sum the ledgers of the closed months, oldest first."""
    found = Balances()
    for ledger in ledgers:
        found = found.after(ledger)
    return found
