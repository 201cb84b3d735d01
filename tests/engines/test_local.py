"""The local engine against a dictionary."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from fairpay.engines.local import LocalEngine
from fairpay.errors import InputError
from fairpay.schema import Listens
from fairpay.settings import Running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fairpay.usage import Usage

Row = tuple[str, str, int, int, int]
"""User, artist, amount, plays, ms."""


def make_rows(seed: int, *, rows: int = 3000, users: int = 150, artists: int = 80) -> list[Row]:
    """Listening with ties, a heavy user and ids of many lengths that share their beginnings."""
    rng = np.random.default_rng(seed)
    user = rng.integers(0, users, rows) * (rng.random(rows) > 0.2)
    artist = rng.integers(0, artists, rows)
    amount = rng.integers(1, 50, rows)
    return [
        (f"user{'x' * int(u % 40)}{u}", f"{'é' * int(a % 30)}{a}", int(x), 1, int(x))
        for u, a, x in zip(user, artist, amount, strict=True)
    ]


def judged(rows: Sequence[Row], convert: Callable[[list[str]], pa.Array]) -> Listens:
    """Make a batch of rows, every one of them used."""
    columns = list(zip(*rows, strict=True)) or [()] * 5
    amount, plays, ms = (np.array(c, dtype=np.int64) for c in columns[2:])
    one_each = bool((plays == 1).all())
    return Listens(
        convert(list(columns[0])), convert(list(columns[1])), np.ones(len(rows), dtype=np.bool_), amount,
        None if one_each else plays, ms,
    )  # fmt: skip


def expected(rows: Sequence[Row]) -> tuple[dict[str, dict[str, int]], dict[str, tuple[int, int, int, int]]]:
    """Add up in dictionaries: user -> artist -> amount; artist -> amount, plays, ms, listeners."""
    usage: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    facts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for user, artist, *numbers in rows:
        usage[user][artist] += numbers[0]
        for k, number in enumerate(numbers):
            facts[artist][k] += number
    heard = {a: sum(1 for x in usage.values() if x.get(a)) for a in facts}
    return usage, {a: (*facts[a], heard[a]) for a in facts}


def held(engine: LocalEngine) -> list[tuple[tuple[tuple[str, int], ...], int, int, int]]:
    """Everything a month holds, in a form that does not depend on an order: artists by user, fee, total, plays."""
    names = engine.artist.to_pylist()

    def visit(usage: Usage) -> list[Any]:
        found = []
        for u in range(usage.users):
            span = slice(usage.start[u], usage.start[u + 1])
            entries = [
                (names[a], x) for a, x in zip(usage.artist[span].tolist(), usage.amount[span].tolist(), strict=True)
            ]
            found.append((tuple(sorted(entries)), int(usage.fee[u]), int(usage.total[u]), int(usage.plays[u])))
        return found

    month = engine.month(pool=100, rate=Fraction(1), fees_are_money=False)
    return sorted(user for block in month.each(visit) for user in block)


def run(batches: Sequence[Listens], *, threads: int = 2, units: int = 3, **options: Any) -> LocalEngine:
    """Take batches in, dealt to units."""
    engine = LocalEngine(Running(threads=threads, **options))
    deal: list[Callable[[], Iterator[Listens]]] = [lambda i=i: iter(batches[i::units]) for i in range(units)]  # type: ignore[misc]
    engine.ingest(deal, lambda batch: batch)
    return engine


def text(values: list[str]) -> pa.Array:
    return pa.array(values, pa.string())


COLUMNS: dict[str, Callable[[list[str]], pa.Array]] = {
    "string": text,
    "large_string": lambda values: pa.array(values, pa.large_string()),
    "string_view": lambda values: pa.array(values, pa.string_view()),
    "dictionary": lambda values: pa.array(values, pa.string()).dictionary_encode(),
    "slice": lambda values: pa.array(["before", *values, "after"], pa.string()).slice(1, len(values)),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_every_kind_of_text_column_gives_the_sums_of_a_dictionary(kind: str) -> None:
    rows = make_rows(1)
    with run([judged(rows[i : i + 700], COLUMNS[kind]) for i in range(0, len(rows), 700)]) as engine:
        intake = engine.finish()
        usage, facts = expected(rows)
        assert engine.artist.to_pylist() == sorted(facts, key=str.encode)
        got = zip(engine.artist_amount, engine.artist_plays, engine.artist_ms, engine.artist_listeners, strict=True)  # type: ignore[arg-type]
        assert [tuple(map(int, x)) for x in got] == [facts[a] for a in engine.artist.to_pylist()]
        per_user = [
            (tuple(sorted(x.items())), 1, sum(x.values()), sum(1 for r in rows if r[0] == u)) for u, x in usage.items()
        ]
        assert held(engine) == sorted(per_user)
        assert held(engine) == sorted(per_user), "a second walk sees the same"
        assert (intake.users, intake.artists) == (len(usage), len(facts))
        assert intake.amount == sum(r[2] for r in rows)


def test_unlisted_listeners_are_refused_with_their_number() -> None:
    engine = LocalEngine(Running(threads=1))
    engine.subscribe([(pa.array(["a"]), np.array([5]))], unlisted="refuse")
    engine.ingest([lambda: iter([judged([("a", "x", 1, 1, 1), ("b", "x", 1, 1, 1)], text)])], lambda batch: batch)
    with pytest.raises(InputError, match="1 listeners"):
        engine.finish()
