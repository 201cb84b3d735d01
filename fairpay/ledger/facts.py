"""Facts: what a month read and what its pools earned, and what its manifest states of that, for controls to check."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import polars as pl

from fairpay.errors import InputError
from fairpay.money.currency import LARGEST, exact_text, format_units, round_half_even

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fairpay.ledger.pools import Pool

__all__ = [
    "PAID",
    "Applied",
    "DecisionFacts",
    "Earned",
    "MonthFacts",
    "MonthListening",
    "PenaltyFacts",
    "PolicyLine",
    "PoolFacts",
    "least_payment",
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

    @classmethod
    def of(cls, pool: Pool, rule: str, *, subscribers: int, listeners: int = 0, plays: int = 0) -> PoolFacts:
        """Work out what a pool pays: (gross - deductions) x rate, at least the floor, exchanged, rounded once.

        A pool that refunds more than it took comes to less than nothing, and has no floor.

        Args:
            pool: its line of the pool file.
            rule: what divides it, as asked for with its parameters.
            subscribers: how many to count for the floor where the pool does not say.
            listeners: how many there were.
            plays: what they played.

        Raises:
            InputError: when it comes to 2^62 minor units or more.

        """
        net = pool.gross - sum((amount for _, amount in pool.deductions), Fraction(0))
        royalty = net * pool.rate
        subscribers = subscribers if pool.subscribers is None else pool.subscribers
        floor = pool.minimum * subscribers
        minor = pool.exchange * Fraction(10) ** pool.payout.digits
        base = round_half_even(royalty * minor)
        whole = base if pool.gross < 0 else round_half_even(max(royalty, floor) * minor)
        own = 10**pool.currency.digits * max(abs(pool.gross), abs(net), floor)
        for size, currency in ((own, pool.currency), (abs(whole), pool.payout)):
            if size >= LARGEST:
                message = f"pool {pool.name} comes to 2^62 minor units of {currency.code} or more"
                raise InputError(message, advice="Divide it in several pools.")
        return cls(
            name=pool.name,
            rule=rule,
            currency=pool.payout.code,
            scale=pool.payout.digits,
            gross=exact_text(pool.gross),
            deductions={name: exact_text(amount) for name, amount in pool.deducted.items()},
            net=exact_text(net),
            royalty=exact_text(royalty),
            floor=exact_text(floor),
            subscribers=subscribers,
            listeners=listeners,
            plays=plays,
            base=base,
            topup=whole - base,
            gross_currency=pool.currency.code,
            territory=pool.key.get("territory", ""),
            offering=pool.key.get("offering", ""),
            fx_rate=exact_text(pool.exchange) if pool.fx_source else "",
            fx_source=pool.fx_source,
            fx_date=pool.fx_date,
        )

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

    @property
    def penalty_records(self) -> list[dict[str, str]]:
        """A line for each penalty, with amounts in major units: what `penalties.csv` holds."""
        pools = {pool.name: pool for pool in self.pools}
        return [
            {
                "pool": one.pool,
                "artist": one.source,
                "share": one.share,
                "would_have_earned": format_units(one.earned, pools[one.pool].scale),
                "charged": format_units(one.charged, pools[one.pool].scale),
                "currency": pools[one.pool].currency,
                "to": self.penalty_to,
            }
            for one in self.penalties
        ]

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
        kinds: dict[str, Any] = {"pools": PoolFacts, "decisions": DecisionFacts, "penalties": PenaltyFacts}
        made: dict[str, Any] = {name: tuple(kinds[name](**one) for one in found[name]) for name in kinds.keys() & found}
        policies = tuple(
            Applied(**{**one, "lines": tuple(PolicyLine(**line) for line in one["lines"])})
            for one in found.get("policies", ())
        )
        rest = {name: value for name, value in found.items() if name != "heard"}
        return cls(**{**rest, **made, "policies": policies, "listening": MonthListening(**found["heard"])})


PAID = {"source": pl.String, "amount": pl.Int64, "plays": pl.Int64, "withheld": pl.Int64}
"""The columns of what a pool is divided into: sources (artists, or tracks that have splits) in the order of their
bytes, minor units, what was played of each, and what of the amount a policy withholds."""


@dataclass(frozen=True, slots=True)
class Earned:
    """A month's earnings, before splits."""

    facts: MonthFacts
    """Of a run that has no id yet."""
    paid: tuple[pl.DataFrame, ...]
    """`PAID` of each pool of the facts: it sums to the pool, and no amount is 0; empty where nobody listened."""
    tracks: tuple[pl.DataFrame, ...] = ()
    """The same of every track of these sources, where that was asked for: less what is withheld, which may be all."""

    @property
    def pools(self) -> Iterator[tuple[PoolFacts, pl.DataFrame]]:
        """Each pool and how it is divided."""
        return zip(self.facts.pools, self.paid, strict=True)


def least_payment(minimum: Mapping[str, int]) -> pl.Expr:
    """The least that is paid in the `currency` of a row, in minor units: one where none is stated."""
    units = pl.Series([min(max(1, amount), 2**126) for amount in minimum.values()], dtype=pl.Int128)
    code = pl.col("currency").cast(pl.String)
    return code.replace_strict(pl.Series([*minimum], dtype=pl.String), units, default=pl.lit(1, pl.Int128))


def units_of(text: str, scale: int) -> int:
    """Minor units of what `exact_text` wrote, to the nearest, a half to the even one."""
    return round_half_even(Fraction(text) * 10**scale)
