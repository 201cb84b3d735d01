"""The Python door: the same jobs as the command line, on files or frames, with results as objects.

import fairpay
result = fairpay.compare("listens.parquet", fee="9.99", royalty_rate="70%")
result.table            # a Polars frame
result.save("out")      # the same files as `fairpay compare ... -o out`
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

from fairpay import options as given
from fairpay.errors import UnbalancedError, UsageError
from fairpay.rules import find_rule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl
    import pyarrow as pa

    from fairpay.audit.result import Audited
    from fairpay.io.manifest import InputHasher
    from fairpay.io.publish import Target
    from fairpay.options import Options
    from fairpay.outcome import Control, Listening, Outcome
    from fairpay.pipeline import Inspection, Request, Watch

__all__ = ["Result", "audit", "check", "compare", "pay", "verify"]

DEFAULT_RULES = ("market-centric", "user-centric")
TABLES = {"compare": "comparison", "pay": "payouts", "audit": "audit"}


@dataclass(frozen=True, slots=True)
class Result:
    """What a run worked out."""

    command: Literal["compare", "pay"]
    """Which job it was."""
    outcome: Outcome
    """Everything, in integers."""
    inputs: tuple[str, ...]
    """The files read, in order; empty for frames."""
    origins: Mapping[str, tuple[Any, str]]
    """Every option with its value and where it came from."""
    published: str = ""
    """`done` or `already` where the run was written to a directory."""

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
        from fairpay.io.manifest import InputHasher  # noqa: PLC0415 - loaded where it is used
        from fairpay.io.publish import Target  # noqa: PLC0415 - the same

        with Target(Path(directory), force=force) as target:
            hasher = InputHasher(self.inputs)
            hasher.start()
            return publish(self, target, hasher)


@dataclass(frozen=True, slots=True)
class Checked:
    """What `check` found: how the log was read, and what became of its rows."""

    inspection: Inspection
    listening: Listening


def compare(logs: object, *, rules: Sequence[str] = DEFAULT_RULES, **options: Unpack[Options]) -> Result:
    """Work out what each artist gets under two or more rules, who gains, who loses and why.

    Args:
        logs: paths (file, glob, directory), a Polars frame, or anything that exports Arrow (pandas, PyArrow, DuckDB).
        rules: rules as on the command line; differences are against the first.
        **options: see `fairpay.options.Options`.

    Raises:
        FairpayError: every error a user can meet, each with its exit status.

    """
    if len(set(rules)) < len(DEFAULT_RULES):
        message = "compare needs two or more different rules"
        raise UsageError(message, advice="Add --rule, or use `fairpay pay` for one.")
    return job("compare", logs, rules, options)


def pay(logs: object, *, rule: str, **options: Unpack[Options]) -> Result:
    """Work out what each artist is paid under one rule. Money must be stated: pool, fee or subscribers.

    Takes and raises what `compare` does.
    """
    return job("pay", logs, (rule,), options)


def audit(
    logs: object, *, rules: Sequence[str] = (), scenarios: Sequence[str] = (), **options: Unpack[Options]
) -> Audited:
    """Work out what fake accounts would earn on this log under each rule, and what each rule invites besides.

    `rules`: none is every rule that takes one walk. `scenarios`: names or TOML files; none is the usual two. Takes and
    raises what `compare` does.
    """
    from fairpay.audit.result import Audited  # noqa: PLC0415 - loaded where it is used
    from fairpay.audit.scenario import USUAL, find_scenario, scenario_files  # noqa: PLC0415 - the same
    from fairpay.audit.stage import run_audit  # noqa: PLC0415 - the engine is loaded where it is used

    full: Options = {**given.DEFAULTS, **options}
    asked, named = request("audit", logs, (), full), tuple(scenarios) or USUAL
    played, files = [find_scenario(name) for name in named], scenario_files(named)
    where = "python" if scenarios else "default"
    recorded = origins_of("audit", rules, full)
    origins = {**recorded, "scenario": (list(named), recorded.get("scenario", (None, where))[1])}
    with ExitStack() as stack:
        ready = None if full["output"] is None else prepare_output(stack, asked, full, more=files)
        outcome, found = run_audit(asked, watching(full), rules=rules, scenarios=played)
        result = Audited(outcome, found, (*outcome.inputs, *files), origins)
        return result if ready is None else replace(result, published=publish(result, *ready))


def check(logs: object, **options: Unpack[Options]) -> Checked:
    """Read and qualify only: columns found, rows by fate, ranges.

    Raises:
        FairpayError: an input that cannot be used.

    """
    from fairpay.pipeline import inspect  # noqa: PLC0415 - the engine is loaded where it is used

    full: Options = {**given.DEFAULTS, **options}
    return Checked(*inspect(request("pay", logs, (), full), watching(full)))


def verify(directory: str | Path, *, inputs: bool = True) -> list[Control]:
    """Check a published run from its files alone; every control comes back with its numbers.

    Raises:
        InputError: when there is no manifest.

    """
    from fairpay.io.verify import verify as verify_run  # noqa: PLC0415 - loaded where it is used

    return verify_run(Path(directory), inputs=inputs)


def job(command: Literal["compare", "pay"], logs: object, rules: Sequence[str], options: Options) -> Result:
    """Run one job; where an output directory is given, lock it first and publish last."""
    from fairpay.pipeline import run  # noqa: PLC0415 - the engine is loaded where it is used

    full: Options = {**given.DEFAULTS, **options}
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


def prepare_output(
    stack: ExitStack, asked: Request, options: Options, *, more: Sequence[str] = ()
) -> tuple[Target, InputHasher]:
    """Lock the output directory and start hashing the inputs, and `more` files, beside the work."""
    from fairpay.io.manifest import InputHasher  # noqa: PLC0415 - loaded where it is used
    from fairpay.io.publish import Target  # noqa: PLC0415 - the same
    from fairpay.pipeline import input_files  # noqa: PLC0415 - the same

    target = stack.enter_context(Target(Path(str(options["output"])), force=options["force"]))
    hasher = InputHasher([*input_files(asked), *more])
    hasher.start()
    return target, hasher


def publish(result: Result | Audited, target: Target, hasher: InputHasher) -> str:
    """Write every output of a run, the manifest last.

    Raises:
        UnbalancedError: when a control does not hold; nothing is written.

    """
    from fairpay.io.manifest import describe, fingerprint  # noqa: PLC0415 - loaded where it is used
    from fairpay.io.outputs import write_csv, write_json, write_parquet  # noqa: PLC0415 - the same

    broken = [control for control in result.outcome.controls if not control.ok]
    if broken:
        raise UnbalancedError("; ".join(f"control {c.name} failed: {c.detail}" for c in broken))
    name = TABLES[result.command]
    inputs, table = hasher.join(), result.arrow
    files: dict[str, Callable[[Path], int | None]] = {
        f"{name}.parquet": partial(write_parquet, table),
        f"{name}.csv": partial(write_csv, table),
        "summary.json": partial(write_json, result.summary),
    }
    manifest = describe(command=result.command, options=result.origins, inputs=inputs, controls=result.outcome.controls)
    # a frame cannot be hashed as a file: what it led to stands for it
    read = inputs or [{"name": "frame", "size": table.nbytes, "sha256": digest(table, result.summary)}]
    mark = fingerprint(command=result.command, options=result.origins, inputs=read)
    return target.publish(files=files, manifest=manifest, fingerprint=mark).status


def digest(table: pa.Table, summary: Mapping[str, Any]) -> str:
    """Return a SHA-256 of results."""
    import hashlib  # noqa: PLC0415 - loaded where it is used
    import json  # noqa: PLC0415 - the same

    import pyarrow as pa  # noqa: PLC0415 - the same

    found = hashlib.sha256(json.dumps(summary, sort_keys=True).encode())
    with pa.BufferOutputStream() as sink:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        found.update(sink.getvalue())
    return found.hexdigest()


def request(command: str, logs: object, rules: Sequence[str], options: Options) -> Request:
    """Turn options into what the pipeline is asked."""
    from fairpay.pipeline import Request  # noqa: PLC0415 - the engine is loaded where it is used

    return Request(
        logs=logs,
        rules=tuple(find_rule(rule) for rule in rules),
        reading=given.reading(options),
        qualifying=given.qualifying(options),
        money=given.stated(options),
        running=given.running(options),
        artists=given.as_path(options["artists"]),
        money_required=command == "pay",
    )


def watching(options: Options) -> Watch:
    """Pass on who is told how the run goes."""
    from fairpay.pipeline import Watch  # noqa: PLC0415 - the engine is loaded where it is used

    say, progress = options["say"], options["progress"]
    return Watch(say or (lambda _: None), progress)


def origins_of(command: str, rules: Sequence[str], options: Options) -> dict[str, tuple[Any, str]]:
    """Return every option that a manifest records, with its value and where it came from."""
    if options["origins"] is not None:
        return dict(options["origins"])
    unrecorded = {"say", "progress", "origins", "output", "force"}
    found = {
        name: (value if value is None or isinstance(value, bool | int) else str(value), origin(name, value))
        for name, value in options.items()
        if name not in unrecorded
    }
    return {"command": (command, "python"), "rule": (list(rules), "python"), **found}


def origin(name: str, value: object) -> str:
    """Say whether an option was given or is the default."""
    defaults: Mapping[str, object] = given.DEFAULTS
    return "default" if value == defaults[name] else "python"
