"""Summary: what a close, an adjustment or a comparison of runs says to scripts, as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from fairpay.ledger.ledger import Kind
from fairpay.ledger.routing import is_suspense
from fairpay.ledger.splits import RESERVED
from fairpay.ledger.sums import by
from fairpay.money.currency import format_units

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairpay.ledger.close import Closed
    from fairpay.ledger.diff import Difference
    from fairpay.ledger.ledger import Ledger
    from fairpay.ledger.rework import Adjusted
    from fairpay.reports.outcome import Control

__all__ = ["SCHEMA_VERSION", "adjusted_json", "closed_json", "diff_json", "suspense", "totals"]

SCHEMA_VERSION = 1


def totals(rows: Ledger) -> dict[str, dict[str, str]]:
    """By currency, then kind: the amount in major units; kinds without rows are left out."""
    found: dict[str, dict[str, str]] = {}
    for (currency, scale, kind), amount in by(rows.frame, "currency", "scale", "kind").items():
        found.setdefault(currency, {})[kind] = format_units(amount, scale)
    return found


def suspense(rows: Ledger) -> dict[str, dict[str, str]]:
    """By class, then currency: what the month put there less what it released, in major units."""
    frame = rows.of_kinds({Kind.SUSPENSE}).frame
    found: dict[str, dict[str, str]] = {}
    for name, expected in [
        *((word.removesuffix(":"), pl.col("payee").cat.starts_with(word)) for word in RESERVED),
        ("on hold", ~is_suspense("payee")),
    ]:
        for (currency, scale), amount in by(frame.filter(expected), "currency", "scale").items():
            found.setdefault(name, {})[currency] = format_units(amount, scale)
    return dict(sorted(found.items()))


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
        "payments": len(month.rows.of_kinds({Kind.PAYABLE})),
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
