"""Penalties: what excluded plays would have earned, and what of that their payees are charged.

The same plays are held once more with the excluded ones in, marked; the pool, as it is before any penalty, is divided
among artists, and each artist's amount among its plays by what the rule weighs of them. What the marked ones bring is
what they would have earned. Whole minor units throughout: the amount is that of a largest remainder, and the charge is
rounded to the nearest, a half to the even one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.adjust.decisions import PENALTY
from fairpay.adjust.factors import unmarked
from fairpay.errors import UsageError
from fairpay.money.integers import sum_exactly
from fairpay.money.rounding import largest_remainder
from fairpay.pipeline.division import settled, weigh
from fairpay.pipeline.sources import ByArtist, seen_as
from fairpay.reports.outcome import Charged, Charges

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from fairpay.adjust.decisions import Decision, Penalties
    from fairpay.engine.pool import LocalPool
    from fairpay.kernels.arrays import Ints
    from fairpay.pipeline.intake import Statements
    from fairpay.reports.outcome import Outcome
    from fairpay.rules.core.rule import Rule

__all__ = ["charges", "charging", "seen_unmarked"]


def charging(penalties: Penalties, decisions: Sequence[Decision] | None, statements: Statements) -> bool:
    """Whether anything may be charged.

    Raises:
        UsageError: a penalty is stated without decisions, or where listeners state what is divided anew.

    """
    found = penalties.charging(decisions)
    if found and (statements.history or statements.wishes):
        message = "penalties do not go with --history and --wishes, which divide listening anew"
        raise UsageError(message, advice="Leave out one or the other.")
    return found


def seen_unmarked(pool: LocalPool | ByArtist) -> ByArtist:
    """Look at a pool whose excluded plays are marked as if they were not."""
    return seen_as(pool, unmarked(pool.artist, PENALTY))


def charges(held: LocalPool, known: Mapping[str, Any], outcome: Outcome, *, to: str) -> Charges:
    """Charge excluded plays under every rule of a run.

    Args:
        held: the pool with the excluded plays in, marked.
        known: what `LocalPool.month` takes.
        outcome: the run without them.
        to: who gets what is charged.

    """
    rules = [payout.rule for payout in outcome.payouts]
    places = np.flatnonzero(pc.match_substring(held.artist, PENALTY).to_numpy(zero_copy_only=False))
    named = [text.partition(PENALTY) for text in held.artist.take(pa.array(places)).to_pylist()]
    earned = [own[places].tolist() for own in among_plays(seen_unmarked(held), rules, known)]
    lines = tuple(
        Charged.of(artist, share, found)
        for (artist, _, share), *found in zip(named, *earned, strict=True)
        if any(found)
    )
    whole = [sum(line.charged[k] for line in lines) for k in range(len(rules))]
    paid = [payout.allocation.paid for payout in outcome.payouts]
    shared = [largest_remainder(each, total if to == "pool" else 0) for each, total in zip(paid, whole, strict=True)]
    return Charges(to, lines, tuple(shared))


def among_plays(seen: ByArtist, rules: Sequence[Rule], known: Mapping[str, Any]) -> list[Ints]:
    """Divide a pool among artists, and what each is paid among its sources: int64[sources] for each rule."""
    month = seen.month(**known)
    prepared = {rule: rule.prepare(month) for rule in rules}
    allocations, _ = settled(month, rules, prepared, weigh(month, prepared))
    found = []
    for rule, one in zip(rules, allocations, strict=True):
        found.append(seen.divide(one.paid, seen.shares(rule, prepared[rule], **known)))
        assert sum_exactly(found[-1]) == one.pool
    return found
