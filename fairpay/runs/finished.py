"""A finished run, read from its directory alone, once everything in it is as it was written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from fairpay.errors import NotVerifiedError, Problem
from fairpay.reports.words import counted
from fairpay.runs.manifest import read_manifest
from fairpay.runs.verify import SUMMARY, verify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fairpay.reports.outcome import Control

__all__ = ["SPOILT", "FinishedRun", "finished", "require_verified"]

SPOILT = "Do not pay from it; run it again from the logs."


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that verifies."""

    directory: Path
    manifest: Mapping[str, Any]
    summary: Mapping[str, Any]
    """What `summary.json` holds; empty for a month of the books."""
    checked: int
    """Controls that were worked out again, and hold."""

    @property
    def command(self) -> str:
        """The job that wrote it."""
        return str(self.manifest["command"])

    @property
    def files(self) -> tuple[str, ...]:
        """The names of what it wrote, in order."""
        return tuple(str(output["name"]) for output in self.manifest["outputs"])

    def option(self, name: str) -> Any:  # noqa: ANN401 - an option of any type
        """Return the value of an option; None where the run has no such option."""
        return self.manifest["options"].get(name, {}).get("value")

    def table(self, name: str) -> pl.DataFrame:
        """Read one of its Parquet files, named without the extension."""
        return pl.read_parquet(self.directory / f"{name}.parquet", hive_partitioning=False)


def finished(directory: Path) -> FinishedRun:
    """Read a finished run; its inputs need not be there any more.

    Raises:
        InputError: the directory is no run.
        NotVerifiedError: something in it is not as it was written.

    """
    controls = verify(directory, inputs=False)
    require_verified(controls, str(directory), advice=SPOILT)
    manifest = read_manifest(directory)
    path = directory / SUMMARY
    summary = json.loads(path.read_bytes()) if path.is_file() else {}
    return FinishedRun(directory, manifest, summary, len(controls))


def require_verified(controls: Sequence[Control], place: str, *, advice: str) -> None:
    """Go on only where every control holds.

    Raises:
        NotVerifiedError: with each that does not.

    """
    failed = [control for control in controls if not control.ok]
    if failed:
        message = f"{place} does not verify: of {counted(len(controls), 'control')} {len(failed):,} failed"
        problems = [Problem(1, f"{control.name}: {control.detail}") for control in failed]
        raise NotVerifiedError(message, problems=problems, advice=advice)
