"""The jobs of the pipeline: `compare` and `pay`, as Python and the command line call them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Unpack

import pyarrow as pa

from fairpay.adjust.policy import find_policy
from fairpay.errors import UsageError
from fairpay.pipeline.places import placed
from fairpay.pipeline.work import Saved, do, origins_of
from fairpay.reports.disclosure import merge_few
from fairpay.reports.summary import summary
from fairpay.reports.tables import comparison, payouts, penalties
from fairpay.rules import USUAL, spelled
from fairpay.runs.outputs import write_csv, write_parquet
from fairpay.settings.commands import complete
from fairpay.settings.speech import job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from fairpay.pipeline.request import Request
    from fairpay.settings import options as o
    from fairpay.settings.option import Logs

__all__ = ["Result", "compare", "pay", "policy_rule", "two_or_more", "with_policy"]


@dataclass(frozen=True, slots=True, repr=False)
class Result(Saved):
    """What a run worked out."""

    command: Literal["compare", "pay"]

    def __repr__(self) -> str:
        """Say in one line what it is."""
        money, listening = self.outcome.money, self.outcome.listening
        rules = ", ".join(payout.rule.label for payout in self.outcome.payouts)
        pool = f"{self.outcome.currency.text(money.pool)} {self.outcome.currency.code}"
        return f"<{self.command} of {pool} under {rules}: {listening.artists:,} artists, {listening.users:,} users>"

    @property
    def arrow(self) -> pa.Table:
        """The comparison or the payouts as an Arrow table; amounts are exact decimals."""
        return pa.concat_tables(self.parts)

    @property
    def parts(self) -> Iterator[pa.Table]:
        """The same in parts, each made when it is asked for."""
        return comparison(self.outcome) if self.command == "compare" else payouts(self.outcome)

    @property
    def groups(self) -> dict[str, pa.Table]:
        """Groups by each column that `by` named: a row for each group, as `comparison-by-COLUMN` has it."""
        if not self.outcome.groups:
            return {}
        from fairpay.reports.groups import tables_of  # noqa: PLC0415 - only where groups are asked for

        return {column: table for column, (_, table) in tables_of(self.outcome, self.command).items()}

    @property
    def summary(self) -> dict[str, Any]:
        """What `summary.json` holds."""
        return summary(self.outcome, self.command)

    @property
    def penalties(self) -> pa.Table | None:
        """What excluded plays would have earned, penalties and who gets them; None where nothing may be charged."""
        return None if self.outcome.penalties is None else penalties(self.outcome)

    @property
    def beside(self) -> dict[str, Callable[[Path], int | None]]:
        """The files of penalties, where there are any."""
        table = self.penalties
        if table is None:
            return {}
        return {
            "penalties.csv": partial(write_csv, table),
            "penalties.parquet": partial(write_parquet, table),
        }


@job
def compare(logs: Logs, **options: Unpack[o.CompareOptions]) -> Result:
    """Work out what each artist gets under two or more rules, who gains, who loses and why.

    Args:
        logs: paths (file, glob, directory), a Polars frame, or anything that exports Arrow (pandas, PyArrow, DuckDB).
        **options: see `fairpay.settings.options`; `fairpay compare --help` explains them. Differences are against the
            first of `rules`. Files of listeners, artists and decisions may be frames too.

    Raises:
        FairpayError: every error a user can meet, see `fairpay.errors`.

    """
    full = with_policy("compare", options)
    if full["k"] > 1 and full["decisions"] is not None:
        message = "--k keeps listeners apart from what is told, and --decisions tells what single accounts come to"
        raise UsageError(message, advice="Give one of them.")
    return divided("compare", logs, two_or_more(full), full)


@job
def pay(logs: Logs, **options: Unpack[o.PayOptions]) -> Result:
    """Work out what each artist is paid under one `rule`; None: the policy's. Money must be stated.

    Takes and raises what `compare` does.
    """
    full = with_policy("pay", options)
    chosen = (spelled(full["rule"]),) if full["rule"] is not None else policy_rule(full)
    if not chosen:
        message = "no rule given"
        raise UsageError(message, advice="Give one --rule NAME; `fairpay rules` lists them.")
    return divided("pay", logs, chosen, full)


def divided(command: Literal["compare", "pay"], logs: Logs, rules: Sequence[str], options: Mapping[str, Any]) -> Result:
    """Divide the money under some rules, on this machine or where Spark has the plays."""
    there = placed(command, logs, rules, options)

    def work(request: Request) -> Result:
        outcome = merge_few(there.run(request), options.get("k", 1))
        origins = {**origins_of(command, options, rule=list(rules), by=list(options["by"])), **there.origins}
        return Result(command, outcome, (*there.inputs, *outcome.inputs), origins)

    return do(
        command,
        there.logs,
        there.options,
        work,
        rules=rules,
        inputs=lambda _: there.inputs,
        files=lambda result: result.beside,
    )


def policy_rule(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the rule of the policy that is asked for, if any."""
    return () if options.get("policy") is None else (spelled(find_policy(options["policy"]).rule),)


def two_or_more(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Add the usual rules to fewer than two: `bounded` alone is compared with market-centric.

    Raises:
        UsageError: the same rule twice.

    """
    rules = tuple(map(spelled, options["rules"]))
    if not rules:
        return tuple(dict.fromkeys((*USUAL, *policy_rule(options))))
    if len(rules) == 1:
        return USUAL if rules[0] == USUAL[0] else (USUAL[0], *rules)
    if len(set(rules)) == 1:
        message = "compare needs two or more different rules"
        raise UsageError(message, advice="Add --rule, or use `fairpay pay` for one.")
    return rules


def with_policy(command: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in defaults; a policy's measure and qualifying length stand for those that were not given."""
    full = complete(command, options)
    if full["policy"] is None:
        return full
    policy, origins = find_policy(full["policy"]), dict(full["origins"] or {})
    stated = policy.min_seconds
    settings = {"measure": policy.measure, "min_seconds": str(Decimal(stated.numerator) / Decimal(stated.denominator))}
    for name, value in settings.items():
        where = origins.get(name, (None, "python" if name in options else "default"))[1]
        if where == "default" and value is not None:
            full[name] = value
            if origins:
                origins[name] = (value, f"policy {full['policy']}")
    return {**full, "origins": origins or None}
