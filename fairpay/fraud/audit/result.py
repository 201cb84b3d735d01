"""Audited: what the Python door gives back for an audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairpay.fraud.audit.report import summary, table
from fairpay.reports.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from fairpay.fraud.audit.findings import Audit
    from fairpay.reports.outcome import InputFile, Outcome

__all__ = ["Audited"]


@dataclass(frozen=True, slots=True, repr=False)
class Audited(Shown):
    """What an audit found."""

    outcome: Outcome
    """The month: money, listening, controls. It holds no payouts; `findings` does."""
    findings: Audit
    """Everything, in integers and fractions."""
    inputs: tuple[InputFile, ...]
    """The files read, in order; scenario files last."""
    origins: Mapping[str, tuple[Any, str]]
    """Every option with its value and where it came from."""
    published: str = ""
    """`done` or `already` where the run was written to a directory."""
    command: str = "audit"

    def __repr__(self) -> str:
        """Say in one line what it is."""
        pool = f"{self.outcome.currency.text(self.outcome.money.pool)} {self.outcome.currency.code}"
        rules = ", ".join(found.rule.label for found in self.findings.rules)
        return f"<audit of {pool} under {rules}: {self.outcome.listening.artists:,} artists>"

    @property
    def arrow(self) -> pa.Table:
        """A row for each rule and scenario, as an Arrow table; amounts are exact decimals."""
        return table(self.outcome, self.findings)

    @property
    def summary(self) -> dict[str, Any]:
        """What `summary.json` holds."""
        return summary(self.outcome, self.findings)
