"""The files a run reads: what each is read as, what its rows take from its place, and its hash."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from fairpay.reports.outcome import InputFile
from fairpay.runs.hashing import InputHasher

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fairpay.logs.files import LogFile
    from fairpay.settings.values import Reading

__all__ = ["LOGS", "HashedInputs", "log_inputs"]

LOGS = "logs"


@dataclass(frozen=True, slots=True)
class HashedInputs:
    """The inputs of a run, hashed beside the work that reads them."""

    inputs: tuple[InputFile, ...]
    hasher: InputHasher

    @classmethod
    def begin(cls, inputs: Sequence[InputFile]) -> Self:
        """Note how the files stand now, and begin to hash them; each once, also where it is read as two things."""
        hasher = InputHasher([one.path for one in inputs])
        hasher.start()
        return cls(tuple(inputs), hasher)

    def records(self) -> list[dict[str, Any]]:
        """Wait, and return `role`, `name`, `size` and `sha256` of each input, and `known_as` where it has one.

        Raises:
            InputError: when a file cannot be read, or changed meanwhile.

        """
        found = {str(one["name"]): one for one in self.hasher.join()}
        return [
            {"role": one.role, **found[one.path], **({"known_as": one.known_as} if one.known_as else {})}
            for one in self.inputs
        ]


def log_inputs(files: Iterable[LogFile], reading: Reading, role: str = LOGS) -> list[InputFile]:
    """Return log files as inputs, in their order."""
    return [InputFile(role, file.path, known_as(file, reading)) for file in files]


def known_as(file: LogFile, reading: Reading) -> str:
    """Write what a file's rows take from its place, the same for the same rows; empty where they take nothing."""
    keys = ((quoted(key), value) for key, value in sorted(file.hive.items()))
    parts = [key if value is None else f"{key}={quoted(value)}" for key, value in keys]
    whose = [quoted(file.stem)] if reading.user_from_file else [quoted(file.person)] if reading.user_from_folder else []
    return "/".join([*parts, *whose])


def quoted(name: str) -> str:
    """Write a name, which need not be UTF-8, in characters that are safe anywhere."""
    return quote(os.fsencode(name), safe="")
