"""The job `check`: a log is looked at without paying anybody, and what a run would stop with is found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Unpack

import polars as pl

from fairpay.errors import InputError, NothingToPayError
from fairpay.logs.doctor import examine
from fairpay.logs.read import as_paths
from fairpay.pipeline.intake import take_in
from fairpay.pipeline.request import Inspection, Request, Watch, begin
from fairpay.pipeline.run import plain_plan, warn_of_counts
from fairpay.pipeline.settle import describe
from fairpay.pipeline.warn import named_elsewhere, stop_if_strict, warn_of_alike
from fairpay.pipeline.work import request_of, watching
from fairpay.qualify import refused_rows
from fairpay.reports.tables import Shown
from fairpay.settings.commands import complete
from fairpay.settings.speech import job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.errors import FairpayError
    from fairpay.logs.doctor import FileFound
    from fairpay.logs.schema import Warned
    from fairpay.reports.outcome import ListeningTotals
    from fairpay.settings import options as o
    from fairpay.settings.option import Logs

__all__ = ["Checked", "check", "inspect"]


@dataclass(frozen=True, slots=True, repr=False)
class Checked(Shown):
    """What `check` found: each file, how the log is read, what becomes of its rows, and what a run would do."""

    files: tuple[FileFound, ...]
    """Every file by itself; none for tables in memory."""
    inspection: Inspection | None
    """None where the log as a whole cannot be read."""
    listening: ListeningTotals | None
    """The same."""
    warnings: tuple[Warned, ...] = ()
    refused: FairpayError | None = None
    """What a run would stop with; None where it would go through."""

    def __repr__(self) -> str:
        """Say in one line what it is."""
        rows = "" if self.listening is None else f" {self.listening.used:,} of {self.listening.rows:,} rows count,"
        ends = "a run would go through" if self.refused is None else f"a run would stop: {self.refused}"
        return f"<check of {len(self.files)} files:{rows} {len(self.warnings)} warnings, {ends}>"

    @property
    def table(self) -> pl.DataFrame:
        """The columns of the log by what they were taken for."""
        found = {} if self.inspection is None else self.inspection.columns
        return pl.DataFrame(
            {"role": [*found], "column": [*found.values()]}, schema={"role": pl.String, "column": pl.String}
        )


@job
def check(logs: Logs, **options: Unpack[o.CheckOptions]) -> Checked:
    """Look at a log without paying anybody: its files one by one, its columns, rows by fate, ranges, warnings.

    Raises:
        FairpayError: there is no such log; what would stop a run is found and not raised.

    """
    full = complete("check", options)
    request = request_of("check", logs, (), full)
    paths = as_paths(logs)
    files = () if paths is None else tuple(examine(paths, request.reading))
    try:
        inspection, listening = inspect(request, watching(full))
    except InputError as refused:
        if all(file.problem for file in files):
            raise
        return Checked(files, None, None, refused=refused)
    warnings = inspection.cautions.found()
    return Checked(files, inspection, listening, warnings, refusal(request, inspection, warnings))


def inspect(request: Request, watch: Watch | None = None) -> tuple[Inspection, ListeningTotals]:
    """Read and qualify only; bad rows are counted and stop nothing.

    Raises:
        FairpayError: an input that cannot be used.

    """
    watch, request = watch or Watch(), replace(request, roles=("time",))
    opened = request.opened
    begin(request, watch)
    look = partial(warn_of_counts, opened.logs.columns, named_elsewhere(opened.logs), request, opened.cautions)
    with take_in(plain_plan(request, set_aside=True), opened.logs, watch, opened.cautions, look=look) as taken:
        counts, artists = taken.counts, taken.engine.pool(0).artist
        warn_of_alike(artists, opened.cautions)
        found = Inspection(opened.logs.columns, opened.logs.detected, opened.logs.paths, counts, opened.cautions)
        return found, describe(counts, taken.intake, len(artists))


def refusal(request: Request, inspection: Inspection, warnings: Sequence[Warned]) -> FairpayError | None:
    """Return what a run would stop with after reading; None where it goes on."""
    counts = inspection.counts
    if counts.bad and request.reading.rejects is None:
        return refused_rows(counts)
    try:
        stop_if_strict(request.reading, warnings)
    except InputError as strict:
        return strict
    return None if counts.used else NothingToPayError(f"nothing to pay: none of {counts.rows:,} rows qualified")
