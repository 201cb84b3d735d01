"""Which files are meant, and what their names and folders say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reads import judged, listens, rows, write

from fairpay.errors import InputError, UsageError
from fairpay.logs.read import open_logs
from fairpay.settings.values import Reading

if TYPE_CHECKING:
    from pathlib import Path

ONE = "user,artist\nu1,a\n"
TWO = "user,artist\nu2,b\n"


def names(logs: object, **reading: object) -> list[str]:
    return [os.path.basename(path) for path in open_logs(logs, Reading(**reading), wanted=()).paths]  # type: ignore[arg-type] # noqa: PTH119 - a name


def test_a_file_several_files_and_a_pattern(tmp_path: Path) -> None:
    one, two = write(tmp_path / "1.csv", ONE), write(tmp_path / "2.csv", TWO)
    assert names(one) == ["1.csv"]
    assert names(str(one)) == ["1.csv"]
    assert names([two, one]) == ["2.csv", "1.csv"]
    assert names(str(tmp_path / "*.csv")) == ["1.csv", "2.csv"]
    assert listens([one, two]) == [("u1", "a", 1), ("u2", "b", 1)]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    one = write(tmp_path / "1.csv", ONE)
    (tmp_path / "link.csv").symlink_to(one)
    assert names([one, str(one), tmp_path / "link.csv", str(tmp_path / "?.csv"), tmp_path]) == ["1.csv"]


def test_a_file_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    assert listens(write(tmp_path / "log[1].csv", ONE)) == [("u1", "a", 1)]


def test_a_directory_is_read_with_all_below_but_not_what_is_hidden(tmp_path: Path) -> None:
    for name in (
        "b.csv",
        "a.csv",
        "deep/er/c.csv",
        ".hidden.csv",
        "_SUCCESS",
        "_tmp/d.csv",
        ".git/e.csv",
        "~$b.csv",
        "notes.md",
    ):
        write(tmp_path / name, ONE)
    write(tmp_path / "manifest.json", "{}")
    assert names(tmp_path) == ["a.csv", "b.csv", "c.csv"]


def test_a_directory_without_logs_says_what_was_looked_for(tmp_path: Path) -> None:
    write(tmp_path / "notes.md", "x")
    with pytest.raises(InputError, match=r"no log was found there; passed over: .*notes\.md") as caught:
        names(tmp_path)
    assert "--format" in caught.value.advice


def test_a_directory_with_two_kinds_of_logs_needs_a_choice(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", ONE)
    pq.write_table(pa.table({"user": ["u"], "artist": ["a"]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match="2 formats"):
        names(tmp_path)
    assert names(tmp_path, format="parquet") == ["b.parquet"]


def test_folders_of_a_hive_tree_are_columns(tmp_path: Path) -> None:
    write(tmp_path / "country=DE/plan=a%20b/1.csv", "user,artist\nu1,a\n")
    write(tmp_path / "country=__HIVE_DEFAULT_PARTITION__/plan=x/2.csv", "user,artist\nu2,b\n")
    wanted = ("country", "plan")
    found = [(row["user"], row["country"], row["plan"]) for row in rows(tmp_path, wanted=wanted)]
    assert found == [("u1", "DE", "a b"), ("u2", None, "x")]
    pattern = str(tmp_path / "*" / "*" / "*.csv")
    assert [(row["user"], row["country"], row["plan"]) for row in rows(pattern, wanted=wanted)] == found


def test_the_user_may_be_a_hive_folder(tmp_path: Path) -> None:
    write(tmp_path / "user=08001/1.csv", "artist\na\nb\n")
    assert listens(tmp_path) == [("08001", "a", 1), ("08001", "b", 1)]


@pytest.mark.parametrize("name", ["anna.csv", "anna.tsv", "ANNA.TXT", "a.b.csv", "bo=x.csv"])
def test_the_user_may_be_the_name_of_the_file(tmp_path: Path, name: str) -> None:
    found = listens(write(tmp_path / name, "artist,plays\na,2\n"), user_from_file=True)
    assert found == [(name.rsplit(".", 1)[0], "a", 2)]


def test_a_user_column_is_not_taken_when_the_file_names_the_user(tmp_path: Path) -> None:
    assert listens(write(tmp_path / "anna.csv", ONE), user_from_file=True) == [("anna", "a", 1)]
    with pytest.raises(UsageError, match="also taken from the file name"):
        listens(write(tmp_path / "anna.csv", ONE), user_from_file=True, columns={"user": "user"})


def test_a_file_that_is_not_there_or_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"none\.csv: cannot be read: no such file"):
        names(tmp_path / "none.csv")
    with pytest.raises(InputError, match="no file matches"):
        names(str(tmp_path / "*.csv"))
    one = write(tmp_path / "1.csv", ONE)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match=r"1\.csv: cannot be read: permission denied"):
        names(one)


def test_an_extension_that_says_nothing_needs_a_format(tmp_path: Path) -> None:
    log = write(tmp_path / "log.data", ONE)
    with pytest.raises(InputError, match="nothing says what kind of log") as caught:
        names(log)
    assert "--format" in caught.value.advice
    assert listens(log, format="csv") == [("u1", "a", 1)]


@pytest.mark.parametrize("logs", [[], 3, [1, 2], {"user": [1]}])
def test_what_is_no_log_at_all(logs: object) -> None:
    with pytest.raises(UsageError):
        judged(logs)


COLUMNS = {"user": ["u1", "08001", None], "artist": ["a", None, "b"], "ms": [40_000, 50_000, 60_000]}


def test_a_table_is_read_in_batches_of_any_size() -> None:
    whole = judged(pa.table(COLUMNS))
    assert whole == judged(pa.table(COLUMNS), batch_rows=1) == judged(pl.DataFrame(COLUMNS), batch_rows=1)
    assert whole[0] == [("u1", "a", 40_000)]
    assert (whole[1].rows, whole[1].bad) == (3, 1)


def test_a_table_has_no_files_and_no_file_name() -> None:
    frame = pl.DataFrame(COLUMNS)
    assert open_logs(frame, Reading(), wanted=()).files == []
    with pytest.raises(UsageError):
        open_logs(frame, Reading(user_from_file=True), wanted=())


def test_a_query_that_fails_is_an_input_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the frame: cannot be read"):
        judged(pl.scan_parquet(tmp_path / "none.parquet"))
