"""What a run is asked, who watches it, and what reading alone finds out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from fairpay.settings.values import Conditions, MoneyStated, Qualifying, Reading, Running

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from fairpay.logs.read import Logs
    from fairpay.logs.schema import Cautions, Listens, RawBatch
    from fairpay.qualify import Counts
    from fairpay.reports.outcome import InputFile, Outcome
    from fairpay.rules.core.month import Month
    from fairpay.rules.core.rule import Rule

__all__ = ["Inspection", "Observer", "Opened", "Request", "Watch"]


@dataclass(frozen=True, slots=True)
class Request:
    """All that a run is asked."""

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
    conditions: Conditions = field(default_factory=Conditions)
    """A policy, own history, stated wishes, delegations."""
    money_required: bool = False
    """Whether a run without stated money is refused."""
    in_memory: frozenset[Path] = frozenset()
    """Those of its files that hold tables given in memory, and are gone after the run."""
    roles: tuple[str, ...] = ()
    """Columns wanted besides those that money needs."""
    held: dict[str, Opened] = field(default_factory=dict, init=False, repr=False, compare=False)
    """The logs, once they are open: they are opened once."""


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
    inputs: Sequence[InputFile] = ()
    """Every file that was read, with what it was read as."""
