"""Tables beside the logs (subscribers, artists, what listeners state), read with the same care for ids."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from fairpay.errors import InputError
from fairpay.logs.cells import id_cells, is_id, to_arrow, with_comma
from fairpay.logs.faults import Faults, reading_of
from fairpay.logs.files import open_bytes
from fairpay.logs.find import log_file
from fairpay.logs.names import ARTIST_ID, ARTIST_NAME, KNOWN, PAID, TOTALS, answering, looks_like_data, normal
from fairpay.logs.source import BROKEN, ROW, open_file
from fairpay.money.amounts import EMPTY, EXACT, NEGATIVE, NOT_A_NUMBER, TOO_LARGE, is_text, read_amounts
from fairpay.money.integers import sum_exactly
from fairpay.settings.values import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from fairpay.logs.source import Source
    from fairpay.money.currency import Currency

__all__ = [
    "Totals",
    "artist_rows",
    "bare",
    "column_for",
    "defused",
    "guarded",
    "open_table",
    "read_artists",
    "read_columns",
    "read_subscribers",
]

UTF_16 = (b"\xff\xfe", b"\xfe\xff")
RISKY = r"^'*[=+\-@\t\r]"
"""What a spreadsheet runs, with as many apostrophes before it as it may have of its own."""
WORDS = {EMPTY: "is empty", NEGATIVE: "is negative", NOT_A_NUMBER: "is not an amount", TOO_LARGE: "is too large"}
ADVICE = "Correct the file: one line for each subscriber, amounts with a decimal point, such as 9.99."
COMMA = "Write amounts with a decimal point (9,99 is 9.99 here), or give --decimal ','."
PAIR = 2


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
    with reading_of(str(path)), open_bytes(file.local) as begin:
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
    kind = source.fields[name]
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
        with reading_of(source.where):
            columns = {name: plain(frame, name) for name in names}
        yield numbers, broken, columns


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
    return frame.with_columns(guarded(name) for name, kind in frame.schema.items() if kind == pl.String)


def guarded(name: str) -> pl.Expr:
    """The same for a column of texts."""
    text = pl.col(name)
    return pl.when(text.str.contains(RISKY)).then("'" + text).otherwise(text).alias(name)


def bare(text: str) -> str:
    """Take that apostrophe off again."""
    return text[1:] if text.startswith("'") and re.match(RISKY, text) else text


@dataclass(slots=True)
class Totals:
    """Watches for a line that is the sum of all others: it would be paid out a second time."""

    sums: Counter[str] = field(default_factory=Counter)
    """currency -> minor units of all lines."""
    lines: list[tuple[int, str, int]] = field(default_factory=list)
    """Lines that are named like a sum: number, currency, minor units."""

    def watch(self, users: pa.Array, paid: NDArray[np.int64], numbers: NDArray[np.int64], currency: Currency) -> None:
        """Add some lines: int64[rows] minor units and line numbers."""
        self.sums[currency.code] += sum_exactly(paid)
        if is_text(users.type):
            named = pl.Series(users).str.strip_chars().str.to_lowercase().is_in(TOTALS).arg_true()
            self.lines += [(int(numbers[row]), currency.code, int(paid[row])) for row in named]

    def note(self, faults: Faults) -> None:
        """Count the lines that come to as much as all others of their currency."""
        for number, code, amount in self.lines:
            if 2 * amount == self.sums[code] > 0:
                faults.add("this line is the total of the others, not a subscriber", number)


def read_subscribers(
    path: Path, currency: Currency, reading: Reading | None = None
) -> Iterator[tuple[pa.Array, NDArray[np.int64]]]:
    """Read batches of user ids (text or integers, as in logs) and int64 minor units paid; a user may come twice.

    Raises:
        InputError: the file cannot be read, has no such columns or no row, or some of its rows cannot be used; the
            last is known, and raised, only after the last batch.

    """
    log = open_table(path, reading)
    comma = reading is not None and reading.decimal == ","
    user = column_for(log.names, KNOWN["user"], what="user", where=path)
    paid = column_for(log.names, PAID, what="amount paid", where=path)
    money = next((name for name in log.names if normal(name) in {"currency", "currencycode"}), None)
    check_ids(log, user, role="user")
    faults, totals = Faults(str(path)), Totals()
    seen = 0
    currencies: set[str] = set()
    wanted = list(dict.fromkeys([user, paid, *([money] if money else [])]))
    for numbers, broken, columns in read_columns(log, wanted, listing=True):
        if money is not None:
            named = (one.strip().upper() for one in columns[money].drop_null().unique().to_pylist())
            currencies.update(one for one in named if one)
            check_currencies(path, currencies, currency)
        if comma and is_text(columns[paid].type):
            columns[paid] = pl.select(with_comma(pl.lit(pl.Series(columns[paid])))).to_series().to_arrow()
        amounts = read_amounts(columns[paid], role=paid, digits=currency.digits)
        lines = pl.DataFrame({"row": numbers, "broken": broken, "user": columns[user]})
        how = pl.lit(EXACT) if amounts.how is None else pl.Series(amounts.how)
        note(faults, lines.with_columns(how=how), columns[paid], paid, currency)
        seen += len(numbers)
        totals.watch(columns[user], amounts.value, numbers, currency)
        if not faults.found:
            yield columns[user], amounts.value
    if seen == 0:
        message = f"{path}: there is no subscriber in this file"
        raise InputError(message, advice="It is empty, or holds only a header.")
    totals.note(faults)
    comma = any("," in one.reason.partition(": ")[2] for one in faults.found.values())
    faults.stop(COMMA if comma else ADVICE, f"{{}} of {seen} subscribers cannot be used")


def check_currencies(path: Path, found: set[str], currency: Currency) -> None:
    """Refuse payments in several currencies, or in another than the run's: their sum would mean nothing."""
    if len(found) > 1:
        message = f"{path}: the payments are in {len(found)} currencies: {', '.join(sorted(found))}"
        raise InputError(message, advice="Give one file for each currency, and run them apart.")
    if found and found != {currency.code}:
        other = next(iter(found))
        message = f"{path}: the payments are in {other}, and this run is in {currency.code}"
        raise InputError(message, advice=f"Give --currency {other}, or the file of payments in {currency.code}.")


def note(faults: Faults, lines: pl.DataFrame, paid: pa.Array, name: str, currency: Currency) -> None:
    """Note what is wrong with which lines (`row`, `broken`, `user`, `how`): for each the first reason that holds."""
    fine = f"{name} is finer than {currency.code} allows ({currency.digits} digits)"
    words = {code: f"{name} {said}" for code, said in WORDS.items()}
    how = pl.col("how")
    reason = (
        pl.when("broken")
        .then(pl.lit("row has more fields than the header"))
        .when(pl.col("user").cast(pl.String).fill_null("") == "")
        .then(pl.lit("user is empty"))
        .when(how != EXACT)
        .then(how.replace_strict(words, default=fine, return_dtype=pl.String))
    )
    wrong = lines.with_columns(reason=reason).with_row_index("at").drop_nulls("reason")
    found = wrong.group_by("reason", maintain_order=True).agg(pl.first("at", "row"), pl.len())
    for said, at, row, count in found.iter_rows():
        shown = said in {words[NOT_A_NUMBER], words[TOO_LARGE], fine}
        faults.add(said, row, count, example=f": {paid[at].as_py()}"[:60] if shown else "")


def read_artists(path: Path) -> pl.DataFrame:
    """Read a file of artists: `artist` (the id), then `name` if there is one, then its other columns, all as text.

    A file without a header line is taken for ids and names if it has two columns. An artist that comes twice keeps
    the row that sorts first, so that the order of rows does not matter.

    Raises:
        InputError: the file cannot be read or has no artist ids.

    """
    whole = artist_rows(path)
    return whole.sort(whole.columns, nulls_last=True).unique("artist", keep="first", maintain_order=True)


def artist_rows(path: Path) -> pl.DataFrame:
    """Read all its rows, as `read_artists` does."""
    log, names = named_columns(path)
    check_ids(log, next(iter(names)), role="artist")
    empty = pl.DataFrame(schema=dict.fromkeys(names.values(), pl.String))
    frames = [
        pl.DataFrame({title: pl.Series(columns[name].cast("large_string")) for name, title in names.items()})
        for *_, columns in read_columns(log, list(names))
    ]
    return pl.concat([empty, *frames]).filter(pl.col("artist").is_not_null() & (pl.col("artist") != ""))


def named_columns(path: Path) -> tuple[Source, dict[str, str]]:
    """Open the file; return its columns and what they are called from here on, the artist first."""
    log = open_table(path)
    if len(log.names) == PAIR and not answering(log.names, ARTIST_ID):
        log = open_table(path, header=False)
        return log, dict(zip(log.names, ("artist", "name"), strict=True))
    artist = column_for(log.names, ARTIST_ID, what="artist id", where=path)
    others = [name for name in log.names if name != artist]
    titles = {artist: "artist", **dict.fromkeys(answering(others, ARTIST_NAME)[:1], "name")}
    for other in others:
        if other not in titles and other.lower() not in titles.values():
            titles[other] = other.lower()
    return log, titles
