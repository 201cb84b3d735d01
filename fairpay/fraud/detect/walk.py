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
from fairpay.fraud.signals import WholeLogSignal
from fairpay.fraud.traces import Pairs, Regulars, Sketches, Traces, largest, regular, seeds, share_of, sign_sets, sums
from fairpay.kernels.graphs import mix_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fairpay.fraud.detect.intake import DetectionIntake, Partitions
    from fairpay.fraud.signals import Floats, UserSignal
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
"""Artists kept for an account: those with the smallest hashes, the same for accounts with the same core."""
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
    intake: DetectionIntake,
    *,
    signals: Sequence[UserSignal],
    expected: Floats,
    artist_plays: Ints,
    span: Span,
) -> tuple[Mapping[str, Floats], Sketches]:
    """Visit every partition once, and set down who played whom; return the values of each signal, and sketches.

    Args:
        intake: the plays.
        signals: those whose columns the log has.
        expected: float64[artists]: what part of its plays an average listener gives each artist.
        artist_plays: int64[artists].
        span: the time the log covers.

    """
    users, timed = len(intake.users.ranked[0]), {"time", "track"} <= intake.has
    values = {signal.name: np.full(users, np.nan) for signal in signals}
    plays, total, artists = (np.zeros(users, dtype=np.int64) for _ in range(3))
    told = np.zeros(users, dtype=np.int64)
    moments, seed = np.empty((users, MOMENTS if timed else 0), dtype=np.uint32), seeds("lockstep", MOMENTS)

    def visit(rows: pl.DataFrame) -> pl.DataFrame:
        if rows.is_empty():
            return PAIRS.to_frame()
        codes, amount, traces = traces_of(rows, intake, span)
        for least in {signal.applies for signal in signals}:
            who, block = traces.with_plays(least)
            for signal in signals:
                if signal.applies == least:
                    values[signal.name][codes[who]] = signal.measure(block)
        plays[codes], total[codes], artists[codes] = traces.plays, amount, np.diff(traces.pairs.start)
        if timed:
            start, some = moments_of(traces)
            moments[codes], told[codes] = sign_sets(start, some, seed), np.diff(start)
        intake.pairs.put(frame_of(traces.pairs, codes))
        return frame_of(core_of(traces, expected), codes)

    artist, user, played = pl.concat(intake.plays.each(visit)).sort("user", "artist")
    core = Pairs(np.searchsorted(user.to_numpy(), np.arange(users + 1)), artist.to_numpy(), played.to_numpy())
    sketches = Sketches(
        core=core,
        plays=plays,
        total=total,
        artists=artists,
        artist_plays=artist_plays,
        moments=moments,
        timed=np.flatnonzero(told >= LEAST_MOMENTS),
        regulars=find_regulars(intake.pairs, plays),
    )
    values.update({signal.name: signal.of(sketches) for signal in signals if isinstance(signal, WholeLogSignal)})
    return values, sketches


def traces_of(rows: pl.DataFrame, intake: DetectionIntake, span: Span) -> tuple[Ints, Ints, Traces]:
    """Return the codes of the users of some rows, their listening, and their plays put together."""
    user, artist, time, duration, track, plays, amount = (column.to_numpy() for column in rows)
    key = intake.users.ranked[1][user].astype(np.int64) << 32 | intake.artists.ranked[1][artist]
    order = np.argsort(key)
    key = key[order]
    entry = np.flatnonzero(np.diff(key, prepend=-1))
    owner = key[entry] >> 32
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    start = np.append(entry[first], len(key))
    played = np.add.reduceat(plays[order], entry, dtype=np.int64)
    pairs = Pairs(np.append(first, len(entry)), key[entry].astype(np.uint32), played)
    traces = Traces(
        start=start,
        plays=sums(played, pairs.start),
        pairs=pairs,
        span=span,
        time=time[order],
        duration=duration[order],
        track=track[order],
    )
    return owner[first], sums(amount[order], start), traces


def frame_of(pairs: Pairs, codes: Ints) -> pl.DataFrame:
    """Write pairs as columns `user`, `artist` and `plays`; `codes` are those of their users."""
    user = np.repeat(codes, np.diff(pairs.start))
    return pl.DataFrame({"artist": pairs.artist, "user": user, "plays": pairs.plays}, schema=PAIRS)


def core_of(traces: Traces, expected: Floats) -> Pairs:
    """Return each user's core with the plays: the artists it plays far more than the log as a whole would have it.

    `expected` is float64[artists]: each artist's share for an average listener.
    """
    pairs = traces.pairs
    owner = np.repeat(np.arange(traces.users), np.diff(pairs.start))
    excess = pairs.plays - CORE_TIMES * traces.plays[owner] * expected[pairs.artist]
    excess[(pairs.plays < LEAST_ARTIST) | (traces.plays[owner] < LEAST_USER)] = 0.0
    most = np.maximum.reduceat(excess, pairs.start[:-1])
    held = np.flatnonzero((excess > 0) & (excess >= CORE_SHARE * most[owner]))
    held = sample(held, owner[held], pairs.artist[held].astype(np.uint64))
    size = np.bincount(owner[held], minlength=traces.users)
    return Pairs(np.concatenate([[0], np.cumsum(size)]), pairs.artist[held], pairs.plays[held])


def sample(held: Ints, owner: Ints, artist: NDArray[np.uint64]) -> Ints:
    """Keep at most CORE_MOST entries of each user, by the hash of the artist; the order stays that of the artists."""
    order = np.lexsort((mix_all(artist), owner))
    place = np.empty(len(held), dtype=np.int64)
    place[order] = np.arange(len(held)) - np.searchsorted(owner, owner)
    return held[place < CORE_MOST]


def moments_of(traces: Traces) -> tuple[Ints, NDArray[np.uint32]]:
    """Hash track and ten minutes of the month of each play: int64[users + 1], uint32[rows].

    The artist an account plays most is left out: a party about a release and a night of quiet music are of one artist.
    """
    pairs = traces.pairs
    top = pairs.plays == np.repeat(largest(pairs.plays, pairs.start), np.diff(pairs.start))
    kept = np.repeat(~top, pairs.plays)
    slot = (traces.time[kept] // np.uint32(TEN_MINUTES)).astype(np.uint64)
    found: NDArray[np.uint32] = mix_all(traces.track[kept].astype(np.uint64) << np.uint64(32) | slot)
    return np.append(0, np.cumsum(kept))[traces.start], found


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
