"""The same listening in any format, any batches and any files gives the same listens."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from reads import judged

ids = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), min_size=1, max_size=6)
play = st.tuples(ids, st.one_of(st.none(), ids), st.integers(0, 10**8).map(lambda n: n / 1000))


def written(folder: Path, plays: list[tuple[str, str | None, float]]) -> list[Path]:
    """Write the plays in every format."""
    names = ("user", "artist", "seconds")
    columns = dict(zip(names, map(list, zip(*plays, strict=True)), strict=True))
    paths = [folder / name for name in ("a.csv", "a.tsv", "a.csv.gz", "a.parquet", "b.parquet", "a.jsonl", "a.json")]
    frame = pl.DataFrame(columns, schema={"user": pl.String, "artist": pl.String, "seconds": pl.Float64})
    frame.write_csv(paths[0])
    frame.write_csv(paths[1], separator="\t", quote_style="always")
    frame.write_csv(paths[2], compression="gzip")
    pq.write_table(frame.to_arrow(), paths[3], row_group_size=3)
    texts = pa.table({**columns, "seconds": [str(s) for s in columns["seconds"]]})
    pq.write_table(texts, paths[4], use_dictionary=False)
    rows = [dict(zip(names, row, strict=True)) for row in plays]
    paths[5].write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    paths[6].write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return paths


@settings(deadline=None, max_examples=40)
@given(st.lists(play, min_size=1, max_size=12))
def test_every_format_and_batch_size_gives_the_same_listens(plays: list[tuple[str, str | None, float]]) -> None:
    with TemporaryDirectory() as folder:
        paths = written(Path(folder), plays)
        expected = judged(paths[0])
        assert expected[1].rows == len(plays)
        for path in paths:
            for batch_rows in (1, 1000, None):
                assert judged(path, batch_rows=batch_rows) == expected, (path.name, batch_rows)


def test_one_file_or_many_give_the_same_listens(tmp_path: Path) -> None:
    plays = [(f"u{i % 13}", f"a{i % 5}", 30 + i / 8) for i in range(700)]
    (tmp_path / "one").mkdir()
    whole = judged(written(tmp_path / "one", plays)[3])
    for i in range(7):
        (tmp_path / f"day={i}").mkdir()
        written(tmp_path / f"day={i}", plays[100 * i : 100 * i + 100])
    parts = judged(str(tmp_path / "day=*" / "a.parquet"))
    assert sorted(parts[0]) == sorted(whole[0])
    assert parts[1] == whole[1]
