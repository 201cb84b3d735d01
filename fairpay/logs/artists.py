"""Artists: what is known about each beside its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.logs.names import ARTIST_ID, ARTIST_NAME, answering
from fairpay.logs.tables import check_ids, column_for, open_table, read_columns

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from fairpay.logs.source import Source

__all__ = ["read_artists"]

PAIR = 2


def read_artists(path: Path) -> pl.DataFrame:
    """Read a file of artists: `artist` (the id), then `name` if there is one, then its other columns, all as text.

    A file without a header line is taken for ids and names if it has two columns. An artist that comes twice keeps
    the row that sorts first, so that the order of rows does not matter.

    Raises:
        InputError: the file cannot be read or has no artist ids.

    """
    import polars as pl  # noqa: PLC0415 - loaded where tables are read

    log, names = named_columns(path)
    artist, *others = names
    check_ids(log, artist, role="artist")
    frames = [
        pl.DataFrame({title: pl.Series(columns[name].cast("large_string")) for name, title in names.items()})
        for *_, columns in read_columns(log, [artist, *others])
    ]
    if not frames:
        return pl.DataFrame(schema=dict.fromkeys(names.values(), pl.String))
    whole = pl.concat(frames).filter(pl.col("artist").is_not_null() & (pl.col("artist") != ""))
    return whole.sort(whole.columns, nulls_last=True).unique("artist", keep="first", maintain_order=True)


def named_columns(path: Path) -> tuple[Source, dict[str, str]]:
    """Open the file; return its columns and what they are called from here on, the artist first."""
    log = open_table(path)
    if len(log.names) == PAIR and not answering(log.names, ARTIST_ID):
        log = open_table(path, header=False)
        return log, dict(zip(log.names, ("artist", "name"), strict=True))
    artist = column_for(log.names, ARTIST_ID, what="artist id", where=path)
    others = [name for name in log.names if name != artist]
    titles = {artist: "artist", **dict.fromkeys(answering(others, ARTIST_NAME)[:1], "name")}
    for other in others:
        if other not in titles and other.lower() not in titles.values():
            titles[other] = other.lower()
    return log, titles
