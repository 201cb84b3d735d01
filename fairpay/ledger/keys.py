"""Keys: which pool a play or a subscriber belongs to; the pool that says most about it wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.errors import InputError, UsageError
from fairpay.ledger.pools import KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.ledger.pools import Pool

__all__ = ["ROLE_OF", "find_pool", "key_columns"]

ROLE_OF = {"territory": "country", "offering": "plan", "currency": "currency"}
"""key column of the pool file -> role of the log's column."""


def key_columns(pools: Sequence[Pool], asked: Sequence[str]) -> tuple[str, ...]:
    """Return the key columns that decide, in the order of `KEYS`.

    Args:
        pools: the pool file.
        asked: `--pool-by`: names of keys or roles (`country,plan`); empty: every key two pools tell apart.

    Raises:
        UsageError: a name that is no key.
        InputError: the keys asked for do not tell two pools apart.

    """
    key_of = {role: key for key, role in ROLE_OF.items()}
    unknown = [name for name in asked if name not in KEYS and name not in key_of]
    if unknown:
        message = f"pools cannot be told apart by {', '.join(unknown)}"
        raise UsageError(message, advice="Use any of: country (territory), plan (offering), currency.")
    chosen = {key_of.get(name, name) for name in asked}
    if not asked:
        chosen = {key for key in KEYS if any(key in pool.key for pool in pools)}
        if chosen > {"currency"} and told_apart(pools, chosen - {"currency"}):
            chosen -= {"currency"}
    if not told_apart(pools, chosen):
        message = f"{', '.join(sorted(chosen)) or 'nothing'} does not tell the pools apart"
        raise InputError(
            message, advice="Give each pool its own territory, offering or currency, or more to --pool-by."
        )
    return tuple(key for key in KEYS if key in chosen)


def told_apart(pools: Sequence[Pool], chosen: set[str]) -> bool:
    """Whether no two pools have the same values in these columns."""
    return len({tuple(pool.key.get(key) for key in sorted(chosen)) for pool in pools}) == len(pools)


def find_pool(pools: Sequence[Pool], columns: Sequence[str], values: Sequence[str]) -> int | None:
    """Return the index of the pool of these key values; None where there is none.

    A pool matches where each of its keys has the value. Of several, the one with the most keys is meant.

    Raises:
        InputError: two pools match equally well.

    """
    given = dict(zip(columns, values, strict=True))
    matching = [
        (sum(key in pool.key for key in columns), index)
        for index, pool in enumerate(pools)
        if all(pool.key.get(key, given[key]) == given[key] for key in columns)
    ]
    if not matching:
        return None
    most = max(count for count, _ in matching)
    best = [index for count, index in matching if count == most]
    if len(best) > 1:
        names = " and ".join(pools[index].name for index in best)
        message = f"{'/'.join(values)} belongs to {names} alike"
        raise InputError(message, advice="Add a pool for exactly this key, or fill the empty keys of one of them.")
    return best[0]
