"""Hashed: the inputs of a run, hashed beside the work that reads them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fairpay.books.identity import LOGS, inputs_of
from fairpay.io.hashing import InputHasher
from fairpay.logs.find import find_logs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fairpay.books.changes import Change
    from fairpay.books.closing import Closing
    from fairpay.books.identity import Input

__all__ = ["Hashing"]


@dataclass(frozen=True, slots=True)
class Hashing:
    """The inputs of a run, hashed beside the work that reads them."""

    asked: tuple[tuple[str, str], ...]
    """(role, path) of each file."""
    books: Path
    hasher: InputHasher

    @classmethod
    def of(cls, closing: Closing, *, more: Iterable[tuple[str, Path]] = ()) -> Hashing:
        """Find the files of a closing, and begin; `more` are files with their roles."""
        asked = [(role, str(path)) for role, path in (*closing.tables.items(), *more)]
        if closing.logs:
            asked += [(LOGS, file.path) for file in find_logs(list(closing.logs), closing.reading).files]
        hasher = InputHasher([path for _, path in asked])
        hasher.start()
        return cls(tuple(asked), closing.books, hasher)

    @classmethod
    def of_change(cls, change: Change, closing: Closing) -> Hashing:
        """Find the files of a correction, and begin."""
        only = replace(closing, logs=change.logs, tables={})
        return cls.of(only, more=change.files())

    def inputs(self) -> list[Input]:
        """Wait, and say what was read.

        Raises:
            InputError: a file changed meanwhile, or cannot be hashed.

        """
        return inputs_of({str(one["name"]): one for one in self.hasher.join()}, self.asked, self.books)
