"""JSON logs: the exports people have, lines and arrays, numbers kept as text, memory kept small."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from reads import judged, listens, write

from fairpay.errors import InputError
from fairpay.logs import json as json_logs
from fairpay.logs.read import open_logs
from fairpay.logs.schema import Fate
from fairpay.settings.values import Qualifying, Reading

if TYPE_CHECKING:
    from pathlib import Path

SPOTIFY = [
    {"ts": "2024-04-20T18:15:22Z", "ms_played": 2385, "master_metadata_album_artist_name": "OAFF", "skipped": True},
    {"ts": "2024-04-20T18:19:22Z", "ms_played": 240000, "master_metadata_album_artist_name": "OAFF", "skipped": None},
    {"ts": "2024-04-20T19:00:00Z", "ms_played": 900000, "master_metadata_album_artist_name": None, "episode_name": "p"},
]


def test_spotify_extended_history_of_one_person(tmp_path: Path) -> None:
    log = write(tmp_path / "anna.json", json.dumps(SPOTIFY, indent=2))
    found, counts = judged(log, user_from_file=True)
    assert found == [("anna", "OAFF", 240000)]
    assert counts.dropped == {Fate.SHORT: 1, Fate.SPOKEN: 1}


def test_older_spotify_history_names_its_user(tmp_path: Path) -> None:
    log = write(tmp_path / "endsong_0.json", json.dumps([{"username": "anna", **row} for row in SPOTIFY]))
    assert listens(log) == [("anna", "OAFF", 240000)]


def test_spotify_account_data(tmp_path: Path) -> None:
    row = {"endTime": "2021-03-19 00:07", "artistName": "A", "trackName": "t", "msPlayed": 31000}
    log = write(tmp_path / "bo.json", json.dumps([row]))
    march = Qualifying(since=1_614_556_800_000_000, until=1_617_235_200_000_000)
    found, counts = judged(log, march, wanted=("ms", "time"), user_from_file=True)
    assert found == [("bo", "A", 31000)]
    assert counts.first_time == 1_616_112_420_000_000


def test_listenbrainz_credits_are_one_artist(tmp_path: Path) -> None:
    row = {
        "listened_at": 1748964167,
        "user_name": "rob",
        "track_metadata": {
            "artist_name": "Jah Wobble, Marconi Union",
            "mbid_mapping": {"artists": [{"artist_mbid": "x"}, {"artist_mbid": "y"}]},
            "additional_info": {"duration_ms": 200000},
        },
    }
    log = write(tmp_path / "listens.jsonl", json.dumps(row) + "\n" + json.dumps(row))
    assert listens(log) == [("rob", "Jah Wobble, Marconi Union", 1)] * 2


def test_maloja_wraps_its_rows_in_an_object(tmp_path: Path) -> None:
    play = {"time": 1, "track": {"artists": ["A", "B"], "title": "t", "length": 220}, "duration": None}
    whole = {"maloja": {"export_time": 1}, "scrobbles": [play, {**play, "track": {"artists": [], "title": "u"}}]}
    for indent in (None, 2):
        found, counts = judged(write(tmp_path / "me.json", json.dumps(whole, indent=indent)), user_from_file=True)
        assert found == [("me", "A, B", 1)]
        assert counts.dropped == {Fate.NO_ARTIST: 1}


def test_rows_may_lie_two_objects_deep(tmp_path: Path) -> None:
    whole = {"payload": {"count": 1, "listens": [{"user": "u", "artist": "a"}]}}
    assert listens(write(tmp_path / "a.json", json.dumps(whole))) == [("u", "a", 1)]


def test_pano_scrobbler_counts_scrobbles_only(tmp_path: Path) -> None:
    lines = [{"timeMs": 1, "artist": "A", "mediaPlayerPackage": "p", "event": event} for event in ("scrobble", "love")]
    found, counts = judged(write(tmp_path / "me.jsonl", "\n".join(map(json.dumps, lines))), user_from_file=True)
    assert found == [("me", "A", 1)]
    assert counts.dropped == {Fate.NOT_A_PLAY: 1}


def test_youtube_takeout_counts_music_and_strips_the_topic(tmp_path: Path) -> None:
    def watched(header: str, **more: object) -> dict[str, object]:
        return {"header": header, "title": "Watched x", "titleUrl": "y", "time": "2024-06-15T10:30:00.000Z", **more}

    plays = [
        watched("YouTube Music", subtitles=[{"name": "Nils Frahm - Topic", "url": "u"}]),
        watched("YouTube Music"),
        watched("YouTube", subtitles=[{"name": "Somebody", "url": "u"}]),
    ]
    found, counts = judged(write(tmp_path / "me.json", json.dumps(plays)), user_from_file=True)
    assert found == [("me", "Nils Frahm", 1)]
    assert counts.dropped == {Fate.NO_ARTIST: 1, Fate.NOT_A_PLAY: 1}


@pytest.mark.parametrize("number", ['"08001"', "12345678901234567890", '"+44"', '"null"', '" "', '"\\ud83d\\ude00"'])
def test_ids_come_out_as_they_went_in(tmp_path: Path, number: str) -> None:
    log = write(tmp_path / "log.jsonl", f'{{"user": {number}, "artist": {number}}}')
    text = json.loads(number, parse_int=str)
    assert listens(log) == [(text, text, 1)]


def test_durations_never_pass_through_a_float(tmp_path: Path) -> None:
    log = write(tmp_path / "l.jsonl", '{"user":"u","artist":"a","seconds":29.99999999999999999999}\n')
    assert judged(log)[1].dropped == {Fate.SHORT: 1}


def test_missing_keys_are_missing_values(tmp_path: Path) -> None:
    log = write(tmp_path / "l.jsonl", '{"user":"u","artist":"a","plays":2}\n{"user":"u"}\n{"artist":"a","plays":1}\n')
    found, counts = judged(log)
    assert found == [("u", "a", 2)]
    assert counts.dropped == {Fate.BAD_PLAYS: 1, Fate.BAD_USER: 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"user":"u","artist":"a"},', "not whole JSON at row 2"),
        ('[{"user":"u","artist":"a"}', "not whole JSON at row 2"),
        ('[{"user":"u","artist":"a"}]]', "not whole JSON at row 2"),
        ('[{"user":"u","artist":"a"}][{}]', "not whole JSON at row 2"),
        ('{"user":"u","artist":"a"}\n{"user":', "not whole JSON at row 2"),
        ('[{"user":"u","artist":"a"}, 3]', "row 2 is not a JSON object"),
        ("user,artist\n", "not whole JSON"),
        ("[" * 100_000, "not whole JSON"),
        ("[]", "the file is empty"),
        (" ", "the file is empty"),
    ],
)
def test_what_is_not_whole_json_is_refused_with_its_row(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        listens(write(tmp_path / "log.json", text))


def test_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not UTF-8"):
        listens(write(tmp_path / "log.json", '[{"user":"u","artist":"Beyoncé"}]'.encode("latin-1")))
    with pytest.raises(InputError, match="not UTF-8"):
        listens(write(tmp_path / "log.json", '[{"user":"u"}]'.encode("utf-16")))


@pytest.mark.parametrize("chunk", [1, 2, 7, 64])
def test_where_the_file_is_cut_into_chunks_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    plays = [{"user": "ü😀", "artist": 'a"\\', "seconds": 30 + i / 8} for i in range(20)]
    array = write(tmp_path / "a.json", json.dumps(plays, ensure_ascii=False))
    lines = write(tmp_path / "b.jsonl", "\r\n".join(json.dumps(play) for play in plays))
    whole = listens(array)
    monkeypatch.setattr(json_logs, "CHUNK", chunk)
    assert listens(array) == whole
    assert listens(lines) == whole


def test_packed_json_is_the_same(tmp_path: Path) -> None:
    text = json.dumps([{"user": "u", "artist": "a"}])
    assert listens(write(tmp_path / "l.json.gz", gzip.compress(text.encode()))) == [("u", "a", 1)]


def test_a_long_array_is_never_held_whole(tmp_path: Path) -> None:
    row = json.dumps({"user": "u", "artist": "a", "plays": 1, "note": "x" * 500})
    log = write(tmp_path / "log.json", "[" + ",".join([row] * 40_000) + "]")
    tracemalloc.start()
    found = sum(raw for raw in counted(log))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == 40_000
    assert peak < log.stat().st_size / 2


def counted(log: Path) -> list[int]:
    """Count rows batch by batch, keeping none."""
    units = open_logs(log, Reading(), wanted=("plays",)).units(batch_rows=1000)
    return [len(raw.columns["user"]) for unit in units for raw in unit()]
