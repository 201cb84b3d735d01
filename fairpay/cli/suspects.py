"""`fairpay suspects`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from fairpay.cli.asked import Asked, takes
from fairpay.cli.compare import in_full
from fairpay.cli.options import Logs, Money, Output, Qualifying, Reading, RuleChoice, Running, Talking, option
from fairpay.cli.progress import watching
from fairpay.cli.terminal import emit, show, tell

PANEL = "What is looked at"
PUBLISHED = {"done": "Written to {}", "already": "Already done, verified: {}"}


def list_signals(value: bool) -> None:  # noqa: FBT001 - called by Typer
    """Print what is looked at, and stop."""
    if value:
        from fairpay.fraud.signals import artist_signals, group_signals, user_signals  # noqa: PLC0415 - loaded where it is used

        for kind, signals in (
            ("accounts", user_signals()),
            ("groups", group_signals()),
            ("artists", artist_signals()),
        ):
            emit(f"{kind}\n")
            for signal in signals:
                emit(f"  {signal.name}: {signal.summary()}\n")
                emit(f"    may be innocent: {signal.innocent}\n    source: {signal.source}\n")
        raise typer.Exit


class Looking:
    """What is looked at, and what the month is compared with."""

    previous: Annotated[
        list[str] | None,
        option(
            "--previous",
            text="The log of the month before, to see which artists jumped.",
            panel=PANEL,
            metavar="LOG",
        ),
    ] = None
    signals: Annotated[
        bool,
        typer.Option(
            "--signals",
            help="List what is looked at, with sources and innocent explanations.",
            rich_help_panel=PANEL,
            is_eager=True,
            callback=list_signals,
        ),
    ] = False


@takes(Looking, Money, Qualifying, Reading, Output, Talking, Running)
def suspects(logs: Logs, rule: RuleChoice = None, *, asked: Asked) -> None:
    """Which accounts and artists to look at, and how much money each moves under each rule.

    Nothing is withheld: with -o DIR a review file is written, a person fills in what to do, and `fairpay compare` and
    `fairpay pay` take it with --decisions.
    """
    from fairpay import api  # noqa: PLC0415 - the engine is loaded where it is used
    from fairpay.cli.screens.suspects import screen  # noqa: PLC0415 - Rich is loaded where something is shown

    rules = in_full(rule or [])
    with watching(logs, asked) as watch:
        options = asked.recording(rule=rules)
        before = options.pop("previous") or None
        options.pop("signals")
        options["origins"] = {name: where for name, where in options["origins"].items() if name != "signals"}
        found = api.suspects(logs, rules=rules, previous=before, **options, **watch)
    if asked.json:
        emit(json.dumps(found.summary, indent=2) + "\n")
    elif not asked.silent:
        show(*screen(found))
    if asked.silent:
        return
    if found.published:
        tell(PUBLISHED[found.published].format(asked.values["output"]))
    elif found.found:
        tell("Nothing was written: -o DIR writes every finding, and a review file to fill in.")
