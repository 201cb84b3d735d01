"""The jobs of the books, and of what was written: `close`, `adjust`, `diff`, `verify` and `init`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from fairpay.errors import OutputError, UsageError
from fairpay.ledger.adjust import Correction
from fairpay.ledger.adjust import adjust as adjust_month
from fairpay.ledger.close import close as close_month
from fairpay.ledger.closing import Closing, tables_of
from fairpay.ledger.diff import diff as compare_runs
from fairpay.ledger.verify import verify_books
from fairpay.logs.read import as_paths
from fairpay.pipeline.work import watching
from fairpay.runs.disk import open_new
from fairpay.runs.verify import verify as verify_run
from fairpay.settings.commands import complete
from fairpay.settings.option import is_table
from fairpay.settings.speech import job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.ledger.adjust import Adjusted
    from fairpay.ledger.close import Closed
    from fairpay.ledger.diff import Difference
    from fairpay.reports.outcome import Control
    from fairpay.settings import options as o
    from fairpay.settings.option import Logs

__all__ = ["adjust", "close", "diff", "init", "verify"]


@job
def close(logs: Logs = (), **options: Unpack[o.CloseOptions]) -> Closed:
    """Close a month of the books, or preview it with `dry_run`: from money received and plays to amounts payable.

    Logs and tables are files: the books name each, so that a month can be worked out again.

    Raises:
        FairpayError: every error a user can meet, see `fairpay.ledger.close`.

    """
    full = complete("close", options)
    return close_month(Closing.of(full, log_files(logs)), dry_run=full["dry_run"], watch=watching(full))


@job
def adjust(logs: Logs = (), **options: Unpack[o.AdjustOptions]) -> Adjusted:
    """Correct a closed month: late or corrected files, or fraud. The difference is booked in the open month.

    Raises:
        FairpayError: every error a user can meet, see `fairpay.ledger.adjust`.

    """
    full = complete("adjust", options)
    change = Correction(
        logs=log_files(logs),
        instead=full["instead"],
        exclude=tuple(Path(path) for path in full["exclude"]),
        tables=tables_of(full),
        undo=full["undo"],
        reason=full["reason"],
    )
    return adjust_month(Closing.of(full, ()), change, dry_run=full["dry_run"], watch=watching(full))


def log_files(logs: Logs) -> tuple[str, ...]:
    """Return the paths of logs of the books.

    Raises:
        UsageError: they are no paths.

    """
    found = None if is_table(logs) else [] if logs in ((), []) else as_paths(logs)
    if found is None:
        message = "the books are closed from files: a month is worked out again from its logs"
        raise UsageError(message, advice="Write the table to a file first.")
    return tuple(found)


@job
def diff(before: str | Path, after: str | Path) -> Difference:
    """Put two runs side by side, months of the books or reports: what changed for whom, and why.

    Raises:
        InputError: a directory is not a run, or the two are of different kinds.

    """
    return compare_runs(Path(before), Path(after))


@job
def verify(directory: str | Path | None = None, **options: Unpack[o.VerifyOptions]) -> Sequence[Control]:
    """Check a published run, or all months of `books`, from its files alone; every control comes with its numbers.

    Raises:
        InputError: when there is no manifest.
        UsageError: neither or both are named.

    """
    full = complete("verify", options)
    if (directory is None) == (full["books"] is None):
        message = "verify takes the directory of a run, or --books DIR"
        raise UsageError(message, advice="Give one of the two.")
    if directory is None:
        return verify_books(Path(full["books"]))

    return verify_run(Path(directory), inputs=full["inputs"])


@job
def init(file: str | Path = "month.toml") -> Path:
    """Write the commented file that `fairpay close --config` closes a month from, and return its path.

    Raises:
        OutputError: something is there already, or it cannot be written.

    """
    try:
        with open_new(Path(file)) as out:
            out.write(files("fairpay.ledger").joinpath("month.toml").read_bytes())
    except FileExistsError:
        message = f"{file} is there already"
        raise OutputError(message, advice="Nothing was touched. Give another name.") from None
    except OSError as problem:
        message = f"{file} could not be written: {problem.strerror}"
        raise OutputError(message) from problem
    return Path(file)
