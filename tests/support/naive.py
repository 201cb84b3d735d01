"""Slow, obvious answers in exact fractions, and a month held in plain Python lists: what everything fast is held to.

`exact(rule, listeners, ...)` asks `oracle_rules.py`, which knows nothing of fairpay, so a rule without an exact answer
there fails its tests.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import oracle_rules

from fairpay.rules.core.month import Facts, Usage, Users, totals_of
from fairpay.rules.core.ties import settle_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Totals
    from fairpay.rules.core.rule import Rule

NAMES = [f"{code:06}" for code in range(10_000)]
"""Ids in the order of their codes."""
Row = tuple[str, str, int]
"""(user, artist, amount); amounts of the same user and artist add up."""


@dataclass(frozen=True)
class Listener:
    """One user: what they paid and, per artist code, what they played."""

    fee: int
    amounts: dict[int, int]
    plays: int

    @property
    def total(self) -> int:
        """L_u."""
        return sum(self.amounts.values())


@dataclass
class NaiveMonth:
    """`month.Month` from rows in memory: every method walks plain lists, in as many blocks as asked for."""

    rows: Sequence[Row]
    fees: Mapping[str, int] = field(default_factory=dict)
    """user -> fee; 1 for users not named. Users without rows are inactive subscribers."""
    pool: int = 100
    rate: Fraction | None = Fraction(1)
    blocks: int = 1
    seed: int | None = None
    """Shuffles users and the entries of each user; None: in order of first appearance."""
    plays: Mapping[str, int] = field(default_factory=dict)
    """user -> qualified plays; the user's total for users not named."""
    fees_are_money: bool = True
    play: int | None = 1
    """What a play comes to; None where amounts are time."""

    def __post_init__(self) -> None:
        """Add the rows up by user and artist."""
        self.names = sorted({artist for _, artist, _ in self.rows}, key=str.encode)
        code = {artist: i for i, artist in enumerate(self.names)}
        table: dict[str, dict[int, int]] = {}
        for user, artist, amount in self.rows:
            mine = table.setdefault(user, {})
            mine[code[artist]] = mine.get(code[artist], 0) + amount
        self.users = list(table)
        self.listeners = [
            Listener(self.fees.get(user, 1), mine, self.plays.get(user, sum(mine.values())))
            for user, mine in table.items()
        ]

    @property
    def facts(self) -> Facts:
        """Totals by plain sums."""
        idle = [fee for user, fee in self.fees.items() if user not in self.users]
        return Facts(
            artists=len(self.names),
            users=len(self.listeners),
            amount=sum(u.total for u in self.listeners),
            plays=sum(u.plays for u in self.listeners),
            fees=sum(u.fee for u in self.listeners),
            inactive_fees=sum(idle),
            pool=self.pool,
            rate=self.rate,
            fees_are_money=self.fees_are_money,
            play=self.play,
        )

    @property
    def artist_amount(self) -> Ints:
        """Listening of each artist."""
        return self.per_artist(lambda u, j: u.amounts.get(j, 0))

    @property
    def artist_listeners(self) -> Ints:
        """Users of each artist."""
        return self.per_artist(lambda u, j: int(j in u.amounts))

    def per_artist(self, value: Callable[[Listener, int], int]) -> Ints:
        """Sum a value over users for each artist."""
        return np.array([sum(value(u, j) for u in self.listeners) for j in range(len(self.names))], dtype=np.int64)

    def chunks(self) -> Iterator[Usage]:
        """Blocks of whole users."""
        order = list(self.listeners)
        shuffle = random.Random(self.seed)  # noqa: S311 - a shuffle
        if self.seed is not None:
            shuffle.shuffle(order)
        for part in np.array_split(np.arange(len(order)), min(self.blocks, len(order)) or 1):
            block = [order[i] for i in part]
            entries = [list(u.amounts.items()) for u in block]
            if self.seed is not None:
                for mine in entries:
                    shuffle.shuffle(mine)
            yield Usage(
                start=np.cumsum([0, *map(len, entries)], dtype=np.int64),
                artist=np.array([j for mine in entries for j, _ in mine], dtype=np.uint32),
                amount=np.array([x for mine in entries for _, x in mine], dtype=np.int64),
                fee=np.array([u.fee for u in block], dtype=np.int64),
                total=np.array([u.total for u in block], dtype=np.int64),
                plays=np.array([u.plays for u in block], dtype=np.int64),
            )

    def each(self, visit: Callable[[Usage], Any]) -> Iterable[Any]:
        """Visit each block."""
        return [visit(usage) for usage in self.chunks()]

    def each_users(self, visit: Callable[[Users], Any]) -> Iterable[Any]:
        """Visit each block without its artists."""
        return [visit(Users(usage.fee, usage.total, usage.plays)) for usage in self.chunks()]

    def gather(
        self, visit: Callable[[Usage, Ints], Totals | None], *, rows: int, columns: int | None = None
    ) -> tuple[Ints, Totals]:
        """Visit each block with an array of its own, and add these up."""
        total = np.zeros((rows, len(self.names) if columns is None else columns), dtype=np.int64)
        found = []
        for usage in self.chunks():
            out = np.zeros_like(total)
            found.append(visit(usage, out))
            total += out
        return total, totals_of(found)


def rows_of(listening: Mapping[str, Mapping[str, int]]) -> list[Row]:
    """Flatten user -> artist -> amount."""
    return [(user, artist, amount) for user, mine in listening.items() for artist, amount in mine.items()]


def run(rule: Rule, month: Any) -> Ints:  # noqa: ANN401 - any Month
    """What the pipeline does with a rule: prepare, weigh, settle; minor units per artist."""
    prepared = rule.prepare(month)
    weights, _ = month.gather(lambda usage, out: rule.weigh(usage, prepared, out), rows=rule.rows)
    return settle_together(month, [rule.settling(weights, month, prepared)])[0]


def round_by_largest_remainder(shares: Sequence[Fraction], pool: int) -> list[int]:
    """Hamilton's method by its definition: floors, then one each to the largest remainders, ties to the first."""
    total = sum(shares)
    exact = [pool * Fraction(share) / total for share in shares]
    paid = [math.floor(x) for x in exact]
    order = sorted(range(len(exact)), key=lambda j: (paid[j] - exact[j], j))
    for j in order[: pool - sum(paid)]:
        paid[j] += 1
    return paid


def exact(
    rule: Rule, listeners: Sequence[Listener], *, artists: int, pool: Fraction, rate: Fraction | None = None
) -> list[Fraction]:
    """Return what each artist is paid, before any rounding.

    `rate` is alpha' = P/F, the pool over the fees of users who listened; None: worked out from the two.
    """
    fees = sum(u.fee for u in listeners)
    alpha = rate if rate is not None else (Fraction(pool, fees) if fees else Fraction(1))
    name, _, text = rule.label.partition(":")
    parameters = tuple((key, value) for key, _, value in (one.partition("=") for one in text.split(",") if one))
    people = [
        oracle_rules.Listener(Fraction(u.fee), {NAMES[j]: x for j, x in u.amounts.items()}, Fraction(u.plays))
        for u in listeners
    ]
    shares = oracle_rules.divide(oracle_rules.Rule(name, parameters), people, alpha).shares
    total = sum(shares.values())
    unit = pool / total if total else Fraction(0)
    return [unit * shares.get(NAMES[j], 0) for j in range(artists)]


def shown(text: str, value: Fraction) -> bool:
    """Whether a value is the fraction (100 bits of it, where roots cancel) or, to the digits shown, the decimal."""
    if "." not in text:
        return abs(Fraction(text) - value) < Fraction(1, 10**30)
    return abs(Fraction(text) - value) * 10 ** len(text.partition(".")[2]) <= Fraction(3, 5)
