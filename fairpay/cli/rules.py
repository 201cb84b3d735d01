"""`fairpay rules`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from fairpay.cli.terminal import emit, show


def rules(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A rule to explain; it may carry parameters: bounded:b=1.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a page.")] = False,
) -> None:
    """List the payout rules with what each promises, or explain one: formula, worked example, source, promises.

    The name of a policy (spotify-2024) prints its file, to be copied, changed and given with --policy.
    """
    from fairpay.adjust.policy import policy_names, policy_text  # noqa: PLC0415 - the same
    from fairpay.cli.screens.rules import described, one_rule, table  # noqa: PLC0415 - Rich is loaded where it is used
    from fairpay.rules import find_rule, rule_classes  # noqa: PLC0415 - NumPy is loaded where it is used

    if name in policy_names():
        text = policy_text(name)
        emit(json.dumps({"schema_version": 1, "policy": name, "text": text}, indent=2) + "\n" if as_json else text)
        return
    chosen = [found() for found in rule_classes().values()] if name is None else [find_rule(name)]
    if as_json:
        found = [described(rule) for rule in chosen]
        emit(json.dumps({"schema_version": 1, "rules": found}, indent=2) + "\n")
    else:
        show(*(table(chosen) if name is None else one_rule(chosen[0])))
