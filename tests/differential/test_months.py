"""Random small months through the command line, against slow answers: to the minor unit, under every rule.

Every night 2,000 months from a new seed, which is printed; FUZZ_FIRST and FUZZ_MONTHS repeat some of them.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from oracle_layers import is_timed, pot_of, status_of
from oracle_program import fairpay, paid
from oracle_rules import Rule, divide, pay
from random_months import PRESETS, Row, random_month

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from random_months import Month

FIXED = (*range(20), 3658, 80159, 81120, 200441, 780566071)
NIGHTLY = 2000


def differences(month: Month, folder: Path, seen: Counter[str]) -> list[str]:
    """Run a month; say where the program and the slow answer differ."""
    folder.mkdir()
    alone = month.policy is not None and len(month.rows) % 2
    rules = (month.policy.rule,) if alone and month.policy else month.rules
    pot = pot_of(month)
    expected = status_of(month, pot)
    command = "pay" if len(rules) == 1 else "compare"
    asked = [] if alone else [word for rule in rules for word in ("--rule", rule.text)]
    said = fairpay(command, *month.write(folder), *asked, "--output", folder / "out")
    if said.status != expected:
        # Where no listener paid anything there is nothing to go by; the program may say so.
        free = pot.listeners and not any(u.fee for u in pot.listeners)
        return [] if free else [f"status {said.status}, not {expected}: {said.words}"]
    if expected or not any(u.fee for u in pot.listeners):
        seen["nothing to divide"] += 1
        return []
    found = []
    for rule, got in zip(rules, paid(folder / "out"), strict=True):
        seen["compared"] += 1
        shares = divide(rule, pot.listeners, pot.rate, timed=is_timed(month)).shares
        right = {artist: amount for artist, amount in pay(shares, pot.pool).items() if amount}
        if got != right:
            found.append(f"{rule.text}: expected {right}, seen {got}")
    return found


def months_differ(seeds: Sequence[int], folder: Path) -> tuple[dict[int, list[str]], Counter[str]]:
    """Try seeds; return what differs, and how often what was compared."""
    wrong, seen = {}, Counter[str]()
    for seed in seeds:
        if found := differences(random_month(seed), folder / str(seed), seen):
            wrong[seed] = found
        shutil.rmtree(folder / str(seed))
    return wrong, seen


def test_random_months_are_paid_as_the_slow_answers_say(tmp_path: Path) -> None:
    wrong, seen = months_differ(FIXED, tmp_path)
    assert wrong == {}
    assert seen["compared"] > 100


@pytest.mark.nightly
def test_thousands_of_random_months_are_paid_as_the_slow_answers_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = int(os.environ.get("FUZZ_FIRST") or random.SystemRandom().randrange(10**9))
    count = int(os.environ.get("FUZZ_MONTHS") or NIGHTLY)
    with capsys.disabled():
        print(f"\nmonths from seed {first}: FUZZ_FIRST={first} FUZZ_MONTHS={count} make fuzz")  # noqa: T201 - to repeat it
    wrong, seen = months_differ(range(first, first + count), tmp_path)
    with capsys.disabled():
        print(dict(seen))  # noqa: T201 - what was covered
    assert wrong == {}


def test_the_tracks_that_spotify_pays_need_a_thousand_streams_of_fifty_listeners(tmp_path: Path) -> None:
    reached = tuple(Row(f"u{i}", "A", "hit", plays=20) for i in range(50))
    missed = tuple(Row(f"u{i}", "B", "near", plays=30) for i in range(49))
    columns = frozenset({"plays", "track"})
    month = replace(random_month(0), rows=(*reached, *missed, Row("u1", "C", "hit")), columns=columns)
    month = replace(month, money="pool", amount=1000, history=(), wishes=(), delegations=(), decisions=())
    month = replace(month, policy=PRESETS[0], rules=(Rule("market-centric"), Rule("user-centric")), min_seconds=None)
    assert differences(month, tmp_path / "month", Counter()) == []


def test_the_months_of_the_ordinary_suite_hold_every_choice() -> None:
    months = [random_month(seed) for seed in FIXED]
    assert {month.money for month in months} == {"pool", "fee", "subscribers"}
    assert {month.currency for month in months} == {"JPY", "EUR", "KWD"}
    assert {(month.inactive, month.unlisted) for month in months if month.money == "subscribers"} >= {
        ("share", "free"),
        ("hold", "leave-out"),
    }
    for kind in ("policy", "history", "wishes", "delegations", "decisions"):
        assert any(getattr(month, kind) for month in months), kind
