"""Who is meant: an artist by name or id, or the artists that have one value in a column of the artist file."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.errors import UsageError
from fairpay.logs.tables import read_artists
from fairpay.reports.explanation import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fairpay.reports.outcome import Outcome

__all__ = ["find_artist", "find_group"]

NEAR = 3
"""Names that are shown for one that is not there."""
SEARCHED = 50_000
"""Artists among whom these are looked for, the most played."""
LISTED = 10
"""Artists of one name that are listed."""


def find_artist(text: str, outcome: Outcome) -> Subject:
    """Find an artist of a month by id, then by name, then by either whatever its capitals.

    Raises:
        UsageError: there is none, or there are several of the name; the message lists what is near, or all.

    """
    names, order = outcome.names, np.argsort(-outcome.plays, kind="stable")
    played = outcome.artist.take(pa.array(order)).to_pylist()
    if text in names or text in set(played):
        return Subject("artist", names.get(text, text), (text,))
    ids = [*dict.fromkeys((*played, *names))]
    alike = [one for one in ids if names.get(one) == text]
    alike = alike or [one for one in ids if text.casefold() in {one.casefold(), names.get(one, "").casefold()}]
    if len(alike) == 1:
        return Subject("artist", names.get(alike[0], alike[0]), (alike[0],))
    if not alike:
        message = f"there is no artist {text!r} in the log" + (" or the artist file" if names else "")
        raise UsageError(message, advice=near(text, [names.get(one, one) for one in ids[:SEARCHED]]))
    plays = dict(zip(played, outcome.plays[order].tolist(), strict=True))
    listed = [f"{one} ({names.get(one, one)}, {plays.get(one, 0):,} plays)" for one in alike[:LISTED]]
    more = f" and {len(alike) - LISTED:,} more" if len(alike) > LISTED else ""
    message = f"{len(alike):,} artists are called {text!r}: {', '.join(listed)}{more}"
    raise UsageError(message, advice="Give the id of one of them.")


def find_group(path: Path | None, column: str, value: str) -> Subject:
    """Find the artists that have a value in a column, whatever its capitals.

    Raises:
        UsageError: there is no artist file, no such column or no such value; the message lists what there is.
        InputError: the file cannot be used.

    """
    if path is None:
        message = f"which artists belong to {column} {value!r} is not known"
        raise UsageError(message, advice=f"Give a file with the columns artist and {column}: --artists FILE.")
    frame = read_artists(path)
    if column not in frame.columns[1:]:
        message = f"{path}: there is no column {column}"
        raise UsageError(message, advice=f"Its columns are: {', '.join(frame.columns)}.")
    values = frame[column].drop_nulls().unique().sort().to_list()
    named = value if value in values else next((one for one in values if one.casefold() == value.casefold()), None)
    if named is None:
        message = f"{path}: no artist has the {column} {value!r}"
        raise UsageError(message, advice=near(value, values))
    return Subject(column, named, tuple(frame.filter(pl.col(column) == named)["artist"].to_list()))


def near(text: str, known: Iterable[str]) -> str:
    """Say which names are nearest, whatever their capitals: those that hold the text first."""
    plain = {one.casefold(): one for one in known}
    folded = text.casefold()
    holding = [one for one in plain if folded in one][:NEAR]
    found = [*dict.fromkeys((*holding, *difflib.get_close_matches(folded, plain, n=NEAR, cutoff=0.5)))][:NEAR]
    if not found:
        return "Names and ids are as in the log and in the artist file."
    said = [repr(plain[one]) for one in found]
    return f"Did you mean {' or '.join([', '.join(said[:-1]), said[-1]] if said[1:] else said)}?"
