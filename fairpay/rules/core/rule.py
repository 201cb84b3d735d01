"""What a payout rule is: a weight for each user, a split of that weight, and one settlement at the end."""

from __future__ import annotations

import dataclasses
import inspect
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from fairpay.errors import UsageError
from fairpay.money.currency import LARGEST
from fairpay.money.rounding import largest_remainder
from fairpay.rules.core.promise import CounterExample, Example, Promise
from fairpay.settings.option import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Facts, Month, Split, Usage, Users
    from fairpay.rules.core.ties import TiePart

__all__ = [
    "Added",
    "Edge",
    "Heavy",
    "Joining",
    "Needs",
    "Parameter",
    "Reason",
    "Rule",
    "facts_with",
    "own_fee",
    "parameter",
    "read_number",
    "times_fee",
]

NUMBER = re.compile(r"(\d{1,12}(\.\d{0,6})?|\.\d{1,6})%?|\d{1,9}/\d{1,9}")
"""`5`, `0.5`, `50%` or `1/2`; short enough that products with plays stay within 62 bits."""


class Joining(Enum):
    """What accounts that join a month do to the weights of those who were there."""

    STEADY = "nothing: a user's weight depends on that user alone, up to a unit that all have in common"
    SHIFTING = "what a user steers is solved anew; it can still be told from fee and listening"
    ANEW = "anything: the month is prepared and weighed from the start"


class Needs(Enum):
    """What of listeners a rule must see to be worked out where no machine holds them all."""

    SUMS = "sums over listeners, in a walk or a few"
    TRACKS = "what each track was played"
    LISTENERS = "single listeners of a few artists"
    EVERYTHING = "all listeners at once, over and over"


class Reason(NamedTuple):
    """Why an account gets what it gets under a rule."""

    brief: str
    """At most 38 characters where the numbers are of the usual size."""
    sentence: str
    """Without its full stop."""


class Edge(NamedTuple):
    """How far a parameter of a rule goes on a month before an account can earn more than its fee."""

    parameter: str
    rule: Rule
    """With the last such value."""
    proof: str
    """`every cap up to 457 plays`."""
    at: str
    """`a cap of 457`."""


@dataclass(frozen=True, slots=True)
class Added:
    """Accounts, all alike, that have joined a month, or left it."""

    facts: Facts
    """The month without them."""
    one: Usage
    """One of them; artist codes from `facts.artists` on are made up."""
    count: int
    """How many there are; -1 for a listener who is not there any more: whoever listens otherwise leaves and joins."""

    @property
    def fee(self) -> int:
        """What each pays, in fee units."""
        return int(self.one.fee[0])

    @property
    def total(self) -> int:
        """Listening of each."""
        return int(self.one.total[0])

    @property
    def plays(self) -> int:
        """Plays of each."""
        return int(self.one.plays[0])

    def kept(self, split: Split) -> Fraction:
        """Return which part of each account's budget goes to made-up artists, split in this way."""
        _, artist, counts, whole = split.entries(self.one)
        return Fraction(int(counts[artist >= self.facts.artists].sum()), int(whole[0]))


def facts_with(added: Sequence[Added]) -> Facts:
    """Return what the month has of fees, listening and plays once accounts have joined and left."""
    facts = added[0].facts
    return dataclasses.replace(
        facts,
        fees=facts.fees + sum(one.count * one.fee for one in added),
        amount=facts.amount + sum(one.count * one.total for one in added),
        plays=facts.plays + sum(one.count * one.plays for one in added),
    )


def times_fee(limit: Fraction | None) -> str:
    """`0.70 of its fee`, or `1.52 times its fee`."""
    value = float(limit or 0)
    return f"{value:.2f} of its fee" if value <= 1 else f"{value:.2f} times its fee"


def own_fee(limit: Fraction | None) -> Reason:
    """Say that the fee limits an account, as it does where everybody steers what they paid."""
    return Reason(
        "an account moves its own fee only",
        f"an account moves its own fee only, however much it plays: it gets back at most {times_fee(limit)}",
    )


class Heavy(Enum):
    """What heavy listening does, where each listener's part is split by share of listening."""

    STEERS_MORE = "a listener steers money by listening"
    IS_HELD_BACK = "a heavy listener steers less than that"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a rule, for people."""

    name: str
    """As on the command line: `allow-unsafe`."""
    default: str
    """As text."""
    help: str
    """What it means."""
    allowed: str
    """Its range or its choices, in words: `0 to 1`, `cap, smooth or bayes`."""
    whole: bool
    """Whether it takes whole numbers only."""


def parameter(  # noqa: PLR0913 - one argument per thing a parameter states
    default: Any,  # noqa: ANN401 - a dataclass field of any type
    *,
    help: str,  # noqa: A002 - the word for it
    low: Any = None,  # noqa: ANN401 - any number
    high: Any = None,  # noqa: ANN401 - any number
    choices: Sequence[str] = (),
    whole: bool = False,
    unset: str = "",
    read: Callable[[str], Any] | None = None,
    takes: str = "",
) -> Any:  # noqa: ANN401 - a dataclass field of any type
    """Declare a parameter of a rule: its default, what it means, and its range and its choices.

    With choices and a range, both are allowed; `unset` says in words what a default of None means. What is neither is
    read by `read`, which returns None for what cannot be; `takes` says in words what can.
    """
    metadata = {"help": help, "low": low, "high": high, "choices": tuple(choices), "unset": unset, "whole": whole}
    return field(default=default, metadata=metadata | {"read": read, "takes": takes})


@dataclass(frozen=True)
class Rule(ABC):
    """A payout rule. Its docstring is the text `fairpay rules NAME` prints; its fields are its parameters.

    A rule runs in three steps. `prepare` runs once and may ask the month for facts of everybody; `weigh` sees blocks
    of users, on any thread and in any order, and adds integers; `settle` sees the sums and divides the pool.

    What audit, screens and reports need to know of a rule stands here too, with a default that claims nothing.
    """

    name: ClassVar[str]
    """As on the command line: `market-centric`."""
    aliases: ClassVar[tuple[str, ...]] = ()
    """Other names that people use for it; results carry `name`."""
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
    breaks: ClassVar[tuple[CounterExample, ...]] = ()
    """A stored counter-example for each promise the rule does not keep."""
    joining: ClassVar[Joining] = Joining.ANEW
    """What accounts that join do to everybody else's weights: the less they do, the less an audit has to weigh again.
    Unless it is `ANEW`, there is one row, or settling is linear in the rows: see `settle`."""
    heavy: ClassVar[Heavy | None] = None
    """What heavy listening does; None: neither can be said. Between a rule of the one kind and one of the other it is
    the fan intensity that decides who gains, and screens say so."""
    needs: ClassVar[Needs] = Needs.SUMS
    """What must be seen of listeners: with sums alone a month may be made of parts, see `pipeline.shards`."""
    mixable: ClassVar[bool] = False
    """Whether `proportions` are what artists are paid in proportion to: then the rule may be part of another."""
    heading: ClassVar[str] = ""
    """A shorter name for a narrow column, for rules without parameters; empty: the label."""

    @abstractmethod
    def keeps(self) -> frozenset[Promise]:
        """Return the promises this rule keeps with these parameters."""

    def check_rate(self, rate: Fraction | None) -> None:  # noqa: B027 - most rules allow every rate
        """Refuse, before anything is read, what no month with this royalty rate allows; None: it is not known.

        Raises:
            UsageError: with what to change.

        """

    def prepare(self, month: Month) -> Any:  # noqa: ANN401, ARG002 - each rule prepares what it needs
        """Work out what needs everybody first; the result is handed to `weigh` and `settle`."""
        return None

    @abstractmethod
    def weigh(self, usage: Usage, prepared: Any, out: Ints) -> None:  # noqa: ANN401 - what `prepare` returned
        """Add the weights of a block of users into `out`, int64[rows, artists]."""

    def settle(self, weights: Ints, pool: int, prepared: Any) -> Ints:  # noqa: ANN401, ARG002 - what `prepare` returned
        """Divide `pool` minor units by the summed weights int64[rows, artists]; return int64[artists].

        What others rely on, and a test holds every rule to:

        * The pool is a scale and nothing else. What each artist is paid of any pool, from 0 to 2^62 minor units, is
          less than a unit from its share of that pool, and the share does not depend on the pool. An audit, and the
          tracks of one artist, are settled with 2^62 units, far finer than a cent.
        * Unless `joining` is `ANEW`, artists may be merged: where the columns of several are added up, the sum is paid
          what they are paid together. An audit settles groups of artists in place of artists.

        """
        return largest_remainder(weights[0], pool)

    def settling(self, weights: Ints, month: Month, prepared: Any) -> Any:  # noqa: ANN401 - what `prepare` returned
        """Divide the month's pool, with the month at hand: a rule may look again where rounding would decide.

        Returns:
            int64[artists], or what `ties.settle_together` makes that of, in one walk for several rules.

        """
        return self.settle(weights, month.facts.pool, prepared)

    def proportions(self, weights: Ints, prepared: Any) -> NDArray[Any]:  # noqa: ANN401, ARG002 - see `weigh`
        """Return integers of any size in proportion to which artists are paid, int64 or object[artists]."""
        own: Ints = weights[0]
        return own

    def brought(self, weights: Ints, prepared: Any) -> Ints:  # noqa: ANN401 - what `prepare` returned
        """Divide 2^62 by what was weighed of the tracks of artists, int64[rows, tracks], which one artist then shares.

        It is what settling makes of tracks in place of artists, unless a rule treats the artist's sum in its own way.
        """
        return self.settle(weights, LARGEST, prepared)

    def parts_of(self, weights: Ints, month: Month, prepared: Any) -> Sequence[TiePart]:  # noqa: ANN401, ARG002 - see `weigh`
        """Return `fine_parts`, each with the `times` it counts in `proportions`."""
        return self.fine_parts(month, prepared)

    def fine_parts(self, month: Month, prepared: Any) -> Sequence[TiePart]:  # noqa: ANN401, ARG002 - see `weigh`
        """Return the parts of the weights that settling may want to see more finely, each split in a way of its own."""
        return ()

    def weight_of(self, users: Users | Usage, prepared: Any) -> Ints | None:  # noqa: ANN401, ARG002 - see `weigh`
        """Return how much of the pool each user of a block steers, int64[users]; None where no user has a part."""
        return None

    def limit(self, month: Month) -> Fraction | None:
        """Return the most that one account can get back for each unit of fee, in a large month; None: no limit.

        Where money goes only to artists that its payer played, it is alpha', whatever is played.
        """
        return month.facts.alpha or Fraction(1) if Promise.OWN_MONEY in self.keeps() else None

    def edge(self, month: Month) -> Edge | None:  # noqa: ARG002 - most rules have none
        """Return this rule with the last value at which no account earns more than its fee; None: none is known."""
        return None

    def reason(self, month: Month, limit: Fraction | None) -> Reason:  # noqa: ARG002 - the same on every month
        """Say what limits an account on a month, or that nothing does; `limit` is that of the same month."""
        if limit is not None:
            return own_fee(limit)
        return Reason("no formula; found by replay", "no formula is known; the figures are what the replay found")

    def taken(self, added: Sequence[Added], prepared: Any, weights: Ints) -> Fraction | None:  # noqa: ANN401, ARG002 - see `weigh`
        """Return by formula the share of the pool that the made-up artists of accounts get; None where there is none.

        Args:
            added: the accounts, one kind at least; not weighed, so that the formula holds the replay to account.
            prepared: with the accounts among the users where `joining` is `SHIFTING`.
            weights: int64[rows, artists]: the month's own, without the accounts.

        """
        return None

    @property
    def play_cap(self) -> int | None:
        """How many plays of a listener count fully; None where the rule has no such cap."""
        return None

    def remarks(self, prepared: Any) -> tuple[str, ...]:  # noqa: ANN401, ARG002 - see `weigh`
        """Return sentences for the reader of a result: what was solved, what bound holds, what is not kept."""
        if not self.experimental:
            return ()
        broken = ", ".join(p.value for p in self.broken())
        return (f"{self.label} is experimental, for study and not for paying; it breaks {broken}",)

    def broken(self) -> tuple[Promise, ...]:
        """Return the promises this rule does not keep, in the order of the list."""
        return tuple(p for p in Promise if p not in self.keeps())

    @property
    def by_play(self) -> bool:
        """Whether it can say what each play of an artist earns: its part of the listener's entry for the artist."""
        return self.mixable

    @property
    def label(self) -> str:
        """The rule as asked for: the name, and the parameters that are not at their defaults."""
        given = [
            f"{f.name.replace('_', '-')}={getattr(self, f.name)}"
            for f in dataclasses.fields(self)
            if getattr(self, f.name) != f.default
        ]
        return self.name + (":" + ",".join(given) if given else "")

    @property
    def column(self) -> str:
        """The rule's column in a comparison."""
        return self.label.translate(str.maketrans("-:,=/.+;", "________"))

    @classmethod
    def summary(cls) -> str:
        """Return the first paragraph of the manual, in one line."""
        return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())

    @classmethod
    def parameters(cls) -> tuple[Parameter, ...]:
        """Return what can be set, for people."""
        return tuple(describe(f) for f in dataclasses.fields(cls))

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Make the rule from its parameters, `force=smooth,b=0.8`.

        Raises:
            UsageError: for an unknown or repeated parameter or a value out of range; it names what is allowed.

        """
        fields = {f.name.replace("_", "-"): f for f in dataclasses.fields(cls)}
        values: dict[str, Any] = {}
        for part in filter(None, text.split(",")):
            key, equals, value = part.partition("=")
            declared = fields.get(key.strip().replace("_", "-").lower())
            if declared is None or not equals:
                advice = f"{nearest(key.strip(), fields)} Its parameters: {', '.join(fields) or 'none'}."
                said = f"has no parameter {key.strip()!r}" if declared is None else f"has no value for {key.strip()}"
                message = f"{cls.name} {said}"
                raise UsageError(message, advice=advice.strip())
            if declared.name in values:
                message = f"{cls.name}: {key.strip()} is given twice"
                raise UsageError(message)
            values[declared.name] = read_value(cls.name, declared, value.strip())
        return cls(**values)


def describe(declared: dataclasses.Field[Any]) -> Parameter:
    """Say a declared parameter in words."""
    default = declared.metadata["unset"] if declared.default is None else str(declared.default)
    name, stated = declared.name.replace("_", "-"), declared.metadata
    return Parameter(name, default, stated["help"], allowed(declared), stated["whole"])


def allowed(declared: dataclasses.Field[Any]) -> str:
    """Say what values a parameter takes: its choices, its range, or both."""
    choices, low, high = (declared.metadata[k] for k in ("choices", "low", "high"))
    if declared.metadata["takes"]:
        return str(declared.metadata["takes"])
    ways = list(choices)
    if low is not None or not ways:
        ways.append(
            f"a {'whole ' * declared.metadata['whole']}number from {low}" + ("" if high is None else f" to {high}")
        )
    return " or ".join(filter(None, [", ".join(ways[:-1]), ways[-1]]))


def read_value(rule: str, declared: dataclasses.Field[Any], text: str) -> Any:  # noqa: ANN401 - typed by the declaration
    """Read one parameter by its declared choices or range; numbers are exact fractions."""
    choices, low, high, read = (declared.metadata[k] for k in ("choices", "low", "high", "read"))
    if text in choices:
        return text
    number = read(text) if read else read_number(text) if low is not None else None
    if read and number is not None:
        return number
    if (
        number is None
        or number < low
        or (high is not None and number > high)
        or (declared.metadata["whole"] and number.denominator > 1)
    ):
        message = f"{rule}: {declared.name.replace('_', '-')} is {text!r}"
        raise UsageError(message, advice=f"It takes {allowed(declared)}.")
    return number


def read_number(text: str) -> Fraction | None:
    """Read `0.5`, `50%` or `1/2` exactly; None for anything else."""
    if not NUMBER.fullmatch(text):
        return None
    try:
        return Fraction(text[:-1]) / 100 if text.endswith("%") else Fraction(text)
    except ZeroDivisionError:
        return None
