"""The Python door: frames of any make, results as objects."""

from __future__ import annotations

import json
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


def test_bad_rows_are_counted_in_the_error() -> None:
    bad = PLAYS.with_columns(plays=pl.Series([6, -2, 1, -1, 40]))
    with pytest.raises(InputError) as caught:
        fairpay.compare(bad)
    assert [problem.count for problem in caught.value.problems] == [2]


def test_checking_reads_and_judges_only() -> None:
    found = fairpay.check(PLAYS)
    assert found.listening.rows == found.listening.used == 5
    assert found.inspection.columns == {"user": "user", "artist": "artist", "plays": "plays"}


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
