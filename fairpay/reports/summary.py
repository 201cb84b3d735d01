"""The summary of a run for scripts: summary.json, and what `--json` prints."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fairpay.money.currency import format_units, round_half_even
from fairpay.money.integers import sum_exactly
from fairpay.reports.figures import bands, gini, shift, tiers, top_share
from fairpay.reports.tables import by_payout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import Warned
    from fairpay.reports.figures import Tier
    from fairpay.reports.outcome import Charges, Condition, ListeningTotals, Money, Outcome, Payout

__all__ = ["SCHEMA_VERSION", "head_of", "listening_of", "ratio", "stray_money", "summary", "tail_of", "warnings_of"]

SCHEMA_VERSION = 1
RATIO_DIGITS = 6
PERCENT_DIGITS = 2
MS_DIGITS = 3


def summary(outcome: Outcome, command: str = "compare") -> dict[str, Any]:
    """Return what a script wants to know of a run; keys are always the same, in the same order; `groups` where asked.

    Amounts are text in major units with the currency's digits, seconds text with 3 digits: both exact. Ratios (`gini`,
    shares between 0 and 1, changes in percent) are numbers, worked out exactly and rounded last, half to even: ratios
    to 6 digits, percents to 2. What is not known is null.
    """
    first = outcome.payouts[0]
    order = by_payout(outcome)
    groups: dict[str, Any] = {}
    if outcome.groups:
        from fairpay.reports.groups import groups_of  # noqa: PLC0415 - only where groups are asked for

        groups["groups"] = groups_of(outcome, command)
    penalties = {} if outcome.penalties is None else {"penalties": penalties_of(outcome, outcome.penalties)}
    return {
        **head_of(outcome),
        "rules": [rule_of(outcome, payout) for payout in outcome.payouts],
        "comparisons": [comparison_of(outcome, order, first, payout) for payout in outcome.payouts[1:]],
        "mcdonald_ratio": ratio(outcome.mcdonald),
        **tail_of(outcome),
        "decisions": decisions_of(outcome),
        **penalties,
        "conditions": [condition_of(outcome, line) for line in outcome.conditions],
        **groups,
    }


def head_of(outcome: Outcome) -> dict[str, Any]:
    """Say what was divided, where it came from, and what was listened to."""
    return {
        "schema_version": SCHEMA_VERSION,
        "currency": outcome.currency.code,
        "pool": outcome.currency.text(outcome.money.pool),
        "money": money_of(outcome),
        "listening": listening_of(outcome.listening),
    }


def tail_of(outcome: Outcome, *notes: str) -> dict[str, Any]:
    """Say what was checked, and what a reader must know; `notes` come behind those of the outcome."""
    return {
        "controls": [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in outcome.controls],
        "notes": [*outcome.notes, *notes],
        "warnings": warnings_of(outcome.warnings),
    }


def warnings_of(found: Sequence[Warned]) -> list[dict[str, Any]]:
    """Say what may not be as its owner expects."""
    return [{"code": w.code, "count": w.count, "examples": list(w.examples), "advice": w.advice} for w in found]


def money_of(outcome: Outcome) -> dict[str, Any]:
    """Say where the pool comes from, and what the named policies did with which money."""
    money: Money = outcome.money
    text = outcome.currency.text
    return {
        "stated": money.stated,
        "assumed": money.assumed,
        "royalty_rate": str(money.rate),
        "subscribers": money.subscribers,
        "median_subscriber": None if outcome.median_fee is None else text(outcome.median_fee),
        "inactive": {
            "policy": money.inactive_policy,
            "subscribers": money.inactive,
            "money": None if money.inactive_money is None else text(money.inactive_money),
            "held": text(money.held),
        },
        "unlisted": {"policy": money.unlisted_policy, "listeners": money.unlisted},
        **collected_of(outcome),
    }


def collected_of(outcome: Outcome) -> dict[str, Any]:
    """Say from where a policy's pool comes and what of it is set aside; nothing where no policy says that."""
    found, text = outcome.money.collected, outcome.currency.text
    if found is None:
        return {}
    aside = [{"purpose": name, "amount": text(units)} for name, units in found.aside]
    return {"collected": {"fees": text(found.fees), "other_revenue": text(found.other), "set_aside": aside}}


def listening_of(listening: ListeningTotals) -> dict[str, Any]:
    """Say what was read, used and left out."""
    return {
        "rows": listening.rows,
        "used": listening.used,
        "dropped": dict(sorted(listening.dropped.items())),
        "users": listening.users,
        "artists": listening.artists,
        "plays": listening.plays,
        "seconds": None if listening.ms is None else format_units(listening.ms, MS_DIGITS),
        "measure": listening.measure,
        "period": None if listening.period is None else list(listening.period),
    }


def rule_of(outcome: Outcome, payout: Payout) -> dict[str, Any]:
    """Say what one rule does with the money."""
    paid = payout.allocation.paid
    stray = stray_money(outcome, payout)
    alone = outcome.merged is None
    return {
        "name": payout.rule.label,
        "paid": outcome.currency.text(sum_exactly(paid)),
        "withheld_for_platform": outcome.currency.text(payout.allocation.withheld),
        "artists_paid": int((paid > 0).sum()),
        "gini": ratio(gini(paid) if alone else None),
        "top_1_percent_share": ratio(top_share(paid, 1) if alone else None),
        "top_10_percent_share": ratio(top_share(paid, 10) if alone else None),
        "steered_by_top_1_percent_of_listeners": ratio(payout.steered_by_top_1_percent),
        "steered_by_top_10_percent_of_listeners": ratio(payout.steered_by_top_10_percent),
        "stray_money_of_median_subscriber": None if stray is None else outcome.currency.text(stray),
        "experimental": payout.rule.experimental,
        "breaks": [promise.value for promise in payout.rule.broken()],
    }


def condition_of(outcome: Outcome, line: Condition) -> dict[str, Any]:
    """Say what one line of the policy did."""
    moved = line.moved
    return {
        "name": line.name,
        "times": str(line.times),
        "rows": line.rows,
        "plays": line.plays,
        "applied": line.applied,
        "moved": None if moved is None else [outcome.currency.text(units) for units in moved],
        **({} if line.withheld is None else {"withheld_share": str(line.withheld)}),
    }


def stray_money(outcome: Outcome, payout: Payout) -> int | None:
    """Return the median over subscribers of each one's own money that reaches artists never played, in minor units."""
    if payout.stray is None or outcome.median_fee is None:
        return None
    return round_half_even(payout.stray * Fraction(outcome.median_fee))


def comparison_of(outcome: Outcome, order: Ints, first: Payout, other: Payout) -> dict[str, Any]:
    """Say what changes hands from the first rule to another."""
    before, after = first.allocation.paid, other.allocation.paid
    change = shift(before, after, withheld=first.allocation.withheld)
    return {
        "from": first.rule.label,
        "to": other.rule.label,
        "moved": outcome.currency.text(change.moved),
        "moved_share": ratio(change.share),
        "gainers": change.gainers,
        "losers": change.losers,
        "unchanged": change.unchanged,
        "tiers": [tier_of(outcome, tier) for tier in tiers(order, before, after, outcome.merged)],
        "bands": [tier_of(outcome, band, "band") for band in bands(before, after, outcome.merged).bands],
    }


def tier_of(outcome: Outcome, tier: Tier, key: str = "tier") -> dict[str, Any]:
    """Say what the artists of one tier, or of one band of changes, get together."""
    return {
        key: tier.name,
        "artists": tier.artists,
        "from": outcome.currency.text(tier.before),
        "to": outcome.currency.text(tier.after),
        "change_percent": None if tier.change is None else float(round(tier.change * 100, PERCENT_DIGITS)),
    }


def decisions_of(outcome: Outcome) -> list[dict[str, Any]]:
    """Say what people decided and what it comes to under each rule; subjects are known by their hashes."""
    text = outcome.currency.text
    labels = [payout.rule.label for payout in outcome.payouts]
    return [
        {
            "subject": one.mark,
            "kind": one.kind,
            "decision": one.decision,
            "by": one.by,
            "plays": one.plays,
            "if_kept": {k: None if m is None else text(m) for k, m in zip(labels, one.kept, strict=True)},
            "held": {k: text(m) for k, m in zip(labels, one.held, strict=True)},
        }
        for one in outcome.decided
    ]


def penalties_of(outcome: Outcome, found: Charges) -> dict[str, Any]:
    """Say what excluded plays would have earned under each rule, what is charged of it, and of whom."""
    text, labels = outcome.currency.text, [payout.rule.label for payout in outcome.payouts]
    sums = {
        name: {label: text(sum(getattr(line, name)[k] for line in found.lines)) for k, label in enumerate(labels)}
        for name in ("earned", "charged")
    }
    return {
        "to": found.to,
        "would_have_earned": sums["earned"],
        "charged": sums["charged"],
        "artists": [
            {
                "artist": line.artist,
                "share": str(line.share),
                "would_have_earned": dict(zip(labels, map(text, line.earned), strict=True)),
                "charged": dict(zip(labels, map(text, line.charged), strict=True)),
            }
            for line in found.lines
        ],
    }


def ratio(value: Fraction | None) -> float | None:
    """Round an exact ratio to 6 digits, half to even, and make it a number for JSON."""
    return None if value is None else float(round(value, RATIO_DIGITS))
