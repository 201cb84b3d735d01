"""`fairpay suspects`."""

from __future__ import annotations

import json
from typing import Annotated

from fairpay.cli.asked import Asked, takes
from fairpay.cli.compare import in_full
from fairpay.cli.options import Logs, Money, Output, Qualifying, Reading, RuleChoice, Running, Talking, option
from fairpay.cli.progress import watching
from fairpay.cli.terminal import emit, show, tell

PUBLISHED = {"done": "Written to {}", "already": "Already done, verified: {}"}


class Before:
    """What the month is compared with."""

    previous: Annotated[
        list[str] | None,
        option(
            "--previous",
            text="The log of the month before, to see which artists jumped.",
            panel="What is looked at",
            metavar="LOG",
        ),
    ] = None


@takes(Before, Money, Qualifying, Reading, Output, Talking, Running)
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
