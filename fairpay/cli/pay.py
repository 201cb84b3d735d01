"""`fairpay pay`."""

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
from fairpay.errors import UsageError


@takes(Money, Qualifying, Conditions, Deciding, Reading, Output, Talking, Running)
def pay(logs: Logs, rule: RuleChoice = None, *, asked: Asked) -> None:
    """What each artist is paid under one rule: one payable report. The money must be stated."""
    from fairpay import api  # noqa: PLC0415 - the engine is loaded where it is used
    from fairpay.cli.screens.pay import screen  # noqa: PLC0415 - Rich is loaded where something is shown

    if rule is None and asked.values["policy"] is not None:
        from fairpay.adjust.policy import find_policy  # noqa: PLC0415 - only where there is one

        rule = [find_policy(asked.values["policy"]).rule]
    if rule is None or len(rule) != 1:
        message = "no rule given" if not rule else f"{len(rule)} rules given"
        raise UsageError(message, advice="Give one --rule NAME; `fairpay rules` lists them.")
    with watching(logs, asked) as watch:
        result = api.pay(logs, rule=rule[0], **asked.recording(rule=rule), **watch)
    present(result, asked, screen=lambda: screen(result.outcome))
