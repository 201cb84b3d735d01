"""Statements: each account in a line, its rows one by one, what is to be paid, and the files that say so."""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from fairpay.ledger.export import Sheet, csv_lines, csv_parts, ledger_csv, workbook, written
from fairpay.ledger.facts import units_of
from fairpay.ledger.model import Kind, by, is_kind, signed, wide
from fairpay.ledger.payees import is_suspense
from fairpay.ledger.splits import OF_TRACK, RESERVED
from fairpay.ledger.store import LEDGER
from fairpay.money.currency import Currency, format_units
from fairpay.runs.disk import open_new
from fairpay.runs.outputs import write_parquet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from fairpay.ledger.facts import Earned, MonthFacts, PoolFacts
    from fairpay.ledger.model import Ledger
    from fairpay.ledger.splits import Splits

__all__ = [
    "PLAYS",
    "Writer",
    "data",
    "earned_by_track",
    "effects_files",
    "file_name",
    "ledger_files",
    "lines",
    "month_files",
    "of_ledger",
    "payables",
    "payment_ref",
    "plays_by_artist",
    "pools_sheet",
    "statements",
    "suspense",
    "totals",
    "tracks_of",
    "tracks_sheet",
    "with_source",
]

ACCOUNT = ("payee", "currency", "scale")
DETAIL = 100_000
"""Rows of a table that are written into a workbook; more are refused there, with a word."""
Writer: TypeAlias = "Callable[[Path], int | None]"


def statements(rows: Ledger, kinds: Sequence[Kind] = tuple(Kind)) -> Sheet:
    """One line for each payee and currency, a column for each of these kinds.

    opening + earned + top-up + withheld + splits + penalties + their shares + adjustments + fees + released + recouped
    + tax = reserve + suspended + closing + payable; withheld, penalties, fees, splits to others, recouped and tax are
    below zero.
    """
    sums = {kind.column: wide(is_kind(kind)).sum() for kind in kinds}
    accounts = rows.frame.group_by(ACCOUNT, maintain_order=True).agg(pl.col("period").first(), **sums)
    return Sheet("statements", accounts.select("period", *ACCOUNT, *sums), frozenset(sums))


def lines(rows: Ledger) -> Sheet:
    """Every ledger row, as it stands there: what each figure of a statement is made of."""
    columns = ("period", *ACCOUNT, "kind", "pool", "amount", "counterparty", "ref_period", "reason")
    return Sheet("lines", rows.frame.select(columns), frozenset({"amount"}))


def payables(rows: Ledger) -> Sheet:
    """What is to be paid, by payee. fairpay starts no payment: a bank or an ERP does, with two people."""
    paid = rows.of_kinds({Kind.PAYABLE}).frame.filter(~is_suspense("payee"))
    accounts = paid.select("run_id", "payee", "currency").iter_rows()
    references = pl.Series("payment_ref", [payment_ref(*account) for account in accounts], dtype=pl.String)
    columns = ("period", "payee", "amount", "currency", "scale", "run_id")
    return Sheet("payables", paid.select(references, *columns), frozenset({"amount"}))


TERMS = ("territory", "offering")
EXCHANGE = ("fx_rate", "fx_source", "fx_date")
POOL_TEXTS = ("name", "rule", *TERMS, "gross_currency", "deducted", "currency", *EXCHANGE)
POOL_COLUMNS = ("name", "rule", *TERMS, "gross_currency", "gross_scale", "gross", "deductions", "deducted", "net",
                "royalty", "floor", "subscribers", "listeners", "plays", *EXCHANGE, "currency", "scale", "base",
                "topup")  # fmt: skip
OWN = ("gross", "deductions", "net", "royalty", "floor")
"""What a pool took, in minor units of `gross_currency`; what is divided of it is in `currency`."""
BEFORE = ("name", "rule", "currency", "scale", "gross", "deductions", "net", "royalty", "floor", "subscribers",
          "listeners", "plays", "base", "topup")  # fmt: skip
"""The columns in months that were closed before the currency of the gross was kept: its amounts are texts."""


def pools_sheet(facts: MonthFacts) -> Sheet:
    """One line for each pool: from gross revenue to what was divided, each amount rounded to the minor unit.

    Months that were closed before something was kept have no column for it.
    """
    divided = frozenset({"base", "topup"})
    if not all(pool.gross_currency for pool in facts.pools):
        schema = {name: pl.String if name in {*OWN, *POOL_TEXTS} else pl.Int64 for name in BEFORE}
        records = [
            {**asdict(pool), "deductions": "; ".join(f"{name} {text}" for name, text in pool.deductions.items())}
            for pool in facts.pools
        ]
        return Sheet("pools", pl.DataFrame(records, schema=schema), divided)
    kept = all(pool.fx_rate is not None for pool in facts.pools)
    columns = [name for name in POOL_COLUMNS if kept or name not in {*TERMS, *EXCHANGE}]
    if any(pool.withheld for pool in facts.pools):
        columns, divided = [*columns, "withheld"], divided | {"withheld"}
    schema = {name: pl.String if name in POOL_TEXTS else pl.Int64 for name in columns}
    frame = pl.DataFrame([pool_line(pool) for pool in facts.pools], schema=schema)
    return Sheet("pools", frame, divided | set(OWN), dict.fromkeys(OWN, "gross_scale"))


def pool_line(pool: PoolFacts) -> dict[str, Any]:
    """What a pool's line holds; what is deducted is said in one amount, and one by one in words."""
    scale = Currency.of(pool.gross_currency).digits
    amounts = {name: units_of(getattr(pool, name), scale) for name in OWN if name != "deductions"}
    named = [
        f"{name} {format_units(units_of(text, scale), scale)} {pool.gross_currency}"
        for name, text in pool.deductions.items()
    ]
    return {
        **asdict(pool),
        **amounts,
        "gross_scale": scale,
        "deductions": amounts["gross"] - amounts["net"],
        "deducted": "; ".join(named),
    }


FILE, CHARGED = "policies.csv", "penalties.csv"
EFFECTS = ("pool", "policy", "sha256", "min_seconds", "measure", "line", "times", "rows", "plays", "applied")


def effects_files(facts: MonthFacts) -> dict[str, str]:
    """File name -> text, of policies and of penalties, where there are any.

    A policy without lines has one row, its line empty. Where a line withholds, a last column says the share.
    """
    penalties = facts.penalty_records
    found = {CHARGED: written([*penalties[0]], [[*one.values()] for one in penalties])} if penalties else {}
    if not facts.policies:
        return found
    records, more = [], any(line.withheld for one in facts.policies for line in one.lines)
    for one in facts.policies:
        head = [one.pool, one.policy, one.sha256, one.min_seconds, one.measure]
        lines = [
            [line.name, line.times, str(line.rows), str(line.plays), "yes" if line.applied else "no", line.withheld]
            for line in one.lines
        ]
        records += [[*head, *line] for line in lines or [["", "", "", "", "", ""]]]
    columns = [*EFFECTS, "withheld_share"] if more else EFFECTS
    return {FILE: written(columns, [record[: len(columns)] for record in records]), **found}


UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
KEPT = 48
MARK = 32
"""Hex digits, 128 bits: nobody can choose two ids with one mark."""
DIGITS = 16


def file_name(payee: str) -> str:
    """What the file of a payee is called, without extension: readable as far as it can be, then a mark of the whole id.

    Only ASCII letters, digits, `-` and `_` are kept, so no separator, dot, device name or emoji gets through; the mark
    also tells `A` from `a` where the file system does not.
    """
    mark = hashlib.sha256(payee.encode()).hexdigest()[:MARK]
    readable = UNSAFE.sub("_", payee)[:KEPT].strip("_")
    return f"statement-{readable}-{mark}" if readable else f"statement-{mark}"


def payment_ref(run_id: str, payee: str, currency: str) -> str:
    """A reference that is the same whenever the same run is written again; 19 characters, as a bank takes them."""
    text = f"{run_id}\x1f{payee}\x1f{currency}"
    return "FP-" + hashlib.sha256(text.encode()).hexdigest()[:DIGITS].upper()


def totals(rows: Ledger) -> dict[str, dict[str, str]]:
    """By currency, then kind: the amount in major units; kinds without rows are left out."""
    found: dict[str, dict[str, str]] = {}
    for (currency, scale, kind), amount in by(rows.frame, "currency", "scale", "kind").items():
        found.setdefault(currency, {})[kind] = format_units(amount, scale)
    return found


def suspense(rows: Ledger) -> dict[str, dict[str, str]]:
    """By class, then currency: what the month put there less what it released, in major units."""
    frame = rows.of_kinds({Kind.SUSPENSE, Kind.SUSPENSE_RELEASE}).frame.with_columns(amount=signed() * -1)
    found: dict[str, dict[str, str]] = {}
    for name, expected in [
        *((word.removesuffix(":"), pl.col("payee").cat.starts_with(word)) for word in RESERVED),
        ("on hold", ~is_suspense("payee")),
    ]:
        for (currency, scale), amount in by(frame.filter(expected), "currency", "scale").items():
            found.setdefault(name, {})[currency] = format_units(amount, scale)
    return dict(sorted(found.items()))


PLAYS = "plays.parquet"


def plays_by_artist(earned: Earned, splits: Splits) -> pl.DataFrame:
    """What was played of each artist that a pool pays, tracks with splits apart: pool, artist, track, plays."""
    parts = [paid.select("source", "plays", pool=pl.lit(pool.name)) for pool, paid in earned.pools]
    found = pl.concat([pl.DataFrame(schema={"source": pl.String, "plays": pl.Int64, "pool": pl.String}), *parts])
    marked = found.filter(pl.col("source").str.contains(OF_TRACK, literal=True) & pl.lit(splits.has_tracks))["source"]
    artists = {name: artist for name in marked.unique() if (artist := splits.artist(name)) != name}
    track = {name: name[len(artist + OF_TRACK) :] for name, artist in artists.items()}
    source = pl.col("source")
    named = source.replace_strict(track, default="", return_dtype=pl.String)
    return found.select("pool", source.replace(artists).alias("artist"), named.alias("track"), "plays")


TRACKS = "tracks.parquet"
TRACK = {"pool": pl.String, "artist": pl.String, "track": pl.String, "plays": pl.Int64, "earned": pl.Int64,
         "currency": pl.String, "scale": pl.Int64}  # fmt: skip


def earned_by_track(earned: Earned) -> pl.DataFrame:
    """What each track of an artist whom a pool pays earned, in minor units, as `tracks_sheet` shows it.

    Plays without a track stand in a line of their artist whose track is empty.
    """
    name = pl.col("source").str.splitn(OF_TRACK, 2).struct
    own = {"artist": name.field("field_0"), "track": name.field("field_1").fill_null(""), "earned": pl.col("amount")}
    parts = [
        tracks.with_columns(**own, pool=pl.lit(pool.name), currency=pl.lit(pool.currency), scale=pl.lit(pool.scale))
        for pool, tracks in zip(earned.facts.pools, earned.tracks, strict=False)
    ]
    return pl.concat([pl.DataFrame(schema=TRACK), *(part.select(*TRACK) for part in parts)], how="vertical_relaxed")


def tracks_sheet(tracks: pl.DataFrame) -> Sheet:
    """One line for each track in a pool: what was played of it, and what it earned for its artist."""
    return Sheet("tracks", tracks, frozenset({"earned"}))


def tracks_of(directory: Path) -> pl.DataFrame | None:
    """Read what `earned_by_track` gave a month, from its directory; None where tracks were not asked for."""
    if not (directory / TRACKS).is_file():
        return None
    frame = pl.read_parquet(directory / TRACKS)
    kind = frame.schema["earned"]
    assert isinstance(kind, pl.Decimal)
    units = pl.col("earned").to_physical() // pl.lit(10).pow(kind.scale - pl.col("scale"))
    return frame.with_columns(earned=units.cast(pl.Int64))


def with_source(plays: pl.DataFrame) -> pl.DataFrame:
    """The same, and as `source` what the ledger calls the artist or track."""
    track = pl.col("track")
    source = pl.when(track == "").then("artist").otherwise(pl.concat_str("artist", pl.lit(OF_TRACK), "track"))
    return plays.with_columns(source=source)


def of_ledger(tracks: pl.DataFrame, sources: pl.DataFrame) -> pl.DataFrame:
    """Every track with its `source` in the ledger: a track with splits itself, else its artist."""
    apart = sources.select("pool", "source", own="source")
    found = with_source(tracks).join(apart, on=["pool", "source"], how="left", maintain_order="left")
    return found.with_columns(source=pl.coalesce("own", "artist")).drop("own")


def month_files(
    rows: Ledger, facts: MonthFacts, listening: Sequence[Sheet], *, excel: bool, per_payee: bool
) -> dict[str, Writer]:
    """File name -> what writes it, of a month: the ledger, what is made of it, and a file for each payee if asked."""
    accounts, detail, paid, pools = statements(rows), lines(rows), payables(rows), pools_sheet(facts)
    files = ledger_files(rows)
    for sheet in (accounts, paid, pools, *listening):
        files[f"{sheet.name}.csv"] = streamed(partial(csv_parts, sheet))
        files[f"{sheet.name}.parquet"] = table(sheet)
        if excel:
            files[f"{sheet.name}.excel.csv"] = streamed(partial(csv_parts, sheet, excel=True))
    files["statements.xlsx"] = streamed(lambda: [book_of(facts, (accounts, detail, paid, pools))])
    if per_payee:
        files |= payee_files(rows, excel=excel)
    return files


def book_of(facts: MonthFacts, sheets: Sequence[Sheet]) -> bytes:
    """The workbook; it names the tables that are too long for it."""
    about = [
        ("Period", facts.period),
        ("Run", facts.run_id),
        ("Record", f"{LEDGER} is the record; this workbook is for reading, and a cell holds 15 digits."),
    ]
    for sheet in sheets:
        if sheet.frame.height > DETAIL:
            file = "ledger.csv" if sheet.name == "lines" else f"{sheet.name}.csv"
            word = f"{sheet.frame.height:,} rows are more than this workbook takes ({DETAIL:,}): see {file}"
            about.append((sheet.name.capitalize(), word))
    kept = [sheet for sheet in sheets if sheet.frame.height <= DETAIL]
    return workbook(about=about, sheets=[by_currency(sheet) for sheet in kept])


def by_currency(sheet: Sheet) -> Sheet:
    """The same with the records of each currency together."""
    return replace(sheet, frame=sheet.frame.sort("currency", maintain_order=True))


def ledger_files(rows: Ledger) -> dict[str, Writer]:
    """The ledger, for machines and for people."""
    return {
        LEDGER: lambda path: write_parquet(rows.tables(), path),
        "ledger.csv": streamed(partial(ledger_csv, rows.written)),
    }


def payee_files(rows: Ledger, *, excel: bool) -> dict[str, Writer]:
    detail = lines(rows.where(~is_suspense("payee")))
    head, *text = (line for part in csv_lines(detail, excel=excel) for line in part)
    whole = pl.DataFrame({"payee": detail.frame["payee"], "line": text}, schema_overrides={"line": pl.String})
    texts = whole.group_by("payee", maintain_order=True).agg(pl.col("line").str.join(""))
    return {f"{file_name(payee)}.csv": data(head + own) for payee, own in texts.iter_rows()}


def streamed(parts: Callable[[], Iterable[bytes]]) -> Writer:
    def write(path: Path) -> None:
        with open_new(path) as file:
            file.writelines(parts())

    return write


def data(text: str) -> Writer:
    """Write a text as UTF-8."""
    return streamed(lambda: [text.encode()])


def table(sheet: Sheet) -> Writer:
    return lambda path: write_parquet(sheet.arrow(), path, kinds=True)
