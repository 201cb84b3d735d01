"""What people's decisions came to: the month with them, held against the month in which every play is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.adjust.ruling import HELD
from fairpay.reports.outcome import Decided

if TYPE_CHECKING:
    from fairpay.adjust.ruling import Ruling
    from fairpay.reports.outcome import Outcome

__all__ = ["effects"]


def effects(ruling: Ruling, kept: Outcome, outcome: Outcome) -> tuple[Decided, ...]:
    """Say what each decision came to; in `kept` every decided play is kept and paid to a line of its own."""
    before, after = lines_of(kept), lines_of(outcome)
    nothing = tuple(0 for _ in outcome.payouts)
    return tuple(
        Decided(
            mark=one.mark,
            kind=one.kind,
            decision=one.said,
            by=one.by,
            plays=int(ruling.plays[k]),
            kept=tuple(None for _ in nothing) if one.deed == "keep" else before.get(one.mark, nothing),
            held=after.get(one.mark, nothing),
        )
        for k, one in sorted(enumerate(ruling.decisions), key=lambda pair: pair[1].mark)
    )


def lines_of(outcome: Outcome) -> dict[str, tuple[int, ...]]:
    """Return what each suspense line is paid under each rule, by the subject's hash."""
    held = np.flatnonzero(pc.starts_with(outcome.artist, HELD).to_numpy(zero_copy_only=False))
    marks = [text.removeprefix(HELD) for text in outcome.artist.take(pa.array(held)).to_pylist()]
    paid = [payout.allocation.paid[held].tolist() for payout in outcome.payouts]
    return {mark: tuple(column[k] for column in paid) for k, mark in enumerate(marks)}
