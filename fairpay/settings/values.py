"""What a run is asked to do, whoever asks, as the stages take it: options with their text read, by group."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

from fairpay.errors import UsageError
from fairpay.money.currency import exact_amount, parse_rate
from fairpay.settings.option import defaults
from fairpay.settings.options import CompareOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "Bound",
    "Conditions",
    "MoneyStated",
    "Qualifying",
    "Reading",
    "Running",
    "milliseconds",
    "moment",
    "number",
    "size",
]

Measure: TypeAlias = Literal["time", "plays"]
SIZES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def encoding(name: str) -> str | None:
    """Take the name of an encoding; UTF-8 is what is read anyway.

    Raises:
        UsageError: Python knows none of that name.

    """
    try:
        found = codecs.lookup(name).name
    except LookupError:
        message = f"--encoding {name}: there is no such encoding"
        raise UsageError(message, advice="Write utf-16, latin-1, cp1252 or another name that Python knows.") from None
    return None if found == "utf-8" else found


def milliseconds(seconds: str | int | Fraction) -> int:
    """Read a number of seconds, and return milliseconds.

    Raises:
        UsageError: a length finer than a millisecond, or negative.

    """
    least = (seconds if isinstance(seconds, Fraction) else exact_amount(str(seconds))) * 1000
    if least.denominator != 1 or least < 0:
        message = f"--min-seconds {seconds}: give whole milliseconds, 0 or more"
        raise UsageError(message)
    return int(least)


def moment(when: str | date, *, end: bool = False) -> int:
    """Return microseconds since 1970 of a day or a moment, UTC where no zone is given.

    At the end of a period a plain day counts whole: the moment is the start of the next day.

    Raises:
        UsageError: when it is neither.

    """
    text = when.isoformat() if isinstance(when, date) else when.strip()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is neither a day nor a moment"
        raise UsageError(message, advice="Write 2026-10-01 or 2026-10-01T12:00:00Z.") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    if end and re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", text):
        found += timedelta(days=1)
    return (found - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def number(name: str, text: str | int) -> Fraction:
    """Read a number that is not money: `20`, `0.5`, `1/2`.

    Raises:
        UsageError: when it is none.

    """
    try:
        return Fraction(str(text))
    except (ValueError, ZeroDivisionError):
        message = f"--{name} {text}: not a number"
        raise UsageError(message, advice="Write 20, 0.5 or 1/2.") from None


def share(text: str | int) -> Fraction:
    """Read a share, see `parse_rate`."""
    return parse_rate(str(text))


@dataclass(frozen=True, slots=True)
class Bound:
    """How many of a whole may be so: a number, or a part."""

    text: str
    most: Fraction
    of_all: bool
    """Whether `most` is a part of all."""

    def broken(self, found: int, of: int) -> bool:
        """Whether `found` of so many are more than may be."""
        return found > (self.most * of if self.of_all else self.most)


def bound(name: str, text: str | int) -> Bound:
    """Read `100` or `1%`.

    Raises:
        UsageError: when it is neither.

    """
    written = str(text).strip()
    if written.endswith("%"):
        return Bound(written, parse_rate(written), of_all=True)
    if not written.isdecimal():
        message = f"--{name} {written}: neither a number nor a percentage"
        raise UsageError(message, advice="Write 100 or 1%.")
    return Bound(written, Fraction(written), of_all=False)


def size(text: str | int) -> int:
    """Read a size: `2GB`, `500MB`, `1.5G` or bytes, with decimal prefixes.

    Raises:
        UsageError: when it is none, or under 64 MB, too little to work in.

    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", str(text).strip(), re.IGNORECASE)
    if not found:
        message = f"{text!r} is not a size"
        raise UsageError(message, advice="Write 2GB or 500MB.")
    count = int(exact_amount(found[1]) * SIZES[found[2].upper()])
    if count < 64 * SIZES["M"]:
        message = f"--memory {text} is too little"
        raise UsageError(message, advice="Give 64MB or more.")
    return count


READERS: Mapping[str, Callable[[Any], Any]] = {
    "columns": dict,
    "encoding": encoding,
    "min_seconds": milliseconds,
    "since": moment,
    "until": partial(moment, end=True),
    "memory": size,
    "max_rejects": partial(bound, "max-rejects"),
    "max_unlisted": partial(bound, "max-unlisted"),
    "kappa": partial(number, "kappa"),
    "viscosity": partial(number, "viscosity"),
    "delegate_cap": partial(number, "delegate-cap"),
    **dict.fromkeys(("pool", "fee"), str),
    **dict.fromkeys(("royalty_rate", "max_without_artist"), share),
    **dict.fromkeys(("rejects", "subscribers", "history", "wishes", "delegations", "temp_dir"), Path),
}
"""Options that are text -> what reads them; others are taken as they are."""
NAMES = {"min_ms": "min_seconds", "rate": "royalty_rate"}
"""What is called otherwise than its option."""


def same(value: Any) -> Any:  # noqa: ANN401 - any option
    """Take a value as it is."""
    return value


DEFAULT: dict[str, Any] = {
    name: None if value is None else READERS.get(name, same)(value) for name, value in defaults(CompareOptions).items()
}
"""Every option as by default, read."""


class FromOptions:
    """What is made of options: each field of the option of its name."""

    __slots__ = ()

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Read options; those that are not among them are as by default.

        Raises:
            UsageError: text that is not what the option takes.

        """
        named = {one.name: NAMES.get(one.name, one.name) for one in fields(cls)}  # type: ignore[arg-type] # a dataclass
        found = {name: options[option] for name, option in named.items() if options.get(option) is not None}
        return cls(**{name: READERS.get(named[name], same)(value) for name, value in found.items()})


@dataclass(frozen=True, slots=True)
class Reading(FromOptions):
    """How to read the logs."""

    columns: dict[str, str] = field(default_factory=dict)
    """role -> column name (or position from 1 where there is no header); empty: detected."""
    format: Literal["csv", "parquet", "json", "xlsx"] | None = None
    """None: by extension."""
    encoding: str | None = None
    """Encoding of text files; None: UTF-8."""
    decimal: Literal[".", ","] = DEFAULT["decimal"]
    """What stands before the fraction in numbers of text files; with a comma, points group thousands."""
    day_first: bool = DEFAULT["day_first"]
    """Whether dates of text files are written day, month, year."""
    separator: str | None = None
    """One character; None: detected."""
    quote: bool = DEFAULT["quote"]
    """Whether `"` quotes."""
    header: bool = DEFAULT["header"]
    """Whether a text file has a header line."""
    user_from_file: bool = DEFAULT["user_from_file"]
    """Take the file's name as the user, for personal exports."""
    user_from_folder: bool = DEFAULT["user_from_folder"]
    """Take the folder, or the archive, that a person's files lie in as the user."""
    several_artists: Literal["joined", "first", "split"] = DEFAULT["several_artists"]
    """What becomes of a play with a list of artists: one artist of this joined name, the first, or parts for all."""
    repeats: Literal["keep", "drop", "refuse"] = DEFAULT["repeats"]
    """What becomes of plays that are told twice."""
    max_without_artist: Fraction = DEFAULT["max_without_artist"]
    """The part of plays without an artist above which a payout is refused."""
    strict: bool = DEFAULT["strict"]
    """Whether a warning stops the run."""
    rejects: Path | None = None
    """Where bad rows go; None: bad rows stop the run."""
    max_rejects: Bound | None = None
    """How many rows may go there; None: any number."""
    late: dict[str, int] = field(default_factory=dict)
    """Path -> which correction of a closed month brought it; each may be of another format than the month's logs."""

    def __post_init__(self) -> None:
        """Refuse a limit on what is not set aside.

        Raises:
            UsageError: bad rows stop the run anyway.

        """
        if self.max_rejects is not None and self.rejects is None:
            message = "--max-rejects without --rejects: the first bad row stops the run anyway"
            raise UsageError(message, advice="Say with --rejects FILE where bad rows go.")


@dataclass(frozen=True, slots=True)
class Qualifying(FromOptions):
    """Which listens count."""

    min_ms: int = DEFAULT["min_seconds"]
    """Shorter listens are left out, where the log has a duration."""
    since: int | None = None
    """First moment of the period, microseconds since 1970 UTC; None: no bound."""
    until: int | None = None
    """First moment after the period, likewise."""
    measure: Measure | None = None
    """What listening is counted in; None: time where the log has a duration, else plays."""

    def __post_init__(self) -> None:
        """Refuse a period that is none.

        Raises:
            UsageError: it ends before it begins.

        """
        if self.since is not None and self.until is not None and self.since >= self.until:
            message = "the period ends before it begins"
            raise UsageError(message, advice="Give --from a day before --to.")


@dataclass(frozen=True, slots=True)
class MoneyStated(FromOptions):
    """The money to divide, as it was stated. At most one of pool, fee and subscribers is given."""

    pool: str | None = None
    """Total, in major units, as text."""
    fee: str | None = None
    """What each user with listening paid."""
    subscribers: Path | None = None
    """A file of user and paid."""
    rate: Fraction = DEFAULT["royalty_rate"]
    """Royalty rate on what is stated."""
    other_revenue: str | None = None
    """What was received besides subscriptions, of which a policy's pool takes part."""
    currency: str = DEFAULT["currency"]
    """ISO 4217 code."""
    inactive: Literal["share", "hold"] = DEFAULT["inactive"]
    """Money of subscribers who played nothing: shared by the rule's own weights, or held in suspense."""
    unlisted: Literal["free", "leave-out", "refuse"] = DEFAULT["unlisted"]
    """Listeners without a subscription line: counted as paying nothing, left out, or refused."""
    max_unlisted: Bound | None = None
    """How many of all listeners they may be; None: any number."""

    def __post_init__(self) -> None:
        """Refuse a limit on listeners that nobody counts.

        Raises:
            UsageError: there is no subscriber file.

        """
        if self.max_unlisted is not None and self.subscribers is None:
            message = "--max-unlisted without --subscribers: there is no file in which listeners could be missing"
            raise UsageError(message, advice="Give --subscribers FILE.")

    @property
    def known_rate(self) -> Fraction | None:
        """Alpha, where it is known: a pool stated without a rate says nothing of it."""
        return None if self.pool is not None and self.rate == 1 else self.rate


@dataclass(frozen=True, slots=True)
class Running(FromOptions):
    """How to run; nothing here changes a result."""

    memory: int | None = None
    """Bytes the engine may hold; None: half of what the machine has free."""
    threads: int | None = None
    """None: as many as there are processors to use."""
    batch_rows: int | None = None
    """Rows decoded at a time; None: chosen."""
    temp_dir: Path | None = None
    """Where partitions spill; None: the system's."""


@dataclass(frozen=True, slots=True)
class Conditions(FromOptions):
    """What bears on listening between qualifying and the rule: a policy, and what listeners themselves state."""

    policy: str | None = None
    """The name of a policy that comes with fairpay, or a `.toml` file."""
    history: Path | None = None
    """A file of user, artist and past plays."""
    kappa: Fraction = DEFAULT["kappa"]
    """How many plays a listener's own past counts for."""
    wishes: Path | None = None
    """A file of user, artist, kind (gift, block, boost) and amount."""
    delegations: Path | None = None
    """A file of user, delegate and share."""
    viscosity: Fraction = DEFAULT["viscosity"]
    """How much of delegated money is passed on at each step, from 0 to 99/100."""
    delegate_cap: Fraction = DEFAULT["delegate_cap"]
    """How many times the own fee a delegate may receive."""
