"""Summary: what a close, an adjustment or a comparison of runs says to scripts, as plain values."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from fairpay.books.ledger import Kind
from fairpay.books.routing import in_suspense
from fairpay.money import format_units

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairpay.books.close import Closed
    from fairpay.books.diff import Difference
    from fairpay.books.ledger import Row
    from fairpay.books.rework import Adjusted
    from fairpay.outcome import Control

__all__ = ["SCHEMA_VERSION", "adjusted_json", "closed_json", "diff_json", "suspense", "totals"]

SCHEMA_VERSION = 1


def totals(rows: Iterable[Row]) -> dict[str, dict[str, str]]:
    """By currency, then kind: the amount in major units; kinds without rows are left out."""
    sums: dict[tuple[str, int], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        sums[row.currency, row.scale][row.kind] += row.amount
    return {
        currency: {kind.value: format_units(found[kind], scale) for kind in Kind if kind in found}
        for (currency, scale), found in sorted(sums.items())
    }


def suspense(rows: Iterable[Row]) -> dict[str, dict[str, str]]:
    """By class, then currency: what the month put there less what it released, in major units."""
    sums: dict[str, dict[tuple[str, int], int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        if row.kind == Kind.SUSPENSE:
            name = row.payee.partition(":")[0] if in_suspense(row.payee) else "on hold"
            sums[name][row.currency, row.scale] += row.amount
    return {
        name: {currency: format_units(amount, scale) for (currency, scale), amount in sorted(found.items())}
        for name, found in sorted(sums.items())
    }


def listed(controls: Iterable[Control]) -> list[dict[str, Any]]:
    """The controls, one by one."""
    return [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in controls]


def closed_json(month: Closed) -> dict[str, Any]:
    """What `fairpay close --json` prints."""
    facts = month.facts.as_json()
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "close",
        "status": month.status,
        "period": month.period,
        "run_id": month.run_id,
        "manifest_sha256": month.manifest_sha256,
        "totals": totals(month.rows),
        "payments": sum(row.kind == Kind.PAYABLE for row in month.rows),
        "suspense": suspense(month.rows),
        "pools": facts["pools"],
        "policies": facts.get("policies", ()),
        "decisions": facts.get("decisions", ()),
        "listening": facts["heard"],
        "controls": listed(month.controls),
    }


def adjusted_json(adjusted: Adjusted) -> dict[str, Any]:
    """What `fairpay adjust --json` prints."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "adjust",
        "status": adjusted.status,
        "run_id": adjusted.run_id,
        "period": adjusted.period,
        "ref_period": adjusted.ref_period,
        "reason": adjusted.reason,
        "rows": len(adjusted.rows),
        "totals": totals(adjusted.rows),
        "listening": adjusted.facts.as_json()["heard"],
        "controls": listed(adjusted.controls),
    }


def diff_json(difference: Difference) -> dict[str, Any]:
    """What `fairpay diff --json` prints."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "diff",
        "why": [{"what": c.what, "name": c.name, "before": c.before, "after": c.after} for c in difference.why],
        "changed": [
            {
                "payee": one.payee,
                "currency": one.currency,
                "figure": one.figure,
                "before": format_units(one.before, one.scale),
                "after": format_units(one.after, one.scale),
                "difference": format_units(one.after - one.before, one.scale),
            }
            for one in difference.moved
        ],
        "unchanged": difference.unchanged,
    }
