"""Controls: what must hold of a month, each by name and with its numbers, in `close` and again in `verify`."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from fairpay.books.ledger import INTO, STANDS, Kind, Row
from fairpay.books.pools import OUTSIDE
from fairpay.books.routing import in_suspense
from fairpay.errors import Problem, UnbalancedError
from fairpay.money import format_units
from fairpay.outcome import Control

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from fairpay.books.balances import Balances
    from fairpay.books.facts import Facts

__all__ = ["check_month", "require"]

Sums = dict[str, int]


def check_month(
    rows: Sequence[Row], facts: Facts, before: Balances, *, adjustments: Iterable[Row], closed: Iterable[str]
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
        *heard_controls(facts),
        *pool_controls(rows, facts),
        splits_control(rows),
        same_rows("adjustments", [row for row in rows if row.kind == Kind.ADJUSTMENT], list(adjustments)),
        carried_control(rows, before),
        *held_controls(rows, before),
        advances_control(rows, facts, before),
        accounts_control(rows),
        payable_control(rows, facts),
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
        message = f"{len(broken)} controls do not hold"
        advice = "This is a fault of fairpay; please report it. Nothing was written."
        raise UnbalancedError(message, problems=broken, advice=advice)


def heard_controls(facts: Facts) -> Iterator[Control]:
    """Rows, plays and listeners: in = used + dropped, by reason."""
    heard = facts.heard
    for name, whole, used, dropped in (
        ("rows", heard.rows, heard.used, heard.dropped),
        ("plays", heard.plays, heard.plays_used, heard.plays_dropped),
        ("listeners", heard.listeners, heard.listeners_used, heard.listeners_dropped),
    ):
        parts = [f"{used:,} used", *(f"{count:,} {reason}" for reason, count in sorted(dropped.items()))]
        yield Control(name, whole == used + sum(dropped.values()), f"{whole:,} in = {' + '.join(parts)}")
    plays = sum(pool.plays for pool in facts.pools)
    listeners = sum(pool.listeners for pool in facts.pools)
    agree = plays == heard.plays_used and listeners == heard.listeners_used
    if facts.subscribers:
        outside = facts.subscribers_without_pool
        inside = facts.subscribers - outside
        detail = (
            f"{facts.subscribers:,} lines = {inside:,} in pools + {outside:,} without a pool, their money in suspense"
        )
        held = any(pool.name.startswith(OUTSIDE) for pool in facts.pools)
        yield Control("subscribers", inside >= 0 and (outside > 0 or not held), detail)
    yield Control("pooled", agree, f"{plays:,} plays of {listeners:,} listeners in {len(facts.pools):,} pools")


def pool_controls(rows: Sequence[Row], facts: Facts) -> Iterator[Control]:
    """Each pool is allocated to the last minor unit, suspense included, and nothing is earned outside a pool."""
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    for row in rows:
        if row.kind in {Kind.EARNED, Kind.MINIMUM_TOPUP}:
            found[row.kind, row.pool, row.currency] += row.amount
    for pool in facts.pools:
        base = found.pop((Kind.EARNED, pool.name, pool.currency), 0)
        topup = found.pop((Kind.MINIMUM_TOPUP, pool.name, pool.currency), 0)
        text = " + ".join(
            f"{format_units(amount, pool.scale)} {what}"
            for what, amount in (("earned", base), ("minimum top-up", topup))
            if amount or what == "earned"
        )
        whole = format_units(pool.base + pool.topup, pool.scale)
        ok = (base, topup) == (pool.base, pool.topup)
        yield Control(f"pool {pool.name}", ok, f"{text} = pool {whole} {pool.currency}")
    yield Control("pools", not found, f"{len(facts.pools):,} pools; {len(found):,} without a line in the pool file")


def splits_control(rows: Sequence[Row]) -> Control:
    """What an artist with splits earned is taken off it, and its payees get just that, for each pool and artist."""
    taken: dict[tuple[str, str, str], int] = defaultdict(int)
    given: dict[tuple[str, str, str], int] = defaultdict(int)
    for row in rows:
        if row.kind == Kind.SPLIT:
            parent = row.reason.removeprefix("from ")
            if row.reason == "to payees":
                taken[row.pool, row.payee, row.currency] -= row.amount
            else:
                given[row.pool, parent, row.currency] += row.amount
    wrong = sum(taken.get(key, 0) != given.get(key, 0) for key in taken.keys() | given.keys())
    earned: dict[tuple[str, str, str], int] = defaultdict(int)
    for row in rows:
        key = (row.pool, row.payee, row.currency)
        if row.kind in {Kind.EARNED, Kind.MINIMUM_TOPUP} and key in taken and not in_suspense(row.payee):
            earned[key] += row.amount
    wrong += sum(taken[key] != amount for key, amount in earned.items())
    return Control("splits", not wrong, f"{len(taken):,} amounts divided among payees; {wrong:,} do not add up")


def same_rows(name: str, found: Sequence[Row], booked: Sequence[Row]) -> Control:
    """The adjustments of a month are those that were booked for it: no more, no fewer, none changed."""

    def strip(rows: Iterable[Row]) -> list[Row]:
        return sorted(row._replace(run_id="") for row in rows)

    text = f"{len(found):,} rows in the ledger, {len(booked):,} booked, sum {in_words(found)}"
    return Control(name, strip(found) == strip(booked), text)


def carried_control(rows: Iterable[Row], before: Balances) -> Control:
    """What comes in is what the last month carried out, account by account."""
    found = {(row.payee, row.currency): row.amount for row in rows if row.kind == Kind.CARRY_IN}
    last = {account: held.amount for account, held in before.carried.items()}
    detail = f"{len(found):,} balances carried in, {len(last):,} carried out of the month before"
    return Control("carry_in", found == last, detail)


def held_controls(rows: Sequence[Row], before: Balances) -> Iterator[Control]:
    """No more leaves suspense or reserve than is there."""
    suspense = {key: held.amount for key, held in before.suspense.items()}
    reserves = {key: held.amount for key, held in before.reserves.items()}
    released = [row for row in rows if row.kind == Kind.SUSPENSE and row.reason == "released"]
    wrong = sum(suspense.get((row.pool, row.payee, row.currency)) != -row.amount for row in released)
    yield Control("suspense", not wrong, f"{len(released):,} amounts released, {wrong:,} not as they were held")
    paid_back = [row for row in rows if row.kind == Kind.RESERVE_RELEASE]
    wrong = sum(reserves.get((row.ref_period, row.payee, row.currency)) != row.amount for row in paid_back)
    yield Control("reserves", not wrong, f"{len(paid_back):,} reserves released, {wrong:,} not as they were held")


def advances_control(rows: Iterable[Row], facts: Facts, before: Balances) -> Control:
    """No advance is earned back more than once."""
    wrong = lines = 0
    for row in rows:
        if row.kind == Kind.RECOUP:
            lines += 1
            paid = facts.advances.get(f"{row.payee} / {row.currency} / {row.reason}", 0)
            done = before.recouped.get((row.reason, row.payee, row.currency), 0)
            wrong += row.amount > 0 or done - row.amount > paid
    return Control("advances", not wrong, f"{lines:,} recoupments, {wrong:,} beyond the advance")


def accounts_control(rows: Iterable[Row]) -> Control:
    """Every account closes to zero."""
    left: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        left[row.payee, row.currency] += row.amount if row.kind in INTO else -row.amount
    wrong = sum(amount != 0 for amount in left.values())
    return Control("accounts", not wrong, f"{len(left):,} accounts, {wrong:,} do not close to zero")


def payable_control(rows: Iterable[Row], facts: Facts) -> Control:
    """What is paid is at least the minimum payment, goes to nobody twice, and never to an account in suspense."""
    paid: dict[tuple[str, str], int] = {}
    wrong = 0
    for row in rows:
        if row.kind == Kind.PAYABLE:
            wrong += (row.payee, row.currency) in paid or in_suspense(row.payee)
            wrong += row.amount < max(1, facts.minimum.get(row.currency, 0))
            paid[row.payee, row.currency] = row.amount
    return Control("payable", not wrong, f"{len(paid):,} payments, {wrong:,} below the minimum payment or not allowed")


def total_control(rows: Sequence[Row]) -> Control:
    """Paid + carried + suspense + reserve is all there was to place, in each currency."""
    stands = sums(rows, lambda row: row.kind in STANDS)
    into = sums(rows, lambda row: row.kind in INTO)
    parts = [f"{kind.value} {in_words([r for r in rows if r.kind == kind])}" for kind in sorted(STANDS)]
    return Control("total", stands == into, f"{', '.join(parts)}; of credits {in_words(rows, INTO)}")


def period_control(rows: Sequence[Row], facts: Facts, closed: Iterable[str]) -> Control:
    """Nothing is booked in a closed period, and what refers to one is no earning."""
    earlier = set(closed)
    wrong = sum(row.period != facts.period or row.period in earlier for row in rows)
    wrong += sum(bool(row.ref_period) and row.kind in {Kind.EARNED, Kind.MINIMUM_TOPUP} for row in rows)
    wrong += sum(row.run_id != facts.run_id for row in rows)
    return Control("period", not wrong, f"{len(rows):,} rows of {facts.period}, {wrong:,} of another period or run")


def sums(rows: Iterable[Row], keep: Callable[[Row], bool]) -> Sums:
    """Sum by currency, leaving zeros out."""
    found: Sums = defaultdict(int)
    for row in rows:
        if keep(row):
            found[row.currency] += row.amount
    return {currency: amount for currency, amount in found.items() if amount}


def in_words(rows: Iterable[Row], kinds: frozenset[Kind] | None = None) -> str:
    """Write the sums as `12.30 EUR + 4.00 USD`."""
    chosen = [row for row in rows if kinds is None or row.kind in kinds]
    scales: Mapping[str, int] = {row.currency: row.scale for row in chosen}
    found = sums(chosen, lambda _: True)
    return " + ".join(f"{format_units(found[c], scales[c])} {c}" for c in sorted(found)) or "0"
