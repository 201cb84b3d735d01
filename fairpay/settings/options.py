"""The options of the Python door, and how they become settings. The command line passes the same names."""

from __future__ import annotations

import codecs
import os
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from fairpay.errors import UsageError
from fairpay.money.currency import exact_amount, parse_rate
from fairpay.settings.values import Conditions, MoneyStated, Qualifying, Reading, Running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = [
    "DEFAULTS",
    "Options",
    "complete",
    "conditions",
    "meant",
    "moment",
    "qualifying",
    "reading",
    "running",
    "size",
    "stated",
]


class Options(TypedDict, total=False):
    """Options of every job that reads logs. Amounts are text, so that no cent passes through a float."""

    columns: Mapping[str, str] | None
    """role -> column (`user`, `artist`, `plays`, `seconds`, `ms`, `time`); None: found by their names."""
    format: Literal["csv", "parquet", "json", "xlsx"] | None
    encoding: str | None
    separator: str | None
    quote: bool
    header: bool
    decimal: Literal[".", ","]
    day_first: bool
    user_from_file: bool
    user_from_folder: bool
    several_artists: Literal["joined", "first", "split"]
    repeats: Literal["keep", "drop", "refuse"]
    max_without_artist: str
    """The part of plays without an artist above which `pay` refuses."""
    strict: bool
    """Whether a warning stops the run."""
    rejects: str | Path | None
    """Where bad rows go; None: bad rows stop the run."""
    min_seconds: str | int
    """Shorter listens do not count, where the log has a duration."""
    since: str | date | None
    """First day or moment of the period."""
    until: str | date | None
    """Last day of the period (the whole day counts), or the first moment after it."""
    measure: Literal["time", "plays"] | None
    pool: str | int | None
    fee: str | int | None
    subscribers: str | Path | None
    royalty_rate: str
    currency: str
    inactive: Literal["share", "hold"]
    unlisted: Literal["free", "leave-out", "refuse"]
    artists: str | Path | None
    decisions: str | Path | None
    """A review file that a person has filled in."""
    policy: str | None
    """A policy by name, or a `.toml` file: play weights, boosts, thresholds, and defaults for rule and measure."""
    history: str | Path | None
    kappa: str | int
    wishes: str | Path | None
    delegations: str | Path | None
    viscosity: str
    delegate_cap: str | int
    memory: str | int | None
    threads: int | None
    batch_rows: int | None
    temp_dir: str | Path | None
    say: Callable[[str], None] | None
    """Takes sentences for the reader."""
    progress: Callable[[int, int], None] | None
    """Takes rows and bytes of each batch read; called from threads."""
    output: str | Path | None
    """Write the run to this directory."""
    force: bool
    """Replace another finished run there."""
    origins: Mapping[str, tuple[Any, str]] | None
    """option -> (value, where it came from), for the manifest."""


DEFAULTS: Options = {
    "columns": None,
    "format": None,
    "encoding": None,
    "separator": None,
    "quote": True,
    "header": True,
    "decimal": ".",
    "day_first": False,
    "user_from_file": False,
    "user_from_folder": False,
    "several_artists": "joined",
    "repeats": "keep",
    "max_without_artist": "20%",
    "strict": False,
    "rejects": None,
    "min_seconds": "30",
    "since": None,
    "until": None,
    "measure": None,
    "pool": None,
    "fee": None,
    "subscribers": None,
    "royalty_rate": "100%",
    "currency": "EUR",
    "inactive": "share",
    "unlisted": "free",
    "artists": None,
    "decisions": None,
    "policy": None,
    "history": None,
    "kappa": "20",
    "wishes": None,
    "delegations": None,
    "viscosity": "1/2",
    "delegate_cap": "10",
    "memory": None,
    "threads": None,
    "batch_rows": None,
    "temp_dir": None,
    "say": None,
    "progress": None,
    "output": None,
    "force": False,
    "origins": None,
}
CHOICES: dict[str, tuple[str, ...]] = {
    "decimal": (".", ","),
    "several_artists": ("joined", "first", "split"),
    "repeats": ("keep", "drop", "refuse"),
}
PATHS = ("rejects", "subscribers", "artists", "decisions", "history", "wishes", "delegations", "temp_dir", "output")
"""Options that take a path."""
SIZES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def meant(name: str, known: Iterable[str]) -> str:
    """Say which word was perhaps meant; empty where none is near."""
    import difflib  # noqa: PLC0415 - only after a mistake

    plain = {one.replace("-", "").replace("_", "").lower(): one for one in known}
    near = difflib.get_close_matches(name.replace("-", "").replace("_", "").lower(), plain, n=1, cutoff=0.75)
    return f"Did you mean {plain[near[0]]}?" if near else ""


def complete(options: Mapping[str, Any]) -> Options:
    """Fill in defaults; a number with a point is taken as its shortest text, `0.7`, and exactly that.

    Raises:
        UsageError: an option there is none of, or one of a type that it cannot have.

    """
    unknown = [name for name in options if name not in DEFAULTS]
    if unknown:
        message = f"there is no option {unknown[0]}"
        raise UsageError(message, advice=meant(unknown[0], DEFAULTS) or "See fairpay.settings.options.Options.")
    for name in PATHS:
        value = options.get(name)
        if value is not None and not isinstance(value, str | os.PathLike):
            message = f"{name} is a {type(value).__name__}: give the path of a file"
            raise UsageError(message, advice="Write it to a file first; only logs may be a table in memory.")
    texts = {name: str(value) for name, value in options.items() if isinstance(value, float | Decimal | Fraction)}
    full: Any = {**DEFAULTS, **options, **texts}
    return full  # type: ignore[no-any-return] # keys were checked


def reading(options: Options) -> Reading:
    """Say how to read the logs.

    Raises:
        UsageError: an encoding that is not known, or a value that is none of those allowed.

    """
    for name, allowed in CHOICES.items():
        if options[name] not in allowed:  # type: ignore[literal-required] # a name of CHOICES
            message = f"--{name.replace('_', '-')} {options[name]}: there is no such choice"  # type: ignore[literal-required]
            raise UsageError(message, advice=f"Choose from {', '.join(allowed)}.")
    return Reading(
        columns=dict(options["columns"] or {}),
        format=options["format"],
        encoding=encoding(options["encoding"]),
        separator=options["separator"],
        quote=options["quote"],
        header=options["header"],
        decimal=options["decimal"],
        day_first=options["day_first"],
        user_from_file=options["user_from_file"],
        user_from_folder=options["user_from_folder"],
        several_artists=options["several_artists"],
        repeats=options["repeats"],
        max_without_artist=parse_rate(options["max_without_artist"]),
        strict=options["strict"],
        rejects=as_path(options["rejects"]),
    )


def encoding(name: str | None) -> str | None:
    """Take the name of an encoding; UTF-8 is what is read anyway.

    Raises:
        UsageError: Python knows none of that name.

    """
    if name is None:
        return None
    try:
        found = codecs.lookup(name).name
    except LookupError:
        message = f"--encoding {name}: there is no such encoding"
        raise UsageError(message, advice="Write utf-16, latin-1, cp1252 or another name that Python knows.") from None
    return None if found == "utf-8" else found


def qualifying(options: Options) -> Qualifying:
    """Say which listens count.

    Raises:
        UsageError: a length finer than a millisecond, or a period that is none.

    """
    least = exact_amount(str(options["min_seconds"])) * 1000
    if least.denominator != 1 or least < 0:
        message = f"--min-seconds {options['min_seconds']}: give whole milliseconds, 0 or more"
        raise UsageError(message)
    since = None if options["since"] is None else moment(options["since"])
    until = None if options["until"] is None else moment(options["until"], end=True)
    if since is not None and until is not None and since >= until:
        message = f"the period ends ({options['until']}) before it begins ({options['since']})"
        raise UsageError(message)
    return Qualifying(int(least), since, until, options["measure"])


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


def stated(options: Options) -> MoneyStated:
    """Say what money there is."""
    pool, fee = (None if options[name] is None else str(options[name]) for name in ("pool", "fee"))
    return MoneyStated(
        pool=pool,
        fee=fee,
        subscribers=as_path(options["subscribers"]),
        rate=parse_rate(options["royalty_rate"]),
        currency=options["currency"],
        inactive=options["inactive"],
        unlisted=options["unlisted"],
    )


def conditions(options: Options) -> Conditions:
    """Say what bears on listening between qualifying and the rule.

    Raises:
        UsageError: a number that is none.

    """
    return Conditions(
        policy=options["policy"],
        history=as_path(options["history"]),
        kappa=number("kappa", options["kappa"]),
        wishes=as_path(options["wishes"]),
        delegations=as_path(options["delegations"]),
        viscosity=number("viscosity", options["viscosity"]),
        delegate_cap=number("delegate-cap", options["delegate_cap"]),
    )


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


def running(options: Options) -> Running:
    """Say how to run.

    Raises:
        UsageError: a memory limit that is no size, or no thread or row at all.

    """
    for name in ("threads", "batch_rows"):
        count = options[name]
        if count is not None and count < 1:
            message = f"--{name.replace('_', '-')} {count}: give 1 or more"
            raise UsageError(message)
    memory = None if options["memory"] is None else size(str(options["memory"]))
    return Running(memory, options["threads"], options["batch_rows"], as_path(options["temp_dir"]))


def size(text: str) -> int:
    """Read a size: `2GB`, `500MB`, `1.5G` or bytes, with decimal prefixes.

    Raises:
        UsageError: when it is none, or under 64 MB, too little to work in.

    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not found:
        message = f"{text!r} is not a size"
        raise UsageError(message, advice="Write 2GB or 500MB.")
    count = int(exact_amount(found[1]) * SIZES[found[2].upper()])
    if count < 64 * SIZES["M"]:
        message = f"--memory {text} is too little"
        raise UsageError(message, advice="Give 64MB or more.")
    return count


def as_path(given: str | Path | None) -> Path | None:
    """Make a path of a path's text."""
    return None if given is None else Path(given)
