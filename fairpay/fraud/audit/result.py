"""Audited: what the Python door gives back for an audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairpay.fraud.audit.report import summary, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl
    import pyarrow as pa

    from fairpay.fraud.audit.findings import Audit
    from fairpay.reports.outcome import InputFile, Outcome

__all__ = ["Audited"]


@dataclass(frozen=True, slots=True)
class Audited:
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

    @property
    def arrow(self) -> pa.Table:
        """A row for each rule and scenario, as an Arrow table; amounts are exact decimals."""
        return table(self.outcome, self.findings)

    @property
    def table(self) -> pl.DataFrame:
        """The same as a Polars frame."""
        import polars as pl  # noqa: PLC0415 - Polars is loaded where it is used

        return pl.DataFrame(self.arrow)

    @property
    def summary(self) -> dict[str, Any]:
        """What `summary.json` holds."""
        return summary(self.outcome, self.findings)
