"""Scenarios: ways of faking listening, as small TOML files.

Made-up artists are played by accounts that are added (`accounts`, or as many as `streams` takes), by real listeners
(`listeners`) beside what they play (`streams_a_day`) or instead of a part of it (`instead`), or by both.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fairpay.adjust.policy import Reads
from fairpay.errors import InputError, UsageError
from fairpay.money.currency import parse_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = [
    "USUAL",
    "Scenario",
    "find_scenario",
    "scenario_files",
    "scenario_names",
    "scenario_text",
]

FOLDER = resources.files("fairpay.fraud.audit") / "scenarios"
USUAL = ("one-account", "catalogue-flood")
"""What is played where nothing is asked for: as much as one account can, and as many artists as a thousand can."""
DAY = 86_400


def whole(least: int, most: int) -> Reads:
    """Read a whole number between two."""
    words = f"a whole number from {least} to {most:,}"
    return Reads(lambda value: value if type(value) is int and least <= value <= most else None, words)


def share(words: str, fits: Callable[[Fraction], bool] = bool) -> Reads:
    """Read a share, `1%` or `1/100` in quotes."""

    def read(value: Any) -> Fraction | None:  # noqa: ANN401 - any TOML value
        try:
            part = parse_rate(value) if isinstance(value, str) else None
        except UsageError:
            return None
        return part if part is not None and fits(part) else None

    return Reads(read, words)


Text = Annotated[str, Reads(lambda value: value if isinstance(value, str) else None, "text in quotes")]
Payer = Annotated[str, Reads(lambda value: value if value in ("attacker", "fans") else None, "attacker or fans")]
People = Annotated[int, whole(1, 10_000_000)]
Names = Annotated[int, whole(1, 1_000_000)]
InADay = Annotated[int, whole(1, DAY)]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A way of faking listening. All accounts that are added are alike."""

    name: str
    """The file's name without `.toml`."""
    title: Text
    """What happens, in a few words."""
    accounts: (
        People | Annotated[Fraction, share('a share of all fees below 100 %, such as "1%"', lambda part: 0 < part < 1)]
    ) = 0
    """How many accounts are added; a fraction is the share of all fees they pay."""
    streams_a_day: InADay = 0
    """Plays of each account a day; where none are added, on each listener's account beside what its owner plays."""
    streams: Annotated[
        Fraction | None, share('a share of all streams below 100 %, such as "3%"', lambda part: 0 < part < 1)
    ] = None
    """Part of all streams, these among them, that is of the made-up artists: as many accounts are added as it takes."""
    by_accounts: Annotated[Fraction, share('a share of these streams, such as "85%"')] = Fraction(1)
    """Part of these streams that the accounts play; the rest is played by `listeners`, instead of others."""
    listeners: People | Annotated[Fraction, share('a share of the listeners who pay, such as "1%"')] = 0
    """How many real listeners who pay are reached; a fraction is a part of them."""
    instead: Annotated[Fraction, share('a share of what each of them plays, such as "10%"')] = Fraction(0)
    """Part of what each of these plays that made-up artists take the place of."""
    source: Text = ""
    """Where the numbers come from."""
    seconds: InADay | None = None
    """Length of each play; None: the mean length in the log."""
    days: Annotated[int, whole(1, 31)] = 30
    artists: Names = 1
    """Made-up artists the plays are spread over, evenly."""
    camouflage_share: Annotated[
        Fraction, share('a share from 0 to below 100 %, such as "60%"', lambda part: part < 1)
    ] = Fraction(0)
    """Part of the plays that goes to real artists, as cover."""
    camouflage_artists: Annotated[int, whole(0, 1_000_000)] = 0
    """How many of the most heard real artists serve as cover."""
    fee: Text = "median"
    """What each account pays: an amount, or the month's median fee."""
    paid_by: Payer = "attacker"
    """Whose money the fees are: `fans` pay them anyway, so that faking costs nothing."""


def scenario_names() -> list[str]:
    """Return the scenarios that come with fairpay, sorted."""
    return sorted(file.name.removesuffix(".toml") for file in FOLDER.iterdir() if file.name.endswith(".toml"))


def scenario_text(name: str) -> str:
    """Return a scenario's TOML, to be copied.

    Raises:
        UsageError: there is none of this name.

    """
    if name not in scenario_names():
        message = f"there is no scenario {name!r}"
        advice = f"The scenarios are: {', '.join(scenario_names())}; or give a file that ends in .toml."
        raise UsageError(message, advice=advice)
    return (FOLDER / f"{name}.toml").read_text(encoding="utf-8")


def find_scenario(given: str) -> Scenario:
    """Read a scenario by its name, or from a file whose name ends in `.toml`.

    Raises:
        UsageError: an unknown name or key, or a value out of range; the message names what is allowed.
        InputError: the file cannot be read, or is not TOML.

    """
    if not given.endswith(".toml"):
        return read(given, scenario_text(given))
    try:
        text = Path(given).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        message = f"{given} cannot be read: {getattr(problem, 'strerror', None) or 'it is not UTF-8 text'}"
        raise InputError(message, advice="Give a TOML file; `fairpay audit --scenarios` lists examples.") from problem
    return read(Path(given).stem, text)


def scenario_files(given: Sequence[str]) -> tuple[str, ...]:
    """Return those that are files of the user's own: they are inputs of a run."""
    return tuple(name for name in given if name.endswith(".toml"))


def read(name: str, text: str) -> Scenario:
    """Read a scenario's TOML: keys first, then each value, then what cannot be played."""
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - slow to load

    try:
        table = tomllib.loads(text, parse_float=str)
    except tomllib.TOMLDecodeError as problem:
        message = f"scenario {name} is not TOML: {problem}"
        advice = "Copy one: `fairpay audit --show-scenario one-account > mine.toml`."
        raise InputError(message, advice=advice) from problem
    allowed = [one.name for one in fields(Scenario) if one.name != "name"]
    unknown = ", ".join(repr(key) for key in table if key not in allowed)
    alone = "listeners" in table and not {"accounts", "streams"} & {*table}
    needed = {"title": True, "accounts": not alone and "streams" not in table, "streams_a_day": not alone}
    missing = ", ".join(key for key, is_needed in needed.items() if is_needed and key not in table)
    wrong = [f"{what} {keys}" for what, keys in (("unknown", unknown), ("no", missing)) if keys]
    if wrong:
        message = f"scenario {name}: {' and '.join(wrong)}"
        raise UsageError(message, advice=f"Its keys are: {', '.join(allowed)}.")
    try:
        scenario = TypeAdapter(Scenario).validate_python({"name": name, **table})
    except ValidationError as problem:
        faults = [(one["loc"][0], one["msg"]) for one in problem.errors() if one["type"] == "unread"]
        key = next(key for key in table if key in dict(faults))
        message = f"scenario {name}: {key} is {table[key]!r}"
        said = ", or ".join(words for at, words in faults if at == key)
        raise UsageError(message, advice=f"{key} takes {said}.") from None
    for said, advice in unplayable(scenario, frozenset(table)):
        message = f"scenario {name}: {said}"
        raise UsageError(message, advice=advice)
    return scenario


def unplayable(scenario: Scenario, given: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Say what cannot be played, and what to do."""
    if scenario.seconds is not None and scenario.seconds * scenario.streams_a_day > DAY:
        advice = f"At that length a day holds {DAY // scenario.seconds:,} plays."
        yield f"{scenario.streams_a_day} plays of {scenario.seconds} s exceed a day", advice
    if (scenario.camouflage_share > 0) != (scenario.camouflage_artists > 0):
        yield "camouflage needs both camouflage_share and camouflage_artists", "Give both, or neither."
    yield from at_odds(given, rest=scenario.by_accounts < 1)
    if not {"accounts", "streams"} & given:
        yield from alone_at_odds(given)


def at_odds(given: frozenset[str], *, rest: bool) -> Iterator[tuple[str, str]]:
    """Say which keys contradict each other; `rest` is whether listeners play some of the streams."""
    if {"accounts", "streams"} <= given:
        yield "accounts and streams both say how many accounts there are", "Give one of them."
    if "by_accounts" in given and "streams" not in given:
        yield "by_accounts is a part of streams, and there is no streams", "Give streams, too."
    if "instead" in given and "listeners" not in given:
        yield "instead is a part of what listeners play, and there are no listeners", "Give listeners, too."
    if "streams" in given and (rest != ("listeners" in given) or "instead" in given):
        advice = "Give listeners with by_accounts below 100 %, and without instead: what is left of streams is theirs."
        yield "streams says what accounts and listeners play", advice
    if {"accounts", "listeners"} <= given and "instead" not in given:
        yield "it is not said what the listeners play", "Give instead; streams_a_day is of the accounts."


def alone_at_odds(given: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The same where listeners are reached and no accounts are added."""
    if more := sorted({"fee", "paid_by"} & given):
        yield f"{' and '.join(more)} without accounts", "Listeners pay what they pay: leave it out."
    if not {"streams_a_day", "instead"} & given:
        yield "it is not said what the listeners play", "Give streams_a_day, instead, or both."
    if "streams_a_day" not in given and (more := sorted({"seconds", "days", "camouflage_share"} & given)):
        yield f"{' and '.join(more)} without streams_a_day", "What is played instead lasts as long: leave it out."
