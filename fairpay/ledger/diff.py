"""Diff: two months of the books, or adjustments, side by side; reports are compared in `fairpay.runs.diff`."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import polars as pl

from fairpay.ledger.model import INTO, PAYEE, Kind, is_kind, read_ledger, wide
from fairpay.ledger.store import LEDGER
from fairpay.money.currency import format_units
from fairpay.reports.tables import decimals
from fairpay.runs.diff import Difference, difference
from fairpay.runs.manifest import read_manifest
from fairpay.runs.snapshots import RunTable, Snapshot, facts_of, hashed, listened, readable, snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fairpay.ledger.model import Ledger

__all__ = ["diff"]

CREDITED = INTO - {Kind.CARRY_IN, Kind.SUSPENSE_RELEASE}
"""What a payee was credited in a month, without what was carried in or released."""


def diff(before: Path, after: Path) -> Difference:
    """Compare two runs: months of the books, adjustments, or reports.

    Raises:
        InputError: a directory is not a run, or the two are of different kinds.

    """
    return difference(*map(taken, (before, after)))


def taken(directory: Path) -> Snapshot:
    """Read a run of any kind."""
    manifest = read_manifest(directory)
    return month(directory, manifest) if (directory / LEDGER).is_file() else snapshot(directory, manifest)


def month(directory: Path, manifest: Mapping[str, Any]) -> Snapshot:
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
        tables = {PAYEE: payees(read_ledger(str(directory / LEDGER)))}
    return Snapshot(title=str(directory), facts=known, tables=tables, rates=dict(filter(None, map(rate, pools))))


def payees(rows: Ledger) -> RunTable:
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
    credited = [name for kind, name in parts.items() if kind in CREDITED]
    return RunTable(
        (PAYEE,), ("credited", "payable"), frame, parts={"credited": credited, "payable": [*parts.values()]}
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
