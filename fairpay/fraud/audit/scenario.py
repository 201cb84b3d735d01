"""Scenarios: ways of faking listening, as small TOML files, and as accounts on a given month."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fairpay.errors import InputError, UsageError
from fairpay.money.currency import Currency, parse_rate, round_half_even
from fairpay.pipeline.joined import Accounts, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.fraud.audit.months import Baseline
    from fairpay.kernels.arrays import Ints

__all__ = [
    "USUAL",
    "Attack",
    "Scenario",
    "find_scenario",
    "plan",
    "scenario_files",
    "scenario_names",
    "scenario_text",
]

FOLDER = resources.files("fairpay.fraud.audit") / "scenarios"
USUAL = ("one-account", "catalogue-flood")
"""What is played where nothing is asked for: as much as one account can, and as many artists as a thousand can."""
DAY = 86_400
DAY_MS = 1000 * DAY
SHORTEST_MS = 31_000
"""How long a play takes at least, where neither scenario nor log says it."""
WHOLE = {
    "accounts": (1, 10_000_000),
    "streams_a_day": (1, DAY),
    "seconds": (1, DAY),
    "days": (1, 31),
    "artists": (1, 1_000_000),
    "camouflage_artists": (0, 1_000_000),
}
"""Keys that take a whole number, the least and the largest."""
PAYERS = ("attacker", "fans")


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
    try:
        table = tomllib.loads(text, parse_float=str)
    except tomllib.TOMLDecodeError as problem:
        message = f"scenario {name} is not TOML: {problem}"
        advice = "Copy one: `fairpay audit --show-scenario one-account > mine.toml`."
        raise InputError(message, advice=advice) from problem
    allowed = [one.name for one in fields(Scenario) if one.name != "name"]
    unknown = ", ".join(repr(key) for key in table if key not in allowed)
    missing = ", ".join(key for key in ("title", "accounts", "streams_a_day") if key not in table)
    wrong = [f"{what} {keys}" for what, keys in (("unknown", unknown), ("no", missing)) if keys]
    if wrong:
        message = f"scenario {name}: {' and '.join(wrong)}"
        raise UsageError(message, advice=f"Its keys are: {', '.join(allowed)}.")
    scenario = Scenario(name=name, **{key: value_of(name, key, value) for key, value in table.items()})
    if scenario.seconds is not None and scenario.seconds * scenario.streams_a_day > DAY:
        message = f"scenario {name}: {scenario.streams_a_day} plays of {scenario.seconds} s exceed a day"
        raise UsageError(message, advice=f"At that length a day holds {DAY // scenario.seconds:,} plays.")
    if (scenario.camouflage_share > 0) != (scenario.camouflage_artists > 0):
        message = f"scenario {name}: camouflage needs both camouflage_share and camouflage_artists"
        raise UsageError(message, advice="Give both, or neither.")
    return scenario


def value_of(name: str, key: str, value: Any) -> Any:  # noqa: ANN401 - any TOML value
    """Read one value; shares are text such as `1%`."""
    text, takes = isinstance(value, str), "text in quotes"
    if key in WHOLE:
        takes = f"a whole number from {WHOLE[key][0]} to {WHOLE[key][1]:,}"
        if type(value) is int and WHOLE[key][0] <= value <= WHOLE[key][1]:
            return value
    if key == "accounts":
        takes += ', or a share of all fees below 100 %, such as "1%"'
        if text and 0 < (share := parse_rate(value)) < 1:
            return share
    elif key == "camouflage_share":
        takes = 'a share from 0 to below 100 %, such as "60%"'
        if text and (share := parse_rate(value)) < 1:
            return share
    elif key == "paid_by":
        takes = " or ".join(PAYERS)
        if value in PAYERS:
            return value
    elif key not in WHOLE and text:
        return value
    message = f"scenario {name}: {key} is {value!r}"
    raise UsageError(message, advice=f"{key} takes {takes}.")


@dataclass(frozen=True)
class Attack:
    """A scenario as it is played on a month, which it does not hold on to."""

    scenario: Scenario
    count: int
    """Accounts added."""
    fee: int
    """What each pays, in fee units."""
    price: Fraction
    """What all of them pay, in minor units, not rounded."""
    fee_share: Fraction
    """Their part of all fees of users with listening."""
    pool: int
    """The pool with their fees in it."""
    play_ms: int
    """How long a play takes."""
    timed: bool
    """Whether listening is counted in milliseconds."""
    cover: Ints = field(compare=False)
    """int64[n]: codes of the real artists that serve as cover."""
    artists: int
    """Artists of the month; codes from here on are made-up artists."""

    @property
    def fees(self) -> int:
        """What all accounts pay, in minor units."""
        return round_half_even(self.price)

    @property
    def cost(self) -> int:
        """The same, or 0 where fans pay their fees anyway."""
        return self.fees if self.scenario.paid_by == "attacker" else 0

    @property
    def most_plays(self) -> int:
        """How many plays of this length fit into all the days."""
        return max(1, DAY_MS // self.play_ms) * self.scenario.days

    @property
    def accounts(self) -> Accounts:
        """The accounts, playing as much as the scenario says, or as a day holds."""
        return self.playing(min(self.scenario.streams_a_day, DAY_MS // self.play_ms) * self.scenario.days)

    def playing(self, plays: int) -> Accounts:
        """The accounts with so many plays each: first the cover, then the made-up artists, both evenly."""
        hidden = int(plays * self.scenario.camouflage_share)
        real, new = spread(hidden, len(self.cover)), spread(plays - hidden, self.scenario.artists)
        codes = np.concatenate([self.cover[: len(real)], self.artists + np.arange(len(new))])
        amount = np.concatenate([real, new]) * (self.play_ms if self.timed else 1)
        return Accounts(self.count, self.fee, codes, amount, plays)


def plan(scenario: Scenario, baseline: Baseline) -> Attack:
    """Work out how many accounts there are, what they pay and how long they play.

    A play is never shorter than the qualifying length, since it would not count.

    Raises:
        UsageError: a fee that is no amount, or an amount where only a pool is stated.

    """
    facts, fee, count = baseline.facts, fee_of(scenario, baseline), scenario.accounts
    if isinstance(count, Fraction):
        count = max(1, round_half_even(count / (1 - count) * facts.fees / fee))
    usual = round_half_even(baseline.play) if baseline.timed else SHORTEST_MS
    wanted = usual if scenario.seconds is None else scenario.seconds * 1000
    return Attack(
        scenario=scenario,
        count=count,
        fee=fee,
        price=baseline.money(count * fee),
        fee_share=Fraction(count * fee, facts.fees + count * fee),
        pool=baseline.pool_with(count * fee),
        play_ms=min(DAY_MS, max(1, wanted, baseline.least_ms)),
        timed=baseline.timed,
        cover=baseline.order[: scenario.camouflage_artists].copy(),
        artists=facts.artists,
    )


def fee_of(scenario: Scenario, baseline: Baseline) -> int:
    if scenario.fee == "median":
        return baseline.fee
    if not baseline.facts.fees_are_money:
        message = f"scenario {scenario.name}: fee is {scenario.fee!r}, but it is not known what listeners paid"
        raise UsageError(message, advice='State --fee or --subscribers, or write fee = "median".')
    fee = Currency("", baseline.facts.digits).units(scenario.fee)
    if not fee:
        message = f"scenario {scenario.name}: fee is 0"
        raise UsageError(message, advice="What an account earns is held against its fee: give one above 0.")
    return fee
