"""Findings as data: the table for programs, the review file for a person who decides, and the summary for scripts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from fairpay.fraud.signals import Signal, artist_signals, group_signals, user_signals
from fairpay.reports.summary import warnings_of
from fairpay.reports.tables import ColumnKind, TableColumn, currency_of, decimals, table_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairpay.fraud.detect.findings import Evidence, Finding
    from fairpay.fraud.detect.nearest import Near
    from fairpay.reports.outcome import Outcome

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
        pairs = [one.values.get(name, (math.nan, math.nan)) for one in found]
        columns[name] = numbers([value for value, _ in pairs])
        columns[f"{name}_percentile"] = numbers([part for _, part in pairs])
    return table_of(columns)


def review_table(found: Sequence[Finding], outcome: Outcome) -> pa.Table:
    """Return what a person fills in: the same rows with `decision`, `by` and `note`, all empty.

    A decision about a group holds for those of its members whose own decision is left empty.
    """
    columns = heads(found, outcome)
    blank = text(ColumnKind.TEXT, [""] * len(found))
    return table_of({**columns, "decision": blank, "by": blank, "note": blank})


def heads(found: Sequence[Finding], outcome: Outcome) -> dict[str, TableColumn]:
    names: Mapping[str, str] = outcome.names
    columns = {"kind": text(ColumnKind.KEY, [one.kind for one in found])}
    columns["subject"] = text(ColumnKind.KEY, [one.subject for one in found])
    if names:
        known = [names.get(one.subject, "") if one.kind == "artist" else "" for one in found]
        columns["name"] = text(ColumnKind.NAME, known)
    columns["group"] = text(ColumnKind.TEXT, [one.group for one in found])
    columns["members"] = TableColumn(ColumnKind.COUNT, pa.array([one.members for one in found], pa.int64()))
    columns["plays"] = TableColumn(ColumnKind.COUNT, pa.array([one.plays for one in found], pa.int64()))
    for k, payout in enumerate(outcome.payouts):
        units = [one.money[k] for one in found]
        missing = np.array([unit is None for unit in units], dtype=np.bool_)
        amounts = np.array([unit or 0 for unit in units], dtype=np.int64)
        paid = decimals(amounts, outcome.currency.digits, missing=missing)
        columns[payout.rule.column] = TableColumn(ColumnKind.MONEY, paid)
    columns["currency"] = currency_of(outcome, len(found))
    columns["reasons"] = text(ColumnKind.WORDS, ["; ".join(one.reasons) for one in found])
    return columns


def text(kind: ColumnKind, values: Sequence[str]) -> TableColumn:
    return TableColumn(kind, pa.array(values, pa.large_string()))


def numbers(values: Sequence[float]) -> TableColumn:
    """Make float64[n], rounded, NaN as null."""
    known = [None if math.isnan(value) else round(value, DECIMALS) for value in values]
    return TableColumn(ColumnKind.RATIO, pa.array(known, pa.float64()))


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
    levels = {**evidence.users.ranked.levels, **evidence.artists.ranked.levels}
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
