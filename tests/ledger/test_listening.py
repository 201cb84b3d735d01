from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from laying import by_payee, laid

from fairpay.errors import InputError, UsageError
from fairpay.ledger.close import close
from fairpay.pipeline.repeats import KEPT
from fairpay.pipeline.request import Watch
from fairpay.settings.values import Reading

if TYPE_CHECKING:
    from pathlib import Path

POOLS = "pool,territory,offering,gross,rule\nde,DE,x,100.00,user-centric\nus,US,x,50.00,market-centric\n"
LOG = "user,artist,country,plan,track\nu1,a,DE,x,t1\nu2,b,DE,x,t2\nu2,b,DE,x,t3\nu3,c,US,x,t4\nu4,c,FR,x,t4\n"


def amounts(place: Path, *, log: str = LOG, pools: str = POOLS, **tables: str) -> dict[tuple[str, str, str], int]:
    """Close a month of these tables; return (payee, pool, kind) -> minor units."""
    month = close(laid(place, log, pools=pools, **tables))
    assert all(control.ok for control in month.controls)
    found: dict[tuple[str, str, str], int] = {}
    for row in month.rows:
        found[row.payee, row.pool, row.kind] = found.get((row.payee, row.pool, row.kind), 0) + row.amount
    return found


def test_each_pool_is_divided_by_its_own_rule_among_its_own_listeners(tmp_path: Path) -> None:
    found = amounts(tmp_path)
    assert (found["a", "de", "earned"], found["b", "de", "earned"], found["c", "us", "earned"]) == (5000, 5000, 5000)


def test_a_pool_s_rule_is_kept_under_its_own_name(tmp_path: Path) -> None:
    month = close(
        laid(tmp_path, LOG, pools=POOLS.replace("user-centric", "UCPS").replace("market-centric", "pro_rata"))
    )
    assert [pool.rule for pool in month.facts.pools] == ["user-centric", "market-centric"]


def test_what_subscribers_paid_weighs_in_a_user_centric_pool(tmp_path: Path) -> None:
    found = amounts(tmp_path, subscribers="user,paid,country,plan\nu1,9.00,DE,x\nu2,3.00,DE,x\nu3,1.00,US,x\n")
    assert (found["a", "de", "earned"], found["b", "de", "earned"]) == (7500, 2500)


def test_what_a_subscriber_without_a_pool_paid_waits_in_suspense(tmp_path: Path) -> None:
    lines = "user,paid,country,plan\nu1,9.00,DE,x\nu2,3.00,DE,x\nu3,1.00,US,x\nu4,7.77,FR,x\n"
    assert amounts(tmp_path, subscribers=lines)["unallocated:", "outside all pools, EUR", "suspense"] == 777


def test_a_total_below_the_subscribers_is_refused(tmp_path: Path) -> None:
    lines = "user,paid,country,plan\nu1,9.00,DE,x\nu3,1.00,DE,x\nTotal,10.00,,\n"
    with pytest.raises(InputError) as caught:
        amounts(tmp_path, subscribers=lines)
    assert [problem.where for problem in caught.value.problems] == ["first at row 3"]


def test_a_log_without_the_keys_takes_them_from_the_subscribers(tmp_path: Path) -> None:
    lines = "user,paid,country,plan\nu1,1.00,DE,x\nu2,1.00,DE,x\nu3,1.00,US,x\n"
    log = "user,artist\nu1,a\nu2,b\nu2,b\nu3,c\nu4,c\n"
    assert amounts(tmp_path, log=log, subscribers=lines)["c", "us", "earned"] == 5000


def test_a_log_without_the_keys_and_without_subscribers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column for country"):
        amounts(tmp_path, log="user,artist\nu1,a\n")


def test_a_user_with_two_pools_needs_the_keys_in_the_log(tmp_path: Path) -> None:
    lines = "user,paid,country,plan\nu1,1.00,DE,x\nu1,1.00,US,x\n"
    with pytest.raises(InputError, match="several pools"):
        amounts(tmp_path, log="user,artist\nu1,a\n", subscribers=lines)


def test_a_user_with_two_pools_is_two_listeners_where_the_log_tells_them_apart(tmp_path: Path) -> None:
    found = amounts(tmp_path, log="user,artist,country,plan\nu1,a,DE,x\nu1,b,US,x\n")
    assert (found["a", "de", "earned"], found["b", "us", "earned"]) == (10000, 5000)


def test_a_track_with_splits_earns_in_its_artists_place(tmp_path: Path) -> None:
    found = amounts(tmp_path, splits="track,payee,share\nt2,p,1/2\nt2,q,1/2\n")
    assert found["b", "de", "earned"] == 2500
    assert (found["p", "de", "split_in"], found["q", "de", "split_in"]) == (1250, 1250)
    assert found["b, track t2", "de", "earned"] == 2500


def test_artists_without_splits_may_be_held_as_unclaimed(tmp_path: Path) -> None:
    asked = laid(tmp_path, LOG, pools=POOLS, unsplit="suspend")
    assert {row.payee for row in close(asked).rows} == {"unclaimed:a", "unclaimed:b", "unclaimed:c"}


def test_a_pool_without_plays_waits_in_suspense(tmp_path: Path) -> None:
    found = amounts(tmp_path, pools=POOLS + "jp,JP,x,10.00,user-centric\n")
    assert found["unallocated:", "jp", "suspense"] == 1000


def test_plays_outside_the_month_do_not_count(tmp_path: Path) -> None:
    log = "user,artist,country,plan,timestamp\nu1,a,DE,x,2026-10-31T23:59:59Z\nu2,b,DE,x,2026-11-01T00:00:00Z\n"
    assert amounts(tmp_path, log=log)["a", "de", "earned"] == 10000


def test_a_pool_without_a_rule_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no rule stated for 1 pool,"):
        amounts(tmp_path, pools="pool,gross\nall,1.00\n")


def test_pools_of_one_territory_may_differ_by_currency_alone(tmp_path: Path) -> None:
    pools = "pool,country,currency,gross,rule\nde,CH,EUR,100.00,user-centric\nch,CH,CHF,50.00,user-centric\n"
    found = amounts(tmp_path, pools=pools, log="user,artist,country,currency\nu1,a,CH,EUR\nu2,b,CH,CHF\n")
    assert (found["a", "de", "earned"], found["b", "ch", "earned"]) == (10000, 5000)


def test_a_pool_whose_listeners_all_paid_nothing_waits_in_suspense(tmp_path: Path) -> None:
    """Nothing weighs in a user-centric pool of free listeners, so nobody can be paid from it."""
    pools = "pool,territory,gross,rule\nde,DE,100.00,user-centric\nus,US,50.00,user-centric\n"
    found = amounts(tmp_path, pools=pools, subscribers="user,paid,country\nu1,9.00,DE\nu2,3.00,DE\nu3,0.00,US\n")
    assert found["unallocated:", "us", "suspense"] == 5000


def test_a_play_told_twice_is_closed_once_where_repeats_are_dropped(tmp_path: Path) -> None:
    row = "u1,a,DE,x,t1,2026-10-02T08:00:00Z\n"
    rows = "u2,b,DE,x,t2,2026-10-02T08:00:00Z\nu3,b,DE,x,t2,2026-10-03T08:00:00Z\n"
    log = "user,artist,country,plan,track,ts\n" + row * 2 + rows
    pools = POOLS.replace("user-centric", "market-centric")
    said: list[str] = []
    earned = {}
    for repeats in ("keep", "drop"):
        asked = laid(tmp_path / repeats, log, pools=pools, reading=Reading(repeats=repeats))  # type: ignore[arg-type] # one of them
        month = close(asked, watch=Watch(said.append))
        assert all(control.ok for control in month.controls)
        earned[repeats] = by_payee(month.rows, "earned", "de")
    assert earned == {"keep": {"a": 5000, "b": 5000}, "drop": {"a": 3333, "b": 6667}}
    assert [words for words in said if "repeats" in words] == [
        f"Warning repeats: 1 (a · 2026-10-02T08:00:00Z (2 times)). {KEPT}"
    ]
    with pytest.raises(InputError, match="1 of 4 plays are in the logs more than once"):
        close(laid(tmp_path / "refuse", log, pools=pools, reading=Reading(repeats="refuse")))
    assert not any(path.is_file() and path.stat().st_size for path in (tmp_path / "refuse" / "books").rglob("*"))
