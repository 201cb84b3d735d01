"""Identity: a run is what it was asked, on which bytes, after which month; the same again has the same id."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairpay.books.store import sha256_of
from fairpay.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["Input", "find_again", "inputs_of", "run_id_of"]

DIGITS = 16
LOGS, EXCLUDED = "logs", "exclude"


@dataclass(frozen=True, slots=True)
class Input:
    """A file a run read."""

    role: str
    """`logs`, `exclude`, or the table it is."""
    path: str
    """Where it was, seen from the books."""
    size: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {"role": self.role, "path": self.path, "size": self.size, "sha256": self.sha256}


def inputs_of(hashed: Mapping[str, Mapping[str, Any]], asked: Iterable[tuple[str, str]], books: Path) -> list[Input]:
    """Put together what was hashed with what it was read as; in an order that the order of files does not change.

    Args:
        hashed: path -> size and sha256.
        asked: (role, path) of each file read.
        books: where the books are; paths are kept as seen from there.

    Raises:
        InputError: a file that cannot be hashed: books need inputs that can be told again.

    """
    asked = list(asked)
    remote = [path for _, path in asked if hashed[path]["sha256"] is None]
    if remote:
        message = f"{len(remote):,} inputs are not plain files on this machine, {remote[0]} among them"
        raise InputError(message, advice="Books are closed from files that can be read again: copy them here first.")
    inputs = [
        Input(role, os.path.relpath(path, books), int(hashed[path]["size"]), str(hashed[path]["sha256"]))
        for role, path in asked
    ]
    return sorted(inputs, key=lambda one: (one.role, one.sha256, one.path))


def run_id_of(previous: str, options: Mapping[str, Any], inputs: Iterable[Input], adjustments: Iterable[str]) -> str:
    """The id of a run: what decides its result, and nothing else (no path, no clock, no machine).

    Args:
        previous: the run id of the month before; empty for the first.
        options: everything that decides the result besides inputs.
        inputs: the files read.
        adjustments: run ids of the adjustments it books.

    """
    hashes = sorted([one.role, one.sha256] for one in inputs)
    parts = {"previous": previous, "options": dict(options), "inputs": hashes, "adjustments": list(adjustments)}
    return sha256_of(parts)[:DIGITS]


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
    return [path.resolve() for path in paths]
