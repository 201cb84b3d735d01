"""Replaying attacks: the month is weighed once, and for an attack only the accounts it adds are weighed again.

Rules differ in what added accounts do to everybody else's weights, see `fairpay.rules.core.rule.Joining`:

* *steady* rules: the common unit is fixed once for the month with every attack of the audit in it, and sums may then be
  added as they are.
* *shifting* rules are prepared for each attack from the users' totals alone, and weigh the month for all attacks in the
  same walk.
* all others: prepared and weighed from the start, with the accounts among the users. Always right, and slow.

An attack that changes how listeners listen has a month of its own, weighed once more for all rules; accounts join it.

What artists get is asked for by group (five tiers and the made-up artists): where the rule says that
artists may be merged, groups are settled in place of artists, in units far finer than a cent.

What a listener is worth to an artist of each tier is replayed likewise: a typical subscriber (median fee, median
listening, as many artists as the mean listener, evenly) joins the month and first does not play the artist, then plays
it as much as that tier's listeners do on average, then 100 plays more. The differences are the worth.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from fairpay.errors import UsageError
from fairpay.fraud.audit.months import swaps
from fairpay.money.currency import LARGEST, round_half_even
from fairpay.money.integers import sum_exactly
from fairpay.pipeline.joined import Accounts, spread
from fairpay.pipeline.measures import kth_largest
from fairpay.reports.figures import BOUNDS
from fairpay.rules.core.budgets import Budgeted, sum_users
from fairpay.rules.core.month import Users
from fairpay.rules.core.rule import Added, Joining

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.fraud.audit.months import Attack, Baseline
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Usage
    from fairpay.rules.core.rule import Rule

__all__ = ["AuditFinding", "Replay", "Steps", "Worth", "build", "listeners_of", "play", "steps", "worth"]

MOST_ENTRIES = 10**9
"""Accounts times artists that are laid out one by one."""
MADE_UP = len(BOUNDS)
"""The group of the made-up artists."""
BY_FORMULA = 1_000
"""Listeners who are reached, one by one, where a formula is held against the replay."""
MILLIONTHS = 6
"""Digits kept before an amount is rounded."""
MORE = 100
"""Plays that are added."""


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """A scenario under one rule."""

    attack: Attack
    income: int
    """What the made-up artists get, minor units."""
    gain: int
    """What of it accounts bring: all of it, unless listeners play the made-up artists, too."""
    per_fee: Fraction
    """What accounts bring for each unit of fee that they pay."""
    of_share: Fraction
    """The same over the pool, over their share of the fees."""
    closed: int | None
    """The income by formula, minor units; None where the rule has none."""
    lost: tuple[int, ...]
    """What the real artists of each tier lose, minor units; negative where a tier gains."""
    break_even: int | None
    """The fewest plays of an account at which income reaches the fees; None where a month of days and nights is too
    short, or where it was not searched for."""
    searched: bool
    """Whether the number of plays was searched for: not where each try would take the whole month anew."""

    @property
    def profit(self) -> int:
        """Income less cost, minor units."""
        return self.income - self.attack.cost


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
        if rule.joining is Joining.ANEW:
            return self.settle_artists(rule, self.weights[rule], self.prepared[rule])
        return settle(rule, self.grouped[rule], self.prepared[rule])

    def after(self, rule: Rule, attack: Attack) -> list[Fraction]:
        """Return each group's share of the pool with an attack."""
        if rule.joining is Joining.STEADY:
            return self.steady(rule, attack.added)
        if (rule, attack) in self.shifted:
            prepared, weights = self.shifted[rule, attack]
            return settle(rule, weights + self.added(rule, attack.added, prepared), prepared)
        if sum(accounts.count * len(accounts.artist) for accounts in attack.added) > MOST_ENTRIES:
            message = f"scenario {attack.scenario.name} is too large for {rule.label}, which looks at every account"
            raise UsageError(message, advice="Lower accounts or artists in a copy of the scenario.")
        month = self.baseline.joined(attack.added, pool=attack.pool)
        prepared = rule.prepare(month)
        weights, _ = month.gather(lambda usage, out: rule.weigh(usage, prepared, out), rows=rule.rows)
        return self.settle_artists(rule, weights, prepared)

    def steady(self, rule: Rule, added: Sequence[Accounts]) -> list[Fraction]:
        """The same for accounts under a rule that leaves everybody else's weights alone."""
        prepared = self.prepared[rule]
        return settle(rule, self.grouped[rule] + self.added(rule, added, prepared), prepared)

    def added(self, rule: Rule, added: Sequence[Accounts], prepared: Any) -> Ints:  # noqa: ANN401 - what `prepare` returned
        """Weigh one account of each kind, multiply by how many there are, and add up by group: int64[rows, groups]."""
        found = np.zeros((rule.rows, MADE_UP + 1), dtype=np.int64)
        for accounts in added:
            alone = accounts.weighed(rule, prepared)
            found += by_group(alone * accounts.count, self.baseline.group_of(accounts.artist))
        return found

    def settle_artists(self, rule: Rule, weights: Ints, prepared: Any) -> list[Fraction]:  # noqa: ANN401 - the same
        """Let the rule divide 2^62 units among artists, and add up by group."""
        shares = rule.settle(weights, LARGEST, prepared)[None]
        groups = self.baseline.group_of(np.arange(shares.shape[1]))
        return [Fraction(int(units), LARGEST) for units in by_group(shares, groups)[0]]

    def solved(self, rule: Rule, accounts: Accounts, pool: int) -> tuple[Any, int]:
        """Solve a shifting rule anew with accounts among the users: prepared, and all weight together."""
        month = self.baseline.joined([accounts], pool=pool)
        prepared = rule.prepare(month)

        def steers(users: Users) -> Ints:
            weight = rule.weight_of(users, prepared)
            if weight is None:
                message = f"{rule.name} is listed as shifting, but does not say what a user steers"
                raise TypeError(message)
            return weight

        return prepared, sum_users(month, steers)


def by_group(values: Ints, groups: Ints) -> Ints:
    """Add up int64[rows, n] by the group of each column: int64[rows, groups]; a row sums to at most 2^62."""
    return np.stack([values[:, groups == group].sum(axis=1) for group in range(MADE_UP + 1)], axis=1)


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
    busiest = [*(a.playing(a.most_plays) for a in attacks if a.count), *others]
    everybody = replace(baseline.joined(busiest, pool=baseline.facts.pool), one_of_each=True)
    prepared = {rule: rule.prepare(everybody if rule.joining is Joining.STEADY else baseline.month) for rule in rules}
    shifted = {
        (rule, attack): rule.prepare(baseline.joined(attack.added, pool=attack.pool))
        for rule in rules
        if rule.joining is Joining.SHIFTING
        for attack in attacks
    }
    weighed = iter(weigh(baseline, [*prepared.items(), *((rule, ready) for (rule, _), ready in shifted.items())]))
    own = {rule: next(weighed) for rule in prepared}
    groups = baseline.group_of(np.arange(baseline.month.facts.artists))
    return Replay(
        baseline=baseline,
        prepared=prepared,
        weights=own,
        grouped={rule: by_group(weights, groups) for rule, weights in own.items()},
        shifted={pair: (ready, by_group(next(weighed), groups)) for pair, ready in shifted.items()},
    )


def weigh(baseline: Baseline, jobs: Sequence[tuple[Rule, Any]]) -> list[Ints]:
    """Weigh the month for every prepared rule in one walk."""
    ends = np.cumsum([rule.rows for rule, _ in jobs]).tolist()
    edges = [slice(end - rule.rows, end) for end, (rule, _) in zip(ends, jobs, strict=True)]

    def visit(usage: Usage, out: Ints) -> None:
        for (rule, ready), edge in zip(jobs, edges, strict=True):
            rule.weigh(usage, ready, out[edge])

    weights, _ = baseline.month.gather(visit, rows=ends[-1])
    return [weights[edge] for edge in edges]


def play(replay: Replay, rules: Sequence[Rule], attack: Attack) -> list[AuditFinding]:
    """Play one scenario under rules."""
    if attack.met is None:
        return [finding_of(replay, replay, rule, attack, ()) for rule in rules]
    own = build(replay.baseline.reached(attack), rules, [attack], others=())
    few = attack.met.listeners <= BY_FORMULA
    known = tuple(swaps(replay.baseline.month, attack, attack.met)) if few else None
    return [finding_of(replay, own, rule, attack, known) for rule in rules]


def finding_of(
    replay: Replay, own: Replay, rule: Rule, attack: Attack, known: Sequence[tuple[Usage, Usage]] | None
) -> AuditFinding:
    """Work out one scenario under one rule.

    `own` is of the month as its listeners listen now, who are `known` one by one where they are few.
    """
    baseline = replay.baseline
    before, after = replay.before(rule), own.after(rule, attack)
    income = gain = after[MADE_UP] * attack.pool
    if attack.count and own is not replay:
        gain -= own.before(rule)[MADE_UP] * baseline.facts.pool
    searched = rule.joining is not Joining.ANEW and own is replay
    return AuditFinding(
        attack=attack,
        income=to_units(income),
        gain=to_units(gain),
        per_fee=gain / attack.price,
        of_share=gain / attack.pool / attack.fee_share,
        closed=None if known is None else by_formula(replay, own, rule, attack, known),
        lost=tuple(
            round_half_even(before[i] * baseline.facts.pool - after[i] * attack.pool) for i in range(len(BOUNDS))
        ),
        break_even=break_even(replay, rule, attack) if searched else None,
        searched=searched,
    )


def by_formula(
    replay: Replay, own: Replay, rule: Rule, attack: Attack, known: Sequence[tuple[Usage, Usage]]
) -> int | None:
    """A listener who is reached leaves as one account, and joins as another."""
    prepared, _ = own.shifted.get((rule, attack), (replay.prepared[rule], None))
    joining = [(accounts.usage(1), accounts.count) for accounts in attack.added]
    joining += [one for before, after in known for one in ((before, -1), (after, 1))]
    added = [Added(replay.baseline.facts, one, count) for one, count in joining]
    share = rule.taken(added, prepared, replay.weights[rule])
    return None if share is None else to_units(share * attack.pool)


def to_units(amount: Fraction) -> int:
    """Round to minor units by way of millionths, so that a half stays one whichever way it was worked out."""
    return round_half_even(round(amount, MILLIONTHS))


def break_even(replay: Replay, rule: Rule, attack: Attack) -> int | None:
    """Find the fewest plays of an account at which income reaches the fees, up to what the days hold.

    Both are rounded to minor units. Income never falls with plays under any of these rules, so bisection finds it.
    """

    def pays(plays: int) -> bool:
        return to_units(share_with(replay, rule, attack.playing(plays), attack.pool) * attack.pool) >= attack.fees

    most = attack.most_plays
    return 1 + bisect_left(range(1, most), x=True, key=pays) if pays(most) else None


def share_with(  # noqa: PLR0913 - told apart by name
    replay: Replay,
    rule: Rule,
    accounts: Accounts,
    pool: int,
    *,
    artist: int | None = None,
    listeners: tuple[Users, Ints] | None = None,
) -> Fraction:
    """Return the share of the pool that an artist, or the made-up artists, get once accounts have joined the month.

    Under a shifting rule every weight changes: it is solved anew, and the artist's listeners are weighed.
    """
    mine = accounts.artist >= replay.baseline.facts.artists if artist is None else accounts.artist == artist
    if rule.joining is Joining.STEADY:
        prepared = replay.prepared[rule]
        added = accounts.weighed(rule, prepared) * accounts.count
        own = added[:, mine].sum(axis=1) + (0 if artist is None else replay.weights[rule][:, artist])
        rest = replay.grouped[rule].sum(axis=1) + added.sum(axis=1) - own
        return settle(rule, np.stack([own, rest], axis=1), prepared)[0]
    prepared, everything = replay.solved(rule, accounts, pool)
    added = accounts.weighed(rule, prepared)[0, mine] * accounts.count
    before = 0 if listeners is None else drawn(rule, *listeners, prepared)
    return Fraction(int(added.sum()) + before, everything)


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
    for name, end in BOUNDS:
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

    def pick(usage: Usage) -> tuple[Ints, ...]:
        entries = [np.flatnonzero(usage.artist == artist) for artist in artists]
        users = [np.searchsorted(usage.start, entry, side="right") - 1 for entry in entries]
        return tuple(
            column
            for user, entry in zip(users, entries, strict=True)
            for column in (usage.fee[user], usage.total[user], usage.plays[user], usage.amount[entry])
        )

    found = [np.concatenate(column) for column in zip(*baseline.month.each(pick), strict=True)]
    return {artist: (Users(*found[4 * k : 4 * k + 3]), found[4 * k + 3]) for k, artist in enumerate(artists)}


def worth(replay: Replay, rule: Rule, laid: Sequence[Steps], listeners: dict[int, tuple[Users, Ints]]) -> list[Worth]:
    """Return the worth under one rule, tier by tier."""
    pool = replay.baseline.pool_with(replay.baseline.fee)
    if rule.joining is Joining.ANEW or (rule.joining is Joining.SHIFTING and not isinstance(rule, Budgeted)):
        return [Worth(step.tier, None, None) for step in laid]
    found = []
    for step in laid:
        without, playing, more = (
            share_with(replay, rule, accounts, pool, artist=step.artist, listeners=listeners.get(step.artist))
            for accounts in step.tried
        )
        found.append(Worth(step.tier, (playing - without) * pool, (more - playing) * pool))
    return found


def drawn(rule: Rule, users: Users, amount: Ints, prepared: Any) -> int:  # noqa: ANN401 - what `prepare` returned
    """Add up what an artist draws from its listeners, who play `amount` of it."""
    from fairpay.kernels import forces  # noqa: PLC0415 - Numba is loaded where it is used

    budgets = rule.weight_of(users, prepared)
    assert budgets is not None
    parts = np.empty_like(budgets)
    forces.scaled_ratio(amount, budgets, users.total, 1, parts)
    return sum_exactly(parts)
