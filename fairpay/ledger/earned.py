"""Earned: what the engine found and the rules divided, pool by pool; the link between listening and the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from fairpay.kernels.arrays import Ints
    from fairpay.ledger.revenue import Revenue

__all__ = ["Applied", "Earned", "Heard", "Line", "Paid", "PoolEarned", "Ruled"]


@dataclass(frozen=True, slots=True)
class Line:
    """What one line of a policy did in a pool."""

    name: str
    times: str
    """The factor, exactly; 0 for a threshold."""
    rows: int
    """Qualified rows it met: for a threshold, those that earn nothing."""
    plays: int
    applied: bool
    """False where neither the log nor the artist file has the column it needs."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The policy of a pool, and what it did there."""

    pool: str
    policy: str
    """As people know it."""
    sha256: str
    """Of its text, which the books keep."""
    own: bool
    """Whether the pool file names it; else it is the month's."""
    min_seconds: str
    """From which length plays count in the pool."""
    measure: str
    """`time`, `plays`, or empty: time where the log has it."""
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Ruled:
    """A person's decision about one account or artist, which is known by its hash."""

    mark: str
    kind: str
    """`user` or `artist`."""
    decision: str
    """`keep`, `hold`, `exclude` or `weight 1/2`."""
    by: str
    """Who decided."""
    rows: int
    """Rows in pools that it touches."""


@dataclass(frozen=True, slots=True)
class Paid:
    """What a pool is divided into: a column of sources (artists, or tracks that have splits) and one of amounts."""

    sources: pa.Array
    """large_string[n], sorted by bytes, each one once."""
    amounts: Ints
    """int64[n]: minor units, none of them 0."""

    def __len__(self) -> int:
        """How many sources are paid."""
        return len(self.sources)

    @classmethod
    def of(cls, amounts: Mapping[str, int]) -> Paid:
        """Make columns of a mapping."""
        return cls.listed(list(amounts), np.array(list(amounts.values()), dtype=np.int64))

    @classmethod
    def listed(cls, sources: Sequence[str], amounts: Ints) -> Paid:
        """Make columns of sources in any order, and what each is paid."""
        import pyarrow as pa  # noqa: PLC0415 - loaded where it is used
        import pyarrow.compute as pc  # noqa: PLC0415 - the same

        names = pa.array(sources, pa.large_string())
        order = pc.array_sort_indices(names)
        return cls(names.take(order), amounts[order.to_numpy()])

    def by_source(self) -> dict[str, int]:
        """The same as a mapping, for a few."""
        return dict(zip(self.sources.to_pylist(), self.amounts.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class PoolEarned:
    """One pool, divided."""

    name: str
    rule: str
    """As asked for, with its parameters."""
    revenue: Revenue
    paid: Paid
    """Sums to the pool; empty where nobody listened."""
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
    policies: tuple[Applied, ...] = ()
    """Of the pools that have one."""
    decisions: tuple[Ruled, ...] = ()
    """By hash."""
