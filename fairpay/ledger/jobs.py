"""The jobs that know payees: `close`, `adjust` and `diff` of the books, and `explain`, which says who shares."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from fairpay.errors import UsageError
from fairpay.ledger.adjust import Correction
from fairpay.ledger.adjust import adjust as adjust_month
from fairpay.ledger.close import close as close_month
from fairpay.ledger.closing import Closing, tables_of
from fairpay.ledger.diff import diff as compare_runs
from fairpay.ledger.earning import earn
from fairpay.ledger.splits import read_splits
from fairpay.logs.read import as_paths
from fairpay.pipeline.explain import explained
from fairpay.pipeline.work import watching
from fairpay.rules import find_rule
from fairpay.settings.commands import complete
from fairpay.settings.option import directory_of, is_table
from fairpay.settings.speech import job

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fairpay.ledger.adjust import Adjusted
    from fairpay.ledger.close import Closed
    from fairpay.ledger.closing import Loaded
    from fairpay.ledger.facts import Earned
    from fairpay.ledger.pools import Pool
    from fairpay.pipeline.explain import Explained
    from fairpay.pipeline.request import Watch
    from fairpay.runs.diff import Difference
    from fairpay.settings import options as o
    from fairpay.settings.option import Logs

__all__ = ["adjust", "close", "diff", "explain"]

TRACKS = "splits of single tracks are left out here: only `fairpay close` pays by track"


@job
def close(logs: Logs = (), **options: Unpack[o.CloseOptions]) -> Closed:
    """Close a month of the books, or preview it with `dry_run`: from money received and plays to amounts payable.

    Logs and tables are files: the books name each, so that a month can be worked out again.

    Raises:
        FairpayError: every error a user can meet, see `fairpay.ledger.close`.

    """
    full = complete("close", options)
    closing = Closing.of(full, log_files(logs))
    if closing.engine == "spark":
        refuse_for_spark(closing)
    return close_month(closing, dry_run=full["dry_run"], watch=watching(full), divide=dividing(full))


def dividing(options: Mapping[str, Any]) -> Callable[[Closing, Loaded, Watch], Earned]:
    """Return what reads the logs of a month and divides its pools: this machine, or tasks on a cluster."""
    if options["engine"] != "spark":
        return earn

    def there(closing: Closing, loaded: Loaded, watch: Watch) -> Earned:
        from fairpay.pipeline.places.spark import no_penalties, take_in_there  # noqa: PLC0415 - an extra

        refuse_for_spark(closing, loaded.pools)
        if closing.penalties.charging(loaded.decisions):
            raise no_penalties()
        return earn(closing, loaded, watch, take=partial(take_in_there, options=options))

    return there


def refuse_for_spark(closing: Closing, pools: Sequence[Pool] = ()) -> None:
    """Refuse, before a play is read, what cannot run on a cluster.

    Raises:
        UsageError: with what, and why.

    """
    from fairpay.pipeline.places.spark import refuse_there  # noqa: PLC0415 - an extra

    rules = {f"the rule {pool.rule} of the pool {pool.name}": find_rule(pool.rule or "") for pool in pools}
    refuse_there(rules, closing.conditions(), closing.reading)


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
    asked = Closing.of(full, ())
    return adjust_month(asked, change, dry_run=full["dry_run"], watch=watching(full), divide=dividing(full))


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
def diff(before: str | Path, after: str | Path, **options: Unpack[o.DiffOptions]) -> Difference:
    """Put two runs side by side, months of the books or reports: whose payouts changed, by how much, and why.

    Raises:
        InputError: a directory is not a run, or the two are of different kinds.
        UsageError: `output` names a format that cannot be written, or a run is no path.
        OutputError: the file is there already (without `force`), or cannot be written.

    """
    full = complete("diff", options)
    found = compare_runs(directory_of(before, "before"), directory_of(after, "after"))
    if full["output"] is None:
        return found
    found.save(full["output"], excel=full["excel"], force=full["force"])
    return replace(found, published="done")


@job
def explain(logs: Logs, **options: Unpack[o.ExplainOptions]) -> Explained:
    """Work out what one `artist` (a name or an id), `label` or `group` ("genre=jazz") is paid under each rule, and why.

    `rules`: none is every rule that takes one walk. `against` is the directory of a finished run, `splits` the file
    that `close` takes. Takes and raises what `compare` does.

    Raises:
        UsageError: not one of the three is given, or there is no such artist or group, or several artists are.

    """
    path = options.get("splits")
    if path is None:
        return explained(logs, options)
    splits = read_splits(Path(path))
    # an artist without splits is its own payee
    found = explained(
        logs, options, lambda artist, n: splits.divide(artist, n) if artist in splits.artists else [(artist, n)]
    )
    notes = (*found.found.notes, *([TRACKS] if splits.has_tracks else []))
    return replace(found, found=replace(found.found, notes=notes))
