"""Changes: what became known about a closed month, and what is in effect of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairpay.errors import UsageError
from fairpay.ledger.closing import TABLES
from fairpay.ledger.exclusions import Exclusions, read_exclusions
from fairpay.ledger.identity import EXCLUDED, LOGS, find_again
from fairpay.ledger.policies import MONTH, kept_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fairpay.ledger.closing import Closing
    from fairpay.ledger.store import Entry, Shelf

__all__ = ["Change", "apply", "in_effect", "recorded", "reopened"]


@dataclass(frozen=True, slots=True)
class Change:
    """A correction to a closed month."""

    logs: tuple[str, ...] = ()
    """Late logs; corrected ones where `instead`."""
    instead: bool = False
    """Whether `logs` take the place of all the month's logs."""
    exclude: tuple[Path, ...] = ()
    """Tables of users or plays that do not count."""
    tables: Mapping[str, Path] = field(default_factory=dict)
    """Corrected tables, by what they are: pools, splits, aliases, artists, subscribers, decisions."""
    undo: str | None = None
    """The run id of an adjustment that is taken back."""
    reason: str = ""
    """Why, in words; goes into every row."""
    kept: Mapping[str, Path] = field(default_factory=dict)
    """Pool -> the file the books keep of its policy, where the pool file is that of an adjustment in the books."""

    def check(self) -> None:
        """Refuse a change that is none.

        Raises:
            UsageError: nothing is to change, or an undo that would change something else too.

        """
        stated = bool(self.logs or self.exclude or self.tables)
        if stated == (self.undo is not None):
            message = "an adjustment is either a change or --undo, not both" if stated else "nothing to adjust"
            advice = "Give logs, --exclude FILE or a corrected table; or --undo ID alone."
            raise UsageError(message, advice=advice)
        if self.instead and not self.logs:
            message = "--instead needs the logs that take the place of the old ones"
            raise UsageError(message, advice="Name them.")

    def every_file(self) -> list[tuple[str, Path]]:
        """All it reads, logs among them, with their roles; logs must be single files."""
        return [*self.files(), *((LOGS, Path(log)) for log in self.logs)]

    def files(self) -> list[tuple[str, Path]]:
        """The tables it reads, with their roles."""
        return [*((EXCLUDED, path) for path in self.exclude), *self.tables.items()]


def in_effect(found: Shelf, period: str) -> list[Entry]:
    """The adjustments of a month that were not taken back, in the order they were booked."""
    booked = [entry for entry in found.adjustments if entry.books["ref_period"] == period]
    undone = {entry.books["change"]["undo"] for entry in booked}
    return [entry for entry in booked if entry.run_id not in undone and entry.books["change"]["undo"] is None]


def reopened(closing: Closing, month: Entry) -> Closing:
    """The closing a month was made by, from what its directory keeps; `closing` says how to run.

    Raises:
        InputError: an input is gone.

    """
    inputs: Sequence[Mapping[str, Any]] = month.books["inputs"]
    tables: dict[str, Path] = {}
    for role in TABLES:
        for one in inputs:
            if one["role"] == role:
                kept = sorted(month.directory.glob(f"input-{role}.*"))
                tables[role] = kept[0] if kept else find_again(inputs, role, closing.books)[0]
    logs = tuple(str(path) for path in find_again(inputs, LOGS, closing.books))
    stated = month.books["options"].get("policies", {})
    again = replace(closing.again(month.books["options"]), logs=logs, tables=tables)
    return replace(again, policy=named(month, stated.get(MONTH)), kept=kept_files(month, stated))


def named(month: Entry, sha256: str | None) -> str | None:
    """What the month's own policy is called; None where it has none."""
    if sha256 is None:
        return None
    used = month.books["facts"].get("policies", ())
    return next((str(one["policy"]) for one in used if one["sha256"] == sha256), kept_name(sha256))


def kept_files(entry: Entry, stated: Mapping[str, str]) -> dict[str, Path]:
    """Pool -> the file an entry keeps of its policy; a policy that stands in the pool file has none."""
    found = {pool: entry.directory / kept_name(sha256) for pool, sha256 in stated.items()}
    listed = {str(output["name"]) for output in entry.manifest["outputs"]}
    return {pool: path for pool, path in found.items() if path.name in listed}


def apply(closing: Closing, changes: Iterable[Change]) -> tuple[Closing, Exclusions]:
    """The closing with every change made, in order.

    Raises:
        InputError: a table of exclusions cannot be used.

    """
    exclusions = Exclusions()
    for number, change in enumerate(changes, start=1):
        late = {**closing.reading.late, **dict.fromkeys(change.logs, number)}
        logs = change.logs if change.instead else (*closing.logs, *change.logs)
        reading = replace(closing.reading, late=late)
        closing = replace(closing, logs=logs, reading=reading, tables={**closing.tables, **change.tables})
        if "pools" in change.tables:
            month = {MONTH: closing.kept[MONTH]} if MONTH in closing.kept else {}
            closing = replace(closing, kept={**month, **change.kept})
        for path in change.exclude:
            exclusions = exclusions.joined_with(read_exclusions(path))
    return closing, exclusions


def recorded(entry: Entry, books: Path) -> Change:
    """The change an adjustment made, from its manifest.

    Raises:
        InputError: a file it read is gone.

    """
    inputs: Sequence[Mapping[str, Any]] = entry.books["inputs"]
    return Change(
        logs=tuple(str(path) for path in find_again(inputs, LOGS, books)),
        instead=bool(entry.books["change"]["instead"]),
        exclude=tuple(find_again(inputs, EXCLUDED, books)),
        tables={role: path for role in TABLES for path in find_again(inputs, role, books)},
        kept=kept_files(entry, entry.books["change"].get("policies", {})),
    )
