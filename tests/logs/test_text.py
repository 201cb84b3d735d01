"""Text files: separators, quotes, headers, comments, encodings, and ids that come out as they went in."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

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


def test_the_separator_is_said_when_it_was_found_out(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "user;artist\nu;a\n")
    assert any("semicolon" in note for note in open_logs(log, Reading(), wanted=()).notes)


def test_a_separator_of_two_characters_is_a_wrong_command(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "user;;artist\n")
    with pytest.raises(UsageError, match="one character"):
        open_logs(log, Reading(separator=";;"), wanted=())


def test_a_tab_may_be_written_as_backslash_t(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "user\tartist\nu,1\ta\n")
    assert listens(log, separator="\\t") == [("u,1", "a", 1)]


@pytest.mark.parametrize(
    "text",
    ["311", "08001", "+44", "=1+1", "1e5", "0x1F", "null", "NA", "NaN", "true", " a ", "-", "é", "2021-01-01", "'"],
)
def test_ids_come_out_as_they_went_in(tmp_path: Path, text: str) -> None:
    log = write(tmp_path / "log.csv", f"user,artist\n{text},{text}\n")
    assert listens(log) == [(text, text, 1)]


def test_quoted_fields_keep_separators_quotes_and_line_breaks(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", 'user,artist\n"u,1","Earth, ""Wind""\n& Fire"\nu2,b\n')
    assert listens(log) == [("u,1", 'Earth, "Wind"\n& Fire', 1), ("u2", "b", 1)]


def test_without_quoting_a_quote_is_a_letter(tmp_path: Path) -> None:
    log = write(tmp_path / "log.tsv", 'u1\t"Weird Al" Yankovic\nu2\tThe "K"\nu3\t"\n')
    told = {"header": False, "quote": False, "columns": {"user": "1", "artist": "2"}}
    assert listens(log, **told) == [("u1", '"Weird Al" Yankovic', 1), ("u2", 'The "K"', 1), ("u3", '"', 1)]


def test_tab_separated_files_find_out_whether_quotes_quote(tmp_path: Path) -> None:
    bare = write(tmp_path / "bare.tsv", 'user\tartist\nu1\t"Weird Al" Yankovic\nu2\tb\n')
    assert listens(bare) == [("u1", '"Weird Al" Yankovic', 1), ("u2", "b", 1)]
    quoted = write(tmp_path / "quoted.tsv", 'user\tartist\nu1\t"""Weird Al"" Yankovic"\nu2\tb\n')
    assert listens(quoted) == [("u1", '"Weird Al" Yankovic', 1), ("u2", "b", 1)]


def test_a_quote_that_is_never_closed_is_refused(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", 'user,artist\nu1,"Foo\nu2,b\nu3,c\n')
    with pytest.raises(InputError, match=r"log\.csv: cannot be read: row 1: a quoted field does not end") as caught:
        listens(log)
    assert "--no-quote" in caught.value.advice


@pytest.mark.parametrize("field", ['"ab"c', '"ab"c"d"', '"a" ', '"a""'])
def test_quotes_that_do_not_fit_are_refused_with_their_row(tmp_path: Path, field: str) -> None:
    log = write(tmp_path / "log.csv", f"user,artist\nu0,a\nu1,{field}\nu2,b\n")
    with pytest.raises(InputError, match="row 2: a quoted field does not end where it should") as caught:
        listens(log)
    assert "--no-quote" in caught.value.advice


@pytest.mark.parametrize("field", ['a"b"c', 'a""', ' "a"', '12" a 7"', '7" single'])
def test_quotes_are_letters_in_a_field_that_does_not_begin_with_one(tmp_path: Path, field: str) -> None:
    log = write(tmp_path / "log.csv", f"user,artist\nu1,{field}\nu2,b\n")
    assert listens(log) == [("u1", field, 1), ("u2", "b", 1)]


def test_a_separator_between_letters_that_are_quotes_separates(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", 'user,artist,track,plays\nu1,12" Mix,7" Mix,2\nu2,b,t,3\n')
    assert listens(log) == [("u1", '12" Mix', 2), ("u2", "b", 3)]


def test_comment_lines_and_preambles_come_before_the_header(tmp_path: Path) -> None:
    libre = "# one comment, with commas\n+ACM- Data export from Libre.fm,,,\nuserid,Artist,track,Album,time\n1,A,b,,3\n"
    assert listens(write(tmp_path / "libre.csv", libre)) == [("1", "A", 1)]
    radio = "Station: WXYZ\nPrinted: today\n\nDate-time,Artist,Song\n2026-10-01,A,s\n"
    assert listens(write(tmp_path / "radio.csv", radio), user_from_file=True) == [("radio", "A", 1)]


ROCKBOX = (
    "#AUDIOSCROBBLER/1.1\n#TZ/UNKNOWN\n#CLIENT/Rockbox\n"
    "#ARTIST\t#ALBUM\t#TITLE\t#TRACKNUM\t#LENGTH\t#RATING\t#TIMESTAMP\t#MUSICBRAINZ_TRACKID\n"
    "The Beatles\tAbbey Road\tCome Together\t1\t259\tL\t1577836800\tx\n"
    "Kraftwerk\tThe Man\tThe Model\t4\t224\tS\t1260358094\ty"
)


def test_skipped_songs_of_a_rockbox_log_are_not_plays(tmp_path: Path) -> None:
    found, counts = judged(write(tmp_path / "anna.log", ROCKBOX), user_from_file=True)
    assert found == [("anna", "The Beatles", 1)]
    assert counts.dropped == {Fate.NOT_A_PLAY: 1}


def test_apple_music_counts_ends_of_audio_plays(tmp_path: Path) -> None:
    text = (
        "Artist Name,Play Duration Milliseconds,Event Type,Media Type\n"
        "A,40000,PLAY_END,AUDIO\nA,,LYRIC_DISPLAY,AUDIO\nA,50000,PLAY_END,VIDEO\n"
    )
    found, counts = judged(write(tmp_path / "me.csv", text), user_from_file=True)
    assert found == [("me", "A", 40000)]
    assert counts.dropped == {Fate.NOT_A_PLAY: 2}


def test_too_many_fields_make_a_row_bad_and_too_few_leave_the_rest_empty(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "user,artist,seconds\nu1,Earth, Wind,40\nu2,b\nu3,c,50\n")
    found, counts = judged(log)
    assert found == [("u3", "c", 50000)]
    assert counts.dropped == {Fate.BAD_ROW: 1, Fate.BAD_DURATION: 1}


def test_rows_are_numbered_from_one_without_the_header(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "# c\nuser,artist\n" + "".join(f"u{i},a\n" for i in range(1, 8)))
    for batch_rows in (1, 3, None):
        assert [(r["user"], r["row"]) for r in rows(log, batch_rows=batch_rows)] == [(f"u{i}", i) for i in range(1, 8)]


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "user,artist,plays,plays\nu,a,1,2\n")
    with pytest.raises(InputError, match="more than one column is named plays"):
        listens(log)


def test_a_missing_column_names_what_was_looked_for_and_what_is_there(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "who,artist\nu,a\n")
    with pytest.raises(InputError, match=r"looked for user_id, .*; the columns are who, artist") as caught:
        listens(log)
    assert "--columns user=NAME" in caught.value.advice
    assert listens(log, columns={"user": "WHO"}) == [("u", "a", 1)]
    with pytest.raises(InputError, match="there is no column nobody for the user"):
        listens(log, columns={"user": "nobody"})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"user,artist\n", "no row"),
        (b"user,artist", "no row"),
        ("user,artist\nu,a\n".encode("utf-16"), "UTF-16"),
        ("user,artist\nu,Beyonc\xe9\n".encode("latin-1"), "not UTF-8 text: line 2"),
        (b"\x00\x01\x02\x00" * 9, "not a text file"),
        (b"user,artist\ru,a\r", "CR alone"),
    ],
)
def test_unusable_text_is_refused_in_words(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        judged(write(tmp_path / "log.csv", content))


def test_text_that_is_not_utf_8_far_into_a_file_is_refused(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", b"user,artist\n" + b"u,a\n" * 600_000 + b"u,\xe9\n")
    with pytest.raises(InputError, match="row 600001: the text is not UTF-8") as caught:
        listens(log)
    assert "iconv" in caught.value.advice


TABLE = "user,artist,seconds\n" + "".join(f"u{i},a{i % 7},{30 + i % 100}.5\n" for i in range(5000))


def packed(kind: str) -> bytes:
    """Compress TABLE."""
    return gzip.compress(TABLE.encode()) if kind == "gz" else pa.Codec("zstd").compress(TABLE.encode()).to_pybytes()


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_packed_text_is_the_same_text(tmp_path: Path, kind: str) -> None:
    plain = listens(write(tmp_path / "log.csv", TABLE))
    assert listens(write(tmp_path / f"log.csv.{kind}", packed(kind))) == plain
    assert len(plain) == 5000


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_packed_text_that_is_cut_short_is_refused(tmp_path: Path, kind: str) -> None:
    whole = packed(kind)
    with pytest.raises(InputError, match="cannot be read"):
        listens(write(tmp_path / f"log.csv.{kind}", whole[: len(whole) // 2]))


def test_columns_named_for_one_measure_leave_out_the_others(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "user,artist,plays,seconds\nu,a,2,80\n")
    assert listens(log) == [("u", "a", 80000)]
    assert listens(log, columns={"plays": "plays"}) == [("u", "a", 2)]


@pytest.mark.parametrize("columns", [{"seconds": "s", "ms": "m"}, {"singer": "a"}])
def test_contradictions_are_wrong_commands(tmp_path: Path, columns: dict[str, str]) -> None:
    log = write(tmp_path / "log.csv", "user,artist\n")
    with pytest.raises(UsageError):
        listens(log, columns=columns)


def test_a_row_taken_for_a_header_is_not_shown(tmp_path: Path) -> None:
    log = write(tmp_path / "log.tsv", "secret_user\t2009-05-04T23:08:57Z\tDeep Dish\n")
    with pytest.raises(InputError, match="the first line looks like a row") as caught:
        listens(log)
    assert "secret" not in caught.value.message
    assert "--no-header" in caught.value.advice


def test_a_period_needs_a_time(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "user,artist,when\nu,a,2026-10-01\n")
    october = Qualifying(since=1_790_812_800_000_000)
    with pytest.raises(InputError, match="no column for the time: looked for ts, "):
        judged(log, october)
    assert judged(log, october, columns={"time": "when"})[0] == [("u", "a", 1)]


def test_the_user_from_the_file_is_said(tmp_path: Path) -> None:
    log = write(tmp_path / "anna.csv", "artist\na\n")
    assert open_logs(log, Reading(user_from_file=True), wanted=()).notes == ["The user is the name of the file"]
