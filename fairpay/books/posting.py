"""Posting: earnings and their splits as ledger rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairpay.books.ledger import Kind, Row, apportion
from fairpay.books.routing import UNALLOCATED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fairpay.books.earned import Earned, PoolEarned
    from fairpay.books.routing import Routing

__all__ = ["Booking", "post", "split_rows"]


@dataclass(frozen=True, slots=True)
class Booking:
    """What every row of a run shares."""

    run_id: str
    period: str

    def row(self, kind: Kind, amount: int, money: tuple[str, int], **where: str) -> Row:
        """Make a row; `money` is the currency and its scale."""
        currency, scale = money
        return Row(
            run_id=self.run_id,
            period=self.period,
            pool=where.get("pool", ""),
            payee=where["payee"],
            kind=kind.value,
            amount=amount,
            currency=currency,
            scale=scale,
            ref_run_id=where.get("ref_run_id", ""),
            ref_period=where.get("ref_period", ""),
            reason=where.get("reason", ""),
        )


def post(earned: Earned, routing: Routing, booking: Booking) -> list[Row]:
    """Write what each pool earned, and its splits, as rows of nonzero amounts.

    A pool without plays is credited to `unallocated:`. The top-up of a per-subscriber minimum follows the division of
    the whole pool, by largest remainder.
    """
    return [row for pool in earned.pools for row in post_pool(pool, routing, booking)]


def post_pool(pool: PoolEarned, routing: Routing, booking: Booking) -> Iterator[Row]:
    """Write one pool."""
    revenue = pool.revenue
    money = (revenue.currency.code, revenue.currency.digits)
    paid = dict(sorted(pool.paid.items())) if pool.paid else {UNALLOCATED: revenue.pool}
    bases = apportion(revenue.base, list(paid.values())) if revenue.topup else list(paid.values())
    for (source, whole), base in zip(paid.items(), bases, strict=True):
        account = source if source == UNALLOCATED else routing.account(source)
        for kind, amount in ((Kind.EARNED, base), (Kind.MINIMUM_TOPUP, whole - base)):
            if amount:
                yield booking.row(kind, amount, money, pool=pool.name, payee=account)
        if account == source and source in routing.splits and whole:
            parts = routing.splits.divide(source, whole)
            yield from split_rows(booking, money, source, parts, pool=pool.name)


def split_rows(
    booking: Booking, money: tuple[str, int], parent: str, parts: Iterable[tuple[str, int]], **where: str
) -> Iterator[Row]:
    """Move an amount from an account to others: one row takes it off the parent, one for each part credits a payee."""
    kept = [(payee, amount) for payee, amount in parts if amount]
    total = sum(amount for _, amount in kept)
    if total:
        yield booking.row(Kind.SPLIT, -total, money, payee=parent, reason="to payees", **where)
    for payee, amount in kept:
        yield booking.row(Kind.SPLIT, amount, money, payee=payee, reason=f"from {parent}", **where)
