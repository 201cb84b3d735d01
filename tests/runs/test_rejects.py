"""The file of rejects is whole or not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reads import write

from fairpay.errors import OutputError
from fairpay.runs.outputs import write_rejects

if TYPE_CHECKING:
    from pathlib import Path

TABLE = pa.table({"file": ["a.csv"], "row": [3], "reason": ["user is empty"], "user": [""], "artist": ['b "c", d']})


def test_rejects_are_csv_unless_the_name_says_parquet(tmp_path: Path) -> None:
    write_rejects(TABLE, tmp_path / "r.csv")
    text = (tmp_path / "r.csv").read_text()
    assert text == 'file,row,reason,user,artist\na.csv,3,user is empty,"","b ""c"", d"\n'
    write_rejects(TABLE, tmp_path / "r.parquet")
    assert pq.read_table(tmp_path / "r.parquet").to_pylist() == TABLE.to_pylist()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.csv", "r.parquet"]


def test_no_rejects_leave_a_header(tmp_path: Path) -> None:
    write_rejects(TABLE.slice(0, 0), tmp_path / "r.csv")
    assert (tmp_path / "r.csv").read_text() == "file,row,reason,user,artist\n"


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    old = write(tmp_path / "r.csv", "old")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        write_rejects(TABLE, old)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]
    with pytest.raises(OutputError):
        write_rejects(TABLE, tmp_path / "none" / "r.csv")
