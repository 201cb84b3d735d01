"""Loading: the tables a month is closed with, read and judged together, before any play is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairpay.adjust.review import read_decisions
from fairpay.adjust.stated import check_conditions, read_statements
from fairpay.errors import UsageError
from fairpay.ledger.aliases import Aliases, read_aliases
from fairpay.ledger.policies import Policies, choose, ruled
from fairpay.ledger.pools import Pool, key_columns, read_pools
from fairpay.ledger.routing import Routing
from fairpay.ledger.splits import Splits, read_splits
from fairpay.ledger.standing import Standing, read_advances, read_fees, read_holds
from fairpay.ledger.tables import read_table

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

    from fairpay.adjust.decisions import Decision
    from fairpay.adjust.splits import Wishes
    from fairpay.adjust.stated import Stated
    from fairpay.ledger.closing import Closing

__all__ = ["Loaded", "load"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the tables say."""

    pools: list[Pool]
    """Each with its rule."""
    columns: tuple[str, ...]
    """The key columns that tell pools apart."""
    routing: Routing
    standing: Standing
    policies: Policies = field(default_factory=Policies)
    decisions: tuple[Decision, ...] | None = None
    """What a person decided; None: nothing was asked."""
    history: Stated[dict[str, int]] | None = None
    wishes: Stated[Wishes] | None = None
    delegations: Stated[dict[str, Fraction]] | None = None

    @property
    def currencies(self) -> set[str]:
        """Currencies that are paid out."""
        return {pool.payout.code for pool in self.pools}


def load(closing: Closing) -> Loaded:
    """Read every table.

    Raises:
        UsageError: no pool file; a pool without a rule; a policy or a number that is none.
        InputError: a table that cannot be used.

    """
    tables, currency = closing.tables, closing.currency
    if "pools" not in tables:
        message = "no pools stated"
        raise UsageError(message, advice="Give --pools FILE: a line for each pool with its gross revenue.")
    pools = read_pools(tables["pools"], currency=currency, edition=closing.edition)
    policies = choose(pools, closing.policy, beside=tables["pools"].parent, kept=closing.kept)
    pools = ruled(pools, closing.rule, policies)
    check_conditions(closing.conditions(), tables.get("subscribers"))
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
        policies=policies,
        decisions=read_decisions(tables["decisions"]) if "decisions" in tables else None,
        **read_statements(
            *(tables.get(name) for name in ("history", "wishes", "delegations")),
            set_aside=closing.reading.rejects is not None,
        ),
    )


def read_catalogue(path: Path) -> frozenset[str]:
    """The ids of a table of artists."""
    lines = read_table(path, names={"artist": ("artist_id", "id")}, needed=("artist",))
    return frozenset(line.values["artist"] for line in lines if line.values["artist"])
