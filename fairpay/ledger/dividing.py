"""Dividing: one pool among the artists and tracks that its plays are of, and what its excluded plays would earn."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from fairpay.adjust.decisions import PENALTY
from fairpay.errors import NothingToPayError
from fairpay.ledger.facts import Paid, PenaltyFacts, PoolFacts, pool_facts
from fairpay.ledger.pools import OUTSIDE, Revenue, revenue
from fairpay.ledger.tracks import by_artist, by_source
from fairpay.money.currency import Currency
from fairpay.money.integers import sum_exactly
from fairpay.money.rounding import Allocation
from fairpay.pipeline.division import settled, tied, undecided, weigh
from fairpay.pipeline.penalties import seen_unmarked
from fairpay.pipeline.sources import ByArtist
from fairpay.pipeline.withheld import Withholding
from fairpay.rules import find_rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.engine.pool import LocalPool
    from fairpay.ledger.pools import Pool
    from fairpay.ledger.tracks import TrackSources
    from fairpay.rules.core.month import Month

__all__ = ["divide", "penalties", "unpooled"]


def unpooled(code: str, amount: int) -> tuple[PoolFacts, Paid]:
    """What subscribers paid whom no pool covers: all of it is held, for nobody knows its terms."""
    currency = Currency.of(code)
    gross = Fraction(amount, 10**currency.digits)
    money = Revenue(currency, gross, (), gross, gross, Fraction(0), 0, currency, amount, 0)
    return pool_facts(f"{OUTSIDE} {code}", "none", money, listeners=0, plays=0), Paid.of({})


def divide(  # noqa: PLR0913, PLR0917 - what a pool is divided by
    pool: Pool,
    held: LocalPool,
    sources: TrackSources,
    play: int | None,
    subscribers: int,
    notes: list[str],
    shares: Sequence[Fraction] = (),
) -> tuple[PoolFacts, Paid]:
    """Divide one pool, of which the engine holds listening; `notes` takes what a reader must know.

    Its policy withholds `shares` of what marked plays earn.
    Where nobody listened, or nothing weighs, nobody is paid and the money is unallocated.
    """
    users, plays = held.payers.users, held.payers.plays
    money = revenue(pool, subscribers=subscribers or users)
    amounts = Paid.of({})
    if users and money.pool:
        with suppress(NothingToPayError):
            amounts = paid_of(pool, held, money, sources, play, notes, shares=shares)
    label = find_rule(pool.rule or "").label
    facts = pool_facts(pool.name, label, money, listeners=users, plays=plays, said=pool.said)
    return replace(facts, withheld=0 if amounts.withheld is None else sum_exactly(amounts.withheld)), amounts


def penalties(
    pool: Pool, marked: LocalPool, sources: TrackSources, play: int | None, subscribers: int
) -> tuple[PenaltyFacts, ...]:
    """What the excluded plays of a pool would have earned, and the charges; `marked` holds them with the others.

    The pool is divided as it is before any penalty. Of a pool that was refunded nothing is charged.
    """
    money = revenue(pool, subscribers=subscribers or marked.payers.users)
    if not marked.payers.users or money.pool <= 0:
        return ()
    with suppress(NothingToPayError):
        found = paid_of(pool, marked, money, sources, play, [], marked=True).tracks
        assert found is not None
        sums = Counter[tuple[str, str]]()
        for name, units in zip(found.sources.to_pylist(), found.amounts.tolist(), strict=True):
            source, mark, share = name.partition(PENALTY)
            sums[sources.earning(source), share] += units if mark else 0
        return tuple(PenaltyFacts.of(pool.name, *key, units) for key, units in sorted(sums.items()) if units)
    return ()


def paid_of(  # noqa: PLR0913, PLR0917 - the same
    pool: Pool,
    plays: LocalPool,
    money: Revenue,
    sources: TrackSources,
    play: int | None,
    notes: list[str],
    *,
    shares: Sequence[Fraction] = (),
    marked: bool = False,
) -> Paid:
    """What each artist (or track with splits) is paid of the pool; zeros are left out.

    What was refunded is taken back as it would have been paid. Where all tracks are asked for, or excluded plays are
    `marked`, it is divided among them once more, by what each brings its artist; without what is withheld.
    """
    withholding = Withholding.of(plays, shares) if shares else None
    tracks = plays if withholding is None else withholding.view
    held = seen_for_splits(tracks, sources, marked=marked)
    rule, size, whole = find_rule(pool.rule or ""), abs(money.pool), by_artist(held, sources.splits)
    rate, digits = None if pool.rate == 1 else pool.rate, money.currency.digits
    known: dict[str, Any] = {"pool": size, "rate": rate, "fees_are_money": False, "play": play, "digits": digits}
    month: Month = (held if whole is None else whole).month(**known)
    prepared = rule.prepare(month)
    ready = {rule: prepared}
    (allocation,), (begun,) = settled(month, [rule], ready, weigh(month, ready))
    paid = allocation.paid
    if tied(begun):
        notes.append(f"Pool {pool.name}: {undecided(rule, begun.undecided)}")
    if whole is not None:
        paid = Allocation(rule.label, whole.divide(paid, whole.shares(rule, prepared, **known)), size).paid
    sign, places = (1 if money.pool > 0 else -1), np.flatnonzero(paid)
    kept_back, brings = np.zeros_like(paid), None
    if withholding is not None:
        kept_back, brings = withholding.among(held, whole, rule, prepared, paid)
    withheld = sign * kept_back[places] if shares else None
    found = Paid.listed(held.names(places), sign * paid[places], held.artist_plays[places], withheld)
    if not isinstance(held, ByArtist) or not (marked or sources.every):
        return found
    if brings is None:
        one = held if whole is None else replace(whole, sources=tracks, of_source=whole.of_source[held.of_source])
        brings = one.shares(rule, prepared, **known)
    own = held.divide(paid - kept_back, brings)
    places = np.flatnonzero(paid[held.of_source])
    return replace(found, tracks=Paid.listed(tracks.names(places), sign * own[places], tracks.artist_plays[places]))


def seen_for_splits(tracks: LocalPool | ByArtist, sources: TrackSources, *, marked: bool) -> LocalPool | ByArtist:
    """Look at a pool by artists and tracks with splits; in one of `marked` plays as if they were not."""
    if not marked:
        return by_source(tracks, sources.splits) if sources.every else tracks
    plain = seen_unmarked(tracks)
    if not sources.every:
        return plain
    whole = by_source(plain, sources.splits)
    return replace(whole, sources=tracks, of_source=whole.of_source[plain.of_source])
