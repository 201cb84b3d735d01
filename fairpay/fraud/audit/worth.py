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

from fairpay.fraud.audit.attack import spread
from fairpay.fraud.audit.months import TIERS, Accounts
from fairpay.money.currency import LARGEST, round_half_even
from fairpay.money.integers import sum_exactly
from fairpay.pipeline.measures import kth_largest
from fairpay.rules.core.budgets import Budgeted, sum_users
from fairpay.rules.core.rule import Joining

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.fraud.audit.months import Baseline
    from fairpay.fraud.audit.replay import Replay
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Usage
    from fairpay.rules.core.rule import Rule

__all__ = ["Listeners", "Steps", "Worth", "listeners_of", "steps", "worth"]

MORE = 100
"""Plays that are added."""


@dataclass(frozen=True, eq=False)
class Steps:
    """A typical subscriber and an artist in the middle of a tier."""

    tier: str
    artist: int
    """Code of the artist of the tier's middle rank."""
    plays: int
    """What a listener of that tier's artists plays of one of them, on average."""
    without: Accounts
    """The subscriber, playing others."""
    playing: Accounts
    """Playing the artist too."""
    more: Accounts
    """Playing the artist 100 times more."""


@dataclass(frozen=True, slots=True)
class Worth:
    """In minor units, not rounded; None where the rule would have to be worked out anew for each step."""

    tier: str
    listener: Fraction | None
    plays: Fraction | None


@dataclass(frozen=True, slots=True)
class Listeners:
    """The listeners of one artist: what they paid, and what they played of it and in all. int64[listeners] each."""

    fee: Ints
    total: Ints
    plays: Ints
    amount: Ints


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
        playing, more = (with_artist(without, target, count, baseline.play) for count in (usual, usual + MORE))
        found.append(Steps(name, target, usual, without, playing, more))
    return found


def with_artist(without: Accounts, artist: int, plays: int, play: Fraction) -> Accounts:
    """Let the subscriber play an artist so many times, on top of everything else."""
    return replace(
        without,
        artist=np.concatenate([[artist], without.artist]),
        amount=np.concatenate([[max(1, round_half_even(plays * play))], without.amount]),
        plays=without.plays + plays,
    )


def listeners_of(baseline: Baseline, artists: Sequence[int]) -> dict[int, Listeners]:
    """Pick out the listeners of a few artists, in one walk."""

    def pick(usage: Usage) -> list[tuple[Ints, ...]]:
        found: list[tuple[Ints, ...]] = []
        for artist in artists:
            entry = np.flatnonzero(usage.artist == artist)
            user = np.searchsorted(usage.start, entry, side="right") - 1
            found.append((usage.fee[user], usage.total[user], usage.plays[user], usage.amount[entry]))
        return found

    blocks = list(baseline.month.each(pick))
    return {
        artist: Listeners(*(np.concatenate(parts) for parts in zip(*(block[i] for block in blocks), strict=True)))
        for i, artist in enumerate(artists)
    }


def worth(replay: Replay, rule: Rule, laid: Sequence[Steps], listeners: dict[int, Listeners]) -> list[Worth]:
    """Return the worth under one rule, tier by tier."""
    found = []
    pool = replay.baseline.pool_with(replay.baseline.fee)
    for step in laid:
        parts = [
            share(replay, rule, accounts, step.artist, listeners)
            for accounts in (step.without, step.playing, step.more)
        ]
        without, playing, more = parts
        if without is None or playing is None or more is None:
            found.append(Worth(step.tier, None, None))
        else:
            found.append(Worth(step.tier, (playing - without) * pool, (more - playing) * pool))
    return found


def share(
    replay: Replay, rule: Rule, accounts: Accounts, artist: int, listeners: dict[int, Listeners]
) -> Fraction | None:
    """Return an artist's share of the pool once a subscriber has joined."""
    if rule.joining is Joining.STEADY:
        prepared, weights = replay.prepared[rule], replay.weights[rule]
        out = np.zeros((rule.rows, len(accounts.artist)), dtype=np.int64)
        rule.weigh(accounts.one(), prepared, out)
        own = weights[:, artist] + out[:, accounts.artist == artist].sum(axis=1)
        rest = replay.grouped[rule].sum(axis=1) + out.sum(axis=1) - own
        return Fraction(int(rule.settle(np.stack([own, rest], axis=1), LARGEST, prepared)[0]), LARGEST)
    if rule.joining is Joining.SHIFTING and isinstance(rule, Budgeted):
        return solved_share(replay.baseline, rule, accounts, artist, listeners[artist])
    return None


def solved_share(baseline: Baseline, rule: Budgeted, accounts: Accounts, artist: int, listeners: Listeners) -> Fraction:
    """The same where every weight changes: solve anew, then weigh the artist's own listeners only."""
    month = baseline.joined([accounts], pool=baseline.pool_with(accounts.fees))
    prepared = rule.prepare(month)
    everything = sum_users(month, lambda users: rule.budgets(users, prepared))
    out = np.zeros((1, len(accounts.artist)), dtype=np.int64)
    rule.weigh(accounts.one(), prepared, out)
    own = int(out[0, accounts.artist == artist].sum()) + drawn(rule, listeners, prepared)
    return Fraction(own, everything)


def drawn(rule: Budgeted, listeners: Listeners, prepared: Any) -> int:  # noqa: ANN401 - what `prepare` returned
    """Add up what an artist draws from its listeners."""
    from fairpay.kernels import forces  # noqa: PLC0415 - Numba is loaded where it is used
    from fairpay.rules.core.month import Users  # noqa: PLC0415 - only here

    budgets = rule.budgets(Users(listeners.fee, listeners.total, listeners.plays), prepared)
    parts = np.empty_like(budgets)
    forces.scaled_ratio(listeners.amount, budgets, listeners.total, 1, parts)
    return sum_exactly(parts)
