"""Opening: the logs of a run and every other file it reads, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.adjust.policy import find_policy, policy_file
from fairpay.adjust.weights import wanted_roles
from fairpay.logs.schema import Cautions
from fairpay.pipeline.repeats import open_once
from fairpay.pipeline.request import Opened
from fairpay.pipeline.warn import warn_of_logs
from fairpay.reports.outcome import InputFile
from fairpay.runs.inputs import log_inputs
from fairpay.runs.rejects import check_rejects

if TYPE_CHECKING:
    from pathlib import Path

    from fairpay.logs.read import Logs
    from fairpay.pipeline.request import Request, Watch

__all__ = ["ROLES", "begin", "input_files", "open_month"]

ROLES = ("user", "artist", "plays", "seconds", "ms")
"""The columns that money needs."""


def open_month(request: Request) -> Opened:
    """Open the logs of a run, once, with every column that it reads.

    Raises:
        InputError: they cannot be used.

    """
    if "logs" not in request.held:
        period = (request.qualifying.since, request.qualifying.until)
        timed = () if period == (None, None) else ("time",)
        policy = request.conditions.policy
        weighed = () if policy is None else wanted_roles(find_policy(policy))
        cautions, said = Cautions(), list[str]()
        logs = open_once(
            request.logs,
            request.reading,
            wanted=tuple(dict.fromkeys((*ROLES, *timed, *request.roles, *weighed))),
            period=period,
            cautions=cautions,
            say=said.append,
        )
        warn_of_logs(logs, cautions)
        request.held["logs"] = Opened(logs, cautions, (*said, found_columns(logs), *logs.notes))
    return request.held["logs"]


def begin(opened: Opened, request: Request, watch: Watch) -> None:
    """Say how the logs are read, and see that rejects overwrite no input."""
    if request.reading.rejects is not None:
        check_rejects(request.reading.rejects, [one.path for one in input_files(request)])
    for sentence in opened.said:
        watch.say(sentence)


def input_files(request: Request) -> list[InputFile]:
    """Return every file a run reads, with what it is read as."""
    asked = request.conditions
    given: dict[str, str | Path | None] = {
        "subscribers": request.money.subscribers,
        "artists": request.artists,
        "decisions": request.decisions,
        "policy": None,
        "history": asked.history,
        "wishes": asked.wishes,
        "delegations": asked.delegations,
    }
    if asked.policy is not None:
        given["policy"] = policy_file(asked.policy)
    tables = [InputFile(role, str(path)) for role, path in given.items() if path not in {None, *request.in_memory}]
    return [*log_inputs(open_month(request).logs.files, request.reading), *tables]


def found_columns(logs: Logs) -> str:
    """Say which column was taken for what."""
    pairs = ", ".join(f"{role} = {column}" for role, column in logs.columns.items() if column)
    return f"Columns: {pairs}" + (" (detected)" if logs.detected else "")
