"""Accounts: what the statement of each payee says of a closed month, from the books alone.

Every section is one table of all payees, from which each takes its lines; CSV, workbooks and PDF are made of these.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from fairpay.errors import UsageError
from fairpay.ledger.export import Sheet
from fairpay.ledger.facts import MonthFacts
from fairpay.ledger.model import Kind, Ledger, check_period, is_kind, less, signed, summed, wide
from fairpay.ledger.payees import is_suspense, read_advances
from fairpay.ledger.splits import Splits, divided, read_splits
from fairpay.ledger.statements import PLAYS, of_ledger, tracks_of, with_source
from fairpay.ledger.store import LEFT, Balances, already, balances, check_head, shelf
from fairpay.money.currency import Currency, exact_text
from fairpay.reports.outcome import Control
from fairpay.reports.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from fractions import Fraction
    from pathlib import Path

    from fairpay.ledger.payees import Account
    from fairpay.ledger.store import Entry

__all__ = ["PAYABLE", "TOTAL", "AccountBook", "ClosedMonth", "StatementSection", "closed_month", "standing"]

KEY = ("payee", "currency", "scale")
OPENING, EARNED, RELEASED, CARRIED, PAYABLE = (
    *("Opening balance", "Earned", "Released from suspense", "Carried forward", "Payable"),
)
TOTAL = "Total"
ACCOUNT, EARNINGS_OF, ENTRIES = "Account", "Earnings", "Adjustments and entries"
"""The sections whose last line is a total."""
ITEM_OF = {
    Kind.CARRY_IN: OPENING,
    **dict.fromkeys((Kind.EARNED, Kind.MINIMUM_TOPUP, Kind.WITHHELD, Kind.SPLIT_IN, Kind.SPLIT_OUT), EARNED),
    Kind.SUSPENSE_RELEASE: RELEASED,
    Kind.PENALTY: "Penalties for excluded plays",
    Kind.PENALTY_SHARE: "Part of others' penalties",
    Kind.ADJUSTMENT: "Adjustments",
    Kind.FEE: "Fees",
    Kind.RESERVE_RELEASE: "Reserve released",
    Kind.RECOUP: "Advance recouped",
    Kind.TAX: "Tax withheld",
    Kind.RESERVE_HOLD: "Held in reserve",
    Kind.SUSPENSE: "Kept on hold",
    Kind.CARRY_OUT: CARRIED,
    Kind.PAYABLE: PAYABLE,
}
ITEMS = tuple(dict.fromkeys(ITEM_OF.values()))
"""The lines of an account, in their order: all before the last sum to it."""
ADVANCE = "Advance"
ALWAYS = (OPENING, EARNED, CARRIED, PAYABLE)
"""Those that are shown where they are zero, too."""
ISRC = re.compile(r"[A-Z]{2}-?[A-Z0-9]{3}-?\d{2}-?\d{5}")
RATE_DIGITS = 6
"""Of the rate per play."""


@dataclass(frozen=True)
class StatementSection:
    """A part of statements: its title, and a sheet with the lines of all payees, or of one."""

    title: str
    sheet: Sheet
    text: pl.DataFrame
    """The same as people read it: every shown column, empty where nothing stands."""

    @classmethod
    def made(cls, title: str, frame: pl.DataFrame, amounts: Iterable[str], **scales: str) -> StatementSection:
        """Make one of the lines of all payees: amounts are minor units, some with a column of digits of their own."""
        hidden = frozenset({*KEY, *scales.values()})
        total = title in {ACCOUNT, EARNINGS_OF, ENTRIES}
        sheet = Sheet(title, frame, frozenset({*amounts, *scales}), scales, hidden, total)
        return cls(title, sheet, pl.concat([sheet.head(), *sheet.texts()]).fill_null(""))

    def of(self, account: Account) -> StatementSection | None:
        """The lines of one account; None where it has none."""
        place = self.places.get(account)
        if place is None:
            return None
        return StatementSection(self.title, replace(self.sheet, frame=self.sheet.frame[place]), self.text[place])

    @cached_property
    def places(self) -> Mapping[Account, slice]:
        """Account -> where its lines are."""
        found: dict[Account, slice] = {}
        at = 0
        counts = self.sheet.frame.group_by(KEY[:2], maintain_order=True).len()
        for payee, currency, count in counts.iter_rows():
            found[payee, currency], at = slice(at, at + count), at + count
        return found


@dataclass(frozen=True, slots=True)
class ClosedMonth:
    """A month of the books, and what its accounts say."""

    entry: Entry
    accounts: AccountBook
    pending: int
    """Adjustments that are booked in the open month."""


def closed_month(books: Path, period: str | None) -> ClosedMonth:
    """Read a closed month with all before it; without a period the last one.

    Raises:
        UsageError: it is not closed.
        InputError: the books are not as they were written.

    """
    found = shelf(books)
    check_head(books, found)
    entry = found.last if period is None else found.month(check_period(period))
    if entry is None:
        message = f"{period} is not closed" if found.months else f"no month is closed in {books}"
        advice = f"Closed: {found.months[0].period} to {found.months[-1].period}." if found.months else ""
        raise UsageError(message, advice=advice or "Give the directory that `fairpay close --books` writes to.")
    already(entry)
    earlier, options = found.before(entry.period), entry.books["options"]
    tables = {role: path for role in ("splits", "advances") for path in entry.directory.glob(f"input-{role}.*")}
    advances = {}
    if "advances" in tables:
        advances = read_advances(tables["advances"], currency=str(options["currency"]), period=entry.period)
    plays = entry.directory / PLAYS
    return ClosedMonth(
        entry,
        AccountBook(
            rows=entry.ledger(),
            facts=MonthFacts.of_json(entry.books["facts"]),
            earlier=before(one.ledger() for one in earlier),
            left=balances(one.ledger(LEFT) for one in (*earlier, entry)),
            plays=pl.read_parquet(plays) if plays.is_file() else UNPLAYED,
            tracks=tracks_of(entry.directory),
            splits=read_splits(tables["splits"]) if "splits" in tables else Splits(),
            advances=advances,
        ),
        len(found.pending),
    )


UNPLAYED = pl.DataFrame(schema={"pool": pl.String, "artist": pl.String, "track": pl.String, "plays": pl.Int64})


@dataclass(frozen=True)
class AccountBook:
    """What the books say of the accounts of a month."""

    rows: Ledger
    """Of the month."""
    facts: MonthFacts
    earlier: pl.DataFrame
    """`items` of the months before, as `before` adds them up."""
    left: Balances
    """What the month left behind."""
    plays: pl.DataFrame
    """pool, artist, track, plays; empty for a month that was closed before plays were kept."""
    tracks: pl.DataFrame | None = None
    """What each track earned, see `earned_by_track`; None where the month does not say."""
    splits: Splits = field(default_factory=Splits)
    advances: Mapping[Account, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    """Account -> advances paid, as (name, minor units)."""

    @cached_property
    def sections(self) -> tuple[StatementSection, ...]:
        """Every section, its lines ordered by payee, currency, and as they are read."""
        return (
            StatementSection.made(ACCOUNT, self.summary, ("Prior", "This period", "To date")),
            StatementSection.made(EARNINGS_OF, self.earnings, ("Earned by artist", "Earned"), **RATE),
            StatementSection.made(ENTRIES, self.entries, ("Amount",)),
            StatementSection.made("Balances", self.standing, NUMBERS),
            StatementSection.made("Exchange rates", self.exchange, ()),
        )

    @property
    def payable(self) -> pl.DataFrame:
        """payee, currency, minor units: of every account that has a statement."""
        return self.summary.filter(pl.col("Item") == PAYABLE).select(*KEY[:2], "This period")

    @cached_property
    def stands(self) -> Sheet:
        """Where each account stands after the month, those in suspense too, in the order of their ids.

        Columns: payee, currency, and minor units: `payable` in the month, `carried` forward, `recouping` (what is left
        of advances), `reserve`, `in_suspense`.
        """
        advances = self.standing.filter(pl.col("Item").str.starts_with(ADVANCE)).with_columns(amount=pl.col("Left"))
        parts = {
            "payable": self.rows.of_kinds({Kind.PAYABLE}).frame,
            "carried": self.left.carried,
            "recouping": advances,
            "reserve": self.left.reserves,
            "in_suspense": self.left.suspense,
        }
        found = pl.concat([part.select(*KEY, wide().alias(name)) for name, part in parts.items()], how="diagonal")
        sums = found.group_by(KEY).agg(pl.col(parts).sum()).filter(pl.any_horizontal(pl.col(parts) != 0))
        return Sheet("balances", sums.sort(KEY), frozenset(parts), hidden=frozenset({"scale"}))

    @cached_property
    def own(self) -> pl.DataFrame:
        """The month's rows of payees, see `with_items`."""
        return with_items(self.rows)

    @cached_property
    def summary(self) -> pl.DataFrame:
        """Item, prior, this period, to date: of each account to which something happened or on which it stands."""
        moved = items(self.own)
        kept = self.standing.filter(pl.col("Left") != 0)
        accounts = pl.concat([moved.filter(pl.col("amount") != 0).select(KEY), kept.select(KEY)]).unique()
        both = accounts.join(pl.DataFrame({"Item": ITEMS}).with_row_index("place"), how="cross")
        for name, part in (("This period", moved), ("Prior", self.earlier)):
            both = both.join(part.rename({"amount": name}), on=[*KEY, "Item"], how="left")
        both = both.with_columns(pl.col("This period", "Prior").fill_null(0))
        item, now, prior = pl.col("Item"), pl.col("This period"), pl.col("Prior")
        to_date = pl.when(item == OPENING).then(0).when(item == CARRIED).then(now).otherwise(now + prior)
        both = both.with_columns(to_date.alias("To date"))
        shown = item.is_in(ALWAYS) | pl.any_horizontal(pl.col("Prior", "This period", "To date") != 0)
        return both.filter(shown).sort(*KEY, "place").select(*KEY, "Item", "Prior", "This period", "To date")

    @cached_property
    def earnings(self) -> pl.DataFrame:
        """What each artist or track brought a payee in each pool, largest first, and a total.

        A payee's part of an artist is divided as the artist's tracks earned it, where the month says what they did.
        """
        source = pl.when(is_kind(Kind.SPLIT_IN)).then("counterparty").otherwise("payee")
        earned = self.own.filter(pl.col("Item") == EARNED).with_columns(source=source)
        lines = summed(earned, *KEY, "pool", "source").filter(pl.col("amount") != 0)
        made = self.rows.of_kinds({Kind.EARNED, Kind.MINIMUM_TOPUP, Kind.WITHHELD}).frame
        whole = summed(made, "pool", "payee", "currency").rename({"payee": "source", "amount": "Earned by artist"})
        lines = lines.join(whole, on=["pool", "source", "currency"], how="left").with_columns(text("pool", "source"))
        lines = lines.join(self.pools, on="pool", how="left").with_row_index("line")
        lines = lines.join(self.played, on=["pool", "source"], how="left", maintain_order="left_right")
        lines = by_track(lines).join(self.shares(lines), on=["payee", "source"], how="left")
        rate = pl.col("Earned by artist") * 10 ** (RATE_DIGITS - pl.col("scale")).cast(pl.Int128)
        plays = pl.col("Plays")
        per_play = pl.when(plays > 0).then((2 * rate + plays) // (2 * plays)).cast(pl.Int64)
        lines = lines.with_columns(
            pl.col("Artist").fill_null(pl.col("source")),
            pl.col("Your share").fill_null("100%"),
            per_play.alias("Rate per play"),
            rate_digits=pl.lit(RATE_DIGITS),
            Earned="amount",
        )
        ordered = lines.sort(*KEY, less(), "Artist", "Track", "Pool", nulls_last=True)
        return with_totals(ordered.select(*KEY, *EARNINGS, "rate_digits"), "Artist", ("Plays", "Earned"))

    @cached_property
    def played(self) -> pl.DataFrame:
        """pool, source, Artist, Track, ISRC, Plays, brought: the source's amount of a track, null where unknown."""
        track, sources = pl.col("track"), with_source(self.plays)
        if self.tracks is None:
            known = sources.with_columns(earned=pl.lit(None, pl.Int64))
        else:
            known = of_ledger(self.tracks, sources)
        isrc = pl.when(track.str.contains(f"^{ISRC.pattern}$")).then(track.str.replace_all("-", ""))
        return known.select(
            "pool", "source", Artist="artist", Track=track, ISRC=isrc, Plays=pl.col("plays"), brought=pl.col("earned")
        )

    @cached_property
    def pools(self) -> pl.DataFrame:
        """pool, Pool, Territory, Offering and the terms of exchange."""
        lines = [
            (p.name, p.name, p.territory, p.offering, p.gross_currency, p.fx_rate, p.currency, p.fx_source, p.fx_date)
            for p in self.facts.pools
        ]
        names = ("pool", "Pool", "Territory", "Offering", *EXCHANGE)
        return pl.DataFrame(lines, schema=dict.fromkeys(names, pl.String), orient="row")

    def shares(self, lines: pl.DataFrame) -> pl.DataFrame:
        """payee, source, `Your share`: what the splits give each payee of each source."""
        sources = [source for source in lines["source"].unique() if source in self.splits]
        found = [(payee, source, in_percent(share)) for source in sources for payee, share in self.splits.of(source)]
        schema = {"payee": pl.Categorical, "source": pl.String, "Your share": pl.String}
        return pl.DataFrame(found, schema=schema, orient="row")

    @cached_property
    def entries(self) -> pl.DataFrame:
        """Everything else that changed a balance, one by one, and a total."""
        rows = self.own.filter(~pl.col("Item").is_in(ALWAYS))
        rows = rows.with_columns(text("counterparty", "reason", "pool", "ref_period", "ref_run_id"))
        advance = pl.when(is_kind(Kind.RECOUP)).then(pl.lit("advance ") + pl.col("counterparty"))
        charged = pl.when(is_kind(Kind.PENALTY)).then("counterparty")
        back = pl.when(is_kind(Kind.SPLIT_IN)).then(pl.col("counterparty").str.replace(r"^\w+:", ""))
        lifted = pl.when(is_kind(Kind.SUSPENSE_RELEASE)).then(pl.lit("no longer on hold"))
        details = pl.coalesce(advance, charged, back, lifted, "reason")
        lines = rows.select(
            *KEY, "Item", Period="ref_period", Pool="pool", Details=details, Reference="ref_run_id", Amount=signed()
        )
        place = pl.col("Item").replace_strict({item: n for n, item in enumerate(ITEMS)}, return_dtype=pl.Int64)
        return with_totals(lines.sort(*KEY, place, "Period", "Pool", "Reference"), "Item", ("Amount",))

    @cached_property
    def standing(self) -> pl.DataFrame:
        """Advances with what is left of them, reserves, what is on hold: balances, not movements."""
        return standing(self.left, self.advances).filter(~is_suspense("payee"))

    @cached_property
    def exchange(self) -> pl.DataFrame:
        """The rate, its source and its date of every pool that was exchanged."""
        used = self.own.filter(pl.col("Item") == EARNED).with_columns(text("pool")).select(*KEY, "pool").unique()
        lines = used.join(self.pools.filter(pl.col("Rate") != ""), on="pool")
        return lines.sort(*KEY, "Pool").select(*KEY, "Pool", *EXCHANGE)

    def controls(self) -> Iterator[Control]:
        """Every statement foots, column by column; its lines are what its account says; all sum to the ledger."""
        own, item = self.summary, pl.col("Item")
        stated = pl.col("Prior", "This period", "To date")
        parts = pl.when(item == PAYABLE).then(stated * -1).otherwise(stated)
        off = own.group_by(KEY).agg(parts.sum()).filter(pl.any_horizontal(stated != 0)).height
        yield Control("statements", not off, f"{counted(own.select(KEY).n_unique(), 'account')}, {off:,} do not foot")
        for section, first, name, part in (
            ("earnings", "Artist", "Earned", item == EARNED),
            ("entries", "Item", "Amount", ~item.is_in(ALWAYS)),
        ):
            lines = getattr(self, section).filter(pl.col(first) == TOTAL).select(*KEY, amount=name)
            said = summed(own.filter(part).rename({"This period": "amount"}), *KEY)
            both = summed(pl.concat([lines, said.with_columns(less())]), *KEY)
            off = both.filter(pl.col("amount") != 0).height
            yield Control(
                section, not off, f"{counted(lines.height, 'account')} with lines, {off:,} not what the account says"
            )
        paid = self.rows.of_kinds({Kind.PAYABLE}).frame
        stated_paid = own.filter(item == PAYABLE).rename({"This period": "amount"})
        sums = [
            summed(frame, "currency").sort("currency").filter(pl.col("amount") != 0) for frame in (paid, stated_paid)
        ]
        detail = f"{counted(paid.height, 'payment')}, as the ledger has them"
        yield Control("payable", sums[0].equals(sums[1]), detail)


NUMBERS = ("Amount", "Earned back", "Left")
RATE = {"Rate per play": "rate_digits"}
EXCHANGE = ("From", "Rate", "To", "Source", "Date")
EARNINGS = ("Artist", "Track", "ISRC", "Territory", "Offering", "Pool", "Plays", "Rate per play", "Earned by artist",
            "Your share", "Earned")  # fmt: skip


def by_track(lines: pl.DataFrame) -> pl.DataFrame:
    """Divide the amount of each `line` among its tracks as these brought it, exactly; ties to the smaller track."""
    known = pl.col("brought").is_not_null()
    weight = pl.col("brought").abs()
    shares = lines.filter(known).select(source="line", payee="Track", share=weight, whole=weight.sum().over("line"))
    whole = lines.filter(known).unique("line", maintain_order=True).select("line", "amount", source="line")
    parts = divided(whole, shares, pl.Int128).rename({"payee": "Track", "amount": "part"})
    found = lines.join(parts, on=["line", "Track"], how="left", maintain_order="left")
    return found.with_columns(
        pl.coalesce("brought", "Earned by artist").alias("Earned by artist"),
        amount=pl.coalesce("part", "amount"),
    )


def text(*names: str) -> pl.Expr:
    return pl.col(*names).cast(pl.String)


def with_items(rows: Ledger) -> pl.DataFrame:
    """The rows of payees, not of accounts in suspense, each with the `Item` of an account that it belongs to."""
    back = is_kind(Kind.SPLIT_IN) & is_suspense("counterparty")
    item = pl.col("kind").cast(pl.String).replace_strict({kind.value: item for kind, item in ITEM_OF.items()})
    own = rows.where(~is_suspense("payee")).frame
    return own.with_columns(Item=pl.when(back).then(pl.lit(RELEASED)).otherwise(item))


def items(own: pl.DataFrame) -> pl.DataFrame:
    """payee, currency, scale, Item, amount: what adds to a balance above zero, and what is payable."""
    amount = pl.when(is_kind(Kind.PAYABLE)).then(wide()).otherwise(signed())
    return own.group_by(*KEY, "Item").agg(amount=amount.sum())


def before(months: Iterable[Ledger]) -> pl.DataFrame:
    """The `items` of months, oldest first, as one: no opening balance, and what the last carried forward."""
    whole = items(with_items(Ledger.joined([])))
    for rows in months:
        own = items(with_items(rows)).filter(pl.col("Item") != OPENING)
        both = pl.concat([whole.filter(pl.col("Item") != CARRIED), own])
        whole = summed(both, *KEY, "Item")
    return whole


def with_totals(lines: pl.DataFrame, first: str, names: Sequence[str]) -> pl.DataFrame:
    """Put a line of totals below the lines of each account."""
    numbered = lines.with_row_index("place").with_columns(last=pl.lit(value=False))
    sums = lines.group_by(KEY).agg(pl.col(names).sum())
    totals = sums.with_columns(pl.lit(TOTAL).alias(first), last=pl.lit(value=True))
    return pl.concat([numbered, totals], how="diagonal_relaxed").sort(*KEY, "last", "place").select(lines.columns)


def in_percent(share: Fraction) -> str:
    """`60%`, or `1/3` where that is no decimal."""
    percent = exact_text(share * 100)
    return str(share) if "/" in percent else f"{percent}%"


def standing(left: Balances, advances: Mapping[Account, tuple[tuple[str, int], ...]]) -> pl.DataFrame:
    """What stands on accounts after a month: payee, currency, scale, Item, Amount, `Earned back`, Left."""
    earned_back = left.earned_back
    lines = [
        (
            payee,
            code,
            Currency.of(code).digits,
            f"{ADVANCE} {name}, {'unrecouped' if paid > done else 'recouped'}",
            paid,
            done,
            paid - done,
        )
        for (payee, code), known in advances.items()
        for name, paid in known
        for done in [earned_back.get((name, payee, code), 0)]
    ]
    numbers = dict.fromkeys(NUMBERS, pl.Int128())
    schema = {**{name: left.held.schema[name] for name in KEY}, "Item": pl.String(), **numbers}
    found = [pl.DataFrame(lines, schema=schema, orient="row")]
    period = pl.col("ref_period").cast(pl.String)
    for kept, item in ((left.reserves, pl.lit("Reserve of ") + period), (left.suspense, pl.lit("On hold"))):
        amounts = (wide(), pl.lit(None, dtype=pl.Int128), wide())
        found.append(
            kept.select(*KEY, item.alias("Item"), *(e.alias(n) for n, e in zip(NUMBERS, amounts, strict=True)))
        )
    return pl.concat(found).sort(*KEY, maintain_order=True)
