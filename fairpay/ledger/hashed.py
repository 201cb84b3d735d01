"""Hashed: the inputs of a closing or a correction, hashed beside the work that reads them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fairpay.ledger.identity import inputs_of
from fairpay.logs.find import find_logs
from fairpay.reports.outcome import InputFile
from fairpay.runs.inputs import LOGS, HashedInputs, log_inputs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fairpay.ledger.changes import Change
    from fairpay.ledger.closing import Closing
    from fairpay.ledger.identity import Input

__all__ = ["Hashing"]


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

    @classmethod
    def of_change(cls, change: Change, closing: Closing) -> Hashing:
        """Find the files of a correction, and begin."""
        only = replace(closing, logs=change.logs, tables={})
        return cls.of(only, more=change.files())

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
