"""Documents: one payee's statement as a value, and the CSV, the workbook and the PDF that are made of it.

All are for people: formulas are defused, headings are words. The same statement gives the same bytes: the PDF takes no
fonts from the machine it is made on, and is dated with the day of the statement.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING, Any

import polars as pl

from fairpay.errors import InputError, UsageError
from fairpay.ledger.export import lined, together, workbook
from fairpay.ledger.tables import payee_lines, read_table
from fairpay.logs.faults import Faults
from fairpay.logs.tables import guarded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fairpay.ledger.accounts import StatementSection
    from fairpay.ledger.tables import Line

__all__ = [
    "AccountStatement",
    "Press",
    "Statement",
    "as_csv",
    "as_xlsx",
    "letters_lacking",
    "read_issuer",
    "read_payees",
]

TITLE = "Royalty statement"
NAMES = {
    "payee": ("payee_id", "id"),
    "name": ("payee_name",),
    "address": ("street", "address1"),
    "postcode": ("postal_code", "zip"),
    "city": ("town",),
    "country": (),
    "tax_id": ("vat_id", "tax_number"),
    "email": (),
}
NUMBERS = frozenset({"Plays", "Rate", "Your share"})
"""Columns of figures that are no amounts."""
WIDE = {"Artist": 3, "Track": 2, "Details": 3, "Item": 3, "Reference": 2}
"""Columns that get a part of the room that is left, some more than others."""
NARROW = 12
"""Characters of a column that is not broken: an ISRC has as many. It has the room it needs, unless it is in `WIDE`."""
MOST_LINES = 2_000
"""Lines of a section that a PDF has; the CSV and the workbook have all."""
SHORT = 60
"""Characters of a name in the head of a page."""


@dataclass(frozen=True, slots=True)
class AccountStatement:
    """What a statement says in one currency."""

    currency: str
    payable: str
    """In major units."""
    reference: str
    """Of the payment; empty where nothing is paid."""
    sections: tuple[StatementSection, ...]
    """Those that have lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What one payee is sent."""

    payee: str
    to: tuple[str, ...]
    """Name and address, line by line: at least one line."""
    issuer: tuple[str, ...]
    """The same of who sends it."""
    period: str
    first: str
    last: str
    """The first and the last day of the period: `2026-10-31`."""
    day: str
    """The day of the statement."""
    run_id: str
    accounts: tuple[AccountStatement, ...] = field(default_factory=tuple)

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What stands above the figures."""
        period = f"{self.period}: {self.first} to {self.last}"
        return [("Payee", self.payee), ("Period", period), ("Statement date", self.day)]


def read_payees(path: Path) -> dict[str, tuple[str, ...]]:
    """Read names and addresses: payee, and any of the columns of `NAMES`; `;` divides the lines of an address.

    Raises:
        InputError: an empty payee, or one that stands twice.

    """
    faults = Faults(path.name)
    lines = payee_lines(path, faults, names=NAMES, needed=("payee",))
    found = {line.values["payee"]: address_of(line, line.values["payee"]) for line in lines}
    faults.stop("Give each payee one line.")
    return found


def read_issuer(path: Path) -> tuple[str, ...]:
    """Read who sends the statements: one line with a name, and whatever a payee may have.

    Raises:
        InputError: it has not just one line, or no name.

    """
    lines = read_table(path, names=NAMES, needed=("name",))
    if len(lines) != 1 or not lines[0].values["name"]:
        message = f"{path.name} has {len(lines):,} lines: who sends the statements is one, with a name"
        raise InputError(message, advice="Give a header and one line: name, address, postcode, city, country, tax_id.")
    return address_of(lines[0], "")


def address_of(line: Line, payee: str) -> tuple[str, ...]:
    values = line.values
    street = values.get("address", "").replace("\n", ";").split(";")
    city = " ".join(filter(None, (values.get("postcode", ""), values.get("city", ""))))
    tax = f"Tax number {values['tax_id']}" if values.get("tax_id") else ""
    parts = (values.get("name") or payee, *street, city, values.get("country", ""), tax, values.get("email", ""))
    return tuple(part.strip() for part in parts if part.strip())


def as_csv(statement: Statement) -> bytes:
    """All sections in one table with readable headings, for a spreadsheet: with a BOM, and no formula in it."""
    said = [*statement.facts, ("To", "; ".join(statement.to)), ("From", "; ".join(statement.issuer))]
    about = pl.DataFrame(said, schema={"Item": pl.String, "Details": pl.String}, orient="row")
    parts = [about.select(pl.lit("Statement").alias("Section"), pl.lit("").alias("Currency"), pl.all())]
    for account in statement.accounts:
        for section in account.sections:
            words = [name for name in section.text.columns if not is_number(section, name)]
            head = (pl.lit(section.title).alias("Section"), pl.lit(account.currency).alias("Currency"))
            parts.append(section.text.with_columns(guarded(name) for name in words).select(*head, pl.all()))
    whole = pl.concat(parts, how="diagonal").fill_null("").with_columns(guarded("Details"))
    return b"".join(together(part) for part in lined(whole.columns, [whole], mark="\ufeff"))


def as_xlsx(statement: Statement) -> bytes:
    """A workbook: a sheet for each section and currency, behind one that says whose it is."""
    about = [(TITLE, ""), *statement.facts]
    about += [("To" if not place else "", line) for place, line in enumerate(statement.to)]
    about += [("From" if not place else "", line) for place, line in enumerate(statement.issuer)]
    about += [(f"Payable {account.currency}", account.payable) for account in statement.accounts]
    about += [(f"Payment reference {one.currency}", one.reference) for one in statement.accounts if one.reference]
    sheets = [
        replace(section.sheet, name=f"{section.title} {account.currency}")
        for account in statement.accounts
        for section in account.sections
    ]
    return workbook(about=about, sheets=sheets)


def is_number(section: StatementSection, name: str) -> bool:
    """Whether a column holds figures, and stands to the right."""
    return name in section.sheet.amounts or name in NUMBERS


class Press:
    """Makes PDF of statements with Typst and its own fonts, and those of a folder if one is given."""

    def __init__(self, paper: str = "a4", fonts: Path | None = None) -> None:
        """Load Typst.

        Raises:
            UsageError: it is not installed.

        """
        try:
            import typst  # noqa: PLC0415 - an extra
        except ImportError:
            message = "PDF needs the package typst"
            advice = "Install it: pip install 'fairpay[statements]'; or leave pdf out: --formats csv,xlsx."
            raise UsageError(message, advice=advice) from None
        self.paper = {"letter": "us-letter"}.get(paper, paper)
        template = Path(__file__).with_name("statement.typ")
        folders = [] if fonts is None else [str(fonts)]
        self.compiler = partial(
            typst.Compiler, str(template), str(template.parent), ignore_system_fonts=True, font_paths=folders
        )
        self.own = local()
        self.own.compiler = self.compiler()
        self.version = metadata.version("typst")

    def pdf(self, statement: Statement) -> bytes:
        """Make the bytes of one. Called from several threads, each of which has a compiler of its own."""
        if not hasattr(self.own, "compiler"):
            self.own.compiler = self.compiler()
        inputs = {"statement": json.dumps(as_data(statement)), "paper": self.paper}
        made = self.own.compiler.compile(format="pdf", sys_inputs=inputs, timestamp=0)
        assert isinstance(made, bytes)
        return made


def as_data(statement: Statement) -> Mapping[str, Any]:
    """What the template is given."""
    year, month, day = (int(part) for part in statement.day.split("-"))
    return {
        "title": TITLE,
        "period": statement.period,
        "day": {"year": year, "month": month, "day": day},
        "run_id": statement.run_id,
        "short_payee": shortened(statement.to[0]),
        "short_issuer": shortened(statement.issuer[0]),
        "to": [breakable(line) for line in statement.to],
        "issuer": [breakable(line) for line in statement.issuer],
        "facts": [(label, breakable(value)) for label, value in statement.facts],
        "accounts": [
            {
                "currency": account.currency,
                "payable": account.payable,
                "reference": account.reference,
                "sections": [section_data(section) for section in account.sections],
            }
            for account in statement.accounts
        ],
    }


def section_data(section: StatementSection) -> Mapping[str, Any]:
    """A section with the columns that say anything, and as many lines as a page is read for."""
    text = section.text
    used = [name for name in text.columns if name in section.sheet.amounts or (text[name] != "").any()]
    rows = [[breakable(cell) for cell in row] for row in text.select(used).iter_rows()]
    total, more = section.sheet.total, len(rows) - MOST_LINES
    if more > 0:
        rows = [*rows[: MOST_LINES - total], *(rows[-1:] if total else [])]
    return {
        "title": section.title,
        "columns": [{"name": name, "number": is_number(section, name), "width": width_of(text[name])} for name in used],
        "rows": rows,
        "total": total,
        "more": f"{more:,} more lines are in the CSV and the workbook; the total is of all." if more > 0 else "",
    }


def width_of(column: pl.Series) -> int:
    """Parts of the room that is left; 0 for a column that takes what it needs."""
    longest = column.str.len_chars().max()
    return WIDE.get(column.name, 1 if isinstance(longest, int) and longest > NARROW else 0)


COVERED = frozenset({"LATIN", "GREEK", "CYRILLIC", "HEBREW", "ARABIC", "ARMENIAN", "GEORGIAN", "MODIFIER", "FEMININE",
                     "MASCULINE", "MICRO"})  # fmt: skip
"""How the names of letters begin that Typst's own fonts have."""


def letters_lacking(statements: Iterable[Statement]) -> str:
    """Say which scripts of names and addresses Typst's own fonts have no letters for; empty where there are none."""
    words: set[str] = set()
    for one in statements:
        words.update((one.payee, *one.to, *one.issuer))
        words.update(*(section.text[name] for account in one.accounts for section in account.sections
                       for name in ("Artist", "Track") if name in section.text.columns))  # fmt: skip
    letters = {letter for letter in set("".join(words)) if unicodedata.category(letter) in {"Lo", "Ll", "Lu", "So"}}
    found = {script_of(letter) for letter in letters} - COVERED
    if not found:
        return ""
    scripts = ", ".join(sorted(found)[:5])
    return f"the PDFs have boxes for letters that their fonts lack ({scripts}): name a folder of fonts with --fonts"


def script_of(letter: str) -> str:
    """`LATIN`, `CJK`; signs such as emoji are all one."""
    return "EMOJI" if unicodedata.category(letter) == "So" else re.split("[ -]", unicodedata.name(letter, "OTHER"))[0]


LONG = re.compile(r"\S{14}")


def breakable(words: str) -> str:
    """The same, with places in long words where a line may end, so that they wrap."""
    return LONG.sub(lambda part: f"{part[0]}\u200b", words)


def shortened(name: str) -> str:
    return name if len(name) <= SHORT else name[: SHORT - 1] + "…"
