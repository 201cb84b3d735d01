"""What some users add to a month, as numbers that add up: rows by fate, warnings, what policies met, and their pools.

A shard of a cluster, or a label that may not hand its listeners over, takes its own plays in as every run does and
hands on a part. Parts of disjoint users add up in any order, and what they come to is settled as a month is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fairpay.engine.partial import PoolPart, Walks, add_parts, merged_pool
from fairpay.errors import InputError, Problem
from fairpay.logs.schema import Cautions, Fate
from fairpay.pipeline.intake import stages_of
from fairpay.pipeline.stages import Lost
from fairpay.pipeline.warn import named_elsewhere
from fairpay.qualify.tally import Counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from fairpay.engine.pool import LocalPool
    from fairpay.kernels.arrays import Ints
    from fairpay.logs.read import Logs
    from fairpay.logs.schema import Warned
    from fairpay.pipeline.intake import Judging, Plan, Taken, Variant
    from fairpay.pipeline.stages import Stages
    from fairpay.settings.values import Qualifying

__all__ = ["MonthOfParts", "MonthPart", "add_counts", "add_up", "leaving", "merged", "part_of"]

T = TypeVar("T")
Key = TypeVar("Key", Fate, str)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthPart:
    """What some users add to a month; no user is in it."""

    columns: Mapping[str, Sequence[str]]
    """role -> columns of the logs, sorted."""
    elsewhere: Mapping[str, int]
    """Other columns with names of artists -> in how many rows without an artist they have one."""
    counts: Counts
    warned: tuple[Warned, ...]
    stages: tuple[Mapping[str, Sequence[int]], ...]
    """What was counted on the way, for each variant: see `numbers_of`."""
    pools: tuple[PoolPart, ...]
    """One for each variant; in a month of many pools one for each of these, and for each place behind them."""


def part_of(taken: Taken, cautions: Cautions) -> MonthPart:
    """Take what plays that were taken in add to a month."""
    return MonthPart(
        columns={role: (name,) for role, name in taken.logs.columns.items()},
        elsewhere={},
        counts=taken.counts,
        warned=cautions.found(),
        stages=tuple(numbers_of(stages, taken.plan.judging) for stages in taken.stages),
        pools=tuple(
            PoolPart.of(pool, paid=taken.plan.pools is None or code < taken.plan.pools)
            for code, pool in enumerate(taken.engine.pools)
        ),
    )


def leaving(part: MonthPart, logs: Logs) -> MonthPart:
    """Return a part that may leave the house: examples may name a user, a moment or a file, and stay here.

    Which other columns have names of artists is added: nobody else can look.
    """
    return replace(
        part,
        elsewhere=dict(sorted(named_elsewhere(logs))) if part.counts.dropped.get(Fate.NO_ARTIST) else {},
        counts=replace(part.counts, problems=()),
        warned=tuple(replace(one, examples=()) for one in part.warned),
    )


def add_up(parts: Sequence[MonthPart], qualifying: Qualifying) -> MonthPart:
    """Add parts of disjoint users.

    Raises:
        InputError: some have durations and others none, or a sum is above 2^62.

    """
    cautions = Cautions()
    for one in (one for part in parts for one in part.warned):
        cautions.add(one.code, one.count, one.examples, one.advice)
    roles = sorted({role for part in parts for role in part.columns})
    return MonthPart(
        columns={
            role: tuple(sorted({name for part in parts for name in part.columns.get(role, ())})) for role in roles
        },
        elsewhere=summed(part.elsewhere for part in parts),
        counts=add_counts([part.counts for part in parts], qualifying),
        warned=cautions.found(),
        stages=tuple(map(added, zip(*(part.stages for part in parts), strict=True))),
        pools=tuple(add_parts(same) for same in zip(*(part.pools for part in parts), strict=True)),
    )


def add_counts(counts: Sequence[Counts], qualifying: Qualifying) -> Counts:
    """Add rows by fate.

    Raises:
        InputError: some rows have durations and others none.

    """
    counts = [one for one in counts if one.rows] or counts
    timed = {one.ms is not None for one in counts}
    if len(timed) > 1:
        message = "some parts have durations and others none, so that their listening cannot be added"
        raise InputError(message, advice="Take durations out everywhere, with --measure plays, or add them.")
    problems: dict[str, Problem] = {}
    for one in (problem for each in counts for problem in each.problems):
        old = problems.get(one.reason)
        problems[one.reason] = one if old is None else replace(old, count=old.count + one.count)
    ms = [one.ms for one in counts if one.ms is not None]
    return Counts(
        rows=sum(one.rows for one in counts),
        used=sum(one.used for one in counts),
        dropped=summed(one.dropped for one in counts),
        bad=sum(one.bad for one in counts),
        problems=tuple(problems[reason] for reason in sorted(problems)),
        plays=sum(one.plays for one in counts),
        ms=sum(ms) if ms else None,
        measure=qualifying.measure or ("time" if ms else "plays"),
        first_time=min((one.first_time for one in counts if one.first_time is not None), default=None),
        last_time=max((one.last_time for one in counts if one.last_time is not None), default=None),
    )


def summed(several: Iterable[Mapping[Key, int]]) -> dict[Key, int]:
    """Add up numbers by key; keys are sorted."""
    found: Counter[Key] = Counter()
    for one in several:
        found.update(one)
    return dict(sorted(found.items()))


def added(several: Sequence[Mapping[str, Sequence[int]]]) -> dict[str, tuple[int, ...]]:
    """Add up tuples of integers by name, those of one name place by place."""
    found: dict[str, tuple[int, ...]] = {}
    for name, numbers in (pair for one in several for pair in one.items()):
        before = found.get(name, (0,) * len(numbers))
        found[name] = tuple(map(sum, zip(before, numbers, strict=True)))
    return found


def numbers_of(stages: Stages, judging: Judging) -> dict[str, tuple[int, ...]]:
    """Return all that judging and stages count, by name: tuples of integers that add up."""
    found = {"left": tuple(stages.left[lost] for lost in Lost), **counts_of("judged", judging.noted())}
    found |= {name: tuple(counts.ravel().tolist()) for name, counts in arrays_of(stages).items()}
    found |= {f"policy {k} total": (weigher.total,) for k, weigher in enumerate(stages.weighers)}
    if stages.decisions is not None:
        found["decisions left out"] = (stages.decisions.left_out,)
    return found if stages.sources is None else found | counts_of("source", dict.fromkeys(stages.sources.met, 1))


def arrays_of(stages: Stages) -> dict[str, Ints]:
    """Name the arrays in which stages count."""
    found = {
        f"policy {k} {name}": getattr(one, name) for k, one in enumerate(stages.weighers) for name in ("rows", "plays")
    }
    if stages.decisions is not None:
        found |= {f"decisions {name}": getattr(stages.decisions, name) for name in ("met", "touched", "plays")}
    return found


def counts_of(what: str, counts: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """Name counts so that they stand beside others."""
    return {f"{what} {name}": (count,) for name, count in sorted(counts.items())}


def counts_in(what: str, numbers: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Return them by their own names again."""
    begin = f"{what} "
    return {name.removeprefix(begin): one[0] for name, one in numbers.items() if name.startswith(begin)}


def count_on(stages: Stages, judging: Judging, numbers: Mapping[str, Sequence[int]]) -> None:
    """Let stages that saw no play have counted what others did, and check what needs everybody.

    Raises:
        InputError: decisions about nobody, or sources that are ambiguous.

    """
    judging.note(counts_in("judged", numbers))
    if stages.sources is not None:
        stages.sources.met.update(counts_in("source", numbers))
    stages.left.update(dict(zip(Lost, numbers["left"], strict=True)))
    for name, counts in arrays_of(stages).items():
        np.add(counts, np.array(numbers[name], dtype=np.int64).reshape(counts.shape), out=counts)
    for k, weigher in enumerate(stages.weighers):
        weigher.add(numbers[f"policy {k} total"][0])
    if stages.decisions is not None:
        stages.decisions.left_out += numbers["decisions left out"][0]
    stages.finish()


@dataclass(frozen=True, slots=True)
class MonthOfParts:
    """A month made of parts, as `intake.Held`."""

    plan: Plan
    counts: Counts
    stages: tuple[Stages, ...]
    pools: Sequence[LocalPool]
    walks: Walks

    @property
    def engine(self) -> MonthOfParts:
        """What holds the pools."""
        return self

    def pool(self, code: int) -> LocalPool:
        """Return one pool."""
        return self.pools[code]

    def over_pools(self, visit: Callable[[int, LocalPool], T]) -> list[T]:
        """Call `visit` with each pool's code and the pool; return results by code."""
        return self.walks.over([partial(visit, code, pool) for code, pool in enumerate(self.pools)])


def merged(plan: Plan, part: MonthPart, variants: Sequence[Variant], walks: Walks) -> MonthOfParts:
    """Return the month that the parts of all users make.

    Raises:
        InputError: decisions are about nobody, or listeners without a subscription line are refused.

    """
    stages = tuple(stages_of(plan, part.columns, plan.counted or {}, variant) for variant in variants)
    for through, numbers in zip(stages, part.stages, strict=True):
        count_on(through, plan.judging, numbers)
    if plan.unlisted == "refuse":
        for one in part.pools:
            one.payers.refuse_unlisted()
    pools = [merged_pool(one, walks, code) for code, one in enumerate(part.pools)]
    return MonthOfParts(plan, part.counts, stages, pools, walks)
