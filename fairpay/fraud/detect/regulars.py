"""Artists whom nobody plays by the way: who their regulars are, against how people in this log differ.

People who like an artist differ: many play it once or twice, a few very often. Accounts that are made to play an artist
do it about equally often, and hardly anybody else does. How much people differ is taken from the log itself: the
spread of the plays of an artist's regulars beyond chance, (variance - mean) / mean^2, which is 0 where everybody plays
equally often but for chance, and about 0.4 among people. Accounts that are made for it may play little or much, so the
parts of all their plays are looked at as well; there chance gives (part^2 / plays) in the mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from fairpay.fraud.traces import Regulars, regular, share_of

if TYPE_CHECKING:
    from fairpay.fraud.detect.intake import Partitions
    from fairpay.fraud.signals import Floats
    from fairpay.kernels.arrays import Ints

__all__ = ["find_regulars", "level_of"]

HELD = 0.85
"""The part of an artist's plays that must be its regulars': of the artists people play, it is half to four fifths."""
NEARLY = 0.95
"""The same where each plays it as the same part of what it plays in all, be that little or much; and the part of an
artist's plays that makes an account its source, however many others came by."""
LEAST_REGULARS, LEAST_EACH = 3, 3
"""Regulars, and plays of each in the mean, below which there is no telling whether they differ."""
TYPICAL = 5
"""Regulars from which on an artist says how much people differ."""
OF_MEDIAN = 0.6
"""The part of the log's median spread up to which regulars play equally often: some 5 % of people's artists do."""
LOWEST, HIGHEST = 0.1, 0.25
"""Bounds of that level, so that a log half of whose artists are planted does not move it out of reach."""
WORTH = 4
"""An artist whose regulars play it less than a quarter of what the mean account plays is worth nobody's trouble."""
LEAST_MEAN = 100.0
"""What an average account plays at least, for levels told in it: in a log of a few days a few plays mean nothing."""
FEW_LISTENERS, SOLE = 10, 3
"""An account may be the source of an artist who has so few listeners, if a third of its plays are the account's."""


def find_regulars(pairs: Partitions, plays: Ints) -> Regulars:
    """Look at the audience of every artist; `plays` is int64[users], `pairs` who played whom, which is kept."""
    mean = max(LEAST_MEAN, float(plays.sum() / max(1, len(plays))))
    n = pl.col("plays")

    def visit(rows: pl.DataFrame) -> tuple[pl.DataFrame, ...]:
        few, all_plays = pl.len().over("artist") <= FEW_LISTENERS, n.sum().over("artist")
        sole = rows.filter((few & (SOLE * n >= all_plays)) | (n >= NEARLY * all_plays)).group_by("user").agg(n.max())
        rows = rows.with_columns(count=n, listeners=pl.len().cast(pl.Int64).over("artist"))
        parts = rows.with_columns(share_of(n, plays[rows["user"].to_numpy()]))
        (even, spreads), (steady, _) = even_of(rows, mean, HELD), even_of(parts, mean, NEARLY)
        return even, spreads, steady.filter(pl.col("spread") <= LOWEST), sole

    even, spreads, steady, soles = (pl.concat(found) for found in zip(*pairs.each(visit, keep=True), strict=True))
    even = even.filter(pl.col("spread") <= level_of(spreads["spread"].to_numpy()))
    edges = pl.concat([even, steady]).drop("spread").unique(["artist", "user"]).sort("artist", "user")
    most = np.zeros(len(plays), dtype=np.int64)
    np.maximum.at(most, soles["user"].to_numpy(), soles["plays"].to_numpy())
    return Regulars(edges, most, mean)


def even_of(rows: pl.DataFrame, mean: float, least: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the regulars of artists who may be played evenly, and the spreads of typical artists.

    `plays` is what is looked at, plays or their part of all that the account plays; `count` is always plays.
    """
    n, size, held = pl.col("plays"), pl.col("regulars"), pl.col("held")
    known = regular(rows, "artist")
    about = known.group_by("artist").agg(
        pl.col("total").first(),
        pl.col("count").sum(),
        regulars=pl.len().cast(pl.Int64),
        held=n.sum(),
        square=(n * n).sum(),
        chance=(n * n // pl.col("count")).sum(),
    )
    about = about.filter(pl.col("count") >= LEAST_EACH * size).with_columns(
        spread=(pl.col("square") / held * size / held - 1 - pl.col("chance") / held * size / held).round(9)
    )
    even = about.filter(
        pl.col("spread") <= HIGHEST,
        size >= LEAST_REGULARS,
        held >= least * pl.col("total"),
        WORTH * pl.col("count") >= mean,
    )
    edges = known.join(even, on="artist").select("artist", "user", "listeners", "spread", plays="count")
    return edges, about.filter(size >= TYPICAL).select("spread")


def level_of(spreads: Floats) -> float:
    """Return up to which spread regulars play equally often, from the spreads of the log's artists, float64[n]."""
    return float(np.clip(OF_MEDIAN * np.median(spreads), LOWEST, HIGHEST)) if len(spreads) else LOWEST
