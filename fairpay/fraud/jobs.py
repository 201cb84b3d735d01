"""The jobs of the room: `audit`, `sweep` and `suspects`, as Python and the command line call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from fairpay.fraud.audit.audit import Audited, run_audit
from fairpay.fraud.audit.scenario import USUAL, find_scenario, scenario_files
from fairpay.fraud.detect.intake import ROLES
from fairpay.fraud.detect.run import outputs, search
from fairpay.fraud.series import Series, read_series, usual_series
from fairpay.fraud.sweep import Swept, run_sweep
from fairpay.logs.read import open_logs
from fairpay.pipeline.jobs import two_or_more, with_policy
from fairpay.pipeline.places import placed
from fairpay.pipeline.work import do, origins_of, watching
from fairpay.reports.outcome import InputFile
from fairpay.rules import find_rule, spelled
from fairpay.runs.inputs import log_inputs
from fairpay.settings.commands import complete
from fairpay.settings.speech import job

if TYPE_CHECKING:
    from fairpay.fraud.detect.run import Searched
    from fairpay.pipeline.request import Request
    from fairpay.settings import options as o
    from fairpay.settings.option import Logs

__all__ = ["audit", "suspects", "sweep"]


@job
def audit(logs: Logs, **options: Unpack[o.AuditOptions]) -> Audited:
    """Work out what fake accounts would earn on this log under each rule, and what each rule invites besides.

    `rules`: none is every rule that takes one walk. `scenarios`: names or TOML files; none is the usual two. Takes and
    raises what `compare` does.
    """
    full = complete("audit", options)
    rules, named = list(map(spelled, full["rules"])), tuple(full["scenarios"]) or USUAL
    played = [find_scenario(name) for name in named]
    files = [InputFile("scenario", name) for name in scenario_files(named)]

    there = placed("audit", logs, rules, full)

    def work(request: Request) -> Audited:
        outcome, found = run_audit(request, there.run, rules=rules, scenarios=played)
        origins = {**origins_of("audit", full, rule=rules, scenario=list(named)), **there.origins}
        return Audited("audit", outcome, (*there.inputs, *outcome.inputs, *files), origins, findings=found)

    return do("audit", there.logs, {**there.options, "others": rules}, work, inputs=lambda _: [*there.inputs, *files])


@job
def sweep(logs: Logs, **options: Unpack[o.SweepOptions]) -> Swept:
    """Work out what each value of a rule's parameter comes to, in one walk over the log.

    `rules`: each with a range or a list of values of one parameter (`user-cap:cap=100..3000`), or as it is. Takes and
    raises what `compare` does.
    """
    full = with_policy("sweep", options)
    asked = full["rules"] or usual_series(full["royalty_rate"])
    series = [read_series(text, steps=full["steps"]) for text in asked]
    first = Series((find_rule(full["against"]),))
    recorded = {"rule": [one.asked for one in series]}
    full = {**full, "against": spelled(full["against"])}
    rules = [rule.label for rule in dict.fromkeys(rule for one in (first, *series) for rule in one.rules)]
    there = placed("sweep", logs, rules, full)

    def work(request: Request) -> Swept:
        outcome, found = run_sweep(request, there.run, first=first, series=series)
        origins = {**origins_of("sweep", full, **recorded), **there.origins}
        return Swept("sweep", outcome, (*there.inputs, *outcome.inputs), origins, points=found)

    return do("sweep", there.logs, there.options, work, rules=rules, inputs=lambda _: there.inputs)


@job
def suspects(logs: Logs, **options: Unpack[o.SuspectsOptions]) -> Searched:
    """Find accounts and artists that a person may want to look at, with the money each moves under the rules.

    `previous` is the log of the month before. Takes and raises what `compare` does.
    """
    full = complete("suspects", options)
    rules, previous = two_or_more(full), full["previous"]
    origins = origins_of("suspects", full, rule=list(rules))
    origins["previous"] = (None if previous is None else "given", origins["previous"][1])

    def before(request: Request) -> list[InputFile]:
        if previous is None:
            return []
        return log_inputs(open_logs(previous, request.reading, wanted=()).files, request.reading, role="previous")

    def work(request: Request) -> Searched:
        return search(request, watching(full), previous=previous, origins=origins)

    return do("suspects", logs, full | {"roles": ROLES}, work, rules=rules, inputs=before, files=outputs)
