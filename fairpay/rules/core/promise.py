"""What a rule can promise, the stored months that show a promise broken, and those that are worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ALWAYS",
    "COMMON_POT",
    "FRAUD",
    "GROUPS",
    "OWN",
    "THREE",
    "CounterExample",
    "Example",
    "Promise",
    "moved_by_one",
    "tie",
    "underpaid",
    "uneven",
]

THREE = {"u1": {"A": 6, "B": 2}, "u2": {"B": 1, "C": 1}, "u3": {"C": 40}}
"""The three users of most worked examples."""
SHOWN = 3
"""Artists named in a sentence."""
STATEMENTS = {
    "conserves": "what is paid is the pool, no more and no less",
    "own-money": "a subscriber's money goes only to artists that subscriber played",
    "core": "no subscribers could take their own money elsewhere and pay all artists they play more there",
    "reasonable-lower-bound": "an artist is paid at least what subscribers who play nobody else paid",
    "null-artist": "an artist nobody played is paid nothing",
    "monotone": "more listening to an artist never lowers what that artist is paid",
    "order-preserving": "an artist whom every subscriber plays at least as much as another is paid no less",
    "proportional": "an artist whom every subscriber plays n times as much as another is paid n times as much",
    "fraud-proof": "added accounts raise what any group of artists is paid by at most the fees of these accounts",
    "bribery-proof": "users who change what they play raise what any group of artists is paid by at most their fees",
    "click-fraud-proof": "one user who changes what they play moves any one artist by at most that user's fee",
    "split-proof": "an artist gains nothing by appearing under several names",
    "anonymous": "renaming users or artists changes nothing but the names",
}


class Promise(Enum):
    """What a rule can promise; the statements are those of the literature."""

    CONSERVES = "conserves"
    OWN_MONEY = "own-money"
    CORE = "core"
    LOWER_BOUND = "reasonable-lower-bound"
    NULL_ARTIST = "null-artist"
    MONOTONE = "monotone"
    ORDER_PRESERVING = "order-preserving"
    PROPORTIONAL = "proportional"
    FRAUD_PROOF = "fraud-proof"
    BRIBERY_PROOF = "bribery-proof"
    CLICK_FRAUD_PROOF = "click-fraud-proof"
    SPLIT_PROOF = "split-proof"
    ANONYMOUS = "anonymous"

    @property
    def statement(self) -> str:
        """The promise as a sentence without its full stop."""
        return STATEMENTS[self.value]


OWN = frozenset({Promise.OWN_MONEY, Promise.CORE, Promise.LOWER_BOUND})
"""The promises that a subscriber's money stays with those that subscriber played."""
ALWAYS = frozenset({Promise.CONSERVES, Promise.NULL_ARTIST, Promise.ANONYMOUS, Promise.ORDER_PRESERVING})
"""The promises without which a rule is none."""
FRAUD = frozenset({Promise.FRAUD_PROOF, Promise.BRIBERY_PROOF, Promise.CLICK_FRAUD_PROOF})
"""The promises about money that is moved on purpose."""
GROUPS = {
    "Whose money reaches whom": OWN,
    "What listening is worth": frozenset({Promise.MONOTONE, Promise.PROPORTIONAL}),
    "What can be moved on purpose": FRAUD | {Promise.SPLIT_PROOF},
    "What every rule keeps": ALWAYS,
}
"""The promises by what they are about."""


@dataclass(frozen=True, slots=True)
class CounterExample:
    """A month, and a change to it, that show a promise broken; the numbers are a test and are printed.

    `artists` are paid `was` in the month before and, with those in `artists_after` (aliases, after a split), `becomes`
    after. For promises in `OWN` there is no change: `artists` are paid `was`, though the listeners who play nothing
    else bring `becomes`; nor for proportional: the second of two `artists` is played, and should be paid, `becomes`
    times as much as the first, and is paid `was` times as much.
    """

    promise: Promise
    """The promise that does not hold."""
    title: str
    """What happens, in a few words."""
    before: Mapping[str, Mapping[str, int]]
    """user -> artist -> plays."""
    artists: tuple[str, ...]
    """Whose pay is looked at, before."""
    was: str
    """What they are paid before: an exact fraction, or a decimal rounded to the digits shown."""
    becomes: str
    """What they are paid after, likewise."""
    after: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """The month after the change."""
    artists_after: tuple[str, ...] = ()
    """The names they have after; empty: the same."""
    fees: Mapping[str, int] = field(default_factory=dict)
    """user -> fee; 1 for users not named."""
    rate: Fraction = Fraction(1)
    """Royalty rate."""
    parameters: str = ""
    """The rule's parameters in this example: `p=2`."""

    @property
    def size(self) -> tuple[int, int]:
        """How long it is to read: listeners with artists, and plays."""
        months = (*self.before.values(), *self.after.values())
        return sum(map(len, months)), sum(sum(mine.values()) for mine in months)

    def sentence(self) -> str:
        """Say it with its numbers: `own-money: ... (A: 0.36, though its own listeners bring 1)`."""
        given = f" with {self.parameters}" if self.parameters else ""
        if self.promise is Promise.PROPORTIONAL:
            less, more = self.artists
            times = f"{more}: played {self.becomes} times as much as {less}, paid {self.was} times as much"
            return f"{self.promise.value}{given}: {self.title} ({times})"
        more = f" and {len(self.artists) - SHOWN} more" if len(self.artists) > SHOWN else ""
        who = ", ".join(self.artists[:SHOWN]) + more
        turn = "though its own listeners bring" if self.promise in OWN else "before, after"
        return f"{self.promise.value}{given}: {self.title} ({who}: {self.was} {turn} {self.becomes})"


def underpaid(**example: Any) -> tuple[CounterExample, ...]:  # noqa: ANN401 - its fields
    """Return a counter-example of one artist who is paid less than the listeners who play nobody else bring."""
    return tuple(CounterExample(promise=p, **example) for p in Promise if p in OWN)


def moved_by_one(**example: Any) -> tuple[CounterExample, ...]:  # noqa: ANN401 - its fields
    """Return a counter-example of one user who moves more than the fee: as a bribe, and as click fraud."""
    return tuple(CounterExample(promise=p, **example) for p in (Promise.BRIBERY_PROOF, Promise.CLICK_FRAUD_PROOF))


def uneven(**example: Any) -> CounterExample:  # noqa: ANN401 - its fields
    """Return a counter-example of two artists, one played so many times as much as the other by everybody."""
    return CounterExample(promise=Promise.PROPORTIONAL, **example)


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example: it is shown by `fairpay rules NAME` and it is a test."""

    title: str
    """What it shows, in a few words."""
    listening: Mapping[str, Mapping[str, int]]
    """user -> artist -> plays."""
    pays: Mapping[str, str]
    """artist -> payout as an exact fraction of major units (`"9/25"`), as a decimal rounded to the digits shown
    (`"0.773567"`, for rules with roots), or as minor units where `pool` is given."""
    fees: Mapping[str, int] = field(default_factory=dict)
    """user -> fee in units; 1 for users not named."""
    pool: int | None = None
    """Minor units to divide, for examples of rounding and ties; None: the exact shares of all fees times `rate`."""
    rate: Fraction = Fraction(1)
    """Royalty rate."""
    parameters: str = ""
    """The rule's parameters in this example: `cap=10`."""


def tie(listening: Mapping[str, Mapping[str, int]]) -> Example:
    """Three artists who are owed the same, and a cent too many."""
    title = "a tie for the last cent goes to the smaller artist id"
    return Example(title=title, listening=listening, pays={"A": "34", "B": "33", "C": "33"}, pool=100)


COMMON_POT = (
    *underpaid(
        title="A's only listener plays little, so most of that listener's money goes to B",
        before={"u1": {"A": 1}, "u2": {"B": 9}},
        artists=("A",),
        was="1/5",
        becomes="1",
    ),
    CounterExample(
        promise=Promise.FRAUD_PROOF,
        title="an added account that pays 1 and plays B 980 times brings B nearly everything",
        before={"u1": {"A": 10}, "u2": {"A": 10}},
        after={"u1": {"A": 10}, "u2": {"A": 10}, "bot": {"B": 980}},
        artists=("B",),
        was="0",
        becomes="147/50",
    ),
    *moved_by_one(
        title="u2, who pays 1, leaves a loop running and plays B 990 times instead of A 10 times",
        before={"u1": {"A": 10}, "u2": {"A": 10}},
        after={"u1": {"A": 10}, "u2": {"B": 990}},
        artists=("B",),
        was="0",
        becomes="99/50",
    ),
)
"""What breaks where all money lies in one pot that is shared by plays, up to many of them."""
