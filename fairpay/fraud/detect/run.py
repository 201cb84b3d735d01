"""A search for suspects: one run of the pipeline with somebody looking on, and what it found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from fairpay.errors import InputError
from fairpay.fraud.detect.findings import findings
from fairpay.fraud.detect.stage import Search
from fairpay.fraud.detect.summary import summary
from fairpay.fraud.detect.tables import review_table, suspects_table
from fairpay.logs.formulas import defused
from fairpay.pipeline.run import count_plays, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from fairpay.fraud.detect.findings import Finding
    from fairpay.pipeline.run import Request, Watch
    from fairpay.reports.outcome import Outcome

__all__ = ["Searched", "outputs", "search"]


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found."""

    outcome: Outcome
    """What the run came to, as in a comparison."""
    found: Sequence[Finding]
    """By money."""
    arrow: pa.Table
    """The findings as a table."""
    review: pa.Table
    """The file a person fills in."""
    summary: Mapping[str, Any]
    origins: Mapping[str, tuple[Any, str]]
    """Every option with its value and where it came from."""
    published: str = ""
    """`done` or `already` where the run was written to a directory."""
    command: str = "suspects"

    @property
    def table(self) -> pl.DataFrame:
        """The findings as a Polars frame."""
        import polars as pl  # noqa: PLC0415 - Polars is loaded where it is used

        return pl.DataFrame(self.arrow)


def search(
    request: Request,
    watch: Watch | None = None,
    *,
    previous: object = None,
    origins: Mapping[str, tuple[Any, str]] | None = None,
) -> Searched:
    """Run the month once and look for suspects beside it; `previous` is the log of the month before.

    Raises:
        FairpayError: every error of a comparison, and those of the log of the month before.

    """
    before = None if previous is None else plays_before(request, previous)
    with Search(request, before) as stage:
        outcome = run(request, watch, observer=stage)
        evidence = stage.evidence
    assert evidence is not None
    found = findings(evidence)
    names = [signal.name for signal in evidence.signals]
    return Searched(
        outcome=outcome,
        found=found,
        arrow=suspects_table(found, outcome, names),
        review=review_table(found, outcome),
        summary=summary(found, evidence, outcome),
        origins=origins or {},
    )


def plays_before(request: Request, previous: object) -> dict[str, int]:
    """Count each artist's plays in the log of the month before, read like the log itself but whole.

    Raises:
        InputError: it cannot be used; the message says which log is meant.

    """
    asked = replace(
        request,
        logs=previous,
        reading=replace(request.reading, rejects=None),
        qualifying=replace(request.qualifying, since=None, until=None),
    )
    try:
        return count_plays(asked)
    except InputError as refused:
        message = f"the log of the month before: {refused.message}"
        raise InputError(message, problems=refused.problems, advice=refused.advice) from refused


def outputs(searched: Searched) -> dict[str, Callable[[Path], int | None]]:
    """Return what a search writes besides its table and its summary: file name -> writer.

    A review of more lines than a sheet holds comes as CSV only; a workbook that stops in the middle would be believed.
    """
    from fairpay.runs.outputs import (  # noqa: PLC0415 - the same
        MOST_ROWS,
        write_csv,
        write_review,
    )

    safe = defused(pl.DataFrame(searched.review)).to_arrow(compat_level=pl.CompatLevel.oldest())
    files: dict[str, Callable[[Path], int | None]] = {"review.csv": partial(write_csv, safe)}
    if searched.review.num_rows <= MOST_ROWS:
        files["review.xlsx"] = partial(write_review, searched.review)
    return files
