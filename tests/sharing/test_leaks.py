"""What a report tells of single listeners."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest
from parties import in_parts

import fairpay
from fairpay.cli import main
from fairpay.reports.disclosure import revealed

if TYPE_CHECKING:
    from pathlib import Path

PLAYS = pl.DataFrame(
    {
        "user": ["ann", "ann", "bob", "bob", "bob", "cem", "dee"],
        "artist": ["Alone", "All", "Pair", "All", "Alone2", "Pair", "All"],
        "plays": [30, 10, 20, 10, 10, 40, 40],
    }
)
"""Alone is Ann's (30 of 40 plays) and Alone2 is Bob's (10 of 40); Pair is Bob's and Cem's; All has three."""


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A comparison of four subscribers who pay 10.00 each; the pool is 40.00 and there are 160 plays."""
    fairpay.compare(PLAYS, fee="10").save(tmp_path / "out")
    return tmp_path / "out"


def test_artists_with_one_listener_and_with_two_are_counted_with_their_money(report: Path) -> None:
    """Market-centric: 0.25 a play; user-centric: 30/40 and 10/40 of 10.00, and 20/40 of 10.00 with all of 10.00."""
    one, two = fairpay.leaks(report).revealed
    assert (one.listeners, one.artists, one.amounts) == (1, 2, (Decimal("10.00"), Decimal("10.00")))
    assert (two.listeners, two.artists, two.amounts) == (2, 1, (Decimal("15.00"), Decimal("15.00")))


def test_each_rule_says_whether_it_tells_of_fees_or_of_listening(report: Path) -> None:
    assert fairpay.leaks(report).columns == {"market-centric": "listening", "user-centric": "fee"}


def test_a_table_of_artists_listeners_and_amounts_is_enough() -> None:
    table = pa.table({"artist": ["a", "b", "c", "d"], "listeners": [1, 2, None, 1], "weight": [5, 7, 11, 13]})
    assert [(one.artists, one.amounts) for one in revealed(table, ["weight"])] == [(2, (18,)), (1, (7,))]


def test_a_report_with_merged_lines_reveals_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fairpay.compare(PLAYS, fee="10", k=3).save(tmp_path / "out")
    assert main(["leaks", str(tmp_path / "out")]) == 0
    assert "no artist's figure is that of one listener" in " ".join(capsys.readouterr().out.split())
    assert fairpay.leaks(tmp_path / "out").artists == 4


def test_a_payable_report_is_looked_at_likewise(tmp_path: Path) -> None:
    fairpay.pay(PLAYS, rule="user-centric", fee="10").save(tmp_path / "paid")
    found = fairpay.leaks(tmp_path / "paid")
    assert (found.artists, found.columns, found.revealed[0].artists) == (4, {"user-centric": "fee"}, 2)


def test_a_part_tells_of_its_artists_and_of_listeners_whose_own_numbers_stand_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ann, Bob and Cem play 40 each and pay the same, and so does Dee; with fees of their own each stands alone."""
    paid = pl.DataFrame({"user": ["ann", "bob", "cem", "dee"], "paid": ["1", "2", "3", "4"]})
    for name, money, alone in (("a.part", {"fee": "10"}, 0), ("b.part", {"subscribers": paid}, 4)):
        fairpay.shard(PLAYS, output=tmp_path / name, **money)
        found = fairpay.leaks(tmp_path / name)
        assert (found.artists, found.columns, found.alone) == (4, {"plays": "listening"}, alone)
        assert [(one.artists, one.amounts) for one in found.revealed] == [(2, (40,)), (1, (60,))]
    assert main(["leaks", str(tmp_path / "b.part")]) == 0
    assert "4 listeners whose own fee and plays stand in the part" in " ".join(capsys.readouterr().out.split())


def test_the_month_of_parts_is_published_with_merged_lines_if_asked(tmp_path: Path) -> None:
    options: dict[str, Any] = {"rules": ["market-centric", "top-artist"], "fee": "10"}
    in_parts([PLAYS], tmp_path, **options)
    last = max(tmp_path.glob("*-0.part"))
    merged = fairpay.merge(last, k=3)
    assert isinstance(merged, fairpay.api.Result)
    assert merged.table.equals(fairpay.compare(PLAYS, k=3, **options).table)
    assert merged.table["artists"].max() == 4


def test_the_page_and_the_json_say_the_same(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaks", str(report)]) == 0
    page = " ".join(capsys.readouterr().out.split())
    assert "1 2 of 4 10.00 10.00" in page
    assert (
        "how much that listener played it (market-centric) and what that listener paid the artist (user-centric)"
        in page
    )
    assert main(["leaks", str(report), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["revealed"][0] == {
        "listeners": 1,
        "artists": 2,
        "amounts": {"market-centric": "10.00", "user-centric": "10.00"},
    }


def test_penalties_tell_what_an_excluded_account_would_have_earned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All has three listeners, and bot, whose only play is excluded, would have been paid for it alone."""
    (tmp_path / "review.csv").write_text("kind,subject,decision,penalty\nuser,bot,exclude,50%\n")
    log = pl.DataFrame({"user": ["ann", "bob", "cem", "bot"], "artist": ["All", "All", "All", "Fake"]})
    fairpay.compare(log, pool="40", decisions=tmp_path / "review.csv").save(tmp_path / "out")
    found = fairpay.leaks(tmp_path / "out")
    assert (found.charged, found.decided) == (1, 1)
    assert main(["leaks", str(tmp_path / "out")]) == 0
    page = " ".join(capsys.readouterr().out.split())
    assert (
        "no artist's payout is that of one listener. penalties.csv says of 1 artist what excluded plays would" in page
    )
    assert "summary.json says of 1 account, known by a hash" in page


def test_what_is_no_report_is_refused(report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaks", str(tmp_path)]) == 3
    assert "is not a run" in capsys.readouterr().err
    fairpay.audit(PLAYS, fee="10", output=tmp_path / "audited")
    assert main(["leaks", str(tmp_path / "audited")]) == 3
    assert "is not a report" in capsys.readouterr().err
    (report / "summary.json").write_text("{}")
    assert main(["leaks", str(report)]) == 3
    assert "is not what it should be (KeyError)" in capsys.readouterr().err


def test_groups_of_one_listener_and_of_two_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ann is alone in AT, Bob and Cem are in BE, and Dee in none."""
    where = PLAYS.with_columns(country=pl.Series(["AT", "AT", "BE", "BE", "BE", "BE", None]))
    fairpay.compare(where, fee="10", by="country").save(tmp_path / "out")
    assert fairpay.leaks(tmp_path / "out").groups == {"country": (2, 1)}
    assert main(["leaks", str(tmp_path / "out")]) == 0
    page = capsys.readouterr().out
    assert "By country: 2 groups have one listener, whose plays and fee are the group's;" in page
    assert main(["leaks", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["groups"] == {"country": [2, 1]}


def test_a_run_of_months_does_not_say_how_many_listeners_artists_have(tmp_path: Path) -> None:
    dated = PLAYS.with_columns(time=pl.lit("2026-10-01"))
    fairpay.compare(dated, fee="10", by="month").save(tmp_path / "out")
    with pytest.raises(fairpay.InputError, match="adds months up, and does not say how many listeners"):
        fairpay.leaks(tmp_path / "out")
