"""What the program is known to get wrong while it is being mended: empty once it is. The oracle gives the right answer.

Each entry says why, and of which months and rules; these are run and not compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from oracle_rules import Rule
    from random_months import Month


@dataclass(frozen=True)
class Fault:
    """Something known to be wrong."""

    name: str
    why: str
    meets: Callable[[Month, Rule], bool] | None = None
    """Which months, under which rules; None where it is a matter of files or of the books."""


KNOWN_FAULTS: tuple[Fault, ...] = ()


def known(month: Month, rule: Rule) -> str:
    """Why a month is not compared under a rule; empty where it is."""
    return next((fault.why for fault in KNOWN_FAULTS if fault.meets and fault.meets(month, rule)), "")


def known_by_name(name: str) -> str:
    """Why something is not tried; empty where it is."""
    return next((fault.why for fault in KNOWN_FAULTS if fault.name == name), "")
