"""The layers: whoever states nothing is not touched, and every rule keeps the weight of whoever does.

Own history and wishes divide one listener's money by their definitions, and lose nothing.
"""

from __future__ import annotations

from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import naive
import naive_layers
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairpay.adjust.layering import (
    BLOCKED,
    LARGEST,
    Layering,
    Wishes,
    apportion,
    divide_listening,
    fitted,
    with_history,
    with_wishes,
)
from fairpay.adjust.payers import delegated
from fairpay.engine.local import LocalEngine
from fairpay.errors import InputError
from fairpay.logs.schema import Listens
from fairpay.rules import find_rule
from fairpay.settings.values import Running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fairpay.engine.local import LocalPool

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


@contextmanager
def divided(layering: Layering | None, *parts: Listens) -> Iterator[LocalPool]:
    """Take batches in, with or without the layers, and give the pool they make."""
    with LocalEngine(Running(threads=2)) as engine:
        engine.ingest([lambda: iter(parts)], through(layering) if layering else lambda batch: batch)
        if layering:
            extra = layering.extra()
            engine.ingest([lambda: iter([extra])], lambda batch: batch)
        engine.finish(fee=1)
        yield engine.pool(0)


def paid(layering: Layering | None, rule: str, *, batches: int = 1, ms: int | None = None) -> dict[str, int]:
    """Divide 10^12 under a rule through the engine, with or without the layers."""
    parts = [listens([ROWS[i] for i in part], ms) for part in np.array_split(np.arange(len(ROWS)), batches)]
    with divided(layering, *parts) as pool:
        month = pool.month(pool=10**12, rate=Fraction(7, 10), fees_are_money=False)
        return dict(zip(pool.artist.to_pylist(), naive.run(find_rule(rule), month).tolist(), strict=True))


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
    with divided(layering, listens(rows)) as made:
        month = made.month(pool=pool, rate=Fraction(7, 10), fees_are_money=False)
        found = dict(zip(made.artist.to_pylist(), naive.run(rule, month).tolist(), strict=True))
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
    with divided(layering, listens([("u1", "A", 1), ("u1", "B", 1)])) as pool:
        month = pool.month(pool=10_000, rate=None, fees_are_money=False)
        assert naive.run(find_rule("top-artist:share=100%"), month).tolist() == [5000, 5000, 0]


@pytest.mark.parametrize("rule", ["market-centric", "user-centric"])
def test_many_alike_listeners_are_paid_as_one_is(rule: str) -> None:
    """Oracle 03: a thousand times (1, 2.5, 2.5) / 6; nothing of the rounding of one adds up."""
    users = [f"u{i}" for i in range(1000)]
    layering = Layering({user: {"B": 1, "C": 1} for user in users}, kappa=Fraction(5))
    with divided(layering, listens([(user, "A", 1) for user in users])) as pool:
        month = pool.month(pool=10**15, rate=None, fees_are_money=False)
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


AMOUNTS = st.dictionaries(st.sampled_from("abcdé"), st.integers(1, 10**6), min_size=1)
PAST = st.dictionaries(st.sampled_from("abcxyz"), st.integers(1, 500))
KAPPAS = st.sampled_from([Fraction(0), Fraction(1, 2), Fraction(20), Fraction(10**6)])
SHARES = st.sampled_from([Fraction(0), Fraction(1, 10), Fraction(1, 3), Fraction(1, 4)])


@given(own=AMOUNTS, past=PAST, kappa=KAPPAS, plays=st.integers(1, 1000))
def test_history_is_its_definition(own: dict[str, int], past: dict[str, int], kappa: Fraction, plays: int) -> None:
    """A past of kappa plays, of the listener's own mean length."""
    found = naive_layers.shares(with_history(own, plays=plays, past=past, kappa=kappa))
    k = kappa * sum(own.values()) / plays if past else Fraction(0)
    expected = naive_layers.history(own, past, k) if past else naive_layers.shares(own)
    assert found == {a: x for a, x in expected.items() if x}


def test_history_moves_halfway_when_it_counts_as_much_as_the_month() -> None:
    """Four plays of A this month, a past of B, kappa 4."""
    weights = with_history({"A": 4}, plays=4, past={"B": 7}, kappa=Fraction(4))
    assert naive_layers.shares(weights) == {"A": Fraction(1, 2), "B": Fraction(1, 2)}


@given(own=AMOUNTS, gifts=st.dictionaries(st.sampled_from("axy"), SHARES, max_size=3), boost=st.fractions(1, 9))
def test_wishes_are_their_definition(own: dict[str, int], gifts: dict[str, Fraction], boost: Fraction) -> None:
    """Gifts first, the rest by masked shares."""
    wishes = Wishes(gifts, {"b"}, {"c": boost})
    if set(own) <= {"b"}:
        return
    found = naive_layers.shares(with_wishes(own, past={}, wishes=wishes))
    expected = naive_layers.wishes(naive_layers.shares(own), gifts, {"b": Fraction(0), "c": boost})
    assert found == {a: x for a, x in expected.items() if x}


def test_a_gift_of_everything_leaves_nothing_for_what_was_played() -> None:
    """Lambda of 1."""
    assert with_wishes({"A": 3}, past={}, wishes=Wishes({"B": Fraction(1)})).keys() == {"B"}


@pytest.mark.parametrize(
    ("wishes", "past", "expected"),
    [
        (Wishes({"B": Fraction(1, 4)}, {"A"}), {"C": 1}, {"B"}),
        (Wishes({}, {"A"}), {"C": 1, "A": 5}, {"C"}),
        (Wishes({}, {"A"}), {"A": 5}, {BLOCKED}),
        (Wishes({}, {"A"}), {}, {BLOCKED}),
    ],
)
def test_where_everything_is_blocked_gifts_come_first_then_history_then_a_named_line(
    wishes: Wishes, past: dict[str, int], expected: set[str]
) -> None:
    assert set(with_wishes({"A": 3}, past=past, wishes=wishes)) == expected


@given(weights=AMOUNTS, total=st.integers(0, 2**62))
def test_units_are_divided_whole(weights: dict[str, int], total: int) -> None:
    units = apportion(weights, total)
    assert sum(units.values()) == total
    exact = naive_layers.shares(weights)
    assert all(abs(units.get(a, 0) - total * x) < 1 for a, x in exact.items())


def test_a_tie_goes_to_the_smaller_id() -> None:
    assert apportion({"b": 1, "a": 1, "é": 1}, 4) == {"a": 2, "b": 1, "é": 1}


@given(own=AMOUNTS, past=PAST, kappa=KAPPAS, gift=SHARES)
def test_all_layers_together_are_their_definitions_one_after_the_other(
    own: dict[str, int], past: dict[str, int], kappa: Fraction, gift: Fraction
) -> None:
    wishes = Wishes({"g": gift}, {"a", "b"}, {"c": Fraction(3)})
    found = divide_listening(own, plays=3, past=past, kappa=kappa, wishes=wishes)
    assert not {"a", "b"} & set(found)
    mixed = naive_layers.history(own, past, kappa * sum(own.values()) / 3) if past else naive_layers.shares(own)
    left = {a: x for a, x in mixed.items() if x and a not in {"a", "b"}}
    if left:
        expected = naive_layers.wishes(left, {"g": gift} if gift else {}, {"c": Fraction(3)})
        assert naive_layers.shares(found) == {a: x for a, x in expected.items() if x}


@given(weights=AMOUNTS, times=st.integers(1, 2**80))
def test_parts_that_fit_in_62_bits_are_kept_exactly(weights: dict[str, int], times: int) -> None:
    found, exact = fitted({a: x * times for a, x in weights.items()})
    assert exact
    assert naive_layers.shares(found) == naive_layers.shares(weights)


def test_finer_parts_are_cut_off_alike_and_none_is_lost() -> None:
    """2^90 + 1, twice, beside 1."""
    found, exact = fitted({"a": 2**90 + 1, "b": 2**90 + 1, "c": 1})
    assert not exact
    assert found["a"] == found["b"]
    assert found["c"] == 1
    assert 2**61 < sum(found.values()) <= LARGEST
