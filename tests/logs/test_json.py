"""JSON logs: the exports people have, lines and arrays, numbers kept as text, memory kept small."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from paying import file
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
LISTENBRAINZ = {
    "listened_at": 1748964167,
    "user_name": "rob",
    "track_metadata": {
        "artist_name": "Jah Wobble, Marconi Union",
        "mbid_mapping": {"artists": [{"artist_mbid": "x"}, {"artist_mbid": "y"}]},
        "additional_info": {"duration_ms": 200000},
    },
}
MALOJA = {
    "maloja": {"export_time": 1},
    "scrobbles": [
        {"time": 1, "track": {"artists": ["A", "B"], "title": "t", "length": 220}, "duration": None},
        {"time": 1, "track": {"artists": [], "title": "u"}, "duration": None},
    ],
}
PANO = [{"timeMs": 1, "artist": "A", "mediaPlayerPackage": "p", "event": event} for event in ("scrobble", "love")]
WATCHED = {"title": "Watched x", "titleUrl": "y", "time": "2024-06-15T10:30:00.000Z", "header": "YouTube Music"}
YOUTUBE = [
    {**WATCHED, "subtitles": [{"name": "Nils Frahm - Topic", "url": "u"}]},
    WATCHED,
    {**WATCHED, "header": "YouTube", "subtitles": [{"name": "Somebody", "url": "u"}]},
]
OWN = {"user_from_file": True}
EXPORTS: dict[str, tuple[str, object, dict[str, Any], list[tuple], dict[Fate, int]]] = {
    "Spotify's extended history of one person": (
        "anna.json", SPOTIFY, OWN, [("anna", "OAFF", 240000)], {Fate.SHORT: 1, Fate.SPOKEN: 1},
    ),
    "older history of Spotify names its user": (
        "endsong_0.json", [{"username": "anna", **row} for row in SPOTIFY], {}, [("anna", "OAFF", 240000)],
        {Fate.SHORT: 1, Fate.SPOKEN: 1},
    ),
    "credits of ListenBrainz are one artist": (
        "listens.jsonl", [LISTENBRAINZ] * 2, {}, [("rob", "Jah Wobble, Marconi Union", 1)] * 2, {},
    ),
    "Maloja wraps its rows in an object": (
        "me.json", json.dumps(MALOJA, indent=2), OWN, [("me", "A, B", 1)], {Fate.NO_ARTIST: 1},
    ),
    "Pano Scrobbler counts scrobbles only": ("me.jsonl", PANO, OWN, [("me", "A", 1)], {Fate.NOT_A_PLAY: 1}),
    "YouTube counts music and strips the topic": (
        "me.json", YOUTUBE, OWN, [("me", "Nils Frahm", 1)], {Fate.NO_ARTIST: 1, Fate.NOT_A_PLAY: 1},
    ),
    "rows may lie two objects deep": (
        "a.json", '{"payload": {"count": 1, "listens": [{"user": "u", "artist": "a"}]}}', {}, [("u", "a", 1)], {},
    ),
    "missing keys are missing values": (
        "l.jsonl", [{"user": "u", "artist": "a", "plays": 2}, {"user": "u"}, {"artist": "a", "plays": 1}], {},
        [("u", "a", 2)], {Fate.BAD_PLAYS: 1, Fate.BAD_USER: 1},
    ),
}  # fmt: skip


@pytest.mark.parametrize("claim", EXPORTS)
def test_what_services_export_is_read(tmp_path: Path, claim: str) -> None:
    name, content, reading, expected, dropped = EXPORTS[claim]
    found, counts = judged(file(tmp_path / name, content), **reading)
    assert (found, counts.dropped) == (expected, dropped)


def test_a_period_of_spotifys_account_data(tmp_path: Path) -> None:
    row = {"endTime": "2021-03-19 00:07", "artistName": "A", "trackName": "t", "msPlayed": 31000}
    log = write(tmp_path / "bo.json", json.dumps([row]))
    march = Qualifying(since=1_614_556_800_000_000, until=1_617_235_200_000_000)
    found, counts = judged(log, march, wanted=("ms", "time"), user_from_file=True)
    assert found == [("bo", "A", 31000)]
    assert counts.first_time == 1_616_112_420_000_000


@pytest.mark.parametrize("number", ['"08001"', "12345678901234567890", '"+44"', '"null"', '" "', '"\\ud83d\\ude00"'])
def test_ids_come_out_as_they_went_in(tmp_path: Path, number: str) -> None:
    log = write(tmp_path / "log.jsonl", f'{{"user": {number}, "artist": {number}}}')
    text = json.loads(number, parse_int=str)
    assert listens(log) == [(text, text, 1)]


def test_durations_never_pass_through_a_float(tmp_path: Path) -> None:
    log = write(tmp_path / "l.jsonl", '{"user":"u","artist":"a","seconds":29.99999999999999999999}\n')
    assert judged(log)[1].dropped == {Fate.SHORT: 1}


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


def test_a_long_array_is_never_held_whole(tmp_path: Path) -> None:
    row = json.dumps({"user": "u", "artist": "a", "plays": 1, "note": "x" * 500})
    log = write(tmp_path / "log.json", "[" + ",".join([row] * 26_000) + "]")
    tracemalloc.start()
    found = sum(raw for raw in counted(log))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == 26_000
    assert peak < log.stat().st_size / 2


def counted(log: Path) -> list[int]:
    """Count rows batch by batch, keeping none."""
    units = open_logs(log, Reading(), wanted=("plays",)).units(batch_rows=1000)
    return [len(raw.columns["user"]) for unit in units for raw in unit()]
