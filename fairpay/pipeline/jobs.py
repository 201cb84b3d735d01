"""What the jobs of the Python door have in common: from options to a request, and from a result to a published run."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fairpay.errors import UnbalancedError
from fairpay.rules import find_rule
from fairpay.settings import options as given

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import ExitStack
    from fractions import Fraction

    import pyarrow as pa

    from fairpay.pipeline.run import Request, Watch
    from fairpay.reports.outcome import InputFile, Outcome
    from fairpay.runs.inputs import HashedInputs
    from fairpay.runs.publish import Target
    from fairpay.settings.options import Options

__all__ = ["Finished", "origins_of", "policy_rule", "prepare_output", "publish", "request", "watching", "with_policy"]

TABLES = {"compare": "comparison", "pay": "payouts", "audit": "audit", "suspects": "suspects"}


class Finished(Protocol):
    """The result of a job, as far as publishing sees it."""

    @property
    def command(self) -> str:
        """Which job it was."""

    @property
    def outcome(self) -> Outcome:
        """What the run came to."""

    @property
    def arrow(self) -> pa.Table:
        """The table of the job."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """What `summary.json` holds."""

    @property
    def origins(self) -> Mapping[str, tuple[Any, str]]:
        """Every option with its value and where it came from."""


def prepare_output(
    stack: ExitStack, asked: Request, options: Options, *, more: Sequence[InputFile] = ()
) -> tuple[Target, HashedInputs]:
    """Lock the output directory and start hashing the inputs, and `more` files, beside the work."""
    from fairpay.pipeline.opening import input_files  # noqa: PLC0415 - the same
    from fairpay.runs.inputs import HashedInputs  # noqa: PLC0415 - loaded where it is used
    from fairpay.runs.publish import Target  # noqa: PLC0415 - the same
    from fairpay.runs.rejects import check_rejects  # noqa: PLC0415 - the same

    target = stack.enter_context(Target(Path(str(options["output"])), force=options["force"]))
    inputs = [*input_files(asked), *more]
    if asked.reading.rejects is not None:
        check_rejects(asked.reading.rejects, [one.path for one in inputs], output=target.directory)
    return target, HashedInputs.begin(inputs)


def publish(
    result: Finished,
    target: Target,
    hashed: HashedInputs,
    *,
    more: Mapping[str, Callable[[Path], int | None]] | None = None,
) -> str:
    """Write every output of a run, and `more` files, the manifest last.

    Raises:
        UnbalancedError: when a control does not hold; nothing is written.

    """
    from fairpay.reports.summary import decisions_of, warnings_of  # noqa: PLC0415 - the same
    from fairpay.runs.manifest import describe, fingerprint  # noqa: PLC0415 - loaded where it is used
    from fairpay.runs.outputs import write_csv, write_json, write_parquet  # noqa: PLC0415 - the same

    broken = [control for control in result.outcome.controls if not control.ok]
    if broken:
        raise UnbalancedError("; ".join(f"control {c.name} failed: {c.detail}" for c in broken))
    name = TABLES[result.command]
    inputs, table = hashed.records(), result.arrow
    files: dict[str, Callable[[Path], int | None]] = {
        f"{name}.parquet": partial(write_parquet, table),
        f"{name}.csv": partial(write_csv, table),
        "summary.json": partial(write_json, result.summary),
        **(more or {}),
    }
    manifest = describe(command=result.command, options=result.origins, inputs=inputs, controls=result.outcome.controls)
    manifest["decisions"] = decisions_of(result.outcome)
    manifest["warnings"] = warnings_of(result.outcome.warnings)
    # what it led to is part of it: a frame cannot be hashed as a file, and "already done" must hold these results
    came_to = {"role": "result", "name": "", "size": table.nbytes, "sha256": digest(table, result.summary)}
    mark = fingerprint(command=result.command, options=result.origins, inputs=[*inputs, came_to])
    return target.publish(files=files, manifest=manifest, fingerprint=mark).status


def digest(table: pa.Table, summary: Mapping[str, Any]) -> str:
    """Return a SHA-256 of results."""
    import json  # noqa: PLC0415 - loaded where it is used

    import pyarrow as pa  # noqa: PLC0415 - the same

    from fairpay.runs.inputs import HashSink  # noqa: PLC0415 - the same

    sink = HashSink(json.dumps(summary, sort_keys=True).encode())
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), table.schema) as writer:
        writer.write_table(table)
    return sink.hexdigest()


def request(command: str, logs: object, rules: Sequence[str], options: Options) -> Request:
    """Turn options into what the pipeline is asked."""
    from fairpay.pipeline.run import Request  # noqa: PLC0415 - the engine is loaded where it is used

    return Request(
        logs=logs,
        rules=tuple(find_rule(rule) for rule in rules),
        reading=given.reading(options),
        qualifying=given.qualifying(options),
        money=given.stated(options),
        running=given.running(options),
        artists=given.as_path(options["artists"]),
        decisions=given.as_path(options["decisions"]),
        conditions=given.conditions(options),
        money_required=command == "pay",
    )


def policy_rule(options: Options) -> tuple[str, ...]:
    """Return the rule of the policy that is asked for, if any."""
    name = options.get("policy")
    if name is None:
        return ()
    from fairpay.adjust.policy import find_policy  # noqa: PLC0415 - only where there is one

    return (find_policy(name).rule,)


def with_policy(options: Options) -> Options:
    """Fill in defaults; a policy's measure and qualifying length stand for those that were not given."""
    full = given.complete(options)
    if full["policy"] is None:
        return full
    from fairpay.adjust.policy import find_policy  # noqa: PLC0415 - only where there is one

    policy, origins = find_policy(full["policy"]), dict(full["origins"] or {})
    settings: dict[str, Any] = {"measure": policy.measure, "min_seconds": decimal(policy.min_seconds)}
    for name, value in settings.items():
        where = origins.get(name, (None, "python" if name in options else "default"))[1]
        if where == "default" and value is not None:
            full[name] = value  # type: ignore[literal-required] # two keys of the options
            if origins:
                origins[name] = (value, f"policy {full['policy']}")
    if origins:
        full["origins"] = origins
    return full


def decimal(number: Fraction) -> str:
    """Write a number of seconds as decimal text."""
    return str(Decimal(number.numerator) / Decimal(number.denominator))


def watching(options: Options) -> Watch:
    """Pass on who is told how the run goes."""
    from fairpay.pipeline.run import Watch  # noqa: PLC0415 - the engine is loaded where it is used

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
