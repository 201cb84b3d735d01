"""Outcome: everything a run worked out, in integers, before anything is made of it for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from fairpay.errors import UnbalancedError
from fairpay.money.currency import round_half_even

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

    from fairpay.adjust.weights import Asked
    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import Warned
    from fairpay.money.currency import Currency
    from fairpay.money.rounding import Allocation
    from fairpay.rules.core.rule import Rule

__all__ = [
    "ArtistGroups",
    "Charged",
    "Charges",
    "Condition",
    "Control",
    "Decided",
    "InputFile",
    "ListenerGroups",
    "ListeningTotals",
    "MergedLines",
    "Money",
    "MonthOutcomes",
    "Outcome",
    "Payout",
    "require_balance",
]


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that a run reads."""

    role: str
    """What it is read as: `logs`, or the option that names it."""
    path: str
    known_as: str = ""
    """What its rows take from its place: `artist=a1` of hive folders, the user of a personal export."""


@dataclass(frozen=True, slots=True)
class Control:
    """A statement about a run that was checked, with its numbers."""

    name: str
    """`rows`: short, stable."""
    ok: bool
    """Whether it holds."""
    detail: str
    """The numbers, in words: `98,214 read = 94,812 used + 3,402 left out`."""


@dataclass(frozen=True, slots=True)
class ListeningTotals:
    """What was read."""

    rows: int
    used: int
    dropped: Mapping[str, int]
    """reason -> rows left out, bad rows that were set aside among them; rows = used + the sum of these."""
    users: int
    artists: int
    plays: int
    ms: int | None
    """None where the log has no duration."""
    measure: str
    """`time` or `plays`."""
    period: tuple[str, str] | None = None
    """First and last moment of the qualified listens, ISO 8601 UTC, where there is a time column."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What a policy says of the pool; amounts in minor units, rounded so that both sides sum to the same."""

    fees: int
    """From what subscribers pay, or what was stated."""
    other: int
    """From other revenue."""
    aside: tuple[tuple[str, int], ...] = ()
    """What is set aside, by purpose; the pool, and what is held, is the rest."""


@dataclass(frozen=True, slots=True)
class Money:
    """Where the pool comes from; amounts in minor units."""

    pool: int
    """What is divided."""
    stated: str
    """How the money was stated, in words: `70 % of 9.99 from 999 subscribers`."""
    assumed: bool
    """True where no money was stated and a fee of 10.00 was assumed."""
    rate: Fraction
    """Royalty rate."""
    subscribers: int
    """Users whose fee is known: those with listening and those without."""
    inactive: int
    """Subscribers who played nothing."""
    inactive_money: int | None
    """Their part of the pool, after the royalty rate; None where it would tell what few of them paid."""
    held: int
    """What of it is held in suspense instead of shared: 0 or `inactive_money`. Not part of `pool`."""
    inactive_policy: str
    """`share` or `hold`."""
    unlisted: int
    """Listeners without a subscription line."""
    unlisted_policy: str
    """`free`, `leave-out` or `refuse`."""
    collected: Collected | None = None
    """None where no policy says anything of the pool."""


@dataclass(frozen=True, slots=True)
class Payout:
    """What one rule pays, and what else is known of it."""

    rule: Rule
    allocation: Allocation
    steered_by_top_1_percent: Fraction | None = None
    """Share of the pool steered by the heaviest 1 % of listeners; None where the rule has no weight per user."""
    steered_by_top_10_percent: Fraction | None = None
    stray: Fraction | None = None
    """The median over listeners of how much of each one's own money reaches artists that listener never played, as a
    part of the median listener's money."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What a person's decision about one subject came to. The subject is known by its hash."""

    mark: str
    """Hash of kind and id."""
    kind: str
    """`user` or `artist`."""
    decision: str
    """`keep`, `hold`, `exclude` or `weight 1/2`."""
    by: str
    """Who decided."""
    plays: int
    """Rows of the log that it touches."""
    kept: tuple[int | None, ...]
    """Minor units, one per rule: what these plays would be paid if all were kept; None for `keep`."""
    held: tuple[int, ...]
    """Minor units, one per rule: what stands on the suspense line."""


@dataclass(frozen=True, slots=True)
class Charged:
    """What an artist's excluded plays would have earned, and what of it is charged at one share."""

    artist: str
    share: Fraction
    earned: tuple[int, ...]
    """Minor units, one per rule."""
    charged: tuple[int, ...]
    """The same times `share`, each to the nearest minor unit, a half to the even one."""

    @classmethod
    def of(cls, artist: str, share: str, earned: Iterable[int]) -> Charged:
        """Charge what plays would have earned."""
        part, found = Fraction(share), tuple(earned)
        return cls(artist, part, found, tuple(round_half_even(part * units) for units in found))


@dataclass(frozen=True, slots=True)
class Charges:
    """Penalties for excluded plays, beside what a run pays of its pool."""

    to: str
    """Who gets them: `pool` or `platform`."""
    lines: tuple[Charged, ...]
    """By artist and share; only of plays that would have earned anything."""
    shared: tuple[Ints, ...]
    """int64[artists] for each rule: what each gets of the penalties, in proportion to what the pool pays it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What one line of a policy did."""

    name: str
    times: Fraction
    """The factor; 0 for a threshold."""
    rows: int
    """Qualified rows it met: for a threshold, those that earn nothing."""
    plays: int
    """Their plays."""
    applied: bool
    """False where neither the log nor the artist file has the column it needs."""
    moved: tuple[int, ...] | None = None
    """For a threshold, minor units that change hands because of it, one per rule."""
    asked: Asked | None = None
    """Of a boost or a threshold: what it asks for, and of whom how much was counted."""
    withheld: Fraction | None = None
    """What share it withholds of what the plays it met earn; None: it does not."""


@dataclass(frozen=True, slots=True)
class MergedLines:
    """Lines of several artists among those of one."""

    artists: Ints
    """int64[lines]: how many artists each line is the sum of; the listeners of several are 0: nobody knows them."""
    tier: Ints
    """int64[lines]: which tier it is in."""
    tiers: tuple[str, ...]
    """Their names, best paid first."""


@dataclass(frozen=True, slots=True)
class ArtistGroups:
    """Which groups the artists are in by a column of the artist file, such as labels; of several, by what shares."""

    column: str
    names: tuple[str, ...]
    """Sorted by bytes."""
    start: Ints
    """int64[artists + 1]: artist i owns entries start[i] to start[i + 1] of `group` and `share`, at least one."""
    group: Ints
    """int64[entries]: ascending within an artist."""
    share: Ints
    """int64[entries]: above 0; an artist's parts are in proportion to them."""
    listeners: Ints
    """int64[groups]: different listeners; 0: not told."""


@dataclass(frozen=True, slots=True)
class ListenerGroups:
    """What the listeners of each group play, pay and steer, by a column of the subscribers or the log: plans."""

    column: str
    lines: Outcome
    """What stands for an artist is a group, and what is paid to it is what its listeners steer."""


@dataclass(frozen=True, slots=True)
class MonthOutcomes:
    """The months of a run, each with a pool of its own."""

    names: tuple[str, ...]
    """`2026-10`, in order."""
    outcomes: tuple[Outcome, ...]
    column: str = "month"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a run. Arrays are in artist order: sorted by the bytes of the artist id."""

    currency: Currency
    money: Money
    listening: ListeningTotals
    artist: pa.Array
    """large_string[artists]."""
    plays: Ints
    ms: Ints | None
    listeners: Ints
    payouts: tuple[Payout, ...]
    """One per rule asked for, in the order asked."""
    market_weight: Ints
    """int64[artists]: the summed weights of market-centric, for the fan intensity."""
    user_weight: Ints
    """int64[artists]: the summed weights of user-centric."""
    median_fee: int | None
    """Royalty money of the median subscriber, minor units; None where it is not told."""
    inputs: tuple[InputFile, ...] = ()
    """The files read, in order: logs, subscribers, artists."""
    mcdonald: Fraction | None = None
    """Mean listening of the artists played by above-mean listeners over that of the others; None without both."""
    controls: tuple[Control, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    """artist id -> name, where an artist file was given."""
    notes: tuple[str, ...] = ()
    """Sentences for the reader: columns detected, money assumed, experimental rules."""
    warnings: tuple[Warned, ...] = ()
    """What may not be as its owner expects, by code."""
    decided: tuple[Decided, ...] = ()
    """Decisions that were given, by hash."""
    penalties: Charges | None = None
    """None where nothing may be charged."""
    conditions: tuple[Condition, ...] = ()
    """What each line of the policy did."""
    merged: MergedLines | None = None
    """Where artists with few listeners are merged: what stands for an artist above is then a line. None: nobody is."""
    groups: tuple[ArtistGroups | ListenerGroups | MonthOutcomes, ...] = ()
    """Those that were asked for, in the order asked."""
    paid_in: Ints | None = None
    """int64[artists]: what its listeners paid, minor units, where a group of listeners stands for an artist."""


def require_balance(outcome: Outcome) -> None:
    """Go on only if every control holds.

    Raises:
        UnbalancedError: with each that does not.

    """
    broken = [control for control in outcome.controls if not control.ok]
    if broken:
        raise UnbalancedError("; ".join(f"control {c.name} failed: {c.detail}" for c in broken))
