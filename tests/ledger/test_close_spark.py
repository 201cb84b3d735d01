"""Months closed on Spark: every byte of the books is what this machine writes, but for the manifest's word for it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from java import ON_SPARK, start_spark
from laying import laid
from pools_apart import DECIDED, PLAIN, csv_text, lay, plays, review
from quarter import STEPS, run

import fairpay
from fairpay.cli import main
from fairpay.engine.walks import SparkWalks
from fairpay.pipeline.places import spark as there

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from fairpay.ledger.close import Closed
    from fairpay.ledger.closing import Closing

pytestmark = ON_SPARK
MANIFEST = "manifest.json"
SPLITS = "artist,track,payee,share\na3,a3-1,p,1/3\na3,a3-1,q,2/3\n,a4-2,z,1\na0,,q,1/7\na0,,a0,6/7\n"
ALIASES = "wrong,right\na5,a0\n"


@pytest.fixture(scope="module", autouse=True)
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session on two processors, for all of them."""
    session = start_spark(tmp_path_factory.mktemp("spark"), **{"spark.sql.shuffle.partitions": "2"})
    yield session
    session.stop()


def written(directory: Path) -> dict[str, bytes]:
    """What stands in a month's directory beside its manifest."""
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.name != MANIFEST}


def closed(asked: Closing, books: Path, **options: Any) -> Closed:  # noqa: ANN401 - options
    """Close a month in books of their own."""
    known = {**asked.tables, "period": asked.period, "policy": asked.policy, **options}
    return fairpay.close(list(asked.logs), books=books, **known)


def same(asked: Closing, place: Path, *, partitions: int = 2, **options: Any) -> bool:  # noqa: ANN401 - options
    """Whether a month is closed to the same bytes."""
    here, far = place / "here", place / "there"
    closed(asked, here, **options)
    closed(asked, far, engine="spark", partitions=partitions, **options)
    assert all(control.ok for control in fairpay.verify(books=far))
    return written(far / asked.period) == written(here / asked.period)


@pytest.mark.usefixtures("_in_quarter")
def test_the_quarter_closed_there_is_the_quarter_closed_here(books: Path, tmp_path: Path) -> None:
    partitions = {"2026-07.toml": "1", "2026-08.toml": "7", "2026-09.toml": "3"}
    for step in STEPS:
        more = (
            ("--engine", "spark", "--partitions", partitions[step[-1].rpartition("/")[2]]) if step[0] == "close" else ()
        )
        assert run(tmp_path / "books", *step, *more) == 0
    for entry in [*books.glob("2026-*"), *books.glob("adjustments/*")]:
        assert written(tmp_path / "books" / entry.relative_to(books)) == written(entry)
    assert main(["verify", "--books", str(tmp_path / "books"), "--quiet"]) == 0
    assert '"engine": "spark"' in (tmp_path / "books" / "2026-08" / MANIFEST).read_text()


@pytest.mark.parametrize(("seed", "partitions"), [(1, 1), (2, 7)])
def test_pools_with_policies_decisions_tracks_and_aliases_are_divided_the_same(
    seed: int, partitions: int, tmp_path: Path
) -> None:
    more = {"aliases": ALIASES, "splits": SPLITS, "decisions": review(*DECIDED)}
    assert same(lay(tmp_path, plays(seed), **more), tmp_path, partitions=partitions)


MONEY = {
    "pools": "pool,territory,gross,currency,rule,royalty_rate\n"
    "at,AT,1234.56,EUR,user-centric,70%\njp,JP,99999,JPY,weighted,\nde,DE,70.01,EUR,equal-split,1\nfr,FR,5,EUR,norm,\n",
    "subscribers": "user,paid,currency,territory\n"
    "u0,9.99,EUR,AT\nu1,0,EUR,AT\nu2,980,JPY,JP\nu3,1480,JPY,JP\nu4,4.99,EUR,DE\nu9,9.99,EUR,DE\nu7,3,USD,ZZ\n",
    "advances": "payee,amount,currency,period\na1,5000,JPY,2026-10\nq,33.33,EUR,2026-10\n",
    "holds": "payee,reason\na2,bank details\n",
    "artists": "artist\na0\na1\na2\na3\na4\n",
    "splits": SPLITS,
}


def test_subscribers_of_two_currencies_say_whose_pool_it_is_where_the_log_does_not(tmp_path: Path) -> None:
    rows = [{"user": row["user"], "artist": row["artist"], "track": row["track"], "ms": row["ms"]} for row in plays(3)]
    asked = laid(tmp_path, csv_text(rows, ("user", "artist", "track", "ms")), **MONEY)
    options = {"minimum_payment": "EUR=10,JPY=1000", "reserve": "10%", "excel": True, "per_payee": True, "tracks": True}
    assert same(asked, tmp_path, partitions=5, **options)


def test_files_with_types_in_folders_by_country_are_read_as_here(tmp_path: Path) -> None:
    frame = pl.DataFrame(plays(4, pools=PLAIN)).with_columns(
        user=pl.col("user").str.slice(1).cast(pl.UInt64),
        artist=pl.when(pl.int_range(pl.len()) % 19 > 0).then(pl.col("artist")).cast(pl.Categorical),
        time=pl.datetime(2026, 9, 28) + pl.duration(hours=pl.int_range(pl.len()) * 2),
    )
    for place, ((country,), rows) in enumerate(frame.partition_by("country", as_dict=True, include_key=False).items()):
        (tmp_path / f"log/country={country}").mkdir(parents=True)
        rows.select(sorted(rows.columns, reverse=place % 2 > 0)).write_parquet(
            tmp_path / f"log/country={country}/1.parquet"
        )
    asked = lay(tmp_path, [], PLAIN)
    assert same(replace(asked, logs=(str(tmp_path / "log"),)), tmp_path, partitions=7)


def test_what_is_withheld_is_the_same_there(tmp_path: Path) -> None:
    line = '[[withhold]]\nname = "promoted"\ncolumn = "context"\nvalues = ["radio"]\nshare = "3/10"\n'
    (tmp_path / "own.toml").write_text('title = "t"\nsource = "s"\nrule = "user-centric"\nmeasure = "plays"\n' + line)
    rows = [{**row, "context": ("radio", "", "album")[k % 3]} for k, row in enumerate(plays(5))]
    pools = "pool,territory,gross,policy,rule\nat,AT,1234.56,own.toml,\nde,DE,99.99,,market-centric\n"
    log = csv_text(rows, ("user", "artist", "track", "country", "context", "ms"))
    asked = laid(tmp_path, log, pools=pools, splits=SPLITS)
    assert closed(asked, tmp_path / "books").facts.pools[0].withheld > 0
    assert same(asked, tmp_path, partitions=3, tracks=True)


def test_a_month_in_which_nobody_played_is_closed_the_same(tmp_path: Path) -> None:
    assert same(lay(tmp_path, []), tmp_path)


def test_a_preview_there_writes_nothing_and_says_the_same(tmp_path: Path) -> None:
    asked = lay(tmp_path, plays(5), PLAIN)
    far = closed(asked, tmp_path / "there", engine="spark", dry_run=True)
    here = closed(asked, tmp_path / "here", dry_run=True)
    assert (far.rows.frame.equals(here.rows.frame), far.summary) == (True, here.summary)
    assert not (tmp_path / "there").exists()


def test_a_month_is_corrected_there_as_here(tmp_path: Path) -> None:
    asked = lay(tmp_path, plays(6), PLAIN, splits=SPLITS)
    (tmp_path / "fraud.csv").write_text("user,track\nu1,\nu2,a3-1\nnobody,\n")
    (tmp_path / "late.csv").write_text(csv_text(plays(7, 30, PLAIN)))
    said: dict[str, list[str]] = {"local": [], "spark": []}
    for engine, sentences in said.items():
        closed(asked, tmp_path / engine)
        known = {"books": tmp_path / engine, "period": "2026-10", "reason": "fraud", "say": sentences.append}
        fairpay.adjust(tmp_path / "late.csv", exclude=[tmp_path / "fraud.csv"], engine=engine, **known)
    (far,), (here,) = ([*(tmp_path / engine / "adjustments").iterdir()] for engine in ("spark", "local"))
    assert written(far) == written(here)
    assert "Exclusions: 1 of 3 lines match no row of the log" in said["spark"]
    assert [one for one in said["spark"] if not one.startswith("Spark")] == said["local"]


def test_tasks_that_are_killed_are_done_again_and_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, mark = there.scattered, str(tmp_path / "killed")

    def kill_once(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from batches
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), 9)

    def killed(*given: Any) -> Any:  # noqa: ANN401 - of Spark
        rows = before(*given)
        return rows.mapInArrow(kill_once, rows.schema)

    monkeypatch.setattr(there, "scattered", killed)
    asked = lay(tmp_path, plays(8), PLAIN)
    assert same(asked, tmp_path)
    assert (tmp_path / "killed").exists()


def test_a_bad_row_is_refused_there_with_its_count(tmp_path: Path) -> None:
    asked = laid(tmp_path, "user,artist,plays\nu,a,1\nv,b,x\nw,c,y\n", pools="pool,gross,rule\nall,10,user-centric\n")
    with pytest.raises(fairpay.InputError, match="2 of 3 rows cannot be used"):
        closed(asked, tmp_path / "books", engine="spark")
    assert not (tmp_path / "books" / "2026-10").exists()


def test_six_pools_are_walked_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, before = list[int](), SparkWalks.gathered
    monkeypatch.setattr(SparkWalks, "gathered", lambda walks, one: asked.append(len(one)) or before(walks, one))
    closed(lay(tmp_path, plays(9), PLAIN), tmp_path / "books", engine="spark")
    assert asked[0] == len(PLAIN)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"rule": "geometric-median"}, "the rule geometric-median of the pool de needs"),
        ({"history": "user,artist,share\n"}, "--history cannot run on Spark"),
        ({"rejects": "bad.csv"}, "--rejects cannot run on Spark"),
        ({"decisions": "kind,subject,decision,penalty\nuser,u,exclude,50%\n"}, "penalties cannot run on Spark"),
    ],
)
def test_what_cannot_run_there_is_refused_before_a_play_is_read(
    table: dict[str, str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pools = f"pool,gross,rule\nde,10,{table.pop('rule', 'user-centric')}\n"
    (name, value), *_ = [*table.items(), ("currency", "EUR")]
    (tmp_path / f"{name}.csv").write_text(value)
    asked = laid(tmp_path, "no log at all", pools=pools)
    given = {"books": tmp_path / "books", "period": "2026-10", "engine": "spark", "pools": asked.tables["pools"]}
    given[name] = tmp_path / f"{name}.csv" if name in {"history", "decisions"} else value
    words = [word for option, stated in given.items() for word in (f"--{option}", str(stated))]
    assert main(["close", *asked.logs, *words]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "books" / "2026-10").exists()
