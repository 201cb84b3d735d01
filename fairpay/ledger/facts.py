"""Facts: what a month's manifest states besides its ledger, and what its controls are checked against."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fairpay.ledger.earned import Applied, Heard, Line, Ruled
from fairpay.money.currency import round_half_even

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairpay.ledger.earned import Earned, PoolEarned

__all__ = ["Facts", "PoolFacts", "facts_of", "units_of"]


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


@dataclass(frozen=True, slots=True)
class Facts:
    """What a month's ledger must agree with."""

    period: str
    run_id: str
    pools: tuple[PoolFacts, ...]
    heard: Heard
    minimum: Mapping[str, int] = field(default_factory=dict)
    """currency -> minimum payment in minor units."""
    advances: Mapping[str, int] = field(default_factory=dict)
    """`payee / currency / advance NAME` -> minor units paid in advance."""
    subscribers: int = 0
    """Lines of the subscriber file; 0 where there is none."""
    subscribers_without_pool: int = 0
    policies: tuple[Applied, ...] = ()
    """What each pool's policy did."""
    decisions: tuple[Ruled, ...] = ()
    """What people decided."""

    def as_json(self) -> dict[str, Any]:
        """For the manifest; policies and decisions only where there are any."""
        found = asdict(self)
        return {name: value for name, value in found.items() if value or name not in {"policies", "decisions"}}

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Facts:
        """Read what `as_json` wrote.

        Raises:
            TypeError: a field is missing or unknown.
            KeyError: the same.

        """
        rest = {k: v for k, v in found.items() if k not in {"pools", "heard", "policies", "decisions"}}
        pools = tuple(PoolFacts(**pool) for pool in found["pools"])
        policies = tuple(
            Applied(**{**one, "lines": tuple(Line(**line) for line in one["lines"])})
            for one in found.get("policies", ())
        )
        decisions = tuple(Ruled(**one) for one in found.get("decisions", ()))
        return cls(pools=pools, heard=Heard(**found["heard"]), policies=policies, decisions=decisions, **rest)


def facts_of(earned: Earned) -> dict[str, Any]:
    """The part of the facts that comes from the listening and the pools."""
    pools = tuple(pool_facts(pool) for pool in earned.pools)
    return {
        "pools": pools,
        "heard": earned.heard,
        "subscribers": earned.subscribers,
        "subscribers_without_pool": earned.subscribers_without_pool,
        "policies": earned.policies,
        "decisions": earned.decisions,
    }


def pool_facts(pool: PoolEarned) -> PoolFacts:
    """State one pool."""
    money = pool.revenue
    deducted: dict[str, Fraction] = {}
    for name, amount in money.deducted:
        deducted[name] = deducted.get(name, 0) + amount
    return PoolFacts(
        name=pool.name,
        rule=pool.rule,
        currency=money.currency.code,
        scale=money.currency.digits,
        gross=plain(money.gross),
        deductions={name: plain(amount) for name, amount in deducted.items()},
        net=plain(money.net),
        royalty=plain(money.royalty),
        floor=plain(money.floor),
        subscribers=money.subscribers,
        listeners=pool.users,
        plays=pool.plays,
        base=money.base,
        topup=money.topup,
        gross_currency=money.own.code,
    )


def plain(value: Fraction) -> str:
    """Write a fraction as a decimal where it has one, else as a fraction; exact either way."""
    rest, places = value.denominator, 0
    while rest % 10 == 0:
        rest //= 10
        places += 1
    twos = fives = 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return str(value)
    places += max(twos, fives)
    if places == 0:
        return str(value.numerator)
    digits = f"{abs(value * 10**places).numerator:0{places + 1}d}"
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def units_of(text: str, scale: int) -> int:
    """Minor units of what `plain` wrote, to the nearest, a half to the even one."""
    return round_half_even(Fraction(text) * 10**scale)
