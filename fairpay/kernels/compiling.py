"""Who is told that a kernel is being compiled: that takes seconds, and happens once on a machine."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["compiling", "told_of_compiling"]

LISTENERS: list[Callable[[], None]] = []


@contextmanager
def told_of_compiling(listener: Callable[[], None]) -> Iterator[None]:
    """Tell somebody, on any thread, whenever a kernel is compiled meanwhile."""
    LISTENERS.append(listener)
    try:
        yield
    finally:
        LISTENERS.remove(listener)


def compiling() -> None:
    """Say that a kernel is about to be compiled."""
    for listener in tuple(LISTENERS):
        listener()
