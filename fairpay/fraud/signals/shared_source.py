"""shared_source: accounts that the same artists live from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from fairpay.fraud.signals import Group, GroupSignal
from fairpay.fraud.traces import regular, share_of

if TYPE_CHECKING:
    from fairpay.fraud.traces import Sketches
    from fairpay.kernels.arrays import Ints

PLAYS = pl.col("plays")


class SharedSource(GroupSignal):
    """Groups of accounts from whom artists live, begun from the artists.

    An artist counts nearly all of whose plays come from regulars who play it about equally often; how much people
    differ is taken from the log. Artists who share many more regulars than their audiences would by chance belong
    together, and so do the accounts that play them. The money says who is worth a look: what each gives to artists who
    live from them, as a multiple of what an average account plays in all. Circles of friends give less; an artist that
    is the only one must have hardly any other listener, as a release that fans play together has.
    """

    least_users = 3
    least_shared = 3
    times_chance = 8
    """How many times as many regulars as by chance artists share who belong together; those of one scene share some. So
    accounts are not found that are more than an eighth of all: then they are what is usual."""
    most_artists = 64
    """Artists of an account that are looked at to find which belong together: those with the smallest hashes."""
    worth = 5.0
    """Average accounts' plays that a group must move: less is not worth a decision."""
    each = 1.0
    """What an account of a small group must move: as much as an average account plays. Friends, and shops of a chain
    that play one list, give half of that to artists whom hardly anybody else plays."""
    crowd, of_crowd = 25.0, 0.5
    """What a group must move whose accounts move less each, and what each must: a dozen friends move 10."""
    of_own, nobody_else = 0.5, 0.95
    """What each of a small group must move to artists nobody else plays, and the part of their listeners that are of
    the group; half of `worth` is enough then."""
    of_artist, of_crowd_artist, wide = 0.12, 0.05, 50.0
    """What each must give each of its artists, or else the group in all: who follows a playlist, and the shops of a
    chain, play many artists, each now and then."""
    close = 0.08
    """The part of a group that plays an artist of it, in the mean of its plays; of circles of friends that form a chain
    few do."""
    of_one, known_to_all = 2.0, 0.75
    """What each moves to a single artist, and the part of its listeners that are regulars."""
    source = "start from who is paid; groups that act alike: Beutel et al., CopyCatch (WWW 2013)"
    innocent = "a small scene; a choir that plays its own records; children's stories in one nursery"
    says = (
        "{accounts:,} accounts behind nearly all plays of {artists}: each gives these as much as {value:.1f} average "
        "accounts play in all"
    )

    def find(self, sketches: Sketches) -> list[Group]:
        """Join artists, then accounts, then the artists that were not looked at; keep what moves enough."""
        edges, mean = sketches.edges, sketches.mean
        homes = self.together(edges, len(sketches.plays))
        members = leading(edges.join(homes, on="artist"), "user")
        shares = leading(edges.join(members.select("user", "group"), on="user"), "artist")
        totals = edges.group_by("artist").agg(total=PLAYS.sum())
        homes = shares.join(totals, on="artist").filter(pl.col("total") <= 2 * PLAYS)
        moved = edges.join(homes.select("artist", "group"), on="artist")
        members = steady(leading(moved, "user"), sketches.plays)
        moved = moved.join(members, on=["user", "group"])
        artists = moved.group_by("group", "artist").agg(
            PLAYS.sum(), pl.col("listeners").first(), regulars=pl.len().cast(pl.Int64)
        )
        artists = artists.sort("group", PLAYS, "artist", descending=[False, True, False])
        groups = artists.group_by("group", maintain_order=True).agg(
            PLAYS.sum(),
            top=PLAYS.first(),
            known=pl.col("regulars").first() >= self.known_to_all * pl.col("listeners").first(),
            artists=pl.len(),
            pairs=pl.col("regulars").sum(),
            heard=pl.col("listeners").sum(),
            common=(PLAYS * pl.col("regulars")).sum(),
        )
        groups = groups.join(members.group_by("group").agg(pl.col("user").sort()), on="group").sort("group")
        fees, size, pairs = PLAYS / mean, pl.col("user").list.len(), pl.col("pairs")
        each = fees / size
        much = (each >= self.each) & ((fees >= self.of_artist * pairs) | (fees >= self.wide))
        own = pairs >= self.nobody_else * pl.col("heard")
        much |= own & (each >= self.of_own) & (fees >= self.of_artist * pairs)
        crowd = (fees >= self.crowd) & (each >= self.of_crowd) & (fees >= self.of_crowd_artist * pairs)
        close = pl.col("common") >= self.close * size * PLAYS
        several = (much | crowd) & close & (3 * pl.col("top") <= 2 * PLAYS)
        single = (pl.col("top") >= self.of_one * mean * size) & pl.col("known")
        enough = ((fees >= self.worth) | (own & (2 * fees >= self.worth))) & (size >= self.least_users)
        found = groups.filter(enough & (several | single)).with_columns(each=each)
        return [
            Group(np.array(users, dtype=np.int64), value, artists)
            for users, value, artists in found.select("user", "each", "artists").iter_rows()
        ]

    def together(self, edges: pl.DataFrame, users: int) -> pl.DataFrame:
        """Say which artists belong together: `artist`, `group`, the smallest artist of it.

        By chance, artists with a and b regulars of n accounts share a * b / n.
        """
        from fairpay.kernels.graphs import mix_all  # noqa: PLC0415 - Numba is loaded where it is used

        hashed = pl.Series(mix_all(edges["artist"].to_numpy().astype(np.uint64)))
        some = edges.select("artist", "user", hashed=hashed).sort("user", "hashed", "artist")
        some = some.filter(pl.int_range(pl.len()).over("user") < self.most_artists).select("artist", "user")
        size = some.group_by("artist").agg(size=pl.len())
        some = some.join(size, on="artist")
        shared = (
            some.join(some, on="user", suffix="_other")
            .filter(pl.col("artist") < pl.col("artist_other"))
            .group_by("artist", "artist_other")
            .agg(pl.len(), chance=pl.col("size").first() * pl.col("size_other").first() / users)
            .filter(pl.col("len") >= self.least_shared, pl.col("len") >= self.times_chance * pl.col("chance"))
        )
        artist = edges["artist"].unique().sort().to_numpy()
        one, other = (np.searchsorted(artist, shared[name].to_numpy()) for name in ("artist", "artist_other"))
        group = np.arange(len(artist))
        while (group[one] != group[other]).any():
            least = np.minimum(group[one], group[other])
            np.minimum.at(group, group[one], least)
            np.minimum.at(group, group[other], least)
            group = group[group]
        return pl.DataFrame({"artist": artist, "group": artist[group]})


def steady(members: pl.DataFrame, plays: Ints) -> pl.DataFrame:
    """Keep who gives a group as much as others of it do: `user`, `group`.

    That is in plays, or, of those who give it a ninth of what others do, as a part of all that they play.
    """
    some = regular(members, "group", part=9)
    parts = regular(some.with_columns(share_of(PLAYS, plays[some["user"].to_numpy()])), "group")
    kept = pl.concat([rows.select("user", "group") for rows in (regular(members, "group"), parts)])
    return kept.unique().sort("user")


def leading(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    """Give each `key` the group with most of its plays, the smaller one of equals: `key`, `group`, `plays`."""
    found = rows.group_by(key, "group").agg(PLAYS.sum()).sort(key, PLAYS, "group", descending=[False, True, False])
    return found.unique(key, keep="first", maintain_order=True)
