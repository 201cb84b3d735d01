"""Earning: the listening of a month, sorted into pools, and each pool divided by its own rule."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from fairpay.allocation import Allocation
from fairpay.books.earned import Earned, Heard, PoolEarned
from fairpay.books.exclusions import Exclusions
from fairpay.books.listening import Asked, Heap, take_in
from fairpay.books.payers import Payers, read_payers
from fairpay.books.pools import OUTSIDE
from fairpay.books.revenue import Revenue, revenue
from fairpay.division import weigh
from fairpay.errors import NothingToPayError
from fairpay.money import Currency
from fairpay.rules import find_rule
from fairpay.schema import REASONS

if TYPE_CHECKING:
    from fairpay.books.closing import Closing
    from fairpay.books.listening import Taken, Watch
    from fairpay.books.loading import Loaded
    from fairpay.books.pools import Pool
    from fairpay.rule import Rule

__all__ = ["Source", "earn"]

NO_POOL, EXCLUDED = "without a pool", "excluded"


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
    with take_in(Asked(closing, loaded, source.logs, source.exclusions, payers), watch) as taken:
        pools = tuple(
            divide(pool, rule_of(pool, closing), taken.heaps.get(index, Heap()), payers.count(index))
            for index, pool in enumerate(loaded.pools)
        )
        listening = heard(taken, len(loaded.pools))
    outside = tuple(unpooled(currency, amount) for currency, amount in payers.lost.items() if amount)
    return Earned((*pools, *outside), listening, payers.lines, payers.without_pool)


def unpooled(code: str, amount: int) -> PoolEarned:
    """What subscribers paid whom no pool covers: all of it is held, for nobody knows its terms."""
    currency = Currency.of(code)
    gross = Fraction(amount, 10**currency.digits)
    money = Revenue(gross, (), gross, gross, Fraction(0), 0, currency, amount, 0)
    return PoolEarned(f"{OUTSIDE} {code}", "none", money, {}, users=0, plays=0)


def rule_of(pool: Pool, closing: Closing) -> Rule:
    """The rule a pool is divided by."""
    return find_rule(pool.rule or closing.rule or "")


def divide(pool: Pool, rule: Rule, heap: Heap, subscribers: int) -> PoolEarned:
    """Divide one pool. Where nobody listened, or nothing weighs, nobody is paid and the money is unallocated."""
    money = revenue(pool, subscribers=subscribers or heap.users)
    try:
        amounts = divided(pool, rule, heap, money)
    except NothingToPayError:
        amounts = {}
    return PoolEarned(pool.name, rule.label, money, amounts, users=heap.users, plays=heap.plays)


def divided(pool: Pool, rule: Rule, heap: Heap, money: Revenue) -> dict[str, int]:
    """What each artist (or track with splits) is paid of the pool; zeros are left out."""
    if heap.month is None or not money.pool:
        return {}
    month = heap.month(money.pool, None if pool.rate == 1 else pool.rate)
    prepared = rule.prepare(month)
    weights = weigh(month, {rule: prepared})[rule]
    allocation = Allocation(rule.label, rule.settle(weights, money.pool, prepared), money.pool)
    places = np.flatnonzero(allocation.paid)
    artists = heap.artist.take(places).to_pylist()
    return dict(zip(artists, allocation.paid[places].tolist(), strict=True))


def heard(taken: Taken, pools: int) -> Heard:
    """Put together what was read and what became of it."""
    heaps = taken.heaps
    lost = {NO_POOL: heaps.get(pools, Heap()), EXCLUDED: heaps.get(pools + 1, Heap())}
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
        without_pool=dict(sorted(taken.without_pool.items())),
    )
