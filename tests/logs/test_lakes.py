"""Tables of Delta Lake and Iceberg: what their newest version holds, here and in a bucket."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from pyiceberg.catalog.sql import SqlCatalog
from reads import judged, listens, rows
from stores import BUCKET

import fairpay
from fairpay.errors import InputError
from fairpay.logs.read import open_logs
from fairpay.logs.schema import Fate
from fairpay.settings.values import Qualifying, Reading

if TYPE_CHECKING:
    from stores import Objects

LOG = pa.table({"user": ["u1", "u2", "u3", "u4"], "artist": list("abcd"), "country": ["SE", "SE", "NO", "NO"]})
LEFT = [("u1", "a", 1), ("u3", "c", 1), ("u4", "d", 1)]


def delta(path: str, **options: object) -> str:
    """Write a table, overwrite it, and delete a row."""
    write_deltalake(path, LOG.slice(0, 1), partition_by=["country"], **options)  # type: ignore[call-overload]
    write_deltalake(path, LOG, mode="overwrite", **options)  # type: ignore[call-overload]
    DeltaTable(path, **options).delete("user = 'u2'")  # type: ignore[arg-type]
    return path


def iceberg(folder: Path, warehouse: str, **options: str) -> str:
    """Write a table with its catalog, and delete a row."""
    catalog = SqlCatalog("one", uri=f"sqlite:///{folder}/catalog.db", warehouse=warehouse, **options)
    catalog.create_namespace("label")
    table = catalog.create_table("label.listens", schema=LOG.schema)
    table.append(LOG)
    table.delete("user == 'u2'")
    catalog.close()
    return table.location().removeprefix("file://")


def test_only_the_newest_version_of_a_delta_table_counts(tmp_path: Path) -> None:
    table = delta(str(tmp_path / "log"))
    assert len(list(tmp_path.rglob("*.parquet"))) > 2
    assert sorted(listens(table)) == LEFT
    found = {(row["user"], row["country"]) for row in rows(table, wanted=("country",))}
    assert found == {("u1", "SE"), ("u3", "NO"), ("u4", "NO")}


def test_a_delta_table_below_the_folder_that_was_given_is_one_log(tmp_path: Path) -> None:
    delta(str(tmp_path / "lake/july"))
    opened = open_logs(tmp_path / "lake", Reading(), wanted=())
    assert opened.paths == [str(tmp_path / "lake/july")]
    assert sorted(listens(tmp_path / "lake")) == LEFT


def test_rows_that_a_deletion_vector_names_are_left_out(tmp_path: Path) -> None:
    """Spark leaves the file as it is, and writes the numbers of deleted rows beside it: here that of the second."""
    pq.write_table(LOG, tmp_path / "a.parquet")
    bitmap = struct.pack("<IIHHI", 12346, 1, 0, 0, 16) + struct.pack("<H", 1)
    vector = struct.pack("<IQI", 1681511377, 1, 0) + bitmap
    vector += b"\0" * (-len(vector) % 4)
    kinds = [{"name": name, "type": "string", "nullable": True, "metadata": {}} for name in LOG.column_names]
    add = {
        "path": "a.parquet", "partitionValues": {}, "size": (tmp_path / "a.parquet").stat().st_size,
        "modificationTime": 0, "dataChange": True, "stats": '{"numRecords":4}',
        "deletionVector": {
            "storageType": "i", "pathOrInlineDv": z85(vector), "sizeInBytes": len(vector), "cardinality": 1,
        },
    }  # fmt: skip
    features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    actions = [
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **features}},
        {"metaData": {
            "id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9", "format": {"provider": "parquet", "options": {}},
            "schemaString": json.dumps({"type": "struct", "fields": kinds}), "partitionColumns": [],
            "configuration": {"delta.enableDeletionVectors": "true"}, "createdTime": 0,
        }},
        {"add": add},
    ]  # fmt: skip
    (tmp_path / "_delta_log").mkdir()
    (tmp_path / "_delta_log/00000000000000000000.json").write_text("\n".join(map(json.dumps, actions)))
    assert sorted(listens(tmp_path)) == LEFT


def z85(data: bytes) -> str:
    """Write bytes, four at a time, in the 85 signs of ZeroMQ."""
    signs = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    numbers = struct.unpack(f">{len(data) // 4}I", data)
    return "".join(signs[number // 85**place % 85] for number in numbers for place in (4, 3, 2, 1, 0))


def test_only_the_newest_version_of_an_iceberg_table_counts(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    table = iceberg(tmp_path, f"file://{tmp_path}/ice")
    assert sorted(listens(table)) == LEFT
    newest = max((tmp_path / table / "metadata").glob("*.metadata.json"), key=lambda path: path.name)
    assert sorted(listens(newest)) == LEFT
    assert capfd.readouterr().err == ""


def test_a_run_records_which_version_of_a_table_it_read(tmp_path: Path) -> None:
    tables = delta(str(tmp_path / "log")), str(tmp_path / iceberg(tmp_path, f"file://{tmp_path}/ice"))
    newest = max(Path(tables[1], "metadata").glob("*.metadata.json"), key=lambda path: path.name)
    for table, version in zip(tables, (f"version {DeltaTable(tables[0]).version()}", newest.name), strict=True):
        fairpay.compare(table, pool="10", output=tmp_path / "run", force=True)
        (recorded,) = json.loads((tmp_path / "run" / "manifest.json").read_bytes())["inputs"]
        assert (recorded["name"], recorded["known_as"]) == (table, version)
    assert version.startswith("00002-")


def test_two_versions_of_one_number_are_refused(tmp_path: Path) -> None:
    table = tmp_path / iceberg(tmp_path, f"file://{tmp_path}/ice")
    newest = max((table / "metadata").glob("*.metadata.json"), key=lambda path: path.name)
    (newest.parent / f"{newest.name[:5]}-other.metadata.json").write_bytes(newest.read_bytes())
    with pytest.raises(InputError, match="2 versions of this table have the number 2"):
        listens(table)


def test_a_period_leaves_out_rows_of_a_table(tmp_path: Path) -> None:
    times = pa.array([0, 86_400, 2 * 86_400], pa.timestamp("s", "UTC")).cast(pa.timestamp("us", "UTC"))
    write_deltalake(tmp_path / "log", pa.table({"user": ["u"] * 3, "artist": list("abc"), "time": times}))
    found, counts = judged(tmp_path / "log", Qualifying(since=2 * 86_400 * 10**6), wanted=("time",))
    assert found == [("u", "c", 1)]
    assert (counts.rows, counts.dropped) == (3, {Fate.OUTSIDE_PERIOD: 2})


@pytest.mark.parametrize("pattern", ["log/country=SE/*.parquet", "log/**/*.parquet", "log/country=SE"])
def test_files_of_a_table_are_refused_alone(tmp_path: Path, pattern: str) -> None:
    delta(str(tmp_path / "log"))
    with pytest.raises(InputError, match="part of the table") as caught:
        listens(str(tmp_path / pattern))
    assert caught.value.advice == f"Give the table: {tmp_path}/log"


@pytest.mark.parametrize("library", ["deltalake", "pyiceberg"])
def test_a_library_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    table = delta(str(tmp_path / "log")) if library == "deltalake" else iceberg(tmp_path, f"file://{tmp_path}/ice")
    monkeypatch.setattr("fairpay.logs.source.find_spec", lambda name: None if name == library else sys)
    with pytest.raises(InputError, match=f"need the library {library}") as caught:
        listens(table)
    assert "pip install 'fairpay[lake]'" in caught.value.advice


def test_a_table_whose_file_is_gone_is_refused(tmp_path: Path) -> None:
    table = delta(str(tmp_path / "log"))
    for path in (tmp_path / "log").rglob("*.parquet"):
        path.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        listens(table)
    (tmp_path / "log/_delta_log/00000000000000000000.json").write_text("{")
    with pytest.raises(InputError, match=r"log: .*cannot be read"):
        listens(table)


def test_a_delta_table_in_a_bucket(bucket: Objects) -> None:
    options = {"aws_endpoint_url": bucket.endpoint, "aws_allow_http": "true"}
    table = delta(f"s3://{BUCKET}/delta/log", storage_options=options)
    assert sorted(listens(table)) == LEFT
    assert sorted(listens(f"s3://{BUCKET}/delta/")) == LEFT
    with pytest.raises(InputError, match="part of the table"):
        listens(f"{table}/**/*.parquet")


def test_an_iceberg_table_in_a_bucket(bucket: Objects, tmp_path: Path) -> None:
    options = {
        "s3.endpoint": bucket.endpoint, "s3.access-key-id": "k", "s3.secret-access-key": "s", "s3.region": "eu-north-1"
    }  # fmt: skip
    assert sorted(listens(iceberg(tmp_path, f"s3://{BUCKET}/ice", **options))) == LEFT
