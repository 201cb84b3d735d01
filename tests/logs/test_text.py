"""Text files: separators, quotes, headers, comments, encodings, and ids that come out as they went in."""

from __future__ import annotations

import bz2
import gzip
import lzma
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from reads import judged, listens, rows, write

from fairpay.errors import InputError, UsageError
from fairpay.logs.read import open_logs
from fairpay.logs.schema import Fate
from fairpay.settings.values import Qualifying, Reading

if TYPE_CHECKING:
    from pathlib import Path

EXPECTED = [("u1", "a", 2), ("u2", "b", 3)]
WEIRD = [("u1", '"Weird Al" Yankovic', 1), ("u2", "b", 1)]


@pytest.mark.parametrize("separator", ["\t", ",", ";", "|", " "])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("last", ["", "ending", "blank lines"])
def test_any_separator_ending_and_bom(tmp_path: Path, separator: str, ending: str, bom: str, last: str) -> None:
    lines = ["user,artist,plays", "u1,a,2", "u2,b,3"]
    text = bom + ending.join(lines).replace(",", separator)
    text += {"": "", "ending": ending, "blank lines": ending * 4}[last]
    log = write(tmp_path / "log.csv", text)
    assert listens(log) == EXPECTED
    assert listens(log, separator=separator) == EXPECTED


@pytest.mark.parametrize("separator", ["\t", ",", ";", "|", " "])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_a_file_without_header_is_named_by_position(tmp_path: Path, separator: str, bom: str) -> None:
    log = write(tmp_path / "log.dat", bom + "2,u1,a\n3,u2,b".replace(",", separator))
    assert listens(log, header=False, columns={"user": "2", "artist": "3", "plays": "1"}) == EXPECTED


@pytest.mark.parametrize(
    "text",
    ["311", "08001", "+44", "=1+1", "1e5", "0x1F", "null", "NA", "NaN", "true", " a ", "-", "é", "2021-01-01", "'"],
)
def test_ids_come_out_as_they_went_in(tmp_path: Path, text: str) -> None:
    log = write(tmp_path / "log.csv", f"user,artist\n{text},{text}\n")
    assert listens(log) == [(text, text, 1)]


BY_POSITION: dict[str, Any] = {"header": False, "quote": False, "columns": {"user": "1", "artist": "2"}}
LIBRE = "# one comment, with commas\n+ACM- Data export from Libre.fm,,,\nuserid,Artist,track,Album,time\n1,A,b,,3\n"
RADIO = "Station: WXYZ\nPrinted: today\n\nDate-time,Artist,Song\n2026-10-01,A,s\n"
READ: dict[str, tuple[str, str, dict[str, Any], list[tuple]]] = {
    "a tab may be written as backslash t": (
        "log.csv", "user\tartist\nu,1\ta\n", {"separator": "\\t"}, [("u,1", "a", 1)],
    ),
    "quoted fields keep separators, quotes and line breaks": (
        "log.csv", 'user,artist\n"u,1","Earth, ""Wind""\n& Fire"\nu2,b\n', {},
        [("u,1", 'Earth, "Wind"\n& Fire', 1), ("u2", "b", 1)],
    ),
    "without quoting a quote is a letter": (
        "log.tsv", 'u1\t"Weird Al" Yankovic\nu2\tThe "K"\nu3\t"\n', BY_POSITION,
        [WEIRD[0], ("u2", 'The "K"', 1), ("u3", '"', 1)],
    ),
    "a file of tabs shows that quotes do not quote": (
        "log.tsv", 'user\tartist\nu1\t"Weird Al" Yankovic\nu2\tb\n', {}, WEIRD,
    ),
    "a file of tabs shows that quotes quote": (
        "log.tsv", 'user\tartist\nu1\t"""Weird Al"" Yankovic"\nu2\tb\n', {}, WEIRD,
    ),
    "a separator between letters that are quotes separates": (
        "log.csv", 'user,artist,track,plays\nu1,12" Mix,7" Mix,2\nu2,b,t,3\n', {}, [("u1", '12" Mix', 2), EXPECTED[1]],
    ),
    "comment lines come before the header": ("log.csv", LIBRE, {}, [("1", "A", 1)]),
    "a preamble comes before the header": ("radio.csv", RADIO, {"user_from_file": True}, [("radio", "A", 1)]),
    "of several measures the time listened is taken": (
        "log.csv", "user,artist,plays,seconds\nu,a,2,80\n", {}, [("u", "a", 80000)],
    ),
    "columns named for one measure leave out the others": (
        "log.csv", "user,artist,plays,seconds\nu,a,2,80\n", {"columns": {"plays": "plays"}}, [("u", "a", 2)],
    ),
    "a column is named whatever its case": (
        "log.csv", "who,artist\nu,a\n", {"columns": {"user": "WHO"}}, [("u", "a", 1)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("claim", READ)
def test_text_is_read(tmp_path: Path, claim: str) -> None:
    name, text, reading, expected = READ[claim]
    assert listens(write(tmp_path / name, text), **reading) == expected


@pytest.mark.parametrize("field", ['a"b"c', 'a""', ' "a"', '12" a 7"', '7" single'])
def test_quotes_are_letters_in_a_field_that_does_not_begin_with_one(tmp_path: Path, field: str) -> None:
    log = write(tmp_path / "log.csv", f"user,artist\nu1,{field}\nu2,b\n")
    assert listens(log) == [("u1", field, 1), ("u2", "b", 1)]


@pytest.mark.parametrize("field", ['"ab"c', '"ab"c"d"', '"a" ', '"a""', '"never closed'])
def test_quotes_that_do_not_fit_are_refused_with_their_row(tmp_path: Path, field: str) -> None:
    log = write(tmp_path / "log.csv", f"user,artist\nu0,a\nu1,{field}\nu2,b\n")
    with pytest.raises(InputError, match=r"log\.csv: cannot be read: row 2: a quoted field does not end") as caught:
        listens(log)
    assert "--no-quote" in caught.value.advice


ROCKBOX = (
    "#AUDIOSCROBBLER/1.1\n#TZ/UNKNOWN\n#CLIENT/Rockbox\n"
    "#ARTIST\t#ALBUM\t#TITLE\t#TRACKNUM\t#LENGTH\t#RATING\t#TIMESTAMP\t#MUSICBRAINZ_TRACKID\n"
    "The Beatles\tAbbey Road\tCome Together\t1\t259\tL\t1577836800\tx\n"
    "Kraftwerk\tThe Man\tThe Model\t4\t224\tS\t1260358094\ty"
)
APPLE = (
    "Artist Name,Play Duration Milliseconds,Event Type,Media Type\n"
    "A,40000,PLAY_END,AUDIO\nA,,LYRIC_DISPLAY,AUDIO\nA,50000,PLAY_END,VIDEO\n"
)


@pytest.mark.parametrize(
    ("name", "text", "found", "others"),
    [("anna.log", ROCKBOX, ("anna", "The Beatles", 1), 1), ("me.csv", APPLE, ("me", "A", 40000), 2)],
)
def test_songs_skipped_and_other_events_are_not_plays(
    tmp_path: Path, name: str, text: str, found: tuple[str, str, int], others: int
) -> None:
    plays, counts = judged(write(tmp_path / name, text), user_from_file=True)
    assert plays == [found]
    assert counts.dropped == {Fate.NOT_A_PLAY: others}


def test_too_many_fields_make_a_row_bad_and_too_few_leave_the_rest_empty(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "user,artist,seconds\nu1,Earth, Wind,40\nu2,b\nu3,c,50\n")
    found, counts = judged(log)
    assert found == [("u3", "c", 50000)]
    assert counts.dropped == {Fate.BAD_ROW: 1, Fate.BAD_DURATION: 1}


def test_rows_are_numbered_from_one_without_the_header(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "# c\nuser,artist\n" + "".join(f"u{i},a\n" for i in range(1, 8)))
    for batch_rows in (1, 3, None):
        assert [(r["user"], r["row"]) for r in rows(log, batch_rows=batch_rows)] == [(f"u{i}", i) for i in range(1, 8)]


@pytest.mark.parametrize(
    ("content", "reading", "words", "advice"),
    [
        (b"", {}, "the file is empty", ""),
        (b"\n\n", {}, "the file is empty", ""),
        (b"user,artist\n", {}, "no row", ""),
        (b"user,artist", {}, "no row", ""),
        ("user,artist\nu,a\n".encode("utf-16"), {}, "UTF-16", "--encoding utf-16"),
        ("user,artist\nu,Beyonc\xe9\n".encode("latin-1"), {}, "not UTF-8 text: line 2", "iconv"),
        (b"user,artist\n" + b"user,a\n" * 160_000 + b"u,\xe9\n", {}, "row 160001: the text is not UTF-8", "iconv"),
        (b"\x00\x01\x02\x00" * 9, {}, "not a text file", "--format"),
        (b"user,artist\ru,a\r", {}, "CR alone", "Convert it"),
        (b"user,artist,plays,plays\nu,a,1,2\n", {}, "more than one column is named plays", "Rename"),
        (b"who,artist\nu,a\n", {}, r"looked for user_id, .*; the columns are who, artist", "--columns user=NAME"),
        (b"who,artist\nu,a\n", {"columns": {"user": "nobody"}}, "there is no column nobody for the user", "Name one"),
        (b"me\t2009-05-04T23:08:57Z\tDeep Dish\n", {}, "looks like a row, not like a header$", "--no-header"),
    ],
)
def test_unusable_text_is_refused_in_words(
    tmp_path: Path, content: bytes, reading: dict[str, Any], words: str, advice: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        judged(write(tmp_path / "log.csv", content), **reading)
    assert advice in caught.value.advice


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        ({"separator": ";;"}, "one character"),
        ({"columns": {"seconds": "s", "ms": "m"}}, "both seconds and ms"),
        ({"columns": {"singer": "a"}}, "singer is not something a column can be"),
    ],
)
def test_contradictions_are_wrong_commands(tmp_path: Path, reading: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        listens(write(tmp_path / "log.csv", "user,artist\n"), **reading)


TABLE = "user,artist,seconds\n" + "".join(f"u{i},a{i % 7},{30 + i % 100}.5\n" for i in range(5000))


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_packed_text_is_the_same_text_and_refused_where_it_is_cut_short(tmp_path: Path, kind: str) -> None:
    whole = gzip.compress(TABLE.encode()) if kind == "gz" else pa.Codec("zstd").compress(TABLE.encode()).to_pybytes()
    plain = listens(write(tmp_path / "log.csv", TABLE))
    assert listens(write(tmp_path / f"log.csv.{kind}", whole)) == plain
    assert len(plain) == 5000
    with pytest.raises(InputError, match="cannot be read"):
        listens(write(tmp_path / f"log.csv.{kind}", whole[: len(whole) // 2]))


def test_a_period_needs_a_time(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "user,artist,when\nu,a,2026-10-01\n")
    october = Qualifying(since=1_790_812_800_000_000)
    with pytest.raises(InputError, match="no column for the time: looked for ts, "):
        judged(log, october)
    assert judged(log, october, columns={"time": "when"})[0] == [("u", "a", 1)]


@pytest.mark.parametrize(
    ("text", "reading", "note"),
    [
        ("user;artist\nu;a\n", {}, "separated by semicolon"),
        ("artist\na\n", {"user_from_file": True}, "The user is the name of the file"),
    ],
)
def test_what_was_found_out_is_said(tmp_path: Path, text: str, reading: dict[str, Any], note: str) -> None:
    (said,) = open_logs(write(tmp_path / "anna.csv", text), Reading(**reading), wanted=()).notes
    assert said.endswith(note)


def test_a_mark_before_the_first_row_is_part_of_its_id_as_in_any_row(tmp_path: Path) -> None:
    rows = ["\ufeffA,u1", "\ufeffA,u2", "B,u1"]
    for order in (rows, rows[::-1]):
        log = write(tmp_path / "a.csv", "\n".join(["artist,user", *order, ""]))
        assert sorted(artist for _, artist, _ in listens(log)) == ["B", "\ufeffA", "\ufeffA"]


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "csv.bz2", "csv.xz", "csv.zst"])
def test_what_is_read_line_by_line_may_be_packed(tmp_path: Path, kind: str) -> None:
    packed = {
        "csv": bytes,
        "csv.gz": gzip.compress,
        "csv.bz2": bz2.compress,
        "csv.xz": lzma.compress,
        "csv.zst": lambda text: pa.Codec("zstd").compress(text).to_pybytes(),
    }[kind]
    log = write(tmp_path / f"a.{kind}", packed(b'user, artist\n"u1", "A, B"\n"u2", "C"\n'))
    assert listens(log) == [("u1", "A, B", 1), ("u2", "C", 1)]
