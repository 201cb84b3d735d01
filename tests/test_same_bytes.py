"""No order, split, format, thread or batch size changes a byte of what is published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import fairpay

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE = pl.read_csv(Path(__file__).parent.parent / "sample_data" / "listens.csv", infer_schema=False)
ROWS = 700


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
    result = fairpay.compare(
        logs, fee="9.99", royalty_rate="70%", rules=("market-centric", "user-centric", "equal-split"), **options
    )
    result.save(folder / "run")
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
