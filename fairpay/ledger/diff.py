"""Diff: two runs side by side: what changed per payee, and why: inputs, rules, options, version."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from fairpay.errors import InputError
from fairpay.ledger.model import INTO, Kind, read_ledger, wide
from fairpay.ledger.store import LEDGER
from fairpay.money.currency import format_units
from fairpay.reports.tables import Shown
from fairpay.runs.manifest import RUNNING, read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Change", "Difference", "diff", "diff_json"]

KEYS = ("payee", "currency", "scale")
"""What a figure is by; its tables have these columns and `amount`."""
COUNTED = ("plays", "listeners", "seconds", "share")
"""Columns of a report that are no money, in the order in which they are shown after it."""
PAYOUT = "payout"
"""The column of a report under one rule."""
BESIDE = ("_difference", "_percent")
"""How columns end that follow from others."""


@dataclass(frozen=True, slots=True)
class Change:
    """One reason why two runs differ."""

    what: str
    """`input`, `option`, `rule`, `policy`, `pool` or `version`."""
    name: str
    before: str
    """Empty where it was not there."""
    after: str


@dataclass(frozen=True, slots=True, repr=False)
class Difference(Shown):
    """Two runs, compared."""

    why: tuple[Change, ...]
    moved: pl.DataFrame
    """The figures that differ, in minor units: payee, currency (empty where it is no money), scale, figure (`credited`,
    `payable`, or a column of a report), before, after. Money first, then each other figure by itself: the largest
    difference in major units first, then by payee."""
    unchanged: int

    def __repr__(self) -> str:
        """Say in one line what it is."""
        return f"<diff: {self.moved.height:,} figures differ, {self.unchanged:,} do not, {len(self.why):,} reasons>"

    @property
    def table(self) -> pl.DataFrame:
        """The figures that differ; in minor units."""
        return self.moved


def diff(before: Path, after: Path) -> Difference:
    """Compare two runs: months of the books, adjustments, or reports of `pay` and `compare`.

    Raises:
        InputError: a directory is not a run, or the two are of different kinds.

    """
    manifests = read_manifest(before), read_manifest(after)
    figures = amounts_of(before, manifests[0]), amounts_of(after, manifests[1])
    figures = by_rule(before, figures[0], after, figures[1]), by_rule(after, figures[1], before, figures[0])
    common = [figure for figure in figures[0] if figure in figures[1]]
    if not common:
        message = f"{before} and {after} have no figure in common"
        raise InputError(message, advice="Compare two months, two adjustments, or two reports under the same rule.")
    pairs = pl.concat(side_by_side(figures[0][figure], figures[1][figure], figure) for figure in common)
    moved = pairs.filter(pl.col("before") != pl.col("after"))
    return Difference(tuple(reasons(*manifests)), ranked(moved), pairs.height - moved.height)


def side_by_side(before: pl.DataFrame, after: pl.DataFrame, figure: str) -> pl.DataFrame:
    """One figure of both runs, payee by payee, as the columns of `Difference.moved`; 0 where a payee is not there."""
    whole = pl.concat([before.with_columns(new=False), after.with_columns(new=True)])
    found = whole.group_by(KEYS, maintain_order=True).agg(
        before=wide(~pl.col("new")).sum(), after=wide(pl.col("new")).sum()
    )
    return found.select(*KEYS, pl.lit(figure, dtype=pl.Categorical).alias("figure"), "before", "after")


def ranked(moved: pl.DataFrame) -> pl.DataFrame:
    """Money before other figures, the largest difference first, whatever digits it has; then by payee and currency."""
    finest = moved["scale"].max() if moved.height else 0
    unit = pl.lit(10, dtype=pl.Int128).pow(finest - pl.col("scale").cast(pl.Int128))
    place = pl.col("figure").cast(pl.String).replace_strict({name: n for n, name in enumerate(COUNTED)}, default=-1)
    size = (pl.col("after") - pl.col("before")).abs() * unit
    return moved.sort(place, size, "payee", "currency", "figure", descending=[False, True, False, False, False])


def amounts_of(directory: Path, manifest: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    with readable(directory):
        if (directory / LEDGER).is_file():
            return from_ledger(directory / LEDGER)
        return from_report(directory, manifest)


@contextmanager
def readable(directory: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        message = f"{directory} cannot be read: {str(error).splitlines()[0]}"
        raise InputError(message, advice="See `fairpay verify`.") from None


def from_ledger(path: Path) -> dict[str, pl.DataFrame]:
    """What each payee was credited in a month, without what was carried in or released, and its payment."""
    kinds = {"credited": INTO - {Kind.CARRY_IN, Kind.SUSPENSE_RELEASE}, "payable": {Kind.PAYABLE}}
    rows = read_ledger(str(path), INTO | {Kind.PAYABLE})
    return {figure: rows.of_kinds(own).frame.select(*KEYS, "amount") for figure, own in kinds.items()}


def from_report(directory: Path, manifest: Mapping[str, Any]) -> dict[str, pl.DataFrame]:

    name = next((n for n in ("payouts.parquet", "comparison.parquet") if (directory / n).is_file()), "payouts.parquet")
    report = pl.read_parquet(directory / name, hive_partitioning=False)
    currency = str(manifest["options"].get("currency", {}).get("value", ""))
    found: dict[str, pl.DataFrame] = {}
    for column, kind in report.schema.items():
        if (isinstance(kind, pl.Decimal) or column in COUNTED) and not column.endswith(BESIDE):
            units = report[column].fill_null(0).to_physical().cast(pl.Int64)
            unit = pl.lit("" if column in COUNTED else currency, dtype=pl.Categorical)
            scale = pl.lit(kind.scale if isinstance(kind, pl.Decimal) else 0, dtype=pl.Int32)
            payee = pl.col("artist").cast(pl.Categorical)
            found[column] = report.select(payee=payee, currency=unit, scale=scale, amount=units)
    return found


def by_rule(
    run: Path, figures: dict[str, pl.DataFrame], other: Path, compared: Mapping[str, pl.DataFrame]
) -> dict[str, pl.DataFrame]:
    """The figures of a run; what `pay` paid is called by its rule where the other run compares that rule."""
    if PAYOUT not in figures or PAYOUT in compared:
        return figures
    columns = dict(zip(rules_of(other), (name for name in compared if name not in COUNTED), strict=False))
    own = columns.get(next(iter(rules_of(run)), ""), PAYOUT)
    return {own if name == PAYOUT else name: rows for name, rows in figures.items()}


def rules_of(run: Path) -> list[str]:
    """The rules of a report, in the order of its columns; none of a month of the books."""
    with readable(run):
        path = run / "summary.json"
        summary = json.loads(path.read_bytes()) if path.is_file() else {"rules": []}
        return [str(rule["name"]) for rule in summary["rules"]]


def reasons(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    yield from changed("version", *({"fairpay": m["fairpay"]} for m in (before, after)))
    options = [{k: v["value"] for k, v in m["options"].items()} for m in (before, after)]
    rules = [{k: v for k, v in o.items() if k in {"rule", "rules"}} for o in options]
    yield from changed("rule", *rules)
    told = {"rule", "rules", "policies"} | RUNNING
    yield from changed("option", *({k: v for k, v in o.items() if k not in told} for o in options))
    yield from changed("policy", *(policies(m) for m in (before, after)))
    yield from changed("pool", *(pools(m) for m in (before, after)))
    yield from changed("input", *(inputs(m) for m in (before, after)))


def changed(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new:
            yield Change(what, name, in_words(old), in_words(new))


def in_words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={in_words(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(in_words, value))
    return {None: "", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else str(value)


def pools(manifest: Mapping[str, Any]) -> dict[str, str]:
    facts = manifest.get("books", {}).get("facts", {})
    return {
        p["name"]: f"{p['rule']}, {format_units(p['base'] + p['topup'], p['scale'])} {p['currency']}"
        for p in facts.get("pools", [])
    }


def policies(manifest: Mapping[str, Any]) -> dict[str, str]:
    used = manifest.get("books", {}).get("facts", {}).get("policies", [])
    return {one["pool"]: f"{one['policy']} ({one['sha256'][:12]})" for one in used}


def inputs(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The inputs by what they are and how they are called; several of one name are numbered."""
    listed = manifest.get("books", {}).get("inputs")
    named = [(f"{one['role']} ", one["path"], one["sha256"]) for one in listed] if listed is not None else []
    if listed is None:
        named = [("", one["name"], one["sha256"]) for one in manifest["inputs"]]
    found: dict[str, str] = {}
    for role, path, sha256 in sorted(named, key=lambda one: (one[0], Path(one[1]).name, one[2] or "")):
        name, number = f"{role}{Path(path).name}", 2
        while name in found:
            name, number = f"{role}{Path(path).name} ({number})", number + 1
        found[name] = (sha256 or "not hashed")[:12]
    return found


def diff_json(difference: Difference) -> dict[str, Any]:
    """What `fairpay diff --json` prints."""
    return {
        "schema_version": 1,
        "command": "diff",
        "why": [asdict(change) for change in difference.why],
        "changed": [
            {
                "payee": payee,
                "currency": currency,
                "figure": figure,
                "before": format_units(before, scale),
                "after": format_units(after, scale),
                "difference": format_units(after - before, scale),
            }
            for payee, currency, scale, figure, before, after in difference.moved.iter_rows()
        ],
        "unchanged": difference.unchanged,
    }
