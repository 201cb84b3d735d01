"""The summary of a search for scripts, and of what was looked for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fairpay.fraud.signals import artist_signals, group_signals, user_signals
from fairpay.reports.summary import warnings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.fraud.detect.findings import Finding
    from fairpay.fraud.detect.stage import Evidence
    from fairpay.reports.outcome import Outcome

__all__ = ["SCHEMA_VERSION", "summary"]

SCHEMA_VERSION = 1


def summary(found: Sequence[Finding], evidence: Evidence, outcome: Outcome) -> dict[str, Any]:
    """Return what a script wants to know; no user id is in it."""
    text = outcome.currency.text
    heads = [one for one in found if one.kind != "user" or not one.group]
    accountable = [one for one in heads if one.kind != "artist"]
    return {
        "schema_version": SCHEMA_VERSION,
        "currency": outcome.currency.code,
        "pool": text(outcome.money.pool),
        "users": outcome.listening.users,
        "artists": outcome.listening.artists,
        "plays": outcome.listening.plays,
        "findings": {kind: sum(one.kind == kind for one in heads) for kind in ("group", "user", "artist")},
        "accounts": accounts(found),
        "money": [
            {
                "rule": payout.rule.label,
                "moved": money(outcome, [one.money[k] for one in accountable]),
            }
            for k, payout in enumerate(outcome.payouts)
        ],
        "signals": looked_for(evidence),
        "warnings": warnings_of(outcome.warnings),
        "note": "A finding is a reason to look, not a verdict: no number here is a probability. Nothing is withheld "
        "until a person has decided, in the review file.",
    }


def accounts(found: Sequence[Finding]) -> int:
    """Count the accounts in findings."""
    return sum(one.kind == "user" for one in found)


def money(outcome: Outcome, units: Sequence[int | None]) -> str | None:
    """Add up; None where nothing is known."""
    known = [unit for unit in units if unit is not None]
    return outcome.currency.text(sum(known)) if known or not units else None


def looked_for(evidence: Evidence) -> list[dict[str, Any]]:
    """Describe every signal: what it is, whether it ran, and from where on it counted."""
    listed: list[dict[str, Any]] = []
    for kind, ranked in (("user", evidence.users), ("artist", evidence.artists)):
        for signal in user_signals() if kind == "user" else artist_signals():
            levels = ranked.levels.get(signal.name)
            entry = about(signal.name, kind, signal.source, signal.innocent, evidence)
            entry["together"] = None if levels is None else level(levels.together)
            entry["alone"] = None if levels is None else level(levels.alone)
            listed.append(entry)
    listed += [about(s.name, "group", s.source, s.innocent, evidence) for s in group_signals()]
    return listed


def about(name: str, kind: str, source: str, innocent: str, evidence: Evidence) -> dict[str, Any]:
    """Describe one signal."""
    return {
        "name": name,
        "kind": kind,
        "ran": name not in evidence.not_run,
        "why_not": evidence.not_run.get(name),
        "source": source,
        "innocent": innocent,
    }


def level(value: float) -> float | None:
    """Return a level as JSON has it; null for never."""
    return None if math.isinf(value) else round(value, 6)
