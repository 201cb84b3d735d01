"""'Already done' is said of the same run only; what a run reads is not written over."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

import fairpay
from fairpay.cli import main
from fairpay.errors import DifferentRunError

if TYPE_CHECKING:
    from collections.abc import Callable

PAY = ("pay", "--rule", "user-centric", "--quiet")


def write(path: Path, text: str) -> Path:
    """Write a file, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def exchange(one: Path, other: Path) -> None:
    """Let two files change places."""
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def test_files_that_change_places_between_hive_folders_are_another_run(tmp_path: Path) -> None:
    log, out = tmp_path / "log", str(tmp_path / "out")
    one = write(log / "artist=a1" / "x.csv", "user,plays\nu1,3\n")
    other = write(log / "artist=a2" / "y.csv", "user,plays\nu1,1\nu2,4\n")
    command = [*PAY, str(log), "--fee", "10", "-o", out]
    assert [main(command), main(command)] == [0, 0]
    one.rename(log / "artist=a2" / "x.csv")
    other.rename(log / "artist=a1" / "y.csv")
    assert main(command) == 7


def test_a_log_and_a_subscriber_file_that_change_places_are_another_run(tmp_path: Path) -> None:
    a = write(tmp_path / "A.csv", "user,artist,plays,paid\nu1,a1,3,5\n")
    b = write(tmp_path / "B.csv", "user,artist,plays,paid\nu1,a2,1,50\n")
    out = str(tmp_path / "out")
    assert main([*PAY, str(a), "--subscribers", str(b), "-o", out]) == 0
    assert main([*PAY, str(b), "--subscribers", str(a), "-o", out]) == 7


def test_a_log_and_that_of_the_month_before_that_change_places_are_another_run(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.csv", "user,artist\nu1,a1\n"), write(tmp_path / "b.csv", "user,artist\nu1,a1\nu2,a1\n")
    out = str(tmp_path / "out")
    assert main(["suspects", str(a), "--previous", str(b), "--fee", "1", "-o", out, "--quiet"]) == 0
    assert main(["suspects", str(b), "--previous", str(a), "--fee", "1", "-o", out, "--quiet"]) == 7


def test_another_frame_with_the_same_subscriber_file_is_another_run(tmp_path: Path) -> None:
    paid = write(tmp_path / "paid.csv", "user,paid\nu1,5\nu2,7\n")
    for plays in ([1, 1], [1, 1]):
        frame = pl.DataFrame({"user": ["u1", "u2"], "artist": ["a", "b"], "plays": plays})
        fairpay.pay(frame, rule="market-centric", subscribers=paid, output=tmp_path / "out")
    with pytest.raises(DifferentRunError):
        fairpay.pay(
            frame.with_columns(plays=pl.Series([1, 3])),
            rule="market-centric",
            subscribers=paid,
            output=tmp_path / "out",
        )


def test_a_moved_side_table_is_the_same_run(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "user,artist\nu1,a1\n")
    for place in ("here", "there"):
        past = write(tmp_path / place / "past.csv", "user,artist,plays\nu1,a2,3\n")
        assert main([*PAY, str(log), "--fee", "1", "--history", str(past), "-o", str(tmp_path / "out")]) == 0


def test_the_manifest_says_what_each_file_was_read_as(tmp_path: Path) -> None:
    log = write(tmp_path / "log" / "artist=a%20b" / "x.csv", "user\nu1\n")
    names = write(tmp_path / "names.csv", "artist,name\na b,Ada\n")
    command = [*PAY, str(tmp_path / "log"), "--fee", "1", "--artists", str(names), "-o", str(tmp_path / "out")]
    assert main(command) == 0
    inputs = json.loads((tmp_path / "out" / "manifest.json").read_text())["inputs"]
    told = [(one["role"], one["name"], one.get("known_as")) for one in inputs]
    assert told == [("logs", str(log), "artist=a%20b"), ("artists", str(names), None)]


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    """Personal exports, pools and payments, and a month closed from them."""
    write(tmp_path / "uf" / "alice.csv", "artist,plays\na1,1\n")
    write(tmp_path / "uf" / "bob.csv", "artist,plays\na2,1\n")
    write(tmp_path / "pools.csv", "pool,gross\nde,100\n")
    write(tmp_path / "us.csv", "user,paid\nalice,9\nbob,1\n")
    assert main(close(tmp_path)) == 0
    return tmp_path


def close(at: Path) -> list[str]:
    """The words that close the month."""
    given = {"log": at / "uf", "pools": at / "pools.csv", "subscribers": at / "us.csv", "books": at / "books"}
    files = [word for name, path in given.items() for word in (f"--{name}", str(path))]
    return ["close", "--period", "2026-07", "--rule", "user-centric", "--user-from-file", *files, "--quiet"]


def test_a_month_closed_from_files_that_changed_their_users_is_another(exports: Path) -> None:
    assert main(close(exports)) == 0
    exchange(exports / "uf" / "alice.csv", exports / "uf" / "bob.csv")
    assert main(close(exports)) == 7


def test_a_month_of_hive_folders_is_adjusted_from_the_same_folders(tmp_path: Path) -> None:
    for user, artist in (("u1", "a1"), ("u2", "a2")):
        write(tmp_path / "log" / f"user={user}" / "x.csv", f"artist,plays\n{artist},1\n")
    pools = write(tmp_path / "pools.csv", "pool,gross,rule\nde,100,user-centric\n")
    books = ["--books", str(tmp_path / "books"), "--period", "2026-07", "--quiet"]
    assert main(["close", str(tmp_path / "log"), "--pools", str(pools), *books]) == 0
    fraud = write(tmp_path / "fraud.csv", "user\nu2\n")
    assert main(["adjust", "--exclude", str(fraud), "--reason", "fraud", *books]) == 0
    made = next((tmp_path / "books" / "adjustments").iterdir())
    moved = {row["payee"]: row["amount_minor"] for row in pl.read_parquet(made / "ledger.parquet").to_dicts()}
    assert moved == {"a1": 5000, "a2": -5000}
    exchange(*(tmp_path / "log" / f"user={user}" / "x.csv" for user in ("u1", "u2")))
    assert (
        main(["adjust", "--exclude", str(write(tmp_path / "more.csv", "user\nu3\n")), "--reason", "more", *books]) == 3
    )


LINKS: tuple[Callable[[Path, Path], object], ...] = (
    lambda path, _: path,
    lambda path, link: (link.symlink_to(path), link)[1],
    lambda path, link: (link.hardlink_to(path), link)[1],
    lambda path, _: path.parent / ".." / path.parent.name / path.name,
)


@pytest.mark.parametrize("named", LINKS, ids=["itself", "symbolic link", "hard link", "by another way"])
@pytest.mark.parametrize("role", ["log", "subscribers", "artists", "history"])
@pytest.mark.parametrize("output", [pytest.param(True, marks=pytest.mark.nightly), False])
def test_rejects_that_name_an_input_are_refused(
    tmp_path: Path, named: Callable[[Path, Path], Path], role: str, *, output: bool
) -> None:
    texts = {
        "log": "user,artist,plays\nu1,a1,3\n",
        "subscribers": "user,paid\nu1,5\n",
        "artists": "artist,name\na1,Ada\n",
        "history": "user,artist,plays\nu1,a1,3\n",
    }
    files = {name: write(tmp_path / f"{name}.csv", text) for name, text in texts.items()}
    rejects = named(files[role], tmp_path / "link.csv")
    more = [word for name in ("subscribers", "artists", "history") for word in (f"--{name}", str(files[name]))]
    more += ["-o", str(tmp_path / "out")] if output else []
    assert main([*PAY, str(files["log"]), *more, "--rejects", str(rejects)]) == 2
    assert {name: path.read_text() for name, path in files.items()} == texts
    assert not (tmp_path / "out").exists()


def test_close_refuses_rejects_that_name_an_input(exports: Path) -> None:
    before = (exports / "us.csv").read_text()
    assert main([*close(exports), "--rejects", str(exports / "us.csv")]) == 2
    assert (exports / "us.csv").read_text() == before


@pytest.mark.parametrize("place", ["a directory", "out/r.csv", "notes.txt"])
def test_rejects_go_to_no_directory_no_run_and_no_other_file(tmp_path: Path, place: str) -> None:
    log = write(tmp_path / "log.csv", "user,artist\nu1,a1\n")
    (tmp_path / "a directory").mkdir()
    notes = write(tmp_path / "notes.txt", "to be kept\n")
    command = [*PAY, str(log), "--fee", "1", "-o", str(tmp_path / "out")]
    assert main([*command, "--rejects", str(tmp_path / place)]) == 2
    assert notes.read_text() == "to be kept\n"


def test_rejects_of_an_earlier_run_are_replaced(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "user,artist,plays\nu1,a1,1\nu1,a1,x\n")
    for name in ("r.csv", "r.parquet"):
        command = [*PAY, str(log), "--fee", "1", "--rejects", str(tmp_path / name)]
        assert [main(command), main(command)] == [0, 0]


@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o022, 0o644)])
def test_who_may_read_rejects_is_for_the_umask_to_say(tmp_path: Path, mask: int, mode: int) -> None:
    log = write(tmp_path / "log.csv", "user,artist,plays\nu1,a1,1\nu1,a1,x\n")
    before = os.umask(mask)
    try:
        assert main([*PAY, str(log), "--fee", "1", "--rejects", str(tmp_path / "r.csv")]) == 0
    finally:
        os.umask(before)
    assert (tmp_path / "r.csv").stat().st_mode & 0o777 == mode


def test_a_log_whose_name_is_not_utf_8_is_read_written_down_and_verified(tmp_path: Path) -> None:
    log = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.csv"))
    log.write_text("user,artist,plays\nu1,a1,1\nu1,a1,x\n")
    out, rejects = tmp_path / "out", tmp_path / "r.csv"
    command = [*PAY, str(log), "--fee", "1", "-o", str(out), "--rejects", str(rejects)]
    assert [main(command), main(command), main(["verify", str(out), "--quiet"])] == [0, 0, 0]
    assert r"caf\udce9.csv" in rejects.read_text()


def test_a_name_that_is_not_utf_8_is_no_user(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.csv"))
    log.write_text("artist\na1\n")
    assert main([*PAY, str(log), "--fee", "1", "--user-from-file"]) == 3
    assert "not UTF-8" in capsys.readouterr().err
