"""Checking a published run from its files alone: hashes, and every control total; and reading one that verifies."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from fairpay.errors import FairpayError, InputError, NotVerifiedError, Problem
from fairpay.logs.faults import reading_of
from fairpay.money.counts import counted
from fairpay.reports.outcome import Control
from fairpay.runs.inputs import hash_file
from fairpay.runs.manifest import MANIFEST, manifest_stands, read_manifest
from fairpay.runs.publish import fault_of
from fairpay.runs.totals import check_groups, check_penalties, check_totals

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

__all__ = ["SPOILT", "SUMMARY", "TABLES", "UNREADABLE", "FinishedRun", "finished", "require_verified", "verify"]

TABLES = ("comparison", "payouts")
SUMMARY = "summary.json"
UNREADABLE: tuple[type[BaseException], ...] = (
    FairpayError,
    AttributeError,
    AssertionError,
    RecursionError,
    MemoryError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    pa.ArrowException,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)
"""What a spoilt table or summary makes of whoever reads it; a panic of Polars is no `Exception` of Python's."""


def verify(directory: Path, *, inputs: bool = True) -> list[Control]:
    """Check a run and return every control with its numbers; the run is good when all are `ok`.

    An input that is gone fails its control, since nobody can say that it is still the one that was used. Where logs
    were deleted as they should be, `inputs=False` leaves the inputs out and says so. An input is looked for under the
    name it had, from the working directory, then from the run's directory and the one above.

    Raises:
        InputError: when there is no manifest to check against; one that was spoilt is a control that fails.

    """
    with reading_of(str(directory)):
        there = directory.is_dir()
    if not there:
        message = f"{directory}: no such directory"
        raise InputError(message, advice="Give a directory written with -o.")
    try:
        manifest = read_manifest(directory)
    except InputError as refused:
        if not (directory / MANIFEST).exists():
            raise
        return [Control("manifest", ok=False, detail=refused.message)]
    whole = manifest_stands(directory, manifest)
    detail = f"{MANIFEST} {'is as it was written' if whole else 'was changed'}"
    controls = [Control("manifest", whole, detail), *output_controls(directory, manifest["outputs"])]
    known = {output["name"] for output in manifest["outputs"]} | {MANIFEST}
    if extra := sorted(path.name for path in directory.iterdir() if path.name not in known):
        controls.append(Control("files", ok=False, detail=f"{len(extra)} that no run wrote: {extra[0]}"))
    controls += input_controls(directory, manifest.get("inputs", []), asked=inputs)
    controls += [
        Control(f"recorded {control['name']}", bool(control["ok"]), str(control["detail"]))
        for control in manifest.get("controls", [])
        if not control["ok"]
    ]
    broken = {control.name.removeprefix("output ") for control in controls if not control.ok}
    return controls + list(total_controls(directory, manifest["outputs"], broken=broken))


def output_controls(directory: Path, outputs: Sequence[Mapping[str, Any]]) -> Iterator[Control]:
    """Hash every output again."""
    for output in outputs:
        name = output["name"]
        told, fault = fault_of(directory, output)
        if fault:
            written = f"{output['size']:,} bytes, sha256 {output['sha256'][:12]}..."
            yield Control(f"output {name}", ok=False, detail=f"{name} {fault}: it was written with {written}")
        else:
            yield Control(f"output {name}", ok=True, detail=f"{told}, as written")


def input_controls(directory: Path, inputs: Sequence[Mapping[str, Any]], *, asked: bool) -> Iterator[Control]:
    """Hash every input again; those that are gone are a control of their own."""
    if not asked:
        yield Control("inputs", ok=True, detail=f"{counted(len(inputs), 'input')} left out, as asked")
        return
    local = [record for record in inputs if record["sha256"] is not None]
    found = {record["name"]: digest for record in local if (digest := hash_input(directory, record["name"]))}
    gone = [record["name"] for record in local if record["name"] not in found]
    changed = [r["name"] for r in local if found.get(r["name"], r["sha256"]) != r["sha256"]]
    detail = f"{len(found)} of {len(local)} hashed again, " + (f"changed: {changed[0]}" if changed else "all the same")
    yield Control("inputs", not changed, detail)
    if gone:
        yield Control("inputs present", ok=False, detail=f"{len(gone)} of {len(local)} gone or unreadable: {gone[0]}")
    if away := len(inputs) - len(local):
        yield Control("inputs hashed", ok=True, detail=f"{away} were no plain files and have no hash to check")


def hash_input(directory: Path, name: str) -> str | None:
    """Find an input under the name it had and hash it; None where it is gone or cannot be read."""
    for place in (Path(), directory, directory.parent):
        if (place / name).is_file():
            with suppress(OSError):
                return hash_file(place / name)[1]
    return None


def total_controls(
    directory: Path, outputs: Sequence[Mapping[str, Any]], *, broken: Collection[str]
) -> Iterator[Control]:
    """Read table and summary, and work the control totals out again; of files that were changed nothing is believed."""
    names = {output["name"]: output for output in outputs}
    for table in TABLES:
        if f"{table}.parquet" not in names or SUMMARY not in names:
            continue
        if spoilt := sorted(set(broken) & {f"{table}.parquet", SUMMARY}):
            yield Control("totals", ok=False, detail=f"not worked out again: {spoilt[0]} was changed")
            continue
        try:
            summary = json.loads((directory / SUMMARY).read_bytes())
            yield from check_totals(directory, table, summary=summary, rows=names[f"{table}.parquet"]["rows"])
            for name in names:
                if name.startswith(f"{table}-by-") and name.endswith(".parquet") and name not in broken:
                    yield check_groups(directory, name.removesuffix(".parquet"), summary, names[name]["rows"])
            if "penalties" in summary and "penalties.parquet" not in broken:
                yield from check_penalties(directory, summary)
        except UNREADABLE as error:
            kind = type(error).__name__
            yield Control("totals", ok=False, detail=f"{table} or {SUMMARY} is not what it should be ({kind})")


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
