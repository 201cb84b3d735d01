"""Warnings: what may be read in a way that its owner would not expect, counted, with examples and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Cautions", "Warned"]

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Warned:
    """One kind of warning."""

    code: str
    """What scripts know it by: `repeats`."""
    count: int
    """How often it was met."""
    examples: tuple[str, ...]
    """The smallest of its examples, at most three."""
    advice: str
    """What to do, in a sentence."""


class Cautions:
    """Collects warnings from any number of threads; what it gives does not depend on their order."""

    def __init__(self) -> None:
        """Begin with none."""
        self.lock = Lock()
        self.by_code: dict[str, Warned] = {}

    def add(self, code: str, count: int, examples: Iterable[str], advice: str) -> None:
        """Count a warning `count` times more; of all its examples the smallest are kept."""
        if count < 1:
            return
        with self.lock:
            old = self.by_code.get(code, Warned(code, 0, (), advice))
            shown = tuple(sorted({*old.examples, *examples})[:SHOWN])
            self.by_code[code] = Warned(code, old.count + count, shown, min(old.advice, advice))

    def found(self) -> tuple[Warned, ...]:
        """Return every warning, by code."""
        with self.lock:
            return tuple(self.by_code[code] for code in sorted(self.by_code))
