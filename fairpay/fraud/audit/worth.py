"""What one more listener, and 100 more plays by an existing one, are worth to an artist of each tier.

A typical subscriber (median fee, median listening, as many artists as the mean listener, evenly) joins the month and
first does not play the artist, then plays it as much as that tier's listeners do on average, then 100 plays more.
Each step is replayed; the differences are the worth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from fairpay.fraud.audit.months import TIERS, Accounts
from fairpay.fraud.audit.scenario import spread
from fairpay.money.currency import LARGEST, round_half_even
from fairpay.money.integers import sum_exactly
from fairpay.pipeline.measures import kth_largest
from fairpay.rules.core.added import Joining
from fairpay.rules.core.budgets import Budgeted
from fairpay.rules.core.month import Users

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fairpay.fraud.audit.months import Baseline
    from fairpay.fraud.audit.replay import Replay
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.rule import Rule
    from fairpay.rules.core.usage import Usage

__all__ = ["Steps", "Worth", "listeners_of", "steps", "worth"]

MORE = 100
"""Plays that are added."""


@dataclass(frozen=True, eq=False)
class Steps:
    """A typical subscriber and an artist in the middle of a tier."""

    tier: str
    artist: int
    """Code of the artist of the tier's middle rank."""
    tried: tuple[Accounts, ...]
    """The subscriber, playing others; the artist too, as that tier's listeners do; the artist 100 times more."""


@dataclass(frozen=True, slots=True)
class Worth:
    """In minor units, not rounded; None where the rule would have to be worked out anew for each step."""

    tier: str
    listener: Fraction | None
    plays: Fraction | None


def steps(baseline: Baseline) -> list[Steps]:
    """Lay out the steps for each tier that has artists."""
    facts, listeners = baseline.facts, baseline.month.artist_listeners
    middle = facts.users // 2 + 1
    total, plays = (kth_largest(baseline.month, field, middle) for field in ("total", "plays"))
    kinds = max(1, round_half_even(Fraction(sum_exactly(listeners), facts.users)))
    amounts = spread(total, kinds)
    others = facts.artists + np.arange(len(amounts))
    without = Accounts(1, baseline.fee, others, amounts, plays)
    found, start = [], 0
    for name, end in TIERS:
        members = baseline.order[start:end]
        start = end or 0
        if not len(members):
            continue
        heard = Fraction(sum_exactly(baseline.month.artist_amount[members]), max(1, sum_exactly(listeners[members])))
        usual = max(1, round_half_even(heard / baseline.play))
        target = int(members[(len(members) - 1) // 2])
        more = (with_artist(without, target, count, baseline.play) for count in (usual, usual + MORE))
        found.append(Steps(name, target, (without, *more)))
    return found


def with_artist(without: Accounts, artist: int, plays: int, play: Fraction) -> Accounts:
    return replace(
        without,
        artist=np.concatenate([[artist], without.artist]),
        amount=np.concatenate([[max(1, round_half_even(plays * play))], without.amount]),
        plays=without.plays + plays,
    )


def listeners_of(baseline: Baseline, artists: Sequence[int]) -> dict[int, tuple[Users, Ints]]:
    """Pick out the listeners of a few artists, in one walk, and what each plays of the artist: int64[listeners]."""

    def pick(usage: Usage) -> list[tuple[Ints, ...]]:
        entries = [np.flatnonzero(usage.artist == artist) for artist in artists]
        users = [np.searchsorted(usage.start, entry, side="right") - 1 for entry in entries]
        return [
            (usage.fee[user], usage.total[user], usage.plays[user], usage.amount[entry])
            for user, entry in zip(users, entries, strict=True)
        ]

    blocks = zip(*baseline.month.each(pick), strict=True)
    found = [[np.concatenate(column) for column in zip(*parts, strict=True)] for parts in blocks]
    return {artist: (Users(*users), amount) for artist, (*users, amount) in zip(artists, found, strict=True)}


def worth(replay: Replay, rule: Rule, laid: Sequence[Steps], listeners: dict[int, tuple[Users, Ints]]) -> list[Worth]:
    """Return the worth under one rule, tier by tier."""
    pool = replay.baseline.pool_with(replay.baseline.fee)
    found = []
    for step in laid:
        share = share_of(replay, rule, pool, step.artist, listeners.get(step.artist))
        if share is None:
            found.append(Worth(step.tier, None, None))
        else:
            without, playing, more = map(share, step.tried)
            found.append(Worth(step.tier, (playing - without) * pool, (more - playing) * pool))
    return found


def share_of(
    replay: Replay, rule: Rule, pool: int, artist: int, listeners: tuple[Users, Ints] | None
) -> Callable[[Accounts], Fraction] | None:
    """Return what tells an artist's share of the pool once a subscriber has joined; None where the rule does not."""

    def steady(accounts: Accounts) -> Fraction:
        prepared = replay.prepared[rule]
        added = accounts.weighed(rule, prepared)
        own = replay.weights[rule][:, artist] + added[:, accounts.artist == artist].sum(axis=1)
        rest = replay.grouped[rule].sum(axis=1) + added.sum(axis=1) - own
        return Fraction(int(rule.settle(np.stack([own, rest], axis=1), LARGEST, prepared)[0]), LARGEST)

    def shifting(accounts: Accounts) -> Fraction:  # every weight changes: solve anew, weigh the artist's listeners
        prepared, everything = replay.solved(rule, accounts, pool)
        added = accounts.weighed(rule, prepared)[0, accounts.artist == artist]
        assert listeners is not None
        return Fraction(int(added.sum()) + drawn(rule, *listeners, prepared), everything)

    if rule.joining is Joining.STEADY:
        return steady
    return shifting if rule.joining is Joining.SHIFTING and isinstance(rule, Budgeted) else None


def drawn(rule: Rule, users: Users, amount: Ints, prepared: Any) -> int:  # noqa: ANN401 - what `prepare` returned
    """Add up what an artist draws from its listeners, who play `amount` of it."""
    from fairpay.kernels import forces  # noqa: PLC0415 - Numba is loaded where it is used

    budgets = rule.weight_of(users, prepared)
    assert budgets is not None
    parts = np.empty_like(budgets)
    forces.scaled_ratio(amount, budgets, users.total, 1, parts)
    return sum_exactly(parts)
