"""Making a month: how large it is, who is planted in it, and its files, each in place only when it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from fairpay.errors import OutputError, UsageError
from fairpay.runs.disk import replacing
from fairpay.settings.commands import complete
from fairpay.settings.speech import job

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    import pyarrow as pa

    from fairpay.settings.options import SynthOptions
    from fairpay.synth.likeness import Likeness, Synthesis
    from fairpay.synth.plays import MadeMonth

__all__ = ["Written", "synth"]

IDLE_SHARE = 32
"""One subscriber in so many plays nothing, on top of those who happen not to."""
GROUP_ROWS = 1_000_000
ROWS = 100_000
OWN = ("rows", "users", "artists", "bots", "plants", "countries", "plans", "population", "truth")
"""Options about what a log says itself."""
MOST = {"rows": 10**11, "users": 10**8, "artists": 5 * 10**6, "files": 10**5}


@dataclass(frozen=True, slots=True)
class Written:
    """What was made."""

    rows: int
    """Plays, the planted ones among them."""
    users: int
    """Users, the planted ones and those without a play among them."""
    artists: int
    """Artists who could be played, the planted ones among them."""
    files: tuple[Path, ...]
    """The logs."""
    likeness: Likeness | None = None
    """How it compares with the log it is like, where it is made like one."""


@job
def synth(path: str | Path, **options: Unpack[SynthOptions]) -> Written:
    """Make a month of `rows` plays by `users` people (default: one for each 100 plays), streamed to disk.

    Artists (default: 30 for each 100 users) are famous by Zipf's law, listening per user is log-normal; each user
    has artists of their own, a plan, a country and hours. The same seed gives the same plays in either order, and
    the same bytes. `bots="1040:636"` adds 1,040 accounts that play 636 times a day, on top of `rows`; `plants` adds
    more kinds likewise: `{"loops": "3:25"}`, lockstep, farm. With `files` above 1, `path` is a directory.
    `subscribers` and `artist_file` name further files to make. With `like`, a log (`columns` says which of its columns
    is what), the month has the log's statistics and none of its listeners.

    Raises:
        UsageError: for numbers out of range, an unknown column, plant or format.
        OutputError: when a file is there already (without `force`) or cannot be written.
        InputError: the log of `like` cannot be used, or has too few listeners.

    """
    from fairpay.synth.tables import COUNTRIES, PAID, PLANS, USUAL, Tables  # noqa: PLC0415 - loads Polars where it is used

    full = complete("synth", options)
    check_numbers(files=full["files"])
    logs = log_paths(Path(path), files=full["files"], chosen=full["format"])
    named = ("subscribers", "artist_file", "truth")
    paid, names, truth = (None if full[name] is None else Path(full[name]) for name in named)
    more = [one for one in (paid, names, truth) if one is not None]
    for one in more:
        format_of(one)
    if not full["force"]:
        refuse_present([*logs, *more])
    synthesis = synthesis_of(full, [*logs, *more])
    made = people(full) if synthesis is None else synthesis.month
    columns = (full["columns"] or USUAL) if synthesis is None else synthesis.columns
    tables = Tables(full["seed"], full["ids"], made, columns, full["countries"] or COUNTRIES, full["plans"] or PLANS)
    batches = (tables.plays(plays) for plays in (made.by_time() if full["order"] == "time" else made.by_user()))
    left: list[pa.Table] = []
    for number, one in enumerate(logs):
        share = made.rows * (number + 1) // len(logs) - made.rows * number // len(logs)
        write_file(take_rows(batches, left, share), one, tables.schema, full["format"])
    if paid is not None:
        write_file(tables.subscribers(made.users + made.users // IDLE_SHARE), paid, PAID)
    for file, side in ((names, tables.artist_table), (truth, tables.truth)):
        if file is not None:
            table = side()
            write_file([table], file, table.schema)
    likeness = None if synthesis is None else synthesis.held_against(logs, full)
    return Written(made.plays, made.users, made.artists, logs, likeness)


def people(full: Mapping[str, Any]) -> MadeMonth:
    """Make a month of the sizes asked for."""
    from fairpay.synth.listeners import parse_plants  # noqa: PLC0415 - loads Polars where it is used
    from fairpay.synth.population import make_month  # noqa: PLC0415 - likewise

    rows = ROWS if full["rows"] is None else full["rows"]
    users = max(1, rows // 100) if full["users"] is None else full["users"]
    artists = max(1, users * 3 // 10) if full["artists"] is None else full["artists"]
    check_numbers(rows=rows, users=users, artists=artists)
    realistic = full["population"] == "realistic"
    written = {**({"bots": full["bots"]} if full["bots"] else {}), **(full["plants"] or {})}
    plants = parse_plants(written, realistic=realistic)
    sizes = {"users": users, "artists": artists, "seed": full["seed"], "month": full["month"]}
    return make_month(rows, plants, **sizes, realistic=realistic, countries=full["countries"])


def synthesis_of(full: Mapping[str, Any], outputs: Sequence[Path]) -> Synthesis | None:
    """Make a month like a log, where there is one.

    Raises:
        UsageError: `columns` has the form of the other case, or the log says itself what an option says.

    """
    if full["columns"] and isinstance(full["columns"], Mapping) == (full["like"] is None):
        message = "--columns names the columns to make or, with --like, says which column of the log is what"
        raise UsageError(message, advice="With --like write ROLE=COLUMN,... else NAME,...")
    if full["like"] is None:
        return None
    if said := [name for name in OWN if full[name] is not None]:
        message = f"--{said[0]} is what the log of --like says itself"
        raise UsageError(message, advice="Leave it out.")
    from fairpay.synth.likeness import Synthesis  # noqa: PLC0415 - loads the whole pipeline

    return Synthesis.of(full, outputs)


def check_numbers(**numbers: int) -> None:
    """Refuse less than one of anything, and more than can be numbered."""
    for name, number in numbers.items():
        if not 1 <= number <= MOST[name]:
            message = f"{number} {name} cannot be made"
            raise UsageError(message, advice=f"Give from 1 to {MOST[name]:,} {name}.")


def format_of(path: Path, chosen: str | None = None) -> str:
    """Tell the format: the one chosen, else by extension; refuse what is neither CSV nor Parquet."""
    name = chosen or path.suffix.lstrip(".").lower()
    if name not in {"csv", "parquet"}:
        message = f"{path}: not a format that can be made"
        raise UsageError(message, advice="Let the name end in .parquet or .csv, or say --format.")
    return name


def log_paths(path: Path, *, files: int, chosen: str | None) -> tuple[Path, ...]:
    """Name the files of a log: the path itself, or `part-00000.parquet` and so on within it."""
    if files == 1:
        format_of(path, chosen)
        return (path,)
    extension = format_of(path, chosen or (None if path.suffix else "parquet"))
    return tuple(path / f"part-{number:05}.{extension}" for number in range(files))


def refuse_present(paths: Iterable[Path]) -> None:
    """Refuse to write over what is there, or where one may not look."""
    for path in paths:
        try:
            there = path.exists()
        except OSError as error:
            message = f"{path} could not be written: {error.strerror}"
            raise OutputError(message, advice="Choose another place.") from error
        if there:
            message = f"{path} is there already"
            raise OutputError(message, advice="Choose another name, or replace it with --force.")


def take_rows(tables: Iterator[pa.Table], left: list[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Take the next `rows` rows; what is over of a table stays in `left` for the next taker."""
    while rows:
        table = left.pop() if left else next(tables)
        part = table.slice(0, rows)
        if part.num_rows < table.num_rows:
            left.append(table.slice(part.num_rows))
        rows -= part.num_rows
        yield part


def write_file(tables: Iterable[pa.Table], path: Path, schema: pa.Schema, chosen: str | None = None) -> None:
    """Write tables to one file as they come: UTF-8 CSV, or Parquet in groups of a million rows.

    Raises:
        OutputError: when the file cannot be written; nothing half-written stays.

    """
    import polars as pl  # noqa: PLC0415 - loaded where it is used
    import pyarrow.parquet as pq  # noqa: PLC0415 - likewise

    with whole_file(path) as part:
        if format_of(path, chosen) == "csv":
            with part.open("wb") as file:
                for number, table in enumerate(ahead(chain([schema.empty_table()], tables))):
                    frame = pl.DataFrame(table)
                    frame.write_csv(file, include_header=not number, datetime_format="%Y-%m-%dT%H:%M:%SZ")
        else:
            with pq.ParquetWriter(part, schema, compression="zstd", store_schema=False) as writer:
                for table in ahead(in_groups(tables, schema)):
                    writer.write_table(table, row_group_size=GROUP_ROWS)


def in_groups(tables: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    """Hand full row groups on; the rest of a table waits for the next, or the end."""
    import pyarrow as pa  # noqa: PLC0415 - loaded where it is used

    waiting = schema.empty_table()
    for table in tables:
        waiting = pa.concat_tables([waiting, table])
        full = waiting.num_rows // GROUP_ROWS * GROUP_ROWS
        if full:
            yield waiting.slice(0, full)
        waiting = waiting.slice(full)
    if waiting.num_rows:
        yield waiting


def ahead(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Make the next table while one is written."""
    made = iter(tables)
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, made, None)
        while (table := coming.result()) is not None:
            coming = worker.submit(next, made, None)
            yield table


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Name a file to write first; it becomes `path` at the end, or is removed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            yield part
    except OSError as error:
        message = f"{path} could not be written: {error.strerror or error}"
        raise OutputError(message, advice="Nothing half-written is left.") from error
