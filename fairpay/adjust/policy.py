"""Policy: what a service, or a law, pays by beside its rule: weights, boosts, thresholds, a pool; read from TOML."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from fairpay.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Boost",
    "Completion",
    "Levy",
    "Policy",
    "Purpose",
    "Reads",
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

NUMBER = re.compile(r"\d{1,6}(\.\d{1,4})?|\d{1,4}/0{0,3}[1-9]\d{0,3}")


@dataclass(frozen=True, slots=True)
class Reads:
    """How Pydantic reads a value of TOML: as what `read` makes of it; None is refused, with what it must be."""

    read: Callable[[Any], Any]
    must: str = ""

    def __get_pydantic_core_schema__(self, _kind: Any, _handler: Any) -> Any:  # noqa: ANN401 - Pydantic's own
        """Tell Pydantic."""
        from pydantic_core import PydanticCustomError, core_schema  # noqa: PLC0415 - only where a policy is read

        def checked(value: Any) -> Any:  # noqa: ANN401 - what TOML holds
            found = self.read(value)
            if found is None:
                raise PydanticCustomError("unread", "{must}", {"must": self.must})  # noqa: EM101 - a template
            return found

        return core_schema.no_info_plain_validator_function(checked)


def exact(value: Any) -> Fraction | None:  # noqa: ANN401 - what TOML holds
    """Read 2, 1.1 or "1/5" as a fraction of a reasonable size; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | Fraction | str):
        return None
    if isinstance(value, str) and not NUMBER.fullmatch(value):
        return None
    number = Fraction(value)
    return number if 0 <= number < 10**6 and number.denominator <= 10**4 else None


def part_of(value: Any) -> Fraction | None:  # noqa: ANN401 - the same
    """Read a number as `exact` does, or a part of 100 such as "30%"."""
    percent = isinstance(value, str) and value.endswith("%")
    number = exact(value[:-1].strip() if percent else value)
    return exact(number / 100) if percent and number is not None else number


def up_to_one(value: Any) -> Fraction | None:  # noqa: ANN401 - the same
    """Read a part that is above 0 and at most 1."""
    number = part_of(value)
    return number if number is not None and 0 < number <= 1 else None


def below_one(value: Any) -> Fraction | None:  # noqa: ANN401 - the same
    """Read a part between 0 and 1."""
    number = up_to_one(value)
    return None if number == 1 else number


def count_of(value: Any) -> int | None:  # noqa: ANN401 - the same
    """Read a whole number, from 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def text_of(value: Any) -> str | None:  # noqa: ANN401 - the same
    """Read text that is not empty."""
    return value if isinstance(value, str) and value else None


def texts_of(value: Any, *, lower: bool = False) -> tuple[str, ...] | None:  # noqa: ANN401 - the same
    """Read one or more texts."""
    if not (isinstance(value, list) and value and all(isinstance(text, str) for text in value)):
        return None
    return tuple(text.lower() if lower else text for text in value)


Text = Annotated[str, Reads(text_of)]
Texts = Annotated[tuple[str, ...], Reads(texts_of)]
Words = Annotated[tuple[str, ...], Reads(partial(texts_of, lower=True))]
Count = Annotated[int, Reads(count_of)]
Number = Annotated[Fraction, Reads(exact)]
Times = Annotated[Fraction, Reads(part_of)]
Part = Annotated[Fraction, Reads(up_to_one, "above 0, up to 1")]
Share = Annotated[Fraction, Reads(below_one, "between 0 and 1")]
Column: TypeAlias = Literal["active", "category", "spatial", "context"]
Per: TypeAlias = Literal["artist", "track"]


class PolicyTable:
    """A table of the file, in which every key is known."""

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class Weight(PolicyTable):
    """Plays whose column holds one of some values count `times`."""

    name: Text
    column: Column
    """`active`, `category`, `spatial` or `context`: a column of the log, else of the artist file."""
    values: Words
    """Compared as text, in lower case."""
    times: Times
    min_seconds: Number = Fraction(0)
    """Such plays count only from this length."""


@dataclass(frozen=True, slots=True)
class Completion(PolicyTable):
    """Plays that were not played to the end count 1 - delta. Those of which it is not known count 1."""

    delta: Part
    """Above 0, up to 1; none is published."""
    values: Words = ("trackdone",)
    """Of the log's column `reason_end`, where it says that a play went to the end; in lower case."""
    part: Part = Fraction(19, 20)
    """Of the length of the track, `track_ms`, from which a play went to the end; asked where `reason_end` is empty."""


@dataclass(frozen=True, slots=True)
class Boost(PolicyTable):
    """Plays of artists (or tracks) that reach both numbers in the log count `times`."""

    name: Text
    streams: Count
    listeners: Count
    times: Times
    per: Per = "artist"


@dataclass(frozen=True, slots=True)
class Threshold(PolicyTable):
    """Plays of artists (or tracks) that miss either number in the log earn nothing; the money stays in the pool."""

    name: Text
    streams: Count = 0
    listeners: Count = 0
    per: Per = "artist"


@dataclass(frozen=True, slots=True)
class Withhold(PolicyTable):
    """Of what plays earn whose column holds one of some values, a share goes to the platform.

    They weigh what they weigh, and other artists get no more by it. Of several such lines the first that meets a play
    holds.
    """

    name: Text
    column: Column
    """As of a weight."""
    values: Words
    """Compared as text, in lower case."""
    share: Share
    """Between 0 and 1."""


@dataclass(frozen=True, slots=True)
class Levy(PolicyTable):
    """What a pool is made of that is collected on top of what subscribers pay; amounts in major units."""

    fee_share: Number
    """The part of the fee that each subscriber owes; of no fee, nothing."""
    least: Number = Fraction(0)
    """But at least so much."""
    most: Number | None = None
    """And at most so much."""
    other_share: Part = Fraction(0)
    """The part of other revenue that is added."""

    def __post_init__(self) -> None:
        """Refuse a floor above the ceiling.

        Raises:
            ValueError: it is.

        """
        if self.most is not None and self.least > self.most:
            message = "least is more than most"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Purpose(PolicyTable):
    """A part of the pool that goes to others, before the rest is divided among artists by plays."""

    name: Text
    """Whom it is for, in words."""
    share: Share


@dataclass(frozen=True, slots=True)
class Policy(PolicyTable):
    """Everything a policy file says."""

    title: Text
    """One sentence."""
    source: Text
    rule: Text
    """As for `--rule`."""
    measure: Literal["time", "plays"] | None = None
    """None: as `--measure` says."""
    min_seconds: Number = Fraction(30)
    notes: Texts = ()
    """Where published readings conflict: which is taken, and how to choose another."""
    weights: tuple[Weight, ...] = ()
    completion: Completion | None = None
    boosts: tuple[Boost, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    withhold: tuple[Withhold, ...] = ()
    pool: Levy | None = None
    """What is divided; None: the money that is stated."""
    set_aside: tuple[Purpose, ...] = ()

    def __post_init__(self) -> None:
        """Refuse to set more aside than there is.

        Raises:
            ValueError: that is stated.

        """
        if self.divided < 0:
            message = "more than the whole pool is set aside"
            raise ValueError(message)

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
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - slow to load

    try:
        return TypeAdapter(Policy).validate_python(given)
    except ValidationError as error:
        faults = (fault_of(one["type"], one["loc"], one["input"], one["msg"]) for one in error.errors())
        message = f"{where}: " + "; ".join(faults)
    raise UsageError(message, advice="Compare with a policy that comes with fairpay, such as spotify-2024.")


def fault_of(kind: str, at: tuple[int | str, ...], value: Any, words: str) -> str:  # noqa: ANN401 - what TOML holds
    """Say in words what Pydantic found wrong, where."""
    *table, key = at or ("",)
    place = f"[[{table[0]}]] {int(table[1]) + 1}" if len(table) > 1 else f"[{table[0]}]" if table else "the file"
    if kind == "unexpected_keyword_argument":
        known = ", ".join(KNOWN[str(table[0]) if table else ""])
        return f"{place} has an unknown key {key!r} (known: {known})"
    if kind == "missing":
        return f"{place} has no {key}"
    if kind == "value_error":
        return f"[{key}]: {words.removeprefix('Value error, ')}" if key else words.removeprefix("Value error, ")
    if kind == "tuple_type" or (kind == "dataclass_type" and table):
        name = table[0] if table else key
        return f"{name} is not a list of tables: write [[{name}]]"
    shown = str(value) if isinstance(value, Fraction) else repr(value)
    return f"{place}: {key} is {shown}" + (f", and must be {words}" if kind == "unread" and words else "")


KNOWN = {
    name: [field.name for field in fields(kind)]
    for name, kind in {
        "": Policy,
        "weights": Weight,
        "completion": Completion,
        "boosts": Boost,
        "thresholds": Threshold,
        "withhold": Withhold,
        "pool": Levy,
        "set_aside": Purpose,
    }.items()
}
"""The keys of the file, and of each table in it."""
