"""What looks odd in rows that count: nothing that stops a run, but what its owner may not expect."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.logs.names import TOTALS
from fairpay.money.amounts import is_text, text_lengths
from fairpay.qualify.tally import shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.logs.schema import Cautions, RawBatch
    from fairpay.qualify.tally import Values

__all__ = ["look_for_oddities"]

NULL_WORDS = (
    "\\N", "NULL", "Null", "null", "(null)", "<null>", "None", "none", "NONE", "nan", "NaN", "NAN", "<NA>", "NA", "N/A",
    "n/a", "#N/A", "#REF!", "#VALUE!", "nil", "undefined", "NaT", "-", "",
)  # fmt: skip
"""What programs write where there is nothing; the last: only spaces."""
ROUNDED = r"^\d[.,]\d+[eE]\+?\d+$|^\d[eE]\+\d+$"
"""A number as a spreadsheet shows one of more digits than it keeps."""
FRACTION = r"^\d+\.0$"
TOTAL = rf"(?i:^\s*(?:{'|'.join(map(re.escape, TOTALS))})\s*$)"
ODD = f"{ROUNDED}|{FRACTION}|{TOTAL}"
"""All of these at once: ids are gone through once for them."""
GROUPED = r"^\d{1,3}(\.\d{3})+$"
LONGEST = 14
"""Ids above this many bytes are neither words for nothing nor rounded numbers."""
DAY = 86_400_000
NULLS = (
    "Ids such as these mean nobody in most programs: leave such cells empty, so that they are told apart from names."
)
SPREADSHEET = "A spreadsheet has rounded these ids, so that several have become one: export them again as text."
FLOATS = (
    "A program has taken these ids for fractions (1001.0); where they stand as 1001 they are others: export them again."
)
SUMS = "A line with a sum is no listener: take it out of the log, or its plays count twice."
THOUSANDS = "If the point groups thousands (1.204 is 1204), give --decimal ','."
LONG = "A play of more than a day is odd: if the column holds milliseconds, give --columns ms=NAME."
EXCEL = r"^[2-6]\d{4}([.,]\d+)?$"
WRITTEN = r"^\d{1,2}[./-]\d{1,2}[./-]\d{2,4}"
TIMES = "Write times as 2026-10-31T12:00:00Z, or as seconds since 1970."
EXCEL_TIMES = (
    "Days counted from 1900, as Excel does, say nothing: format the column as 2026-10-31 12:00 and save again."
)
MONTH_FIRST = r"^\d{1,2}/(1[3-9]|[23]\d)/\d{2,4}"
DAY_FIRST = "Say how dates are written: --day-first for 31/12/2026; else write 2026-12-31."


def texts_of(column: pa.Array, used: NDArray[np.bool_]) -> pl.Series | None:
    """Return the used ids that are short enough to be odd; None where there are none, or ids are numbers."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        if not len(column.dictionary) or len(column.dictionary[0].as_py() or "") > LONGEST:
            return None
        return chosen(column, used)
    if not is_text(kind):
        return None
    short = used & (text_lengths(column) <= LONGEST)
    return pl.Series(column).filter(pl.Series(short)) if short.any() else None


def look_for_oddities(raw: RawBatch, used: NDArray[np.bool_], values: Values, cautions: Cautions) -> None:
    """Look for what nobody means: ids that are words for nothing, or rounded; lengths and times of another unit."""
    for role in ("user", "artist"):
        ids = texts_of(raw.columns[role], used)
        if ids is not None:
            add(cautions, "null-words", ids.filter(ids.str.strip_chars().is_in(NULL_WORDS)), NULLS, role)
            odd = ids.filter(ids.str.contains(ODD))
            add(cautions, "spreadsheet-ids", odd.filter(odd.str.contains(ROUNDED)), SPREADSHEET, role)
            add(cautions, "fraction-ids", odd.filter(odd.str.contains(FRACTION)), FLOATS, role)
            if role == "user":
                add(cautions, "total-lines", odd.filter(odd.str.contains(TOTAL)), SUMS, role)
    if values.ms is not None:
        role = "ms" if "ms" in raw.columns else "seconds"
        most = DAY if values.plays is None else DAY * np.minimum(values.plays.value, 10**9)
        add(cautions, "long-plays", chosen(raw.columns[role], used & (values.ms.value > most)), LONG, role)
        if raw.separator == ";" and is_text(raw.columns[role].type):
            texts = pl.Series(raw.columns[role])
            add(cautions, "thousands", texts.filter(texts.str.strip_chars().str.contains(GROUPED)), THOUSANDS, role)
    unreadable = None if values.times is None else values.times.bad()
    if unreadable is not None:
        there = raw.columns["time"].is_valid().to_numpy(zero_copy_only=False)
        times = chosen(raw.columns["time"], used & unreadable & there)
        add(cautions, "unreadable-times", times, advice_on_times(times), "time")


def chosen(column: pa.Array, rows: NDArray[np.bool_]) -> pl.Series:
    """Return some values as text."""
    if not rows.any():
        return pl.Series([], dtype=pl.String)
    plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    return pl.Series(plain.filter(pa.array(rows)).cast(pa.large_string()))


def advice_on_times(times: pl.Series) -> str:
    """Say what to do about times of that form."""
    if times.str.contains(EXCEL).any():
        return EXCEL_TIMES
    day_first = times.str.contains(WRITTEN).any() and not times.str.contains(MONTH_FIRST).any()
    return DAY_FIRST if day_first else TIMES


def add(cautions: Cautions, code: str, odd: pl.Series, advice: str, role: str) -> None:
    """Add odd values to the warnings, by their smallest examples."""
    if len(odd):
        smallest = odd.unique().sort().head(3).to_list()
        cautions.add(code, len(odd), [f"{role} {shown(text)}" for text in smallest], advice)
