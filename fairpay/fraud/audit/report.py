"""What an audit found, in integers and fractions, and as data: what `--json` and summary.json hold, and a table."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fairpay.money.currency import format_units, round_half_even
from fairpay.reports.figures import BOUNDS, as_column
from fairpay.reports.summary import head_of, ratio, tail_of
from fairpay.reports.tables import ColumnKind, column_of, currency_of, table_of
from fairpay.reports.words import counted, percent
from fairpay.rules.core.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa

    from fairpay.fraud.audit.months import Attack
    from fairpay.fraud.audit.replay import AuditFinding, Worth
    from fairpay.reports.outcome import Outcome
    from fairpay.reports.tables import TableColumn
    from fairpay.rules.core.rule import Reason

__all__ = ["Audit", "Limited", "RuleAudit", "limits", "played", "scenario_of", "summary", "table"]

FINE = 4
"""Digits beyond the minor unit that the worth of a single listener is written with."""


class Limited:
    """What is found of a rule that may limit what accounts get."""

    __slots__ = ()
    rule: Rule
    most: Fraction | None

    @property
    def known(self) -> bool:
        """Whether there is a formula for what accounts get: without one nobody can say that there is no limit."""
        return self.most is not None or type(self.rule).taken is not Rule.taken

    @property
    def proof(self) -> bool:
        """Whether it is known that no account gets back more than its fee."""
        return self.most is not None and self.most <= 1


@dataclass(frozen=True, slots=True)
class RuleAudit(Limited):
    """All that was found about one rule."""

    rule: Rule
    most: Fraction | None
    """By formula, the most that one account gets back for each unit of fee; None: no limit, or none known."""
    why: Reason
    """What limits an account, or that nothing does."""
    findings: tuple[AuditFinding, ...]
    """In the order of the scenarios."""
    steered: tuple[Fraction | None, Fraction | None]
    """Shares of the pool that the heaviest 1 % and 10 % of listeners steer without any attack; None where no user has
    a part."""
    stray: int
    """Minor units of the median subscriber's royalty money that reach artists never played."""
    worth: tuple[Worth, ...]
    """By tier."""

    @property
    def worst(self) -> Fraction:
        """The highest income per fee of all scenarios."""
        return max(finding.per_fee for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Audit:
    """The result of an audit."""

    rules: tuple[RuleAudit, ...]
    """Worst first."""
    attacks: tuple[Attack, ...]
    cap: int
    """c*, the largest safe cap on the plays of a listener; 0 where no cap is safe."""
    alpha: Fraction
    """Alpha' = P/F as things stand: at most so much of a fee comes back even under user-centric."""
    rate: Fraction
    """Alpha, to which `--inactive hold` brings it."""
    idle: int
    """Minor units of subscribers who played nothing that are in the pool."""
    median_fee: int
    """Royalty money of the median subscriber, minor units."""
    mcdonald: Fraction | None
    notes: tuple[str, ...]
    """Sentences for the reader: rules left out, what was assumed."""


def summary(outcome: Outcome, audit: Audit) -> dict[str, Any]:
    """Return the audit for scripts; keys are always the same, in the same order.

    Amounts are text in major units; what one listener is worth has 4 more digits. Ratios are numbers, worked out
    exactly and rounded last to 6 digits. What is not known, or has no limit, is null; `limit` says which.
    """
    text = outcome.currency.text
    head = head_of(outcome)
    return {
        **head,
        "money": {**head["money"], "median_subscriber": text(audit.median_fee)},
        "scenarios": [scenario_of(outcome, attack) for attack in audit.attacks],
        "rules": [rule_of(outcome, found) for found in audit.rules],
        "safe_user_cap": {
            "plays": audit.cap,
            "in_use": [
                {"rule": found.rule.label, "safe": found.proof, "most_per_fee": ratio(found.most)}
                for found in audit.rules
                if found.rule.play_cap is not None
            ],
        },
        "inactive": {
            "money_in_pool": text(audit.idle),
            "pool_over_fees": ratio(audit.alpha),
            "pool_over_fees_if_held": ratio(audit.rate),
            "fake_accounts_pay_under_every_rule": audit.alpha > 1,
        },
        "mcdonald_ratio": ratio(audit.mcdonald),
        **tail_of(outcome, *audit.notes),
    }


def scenario_of(outcome: Outcome, attack: Attack) -> dict[str, Any]:
    """Return what is played, for scripts."""
    scenario = attack.scenario
    return {
        "name": scenario.name,
        "title": scenario.title,
        "source": scenario.source,
        "accounts": attack.count,
        "plays_of_each": attack.plays,
        "seconds_of_each_play": attack.play_ms // 1000,
        "made_up_artists": scenario.artists,
        "fees": outcome.currency.text(attack.fees),
        "cost": outcome.currency.text(attack.cost),
        "share_of_fees": ratio(attack.fee_share),
        "listeners": 0 if attack.met is None else attack.met.listeners,
        "played_instead": ratio(attack.instead),
    }


def played(scenario: Mapping[str, Any], code: str) -> str:
    """Say in a sentence or two who plays what and what they pay, from `scenario_of`."""
    accounts, listeners, instead = (scenario.get(key) or 0 for key in ("accounts", "listeners", "played_instead"))
    fees = f"{Decimal(scenario['fees']):,} {code} in fees ({percent(Fraction(scenario['share_of_fees']))} of all)"
    plays = f"{counted(scenario['plays_of_each'], 'play')} of {scenario['seconds_of_each_play']} s"
    part = f"instead of {percent(Fraction(instead))} of what each plays"
    if not listeners:
        anyway = "" if Decimal(scenario["cost"]) else ", which fans pay anyway"
        each = "each" if accounts > 1 else "a month"
        return f"{counted(accounts, 'account')}, {plays} {each}, {'pay' if accounts > 1 else 'pays'} {fees}{anyway}."
    if accounts:
        alone = played({**scenario, "listeners": 0}, code)
        others = f"{counted(listeners, 'listener plays', 'listeners play')} the made-up artists, too, {part}"
        return f"{alone} {others}; income is of both, and per share of what the accounts bring."
    who = counted(listeners, "listener who pays", "listeners who pay")
    beside = f"{plays} are made on the account of each beside its owner's" if scenario["plays_of_each"] else ""
    heard = f"the made-up artists are played {part}" if instead else ""
    return f"{who} {fees} anyway: {', and '.join(filter(None, (beside, heard)))}."


def limits(summary: Mapping[str, Any]) -> Iterator[str]:
    """Say c*, whether caps in use are safe, and what idle money does."""
    cap, inactive = summary["safe_user_cap"]["plays"], summary["inactive"]
    yield (
        f"User cap: at most {counted(cap, 'play')} a month is safe on this log (c* = {cap:,})."
        if cap
        else "User cap: no cap is safe here: one play a month already earns back the fee."
    )
    why = {rule["name"]: rule["why"] for rule in summary["rules"]}
    for used in summary["safe_user_cap"]["in_use"]:
        yield f"{used['rule']} {'is safe' if used['safe'] else 'is not safe'}: {why[used['rule']]}."
    if not Decimal(inactive["money_in_pool"]):
        yield "The pool has no inactive subscribers' money."
        return
    pays = inactive["fake_accounts_pay_under_every_rule"]
    every = "so a fake account gets back more than its fee under every rule"
    yield (
        f"The pool has {Decimal(inactive['money_in_pool']):,} {summary['currency']} of inactive subscribers: "
        f"{inactive['pool_over_fees']:,.2f} is paid out for each 1.00 that listeners pay, "
        f"{every if pays else 'which is no more than the fee'}. With --inactive hold it would be "
        f"{inactive['pool_over_fees_if_held']:,.2f}."
    )


def rule_of(outcome: Outcome, found: RuleAudit) -> dict[str, Any]:
    return {
        "name": found.rule.label,
        "limit": ("known" if found.most is not None else "none") if found.known else "unknown",
        "most_per_fee": ratio(found.most),
        "worst_per_fee": ratio(found.worst),
        "why": found.why.sentence,
        "steered_by_top_1_percent_of_listeners": ratio(found.steered[0]),
        "steered_by_top_10_percent_of_listeners": ratio(found.steered[1]),
        "stray_money_of_median_subscriber": outcome.currency.text(found.stray),
        "scenarios": [finding_of(outcome, finding) for finding in found.findings],
        "worth": [worth_of(outcome, worth) for worth in found.worth],
        "experimental": found.rule.experimental,
        "breaks": [promise.value for promise in found.rule.broken()],
    }


def finding_of(outcome: Outcome, finding: AuditFinding) -> dict[str, Any]:
    text = outcome.currency.text
    return {
        "scenario": finding.attack.scenario.name,
        "cost": text(finding.attack.cost),
        "income": text(finding.income),
        "income_by_formula": None if finding.closed is None else text(finding.closed),
        "brought_by_accounts": text(finding.gain),
        "profit": text(finding.profit),
        "per_fee": ratio(finding.per_fee),
        "times_share_of_fees": ratio(finding.of_share),
        "break_even_searched": finding.searched,
        "break_even_plays": finding.break_even,
        "lost": {name: text(units) for (name, _), units in zip(BOUNDS, finding.lost, strict=True)},
    }


def worth_of(outcome: Outcome, worth: Worth) -> dict[str, Any]:
    def fine(value: Fraction | None) -> str | None:
        digits = outcome.currency.digits + FINE
        return None if value is None else format_units(round_half_even(value * 10**FINE), digits)

    return {"tier": worth.tier, "one_more_listener": fine(worth.listener), "plays_100_more": fine(worth.plays)}


def table(outcome: Outcome, audit: Audit) -> pa.Table:
    """Return one row for each rule and scenario, the worst rule first.

    Columns: `rule`, `scenario`, `accounts`, `plays` (of each), `listeners` (who are reached), `fees`, `cost`, `income`,
    `income_by_formula`, `profit` (major units, decimal128), `per_fee`, `times_share_of_fees` (float64; both of what
    accounts bring), `break_even_plays` (null: never, or not searched for), `most_per_fee` (null: no limit, or none
    known), then `lost_<tier>` for each tier of artists,
    and `currency`.
    """
    pairs = [(found, finding) for found in audit.rules for finding in found.findings]

    def column(kind: ColumnKind, value: Callable[[AuditFinding], Any]) -> TableColumn:
        return column_of(kind, (value(finding) for _, finding in pairs), outcome.currency.digits)

    columns = {
        "rule": column_of(ColumnKind.KEY, (found.rule.label for found, _ in pairs)),
        "scenario": column(ColumnKind.KEY, lambda f: f.attack.scenario.name),
        "accounts": column(ColumnKind.COUNT, lambda f: f.attack.count),
        "plays": column(ColumnKind.COUNT, lambda f: f.attack.plays),
        "listeners": column(ColumnKind.COUNT, lambda f: 0 if f.attack.met is None else f.attack.met.listeners),
        "fees": column(ColumnKind.MONEY, lambda f: f.attack.fees),
        "cost": column(ColumnKind.MONEY, lambda f: f.attack.cost),
        "income": column(ColumnKind.MONEY, lambda f: f.income),
        "income_by_formula": column(ColumnKind.DIFFERENCE, lambda f: f.closed),
        "profit": column(ColumnKind.DIFFERENCE, lambda f: f.profit),
        "per_fee": column(ColumnKind.RATIO, lambda f: ratio(f.per_fee)),
        "times_share_of_fees": column(ColumnKind.RATIO, lambda f: ratio(f.of_share)),
        "break_even_plays": column(ColumnKind.COUNT, lambda f: f.break_even),
        "most_per_fee": column_of(ColumnKind.RATIO, (ratio(found.most) for found, _ in pairs)),
    }
    for place, (name, _) in enumerate(BOUNDS):
        lost = (finding.lost[place] for _, finding in pairs)
        columns["lost_" + as_column(name)] = column_of(ColumnKind.DIFFERENCE, lost, outcome.currency.digits)
    columns["currency"] = currency_of(outcome, len(pairs))
    return table_of(columns)
