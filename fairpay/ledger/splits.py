"""Splits: which payees share what an artist or a track earns, in exact parts; which plays are a track's of its own."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.adjust.decisions import HELD
from fairpay.adjust.factors import text_of
from fairpay.errors import InputError, Problem
from fairpay.ledger.model import apportion
from fairpay.ledger.tables import noted, read_table
from fairpay.logs.faults import Faults
from fairpay.money.counts import counted
from fairpay.money.currency import parse_rate
from fairpay.pipeline.sources import ByArtist, seen_as

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from fairpay.engine.pool import LocalPool
    from fairpay.logs.schema import Listens, RawBatch

__all__ = [
    "OF_TRACK",
    "RESERVED",
    "Splits",
    "TrackSources",
    "artist_of",
    "by_artist",
    "by_source",
    "divide_lines",
    "divided",
    "read_splits",
    "track_source",
]

NAMES = {"artist": ("artist_id",), "track": ("track_id", "isrc"), "payee": ("payee_id",), "share": ("shares", "part")}
RESERVED = ("unmatched:", "unclaimed:", "unallocated:", "held:")
"""Beginnings of account names that fairpay keeps for money in suspense."""
OF_TRACK = ", track "
"""Stands between artist and track in the account of a track that has splits: `Ada, track Intro`."""

Payees: TypeAlias = "tuple[tuple[str, Fraction], ...]"
Key: TypeAlias = "tuple[str, str]"
"""Artist and track; an empty one is not named."""


def track_source(artist: str, track: str) -> str:
    """What a track with splits is called: a track is known by its artist and its id or title together."""
    return artist + OF_TRACK + track


def artist_of(source: str) -> str:
    """The artist of a track's `source`."""
    return source.partition(OF_TRACK)[0]


@dataclass(frozen=True, slots=True)
class Splits:
    """The payees of each artist or track, ordered by payee id."""

    artists: Mapping[str, Payees] = field(default_factory=dict)
    tracks: Mapping[str, Payees] = field(default_factory=dict)
    of_any: Mapping[str, Payees] = field(default_factory=dict)
    """track -> payees, of lines that name no artist: the track may be that of one artist only."""

    def of_track(self, source: str) -> Payees | None:
        """The payees of a track, by its `source`; None where it is no track with splits."""
        found = self.tracks.get(source)
        if found is None and OF_TRACK in source:
            found = self.of_any.get(source.partition(OF_TRACK)[2])
        return found

    def of(self, source: str) -> Payees:
        """The payees of an artist or track, and their shares."""
        return self.of_track(source) or self.artists[source]

    def divide(self, source: str, amount: int) -> list[tuple[str, int]]:
        """Divide what a source earned among its payees; the parts sum to the amount, whatever its sign."""
        payees = self.of(source)
        return list(zip((p for p, _ in payees), apportion(amount, [s for _, s in payees]), strict=True))

    def artist(self, source: str) -> str:
        """Whose work a source is: the artist of a track with splits, else the source itself."""
        return source if self.of_track(source) is None else artist_of(source)

    def __contains__(self, source: object) -> bool:
        """Whether the artist or track has payees of its own."""
        if source in self.artists or not (self.tracks or self.of_any):
            return source in self.artists
        return isinstance(source, str) and self.of_track(source) is not None

    @property
    def has_tracks(self) -> bool:
        """Whether any track has payees of its own."""
        return bool(self.tracks or self.of_any)


def read_splits(path: Path) -> Splits:
    """Read lines of artist, track or both, payee and share (`1/3`, `33.5%`, `0.25`).

    Raises:
        InputError: shares that do not sum to 1 (each offender named), a payee twice, a share that is no share,
            a line without artist and track, a track that stands both with and without its artist.

    """
    faults = Faults(path.name)
    found: dict[Key, dict[str, Fraction]] = defaultdict(dict)
    for line in read_table(path, names=NAMES, needed=("payee", "share")):
        payee, key = line.values["payee"], (line.values.get("artist", ""), line.values.get("track", ""))
        with noted(faults, line):
            if not any(key):
                faults.add("a line needs an artist, a track, or both", line.number)
            elif not payee or payee.startswith(RESERVED):
                wrong = f"the payee begins with a reserved word: {payee}" if payee else "the payee is empty"
                faults.add(wrong, line.number)
            else:
                share, shares = parse_rate(line.values["share"]), found[key]
                if payee in shares:
                    what = "track" if key[1] else "artist"
                    faults.add(f"a payee stands twice under one {what}: {payee}", line.number)
                shares[payee] = shares.get(payee, Fraction(0)) + share
    for key, shares in found.items():
        total = sum(shares.values())
        if total != 1:
            faults.add(f"the shares of {in_words(key)} sum to {total}, not 1", counted(len(shares), "payee"))
    ordered = {key: tuple(sorted(shares.items())) for key, shares in found.items()}
    splits = Splits(
        {artist: payees for (artist, track), payees in ordered.items() if not track},
        {track_source(*key): payees for key, payees in ordered.items() if all(key)},
        {track: payees for (artist, track), payees in ordered.items() if not artist},
    )
    check_names(ordered, splits, faults)
    faults.stop("Correct the shares: those of each artist or track must sum to exactly 1; write thirds as 1/3.")
    return splits


def check_names(found: Iterable[Key], splits: Splits, faults: Faults) -> None:
    """Note tracks that could be two, and names that are also the account of a track."""
    for artist, track in found:
        if artist and track in splits.of_any:
            faults.add(f"track {track} stands with an artist and without one", f"under {artist}")
        if OF_TRACK in artist:
            faults.add(f"an artist with splits has {OF_TRACK.strip()!r} in its id", artist)
    payees = {
        payee for table in (splits.artists, splits.tracks, splits.of_any) for x in table.values() for payee, _ in x
    }
    for payee in sorted(payees):
        if splits.of_track(payee) is not None:
            faults.add("a payee has the name of a track's account", payee)


def in_words(key: Key) -> str:
    """`artist Ada`, `track Intro` or `track Intro of Ada`."""
    artist, track = key
    return f"track {track}{f' of {artist}' if artist else ''}" if track else f"artist {artist}"


NARROW, WIDE = 2**48, 2**112
"""What an amount times its whole may reach in int64, and in int128: remainders of 2^14 payees are added too."""
FINEST = 2**62
"""Shares are whole numbers out of less than this; finer ones are divided one by one."""


def divide_lines(lines: pl.DataFrame, splits: Splits) -> pl.DataFrame:
    """Divide each amount among the payees of its source; a negative one mirrors the positive one.

    Args:
        lines: `line` (a number of its own), `source` (which has splits) and `amount`, int64 or int128.
        splits: who shares.

    Returns:
        `line`, `payee`, `amount`, in no stated order; the parts of a line sum to its amount, and zeros are left out.

    """
    sources = lines["source"].unique().cast(pl.String).to_list()
    shares, whole, beyond = shares_of(sources, splits)
    wide = lines["amount"].cast(pl.Int128)
    most = max([1, *(abs(n) for n in (wide.min(), wide.max()) if isinstance(n, int))])
    kind = pl.Int64 if most * whole < NARROW else pl.Int128
    if most * whole >= WIDE:
        beyond = sources
    slow = pl.col("source").is_in(beyond)
    parts = divided(lines.filter(~slow).with_columns(pl.col("amount").cast(kind)), shares, kind)
    if beyond:
        exact = one_by_one(lines.filter(slow), splits)
        parts = pl.concat([parts.with_columns(pl.col("amount").cast(pl.Int128)), exact])
    return parts.filter(pl.col("amount") != 0)


def shares_of(sources: Iterable[str], splits: Splits) -> tuple[pl.DataFrame, int, list[str]]:
    """The shares of some sources as whole numbers: the table, the largest sum, and sources too fine for int64."""
    rows: list[tuple[str, str, int, int]] = []
    beyond: list[str] = []
    for source in sources:
        payees = splits.of(source)
        whole = math.lcm(*(share.denominator for _, share in payees))
        if whole >= FINEST:
            beyond.append(source)
        else:
            rows += [(source, payee, share.numerator * (whole // share.denominator), whole) for payee, share in payees]
    types = {"source": pl.Categorical, "payee": pl.Categorical, "share": pl.Int64, "whole": pl.Int64}
    table = pl.DataFrame(rows, schema=types, orient="row")
    return table, max((row[3] for row in rows), default=1), beyond


def divided(lines: pl.DataFrame, shares: pl.DataFrame, wide: type[pl.DataType]) -> pl.DataFrame:
    """Floors first, then one unit each to the largest remainders; ties to the payee that stands first."""
    parts = lines.join(shares, on="source", how="inner", maintain_order="left_right").with_row_index("place")
    product = pl.col("amount").abs() * pl.col("share").cast(wide)
    whole = pl.col("whole").cast(wide)
    parts = parts.with_columns(part=product // whole, rest=product % whole)
    # What the floors leave of a line is the sum of its remainders over the whole.
    open_lines = parts.filter(pl.col("rest") != 0).select("line", "place", "rest", "whole")
    ranked = open_lines.sort("line", "rest", "place", descending=[False, True, False])
    first = pl.int_range(pl.len()).over("line")
    left = pl.col("rest").sum().over("line") // pl.col("whole").first().over("line").cast(wide)
    served = ranked.filter(first < left)["place"]
    extra = pl.col("place").is_in(served.implode()).cast(wide)
    signed = (pl.col("part") + extra) * pl.when(pl.col("amount") < 0).then(-1).otherwise(1).cast(wide)
    return parts.select("line", "payee", amount=signed)


def one_by_one(lines: pl.DataFrame, splits: Splits) -> pl.DataFrame:
    """The same with Python's integers, for shares that are too fine."""
    rows = [
        (line, payee, part)
        for line, source, amount in lines.select("line", "source", "amount").iter_rows()
        for payee, part in splits.divide(source, amount)
    ]
    return pl.DataFrame(rows, schema={"line": pl.UInt32, "payee": pl.Categorical, "amount": pl.Int128}, orient="row")


def by_source(pool: LocalPool | ByArtist, splits: Splits) -> ByArtist:
    """Look at a pool of all tracks as the ledger does: tracks with splits apart, all others as their artist."""
    ids = pl.Series(pool.artist)
    marked = ids.filter(ids.str.contains(OF_TRACK, literal=True))
    others = {source: artist_of(source) for source in marked if splits.of_track(source) is None}
    return seen_as(pool, ids.replace(others).to_arrow())


def by_artist(pool: LocalPool | ByArtist, splits: Splits) -> ByArtist | None:
    """Look at a pool by artist; None where no track with splits was played in it."""
    if not splits.has_tracks:
        return None
    ids = pool.artist
    marked = pc.indices_nonzero(pc.match_substring(ids, OF_TRACK)).to_numpy().astype(np.int64)
    tracks = [(place, source) for place in marked.tolist() if splits.of_track(source := ids[place].as_py()) is not None]
    if not tracks:
        return None
    mask = np.zeros(len(ids), dtype=np.bool_)
    mask[[place for place, _ in tracks]] = True
    owners = pa.array([artist_of(source) for _, source in tracks], pa.large_string())
    return seen_as(pool, pc.replace_with_mask(ids, pa.array(mask), owners))


@dataclass(slots=True)
class TrackSources:
    """Says of each row under which name it earns. Called from several threads."""

    splits: Splits
    pools: int
    """How many there are; plays behind them are in none."""
    holding: bool = False
    """Whether a person's decisions hold plays."""
    every: bool = False
    """Whether all tracks earn under their own name, and not only those that have splits."""
    met: set[str] = field(default_factory=set)
    """Such tracks whose splits name no artist, by their sources; a set takes texts in one step."""

    @property
    def wanted(self) -> bool:
        """Whether any track may earn under its own name."""
        return self.every or self.splits.has_tracks

    def earning(self, source: str) -> str:
        """What the ledger calls who earns: of all tracks, those with splits stand for themselves."""
        return artist_of(source) if self.every and self.splits.of_track(source) is None else source

    def __call__(self, raw: RawBatch, listens: Listens) -> pa.Array:
        """Put tracks that have splits in the place of their artist; held plays stay where they are held.

        Raises:
            InputError: an artist whose id is also the account of a track.

        """
        if "track" not in raw.columns:
            return listens.artist
        track, artist = text_of(raw.columns["track"]), text_of(listens.artist)
        refuse_accounts(artist, None if self.every else self.splits)
        track = pc.if_else(pc.equal(track, ""), None, track) if self.every else track
        name = pc.binary_join_element_wise(artist, track, pa.scalar(OF_TRACK, pa.large_string()))
        stated, any_artist = (pa.array(sorted(x), pa.large_string()) for x in (self.splits.tracks, self.splits.of_any))
        alone = pc.and_(pc.is_in(track, value_set=any_artist), pc.is_valid(name))
        if self.holding:
            kept = pc.fill_null(pc.invert(pc.starts_with(artist, HELD)), fill_value=False)
            alone, name = pc.and_(alone, kept), pc.if_else(kept, name, None)
        self.meet(name, alone, listens)
        if self.every:
            return pc.coalesce(name, artist)
        return pc.if_else(pc.or_(alone, pc.is_in(name, value_set=stated)), name, artist)

    def meet(self, name: pa.Array, alone: pa.Array, listens: Listens) -> None:
        """Keep which tracks were played whose splits name no artist."""
        assert listens.pool is not None
        played = pc.and_(alone, pa.array(listens.used & (listens.pool < self.pools)))
        self.met.update(name.filter(played).unique().to_pylist())

    def finish(self) -> None:
        """Refuse splits of a track without its artist where several artists have such a track.

        Raises:
            InputError: with each such track.

        """
        by_track: dict[str, list[str]] = {}
        for source in sorted(self.met):
            artist, _, track = source.partition(OF_TRACK)
            by_track.setdefault(track, []).append(artist)
        several = {track: artists for track, artists in by_track.items() if len(artists) > 1}
        if several:
            problems = [
                Problem(len(artists), f"artists have a track {track}", f"{artists[0]} and {artists[1]} among them")
                for track, artists in several.items()
            ]
            message = f"splits name {counted(len(several), 'track')} without its artist, and several artists have them"
            raise InputError(message, problems=problems, advice="Fill the column `artist` of these lines of splits.")

    def remarks(self) -> tuple[str, ...]:
        """Say whose the tracks were taken to be that stand without an artist."""
        if not self.met:
            return ()
        return (
            f"Splits name {counted(len(self.met), 'track')} without the artist: each is played under one artist only",
        )


def refuse_accounts(artist: pa.Array, splits: Splits | None) -> None:
    """Refuse artists whose id is also the account of a track with splits; without splits, of any track."""
    marked = artist.filter(pc.fill_null(pc.match_substring(artist, OF_TRACK), fill_value=False)).unique().to_pylist()
    clash = [text for text in marked if splits is None or splits.of_track(text) is not None]
    if clash:
        message = f"the artist {clash[0]!r} has the name of a track's account"
        raise InputError(message, advice="Give the artist another id, with --aliases.")
