"""No order, split, format, thread or batch size changes a byte of what is published."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow.parquet as pq
import pytest

import fairpay
from fairpay.pipeline import work
from fairpay.reports import tables
from fairpay.runs import outputs

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE = pl.read_csv(Path(__file__).parent.parent / "sample_data" / "listens.csv", infer_schema=False)
ROWS = 700
ASKED: dict[str, Any] = {
    "fee": "9.99",
    "royalty_rate": "70%",
    "rules": ("market-centric", "user-centric", "equal-split"),
}


def one_csv(frame: pl.DataFrame, folder: Path) -> Path:
    """Write one CSV file."""
    frame.write_csv(folder / "log.csv")
    return folder / "log.csv"


def seven_csv(frame: pl.DataFrame, folder: Path) -> Path:
    """Write seven CSV files."""
    for i in range(7):
        frame[i::7].write_csv(folder / f"log{i}.csv")
    return folder


def parquet(frame: pl.DataFrame, folder: Path) -> Path:
    """Write Parquet with numbers as numbers, in small row groups."""
    frame.cast({"ms_played": pl.Int64}).write_parquet(folder / "log.parquet", row_group_size=100)
    return folder / "log.parquet"


def ndjson(frame: pl.DataFrame, folder: Path) -> Path:
    """Write one object a line."""
    frame.cast({"ms_played": pl.Int64}).write_ndjson(folder / "log.ndjson")
    return folder / "log.ndjson"


def shuffled(frame: pl.DataFrame, folder: Path) -> Path:
    """Write one CSV file in another order."""
    return one_csv(frame.sample(fraction=1.0, shuffle=True, seed=3), folder)


def published(logs: Path, folder: Path, **options: Any) -> dict[str, bytes]:  # noqa: ANN401 - any options
    """Return the bytes of what a comparison publishes, the manifest aside: it names the inputs."""
    fairpay.compare(logs, **ASKED, **options).save(folder / "run")
    names = ("comparison.parquet", "comparison.csv", "summary.json")
    return {name: (folder / "run" / name).read_bytes() for name in names}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one CSV file gives with nothing said."""
    folder = tmp_path_factory.mktemp("reference")
    return published(one_csv(SAMPLE[:ROWS], folder), folder)


@pytest.mark.parametrize("write", [seven_csv, parquet, ndjson, shuffled])
def test_files_formats_and_order_change_nothing(
    write: Callable[[pl.DataFrame, Path], Path], reference: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "logs").mkdir()
    assert published(write(SAMPLE[:ROWS], tmp_path / "logs"), tmp_path) == reference


@pytest.mark.parametrize("options", [{"threads": 1}, {"threads": 4}, {"batch_rows": 1}, {"batch_rows": 1000}])
@pytest.mark.parametrize("write", [one_csv, parquet])
def test_threads_and_batches_change_nothing(
    write: Callable[[pl.DataFrame, Path], Path], options: dict[str, int], reference: dict[str, bytes], tmp_path: Path
) -> None:
    assert published(write(SAMPLE[:ROWS], tmp_path), tmp_path, **options) == reference


def test_a_memory_limit_changes_nothing(reference: dict[str, bytes], tmp_path: Path) -> None:
    assert published(one_csv(SAMPLE[:ROWS], tmp_path), tmp_path, memory="64MB", temp_dir=tmp_path) == reference


def test_a_table_of_many_artists_is_made_and_written_in_parts(
    reference: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    rows = tables.comparison_rows
    monkeypatch.setattr(tables, "PART_ROWS", 40)
    monkeypatch.setattr(work, "PART_ROWS", 40)
    monkeypatch.setattr(tables, "comparison_rows", lambda *args: (part := rows(*args), made.append(len(part)))[0])
    log = one_csv(SAMPLE[:ROWS], tmp_path)
    found = published(log, tmp_path)
    artists = pq.read_metadata(tmp_path / "run" / "comparison.parquet").num_rows
    assert made == 3 * [*[40] * (artists // 40), artists % 40], "once for the hash, once for each file"
    assert {name: found[name] for name in ("comparison.csv", "summary.json")} == {
        name: reference[name] for name in ("comparison.csv", "summary.json")
    }
    assert pq.read_table(io.BytesIO(found["comparison.parquet"])).equals(
        pq.read_table(io.BytesIO(reference["comparison.parquet"]))
    )
    assert fairpay.compare(log, **ASKED).save(tmp_path / "run") == "already"


def test_parts_of_a_table_are_whole_row_groups() -> None:
    assert tables.PART_ROWS % outputs.GROUP_ROWS == 0
