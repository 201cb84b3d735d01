"""Inputs: the files a run read, hashed beside the work that reads them, and the id that they and its options make.

A run is what it was asked, on which bytes, after which month; the same again has the same id.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairpay.errors import InputError
from fairpay.logs.find import find_logs
from fairpay.reports.outcome import InputFile
from fairpay.runs.inputs import LOGS, HashedInputs, log_inputs
from fairpay.runs.manifest import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fairpay.ledger.closing import Closing

__all__ = ["EXCLUDED", "LOGS", "Hashing", "Input", "find_again", "identity_of", "inputs_of", "run_id_of"]

DIGITS = 16
EXCLUDED = "exclude"


@dataclass(frozen=True, slots=True)
class Input:
    """A file a run read."""

    role: str
    """`logs`, `exclude`, or the table it is."""
    path: str
    """Where it was, seen from the books."""
    size: int
    sha256: str
    known_as: str = ""
    """What its rows take from its place: `country=DE` of hive folders, the user of a personal export."""

    def as_json(self) -> dict[str, Any]:
        """For the manifest."""
        said = {"role": self.role, "path": self.path, "size": self.size, "sha256": self.sha256}
        return {**said, "known_as": self.known_as} if self.known_as else said

    @property
    def identity(self) -> list[str]:
        """What tells it from another input."""
        return identity_of(self.as_json())


def identity_of(record: Mapping[str, Any]) -> list[str]:
    """What tells one input from another: its role, its hash, and what its rows take from its place, if anything."""
    own = [str(record["known_as"])] if record.get("known_as") else []
    return [str(record["role"]), str(record["sha256"]), *own]


def inputs_of(records: Iterable[Mapping[str, Any]], books: Path) -> list[Input]:
    """Say what was read, in an order that the order of files does not change.

    Args:
        records: `role`, `name`, `size`, `sha256` and perhaps `known_as` of each file read.
        books: where the books are; paths are kept as seen from there.

    Raises:
        InputError: a file that cannot be hashed: books need inputs that can be told again.

    """
    records = list(records)
    remote = [str(one["name"]) for one in records if one["sha256"] is None]
    if remote:
        message = f"{len(remote):,} inputs are not plain files on this machine, {remote[0]} among them"
        raise InputError(message, advice="Books are closed from files that can be read again: copy them here first.")
    inputs = [
        Input(
            str(one["role"]),
            os.path.relpath(one["name"], books),
            int(one["size"]),
            str(one["sha256"]),
            str(one.get("known_as", "")),
        )
        for one in records
    ]
    return sorted(inputs, key=lambda one: (one.role, one.sha256, one.known_as, one.path))


def run_id_of(previous: str, options: Mapping[str, Any], inputs: Iterable[Input], adjustments: Iterable[str]) -> str:
    """The id of a run: what decides its result, and nothing else (no path, no clock, no machine).

    Args:
        previous: the run id of the month before; empty for the first.
        options: everything that decides the result besides inputs.
        inputs: the files read.
        adjustments: run ids of the adjustments it books.

    """
    hashes = sorted(one.identity for one in inputs)
    parts = {"previous": previous, "options": dict(options), "inputs": hashes, "adjustments": list(adjustments)}
    return hashlib.sha256(canonical(parts)).hexdigest()[:DIGITS]


def find_again(inputs: Iterable[Mapping[str, Any]], role: str, books: Path) -> list[Path]:
    """Where the inputs of a closed month are now.

    Raises:
        InputError: one is gone.

    """
    paths = [books / str(one["path"]) for one in inputs if one["role"] == role]
    gone = [path.name for path in paths if not path.is_file()]
    if gone:
        message = f"{len(gone):,} of the files the month was closed from are gone, {gone[0]} among them"
        raise InputError(message, advice="Put them back where they were; the manifest has their sha256.")
    return [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100 - a link keeps the folders it is found in


@dataclass(frozen=True, slots=True)
class Hashing:
    """The inputs of a closing, hashed beside the work that reads them."""

    books: Path
    hashed: HashedInputs

    @classmethod
    def of(cls, closing: Closing, *, more: Sequence[tuple[str, Path]] = ()) -> Hashing:
        """Find the files of a closing, and begin; `more` are files with their roles."""
        asked = [InputFile(role, str(path)) for role, path in (*closing.tables.items(), *more) if role != LOGS]
        late = [str(path) for role, path in more if role == LOGS]
        if closing.logs or late:
            # each was held against the others of its correction when that was booked
            reading = replace(closing.reading, late={path: number for number, path in enumerate(late, start=1)})
            asked += log_inputs(find_logs([*closing.logs, *late], reading).files, reading)
        return cls(closing.books, HashedInputs.begin(asked))

    @property
    def paths(self) -> list[str]:
        """Every file."""
        return [one.path for one in self.hashed.inputs]

    def inputs(self) -> list[Input]:
        """Wait, and say what was read.

        Raises:
            InputError: a file changed meanwhile, or cannot be hashed.

        """
        return inputs_of(self.hashed.records(), self.books)
