"""The layers as a stage: whoever states nothing is not touched, and every rule keeps the weight of whoever does."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import naive
import naive_layers
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairpay.adjust.layering import BLOCKED, Layering, Wishes
from fairpay.adjust.payers import delegated
from fairpay.engine.local import LocalEngine
from fairpay.errors import InputError
from fairpay.logs.schema import Listens
from fairpay.rules import find_rule
from fairpay.settings.values import Running

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = [("u1", "a", 3), ("u1", "b", 1), ("u2", "a", 5), ("u2", "c", 5), ("u3", "c", 2)]


def listens(rows: list[tuple[str, str, int]], ms: int | None = None) -> Listens:
    """Rows of user, artist and plays, as a judged batch."""
    users, artists, plays = zip(*rows, strict=True)
    count = np.array(plays, dtype=np.int64)
    time = None if ms is None else count * ms
    return Listens(
        pa.array(users), pa.array(artists), np.ones(len(rows), np.bool_), count if time is None else time, count, time
    )


def through(layering: Layering) -> Callable[[Listens], Listens]:
    """Batches through the layers; every artist earns under its own name."""
    return lambda batch: layering.apply(batch, batch.artist)


def paid(layering: Layering | None, rule: str, *, batches: int = 1, ms: int | None = None) -> dict[str, int]:
    """Divide 10^12 under a rule through the engine, with or without the layers."""
    parts = [listens([ROWS[i] for i in part], ms) for part in np.array_split(np.arange(len(ROWS)), batches)]
    with LocalEngine(Running(threads=2)) as engine:
        engine.ingest([lambda: iter(parts)], through(layering) if layering else lambda batch: batch)
        if layering:
            extra = layering.extra()
            engine.ingest([lambda: iter([extra])], lambda batch: batch)
        engine.finish(fee=1)
        month = engine.pool(0).month(pool=10**12, rate=Fraction(7, 10), fees_are_money=False)
        return dict(zip(engine.pool(0).artist.to_pylist(), naive.run(find_rule(rule), month).tolist(), strict=True))


EVERY = ["market-centric", "user-centric", "user-cap:cap=3", "weighted", "bounded:force=smooth", "norm", "top-artist"]


@pytest.mark.parametrize("rule", EVERY)
@pytest.mark.parametrize("ms", [None, 200_000])
def test_who_states_nothing_is_not_touched(rule: str, ms: int | None) -> None:
    layering = Layering(wishes={"nobody": Wishes(blocked={"a"})})
    assert paid(None, rule, ms=ms) == paid(layering, rule, ms=ms)


@pytest.mark.parametrize("rule", EVERY)
@pytest.mark.parametrize("ms", [None, 200_000])
def test_listening_divided_anew_as_it_was_pays_the_same(rule: str, ms: int | None) -> None:
    """A past that counts nothing: the listener goes the whole way round."""
    assert paid(Layering(past={"u1": {"z": 5}, "u2": {"z": 5}}), rule, ms=ms) == paid(None, rule, ms=ms)


STATED = ("market-centric", "user-centric", "equal-split", "user-cap:cap=3", "user-cap:cap=3,tail=1/2", "median",
          "bounded:b=7/10", "norm:p=inf", "top-artist", "top-artist:share=100%", "independent-markets")  # fmt: skip


@pytest.mark.parametrize("name", STATED)
@settings(max_examples=10 if settings.default.derandomize else 50)  # few by day, more in the nightly search
@given(
    played=st.dictionaries(
        st.tuples(st.sampled_from("uvw"), st.sampled_from("ABCD")), st.integers(1, 4), min_size=1, max_size=9
    ),
    past=st.dictionaries(st.sampled_from("BCXY"), st.integers(1, 3), max_size=3),
    gift=st.sampled_from([Fraction(0), Fraction(1, 10), Fraction(1, 3)]),
    boost=st.sampled_from([Fraction(1), Fraction(3, 2)]),
    pool=st.integers(1, 100) | st.integers(10**8, 10**9),
)
def test_every_rule_sees_the_exact_shares_of_who_states_something(  # noqa: PLR0913, PLR0917 - a month
    name: str,
    played: dict[tuple[str, str], int],
    past: dict[str, int],
    gift: Fraction,
    boost: Fraction,
    pool: int,
) -> None:
    wish = Wishes({"G": gift} if gift else {}, set(), {"A": boost})
    layering = Layering({"u": past, "v": past} if past else {}, {"u": wish, "w": wish}, Fraction(2))
    rows = [(user, artist, plays) for (user, artist), plays in played.items()]
    rule = find_rule(name)
    with LocalEngine(Running(threads=1)) as engine:
        engine.ingest([lambda: iter([listens(rows)])], through(layering))
        extra = layering.extra()
        engine.ingest([lambda: iter([extra])], lambda batch: batch)
        engine.finish(fee=1)
        month = engine.pool(0).month(pool=pool, rate=Fraction(7, 10), fees_are_money=False)
        found = dict(zip(engine.pool(0).artist.to_pylist(), naive.run(rule, month).tolist(), strict=True))
    names = sorted(found, key=str.encode)
    listeners = []
    for user in sorted({user for user, _, _ in rows}):
        own = {artist: plays for who, artist, plays in rows if who == user}
        mine = naive_layers.shares(own)
        if past and user in "uv":
            mine = naive_layers.history(own, past, Fraction(2))
        if user in "uw":
            mine = naive_layers.wishes(mine, wish.gifts, wish.boosts)
        total = sum(own.values())
        listeners.append(naive.Listener(1, {names.index(a): total * x for a, x in mine.items() if x}, total))  # type: ignore[misc]
    shares = naive.exact(rule, listeners, artists=len(names), pool=Fraction(pool), rate=Fraction(7, 10))
    assert [found[artist] for artist in names] == naive.round_by_largest_remainder(shares, pool)


def test_a_tie_for_most_played_stays_a_tie_beside_a_gift() -> None:
    """Oracle 02: A and B get half each of what the gift leaves to the most played."""
    layering = Layering(wishes={"u1": Wishes({"H": Fraction(1, 10)})})
    with LocalEngine(Running(threads=1)) as engine:
        engine.ingest([lambda: iter([listens([("u1", "A", 1), ("u1", "B", 1)])])], through(layering))
        extra = layering.extra()
        engine.ingest([lambda: iter([extra])], lambda batch: batch)
        engine.finish(fee=1)
        month = engine.pool(0).month(pool=10_000, rate=None, fees_are_money=False)
        assert naive.run(find_rule("top-artist:share=100%"), month).tolist() == [5000, 5000, 0]


@pytest.mark.parametrize("rule", ["market-centric", "user-centric"])
def test_many_alike_listeners_are_paid_as_one_is(rule: str) -> None:
    """Oracle 03: a thousand times (1, 2.5, 2.5) / 6; nothing of the rounding of one adds up."""
    users = [f"u{i}" for i in range(1000)]
    layering = Layering({user: {"B": 1, "C": 1} for user in users}, kappa=Fraction(5))
    with LocalEngine(Running(threads=2)) as engine:
        engine.ingest([lambda: iter([listens([(user, "A", 1) for user in users])])], through(layering))
        extra = layering.extra()
        engine.ingest([lambda: iter([extra])], lambda batch: batch)
        engine.finish(fee=1)
        month = engine.pool(0).month(pool=10**15, rate=None, fees_are_money=False)
        found = naive.run(find_rule(rule), month).tolist()
    assert found == [166_666_666_666_667, 416_666_666_666_667, 416_666_666_666_666]


def test_history_reaches_the_payouts() -> None:
    """Four plays of u1 beside a past of four: half goes by the past."""
    found = paid(Layering(past={"u1": {"b": 1, "z": 1}}, kappa=Fraction(4)), "user-centric")
    mine = naive_layers.history({"a": 3, "b": 1}, {"b": 1, "z": 1}, Fraction(4))
    exact = {"a": mine["a"] + Fraction(1, 2), "b": mine["b"], "c": Fraction(3, 2), "z": mine["z"]}
    assert all(abs(found[artist] - share * 10**12 / 3) < 1 for artist, share in exact.items())


@pytest.mark.parametrize("rule", ["market-centric", "user-centric", "bounded"])
def test_wishes_move_a_users_own_money_and_nobody_elses(rule: str) -> None:
    """U3 gives all to z: z gets exactly what u3 steered before, to the finest unit of a share."""
    before = paid(None, rule)
    after = paid(Layering(wishes={"u3": Wishes({"z": Fraction(1)})}), rule)
    assert abs(after["a"] - before["a"]) <= 1
    assert abs(after["b"] - before["b"]) <= 1
    assert abs(after["z"] + after["c"] - before["c"]) <= 1


def test_blocking_everything_is_a_named_line() -> None:
    layering = Layering(wishes={"u3": Wishes(blocked={"c"})})
    found = paid(layering, "user-centric")
    assert abs(found[BLOCKED] - 10**12 // 3) <= 1
    assert BLOCKED in layering.remarks()[-1]


@pytest.mark.parametrize("batches", [2, 5])
def test_batches_mean_nothing_to_the_layers(batches: int) -> None:

    def make() -> Layering:
        return Layering({"u1": {"z": 3}}, {"u2": Wishes({"y": Fraction(1, 3)}, {"a"})}, Fraction(7))

    assert paid(make(), "user-centric", batches=batches) == paid(make(), "user-centric")


def test_integer_ids_are_found_by_their_text() -> None:
    batch = listens(ROWS)
    numbered = Listens(
        pa.array([1, 1, 2, 2, 3]), *(getattr(batch, f) for f in ("artist", "used", "amount", "plays", "ms"))
    )
    layering = Layering(wishes={"3": Wishes(blocked={"c"})})
    assert layering.apply(numbered, numbered.artist).used.tolist() == [True] * 4 + [False]


def test_delegated_fees_are_those_of_the_payers() -> None:
    """Half of u1's fee is u2's to steer."""
    payers: Any = [(pa.array(["u1", "u2"]), np.array([1000, 500])), (pa.array(["u3"]), np.array([7]))]
    found, unit = delegated(payers, {"u1": {"u2": Fraction(1)}}, viscosity=Fraction(1, 2), cap=Fraction(5))
    assert unit == 1
    assert [(u.to_pylist(), f.tolist()) for u, f in found] == [(["u1", "u2", "u3"], [500, 1000, 7])]


def test_a_payer_who_comes_twice_is_refused() -> None:
    payers: Any = [(pa.array(["u1", "u1"]), np.array([1000, 500]))]
    with pytest.raises(InputError, match="twice"):
        delegated(payers, {}, viscosity=Fraction(1, 2), cap=Fraction(5))
