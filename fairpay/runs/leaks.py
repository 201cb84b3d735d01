"""What a published report tells of single listeners."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from fairpay.errors import InputError
from fairpay.reports.disclosure import revealed
from fairpay.rules.core.promise import Promise
from fairpay.runs.manifest import read_manifest
from fairpay.runs.totals import payout_columns, sum_of
from fairpay.runs.verify import SUMMARY, TABLES, UNREADABLE
from fairpay.settings.speech import job

if TYPE_CHECKING:
    from fairpay.reports.disclosure import Revealed

__all__ = ["Leaks", "leaks"]


@dataclass(frozen=True, slots=True)
class Leaks:
    """What a report tells of single listeners."""

    artists: int
    """How many it has figures of, lines of several artists among them."""
    currency: str
    rules: tuple[tuple[str, bool], ...]
    """Each rule by name, and whether its amounts are each listener's own money: else they go by listening."""
    revealed: tuple[Revealed, ...]
    """Artists with one listener, and with two; an amount for each rule."""


@job
def leaks(directory: str | Path) -> Leaks:
    """Count the artists of a report whose figures tell what one listener played or paid, and add up their money.

    Raises:
        InputError: the directory is not a run of `compare` or `pay`, or its files are not as they were written.

    """
    directory = Path(directory)
    outputs = {output["name"] for output in read_manifest(directory)["outputs"]}
    name = next((f"{table}.parquet" for table in TABLES if f"{table}.parquet" in outputs), None)
    if name is None:
        message = f"{directory} is not a report: only those of compare and pay say what each artist gets"
        raise InputError(message, advice="Give a directory that `fairpay compare` or `fairpay pay` wrote.")
    try:
        table, summary = pq.read_table(directory / name), json.loads((directory / SUMMARY).read_bytes())
        rules = [(str(rule["name"]), Promise.OWN_MONEY.value not in rule["breaks"]) for rule in summary["rules"]]
        found = revealed(table, payout_columns(table, len(rules)))
        artists = table.num_rows if "artists" not in table.column_names else int(sum_of(table["artists"]))
        return Leaks(artists, str(summary["currency"]), tuple(rules), found)
    except UNREADABLE as error:
        message = f"{directory}: {name} or {SUMMARY} is not what it should be ({type(error).__name__})"
        raise InputError(message, advice="See `fairpay verify`.") from None
