"""Penalties in the books: charged, shared, carried, kept by the platform, and undone to the cent."""

from __future__ import annotations

import csv
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laying import by_payee, examples, laid, late

import fairpay
from fairpay.cli import main
from fairpay.errors import InputError, UsageError
from fairpay.ledger.adjust import Correction, adjust
from fairpay.ledger.close import close
from fairpay.ledger.closing import Closing
from fairpay.ledger.controls import penalty_control
from fairpay.ledger.model import INTO
from fairpay.ledger.verify import verify_books
from fairpay.settings.values import Running

if TYPE_CHECKING:
    from fairpay.ledger.close import Closed

LOG = "user,artist,plays\nh1,a,10\nh2,b,20\nbot,fake,10\n"
"""Of a pool of 400.00 the fake plays would have earned 100.00 market-centric."""


def decided(*lines: str) -> str:
    """A file of decisions."""
    return "kind,subject,decision,penalty\n" + "".join(f"{line}\n" for line in lines)


def month(folder: Path, *lines: str, **asked: Any) -> Closing:  # noqa: ANN401 - see `laid`
    """Lay a month with these decisions."""
    chosen = {"log": LOG, "pools": "pool,gross\nall,400.00\n", "rule": "market-centric", **asked}
    return laid(folder, chosen.pop("log"), decisions=decided(*lines), **chosen)


def sums(closed: Closed) -> dict[str, dict[str, int]]:
    """Kind -> payee -> amount."""
    found: dict[str, Counter[str]] = {}
    for row in closed.rows:
        found.setdefault(row.kind, Counter())[row.payee] += row.amount
    return {kind: dict(payees) for kind, payees in found.items()}


def test_a_payee_is_charged_half_and_the_pool_gets_it(tmp_path: Path) -> None:
    """R = 100, p = 50 %: payee -50, pool +50; who owes is paid nothing and carries it."""
    found = sums(close(month(tmp_path, "user,bot,exclude,50%")))
    assert found["earned"] == {"a": 133_33, "b": 266_67}
    assert found["penalty"] == {"fake": -50_00}
    assert found["penalty_share"] == {"a": 16_67, "b": 33_33}
    assert found["carry_out"] == {"fake": -50_00}
    assert found["payable"] == {"a": 150_00, "b": 300_00}


def test_what_is_owed_is_earned_back_before_anything_is_paid(tmp_path: Path) -> None:
    close(asked := month(tmp_path, "user,bot,exclude,50%"))
    found = [
        sums(close(laid(tmp_path / period, "user,artist,plays\nh1,fake,1\n", period, books=asked.books,
                        pools="pool,gross\nall,30.00\n", rule="market-centric")))
        for period in ("2026-11", "2026-12")
    ]  # fmt: skip
    assert "payable" not in found[0]
    assert found[0]["carry_out"] == {"fake": -20_00}
    assert found[1]["payable"] == {"fake": 10_00}


def test_the_platform_keeps_penalties_where_that_is_the_policy(tmp_path: Path) -> None:
    closed = close(asked := month(tmp_path, "user,bot,exclude,", penalty="50%", penalty_to="platform"))
    found = sums(closed)
    assert found["penalty"] == {"fake": -50_00}
    assert "penalty_share" not in found
    assert found["payable"] == {"a": 133_33, "b": 266_67}
    taken = late(asked, decisions=decided("user,bot,keep,")).rows
    assert by_payee(taken) == {"a": -33_33, "b": -66_67, "fake": 150_00}
    assert all(control.ok for control in verify_books(asked.books))


@pytest.mark.parametrize(("share", "units"), [("0%", 0), ("100%", -100_00)])
def test_nothing_and_all_of_it_may_be_charged(tmp_path: Path, share: str, units: int) -> None:
    closed = close(month(tmp_path, f"user,bot,exclude,{share}"))
    assert sums(closed).get("penalty", {"fake": 0}) == {"fake": units}
    assert closed.facts.penalties[0].earned == 100_00


def test_payees_are_charged_by_their_splits(tmp_path: Path) -> None:
    splits = "artist,payee,share\nfake,p,2/3\nfake,q,1/3\na,p,1/2\na,a,1/2\n"
    closed = close(month(tmp_path, "user,bot,exclude,50%", splits=splits))
    found = sums(closed)
    assert found["penalty"] == {"p": -33_33, "q": -16_67}
    assert found["penalty_share"] == {"p": 8_33, "a": 8_34, "b": 33_33}
    assert {row.counterparty for row in closed.rows if row.kind == "penalty"} == {"fake"}


def test_a_track_with_splits_charges_its_own_payees(tmp_path: Path) -> None:
    log = "user,artist,track,plays\nh1,a,t1,10\nh2,b,t,20\nbot,a,t1,3\nbot,a,t2,7\n"
    splits = "artist,track,payee,share\na,t1,p,1\n"
    for tracks in (False, True):
        found = sums(
            close(month(tmp_path / str(tracks), "user,bot,exclude,50%", log=log, splits=splits, tracks=tracks))
        )
        assert found["penalty"] == {"a": -35_00, "p": -15_00}


def test_each_pool_charges_and_shares_by_itself(tmp_path: Path) -> None:
    log = "user,artist,country,plays\nh1,a,DE,10\nbot,a,DE,10\nh2,b,JP,10\nbot,fake,JP,30\n"
    pools = "pool,territory,gross,currency\nde,DE,1.01,EUR\njp,JP,1001,JPY\n"
    closed = close(month(tmp_path, "user,bot,exclude,50%", log=log, pools=pools))
    found = {(row.pool, row.kind, row.payee): row.amount for row in closed.rows if row.kind.startswith("penalty")}
    assert found == {
        ("de", "penalty", "a"): -25, ("de", "penalty_share", "a"): 25,
        ("jp", "penalty", "fake"): -376, ("jp", "penalty_share", "b"): 376,
    }  # fmt: skip


def test_where_a_pool_pays_nobody_its_penalties_are_unallocated_like_its_money(tmp_path: Path) -> None:
    found = sums(close(month(tmp_path, "user,bot,exclude,50%", log="user,artist,plays\nbot,fake,10\n")))
    assert found["penalty"] == {"fake": -200_00}
    assert found["suspense"] == {"unallocated:": 600_00}


def test_nothing_is_charged_of_a_pool_that_was_refunded(tmp_path: Path) -> None:
    pools = "pool,gross,refund\nall,-400.00,yes\n"
    assert "penalty" not in sums(close(month(tmp_path, "user,bot,exclude,50%", pools=pools)))


def test_a_month_says_who_is_charged_for_what_and_statements_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = close(asked := month(tmp_path, "user,bot,exclude,50%"))
    line = {"pool": "all", "artist": "fake", "share": "1/2", "would_have_earned": "100.00", "charged": "50.00",
            "currency": "EUR", "to": "pool"}  # fmt: skip
    assert closed.summary["penalties"] == [line]
    with (asked.books / "2026-10" / "penalties.csv").open(newline="") as file:
        assert [*csv.DictReader(file)] == [line]
    assert closed.summary["totals"]["EUR"]["penalty"] == "-50.00"
    assert main(["statements", "--books", str(asked.books), "-o", str(tmp_path / "out"), "--formats", "csv"]) == 0
    text = "".join(path.read_text(encoding="utf-8-sig") for path in (tmp_path / "out").glob("statement-fake*.csv"))
    assert "Penalties for excluded plays" in text
    assert "-50.00" in text
    capsys.readouterr()
    assert main(["balances", "--books", str(asked.books)]) == 0
    assert "fake   EUR     0.00   -50.00" in capsys.readouterr().out


def test_a_control_holds_every_row_to_the_share_that_was_stated(tmp_path: Path) -> None:
    closed = close(asked := month(tmp_path, "user,bot,exclude,50%"))
    assert all(control.ok for control in verify_books(asked.books))
    facts, rows = closed.facts, closed.rows
    other = replace(facts, penalties=(replace(facts.penalties[0], charged=60_00),))
    kept, none = replace(facts, penalty_to="platform"), replace(facts, penalties=())
    fewer = [rows.where(pl.col("payee") != payee) for payee in ("a", "fake")]
    asked_of = ((rows, facts), (rows, other), (rows, kept), (rows, none), *((part, facts) for part in fewer))
    found = [next(penalty_control(*one)) for one in asked_of]
    assert [control.ok for control in found] == [True, False, False, False, False, False]


def test_no_order_of_files_threads_or_batches_changes_a_byte(tmp_path: Path) -> None:
    log = [f"u{n % 7},{'abcde'[n % 5]},{'DE' if n % 3 else 'AT'},{n % 4 + 1}\n" for n in range(90)]
    head, pools = "user,artist,country,plays\n", "pool,territory,gross\nde,DE,97.01\nat,AT,10.07\n"
    ledgers = []
    for place, lines, running in (("1", log, Running()), ("2", log[::-1], Running(threads=1, batch_rows=7))):
        asked = month(tmp_path / place, "user,u1,exclude,1/3", "artist,b,exclude,50%", log=head + "".join(lines),
                      pools=pools, rule="user-centric", running=running)  # fmt: skip
        close(asked)
        names = ("statements.csv", "penalties.csv")
        ledgers.append([(asked.books / "2026-10" / name).read_bytes() for name in names])
    assert ledgers[0] == ledgers[1]


def test_a_decision_taken_back_reverses_the_penalty_to_the_cent(tmp_path: Path) -> None:
    close(asked := month(tmp_path, "user,bot,exclude,50%"))
    taken = late(asked, decisions=decided("user,bot,keep,"))
    assert by_payee(taken.rows) == {"a": -50_00, "b": -100_00, "fake": 150_00}
    again = adjust(Closing(asked.period, asked.books, (), {}), Correction(undo=taken.run_id))
    assert by_payee(again.rows) == {"a": 50_00, "b": 100_00, "fake": -150_00}
    assert all(control.ok for control in verify_books(asked.books))


def test_penalties_decided_after_the_month_are_booked_and_named_in_the_adjustment(tmp_path: Path) -> None:
    asked = laid(tmp_path, LOG, pools="pool,gross\nall,400.00\n", rule="market-centric")
    close(asked)
    taken = late(asked, decisions=decided("user,bot,exclude,50%"))
    assert by_payee(taken.rows) == {"a": 50_00, "b": 100_00, "fake": -150_00}
    files = [path.name for path in (asked.books / "adjustments").glob("*/penalties.csv")]
    assert files == ["penalties.csv"]
    assert all(control.ok for control in verify_books(asked.books))


def test_an_adjustment_charges_what_its_month_was_closed_with(tmp_path: Path) -> None:
    close(asked := month(tmp_path, "user,bot,keep,", penalty="50%", penalty_to="platform"))
    assert by_payee(late(asked, decisions=decided("user,bot,exclude,")).rows)["fake"] == -150_00


PLAYS = st.lists(
    st.tuples(st.sampled_from(["h1", "h2", "bot", "bot2"]), st.sampled_from("abc"), st.sampled_from(["DE", "AT"]),
              st.integers(1, 5)),
    min_size=1, max_size=8,
)  # fmt: skip


@examples(4, 50)
@given(months=st.tuples(PLAYS, PLAYS), gross=st.tuples(st.integers(1, 99_999), st.integers(1, 99_999)),
       share=st.sampled_from(["1/3", "50%", "1"]), to=st.sampled_from(["pool", "platform"]),
       rule=st.sampled_from(["market-centric", "user-centric", "equal-split", "artist-cap:cap=3"]))  # fmt: skip
def test_a_quarter_whose_decision_was_taken_back_ends_as_if_it_had_never_been(
    months: tuple[Any, Any], gross: tuple[int, int], share: str, to: str, rule: str
) -> None:
    """What every payee was credited, and what was paid or stands, over all months: the same sums, to the cent."""
    pools = "".join(f"{name.lower()},{name},{n / 100:.2f}\n" for name, n in zip(("DE", "AT"), gross, strict=True))
    splits = "artist,payee,share\nb,p,1/3\nb,q,2/3\n"
    users = sorted({user for user, *_ in months[0]})
    with tempfile.TemporaryDirectory() as folder:
        ends = []
        for name in ("decided", "never"):
            lines = [f"user,{user},exclude," for user in users if user.startswith("bot")]
            rows: list[Any] = []
            for period, plays in zip(("2026-10", "2026-11"), months, strict=True):
                log = "user,artist,country,plays\n" + "".join(f"{','.join(map(str, one))}\n" for one in plays)
                asked = laid(Path(folder) / name / period, log, period, books=Path(folder) / name / "books",
                             pools="pool,territory,gross\n" + pools, splits=splits, rule=rule)  # fmt: skip
                if name == "decided" and period == "2026-10" and lines:
                    path = Path(folder) / "decisions.csv"
                    path.write_text(decided(*lines))
                    asked = replace(asked, tables={**asked.tables, "decisions": path}, penalty=share, penalty_to=to)
                    rows += close(asked).rows
                    late(asked, decisions=decided(*(line.replace("exclude", "keep") for line in lines)))
                else:
                    rows += close(asked).rows
            assert all(control.ok for control in verify_books(asked.books))
            inner = {"carry_in", "carry_out"}
            credits_, stands = Counter[str](), Counter[str]()
            for row in rows:
                if row.kind not in inner:
                    (credits_ if row.kind in INTO else stands)[row.payee] += row.amount
                elif row.kind == "carry_out" and row.period == "2026-11":
                    stands[row.payee] += row.amount
            ends.append([{payee: n for payee, n in one.items() if n} for one in (credits_, stands)])
        assert ends[0] == ends[1]


@pytest.mark.parametrize("share", ["7/6", "-1", "much"])
def test_what_is_no_share_is_refused_and_nothing_is_written(
    tmp_path: Path, share: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = month(tmp_path, f"user,bot,exclude,{share}")
    command = ["close", "--books", str(asked.books), "--period", "2026-10", "--pools", str(asked.tables["pools"]),
               "--rule", "market-centric", asked.logs[0], "--decisions"]  # fmt: skip
    assert main([*command, str(asked.tables["decisions"])]) == 3
    assert "penalty is not a share from 0 to 100 %" in capsys.readouterr().err
    asked.tables["decisions"].write_text(decided("user,bot,exclude,"))
    assert main([*command, str(asked.tables["decisions"]), "--penalty", share]) == 2
    assert share in capsys.readouterr().err
    assert not (asked.books / "2026-10").exists()


@pytest.mark.parametrize(
    ("asked", "tables", "said"),
    [
        (["user,bot,exclude,", "artist,a,keep,50%"], {}, "1 penalty on artists of whom no play is excluded"),
        (["user,bot,exclude,50%"], {"artists": "artist\na\nb\n"}, "1 artist to be charged .* without a payee"),
        (["user,bot,exclude,50%"], {"splits": "artist,payee,share\na,p,1\n", "unsplit": "suspend"}, "without a payee"),
    ],
)
def test_who_cannot_be_charged_is_refused_and_nothing_is_written(
    tmp_path: Path, asked: list[str], tables: dict[str, Any], said: str
) -> None:
    closing = month(tmp_path, *asked, **tables)
    with pytest.raises(InputError, match=said):
        close(closing)
    assert not (closing.books / "2026-10").exists()


def test_an_artist_without_a_payee_may_be_let_off(tmp_path: Path) -> None:
    asked = month(tmp_path, "user,bot,exclude,50%", "artist,fake,keep,0%", artists="artist\na\nb\n")
    assert "penalty" not in sums(close(asked))


def test_a_penalty_needs_decisions(tmp_path: Path) -> None:
    asked = laid(tmp_path, LOG, pools="pool,gross\nall,400.00\n", rule="market-centric", penalty="50%")
    with pytest.raises(UsageError, match="no decisions are given"):
        close(asked)


def test_months_without_penalties_keep_their_run_ids(tmp_path: Path) -> None:
    asked = month(tmp_path, "user,bot,exclude,")
    assert not {"penalty", "penalty_to"} & asked.options().keys()
    assert {"penalty": "50%"}.items() <= replace(asked, penalty="50%").options().items()


def test_a_pool_pays_what_pay_says_with_penalties_and_without(tmp_path: Path) -> None:
    asked = month(tmp_path, "user,bot,exclude,50%")
    paid = fairpay.pay(asked.logs[0], decisions=asked.tables["decisions"], pool="400.00", rule="market-centric")
    found = sums(close(asked))
    assert (
        dict(zip(paid.outcome.artist.to_pylist(), paid.outcome.payouts[0].allocation.paid, strict=True))
        == found["earned"]
    )
    (line,) = paid.outcome.penalties.lines
    assert {line.artist: -line.charged[0]} == found["penalty"]
