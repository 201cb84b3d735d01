"""The judgement of one batch: the first reason that holds for a row is its fate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fairpay.kernels.numbers import EMPTY, NEGATIVE, NOT_A_NUMBER, TOO_LARGE

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from fairpay.kernels.amounts import Amounts
    from fairpay.logs.schema import Fate

__all__ = ["Bad", "Verdict"]

WORDS = {EMPTY: "{} is empty", NEGATIVE: "{} is negative", NOT_A_NUMBER: "{} is not a {}", TOO_LARGE: "{} is too large"}
LONGEST = 40


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
    counts: dict[int, int] = field(default_factory=dict)
    """Rows marked so far, by fate."""
    bad: list[Bad] = field(default_factory=list)

    def mark(self, mask: NDArray[np.bool_] | None, fate: Fate) -> NDArray[np.bool_] | None:
        """Give rows that have no fate yet this one; return which, None for none."""
        if mask is None:
            return None
        new = mask if self.fate is None else mask & (self.fate == 0)
        count = int(np.count_nonzero(new))
        if count == 0:
            return None
        marks = new.view(np.uint8) * np.uint8(fate)
        self.fate = marks if self.fate is None else self.fate + marks
        self.counts[int(fate)] = self.counts.get(int(fate), 0) + count
        return new

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


def shown(value: object) -> str:
    """Show a value on one line, short enough for a message."""
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
