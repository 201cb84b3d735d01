"""Counts by fate over all batches, the same whatever thread brought them in which order."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairpay.errors import InputError, Problem
from fairpay.logs.schema import Fate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from fairpay.logs.schema import RawBatch
    from fairpay.qualify.verdict import Bad
    from fairpay.settings.values import Measure

__all__ = ["Counts", "Tally", "refused_rows"]

HINTS = (
    (r"(number|whole number): \d[\d. ']*,\d", "If a comma stands before the fraction, give --decimal ','."),
    (r"time is not a time: \d{1,2}[./-]\d{1,2}[./-]\d{4}", "If dates are written day first, give --day-first."),
    (r"time is not a time: [2-6]\d{4}([.,]\d+)?$", "Days counted from 1900, as Excel does, are no times: write dates."),
)
"""Form of a reason -> what may help."""
ADVICE = "Set them aside with --rejects FILE, or correct the log. Nothing was written."


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
class Reason:
    """One reason for bad rows, over all batches."""

    count: int
    first: tuple[str, int]
    """File and row where it was met first."""
    example: str
    """The value there."""


@dataclass(slots=True)
class Tally:
    """Adds up batches; the caller holds a lock."""

    rows: int = 0
    fates: dict[int, int] = field(default_factory=dict)
    reasons: dict[str, Reason] = field(default_factory=dict)
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
        seen = self.reasons.get(bad.reason)
        if seen is None:
            self.reasons[bad.reason] = Reason(len(bad.rows), here, bad.example)
            return
        seen.count += len(bad.rows)
        if here < seen.first:
            seen.first, seen.example = here, bad.example

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
        found = sorted(self.reasons.items(), key=lambda item: (item[1].first, item[0]))
        return tuple(
            Problem(
                reason.count,
                f"{words}: {reason.example}" if reason.example else words,
                f"first at row {reason.first[1]}" + (f" of {reason.first[0]}" if several else ""),
            )
            for words, reason in found
        )

    def refuse(self) -> None:
        """Refuse the bad rows, all at once.

        Raises:
            InputError: always, with a problem for each reason.

        """
        raise refused(self.bad_rows, self.rows, self.problems(), self.bad_files)


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
