"""Logs that Spark would read otherwise than fairpay, and clusters that lose things: the same bytes, or a refusal."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import shutil
import signal
import sys
import time
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from java import ON_SPARK, start_spark
from sample import SAMPLE_DATA

import fairpay
from fairpay.engine.spark import Kept
from fairpay.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = ON_SPARK
LISTENS = SAMPLE_DATA / "listens.csv"
HEAD = "user,artist,plays\n"
OCTOBER = {"since": "2026-10-01", "until": "2026-10-31"}


@pytest.fixture(scope="module", autouse=True)
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two executors of their own processes; a task that takes long is begun a second time."""
    settings = {"spark.sql.shuffle.partitions": "2", "spark.speculation": "true", "spark.speculation.interval": "10ms"}
    session = start_spark(tmp_path_factory.mktemp("spark"), master="local-cluster[2,1,1024]", **settings)
    left = Path(find_spec("pyspark").submodule_search_locations[0], "work", session.sparkContext.applicationId)  # type: ignore[union-attr,index] # it is there
    yield session
    session.stop()
    shutil.rmtree(left, ignore_errors=True)  # executors run in the package's own folder


def found(log: Any, **options: Any) -> Any:  # noqa: ANN401 - results
    """What a comparison says, or how it is refused."""
    try:
        result = fairpay.compare(log, **options)
    except fairpay.FairpayError as error:
        return error.status, error.message.rpartition(": ")[2]
    return result.arrow.to_pydict(), result.summary


def text(folder: Path, content: str | bytes, name: str = "log.csv") -> Path:
    """Write a file of text."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder / name


def parquet(folder: Path, columns: dict[str, Any], name: str = "log.parquet") -> Path:
    """Write a file of Parquet."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), folder / name)
    return folder / name


def several(folder: Path) -> Path:
    """Write files whose columns are in another order, one hidden, one in a folder within."""
    text(folder, HEAD + "u,a,1\nv,b,2\n", "month/1.csv")
    text(folder, "plays,artist,user\n5,b,u\n7,c,w\n", "month/2.csv")
    text(folder, HEAD + "u,a,100\n", "month/.hidden.csv")
    text(folder, HEAD + "u,z,1\n", "month/more/3.csv")
    return folder / "month"


TEXTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "packed": (gzip.compress((HEAD + "u,a,1\nv,b,2\n08,b,3\n8,a,1\n").encode()), {}),
    "quoted": (HEAD + 'u,"a, b",1\nv,"say ""hi""",2\nw,"two\nlines",3\nx, b,1\nx,b ,1\ny,"",2\nz,\\N,4\n', {}),
    "too many fields": (HEAD + "u,a,1\nv,b,2,3\nw,c,4\n", {}),
    "header again": (HEAD + "u,a,1\n" + HEAD + "w,c,4\n", {}),
    "semicolons": (HEAD.replace(",", ";") + "u;a;1\nv;b;2\n", {}),
    "blank lines": (b"\xef\xbb\xbf" + (HEAD + "\nu,a,1\n\n\nv,b,2\n").replace("\n", "\r\n").encode(), {}),
    "no UTF-8": ((HEAD + "u,caf\xe9,1\nv,caf\xe8,2\n").encode("latin-1"), {}),
    "latin-1": ((HEAD + "u,caf\xe9,1\nv,caf\xe8,2\n").encode("latin-1"), {"encoding": "latin-1"}),
    "nothing": ("", {}),
    "only a header": (HEAD, {}),
    "empty users": (HEAD + "u,a,1\n,b,2\n,c,4\n", {}),
}


@pytest.mark.parametrize("name", TEXTS)
def test_every_cell_of_a_csv_file_is_what_it_is_here(name: str, tmp_path: Path) -> None:
    content, options = TEXTS[name]
    log = text(tmp_path, content, "log.csv.gz" if name == "packed" else "log.csv")
    options = {"pool": "10", **options}
    assert found(log, engine="spark", **options) == found(log, **options)


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ('{"user": 8, "artist": "a", "plays": 1}\n{"user": "08", "artist": 12345678901234567890123}\n', {}),
        (
            '[\n{"user": {"id": "u", "x": 1}, "artist": "a"},\n{"user": {"id": "v"}, "artist": "b"}]',
            {"user": "user.id"},
        ),
        ('{"user": "u", "artists": ["a", "b"]}\n{"user": "v", "artists": ["b"]}\n', {"artist": "artists"}),
        ('{"user": "u", "artist": "a"}\n{"user": "v", "arti\n', {}),
    ],
)
def test_json_is_read_there_as_here(content: str, options: dict[str, str], tmp_path: Path) -> None:
    log = text(tmp_path, content, "log.json")
    assert found(log, engine="spark", pool="10", columns=options) == found(log, pool="10", columns=options)


@pytest.mark.parametrize(
    "which", [lambda at: at, lambda at: str(at / "*.csv"), lambda at: [at / "1.csv", at / "2.csv"]]
)
def test_folders_patterns_and_lists_mean_the_same_files_there(which: Callable[[Path], Any], tmp_path: Path) -> None:
    log = which(several(tmp_path))
    assert found(log, engine="spark", pool="10") == found(log, pool="10")


MOMENTS = [dt.datetime(2026, 10, 1), dt.datetime(2026, 9, 30, 23, 59), dt.datetime(2026, 10, 31, 23, 59)]  # noqa: DTZ001 - as files have them
THREE = {"user": ["1", "2", "3"], "artist": ["a", "b", "b"]}
LARGE = [2**64 - 1, 1, 2**63]
TABLES: dict[str, tuple[dict[str, Any], dict[str, Any], list[Any] | None]] = {
    "whole numbers": ({"user": [8, 9, 10], "artist": ["a", "b", "c"]}, {}, [8, 9, 10]),
    "uint64": ({"user": pa.array(LARGE, pa.uint64()), "artist": pa.array(LARGE, pa.uint64())}, {}, LARGE),
    "decimals": (
        {"user": pa.array([Decimal(5), Decimal(10**19)], pa.decimal128(20, 0)), "artist": ["a", "b"]},
        {},
        None,
    ),
    "bytes": ({"user": pa.array([b"u", b"v"]), "artist": pa.array([b"a", b"\xc3\xbc"])}, {}, ["u", "v"]),
    "floats": ({"user": [1.0, 2.0], "artist": ["a", "b"]}, {}, None),
    "within a column": (
        {"user": [{"id": 1}, {"id": 2}], "artist": ["a", "b"]},
        {"columns": {"user": "user.id"}},
        [1, 2],
    ),
    "names with dots, spaces and quotes": (
        {"user.id": ["1", "2"], "art ist": ["a", "b"], "a`b": [1, 2], "bucket": [7, 7], "fee": [1, 1]},
        {"columns": {"user": "user.id", "artist": "art ist", "plays": "a`b"}},
        ["1", "2"],
    ),
    "times": ({**THREE, "time": pa.array(MOMENTS, pa.timestamp("us"))}, OCTOBER, None),
    "times of a zone": ({**THREE, "time": pa.array(MOMENTS, pa.timestamp("us", "UTC"))}, OCTOBER, None),
    "days": ({**THREE, "date": [moment.date() for moment in MOMENTS]}, OCTOBER, None),
    "one artist": ({"user": [f"u{k}" for k in range(500)], "artist": ["a"] * 500}, {}, None),
    "a user with half of the plays": (
        {"user": ["u"] * 3000 + [f"u{k}" for k in range(3000)], "artist": [f"a{k % 700}" for k in range(6000)]},
        {"rules": ["market-centric", "user-centric", "equal-split", "top-artist"]},
        None,
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_ids_and_times_of_any_type_are_the_same_there(name: str, tmp_path: Path) -> None:
    columns, options, payers = TABLES[name]
    log, options = parquet(tmp_path, columns), {"fee": "9.99", **options}
    if payers is not None:
        lines = "".join(f"{user},{place + 1}.50\n" for place, user in enumerate(payers))
        options = {**options, "fee": None, "subscribers": text(tmp_path, f"user,fee\n{lines}08,3\n", "payers.csv")}
    assert found(log, engine="spark", **options) == found(log, **options)


@pytest.mark.parametrize(
    ("payers", "unlisted"),
    [("8,9.99\n08,3\n", "leave-out"), ("8,9.99\nx,3\n", "refuse"), ("8,9.99\n8,9.99\n9,1\n", "free")],
)
def test_subscribers_who_are_missing_or_there_twice_are_said_as_here(
    payers: str, unlisted: str, tmp_path: Path
) -> None:
    log = parquet(tmp_path, {"user": [8, 9, 10], "artist": ["a", "b", "c"]})
    options = {"subscribers": text(tmp_path, "user,fee\n" + payers, "payers.csv"), "unlisted": unlisted}
    there, here = (found(log, engine=engine, **options) for engine in ("spark", "local"))
    assert there[0] == here[0]
    assert isinstance(there[0], int) or there == here


def test_keys_in_the_names_of_folders_stay_text(tmp_path: Path) -> None:
    parquet(tmp_path, {"artist": ["a", "b"], "plays": [1, 2]}, "month/user=08/1.parquet")
    parquet(tmp_path, {"artist": ["a"], "plays": [5]}, "month/user=8/2.parquet")
    assert found(tmp_path / "month", engine="spark", pool="10") == found(tmp_path / "month", pool="10")


def test_files_of_parquet_in_folders_within_are_read(tmp_path: Path) -> None:
    parquet(tmp_path, {"user": ["u"], "artist": ["a"], "plays": [2]}, "month/1.parquet")
    parquet(tmp_path, {"user": ["v"], "artist": ["b"], "plays": [5]}, "month/more/2.parquet")
    assert found(tmp_path / "month", engine="spark", pool="10") == found(tmp_path / "month", pool="10")


def test_files_that_spark_alone_sees_are_not_passed_over(tmp_path: Path) -> None:
    parquet(tmp_path, {"user": ["u"], "artist": ["a"], "plays": [2]}, "month/1.parquet")
    parquet(tmp_path, {"user": ["v"], "artist": ["b"], "plays": [5]}, "month/more/2.parquet")
    with pytest.raises(InputError, match=r"Spark passes over 1 files in folders within, such as .*2\.parquet"):
        fairpay.compare(f"file://{tmp_path}/month", engine="spark", pool="10")
    there = found(f"file://{tmp_path}/month/more/2.parquet", engine="spark", pool="10")
    assert there == found(tmp_path / "month" / "more", pool="10")


def test_a_table_of_a_catalog_is_a_log(spark: Any, tmp_path: Path) -> None:  # noqa: ANN401 - of Spark
    rows = pa.table({"user": ["u", "v"], "artist": ["a", "b"], "plays": [1, 2]})
    spark.createDataFrame(rows).write.saveAsTable("default.plays")
    for name in ("default.plays", "spark_catalog.default.plays"):
        assert found(name, engine="spark", pool="10") == found(pl.DataFrame(rows), pool="10")
    fairpay.compare("default.plays", engine="spark", pool="10", output=tmp_path / "run")
    assert all(control.ok for control in fairpay.verify(tmp_path / "run"))
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_bytes())
    assert manifest["inputs"] == [{"role": "logs", "name": "spark://default.plays", "size": None, "sha256": None}]
    assert manifest["options"]["spark"]["value"] == spark.version


def test_what_spark_reads_is_recorded_by_size_and_not_hashed(tmp_path: Path) -> None:
    log = parquet(tmp_path, {"user": ["u", "v"], "artist": ["a", "b"]})
    fairpay.compare(log, engine="spark", pool="10", output=tmp_path / "run")
    (recorded,) = json.loads((tmp_path / "run" / "manifest.json").read_bytes())["inputs"]
    assert recorded["known_as"].startswith(f"{log.stat().st_size} bytes, written 20")
    assert (recorded["name"], recorded["sha256"]) == (f"file://{log}", None)
    said = {control.name: control.detail for control in fairpay.verify(tmp_path / "run")}
    assert said["inputs hashed"] == "1 were no plain files and have no hash to check"


def test_the_same_text_worked_on_by_either_engine_is_the_same_run(tmp_path: Path) -> None:
    fairpay.compare(LISTENS, engine="spark", pool="10", output=tmp_path / "run")
    assert fairpay.compare(LISTENS, pool="10", output=tmp_path / "run").published == "already"


def test_a_table_that_is_not_there_is_said_in_a_sentence() -> None:
    with pytest.raises(InputError, match=r"nowhere\.plays"):
        fairpay.compare("nowhere.plays", engine="spark", pool="10")


def test_a_table_whose_package_spark_lacks_is_said_in_a_sentence(tmp_path: Path) -> None:
    pl.DataFrame({"user": ["u"], "artist": ["a"]}).write_delta(tmp_path / "table")
    with pytest.raises(InputError, match="table: this Spark lacks the package that reads such a table"):
        fairpay.compare(tmp_path / "table", engine="spark", pool="10")


def test_what_a_task_refuses_is_said_whole(spark: Any) -> None:  # noqa: ANN401 - of Spark
    frame = spark.createDataFrame(pa.table({"user": [b"\xff", b"v"], "artist": ["a", "b"]}))
    with pytest.raises(InputError, match="the user column user holds bytes that are not UTF-8 text") as refused:
        fairpay.compare(frame, pool="10")
    assert refused.value.advice == "Write the ids as text, such as hexadecimal digits."


def test_an_audit_there_says_what_it_says_here() -> None:
    scenarios = ["one-account", "account-takeover"]
    options: dict[str, Any] = {"fee": "9.99", "royalty_rate": "70%", "scenarios": scenarios}
    there, here = (fairpay.audit(LISTENS, engine=engine, **options) for engine in ("spark", "local"))
    assert (there.arrow.to_pydict(), there.summary) == (here.arrow.to_pydict(), here.summary)


def test_an_audit_of_a_rule_that_needs_everybody_is_refused() -> None:
    with pytest.raises(UsageError, match="geometric-median needs"):
        fairpay.audit(LISTENS, engine="spark", rules=["geometric-median"], fee="9.99")


def executors() -> list[int]:
    """Return the processes of executors that this one began, by way of Java."""
    known = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        known[int(folder.name)] = parent, b"CoarseGrainedExecutorBackend" in words
    found = [process for process, (_, runs) in known.items() if runs]

    def mine(process: int) -> bool:
        return process == os.getpid() or (process in known and mine(known[process][0]))

    return [process for process in found if mine(process)]


LOSSES = ["market-centric", "user-centric", "equal-split", "median"]


@pytest.mark.skipif(sys.platform != "linux", reason="executors are found in /proc")
def test_an_executor_that_is_lost_between_walks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before, lost = Kept.rows, []

    def rows(held: Kept, *kinds: str) -> Any:  # noqa: ANN401 - rows
        taken = before(held, *kinds)
        lost.extend(executors()[:1])
        for process in lost:
            os.kill(process, signal.SIGKILL)
        return taken

    monkeypatch.setattr(Kept, "rows", rows)
    there = found(LISTENS, engine="spark", partitions=6, rules=LOSSES, fee="9.99")
    assert lost
    assert there == found(LISTENS, rules=LOSSES, fee="9.99")


@pytest.mark.skipif(sys.platform != "linux", reason="a task finds its executor in /proc")
def test_an_executor_that_is_killed_in_the_middle_of_a_stage_changes_nothing(spark: Any, tmp_path: Path) -> None:  # noqa: ANN401 - of Spark
    mark = str(tmp_path / "killed")

    def kill_once(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from batches
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        stat = Path(f"/proc/{os.getppid()}/stat").read_text(encoding="utf-8")
        os.kill(int(stat.rpartition(")")[2].split()[1]), 9)  # the one that began the one that began this
        time.sleep(10)

    frame = spark.read.option("header", "true").csv(str(LISTENS)).repartition(6)
    there = found(frame.mapInArrow(kill_once, frame.schema), partitions=3, rules=LOSSES, fee="9.99")
    assert (tmp_path / "killed").exists()
    assert there == found(LISTENS, rules=LOSSES, fee="9.99")


def test_plays_that_change_between_walks_are_refused(
    spark: Any,  # noqa: ANN401 - of Spark
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every task's blocks are lost after they were taken in, and the frame gives other plays the second time."""
    mark = str(tmp_path / "times")

    def other(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with open(mark, "a") as file:  # noqa: PTH123 - in a task
            file.write("x")
        for batch in batches:
            plays = pa.array([os.path.getsize(mark) + k for k in range(batch.num_rows)], pa.int64())  # noqa: PTH202 - in a task
            yield pa.RecordBatch.from_arrays([*batch.columns[:2], plays], names=batch.schema.names)

    frame = spark.createDataFrame(pa.table({"user": ["u", "v", "w"], "artist": ["a", "b", "a"], "plays": [1, 2, 3]}))
    changing = frame.mapInArrow(other, frame.schema)
    before = Kept.rows

    def lost(held: Kept, *kinds: str) -> Any:  # noqa: ANN401 - rows
        rows = before(held, *kinds)
        held.frame.unpersist(blocking=True)
        return rows

    monkeypatch.setattr(Kept, "rows", lost)
    with pytest.raises(InputError, match="did not come to what they came to before"):
        fairpay.compare(changing, pool="10")
