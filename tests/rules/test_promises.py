"""Every promise a rule declares is searched for a counter-example; the table of promises is that of the literature."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any

import promises
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from promises import VARIANTS, Change, Listening

from fairpay.rules import find_rule
from fairpay.rules.core.promise import Promise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.rules.core.rule import Rule

ARTISTS = "ABCD"
AMOUNTS = (0, 0, 0, 1, 1, 1, 2, 3, 4, 7, 40, 999)
FEES = (1, 1, 1, 2, 3, 5, 10, 0)
RATES = st.sampled_from([Fraction(1), Fraction(9, 10), Fraction(7, 10), Fraction(1, 2)])


def drawn(draw: Any, choices: Sequence[int], count: int) -> list[int]:  # noqa: ANN401 - hypothesis draws anything
    """Draw many at once, which is far quicker than one by one."""
    return [choices[byte % len(choices)] for byte in draw(st.binary(min_size=count, max_size=count))]


def listening(draw: Any, users: list[str], artists: str) -> Listening:  # noqa: ANN401 - hypothesis draws anything
    """Each user plays at least one artist."""
    amounts = iter(drawn(draw, AMOUNTS, len(users) * len(artists)))
    rows = {user: dict(zip(artists, islice(amounts, len(artists)), strict=True)) for user in users}
    return {user: {a: x for a, x in mine.items() if x} or {artists[0]: 1} for user, mine in rows.items()}


@st.composite
def changes(draw: Any) -> tuple[Change, dict[Promise, Change]]:  # noqa: ANN401 - hypothesis draws anything
    """A small month with mixed fees as it is, and a change of each kind that a promise speaks of."""
    users = [f"u{i}" for i in range(draw(st.integers(1, 4)))]
    artists = ARTISTS[: draw(st.integers(1, 4))]
    before = listening(draw, users, artists)
    fees = dict(zip([*users, "bot"], drawn(draw, FEES, 5), strict=False))
    rate = draw(RATES)
    found = {}
    for promise, vary in VARY.items():
        own = {user: dict(mine) for user, mine in before.items()}
        found[promise] = Change(own, dict(own), fees, rate)
        vary(draw, found[promise], users, artists)
    return Change(before, dict(before), fees, rate), found


def multiplied(draw: Any, change: Change, users: list[str], artists: str) -> None:  # noqa: ANN401
    """Every listener plays Y so many times as much as another artist."""
    factor = draw(st.sampled_from([1, 2, 3, 10]))
    for user in users:
        if artists[0] in change.before[user]:
            change.before[user]["Y"] = factor * change.before[user][artists[0]]


def outplayed(draw: Any, change: Change, users: list[str], artists: str) -> None:  # noqa: ANN401
    """Every listener plays Y at least as much as another artist."""
    for user, added in zip(users, drawn(draw, AMOUNTS, len(users)), strict=True):
        if more := change.before[user].get(artists[0], 0) + added:
            change.before[user]["Y"] = more


def add_account(draw: Any, change: Change, _: list[str], artists: str) -> None:  # noqa: ANN401
    """A bot joins, and may play an artist of its own."""
    change.after |= listening(draw, ["bot"], artists + "X")


def bribe(draw: Any, change: Change, users: list[str], artists: str) -> None:  # noqa: ANN401
    """Some users play something else."""
    change.after |= listening(draw, users[: draw(st.integers(1, len(users)))], artists + "X")


def click(draw: Any, change: Change, users: list[str], artists: str) -> None:  # noqa: ANN401
    """One user plays something else."""
    change.after |= listening(draw, users[:1], artists + "X")


def listen_more(draw: Any, change: Change, users: list[str], artists: str) -> None:  # noqa: ANN401
    """One user plays one artist more."""
    mine, artist = dict(change.after[users[0]]), draw(st.sampled_from(artists))
    mine[artist] = mine.get(artist, 0) + draw(st.sampled_from([1, 2, 5, 1000]))
    change.after[users[0]] = mine


def split(draw: Any, change: Change, users: list[str], _: str) -> None:  # noqa: ANN401
    """Artist A appears as A, A2 and A3; each user's plays of A go to any of them."""
    if not any("A" in mine for mine in change.before.values()):
        change.before[users[0]] = {"A": 1}
    change.aliases = dict.fromkeys(["A", "A2", "A3"], "A")
    for user, mine in change.before.items():
        plays = mine.get("A", 0)
        second = draw(st.integers(0, plays))
        third = draw(st.integers(0, plays - second))
        parts = {"A": plays - second - third, "A2": second, "A3": third}
        change.after[user] = {a: x for a, x in {**mine, **parts}.items() if x}


def rename(draw: Any, change: Change, users: list[str], _: str) -> None:  # noqa: ANN401
    """Artists swap names, and users come in another order."""
    new = dict(zip(ARTISTS, draw(st.permutations(ARTISTS)), strict=True))
    change.aliases = {after: before for before, after in new.items()}
    change.after = {u: {new[a]: x for a, x in change.before[u].items()} for u in draw(st.permutations(users))}


VARY = {
    Promise.FRAUD_PROOF: add_account,
    Promise.BRIBERY_PROOF: bribe,
    Promise.CLICK_FRAUD_PROOF: click,
    Promise.MONOTONE: listen_more,
    Promise.PROPORTIONAL: multiplied,
    Promise.ORDER_PRESERVING: outplayed,
    Promise.SPLIT_PROOF: split,
    Promise.ANONYMOUS: rename,
}


AS_IT_IS = [promise for promise in Promise if promise not in VARY]
"""Promises about a month as it is."""


@pytest.mark.parametrize("tries", [600, pytest.param(50_000, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("half", [0, 1])
def test_no_counterexample_to_a_declared_promise(half: int, tries: int) -> None:
    """Each try looks at every rule of a half, and every promise it makes; hypothesis shrinks what it finds."""
    kept = {rule: rule.keeps() for rule in VARIANTS[half::2]}

    @settings(max_examples=tries, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(changes())
    def holds(drawn: tuple[Change, dict[Promise, Change]]) -> None:
        month, changed = drawn
        for rule, promised in kept.items():
            known = month.before, promises.pays(rule, month.before, month.fees, month.rate)
            same = [promise for promise in AS_IT_IS if promise in promised]
            for change, several in ((month, same), *((changed[one], [one]) for one in VARY if one in promised)):
                for promise, money in promises.excesses(rule, several, change, known).items():
                    assert money <= 0, f"{rule.label} breaks {promise.value}: {change}"

    holds()


TABLE = """
market-centric                     no  no  no  yes no  no  no  yes yes
user-centric                       yes yes yes yes yes yes yes yes yes
equal-split                        yes yes yes yes yes yes yes no  no
bounded                            no  no  no  yes yes yes yes yes yes
bounded:b=1                        yes yes yes yes yes yes yes yes yes
bounded:force=smooth               no  no  no  yes yes yes yes yes yes
bounded:force=bayes                no  no  no  yes yes yes yes yes yes
user-cap                           no  no  no  yes no  no  no  yes yes
norm                               no  no  no  yes no  no  no  no  yes
norm:p=inf                         no  no  no  yes no  no  no  no  yes
uniform                            no  no  no  yes no  no  no  no  no
artist-cap                         no  no  no  yes no  no  no  no  no
artist-growth                      no  no  no  yes no  no  no  no  no
mix                                no  no  no  yes no  no  no  yes yes
mix:rules=user-centric+equal-split yes yes yes yes yes yes yes no  no
geometric-median                   no  no  no  no  no  no  no  no  yes
independent-markets                no  no  no  yes no  no  no  no  no
"""
COLUMNS = (
    Promise.OWN_MONEY,
    Promise.CORE,
    Promise.LOWER_BOUND,
    Promise.MONOTONE,
    Promise.FRAUD_PROOF,
    Promise.BRIBERY_PROOF,
    Promise.CLICK_FRAUD_PROOF,
    Promise.SPLIT_PROOF,
    Promise.PROPORTIONAL,
)


@pytest.mark.parametrize("line", TABLE.strip().splitlines())
def test_a_rule_declares_what_the_literature_says(line: str) -> None:
    """Own money and what follows from it, monotone, fraud, bribery, click fraud, split, proportional.

    Monotone of norm and proportional of most are ours: the search for counter-examples holds them.
    """
    name, *cells = line.split()
    assert ["yes" if promise in find_rule(name).keeps() else "no" for promise in COLUMNS] == cells


@pytest.mark.parametrize("rule", VARIANTS, ids=lambda rule: rule.label)
def test_every_rule_conserves_and_pays_nobody_for_nothing(rule: Rule) -> None:
    assert {Promise.CONSERVES, Promise.NULL_ARTIST, Promise.ANONYMOUS} <= rule.keeps()
