"""The month of an audit: its users in few large blocks, what is known of it, accounts added, listeners who are reached.

Reached are listeners who pay and who come to play made-up artists: their accounts were taken over, or a playlist of
theirs was bought into. Which ones is told by a hash of what each pays and plays, so that neither the order of rows and
files nor threads nor pseudonyms change it; listeners who pay and play the same go together, as money cannot tell them
apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from fairpay.errors import NothingToPayError
from fairpay.kernels.graphs import mix_all
from fairpay.money.integers import sum_exactly
from fairpay.pipeline.joined import Joined, Relistened, in_blocks, pool_with
from fairpay.pipeline.measures import kth_largest
from fairpay.reports.figures import BOUNDS
from fairpay.rules.core.month import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.pipeline.joined import Accounts
    from fairpay.rules.core.month import Facts, Month

__all__ = ["Baseline", "Met", "Reach", "met", "survey", "swaps"]

ODD = tuple(np.array([0x9E3779B97F4A7C15, 0xD1B54A32D192ED03, 0x8CB92BA72F3D8DD7, 0xAEF17502108EF2D9], dtype=np.uint64))
"""What each figure is multiplied by before they are mixed: the seed of who is reached."""
BITS = np.uint64(32)


@dataclass(frozen=True, slots=True)
class Baseline:
    """The listeners and artists of a month before accounts are added, in the few figures that accounts are made of."""

    month: Month
    facts: Facts
    least_ms: int
    """The qualifying length, where the log has durations."""
    fee: int
    """Median fee, in fee units; the mean one where the median listener pays nothing."""
    order: Ints
    """int64[artists]: codes, the most heard first."""
    tier: Ints
    """int64[artists]: place in `figures.BOUNDS` of each artist."""

    @property
    def rate(self) -> Fraction:
        """Alpha, the royalty rate; 1 where only a pool is known."""
        return Fraction(1) if self.facts.rate is None else self.facts.rate

    @property
    def timed(self) -> bool:
        """Whether listening is counted in milliseconds."""
        return self.facts.play is None

    @property
    def play(self) -> Fraction:
        """Listening of one play: 1, or the mean length of a play in milliseconds."""
        return Fraction(self.facts.amount, max(1, self.facts.plays)) if self.timed else Fraction(1)

    def money(self, fees: int) -> Fraction:
        """Return what `fees` fee units are in minor units; where only a pool is known, each listener paid alike."""
        if self.facts.fees_are_money:
            return Fraction(fees)
        return Fraction(fees * self.facts.pool, self.facts.fees) / self.rate

    def pool_with(self, fees: int) -> int:
        """Return the pool once accounts that pay `fees` fee units have joined."""
        return pool_with(self.facts, fees)

    def group_of(self, artist: Ints) -> Ints:
        """Return the tier of each artist code; made-up artists have the place after the last tier."""
        known = self.facts.artists
        return np.where(artist < known, self.tier[np.minimum(artist, known - 1)], len(BOUNDS))

    def joined(self, added: Sequence[Accounts], *, pool: int) -> Joined:
        """Return the month with accounts added."""
        made_up = max((int(a.artist.max()) + 1 - self.month.facts.artists for a in added), default=0)
        return Joined(self.month, added, pool, max(0, made_up))

    def reached(self, reach: Reach) -> Baseline:
        """Return the same with some listeners reached; what is known of artists and money stays what it was."""
        return replace(self, month=in_blocks(ReachedMonth(self.month, reach)))


def survey(month: Month, *, least_ms: int = 0) -> Baseline:
    """Look at everybody: fees, and artists by rank.

    Raises:
        NothingToPayError: nobody who listened pays anything, or nothing is paid out, so that no account can be held
            against its fee.

    """
    facts = month.facts
    if not facts.users or not facts.fees:
        message = "nothing to audit: nobody with listening pays a fee"
        raise NothingToPayError(message, advice="Check the subscriber file and the fee.")
    if not facts.pool:
        message = "nothing to audit: the pool is empty, so that no account can earn anything"
        raise NothingToPayError(message, advice="Check the money and --royalty-rate.")
    month = in_blocks(month)
    fee = kth_largest(month, "fee", facts.users // 2 + 1) or max(1, facts.fees // facts.users)
    order = np.lexsort((np.arange(facts.artists), -month.artist_amount)).astype(np.int64)
    tier = np.empty(facts.artists, dtype=np.int64)
    ends = [end for _, end in BOUNDS if end is not None]
    tier[order] = np.searchsorted(ends, np.arange(facts.artists), side="right")
    return Baseline(month, facts, least_ms, fee, order, tier)


@dataclass(frozen=True, slots=True)
class Met:
    """Paying listeners who are chosen to be reached."""

    below: int
    """Their hashes are at most this."""
    listeners: int
    """How many they are."""
    fees: int
    """What they pay, in fee units."""
    amount: int
    """What they listen."""

    def chosen(self, usage: Usage) -> NDArray[np.bool_]:
        """Say who of a block is chosen: bool[users]."""
        found: NDArray[np.bool_] = (usage.fee > 0) & (hashes(usage) <= self.below)
        return found


def met(month: Month, wanted: int | Fraction) -> Met:
    """Choose so many of the listeners who pay, or such a part of them: at least one, and at most all."""
    hashed = np.concatenate([one for (one,) in month.each(lambda usage: (hashes(usage)[usage.fee > 0],))])
    count = round(wanted * len(hashed)) if isinstance(wanted, Fraction) else wanted
    place = min(max(1, count), len(hashed)) - 1
    below = int(np.partition(hashed, place)[place])
    chosen = Met(below, 0, 0, 0).chosen

    def visit(usage: Usage, _: Ints) -> tuple[int, ...]:
        who = chosen(usage)
        return int(who.sum()), sum_exactly(usage.fee[who]), sum_exactly(usage.total[who])

    return Met(below, *month.gather(visit, rows=0)[1])


def hashes(usage: Usage) -> Ints:
    """Hash what each listener pays and plays to 32 bits: int64[users]; the order of entries means nothing."""
    columns = (usage.artist, usage.amount, usage.fee, usage.plays)
    artist, amount, fee, plays = (column.astype(np.uint64) for column in columns)
    played = np.add.reduceat(mix_all(artist * ODD[0] + amount * ODD[1]).astype(np.uint64), usage.start[:-1])
    found: Ints = mix_all(played * ODD[2] + (plays << BITS ^ fee) * ODD[3]).astype(np.int64)
    return found


@dataclass(frozen=True, slots=True)
class Reach:
    """What is done to the listening of chosen listeners. It holds no month: it may be sent to where the plays are."""

    met: Met
    instead: Fraction
    """Part of what each plays that made-up artists take the place of; to whole units, up or down by the hash."""
    real: int
    """Artists of the month; codes from here on are made-up artists."""
    made_up: int
    """How many there are; a listener begins at one told by the hash, and goes on to the next with each play."""
    play: int
    """Listening of one play."""
    beside: Accounts | None = field(compare=False)
    """What is played on each one's account beside that."""

    def changed(self, usage: Usage) -> Usage:
        """Return a block with the chosen listeners, as they listen now, behind the others."""
        chosen = self.met.chosen(usage)
        if not chosen.any():
            return usage
        rest, mine = picked(usage, ~chosen), self.played(picked(usage, chosen))
        return block_of(*(np.concatenate(both) for both in zip(flat(rest), flat(mine), strict=True)))

    def played(self, usage: Usage) -> Usage:
        """Return chosen listeners as they listen now."""
        users, sizes, seed = np.arange(usage.users), np.diff(usage.start), hashes(usage)
        owner = np.repeat(users, sizes)
        order = np.lexsort((usage.artist, owner))
        kept, moved = self.replaced(usage.amount[order], usage.start, seed)
        parts = [(owner, usage.artist[order].astype(np.int64), kept), self.taking_over(moved, seed)]
        total, plays = usage.total, usage.plays
        if self.beside is not None:
            more, each = self.beside, len(self.beside.artist)
            parts.append((np.repeat(users, each), np.tile(more.artist, len(users)), np.tile(more.amount, len(users))))
            total, plays = total + more.total, plays + more.plays
        owner, artist, amount = (np.concatenate(column) for column in zip(*parts, strict=True))
        key, amount = (owner << np.int64(32) | artist)[amount > 0], amount[amount > 0]
        order = np.argsort(key, kind="stable")
        first = np.flatnonzero(np.diff(key[order], prepend=-1))
        key = key[order][first]
        return Usage(
            start=np.searchsorted(key >> np.int64(32), np.arange(usage.users + 1)),
            artist=key.astype(np.uint32),
            amount=np.add.reduceat(amount[order], first),
            fee=usage.fee,
            total=total,
            plays=plays,
        )

    def replaced(self, amount: Ints, start: Ints, seed: Ints) -> tuple[Ints, Ints]:
        """Take the part away, evenly along each one's artists: what is left, int64[entries], and gone, int64[users]."""
        sizes, up, down = np.diff(start), self.instead.numerator, self.instead.denominator
        heard = np.cumsum(amount)
        heard -= np.repeat((heard - amount)[start[:-1]], sizes)
        gone = heard // down * up + (heard % down * up + np.repeat(seed % down, sizes)) // down
        each = np.diff(gone, prepend=0)
        each[start[:-1]] = gone[start[:-1]]
        return amount - each, gone[start[1:] - 1]

    def taking_over(self, moved: Ints, seed: Ints) -> tuple[Ints, Ints, Ints]:
        """Spread what is gone over made-up artists: whose, artist and amount, int64[entries] each."""
        kinds = np.where(moved > 0, np.clip(moved // self.play, 1, self.made_up), 0)
        whose = np.repeat(np.arange(len(moved)), kinds)
        nth = np.arange(len(whose)) - np.repeat(np.cumsum(kinds) - kinds, kinds)
        each, left = np.divmod(moved[whose], kinds[whose])
        return whose, self.real + (seed[whose] + nth) % self.made_up, each + (nth < left)


def picked(usage: Usage, chosen: NDArray[np.bool_]) -> Usage:
    """Return some users of a block, bool[users]."""
    sizes, artist, amount, *columns = flat(usage)
    entries = np.repeat(chosen, sizes)
    return block_of(sizes[chosen], artist[entries], amount[entries], *(column[chosen] for column in columns))


def flat(usage: Usage) -> tuple[Any, ...]:
    """Return a block as plain arrays: how many entries each user has, then the others in their order."""
    return np.diff(usage.start), usage.artist, usage.amount, usage.fee, usage.total, usage.plays


def block_of(sizes: Ints, *columns: Any) -> Usage:  # noqa: ANN401 - arrays of several types
    """Return a block from what `flat` makes of one."""
    return Usage(np.append(0, np.cumsum(sizes)), *columns)


@dataclass(frozen=True, eq=False)
class ReachedMonth(Relistened):
    """A month in which some listeners are reached."""

    reach: Reach

    @property
    def facts(self) -> Facts:
        """Totals of everybody."""
        facts, reach = self.base.facts, self.reach
        more = (0, 0) if reach.beside is None else (reach.beside.total, reach.beside.plays)
        amount, plays = (reach.met.listeners * each for each in more)
        artists = reach.real + reach.made_up
        return replace(facts, artists=artists, amount=facts.amount + amount, plays=facts.plays + plays)

    @property
    def change(self) -> Callable[[Usage], Usage]:
        """Chosen listeners are reached."""
        return self.reach.changed


def swaps(month: Month, reach: Reach) -> Iterator[tuple[Usage, Usage]]:
    """Yield each reached listener alone, as that listener listens in the month and as it does once reached."""

    def visit(usage: Usage) -> tuple[Ints, ...]:
        before = picked(usage, reach.met.chosen(usage))
        return (*flat(before), *flat(reach.played(before) if before.users else before))

    for found in month.each(visit):
        before, after = block_of(*found[: len(found) // 2]), block_of(*found[len(found) // 2 :])
        for user in range(before.users):
            only = np.arange(before.users) == user
            yield picked(before, only), picked(after, only)
