"""What listeners state themselves, in several pools: own history, wishes and delegations, within each pool alone.

No pool's money moves to another: a listener of two pools is two listeners, each with the same past and the same wishes,
and a fee can be passed on only to a subscriber of the same pool.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fairpay.layering import Layering, among, delegated, kept
from fairpay.layers.splits import whole
from fairpay.money import LARGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl
    from numpy.typing import NDArray

    from fairpay.books.payers import Payers
    from fairpay.logs.stated import Stated
    from fairpay.schema import Listens

__all__ = ["PoolLayering", "pass_on"]


@dataclass
class PoolLayering(Layering):
    """Sets aside the plays of listeners who state something, pool by pool, and gives them back divided anew.

    Histories and wishes name artists. Where a track has splits of its own, what its artist gets is divided between the
    artist and its tracks by listening.
    """

    pools: int = 0
    """How many there are; plays beyond them are in none."""
    seen: set[str] = field(default_factory=set)
    """Listeners with something stated who are in the log, in a pool or not."""

    def take(self, listens: Listens, sources: pa.Array) -> Listens:
        """Set the plays of the listeners concerned aside."""
        assert listens.pool is not None
        stating = listens.used & among(listens.user, self.users)
        concerned = stating & (listens.pool < self.pools)
        if stating.any():
            with self.lock:
                self.note(listens, sources, stating=stating, concerned=concerned)
        return replace(listens, used=listens.used & ~concerned, artist=sources)

    def note(
        self, listens: Listens, sources: pa.Array, *, stating: NDArray[np.bool_], concerned: NDArray[np.bool_]
    ) -> None:
        """Keep the plays concerned, and who states something at all."""
        import polars as pl  # noqa: PLC0415 - loaded where tables are grouped

        self.seen.update(listens.user.filter(pa.array(stating)).cast(pa.large_string()).unique().to_pylist())
        if concerned.any():
            assert listens.pool is not None
            source = pl.Series("source", sources.filter(pa.array(concerned)).cast(pa.large_string()))
            pool = pl.Series("pool", listens.pool[concerned].astype(np.int64))
            self.aside.append(kept(listens, concerned).with_columns(source, pool))

    def extra(self) -> Listens:
        """Return what was set aside, and for each pool how it is divided anew; each listener's sum is what it was."""
        import polars as pl  # noqa: PLC0415 - loaded where tables are grouped

        if self.aside:
            keys = ("pool", "user", "artist", "source")
            whole = pl.concat(self.aside).group_by(keys).sum().sort(keys)
            for (pool, user), mine in whole.group_by("pool", "user", maintain_order=True):
                self.anew(int(pool), str(user), mine)
        return self.lines.listens(has_ms=self.has_ms, pooled=True)

    def anew(self, pool: int, user: str, mine: pl.DataFrame) -> None:
        """Divide what one listener of one pool heard; plays that get nothing stay listed."""
        import polars as pl  # noqa: PLC0415 - loaded where tables are grouped

        amounts = dict(mine.group_by("artist").agg(pl.col("amount").sum()).sort("artist").iter_rows())
        if sum(amounts.values()):
            shares = self.shares(user, amounts, int(mine["plays"].sum()))
            more_rows = int(mine["rows"].sum()) - mine["source"].n_unique()
            self.lines.add(pool, user, sum(amounts.values()), by_source(shares, mine), more_rows=more_rows)
        seen = mine.group_by("source").agg(pl.col("plays", "ms").sum()).iter_rows()
        self.lines.played(pool, user, {source: (plays, ms or 0) for source, plays, ms in seen})
        self.met.add(user)


def by_source(shares: Mapping[str, int], mine: pl.DataFrame) -> dict[str, int]:
    """Give what each artist gets to the artist, or to its tracks that have splits, by listening; exact parts."""
    heard: dict[str, dict[str, int]] = {}
    for artist, source, amount in mine.select("artist", "source", "amount").iter_rows():
        if amount:
            heard.setdefault(artist, {})[source] = amount
    found: dict[str, Fraction] = {}
    for artist, part in shares.items():
        own = heard.get(artist, {artist: 1})
        for source, amount in own.items():
            found[source] = found.get(source, Fraction(0)) + Fraction(part * amount, sum(own.values()))
    return whole(found)


def pass_on(
    payers: Payers, given: Stated[dict[str, Fraction]], *, viscosity: Fraction, cap: Fraction, set_aside: bool
) -> Payers:
    """Let others steer part of what subscribers paid, within each pool.

    Raises:
        InputError: a delegator or delegate who is no subscriber, or not of the same pool; a subscriber twice in a pool.

    """
    named = {*given.by_user, *(to for shares in given.by_user.values() for to in shares)}
    ids = pa.array(sorted(named), pa.large_string())
    everybody = payers.among(ids)
    users = {pool: replace(payers, parts={pool: own}, outside=()).among(ids) for pool, own in payers.parts.items()}
    given.leave_out_unknown(lambda user: user in everybody, "user is not a subscriber")
    given.leave_out_unknown(lambda user: given.by_user[user].keys() <= everybody, "delegate is not a subscriber")
    given.leave_out_unknown(
        lambda user: all(user not in own or given.by_user[user].keys() <= own for own in users.values()),
        "delegate is not a subscriber of the same pool",
    )
    given.check(set_aside=set_aside)
    parts, room = {}, LARGEST // max(1, len(payers.parts))
    for pool, own in payers.parts.items():
        shares = {user: dict(to) for user, to in given.by_user.items() if user in users[pool]}
        # A pool's money is stated: what each steers of it may be in any unit.
        parts[pool] = delegated(own, shares, viscosity=viscosity, cap=cap, room=room)[0] if shares else own
    return replace(payers, parts=parts)
