"""Parts as files: one Parquet file of integers with its terms in JSON, nothing in it that runs, and no user.

The table is long: `section` says what a row is of, `pool` which variant of the month, `id` an artist or a track, and
`a` to `d` are int64 whose meaning `SECTIONS` tells. What is one number stands in the JSON of the key `fairpay`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from fairpay.adjust.weights import Census
from fairpay.engine.partial import ARTISTS, USERS, Answer, PoolPart, summed
from fairpay.engine.partition import PayerTotals
from fairpay.errors import InputError, OutputError, Problem
from fairpay.logs.cells import to_arrow
from fairpay.logs.faults import DAMAGED, reading_of
from fairpay.logs.schema import Fate, Warned
from fairpay.pipeline.parts import MonthPart
from fairpay.qualify.tally import Counts
from fairpay.runs import disk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


__all__ = ["SECTIONS", "PartFile", "add_censuses", "mark_of", "packed", "read_part", "unpacked", "write_part"]

SCHEMA_VERSION = 1
MAGIC = b"PAR1"
"""With which files of Parquet begin and end."""
PARTS = "Give files that `fairpay shard` or `fairpay merge` wrote."
GROUP_ROWS = 1 << 20
KEY = b"fairpay"
SECTIONS = {
    "artist": "an artist: amount, plays, milliseconds, listeners",
    "users": "how many listeners pay and play alike: fee, listening, plays, how many",
    "artist count": "an artist as a policy counts it: streams, listeners",
    "track count": "a track as a policy counts it: streams, listeners",
    "answer": "a sum that is not 0: which answer, row, column, value",
    "prefix": "the beginning of keyed hashes of listeners: the beginning, how many",
}
"""What a row of each section holds: what `id` names, and `a` to `d`."""
COLUMNS = ("a", "b", "c", "d")
SCHEMA = pa.schema(
    [
        ("section", pa.string()),
        ("pool", pa.int32()),
        ("id", pa.large_string()),
        *((name, pa.int64()) for name in COLUMNS),
    ]
)
PLAIN = ("terms", "round", "parts", "everybody", "after", "party")
"""What stands in the JSON as it is."""
NOTHING = pl.DataFrame(SCHEMA.empty_table())
CENSUS = pl.Schema({"id": pl.String, "streams": pl.Int64, "listeners": pl.Int64})


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFile:
    """What a part's file holds."""

    terms: Mapping[str, Any]
    """What every part of a month must agree on."""
    round: int
    """From 1 on; each needs the sum of all parts of the one before."""
    parts: tuple[str, ...]
    """Marks of the shards that are in it, sorted."""
    everybody: tuple[str, ...] = ()
    """Marks of all shards of the month, as the sum says that this is an answer to; none: it answers none."""
    after: str = ""
    """The mark of that sum."""
    party: str = ""
    """Who made it, as they call themselves; two who add the same are told apart by it."""
    part: MonthPart | None = None
    """Listening; None while a policy's counts are collected."""
    census: Mapping[str, Census] | None = None
    """`artist` or `track` -> streams and listeners of the whole month, or of these users."""
    answers: tuple[Answer, ...] = ()
    """Of the whole month, in the order in which they were wanted."""
    answer: tuple[Answer, ...] = ()
    """Of these users, to what is wanted next in each variant that is not settled yet."""
    prefixes: Mapping[int, int] | None = None
    """Beginnings of keyed hashes of listeners -> how many."""


def packed(held: PartFile) -> bytes:
    """Return a part as the bytes of a Parquet file, which hold their own SHA-256."""
    table, said = laid_out(held)
    described = {KEY: json.dumps({**said, "sha256": digest(table, said)}, sort_keys=True).encode()}
    sink = pa.BufferOutputStream()
    arrow = table.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(SCHEMA).replace_schema_metadata(described)
    pq.write_table(arrow, sink, compression="zstd", row_group_size=GROUP_ROWS)
    return bytes(sink.getvalue())


def mark_of(held: PartFile) -> str:
    """Return the SHA-256 of all that a part holds, however a file of it is compressed."""
    return digest(*laid_out(held))


def digest(table: pl.DataFrame, said: Mapping[str, Any]) -> str:
    hashed = sha256(json.dumps(said, sort_keys=True).encode())
    for part in table.iter_slices(GROUP_ROWS):
        hashed.update(part.write_csv().encode())
    return hashed.hexdigest()


def laid_out(held: PartFile) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Lay a part out as a table, and what is one number as JSON."""
    said: dict[str, Any] = {
        "schema": SCHEMA_VERSION,
        **{name: getattr(held, name) for name in PLAIN},
        "answers": [answer_said(one) for one in held.answers],
        "answer": [answer_said(one) for one in held.answer],
        "census": None if held.census is None else sorted(held.census),
        "part": None if held.part is None else part_said(held.part),
        "prefixes": held.prefixes is not None,
    }
    return pl.concat([NOTHING, *(section(*one) for one in sections(held))]), said


def answer_said(one: Answer) -> dict[str, Any]:
    rows, columns = one.sums.shape
    return {"pool": one.pool, "rows": rows, "columns": columns, "totals": [*map(str, one.totals)]}


def part_said(part: MonthPart) -> dict[str, Any]:
    dropped = {fate.name: count for fate, count in part.counts.dropped.items()}
    return {
        "columns": {role: list(names) for role, names in part.columns.items()},
        "elsewhere": dict(part.elsewhere),
        "counts": {**asdict(part.counts), "dropped": dropped},
        "warnings": [asdict(one) for one in part.warned],
        "stages": [dict(one) for one in part.stages],
        "pools": [{**asdict(one.payers), "subscribers": one.subscribers, "has_ms": one.has_ms} for one in part.pools],
    }


def sections(held: PartFile) -> Iterator[tuple[str, int, pl.DataFrame]]:
    """Yield every section, of which pool it is, and its rows."""
    for pool, one in enumerate(() if held.part is None else held.part.pools):
        yield "artist", pool, one.artists
        yield "users", pool, one.users
    for unit, census in sorted((held.census or {}).items()):
        yield f"{unit} count", 0, counted(census)
    for place, answer in enumerate([*held.answers, *held.answer]):
        row, column = answer.sums.nonzero()
        rows = {"place": np.full(len(row), place), "row": row, "column": column, "value": answer.sums[row, column]}
        yield "answer", 0, pl.DataFrame(rows)
    if held.prefixes is not None:
        sides = {"prefix": [*held.prefixes], "count": [*held.prefixes.values()]}
        yield "prefix", 0, pl.DataFrame(sides, schema=dict.fromkeys(sides, pl.Int64))


def counted(census: Census) -> pl.DataFrame:
    columns = zip(CENSUS, (census.ids, census.streams, census.listeners), strict=True)
    return pl.DataFrame([pl.Series(name, one) for name, one in columns])


def section(name: str, pool: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Lay a section out: its columns but `id` are called by letters, in their order."""
    own = rows.rename(dict(zip((one for one in rows.columns if one != "id"), COLUMNS, strict=False)))
    kinds = NOTHING.schema
    missing = [pl.lit(None, kinds[one]).alias(one) for one in ("id", *COLUMNS) if one not in own.columns]
    own = own.with_columns(pl.lit(name).alias("section"), pl.lit(pool, pl.Int32).alias("pool"), *missing)
    return own.select(NOTHING.columns).cast(kinds)


def read_section(frame: Mapping[Any, pl.DataFrame], name: str, pool: int, columns: Iterable[str]) -> pl.DataFrame:
    """Return the rows of a section by the names of its columns."""
    own = dict(zip((one for one in columns if one != "id"), COLUMNS, strict=False))
    return frame.get((name, pool), NOTHING).select(pl.col(own.get(one, one)).alias(one) for one in columns)


def unpacked(content: bytes, name: str) -> PartFile:
    """Read a part.

    Raises:
        InputError: it is none, it is damaged, or it is of another version of the format.

    """
    if not (content.startswith(MAGIC) and content.endswith(MAGIC)):
        message = f"{name}: this is no part of a month" + (
            ", or its end is missing" if content.startswith(MAGIC) else ""
        )
        raise InputError(message, advice=PARTS)
    with reading_of(name):
        table = pq.read_table(pa.BufferReader(content))
        table.validate(full=True)
    try:
        said = json.loads((table.schema.metadata or {}).get(KEY, b"null"))
    except ValueError:
        said = None
    if not isinstance(said, dict) or not {"schema", "sha256"} <= {*said}:
        message = f"{name}: this is no part of a month"
        raise InputError(message, advice=PARTS)
    if said["schema"] != SCHEMA_VERSION:
        message = f"{name}: a part of version {said['schema']} of the format, and this fairpay reads {SCHEMA_VERSION}"
        raise InputError(message, advice="Make all parts with the same fairpay.")
    mark = said.pop("sha256")
    if not table.schema.equals(SCHEMA) or digest(pl.DataFrame(table.replace_schema_metadata(None)), said) != mark:
        message = f"{name}: its content is not what was written"
        raise InputError(message, advice=DAMAGED)
    try:
        return held_of(said, table)
    except (KeyError, IndexError, TypeError, ValueError):
        message = f"{name}: this is not what fairpay writes into a part"
        raise InputError(message, advice="Make it again with `fairpay shard`.") from None


def held_of(said: Mapping[str, Any], table: pa.Table) -> PartFile:
    """Make of JSON and rows what they say."""
    frame = pl.DataFrame(table).partition_by("section", "pool", as_dict=True)
    answers = [
        answer_of(frame.get(("answer", 0)), place, one) for place, one in enumerate([*said["answers"], *said["answer"]])
    ]
    plain: dict[str, Any] = {name: tuple(said[name]) if isinstance(said[name], list) else said[name] for name in PLAIN}
    prefixes = read_section(frame, "prefix", 0, ("prefix", "count"))
    return PartFile(
        **plain,
        part=None if said["part"] is None else read_listening(said["part"], frame),
        census=None
        if said["census"] is None
        else {unit: census_of(read_section(frame, f"{unit} count", 0, CENSUS)) for unit in said["census"]},
        answers=tuple(answers[: len(said["answers"])]),
        answer=tuple(answers[len(said["answers"]) :]),
        prefixes=dict(prefixes.iter_rows()) if said["prefixes"] else None,
    )


def answer_of(rows: pl.DataFrame | None, place: int, said: Mapping[str, Any]) -> Answer:
    sums = np.zeros((said["rows"], said["columns"]), dtype=np.int64)
    if rows is not None:
        mine = rows.filter(pl.col("a") == place)
        sums[mine["b"].to_numpy(), mine["c"].to_numpy()] = mine["d"].to_numpy()
    return Answer(sums, tuple(map(int, said["totals"])), said["pool"])


def read_listening(said: Mapping[str, Any], frame: Mapping[Any, pl.DataFrame]) -> MonthPart:
    counts = dict(said["counts"])
    counts["dropped"] = {Fate[name]: count for name, count in counts["dropped"].items()}
    counts["problems"] = tuple(Problem(**one) for one in counts["problems"])
    return MonthPart(
        columns=said["columns"],
        elsewhere=said["elsewhere"],
        counts=Counts(**counts),
        warned=tuple(Warned(**{**one, "examples": tuple(one["examples"])}) for one in said["warnings"]),
        stages=tuple(said["stages"]),
        pools=tuple(read_pool(one, frame, pool) for pool, one in enumerate(said["pools"])),
    )


def read_pool(said: Mapping[str, Any], frame: Mapping[Any, pl.DataFrame], pool: int) -> PoolPart:
    known = dict(said)
    return PoolPart(
        subscribers=known.pop("subscribers"),
        has_ms=known.pop("has_ms"),
        payers=PayerTotals(**known),
        artists=read_section(frame, "artist", pool, ARTISTS),
        users=read_section(frame, "users", pool, USERS),
    )


def census_of(rows: pl.DataFrame) -> Census:
    return Census(to_arrow(rows["id"]), rows["streams"].to_numpy(), rows["listeners"].to_numpy())


def add_censuses(several: Sequence[Mapping[str, Census]]) -> dict[str, Census]:
    """Add what a policy counts, over disjoint users."""
    units = sorted({*several[0]})
    return {unit: census_of(summed((counted(one[unit]) for one in several), CENSUS, keys=1)) for unit in units}


def read_part(path: object) -> PartFile:
    """Read a part's file.

    Raises:
        InputError: it is not there, damaged, or none.

    """
    name = str(path)
    try:
        content = Path(name).read_bytes()
    except OSError as error:
        message = f"{name} cannot be read: {error.strerror or error}"
        raise InputError(message, advice=PARTS) from None
    return unpacked(content, name)


def write_part(held: PartFile, path: Path, *, force: bool) -> Path:
    """Write a part, whole or not at all; the same part again is left as it is.

    Raises:
        OutputError: it cannot be written, or another file is there.

    """
    if path.exists() and not force:
        if path.is_file() and is_part(path) == mark_of(held):
            return path
        message = f"{path} is there already"
        raise OutputError(message, advice="Replace it with --force, or give another name.")
    try:
        with disk.replacing(path) as made, disk.open_new(made) as file:
            file.write(packed(held))
    except OSError as error:
        message = f"{path} could not be written: {error.strerror or error}"
        raise OutputError(message, advice="Nothing half-written is left.") from error
    return path


def is_part(path: Path) -> str:
    """Return the mark of a part's file; empty where it is none."""
    try:
        return mark_of(read_part(path))
    except InputError:
        return ""
