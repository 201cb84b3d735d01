"""Replaying attacks: the month is weighed once, and for an attack only the accounts it adds are weighed again.

Rules differ in what added accounts do to everybody else's weights, see `fairpay.rules.core.rule.Joining`:

* *steady* rules: the common unit is fixed once for the month with every attack of the audit in it, and sums may then be
  added as they are.
* *shifting* rules are prepared for each attack from the users' totals alone, and weigh the month for all attacks in the
  same walk.
* all others: prepared and weighed from the start, with the accounts among the users. Always right, and slow.

What artists get is asked for by group (five tiers and the made-up artists): where the rule says that
artists may be merged, groups are settled in place of artists, in units far finer than a cent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from fairpay.errors import UsageError
from fairpay.fraud.audit.months import TIERS
from fairpay.money.currency import LARGEST
from fairpay.rules.core.rule import Joining

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.fraud.audit.attack import Attack
    from fairpay.fraud.audit.months import Accounts, Baseline
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.rule import Rule

__all__ = ["MADE_UP", "Replay", "build"]

MOST_ENTRIES = 10**9
"""Accounts times artists that are laid out one by one."""
MADE_UP = len(TIERS)
"""The group of the made-up artists."""


@dataclass(frozen=True, eq=False)
class Replay:
    """A month, weighed under every rule of an audit and ready for accounts."""

    baseline: Baseline
    prepared: dict[Rule, Any]
    """Of the month alone; of steady rules with room for every attack."""
    weights: dict[Rule, Ints]
    """int64[rows, artists]: the month's own weights."""
    grouped: dict[Rule, Ints]
    """The same by group, int64[rows, groups]."""
    shifted: dict[tuple[Rule, Attack], tuple[Any, Ints]]
    """Shifting rules with an attack among the users: prepared, and the month's weights by group."""

    def before(self, rule: Rule) -> list[Fraction]:
        """Return each group's share of the pool without any attack."""
        weights, prepared = self.weights[rule], self.prepared[rule]
        if rule.joining is not Joining.ANEW:
            return settle(rule, self.grouped[rule], prepared)
        return self.by_group(rule.settle(weights, LARGEST, prepared))

    def after(self, rule: Rule, attack: Attack) -> list[Fraction]:
        """Return each group's share of the pool with an attack."""
        accounts = attack.accounts
        if rule.joining is Joining.STEADY:
            return self.steady(rule, accounts)
        if (rule, attack) in self.shifted:
            prepared, weights = self.shifted[rule, attack]
            return settle(rule, weights + weigh_alone(rule, accounts, prepared, self.groups(accounts.artist)), prepared)
        return self.over_again(rule, accounts, attack)

    def steady(self, rule: Rule, accounts: Accounts) -> list[Fraction]:
        """The same for accounts under a rule that leaves everybody else's weights alone."""
        prepared = self.prepared[rule]
        added = weigh_alone(rule, accounts, prepared, self.groups(accounts.artist))
        return settle(rule, self.grouped[rule] + added, prepared)

    def over_again(self, rule: Rule, accounts: Accounts, attack: Attack) -> list[Fraction]:
        """The same for any rule at all."""
        if accounts.count * len(accounts.artist) > MOST_ENTRIES:
            message = f"scenario {attack.scenario.name} is too large for {rule.label}, which looks at every account"
            raise UsageError(message, advice="Lower accounts or artists in a copy of the scenario.")
        month = self.baseline.joined([accounts], pool=attack.pool)
        prepared = rule.prepare(month)
        weights = month.gather(lambda usage, out: rule.weigh(usage, prepared, out), rows=rule.rows)
        return self.by_group(rule.settle(weights, LARGEST, prepared))

    def by_group(self, shares: Ints) -> list[Fraction]:
        """Add up artists' shares, int64[artists] in units of 2^-62, by group."""
        groups = self.groups(np.arange(len(shares)))
        return [Fraction(int(shares[groups == group].sum()), LARGEST) for group in range(MADE_UP + 1)]

    def groups(self, artist: Ints) -> Ints:
        """Return the group of each artist code."""
        known = self.baseline.facts.artists
        return np.where(artist < known, self.baseline.tier[np.minimum(artist, known - 1)], MADE_UP)


def grouped(baseline: Baseline, weights: Ints) -> Ints:
    """Add up int64[rows, artists] by tier; rows sum to at most 2^62, so no part of one wraps."""
    out = np.zeros((len(weights), MADE_UP + 1), dtype=np.int64)
    start = 0
    for place, (_, end) in enumerate(TIERS):
        out[:, place] = weights[:, baseline.order[start:end]].sum(axis=1)
        start = end or 0
    return out


def weigh_alone(rule: Rule, accounts: Accounts, prepared: Any, groups: Ints) -> Ints:  # noqa: ANN401 - what `prepare` returned
    """Weigh one account, multiply by how many there are, and add up by group: int64[rows, groups]."""
    out = np.zeros((rule.rows, len(accounts.artist)), dtype=np.int64)
    rule.weigh(accounts.one(), prepared, out)
    found = np.zeros((rule.rows, MADE_UP + 1), dtype=np.int64)
    for row in range(rule.rows):
        np.add.at(found[row], groups, out[row] * accounts.count)
    return found


def settle(rule: Rule, weights: Ints, prepared: Any) -> list[Fraction]:  # noqa: ANN401 - what `prepare` returned
    """Let the rule divide 2^62 units among groups: each group's share of the pool."""
    return [Fraction(int(units), LARGEST) for units in rule.settle(weights, LARGEST, prepared)]


def build(
    baseline: Baseline, rules: Sequence[Rule], attacks: Sequence[Attack], *, others: Sequence[Accounts]
) -> Replay:
    """Prepare every rule, and weigh the month once.

    `others` are further accounts that will be asked about. Steady rules get units with room for everybody at once, each
    attack playing as much as a day holds.

    Raises:
        UsageError: a rule cannot run on this month.

    """
    busiest = [*(a.playing(a.most_plays) for a in attacks), *others]
    everybody = replace(baseline.joined(busiest, pool=baseline.facts.pool), one_of_each=True)
    prepared = {rule: rule.prepare(everybody if rule.joining is Joining.STEADY else baseline.month) for rule in rules}
    jobs: list[tuple[Rule, Any]] = list(prepared.items())
    pairs = [(rule, attack) for rule in rules if rule.joining is Joining.SHIFTING for attack in attacks]
    for rule, attack in pairs:
        jobs.append((rule, rule.prepare(baseline.joined([attack.accounts], pool=attack.pool))))
    weighed = weigh(baseline, jobs)
    own = dict(zip(prepared, weighed, strict=False))
    return Replay(
        baseline=baseline,
        prepared=prepared,
        weights=own,
        grouped={rule: grouped(baseline, weights) for rule, weights in own.items()},
        shifted={
            pair: (job[1], grouped(baseline, weights))
            for pair, job, weights in zip(pairs, jobs[len(prepared) :], weighed[len(prepared) :], strict=True)
        },
    )


def weigh(baseline: Baseline, jobs: Sequence[tuple[Rule, Any]]) -> list[Ints]:
    """Weigh the month for every prepared rule in one walk."""
    ends = np.cumsum([rule.rows for rule, _ in jobs]).tolist()
    edges = [slice(end - rule.rows, end) for end, (rule, _) in zip(ends, jobs, strict=True)]

    def visit(usage: Any, out: Ints) -> None:  # noqa: ANN401 - Usage
        for (rule, ready), edge in zip(jobs, edges, strict=True):
            rule.weigh(usage, ready, out[edge])

    weights = baseline.month.gather(visit, rows=ends[-1])
    return [weights[edge] for edge in edges]
