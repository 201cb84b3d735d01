"""Aliases: wrong artist ids and the right ones; chains are followed, circles refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairpay.ledger.tables import read_table
from fairpay.logs.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Aliases", "read_aliases", "resolve"]

NAMES = {"wrong": ("wrong_id", "badid", "alias", "from"), "right": ("right_id", "goodid", "artist", "to")}


@dataclass(frozen=True, slots=True)
class Aliases:
    """Which id stands for which."""

    right: Mapping[str, str]
    """wrong id -> final right id, which is never itself a wrong one."""
    selves: int = 0
    """Lines that name an id as its own alias: without effect."""
    chains: int = 0
    """Wrong ids whose right id was itself an alias."""

    def of(self, artist: str) -> str:
        """The right id of an artist."""
        return self.right.get(artist, artist)


def read_aliases(path: Path) -> Aliases:
    """Read a table of wrong and right ids.

    Raises:
        InputError: an empty id, one wrong id with two right ones, or ids that name each other in a circle.

    """
    faults = Faults(path.name)
    pairs: dict[str, str] = {}
    selves = 0
    for line in read_table(path, names=NAMES, needed=("wrong", "right"), bare=("wrong", "right")):
        wrong, right = line.values["wrong"], line.values["right"]
        if not wrong or not right:
            faults.add("an id is empty", line.number)
        elif wrong == right:
            selves += 1
        elif pairs.setdefault(wrong, right) != right:
            faults.add(f"a wrong id has two right ones: {wrong}", line.number)
    resolved, chains, circles = resolve(pairs)
    for circle in circles:
        faults.add("ids name each other in a circle", " -> ".join((*circle, circle[0])))
    faults.stop("Correct the table: each wrong id needs one right id that is not itself wrong in the end.")
    return Aliases(resolved, selves, chains)


def resolve(pairs: Mapping[str, str]) -> tuple[dict[str, str], int, list[Sequence[str]]]:
    """Follow every chain to its end; return the final ids, how many were chains, and each circle once."""
    final: dict[str, str] = {}
    chains = 0
    circles: dict[frozenset[str], Sequence[str]] = {}
    for wrong, first in pairs.items():
        trail, at = [wrong], first
        while at in pairs and at not in trail:
            trail.append(at)
            at = pairs[at]
        if at in trail:
            circle = trail[trail.index(at) :]
            circles.setdefault(frozenset(circle), circle)
            continue
        final[wrong] = at
        chains += len(trail) > 1
    return final, chains, list(circles.values())
