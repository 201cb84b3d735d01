"""Withholding in the books: a row of its own beside what was earned, whose other side is the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from laying import by_payee, laid, late, nothing_changes

from fairpay.errors import UsageError
from fairpay.ledger.adjust import Correction, adjust
from fairpay.ledger.close import Closed, close
from fairpay.ledger.closing import Closing
from fairpay.ledger.verify import verify_books

if TYPE_CHECKING:
    from pathlib import Path


POLICY = """title = "t"
source = "s"
rule = "{rule}"
measure = "plays"
[[withhold]]
name = "Discovery Mode"
column = "context"
values = ["discovery"]
share = "3/10"
"""
LOG = """user,artist,track,country,plays,context
u1,A,t1,DE,4,discovery
u1,A,t2,DE,2,
u1,B,s1,DE,2,
u2,B,s1,DE,1,discovery
u2,C,c1,DE,1,
u3,C,c1,DE,20,discovery
u3,C,c2,DE,20,album
v1,A,t1,US,4,discovery
"""
POOLS = """pool,territory,currency,gross,refund,policy,rule
de,DE,EUR,{gross},yes,own.toml,
us,US,USD,30.00,,,user-centric
"""
SPLITS = "artist,track,payee,share\nA,,ann,2/3\nA,,bob,1/3\nC,c1,carl,1\n"


def asked(place: Path, *, rule: str = "market-centric", gross: str = "30.00", **more: object) -> Closing:
    """A month of two pools, of which one withholds."""
    (place / "own.toml").write_text(POLICY.format(rule=rule))
    return laid(place, LOG, pools=POOLS.format(gross=gross), splits=SPLITS, **more)


def closed(place: Path, **more: object) -> Closed:
    """The same, closed."""
    return close(asked(place, **more))  # type: ignore[arg-type] # fields of a closing


def test_what_is_withheld_stands_beside_what_was_earned_and_payees_share_the_rest(tmp_path: Path) -> None:
    """0.60 a play: of A's 4 marked plays 0.72, of B's one 0.18, of the 20 of the track with splits 3.60."""
    rows = closed(tmp_path).rows
    assert by_payee(rows, "earned", "de") == {"A": 360, "B": 180, "C": 1200, "C, track c1": 1260}
    assert by_payee(rows, "withheld") == {"A": -72, "B": -18, "C, track c1": -360}
    assert by_payee(rows, "split_in", "de") == {"ann": 192, "bob": 96, "carl": 900}


def test_user_centric_each_listeners_entry_is_divided_among_its_plays(tmp_path: Path) -> None:
    """u1's 7.50 for A: two thirds. u2's 5.00 for B. u3's 10.00 for C: half, of the track with splits."""
    rows = closed(tmp_path, rule="user-centric").rows
    assert by_payee(rows, "withheld") == {"A": -150, "B": -150, "C, track c1": -150}
    assert by_payee(rows, "earned", "de")["C, track c1"] == 1000


def test_controls_hold_and_the_pool_says_what_the_platform_has(tmp_path: Path) -> None:
    month = closed(tmp_path)
    assert [pool.withheld for pool in month.facts.pools] == [450, 0]
    details = {control.name: control.detail for control in month.controls}
    assert details["pool de"] == "30.00 earned = pool 30.00, 4.50 of it withheld EUR"
    assert all(control.ok for control in verify_books(tmp_path / "books"))


def test_statements_have_a_column_and_tables_of_pools_where_something_is_withheld(tmp_path: Path) -> None:
    closed(tmp_path)
    table = pl.read_csv(tmp_path / "books/2026-10/statements.csv").filter(currency="EUR")
    assert dict(table.select("payee", "withheld").iter_rows())["B"] == -0.18
    assert pl.read_csv(tmp_path / "books/2026-10/pools.csv")["withheld"].to_list() == [4.5, 0.0]


def test_the_line_of_the_policy_says_what_share_it_withholds(tmp_path: Path) -> None:
    closed(tmp_path)
    table = pl.read_csv(tmp_path / "books/2026-10/policies.csv", schema_overrides={"times": pl.String})
    assert table.select("line", "times", "withheld_share").rows() == [("Discovery Mode", "1", "3/10")]


def test_every_track_earns_what_is_left_and_adds_up_to_its_artist(tmp_path: Path) -> None:
    """t1: 2.40 less 0.72, t2: 1.20."""
    month = closed(tmp_path, tracks=True)
    assert month.tracks is not None
    tracks = month.tracks.filter(pool="de", artist="A").select("track", "earned").rows()
    assert tracks == [("t1", 168), ("t2", 120)]
    assert all(control.ok for control in verify_books(tmp_path / "books"))


def test_what_is_refunded_takes_the_platforms_part_back(tmp_path: Path) -> None:
    rows = closed(tmp_path, gross="-30.00").rows
    assert by_payee(rows, "earned", "de")["B"] == -180
    assert by_payee(rows, "withheld") == {"A": 72, "B": 18, "C, track c1": 360}


def test_a_closed_month_is_worked_out_again_with_what_is_withheld_and_undone(tmp_path: Path) -> None:
    """Without u3 there are 10 plays of 3.00: A 18.00 - 3.60, B 9.00 - 0.90, C 3.00 of its track."""
    month = asked(tmp_path)
    close(month)
    assert nothing_changes(month)
    booked = late(month, exclude="user\nu3\n")
    assert by_payee(booked.rows) == {"ann": 960 - 192, "bob": 480 - 96, "B": 810 - 162, "C": -1200, "carl": 300 - 900}
    assert all(control.ok for control in verify_books(tmp_path / "books"))
    undone = adjust(Closing(month.period, month.books, (), {}), Correction(undo=booked.run_id))
    assert by_payee(undone.rows) == {payee: -amount for payee, amount in by_payee(booked.rows).items()}


def test_suspense_holds_what_is_left(tmp_path: Path) -> None:
    """B is in no catalogue: 1.62 wait."""
    rows = closed(tmp_path, artists="artist\nA\nC\n").rows
    assert by_payee(rows, "suspense") == {"unmatched:B": 162}


def test_a_rule_that_cannot_say_what_a_play_earns_is_refused_before_a_play_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="independent-markets cannot say what a play earns"):
        closed(tmp_path, rule="independent-markets")
