"""Findings as data: the table for programs, the review file for a person who decides, and the summary for scripts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fairpay.fraud.signals import Signal, artist_signals, group_signals, user_signals
from fairpay.reports.summary import warnings_of
from fairpay.reports.tables import ColumnKind, column_of, currency_of, table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from fairpay.fraud.detect.findings import Evidence, Finding, Near
    from fairpay.reports.outcome import Outcome
    from fairpay.reports.tables import TableColumn

__all__ = ["review_table", "summary", "suspects_table"]

SCHEMA_VERSION = 1
DECIMALS = 6
"""Digits of a signal's value."""


def suspects_table(found: Sequence[Finding], outcome: Outcome, signals: Sequence[str]) -> pa.Table:
    """Return one row per finding, in the order given.

    Columns: `kind` (group, user, artist), `subject`, `name` (of artists, only with an artist file), `group`,
    `members`, `plays`, one column per rule with the money moved (major units; null where the rule gives users no part),
    `currency`, `reasons`, then for each signal that ran its value and `<signal>_percentile`.
    """
    columns = heads(found, outcome)
    for name in signals:
        for part, title in enumerate((name, f"{name}_percentile")):
            values = (one.values.get(name, (math.nan, math.nan))[part] for one in found)
            known = (None if math.isnan(value) else round(value, DECIMALS) for value in values)
            columns[title] = column_of(ColumnKind.RATIO, known)
    return table_of(columns)


def review_table(found: Sequence[Finding], outcome: Outcome) -> pa.Table:
    """Return what a person fills in: the same rows with `decision`, `by` and `note`, all empty.

    A decision about a group holds for those of its members whose own decision is left empty.
    """
    columns = heads(found, outcome)
    blank = column_of(ColumnKind.TEXT, [""] * len(found))
    return table_of({**columns, "decision": blank, "by": blank, "note": blank})


def heads(found: Sequence[Finding], outcome: Outcome) -> dict[str, TableColumn]:
    names, digits = outcome.names, outcome.currency.digits
    columns = {
        "kind": column_of(ColumnKind.KEY, (one.kind for one in found)),
        "subject": column_of(ColumnKind.KEY, (one.subject for one in found)),
    }
    if names:
        known = (names.get(one.subject, "") if one.kind == "artist" else "" for one in found)
        columns["name"] = column_of(ColumnKind.NAME, known)
    columns["group"] = column_of(ColumnKind.TEXT, (one.group for one in found))
    columns["members"] = column_of(ColumnKind.COUNT, (one.members for one in found))
    columns["plays"] = column_of(ColumnKind.COUNT, (one.plays for one in found))
    for k, payout in enumerate(outcome.payouts):
        columns[payout.rule.column] = column_of(ColumnKind.MONEY, [one.money[k] for one in found], digits)
    columns["currency"] = currency_of(outcome, len(found))
    columns["reasons"] = column_of(ColumnKind.WORDS, ("; ".join(one.reasons) for one in found))
    return columns


def summary(found: Sequence[Finding], near: Sequence[Near], evidence: Evidence, outcome: Outcome) -> dict[str, Any]:
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
        "accounts": sum(one.kind == "user" for one in found),
        "money": [
            {
                "rule": payout.rule.label,
                "moved": money(outcome, [one.money[k] for one in accountable]),
            }
            for k, payout in enumerate(outcome.payouts)
        ],
        "nearest": [nearly(one) for one in near],
        "signals": looked_for(evidence),
        "warnings": warnings_of(outcome.warnings),
        "note": "A finding is a reason to look, not a verdict: no number here is a probability. Nothing is withheld "
        "until a person has decided, in the review file.",
    }


def nearly(one: Near) -> dict[str, Any]:
    """Describe who comes near without naming a user: how far, and what was held against which level."""
    missed = [
        {
            "signal": m.signal.name,
            "value": round(m.value, DECIMALS),
            "level": round(m.level, DECIMALS),
            "alone": m.alone,
        }
        for m in one.missed
    ]
    artist = one.subject if one.kind == "artist" else None
    return {"kind": one.kind, "artist": artist, "reached": round(one.reached, DECIMALS), "missed": missed}


def money(outcome: Outcome, units: Sequence[int | None]) -> str | None:
    """Add up; None where nothing is known."""
    known = [unit for unit in units if unit is not None]
    return outcome.currency.text(sum(known)) if known or not units else None


def looked_for(evidence: Evidence) -> list[dict[str, Any]]:
    """Describe every signal: what it is, whether it ran, and from where on it counted."""
    levels = {**evidence.users.levels, **evidence.artists.levels}
    kinds = {"user": user_signals(), "artist": artist_signals(), "group": group_signals()}
    listed: list[dict[str, Any]] = []
    for kind, signal in ((kind, signal) for kind, signals in kinds.items() for signal in signals):
        ran = signal.name not in evidence.not_run
        entry = {
            "name": signal.name,
            "kind": kind,
            "ran": ran,
            "why_not": evidence.not_run.get(signal.name),
            "source": signal.source,
            "innocent": signal.innocent,
        }
        if isinstance(signal, Signal):
            entry["together"] = level(levels[signal.name]) if ran else None
            entry["alone"] = level(signal.alone) if ran else None
        listed.append(entry)
    return listed


def level(value: float) -> float | None:
    """Return a level as JSON has it; null for never."""
    return None if math.isinf(value) else round(value, DECIMALS)
