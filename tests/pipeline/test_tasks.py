"""What tasks read, and what comes to others."""

from __future__ import annotations

import pickle
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.adjust.payers import Payers
from fairpay.logs.read import Logs, open_logs
from fairpay.pipeline.intake import Plan, Statements
from fairpay.pipeline.tasks import Recipe, layout_of, moved, paid_frames, rows_of
from fairpay.settings.values import Qualifying, Reading, Running

TASK = """
import pickle, sys
from fairpay.pipeline.tasks import rows_of
for _, frame in rows_of(pickle.load(open(sys.argv[1], "rb")).parts[0], 1):
    print(frame["artist"].to_list())
"""


def opened(log: Path, encoding: str | None = None) -> Logs:
    """Open a log."""
    return open_logs(str(log), Reading(encoding=encoding), wanted=("plays",))


def test_a_task_elsewhere_needs_no_copy_that_was_made_here(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes("user,artist,plays\nu,caf\xe9,1\n".encode("latin-1"))
    layout = layout_of(opened(tmp_path / "log.csv", "latin-1"))
    (tmp_path / "sent").write_bytes(pickle.dumps(layout))
    copy = Path(layout.parts[0].source.frames.file.local)  # type: ignore[attr-defined] # of a text file
    assert copy != tmp_path / "log.csv"
    copy.unlink()
    done = subprocess.run([sys.executable, "-c", TASK, tmp_path / "sent"], capture_output=True, text=True, check=False)
    assert done.stdout == "['café']\n", done.stderr


def test_one_file_of_each_kind_goes_with_every_task(tmp_path: Path) -> None:
    for k, head in enumerate(["user,artist,plays", "artist,user,plays", "user,artist,plays"]):
        (tmp_path / f"{k}.csv").write_text(f"{head}\nu,a,1\n", encoding="utf-8")
    layout = layout_of(opened(tmp_path))
    assert [layout.kinds, len(layout.alike.parts)] == [(0, 0, 0), 1]
    (tmp_path / "3.csv").write_text("user;artist;plays\nu;a;1\n", encoding="utf-8")
    assert len(layout_of(opened(tmp_path)).alike.parts) == 2


def test_a_user_is_in_one_bucket_whatever_the_type_of_the_id_and_so_is_what_the_user_paid(tmp_path: Path) -> None:
    buckets = set()
    for k, users in enumerate([pa.array([8]), pa.array(["8"]), pa.array([8], pa.uint64()), pa.array([b"8"])]):
        pl.DataFrame({"user": pl.Series(users), "artist": ["a"], "plays": [1]}).write_parquet(tmp_path / f"{k}.parquet")
        found = rows_of(layout_of(opened(tmp_path / f"{k}.parquet")).parts[0], 1 << 20)
        buckets |= {bucket for bucket, _ in found}
    paid = paid_frames({3: [(pa.array(["8"]), np.array([999]))]}, 1 << 20)
    assert {*paid.column("bucket").to_pylist()} == buckets
    assert len(buckets) == 1


def test_rows_come_out_of_spark_as_they_went_in_with_their_types(tmp_path: Path) -> None:
    whole = pl.DataFrame({"user": [8, None, 9], "artist": [["a", "b"], None, []], "plays": [1, 2, 3]})
    whole.write_parquet(tmp_path / "log.parquet")
    layout = layout_of(opened(tmp_path / "log.parquet"))
    paid = paid_frames({0: [(pa.array(["8", "x"]), np.array([5, 7]))], 2: [(pa.array(["8"]), np.array([1]))]}, 4)
    buckets: set[int] = set()
    payers = Payers(dict.fromkeys((0, 2), ()))
    plan = Plan(
        reading=Reading(),
        qualifying=Qualifying(),
        running=Running(),
        statements=Statements(kappa=Fraction()),
        payers=payers,
    )
    moving = iter([*moved(0, rows_of(layout.parts[0], 4)), *paid.to_batches()])
    found = Recipe(plan, (), layout.alike).opened(moving, buckets, twice=False)
    assert found is not None
    (part,) = found[1].parts
    frames = pl.concat(part.source.read(part.names))
    assert frames.sort("plays").equals(whole.select(frames.columns))
    assert sorted(
        (pool, *ids.to_pylist(), *fees) for pool, one in found[0].payers.parts.items() for ids, fees in one
    ) == [
        (0, "8", 5),
        (0, "x", 7),
        (2, "8", 1),
    ]
    assert buckets <= {0, 1, 2, 3}
