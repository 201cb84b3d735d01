"""What listeners state themselves, in several pools: own history, wishes and delegations, within each pool alone.

No pool's money moves to another: a listener of two pools is two listeners, each with the same past and the same wishes,
and a fee can be passed on only to a subscriber of the same pool.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fairpay.integers import sum_exactly
from fairpay.layering import FINE_PLAYS, FINE_TIME, LIMIT, Layering, among, delegated, kept, refuse
from fairpay.layers.splits import BLOCKED, apportion, divide_listening
from fairpay.schema import Listens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

    import polars as pl
    from numpy.typing import NDArray

    from fairpay.books.payers import Payers
    from fairpay.logs.stated import Stated
    from fairpay.usage import Ints

__all__ = ["PoolLayering", "pass_on"]

Row = tuple[int, str, str, int, int, int]
"""pool, user, source, units, plays, milliseconds."""


@dataclass
class PoolLayering(Layering):
    """Sets aside the plays of listeners who state something, pool by pool, and gives them back divided anew.

    Histories and wishes name artists. Where a track has splits of its own, what its artist gets is divided between the
    artist and its tracks by listening.
    """

    timed_pools: Sequence[bool] = ()
    """Whether each pool's listening is time."""
    seen: set[str] = field(default_factory=set)
    """Listeners with something stated who are in the log, in a pool or not."""

    def __post_init__(self) -> None:
        """Prepare to look users up."""
        super().__post_init__()
        scales = [FINE_TIME if timed else FINE_PLAYS for timed in self.timed_pools]
        self.scales = np.array([*scales, 1], dtype=np.int64)

    def take(self, listens: Listens, sources: pa.Array) -> Listens:
        """Set the plays of the listeners concerned aside, and bring all others to the same units.

        Raises:
            InputError: listening in these units sums to 2^62 and more.

        """
        assert listens.pool is not None
        amount = np.ones(len(listens.used), dtype=np.int64) if listens.amount is None else listens.amount
        inside = listens.used & (listens.pool < len(self.timed_pools))
        scale = self.scales[np.minimum(listens.pool, len(self.timed_pools))]
        if int(amount.max(initial=0)) >= LIMIT // int(self.scales.max()):
            refuse()
        stating = listens.used & among(listens.user, self.users)
        concerned = inside & stating
        units = np.where(listens.used, amount, 0) * scale
        with self.lock:
            self.total += sum_exactly(units)
            if self.total >= LIMIT:
                refuse()
            if stating.any():
                self.note(listens, sources, amount, stating=stating, concerned=concerned)
        return replace(listens, used=listens.used & ~concerned, amount=units, artist=sources)

    def note(
        self,
        listens: Listens,
        sources: pa.Array,
        amount: Ints,
        *,
        stating: NDArray[np.bool_],
        concerned: NDArray[np.bool_],
    ) -> None:
        """Keep the plays concerned, and who states something at all."""
        import polars as pl  # noqa: PLC0415 - loaded where tables are grouped

        self.seen.update(listens.user.filter(pa.array(stating)).cast(pa.large_string()).unique().to_pylist())
        if concerned.any():
            assert listens.pool is not None
            source = pl.Series("source", sources.filter(pa.array(concerned)).cast(pa.large_string()))
            pool = pl.Series("pool", listens.pool[concerned].astype(np.int64))
            self.aside.append(kept(listens, amount, concerned).with_columns(source, pool))

    def extra(self) -> Listens:
        """Return the plays that were set aside, divided anew; each listener's sum is what it was, in the new units."""
        import polars as pl  # noqa: PLC0415 - loaded where tables are grouped

        rows: list[Row] = []
        if self.aside:
            keys = ("pool", "user", "artist", "source")
            whole = pl.concat(self.aside).group_by(keys).sum().sort(keys)
            for (pool, user), mine in whole.group_by("pool", "user", maintain_order=True):
                rows += self.anew(int(pool), str(user), mine)
        columns = list(zip(*rows, strict=True)) or [()] * 6
        pool, amount, plays, ms = (np.array(columns[i], dtype=np.int64) for i in (0, 3, 4, 5))
        return Listens(
            user=pa.array(columns[1], pa.large_string()),
            artist=pa.array(columns[2], pa.large_string()),
            used=np.ones(len(rows), dtype=np.bool_),
            amount=amount,
            plays=plays,
            ms=ms if any(frame["ms"].null_count() == 0 for frame in self.aside) else None,
            pool=pool.astype(np.uint32),
        )

    def anew(self, pool: int, user: str, mine: pl.DataFrame) -> Iterator[Row]:
        """Divide what one listener of one pool heard; plays that get nothing stay listed, with no units."""
        import polars as pl  # noqa: PLC0415 - loaded where tables are grouped

        by_artist = mine.group_by("artist").agg(pl.col("amount").sum()).sort("artist")
        own = dict(by_artist.filter(pl.col("amount") > 0).iter_rows())
        heard = sum(own.values())
        self.met.add(user)
        units = divide_listening(
            own,
            heard * int(self.scales[pool]),
            plays=max(1, int(mine["plays"].sum())),
            past=self.past.get(user, {}),
            kappa=self.kappa,
            wishes=self.wishes.get(user),
        ) if heard else {}  # fmt: skip
        self.blocked += BLOCKED in units
        of_sources = shared(units, mine)
        by_source = mine.group_by("source").agg(pl.col("plays", "ms").sum())
        seen = {source: (plays, ms or 0) for source, plays, ms in by_source.iter_rows()}
        for source in sorted({*of_sources, *seen}, key=str.encode):
            yield pool, user, source, of_sources.get(source, 0), *seen.get(source, (0, 0))


def shared(units: dict[str, int], mine: pl.DataFrame) -> dict[str, int]:
    """Give what each artist gets to the artist, or to its tracks that have splits, by listening."""
    heard: dict[str, dict[str, int]] = {}
    for artist, source, amount in mine.select("artist", "source", "amount").iter_rows():
        if amount:
            heard.setdefault(artist, {})[source] = amount
    found: dict[str, int] = {}
    for artist, amount in units.items():
        for source, part in apportion(heard.get(artist, {artist: 1}), amount).items():
            found[source] = found.get(source, 0) + part
    return found


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
    parts = {}
    for pool, own in payers.parts.items():
        shares = {user: dict(to) for user, to in given.by_user.items() if user in users[pool]}
        parts[pool] = delegated(own, shares, viscosity=viscosity, cap=cap) if shares else own
    return replace(payers, parts=parts)
