"""Groups: which column they are by and where it stands, who is in which, and what listeners of each play and steer."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from math import lcm
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.adjust.decisions import HELD
from fairpay.engine.keys import Members
from fairpay.errors import InputError, UsageError
from fairpay.logs.names import KNOWN, OWN, PAID, normal
from fairpay.logs.tables import artist_rows, column_for, open_table, read_columns
from fairpay.money.integers import sum_exactly
from fairpay.money.rounding import Allocation, largest_remainder
from fairpay.pipeline.measures import DECILES
from fairpay.reports.outcome import ArtistGroups, ListenerGroups, Payout
from fairpay.reports.words import counted
from fairpay.settings.option import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fairpay.kernels.arrays import Ints
    from fairpay.logs.read import Logs
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.reports.outcome import Outcome
    from fairpay.rules.core.month import Month, Usage
    from fairpay.rules.core.rule import Rule

__all__ = [
    "TENTHS",
    "By",
    "Listed",
    "ListenerColumns",
    "artist_groups",
    "find_columns_for",
    "gathered",
    "listener_groups",
]

FINE = 2**20
"""The most parts that an artist's shares may be of."""
SHARE = re.compile(r"(.*\S)\s+(\d+/[1-9]\d*|\d+(?:\.\d+)?\s*%|0?\.\d+)")
NOT_GROUPS = frozenset({"user", "artist", "plays", "seconds", "ms", "time", "track"})
"""What plays are made of, and no group of listeners."""
INTENSITY = "intensity"
"""No column: how much listeners listen, by tenths of them."""
TENTHS = ("tenth 1, lightest", *(f"tenth {k}" for k in range(2, DECILES)), f"tenth {DECILES}, heaviest")
FACTS = 4
"""Rows of what is counted of listeners before the rules' weights."""


@dataclass(frozen=True, slots=True)
class By:
    """A column that groups are asked for by."""

    name: str
    """As it was asked for, without where it stands."""
    where: Literal["artists", "subscribers", "log", "listening"]
    column: str
    """Its name there."""


def find_columns_for(
    asked: Sequence[str], artists: Path | None, subscribers: Path | None, logs: Logs
) -> tuple[By, ...]:
    """Find the columns that groups are asked for by: of the artist file, else of the subscriber file, else of the log.

    `intensity` where none has that name: the tenths of listeners by how much they listen.

    Raises:
        UsageError: there is no such column; one of artists and one of listeners have this name; one is named twice.

    """
    of_artists = [] if artists is None else [name for name in artist_rows(artists).columns if name != "artist"]
    taken = {normal(name) for name in (*KNOWN["user"], *PAID)}
    paying = [] if subscribers is None else [n for n in open_table(subscribers).names if normal(n) not in taken]
    names = chain.from_iterable((*part.source.names, *(part.file.hive if part.file else ())) for part in logs.parts)
    used = {name for part in logs.parts for role, name in part.columns.roles.items() if role in NOT_GROUPS}
    played = list(dict.fromkeys(name for name in names if name and name not in used))
    sides = {"artists": {"artists": of_artists}, "listeners": {"subscribers": paying, "log": played}}
    found = [found_column(text, sides) for text in asked]
    twice = [by.name for by in found if [one.name for one in found].count(by.name) > 1]
    if twice:
        message = f"--by {twice[0]} is given twice"
        raise UsageError(message, advice="Name each column once.")
    return tuple(found)


def found_column(text: str, sides: Mapping[str, Mapping[str, Sequence[str]]]) -> By:
    """Find one column; `artists.country` and `listeners.country` tell two of one name apart."""
    prefix, dot, rest = text.partition(".")
    chosen = [prefix] if dot and prefix in sides else [*sides]
    name = rest if len(chosen) == 1 else text
    found = {}
    for side in chosen:
        alike = [(w, c) for w, columns in sides[side].items() for c in columns if normal(c) == normal(name)]
        found.update({side: alike[0]} if alike else {})
    if len(found) > 1:
        message = f"--by {text}: the artists have a column {name}, and so have the listeners"
        raise UsageError(message, advice=f"Say which: --by artists.{name} or --by listeners.{name}.")
    if not found and normal(name) == INTENSITY and "listeners" in chosen:
        return By(INTENSITY, "listening", INTENSITY)
    if not found:
        known = {
            "artist file": [*sides["artists"]["artists"]],
            "subscriber file": [*sides["listeners"]["subscribers"]],
            "log": [*sides["listeners"]["log"]],
        }
        near = nearest(name, [*chain.from_iterable(known.values()), INTENSITY])
        there = [f"{', '.join(names)} in the {where}" for where, names in known.items() if names]
        message = f"--by {text}: there is no such column"
        ways = "; ".join([*there, "or month" if there else "month"])
        raise UsageError(message, advice=f"{near} Give {ways} or intensity.".strip())
    where, column = next(iter(found.values()))
    return By(name, where, column)  # type: ignore[arg-type] # one of the three


@dataclass(frozen=True, slots=True)
class ListenerColumns:
    """What the log and the subscriber file say of listeners: filled in while rows are taken in."""

    columns: tuple[By, ...]
    members: Members

    @classmethod
    def of(cls, found: Sequence[By], subscribers: Path | None) -> ListenerColumns | None:
        """Begin with what the subscriber file says; None where no group of listeners is asked for."""
        columns = tuple(by for by in found if by.where in {"subscribers", "log"})
        if not columns:
            return None
        members = Members(len(columns))
        for place, by in enumerate(columns):
            if by.where == "subscribers" and subscribers is not None:
                table = open_table(subscribers)
                user = column_for(table.names, KNOWN["user"], what="user", where=subscribers)
                for *_, cells in read_columns(table, [user, by.column], listing=True):
                    known = cells[user].is_valid().to_numpy(zero_copy_only=False)
                    members.enter(place, cells[user], cells[by.column], known)
        return cls(columns, members)

    def take(self, raw: RawBatch, listens: Listens) -> None:
        """See rows that are taken in; called from threads."""
        for place, by in enumerate(self.columns):
            if by.where == "log" and OWN + by.name in raw.columns:
                self.members.enter(place, listens.user, raw.columns[OWN + by.name], listens.used)

    def names(self, place: int) -> tuple[str, ...]:
        """Return what groups are called by their codes: behind the values, more than one of them, and none."""
        name = self.columns[place].name
        return (*self.members.names(place), f"more than one {name}", f"no {name}")


@dataclass(frozen=True, slots=True)
class Listed:
    """What one walk counts of the groups."""

    artists: tuple[Ints, ...]
    """For each column of artists int64[groups]: different listeners."""
    listeners: tuple[Ints, ...]
    """For each column of listeners int64[FACTS + rules, groups]: listeners, plays, listening, fees, and weights."""


def gathered(
    month: Month,
    ready: Sequence[tuple[Rule, Any]],
    artists: Sequence[ArtistGroups],
    listeners: Sequence[int],
    edges: Ints | None = None,
) -> Listed:
    """Count different listeners of groups of artists, and what groups of listeners do, in one walk.

    Args:
        month: what is walked over.
        ready: rules, each with what it has prepared.
        artists: the groups of artists.
        listeners: how many groups there are by each column of listeners; the last two are codes -2 and -1.
        edges: of tenths of listeners, which are then the last of these columns, see `decile_edges`.

    """
    each = FACTS + len(ready)
    width = max([1, *(len(one.names) for one in artists), *listeners])

    def visit(usage: Usage, out: Ints) -> None:
        for row, one in enumerate(artists):
            count_listeners(usage, one, out[row])
        weights = [rule.weight_of(usage, state) for rule, state in ready] if listeners else []
        facts = [np.ones(usage.users, dtype=np.int64), usage.plays, usage.total, usage.fee, *weights]
        tenths = () if edges is None else (np.searchsorted(edges, usage.total, side="right"),)
        for place, (size, codes) in enumerate(zip(listeners, (*usage.groups, *tenths), strict=True)):
            at = np.where(codes < 0, size + codes, codes)
            for row, values in enumerate(facts, len(artists) + each * place):
                if values is not None:
                    np.add.at(out[row], at, values)

    sums, _ = month.gather(visit, rows=len(artists) + each * len(listeners), columns=width)
    begins = [len(artists) + each * place for place in range(len(listeners))]
    return Listed(
        tuple(sums[row, : len(one.names)] for row, one in enumerate(artists)),
        tuple(sums[begin : begin + each, :size] for begin, size in zip(begins, listeners, strict=True)),
    )


def count_listeners(usage: Usage, groups: ArtistGroups, out: Ints) -> None:
    """Count each user of a block once in each group of the artists played."""
    user = np.repeat(np.arange(usage.users), np.diff(usage.start))
    sizes = np.diff(groups.start)[usage.artist]
    ends = np.cumsum(sizes)
    entry = np.repeat(groups.start[usage.artist] - (ends - sizes), sizes) + np.arange(int(sizes.sum()))
    met = np.unique(np.repeat(user, sizes) * len(groups.names) + groups.group[entry])
    out[: len(groups.names)] += np.bincount(met % len(groups.names), minlength=len(groups.names))


def listener_groups(outcome: Outcome, by: By, names: Sequence[str], sums: Ints, *, unit: int | None) -> ListenerGroups:
    """Make of what listeners add up to an outcome whose artists are the groups.

    What a group steers is the pool divided by the weights of its listeners, by largest remainder; rules that give no
    listener a weight are left out. `unit` fee units are a minor unit; None: what is paid in is not known in these.
    """
    order = np.array(sorted(np.flatnonzero(sums[0]).tolist(), key=lambda code: names[code].encode()), dtype=np.int64)
    users, plays, total, fees, *weights = np.ascontiguousarray(sums[:, order])
    pool, listening = outcome.money.pool, outcome.listening
    rules = [payout.rule for payout in outcome.payouts]
    steered = [(rule, weight) for rule, weight in zip(rules, weights, strict=True) if weight.any()]
    if not steered:
        message = f"--by {by.name}: no rule here lets single listeners steer a part of the pool"
        raise UsageError(message, advice="Add market-centric or user-centric with --rule.")
    timed = listening.measure == "time" and listening.ms == sum_exactly(total)
    payouts = (Payout(rule, Allocation(rule.label, largest_remainder(own, pool), pool)) for rule, own in steered)
    lines = replace(
        outcome,
        artist=pa.array([names[code] for code in order], pa.large_string()),
        plays=plays,
        ms=total if timed else None,
        listeners=users,
        payouts=tuple(payouts),
        market_weight=total,
        user_weight=fees,
        median_fee=None,
        names={},
        groups=(),
        paid_in=fees if unit == 1 else None,
    )
    return ListenerGroups(by.name, lines)


def artist_groups(by: By, path: Path, artist: pa.Array) -> ArtistGroups:
    """Say which groups artists are in: large_string[artists], sorted; those without a value are in one of their own.

    Raises:
        InputError: an artist has several values without shares, or shares that do not add up to 1.

    """
    rows = artist_rows(path).select("artist", value=pl.col(by.column).str.strip_chars()).unique()
    rows = rows.filter(pl.col("value").is_not_null() & (pl.col("value") != ""))
    ids = pl.DataFrame({"artist": pl.Series(artist)})
    rows = rows.join(ids, on="artist", how="semi")
    refuse_twice(rows, by, path)
    held = pl.col("artist").str.starts_with(HELD)
    none = pl.when(held).then(pl.lit("held by decisions")).otherwise(pl.lit(f"no {by.name}"))
    values = ids.join(rows, on="artist", how="left", maintain_order="left").select(
        value=pl.coalesce("value", none), cut=pl.col("value").is_not_null()
    )
    different = values.unique(maintain_order=True)
    split = {row: parts_of(row[0], by, path) if row[1] else {row[0]: Fraction(1)} for row in different.iter_rows()}
    names = sorted({name for parts in split.values() for name in parts}, key=str.encode)
    place = {name: code for code, name in enumerate(names)}
    parts = [sorted((place[name], share) for name, share in one.items()) for one in split.values()]
    scale = [lcm(*(share.denominator for _, share in one)) for one in parts]
    sizes = np.array([len(one) for one in parts], dtype=np.int64)
    codes = different.with_row_index("code").join(values.with_row_index("at"), on=["value", "cut"]).sort("at")
    own = codes["code"].to_numpy()
    begin = np.cumsum(sizes) - sizes
    start = np.concatenate([[0], np.cumsum(sizes[own])]).astype(np.int64)
    entry = np.repeat(begin[own] - start[:-1], sizes[own]) + np.arange(start[-1])
    group = np.array([code for one in parts for code, _ in one], dtype=np.int64)
    share = np.array([int(s * n) for one, n in zip(parts, scale, strict=True) for _, s in one], dtype=np.int64)
    nobody = np.zeros(len(names), dtype=np.int64)
    return ArtistGroups(by.name, tuple(names), start, group[entry], share[entry], nobody)


def refuse_twice(rows: pl.DataFrame, by: By, path: Path) -> None:
    """Refuse artists with several lines that differ."""
    twice = rows.filter(pl.col("artist").is_duplicated()).sort("artist", "value")
    if twice.height:
        artist, values = twice["artist"][0], twice.filter(pl.col("artist") == twice["artist"][0])["value"]
        count, told = twice["artist"].n_unique(), " and ".join(map(repr, values.head(2)))
        said = f"{counted(count, 'artist')} {'has' if count == 1 else 'have'}"
        message = f"{path}: {said} several lines with another {by.name}, such as {artist} with {told}"
        raise InputError(message, advice=ADVICE)


ADVICE = "Give each artist one line; several groups of one artist need shares: Harrow & Finch 1/2; Second Floor 1/2."


def parts_of(value: str, by: By, path: Path) -> dict[str, Fraction]:
    """Read `Harrow & Finch 1/2; Second Floor 1/2`; a value without a semicolon is one group.

    Raises:
        InputError: a part has no share, the shares do not add up to 1, or they are finer than 1/2^20.

    """
    texts = [text.strip() for text in value.split(";") if text.strip()]
    found = [SHARE.fullmatch(text) for text in texts]
    if len(texts) == 1 and found[0] is None:
        return {value: Fraction(1)}
    parts: dict[str, Fraction] = {}
    for one in found:
        if one is None:
            message = f"{path}: the {by.name} {value!r} names several without a share for each"
            raise InputError(message, advice=ADVICE)
        share = Fraction(one[2][:-1].strip()) / 100 if one[2].endswith("%") else Fraction(one[2])
        parts[one[1]] = parts.get(one[1], Fraction(0)) + share
    if sum(parts.values()) != 1 or not all(parts.values()):
        message = f"{path}: the shares in the {by.name} {value!r} add up to {sum(parts.values())}"
        raise InputError(message, advice="They must add up to 1; write 1/3 rather than 33.33 %.")
    if lcm(*(share.denominator for share in parts.values())) > FINE:
        message = f"{path}: the shares in the {by.name} {value!r} are finer than can be divided"
        raise InputError(message, advice="Give shares with denominators up to a million.")
    return parts
