"""Earned: what the engine found and the rules divided, pool by pool; the link between listening and the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairpay.books.revenue import Revenue

__all__ = ["Earned", "Heard", "PoolEarned"]


@dataclass(frozen=True, slots=True)
class PoolEarned:
    """One pool, divided."""

    name: str
    rule: str
    """As asked for, with its parameters."""
    revenue: Revenue
    paid: Mapping[str, int]
    """source (artist, or track that has splits) -> minor units; sums to the pool; empty where nobody listened."""
    users: int
    """Listeners in this pool."""
    plays: int
    """Qualified plays in this pool."""


@dataclass(frozen=True, slots=True)
class Heard:
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
class Earned:
    """A month's earnings, before splits."""

    pools: tuple[PoolEarned, ...]
    """By pool name."""
    heard: Heard
    subscribers: int = 0
    """Lines of the subscriber file."""
    subscribers_without_pool: int = 0
    """Those whose key no pool covers; what they paid stands in pools of its own, one for each currency."""
