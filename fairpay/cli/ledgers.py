"""What the commands that work on the books have in common: their options, and how these become a closing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from fairpay.cli.options import option
from fairpay.errors import UsageError

if TYPE_CHECKING:
    from fairpay.cli.asked import Asked
    from fairpay.ledger.closing import Closing

__all__ = ["Books", "Closed", "LogOption", "MoreLogs", "Payees", "Pools", "closing_of", "tables_of"]

BOOKS = "The books"
POOLS = "Money and pools"
WHO = "Who is paid"
HOW = "How balances become payments"
Text: TypeAlias = str | None


MoreLogs: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(metavar="LOG...", help="Files, globs or directories of plays."),
]
LogOption: TypeAlias = Annotated[
    list[str] | None,
    option("--log", text="The same, for a config file.", panel=BOOKS, metavar="LOG"),
]


class Books:
    """Which books, and which month."""

    books: Annotated[Text, option("--books", text="Directory of all closed months.", panel=BOOKS, metavar="DIR")] = None
    period: Annotated[Text, option("--period", text="The month.", panel=BOOKS, metavar="2026-10")] = None
    dry_run: Annotated[bool, option("--dry-run", text="Show everything and write nothing.", panel=BOOKS)] = False


class Pools:
    """Where the money comes from."""

    pools: Annotated[
        Text, option("--pools", text="A line for each pool, see `fairpay init`.", panel=POOLS, metavar="FILE")
    ] = None
    subscribers: Annotated[
        Text,
        option("--subscribers", text="What each user paid: user, paid, and the keys.", panel=POOLS, metavar="FILE"),
    ] = None


class Closed:
    """Terms a month is closed on; an adjustment keeps those of its month."""

    pool_by: Annotated[
        Text,
        option("--pool-by", text="What tells pools apart; else the keys of the pool file.", panel=POOLS,
               metavar="country,plan"),
    ] = None  # fmt: skip
    rule: Annotated[
        Text, option("--rule", text="Of pools that name neither rule nor policy.", panel=POOLS, metavar="NAME")
    ] = None
    currency: Annotated[str, option("--currency", text="Of amounts that name none.", panel=POOLS, metavar="CODE")] = (
        "EUR"
    )
    min_seconds: Annotated[
        Text,
        option("--min-seconds", text="Leave out shorter listens; else as a policy says, or 30.",
               panel="Which listens count", metavar="S"),
    ] = None  # fmt: skip
    measure: Annotated[
        Literal["time", "plays"] | None,
        option("--measure", text="What listening is counted in.", panel="Which listens count"),
    ] = None
    any_date: Annotated[
        bool, option("--any-date", text="Count plays outside the period too.", panel="Which listens count")
    ] = False
    minimum_payment: Annotated[
        str,
        option("--minimum-payment", text="Less is carried to the next month: 20.00, or EUR=20,USD=25.", panel=HOW,
               metavar="AMOUNT"),
    ] = "0"  # fmt: skip
    recoup: Annotated[
        str, option("--recoup", text="Part of a balance that goes to an advance.", panel=HOW, metavar="SHARE")
    ] = "100%"
    reserve: Annotated[
        str, option("--reserve", text="Part of a month's earnings held back.", panel=HOW, metavar="SHARE")
    ] = "0%"
    reserve_months: Annotated[
        int, option("--reserve-months", text="Months until a reserve is released.", panel=HOW, metavar="N")
    ] = 3
    holds: Annotated[
        Text, option("--holds", text="Payees nothing is paid to for now: payee, reason.", panel=WHO, metavar="FILE")
    ] = None
    advances: Annotated[
        Text,
        option("--advances", text="All advances: payee, advance, amount, currency, period.", panel=WHO, metavar="FILE"),
    ] = None
    fees: Annotated[
        Text, option("--fees", text="This month's charges: payee, amount, currency, reason.", panel=WHO, metavar="FILE")
    ] = None
    unsplit: Annotated[
        Literal["pay", "suspend"],
        option("--unsplit", text="An artist without splits is paid itself, or is unclaimed.", panel=WHO),
    ] = "pay"
    per_payee: Annotated[
        bool, option("--per-payee", text="Write a statement file for each payee too.", panel="Results")
    ] = False
    excel: Annotated[
        bool, option("--excel", text="Write tables also as CSV that is safe in a spreadsheet.", panel="Results")
    ] = False


class Payees:
    """Who stands behind an artist."""

    splits: Annotated[
        Text, option("--splits", text="Payees of artists or tracks: artist, payee, share.", panel=WHO, metavar="FILE")
    ] = None
    aliases: Annotated[Text, option("--aliases", text="Wrong artist ids: wrong, right.", panel=WHO, metavar="FILE")] = (
        None
    )
    artists: Annotated[
        Text, option("--artists", text="Known artists; all others are unmatched.", panel=WHO, metavar="FILE")
    ] = None


TABLES = (
    "pools", "subscribers", "splits", "aliases", "artists", "holds", "advances", "fees", "decisions", "history",
    "wishes", "delegations",
)  # fmt: skip


def tables_of(asked: Asked) -> dict[str, Path]:
    """The tables that were given."""
    return {name: Path(asked.values[name]) for name in TABLES if asked.values.get(name) is not None}


def closing_of(asked: Asked, logs: list[str]) -> Closing:
    """Make a closing of what was asked; what a command does not offer keeps its default.

    Raises:
        UsageError: no books or no period; options that contradict each other.

    """
    from fairpay.ledger.closing import Closing  # noqa: PLC0415 - the same
    from fairpay.settings import options as given  # noqa: PLC0415 - loaded where it is used

    missing = [f"--{name}" for name in ("books", "period") if asked.values.get(name) is None]
    if missing:
        message = f"{' and '.join(missing)} not given"
        raise UsageError(message, advice="Give the directory of the books, and the month, such as 2026-10.")
    door: Any = {**given.DEFAULTS, **asked.options}
    plain = (
        "rule", "policy", "currency", "minimum_payment", "recoup", "reserve", "reserve_months", "unsplit",
        "min_seconds", "measure", "any_date", "kappa", "viscosity", "delegate_cap", "per_payee", "excel",
    )  # fmt: skip
    pool_by = asked.values.get("pool_by") or ""
    return Closing(
        period=asked.values["period"],
        books=Path(asked.values["books"]),
        logs=tuple(logs),
        tables=tables_of(asked),
        pool_by=tuple(name.strip() for name in pool_by.split(",") if name.strip()),
        reading=given.reading(door),
        running=given.running(door),
        **{name: asked.values[name] for name in plain if name in asked.values},
    )
