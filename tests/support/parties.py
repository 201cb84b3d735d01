"""Parties that make a month of parts, round by round, as people would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fairpay
from fairpay.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["in_parts"]

MOST_ROUNDS = 12


def in_parts(logs: Sequence[Any], folder: Path, each: Sequence[dict[str, Any]] = (), **options: Any) -> tuple[Any, int]:  # noqa: ANN401 - options
    """Let every party add its log, as often as is asked; return the settled month and the number of rounds.

    `each` are options that differ from party to party. Sums are made in a tree that differs from round to round.
    """
    own = each or [{"party": str(k)} for k in range(len(logs))]
    after = None
    for number in range(1, MOST_ROUNDS):
        parts = []
        for k, (log, more) in enumerate(zip(logs, own, strict=True)):
            parts.append(folder / f"{number}-{k}.part")
            fairpay.shard(log, output=parts[-1], after=after, **options, **more)
        try:
            return fairpay.merge(parts[::-1]), number
        except InputError as error:
            if "does not say all" not in error.message:
                raise
        sum_of_some, after = folder / f"{number}-some.part", folder / f"{number}.part"
        some, rest = parts[number % len(parts)], [*parts[: number % len(parts)], *parts[number % len(parts) + 1 :]]
        if rest:
            fairpay.merge(rest, output=sum_of_some)
        fairpay.merge([some, *([sum_of_some] if rest else [])], output=after)
    message = "the rounds do not end"
    raise AssertionError(message)
