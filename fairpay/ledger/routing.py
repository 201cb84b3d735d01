"""Routing: from the artist or track that earned to the accounts that are credited, or to suspense."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from fairpay.ledger.aliases import Aliases
from fairpay.ledger.splits import OF_TRACK, RESERVED, Splits

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

__all__ = ["UNALLOCATED", "Routing", "in_suspense", "is_suspense"]

UNMATCHED, UNCLAIMED, UNALLOCATED, HELD = RESERVED
"""What is held waits by a person's decision, or by a listener's wishes, and for nothing that a table could say."""


def in_suspense(account: str) -> bool:
    """Whether an account holds money nobody can be paid yet."""
    return account.startswith(RESERVED)


def is_suspense(column: str) -> pl.Expr:
    """The same of each account of a column."""
    return pl.any_horizontal(pl.col(column).cat.starts_with(word) for word in RESERVED)


@dataclass(frozen=True, slots=True)
class Routing:
    """Who stands behind an artist."""

    aliases: Aliases = field(default_factory=lambda: Aliases({}))
    splits: Splits = field(default_factory=Splits)
    catalogue: AbstractSet[str] | None = None
    """Artists that are known; None: all are."""
    suspend_unsplit: bool = False
    """Whether an artist without splits is unclaimed; else it is its own payee."""

    def account(self, source: str) -> str:
        """The account that is credited first: the source itself, or its account in suspense."""
        if source.startswith(HELD):
            return source
        if self.catalogue is not None and self.splits.artist(source) not in self.catalogue:
            return UNMATCHED + source
        return UNCLAIMED + source if self.suspend_unsplit and source not in self.splits else source

    def target(self, account: str) -> str:
        """Where the money of an account in suspense belongs under the present tables.

        An artist or track that has payees, or an account; the same account says that the money stays.
        """
        if account == UNALLOCATED or account.startswith(HELD):
            return account
        return self.account(self.known_as(account.partition(":")[2]))

    def known_as(self, source: str) -> str:
        """The same artist or track under its artist's right id."""
        artist, of_track, track = source.partition(OF_TRACK)
        right = self.aliases.of(artist) + of_track + track
        return right if of_track and right in self.splits else self.aliases.of(source)
