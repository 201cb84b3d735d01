"""The slow answers themselves: they know nothing of fairpay, and give what was worked out by hand."""

from __future__ import annotations

import ast
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from oracle_books import Books, Pool, settled, standing
from oracle_layers import pot_of
from oracle_rules import Listener, Rule, divide, pay
from random_months import Limit, Month, Policy, Row

HERE = Path(__file__).parent
OWN = ("random_months", "oracle_books", "oracle_layers", "oracle_medians", "oracle_rules")
SHARED = HERE.parent / "support"
THREE = ({"A": 6, "B": 2}, {"B": 1, "C": 1}, {"C": 40})


def listeners(*listening: dict[str, int]) -> list[Listener]:
    """Users who paid one each."""
    return [
        Listener(Fraction(1), {artist: Fraction(x) for artist, x in mine.items()}, Fraction(sum(mine.values())))
        for mine in listening
    ]


def paid(rule: Rule, users: list[Listener], pool: Fraction, rate: Fraction = Fraction(1)) -> dict[str, Fraction]:
    """What each artist gets, unrounded."""
    shares = divide(rule, users, rate).shares
    whole = sum(shares.values())
    return {artist: pool * share / whole for artist, share in shares.items() if share}


def imports(path: Path) -> set[str]:
    """The packages a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Name) and node.id in {"__import__", "eval", "exec"}:
            found.add(node.id)
    return found


@pytest.mark.parametrize("name", OWN)
def test_the_slow_answers_import_only_each_other_and_the_standard_library(name: str) -> None:
    place = next(there for there in (HERE, SHARED) if (there / f"{name}.py").exists())
    strange = imports(place / f"{name}.py") - set(OWN) - (set(sys.stdlib_module_names) - {"importlib", "runpy"})
    assert strange == set()


def test_every_slow_file_is_looked_through() -> None:
    assert {path.stem for path in HERE.glob("*.py") if not path.stem.startswith(("test_", "conftest"))} == {
        *(name for name in OWN if (HERE / f"{name}.py").exists()),
        "oracle_program",
    }


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule("market-centric"), ("9/25", "9/50", "123/50")),
        (Rule("user-centric"), ("3/4", "3/4", "3/2")),
        (Rule("equal-split"), ("1/2", "1", "3/2")),
        (Rule("user-cap", (("cap", "10"),)), ("9/10", "9/20", "33/20")),
        (Rule("user-cap", (("cap", "10"), ("tail", "1/2"))), ("18/35", "9/35", "78/35")),
        (Rule("norm", (("p", "inf"),)), ("9/13", "12/13", "18/13")),
        (Rule("independent-markets"), ("3/4", "3/4", "3/2")),
    ],
)
def test_three_listeners_are_divided_as_worked_out_by_hand(rule: Rule, expected: tuple[str, ...]) -> None:
    assert paid(rule, listeners(*THREE), Fraction(3)) == dict(zip("ABC", map(Fraction, expected), strict=True))


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        ("1/2", ("3/10", "3/20", "21/20")),
        ("7/10", ("33/50", "33/100", "111/100")),
        ("9/10", ("3/4", "3/5", "27/20")),
    ],
)
def test_a_bound_at_the_royalty_rate_is_as_worked_out_by_hand(rate: str, expected: tuple[str, ...]) -> None:
    found = paid(Rule("bounded"), listeners(*THREE), 3 * Fraction(rate), Fraction(rate))
    assert found == dict(zip("ABC", map(Fraction, expected), strict=True))


@pytest.mark.parametrize(
    ("rule", "bot"), [(Rule("bounded", (("force", "smooth"),)), 1.0), (Rule("bounded", (("force", "bayes"),)), 0.9994)]
)
def test_a_bot_under_a_smooth_bound_brings_what_the_table_says(rule: Rule, bot: float) -> None:
    users = listeners(*[{"X": 1}] * 5, {"Y": 1000})
    assert float(paid(rule, users, Fraction(6) * 7 / 10, Fraction(7, 10))["Y"]) == pytest.approx(bot, abs=5e-5)


def test_the_euclidean_norm_is_right_to_six_digits() -> None:
    found = paid(Rule("norm"), listeners(*THREE), Fraction(3))
    assert [float(found[artist]) for artist in "ABC"] == pytest.approx([0.773567, 0.834439, 1.391994], abs=1e-6)


@pytest.mark.parametrize(
    ("users", "expected"),
    [
        (({"B": 4}, {"A": 1, "B": 2}, {"B": 2, "C": 1}), (1 / 3, 7 / 3, 1 / 3)),
        (({"B": 4}, {"A": 1, "B": 2}, {"B": 2, "C": 4}), (0.571, 2.143, 0.286)),
    ],
)
def test_the_geometric_median_pays_less_for_more_plays(users: tuple[dict[str, int], ...], expected: object) -> None:
    found = paid(Rule("geometric-median"), listeners(*users), Fraction(3))
    assert [float(found.get(artist, 0)) for artist in "ABC"] == pytest.approx(expected, abs=5e-4)


def test_ties_of_the_last_unit_go_to_the_smaller_id() -> None:
    median = divide(Rule("median"), listeners({"10": 1, "aa": 5}), Fraction(1)).shares
    markets = divide(Rule("independent-markets"), listeners({"2": 1, "A": 1, "a": 1}, {"A": 1, "a": 1}), Fraction(1))
    assert pay(median, 3) == {"10": 1, "aa": 2}
    assert pay(markets.shares, 14) == {"2": 5, "A": 5, "a": 4}


def test_a_tie_of_roots_that_happen_to_be_rational_is_seen() -> None:
    rule = Rule("bounded", (("force", "bayes"), ("b", "1/2")))
    users = listeners({"10": 1, "A": 1, "_x": 1, "aa": 1}, {"_x": 1})
    assert pay(divide(rule, users, Fraction(1)).shares, 99_999) == {
        "10": 16_667,
        "A": 16_667,
        "aa": 16_666,
        "_x": 49_999,
    }


def test_a_gift_leaves_the_tie_of_the_most_played_as_it_was() -> None:
    month = Month(
        rows=(Row("u1", "A"), Row("u1", "B")),
        columns=frozenset({"plays"}),
        rules=(),
        money="fee",
        amount=10_000,
        wishes=(("u1", "H", "gift", "10%"),),
    )
    pot = pot_of(month)
    assert pay(divide(Rule("top-artist", (("share", "100%"),)), pot.listeners, pot.rate).shares, pot.pool) == {
        "A": 5000,
        "B": 5000,
        "H": 0,
    }


def test_a_past_of_five_plays_is_carried_to_the_cent() -> None:
    month = Month(
        rows=(Row("u1", "A"),),
        columns=frozenset({"plays"}),
        rules=(),
        amount=100_000_000,
        history=(("u1", "B", 1), ("u1", "C", 1)),
        kappa=Fraction(5),
    )
    pot = pot_of(month)
    assert pay(divide(Rule("user-centric"), pot.listeners, pot.rate).shares, pot.pool) == {
        "A": 16_666_667,
        "B": 41_666_667,
        "C": 41_666_666,
    }


def test_a_row_of_many_short_plays_does_not_qualify_by_its_total() -> None:
    month = Month((Row("u1", "A", plays=100, ms=40_000), Row("u2", "B", ms=200_000)), frozenset({"plays", "ms"}), ())
    assert [one.user for one in pot_of(month).heard] == ["u2"]


def test_two_tracks_of_one_title_are_two_under_a_threshold() -> None:
    policy = Policy(Rule("market-centric"), "plays", (), (Limit("track", 5, 1),))
    rows = (Row("u1", "A", "Intro", 3), Row("u2", "B", "Intro", 3), Row("u1", "C", "x", 6))
    found = pot_of(Month(rows, frozenset({"plays", "track"}), (), policy=policy))
    assert [dict(one.x) for one in found.heard] == [{"C": 6}]


def test_a_track_with_splits_takes_nothing_from_others() -> None:
    rows = (
        Row("u1", "a", "a1", territory="A"),
        Row("u1", "a", "a2", territory="A"),
        Row("u1", "b", "b1", 2, territory="A"),
        Row("u2", "a", "a1", territory="A"),
        Row("u2", "b", "b1", 9, territory="A"),
    )
    half = Fraction(1, 2)
    books = Books(
        Month(rows, frozenset({"plays", "track", "territory"}), ()),
        (Pool("p1", "A", "1200.00", "EUR", "100%", Rule("equal-split")),),
        {("a", "a1"): {"x": half, "y": half}},
    )
    assert standing(books) == {("a", "EUR"): 15_000, ("x", "EUR"): 22_500, ("y", "EUR"): 22_500, ("b", "EUR"): 60_000}


@pytest.mark.parametrize(
    ("pool", "royalty"),
    [
        (Pool("p", "A", "119", "EUR", "100%", Rule("user-centric"), fee="30%", tax=("19%",)), 7000),
        (Pool("p", "A", "119", "EUR", "100%", Rule("user-centric"), fee="30%", tax=("19%",), of_gross=True), 6430),
        (Pool("p", "A", "112", "EUR", "100%", Rule("user-centric"), tax=("5%", "7%")), 10_000),
        (Pool("p", "A", "-119", "EUR", "70%", Rule("user-centric"), fee="30%", tax=("19%",)), -4900),
    ],
)
def test_a_percentage_is_of_the_price_without_taxes_unless_it_is_of_the_gross(pool: Pool, royalty: int) -> None:
    assert pool.royalty == royalty


PLAYED = Month((Row("u1", "a", plays=2, territory="A"), Row("u1", "b", territory="A")), frozenset({"plays"}), ())
EURO = Pool("p", "A", "0.03", "EUR", "100%", Rule("user-centric"))


def test_what_is_refunded_is_owed_by_those_it_would_have_been_paid_to() -> None:
    books = Books(PLAYED, (replace(EURO, gross="-0.05"),), {("a", ""): {"x": Fraction(1, 2), "y": Fraction(1, 2)}})
    assert standing(books) == {("x", "EUR"): -2, ("y", "EUR"): -1, ("b", "EUR"): -2}


def test_an_unknown_artist_waits_also_with_splits() -> None:
    books = Books(PLAYED, (EURO,), {("a", ""): {"x": Fraction(1)}}, frozenset({"b"}))
    assert standing(books) == {("unmatched:a", "EUR"): 2, ("b", "EUR"): 1}


def test_what_nobody_listened_to_is_unallocated() -> None:
    assert standing(Books(replace(PLAYED, rows=()), (EURO,))) == {("unallocated:", "EUR"): 3}


def test_half_a_cent_of_recoupment_and_of_reserve_goes_to_the_even_one() -> None:
    books = Books(PLAYED, (replace(EURO, gross="0.15"),), advances={("b", "EUR"): 9}, recoup="50%", reserve="25%")
    assert settled(books) == {
        ("reserve_held", "a", "EUR"): 2,
        ("stands", "a", "EUR"): 8,
        ("recouped", "b", "EUR"): -2,
        ("reserve_held", "b", "EUR"): 1,
        ("stands", "b", "EUR"): 2,
    }
