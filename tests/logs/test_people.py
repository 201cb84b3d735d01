"""People's own exports: whose a file is, what is no log, what a service sends."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from reads import judged, listens, write

from fairpay.errors import InputError, UsageError
from fairpay.logs.read import open_logs
from fairpay.logs.schema import Fate
from fairpay.settings.values import Reading

if TYPE_CHECKING:
    from pathlib import Path

SONG = {"ts": "2025-03-01T10:00:00Z", "ms_played": 60_000, "master_metadata_album_artist_name": "Nebula"}
EPISODE = {**SONG, "master_metadata_album_artist_name": None, "episode_name": "One"}
BOOK = {**EPISODE, "episode_name": None, "audiobook_title": "Two"}
LOCAL = {**EPISODE, "episode_name": None}
ONE = "artist,plays\na,2\n"


def packed(**files: str | bytes) -> bytes:
    """Make an archive of files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            made.writestr(name, text)
    return out.getvalue()


def people(logs: Any) -> set[str]:  # noqa: ANN401 - whatever is read
    """Return the people found by folders."""
    return {user for user, _, _ in listens(logs, user_from_folder=True)}


def test_each_folder_and_each_archive_in_a_folder_is_a_person(tmp_path: Path) -> None:
    write(tmp_path / "people/ana/MyData/log.csv", ONE)
    write(
        tmp_path / "people/ben.zip",
        packed(**{"my_spotify_data/log.csv": ONE, "__MACOSX/._log.csv": "x", ".DS_Store": "x"}),
    )
    write(tmp_path / "people/7/log.csv", ONE)
    assert people(tmp_path / "people") == {"ana", "ben", "7"}
    assert people(str(tmp_path / "people" / "*")) == {"ana", "ben", "7"}
    assert people([tmp_path / "people/ana", tmp_path / "people/ben.zip", tmp_path / "people/7"]) == {"ana", "ben", "7"}


def test_folders_of_a_service_are_no_people(tmp_path: Path) -> None:
    for name in ("ana", "ben"):
        write(tmp_path / name / "Takeout/YouTube und YouTube Music/Verlauf/log.csv", ONE)
        write(tmp_path / name / "listens/2025/3.csv", ONE)
    assert people(tmp_path) == {"ana", "ben"}
    assert people(tmp_path / "ana") == {"ana"}
    assert people(str(tmp_path / "*/listens/2025/3.csv")) == {"ana", "ben"}
    assert people([tmp_path / "ana/listens", tmp_path / "ben/Takeout"]) == {"ana", "ben"}
    assert people([tmp_path / "ana/listens/2025/3.csv", tmp_path / "ben/listens/2025/3.csv"]) == {"ana", "ben"}


def test_several_archives_of_one_person_are_one_person(tmp_path: Path) -> None:
    for part in (1, 2):
        write(tmp_path / f"people/ana/part{part}.zip", packed(**{f"log{part}.csv": ONE}))
    write(tmp_path / "people/ben/log.csv", ONE)
    assert people(tmp_path / "people") == {"ana", "ben"}
    assert people([tmp_path / "people/ana/part1.zip", tmp_path / "people/ana/part2.zip"]) == {"ana"}


def test_two_folders_of_one_name_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a/ana/log.csv", ONE)
    write(tmp_path / "b/ana/log.csv", ONE)
    with pytest.raises(UsageError, match=r"ana is the name of 2 folders: .*/a/ana and .*/b/ana"):
        people([tmp_path / "a/ana", tmp_path / "b/ana"])
    write(tmp_path / "a/ana.zip", packed(**{"log.csv": ONE}))
    with pytest.raises(UsageError, match=r"/a/ana and .*/a/ana\.zip"):
        people(tmp_path / "a")


def test_an_archive_in_an_archive_is_read(tmp_path: Path) -> None:
    write(tmp_path / "ana.zip", packed(**{"Apple_Media_Services/Apple Music Activity.zip": packed(**{"log.csv": ONE})}))
    assert people(tmp_path / "ana.zip") == {"ana"}


def test_an_archive_that_lost_its_beginning_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    write(tmp_path / "ana.zip", packed(**{"log.csv": ONE})[10:])
    with pytest.raises(InputError, match=r"ana\.zip: the archive cannot be read"):
        people(tmp_path / "ana.zip")


def test_an_archive_made_to_fill_the_disk_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "ana.zip", packed(**{"log.csv": b"0" * 101_000_000}))
    with pytest.raises(InputError, match=r"ana\.zip: the archive of [\d,]+ bytes unpacks to 101,000,000"):
        people(tmp_path / "ana.zip")


def test_podcasts_and_audiobooks_have_a_reason_of_their_own(tmp_path: Path) -> None:
    log = write(tmp_path / "ana.json", json.dumps([SONG, EPISODE, BOOK, LOCAL]))
    found, counts = judged(log, user_from_file=True)
    assert found == [("ana", "Nebula", 60_000)]
    assert counts.dropped == {Fate.SPOKEN: 2, Fate.NO_ARTIST: 1}


def test_a_file_of_podcasts_is_counted_and_other_files_are_listed(tmp_path: Path) -> None:
    music = [{"endTime": "2025-03-01 10:00", "artistName": "Nebula", "trackName": "Ash", "msPlayed": 60_000}]
    talk = [{"podcastName": "P", "episodeName": "E", "msPlayed": 90_000}]
    write(tmp_path / "ana/MyData/StreamingHistory_music_0.json", json.dumps(music))
    write(tmp_path / "ana/MyData/StreamingHistory_podcast_0.json", json.dumps(talk))
    write(tmp_path / "ana/MyData/YourLibrary.json", json.dumps({"tracks": [{"artist": "x", "track": "y"}]}))
    write(tmp_path / "ana/MyData/SearchQueries.json", json.dumps([{"searchQuery": "x", "searchTime": "2025"}]))
    write(tmp_path / "ana/MyData/ReadMeFirst.pdf", "%PDF")
    found, counts = judged(tmp_path, user_from_folder=True)
    assert found == [("ana", "Nebula", 60_000)]
    assert counts.dropped == {Fate.SPOKEN: 1}
    passed = open_logs(tmp_path, Reading(user_from_folder=True), wanted=()).passed
    assert [path.rsplit("/", 1)[1] for path in passed] == ["ReadMeFirst.pdf", "SearchQueries.json", "YourLibrary.json"]


@pytest.mark.parametrize("text", ['["a", "b"]', '{"inferences": ["x"]}', "{}", '"a"', "3"])
def test_json_without_rows_in_an_export_is_passed_over_but_not_damaged_json(tmp_path: Path, text: str) -> None:
    write(tmp_path / "ana/log.json", json.dumps([SONG]))
    write(tmp_path / "ana/other.json", text)
    assert listens(tmp_path, user_from_folder=True) == [("ana", "Nebula", 60_000)]
    write(tmp_path / "ana/other.json", json.dumps([SONG])[:-5])
    with pytest.raises(InputError, match=r"other\.json"):
        listens(tmp_path, user_from_folder=True)


def test_one_persons_files_of_one_export_are_one_person_by_their_name(tmp_path: Path) -> None:
    for name in (
        "Streaming_History_Audio_2024-2025_0",
        "Streaming_History_Audio_2025_1",
        "Streaming_History_Video_2025",
    ):
        write(tmp_path / f"{name}.json", json.dumps([{**SONG, "ts": name}]))
    assert len({user for user, *_ in listens(tmp_path, user_from_file=True)}) == 1


def test_exports_of_two_folders_cannot_be_told_apart_by_their_names(tmp_path: Path) -> None:
    write(tmp_path / "ana/Streaming_History_Audio_2025_0.json", json.dumps([SONG]))
    write(tmp_path / "ben/Streaming_History_Audio_2025_1.json", json.dumps([SONG]))
    with pytest.raises(UsageError, match="files of one name, Streaming_History") as caught:
        listens(tmp_path, user_from_file=True)
    assert "--user-from-folder" in caught.value.advice


def test_files_that_are_only_numbered_within_an_export_are_no_people(tmp_path: Path) -> None:
    write(tmp_path / "listens/2025/3.csv", ONE)
    with pytest.raises(UsageError, match="named by a number"):
        listens(tmp_path, user_from_file=True)
    write(tmp_path / "users/3.csv", ONE)
    assert listens(tmp_path / "users", user_from_file=True) == [("3", "a", 2)]


DAYS = "Date Played,Play Duration Milliseconds,Play Count,Media type,Track Description\n"


def test_apples_days_have_the_artist_before_the_first_dash(tmp_path: Path) -> None:
    text = DAYS + "20250301,360000,2,AUDIO,Nebula - Ash - Live\n20250301,120000,1,AUDIO,no dash\n"
    log = write(tmp_path / "ana/Apple Music - Play History Daily Tracks.csv", text)
    found, counts = judged(log, user_from_folder=True)
    assert found == [("ana", "Nebula", 360_000)]
    assert counts.dropped == {Fate.NO_ARTIST: 1}


def test_apples_plays_are_not_counted_beside_their_days(tmp_path: Path) -> None:
    write(tmp_path / "ana/Apple Music - Play History Daily Tracks.csv", DAYS + "20250301,360000,2,AUDIO,Nebula - Ash\n")
    plays = "Artist Name,Event Type,Media Type,Play Duration Milliseconds\nNebula,PLAY_END,AUDIO,360000\n"
    write(tmp_path / "ana/Apple Music Play Activity.csv", plays)
    assert listens(tmp_path, user_from_folder=True) == [("ana", "Nebula", 360_000)]
    assert open_logs(tmp_path, Reading(user_from_folder=True), wanted=()).passed


def test_koito_names_each_artist_by_its_primary_alias(tmp_path: Path) -> None:
    def artist(name: str, *, first: bool) -> dict[str, Any]:
        names = [{"alias": "other", "is_primary": False}, {"alias": name, "is_primary": True}]
        return {"mbid": None, "is_primary": first, "aliases": names}

    listen = {"listened_at": "2025-03-01T10:00:00Z", "artists": [artist("Tin", first=False), artist("Neb", first=True)]}
    text = json.dumps(
        {"version": "1", "user": "ana", "listens": [listen, {**listen, "artists": [artist("Neb", first=True)]}]}
    )
    log = write(tmp_path / "ana.json", text)
    assert listens(log, user_from_file=True, several_artists="first") == [("ana", "Neb", 1), ("ana", "Neb", 1)]
    assert listens(log, user_from_file=True) == [("ana", "Neb, Tin", 1), ("ana", "Neb", 1)]


@pytest.mark.parametrize("artists", [["Neb", "Tin"], [{"id": 1, "name": "Neb"}, {"id": 2, "name": "Tin"}]])
def test_maloja_has_names_of_artists_or_artists_with_names(tmp_path: Path, artists: list[Any]) -> None:
    text = json.dumps(
        {"maloja": {"export_time": 1}, "scrobbles": [{"time": 1_741_000_000, "track": {"artists": artists}}]}
    )
    log = write(tmp_path / "ana.json", text)
    assert listens(log, user_from_file=True, several_artists="first") == [("ana", "Neb", 1)]
