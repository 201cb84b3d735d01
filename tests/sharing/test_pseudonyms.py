"""A log under pseudonyms pays the same, and says no more than it must."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import fairpay
from fairpay.cli import main

SAMPLE = Path(__file__).parents[2] / "sample_data"
LISTENS, SUBSCRIBERS = SAMPLE / "listens.csv", SAMPLE / "subscribers.csv"
LOG = "user,artist,ms,ts,ip\nann,A,60000,2026-10-31T23:59:59.999Z,i1\nbob,B,60000,2026-11-01T00:00:00Z,i2\n"


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to an empty folder, with a key beside it."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return key_of(tmp_path / "key", b"k" * 32)


def key_of(path: Path, data: bytes, mode: int = 0o600) -> Path:
    """Write a key."""
    path.write_bytes(data)
    path.chmod(mode)
    return path


def by_hand(user: str, key: bytes) -> str:
    """HMAC as FIPS 198 writes it: H((K xor opad) H((K xor ipad) text)), K filled with zeros to 64 bytes."""
    inner, outer = (bytes(byte ^ pad for byte in key.ljust(64, b"\0")) for pad in (0x36, 0x5C))
    return sha256(outer + sha256(inner + user.encode()).digest()).hexdigest()


def here() -> set[str]:
    """Name the files of the folder."""
    return {path.name for path in Path().iterdir()}


@pytest.mark.parametrize("subscribed", [False, True])
def test_payouts_of_the_new_log_are_the_same_bytes(key: Path, subscribed: bool) -> None:  # noqa: FBT001
    rules = ["market-centric", "user-centric", "top-artist", "bounded", "user-cap"]
    known: dict[str, Any] = {"rules": rules, "royalty_rate": "70%", **({} if subscribed else {"fee": "9.99"})}
    old: dict[str, Any] = {"subscribers": SUBSCRIBERS} if subscribed else {}
    fairpay.compare(LISTENS, **known, **old).save("before")
    for kind in ("parquet", "csv"):
        fairpay.pseudonymize(LISTENS, key=key, output=f"new.{kind}", **old)
        new = {"subscribers": f"new-subscribers.{kind}"} if subscribed else {}
        fairpay.compare(f"new.{kind}", **known, **new).save(kind)
        for file in ("comparison.csv", "comparison.parquet"):
            assert Path("before", file).read_bytes() == Path(kind, file).read_bytes()


def test_neither_an_id_nor_a_time_of_day_nor_another_column_is_left(key: Path) -> None:
    made = fairpay.pseudonymize(LISTENS, key=key, output="new.csv", subscribers=SUBSCRIBERS)
    text = Path("new.csv").read_text() + Path("new-subscribers.csv").read_text()
    for user in pl.read_csv(SUBSCRIBERS, infer_schema=False)["user_id"]:
        assert user not in text
    assert text.startswith("user,artist,ms,date\n")
    assert made.left == ("track_id",)
    assert not re.search(r"\d\d:\d\d|T\d\d", text)


def test_a_pseudonym_is_the_hmac_of_the_ids_text(key: Path) -> None:
    Path("log.csv").write_text("user,artist\nann,A\n007,A\n")
    fairpay.pseudonymize("log.csv", key=key, output="new.csv")
    assert set(pl.read_csv("new.csv")["user"]) == {by_hand(user, b"k" * 32) for user in ("ann", "007")}


def test_whole_numbers_are_the_ids_that_their_digits_are(key: Path) -> None:
    frame = pl.DataFrame({"user": [42], "artist": [7], "plays": [3]})
    fairpay.pseudonymize(frame, key=key, output="new.csv")
    assert pl.read_csv("new.csv", infer_schema=False).row(0) == (by_hand("42", b"k" * 32), "7", "3")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_reach_is_refused_with_how_to_make_one(
    key: Path, mode: int, capsys: pytest.CaptureFixture[str]
) -> None:
    key.chmod(mode)
    assert main(["pseudonymize", str(LISTENS), "--key", str(key), "-o", "new.csv"]) == 3
    said = capsys.readouterr().err
    assert f"others than you may read or change this key (mode {mode:o})" in said
    assert f"(umask 077; head -c 32 /dev/urandom > {key})" in said
    assert here() == set()


def test_a_short_or_missing_key_is_refused(key: Path) -> None:
    key_of(key, b"k" * 31)
    with pytest.raises(fairpay.InputError, match="32 bytes or more, and this one has 31"):
        fairpay.pseudonymize(LISTENS, key=key, output="new.csv")
    key.unlink()
    with pytest.raises(fairpay.InputError, match="cannot be read: No such file"):
        fairpay.pseudonymize(LISTENS, key=key, output="new.csv")


def test_a_named_column_is_kept_for_a_policy(key: Path) -> None:
    Path("log.csv").write_text("user,artist,category,plays\nann,A,functional,600\nbob,B,,600\n")
    policy: dict[str, Any] = {"policy": "deezer-artist-centric", "measure": "plays", "fee": "1"}
    fairpay.pseudonymize("log.csv", key=key, output="new.parquet", keep=["category"])
    assert fairpay.compare("new.parquet", **policy).table.equals(fairpay.compare("log.csv", **policy).table)


@pytest.mark.parametrize(
    ("name", "said"),
    [("ip2", "has no such column"), ("ts", "this is the time"), ("user", "this is the user"), ("msno", "the user")],
)
def test_a_column_that_is_not_there_or_says_who_or_when_is_not_kept(key: Path, name: str, said: str) -> None:
    Path("log.csv").write_text(LOG.replace("ip", "msno") if name == "msno" else LOG)
    with pytest.raises(fairpay.UsageError, match=said):
        fairpay.pseudonymize("log.csv", key=key, output="new.csv", keep=name)


def test_the_new_log_has_the_same_month(key: Path) -> None:
    """The last millisecond of October and the first of November."""
    Path("log.csv").write_text(LOG)
    fairpay.pseudonymize("log.csv", key=key, output="new.csv")
    for since, until, artist in (("2026-10-01", "2026-10-31", "A"), ("2026-11-01", "2026-11-30", "B")):
        for log in ("log.csv", "new.csv"):
            assert fairpay.compare(log, fee="1", since=since, until=until).table["artist"].to_list() == [artist]


def test_plays_outside_the_period_are_not_written(key: Path) -> None:
    Path("log.csv").write_text(LOG)
    fairpay.pseudonymize("log.csv", key=key, output="new.csv", since="2026-10-01", until="2026-10-31")
    assert pl.read_csv("new.csv")["artist"].to_list() == ["A"]
    with pytest.raises(fairpay.NothingToPayError):
        fairpay.pseudonymize("log.csv", key=key, output="other.csv", until="2026-10-01")
    assert here() == {"log.csv", "new.csv"}


def test_the_order_of_rows_says_nothing(key: Path) -> None:
    lines = LISTENS.read_text().splitlines()
    Path("back.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    for log, name in ((LISTENS, "new.parquet"), ("back.csv", "back.parquet")):
        fairpay.pseudonymize(log, key=key, output=name)
    assert Path("new.parquet").read_bytes() == Path("back.parquet").read_bytes()


def test_a_bad_row_stops_it_and_nothing_is_left(key: Path) -> None:
    Path("log.csv").write_text(LOG + "ann,A,-3,2026-10-31T00:00:00Z,i1\n")
    with pytest.raises(fairpay.InputError, match="1 of 3 rows cannot be used"):
        fairpay.pseudonymize("log.csv", key=key, output="new.csv")
    assert here() == {"log.csv"}
    made = fairpay.pseudonymize("log.csv", key=key, output="new.csv", rejects="bad.csv")
    assert (made.counts.rows, made.counts.used, made.counts.bad) == (3, 2, 1)
    assert here() == {"log.csv", "new.csv", "bad.csv"}


def test_a_bad_subscriber_stops_both_files(key: Path) -> None:
    Path("paid.csv").write_text("user,paid\nann,9.99\nbob,soon\n")
    with pytest.raises(fairpay.InputError, match="1 of 2 subscribers"):
        fairpay.pseudonymize(LISTENS, key=key, output="new.csv", subscribers="paid.csv")
    assert here() == {"paid.csv"}


def test_plays_told_twice_are_written_once_if_asked(key: Path) -> None:
    """Days cannot tell that they are the same play, so it must be said here."""
    Path("log.csv").write_text(LOG + LOG.splitlines()[1] + "\n")
    for repeats, rows in (("keep", 3), ("drop", 2)):
        made = fairpay.pseudonymize("log.csv", key=key, output=f"{repeats}.csv", repeats=repeats)
        assert made.counts.used == rows == pl.read_csv(f"{repeats}.csv").height


def test_a_file_that_is_there_is_replaced_only_by_force_and_what_is_read_never(key: Path) -> None:
    Path("log.csv").write_text(LOG)
    Path("new.csv").write_text("mine")
    with pytest.raises(fairpay.OutputError, match="is there already"):
        fairpay.pseudonymize("log.csv", key=key, output="new.csv")
    fairpay.pseudonymize("log.csv", key=key, output="new.csv", force=True)
    for output in ("log.csv", "../work/log.csv"):
        with pytest.raises(fairpay.UsageError, match="which is read"):
            fairpay.pseudonymize("log.csv", key=key, output=output, force=True)
    assert Path("log.csv").read_text() == LOG


def test_what_rows_cannot_hold_is_refused(key: Path) -> None:
    with pytest.raises(fairpay.UsageError, match="parts of a play"):
        fairpay.pseudonymize(LISTENS, key=key, output="new.csv", several_artists="split")
    with pytest.raises(fairpay.UsageError, match="not a format"):
        fairpay.pseudonymize(LISTENS, key=key, output="new.xlsx")


def test_the_screen_says_what_is_written_and_what_is_not(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["pseudonymize", str(LISTENS), "--key", str(key), "--subscribers", str(SUBSCRIBERS)]
    assert main([*typed, "-o", "new.csv"]) == 0
    page = capsys.readouterr().out
    written, subscribers = (pl.scan_csv(name).select(pl.len()).collect().item() for name in ("new.csv", SUBSCRIBERS))
    assert f"{written:,} plays: new.csv" in page
    assert f"{subscribers} subscribers: new-subscribers.csv" in page
    assert re.search("Not written +track_id", page)
    assert "These are still personal data" in page
    assert main([*typed, "-o", "new.csv", "--force", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = pl.scan_csv(LISTENS).select(pl.len()).collect().item()
    assert (found["rows"], found["used"], found["subscribers"]) == (rows, written, subscribers)
    assert found["columns"] == ["user", "artist", "ms", "date"]
