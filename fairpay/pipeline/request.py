"""What a run is asked and who watches it; its logs and every other file it reads, opened once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Protocol

from fairpay.adjust.policy import find_policy, policy_file
from fairpay.adjust.weights import wanted_roles
from fairpay.logs.names import OWN
from fairpay.logs.schema import Cautions
from fairpay.pipeline.repeats import open_once
from fairpay.pipeline.warn import warn_of_logs
from fairpay.reports.outcome import InputFile
from fairpay.rules.core.rule import Needs
from fairpay.runs.inputs import log_inputs
from fairpay.runs.outputs import check_rejects
from fairpay.settings.values import Conditions, MoneyStated, Qualifying, Reading, Running

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from fairpay.adjust.decisions import Penalties
    from fairpay.adjust.policy import Policy
    from fairpay.logs.read import Logs
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.pipeline.grouping import By
    from fairpay.qualify import Counts
    from fairpay.reports.outcome import Outcome
    from fairpay.rules.core.month import Month
    from fairpay.rules.core.rule import Rule

__all__ = ["MONTH", "ROLES", "Inspection", "Observer", "Opened", "Request", "Watch", "begin", "input_files"]

ROLES = ("user", "artist", "plays", "seconds", "ms")
"""The columns that money needs."""
MONTH = "month"
"""What groups are asked for by where each month is a pool of its own."""


@dataclass(frozen=True)
class Request:
    """All that a run is conditions."""

    logs: object
    """Paths, a Polars frame, or anything that exports Arrow."""
    rules: tuple[Rule, ...] = ()
    reading: Reading = field(default_factory=Reading)
    qualifying: Qualifying = field(default_factory=Qualifying)
    money: MoneyStated = field(default_factory=MoneyStated)
    running: Running = field(default_factory=Running)
    artists: Path | None = None
    """A file of artist ids and names."""
    decisions: Path | None = None
    """A review file that a person has filled in."""
    undecided: Literal["refuse", "keep"] = "refuse"
    """What becomes of its blank lines."""
    penalties: Penalties | None = None
    """What is charged for what they exclude; None: nothing, whatever they say."""
    conditions: Conditions = field(default_factory=Conditions)
    """A policy, own history, stated wishes, delegations."""
    money_required: bool = False
    """Whether a run without stated money is refused."""
    exact: bool = False
    """Whether near ties are seen in the walk that weighs, see `division.divide`."""
    in_memory: frozenset[Path] = frozenset()
    """Those of its files that hold tables given in memory, and are gone after the run."""
    roles: tuple[str, ...] = ()
    """Columns wanted besides those that money needs."""
    chosen: Callable[[Month], Sequence[Rule]] | None = None
    """Chooses rules, those above among them, once the month is known; None: these are all."""
    by: tuple[str, ...] = ()
    """Columns that groups are asked for by, as they were asked."""
    others: tuple[Rule, ...] = ()
    """Rules that whoever looks on runs besides."""

    @property
    def by_track(self) -> bool:
        """Whether any rule counts by track."""
        return any(rule.needs is Needs.TRACKS for rule in (*self.rules, *self.others))

    @cached_property
    def policy(self) -> Policy | None:
        """The policy's file, read once.

        Raises:
            UsageError: there is none of that name, or it is not one.

        """
        return None if self.conditions.policy is None else find_policy(self.conditions.policy)

    def rules_on(self, month: Month) -> tuple[Rule, ...]:
        """The rules that a month is divided by."""
        return self.rules if self.chosen is None else tuple(self.chosen(month))

    @property
    def wanted(self) -> tuple[str, ...]:
        """The columns that the run reads, beside user and artist, where the log has them."""
        dated = (self.qualifying.since, self.qualifying.until) != (None, None) or MONTH in self.by
        timed = ("time",) if dated else ()
        own = (OWN + text.removeprefix("listeners.") for text in self.by if not text.startswith("artists."))
        weighed = () if self.policy is None else wanted_roles(self.policy)
        tracks = ("track",) if self.by_track else ()
        return tuple(dict.fromkeys((*ROLES, *timed, *self.roles, *weighed, *tracks, *own)))

    @cached_property
    def grouped(self) -> tuple[By, ...]:
        """The columns that groups are asked for by, found.

        Raises:
            UsageError: there is none of that name, or it is not clear which.

        """
        if not {*self.by} - {MONTH}:
            return ()
        from fairpay.pipeline.grouping import find_columns_for  # noqa: PLC0415 - only where groups are asked for

        return find_columns_for(
            [one for one in self.by if one != MONTH], self.artists, self.money.subscribers, self.opened.logs
        )

    @cached_property
    def opened(self) -> Opened:
        """The logs, opened once, with every column that the run reads.

        Raises:
            InputError: they cannot be used.

        """
        cautions, said = Cautions(), list[str]()
        logs = open_once(
            self.logs,
            self.reading,
            wanted=self.wanted,
            period=(self.qualifying.since, self.qualifying.until),
            cautions=cautions,
            say=said.append,
        )
        warn_of_logs(logs, cautions, self.qualifying.measure)
        return Opened(logs, cautions, (*said, found_columns(logs), *logs.notes))


@dataclass(frozen=True, slots=True)
class Opened:
    """Logs whose columns are known."""

    logs: Logs
    cautions: Cautions
    """Warnings about them, to be added to."""
    said: Sequence[str]
    """What was found out about them, in sentences."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told how a run goes."""

    say: Callable[[str], None] = lambda _: None
    """Takes sentences for the reader."""
    progress: Callable[[int, int], None] | None = None
    """Takes the rows and the bytes of each batch that was read; called from threads."""


class Observer(Protocol):
    """Someone who looks at the same plays while they are divided, without reading the logs again."""

    def take(self, raw: RawBatch, listens: Listens) -> None:
        """See a judged batch; called from threads."""

    def look(self, month: Month, outcome: Outcome) -> None:
        """See the month and what it came to, while the engine still holds it."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What reading and qualifying alone found out."""

    columns: Mapping[str, str]
    """role -> column of the log."""
    detected: bool
    """Whether the columns were found by their names."""
    files: Sequence[str]
    """The log files, in order."""
    counts: Counts
    """Rows by fate."""
    cautions: Cautions
    """What may not be as its owner expects, as far as it is known."""


def begin(request: Request, watch: Watch) -> None:
    """Say how the logs are read, and see that rejects overwrite no input."""
    if request.reading.rejects is not None:
        check_rejects(request.reading.rejects, [one.path for one in input_files(request)])
    for sentence in request.opened.said:
        watch.say(sentence)


def input_files(request: Request) -> list[InputFile]:
    """Return every file a run reads, with what it is read as."""
    conditions = request.conditions
    paths: dict[str, str | Path | None] = {
        "subscribers": request.money.subscribers,
        "artists": request.artists,
        "decisions": request.decisions,
        "policy": None,
        "history": conditions.history,
        "wishes": conditions.wishes,
        "delegations": conditions.delegations,
    }
    if conditions.policy is not None:
        paths["policy"] = policy_file(conditions.policy)
    tables = [InputFile(role, str(path)) for role, path in paths.items() if path not in {None, *request.in_memory}]
    logs = request.opened.logs
    versions = {part.file.path: part.source.version for part in logs.parts if part.file is not None}
    return [*log_inputs(logs.files, request.reading, versions=versions), *tables]


def found_columns(logs: Logs) -> str:
    """Say which column was taken for what."""
    pairs = ", ".join(f"{role} = {column}" for role, column in logs.columns.items() if column)
    return f"Columns: {pairs}" + (" (detected)" if logs.detected else "")
