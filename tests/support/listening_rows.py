"""Listening for engine tests, what dictionaries make of it, and what an engine holds of it in the same form."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from fairpay.engine.local import LocalEngine
from fairpay.logs.schema import Listens
from fairpay.settings.values import Running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fairpay.engine.pool import LocalPool
    from fairpay.rules.core.month import Usage

__all__ = ["Held", "Row", "batches_of", "engine_with", "expected", "held", "judged", "make_rows", "text"]


class Row(NamedTuple):
    """One judged row."""

    user: str
    artist: str
    amount: int
    plays: int
    ms: int
    pool: int = 0


@dataclass(frozen=True)
class Held:
    """Everything a finished intake holds, in a form that has no order but that of ids."""

    artists: dict[str, tuple[int, int, int, int]]
    """id -> amount, plays, ms, listeners, in the engine's order."""
    users: list[tuple[tuple[tuple[str, int], ...], int, int, int]]
    """(artist, amount) pairs, fee, total, plays; sorted, for an engine does not know who they are."""


def make_rows(seed: int, *, rows: int = 3000, users: int = 150, artists: int = 80, **kinds: Any) -> list[Row]:  # noqa: ANN401 - a number or a range
    """Make listening with one heavy user and ids of many lengths that share their beginnings.

    `kinds`: amounts (low, high), plays (low, high), pools.
    """
    rng = np.random.default_rng(seed)
    user = rng.integers(0, users, rows) * (rng.random(rows) > 0.2)
    artist = rng.integers(0, artists, rows)
    amount = rng.integers(*kinds.get("amounts", (1, 50)), rows)
    plays = rng.integers(*kinds.get("plays", (1, 2)), rows)
    pool = rng.integers(0, kinds.get("pools", 1), rows)
    return [
        Row(f"user{'x' * int(u % 40)}{u}", f"{'é' * int(a % 30)}{a}", int(x), int(n), int(x) % 1000, int(p))
        for u, a, x, n, p in zip(user, artist, amount, plays, pool, strict=True)
    ]


def text(values: list[str]) -> pa.Array:
    """Make an ordinary column of ids."""
    return pa.array(values, pa.string())


def judged(rows: Sequence[Row], convert: Callable[[list[str]], pa.Array] = text) -> Listens:
    """Make a batch of rows, every one of them used."""
    columns = list(zip(*rows, strict=True)) or [()] * 6
    amount, plays, ms = (np.array(c, dtype=np.int64) for c in columns[2:5])
    pool = np.array(columns[5], dtype=np.uint32)
    return Listens(
        convert(list(columns[0])), convert(list(columns[1])), np.ones(len(rows), dtype=np.bool_), amount,
        None if (plays == 1).all() else plays, ms, pool if pool.any() else None,
    )  # fmt: skip


def batches_of(rows: Sequence[Row], size: int, convert: Callable[[list[str]], pa.Array] = text) -> list[Listens]:
    """Cut rows into batches."""
    return [judged(rows[i : i + size], convert) for i in range(0, len(rows), size)]


def engine_with(
    batches: Sequence[Listens],
    *,
    units: int = 3,
    paid: Mapping[str, int] | None = None,
    **options: Any,  # noqa: ANN401 - of Running
) -> LocalEngine:
    """Take batches in, dealt to units; the intake is not finished."""
    unlisted, pools = options.pop("unlisted", "free"), options.pop("pools", 1)
    engine = LocalEngine(Running(threads=options.pop("threads", 2), **options), pools=pools)
    if paid is not None:
        engine.subscribe([(text(list(paid)), np.array(list(paid.values()), dtype=np.int64))], unlisted=unlisted)

    def unit(i: int) -> Callable[[], Iterator[Listens]]:
        return lambda: iter(batches[i::units])

    engine.ingest([unit(i) for i in range(units)], lambda batch: batch)
    return engine


def expected(rows: Sequence[Row], *, paid: Mapping[str, int] | None = None, fee: int = 1, pool: int = 0) -> Held:
    """Add up in dictionaries."""
    usage: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    plays: dict[str, int] = defaultdict(int)
    facts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in rows:
        if row.pool != pool:
            continue
        usage[row.user][row.artist] += row.amount
        plays[row.user] += row.plays
        for k in range(3):
            facts[row.artist][k] += row[2 + k]
    listeners = Counter(artist for amounts in usage.values() for artist, amount in amounts.items() if amount)
    users = []
    for user, amounts in usage.items():
        entries = tuple(sorted((a, x) for a, x in amounts.items() if x))
        owes = fee if paid is None else paid.get(user, 0)
        users.append((entries, owes, sum(amounts.values()), plays[user]))
    order = sorted(facts, key=str.encode)
    artists = {a: (facts[a][0], facts[a][1], facts[a][2], listeners[a]) for a in order}
    return Held(artists, sorted(user for user in users if user[2]))


def held(source: LocalPool | LocalEngine) -> Held:
    """Read everything out of a pool, of an engine its first; and hold its parts against one another."""
    pool = source.pool(0) if isinstance(source, LocalEngine) else source
    names = pool.artist.to_pylist()

    def visit(usage: Usage) -> list[Any]:
        found = []
        for u in range(usage.users):
            span = slice(usage.start[u], usage.start[u + 1])
            entries = zip((names[a] for a in usage.artist[span]), usage.amount[span].tolist(), strict=True)
            found.append((tuple(sorted(entries)), int(usage.fee[u]), int(usage.total[u]), int(usage.plays[u])))
        return found

    month = pool.month(pool=100, rate=Fraction(1), fees_are_money=False)
    users = sorted(user for block in month.each(visit) for user in block)
    cheap = sorted(
        x
        for block in month.each_users(lambda b: zip(*(y.tolist() for y in (b.fee, b.total, b.plays)), strict=True))
        for x in block
    )
    assert cheap == sorted(user[1:] for user in users)
    assert pool.artist_ms is not None
    columns = (pool.artist_amount, pool.artist_plays, pool.artist_ms, pool.artist_listeners)
    facts = [tuple(int(x) for x in found) for found in zip(*columns, strict=True)]
    return Held(dict(zip(names, facts, strict=True)), users)  # type: ignore[arg-type]
