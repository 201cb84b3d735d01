"""Diff: two runs side by side: what changed per payee, and why: inputs, rules, options, version."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairpay.books.ledger import INTO, Kind, read_rows
from fairpay.books.store import LEDGER
from fairpay.errors import InputError
from fairpay.io.manifest import read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Change", "Difference", "Moved", "diff"]

FIGURES = ("credited", "payable")
Amounts = dict[tuple[str, str, int], int]
"""(payee, currency, scale) -> minor units."""


@dataclass(frozen=True, slots=True)
class Change:
    """One reason why two runs differ."""

    what: str
    """`input`, `option`, `rule`, `policy`, `pool` or `version`."""
    name: str
    before: str
    """Empty where it was not there."""
    after: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A payee whose amount differs."""

    payee: str
    currency: str
    scale: int
    figure: str
    """`credited`, `payable`, or the rule's column of a report."""
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Two runs, compared."""

    why: tuple[Change, ...]
    moved: tuple[Moved, ...]
    """Largest difference first, then by payee."""
    unchanged: int
    """Figures that are the same in both."""


def diff(before: Path, after: Path) -> Difference:
    """Compare two runs: months of the books, adjustments, or reports of `pay` and `compare`.

    Raises:
        InputError: a directory is not a run, or the two are of different kinds.

    """
    manifests = read_manifest(before), read_manifest(after)
    figures = amounts_of(before, manifests[0]), amounts_of(after, manifests[1])
    common = [figure for figure in figures[0] if figure in figures[1]]
    if not common:
        message = f"{before} and {after} have no figure in common"
        raise InputError(message, advice="Compare two months, two adjustments, or two reports under the same rule.")
    moved, same = [], 0
    for figure in common:
        old, new = figures[0][figure], figures[1][figure]
        for key in sorted(old.keys() | new.keys()):
            pair = old.get(key, 0), new.get(key, 0)
            same += pair[0] == pair[1]
            if pair[0] != pair[1]:
                moved.append(Moved(*key, figure, *pair))
    moved.sort(key=lambda one: (-abs(one.after - one.before), one.payee, one.currency, one.figure))
    return Difference(tuple(reasons(*manifests)), tuple(moved), same)


def amounts_of(directory: Path, manifest: Mapping[str, Any]) -> dict[str, Amounts]:
    """The figures of a run, by payee.

    Raises:
        InputError: its tables cannot be read.

    """
    try:
        if (directory / LEDGER).is_file():
            return from_ledger(directory / LEDGER)
        return from_report(directory, manifest)
    except (OSError, ValueError) as error:
        message = f"{directory} cannot be read: {str(error).splitlines()[0]}"
        raise InputError(message, advice="See `fairpay verify`.") from None


def from_ledger(path: Path) -> dict[str, Amounts]:
    """What each payee was credited in a month of the books (without balances carried in), and is to be paid."""
    found: dict[str, Amounts] = {figure: {} for figure in FIGURES}
    for row in read_rows(str(path)):
        key = (row.payee, row.currency, row.scale)
        if row.kind in INTO and row.kind != Kind.CARRY_IN:
            found["credited"][key] = found["credited"].get(key, 0) + row.amount
        elif row.kind == Kind.PAYABLE:
            found["payable"][key] = found["payable"].get(key, 0) + row.amount
    return found


def from_report(directory: Path, manifest: Mapping[str, Any]) -> dict[str, Amounts]:
    """The payouts of a report: each decimal column that is a payout, by artist."""
    import pyarrow as pa  # noqa: PLC0415 - loaded where it is used
    import pyarrow.parquet as pq  # noqa: PLC0415 - the same

    name = next((n for n in ("payouts.parquet", "comparison.parquet") if (directory / n).is_file()), "payouts.parquet")
    table = pq.read_table(directory / name, partitioning=None)
    currency = str(manifest["options"].get("currency", {}).get("value", ""))
    artists = table.column("artist").to_pylist()
    found: dict[str, Amounts] = {}
    for column in table.schema:
        if pa.types.is_decimal(column.type) and not column.name.endswith(("_difference", "_percent")):
            scale = column.type.scale
            units = [int((value or Decimal(0)).scaleb(scale)) for value in table.column(column.name).to_pylist()]
            found[column.name] = {(a, currency, scale): n for a, n in zip(artists, units, strict=True)}
    return found


def reasons(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """What differs in what the two runs were asked and given."""
    yield from changed("version", *({"fairpay": m["fairpay"]} for m in (before, after)))
    options = [{k: v["value"] for k, v in m["options"].items()} for m in (before, after)]
    rules = [{k: v for k, v in o.items() if k in {"rule", "rules"}} for o in options]
    yield from changed("rule", *rules)
    told = {"rule", "rules", "policies"}
    yield from changed("option", *({k: v for k, v in o.items() if k not in told} for o in options))
    yield from changed("policy", *(policies(m) for m in (before, after)))
    yield from changed("pool", *(pools(m) for m in (before, after)))
    yield from changed("input", *(inputs(m) for m in (before, after)))


def changed(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Each name whose value differs."""
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new:
            yield Change(what, name, "" if old is None else str(old), "" if new is None else str(new))


def pools(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The rule and the money of each pool of a month."""
    facts = manifest.get("books", {}).get("facts", {})
    return {p["name"]: f"{p['rule']}, {p['base'] + p['topup']} minor units" for p in facts.get("pools", [])}


def policies(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The policy of each pool of a month, by name and hash."""
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
