"""Head: what was written into the books last, kept beside the months, so that a month that is gone is missed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fairpay.errors import InputError, OutputError
from fairpay.runs import disk
from fairpay.runs.inputs import read_plain
from fairpay.runs.outputs import write_json

if TYPE_CHECKING:
    from pathlib import Path

    from fairpay.ledger.store import Shelf

__all__ = ["HEAD", "check_head", "gone", "keep_head", "read_head"]

HEAD = "head.json"


def keep_head(books: Path, found: Shelf) -> None:
    """Write down what is last in the books; whole or not at all. Done before a month is written, and after it.

    So books without a head are not as fairpay left them, and a head is behind by one entry at most.

    Raises:
        OutputError: it cannot be written. The month is in the books all the same, and the next run writes it.

    """
    last = found.head
    said = as_kept("", "") if last is None else as_kept(last.directory.name, last.sha256)
    if said == read_head(books):
        return
    try:
        with disk.replacing(books / HEAD) as made:
            write_json(said, made)
        disk.sync_directory(books)
    except OSError as error:
        message = f"{books / HEAD} could not be written: {error.strerror or error}"
        raise OutputError(message, advice="The books are whole; run the same command again.") from error


def read_head(books: Path) -> dict[str, Any] | None:
    """What was kept; None where nothing was, and an empty one where it is spoilt."""
    try:
        said = json.loads(read_plain(books / HEAD))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def gone(books: Path, found: Shelf) -> str:
    """Say what the head knows of and the books do not hold; empty where they hold it."""
    said = read_head(books)
    if said is None:
        return f"{HEAD} is missing: nobody can say that the last months are here" if found.months else ""
    name, sha256 = said.get("last"), said.get("manifest_sha256")
    if not isinstance(name, str) or not isinstance(sha256, str) or as_kept(name, sha256) != said:
        return f"{HEAD} was changed"
    entries = {entry.directory.name: entry for entry in (*found.months, *found.adjustments)}
    if not name:
        return f"{HEAD} knows of no month, and {len(entries)} are here" if len(entries) > 1 else ""
    if name not in entries:
        return f"{name}, which was written last, is gone"
    return "" if entries[name].sha256 == sha256 else f"{name}, which was written last, was changed"


def as_kept(name: str, sha256: str) -> dict[str, Any]:
    """What is kept: the last entry's directory, and the sha256 of its manifest, which names the entry before it."""
    return {"schema_version": 1, "last": name, "manifest_sha256": sha256}


def check_head(books: Path, found: Shelf) -> None:
    """Refuse to go on with books whose last month is gone: the next would be closed on other balances.

    Raises:
        InputError: naming it.

    """
    if (books / HEAD).exists() and (fault := gone(books, found)):
        message = f"the books are not as they were written: {fault}"
        raise InputError(message, advice="Run `fairpay verify --books` and restore the books from a copy.")
