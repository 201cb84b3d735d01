"""What stops a run nobody watches: more rows set aside, or more listeners unknown, than was said to be normal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.errors import GuardError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairpay.engine.protocol import Intake
    from fairpay.qualify import Counts
    from fairpay.rules.core.rule import Rule
    from fairpay.settings.values import MoneyStated, Reading

__all__ = ["guard_rejects", "guard_unlisted", "guard_withholding"]

WRONG = "Nothing was written. See whether the files are the right ones; if this is normal, allow more."


def guard_rejects(reading: Reading, counts: Counts) -> None:
    """Stop where more rows cannot be used than `max_rejects` allows.

    Raises:
        GuardError: with the reasons.

    """
    limit = reading.max_rejects
    if limit is not None and limit.broken(counts.bad, counts.rows):
        message = f"{counts.bad:,} of {counts.rows:,} rows cannot be used; --max-rejects {limit.text} allows fewer"
        raise GuardError(message, problems=counts.problems, advice=WRONG)


def guard_unlisted(money: MoneyStated, intake: Intake) -> None:
    """Stop where more listeners are not in the subscriber file than `max_unlisted` allows; no id is told.

    Raises:
        GuardError: with how many.

    """
    limit, everybody = money.max_unlisted, intake.users + (intake.unlisted if money.unlisted == "leave-out" else 0)
    if limit is not None and limit.broken(intake.unlisted, everybody):
        found = f"{intake.unlisted:,} of {everybody:,} listeners are not in the subscriber file"
        message = f"{found}; --max-unlisted {limit.text} allows fewer"
        raise GuardError(message, advice=WRONG)


def guard_withholding(rules: Iterable[Rule]) -> None:
    """Refuse rules of whose payouts no policy can withhold anything.

    Raises:
        UsageError: one cannot say what a play earns.

    """
    for rule in rules:
        if not rule.by_play:
            message = f"{rule.label} cannot say what a play earns, so that the policy can withhold nothing of it"
            raise UsageError(message, advice="Leave the rule out, or take [[withhold]] out of the policy.")
