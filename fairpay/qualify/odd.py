"""What looks odd in rows that count: nothing that stops a run, but what its owner may not expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.kernels.amounts import is_text, text_lengths

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fairpay.kernels.amounts import Amounts
    from fairpay.logs.schema import Cautions, RawBatch

__all__ = ["holds_nul", "look_at_ids", "look_at_lengths", "look_at_times"]

NULL_WORDS = (
    "\\N", "NULL", "Null", "null", "(null)", "<null>", "None", "none", "NONE", "nan", "NaN", "NAN", "<NA>", "NA", "N/A",
    "n/a", "#N/A", "#REF!", "#VALUE!", "nil", "undefined", "NaT", "-", "",
)  # fmt: skip
"""What programs write where there is nothing; the last: only spaces."""
ROUNDED = r"^\d[.,]\d+[eE]\+?\d+$|^\d[eE]\+\d+$"
"""A number as a spreadsheet shows one of more digits than it keeps."""
GROUPED = r"^\d{1,3}(\.\d{3})+$"
INLINE = 12
"""Bytes of a text that a view holds itself."""
LONGEST = 14
"""Ids above this many bytes are neither words for nothing nor rounded numbers."""
DAY = 86_400_000
NULLS = (
    "Ids such as these mean nobody in most programs: leave such cells empty, so that they are told apart from names."
)
SPREADSHEET = "A spreadsheet has rounded these ids, so that several have become one: export them again as text."
THOUSANDS = "If the point groups thousands (1.204 is 1204), give --decimal ','."
LONG = "A play of more than a day is odd: if the column holds milliseconds, give --columns ms=NAME."
EXCEL = r"^[2-6]\d{4}([.,]\d+)?$"
WRITTEN = r"^\d{1,2}[./-]\d{1,2}[./-]\d{2,4}"
TIMES = "Write times as 2026-10-31T12:00:00Z, or as seconds since 1970."
EXCEL_TIMES = (
    "Days counted from 1900, as Excel does, say nothing: format the column as 2026-10-31 12:00 and save again."
)
DAY_FIRST = "Say how dates are written: --day-first for 31/12/2026; else write 2026-12-31."


def texts_of(column: pa.Array, used: NDArray[np.bool_]) -> pl.Series | None:
    """Return the used ids that are short enough to be odd; None where there are none, or ids are numbers."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        if not len(column.dictionary) or len(column.dictionary[0].as_py() or "") > LONGEST:
            return None
        return pl.Series(column.dictionary_decode().cast(pa.large_string()).filter(pa.array(used)))
    if not is_text(kind):
        return None
    short = used & (text_lengths(column) <= LONGEST)
    return pl.Series(column).filter(pl.Series(short)) if short.any() else None


def look_at_ids(raw: RawBatch, used: NDArray[np.bool_], cautions: Cautions) -> None:
    """Look for words that mean nothing, and for numbers that a spreadsheet rounded."""
    for role in ("user", "artist"):
        ids = texts_of(raw.columns[role], used)
        if ids is None:
            continue
        named: Callable[[str], str] = f"{role} {{}}".format
        add(cautions, "null-words", ids.filter(ids.str.strip_chars().is_in(NULL_WORDS)), NULLS, named)
        add(cautions, "spreadsheet-ids", ids.filter(ids.str.contains(ROUNDED)), SPREADSHEET, named)


def look_at_lengths(
    raw: RawBatch, used: NDArray[np.bool_], ms: Amounts | None, plays: Amounts | None, cautions: Cautions
) -> None:
    """Look for plays longer than a day, and for points that may group thousands."""
    if ms is None:
        return
    role = "ms" if "ms" in raw.columns else "seconds"
    most = DAY if plays is None else DAY * np.minimum(plays.value, 10**9)
    long = used & (ms.value > most)
    if long.any():
        shown = pl.Series(raw.columns[role].filter(pa.array(long)).cast(pa.large_string()))
        add(cautions, "long-plays", shown, LONG, f"{role} {{}}".format)
    column = raw.columns[role]
    if raw.separator == ";" and (pa.types.is_large_string(column.type) or pa.types.is_string(column.type)):
        texts = pl.Series(column)
        add(
            cautions,
            "thousands",
            texts.filter(texts.str.strip_chars().str.contains(GROUPED)),
            THOUSANDS,
            f"{role} {{}}".format,
        )


def look_at_times(raw: RawBatch, used: NDArray[np.bool_], times: Amounts | None, cautions: Cautions) -> None:
    """Count times that cannot be read, where no amount depends on them."""
    unreadable = None if times is None else times.bad()
    if unreadable is None:
        return
    wrong = used & unreadable & raw.columns["time"].is_valid().to_numpy(zero_copy_only=False)
    if not wrong.any():
        return
    column = raw.columns["time"]
    plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    shown = pl.Series(plain.filter(pa.array(wrong)).cast(pa.large_string()))
    add(cautions, "unreadable-times", shown, advice_on_times(shown), "time {}".format)


def advice_on_times(shown: pl.Series) -> str:
    """Say what to do about times of that form."""
    if shown.str.contains(EXCEL).any():
        return EXCEL_TIMES
    return DAY_FIRST if shown.str.contains(WRITTEN).any() else TIMES


def holds_nul(column: pa.Array) -> NDArray[np.bool_] | None:
    """Say which ids hold a NUL character, as a power cut or half a character leaves it; None: none does."""
    kind = column.type
    if not is_text(kind):
        return None
    none_outside = pa.types.is_string_view(kind) and not any(has_zero(buffer) for buffer in column.buffers()[2:])
    if none_outside and not (text_lengths(column) <= INLINE).any():
        return None  # text within the views themselves ends in zeros, other text has none
    found = pl.Series(column).str.contains("\0", literal=True).fill_null(value=False)
    return found.to_numpy() if found.any() else None


def has_zero(buffer: pa.Buffer | None) -> bool:
    """Whether any byte is zero."""
    return buffer is not None and buffer.size > 0 and not np.frombuffer(buffer, np.uint8).all()


def add(cautions: Cautions, code: str, odd: pl.Series, advice: str, named: Callable[[str], str]) -> None:
    """Add odd values to the warnings, by their smallest examples."""
    if len(odd):
        smallest = odd.unique().sort().head(3).to_list()
        cautions.add(code, len(odd), [named(shown(text)) for text in smallest], advice)


def shown(text: str) -> str:
    """Show a value on one line, short enough for a message; spaces at its ends are seen."""
    line = " ".join(text.split()) if text.strip() else repr(text)
    return line if len(line) <= 40 else line[:37] + "..."  # noqa: PLR2004 - as in verdict
