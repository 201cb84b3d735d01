"""The jobs that know payees: `close`, `adjust` and `diff` of the books, and `explain`, which says who shares."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import polars as pl

from fairpay.errors import UsageError
from fairpay.ledger.adjust import Correction
from fairpay.ledger.adjust import adjust as adjust_month
from fairpay.ledger.close import close as close_month
from fairpay.ledger.closing import Closing, tables_of
from fairpay.ledger.earning import earn
from fairpay.ledger.model import INTO, PAYEE, Kind, is_kind, read_ledger, wide
from fairpay.ledger.splits import read_splits
from fairpay.ledger.store import LEDGER
from fairpay.logs.read import as_paths
from fairpay.money.currency import format_units
from fairpay.pipeline.explain import explained
from fairpay.pipeline.work import watching
from fairpay.reports.tables import decimals
from fairpay.rules import find_rule
from fairpay.runs.diff import Difference, difference
from fairpay.runs.manifest import read_manifest
from fairpay.runs.snapshots import RunTable, Snapshot, facts_of, hashed, listened, readable, snapshot
from fairpay.settings.commands import complete
from fairpay.settings.option import directory_of, is_table
from fairpay.settings.speech import job

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fairpay.ledger.adjust import Adjusted
    from fairpay.ledger.close import Closed
    from fairpay.ledger.closing import Loaded
    from fairpay.ledger.facts import Earned
    from fairpay.ledger.model import Ledger
    from fairpay.ledger.pools import Pool
    from fairpay.pipeline.explain import Explained
    from fairpay.pipeline.request import Watch
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
    paths = directory_of(before, "before"), directory_of(after, "after")  # both, before one is read
    found = difference(*map(taken, paths))
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


CREDITED = INTO - {Kind.CARRY_IN, Kind.SUSPENSE_RELEASE}
"""What a payee was credited in a month, without what was carried in or released."""


def taken(directory: Path) -> Snapshot:
    """Read a run of any kind."""
    manifest = read_manifest(directory)
    return month_of_books(directory, manifest) if (directory / LEDGER).is_file() else snapshot(directory, manifest)


def month_of_books(directory: Path, manifest: Mapping[str, Any]) -> Snapshot:
    """Read a month of the books, or an adjustment."""
    books = manifest.get("books", {})
    facts = books.get("facts", {})
    pools, heard = facts.get("pools", []), facts.get("heard", {})
    with readable(directory):
        known = facts_of(manifest, {})
        if "inputs" in books:
            known["input"] = hashed((one["role"], one["path"], one["sha256"]) for one in books["inputs"])
        known["policy"] = {p["pool"]: f"{p['policy']} ({p['sha256'][:12]})" for p in facts.get("policies", [])}
        known["pool"] = {p["name"]: pool_in_words(p) for p in pools}
        known["listening"] = listened({**heard, "users": heard["listeners"]} if "listeners" in heard else heard)
        tables = {PAYEE: credited(read_ledger(str(directory / LEDGER)))}
    return Snapshot(title=str(directory), facts=known, tables=tables, rates=dict(filter(None, map(rate, pools))))


def credited(rows: Ledger) -> RunTable:
    """What each payee was credited and is paid, and the kinds of rows that make it up: less what stands elsewhere."""
    parts = {kind: kind.words or kind.column.replace("_", " ") for kind in Kind if kind is not Kind.PAYABLE}
    found = rows.frame.group_by(PAYEE, "currency", maintain_order=True).agg(
        wide(is_kind(*CREDITED)).sum().alias("credited"),
        wide(is_kind(Kind.PAYABLE)).sum().alias("payable"),
        *(wide(is_kind(kind)).sum().alias(name) * (1 if kind in INTO else -1) for kind, name in parts.items()),
        pl.col("scale").first(),
    )
    amounts = ["credited", "payable", *parts.values()]
    finest = max(found["scale"].to_list(), default=0)
    units = pl.lit(10, dtype=pl.Int128).pow(finest - pl.col("scale").cast(pl.Int128))
    whole = found.with_columns((pl.col(name) * units).cast(pl.Int64, strict=False) for name in amounts)
    if any(whole[name].null_count() for name in amounts):
        message = "the sum of a payee is beyond what a table holds"
        raise ValueError(message)
    exact = [pl.Series(name, decimals(whole[name].to_numpy(), finest)) for name in amounts]
    frame = whole.select(pl.col(PAYEE, "currency").cast(pl.String)).with_columns(exact)
    increases = [name for kind, name in parts.items() if kind in CREDITED]
    return RunTable(
        (PAYEE,), ("credited", "payable"), frame, parts={"credited": increases, "payable": [*parts.values()]}
    )


def pool_in_words(pool: Mapping[str, Any]) -> str:
    """`user-centric, 24.00 USD`."""
    return f"{pool['rule']}, {format_units(pool['base'] + pool['topup'], pool['scale'])} {pool['currency']}"


def rate(pool: Mapping[str, Any]) -> tuple[tuple[str, str], float] | None:
    """What one unit of a pool's own currency is in that of its payouts, about; None where they are the same."""
    own, paid = pool.get("gross_currency", pool["currency"]), pool["currency"]
    royalty = Fraction(pool.get("royalty") or 0)
    return (
        None
        if own == paid or not royalty
        else ((own, paid), float(Fraction(pool["base"], 10 ** pool["scale"]) / royalty))
    )
