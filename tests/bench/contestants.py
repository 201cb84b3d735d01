"""What fairpay is compared with, each as a program: `python contestants.py NAME LOG OUT`.

Each query works out both rules for every artist, with a fee of 10.00 for each user, in floating point, and writes
them to a Parquet file; it needs neither tell rows apart by fate nor count listeners, so it does less than fairpay.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

COLUMNS = ["user_id", "artist_id", "ms_played"]
FEE = 10.0

DUCKDB = """
COPY (
    WITH heard AS (
        SELECT user_id, artist_id, sum(ms_played)::BIGINT AS ms
        FROM read_parquet('{log}')
        WHERE ms_played >= 30000 AND artist_id IS NOT NULL
        GROUP BY ALL
    ),
    listener AS (SELECT user_id, sum(ms) AS total FROM heard GROUP BY ALL),
    artist AS (
        SELECT artist_id, sum(ms) AS ms, sum(ms / total) AS parts
        FROM heard JOIN listener USING (user_id)
        GROUP BY ALL
    ),
    everybody AS (SELECT count(*) * {fee} AS pool, sum(total) AS ms FROM listener)
    SELECT artist_id AS artist, artist.ms / everybody.ms * pool AS market_centric, parts * {fee} AS user_centric
    FROM artist, everybody
) TO '{out}' (FORMAT parquet)
"""


def duckdb(log: str, out: str) -> None:
    """One SQL statement; DuckDB chooses threads and memory."""
    import duckdb as engine  # noqa: PLC0415 - each contestant loads only what it needs

    engine.sql("SET preserve_insertion_order = false")
    engine.sql(DUCKDB.format(log=log, out=out, fee=FEE))


def polars(log: str, out: str) -> None:
    """Two streaming queries: user and artist first, the largest step, then its join with the users' totals."""
    import polars as pl  # noqa: PLC0415 - each contestant loads only what it needs

    qualified = (
        pl.scan_parquet(log).select(COLUMNS).filter(pl.col("ms_played") >= 30_000, pl.col("artist_id").is_not_null())
    )
    heard = (
        qualified.group_by("user_id", "artist_id").agg(ms=pl.col("ms_played").sum()).collect(engine="streaming").lazy()
    )
    listener = heard.group_by("user_id").agg(total=pl.col("ms").sum())
    parts = (
        heard.join(listener, on="user_id")
        .group_by("artist_id")
        .agg(pl.col("ms").sum(), parts=(pl.col("ms") / pl.col("total")).sum())
    )
    users = listener.select(pl.len())
    artist, count = pl.collect_all([parts, users], engine="streaming")
    pool = count.item() * FEE
    artist.select(
        artist="artist_id",
        market_centric=pl.col("ms") / pl.col("ms").sum() * pool,
        user_centric=pl.col("parts") * FEE,
    ).write_parquet(out)


def decode(log: str, _out: str) -> None:
    """Decode the three columns of every row group, on all processors, and throw them away."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - each contestant loads only what it needs

    groups = pq.read_metadata(log).num_row_groups

    def share(worker: int, workers: int) -> int:
        file = pq.ParquetFile(log)
        mine = range(worker, groups, workers)
        batches = file.iter_batches(1 << 17, row_groups=list(mine), columns=COLUMNS, use_threads=False)
        return sum(batch.num_rows for batch in batches)

    workers = cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        print(sum(pool.map(lambda worker: share(worker, workers), range(workers))))  # noqa: T201 - its output


def csv(log: str, _out: str) -> None:
    """Read the three columns of a CSV file with the streaming engine."""
    import polars as pl  # noqa: PLC0415 - each contestant loads only what it needs

    print(pl.scan_csv(log).select(COLUMNS).collect(engine="streaming").height)  # noqa: T201 - its output


def typer(*_: str) -> None:
    """An empty Typer app that prints its help."""
    from typer import Typer  # noqa: PLC0415 - each contestant loads only what it needs

    app = Typer()

    @app.command()
    def empty(logs: list[str]) -> None:
        """Do nothing."""

    app(["--help"])


def imports(*_: str) -> None:
    """Load Polars and Numba."""
    import numba  # noqa: F401, PLC0415 - loading is the point
    import polars as pl  # noqa: F401, PLC0415 - the same


if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    {f.__name__: f for f in (duckdb, polars, decode, csv, typer, imports)}[name](*arguments)
