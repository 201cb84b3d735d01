"""Earning: the listening of a month, sorted into pools, and each pool divided by its own rule."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from fairpay.adjust.payers import Payers, pass_on
from fairpay.errors import NothingToPayError
from fairpay.ledger.exclusions import Exclusions
from fairpay.ledger.facts import Applied, Earned, Heard, Line, Paid, PoolEarned, Ruled, plain
from fairpay.ledger.listening import Asked, Heap, played
from fairpay.ledger.payers import read_payers
from fairpay.ledger.pools import OUTSIDE, Revenue, revenue
from fairpay.ledger.tracks import by_artist
from fairpay.logs.schema import REASONS
from fairpay.money.allocation import Allocation
from fairpay.money.currency import Currency
from fairpay.pipeline.division import tied, undecided, weigh
from fairpay.pipeline.stages import LOST
from fairpay.rules import find_rule
from fairpay.rules.core.ties import settle_together

if TYPE_CHECKING:
    from fairpay.ledger.closing import Closing, Loaded
    from fairpay.ledger.listening import Played, Watch
    from fairpay.ledger.pools import Pool
    from fairpay.ledger.splits import Splits
    from fairpay.rules.core.rule import Rule

__all__ = ["Source", "earn"]


@dataclass(frozen=True, slots=True)
class Source:
    """The listening of a month."""

    logs: tuple[str, ...]
    exclusions: Exclusions = field(default_factory=Exclusions)


def earn(closing: Closing, loaded: Loaded, source: Source, watch: Watch) -> Earned:
    """Read the logs, sort every play into its pool, and divide each pool.

    Raises:
        InputError: a log, the subscribers or a key column cannot be used.

    """
    payers = Payers()
    if "subscribers" in closing.tables:
        path = closing.tables["subscribers"]
        payers = read_payers(path, loaded.pools, loaded.columns, currency=closing.currency)
    if loaded.delegations is not None:
        asked = closing.conditions()
        payers, _ = pass_on(
            payers,
            loaded.delegations,
            viscosity=asked.viscosity,
            cap=asked.delegate_cap,
            set_aside=closing.reading.rejects is not None,
        )
    with played(Asked(closing, loaded, source.logs, source.exclusions, payers), watch) as taken:
        notes: list[str] = []

        def divide_pool(index: int, heap: Heap) -> PoolEarned:
            pool = loaded.pools[index]
            splits = loaded.routing.splits
            return divide(pool, find_rule(pool.rule or ""), heap, payers.count(index), splits, notes)

        pools = taken.divide(len(loaded.pools), divide_pool)
        for note in sorted(notes):
            watch.say(note)
        listening, policies, decisions = heard(taken, len(loaded.pools)), applied(taken, loaded), ruled(taken)
    outside = tuple(unpooled(currency, amount) for currency, amount in payers.lost.items() if amount)
    return Earned((*pools, *outside), listening, payers.lines, payers.without_pool, policies, decisions)


def unpooled(code: str, amount: int) -> PoolEarned:
    """What subscribers paid whom no pool covers: all of it is held, for nobody knows its terms."""
    currency = Currency.of(code)
    gross = Fraction(amount, 10**currency.digits)
    money = Revenue(currency, gross, (), gross, gross, Fraction(0), 0, currency, amount, 0)
    return PoolEarned(f"{OUTSIDE} {code}", "none", money, Paid.of({}), users=0, plays=0)


def divide(  # noqa: PLR0913, PLR0917 - what a pool is divided by
    pool: Pool, rule: Rule, heap: Heap, subscribers: int, splits: Splits, notes: list[str]
) -> PoolEarned:
    """Divide one pool; `notes` takes what a reader must know.

    Where nobody listened, or nothing weighs, nobody is paid and the money is unallocated.
    """
    money = revenue(pool, subscribers=subscribers or heap.users)
    try:
        amounts = divided(pool, rule, heap, money, splits, notes)
    except NothingToPayError:
        amounts = Paid.of({})
    return PoolEarned(pool.name, rule.label, money, amounts, users=heap.users, plays=heap.plays)


def divided(  # noqa: PLR0913, PLR0917 - the same
    pool: Pool, rule: Rule, heap: Heap, money: Revenue, splits: Splits, notes: list[str]
) -> Paid:
    """What each artist (or track with splits) is paid of the pool; zeros are left out.

    What was refunded is taken back as it would have been paid.
    """
    size = abs(money.pool)
    if heap.pool is None or not money.pool:
        return Paid.of({})
    tracks = by_artist(heap.pool, splits)
    artists = heap.pool if tracks is None else tracks.pool
    rate = None if pool.rate == 1 else pool.rate
    month = artists.month(pool=size, rate=rate, fees_are_money=False, play=heap.play)
    prepared = rule.prepare(month)
    weights = weigh(month, {rule: prepared})[rule]
    begun = rule.settling(weights, month, prepared)
    paid = Allocation(rule.label, settle_together(month, [begun])[0], size).paid
    if tied(begun):
        notes.append(f"Pool {pool.name}: {undecided(rule, begun.undecided)}")
    if tracks is not None:
        paid = Allocation(rule.label, tracks.divide(paid, rule, prepared), size).paid
    places = np.flatnonzero(paid)
    return Paid.listed(heap.pool.names(places), paid[places] if money.pool > 0 else -paid[places])


def heard(taken: Played, pools: int) -> Heard:
    """Put together what was read and what became of it."""
    heaps = taken.heaps
    lost = {reason: heaps.get(pools + code, Heap()) for code, reason in LOST.items()}
    used = [heaps[index] for index in heaps if index < pools]
    dropped = Counter({REASONS[fate]: count for fate, count in taken.counts.dropped.items()})
    dropped.update({reason: heap.rows for reason, heap in lost.items() if heap.rows})
    return Heard(
        rows=taken.counts.rows,
        used=taken.counts.used - sum(heap.rows for heap in lost.values()),
        dropped=dict(sorted(dropped.items())),
        plays=taken.counts.plays,
        plays_used=sum(heap.plays for heap in used),
        plays_dropped={reason: heap.plays for reason, heap in lost.items() if heap.plays},
        listeners=sum(heap.users for heap in heaps.values()),
        listeners_used=sum(heap.users for heap in used),
        listeners_dropped={reason: heap.users for reason, heap in lost.items() if heap.users},
        without_pool=taken.without_pool,
    )


def applied(taken: Played, loaded: Loaded) -> tuple[Applied, ...]:
    """Say what each pool's policy did there."""
    weigher_of = {code: weigher for weigher in taken.taken.stages[0].weighers for code in weigher.pools}
    found = []
    for code, (pool, chosen) in enumerate(zip(loaded.pools, loaded.policies.pools, strict=True)):
        if chosen is not None:
            terms = taken.terms.pools[code]
            lines = tuple(
                Line(line.name, str(line.times), line.rows, line.plays, line.applied)
                for line in weigher_of[code].touched(code)
            )
            least, measure = plain(Fraction(terms.min_ms, 1000)), terms.measure or ""
            own = loaded.policies.own[code]
            found.append(Applied(pool.name, chosen.name, chosen.sha256, own, least, measure, lines))
    return tuple(found)


def ruled(taken: Played) -> tuple[Ruled, ...]:
    """Say what each decision touched."""
    ruling = taken.taken.stages[0].ruling
    if ruling is None:
        return ()
    found = [
        Ruled(one.mark, one.kind, one.said, one.by, int(rows))
        for one, rows in zip(ruling.decisions, ruling.touched, strict=False)
    ]
    return tuple(sorted(found, key=lambda one: one.mark))
