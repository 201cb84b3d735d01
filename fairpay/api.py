"""The Python functions: the same jobs as the command line, on files or frames, with results as objects.

import fairpay
result = fairpay.compare("listens.parquet", fee="9.99", royalty_rate="70%")
result.table            # a Polars frame
result.save("out")      # the same files as `fairpay compare ... -o out`
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, Unpack

import polars as pl

from fairpay.errors import FairpayError, InputError, OutputError, UsageError
from fairpay.reports.outcome import InputFile
from fairpay.reports.shown import Shown
from fairpay.settings.commands import complete
from fairpay.settings.option import is_table
from fairpay.settings.speech import FLAGS, in_python, speak_python

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from fairpay.fraud.audit.audit import Audited
    from fairpay.fraud.detect.run import Searched
    from fairpay.ledger.adjust import Adjusted
    from fairpay.ledger.close import Closed
    from fairpay.ledger.diff import Difference
    from fairpay.logs.doctor import FileFound
    from fairpay.logs.schema import Warned
    from fairpay.pipeline.request import Inspection, Request
    from fairpay.reports.outcome import Control, ListeningTotals, Outcome
    from fairpay.settings import options as o
    from fairpay.settings.option import Logs
    from fairpay.synth.make import Written

__all__ = [
    "Checked",
    "Result",
    "adjust",
    "audit",
    "check",
    "close",
    "compare",
    "diff",
    "init",
    "pay",
    "suspects",
    "synth",
    "verify",
]

P = ParamSpec("P")
R = TypeVar("R")


def python(job: Callable[P, R]) -> Callable[P, R]:
    """Let a job speak Python, unless the command line speaks."""

    @functools.wraps(job)
    def called(*arguments: P.args, **options: P.kwargs) -> R:
        if FLAGS.get():
            return job(*arguments, **options)
        say: Any = options.get("say")
        if callable(say):
            options["say"] = lambda sentence: say(in_python(sentence))
        try:
            return job(*arguments, **options)
        except FairpayError as problem:
            speak_python(problem)
            raise

    return called


@dataclass(frozen=True, slots=True, repr=False)
class Result(Shown):
    """What a run worked out."""

    command: Literal["compare", "pay"]
    """Which job it was."""
    outcome: Outcome
    """Everything, in integers."""
    inputs: tuple[InputFile, ...]
    """The files read, in order, each with what it was read as; none for frames."""
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
        from fairpay.reports.comparison import comparison  # noqa: PLC0415 - NumPy is loaded where it is used
        from fairpay.reports.payouts import payouts  # noqa: PLC0415 - the same

        return comparison(self.outcome) if self.command == "compare" else payouts(self.outcome)

    @property
    def summary(self) -> dict[str, Any]:
        """What `summary.json` holds."""
        from fairpay.reports.summary import summary  # noqa: PLC0415 - the same

        return summary(self.outcome)

    @python
    def save(self, directory: str | Path, *, force: bool = False) -> str:
        """Publish the run to a directory, whole or not at all; return `done`, or `already` for the same run again.

        Raises:
            OutputError: it cannot be written; nothing is left behind.
            LockedError: another run is writing there.
            DifferentRunError: another finished run is there and `force` is not given.

        """
        from fairpay.pipeline import jobs  # noqa: PLC0415 - the same
        from fairpay.runs.inputs import HashedInputs  # noqa: PLC0415 - the same
        from fairpay.runs.publish import Target  # noqa: PLC0415 - the same

        with Target(Path(directory), force=force) as target:
            return jobs.publish(self, target, HashedInputs.begin(self.inputs))


@dataclass(frozen=True, slots=True, repr=False)
class Checked(Shown):
    """What `check` found: each file, how the log is read, what becomes of its rows, and what a run would do."""

    files: tuple[FileFound, ...]
    """Every file by itself; none for tables in memory."""
    inspection: Inspection | None
    """None where the log as a whole cannot be read."""
    listening: ListeningTotals | None
    """The same."""
    warnings: tuple[Warned, ...] = ()
    refused: FairpayError | None = None
    """What a run would stop with; None where it would go through."""

    def __repr__(self) -> str:
        """Say in one line what it is."""
        rows = "" if self.listening is None else f" {self.listening.used:,} of {self.listening.rows:,} rows count,"
        ends = "a run would go through" if self.refused is None else f"a run would stop: {self.refused}"
        return f"<check of {len(self.files)} files:{rows} {len(self.warnings)} warnings, {ends}>"

    @property
    def table(self) -> pl.DataFrame:
        """The columns of the log by what they were taken for."""
        found = {} if self.inspection is None else self.inspection.columns
        return pl.DataFrame(
            {"role": [*found], "column": [*found.values()]}, schema={"role": pl.String, "column": pl.String}
        )


@python
def compare(logs: Logs, **options: Unpack[o.CompareOptions]) -> Result:
    """Work out what each artist gets under two or more rules, who gains, who loses and why.

    Args:
        logs: paths (file, glob, directory), a Polars frame, or anything that exports Arrow (pandas, PyArrow, DuckDB).
        **options: see `fairpay.settings.options`; `fairpay compare --help` explains them. Differences are against the
            first of `rules`. Files of listeners, artists and decisions may be frames too.

    Raises:
        FairpayError: every error a user can meet, see `fairpay.errors`.

    """
    from fairpay.pipeline import jobs  # noqa: PLC0415 - the engine is loaded where it is used

    full = jobs.with_policy("compare", options)
    return divided("compare", logs, jobs.two_or_more(full), full)


@python
def pay(logs: Logs, **options: Unpack[o.PayOptions]) -> Result:
    """Work out what each artist is paid under one `rule`; None: the policy's. Money must be stated.

    Takes and raises what `compare` does.
    """
    from fairpay.pipeline import jobs  # noqa: PLC0415 - the same

    full = jobs.with_policy("pay", options)
    chosen = (full["rule"],) if full["rule"] is not None else jobs.policy_rule(full)
    if not chosen:
        message = "no rule given"
        raise UsageError(message, advice="Give one --rule NAME; `fairpay rules` lists them.")
    return divided("pay", logs, chosen, full)


def divided(command: Literal["compare", "pay"], logs: Logs, rules: Sequence[str], options: Mapping[str, Any]) -> Result:
    """Divide the money under some rules."""
    from fairpay.pipeline import jobs  # noqa: PLC0415 - the same
    from fairpay.pipeline.run import run  # noqa: PLC0415 - the same

    def work(asked: Request) -> Result:
        outcome = run(asked, jobs.watching(options))
        return Result(command, outcome, outcome.inputs, jobs.origins_of(command, options, rule=list(rules)))

    return jobs.do(command, logs, options, work, rules=rules)


@python
def audit(logs: Logs, **options: Unpack[o.AuditOptions]) -> Audited:
    """Work out what fake accounts would earn on this log under each rule, and what each rule invites besides.

    `rules`: none is every rule that takes one walk. `scenarios`: names or TOML files; none is the usual two. Takes and
    raises what `compare` does.
    """
    from fairpay.fraud.audit.audit import Audited, run_audit  # noqa: PLC0415 - the same
    from fairpay.fraud.audit.scenario import USUAL, find_scenario, scenario_files  # noqa: PLC0415 - the same
    from fairpay.pipeline import jobs  # noqa: PLC0415 - the same

    full = complete("audit", options)
    rules, named = list(full["rules"]), tuple(full["scenarios"]) or USUAL
    played = [find_scenario(name) for name in named]
    files = [InputFile("scenario", name) for name in scenario_files(named)]

    def work(asked: Request) -> Audited:
        outcome, found = run_audit(asked, jobs.watching(full), rules=rules, scenarios=played)
        origins = jobs.origins_of("audit", full, rule=rules, scenario=list(named))
        return Audited(outcome, found, (*outcome.inputs, *files), origins)

    return jobs.do("audit", logs, full, work, inputs=lambda _: files)


@python
def suspects(logs: Logs, **options: Unpack[o.SuspectsOptions]) -> Searched:
    """Find accounts and artists that a person may want to look at, with the money each moves under the rules.

    `previous` is the log of the month before. Takes and raises what `compare` does.
    """
    from fairpay.fraud.detect.intake import ROLES  # noqa: PLC0415 - the same
    from fairpay.fraud.detect.run import outputs, search  # noqa: PLC0415 - the same
    from fairpay.logs.read import open_logs  # noqa: PLC0415 - the same
    from fairpay.pipeline import jobs  # noqa: PLC0415 - the same
    from fairpay.runs.inputs import log_inputs  # noqa: PLC0415 - the same

    full = complete("suspects", options)
    rules, previous = jobs.two_or_more(full), full["previous"]
    origins = jobs.origins_of("suspects", full, rule=list(rules))
    origins["previous"] = (None if previous is None else "given", origins["previous"][1])

    def before(asked: Request) -> list[InputFile]:
        if previous is None:
            return []
        return log_inputs(open_logs(previous, asked.reading, wanted=()).files, asked.reading, role="previous")

    def work(asked: Request) -> Searched:
        return search(asked, jobs.watching(full), previous=previous, origins=origins)

    return jobs.do("suspects", logs, full | {"roles": ROLES}, work, rules=rules, inputs=before, files=outputs)


@python
def check(logs: Logs, **options: Unpack[o.CheckOptions]) -> Checked:
    """Look at a log without paying anybody: its files one by one, its columns, rows by fate, ranges, warnings.

    Raises:
        FairpayError: there is no such log; what would stop a run is found and not raised.

    """
    from fairpay.logs.doctor import examine  # noqa: PLC0415 - the same
    from fairpay.logs.read import as_paths  # noqa: PLC0415 - the same
    from fairpay.pipeline import jobs  # noqa: PLC0415 - the same
    from fairpay.pipeline.run import inspect, refusal  # noqa: PLC0415 - the same

    full = complete("check", options)
    asked = jobs.request("check", logs, (), full)
    paths = as_paths(logs)
    files = () if paths is None else tuple(examine(paths, asked.reading))
    try:
        inspection, listening = inspect(asked, jobs.watching(full))
    except InputError as refused:
        if all(file.problem for file in files):
            raise
        return Checked(files, None, None, refused=refused)
    warnings = inspection.cautions.found()
    return Checked(files, inspection, listening, warnings, refusal(asked, inspection, warnings))


@python
def close(logs: Logs = (), **options: Unpack[o.CloseOptions]) -> Closed:
    """Close a month of the books, or preview it with `dry_run`: from money received and plays to amounts payable.

    Logs and tables are files: the books name each, so that a month can be worked out again.

    Raises:
        FairpayError: every error a user can meet, see `fairpay.ledger.close`.

    """
    from fairpay.ledger.close import close as close_month  # noqa: PLC0415 - the same
    from fairpay.ledger.closing import Closing  # noqa: PLC0415 - the same
    from fairpay.pipeline import jobs  # noqa: PLC0415 - the same

    full = complete("close", options)
    return close_month(Closing.of(full, log_files(logs)), dry_run=full["dry_run"], watch=jobs.watching(full))


@python
def adjust(logs: Logs = (), **options: Unpack[o.AdjustOptions]) -> Adjusted:
    """Correct a closed month: late or corrected files, or fraud. The difference is booked in the open month.

    Raises:
        FairpayError: every error a user can meet, see `fairpay.ledger.adjust`.

    """
    from fairpay.ledger.adjust import Correction  # noqa: PLC0415 - the same
    from fairpay.ledger.adjust import adjust as adjust_month  # noqa: PLC0415 - the same
    from fairpay.ledger.closing import Closing, tables_of  # noqa: PLC0415 - the same
    from fairpay.pipeline import jobs  # noqa: PLC0415 - the same

    full = complete("adjust", options)
    change = Correction(
        logs=log_files(logs),
        instead=full["instead"],
        exclude=tuple(Path(path) for path in full["exclude"]),
        tables=tables_of(full),
        undo=full["undo"],
        reason=full["reason"],
    )
    return adjust_month(Closing.of(full, ()), change, dry_run=full["dry_run"], watch=jobs.watching(full))


def log_files(logs: Logs) -> tuple[str, ...]:
    """Return the paths of logs of the books.

    Raises:
        UsageError: they are no paths.

    """
    from fairpay.logs.read import as_paths  # noqa: PLC0415 - the same

    found = None if is_table(logs) else [] if logs in ((), []) else as_paths(logs)
    if found is None:
        message = "the books are closed from files: a month is worked out again from its logs"
        raise UsageError(message, advice="Write the table to a file first.")
    return tuple(found)


@python
def diff(before: str | Path, after: str | Path) -> Difference:
    """Put two runs side by side, months of the books or reports: what changed for whom, and why.

    Raises:
        InputError: a directory is not a run, or the two are of different kinds.

    """
    from fairpay.ledger.diff import diff as compare_runs  # noqa: PLC0415 - the same

    return compare_runs(Path(before), Path(after))


@python
def verify(directory: str | Path | None = None, **options: Unpack[o.VerifyOptions]) -> Sequence[Control]:
    """Check a published run, or all months of `books`, from its files alone; every control comes with its numbers.

    Raises:
        InputError: when there is no manifest.
        UsageError: neither or both are named.

    """
    full = complete("verify", options)
    if (directory is None) == (full["books"] is None):
        message = "verify takes the directory of a run, or --books DIR"
        raise UsageError(message, advice="Give one of the two.")
    if directory is None:
        from fairpay.ledger.verify import verify_books  # noqa: PLC0415 - the same

        return verify_books(Path(full["books"]))
    from fairpay.runs.verify import verify as verify_run  # noqa: PLC0415 - the same

    return verify_run(Path(directory), inputs=full["inputs"])


@python
def synth(path: str | Path, **options: Unpack[o.SynthOptions]) -> Written:
    """Make up a month of listening from a seed, of any size, see `fairpay.synth.synth`.

    Raises:
        UsageError: for numbers out of range, an unknown column, plant or format.
        OutputError: when a file is there already (without `force`) or cannot be written.

    """
    from fairpay.synth.make import synth as make  # noqa: PLC0415 - the same

    return make(path, **options)


@python
def init(file: str | Path = "month.toml") -> Path:
    """Write the commented file that `fairpay close --config` closes a month from, and return its path.

    Raises:
        OutputError: something is there already, or it cannot be written.

    """
    from fairpay.runs.disk import open_new  # noqa: PLC0415 - the same

    try:
        with open_new(Path(file)) as out:
            out.write(files("fairpay.ledger").joinpath("month.toml").read_bytes())
    except FileExistsError:
        message = f"{file} is there already"
        raise OutputError(message, advice="Nothing was touched. Give another name.") from None
    except OSError as problem:
        message = f"{file} could not be written: {problem.strerror}"
        raise OutputError(message) from problem
    return Path(file)
