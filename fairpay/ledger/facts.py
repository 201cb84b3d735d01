"""Facts: what a month read and what its pools earned, and what its manifest states of that, for controls to check."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.money.currency import exact_text, round_half_even

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.ledger.pools import Revenue

__all__ = [
    "Applied",
    "DecisionFacts",
    "Earned",
    "MonthFacts",
    "MonthListening",
    "Paid",
    "PenaltyFacts",
    "PolicyLine",
    "PoolFacts",
    "pool_facts",
    "units_of",
]


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """What one line of a policy did in a pool."""

    name: str
    times: str
    """The factor, exactly; 0 for a threshold."""
    rows: int
    """Qualified rows it met: for a threshold, those that earn nothing."""
    plays: int
    applied: bool
    """False where neither the log nor the artist file has the column it needs."""
    withheld: str = ""
    """What share it withholds of what these plays earn, exactly; empty: it does not."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The policy of a pool, and what it did there."""

    pool: str
    policy: str
    sha256: str
    """Of its text, which the books keep."""
    own: bool
    """Whether the pool file names it; else it is the month's."""
    min_seconds: str
    """From which length plays count in the pool."""
    measure: str
    """`time`, `plays`, or empty: time where the log has it."""
    lines: tuple[PolicyLine, ...]


@dataclass(frozen=True, slots=True)
class DecisionFacts:
    """A person's decision about one account or artist, which is known by its hash."""

    mark: str
    kind: str
    """`user` or `artist`."""
    decision: str
    """`keep`, `hold`, `exclude` or `weight 1/2`."""
    by: str
    rows: int


@dataclass(frozen=True, slots=True)
class PenaltyFacts:
    """What the excluded plays of an artist (or a track with splits) would have earned of a pool, and the charge."""

    pool: str
    source: str
    share: str
    """The part that is charged, exactly."""
    earned: int
    """Minor units of the pool's currency."""
    charged: int
    """That part, to the nearest minor unit, a half to the even one."""

    @classmethod
    def of(cls, pool: str, source: str, share: str, earned: int) -> PenaltyFacts:
        """Charge excluded plays."""
        return cls(pool, source, share, earned, round_half_even(Fraction(share) * earned))


@dataclass(frozen=True, slots=True)
class Paid:
    """What a pool is divided into: a column of sources (artists, or tracks that have splits) and one of amounts."""

    sources: pa.Array
    """large_string[n], sorted by bytes, each one once."""
    amounts: Ints
    """int64[n]: minor units, none of them 0."""
    plays: Ints
    """int64[n]: what was played of each."""
    tracks: Paid | None = None
    """The same for every track of these sources, where it was asked for; some of these may have earned 0."""
    withheld: Ints | None = None
    """int64[n]: what a policy withholds of the amounts; None: nothing. Those of tracks are without it."""

    def __len__(self) -> int:
        """How many sources are paid."""
        return len(self.sources)

    @classmethod
    def of(cls, amounts: Mapping[str, int]) -> Paid:
        """Make columns of a mapping, without plays."""
        values = np.array(list(amounts.values()), dtype=np.int64)
        return cls.listed(list(amounts), values, np.zeros_like(values))

    @classmethod
    def listed(cls, sources: Sequence[str], amounts: Ints, plays: Ints, withheld: Ints | None = None) -> Paid:
        """Make columns of sources in any order, what each is paid, what was played of it, and what is withheld."""
        names = pa.array(sources, pa.large_string())
        order = pc.array_sort_indices(names)
        at = order.to_numpy()
        return cls(names.take(order), amounts[at], plays[at], withheld=None if withheld is None else withheld[at])


@dataclass(frozen=True, slots=True)
class MonthListening:
    """What was read and what became of it."""

    rows: int
    used: int
    dropped: Mapping[str, int]
    """reason -> rows; rows = used + these."""
    plays: int
    """Qualified plays before pools and exclusions."""
    plays_used: int
    plays_dropped: Mapping[str, int]
    """reason -> qualified plays: without a pool, excluded; plays = plays_used + these."""
    listeners: int
    """(pool, user) pairs qualified, plays without a pool counting as a pool of their own."""
    listeners_used: int
    listeners_dropped: Mapping[str, int]
    without_pool: Mapping[str, int] = field(default_factory=dict)
    """key values (`DE/premium`) -> rows of plays that no pool covers."""


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """One pool, as it was divided. Amounts in major units are exact text, `1234.5` or `37/3`, of `gross_currency`."""

    name: str
    rule: str
    currency: str
    scale: int
    gross: str
    deductions: Mapping[str, str]
    net: str
    royalty: str
    floor: str
    subscribers: int
    listeners: int
    plays: int
    base: int
    """Minor units of `currency`."""
    topup: int
    gross_currency: str = ""
    """Empty in months that were closed before it was kept."""
    territory: str | None = None
    """This and all below: None in months that were closed before they were kept, empty where the pool file has none."""
    offering: str | None = None
    fx_rate: str | None = None
    """Units of `currency` for one of `gross_currency`."""
    fx_source: str | None = None
    fx_date: str | None = None
    withheld: int = 0
    """What its policy withholds for the platform of what is earned, minor units; below zero of a pool below zero."""

    @property
    def whole(self) -> int:
        """What is divided, minor units of `currency`."""
        return self.base + self.topup

    @property
    def due(self) -> int:
        """What of it payees come to."""
        return self.whole - self.withheld


@dataclass(frozen=True, slots=True)
class MonthFacts:
    """What a month's ledger must agree with."""

    period: str
    run_id: str
    pools: tuple[PoolFacts, ...]
    listening: MonthListening
    minimum: Mapping[str, int] = field(default_factory=dict)
    """currency -> minimum payment in minor units."""
    advances: Mapping[str, int] = field(default_factory=dict)
    """`payee / currency / advance NAME` -> minor units paid in advance."""
    taxes: Mapping[str, str] = field(default_factory=dict)
    """payee -> the part of payments that is withheld, exactly."""
    subscribers: int = 0
    """Lines of the subscriber file; 0 where there is none."""
    subscribers_without_pool: int = 0
    """Those whose key no pool covers; what they paid stands in pools of its own, one for each currency."""
    policies: tuple[Applied, ...] = ()
    decisions: tuple[DecisionFacts, ...] = ()
    penalties: tuple[PenaltyFacts, ...] = ()
    """By pool, source and share."""
    penalty_to: str = "pool"
    """Who gets them: those the pool pays, or the `platform`."""

    @property
    def due(self) -> dict[tuple[str, str], int]:
        """(pool, currency) -> what its payees come to, minor units: the pool less penalties that the platform keeps."""
        kept = self.charged if self.penalty_to == "platform" else {}
        return {(pool.name, pool.currency): pool.due - kept.get(pool.name, 0) for pool in self.pools}

    @property
    def charged(self) -> dict[str, int]:
        """Pool -> penalties, minor units."""
        found: dict[str, int] = {}
        for one in self.penalties:
            found[one.pool] = found.get(one.pool, 0) + one.charged
        return found

    def as_json(self) -> dict[str, Any]:
        """For the manifest, where listening is `heard`; policies, decisions, penalties, taxes only where there are."""
        found = {{"listening": "heard"}.get(name, name): value for name, value in asdict(self).items()}
        found["penalty_to"] = self.penalty_to if self.penalties else ""
        rare = {"policies", "decisions", "penalties", "penalty_to", "taxes"}
        return {name: value for name, value in found.items() if value or name not in rare}

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> MonthFacts:
        """Read what `as_json` wrote.

        Raises:
            TypeError: a field is missing or unknown.
            KeyError: the same.

        """
        pools = tuple(PoolFacts(**pool) for pool in found["pools"])
        policies = tuple(
            Applied(**{**one, "lines": tuple(PolicyLine(**line) for line in one["lines"])})
            for one in found.get("policies", ())
        )
        decisions = tuple(DecisionFacts(**one) for one in found.get("decisions", ()))
        penalties = tuple(PenaltyFacts(**one) for one in found.get("penalties", ()))
        listening = MonthListening(**found["heard"])
        rest = {name: value for name, value in found.items() if name != "heard"}
        made = {"pools": pools, "policies": policies, "decisions": decisions, "penalties": penalties}
        return cls(**{**rest, **made, "listening": listening})


@dataclass(frozen=True, slots=True)
class Earned:
    """A month's earnings, before splits."""

    facts: MonthFacts
    """Of a run that has no id yet."""
    paid: tuple[Paid, ...]
    """Of each pool of the facts: it sums to the pool; empty where nobody listened."""

    @property
    def pools(self) -> Iterator[tuple[PoolFacts, Paid]]:
        """Each pool and how it is divided."""
        return zip(self.facts.pools, self.paid, strict=True)


def pool_facts(  # noqa: PLR0913 - what there is to say of a pool
    name: str, rule: str, money: Revenue, *, listeners: int, plays: int, said: Mapping[str, str] | None = None
) -> PoolFacts:
    """State one pool, divided by a rule, as asked for with its parameters; `said` is `Pool.said`."""
    deducted: dict[str, Fraction] = {}
    for what, amount in money.deducted:
        deducted[what] = deducted.get(what, 0) + amount
    return PoolFacts(
        name=name,
        rule=rule,
        currency=money.currency.code,
        scale=money.currency.digits,
        gross=exact_text(money.gross),
        deductions={what: exact_text(amount) for what, amount in deducted.items()},
        net=exact_text(money.net),
        royalty=exact_text(money.royalty),
        floor=exact_text(money.floor),
        subscribers=money.subscribers,
        listeners=listeners,
        plays=plays,
        base=money.base,
        topup=money.topup,
        gross_currency=money.own.code,
        **{**dict.fromkeys(("territory", "offering", "fx_rate", "fx_source", "fx_date"), ""), **(said or {})},  # type: ignore[arg-type] # texts
    )


def units_of(text: str, scale: int) -> int:
    """Minor units of what `exact_text` wrote, to the nearest, a half to the even one."""
    return round_half_even(Fraction(text) * 10**scale)
