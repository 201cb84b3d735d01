"""The Python door: the same jobs as the command line, on files or frames, with results as objects.

import fairpay
result = fairpay.compare("listens.parquet", fee="9.99", royalty_rate="70%")
result.table            # a Polars frame
result.save("out")      # the same files as `fairpay compare ... -o out`
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

from fairpay.errors import InputError, UsageError
from fairpay.pipeline.jobs import origins_of, policy_rule, prepare_output, publish, request, watching, with_policy
from fairpay.reports.outcome import InputFile
from fairpay.settings import options as given

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl
    import pyarrow as pa

    from fairpay.errors import FairpayError
    from fairpay.fraud.audit.audit import Audited
    from fairpay.fraud.detect.run import Searched
    from fairpay.logs.doctor import FileFound
    from fairpay.logs.schema import Warned
    from fairpay.pipeline.request import Inspection
    from fairpay.reports.outcome import Control, Listening, Outcome
    from fairpay.settings.options import Options
    from fairpay.settings.values import Reading

__all__ = ["Result", "audit", "check", "compare", "pay", "suspects", "verify"]

DEFAULT_RULES = ("market-centric", "user-centric")


@dataclass(frozen=True, slots=True)
class Result:
    """What a run worked out."""

    command: Literal["compare", "pay"]
    """Which job it was."""
    outcome: Outcome
    """Everything, in integers."""
    inputs: tuple[InputFile, ...]
    """The files read, in order, each with what it was read as; no logs for frames."""
    origins: Mapping[str, tuple[Any, str]]
    """Every option with its value and where it came from."""
    published: str = ""
    """`done` or `already` where the run was written to a directory."""

    def __repr__(self) -> str:
        """Say in one line what it is."""
        money, listening = self.outcome.money, self.outcome.listening
        rules = ", ".join(payout.rule.label for payout in self.outcome.payouts)
        pool = f"{self.outcome.currency.text(money.pool)} {self.outcome.currency.code}"
        return f"<{self.command} of {pool} under {rules}: {listening.artists:,} artists, {listening.users:,} users>"

    @property
    def arrow(self) -> pa.Table:
        """The comparison or the payouts as an Arrow table; amounts are exact decimals."""
        from fairpay.reports.comparison import comparison  # noqa: PLC0415 - PyArrow is loaded where it is used
        from fairpay.reports.payouts import payouts  # noqa: PLC0415 - the same

        return comparison(self.outcome) if self.command == "compare" else payouts(self.outcome)

    @property
    def table(self) -> pl.DataFrame:
        """The same as a Polars frame."""
        import polars as pl  # noqa: PLC0415 - Polars is loaded where it is used

        return pl.DataFrame(self.arrow)

    @property
    def summary(self) -> dict[str, Any]:
        """What `summary.json` holds."""
        from fairpay.reports.summary import summary  # noqa: PLC0415 - loaded where it is used

        return summary(self.outcome)

    def save(self, directory: str | Path, *, force: bool = False) -> str:
        """Publish the run to a directory, whole or not at all; return `done`, or `already` for the same run again.

        Raises:
            OutputError: it cannot be written; nothing is left behind.
            LockedError: another run is writing there.
            DifferentRunError: another finished run is there and `force` is not given.

        """
        from fairpay.runs.inputs import HashedInputs  # noqa: PLC0415 - loaded where it is used
        from fairpay.runs.publish import Target  # noqa: PLC0415 - the same

        with Target(Path(directory), force=force) as target:
            return publish(self, target, HashedInputs.begin(self.inputs))


@dataclass(frozen=True, slots=True)
class Checked:
    """What `check` found: each file, how the log is read, what becomes of its rows, and what a run would do."""

    files: tuple[FileFound, ...]
    """Every file by itself; none for tables in memory."""
    inspection: Inspection | None
    """None where the log as a whole cannot be read."""
    listening: Listening | None
    """The same."""
    warnings: tuple[Warned, ...] = ()
    refused: FairpayError | None = None
    """What a run would stop with; None where it would go through."""


def compare(logs: object, *, rules: Sequence[str] = (), **options: Unpack[Options]) -> Result:
    """Work out what each artist gets under two or more rules, who gains, who loses and why.

    Args:
        logs: paths (file, glob, directory), a Polars frame, or anything that exports Arrow (pandas, PyArrow, DuckDB).
        rules: rules as on the command line; differences are against the first. None: market-centric, user-centric, and
            the policy's rule where there is a policy.
        **options: see `fairpay.settings.options.Options`.

    Raises:
        FairpayError: every error a user can meet, each with its exit status.

    """
    chosen = tuple(rules) or tuple(dict.fromkeys((*DEFAULT_RULES, *policy_rule(options))))
    if len(set(chosen)) < len(DEFAULT_RULES):
        message = "compare needs two or more different rules"
        raise UsageError(message, advice="Add --rule, or use `fairpay pay` for one.")
    return job("compare", logs, chosen, options)


def pay(logs: object, *, rule: str | None = None, **options: Unpack[Options]) -> Result:
    """Work out what each artist is paid under one rule; None: the policy's. Money must be stated.

    Takes and raises what `compare` does.
    """
    chosen = (rule,) if rule is not None else policy_rule(options)
    if not chosen:
        message = "no rule given"
        raise UsageError(message, advice="Give one --rule NAME; `fairpay rules` lists them.")
    return job("pay", logs, chosen, options)


def audit(
    logs: object, *, rules: Sequence[str] = (), scenarios: Sequence[str] = (), **options: Unpack[Options]
) -> Audited:
    """Work out what fake accounts would earn on this log under each rule, and what each rule invites besides.

    `rules`: none is every rule that takes one walk. `scenarios`: names or TOML files; none is the usual two. Takes and
    raises what `compare` does.
    """
    from fairpay.fraud.audit.audit import Audited, run_audit  # noqa: PLC0415 - loaded where it is used
    from fairpay.fraud.audit.scenario import USUAL, find_scenario, scenario_files  # noqa: PLC0415 - the same

    full = given.complete(options)
    asked, named = request("audit", logs, (), full), tuple(scenarios) or USUAL
    played = [find_scenario(name) for name in named]
    files = [InputFile("scenario", name) for name in scenario_files(named)]
    where = "python" if scenarios else "default"
    recorded = origins_of("audit", rules, full)
    origins = {**recorded, "scenario": (list(named), recorded.get("scenario", (None, where))[1])}
    with ExitStack() as stack:
        ready = None if full["output"] is None else prepare_output(stack, asked, full, more=files)
        outcome, found = run_audit(asked, watching(full), rules=rules, scenarios=played)
        result = Audited(outcome, found, (*outcome.inputs, *files), origins)
        return result if ready is None else replace(result, published=publish(result, *ready))


def suspects(
    logs: object, *, rules: Sequence[str] = DEFAULT_RULES, previous: object = None, **options: Unpack[Options]
) -> Searched:
    """Find accounts and artists that a person may want to look at, with the money each moves under the rules.

    `previous` is the log of the month before. Takes and raises what `compare` does.
    """
    from fairpay.fraud.detect.intake import ROLES  # noqa: PLC0415 - the same
    from fairpay.fraud.detect.run import outputs, search  # noqa: PLC0415 - the engine is loaded where it is used

    full = given.complete(options)
    asked = replace(request("suspects", logs, rules, full), roles=ROLES)
    recorded = origins_of("suspects", rules, full)
    where = recorded.get("previous", (None, "default" if previous is None else "python"))[1]
    origins = {**recorded, "previous": (None if previous is None else "given", where)}
    with ExitStack() as stack:
        ready = None
        if full["output"] is not None:
            ready = prepare_output(stack, asked, full, more=previous_files(previous, asked.reading))
        found = search(asked, watching(full), previous=previous, origins=origins)
        return found if ready is None else replace(found, published=publish(found, *ready, more=outputs(found)))


def previous_files(previous: object, reading: Reading) -> list[InputFile]:
    """Return the files of the month before, for the manifest."""
    from fairpay.logs.read import open_logs  # noqa: PLC0415 - the same
    from fairpay.runs.inputs import log_inputs  # noqa: PLC0415 - loaded where it is used

    if previous is None:
        return []
    return log_inputs(open_logs(previous, reading, wanted=()).files, reading, role="previous")


def check(logs: object, **options: Unpack[Options]) -> Checked:
    """Look at a log without paying anybody: its files one by one, its columns, rows by fate, ranges, warnings.

    Raises:
        FairpayError: there is no such log; what would stop a run is found and not raised.

    """
    from fairpay.logs.doctor import examine  # noqa: PLC0415 - loaded where it is used
    from fairpay.logs.read import as_paths  # noqa: PLC0415 - the same
    from fairpay.pipeline.run import inspect, refusal  # noqa: PLC0415 - the engine is loaded where it is used

    full = given.complete(options)
    asked = request("check", logs, (), full)
    paths = as_paths(logs)
    files = () if paths is None else tuple(examine(paths, asked.reading))
    try:
        inspection, listening = inspect(asked, watching(full))
    except InputError as refused:
        if all(file.problem for file in files):
            raise
        return Checked(files, None, None, refused=refused)
    warnings = inspection.cautions.found()
    return Checked(files, inspection, listening, warnings, refusal(asked, inspection, warnings))


def verify(directory: str | Path, *, inputs: bool = True) -> list[Control]:
    """Check a published run from its files alone; every control comes back with its numbers.

    Raises:
        InputError: when there is no manifest.

    """
    from fairpay.runs.verify import verify as verify_run  # noqa: PLC0415 - loaded where it is used

    return verify_run(Path(directory), inputs=inputs)


def job(command: Literal["compare", "pay"], logs: object, rules: Sequence[str], options: Options) -> Result:
    """Run one job; where an output directory is given, lock it first and publish last."""
    from fairpay.pipeline.run import run  # noqa: PLC0415 - the engine is loaded where it is used

    full = with_policy(options)
    asked = request(command, logs, rules, full)
    with ExitStack() as stack:
        ready = None
        if full["output"] is not None:
            ready = prepare_output(stack, asked, full)
        outcome = run(asked, watching(full))
        result = Result(command, outcome, outcome.inputs, origins_of(command, rules, full))
        if ready is None:
            return result
        return replace(result, published=publish(result, *ready))
