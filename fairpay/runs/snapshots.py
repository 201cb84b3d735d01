"""A run as far as two of them are compared: its tables, each column by its kind, and what may explain a difference."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from fairpay.errors import InputError
from fairpay.reports.tables import ColumnKind
from fairpay.runs.manifest import FILES, RUNNING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["RunTable", "Snapshot", "facts_of", "hashed", "listened", "readable", "snapshot"]

SUMMARY = "summary.json"
DIGITS = 12
"""Of a hash that is shown."""
MONTHS, POOLS = ("month",), {"payout": "pool"}
"""What is paid of a month is its pool, whatever the rule."""


@dataclass(frozen=True, slots=True)
class RunTable:
    """A table of a run: a row for each artist, group, payee, ..."""

    keys: tuple[str, ...]
    """Columns that tell rows apart, besides the currency."""
    money: tuple[str, ...]
    """Columns of what is paid: decimals, named as both runs name them."""
    frame: pl.DataFrame
    """With `currency`, and `name` where names are known."""
    counts: Mapping[str, ColumnKind] = field(default_factory=dict)
    """Columns that are counted beside it."""
    parts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """A payout -> the columns of money that it is the sum of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A run, as far as two of them are compared."""

    title: str
    unit: str = "payout"
    facts: Mapping[str, Mapping[str, str]]
    """What may explain a difference (see `Change.what`) -> name -> value in words."""
    tables: Mapping[str, RunTable]
    """What the rows are -> a table of them."""
    rates: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """(currency, another) -> what one unit of it is in the other, where the run says so."""


def snapshot(directory: Path, manifest: Mapping[str, Any]) -> Snapshot:
    """Read a report: a run of `compare`, `pay`, `audit`, `suspects` or another job that writes tables.

    Raises:
        InputError: a file of it cannot be read.

    """
    with readable(directory):
        path = directory / SUMMARY
        summary = json.loads(path.read_bytes()) if path.is_file() else {}
        rules = [str(rule["name"]) for rule in summary.get("rules", [])]
        paid = manifest["command"] in {"compare", "pay"}
        return Snapshot(
            title=f"{directory} ({manifest['command']}{': ' + ', '.join(rules) if paid else ''})",
            unit="payout" if paid else "amount",
            facts=facts_of(manifest, summary),
            tables=dict(tables_of(directory, manifest, rules if paid else [])),
        )


@contextmanager
def readable(directory: Path) -> Iterator[None]:
    """Say in a sentence that a file cannot be read.

    Raises:
        InputError: as said.

    """
    try:
        yield
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError) as error:
        message = f"{directory} cannot be read: {str(error).splitlines()[0]}"
        raise InputError(message, advice="See `fairpay verify`.") from None


def tables_of(directory: Path, manifest: Mapping[str, Any], rules: Sequence[str]) -> Iterator[tuple[str, RunTable]]:
    """Yield every table of a report that has payouts; those of rules are called by the rule."""
    currency = str(manifest["options"].get("currency", {}).get("value", ""))
    named: dict[str, str] = {}
    for name in (one["name"] for one in manifest["outputs"] if one["name"].endswith(".parquet")):
        frame = pl.read_parquet(directory / name, hive_partitioning=False)
        said = manifest.get("columns", {}).get(name.removesuffix(".parquet"), {})
        kinds = {key: ColumnKind(kind) for key, kind in said.items()} or as_of_old(frame)
        keys = tuple(key for key, kind in kinds.items() if kind == ColumnKind.KEY)
        money = [key for key, kind in kinds.items() if kind == ColumnKind.MONEY]
        named = named or dict(zip(money, rules, strict=False))  # the first table is that of the artists
        if keys and money:
            unknown = {one.name for one in frame if one.len() and one.null_count() == one.len()}
            counted = {k: kind for k, kind in kinds.items() if kind in {ColumnKind.COUNT, ColumnKind.SECONDS}}
            counts = {k: kind for k, kind in counted.items() if k not in unknown}
            if "currency" not in frame.columns:
                frame = frame.with_columns(currency=pl.lit(currency))
            paid = tuple((POOLS if keys == MONTHS else named).get(one, one) for one in money)
            names = [name for name, kind in kinds.items() if kind == ColumnKind.NAME]
            kept = frame.select(*dict.fromkeys((*keys, *names[:1], *money, *counts, "currency")))  # and no other column
            renamed = dict(zip((*names[:1], *money), ("name", *paid) if names else paid, strict=True))
            yield ", ".join(keys), RunTable(keys, paid, kept.rename(renamed), counts)


OLD = {"name": ColumnKind.NAME, "currency": ColumnKind.CURRENCY, "seconds": ColumnKind.SECONDS,
       "share": ColumnKind.SHARE, "group": ColumnKind.TEXT, "reasons": ColumnKind.WORDS}  # fmt: skip
"""Columns of runs whose manifest does not say their kinds."""
ENDINGS = {"_difference": ColumnKind.DIFFERENCE, "_change_percent": ColumnKind.PERCENT}


def as_of_old(frame: pl.DataFrame) -> dict[str, ColumnKind]:
    """What the columns of a run were before manifests said it."""

    def kind(name: str, of: pl.DataType) -> ColumnKind:
        ending = next((kind for end, kind in ENDINGS.items() if name.endswith(end)), None)
        plain = ColumnKind.COUNT if of.is_integer() else ColumnKind.RATIO if of.is_float() else ColumnKind.KEY
        return OLD.get(name) or ending or (ColumnKind.MONEY if isinstance(of, pl.Decimal) else plain)

    return {name: kind(name, of) for name, of in frame.schema.items()}


def facts_of(manifest: Mapping[str, Any], summary: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What may explain a difference, in words."""
    options = {name: in_words(one["value"]) for name, one in manifest["options"].items()}
    ruled = {name: value for name, value in options.items() if name in {"rule", "rules"}}
    inputs = [(str(one.get("role", "")), one["name"], one["sha256"]) for one in manifest["inputs"]]
    unsaid = {*ruled, "policies", "excel"} | RUNNING | FILES
    return {
        "version": {"fairpay": manifest["fairpay"]},
        "rule": ruled,
        "option": {name: value for name, value in options.items() if name not in unsaid},
        "policy": {},
        "pool": {"": f"{Decimal(summary['pool']):,} {summary.get('currency', '')}"} if "pool" in summary else {},
        "listening": listened(summary.get("listening", {})),
        "input": hashed(inputs),
    }


def listened(listening: Mapping[str, Any]) -> dict[str, str]:
    """Rows, plays and listeners, and rows left out by reason."""
    counted = {"rows": "rows read", "used": "rows used", "plays": "plays", "users": "listeners", "artists": "artists"}
    found = {words: f"{listening[name]:,}" for name, words in counted.items() if name in listening}
    return found | {f"rows {reason}": f"{count:,}" for reason, count in listening.get("dropped", {}).items()}


def hashed(inputs: Iterable[tuple[str, str, str | None]]) -> dict[str, str]:
    """Inputs (role, path, hash) by what they are: the one file of a role by the role, several by their names too."""
    found: dict[str, list[tuple[str, str]]] = {}
    for role, path, sha256 in inputs:
        found.setdefault(role, []).append((Path(path).name, f"sha256 {sha256[:DIGITS]}" if sha256 else "not hashed"))
    told: dict[str, str] = {}
    for role, files in sorted(found.items()):
        for number, (name, mark) in enumerate(sorted(files), 1):
            again = sum(one == name for one, _ in sorted(files)[: number - 1])
            own = f"{role} {name} ({again + 1})" if again else f"{role} {name}"
            told.update({own.strip(): mark} if len(files) > 1 else {role: f"{name}, {mark}"})
    return told


def in_words(value: object) -> str:
    """Write a value of a manifest for people."""
    if isinstance(value, dict):
        return ", ".join(f"{key}={in_words(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(in_words, value))
    return {None: "", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else str(value)
