"""What some users add to a month, as numbers that add up: rows by fate, warnings, what policies met, and their pools.

A shard of a cluster, or a label that may not hand its listeners over, takes its own plays in as every run does and
hands on a part. Parts of disjoint users add up in any order, and what they come to is settled as a month is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fairpay.engine.partial import PoolPart, Walks, add_parts, merged_pool
from fairpay.engine.protocol import refuse_unlisted
from fairpay.errors import InputError, Problem
from fairpay.logs.schema import Cautions, Fate
from fairpay.pipeline.intake import stages_of
from fairpay.pipeline.stages import Lost
from fairpay.qualify.tally import Counts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairpay.engine.pool import LocalPool
    from fairpay.logs.schema import Warned
    from fairpay.pipeline.intake import Plan, Taken, Variant
    from fairpay.pipeline.stages import Stages
    from fairpay.settings.values import Qualifying

__all__ = ["MonthOfParts", "MonthPart", "add_counts", "add_up", "merged", "part_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthPart:
    """What some users add to a month; no user is in it."""

    columns: Mapping[str, str]
    """role -> column of the log."""
    counts: Counts
    warned: tuple[Warned, ...]
    stages: tuple[Mapping[str, Sequence[int]], ...]
    """What was counted on the way, for each variant: see `numbers_of`."""
    pools: tuple[PoolPart, ...]
    """One for each variant."""


def part_of(taken: Taken, cautions: Cautions) -> MonthPart:
    """Take what plays that were taken in add to a month."""
    return MonthPart(
        columns=taken.logs.columns,
        counts=taken.counts,
        warned=cautions.found(),
        stages=tuple(numbers_of(stages) for stages in taken.stages),
        pools=tuple(PoolPart.of(taken.engine.pool(variant)) for variant in range(len(taken.stages))),
    )


def add_up(parts: Sequence[MonthPart], qualifying: Qualifying) -> MonthPart:
    """Add parts of disjoint users.

    Raises:
        InputError: some have durations and others none, or a sum is above 2^62.

    """
    cautions = Cautions()
    for one in (one for part in parts for one in part.warned):
        cautions.add(one.code, one.count, one.examples, one.advice)
    return MonthPart(
        columns=parts[0].columns,
        counts=add_counts([part.counts for part in parts], qualifying),
        warned=cautions.found(),
        stages=tuple(
            {name: tuple(map(sum, zip(*(one[name] for one in same), strict=True))) for name in same[0]}
            for same in zip(*(part.stages for part in parts), strict=True)
        ),
        pools=tuple(add_parts(same) for same in zip(*(part.pools for part in parts), strict=True)),
    )


def add_counts(counts: Sequence[Counts], qualifying: Qualifying) -> Counts:
    """Add rows by fate.

    Raises:
        InputError: some rows have durations and others none.

    """
    timed = {one.ms is not None for one in counts if one.rows}
    if len(timed) > 1:
        message = "some parts have durations and others none, so that their listening cannot be added"
        raise InputError(message, advice="Take durations out everywhere, with --measure plays, or add them.")
    dropped: dict[Fate, int] = {}
    for fate, count in (pair for one in counts for pair in one.dropped.items()):
        dropped[fate] = dropped.get(fate, 0) + count
    problems: dict[str, Problem] = {}
    for one in (problem for each in counts for problem in each.problems):
        old = problems.get(one.reason)
        problems[one.reason] = one if old is None else replace(old, count=old.count + one.count)
    ms = [one.ms for one in counts if one.ms is not None]
    return Counts(
        rows=sum(one.rows for one in counts),
        used=sum(one.used for one in counts),
        dropped=dict(sorted(dropped.items())),
        bad=sum(one.bad for one in counts),
        problems=tuple(problems.values()),
        plays=sum(one.plays for one in counts),
        ms=sum(ms) if ms else None,
        measure=qualifying.measure or ("time" if ms else "plays"),
        first_time=min((one.first_time for one in counts if one.first_time is not None), default=None),
        last_time=max((one.last_time for one in counts if one.last_time is not None), default=None),
    )


def numbers_of(stages: Stages) -> dict[str, tuple[int, ...]]:
    """Return all that stages count, by name: tuples of integers that add up."""
    found = {"left": tuple(stages.left[lost] for lost in Lost)}
    for k, weigher in enumerate(stages.weighers):
        found |= {f"policy {k} rows": whole(weigher.rows), f"policy {k} plays": whole(weigher.plays)}
        found[f"policy {k} total"] = (weigher.total,)
    if (decisions := stages.decisions) is not None:
        found |= {f"decisions {name}": whole(getattr(decisions, name)) for name in ("met", "touched", "plays")}
        found["decisions left out"] = (decisions.left_out,)
    return found


def whole(values: np.ndarray) -> tuple[int, ...]:
    return tuple(values.ravel().tolist())


def count_on(stages: Stages, numbers: Mapping[str, Sequence[int]]) -> None:
    """Let stages that saw no play have counted what others did, and check what needs everybody.

    Raises:
        InputError: decisions about nobody.

    """
    stages.left.update(dict(zip(Lost, numbers["left"], strict=True)))
    for k, weigher in enumerate(stages.weighers):
        weigher.rows += np.array(numbers[f"policy {k} rows"], dtype=np.int64).reshape(weigher.rows.shape)
        weigher.plays += np.array(numbers[f"policy {k} plays"], dtype=np.int64).reshape(weigher.plays.shape)
        weigher.add(numbers[f"policy {k} total"][0])
    if (decisions := stages.decisions) is not None:
        for name in ("met", "touched", "plays"):
            getattr(decisions, name).__iadd__(numbers[f"decisions {name}"])
        decisions.left_out += numbers["decisions left out"][0]
    stages.finish()


@dataclass(frozen=True, slots=True)
class MergedPools:
    """The pools of a month made of parts."""

    pools: Sequence[LocalPool]

    def pool(self, code: int) -> LocalPool:
        """Return one pool."""
        return self.pools[code]


@dataclass(frozen=True, slots=True)
class MonthOfParts:
    """A month made of parts, as `intake.Held`."""

    plan: Plan
    counts: Counts
    engine: MergedPools
    stages: tuple[Stages, ...]


def merged(plan: Plan, part: MonthPart, variants: Sequence[Variant], walks: Walks) -> MonthOfParts:
    """Return the month that the parts of all users make.

    Raises:
        InputError: decisions are about nobody, or listeners without a subscription line are refused.

    """
    stages = tuple(stages_of(plan, part.columns, plan.counted or {}, variant) for variant in variants)
    for through, numbers in zip(stages, part.stages, strict=True):
        count_on(through, numbers)
    if plan.unlisted == "refuse":
        refuse_unlisted(part.pools[0].payers)
    pools = [merged_pool(one, walks, code) for code, one in enumerate(part.pools)]
    return MonthOfParts(plan, part.counts, MergedPools(pools), stages)
