"""`fairpay audit`."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present, view_of
from fairpay.cli.progress import watching
from fairpay.cli.screens.audit import screen
from fairpay.fraud.audit.scenario import find_scenario, scenario_names, scenario_text
from fairpay.fraud.jobs import audit

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["list_scenarios", "run", "show_scenario"]


def list_scenarios(_: bool) -> str:  # noqa: FBT001 - the option's value
    """List the scenarios that come with fairpay."""
    names = scenario_names()
    width = max(map(len, names)) + 2
    told = (textwrap.fill(f"{name:<{width}}{find_scenario(name).title}", 80, subsequent_indent=" " * width)
            for name in names)  # fmt: skip
    return "".join(f"{lines}\n" for lines in told)


def show_scenario(name: str) -> str:
    """Return a scenario's TOML."""
    return scenario_text(name)


def run(call: Invocation) -> None:
    """Audit rules, and show what they invite."""
    with watching(call) as watch:
        found = audit(call.logs, **call.options, **watch)
    present(call, found, lambda: screen(found.outcome, found.findings, view_of(call, found)))
