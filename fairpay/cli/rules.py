"""`fairpay rules`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fairpay.adjust.policy import policy_names, policy_text
from fairpay.cli.outcomes import present_data
from fairpay.cli.screens.rules import described, one_rule, reasons_for, table
from fairpay.cli.terminal import emit
from fairpay.errors import UsageError
from fairpay.rules import find_rule, promise_named, rule_classes

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]


def run(call: Invocation) -> None:
    """Show all rules, one rule, a promise, or the file of a policy.

    Raises:
        UsageError: a rule and a promise are asked for at once, or there is none of that name.

    """
    name, why = call.arguments["name"], call.values["why"]
    if why is not None and name is not None:
        message = f"--why {why} explains a promise, and {name} is a rule"
        raise UsageError(message, advice=f"Leave {name} out; `fairpay rules {name}` says what it keeps and breaks.")
    if why is not None:
        every, promise = [found() for found in rule_classes().values()], promise_named(why)
        kept = [rule.name for rule in every if promise in rule.keeps()]
        data = {"schema_version": 1, "promise": promise.value, "statement": promise.statement, "kept_by": kept}
        present_data(call, lambda: data, lambda: reasons_for(promise, every))
        return
    if name in policy_names():
        text = policy_text(name)
        data = {"schema_version": 1, "policy": name, "text": text}
        emit(json.dumps(data, indent=2) + "\n" if call.json else text)
        return
    chosen = [found() for found in rule_classes().values()] if name is None else [find_rule(name)]
    present_data(
        call,
        lambda: {"schema_version": 1, "rules": [described(rule) for rule in chosen]},
        lambda: table(chosen) if name is None else one_rule(chosen[0]),
    )
