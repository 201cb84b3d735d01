"""What becomes of rows: the first reason that holds for a row is its fate; counted over all batches, in any order."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fairpay.errors import InputError, Problem
from fairpay.logs.schema import ROLES, Fate
from fairpay.money.amounts import EMPTY, NEGATIVE, NOT_A_NUMBER, TOO_LARGE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from numpy.typing import NDArray

    from fairpay.logs.schema import RawBatch, Shares
    from fairpay.money.amounts import Amounts
    from fairpay.settings.values import Measure

__all__ = ["Counts", "Tally", "Values", "Verdict", "refused", "refused_rows", "rejects", "shown"]

WORDS = {EMPTY: "{} is empty", NEGATIVE: "{} is negative", NOT_A_NUMBER: "{} is not a {}", TOO_LARGE: "{} is too large"}
HINTS = (
    (r"(number|whole number): \d[\d. ']*,\d", "If a comma stands before the fraction, give --decimal ','."),
    (
        r"time is not a time: \d{1,2}/(1[3-9]|[23]\d)/\d{4}",
        "Dates with the month first are not read: write 2026-10-31.",
    ),
    (r"time is not a time: \d{1,2}[./-](0?\d|1[0-2])[./-]\d{4}", "If dates are written day first, give --day-first."),
    (r"time is not a time: [2-6]\d{4}([.,]\d+)?$", "Days counted from 1900, as Excel does, are no times: write dates."),
)
"""Form of a reason -> what may help."""
ADVICE = "Set them aside with --rejects FILE, or correct the log. Nothing was written."
LONGEST = 40


@dataclass(frozen=True, slots=True)
class Values:
    """What the columns of one batch were read as; None where the log has no such column."""

    ms: Amounts | None = None
    """Milliseconds listened."""
    plays: Amounts | None = None
    times: Amounts | None = None
    """Microseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Bad:
    """Bad rows of one batch that share a reason."""

    reason: str
    """What is wrong, without a value."""
    rows: NDArray[np.int64]
    """Which rows of the batch, ascending."""
    example: str
    """The offending value of the first of them, where it helps; else empty."""


@dataclass(slots=True)
class Verdict:
    """Fates of the rows of one batch, marked from the weightiest reason to the lightest."""

    rows: int
    fate: NDArray[np.uint8] | None = None
    """uint8[rows]; None: nothing was marked yet."""
    bad: list[Bad] = field(default_factory=list)

    def mark(self, mask: NDArray[np.bool_] | None, fate: Fate) -> NDArray[np.bool_] | None:
        """Give rows that have no fate yet this one; return which, None for none."""
        if mask is None:
            return None
        new = mask if self.fate is None else mask & (self.fate == 0)
        if not new.any():
            return None
        marks = new.view(np.uint8) * np.uint8(fate)
        self.fate = marks if self.fate is None else self.fate + marks
        return new

    def counts(self, shares: Shares | None) -> dict[int, int]:
        """Count rows of the file by fate, each once, however many artists it has."""
        fate = np.zeros(self.rows, np.uint8) if self.fate is None else self.fate
        counts = np.bincount(fate if shares is None else fate[~shares.again])
        return {code: int(count) for code, count in enumerate(counts) if count}

    def mark_bad(self, mask: NDArray[np.bool_] | None, fate: Fate, reason: str, column: pa.Array | None = None) -> None:
        """Mark rows as bad, with a reason for people; `column` gives an example of an offending value."""
        new = self.mark(mask, fate)
        rows = np.flatnonzero(new) if new is not None else np.empty(0, np.int64)
        if len(rows):
            self.bad.append(Bad(reason, rows, "" if column is None else shown(column[int(rows[0])].as_py())))

    def mark_amounts(self, amounts: Amounts, fate: Fate, role: str, column: pa.Array) -> None:
        """Mark the rows whose amount (or moment) cannot be used, each with its reason."""
        if amounts.how is None or amounts.bad() is None:
            return
        for code, words in WORDS.items():
            reason = words.format(role, "time" if role == "time" else "number")
            self.mark_bad(amounts.how == code, fate, reason, column if code in (NOT_A_NUMBER, TOO_LARGE) else None)


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows. Always rows = used + the sum of dropped."""

    rows: int
    """Rows read."""
    used: int
    """Rows that count."""
    dropped: Mapping[Fate, int]
    """Rows left out, by reason; no zeros."""
    bad: int
    """Those of them that are bad and were set aside."""
    problems: tuple[Problem, ...]
    """The bad rows by reason."""
    plays: int
    """Plays of the used rows."""
    ms: int | None
    """Their milliseconds; None where the log has no duration."""
    measure: Measure
    """What listening is counted in."""
    first_time: int | None
    """Earliest moment of a used row, microseconds since 1970 UTC; None where no time was read."""
    last_time: int | None
    """Latest, likewise."""


@dataclass(slots=True)
class Tally:
    """Adds up batches; the caller holds a lock."""

    rows: int = 0
    fates: dict[int, int] = field(default_factory=dict)
    reasons: dict[str, tuple[tuple[str, int], str, int]] = field(default_factory=dict)
    """reason -> file and row where it was met first, the value there, how often it was met."""
    bad_files: set[str] = field(default_factory=set)
    plays: int = 0
    ms: int | None = None
    times: tuple[int, int] | None = None

    def add_fates(self, counts: Mapping[int, int]) -> None:
        """Add rows by fate."""
        for fate, count in counts.items():
            self.fates[fate] = self.fates.get(fate, 0) + count
            self.rows += count

    def add_bad(self, bad: Bad, raw: RawBatch) -> None:
        """Add bad rows of a batch, and keep the first place of each reason."""
        self.bad_files.add(raw.file)
        here = (raw.file, raw.row(int(bad.rows[0])))
        place, example, count = self.reasons.get(bad.reason, (here, bad.example, 0))
        self.reasons[bad.reason] = (*min((place, example), (here, bad.example)), count + len(bad.rows))

    def add_times(self, first: int, last: int) -> None:
        """Widen the span of moments seen."""
        old = self.times or (first, last)
        self.times = (min(first, old[0]), max(last, old[1]))

    @property
    def bad_rows(self) -> int:
        """How many rows are bad."""
        return sum(count for fate, count in self.fates.items() if fate >= Fate.BAD_USER)

    def problems(self) -> tuple[Problem, ...]:
        """List the reasons for bad rows, in the order of where they were met first."""
        several = len(self.bad_files) > 1
        found = sorted((*what, words) for words, what in self.reasons.items())
        return tuple(
            Problem(
                count,
                f"{words}: {example}" if example else words,
                f"first at row {row}" + (f" of {file}" if several else ""),
            )
            for (file, row), example, count, words in found
        )


def refused(bad: int, rows: int, problems: tuple[Problem, ...], files: Collection[str] = ()) -> InputError:
    """Say that rows cannot be used, and in which file where it is one."""
    message = f"{bad} of {rows} {'rows' if rows > 1 else 'row'} cannot be used"
    if len(files) == 1:
        message = f"{next(iter(files))}: {message}"
    return InputError(message, problems=problems, advice=f"{hint_for(problems)}{ADVICE}")


def hint_for(problems: Iterable[Problem]) -> str:
    """Name the option that reads what could not be read, where its form tells."""
    reasons = [problem.reason for problem in problems]
    hints = (hint for form, hint in HINTS if any(re.search(form, reason) for reason in reasons))
    return "".join(f"{hint} " for hint in hints)


def refused_rows(counts: Counts) -> InputError:
    """Say that rows cannot be used, after they were counted."""
    return refused(counts.bad, counts.rows, counts.problems)


def rejects(raw: RawBatch, bad: Collection[Bad]) -> pa.Table:
    """Return the bad rows of one batch for a file of rejects: file, row, reason, then every role as text."""
    rows = np.concatenate([group.rows for group in bad])
    name = raw.file.encode(errors="backslashreplace").decode()  # one that is not UTF-8, its odd bytes escaped
    columns = {
        "file": pa.array([name] * len(rows), pa.string()),
        "row": pa.array([raw.row(at) for at in rows.tolist()], pa.int64()),
        "reason": pa.array([group.reason for group in bad for _ in group.rows], pa.string()),
    }
    for role in ROLES:
        if role in raw.columns:
            column = raw.columns[role]
            text = column.cast(pa.large_string()) if pa.types.is_string_view(column.type) else column
            columns[role] = text.take(pa.array(rows)).cast(pa.string())  # views cannot be taken yet
    return pa.table(columns)


def shown(value: object) -> str:
    """Show a value on one line, short enough for a message; of only spaces, these are seen."""
    text = " ".join(str(value).split()) or repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
