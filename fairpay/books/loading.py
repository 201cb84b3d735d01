"""Loading: the tables a month is closed with, read and judged together, before any play is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairpay.books.aliases import Aliases, read_aliases
from fairpay.books.keys import key_columns
from fairpay.books.pools import Pool, read_pools
from fairpay.books.routing import Routing
from fairpay.books.splits import Splits, read_splits
from fairpay.books.standing import Standing, read_advances, read_fees, read_holds
from fairpay.books.tables import read_table
from fairpay.errors import UsageError
from fairpay.rules import find_rule

if TYPE_CHECKING:
    from pathlib import Path

    from fairpay.books.closing import Closing

__all__ = ["Loaded", "load"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the tables say."""

    pools: list[Pool]
    columns: tuple[str, ...]
    """The key columns that tell pools apart."""
    routing: Routing
    standing: Standing

    @property
    def currencies(self) -> set[str]:
        """Currencies that are paid out."""
        return {pool.payout.code for pool in self.pools}


def load(closing: Closing) -> Loaded:
    """Read every table.

    Raises:
        UsageError: no pool file; a pool without a rule.
        InputError: a table that cannot be used.

    """
    tables, currency = closing.tables, closing.currency
    if "pools" not in tables:
        message = "no pools stated"
        raise UsageError(message, advice="Give --pools FILE: a line for each pool with its gross revenue.")
    pools = read_pools(tables["pools"], currency=currency)
    bare = [pool.name for pool in pools if pool.rule is None]
    if closing.rule is not None:
        find_rule(closing.rule)
    elif bare:
        message = f"no rule stated for {len(bare):,} pools, {bare[0]} among them"
        raise UsageError(message, advice="Give --rule NAME, or fill the pool file's column `rule`.")
    advances, fees, holds = tables.get("advances"), tables.get("fees"), tables.get("holds")
    return Loaded(
        pools=pools,
        columns=key_columns(pools, closing.pool_by),
        routing=Routing(
            aliases=read_aliases(tables["aliases"]) if "aliases" in tables else Aliases({}),
            splits=read_splits(tables["splits"]) if "splits" in tables else Splits(),
            catalogue=read_catalogue(tables["artists"]) if "artists" in tables else None,
            suspend_unsplit=closing.unsplit == "suspend",
        ),
        standing=Standing(
            holds=read_holds(holds) if holds else {},
            advances=read_advances(advances, currency=currency, period=closing.period) if advances else {},
            fees=read_fees(fees, currency=currency) if fees else {},
        ),
    )


def read_catalogue(path: Path) -> frozenset[str]:
    """The ids of a table of artists."""
    lines = read_table(path, names={"artist": ("artist_id", "id")}, needed=("artist",))
    return frozenset(line.values["artist"] for line in lines if line.values["artist"])
