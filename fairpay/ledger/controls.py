"""Controls: what must hold of a month, each by name and with its numbers, in `close` and again in `verify`."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import polars as pl

from fairpay.errors import Problem, UnbalancedError
from fairpay.ledger.facts import least_payment
from fairpay.ledger.model import (
    INTO,
    PENALTIES,
    STANDS,
    Kind,
    Ledger,
    by,
    in_words,
    is_kind,
    pool_sums,
    signed,
    summed,
    wide,
)
from fairpay.ledger.payees import is_suspense
from fairpay.ledger.pools import OUTSIDE
from fairpay.money.counts import counted
from fairpay.money.currency import format_units, round_half_even
from fairpay.reports.outcome import Control

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fairpay.ledger.facts import MonthFacts
    from fairpay.ledger.store import Balances

__all__ = ["POSITION", "check_month", "penalty_control", "play_controls", "position", "require", "restated_controls"]

ACCOUNT = ("payee", "currency")
POOLED = ("pool", *ACCOUNT)
DIVIDED = ("pool", "divided", "currency")
POSITION = (*POOLED, "scale")
"""What a position is by: `position` has these columns and `amount`, the minor units credited for a month."""
CREDITS = (Kind.EARNED, Kind.MINIMUM_TOPUP, Kind.WITHHELD)


def check_month(
    rows: Ledger, facts: MonthFacts, before: Balances, *, adjustments: Ledger, closed: Iterable[str]
) -> list[Control]:
    """Check a month.

    Args:
        rows: its ledger.
        facts: what its manifest states.
        before: what the months before left.
        adjustments: the rows booked for this month by `adjust`.
        closed: the periods closed before.

    """
    return [
        *play_controls(facts),
        *pool_controls(rows, facts),
        splits_control(rows),
        *penalty_control(rows, facts),
        adjustments_control(rows.of_kinds({Kind.ADJUSTMENT}), adjustments),
        carried_control(rows, before),
        *held_controls(rows, before),
        advances_control(rows, facts, before),
        accounts_control(rows),
        payable_control(rows, facts),
        *tax_controls(rows, facts),
        total_control(rows),
        period_control(rows, facts, closed),
    ]


def require(controls: Iterable[Control]) -> None:
    """Go on only if every control holds.

    Raises:
        UnbalancedError: with each one that does not.

    """
    broken = [Problem(1, control.name, control.detail) for control in controls if not control.ok]
    if broken:
        message = f"{counted(len(broken), 'control does', 'controls do')} not hold"
        advice = "This is a fault of fairpay; please report it. Nothing was written."
        raise UnbalancedError(message, problems=broken, advice=advice)


def play_controls(facts: MonthFacts) -> Iterator[Control]:
    """Rows, plays and listeners: in = used + dropped, by reason."""
    listening = facts.listening
    for name, whole, used, dropped in (
        ("rows", listening.rows, listening.used, listening.dropped),
        ("plays", listening.plays, listening.plays_used, listening.plays_dropped),
        ("listeners", listening.listeners, listening.listeners_used, listening.listeners_dropped),
    ):
        parts = [f"{used:,} used", *(f"{count:,} {reason}" for reason, count in sorted(dropped.items()))]
        yield Control(name, whole == used + sum(dropped.values()), f"{whole:,} in = {' + '.join(parts)}")
    plays = sum(pool.plays for pool in facts.pools)
    listeners = sum(pool.listeners for pool in facts.pools)
    agree = plays == listening.plays_used and listeners == listening.listeners_used
    if facts.subscribers:
        outside = facts.subscribers_without_pool
        inside = facts.subscribers - outside
        where = f"{inside:,} in pools + {outside:,} without a pool, their money in suspense"
        detail = f"{counted(facts.subscribers, 'line')} = {where}"
        held = any(pool.name.startswith(OUTSIDE) for pool in facts.pools)
        yield Control("subscribers", inside >= 0 and (outside > 0 or not held), detail)
    yield Control(
        "pooled",
        agree,
        f"{counted(plays, 'play')} of {counted(listeners, 'listener')} in {counted(len(facts.pools), 'pool')}",
    )


def pool_controls(rows: Ledger, facts: MonthFacts) -> Iterator[Control]:
    """Each pool is allocated to the last minor unit, suspense included, and nothing is earned outside a pool."""
    found = {kind: pool_sums(rows.of_kinds({kind}).frame) for kind in CREDITS}
    for pool in facts.pools:
        base, topup, withheld = (found[kind].pop((pool.name, pool.currency), 0) for kind in CREDITS)
        text = " + ".join(
            f"{format_units(amount, pool.scale)} {what}"
            for what, amount in (("earned", base), ("minimum top-up", topup))
            if amount or what == "earned"
        )
        whole = format_units(pool.whole, pool.scale)
        whole += f", {format_units(-withheld, pool.scale)} of it withheld" if withheld else ""
        ok = (base, topup, -withheld) == (pool.base, pool.topup, pool.withheld)
        yield Control(f"pool {pool.name}", ok, f"{text} = pool {whole} {pool.currency}")
    strange = sum(len(sums_of_kind) for sums_of_kind in found.values())
    yield Control(
        "pools", not strange, f"{counted(len(facts.pools), 'pool')}; {strange:,} without a line in the pool file"
    )


def splits_control(rows: Ledger) -> Control:
    """What an artist with splits earned is taken off it, and its payees get just that, for each pool and artist."""
    columns = (*DIVIDED, "kind", "amount")
    splits, taken, earns = divided(rows).select(columns), is_kind(Kind.SPLIT_OUT), is_kind(*CREDITS)
    parents = splits.filter(taken & ~is_suspense("divided")).select(DIVIDED).unique()
    earned = rows.of_kinds(CREDITS).frame.with_columns(divided="payee").select(columns)
    whole = pl.concat([splits, earned.join(parents, on=DIVIDED, how="semi")])
    lost = (wide(taken | earns).sum() != 0) & earns.any()
    sums = whole.group_by(DIVIDED).agg(unequal=wide(~earns).sum() != 0, lost=lost, taken=taken.any())
    count, wrong = sums.filter("taken").height, sums.filter("unequal").height + sums.filter("lost").height
    return Control("splits", not wrong, f"{counted(count, 'amount')} divided among payees; {wrong:,} do not add up")


def divided(rows: Ledger) -> pl.DataFrame:
    """Splits with the account that is `divided`: what is taken off it, and what it gives to each payee."""
    account = pl.when(is_kind(Kind.SPLIT_IN)).then("counterparty").otherwise("payee")
    return rows.of_kinds({Kind.SPLIT_IN, Kind.SPLIT_OUT}).frame.with_columns(divided=account)


def penalty_control(rows: Ledger, facts: MonthFacts) -> Iterator[Control]:
    """Every charge is the stated part of what excluded plays would have earned, and all of it is shared, or kept."""
    charged, shares = (rows.of_kinds({kind}).frame for kind in PENALTIES)
    if not facts.penalties and charged.is_empty() and shares.is_empty():
        return
    expected: dict[tuple[str, str], int] = {}
    for one in facts.penalties:
        key = one.pool, one.source
        expected[key] = expected.get(key, 0) - one.charged
    wrong = sum(one.charged != round_half_even(Fraction(one.share) * one.earned) for one in facts.penalties)
    found = by(charged, "pool", "counterparty")
    wrong += sum(found.get(key, 0) != expected.get(key, 0) for key in found.keys() | expected.keys())
    given = facts.charged if facts.penalty_to == "pool" else {}
    got = {pool: amount for (pool,), amount in by(shares, "pool").items()}
    wrong += sum(got.get(pool, 0) != given.get(pool, 0) for pool in got.keys() | given.keys())
    sums = f"{in_words(charged)} charged, {in_words(shares)} shared"
    yield Control(
        "penalties", not wrong, f"{counted(len(facts.penalties), 'penalty', 'penalties')}, {sums}; {wrong:,} off"
    )


def adjustments_control(found: Ledger, booked: Ledger) -> Control:
    """The adjustments of a month are those that were booked for it: no more, no fewer, none changed."""
    bare = [ledger.sorted().frame.drop("run_id") for ledger in (found, booked)]
    text = f"{counted(len(found), 'row')} in the ledger, {len(booked):,} booked, sum {in_words(found.frame)}"
    return Control("adjustments", bare[0].equals(bare[1]), text)


def carried_control(rows: Ledger, before: Balances) -> Control:
    """What comes in is what the last month carried out, account by account."""
    carried = rows.of_kinds({Kind.CARRY_IN})
    columns = (*ACCOUNT, wide())
    bare = [frame.select(columns).sort(pl.all()) for frame in (carried.frame, before.carried)]
    detail = f"{counted(len(carried), 'balance')} carried in, {before.carried.height:,} carried out of the month before"
    return Control("carry_in", bare[0].equals(bare[1]), detail)


def held_controls(rows: Ledger, before: Balances) -> Iterator[Control]:
    """No more leaves suspense or reserve than is there."""
    for name, noun, kind, held, keys in (
        ("suspense", "amount", Kind.SUSPENSE_RELEASE, before.suspense, POOLED),
        ("reserves", "reserve", Kind.RESERVE_RELEASE, before.reserves, ("ref_period", *ACCOUNT)),
    ):
        released = rows.of_kinds({kind}).frame
        both = released.join(held.select(*keys, was="amount"), on=keys, how="left")
        wrong = both.filter(~pl.col("was").eq_missing(wide())).height
        detail = f"{counted(released.height, noun)} released, {wrong:,} not as they were held"
        yield Control(name, not wrong, detail)


def advances_control(rows: Ledger, facts: MonthFacts, before: Balances) -> Control:
    """No advance is earned back more than once."""
    done = before.earned_back
    wrong = lines = 0
    for row in rows.of_kinds({Kind.RECOUP}):
        lines += 1
        paid = facts.advances.get(f"{row.payee} / {row.currency} / advance {row.counterparty}", 0)
        wrong += row.amount > 0 or done.get((row.counterparty, row.payee, row.currency), 0) - row.amount > paid
    return Control("advances", not wrong, f"{counted(lines, 'recoupment')}, {wrong:,} beyond the advance")


def accounts_control(rows: Ledger) -> Control:
    """Every account closes to zero."""
    left = rows.frame.group_by(ACCOUNT).agg(amount=signed().sum())
    wrong = left.filter(pl.col("amount") != 0).height
    return Control("accounts", not wrong, f"{counted(left.height, 'account')}, {wrong:,} do not close to zero")


def payable_control(rows: Ledger, facts: MonthFacts) -> Control:
    """What is paid is at least the minimum payment, goes to nobody twice, and never to an account in suspense."""
    paid = rows.of_kinds({Kind.PAYABLE}).frame
    accounts = paid.select(ACCOUNT).unique().height
    wrong = paid.height - accounts + paid.filter(is_suspense("payee")).height
    wrong += paid.filter(wide() < least_payment(facts.minimum)).height
    return Control(
        "payable", not wrong, f"{counted(accounts, 'payment')}, {wrong:,} below the minimum payment or not allowed"
    )


def tax_controls(rows: Ledger, facts: MonthFacts) -> Iterator[Control]:
    """What is withheld is the stated part of what would have been paid, and nobody else's; where a tax is stated."""
    found = rows.of_kinds({Kind.TAX, Kind.PAYABLE}).frame
    taxed = found.filter(is_kind(Kind.TAX) | pl.col("payee").is_in(list(facts.taxes)))
    if taxed.is_empty() and not facts.taxes:
        return
    sums = taxed.group_by(ACCOUNT).agg(tax=wide(is_kind(Kind.TAX)).sum(), paid=wide(is_kind(Kind.PAYABLE)).sum())
    wrong = sum(
        -tax != round_half_even(Fraction(facts.taxes.get(payee, "0")) * (paid - tax))
        for payee, tax, paid in sums.select("payee", "tax", "paid").iter_rows()
    )
    withheld = in_words(rows.of_kinds({Kind.TAX}).frame)
    taxed_are = f"{counted(sums.height, 'payment')} taxed, {withheld} withheld"
    yield Control("tax", not wrong, f"{taxed_are}; {wrong:,} not at their rate")


def total_control(rows: Ledger) -> Control:
    """Paid + carried + suspense + reserve is all there was to place, in each currency."""
    stands, into = (
        {currency: amount for currency, amount in by(rows.of_kinds(kinds).frame, "currency").items() if amount}
        for kinds in (STANDS, INTO)
    )
    parts = [f"{kind.value} {in_words(rows.of_kinds({kind}).frame)}" for kind in sorted(STANDS)]
    detail = f"{', '.join(parts)}; of credits {in_words(rows.of_kinds(INTO).frame)}"
    return Control("total", stands == into, detail)


def period_control(rows: Ledger, facts: MonthFacts, closed: Iterable[str]) -> Control:
    """Nothing is booked in a closed period, and what refers to one is no earning."""
    frame, earlier = rows.frame, list(closed)
    wrong = frame.filter((pl.col("period") != facts.period) | pl.col("period").is_in(earlier)).height
    wrong += rows.of_kinds(CREDITS).frame.filter(pl.col("ref_period") != "").height
    wrong += frame.filter(pl.col("run_id") != facts.run_id).height
    return Control(
        "period", not wrong, f"{counted(len(rows), 'row')} of {facts.period}, {wrong:,} of another period or run"
    )


def position(rows: Ledger) -> pl.DataFrame:
    """What each payee was credited by the month's own earnings and penalties, pool by pool.

    Splits of what was released from suspense belong to earlier months and are left out.
    """
    own = rows.of_kinds({*CREDITS, *PENALTIES}).frame
    splits = divided(rows).filter(~is_suspense("divided"))
    return summed(pl.concat([part.select(*POSITION, "amount") for part in (own, splits)]), *POSITION)


def restated_controls(
    facts: MonthFacts, restated: pl.DataFrame, rows: Ledger, booked: pl.DataFrame
) -> Iterator[Control]:
    """Each pool, as it is known now, is placed to the last minor unit, and the rows are the difference to the books."""
    sums = [pool_sums(frame) for frame in (restated, booked, rows.frame)]
    for pool in facts.pools:
        now, before, moved = (found.get((pool.name, pool.currency), 0) for found in sums)
        due = facts.due[pool.name, pool.currency]
        texts = [format_units(amount, pool.scale) for amount in (before, moved, due)]
        kept = " without what is withheld" if pool.withheld else ""
        kept += "" if due == pool.due else " less penalties kept by the platform"
        detail = f"{texts[0]} booked + {texts[1]} adjusted = pool{kept} {texts[2]} {pool.currency}"
        yield Control(f"pool {pool.name}", now == due == before + moved, detail)
