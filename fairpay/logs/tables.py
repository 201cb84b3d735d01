"""Tables beside the logs (subscribers, artists, what listeners state), read with the same care for ids."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from fairpay.errors import InputError
from fairpay.logs.cells import id_cells, is_id, to_arrow
from fairpay.logs.columns import looks_like_data
from fairpay.logs.faults import reading_of
from fairpay.logs.find import log_file
from fairpay.logs.names import answering
from fairpay.logs.open import open_file
from fairpay.logs.source import BROKEN, ROW
from fairpay.settings.values import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from fairpay.logs.source import Source

__all__ = ["bare", "check_ids", "column_for", "defused", "open_table", "read_columns"]

UTF_16 = (b"\xff\xfe", b"\xfe\xff")
RISKY = r"^'*[=+\-@\t\r]"
"""What a spreadsheet runs, with as many apostrophes before it as it may have of its own."""


def open_table(path: Path, reading: Reading | None = None, *, header: bool = True, known: Sequence[str] = ()) -> Source:
    """Look into a table: CSV, TSV, Parquet, JSON or a workbook, in the encoding of the logs if `reading` tells one.

    Text that begins with the mark of UTF-16 is read as that. `known` are names that tell its header line.

    Raises:
        InputError: it cannot be read, or is empty.

    """
    collapsed = re.match(r"([a-z][a-z0-9]+):/(?=[^/])([^?]*)", str(path))
    if collapsed and not path.exists():
        message = f"{collapsed[1]}://{collapsed[2]}: only logs are read from addresses; this is a table beside them"
        raise InputError(message, advice="Fetch it first, and give the file.")
    file = log_file(str(path), Reading())
    encoding = None if reading is None else reading.encoding
    with reading_of(str(path)), open(file.local, "rb") as begin:  # noqa: PTH123 - a name as it was given
        encoding = "utf-16" if begin.read(2) in UTF_16 else encoding
    source = open_file(file, Reading(columns={name: name for name in known}, header=header, encoding=encoding))
    if not source.fields:
        message = f"{path}: the file is empty"
        raise InputError(message, advice="Is it the right file?")
    return source


def column_for(names: Sequence[str], known: Sequence[str], *, what: str, where: Path) -> str:
    """Find the first known name among the columns.

    Raises:
        InputError: none is there, or two are one by their names.

    """
    alike = answering(names, known)
    if not alike:
        if looks_like_data(names):
            message = f"{where}: no column for the {what}: the first line looks like a row, not like a header"
            raise InputError(message, advice=f"Write a header line above it, such as {known[0]}.")
        found = ", ".join(names) or "none"
        message = f"{where}: no column for the {what}: looked for {', '.join(known)}; the columns are {found}"
        raise InputError(message, advice="Rename the column in its header line.")
    if len(alike) > 1:
        message = f"{where}: {len(alike)} columns answer to the {what}: {', '.join(alike)}"
        raise InputError(message, advice="Keep one of them.")
    return alike[0]


def check_ids(source: Source, name: str, *, role: str) -> None:
    """Refuse ids that are not text or whole numbers.

    Raises:
        InputError: naming the column and its type.

    """
    kind = source.fields[name].kind
    if not is_id(kind):
        message = f"{source.where}: the {role} column {name} is of type {kind}; ids are text or whole numbers"
        raise InputError(message, advice="Write it as text.")


def read_columns(
    source: Source, names: Sequence[str], *, listing: bool = False
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_], dict[str, pa.Array]]]:
    """Read columns in batches: text as large_string, ids of other kinds as text, numbers as they are.

    Each comes with int64[rows], the number of each line, from 1 without the header, and bool[rows], lines with more
    fields than the header.

    Args:
        source: the table.
        names: its columns to read.
        listing: whether the caller lists lines that have more fields than the header; else the first is refused.

    Raises:
        InputError: the file is damaged, or a line has more fields than the header.

    """
    at = 1
    for frame in source.read(names):
        if not frame.height:
            continue
        if ROW in frame.columns:
            numbers = frame[ROW].to_numpy().astype(np.int64) + 1
        else:
            numbers = np.arange(at, at + frame.height)
            at += frame.height
        broken = np.zeros(frame.height, np.bool_)
        if BROKEN in frame.columns:
            broken = frame[BROKEN].is_not_null().to_numpy()
        if broken.any() and not listing:
            message = f"{source.where}: row {numbers[broken][0]} has more fields than the header, or repeats it"
            raise InputError(message, advice='Put text that holds the separator into quotes: "0,5".')
        yield numbers, broken, {name: plain(frame, name) for name in names}


def plain(frame: pl.DataFrame, name: str) -> pa.Array:
    """Hand over one column; what is neither number nor moment is text."""
    kind = frame.schema[name]
    if is_id(kind) and not kind.is_integer():
        return to_arrow(frame.select(id_cells(name, kind)).to_series().cast(pl.String))
    if kind.is_nested():
        return to_arrow(frame.select(pl.col(name).map_elements(str, return_dtype=pl.String)).to_series())
    return to_arrow(frame[name])


def defused(frame: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before every text that a spreadsheet would run, or that looks as if one stood there already."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    guarded = [
        pl.when(pl.col(name).str.contains(RISKY)).then(pl.lit("'") + pl.col(name)).otherwise(pl.col(name)).alias(name)
        for name in texts
    ]
    return frame.with_columns(guarded)


def bare(text: str) -> str:
    """Take that apostrophe off again."""
    return text[1:] if text.startswith("'") and re.match(RISKY, text) else text
