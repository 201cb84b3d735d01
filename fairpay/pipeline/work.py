"""A job, from its options to a published run: what it is to do, where it is written, what its manifest records."""

from __future__ import annotations

import json
import re
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import polars as pl
import pyarrow as pa

from fairpay.adjust.decisions import Penalties
from fairpay.errors import FairpayError
from fairpay.logs.tables import defused
from fairpay.money.currency import parse_rate
from fairpay.pipeline.request import Request, Watch, input_files
from fairpay.reports.outcome import require_balance
from fairpay.reports.summary import decisions_of, warnings_of
from fairpay.reports.tables import PART_ROWS, Shown, kinds_of
from fairpay.rules import find_rule
from fairpay.runs.inputs import HashedInputs, HashSink
from fairpay.runs.manifest import describe, fingerprint
from fairpay.runs.outputs import check_rejects, write_csv, write_json, write_parquet, write_workbook
from fairpay.runs.publish import Target
from fairpay.settings.commands import COMMANDS
from fairpay.settings.option import is_table, options_of
from fairpay.settings.speech import job
from fairpay.settings.values import Conditions, MoneyStated, Qualifying, Reading, Running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from fairpay.reports.outcome import InputFile, Outcome

__all__ = [
    "Finished",
    "Placed",
    "Saved",
    "do",
    "origins_of",
    "publish",
    "request_of",
    "watching",
]

TABLES = {"compare": "comparison", "pay": "payouts", "audit": "audit", "suspects": "suspects", "sweep": "sweep"}
IN_MEMORY = "a table in memory"
UNRECORDED = frozenset({"say", "progress", "origins", "output", "force"})


class Finished(Protocol):
    """The result of a job, as far as publishing sees it."""

    @property
    def command(self) -> str:
        """Which job it was."""

    @property
    def outcome(self) -> Outcome:
        """What the run came to."""

    @property
    def parts(self) -> Iterator[pa.Table]:
        """The table of the job, made in parts."""

    @property
    def groups(self) -> Mapping[str, pa.Table]:
        """Tables of groups by column, where any were asked for."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """What `summary.json` holds."""

    @property
    def origins(self) -> Mapping[str, tuple[Any, str]]:
        """Every option with its value and where it came from."""


T = TypeVar("T", bound=Finished)


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a run is done."""

    logs: Any
    """What it sees as its log."""
    options: Mapping[str, Any]
    run: Callable[..., Outcome]
    """Does it: takes a request, and who looks on."""
    inputs: tuple[InputFile, ...] = ()
    """What is read elsewhere, in the place of logs."""
    origins: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    """What the manifest says of the place."""


def do(  # noqa: PLR0913 - what makes one job another
    command: str,
    logs: object,
    options: Mapping[str, Any],
    work: Callable[[Request], T],
    *,
    rules: Sequence[str] = (),
    inputs: Callable[[Request], Sequence[InputFile]] = lambda _: (),
    files: Callable[[T], Mapping[str, Callable[[Path], int | None]]] = lambda _: {},
) -> T:
    """Do a job; where an output directory is given, lock it and begin to hash the inputs first, and publish last.

    Args:
        command: which job it is.
        logs: what is read.
        options: all of them, see `complete`.
        work: makes the result.
        rules: rules as on the command line.
        inputs: returns files that are read besides those of the request.
        files: returns what is written besides the table and the summary.

    """
    with ExitStack() as stack:
        request = request_of(command, logs, rules, stack.enter_context(tables_in_files(options)))
        if options["output"] is None:
            return work(request)
        target = stack.enter_context(Target(Path(str(options["output"])), force=options["force"]))
        read = [*input_files(request), *inputs(request)]
        if request.reading.rejects is not None:
            check_rejects(request.reading.rejects, [one.path for one in read], output=target.directory)
        hashed = HashedInputs.begin(read)
        result = work(request)
        return replace(result, published=publish(result, target, hashed, more=files(result)))  # type: ignore[type-var] # results are dataclasses


@contextmanager
def tables_in_files(options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Write tables in memory into files that last as long as the work; errors call them by the option's name."""
    given = {name: value for name, value in options.items() if name != "previous" and is_table(value)}
    if not given:
        yield {**options}
        return
    with tempfile.TemporaryDirectory(prefix="fairpay-", dir=options["temp_dir"]) as folder:
        paths = {name: Path(folder) / f"{name}.{'csv' if name == 'decisions' else 'parquet'}" for name in given}
        for name, value in given.items():
            frame = value.collect() if isinstance(value, pl.LazyFrame) else pl.DataFrame(value)
            defused(frame).write_csv(paths[name]) if name == "decisions" else frame.write_parquet(paths[name])
        try:
            yield {**options, **paths, "in_memory": frozenset(paths.values())}
        except FairpayError as problem:
            for name, path in paths.items():
                for said in (str(path), path.name):
                    problem.message = problem.message.replace(said, name)
            raise


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
    require_balance(result.outcome)
    name = TABLES[result.command]
    inputs, summary = hashed.records(), result.summary
    groups = {f"{name}-by-{slug(by)}": table for by, table in result.groups.items()}
    few = [*result.parts] if result.outcome.listening.artists <= PART_ROWS else []
    files: dict[str, Callable[[Path], int | None]] = {
        f"{name}.parquet": lambda path: write_parquet(few or result.parts, path),
        f"{name}.csv": lambda path: write_csv(few or result.parts, path),
        **{
            f"{of_group}.{kind}": partial(write, table)
            for of_group, table in groups.items()
            for kind, write in (("parquet", write_parquet), ("csv", write_csv))
        },
        "summary.json": partial(write_json, summary),
        **(more or {}),
    }
    if result.origins.get("excel", (False,))[0]:
        files[f"{name}.xlsx"] = lambda path: write_workbook(few or result.parts, path)
    manifest = describe(command=result.command, options=result.origins, inputs=inputs, controls=result.outcome.controls)
    manifest["decisions"] = decisions_of(result.outcome)
    manifest["warnings"] = warnings_of(result.outcome.warnings)
    # what it led to is part of it: a frame cannot be hashed as a file, and "already done" must hold these results
    tables = chain(groups.values(), few or result.parts)
    size, mark, kinds = digest(tables, json.dumps(summary, sort_keys=True).encode())
    manifest["columns"] = {name: kinds} | {name: kinds_of(table.schema) for name, table in groups.items()}
    came_to = {"role": "result", "name": "", "size": size, "sha256": mark}
    mark = fingerprint(command=result.command, options=result.origins, inputs=[*inputs, came_to])
    return target.publish(files=files, manifest=manifest, fingerprint=mark).status


@dataclass(frozen=True, slots=True, repr=False)
class Saved(Shown):
    """A result that can be written later as it would have been with an output directory."""

    command: str
    """Which job it was."""
    outcome: Outcome
    """Everything, in integers."""
    inputs: tuple[InputFile, ...]
    """The files read, in order, each with what it was read as; none for frames."""
    origins: Mapping[str, tuple[Any, str]]
    """Every option with its value and where it came from."""
    published: str = ""
    """`done` or `already` where the run was written to a directory."""

    @property
    def beside(self) -> Mapping[str, Callable[[Path], int | None]]:
        """File name -> what writes it, of what is written beside the table and the summary."""
        return {}

    @job
    def save(self, directory: str | Path, *, force: bool = False) -> str:
        """Publish the run to a directory, whole or not at all; return `done`, or `already` for the same run again.

        Raises:
            OutputError: it cannot be written; nothing is left behind.
            LockedError: another run is writing there.
            DifferentRunError: another finished run is there and `force` is not given.

        """
        with Target(Path(directory), force=force) as target:
            return publish(self, target, HashedInputs.begin(self.inputs), more=self.beside)  # type: ignore[arg-type] # a result of a job is one


def slug(name: str) -> str:
    """Make a part of a file's name of a column's."""
    return re.sub(r"\W+", "-", name).strip("-").lower() or "column"


def digest(parts: Iterable[pa.Table], begin: bytes) -> tuple[int, str, dict[str, str]]:
    """Return the bytes of tables, the SHA-256 of what they hold, behind some bytes, and the last columns' kinds."""
    size, sink, kinds = 0, HashSink(begin), {}
    for part in parts:
        size, kinds = size + part.nbytes, {name: str(kind) for name, kind in kinds_of(part.schema).items()}
        with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), part.schema) as writer:
            writer.write_table(part)
        del part  # not held while the next one is made
    return size, sink.hexdigest(), kinds


def request_of(command: str, logs: object, rules: Sequence[str], options: Mapping[str, Any]) -> Request:
    """Turn options into what the pipeline is asked; those that the command does not have are as by default.

    Raises:
        UsageError: an option that cannot be, or a rule that the royalty rate does not allow.

    """
    artists, decisions = (options.get(name) for name in ("artists", "decisions"))
    chosen, money = tuple(map(find_rule, rules)), MoneyStated.of(options)
    for rule in chosen:
        rule.check_rate(money.known_rate)
    return Request(
        logs=logs,
        rules=chosen,
        reading=Reading.of(options),
        qualifying=Qualifying.of(options),
        money=money,
        running=Running.of(options),
        artists=None if artists is None else Path(artists),
        decisions=None if decisions is None else Path(decisions),
        undecided=options.get("undecided", "refuse"),
        penalties=penalties_of(options),
        conditions=Conditions.of(options),
        money_required=command == "pay",
        exact=options.get("exact", False),
        in_memory=options.get("in_memory", frozenset()),
        roles=options.get("roles", ()),
        by=tuple(options.get("by", ())),
        others=tuple(map(find_rule, options.get("others", ()))),
    )


def penalties_of(options: Mapping[str, Any]) -> Penalties | None:
    """Read what is charged for excluded plays; None for a job that charges nothing.

    Raises:
        UsageError: the share is none.

    """
    if "penalty" not in options:
        return None
    share = options["penalty"]
    return Penalties(None if share is None else parse_rate(str(share)), options["penalty_to"])


def watching(options: Mapping[str, Any]) -> Watch:
    """Pass on who is told how the run goes."""
    return Watch(options["say"] or (lambda _: None), options["progress"])


def origins_of(command: str, options: Mapping[str, Any], **chosen: list[str]) -> dict[str, tuple[Any, str]]:
    """Return every option that a manifest records, with its value and where it came from.

    `chosen` are what options came to, such as the usual rules where none was named, by the names of manifests.
    """
    declared = options_of(COMMANDS[command].options)
    known = dict(options["origins"] or {"command": (command, "python")})
    if options["origins"] is None:
        for name, one in declared.items():
            value = options[name]
            if name not in UNRECORDED:
                where = (
                    "default" if value is one.default or (not is_table(value) and value == one.default) else "python"
                )
                known[one.recorded] = (recordable(value), where)
    return known | {name: (value, known.get(name, (None, "python"))[1]) for name, value in chosen.items()}


def recordable(value: Any) -> Any:  # noqa: ANN401 - an option of any type
    """Return what a manifest says of a value, as it would be typed; no table goes in."""
    if is_table(value):
        return IN_MEMORY
    if isinstance(value, dict):
        return ",".join(f"{name}={one}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return [recordable(one) for one in value]
    return value if value is None or isinstance(value, bool | int) else str(value)
