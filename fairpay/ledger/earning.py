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
from fairpay.ledger.facts import Applied, Earned, Heard, Paid, PolicyLine, PoolEarned, Ruled, plain
from fairpay.ledger.listening import MonthLogs, PoolPlays, read_plays
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
    from fairpay.ledger.listening import MonthPlays
    from fairpay.ledger.pools import Pool
    from fairpay.ledger.splits import Splits
    from fairpay.pipeline.request import Watch
    from fairpay.rules.core.rule import Rule

__all__ = ["MonthSource", "earn"]


@dataclass(frozen=True, slots=True)
class MonthSource:
    """The listening of a month."""

    logs: tuple[str, ...]
    exclusions: Exclusions = field(default_factory=Exclusions)


def earn(closing: Closing, loaded: Loaded, source: MonthSource, watch: Watch) -> Earned:
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
    with read_plays(MonthLogs(closing, loaded, source.logs, source.exclusions, payers), watch) as taken:
        notes: list[str] = []

        def divide_pool(index: int, plays: PoolPlays) -> PoolEarned:
            pool = loaded.pools[index]
            splits = loaded.routing.splits
            return divide(pool, find_rule(pool.rule or ""), plays, payers.count(index), splits, notes)

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
    pool: Pool, rule: Rule, plays: PoolPlays, subscribers: int, splits: Splits, notes: list[str]
) -> PoolEarned:
    """Divide one pool; `notes` takes what a reader must know.

    Where nobody listened, or nothing weighs, nobody is paid and the money is unallocated.
    """
    money = revenue(pool, subscribers=subscribers or plays.users)
    try:
        amounts = divided(pool, rule, plays, money, splits, notes)
    except NothingToPayError:
        amounts = Paid.of({})
    return PoolEarned(pool.name, rule.label, money, amounts, users=plays.users, plays=plays.plays)


def divided(  # noqa: PLR0913, PLR0917 - the same
    pool: Pool, rule: Rule, plays: PoolPlays, money: Revenue, splits: Splits, notes: list[str]
) -> Paid:
    """What each artist (or track with splits) is paid of the pool; zeros are left out.

    What was refunded is taken back as it would have been paid.
    """
    size = abs(money.pool)
    if plays.pool is None or not money.pool:
        return Paid.of({})
    tracks = by_artist(plays.pool, splits)
    artists = plays.pool if tracks is None else tracks.pool
    rate = None if pool.rate == 1 else pool.rate
    digits = money.currency.digits
    month = artists.month(pool=size, rate=rate, fees_are_money=False, play=plays.play, digits=digits)
    prepared = rule.prepare(month)
    weights = weigh(month, {rule: prepared})[rule]
    begun = rule.settling(weights, month, prepared)
    paid = Allocation(rule.label, settle_together(month, [begun])[0], size).paid
    if tied(begun):
        notes.append(f"Pool {pool.name}: {undecided(rule, begun.undecided)}")
    if tracks is not None:
        paid = Allocation(rule.label, tracks.divide(paid, rule, prepared), size).paid
    places = np.flatnonzero(paid)
    return Paid.listed(plays.pool.names(places), paid[places] if money.pool > 0 else -paid[places])


def heard(taken: MonthPlays, pools: int) -> Heard:
    by_pool = taken.by_pool
    lost = {reason: by_pool.get(pools + code, PoolPlays()) for code, reason in LOST.items()}
    used = [by_pool[index] for index in by_pool if index < pools]
    dropped = Counter({REASONS[fate]: count for fate, count in taken.counts.dropped.items()})
    dropped.update({reason: plays.rows for reason, plays in lost.items() if plays.rows})
    return Heard(
        rows=taken.counts.rows,
        used=taken.counts.used - sum(plays.rows for plays in lost.values()),
        dropped=dict(sorted(dropped.items())),
        plays=taken.counts.plays,
        plays_used=sum(plays.plays for plays in used),
        plays_dropped={reason: plays.plays for reason, plays in lost.items() if plays.plays},
        listeners=sum(plays.users for plays in by_pool.values()),
        listeners_used=sum(plays.users for plays in used),
        listeners_dropped={reason: plays.users for reason, plays in lost.items() if plays.users},
        without_pool=taken.without_pool,
    )


def applied(taken: MonthPlays, loaded: Loaded) -> tuple[Applied, ...]:
    weigher_of = {code: weigher for weigher in taken.taken.stages[0].weighers for code in weigher.pools}
    found = []
    for code, (pool, chosen) in enumerate(zip(loaded.pools, loaded.policies.pools, strict=True)):
        if chosen is not None:
            terms = taken.terms.pools[code]
            lines = tuple(
                PolicyLine(line.name, str(line.times), line.rows, line.plays, line.applied)
                for line in weigher_of[code].touched(code)
            )
            least, measure = plain(Fraction(terms.min_ms, 1000)), terms.measure or ""
            own = loaded.policies.own[code]
            found.append(Applied(pool.name, chosen.name, chosen.sha256, own, least, measure, lines))
    return tuple(found)


def ruled(taken: MonthPlays) -> tuple[Ruled, ...]:
    decisions = taken.taken.stages[0].decisions
    if decisions is None:
        return ()
    found = [
        Ruled(one.mark, one.kind, one.said, one.by, int(rows))
        for one, rows in zip(decisions.decisions, decisions.touched, strict=False)
    ]
    return tuple(sorted(found, key=lambda one: one.mark))
