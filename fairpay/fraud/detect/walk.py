"""One walk over everybody's plays by partition: what signals measure, sketches of users, audiences of artists.

Regulars are who plays an artist whom nobody plays by the way, against how people in this log differ.
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

from fairpay.fraud.detect.intake import PAIRS
from fairpay.fraud.signals import UserSignal, WholeLogSignal
from fairpay.fraud.traces import Regulars, Sketches, Traces, regular, seeds, share_of, sign_sets
from fairpay.kernels.graphs import mix_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fairpay.fraud.detect.intake import DetectionIntake, Partitions
    from fairpay.fraud.signals import AccountSignal, Floats
    from fairpay.fraud.traces import Span
    from fairpay.kernels.arrays import Ints

__all__ = ["audience_of", "find_regulars", "level_of", "walk"]

MOMENTS = 32
LEAST_MOMENTS = 30
TEN_MINUTES = 600
HUNDRED = 100
CORE_TIMES = 3.0
"""Plays count as far as they exceed so many times what is expected."""
CORE_SHARE = 0.25
"""A core artist has at least this part of the account's largest excess."""
LEAST_USER, LEAST_ARTIST = 50, 4
"""Plays of an account, and of an artist by the account, below which there is no telling."""
CORE_MOST = 64
"""Artists kept for an account: the same for accounts with the same core."""
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


def walk(
    intake: DetectionIntake, *, signals: Sequence[AccountSignal], expected: Floats, artist_plays: Ints, span: Span
) -> tuple[Mapping[str, Floats], Sketches]:
    """Visit every partition once, and set down who played whom; return the values of signals by name, and sketches.

    Args:
        intake: the plays.
        signals: those whose columns the log has.
        expected: float64[artists]: what part of its plays an average listener gives each artist.
        artist_plays: int64[artists].
        span: the time the log covers.

    """
    (ids, user), (_, artist) = intake.users.ranked, intake.artists.ranked
    timed, alone = {"time", "track"} <= intake.has, [signal for signal in signals if isinstance(signal, UserSignal)]
    told, seed = np.zeros(len(ids), dtype=np.int64), seeds("lockstep", MOMENTS)
    moments = np.empty((len(ids), MOMENTS if timed else 0), dtype=np.uint32)

    def visit(rows: pl.DataFrame) -> tuple[pl.DataFrame, ...]:
        codes = (pl.Series(name, ranks[rows[name].to_numpy()]) for name, ranks in (("user", user), ("artist", artist)))
        traces = Traces.of(rows.with_columns(*codes), span)
        about = traces.pairs.group_by("user", maintain_order=True).agg(
            plays=pl.col("plays").sum(), total=pl.col("amount").sum(), artists=pl.len()
        )
        if timed:
            (owner, some), who = moments_of(traces), about["user"].to_numpy()
            start = np.append(np.searchsorted(owner, who), len(owner))
            moments[who], told[who] = sign_sets(start, some, seed), np.diff(start)
        intake.pairs.put(traces.pairs)
        return about, core_of(traces.pairs, expected), *(signal.measure(traces) for signal in alone)

    about, core, *measured = (pl.concat(frames) for frames in zip(*intake.plays.each(visit), strict=True))
    known = {column.name: column.to_numpy() for column in about.sort("user")}
    values = {signal.name: np.full(len(ids), np.nan) for signal in alone}
    for found, value in zip(measured, values.values(), strict=True):
        value[found["user"]] = found["value"].to_numpy()
    sketches = Sketches(
        core=core.sort("user", "artist"),
        plays=known["plays"],
        total=known["total"],
        artists=known["artists"],
        artist_plays=artist_plays,
        moments=moments,
        timed=np.flatnonzero(told >= LEAST_MOMENTS),
        regulars=find_regulars(intake.pairs, known["plays"]),
    )
    return values | {one.name: one.of(sketches) for one in signals if isinstance(one, WholeLogSignal)}, sketches


def core_of(pairs: pl.DataFrame, expected: Floats) -> pl.DataFrame:
    """Return each user's core with the plays: the artists it plays far more than the log as a whole would have it.

    `expected` is float64[artists]: each artist's share for an average listener. Of more than CORE_MOST those are kept
    whose hashes are the smallest.
    """
    plays, whole, excess = pl.col("plays"), pl.col("whole"), pl.col("excess")
    usual = pl.Series(expected[pairs["artist"].to_numpy()])
    found = pairs.with_columns(excess=plays - CORE_TIMES * whole * usual)
    found = found.filter(plays >= LEAST_ARTIST, whole >= LEAST_USER, excess > 0)
    found = found.filter(excess >= CORE_SHARE * excess.max().over("user"))
    hashed = pl.Series("hash", mix_all(found["artist"].to_numpy().astype(np.uint64)))
    found = found.with_columns(hashed).sort("user", "hash", "artist")
    return found.filter(pl.int_range(pl.len()).over("user") < CORE_MOST).select(*PAIRS)


def moments_of(traces: Traces) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Hash track and ten minutes of the month of each play, by user: the users and the hashes, uint32[rows] each.

    The artist an account plays most is left out: a party about a release and a night of quiet music are of one artist.
    """
    others = traces.pairs.filter(pl.col("plays") < pl.col("plays").max().over("user"))
    owner, track, time = (
        column.to_numpy() for column in traces.rows.join(others, on="pair", how="semi").select("user", "track", "time")
    )
    slot = (time // np.uint32(TEN_MINUTES)).astype(np.uint64)
    return owner, mix_all(track.astype(np.uint64) << np.uint64(32) | slot)


def audience_of(
    intake: DetectionIntake, sketches: Sketches, *, flagged: NDArray[np.bool_], intensity: Floats, previous: Ints
) -> pl.DataFrame:
    """Describe each artist's audience: a row for each, in the order of their ids.

    Columns: `plays`, `intensity` (how heavily its listeners listen against the mean), `previous` (plays the month
    before; 0 where they are not known), `listeners`, `loyal` (listeners who play nobody else), `heavy` (plays of the
    heaviest 1 % of listeners, at least of one), `flagged` (plays of users with a finding, of whom `flagged` tells).
    """
    everyone = pl.DataFrame({"plays": sketches.artist_plays, "intensity": intensity, "previous": previous})
    played, top = pl.col("plays"), (pl.len() // HUNDRED).clip(1)

    def visit(rows: pl.DataFrame) -> pl.DataFrame:
        user = rows["user"].to_numpy()
        rows = rows.with_columns(loyal=pl.Series(sketches.artists[user] == 1), flagged=pl.Series(flagged[user]))
        return rows.group_by("artist").agg(
            listeners=pl.len(),
            loyal=pl.col("loyal").sum(),
            heavy=played.sort(descending=True).head(top).sum(),
            flagged=played.filter("flagged").sum(),
        )

    found = pl.concat(intake.pairs.each(visit))
    audience = everyone.with_row_index("artist").join(found, on="artist", how="left", maintain_order="left")
    return audience.with_columns(pl.col("listeners", "loyal", "heavy", "flagged").fill_null(0))


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
