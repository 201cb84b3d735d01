"""What stops a run: more rows set aside, or more listeners unknown, than was said; tracks asked for in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairpay.errors import GuardError, InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairpay.adjust.policy import Policy
    from fairpay.engine.protocol import Intake
    from fairpay.qualify import Counts
    from fairpay.settings.values import MoneyStated, Reading

__all__ = ["guard_rejects", "guard_unlisted", "refuse_own_pool", "refuse_tracks"]

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


def refuse_tracks(columns: Mapping[str, Any], *, history: object, wishes: object, unlisted: str) -> None:
    """Refuse what does not go with rules that count by track; of statements, None is none.

    Raises:
        InputError: the log has no tracks.
        UsageError: listening is divided anew, or left out by who listened.

    """
    if not columns.get("track"):
        message = "a rule counts by track, and the log has no column for it"
        raise InputError(message, advice="Name it with --columns track=NAME, or leave per=track out.")
    reasons = {
        "--history": (history, "what is divided anew is of artists"),
        "--wishes": (wishes, "what is divided anew is of artists"),
        "--unlisted leave-out": (unlisted == "leave-out" or None, "tracks are counted without their listeners"),
    }
    for flag, (stated, why) in reasons.items():
        if stated is not None:
            message = f"{flag} does not go with a rule that counts by track: {why}"
            raise UsageError(message, advice="Leave one of them out.")


def refuse_own_pool(policy: Policy | None) -> None:
    """Refuse, where no machine sees every subscriber, a policy that works the pool out from what each pays.

    Raises:
        UsageError: it is one.

    """
    if policy is not None and policy.has_pool:
        message = "the policy has a pool of its own, which needs what every subscriber pays"
        raise UsageError(message, advice="Run it over all rows, on this machine.")
