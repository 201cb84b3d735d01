"""Every error a user can meet, each with its exit status; nothing else in fairpay maps errors to statuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "DifferentRunError",
    "FairpayError",
    "GuardError",
    "InputError",
    "LockedError",
    "NotVerifiedError",
    "NothingToPayError",
    "OutputError",
    "Problem",
    "UnbalancedError",
    "UnknownOptionError",
    "UsageError",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why rows of an input cannot be used."""

    count: int
    """How many rows have it."""
    reason: str
    """What is wrong, in words, with one offending value where that helps: `seconds is not a number: soon`."""
    where: str = ""
    """The first place it was met: `first at row 4`."""


class FairpayError(Exception):
    """Something a user can put right. The message is whole sentences: what is wrong, with counts, and what to do."""

    status: ClassVar[int] = 1

    def __init__(self, message: str, *, problems: Sequence[Problem] = (), advice: str = "") -> None:
        """Keep the parts apart, so that a terminal and `--json` can each show them their own way."""
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems)
        self.advice = advice


class UsageError(FairpayError):
    """The command line is wrong: an unknown rule or parameter, options that exclude each other."""

    status = 2


class UnknownOptionError(UsageError, TypeError):
    """A keyword that a function of fairpay does not take."""


class InputError(FairpayError):
    """An input cannot be used: unreadable, columns missing, bad rows."""

    status = 3


class OutputError(FairpayError):
    """The output could not be written. Nothing half-written is left."""

    status = 4


class NothingToPayError(FairpayError):
    """No listen qualified, or no rule weight is left to divide the money by."""

    status = 5


class LockedError(FairpayError):
    """Another run holds the output directory."""

    status = 6


class DifferentRunError(FairpayError):
    """The output directory holds another finished run."""

    status = 7


class NotVerifiedError(FairpayError):
    """A finished run, or books, are not as they were written."""

    status = 8


class GuardError(FairpayError):
    """More rows were set aside, or more listeners are not in the subscriber file, than was said to be normal."""

    status = 9


class UnbalancedError(FairpayError):
    """Money was created or lost. Nothing is written; this is always a fault of fairpay."""

    status = 70
