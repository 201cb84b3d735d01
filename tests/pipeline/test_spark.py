"""The same bytes on Spark as on this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from java import ON_SPARK, start_spark
from outcomes import same
from sample import SAMPLE_DATA

import fairpay
from fairpay.engine import spark as cluster
from fairpay.errors import InputError, UsageError
from fairpay.pipeline.places import spark as there
from fairpay.rules import rule_classes
from fairpay.rules.core.rule import Needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

pytestmark = ON_SPARK
LISTENS, SUBSCRIBERS = SAMPLE_DATA / "listens.csv", SAMPLE_DATA / "subscribers.csv"
POLICY = """title = "t"
source = "s"
rule = "user-centric"
[[thresholds]]
name = "three streams of two people"
streams = 3
listeners = 2
per = "track"
"""


@pytest.fixture(scope="module", autouse=True)
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session on two processors, whose settings are those that Spark comes with."""
    session = start_spark(tmp_path_factory.mktemp("spark"), **{"spark.sql.shuffle.partitions": "3"})
    yield session
    session.stop()


RULES = [name for name, rule in rule_classes().items() if rule.needs is not Needs.EVERYTHING]


@pytest.mark.parametrize("partitions", [1, 7, 32])
def test_every_rule_that_runs_there_says_the_same_whatever_the_partitions(partitions: int) -> None:
    options: dict[str, Any] = {"rules": RULES, "fee": "9.99", "royalty_rate": "70%"}
    there = fairpay.compare(LISTENS, engine="spark", partitions=partitions, **options)
    assert same(there, fairpay.compare(LISTENS, **options))


@pytest.mark.parametrize(
    "options",
    [
        {"subscribers": SUBSCRIBERS, "inactive": "hold", "unlisted": "leave-out"},
        {"fee": "9.99", "since": "2026-10-05", "until": "2026-10-20"},
        {"pool": "1000", "measure": "plays", "repeats": "drop"},
    ],
)
def test_money_and_what_counts_are_the_same_there(options: dict[str, Any]) -> None:
    assert same(fairpay.compare(LISTENS, engine="spark", **options), fairpay.compare(LISTENS, **options))


def test_a_policy_counts_there_and_moves_the_same(tmp_path: Any) -> None:  # noqa: ANN401 - of Spark
    (tmp_path / "policy.toml").write_text(POLICY, encoding="utf-8")
    options: dict[str, Any] = {"policy": str(tmp_path / "policy.toml"), "fee": "9.99"}
    assert same(fairpay.pay(LISTENS, engine="spark", **options), fairpay.pay(LISTENS, **options))


def test_a_policy_withholds_the_same_there(tmp_path: Any) -> None:  # noqa: ANN401 - of Spark
    """Half of the tracks are in the context; of the other half nothing is withheld."""
    line = '[[withhold]]\nname = "promoted"\ncolumn = "context"\nvalues = ["radio"]\nshare = "3/10"\n'
    (tmp_path / "policy.toml").write_text('title = "t"\nsource = "s"\nrule = "user-centric"\n' + line, encoding="utf-8")
    promoted = pl.when(pl.col("track_id").str.contains("[02468]$")).then(pl.lit("radio"))
    pl.read_csv(LISTENS, infer_schema=False).with_columns(context=promoted).write_csv(tmp_path / "log.csv")
    options: dict[str, Any] = {"policy": str(tmp_path / "policy.toml"), "fee": "9.99"}
    here = fairpay.pay(tmp_path / "log.csv", **options)
    assert here.table["withheld"].sum() > 0
    assert same(fairpay.pay(tmp_path / "log.csv", engine="spark", **options), here)


def test_a_sweep_finds_the_same_there() -> None:
    ranges = ["user-cap:cap=20..200", "bounded:b=0.7..1"]
    options: dict[str, Any] = {"rules": ranges, "steps": 2, "royalty_rate": "70%", "fee": "9.99"}
    there, here = fairpay.sweep(LISTENS, engine="spark", **options), fairpay.sweep(LISTENS, **options)
    assert there.table.equals(here.table)
    assert there.summary == here.summary


def test_decisions_hold_the_same_there(tmp_path: Any) -> None:  # noqa: ANN401 - of Spark
    lines = "kind,subject,decision,by\nuser,u000001,hold,Ann\nartist,a000150,exclude,Ann\nuser,u000002,weight 1/2,Ann\n"
    (tmp_path / "decisions.csv").write_text(lines, encoding="utf-8")
    options: dict[str, Any] = {"decisions": tmp_path / "decisions.csv", "fee": "9.99"}
    assert same(fairpay.compare(LISTENS, engine="spark", **options), fairpay.compare(LISTENS, **options))


def test_a_frame_of_spark_is_a_log(spark: Any) -> None:  # noqa: ANN401 - of Spark
    frame = spark.read.option("header", "true").csv(str(LISTENS))
    assert same(fairpay.compare(frame, fee="9.99"), fairpay.compare(LISTENS, fee="9.99"))


def test_parquet_and_json_are_read_there_as_here(tmp_path: Any) -> None:  # noqa: ANN401 - of Spark
    plays = pl.read_csv(LISTENS, schema_overrides={"ms_played": pl.Int64})
    plays.write_parquet(tmp_path / "log.parquet")
    plays.write_ndjson(tmp_path / "log.ndjson")
    here = fairpay.compare(LISTENS, fee="9.99")
    for name in ("log.parquet", "log.ndjson"):
        assert same(fairpay.compare(tmp_path / name, fee="9.99", engine="spark"), here)


def test_a_log_without_a_header_is_read_by_the_place_of_its_columns(tmp_path: Any) -> None:  # noqa: ANN401 - of Spark
    (tmp_path / "log.csv").write_text("u1,a,3\nu1,b,1\nu2,b,5\n08,B,2\n8,b,1\n", encoding="utf-8")
    options: dict[str, Any] = {"columns": {"user": "1", "artist": "2", "plays": "3"}, "header": False, "pool": "10"}
    log = tmp_path / "log.csv"
    assert same(fairpay.compare(log, engine="spark", **options), fairpay.compare(log, **options))


rows = st.lists(
    st.tuples(
        st.sampled_from(["u", "v", "w", "x", "y", "U", "ü", "", None]),
        st.sampled_from(["a", "b", "c", "A", "", None]),
        st.integers(0, 10) | st.just(10**9),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows, pool=st.integers(0, 60) | st.just(2**61), partitions=st.integers(1, 4))
def test_random_months_are_paid_the_same_there(spark: Any, rows: list[Any], pool: int, partitions: int) -> None:  # noqa: ANN401 - of Spark
    frame = pl.DataFrame(rows, schema={"user": pl.String, "artist": pl.String, "plays": pl.Int64}, orient="row")
    options: dict[str, Any] = {
        "rules": ["market-centric", "user-centric", "equal-split", "top-artist"],
        "pool": str(pool),
        "currency": "JPY",
    }
    there = spark.createDataFrame(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))
    found = []
    for log, more in ((frame, {}), (there, {"partitions": partitions})):
        try:
            result = fairpay.compare(log, **options, **more)
            found.append((result.arrow.to_pydict(), result.summary))
        except fairpay.FairpayError as error:
            found.append((type(error).__name__, ""))
    assert found[0] == found[1]


def test_a_task_that_is_killed_is_done_again_and_counted_once(spark: Any, tmp_path: Any) -> None:  # noqa: ANN401 - of Spark
    mark = str(tmp_path / "killed")

    def kill_once(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from batches
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), 9)

    frame = spark.read.option("header", "true").csv(str(LISTENS)).repartition(3)
    killed = frame.mapInArrow(kill_once, frame.schema)
    assert same(fairpay.compare(killed, fee="9.99"), fairpay.compare(LISTENS, fee="9.99"))
    assert (tmp_path / "killed").exists()


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_user_cut_in_two_is_refused(form: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:  # noqa: ANN401 - of Spark
    whole = pl.read_csv(LISTENS, infer_schema=False)
    for k, rows in enumerate(whole.iter_slices(whole.height // 4)):
        rows.write_csv(tmp_path / f"{k}.csv") if form == "csv" else rows.write_parquet(tmp_path / f"{k}.parquet")
    monkeypatch.setitem(cluster.SETTINGS, "spark.sql.execution.arrow.maxRecordsPerBatch", "100")
    before = there.scattered
    monkeypatch.setattr(there, "scattered", lambda *given: before(*given).repartition(4))
    with pytest.raises(InputError, match="to more than one task"):
        fairpay.compare(tmp_path, fee="9.99", engine="spark", partitions=2)


def test_settings_that_change_results_are_set_and_put_back(spark: Any) -> None:  # noqa: ANN401 - of Spark
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    spark.conf.set("spark.sql.ansi.enabled", "false")
    said: list[str] = []
    days = {"since": "2026-10-05", "until": "2026-10-20"}
    there = fairpay.compare(LISTENS, fee="9.99", engine="spark", say=said.append, **days)
    assert same(there, fairpay.compare(LISTENS, fee="9.99", **days))
    assert any("spark.sql.session.timeZone = UTC (was America/New_York)" in one for one in said)
    assert spark.conf.get("spark.sql.session.timeZone") == "America/New_York"
    assert spark.conf.get("spark.sql.ansi.enabled") == "false"


def test_collated_ids_stay_apart(spark: Any) -> None:  # noqa: ANN401 - of Spark
    frame = spark.sql(
        "select * from values ('u', 'Drake', 2), ('v', 'drake', 1), ('U', 'x', 1) as t(user, artist, plays)"
    )
    for name in ("user", "artist"):
        frame = frame.withColumn(name, frame[name].cast("string collate UNICODE_CI"))
    plain = pl.DataFrame({"user": ["u", "v", "U"], "artist": ["Drake", "drake", "x"], "plays": [2, 1, 1]})
    assert same(fairpay.compare(frame, pool="10"), fairpay.compare(plain, pool="10"))


def test_a_run_is_written_and_verified(tmp_path: Any) -> None:  # noqa: ANN401 - of Spark
    fairpay.compare(LISTENS, fee="9.99", engine="spark", output=tmp_path / "there")
    fairpay.compare(LISTENS, fee="9.99", output=tmp_path / "here")
    assert all(control.ok for control in fairpay.verify(tmp_path / "there"))
    for name in ("comparison.csv", "summary.json"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rules": ["geometric-median"]}, "geometric-median needs"),
        ({"rules": ["independent-markets"]}, "independent-markets needs"),
        ({"rejects": "bad.csv"}, "--rejects|rejects"),
        ({"history": "past.csv"}, "history cannot run on Spark"),
        ({"several_artists": "split"}, "all plays must divide alike"),
    ],
)
def test_what_cannot_run_there_is_refused_before_anything_is_read(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        fairpay.compare("nowhere.csv", engine="spark", **options)


def test_penalties_are_refused_there(tmp_path: Any) -> None:  # noqa: ANN401 - of Spark
    (tmp_path / "review.csv").write_text("kind,subject,decision,penalty\nuser,u000180,exclude,50%\n", encoding="utf-8")
    with pytest.raises(UsageError, match="penalties cannot run on Spark"):
        fairpay.compare(LISTENS, fee="9.99", engine="spark", decisions=tmp_path / "review.csv")


def test_a_log_that_is_not_there_is_said_in_a_sentence() -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        fairpay.compare("nowhere.csv", engine="spark")


def test_bad_rows_are_refused_with_their_number(tmp_path: Any) -> None:  # noqa: ANN401 - of Spark
    (tmp_path / "log.csv").write_text("user,artist,seconds\nu,a,40\n,b,40\nv,a,soon\nw,a,50\n", encoding="utf-8")
    with pytest.raises(InputError, match="2 of 4 rows cannot be used"):
        fairpay.compare(tmp_path / "log.csv", engine="spark")


def test_labels_are_added_up_there_and_listeners_are_counted_once() -> None:
    options: dict[str, Any] = {"fee": "9.99", "artists": SAMPLE_DATA / "artists.csv", "by": "label"}
    there, here = fairpay.compare(LISTENS, engine="spark", **options), fairpay.compare(LISTENS, **options)
    assert same(there, here)
    assert there.groups["label"].equals(here.groups["label"])


def test_groups_of_listeners_are_refused_there() -> None:
    with pytest.raises(UsageError, match="by plan is by listeners, and Spark tells groups of artists only"):
        fairpay.compare(LISTENS, engine="spark", subscribers=SUBSCRIBERS, by="plan")
