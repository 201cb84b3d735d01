"""Splits: which payees share what an artist or a track earns, in exact parts that sum to one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from fairpay.books.ledger import apportion
from fairpay.books.tables import Faults, Line, read_table
from fairpay.errors import UsageError
from fairpay.money import parse_rate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["RESERVED", "Splits", "read_splits"]

NAMES = {"artist": ("artist_id",), "track": ("track_id", "isrc"), "payee": ("payee_id",), "share": ("shares", "part")}
RESERVED = ("unmatched:", "unclaimed:", "unallocated:", "held:")
"""Beginnings of account names that fairpay keeps for money in suspense."""


@dataclass(frozen=True, slots=True)
class Splits:
    """The payees of each artist or track, ordered by payee id."""

    artists: Mapping[str, tuple[tuple[str, Fraction], ...]] = field(default_factory=dict)
    tracks: Mapping[str, tuple[tuple[str, Fraction], ...]] = field(default_factory=dict)

    def of(self, source: str) -> tuple[tuple[str, Fraction], ...]:
        """The payees of an artist or track, and their shares."""
        return self.tracks.get(source) or self.artists[source]

    def divide(self, source: str, amount: int) -> list[tuple[str, int]]:
        """Divide what a source earned among its payees; the parts sum to the amount, whatever its sign."""
        payees = self.of(source)
        return list(zip((p for p, _ in payees), apportion(amount, [s for _, s in payees]), strict=True))

    def __contains__(self, source: object) -> bool:
        """Whether the artist or track has payees of its own."""
        return source in self.tracks or source in self.artists


def read_splits(path: Path) -> Splits:
    """Read lines of artist (or track), payee and share (`1/3`, `33.5%`, `0.25`).

    Raises:
        InputError: shares that do not sum to 1 (each offender named), a payee twice, a share that is no share,
            a line with both or neither of artist and track, an id that is both an artist and a track.

    """
    faults = Faults(path.name)
    found: dict[str, dict[str, dict[str, Fraction]]] = {"artist": defaultdict(dict), "track": defaultdict(dict)}
    for line in read_table(path, names=NAMES, needed=("payee", "share")):
        read_line(line, found, faults)
    for what, sources in found.items():
        for source, shares in sources.items():
            total = sum(shares.values())
            if total != 1:
                faults.add(f"the shares of {what} {source} sum to {total}, not 1", f"{len(shares)} payees")
    for source in sorted(found["artist"].keys() & found["track"].keys()):
        faults.add(f"{source} is both an artist and a track", "give them different ids")
    faults.stop("Correct the shares: those of each artist or track must sum to exactly 1; write thirds as 1/3.")
    ordered = {
        what: {source: tuple(sorted(shares.items())) for source, shares in sources.items()}
        for what, sources in found.items()
    }
    return Splits(ordered["artist"], ordered["track"])


def read_line(line: Line, found: dict[str, dict[str, dict[str, Fraction]]], faults: Faults) -> None:
    """Judge one line and keep it if it is good."""
    payee = line.values["payee"]
    named = [what for what in ("artist", "track") if line.values.get(what)]
    if len(named) != 1:
        faults.add("a line needs an artist or a track, and not both", line.number)
        return
    if not payee or payee.startswith(RESERVED):
        faults.add(
            "the payee is empty" if not payee else f"the payee begins with a reserved word: {payee}", line.number
        )
        return
    try:
        share = parse_rate(line.values["share"])
    except UsageError as error:
        faults.add(error.message, line.number)
        return
    shares = found[named[0]][line.values[named[0]]]
    if payee in shares:
        faults.add(f"a payee stands twice under one {named[0]}: {payee}", line.number)
    shares[payee] = shares.get(payee, Fraction(0)) + share
