"""The month of an audit: its users in few large blocks, what is known of it, and scenarios as they are played on it.

Reached are listeners who pay and who come to play made-up artists: their accounts were taken over, or a playlist of
theirs was bought into. Which ones is told by a hash of what each pays and plays, so that neither the order of rows and
files nor threads nor pseudonyms change it; listeners who pay and play the same go together, as money cannot tell them
apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fairpay.errors import NothingToPayError, UsageError
from fairpay.fraud.audit.scenario import DAY
from fairpay.kernels.graphs import mix_all
from fairpay.money.currency import Currency, round_half_even
from fairpay.money.integers import sum_exactly
from fairpay.pipeline.joined import Accounts, Joined, Relistened, in_blocks, pool_with, spread
from fairpay.pipeline.measures import kth_largest
from fairpay.reports.figures import BOUNDS
from fairpay.rules.core.month import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from fairpay.fraud.audit.scenario import Scenario
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Facts, Month

__all__ = ["Attack", "Baseline", "Met", "met", "plan", "survey", "swaps"]

ODD = tuple(np.array([0x9E3779B97F4A7C15, 0xD1B54A32D192ED03, 0x8CB92BA72F3D8DD7, 0xAEF17502108EF2D9], dtype=np.uint64))
"""What each figure is multiplied by before they are mixed: the seed of who is reached."""
BITS = np.uint64(32)
DAY_MS = 1000 * DAY
SHORTEST_MS = 31_000
"""How long a play takes at least, where neither scenario nor log says it."""
FINE = 10**6
"""A share that is worked out has at most this denominator."""


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

    def reached(self, attack: Attack) -> Baseline:
        """Return the same with some listeners reached; what is known of artists and money stays what it was."""
        return replace(self, month=in_blocks(ReachedMonth(self.month, attack)))


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


@dataclass(frozen=True)
class Attack:
    """A scenario as it is played on a month, which it does not hold: it may be sent to where the plays are."""

    scenario: Scenario
    count: int
    """Accounts added."""
    fee: int
    """What each pays, in fee units."""
    plays: int
    """Plays of each; where none are added, on each reached listener's account beside what its owner plays."""
    price: Fraction
    """What all of them pay, or what reached listeners do where none are added, in minor units, not rounded."""
    fee_share: Fraction
    """Its part of all fees of users with listening."""
    pool: int
    """The pool with the fees of added accounts in it."""
    play_ms: int
    """How long a play takes."""
    timed: bool
    """Whether listening is counted in milliseconds."""
    cover: Ints = field(compare=False)
    """int64[n]: codes of the real artists that serve as cover."""
    artists: int
    """Artists of the month; codes from here on are made-up artists."""
    met: Met | None
    """The listeners who are reached."""
    instead: Fraction
    """Part of what each of them plays that made-up artists take the place of; to whole units, up or down by a hash."""

    @property
    def fees(self) -> int:
        """What all accounts pay, in minor units."""
        return round_half_even(self.price)

    @property
    def cost(self) -> int:
        """What of it is the attacker's: nothing where fans or the owners of accounts pay it anyway."""
        return self.fees if self.count and self.scenario.paid_by == "attacker" else 0

    @property
    def most_plays(self) -> int:
        """How many plays of this length fit into all the days."""
        return max(1, DAY_MS // self.play_ms) * self.scenario.days

    @property
    def added(self) -> tuple[Accounts, ...]:
        """The accounts that are added, if any, playing as much as the scenario says, or as a day holds."""
        return (self.playing(self.plays),) if self.count else ()

    @property
    def amount(self) -> int:
        """Listening of one play."""
        return self.play_ms if self.timed else 1

    @cached_property
    def beside(self) -> Accounts | None:
        """What is played on the account of each who is reached beside what that one plays, if anything."""
        return None if self.count or not self.plays else self.playing(self.plays)

    def playing(self, plays: int) -> Accounts:
        """The accounts with so many plays each: first the cover, then the made-up artists, both evenly."""
        hidden = int(plays * self.scenario.camouflage_share)
        real, new = spread(hidden, len(self.cover)), spread(plays - hidden, self.scenario.artists)
        codes = np.concatenate([self.cover[: len(real)], self.artists + np.arange(len(new))])
        amount = np.concatenate([real, new]) * self.amount
        return Accounts(self.count, self.fee, codes, amount, plays)

    def changed(self, usage: Usage) -> Usage:
        """Return a block with the chosen listeners, as they listen now, behind the others."""
        assert self.met is not None
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
        """Spread what is gone over made-up artists: whose, artist and amount, int64[entries] each.

        A listener begins at one told by the hash, and goes on to the next with each play.
        """
        made_up = self.scenario.artists
        kinds = np.where(moved > 0, np.clip(moved // self.amount, 1, made_up), 0)
        whose = np.repeat(np.arange(len(moved)), kinds)
        nth = np.arange(len(whose)) - np.repeat(np.cumsum(kinds) - kinds, kinds)
        each, left = np.divmod(moved[whose], kinds[whose])
        return whose, self.artists + (seed[whose] + nth) % made_up, each + (nth < left)


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

    attack: Attack

    @property
    def facts(self) -> Facts:
        """Totals of everybody."""
        facts, met, beside = self.base.facts, self.attack.met, self.attack.beside
        artists = self.attack.artists + self.attack.scenario.artists
        if met is None or beside is None:
            return replace(facts, artists=artists)
        amount, plays = (met.listeners * each for each in (beside.total, beside.plays))
        return replace(facts, artists=artists, amount=facts.amount + amount, plays=facts.plays + plays)

    @property
    def change(self) -> Callable[[Usage], Usage]:
        """Chosen listeners are reached."""
        return self.attack.changed


def swaps(month: Month, attack: Attack, met: Met) -> Iterator[tuple[Usage, Usage]]:
    """Yield each reached listener alone, as that listener listens in the month and as it does once reached."""

    def visit(usage: Usage) -> tuple[Ints, ...]:
        before = picked(usage, met.chosen(usage))
        return (*flat(before), *flat(attack.played(before) if before.users else before))

    for found in month.each(visit):
        before, after = block_of(*found[: len(found) // 2]), block_of(*found[len(found) // 2 :])
        for user in range(before.users):
            only = np.arange(before.users) == user
            yield picked(before, only), picked(after, only)


def plan(scenario: Scenario, baseline: Baseline) -> Attack:
    """Work out how many accounts there are, what they pay, how long they play, and which listeners are reached.

    A play is never shorter than the qualifying length, since it would not count.

    Raises:
        UsageError: a fee that is no amount, or an amount where only a pool is stated; listeners who play too little for
            what they are to play instead.

    """
    facts, fee, count = baseline.facts, fee_of(scenario, baseline), scenario.accounts
    if isinstance(count, Fraction):
        count = max(1, round_half_even(count / (1 - count) * facts.fees / fee))
    usual = round_half_even(baseline.play) if baseline.timed else SHORTEST_MS
    wanted = usual if scenario.seconds is None else scenario.seconds * 1000
    play_ms = min(DAY_MS, max(1, wanted, baseline.least_ms))
    plays = min(scenario.streams_a_day, DAY_MS // play_ms) * scenario.days
    if scenario.streams is not None:
        made = round_half_even(flooded(scenario, scenario.by_accounts) * facts.plays)
        count = max(1, round_half_even(Fraction(made, plays)))
        plays = max(1, round_half_even(Fraction(made, count)))
    listeners = met(baseline.month, scenario.listeners) if scenario.listeners else None
    fees = count * fee if count or listeners is None else listeners.fees
    return Attack(
        scenario=scenario,
        count=count,
        fee=fee,
        plays=plays,
        price=baseline.money(fees),
        fee_share=Fraction(fees, facts.fees + count * fee),
        pool=baseline.pool_with(count * fee),
        play_ms=play_ms,
        timed=baseline.timed,
        cover=baseline.order[: scenario.camouflage_artists].copy(),
        artists=facts.artists,
        met=listeners,
        instead=instead_of(scenario, listeners, facts.amount),
    )


def flooded(scenario: Scenario, part: Fraction) -> Fraction:
    """Return what a part of the flood is of all streams there were before the accounts joined."""
    streams = scenario.streams or Fraction(0)
    return streams * part / (1 - streams * scenario.by_accounts)


def instead_of(scenario: Scenario, listeners: Met | None, amount: int) -> Fraction:
    """Return the part of what reached listeners play that made-up artists take the place of."""
    if listeners is None or scenario.streams is None:
        return scenario.instead
    part = flooded(scenario, 1 - scenario.by_accounts) * amount / listeners.amount
    if part > 1:
        message = f"scenario {scenario.name}: its listeners play less than what they are to play instead"
        raise UsageError(message, advice="Raise listeners.")
    return part.limit_denominator(FINE)


def fee_of(scenario: Scenario, baseline: Baseline) -> int:
    if scenario.fee == "median":
        return baseline.fee
    if not baseline.facts.fees_are_money:
        message = f"scenario {scenario.name}: fee is {scenario.fee!r}, but it is not known what listeners paid"
        raise UsageError(message, advice='State --fee or --subscribers, or write fee = "median".')
    fee = Currency("", baseline.facts.digits).units(scenario.fee)
    if not fee:
        message = f"scenario {scenario.name}: fee is 0"
        raise UsageError(message, advice="What an account earns is held against its fee: give one above 0.")
    return fee
