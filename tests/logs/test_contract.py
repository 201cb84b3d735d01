"""One contract for all files: however a month is cut, ordered, typed and written, it gives one answer."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from reads import judged

import fairpay
from fairpay.errors import FairpayError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Play = dict[str, "str | int | None"]
TRIES = 80 if settings.get_current_profile_name() == "search" else 25

SCHEMA = {"user": pl.String, "artist": pl.String, "plays": pl.Int64, "ms": pl.Int64}
ids = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), min_size=1, max_size=6)
play = st.fixed_dictionaries({
    "user": ids, "artist": st.one_of(st.none(), ids), "seconds": st.integers(0, 10**8).map(lambda n: n / 1000)
})  # fmt: skip
names = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\0", exclude_categories=("Cs",)), min_size=1, max_size=4
)
plays = st.fixed_dictionaries({
    "user": st.one_of(st.integers(1, 5).map(str), names),
    "artist": st.one_of(st.none(), st.integers(1, 5).map(str), names),
    "plays": st.integers(0, 50),
    "ms": st.integers(0, 4_000_000),
})  # fmt: skip


def csv(frame: pl.DataFrame, path: Path) -> Path:
    frame.write_csv(path.with_suffix(".csv"), quote_style="non_numeric")
    return path.with_suffix(".csv")


def packed(frame: pl.DataFrame, path: Path) -> Path:
    frame.write_csv(path.with_suffix(".csv.zst"), compression="zstd", separator=";")
    return path.with_suffix(".csv.zst")


def parquet(frame: pl.DataFrame, path: Path) -> Path:
    frame.write_parquet(path.with_suffix(".parquet"), row_group_size=3)
    return path.with_suffix(".parquet")


def lines(frame: pl.DataFrame, path: Path) -> Path:
    frame.write_ndjson(path.with_suffix(".jsonl"))
    return path.with_suffix(".jsonl")


def array(frame: pl.DataFrame, path: Path) -> Path:
    path = path.with_suffix(".json")
    path.write_text(json.dumps(frame.to_dicts(), default=str), encoding="utf-8")
    return path


FORMATS = (csv, packed, parquet, lines, array)


def whole(text: str | None) -> bool:
    """Whether an id may also be written as a number."""
    return text is None or (text.isascii() and text.isdigit() and text == str(int(text)))


def typed(frame: pl.DataFrame, choice: int) -> pl.DataFrame:
    """Write the same values in other types: ids that are numbers as integers, numbers as text, decimals or narrower."""
    ids = [n for n in ("user", "artist") if choice & 1 and all(whole(v) for v in frame[n].to_list())]
    numbers: list[pl.DataType] = [pl.Int64(), pl.String(), pl.Decimal(20, 0), pl.UInt32()]
    kind = numbers[choice // 2 % len(numbers)]
    return frame.with_columns(*(pl.col(n).cast(pl.Int64) for n in ids), pl.col("plays", "ms").cast(kind))


def told(paths: Sequence[Path]) -> str:
    """Compare; return all that a run writes of amounts, or the refusal."""
    try:
        result = fairpay.compare(paths, fee="9.99", rules=["market-centric", "user-centric"], min_seconds="0")
    except FairpayError as error:
        problems = sorted((p.count, p.reason.split(":")[0]) for p in error.problems)
        return f"{error.status} {error.message.rsplit(': ', maxsplit=1)[-1]} {problems}"
    return str(result.table.write_csv())


@settings(deadline=None, max_examples=TRIES)
@given(st.data(), st.lists(plays, min_size=1, max_size=14), st.sampled_from(FORMATS))
def test_a_month_gives_the_same_bytes_however_it_is_cut_ordered_and_typed(
    data: st.DataObject, month: list[Play], write: Callable[[pl.DataFrame, Path], Path]
) -> None:
    with TemporaryDirectory() as folder:
        expected = told([csv(pl.DataFrame(month, schema=SCHEMA), Path(folder) / "whole")])
        rows = data.draw(st.permutations(month))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
        parts = [rows[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
        paths = []
        for number, part in enumerate(parts):
            frame = pl.DataFrame(part, schema=SCHEMA).with_columns(pl.lit(number).alias("other"))
            if write in {parquet, array, lines}:
                frame = typed(frame, data.draw(st.integers(0, 7)))
            columns = data.draw(st.permutations(frame.columns))
            paths.append(write(frame.select(columns), Path(folder) / f"part-{number}"))
        assert told(data.draw(st.permutations(paths))) == expected


@settings(deadline=None, max_examples=TRIES)
@given(st.lists(play, min_size=1, max_size=12), st.sampled_from(FORMATS), st.sampled_from([1, 1000, None]))
def test_every_format_and_batch_size_gives_the_same_listens(
    month: list[Play], write: Callable[[pl.DataFrame, Path], Path], batch_rows: int | None
) -> None:
    frame = pl.DataFrame(month, schema={"user": pl.String, "artist": pl.String, "seconds": pl.Float64})
    with TemporaryDirectory() as folder:
        expected = judged(csv(frame, Path(folder) / "a"))
        assert expected[1].rows == len(month)
        assert judged(write(frame, Path(folder) / "b"), batch_rows=batch_rows) == expected


@settings(deadline=None, max_examples=TRIES // 2)
@given(st.data(), st.lists(plays, min_size=3, max_size=9), st.sampled_from(FORMATS))
def test_files_that_differ_in_what_they_say_are_refused_alike_in_any_order(
    data: st.DataObject, month: list[Play], write: Callable[[pl.DataFrame, Path], Path]
) -> None:
    renamed = data.draw(
        st.sampled_from([{"ms": "seconds"}, {"artist": "artist_id"}, {"user": "user_name"}, {"plays": "other"}])
    )
    frame = pl.DataFrame(month, schema=SCHEMA).with_columns(pl.col("artist").fill_null("x"))
    with TemporaryDirectory() as folder:
        paths = [write(frame[:1], Path(folder) / "a"), write(frame[1:2].rename(renamed), Path(folder) / "b")]
        paths.append(write(frame[2:], Path(folder) / "c"))
        said = {told(order) for order in (paths, paths[::-1], data.draw(st.permutations(paths)))}
        assert len(said) == 1
        assert next(iter(said)).startswith("3 ")
