"""The Python functions: frames of any make, results as objects, errors in Python's words."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import NaiveMonth, exact, round_by_largest_remainder

import fairpay
from fairpay.cli import main
from fairpay.errors import InputError, UsageError
from fairpay.rules import find_rule

if TYPE_CHECKING:
    from pathlib import Path

PLAYS = pl.DataFrame(
    {
        "user": ["u1", "u1", "u2", "u2", "u3"],
        "artist": ["A", "B", "B", "C", "C"],
        "plays": [6, 2, 1, 1, 40],
    }
)


def paid(result: fairpay.api.Result, rule: str) -> dict[str, str]:
    """Return artist -> amount as text."""
    return {row["artist"]: str(row[rule]) for row in result.table.iter_rows(named=True)}


def duck() -> Any:  # noqa: ANN401 - a relation of DuckDB
    """Return the plays as a DuckDB relation."""
    return duckdb.sql("select * from PLAYS")


FRAMES = {
    "polars": lambda: PLAYS,
    "lazy": PLAYS.lazy,
    "pyarrow": PLAYS.to_arrow,
    "pandas": lambda: pd.DataFrame(PLAYS.to_dict(as_series=False)),
    "duckdb": duck,
    "reader": lambda: pa.RecordBatchReader.from_batches(PLAYS.to_arrow().schema, PLAYS.to_arrow().to_batches()),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_a_frame_of_any_make_gives_the_same(kind: str) -> None:
    """The three users of the rule book, paying 1 each."""
    result = fairpay.compare(FRAMES[kind](), fee="1")
    assert paid(result, "market_centric") == {"A": "0.36", "B": "0.18", "C": "2.46"}
    assert paid(result, "user_centric") == {"A": "0.75", "B": "0.75", "C": "1.50"}


def test_pay_gives_one_rule_with_shares() -> None:
    result = fairpay.pay(PLAYS, rule="user-centric", pool="3")
    assert result.table.columns[-3:] == ["payout", "share", "currency"]
    assert result.summary["pool"] == "3.00"


def test_pay_wants_to_know_the_money() -> None:
    with pytest.raises(UsageError, match="no money stated"):
        fairpay.pay(PLAYS, rule="user-centric")


def test_a_saved_run_verifies_and_saving_again_says_so(tmp_path: Path) -> None:
    result = fairpay.compare(PLAYS, fee="1")
    assert result.save(tmp_path / "run") == "done"
    assert result.save(tmp_path / "run") == "already"
    assert all(control.ok for control in fairpay.verify(tmp_path / "run"))
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary == json.loads(json.dumps(result.summary))


def test_an_unknown_rule_is_named_with_what_there_is() -> None:
    with pytest.raises(UsageError, match="no rule 'fair'") as caught:
        fairpay.compare(PLAYS, rules=("fair", "user-centric"))
    assert "user-centric" in caught.value.advice


def test_compare_needs_two_different_rules() -> None:
    with pytest.raises(UsageError, match="two or more"):
        fairpay.compare(PLAYS, rules=("user-centric", "user-centric"))


def test_a_rule_by_another_name_is_recorded_under_its_own() -> None:
    result = fairpay.compare(PLAYS, rules=["Pro_Rata", "UCPS", "user-cap:CAP=2"], fee=1)
    own = ["market-centric", "user-centric", "user-cap:cap=2"]
    assert result.origins["rule"][0] == ["market-centric", "user-centric", "user-cap:CAP=2"]
    assert [payout.rule.label for payout in result.outcome.payouts] == own
    assert fairpay.pay(PLAYS, rule="fan-powered", fee=1).origins["rule"][0] == ["user-centric"]


def test_two_names_of_one_rule_are_not_two_rules() -> None:
    with pytest.raises(UsageError, match="two or more different rules"):
        fairpay.compare(PLAYS, rules=["market-centric", "pro-rata"], fee=1)


def test_bad_rows_are_counted_in_the_error() -> None:
    bad = PLAYS.with_columns(plays=pl.Series([6, -2, 1, -1, 40]))
    with pytest.raises(InputError) as caught:
        fairpay.compare(bad)
    assert [problem.count for problem in caught.value.problems] == [2]


def test_checking_reads_and_judges_only() -> None:
    found = fairpay.check(PLAYS)
    assert found.listening.rows == found.listening.used == 5
    assert found.inspection.columns == {"user": "user", "artist": "artist", "plays": "plays"}


TABLES: dict[str, pl.DataFrame] = {
    "subscribers": pl.DataFrame({"user": ["u1", "u2", "u3"], "paid": ["1.00", "2.00", "4.00"]}),
    "artists": pl.DataFrame({"artist": ["A", "B", "C"], "name": ["Ann", "Bo", "Cy"]}),
    "decisions": pl.DataFrame({"kind": ["user"], "subject": ["u3"], "decision": ["exclude"], "by": ["me"]}),
    "history": pl.DataFrame({"user": ["u1"], "artist": ["C"], "plays": [50]}),
    "wishes": pl.DataFrame({"user": ["u1"], "artist": ["A"], "kind": ["block"], "amount": [""]}),
    "delegations": pl.DataFrame({"user": ["u1"], "delegate": ["u2"], "share": ["1/2"]}),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_in_memory_pays_as_its_file_does(name: str, tmp_path: Path) -> None:
    TABLES[name].write_csv(tmp_path / "table.csv")
    stated: dict[str, Any] = {"subscribers": TABLES["subscribers"]}
    results = [fairpay.compare(PLAYS, **stated | {name: table}) for table in (TABLES[name], tmp_path / "table.csv")]
    assert results[0].table.equals(results[1].table)
    assert (
        not results[0].table.equals(fairpay.compare(PLAYS, subscribers=TABLES["subscribers"]).table)
        or name == "subscribers"
    )


@pytest.mark.parametrize("make", [pl.DataFrame.lazy, pl.DataFrame.to_arrow, pl.DataFrame.to_pandas])
def test_a_table_may_be_of_any_make(make: Any) -> None:  # noqa: ANN401 - a function of Polars
    table = make(TABLES["subscribers"])
    assert fairpay.pay(PLAYS, rule="user-centric", subscribers=table).summary["pool"] == "7.00"


def test_a_run_on_tables_in_memory_names_no_user_and_verifies(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"subscribers": TABLES["subscribers"], "output": tmp_path / "run"}
    assert fairpay.compare(PLAYS, **asked).published == "done"
    assert fairpay.compare(PLAYS, **asked).published == "already"
    manifest = (tmp_path / "run" / "manifest.json").read_text()
    assert json.loads(manifest)["options"]["subscribers"] == {"value": "a table in memory", "origin": "python"}
    assert "u1" not in manifest
    assert all(control.ok for control in fairpay.verify(tmp_path / "run"))


def test_what_is_wrong_with_a_table_is_said_of_its_keyword() -> None:
    with pytest.raises(InputError, match=r"^subscribers: no column for the amount paid"):
        fairpay.compare(PLAYS, subscribers=TABLES["artists"].rename({"artist": "user"}))


@pytest.mark.parametrize(
    ("asked", "kind", "words"),
    [
        ({}, fairpay.UsageError, "Give pool=AMOUNT, fee=AMOUNT or subscribers=FILE."),
        ({"fee": "1", "output": "OTHER"}, fairpay.DifferentRunError, "Replace it with force=True"),
        ({"fee": "1", "threads": 0}, fairpay.UsageError, "threads=0: give 1 or more"),
        ({"fee": "1", "inactive": "keep"}, fairpay.UsageError, "Choose from share, hold."),
        ({"fee": "1", "force": "yes"}, fairpay.UsageError, "give True or False"),
        ({"fee": "1", "min_seconds": "1/2000"}, fairpay.UsageError, "is not an amount"),
        ({"fee": "1", "columns": {"user": "x"}}, fairpay.InputError, 'columns={"user": "NAME"}'),
        ({"fee": "1", "rejects": "."}, fairpay.UsageError, "Choose another place with rejects=FILE"),
    ],
    ids=str,
)
def test_an_error_is_of_its_kind_and_speaks_python(
    asked: dict[str, Any], kind: type[fairpay.FairpayError], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fairpay.pay(PLAYS, rule="user-centric", fee="2", output="OTHER")
    with pytest.raises(kind) as caught:
        fairpay.pay(PLAYS, rule="user-centric", **asked)
    said = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert words in said
    assert "--" not in said


def test_the_same_error_speaks_of_flags_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    PLAYS.write_csv(tmp_path / "plays.csv")
    assert main(["pay", str(tmp_path / "plays.csv"), "--rule", "user-centric"]) == 2
    assert "Give --pool AMOUNT" in capsys.readouterr().err


def test_a_misspelt_keyword_is_a_type_error_too() -> None:
    with pytest.raises(TypeError, match="pay does not take fe") as caught:
        fairpay.pay(PLAYS, fe="1")  # type: ignore[call-arg]
    assert isinstance(caught.value, fairpay.FairpayError)


def test_every_result_has_a_line_of_its_own_and_a_table_for_notebooks() -> None:
    asked: dict[str, Any] = {"fee": "1"}
    results = [
        fairpay.compare(PLAYS, **asked),
        fairpay.pay(PLAYS, rule="norm", **asked),
        fairpay.audit(PLAYS, rules=["user-centric"], **asked),
        fairpay.suspects(PLAYS, **asked),
        fairpay.check(PLAYS),
    ]
    assert repr(results[0]) == "<compare of 3.00 EUR under market-centric, user-centric: 3 artists, 3 users>"
    for result in results:
        assert repr(result).startswith("<")
        assert len(repr(result)) < 120
        assert result._repr_html_() == result.table._repr_html_()


def test_one_rule_is_compared_with_market_centric() -> None:
    asked: dict[tuple[str, ...], list[str]] = {
        (): ["market-centric", "user-centric"],
        ("bounded",): ["market-centric", "bounded"],
        ("market-centric",): ["market-centric", "user-centric"],
        ("user-centric", "market-centric"): ["user-centric", "market-centric"],
    }
    for rules, labels in asked.items():
        result = fairpay.compare(PLAYS, rules=rules, fee="1", royalty_rate="70%")
        assert [payout.rule.label for payout in result.outcome.payouts] == labels
        assert result.origins["rule"] == (labels, "python" if rules else "default")


def test_one_text_is_a_list_of_one() -> None:
    asked: dict[str, Any] = {"fee": "1", "royalty_rate": "70%"}
    assert fairpay.compare(PLAYS, rules="bounded", **asked).table.equals(
        fairpay.compare(PLAYS, rules=["bounded"], **asked).table
    )


def test_the_function_adjust_stands_beside_the_package_of_that_name() -> None:
    policy = importlib.import_module("fairpay.adjust.policy")
    assert "spotify-2024" in policy.policy_names()
    with pytest.raises(fairpay.UsageError, match="books and period not given"):
        fairpay.adjust()  # type: ignore[call-arg]


def test_a_month_is_closed_corrected_and_compared_in_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pl.DataFrame({"pool": ["all"], "gross": ["3.00"], "rule": ["user-centric"]}).write_csv("pools.csv")
    for name, frame in (("plays.csv", PLAYS), ("late.csv", PLAYS[:1])):
        frame.write_csv(name)
    asked: dict[str, Any] = {"books": "books", "period": "2026-10"}
    with pytest.raises(fairpay.UsageError, match="closed from files"):
        fairpay.close(PLAYS, pools="pools.csv", **asked)
    assert fairpay.close("plays.csv", pools="pools.csv", dry_run=True, **asked).status == "preview"
    closed = fairpay.close("plays.csv", pools="pools.csv", **asked)
    assert repr(closed) == "<close of 2026-10 (done) under user-centric: 1 pools, 3 payments>"
    assert closed.summary["status"] == "done"
    adjusted = fairpay.adjust("late.csv", reason="late", **asked)
    assert repr(adjusted).startswith("<adjustment of 2026-10 booked in 2026-11 (done):")
    assert len(fairpay.diff("books/2026-10", "books/2026-10").table) == 0
    assert all(control.ok for control in fairpay.verify(books="books"))
    for result in (closed, adjusted):
        assert "<table" in result._repr_html_()


def test_init_writes_a_file_once(tmp_path: Path) -> None:
    assert fairpay.init(tmp_path / "month.toml").read_text().startswith("# A month of the books")
    with pytest.raises(fairpay.OutputError, match="is there already"):
        fairpay.init(tmp_path / "month.toml")


def test_the_program_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "fairpay", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"fairpay {fairpay.__version__}\n"


rows = st.lists(
    st.tuples(st.sampled_from("uvwx"), st.sampled_from("ABCDE"), st.integers(1, 4) | st.integers(1, 2**40)),
    min_size=1,
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(rows, st.integers(0, 2**40) | st.integers(1, 12), st.integers(1, 4))
def test_every_cent_is_what_exact_fractions_say(listening: list[tuple[str, str, int]], pool: int, threads: int) -> None:
    """Both rules through every stage, ties and all, against fractions and largest remainder."""
    frame = pl.DataFrame(listening, schema=["user", "artist", "plays"], orient="row")
    result = fairpay.compare(frame, pool=f"{pool // 100}.{pool % 100:02}", threads=threads)
    month = NaiveMonth(listening, pool=pool)
    for name in ("market-centric", "user-centric"):
        shares = exact(
            find_rule(name), month.listeners, artists=len(month.names), pool=Fraction(pool), rate=Fraction(1)
        )
        wanted = round_by_largest_remainder(shares, pool) if pool else [0] * len(shares)
        got = {row["artist"]: int(row[name.replace("-", "_")] * 100) for row in result.table.iter_rows(named=True)}
        assert got == dict(zip(month.names, wanted, strict=True))


@pytest.mark.parametrize(
    "work",
    [
        fairpay.report,
        fairpay.leaks,
        fairpay.verify,
        lambda run: fairpay.diff(run, run),
        lambda run: fairpay.diff("a", run),
    ],
)
def test_a_frame_is_not_taken_for_a_run(work: Any) -> None:  # noqa: ANN401 - jobs
    with pytest.raises(UsageError, match="is a DataFrame: give the directory of a run"):
        work(pl.DataFrame())


def test_a_number_is_no_column_to_group_by() -> None:
    with pytest.raises(UsageError, match='by="5": there is no such column'):
        fairpay.compare(pl.DataFrame({"user": ["u"], "artist": ["a"]}), fee="1", by=5)  # type: ignore[arg-type] # on purpose
