"""Issue: where payees stand after a closed month, and the statements they are sent, in a directory of their own.

That directory is a run, which verifies like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

import polars as pl
import pyarrow as pa

from fairpay.engine.feeding import usable_processors
from fairpay.errors import NothingToPayError, UsageError
from fairpay.ledger.accounts import closed_month
from fairpay.ledger.controls import require
from fairpay.ledger.documents import (
    AccountStatement,
    Press,
    Statement,
    as_csv,
    as_xlsx,
    letters_lacking,
    read_issuer,
    read_payees,
)
from fairpay.ledger.export import written
from fairpay.ledger.model import after
from fairpay.ledger.statements import data, file_name, payment_ref, streamed
from fairpay.money.currency import Currency
from fairpay.reports.outcome import InputFile
from fairpay.reports.tables import ColumnKind, Shown, TableColumn, in_digits, table_of
from fairpay.reports.tables import chosen as chosen_rows
from fairpay.runs.inputs import HashedInputs
from fairpay.runs.manifest import MANIFEST, describe, fingerprint
from fairpay.runs.publish import Target
from fairpay.settings.commands import complete
from fairpay.settings.option import nearest
from fairpay.settings.speech import job

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from fairpay.ledger.accounts import ClosedMonth
    from fairpay.ledger.statements import Writer
    from fairpay.reports.outcome import Control
    from fairpay.settings import options as o

__all__ = ["Issued", "Standings", "balances", "statements"]

INDEX = ("payee", "name", "currency", "payable", "payment_ref", "file")
NO_ISSUER = "(no issuer stated)"
Maker: TypeAlias = Callable[[Statement], bytes]
Address: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Issued(Shown):
    """The statements that were written."""

    status: str
    """`done` or `already`."""
    period: str
    run_id: str
    """Of the month."""
    directory: str
    statements: tuple[Statement, ...]
    controls: tuple[Control, ...]
    unnamed: tuple[str, ...]
    """Payees without a line in the table of names and addresses."""
    letters: str
    """What the fonts of the PDF cannot show, in words; empty where nothing."""

    def __repr__(self) -> str:
        """Say in one line what it is."""
        return f"<{len(self.statements):,} statements of {self.period} in {self.directory} ({self.status})>"

    @property
    def table(self) -> pl.DataFrame:
        """Who is sent which file, and what is payable: text, amounts with their currency's digits."""
        return pl.DataFrame(list(index(self.statements)), schema=dict.fromkeys(INDEX, pl.String), orient="row")

    @property
    def summary(self) -> dict[str, Any]:
        """What `fairpay statements --json` prints."""
        return {
            "schema_version": 1,
            "command": "statements",
            "status": self.status,
            "period": self.period,
            "run_id": self.run_id,
            "directory": self.directory,
            "statements": len(self.statements),
            "without_address": list(self.unnamed),
            "letters": self.letters,
            "payable": payable(self.statements),
            "controls": [asdict(control) for control in self.controls],
        }


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Standings(Shown):
    """Where each payee stands after a month."""

    period: str
    run_id: str
    pending: int
    """Adjustments that are booked in the open month."""
    arrow: pa.Table
    """payee, currency, payable, carried, recouping, reserve, in_suspense: decimals in major units."""

    def __repr__(self) -> str:
        """Say in one line what it is."""
        return f"<balances after {self.period}: {self.arrow.num_rows:,} accounts>"

    @property
    def summary(self) -> dict[str, Any]:
        """What `fairpay balances --json` prints."""
        head = {"schema_version": 1, "command": "balances", "period": self.period, "run_id": self.run_id}
        return {**head, "pending_adjustments": self.pending, "balances": self.written().to_pylist()}

    @property
    def published(self) -> str:
        """Nothing is written."""
        return ""

    @property
    def sums(self) -> Standings:
        """What all accounts come to, in each currency: lines of a payee `Total`."""
        rows = pl.DataFrame(self.arrow)
        amounts = [name for name in rows.columns if name not in {"payee", "currency"}]
        sums = rows.group_by("currency").agg(pl.col(amounts).sum()).sort("currency").with_columns(payee=pl.lit("Total"))
        return replace(self, arrow=sums.select(rows.columns).to_arrow())

    def written(self, *, sort: str | None = None, top: int | None = None) -> pa.Table:
        """The rows, or the first of them by a column, as text: amounts with the digits of their currency.

        Raises:
            UsageError: the table has no such column.

        """
        rows = pl.DataFrame(pa.concat_tables(chosen_rows([self.arrow], sort=sort, top=top)))
        codes = rows["currency"].unique()
        money = {name: kind.scale for name, kind in rows.schema.items() if isinstance(kind, pl.Decimal)}
        return rows.with_columns(in_digits(pl.col(name), scale, codes) for name, scale in money.items()).to_arrow()


@job
def balances(**options: Unpack[o.BalancesOptions]) -> Standings:
    """Tell where each payee stands after a closed month, from the books.

    Raises:
        FairpayError: UsageError for a month that is not closed or a payee without a balance, InputError for books that
            are not as they were written.

    """
    full = complete("balances", options)
    month = closed_month(Path(full["books"]), full["period"])
    sheet = month.accounts.stands
    payees = pl.col("payee").cast(pl.String)
    refuse_unknown(full["payee"], sheet.frame.select(payees.unique()).to_series().to_list(), "stands on no account")
    rows = sheet.frame.filter(payees.is_in(list(full["payee"]))) if full["payee"] else sheet.frame
    whole = replace(sheet, frame=rows).arrow()
    kinds = {"payee": ColumnKind.KEY, "currency": ColumnKind.CURRENCY}
    columns = {n: TableColumn(kinds.get(n, ColumnKind.MONEY), whole[n].combine_chunks()) for n in whole.column_names}
    return Standings(
        period=month.entry.period, run_id=month.entry.run_id, pending=month.pending, arrow=table_of(columns)
    )


def refuse_unknown(payees: Iterable[str], known: Collection[str], what: str) -> None:
    """Refuse payees there is nothing of.

    Raises:
        UsageError: naming the first.

    """
    unknown = [payee for payee in payees if payee not in known]
    if unknown:
        message = f"{unknown[0]} {what} in this month"
        raise UsageError(message, advice=nearest(unknown[0], known) or "See `fairpay balances` for all there are.")


@job
def statements(**options: Unpack[o.StatementsOptions]) -> Issued:
    """Write the statements of a closed month: one for each payee, in CSV, as a workbook and as PDF.

    Raises:
        FairpayError: UsageError for a month that is not closed, a payee who has no statement or a format that is none,
            InputError for books or tables that cannot be used, OutputError and DifferentRunError as every run.

    """
    full = complete("statements", options)
    makers, press = makers_of(full)
    month = closed_month(Path(full["books"]), full["period"])
    tables = {name: Path(full[name]) for name in ("payees", "issuer") if full[name] is not None}
    read = {"month": month.entry.directory / MANIFEST, **tables}
    hashed = HashedInputs([InputFile(role, str(path)) for role, path in read.items()])
    names = read_payees(tables["payees"]) if "payees" in tables else {}
    issuer = read_issuer(tables["issuer"]) if "issuer" in tables else (NO_ISSUER,)
    controls = tuple(month.accounts.controls())
    require(controls)
    day = day_of(month.entry.period, full["date"])
    issued = list(stated(month, names, issuer, day, full["payee"]))
    asked = {name: (full[name], "") for name in ("payee", "date", "formats", "paper", "fonts")}
    inputs, version = hashed.records(), "" if press is None else press.version
    manifest = describe(command="statements", options=asked, inputs=inputs, controls=controls)
    manifest["versions"] |= {"typst": version} if version else {}
    with Target(Path(full["output"]), force=full["force"], threads=usable_processors()) as target:
        status = target.publish(
            files=files_of(issued, makers),
            manifest=manifest,
            fingerprint=fingerprint(command="statements", options={**asked, "typst": (version, "")}, inputs=inputs),
        )
    return Issued(
        status=status,
        period=month.entry.period,
        run_id=month.entry.run_id,
        directory=full["output"],
        statements=tuple(issued),
        controls=controls,
        unnamed=tuple(one.payee for one in issued if one.payee not in names),
        letters="" if press is None or full["fonts"] else letters_lacking(issued),
    )


def makers_of(full: Mapping[str, Any]) -> tuple[dict[str, Maker], Press | None]:
    """Extension -> what makes such a file; and what makes PDF, where it is asked for.

    Raises:
        UsageError: a format there is none of.

    """
    known: dict[str, Maker] = {"csv": as_csv, "xlsx": as_xlsx}
    press = None
    if "pdf" in full["formats"]:
        press = Press(full["paper"], full["fonts"])
        known["pdf"] = press.pdf
    wrong = [name for name in full["formats"] if name not in known]
    if wrong or not full["formats"]:
        message = f"statements are not written as {wrong[0]}" if wrong else "no format is named"
        raise UsageError(message, advice="Give --formats with any of csv, xlsx, pdf.")
    return {name: known[name] for name in full["formats"]}, press


def day_of(period: str, day: str | date | None) -> str:
    """Return the day of the statements; else the last of the period.

    Raises:
        UsageError: it is none.

    """
    try:
        return days_of(period)[1] if day is None else date.fromisoformat(str(day)).isoformat()
    except ValueError:
        message = f"{day} is not a day"
        raise UsageError(message, advice="Write 2026-10-31.") from None


def days_of(period: str) -> tuple[str, str]:
    """The first and the last day."""
    first, end = (date.fromisoformat(f"{one}-01") for one in (period, after(period)))
    return first.isoformat(), (end - timedelta(days=1)).isoformat()


def stated(
    month: ClosedMonth, names: Mapping[str, Address], issuer: Address, day: str, payees: Collection[str] = ()
) -> Iterator[Statement]:
    """Yield the statement of each payee, or of some, in the order of their ids.

    Raises:
        UsageError: one of them has none.
        NothingToPayError: nobody has one.

    """
    first, last = days_of(month.entry.period)
    run_id, sections = month.entry.run_id, month.accounts.sections
    paid = {(payee, currency): amount for payee, currency, amount in month.accounts.payable.iter_rows()}
    if not paid:
        message = "nobody has a statement in this month"
        raise NothingToPayError(message, advice="Nothing was earned, paid or kept for anybody.")
    refuse_unknown(payees, {payee for payee, _ in paid}, "has no statement")
    paid = {account: amount for account, amount in paid.items() if not payees or account[0] in payees}
    of_payee: dict[str, list[AccountStatement]] = {}
    for (payee, currency), amount in paid.items():
        own = tuple(part for section in sections if (part := section.of((payee, currency))) is not None)
        reference = payment_ref(run_id, payee, currency) if amount else ""
        text = Currency.of(currency).text(amount)
        of_payee.setdefault(payee, []).append(AccountStatement(currency, text, reference, own))
    for payee, accounts in of_payee.items():
        yield Statement(
            payee=payee,
            to=names.get(payee, (payee,)),
            issuer=issuer,
            period=month.entry.period,
            first=first,
            last=last,
            day=day,
            run_id=run_id,
            accounts=tuple(accounts),
        )


def files_of(issued: Sequence[Statement], makers: Mapping[str, Maker]) -> dict[str, Writer]:
    """File name -> what writes it: the index, and the statements."""
    written_index = data(written(INDEX, list(index(issued))))
    return {"index.csv": written_index} | {
        f"{file_name(one.payee)}.{extension}": streamed(partial(once, make, one))
        for one in issued
        for extension, make in makers.items()
    }


def once(make: Maker, statement: Statement) -> list[bytes]:
    return [make(statement)]


def index(issued: Iterable[Statement]) -> Iterator[tuple[str, ...]]:
    """Yield who is sent which file, with what is payable in each currency."""
    for one in issued:
        for account in one.accounts:
            rest = (account.currency, account.payable, account.reference, file_name(one.payee))
            yield (one.payee, one.to[0], *rest)


def payable(issued: Iterable[Statement]) -> dict[str, str]:
    """What all statements together say is payable, by currency."""
    sums: dict[str, Decimal] = {}
    for account in (account for one in issued for account in one.accounts):
        sums[account.currency] = sums.get(account.currency, Decimal(0)) + Decimal(account.payable)
    return {currency: format(amount, "f") for currency, amount in sorted(sums.items())}
