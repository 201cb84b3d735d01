"""A disk on which an operation fails."""

from __future__ import annotations

import errno

__all__ = ["Fault"]


class Fault:
    """Lets the N-th operation fail, or it and all after it."""

    def __init__(self, at: int, error: BaseException | None = None, *, lasting: bool = False) -> None:
        """Fail at the N-th operation, counted from 1."""
        self.at, self.lasting = at, lasting
        self.error = error or OSError(errno.ENOSPC, "full")
        self.seen = 0

    def __call__(self, *_: object) -> None:
        """Count an operation, and fail where it is due."""
        self.seen += 1
        if self.seen == self.at or (self.lasting and self.seen > self.at):
            raise self.error

    @property
    def due(self) -> bool:
        """Whether there were enough operations for it to happen."""
        return self.seen >= self.at
