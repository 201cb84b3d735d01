"""Decision: what a person decided about an account or an artist. Nothing else withholds money."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["Decision", "Deed", "Kind"]

Kind: TypeAlias = Literal["user", "artist"]
Deed: TypeAlias = Literal["keep", "hold", "exclude", "weight"]


@dataclass(frozen=True, slots=True)
class Decision:
    """One decided subject."""

    kind: Kind
    subject: str
    """The id, as in the log."""
    deed: Deed
    """`keep` changes nothing, `hold` pays the plays to a suspense line, `exclude` leaves them out, `weight` counts them
    for a part."""
    weight: Fraction
    """What plays count: 1 for keep and hold, 0 for exclude."""
    by: str
    """Who decided."""
    note: str
    row: int
    """Line in the file, from 1 without the header, for messages."""

    @property
    def mark(self) -> str:
        """The subject's hash, which stands for the id wherever results are kept: the same in every run.

        It hides an id from a reader and not from somebody who has a list of ids to try.
        """
        return sha256(f"{self.kind}\0{self.subject}".encode()).hexdigest()[:32]

    @property
    def said(self) -> str:
        """The decision as it is written: `weight 1/2`."""
        return f"weight {self.weight}" if self.deed == "weight" else self.deed
