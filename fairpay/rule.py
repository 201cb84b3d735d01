"""What a payout rule is: a weight for each user, a split of that weight, and one settlement at the end."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from fairpay.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairpay.month import Month
    from fairpay.usage import Ints, Usage

__all__ = ["Example", "Promise", "Rule", "parameter"]


class Promise(Enum):
    """What a rule can promise; the statements are those of the literature, see RULES in the documentation."""

    CONSERVES = "conserves"
    OWN_MONEY = "own-money"
    NULL_ARTIST = "null-artist"
    MONOTONE = "monotone"
    FRAUD_PROOF = "fraud-proof"
    BRIBERY_PROOF = "bribery-proof"
    CLICK_FRAUD_PROOF = "click-fraud-proof"
    SPLIT_PROOF = "split-proof"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example: it is shown by `fairpay rules NAME` and it is a test."""

    title: str
    """What it shows, in a few words."""
    listening: Mapping[str, Mapping[str, int]]
    """user -> artist -> plays."""
    pays: Mapping[str, str]
    """artist -> payout as an exact fraction of major units (`"9/25"`), or as minor units where `pool` is given."""
    fees: Mapping[str, int] = field(default_factory=dict)
    """user -> fee in units; 1 for users not named."""
    pool: int | None = None
    """Minor units to divide, for examples of rounding and ties; None: the exact shares of the sum of fees times `rate`."""
    rate: Fraction = Fraction(1)
    """Royalty rate."""


def parameter(default: Any, *, help: str, low: Any = None, high: Any = None, choices: Sequence[str] = ()) -> Any:  # noqa: A002, ANN401 - a dataclass field of any type
    """Declare a parameter of a rule: its default, what it means, and its range or its choices."""
    return field(default=default, metadata={"help": help, "low": low, "high": high, "choices": tuple(choices)})


@dataclass(frozen=True)
class Rule(ABC):
    """A payout rule. Its docstring is the text `fairpay rules NAME` prints; its fields are its parameters.

    A rule runs in three steps. `prepare` runs once and may ask the month for facts of everybody; `weigh` sees blocks
    of users, on any thread and in any order, and adds integers; `settle` sees the sums and divides the pool.
    """

    name: ClassVar[str]
    """As on the command line: `market-centric`."""
    source: ClassVar[str]
    """Where the rule comes from."""
    formula: ClassVar[str]
    """One line of mathematics."""
    examples: ClassVar[tuple[Example, ...]] = ()
    """Worked examples, at least one with a tie."""
    experimental: ClassVar[bool] = False
    """True for rules that are for study, not for paying."""
    rows: ClassVar[int] = 1
    """How many int64 weights `weigh` keeps per artist."""

    @abstractmethod
    def keeps(self) -> frozenset[Promise]:
        """Return the promises this rule keeps with these parameters."""

    def prepare(self, month: Month) -> Any:  # noqa: ANN401, ARG002 - each rule prepares what it needs
        """Work out what needs everybody first; the result is handed to `weigh` and `settle`."""
        return None

    @abstractmethod
    def weigh(self, usage: Usage, prepared: Any, out: Ints) -> None:  # noqa: ANN401 - what `prepare` returned
        """Add the weights of a block of users into `out`, int64[rows, artists]."""

    @abstractmethod
    def settle(self, weights: Ints, pool: int, prepared: Any) -> Ints:  # noqa: ANN401 - what `prepare` returned
        """Divide `pool` minor units by the summed weights int64[rows, artists]; return int64[artists]."""

    @property
    def label(self) -> str:
        """The rule as asked for: the name, and the parameters that are not at their defaults."""
        given = [
            f"{f.name}={getattr(self, f.name)}" for f in dataclasses.fields(self) if getattr(self, f.name) != f.default
        ]
        return self.name + (":" + ",".join(given) if given else "")

    @property
    def column(self) -> str:
        """The rule's column in a comparison."""
        return self.label.translate(str.maketrans("-:,=/.", "______"))

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Make the rule from its parameters, `force=smooth,b=0.8`.

        Raises:
            UsageError: for an unknown parameter or a value out of range; the message names what is allowed.

        """
        fields = {f.name: f for f in dataclasses.fields(cls)}
        values: dict[str, Any] = {}
        for part in filter(None, text.split(",")):
            key, equals, value = part.partition("=")
            if key not in fields or not equals:
                allowed = ", ".join(fields) or "none"
                message = f"{cls.name} has no parameter {part!r}"
                raise UsageError(message, advice=f"Its parameters: {allowed}.")
            values[key] = read_value(cls.name, fields[key], value)
        return cls(**values)


def read_value(rule: str, declared: dataclasses.Field[Any], text: str) -> Any:  # noqa: ANN401 - typed by the declaration
    """Read one parameter by its declared choices or range; numbers are exact fractions."""
    choices, low, high = (declared.metadata.get(k) for k in ("choices", "low", "high"))
    if choices:
        if text not in choices:
            message = f"{rule}: {declared.name} is {text!r}"
            raise UsageError(message, advice=f"Choose one of: {', '.join(choices)}.")
        return text
    try:
        number = Fraction(text[:-1]) / 100 if text.endswith("%") else Fraction(text)
    except (ValueError, ZeroDivisionError):
        message = f"{rule}: {declared.name} is {text!r}, not a number"
        raise UsageError(message) from None
    if (low is not None and number < low) or (high is not None and number > high):
        message = f"{rule}: {declared.name} is {text}"
        raise UsageError(message, advice=f"It runs from {low} to {'any size' if high is None else high}.")
    return number
