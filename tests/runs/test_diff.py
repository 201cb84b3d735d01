"""Two reports side by side: whose payouts changed, by how much, largest first, and why; by kinds and not by guesses."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import python_calamine as calamine
from hypothesis import given
from hypothesis import strategies as st
from runs import publish_run, table, writers

import fairpay
from fairpay.cli import main
from fairpay.errors import InputError, OutputError, UsageError
from fairpay.reports.tables import kinds_of
from fairpay.runs.diff import Difference, difference, ranked, rated
from fairpay.runs.outputs import write_parquet
from fairpay.runs.snapshots import RunTable, Snapshot

if TYPE_CHECKING:
    from pathlib import Path

LOG = "user,artist,seconds\nu1,a,300\nu1,b,100\nu2,b,100\n"
LATER = LOG + "u2,a,700\n"
"""A pool of 10.00: user-centric a 3.75, b 6.25, later a 8.13, b 1.87; market-centric a 6.00, b 4.00."""
D = Decimal


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`pay` under two rules, of two logs, and comparisons."""
    folder = tmp_path_factory.mktemp("runs")
    for name, text in (("log", LOG), ("later", LATER)):
        (folder / f"{name}.csv").write_text(text)
    for name, log, rule in (
        ("market", "log", "market-centric"),
        ("user", "log", "user-centric"),
        ("later-user", "later", "user-centric"),
    ):
        fairpay.pay(folder / f"{log}.csv", rule=rule, pool="10.00", output=folder / name)
    fairpay.compare(folder / "log.csv", pool="10.00", output=folder / "both")
    fairpay.compare(folder / "log.csv", pool="12.00", output=folder / "more")
    return folder


def moved(found: Difference, *columns: str) -> list[tuple[Any, ...]]:
    """The rows that differ, in their order."""
    return found.table.select(*(columns or ("subject", "figure", "before", "after", "change"))).rows()


def test_two_pay_runs_tell_payouts_largest_change_first_with_what_changed_beside_them(runs: Path) -> None:
    found = fairpay.diff(runs / "user", runs / "later-user")
    assert moved(found, "of", "subject", "currency", "before", "after", "change", "change_percent", "why") == [
        ("artist", "a", "EUR", D("3.75"), D("8.13"), D("4.38"), D("116.80"), "plays 1 -> 2, listeners 1 -> 2"),
        ("artist", "b", "EUR", D("6.25"), D("1.87"), D("-4.38"), D("-70.08"), "same plays and listeners"),
    ]


def test_every_column_says_its_kind_and_seconds_are_no_money(runs: Path) -> None:
    kinds = kinds_of(fairpay.diff(runs / "user", runs / "later-user").arrow.schema)
    assert {name for name, kind in kinds.items() if kind == "money"} == {"before", "after"}
    assert kinds["seconds_before"] == "seconds"
    assert kinds["plays_after"] == "count"


def test_pay_and_compare_agree_under_the_rule_of_pay(runs: Path) -> None:
    found = fairpay.diff(runs / "user", runs / "both")
    assert (found.changed, found.unchanged, found.table.height) == (0, 2, 0)
    assert [(one.what, one.before, one.after) for one in found.why] == [
        ("rule", "user-centric", "market-centric, user-centric")
    ]


def test_another_pool_is_told_with_the_money(runs: Path) -> None:
    found = fairpay.diff(runs / "user", runs / "more")
    assert [(one.before, one.after) for one in found.why if one.what == "pool"] == [("10.00 EUR", "12.00 EUR")]
    assert found.totals.select("before", "after", "change").rows() == [(D("10.00"), D("12.00"), D("2.00"))]


def test_two_rules_are_set_against_each_other_where_each_run_paid_one(runs: Path) -> None:
    found = fairpay.diff(runs / "market", runs / "user")
    assert moved(found) == [
        ("a", "market-centric -> user-centric", D("6.00"), D("3.75"), D("-2.25")),
        ("b", "market-centric -> user-centric", D("4.00"), D("6.25"), D("2.25")),
    ]


def test_runs_without_a_payout_in_common_are_refused(runs: Path) -> None:
    rules = ["equal-split", "user-centric"]
    fairpay.compare(runs / "later.csv", rules=rules, pool="10.00", output=runs / "others", force=True)
    with pytest.raises(InputError, match="no payout in common"):
        fairpay.diff(runs / "market", runs / "others")


def test_an_artist_whose_plays_alone_changed_stands_last_and_is_no_payout_that_differs(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(LOG)
    (tmp_path / "two.csv").write_text(LOG.replace("u1,a,300", "u1,a,200\nu1,a,100"))
    for name in ("one", "two"):
        fairpay.pay(tmp_path / f"{name}.csv", rule="user-centric", pool="10.00", output=tmp_path / name)
    found = fairpay.diff(tmp_path / "one", tmp_path / "two")
    assert moved(found, "subject", "change", "why") == [("a", D("0.00"), "plays 1 -> 2")]
    assert (found.changed, found.unchanged) == (0, 2)


def test_artists_that_come_and_go_are_told(tmp_path: Path) -> None:
    for name, artist in (("one", "c"), ("two", "d")):
        (tmp_path / f"{name}.csv").write_text(LOG + f"u3,{artist},100\n")
        fairpay.pay(tmp_path / f"{name}.csv", rule="user-centric", fee="5.00", output=tmp_path / name)
    found = fairpay.diff(tmp_path / "one", tmp_path / "two")
    assert moved(found, "subject", "before", "after", "why") == [
        ("c", D("5.00"), D("0.00"), "gone, plays 1 -> 0, listeners 1 -> 0"),
        ("d", D("0.00"), D("5.00"), "new, plays 0 -> 1, listeners 0 -> 1"),
    ]


def test_groups_are_compared_beside_artists_also_where_a_manifest_says_no_kinds(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("x")
    for name, labels in (("one", ("7.00", "3.00")), ("two", ("6.50", "3.50"))):
        paid = [D(amount) for amount in labels]
        plays = {"label": ["North", None], "artists": [2, 1], "plays": [9, 1]}
        group = pa.table({**plays, "market_centric": pa.array(paid, pa.decimal128(38, 2))})
        files = {**writers(), "comparison-by-label.parquet": partial(write_parquet, group)}
        publish_run(tmp_path / name, tmp_path / "log.csv", files=files)
    found = fairpay.diff(tmp_path / "one", tmp_path / "two")
    assert moved(found, "of", "subject", "figure", "change") == [
        ("label", "", "market-centric", D("0.50")),
        ("label", "North", "market-centric", D("-0.50")),
    ]
    assert found.totals["of"].unique(maintain_order=True).to_list() == ["artist", "label"]


def test_a_run_whose_manifest_says_no_kinds_is_read_as_before(runs: Path) -> None:
    path = runs / "more" / "manifest.json"
    manifest = json.loads(path.read_bytes())
    told = fairpay.diff(runs / "both", runs / "more").arrow
    path.write_text(json.dumps({name: value for name, value in manifest.items() if name != "columns"}))
    assert fairpay.diff(runs / "both", runs / "more").arrow.equals(told, check_metadata=True)


def test_audits_are_compared_by_rule_and_scenario(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, rate in (("audit-1", "100%"), ("audit-2", "70%")):
        fairpay.audit(runs / "log.csv", fee="5.00", royalty_rate=rate, rules=["user-centric"], output=runs / name)
    found = fairpay.diff(runs / "audit-1", runs / "audit-2")
    assert "user-centric · one-account" in found.table["subject"].to_list()
    assert ("option", "royalty_rate", "100%", "70%") in [(c.what, c.name, c.before, c.after) for c in found.why]
    assert main(["diff", str(runs / "audit-1"), str(runs / "audit-2")]) == 0
    assert "amounts differ" in capsys.readouterr().out


def snap(paid: dict[str, int], title: str = "run") -> Snapshot:
    """A run that paid these cents."""
    money = pl.Series([D(units).scaleb(-2) for units in paid.values()], dtype=pl.Decimal(38, 2))
    frame = pl.DataFrame({"artist": pl.Series([*paid], dtype=pl.String), "paid": money}).with_columns(
        currency=pl.lit("EUR")
    )
    return Snapshot(title=title, facts={}, tables={"artist": RunTable(("artist",), ("paid",), frame)})


PAID = st.dictionaries(st.text(max_size=3), st.integers(0, 10**15), min_size=1, max_size=6)


@given(paid=PAID)
def test_a_run_does_not_differ_from_itself(paid: dict[str, int]) -> None:
    found = difference(snap(paid), snap(paid))
    assert (found.table.height, found.changed, found.unchanged) == (0, 0, len(paid))


@given(before=PAID, after=PAID)
def test_changes_sum_to_the_difference_of_the_pools_and_the_largest_comes_first(
    before: dict[str, int], after: dict[str, int]
) -> None:
    found = difference(snap(before), snap(after)).table
    changes = {who: after.get(who, 0) - before.get(who, 0) for who in before | after}
    assert {who: int(change * 100) for who, change in moved_pairs(found)} == {w: c for w, c in changes.items() if c}
    assert sum(found["change"].to_list()) * 100 == sum(after.values()) - sum(before.values())
    sizes = [abs(change) for change in found["change"].to_list()]
    assert sizes == sorted(sizes, reverse=True)


def moved_pairs(found: pl.DataFrame) -> list[tuple[str, Decimal]]:
    """Subject and change."""
    return found.select("subject", "change").rows()


@pytest.mark.parametrize(
    ("rates", "order"),
    [({("JPY", "EUR"): 0.006}, ["eur", "eur2", "jpy", "usd"]), ({}, ["eur", "eur2", "jpy", "usd"])],
)
def test_currencies_are_ranked_in_one_currencys_terms_and_apart_without_a_rate(
    rates: dict[tuple[str, str], float], order: list[str]
) -> None:
    rows = [("usd", "USD", "9999"), ("jpy", "JPY", "9000"), ("eur", "EUR", "90"), ("eur2", "EUR", "60")]
    frame = pl.DataFrame(
        [("payee", who, "paid", code, D(change)) for who, code, change in rows],
        schema=["of", "subject", "figure", "currency", "change"],
        orient="row",
    )
    assert ranked(frame, rated(frame, rates))["subject"].to_list() == order


def test_a_known_rate_puts_a_smaller_number_first() -> None:
    rows = [("jpy", "JPY", "9000"), ("eur", "EUR", "90"), ("eur2", "EUR", "60")]
    frame = pl.DataFrame(
        [("payee", who, "paid", code, D(change)) for who, code, change in rows],
        schema=["of", "subject", "figure", "currency", "change"],
        orient="row",
    )
    assert ranked(frame, rated(frame, {("EUR", "JPY"): 125.0}))["subject"].to_list() == ["eur", "jpy", "eur2"]


def test_csv_on_standard_output_and_the_files_hold_the_same(
    runs: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    sides = [str(runs / "user"), str(runs / "later-user")]
    assert main(["diff", *sides, "--csv", "-o", str(tmp_path / "d.csv")]) == 0
    out, err = capsysbinary.readouterr()
    assert out == (tmp_path / "d.csv").read_bytes()
    assert err.decode().startswith("Written to ")
    fairpay.diff(*sides, output=tmp_path / "d.parquet")
    assert pl.read_parquet(tmp_path / "d.parquet").write_csv().encode() == out
    assert kinds_of(pq.read_schema(tmp_path / "d.parquet"))["change"] == "difference"
    fairpay.diff(*sides, output=tmp_path / "d.xlsx")
    rows = calamine.CalamineWorkbook.from_path(str(tmp_path / "d.xlsx")).get_sheet_by_name("diff").to_python()
    assert (rows[0][1], rows[1][1], rows[1][rows[0].index("change")]) == ("subject", "a", 4.38)


def test_a_file_for_excel_is_defused(tmp_path: Path) -> None:
    for name, seconds in (("one", 100), ("two", 300)):
        (tmp_path / f"{name}.csv").write_text(f"user,artist,seconds\nu1,=b,{seconds}\nu1,c,100\n")
        fairpay.pay(tmp_path / f"{name}.csv", rule="user-centric", fee="5.00", output=tmp_path / name)
    fairpay.diff(tmp_path / "one", tmp_path / "two", output=tmp_path / "d.csv", excel=True)
    text = (tmp_path / "d.csv").read_text(encoding="utf-8")
    assert text.startswith("\ufeffof,")
    assert "artist,'=b," in text


def test_a_file_is_not_replaced_unasked_nor_written_in_an_unknown_format(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("mine")
    with pytest.raises(OutputError, match="is there already"):
        fairpay.diff(runs / "user", runs / "both", output=tmp_path / "d.csv")
    assert (tmp_path / "d.csv").read_text() == "mine"
    fairpay.diff(runs / "user", runs / "both", output=tmp_path / "d.csv", force=True)
    assert (tmp_path / "d.csv").read_text().startswith("of,subject,")
    with pytest.raises(UsageError, match="not a format"):
        fairpay.diff(runs / "user", runs / "both", output=tmp_path / "d.doc")


def test_the_page_tells_why_how_much_and_for_whom(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(runs / "user"), str(runs / "later-user")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  listening   plays: 3 -> 4" in lines
    assert lines[lines.index("  Paid          Before  After  Change       Up  Down") :] == [
        "  Paid          Before  After  Change       Up  Down",
        "  user-centric   10.00  10.00    0.00  EUR   1     1",
        "",
        "  Artist  Before  After  Change         %  Why",
        "  a         3.75   8.13   +4.38  +116.8 %  plays 1 -> 2, listeners 1 -> 2",
        "  b         6.25   1.87   -4.38   -70.1 %  same plays and listeners",
        "",
        "2 payouts differ, 0 do not.",
    ]


def test_no_value_of_a_manifest_is_told_as_python_writes_it(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = {"user": "user", "artist": "artist", "seconds": "seconds"}
    fairpay.pay(
        runs / "log.csv", rule="market-centric", fee="5.00", columns=columns, output=runs / "columns", force=True
    )
    assert main(["diff", str(runs / "market"), str(runs / "columns")]) == 0
    said = capsys.readouterr().out
    assert "option      fee: (none) -> 5.00" in said
    assert "option      columns: (none) -> user=user,artist=artist,seconds=seconds" in said
    assert [word for word in ("[", "{", "'", "None", "output") if word in said] == []


def test_the_page_keeps_within_80_columns_whatever_artists_are_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, seconds in (("one", 100), ("two", 300)):
        rows = f"u1,{'a very long name ' * 18},{seconds}\nu1,{'x' * 300},100\n"
        (tmp_path / f"{name}.csv").write_text("user,artist,seconds\n" + rows)
        fairpay.compare(tmp_path / f"{name}.csv", fee="5000000.00", output=tmp_path / name)
    capsys.readouterr()
    assert main(["diff", str(tmp_path / "one"), str(tmp_path / "two")]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if len(line) > 80 and str(tmp_path) not in line] == []


def test_json_holds_reasons_totals_and_changes(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(runs / "user"), str(runs / "later-user"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["totals"][0] | {"of": "artist", "change": "0.00", "up": 1, "down": 1} == told["totals"][0]
    assert told["changed"][0]["change"] == "4.38"


@pytest.mark.parametrize("name", ["summary.json", "payouts.parquet"])
def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path, runs: Path, name: str) -> None:
    fairpay.pay(runs / "log.csv", rule="user-centric", pool="10.00", output=tmp_path / "spoilt")
    (tmp_path / "spoilt" / name).write_text("{")
    with pytest.raises(InputError, match="spoilt cannot be read"):
        fairpay.diff(runs / "user", tmp_path / "spoilt")


def test_a_column_sorts_a_difference(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["diff", str(runs / "user"), str(runs / "later-user"), "--csv", "--sort", "+change"]) == 0
    assert pl.read_csv(io.StringIO(capsys.readouterr().out))["subject"].to_list() == ["b", "a"]


def test_an_unchanged_table_is_the_same_shape(tmp_path: Path) -> None:
    """Also of runs that tests make by hand, whose tables have no currency and no kinds."""
    (tmp_path / "log.csv").write_text("x")
    publish_run(tmp_path / "one", tmp_path / "log.csv")
    publish_run(tmp_path / "two", tmp_path / "log.csv", files=writers(table(("5.00", "4.00", "1.00"))))
    found = fairpay.diff(tmp_path / "one", tmp_path / "two")
    assert moved(found) == [
        ("a", "market-centric", D("6.00"), D("5.00"), D("-1.00")),
        ("b", "market-centric", D("3.00"), D("4.00"), D("1.00")),
    ]


def test_listeners_that_nobody_counted_are_not_told(tmp_path: Path) -> None:
    plays = pl.DataFrame(
        {"user": ["u", "u"], "artist": ["a", "a"], "plays": [1, 1], "time": ["2026-01-01", "2026-02-01"]}
    )
    for fee in ("1", "2"):
        fairpay.compare(plays, fee=fee, by="month", output=tmp_path / fee)
    found = fairpay.diff(tmp_path / "1", tmp_path / "2").table.filter(pl.col("of") == "artist")
    assert found["listeners_before"].to_list() == [None, None]
    assert found["why"].to_list() == ["same plays"] * 2


def test_what_a_month_paid_is_its_pool_whatever_the_rule(tmp_path: Path) -> None:
    plays = pl.DataFrame({"user": ["u", "u"], "artist": ["a", "b"], "time": ["2026-01-01", "2026-02-01"]})
    fairpay.pay(plays, rule="mix", fee="5", by="month", output=tmp_path / "paid")
    fairpay.compare(plays, fee="6", by="month", output=tmp_path / "compared")
    found = fairpay.diff(tmp_path / "paid", tmp_path / "compared")
    assert found.table.select("of", "figure", "before", "after").rows() == [
        ("month", "pool", D("5.00"), D("6.00")),
        ("month", "pool", D("5.00"), D("6.00")),
    ]
