"""Judging: under which terms a play counts: the month's, or those of its pool's policy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fairpay.errors import InputError
from fairpay.qualify import ByRow

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from fairpay.kernels.arrays import Codes
    from fairpay.ledger.closing import Closing, Loaded
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.qualify import Qualifier
    from fairpay.settings.values import Qualifying

__all__ = ["Terms", "terms_of"]

DURATIONS = frozenset({"ms", "seconds"})


@dataclass(frozen=True, slots=True)
class Terms:
    """Which listens count in which pool."""

    names: tuple[str, ...]
    """Of the pools."""
    pools: tuple[Qualifying, ...]
    """Those of each pool."""
    rest: Qualifying
    """Those of plays without a pool."""

    @property
    def alike(self) -> bool:
        """Whether all are the same."""
        return all(own == self.rest for own in self.pools)

    @property
    def plain(self) -> Qualifying:
        """What a qualifier is made of: the terms of all, or, where they differ, what they have in common."""
        return self.rest if self.alike else replace(self.rest, min_ms=0, measure=None)

    def always(self) -> Terms:
        """The same for a log without times: every play is of the month."""
        pools = tuple(replace(own, since=None, until=None) for own in self.pools)
        return Terms(self.names, pools, replace(self.rest, since=None, until=None))

    def timed(self, columns: Collection[str]) -> list[bool]:
        """Whether listening is time, in each pool, then in none, of a log with these columns.

        Raises:
            InputError: a pool measures time, and there is no duration.

        """
        has = bool(DURATIONS & {*columns})
        without = [name for name, own in zip(self.names, self.pools, strict=True) if own.measure == "time" and not has]
        if without:
            message = f"{len(without):,} pools measure time, {without[0]} among them, and the log has no duration"
            raise InputError(message, advice="Name it with --columns seconds=NAME or ms=NAME, or measure plays.")
        return [has and own.measure != "plays" for own in (*self.pools, self.rest)]

    def judge(self, qualifier: Qualifier) -> Callable[[RawBatch, Codes], Listens]:
        """Judge rows, each under the terms of its pool."""
        if self.alike:
            return lambda raw, _: qualifier.judge(raw)
        least = np.array([own.min_ms for own in (*self.pools, self.rest)], dtype=np.int64)

        def judge(raw: RawBatch, codes: Codes) -> Listens:
            timed = np.array(self.timed(raw.columns) if raw.columns else [False] * len(least), dtype=np.bool_)
            return qualifier.judge(raw, ByRow(least[codes], timed[codes]))

        return judge


def terms_of(closing: Closing, loaded: Loaded) -> Terms:
    """The terms of each pool: what the month states goes before what its policy says."""
    month = loaded.policies.month
    of_policies = [None if chosen is None else chosen.policy for chosen in loaded.policies.pools]
    return Terms(
        tuple(pool.name for pool in loaded.pools),
        tuple(closing.qualifying(policy) for policy in of_policies),
        closing.qualifying(None if month is None else month.policy),
    )
