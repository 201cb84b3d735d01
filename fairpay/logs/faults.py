"""What can go wrong in reading a file, said in one sentence instead of a traceback, and in a table's lines."""

from __future__ import annotations

import lzma
import sys
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from fairpay.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Faults", "reading_of", "short"]

ENCODING = "The file is damaged, or in another encoding: for text files say which, such as --encoding latin-1."
QUOTING = 'If " is part of names rather than quoting, use --no-quote.'
DAMAGED = "The file is damaged or cut short, or not of this format; fetch it again."
LONGEST = 200


@contextmanager
def reading_of(path: str, *, encoding: str = "UTF-8") -> Iterator[None]:
    """Turn the faults of the libraries that read files into InputError.

    Raises:
        InputError: for anything that is wrong with the file.

    """
    try:
        yield
    except PermissionError as error:
        message = f"{path}: cannot be read: permission denied"
        raise InputError(message) from error
    except UnicodeDecodeError as error:
        message = f"{path}: not {encoding} text (byte {error.start} of the part being read)"
        raise InputError(message, advice=ENCODING) from error
    except MemoryError as error:
        message = f"{path}: the file asks for more memory than there is"
        raise InputError(message, advice=DAMAGED) from error
    except pl.exceptions.DuplicateError as error:
        message = f"{path}: more than one column is named the same: {short(str(error))}"
        raise InputError(message, advice="Rename the columns, so that each name stands for one.") from error
    except (*FAULTS, *faults_of_arrow()) as error:
        message = f"{path}: cannot be read: {short(str(error))}"
        raise InputError(message, advice=advice_for(str(error))) from error


FAULTS: tuple[type[BaseException], ...] = (
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    ValueError,
    OverflowError,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)
"""What a damaged file makes of the libraries; Polars' panics are no Exception of Python's."""


def faults_of_arrow() -> tuple[type[BaseException], ...]:
    """Return what PyArrow raises, if it is in use."""
    arrow = sys.modules.get("pyarrow")
    return () if arrow is None else (arrow.ArrowException,)


def advice_for(text: str) -> str:
    """Say what usually helps."""
    if "utf-8" in text.lower() or "utf8" in text.lower():
        return ENCODING
    if "CSV malformed" in text or "as dtype `str`" in text:
        return QUOTING
    return DAMAGED


def short(text: str) -> str:
    """Keep the first sentence of a library's message, without values of the file that may be ids."""
    line = text.strip().split("\n", maxsplit=1)[0]
    if "as dtype `str`" in text:
        place = next((part for part in text.split("\n") if "current offset" in part), "")
        line = f"a quoted field does not end where it should. {place.strip()}"
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."


@dataclass(slots=True)
class Faults:
    """What is wrong with the lines of a table, by reason, until all of it has been looked at."""

    what: str
    """The table, for the message: `splits.csv`."""
    found: dict[str, Problem] = field(default_factory=dict)
    """reason -> how often it was met, and where first."""

    def add(self, reason: str, where: int | str, count: int = 1, *, example: str = "") -> None:
        """Count faults of one reason; the first place and example are kept.

        Args:
            reason: what is wrong.
            where: the line, from 1 without the header; or another place, in words.
            count: how many there are.
            example: what stands there, to be added to the reason.

        """
        at = f"first at row {where}" if isinstance(where, int) else where
        first = self.found.get(reason, Problem(0, reason + example, at))
        self.found[reason] = Problem(first.count + count, first.reason, first.where)

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(problem.count for problem in self.found.values())

    def stop(self, advice: str, words: str = "{} faults") -> None:
        """End here if anything was found.

        Args:
            advice: what to do.
            words: the message, with the number of faults for `{}`.

        Raises:
            InputError: with every reason, its count and its first place.

        """
        if self.found:
            message = f"{self.what}: {words.format(self.count)}"
            raise InputError(message, problems=list(self.found.values()), advice=advice)
