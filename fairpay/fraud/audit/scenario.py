"""Scenarios: ways of faking listening, as small TOML files that are shown, copied and changed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairpay.errors import InputError, UsageError
from fairpay.money.currency import parse_rate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.resources.abc import Traversable

__all__ = ["USUAL", "Scenario", "find_scenario", "scenario_files", "scenario_names", "scenario_text"]

USUAL = ("one-account", "catalogue-flood")
"""What is played where nothing is asked for: as much as one account can, and as many artists as a thousand can."""
PAYERS = ("attacker", "fans")
DAY = 86_400
WHOLE = {
    "accounts": (1, 10_000_000),
    "streams_a_day": (1, DAY),
    "seconds": (1, DAY),
    "days": (1, 31),
    "artists": (1, 1_000_000),
    "camouflage_artists": (0, 1_000_000),
}
"""Keys that take a whole number, the least and the largest."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A way of faking listening. All accounts are alike."""

    name: str
    """The file's name without `.toml`."""
    title: str
    """What happens, in a few words."""
    accounts: int | Fraction
    """How many accounts are added; a fraction is the share of all fees they pay."""
    streams_a_day: int
    """Plays of each account a day."""
    source: str = ""
    """Where the numbers come from."""
    seconds: int | None = None
    """Length of each play; None: the mean length in the log."""
    days: int = 30
    artists: int = 1
    """Made-up artists the plays are spread over, evenly."""
    camouflage_share: Fraction = Fraction(0)
    """Part of the plays that goes to real artists, as cover."""
    camouflage_artists: int = 0
    """How many of the most heard real artists serve as cover."""
    fee: str = "median"
    """What each account pays: an amount, or the month's median fee."""
    paid_by: str = "attacker"
    """Whose money the fees are: `fans` pay them anyway, so that faking costs nothing."""


def scenario_names() -> list[str]:
    """Return the scenarios that come with fairpay, sorted."""
    return sorted(file.name.removesuffix(".toml") for file in folder().iterdir() if file.name.endswith(".toml"))


def folder() -> Traversable:
    """Return where they are."""
    return resources.files("fairpay.fraud.audit") / "scenarios"


def scenario_text(name: str) -> str:
    """Return a scenario's TOML, to be copied.

    Raises:
        UsageError: there is none of this name.

    """
    if name not in scenario_names():
        message = f"there is no scenario {name!r}"
        advice = f"The scenarios are: {', '.join(scenario_names())}; or give a file that ends in .toml."
        raise UsageError(message, advice=advice)
    return (folder() / f"{name}.toml").read_text(encoding="utf-8")


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
    """Read a scenario's TOML."""
    try:
        table = tomllib.loads(text, parse_float=str)
    except tomllib.TOMLDecodeError as problem:
        message = f"scenario {name} is not TOML: {problem}"
        raise InputError(
            message, advice="Copy one: `fairpay audit --show-scenario one-account > mine.toml`."
        ) from problem
    refuse_unknown(name, table)
    values = {key: value_of(name, key, value) for key, value in table.items()}
    scenario = Scenario(name=name, **values)
    check(scenario)
    return scenario


def refuse_unknown(name: str, table: Mapping[str, Any]) -> None:
    """Stop at keys that mean nothing and at those that are missing, naming all that there are."""
    allowed = [field.name for field in fields(Scenario) if field.name != "name"]
    unknown = [key for key in table if key not in allowed]
    missing = [key for key in ("title", "accounts", "streams_a_day") if key not in table]
    if unknown or missing:
        found = [f"unknown {', '.join(map(repr, unknown))}"] * bool(unknown) + [f"no {', '.join(missing)}"] * bool(
            missing
        )
        message = f"scenario {name}: {' and '.join(found)}"
        raise UsageError(message, advice=f"Its keys are: {', '.join(allowed)}.")


def value_of(name: str, key: str, value: Any) -> Any:  # noqa: ANN401 - any TOML value
    """Read one value; shares are text such as `1%`."""
    if key in WHOLE and type(value) is int and WHOLE[key][0] <= value <= WHOLE[key][1]:
        return value
    if key in {"accounts", "camouflage_share"} and isinstance(value, str):
        share = parse_rate(value)
        if share < 1 and (share > 0 or key == "camouflage_share"):
            return share
    if key in {"title", "source", "fee"} and isinstance(value, str):
        return value
    if key == "paid_by" and value in PAYERS:
        return value
    message = f"scenario {name}: {key} is {value!r}"
    raise UsageError(message, advice=f"{key} takes {takes(key)}.")


def takes(key: str) -> str:
    """Say what a key takes."""
    if key in WHOLE:
        more = ', or a share of all fees below 100%, such as "1%"' if key == "accounts" else ""
        return f"a whole number from {WHOLE[key][0]} to {WHOLE[key][1]:,}{more}"
    words = {"camouflage_share": 'a share from 0 to below 100%, such as "60%"', "paid_by": " or ".join(PAYERS)}
    return words.get(key, "text in quotes")


def check(scenario: Scenario) -> None:
    """Refuse what cannot be played."""
    if scenario.seconds is not None and scenario.seconds * scenario.streams_a_day > DAY:
        message = f"scenario {scenario.name}: {scenario.streams_a_day} plays of {scenario.seconds} s exceed a day"
        raise UsageError(message, advice=f"At that length a day holds {DAY // scenario.seconds:,} plays.")
    if (scenario.camouflage_share > 0) != (scenario.camouflage_artists > 0):
        message = f"scenario {scenario.name}: camouflage needs both camouflage_share and camouflage_artists"
        raise UsageError(message, advice="Give both, or neither.")
