"""Diff: two runs side by side: what changed per payee, and why: inputs, rules, options, version."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from fairpay.books.grouping import column, group, row_order
from fairpay.books.ledger import INTO, Kind, read_ledger
from fairpay.books.store import LEDGER
from fairpay.errors import InputError
from fairpay.io.manifest import read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NO_PAYOUT = ("_difference", "_percent", "seconds", "share")
"""How decimal columns of a report end that are no payouts."""
__all__ = ["Change", "Difference", "Moved", "Moves", "diff"]

KEYS = ("payee", "currency", "scale")
"""What a figure is by; its tables have these columns and `amount`."""


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
class Moves:
    """Payees whose amounts differ; read one by one, or a part of them."""

    frame: pl.DataFrame
    """The columns of `Moved`."""

    def __len__(self) -> int:
        """How many."""
        return self.frame.height

    def __iter__(self) -> Iterator[Moved]:
        """One after another."""
        return (Moved(*values) for values in self.frame.iter_rows())

    def __getitem__(self, part: slice) -> Moves:
        """Some of them."""
        return Moves(self.frame[part])


@dataclass(frozen=True, slots=True)
class Difference:
    """Two runs, compared."""

    why: tuple[Change, ...]
    moved: Moves
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
    pairs = pl.concat(side_by_side(figures[0][figure], figures[1][figure], figure) for figure in common)
    moved = pairs.filter(pl.col("before") != pl.col("after"))
    return Difference(tuple(reasons(*manifests)), Moves(ranked(moved)), pairs.height - moved.height)


def side_by_side(before: pl.DataFrame, after: pl.DataFrame, figure: str) -> pl.DataFrame:
    """One figure of both runs, payee by payee, as the columns of `Moved`; 0 where a payee is not there."""
    whole = pl.concat([before.with_columns(new=False), after.with_columns(new=True)])
    groups, amounts, new = group(whole, KEYS), whole["amount"].to_numpy(), whole["new"].to_numpy()
    found = [
        column(groups.sum(amounts, where)).cast(pl.Int128).alias(name)
        for name, where in (("before", ~new), ("after", new))
    ]
    return whole[groups.firsts()].select(*KEYS, figure=pl.lit(figure, dtype=pl.Categorical)).with_columns(found)


def ranked(moved: pl.DataFrame) -> pl.DataFrame:
    """The largest difference first, then by payee, currency and figure."""
    return moved[row_order(moved, ("payee", "currency", "figure"))].sort(
        (pl.col("after") - pl.col("before")).abs(), descending=True, maintain_order=True
    )


def amounts_of(directory: Path, manifest: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
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


def from_ledger(path: Path) -> dict[str, pl.DataFrame]:
    """What each payee was credited in a month of the books (without balances carried in), and is to be paid."""
    kinds = {"credited": INTO - {Kind.CARRY_IN}, "payable": {Kind.PAYABLE}}
    rows = read_ledger(str(path), INTO | {Kind.PAYABLE})
    return {figure: rows.of_kinds(own).frame.select(*KEYS, "amount") for figure, own in kinds.items()}


def from_report(directory: Path, manifest: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    """The payouts of a report: each decimal column that is one, by artist."""
    import pyarrow as pa  # noqa: PLC0415 - loaded where it is used
    import pyarrow.parquet as pq  # noqa: PLC0415 - the same

    name = next((n for n in ("payouts.parquet", "comparison.parquet") if (directory / n).is_file()), "payouts.parquet")
    table = pq.read_table(directory / name, partitioning=None)
    currency = str(manifest["options"].get("currency", {}).get("value", ""))
    found: dict[str, pl.DataFrame] = {}
    for field in table.schema:
        if pa.types.is_decimal(field.type) and not field.name.endswith(NO_PAYOUT):
            scale = field.type.scale
            units = [int((value or Decimal(0)).scaleb(scale)) for value in table.column(field.name).to_pylist()]
            found[field.name] = pl.DataFrame({"payee": pl.Series(table.column("artist").to_pylist())}).select(
                pl.col("payee").cast(pl.Categorical),
                pl.lit(currency, dtype=pl.Categorical).alias("currency"),
                pl.lit(scale, dtype=pl.Int32).alias("scale"),
                pl.Series("amount", units, dtype=pl.Int64),
            )
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
