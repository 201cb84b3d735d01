"""Cells as columns of a role: what a name stands for becomes ids, numbers, times, whatever type the file gives them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.errors import InputError
from fairpay.logs.faults import reading_of
from fairpay.logs.names import normal
from fairpay.logs.schema import RawBatch, Shares
from fairpay.logs.source import BROKEN, ROW, passing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fairpay.logs.files import LogFile
    from fairpay.logs.names import Columns
    from fairpay.logs.source import Source
    from fairpay.settings.values import Reading

__all__ = ["NOBODY", "NUMBERS", "Part", "can_be", "check_kinds", "id_cells", "is_id", "to_arrow", "with_comma"]

IDS = ("user", "artist")
NUMBERS = ("plays", "seconds", "ms", "track_ms")
READ = (*NUMBERS, "time")
"""What kernels read as text with offsets; other text is hashed, or not looked at."""
PROBED = 100
"""Values looked at before all are tried as numbers."""
BETWEEN = ", "
"""Stands between several artists of one play, where they earn together under this name."""
DESCRIBED = "trackdescription"
"""What Apple calls `Artist - Title`."""
NOBODY = "\0none"
"""Stands for the column of the artist in files of podcasts."""
TOPIC = " - Topic"
"""What YouTube adds to the name of an artist."""
DAY_FIRST = r"^(\d{1,2})[./-](\d{1,2})[./-](\d{4})(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?$"
COMMA = r"^-?\d+(,\d+)?$|^-?\d{1,3}([. ']\d{3})+(,\d+)?$"


def check_kinds(source: Source, columns: Columns) -> None:
    """Refuse ids that are not text or whole numbers, and other columns that cannot be what they were taken for.

    Raises:
        InputError: naming the column and its type: a float or a date has no one spelling.

    """
    for role, name in columns.roles.items():
        if name not in source.fields:
            continue
        kind, advice = source.fields[name], f"Name another column with --columns {role}=NAME."
        held = kind.inner if isinstance(kind, pl.List) and role == "artist" else kind
        if role in IDS and not is_id(held):  # type: ignore[arg-type] # a data type
            message = f"{source.where}: the {role} column {name} is of type {kind}; ids are text or whole numbers"
            advice = f"Write it as text, or n{advice[1:]}"
            if isinstance(kind, pl.Struct):
                advice = f"Name a value in it: --columns {role}={name}.{kind.fields[0].name}"
            raise InputError(message, advice=advice)
        if (role in NUMBERS and not is_number(kind, role)) or (role == "time" and not is_time(kind)):
            what = "moments" if role == "time" else "numbers"
            message = f"{source.where}: {role} is the column {name}, of {kind}, not of {what}"
            raise InputError(message, advice=advice)


def can_be(source: Source, role: str, name: str) -> bool:
    """Whether a column's type can be what it was taken for; of texts, those that are compared with each other."""
    if name not in source.fields:
        return True
    kind = source.fields[name]
    return is_time(kind) if role == "time" else is_id(kind) or kind == pl.List(pl.String)


def is_id(kind: pl.DataType) -> bool:
    """Whether a type can hold ids: text of any sort, whole numbers, decimals without a fraction."""
    if isinstance(kind, pl.Decimal):
        return kind.scale == 0
    return isinstance(kind, (pl.String, pl.Binary, pl.Categorical, pl.Enum, pl.Null)) or kind.is_integer()


def is_number(kind: pl.DataType, role: str) -> bool:
    more = () if role == "plays" else (pl.Duration,)
    return kind.is_numeric() or isinstance(kind, (pl.String, pl.Null, pl.Categorical, *more))


def is_time(kind: pl.DataType) -> bool:
    return kind.is_numeric() or isinstance(kind, (pl.String, pl.Null, pl.Categorical, pl.Datetime, pl.Date))


def id_cells(name: str, kind: pl.DataType) -> pl.Expr:
    """Ids as text, or whole numbers as they are; empty text stays empty."""
    expr = pl.col(name)
    if not isinstance(kind, pl.String):
        return expr if kind.is_integer() else expr.cast(pl.String)
    if normal(name) == DESCRIBED:
        return expr.str.extract(r"(?s)^(.*?) - ")
    return expr.str.strip_suffix(TOPIC) if name == "subtitles.name" else expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One source of rows, with what is made of its columns."""

    source: Source
    columns: Columns
    reading: Reading
    constants: Mapping[str, str | None] = field(default_factory=dict)
    """Columns with one value for the whole file: hive keys, and under the name "" the user the file stands for."""
    file: LogFile | None = None
    """None: a table in memory."""
    scale: int = 1
    """As in Shares, where plays are split among their artists."""

    @property
    def bytes(self) -> int:
        """Bytes on disk."""
        return 0 if self.file is None else self.file.size

    @property
    def names(self) -> list[str]:
        """The columns to be read, at least one."""
        names = [name for name in self.columns.names if name in self.source.fields]
        return names or self.source.names[:1]

    def read(self, rows: int | None, period: tuple[int | None, int | None], *, views: bool) -> Iterator[RawBatch]:
        """Read its rows, at most `rows` at a time; those that Parquet itself says lie outside the period are counted.

        Raises:
            InputError: the file is damaged, or holds what cannot be read.

        """
        source = self.source
        keep = passing(source, self.columns.roles.get("time"), period)
        at = 1
        for frame in source.read(self.names, rows, keep=keep):
            with reading_of(source.where):
                batch = self.batch(frame, first_row=at, views=views)
            yield batch
            at += frame.height
        if keep is not None and source.rows is not None and source.rows > at - 1:
            yield RawBatch({}, source.where, at, pruned=source.rows - (at - 1))

    def batch(self, frame: pl.DataFrame, *, first_row: int, views: bool = False) -> RawBatch:
        """Name the columns of a frame by role.

        Args:
            frame: at least the columns `names`.
            first_row: number of its first row, from 1, where it has no ROW.
            views: whether what is text and no number stays as Polars has it, as views, to be hashed as it lies.

        """
        numbers = frame[ROW].to_numpy().astype("int64") + 1 if ROW in frame.columns else None
        found, shares = self.series(frame), None
        several, duet = self.several(frame)
        if isinstance(found["artist"].dtype if "artist" in found else None, pl.List):
            spread = pl.DataFrame(found).with_row_index(ROW).explode("artist", empty_as_null=True, keep_nulls=True)
            at = spread.drop_in_place(ROW).to_numpy()
            found = {name: spread[name] for name in found}
            numbers = (first_row + at) if numbers is None else numbers[at]
            part = np.bincount(at, minlength=frame.height)[at]
            shares = Shares(again=np.diff(at, prepend=-1) == 0, part=part, scale=self.scale)
        broken = found.pop(BROKEN, None)
        columns = {
            name: to_arrow(numbers_of(cells) if name in NUMBERS else cells, views=views and name not in READ)
            for name, cells in found.items()
        }
        rows = frame.height if shares is None else len(shares.part)
        for role, name in self.columns.roles.items():
            if name not in self.source.fields:
                columns[role] = constant(self.constants.get(name), rows)
        return RawBatch(
            columns,
            self.source.where,
            first_row,
            numbers=numbers,
            broken=None if broken is None else broken.fill_null(0).to_numpy(),
            shares=shares,
            separator=self.source.separator,
            nul=self.source.nul,
            several=several,
            duet=duet,
        )

    def several(self, frame: pl.DataFrame) -> tuple[int, str]:
        """Count the plays with several artists; return those of the first by text, too."""
        name = self.columns.roles["artist"]
        if name not in frame.columns or not isinstance(frame.schema[name], pl.List):
            return 0, ""
        lists = frame[name].filter(frame[name].list.drop_nulls().list.len() > 1)
        if not len(lists):
            return 0, ""
        named = pl.select(pl.lit(lists).cast(pl.List(pl.String)).list.join(BETWEEN)).to_series()
        return len(lists), str(named.min())

    def series(self, frame: pl.DataFrame) -> dict[str, pl.Series]:
        """Make the columns of the roles; where plays are split among their artists, `artist` holds lists of them."""
        named = {role: name for role, name in self.columns.roles.items() if name in self.source.fields}
        made = {role: self.cells(role, name, frame.schema[name]) for role, name in named.items()}
        exprs = [expr.alias(role) for role, expr in made.items() if not expr.meta.is_column()]
        if self.columns.played:
            words = [pl.col(name).cast(pl.String).is_in(list(words)) for name, words in self.columns.played]
            exprs.append(pl.all_horizontal(words).alias("played"))
        if self.columns.roles.get("artist") == NOBODY:
            exprs.append(pl.repeat(value=True, n=pl.len()).alias("spoken"))
        elif self.columns.spoken:
            told = [pl.col(name).is_not_null() & (pl.col(name).cast(pl.String) != "") for name in self.columns.spoken]
            exprs.append(pl.any_horizontal(told).alias("spoken"))
        found = {role: frame[name] for role, name in named.items() if made[role].meta.is_column()}
        if BROKEN in frame.columns:
            found[BROKEN] = frame[BROKEN]
        try:
            return found | frame.select(exprs).to_dict(as_series=True)
        except pl.exceptions.ComputeError:
            self.refuse_bytes(frame)
            raise

    def refuse_bytes(self, frame: pl.DataFrame) -> None:
        """Name the column whose bytes are not UTF-8, if there is one."""
        for role, name in self.columns.roles.items():
            if name not in frame.columns or not isinstance(frame.schema[name], pl.Binary):
                continue
            try:
                frame[name].cast(pl.String)
            except pl.exceptions.ComputeError as error:
                message = f"{self.source.where}: the {role} column {name} holds bytes that are not UTF-8 text"
                raise InputError(message, advice="Write the ids as text, such as hexadecimal digits.") from error

    def cells(self, role: str, name: str, kind: pl.DataType) -> pl.Expr:
        """Say what is made of one column."""
        expr, text = pl.col(name), isinstance(kind, pl.String)
        if role == "artist" and isinstance(kind, pl.List):
            return artists(expr, self.reading.several_artists, name)
        if role in IDS:
            return id_cells(name, kind)
        if isinstance(kind, pl.List):
            return expr.cast(pl.List(pl.String)).list.join(BETWEEN)
        if role in NUMBERS and text and self.reading.decimal == ",":
            return with_comma(expr)
        if role == "time" and text and self.reading.day_first:
            return day_first(expr)
        typed = role in (*NUMBERS, "time") and not isinstance(kind, (pl.Decimal, pl.Categorical))
        return expr if text or typed else expr.cast(pl.String)


def numbers_of(column: pl.Series) -> pl.Series:
    """Read text as whole numbers where every value is one; else leave it, for its exact value or for what is wrong."""
    some = column.head(PROBED)
    if column.dtype != pl.String or some.cast(pl.Int64, strict=False).null_count() != some.null_count():
        return column
    whole = column.cast(pl.Int64, strict=False)
    return whole if whole.null_count() == column.null_count() else column


def artists(expr: pl.Expr, several: str, name: str) -> pl.Expr:
    """Make one artist of a list of them, or leave the list for rows to be repeated; an empty list is none."""
    named = expr.cast(pl.List(pl.String)).list.drop_nulls()
    if name == "subtitles.name":
        named = named.list.eval(pl.element().str.strip_suffix(TOPIC))
    if several == "first":
        return named.list.first()
    if several == "split":
        return named.list.unique(maintain_order=True)
    return pl.when(named.list.len() > 0).then(named.list.join(BETWEEN))


def with_comma(expr: pl.Expr) -> pl.Expr:
    """Read 1.234,5 as 1234.5; what is not written so is left as it stands, to be refused."""
    plain = expr.str.strip_chars().str.replace_all(r"[. ']", "").str.replace(",", ".", literal=True)
    odd = pl.concat_str(pl.lit("not a decimal comma: "), expr)
    return pl.when(expr.str.strip_chars().str.contains(COMMA)).then(plain).when(expr.is_not_null()).then(odd)


def day_first(expr: pl.Expr) -> pl.Expr:
    """Read 3.2.2025 18:30 as 2025-02-03 18:30; what is not written so is left as it stands."""
    parts = expr.str.strip_chars().str.extract_groups(DAY_FIRST)
    day, month, year, hour, minute, second = (parts.struct.field(str(i)) for i in range(1, 7))
    clock = pl.concat_str(
        pl.lit("T"), hour.str.zfill(2), pl.lit(":"), minute, pl.lit(":"), second.fill_null("00"), ignore_nulls=False
    ).fill_null("")
    date = pl.concat_str(year, pl.lit("-"), month.str.zfill(2), pl.lit("-"), day.str.zfill(2), clock)
    return pl.when(day.is_not_null()).then(date).otherwise(expr)


def constant(value: str | None, rows: int) -> pa.Array:
    if value is None:
        return pa.nulls(rows, pa.string())
    try:
        entry = pa.array([value], pa.string())
    except UnicodeEncodeError:
        message = f"a file or folder whose name is not UTF-8 cannot stand for an id: {value!r}"
        raise InputError(message, advice="Give it a name in UTF-8.") from None
    return pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), entry)


def to_arrow(column: pl.Series, *, views: bool = False) -> pa.Array:
    """Hand a column over as one array: text as views where they are hashed as they lie, else with offsets."""
    level = pl.CompatLevel.newest() if views else pl.CompatLevel.oldest()
    found = (column if column.n_chunks() == 1 else column.rechunk()).to_arrow(compat_level=level)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
