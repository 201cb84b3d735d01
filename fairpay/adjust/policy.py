"""Policy: what a service, or a law, pays by beside its rule: weights, boosts, thresholds, a pool; read from TOML."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeAlias

from fairpay.errors import UsageError

__all__ = [
    "Boost",
    "Completion",
    "Levy",
    "Policy",
    "Purpose",
    "Threshold",
    "Weight",
    "Withhold",
    "find_policy",
    "make_policy",
    "policy_file",
    "policy_names",
    "policy_text",
    "read_policy",
]

Per: TypeAlias = Literal["artist", "track"]
NUMBER = re.compile(r"\d{1,6}(\.\d{1,4})?|\d{1,4}/\d{1,4}")
COLUMNS = ("active", "category", "spatial", "context")
MEASURES = ("time", "plays")
AMOUNTS = {"times", "min_seconds", "fee_share", "least", "most"}
RANGES = {**dict.fromkeys(("delta", "part", "other_share"), "above 0, up to 1"), "share": "between 0 and 1"}
"""Numbers that are parts of a whole, and what they can be."""


@dataclass(frozen=True, slots=True)
class Weight:
    """Plays whose column holds one of some values count `times`."""

    name: str
    column: str
    """`active`, `category`, `spatial` or `context`: a column of the log, else of the artist file."""
    values: tuple[str, ...]
    """Compared as text, in lower case."""
    times: Fraction
    min_seconds: Fraction = Fraction(0)
    """Such plays count only from this length."""


@dataclass(frozen=True, slots=True)
class Completion:
    """Plays that were not played to the end count 1 - delta. Those of which it is not known count 1."""

    delta: Fraction
    """Above 0, up to 1; none is published."""
    values: tuple[str, ...] = ("trackdone",)
    """Of the log's column `reason_end`, where it says that a play went to the end; in lower case."""
    part: Fraction = Fraction(19, 20)
    """Of the length of the track, `track_ms`, from which a play went to the end; asked where `reason_end` is empty."""


@dataclass(frozen=True, slots=True)
class Boost:
    """Plays of artists (or tracks) that reach both numbers in the log count `times`."""

    name: str
    streams: int
    listeners: int
    times: Fraction
    per: Per = "artist"


@dataclass(frozen=True, slots=True)
class Threshold:
    """Plays of artists (or tracks) that miss either number in the log earn nothing; the money stays in the pool."""

    name: str
    streams: int = 0
    listeners: int = 0
    per: Per = "artist"


@dataclass(frozen=True, slots=True)
class Withhold:
    """Of what plays earn whose column holds one of some values, a share goes to the platform.

    They weigh what they weigh, and other artists get no more by it. Of several such lines the first that meets a play
    holds.
    """

    name: str
    column: str
    """As of a weight."""
    values: tuple[str, ...]
    """Compared as text, in lower case."""
    share: Fraction
    """Between 0 and 1."""


@dataclass(frozen=True, slots=True)
class Levy:
    """What a pool is made of that is collected on top of what subscribers pay; amounts in major units."""

    fee_share: Fraction
    """The part of the fee that each subscriber owes; of no fee, nothing."""
    least: Fraction = Fraction(0)
    """But at least so much."""
    most: Fraction | None = None
    """And at most so much."""
    other_share: Fraction = Fraction(0)
    """The part of other revenue that is added."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """A part of the pool that goes to others, before the rest is divided among artists by plays."""

    name: str
    """Whom it is for, in words."""
    share: Fraction


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything a policy file says."""

    title: str
    """One sentence."""
    source: str
    rule: str
    """As for `--rule`."""
    measure: Literal["time", "plays"] | None = None
    """None: as `--measure` says."""
    min_seconds: Fraction = Fraction(30)
    notes: tuple[str, ...] = ()
    """Where published readings conflict: which is taken, and how to choose another."""
    weights: tuple[Weight, ...] = ()
    completion: Completion | None = None
    boosts: tuple[Boost, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    withhold: tuple[Withhold, ...] = ()
    pool: Levy | None = None
    """What is divided; None: the money that is stated."""
    set_aside: tuple[Purpose, ...] = ()

    @property
    def divided(self) -> Fraction:
        """The part of the pool that artists are paid: all but what is set aside."""
        return 1 - sum((one.share for one in self.set_aside), Fraction(0))

    @property
    def has_pool(self) -> bool:
        """Whether it says anything of the pool."""
        return self.pool is not None or bool(self.set_aside)


def policy_names() -> tuple[str, ...]:
    """Return the names of the policies that come with fairpay, sorted."""
    return tuple(sorted(path.name[:-5] for path in folder().iterdir() if path.name.endswith(".toml")))


def policy_text(name: str) -> str:
    """Return the file of a policy that comes with fairpay, for reading and copying.

    Raises:
        UsageError: for an unknown name.

    """
    if name not in policy_names():
        message = f"there is no policy {name!r}"
        raise UsageError(message, advice=f"The policies are: {', '.join(policy_names())}; or give a .toml file.")
    return str((folder() / f"{name}.toml").read_text(encoding="utf-8"))


def folder() -> Any:  # noqa: ANN401 - a Traversable, whose home differs between Python versions
    """Return the folder of the policies."""
    return files("fairpay.adjust") / "policies"


def find_policy(name: str) -> Policy:
    """Read a policy by name, or from a `.toml` file.

    Raises:
        UsageError: for an unknown name, an unreadable file, or anything wrong in it; all faults at once.

    """
    if not name.endswith(".toml"):
        return read_policy(policy_text(name), where=name)
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{name} cannot be read: {error}"
        raise UsageError(message) from None
    return read_policy(text, where=name)


def policy_file(name: str | None) -> str | None:
    """Return the file of a policy, where it is one of the user's own."""
    return name if name is not None and name.endswith(".toml") else None


def read_policy(text: str, *, where: str) -> Policy:
    """Read the TOML of a policy; numbers are exact.

    Raises:
        UsageError: for anything wrong in it; the message names every fault.

    """
    try:
        given = tomllib.loads(text, parse_float=Fraction)
    except tomllib.TOMLDecodeError as error:
        message = f"{where} is not TOML: {error}"
        raise UsageError(message) from None
    return make_policy(given, where=where)


def make_policy(given: dict[str, Any], *, where: str) -> Policy:
    """Make a policy of the tables of its TOML; numbers with a point are fractions, or text.

    Raises:
        UsageError: for anything wrong in it; the message names every fault.

    """
    faults: list[str] = []
    tables = {
        "weights": Weight,
        "boosts": Boost,
        "thresholds": Threshold,
        "withhold": Withhold,
        "set_aside": Purpose,
    }
    values = dict(given)
    for key, kind in tables.items():
        rows = given.get(key, [])
        listed = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
        if not listed:
            faults.append(f"{key} is not a list of tables: write [[{key}]]")
        values[key] = [fill(kind, row, f"[[{key}]] {i + 1}", faults) for i, row in enumerate(rows if listed else [])]
    if isinstance(given.get("completion"), dict):
        values["completion"] = fill(Completion, given["completion"], "[completion]", faults)
    if isinstance(given.get("pool"), dict):
        values["pool"] = fill(Levy, given["pool"], "[pool]", faults)
    faults += wrong_parts(values)
    policy = fill(Policy, values, "the file", faults)
    if faults or policy is None:
        message = f"{where}: " + "; ".join(faults)
        raise UsageError(message, advice="Compare with a policy that comes with fairpay, such as spotify-2024.")
    return policy  # type: ignore[no-any-return]


def wrong_parts(values: dict[str, Any]) -> list[str]:
    """Say which parts of a pool are more than the whole."""
    levy, aside = values.get("pool"), sum(one.share for one in values["set_aside"] if one is not None)
    wrong = ["more than the whole pool is set aside"] if aside > 1 else []
    if isinstance(levy, Levy):
        wrong += ["[pool]: least is more than most"] if levy.most is not None and levy.least > levy.most else []
    return wrong


def fill(kind: Any, given: dict[str, Any], where: str, faults: list[str]) -> Any:  # noqa: ANN401 - one of these dataclasses
    """Make a dataclass of a table; note what is unknown, missing or wrong."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    wrong = [f"{where} has an unknown key {key!r} (known: {', '.join(fields)})" for key in given if key not in fields]
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in given:
            values[name] = convert(name, given[name])
            if values[name] is None:
                allowed = f", and must be {RANGES[name]}" if name in RANGES else ""
                wrong.append(f"{where}: {name} is {said(given[name])}{allowed}")
        elif field.default is dataclasses.MISSING:
            wrong.append(f"{where} has no {name}")
    faults += wrong
    return None if wrong else kind(**values)


def convert(name: str, value: Any) -> Any:  # noqa: ANN401 - what TOML holds
    """Bring a value to the type of its field; None where it is none."""
    if name in AMOUNTS or name in RANGES:
        number = exact(value)
        whole = number is not None and 0 < number <= 1 and (number < 1 or name != "share")
        return number if name in AMOUNTS or whole else None
    if name in {"streams", "listeners"}:
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
    if name in {"weights", "boosts", "thresholds", "withhold", "set_aside", "completion", "pool"}:
        return tuple(value) if isinstance(value, list) else value if isinstance(value, Completion | Levy) else None
    if name in {"values", "notes"}:
        texts = isinstance(value, list) and value and all(isinstance(text, str) for text in value)
        return tuple(text.lower() if name == "values" else text for text in value) if texts else None
    allowed = {"per": ("artist", "track"), "column": COLUMNS, "measure": MEASURES}.get(name)
    return value if isinstance(value, str) and value and (allowed is None or value in allowed) else None


def said(value: Any) -> str:  # noqa: ANN401 - what TOML holds
    """Write a value as a file may have it."""
    return str(value) if isinstance(value, Fraction) else repr(value)


def exact(value: Any) -> Fraction | None:  # noqa: ANN401 - what TOML holds
    """Read 2, 1.1 or "1/5" as a fraction of a reasonable size; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | Fraction | str):
        return None
    if isinstance(value, str):
        if not NUMBER.fullmatch(value) or value.endswith(("/0", "/00", "/000", "/0000")):
            return None
        value = Fraction(value)
    number = Fraction(value)
    return number if 0 <= number < 10**6 and number.denominator <= 10**4 else None
