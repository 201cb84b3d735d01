"""Decisions of people in several pools: what `pay` says of each pool's rows alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from stated_month import COUNTRIES, DECIDED, alone, asked_of, earned, month, plays, review

from fairpay.cli import main
from fairpay.errors import InputError
from fairpay.ledger.adjust import Correction, adjust
from fairpay.ledger.close import close
from fairpay.ledger.closing import Closing
from fairpay.ledger.verify import verify_books

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("_no_waiting_for_the_disk")


@pytest.mark.parametrize("seed", range(3))
def test_decisions_mean_in_each_pool_what_they_mean_in_pay(tmp_path: Path, seed: int) -> None:
    rows = plays(seed)
    found = month(tmp_path, rows, decisions=review(*DECIDED))
    for pool in COUNTRIES:
        assert earned(found, pool) == alone(tmp_path, rows, pool, decisions=tmp_path / "decisions.csv"), pool


def test_what_decisions_leave_out_is_counted_by_their_own_reason(tmp_path: Path) -> None:
    rows = plays(1)
    found = month(tmp_path, rows, decisions=review(*DECIDED))
    reason = "excluded by a person's decision"
    gone = [r for r in rows if r[2] >= 30_000 and r[3] != "ZZ" and (r[0] == "u2" or r[1] == "a2")]
    assert found.facts.heard.dropped[reason] == found.facts.heard.plays_dropped[reason] == len(gone)
    assert found.facts.heard.listeners_dropped[reason] == len({row[0] for row in gone})
    assert all(control.ok for control in found.controls)


def test_held_money_waits_in_suspense_and_names_nobody(tmp_path: Path) -> None:
    """Whatever the tables say; no id of a held user is in the ledger or the manifest."""
    rows = [("somebody", "a1", 40_000, "DE", "t"), ("u2", "a2", 40_000, "DE", "t")]
    found = month(tmp_path, rows, decisions=review("user,somebody,hold"), artists="artist\na2\n", unsplit="suspend")
    held = [row for row in found.rows if row.kind == "suspense" and row.payee.startswith("held:")]
    assert [(row.amount, row.reason) for row in held] == [(61_728, "held")]
    text = (tmp_path / "books" / "2026-10" / "manifest.json").read_text()
    assert "somebody" not in text + (tmp_path / "books" / "2026-10" / "ledger.csv").read_text()
    assert found.facts.decisions[0].rows == 1
    assert held[0].payee == f"held:{found.facts.decisions[0].mark}"


def test_another_review_releases_what_was_held(tmp_path: Path) -> None:
    """The month is worked out again: what waited goes to whom it was kept from, and the next month pays it."""
    rows = plays(2)
    asked = asked_of(tmp_path, rows, decisions=review("user,u1,hold"))
    close(asked)
    (tmp_path / "new.csv").write_text(review("user,u1,keep"))
    moved = adjust(asked, Correction(tables={"decisions": tmp_path / "new.csv"}))
    assert sum(row.amount for row in moved.rows) == 0
    plain = month(tmp_path / "plain", rows)
    held = month(tmp_path / "held", rows, decisions=review("user,u1,hold"))
    for pool in COUNTRIES:
        now, before = earned(plain, pool), earned(held, pool)
        expected = {key: now.get(key, 0) - before.get(key, 0) for key in now.keys() | before.keys()}
        assert {r.payee: r.amount for r in moved.rows if r.pool == pool} == {k: n for k, n in expected.items() if n}
    late = Closing("2026-11", asked.books, asked.logs, {"pools": asked.tables["pools"]}, any_date=True)
    after = close(late)
    stands = [row.amount for row in after.rows if row.kind == "suspense" and row.payee.startswith("held:")]
    was = [row.amount for row in held.rows if row.kind == "suspense" and row.payee.startswith("held:")]
    assert sorted(stands) == sorted(-amount for amount in was)
    assert all(control.ok for control in verify_books(asked.books))


def test_a_decision_about_nobody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 of 1 decisions are about nobody in the log"):
        month(tmp_path, plays(1), decisions=review("user,stranger,hold"))


def test_decisions_are_an_option_of_close_and_of_adjust(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = asked_of(tmp_path, plays(3), decisions=review("user,u1,exclude"))
    words = ["--books", str(asked.books), "--period", "2026-10", "--json"]
    tables = ["--pools", str(asked.tables["pools"]), "--decisions", str(asked.tables["decisions"])]
    assert main(["close", *words, *tables, *asked.logs]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [one["decision"] for one in said["decisions"]] == ["exclude"]
    (tmp_path / "new.csv").write_text(review("user,u1,keep"))
    assert main(["adjust", *words, "--decisions", str(tmp_path / "new.csv")]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] > 0
