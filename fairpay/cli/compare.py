"""`fairpay compare`."""

from __future__ import annotations

from fairpay.cli.asked import Asked, takes
from fairpay.cli.options import (
    Conditions,
    Deciding,
    Logs,
    Money,
    Output,
    Qualifying,
    Reading,
    RuleChoice,
    Running,
    Talking,
)
from fairpay.cli.outcomes import present
from fairpay.cli.progress import watching

USUAL = ("market-centric", "user-centric")


@takes(Money, Qualifying, Conditions, Deciding, Reading, Output, Talking, Running)
def compare(logs: Logs, rule: RuleChoice = None, *, asked: Asked) -> None:
    """What each artist gets under two or more rules: who gains, who loses, and why.

    Differences are against the first rule. Without --rule: market-centric and user-centric; with one, that rule
    against market-centric; with a policy, its rule too. Without --pool, --fee or --subscribers a fee of 10.00 is
    assumed, and said.
    """
    from fairpay import api  # noqa: PLC0415 - the engine is loaded where it is used
    from fairpay.cli.screens.compare import screen  # noqa: PLC0415 - Rich is loaded where something is shown

    rules = in_full(rule or [], asked.values["policy"])
    with watching(logs, asked) as watch:
        result = api.compare(logs, rules=rules, **asked.recording(rule=rules), **watch)
    present(result, asked, screen=lambda: screen(result.outcome, equal_fees=asked.values["subscribers"] is None))


def in_full(rules: list[str], policy: str | None = None) -> list[str]:
    """Add the usual rules to fewer than two: `--rule bounded` is compared with market-centric."""
    if len(rules) > 1:
        return rules
    if policy is not None and not rules:
        from fairpay.adjust.policy import find_policy  # noqa: PLC0415 - only where there is one

        return list(dict.fromkeys((*USUAL, find_policy(policy).rule)))
    return [USUAL[0], *(rule for rule in rules if rule != USUAL[0])] if rules and rules != [USUAL[0]] else [*USUAL]
