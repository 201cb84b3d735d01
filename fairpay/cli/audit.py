"""`fairpay audit`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from fairpay.cli.asked import Asked, takes
from fairpay.cli.options import Logs, Money, Output, Qualifying, Reading, RuleChoice, Running, Talking, option
from fairpay.cli.progress import watching
from fairpay.cli.terminal import emit, show, tell

PANEL = "What is tried"
OWN = ("scenario", "scenarios", "show_scenario")
PUBLISHED = {"done": "Written to {}", "already": "Already done, verified: {}"}


def list_scenarios(value: bool) -> None:  # noqa: FBT001 - called by Typer
    """Print the scenarios that come with fairpay, and stop."""
    if value:
        from fairpay.fraud.audit.scenario import find_scenario, scenario_names  # noqa: PLC0415 - loaded where it is used

        names = scenario_names()
        width = max(map(len, names))
        emit("".join(f"{name:<{width}}  {find_scenario(name).title}\n" for name in names))
        raise typer.Exit


def show_scenario(value: str | None) -> None:
    """Print a scenario's TOML, and stop."""
    if value is not None:
        from fairpay.fraud.audit.scenario import scenario_text  # noqa: PLC0415 - loaded where it is used

        emit(scenario_text(value))
        raise typer.Exit


class Tried:
    """What is tried on the rules."""

    scenario: Annotated[
        list[str] | None,
        option(
            "--scenario",
            text="A way of faking listening: a name, or a TOML file. Else one-account and catalogue-flood.",
            panel=PANEL,
            metavar="NAME|FILE",
        ),
    ] = None
    scenarios: Annotated[
        bool,
        typer.Option(
            "--scenarios",
            help="List the scenarios that come with fairpay.",
            rich_help_panel=PANEL,
            is_eager=True,
            callback=list_scenarios,
        ),
    ] = False
    show_scenario: Annotated[
        str | None,
        typer.Option(
            "--show-scenario",
            help="Print one as TOML, to copy and change.",
            rich_help_panel=PANEL,
            metavar="NAME",
            is_eager=True,
            callback=show_scenario,
        ),
    ] = None


@takes(Tried, Money, Qualifying, Reading, Output, Talking, Running)
def audit(logs: Logs, rule: RuleChoice = None, *, asked: Asked) -> None:
    """What each rule invites: what fake accounts would earn on this log, who would pay for it, and from how many plays.

    Without --rule every rule that takes one walk is tried. State --royalty-rate: it is what keeps fakes from paying.
    """
    from fairpay import api  # noqa: PLC0415 - the engine is loaded where it is used
    from fairpay.cli.screens.audit import screen  # noqa: PLC0415 - Rich is loaded where something is shown

    with watching(logs, asked) as watch:
        found = api.audit(
            logs, rules=rule or [], scenarios=asked.values["scenario"] or [], **given(asked, rule), **watch
        )
    if asked.json:
        emit(json.dumps(found.summary, indent=2) + "\n")
    elif not asked.silent:
        show(*screen(found.outcome, found.findings))
    if found.published and not asked.silent:
        tell(PUBLISHED[found.published].format(asked.values["output"]))


def given(asked: Asked, rule: list[str] | None) -> dict[str, Any]:
    """Return the options as the Python door takes them, with their origins; the door knows the scenarios otherwise."""
    options = {name: value for name, value in asked.recording(rule=rule or []).items() if name not in OWN}
    options["origins"] = {name: where for name, where in options["origins"].items() if name not in OWN[1:]}
    return options
