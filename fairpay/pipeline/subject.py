"""Who is meant: an artist by name or id, or the artists that have one value in a column of the artist file."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fairpay.errors import UsageError
from fairpay.logs.names import normal
from fairpay.logs.tables import artist_rows
from fairpay.pipeline.grouping import By, artist_groups
from fairpay.reports.explanation import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
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


def find_group(path: Path | None, column: str, value: str, played: Sequence[str] = ()) -> Subject:
    """Find the artists that have a value in a column, whatever its capitals, among those of the file and of the log.

    An artist that is in several groups by shares is in each of them whole.

    Raises:
        UsageError: there is no artist file, no such column or no such value; the message lists what there is.
        InputError: the file cannot be used.

    """
    if path is None:
        message = f"which artists belong to {column} {value!r} is not known"
        raise UsageError(message, advice=f"Give a file with the columns artist and {column}: --artists FILE.")
    rows = artist_rows(path)
    columns = {normal(name): name for name in rows.columns if name != "artist"}
    if normal(column) not in columns:
        message = f"{path}: there is no column {column}"
        raise UsageError(message, advice=f"Its columns are: {', '.join(rows.columns)}.")
    every = pa.array(sorted({*rows["artist"].to_list(), *played}, key=str.encode), pa.large_string())
    groups = artist_groups(By(column, "artists", columns[normal(column)]), path, every)
    alike = [one for one in groups.names if one == value] or [
        one for one in groups.names if one.casefold() == value.casefold()
    ]
    if not alike:
        message = f"{path}: no artist has the {column} {value!r}"
        raise UsageError(message, advice=near(value, groups.names))
    entries = np.flatnonzero(groups.group == groups.names.index(alike[0]))
    members = np.searchsorted(groups.start, entries, side="right") - 1
    shared = members[np.diff(groups.start)[members] > 1]
    return Subject(column, alike[0], *(tuple(every.take(pa.array(one)).to_pylist()) for one in (members, shared)))


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
