"""Effects: what the policies of a month did, pool by pool and line by line, as a table beside the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.ledger.textfiles import written

if TYPE_CHECKING:
    from fairpay.ledger.facts import Facts

__all__ = ["effects_files"]

FILE = "policies.csv"
COLUMNS = ("pool", "policy", "sha256", "min_seconds", "measure", "line", "times", "rows", "plays", "applied")


def effects_files(facts: Facts) -> dict[str, str]:
    """File name -> text; no file where no pool has a policy. A policy without lines has one row, its line empty."""
    if not facts.policies:
        return {}
    records = []
    for one in facts.policies:
        head = [one.pool, one.policy, one.sha256, one.min_seconds, one.measure]
        lines = [[x.name, x.times, str(x.rows), str(x.plays), "yes" if x.applied else "no"] for x in one.lines]
        records += [[*head, *line] for line in lines or [["", "", "", "", ""]]]
    return {FILE: written(COLUMNS, records)}
