"""What may not be as its owner expects is said with a code, counted, with examples: the same whatever the order."""

from __future__ import annotations

import json
from itertools import permutations
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from paying import file

import fairpay
from fairpay.cli import main
from fairpay.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def warned(logs: object, **options: Any) -> dict[str, tuple[int, list[str]]]:  # noqa: ANN401 - any option
    """Compare; return count and examples of each warning."""
    result = fairpay.compare(logs, **{"fee": "10.00", **options})
    return {w["code"]: (w["count"], w["examples"]) for w in result.summary["warnings"]}


HEAD = "user,artist,seconds\n"
POINTS = "user;artist;seconds\nu1;A7;1.204\nu1;B9;96\n"
ROUNDED = 'user,artist\n"{0}",A7\n"{0}",B9\nu2,A7\n'
LONG = "user,artist,ts\nu1,A7,2026-06-01T10:00:00Z\nu1,B9,2026-10-31T10:00:00Z\n"
MINUTES = "user,artist,Minutes listened\nu1,A7,3\n"
TWO = [{"user": "u", "artists": ["A", "B"]}, {"user": "u", "artists": ["C"]}]
WARNED: dict[str, tuple[object, dict[str, Any], dict[str, tuple[int, list[str]]]]] = {
    "a sound log has none": ("user,artist,seconds,ts\nu1,A7,90,2026-10-01T10:00:00Z\n", {}, {}),
    **{
        f"ids that a spreadsheet made {text}": (ROUNDED.format(text), {}, {"spreadsheet-ids": (2, [f"user {text}"])})
        for text in ("1.23457E+15", "1,23457E+15", "1E+15")
    },
    "points that may group thousands": (POINTS, {}, {"thousands": (1, ["seconds 1.204"])}),
    "points between commas group nothing": (POINTS.replace(";", ","), {}, {}),
    "points group thousands where commas are told": (POINTS, {"decimal": ","}, {}),
    "plays of more than a day": (
        HEAD + "u1,A7,180000\nu1,B9,86400\nu1,B9,12000\n", {}, {"long-plays": (1, ["seconds 180000"])},
    ),
    "many plays may be longer than a day": ("user,artist,plays,seconds\nu1,A7,1000,180000\n", {}, {}),
    "a month's fee on more than a month": (LONG, {}, {"long-period": (153, ["153 days"])}),
    "a pool is for any time": (LONG, {"fee": None, "pool": "10.00"}, {}),
    "a period that is told may be long": (LONG, {"since": "2026-06-01", "until": "2026-10-31"}, {}),
    "minutes are not read": (MINUTES, {}, {"unread-measure": (1, ["Minutes listened"])}),
    "minutes are not meant where plays are": (MINUTES, {"measure": "plays"}, {}),
    "minutes beside seconds say nothing more": ("user,artist,seconds,minutes\nu1,A7,180,3\n", {}, {}),
    "plays of several artists": (TWO, {}, {"several-artists": (1, ["A, B"])}),
}  # fmt: skip


@pytest.mark.parametrize("claim", WARNED)
def test_warnings_are_said_with_count_and_examples(tmp_path: Path, claim: str) -> None:
    content, options, expected = WARNED[claim]
    log = file(tmp_path / ("a.json" if isinstance(content, list) else "a.csv"), content)
    assert warned(log, **options) == expected


@pytest.mark.parametrize("word", [r"\N", "NULL", "null", "nan", "None", "N/A", "#N/A", "undefined", "<NA>", "  "])
def test_words_that_mean_nothing_are_named_and_counted(tmp_path: Path, word: str) -> None:
    rows = [{"user": "u1", "artist": word}, {"user": "u1", "artist": word}, {"user": word, "artist": "A7"}]
    log = tmp_path / "a.parquet"
    pl.DataFrame(rows).write_parquet(log)
    seen = repr(word) if not word.strip() else word
    assert warned(log) == {"null-words": (3, [f"artist {seen}", f"user {seen}"])}


def test_backslash_n_without_quotes_is_nothing(tmp_path: Path) -> None:
    log = file(tmp_path / "a.tsv", "user\tartist\nu1\tA7\nu1\t\\N\n")
    result = fairpay.compare(log, fee="10.00", max_without_artist="100%")
    assert result.summary["listening"]["dropped"] == {"without an artist": 1}
    assert result.summary["warnings"] == []


def test_most_plays_without_an_artist_are_said_with_the_column_that_has_them(tmp_path: Path) -> None:
    log = file(tmp_path / "a.csv", "user_id,artist_id,artist_name\nu1,7,A\nu1,,B\nu1,,C\n")
    told = "2 of 3 plays have no artist in the column artist_id"
    assert warned(log) == {"without-artist": (2, [told, "artist_name has 2 names in these rows"])}
    assert warned(log, max_without_artist="70%") == {}
    with pytest.raises(InputError, match=told) as caught:
        fairpay.pay(log, rule="user-centric", fee="10.00")
    assert "artist_name has 2 names" in caught.value.advice
    assert "max_without_artist" in caught.value.advice
    fairpay.pay(log, rule="user-centric", fee="10.00", max_without_artist="70%")


@pytest.mark.parametrize(
    ("times", "advice"),
    [
        (["45717.4583", "45718"], "Excel"),
        (["03/02/2025 10:00", "13.2.2025"], "--day-first"),
        (["10/05/2026 11:30 PM", "10/31/2026 11:30 PM"], "2026-10-31T12:00:00Z"),
        (["yesterday", "soon"], "2026-10-31T12:00:00Z"),
    ],
)
def test_times_that_cannot_be_read_are_said_where_no_period_is_asked(
    tmp_path: Path, times: list[str], advice: str
) -> None:
    rows = "".join(f"u1,A7,{time}\n" for time in times)
    result = fairpay.compare(file(tmp_path / "a.csv", f"user,artist,ts\n{rows}"), fee="10.00")
    (only,) = result.summary["warnings"]
    assert (only["code"], only["count"]) == ("unreadable-times", 2)
    assert only["examples"] == sorted(f"time {time}" for time in times)
    assert advice in only["advice"]
    assert result.summary["listening"]["period"] is None


def test_the_period_found_is_in_the_summary_without_being_asked_for(tmp_path: Path) -> None:
    log = file(tmp_path / "a.csv", "user,artist,ts\nu1,A7,2026-10-01T10:00:00Z\nu1,B9,2026-10-31T10:00:00Z\n")
    summary = fairpay.compare(log, fee="10.00").summary
    assert summary["listening"]["period"] == ["2026-10-01T10:00:00Z", "2026-10-31T10:00:00Z"]


def test_ids_of_artists_that_look_alike_are_said(tmp_path: Path) -> None:
    names = ["Café", "Cafe\u0301", "Tin Harbor", "tin harbor", "Tin Harbor ", "B9"]
    log = tmp_path / "a.parquet"
    pl.DataFrame({"user": ["u1"] * 6, "artist": names}).write_parquet(log)
    count, examples = warned(log)["look-alikes"]
    assert count == 5
    assert examples[1] == "'Tin Harbor' / 'Tin Harbor ' / 'tin harbor'"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Guns N' Roses", "Guns N\u2019 Roses"),
        ("The  Knots", "The Knots"),
        ("Knots", "Kno\u200bts"),
        ("A\xa0B", "A B"),
        ("Re-Up", "Re\u2010Up"),
    ],
)
def test_names_that_print_alike_are_said(tmp_path: Path, one: str, other: str) -> None:
    log = tmp_path / "a.parquet"
    pl.DataFrame({"user": ["u1"] * 3, "artist": [one, other, "B9"]}).write_parquet(log)
    assert warned(log)["look-alikes"][0] == 2


@pytest.mark.parametrize("word", ["Total", "Grand Total", " total ", "SUMME", "Итого"])
def test_a_line_with_a_sum_is_said_to_be_no_listener(tmp_path: Path, word: str) -> None:
    log = file(tmp_path / "a.csv", f"user,artist,plays\nu1,A7,3\nu2,B9,2\n{word},All,5\n")
    count, examples = warned(log)["total-lines"]
    assert (count, len(examples)) == (1, 1)
    assert word.strip() in examples[0]


def test_ids_that_a_program_took_for_fractions_are_said(tmp_path: Path) -> None:
    log = file(tmp_path / "a.csv", "user,artist,plays\n1001.0,Version 2.0,3\n1001,B9,2\n")
    assert warned(log) == {"fraction-ids": (1, ["user 1001.0"])}


def test_dates_with_the_month_first_are_not_said_to_be_day_first(tmp_path: Path) -> None:
    log = file(tmp_path / "a.csv", "user,artist,ts\nu1,A7,10/31/2026\n")
    with pytest.raises(InputError) as caught:
        fairpay.compare(log, fee="10.00", since="2026-10-01")
    assert "month first" in caught.value.advice
    assert "day_first" not in caught.value.advice


def test_an_artist_named_total_is_an_artist(tmp_path: Path) -> None:
    assert warned(file(tmp_path / "a.csv", "user,artist,plays\nu1,Total,3\n")) == {}


def test_lines_above_a_header_are_said(tmp_path: Path) -> None:
    log = file(tmp_path / "a.csv", "Report: March\n\nuser,artist,plays\nu1,A7,3\n")
    assert warned(log) == {"lines-above-header": (1, [str(log)])}


def test_files_that_are_passed_over_are_said(tmp_path: Path) -> None:
    file(tmp_path / "log" / "a.csv", "user,artist\nu1,A7\n")
    other = file(tmp_path / "log" / "readme.md", "words")
    assert warned(tmp_path / "log") == {"passed-over": (1, [str(other)])}


def test_a_nul_in_an_id_makes_a_row_bad(tmp_path: Path) -> None:
    log = file(tmp_path / "a.csv", b"user,artist\nu1,A7\nu1,B\x009\n" + b"\0" * 40)
    with pytest.raises(InputError) as caught:
        fairpay.compare(log, fee="10.00")
    assert [(p.count, p.reason) for p in caught.value.problems] == [
        (1, "artist holds a NUL character"),
        (1, "user holds a NUL character"),
    ]


def test_half_a_character_in_json_is_no_id(tmp_path: Path) -> None:
    for name in ("a.jsonl", "a.json"):
        text = '{"user":"u1","artist":"A\\ud800"}'
        with pytest.raises(InputError):
            fairpay.compare(file(tmp_path / name, text if name == "a.jsonl" else f"[{text}]"), fee="10.00")


def test_warnings_do_not_depend_on_the_order_of_files_or_rows(tmp_path: Path) -> None:
    parts = [
        "user,artist,seconds\nNULL,A7,180000\nu1,nan,90\n",
        "user,artist,seconds\nu3,None,190000\nu1,a7,90\n",
        "user,artist,seconds\nu4,N/A,170000\n",
    ]
    files = [file(tmp_path / f"{n}.csv", text) for n, text in enumerate(parts)]
    whole = file(tmp_path / "w.csv", parts[2] + "".join(text.split("\n", 1)[1] for text in parts[:2]))
    assert len({json.dumps(warned(list(order))) for order in permutations(files)} | {json.dumps(warned(whole))}) == 1


def test_strict_stops_at_any_warning_with_status_3_and_nothing_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = file(tmp_path / "a.csv", "user,artist,seconds\nNULL,A7,180000\n")
    out = tmp_path / "out"
    assert main(["compare", str(log), "--fee", "10", "--strict", "-o", str(out)]) == 3
    said = capsys.readouterr().err
    assert "2 kinds of warnings, and --strict stops at any" in said
    assert "long-plays" in said
    assert "null-words" in said
    assert not out.exists()


def test_warnings_stand_in_the_manifest_and_on_standard_error_unless_quiet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = file(tmp_path / "a.csv", "user,artist,seconds\nNULL,A7,90\n")
    assert main(["compare", str(log), "--fee", "10", "-o", str(tmp_path / "out")]) == 0
    assert "Warning null-words: 1 (user NULL)." in capsys.readouterr().err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [w["code"] for w in manifest["warnings"]] == ["null-words"]
    assert main(["compare", str(log), "--fee", "10", "--quiet"]) == 0
    assert capsys.readouterr().err == ""
