"""Verifying a run from its files alone: whatever is touched is named."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from runs import MONEY, publish_run, refit, summary, table, writers

import fairpay
from fairpay.errors import InputError
from fairpay.runs.manifest import seal
from fairpay.runs.outputs import as_json, write_csv, write_parquet
from fairpay.runs.verify import csv_control, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run of `listens.csv` beside it."""
    (tmp_path / "listens.csv").write_text("user,artist\nu,a\n")
    publish_run(tmp_path / "out", tmp_path / "listens.csv")
    return tmp_path / "out"


def failing(directory: Path, **options: bool) -> dict[str, str]:
    """The controls that fail, with their details."""
    return {control.name: control.detail for control in verify(directory, **options) if not control.ok}


def edit_manifest(directory: Path, change: Callable[[dict[str, Any]], None], *, sealing: bool = True) -> None:
    """Change the manifest, and seal it again as a forger would."""
    path = directory / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_bytes(as_json(seal(manifest) if sealing else manifest))


def forge(directory: Path, made: pa.Table | None = None, told: dict[str, Any] | None = None) -> None:
    """Write other files into a run, with the hashes in the manifest to match."""
    rewrite(directory, writers(made, told))


def rewrite(directory: Path, files: Mapping[str, Callable[[Path], object]]) -> None:
    """Write these files anew, with the hashes in the manifest to match."""
    for name, write in files.items():
        (directory / name).unlink()
        write(directory / name)

    refit(directory)


def test_a_finished_run_passes_every_control(run: Path) -> None:
    assert failing(run) == {}
    assert len(verify(run)) > 15


@pytest.mark.parametrize("name", ["comparison.parquet", "comparison.csv", "summary.json"])
def test_a_changed_byte_is_named(run: Path, name: str) -> None:
    content = bytearray((run / name).read_bytes())
    content[len(content) // 2] ^= 1
    (run / name).write_bytes(content)
    assert f"output {name}" in failing(run)


@pytest.mark.parametrize("name", ["comparison.parquet", "comparison.csv", "summary.json"])
def test_a_missing_output_is_named(run: Path, name: str) -> None:
    (run / name).unlink()
    assert name in failing(run)[f"output {name}"]


@pytest.mark.parametrize("name", ["comparison.parquet", "comparison.csv", "summary.json"])
def test_an_output_cut_short_is_named(run: Path, name: str) -> None:
    content = (run / name).read_bytes()
    (run / name).write_bytes(content[:-7])
    assert f"output {name}" in failing(run)


def test_a_changed_manifest_is_noticed(run: Path) -> None:
    edit_manifest(run, lambda manifest: manifest["options"]["fee"].update(value="1.00"), sealing=False)
    assert set(failing(run)) == {"manifest"}


def test_a_file_that_was_added_is_named(run: Path) -> None:
    (run / "more.csv").write_text("")
    assert failing(run) == {"files": "1 that no run wrote: more.csv"}


def test_a_changed_input_is_named(run: Path) -> None:
    (run.parent / "listens.csv").write_text("user,artist\nu,b\n")
    assert "listens.csv" in failing(run)["inputs"]


def test_an_input_that_is_gone_is_a_control_of_its_own(run: Path) -> None:
    (run.parent / "listens.csv").unlink()
    assert list(failing(run)) == ["inputs present"]


def test_inputs_deleted_as_they_should_be_can_be_left_out(run: Path) -> None:
    (run.parent / "listens.csv").unlink()
    assert failing(run, inputs=False) == {}
    assert "left out, as asked" in {c.name: c.detail for c in verify(run, inputs=False)}["inputs"]


def test_an_input_is_found_beside_the_run_from_any_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.csv").write_text("user,artist\n")
    from pathlib import Path as Relative  # noqa: PLC0415 - a relative path is the point

    publish_run(tmp_path / "out", Relative("log.csv"))
    monkeypatch.chdir("/")
    assert failing(tmp_path / "out") == {}


def test_a_directory_without_a_manifest_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a run"):
        verify(tmp_path)


def test_a_forged_table_that_pays_too_much_fails_on_the_money(run: Path) -> None:
    forge(run, table(("6.01", "3.00", "1.00")))
    assert "10.01" in failing(run)["paid market-centric"]


def test_a_forged_table_that_moves_a_cent_fails_on_the_change(run: Path) -> None:
    forge(run, table(("6.01", "2.99", "1.00")))
    assert set(failing(run)) == {"change to user-centric"}


@pytest.mark.parametrize(
    ("column", "said"),
    [("penalty", "charged 4.99 of 10.00 = summary 5.00 of 10.00; shared 5.00, kept -0.01"),
     ("shared", "charged 5.00 of 10.00 = summary 5.00 of 10.00; shared 5.01, kept -0.01"),
     ("would_have_earned", "charged 5.00 of 10.01 = summary 5.00 of 10.00; shared 5.00, kept 0.00")],
)  # fmt: skip
def test_forged_penalties_fail_on_their_sums(tmp_path: Path, column: str, said: str) -> None:
    """Of 20.00 the bot's play would have earned 10.00, of which half is charged."""
    out = tmp_path / "out"
    (tmp_path / "review.csv").write_text("kind,subject,decision,penalty\nuser,bot,exclude,50%\n")
    log = pl.DataFrame({"user": ["h", "bot"], "artist": ["a", "fake"]})
    fairpay.pay(log, rule="market-centric", pool="20", decisions=tmp_path / "review.csv").save(out)
    assert failing(out, inputs=False) == {}
    right = pq.read_table(out / "penalties.parquet")
    more = [amount + Decimal("0.01" if amount else 0) for amount in right[column].to_pylist()]
    place = right.column_names.index(column)
    forged = right.set_column(place, right.schema.field(column), pa.array(more, right[column].type))
    rewrite(out, {"penalties.csv": partial(write_csv, forged), "penalties.parquet": partial(write_parquet, forged)})
    assert failing(out, inputs=False) == {"penalties market-centric": said}


def test_a_forged_table_with_a_negative_payout_fails(run: Path) -> None:
    forge(run, table(("6.01", "4.00", "-0.01")))
    assert "paid market-centric" in failing(run)


def test_rows_out_of_order_fail(run: Path) -> None:
    forge(run, table().take([1, 0, 2]))
    assert failing(run) == {"order": "by market_centric, then artist: 1 rows out of order"}


def test_ties_out_of_byte_order_fail(run: Path) -> None:
    forge(run, table(("3.00", "3.00", "4.00")).take([2, 1, 0]))
    assert "order" in failing(run)


def test_an_artist_that_stands_twice_fails(run: Path) -> None:
    made = table()
    twice = made.set_column(0, "artist", pa.array(["a", "a", "b"], pa.large_string()))
    forge(run, twice)
    assert "2 different artists" in failing(run)["table rows"]


def test_a_csv_that_says_something_else_fails(run: Path) -> None:
    forge(run)
    (run / "comparison.csv").write_text("artist\n")
    assert "csv" in failing(run)


def said(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - values of a summary
    """A summary that says something else; keys are paths, `listening__plays`."""
    told = summary()
    for path, value in changes.items():
        place: Any = told
        *way, last = [int(step) if step.isdigit() else step for step in path.split("__")]
        for step in way:
            place = place[step]
        place[last] = value
    return told


@pytest.mark.parametrize(
    ("changes", "control"),
    [
        ({"pool": "11.00"}, "paid market-centric"),
        ({"rules__1__paid": "9.99"}, "paid user-centric"),
        ({"rules__0__artists_paid": 2}, "artists paid market-centric"),
        ({"listening__plays": 11}, "plays"),
        ({"listening__seconds": "600.001"}, "seconds"),
        ({"listening__used": 11}, "rows"),
        ({"listening__artists": 4}, "table rows"),
        ({"comparisons__0__moved": "1.01"}, "change to user-centric"),
        ({"comparisons__0__gainers": 2}, "change to user-centric"),
    ],
)
def test_a_summary_that_does_not_agree_with_the_table_fails(run: Path, changes: dict[str, Any], control: str) -> None:
    forge(run, told=said(**changes))
    assert control in failing(run)


def test_a_summary_that_is_none_fails_without_a_traceback(run: Path) -> None:
    forge(run, told={"nothing": "here"})
    assert "not what it should be" in failing(run)["totals"]


def test_amounts_near_2_to_the_62_are_summed_exactly(run: Path) -> None:
    huge = Decimal("46116860184273879.04")
    amounts = [huge, huge, Decimal("0.01")]
    column = pa.array(amounts, MONEY)
    made = table().set_column(4, "market_centric", column).set_column(5, "user_centric", column)
    made = made.set_column(6, "user_centric_difference", pa.array([Decimal("0.00")] * 3, MONEY))
    pool = str(sum(amounts))
    changes = {"pool": pool, "rules__0__paid": pool, "rules__1__paid": pool, "comparisons__0__moved": "0.00"}
    forge(run, made, said(**changes, comparisons__0__gainers=0, comparisons__0__losers=0))
    assert pq.read_table(run / "comparison.parquet")["market_centric"].to_pylist() == amounts
    assert failing(run) == {}


@pytest.mark.parametrize(("change", "says"), [(b"", "says"), (b"x,1\n", "does not say"), (None, "does not say")])
def test_files_are_compared_to_their_ends_some_rows_at_a_time(
    change: bytes | None, says: str, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairpay.runs.verify.CSV_ROWS", 1)
    path = run / "comparison.csv"
    path.write_bytes(path.read_bytes()[:-1] if change is None else path.read_bytes() + change)
    with pq.ParquetFile(run / "comparison.parquet") as file:
        assert file.metadata.num_rows > 1
        assert csv_control(file, path).detail == f"comparison.csv {says} the same as the Parquet file"
