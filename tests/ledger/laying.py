"""Months laid in a folder, to be closed and corrected."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings

from fairpay.ledger.adjust import Adjusted, Correction, adjust
from fairpay.ledger.closing import TABLES, Closing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fairpay.ledger.model import Row


def examples(few: int, searched: int) -> settings:
    """How many months are drawn, and in the nightly search."""
    most = searched if settings.get_current_profile_name() == "search" else few
    unhurried = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=most, deadline=None, suppress_health_check=unhurried)


def laid(place: Path, log: str, period: str = "2026-10", **asked: Any) -> Closing:  # noqa: ANN401 - see below
    """Write a month's files; a keyword is the text of a table, or a field of the closing."""
    place.mkdir(parents=True, exist_ok=True)
    texts = {name: text for name, text in asked.items() if name in TABLES}
    for name, text in {**texts, "log": log}.items():
        (place / f"{name}.csv").write_text(text)
    fields = {name: value for name, value in asked.items() if name not in texts}
    tables = {name: place / f"{name}.csv" for name in texts}
    return Closing(period, fields.pop("books", place / "books"), (str(place / "log.csv"),), tables, **fields)


def late(asked: Closing, **change: Any) -> Adjusted:  # noqa: ANN401 - what became known
    """Correct a closed month; a keyword is the text of a late log, of exclusions or of a table."""
    place = next(path for n in count() if not (path := asked.books.parent / f"late {n}").exists())
    place.mkdir()
    for name, text in change.items():
        (place / f"{name}.csv").write_text(text)
    found = {name: place / f"{name}.csv" for name in change}
    logs = (str(found.pop("log")),) if "log" in found else ()
    exclude = (found.pop("exclude"),) if "exclude" in found else ()
    return adjust(Closing(asked.period, asked.books, (), {}), Correction(logs=logs, exclude=exclude, tables=found))


def nothing_changes(asked: Closing) -> bool:
    """Whether a closed month worked out again, without a user who is none, is as it was."""
    return late(asked, exclude="user\nnobody\n").rows.frame.is_empty()


def by_payee(rows: Iterable[Row], kind: str = "adjustment", pool: str | None = None) -> dict[str, int]:
    """Payee -> amount of the rows of a kind."""
    return {row.payee: row.amount for row in rows if row.kind == kind and pool in {None, row.pool}}
