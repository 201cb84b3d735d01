"""Who plays whom, and how often, in a month like a log: drawn anew from figures that ten listeners stand behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairpay.errors import InputError
from fairpay.synth.draws import draw, stream
from fairpay.synth.survey import BINS, FINE, OCTAVE, STEPS, Sets, grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.synth.survey import Places, Profile

__all__ = ["BEHIND", "assign", "listeners_like", "plays_like", "repair"]

BEHIND = 10
"""Listeners who stand behind a figure, at least."""
GROUPS = 100
"""Groups of listeners, at most."""
BANDS = 20
"""Bands of listeners by plays, at most."""
TURNS = 100
"""Rounds of exchanging artists."""
NEAR = 64
"""Neighbours from whom an artist is taken in the first round; twice as many in each further one."""
FITS = 4
"""Rounds of bringing artists to their plays."""
MOST = 4.0
"""Times the median of a group that a listener counts for at most, and times that an artist's plays may be changed to
come to the log's: what one listener does alone does not show."""


def unit(bits: NDArray[np.uint64]) -> Places:
    """Scale draws to numbers from 0 to below 1."""
    return (bits >> np.uint64(11)) / 2.0**53


def normal(bits: NDArray[np.uint64]) -> Places:
    """Turn draws into those of a normal distribution."""
    return grid(STEPS)[(bits >> np.uint64(52)).astype(np.int64)]


def smoothed(values: Ints) -> Ints:
    """Return as many values, ascending, that are alike in groups of BEHIND or more: log-normal, of the same mean."""
    made = []
    for some in np.array_split(np.sort(values), min(GROUPS, len(values) // BEHIND)):
        group = np.minimum(some, MOST * np.median(some))
        alike = np.exp(np.log(group).std() * grid(len(group)))
        made.append(alike * group.mean() / alike.mean())
    smooth: Ints = np.maximum(np.rint(np.sort(np.concatenate(made))), 1).astype(np.int64)
    return smooth


def agreement(one: Ints, other: Ints) -> float:
    """Return how the ranks of two values go together, as the correlation of a normal distribution."""
    ranks = []
    for values in (one, other):
        _, place, count = np.unique(values, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(count) - count / 2)[place])
    alike = min(rank.std() for rank in ranks) == 0
    return 0.0 if alike else float(2 * np.sin(np.pi / 6 * np.corrcoef(ranks[0], ranks[1])[0, 1]))


def listeners_like(real: Profile, seed: int) -> tuple[Ints, Ints]:
    """Return plays, ascending, and artists of as many listeners: int64[users] each."""
    users, together = len(real.plays), agreement(real.plays, real.artists)
    apart = normal(draw(stream(seed, "artists of a listener"), np.arange(users)))
    order = np.argsort(together * grid(users) + np.sqrt(max(0.0, 1 - together**2)) * apart, kind="stable")
    plays, artists = smoothed(real.plays), np.empty(users, dtype=np.int64)
    artists[order] = smoothed(real.artists)
    return plays, np.minimum(artists, plays)


def alike(real: Profile) -> Ints:
    """Number the artists; those of fewer than BEHIND listeners go with all that have as many: int64[artists].

    Where these have fewer than BEHIND together, they go with the artists before them.
    """
    ranks = np.arange(len(real.listeners))
    alone = np.where(real.listeners < BEHIND, len(ranks) + BEHIND - real.listeners, ranks)
    group = np.unique(alone, return_inverse=True)[1]
    enough = np.bincount(group, real.listeners) >= BEHIND
    found: Ints = np.maximum(np.cumsum(enough) - 1, 0)[group]
    return found


def assign(real: Profile, size: Ints, seed: int, *, evenly: float, together: int) -> tuple[Sets, Ints]:
    """Assign artists to listeners, as many as each has; some may get one twice, see `repair`.

    Listeners, and artists by how heavily theirs listen, are put in order and cut into bands: `evenly`, from 0 to 1,
    makes artists alike in this and in how many listeners they have. In a band artists have places on a circle, and so
    have `together` artists of a listener at a time: neighbours meet.

    Returns the sets, and their entries in the order of these places.
    """
    users, slots = len(size), int(size.sum())
    listeners = np.cumsum((1 - evenly) * real.listeners + evenly * real.listeners.mean())
    taken = np.searchsorted(listeners, (np.arange(slots) + 0.5) * (listeners[-1] / slots), side="right")
    audience = -np.sort(-np.bincount(taken))
    artist = np.repeat(np.arange(len(audience)), audience)
    group = alike(real)
    heavy = np.bincount(group, real.heavy) / FINE / (np.bincount(group, real.listeners) + BEHIND)
    heavy = (1 - evenly) * heavy[group[artist]]
    aside = normal(draw(stream(seed, "heaviness"), np.arange(slots)))
    order = np.argsort(heavy + np.sqrt(max(0.0, 1 - heavy.var())) * aside, kind="stable")
    sets = Sets(np.append(0, np.cumsum(size)), artist)
    bands = min(BANDS, users // BEHIND)
    of_slot = sets.owner * bands // users
    of_place = np.empty(slots, dtype=np.int64)
    of_place[order] = of_slot
    number = np.arange(slots) - (np.cumsum(audience) - audience)[artist]
    width = np.minimum(1.0, audience / users)[artist]
    around = (number + unit(draw(stream(seed, "aside"), np.arange(slots)))) / audience[artist]
    at = (unit(draw(stream(seed, "place"), artist)) + width * around) % 1
    handful = (np.arange(slots) - sets.start[sets.owner]) // together
    taste = draw(stream(seed, "taste"), sets.owner, handful)
    drawn, row = np.empty(slots, dtype=np.int64), np.lexsort((taste, of_slot))
    drawn[row] = artist[np.lexsort((at, of_place))]
    return Sets(sets.start, drawn), row


def repair(sets: Sets, row: Ints, own: NDArray[np.uint64], seed: int) -> tuple[Sets, Ints, int]:
    """Exchange artists between listeners until no set has one twice and none is among `own`, hashes of real sets.

    They are exchanged with neighbours in `row`, so that what goes together stays so, and further off where it must be.
    Returns the sets, whose they are (a listener whose set stays wrong is left out), and how many had a real one's.

    Raises:
        InputError: nobody is left.

    """
    users, owner, artist = np.arange(len(sets.size)), sets.owner, sets.artist
    redrawn: set[int] = set()
    place = np.argsort(row)
    for turn in range(TURNS):
        at = sets.entries(users)
        copies = users[np.isin(sets.of(users).keys(), own)]
        redrawn.update(copies.tolist())
        entry = draw(stream(seed, f"copy {turn}"), copies) % sets.size[copies].astype(np.uint64)
        twice = doubled(owner, artist, at)
        wrong = np.unique(np.append(twice, sets.start[copies] + entry.astype(np.int64)))
        if not len(wrong):
            break
        reach = min(len(row), NEAR << min(turn, 40))
        aside = draw(stream(seed, f"other {turn}"), wrong) % np.uint64(reach)
        other = row[(place[wrong] + aside.astype(np.int64) - reach // 2) % len(row)]
        first = np.unique(other, return_index=True)[1]
        first = first[~np.isin(other[first], wrong)]
        mine, theirs = wrong[first], other[first]
        artist[mine], artist[theirs] = artist[theirs], artist[mine]
        users = np.unique(owner[np.append(wrong, theirs)])
    keep = np.delete(np.arange(len(owner)), doubled(owner, artist, np.arange(len(owner))))
    left = Sets(np.append(0, np.cumsum(np.bincount(owner[keep]))), artist[keep])
    kept = np.flatnonzero(~np.isin(left.keys(), own))
    if not len(kept):
        message = "whatever is drawn, every listener has the set of artists of a real one"
        raise InputError(message, advice="Give a log of more listeners, or of more artists.")
    return left.of(kept), kept, len(redrawn)


def doubled(owner: Ints, artist: Ints, at: Ints) -> Ints:
    """Return those of some entries whose artist another of the same listener has."""
    key = owner[at] * (int(artist.max()) + 1) + artist[at]
    order = np.argsort(key, kind="stable")
    found: Ints = at[order[1:]][key[order[1:]] == key[order[:-1]]]
    return found


def plays_like(real: Profile, sets: Sets, plays: Ints, seed: int) -> Ints:
    """Divide each listener's plays among the artists, one at least each: int64[entries].

    Listeners spread theirs as unevenly as real ones do (more unevenly than BEHIND of them do, nobody does), and artists
    come to about the plays of those of their rank.
    """
    owner, more_plays = sets.owner, plays - sets.size
    before = np.cumsum(real.spread)
    bits = draw(stream(seed, "plays of an artist"), owner, sets.artist)
    bins = np.minimum(np.searchsorted(before, unit(bits) * before[-1], side="right"), real.most[-BEHIND])
    drawn = np.exp2((bins - BINS // 2 + unit(bits << np.uint64(32)) - 0.5) / OCTAVE) * (plays / sets.size)[owner]
    group = alike(real)
    wanted = np.exp2(np.rint(np.log2(np.bincount(group, real.artist_plays)) * 4) / 4)
    group, factor = group[sets.artist], np.ones(len(wanted))
    for _ in range(FITS):
        more = np.maximum(drawn * factor[group] - 1, 1e-6)
        part = more / np.add.reduceat(more, sets.start[:-1])[owner]
        came = np.bincount(group, 1 + part * more_plays[owner], minlength=len(wanted))
        factor = np.clip(factor * wanted / np.maximum(came, 1), 1 / MOST, MOST)
    until = np.cumsum(part)
    passed = np.floor((until - (until - part)[sets.start[owner]]) * more_plays[owner]).astype(np.int64)
    passed[sets.start[1:] - 1] = more_plays
    passed = np.minimum(passed, more_plays[owner])
    counts: Ints = 1 + passed - np.where(np.arange(len(owner)) == sets.start[owner], 0, np.roll(passed, 1))
    return counts
