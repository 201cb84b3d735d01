"""Slow exact answers for the books: earnings in fractions, and the ledger of a month row by row, as plain Python."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from fairpay.ledger.facts import PAID, Earned, MonthFacts, MonthListening, PoolFacts
from fairpay.ledger.model import INTO, Kind, Row, plus
from fairpay.ledger.payees import UNALLOCATED
from fairpay.ledger.splits import RESERVED
from fairpay.money.currency import Currency, round_half_even

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fairpay.ledger.closing import Closing, Loaded
    from fairpay.ledger.model import Booking
    from fairpay.ledger.payees import Account, Routing, Standing
    from fairpay.ledger.settle import PaymentTerms
    from fairpay.ledger.splits import Splits
    from fairpay.pipeline.request import Watch

ORDER = {kind.value: place for place, kind in enumerate(Kind)}
EARNING = frozenset({Kind.EARNED, Kind.MINIMUM_TOPUP, Kind.SPLIT_IN, Kind.SPLIT_OUT, Kind.ADJUSTMENT})


def in_suspense(account: str) -> bool:
    """Whether an account holds money nobody can be paid yet."""
    return account.startswith(RESERVED)


def by_source(paid: pl.DataFrame) -> dict[str, int]:
    """Source -> what it is paid."""
    return dict(paid.select("source", "amount").iter_rows())


def as_paid(amounts: Mapping[str, int]) -> pl.DataFrame:
    """The columns of these amounts."""
    return pl.DataFrame([(*one, 0, 0) for one in sorted(amounts.items())], schema=PAID, orient="row")


def largest_remainder(amount: int, shares: Sequence[Fraction | int]) -> list[int]:
    """Divide an amount; leftover units go to the largest remainders, ties to the first."""
    whole = sum(shares)
    exact = [Fraction(abs(amount) * share) / whole for share in shares]
    parts = [int(x) for x in exact]
    left = abs(amount) - sum(parts)
    for i in sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))[:left]:
        parts[i] += 1
    return [-part for part in parts] if amount < 0 else parts


def parts_of_source(splits: Splits, source: str, amount: int) -> list[tuple[str, int]]:
    """Divide what a source earned among its payees."""
    payees = splits.of(source)
    return list(zip((p for p, _ in payees), largest_remainder(amount, [share for _, share in payees]), strict=True))


def naive_earn(closing: Closing, loaded: Loaded, watch: Watch) -> Earned:  # noqa: ARG001 - as `earn`
    """Read CSV logs of user, artist, country, plan, plays, and divide each pool by one of the two plain rules."""
    out = loaded.exclusions.keys.get(("user",), frozenset())
    plays: dict[int | str, Counter[tuple[str, str]]] = defaultdict(Counter)
    rows: Counter[int | str] = Counter()
    for log in closing.logs:
        with Path(log).open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                where = "excluded" if line["user"] in out else pool_of(line, loaded)
                artist = loaded.routing.aliases.get(line["artist"], line["artist"])
                plays[where][line["user"], artist] += int(line["plays"])
                rows[where] += 1
    pools, paid = [], []
    for index, pool in enumerate(loaded.pools):
        found = plays.get(index, Counter())
        users = len({user for user, _ in found})
        rule = pool.rule or closing.rule or ""
        facts = PoolFacts.of(pool, rule, subscribers=users, listeners=users, plays=sum(found.values()))
        pools.append(facts)
        paid.append(as_paid(divide(found, rule, facts.whole)))
    counted = listening_of(plays, rows, len(loaded.pools))
    return Earned(MonthFacts(period=closing.period, run_id="", pools=tuple(pools), listening=counted), tuple(paid))


def pool_of(line: Mapping[str, str], loaded: Loaded) -> int | str:
    """The pool of a play, where every pool names its country and plan."""
    for index, pool in enumerate(loaded.pools):
        if (pool.key.get("territory"), pool.key.get("offering")) == (line["country"], line["plan"]):
            return index
    return "without a pool"


def divide(plays: Counter[tuple[str, str]], rule: str, pool: int) -> dict[str, int]:
    """What each artist gets; nothing where nobody listened."""
    per_user: Counter[str] = Counter()
    for (user, _), count in plays.items():
        per_user[user] += count
    weight: dict[str, Fraction] = defaultdict(Fraction)
    for (user, artist), count in plays.items():
        weight[artist] += Fraction(count) if rule == "market-centric" else Fraction(count, per_user[user])
    if not weight:
        return {}
    artists = sorted(weight)
    amounts = largest_remainder(pool, [weight[artist] for artist in artists])
    return {artist: amount for artist, amount in zip(artists, amounts, strict=True) if amount}


def listening_of(
    plays: Mapping[int | str, Counter[tuple[str, str]]], rows: Counter[int | str], pools: int
) -> MonthListening:
    """Count what was read."""
    lost = ("without a pool", "excluded")
    count = {where: sum(found.values()) for where, found in plays.items()}
    users = {where: len({user for user, _ in found}) for where, found in plays.items()}

    def inside(values: Mapping[int | str, int]) -> int:
        return sum(values.get(index, 0) for index in range(pools))

    return MonthListening(
        rows=sum(rows.values()),
        used=inside(rows),
        dropped={where: rows[where] for where in lost if rows[where]},
        plays=sum(count.values()),
        plays_used=inside(count),
        plays_dropped={where: count[where] for where in lost if count.get(where)},
        listeners=sum(users.values()),
        listeners_used=inside(users),
        listeners_dropped={where: users[where] for where in lost if users.get(where)},
    )


@dataclass(slots=True)
class Held:
    """Money that stands somewhere, and the last row that put some there."""

    amount: int = 0
    scale: int = 0
    run_id: str = ""
    period: str = ""


@dataclass(frozen=True)
class Before:
    """What the months before left."""

    carried: dict[Account, Held] = field(default_factory=dict)
    suspense: dict[tuple[str, str, str], Held] = field(default_factory=lambda: defaultdict(Held))
    reserves: dict[tuple[str, str, str], Held] = field(default_factory=lambda: defaultdict(Held))
    recouped: dict[tuple[str, str, str], int] = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True)
class Terms:
    """What accounts are settled by."""

    before: Before
    standing: Standing
    policy: PaymentTerms
    booking: Booking


def left_by(months: Iterable[Iterable[Row]]) -> Before:
    """Sum the ledgers of the closed months, oldest first."""
    found = Before()
    for rows in months:
        found.carried.clear()
        for row in rows:
            take(row, found)
    for held in (found.suspense, found.reserves):
        for key in [key for key, one in held.items() if not one.amount]:
            del held[key]
    return found


def take(row: Row, found: Before) -> None:
    """Take in a row of a closed month."""
    match row.kind:
        case Kind.CARRY_OUT:
            found.carried[row.payee, row.currency] = Held(row.amount, row.scale, row.run_id, row.period)
        case Kind.SUSPENSE:
            add(found.suspense[row.pool, row.payee, row.currency], row)
        case Kind.SUSPENSE_RELEASE:
            found.suspense[row.pool, row.payee, row.currency].amount -= row.amount
        case Kind.RESERVE_HOLD:
            add(found.reserves[row.period, row.payee, row.currency], row)
        case Kind.RESERVE_RELEASE:
            found.reserves[row.ref_period, row.payee, row.currency].amount -= row.amount
        case Kind.RECOUP:
            found.recouped[row.counterparty, row.payee, row.currency] -= row.amount


def add(held: Held, row: Row) -> None:
    """Add a row to what is held; the reference is to the last row that put money there."""
    held.amount += row.amount
    held.scale = row.scale
    if row.amount > 0:
        held.run_id, held.period = row.run_id, row.period


def entry(booking: Booking, kind: Kind, amount: int, money: tuple[str, int], **where: str) -> Row:
    """Make a row; `money` is the currency and its scale."""
    known = {"run_id": booking.run_id, "period": booking.period, "kind": kind.value, "amount": amount}
    return Row(**known, currency=money[0], scale=money[1], **{"pool": "", **where})  # type: ignore[arg-type] # of mixed kinds


def post(earned: Earned, routing: Routing, booking: Booking) -> Iterator[Row]:
    """Write what each pool earned, and its splits."""
    for pool, divided in earned.pools:
        money = (pool.currency, pool.scale)
        paid = by_source(divided) if len(divided) else {UNALLOCATED: pool.base + pool.topup}
        bases = largest_remainder(pool.base, list(paid.values())) if pool.topup else list(paid.values())
        for (source, whole), base in zip(paid.items(), bases, strict=True):
            account = source if source == UNALLOCATED else routing.account(source)
            for kind, amount in ((Kind.EARNED, base), (Kind.MINIMUM_TOPUP, whole - base)):
                if amount:
                    yield entry(booking, kind, amount, money, pool=pool.name, payee=account)
            if account == source and source in routing.splits and whole:
                parts = parts_of_source(routing.splits, source, whole)
                yield from split_rows(booking, money, source, parts, pool=pool.name)


def split_rows(
    booking: Booking, money: tuple[str, int], parent: str, parts: Iterable[tuple[str, int]], **where: str
) -> Iterator[Row]:
    """Move an amount from an account to others: one row takes it off the parent, one for each part credits a payee."""
    kept = [(payee, amount) for payee, amount in parts if amount]
    total = sum(amount for _, amount in kept)
    if total:
        yield entry(booking, Kind.SPLIT_OUT, -total, money, payee=parent, **where)
    for payee, amount in kept:
        yield entry(booking, Kind.SPLIT_IN, amount, money, payee=payee, counterparty=parent, **where)


def settle(rows: Iterable[Row], terms: Terms, routing: Routing) -> list[Row]:
    """Complete a month's rows with everything that follows from them.

    Args:
        rows: earned, minimum_topup, split and adjustment rows of the open month.
        terms: what the closed months left, and how balances become payments.
        routing: who stands behind an artist now; what it can place is released from suspense.

    Returns:
        All rows of the month, in no stated order; per payee and currency the kinds of `INTO` sum to those of `STANDS`.

    """
    ledger = list(rows)
    ledger += released(ledger, terms, routing)
    ledger += suspended(ledger, terms.booking)
    own: dict[Account, list[Row]] = defaultdict(list)
    for row in ledger:
        if not in_suspense(row.payee):
            own[row.payee, row.currency].append(row)
    for account in sorted(own.keys() | other_accounts(terms)):
        ledger += settle_account(account, own.get(account, []), terms)
    return ledger


def other_accounts(terms: Terms) -> set[Account]:
    """Accounts that have no earnings this month, and still have something to settle."""
    held = {key[1:] for key in (*terms.before.suspense, *terms.before.reserves) if not in_suspense(key[1])}
    return held | terms.before.carried.keys() | terms.standing.fees.keys()


def parts_of(routing: Routing, account: str, amount: int) -> list[tuple[str, int]]:
    """Where an amount in suspense belongs; one part on the account itself says that it stays."""
    target = routing.target(account)
    return parts_of_source(routing.splits, target, amount) if target in routing.splits else [(target, amount)]


def released(ledger: Iterable[Row], terms: Terms, routing: Routing) -> Iterator[Row]:
    """Release what is in suspense for an artist who can be placed now, with what the month adds to it."""
    flows: dict[tuple[str, str, str], int] = defaultdict(int)
    scales = {(key, held.scale) for key, held in terms.before.suspense.items() if in_suspense(key[1])}
    for row in ledger:
        if in_suspense(row.payee):
            flows[row.pool, row.payee, row.currency] += row.amount
            scales.add(((row.pool, row.payee, row.currency), row.scale))
    for key, scale in sorted(scales):
        pool, account, currency = key
        held = terms.before.suspense.get(key)
        amount = flows[key] + (held.amount if held else 0)
        parts = parts_of(routing, account, amount)
        if amount and [payee for payee, _ in parts] != [account]:
            money = (currency, scale)
            if held:
                reference = {"ref_run_id": held.run_id, "ref_period": held.period, "pool": pool, "payee": account}
                yield entry(terms.booking, Kind.SUSPENSE_RELEASE, held.amount, money, **reference)
            yield from split_rows(terms.booking, money, account, parts, pool=pool)


def suspended(ledger: Iterable[Row], booking: Booking) -> Iterator[Row]:
    """Put into suspense whatever is left on the accounts that nobody can be paid from."""
    left: dict[tuple[str, str, str, int], int] = defaultdict(int)
    for row in ledger:
        if in_suspense(row.payee):
            sign = 1 if row.kind in INTO else -1
            left[row.pool, row.payee, row.currency, row.scale] += sign * row.amount
    for (pool, account, currency, scale), amount in sorted(left.items()):
        if amount:
            reason = account.partition(":")[0]
            yield entry(booking, Kind.SUSPENSE, amount, (currency, scale), pool=pool, payee=account, reason=reason)


def due(terms: Terms) -> dict[Account, list[tuple[str, Held]]]:
    """The reserves that are released this month, oldest first, as (period held, what)."""
    found: dict[Account, list[tuple[str, Held]]] = defaultdict(list)
    for (period, payee, currency), held in sorted(terms.before.reserves.items(), key=lambda item: item[0]):
        if plus(period, terms.policy.reserve_months) <= terms.booking.period:
            found[payee, currency].append((period, held))
    return found


def digits(currency: str) -> int:
    """How many digits the minor unit has."""
    return Currency.of(currency).digits


def settle_account(account: Account, earned: Iterable[Row], terms: Terms) -> list[Row]:
    """Close one account: its rows besides those of `earned`."""
    rows = list(incoming(account, terms))
    on_hold = terms.standing.holds.get(account[0])
    rows += [] if on_hold is not None else hold_released(account, terms)
    earnings = sum(row.amount for row in earned if row.kind in EARNING)
    balance = earnings + sum(row.amount if row.kind in INTO else -row.amount for row in rows)
    for row in recouped(account, balance, terms):
        rows.append(row)
        balance += row.amount
    reserve = min(max(0, round_half_even(terms.policy.reserve * earnings)), max(0, balance))
    balance -= reserve
    ends = [(Kind.RESERVE_HOLD, reserve, "")]
    if balance > 0 and on_hold is not None:
        ends.append((Kind.SUSPENSE, balance, f"on hold: {on_hold}" if on_hold else "on hold"))
    elif balance > 0 and balance - withheld(account, balance, terms)[0] >= max(
        1, terms.policy.minimum.get(account[1], 0)
    ):
        tax, name = withheld(account, balance, terms)
        ends += [(Kind.TAX, -tax, name), (Kind.PAYABLE, balance - tax, "")]
    else:
        ends.append((Kind.CARRY_OUT, balance, "owed by the payee" if balance < 0 else "below the minimum payment"))
    money = (account[1], digits(account[1]))
    rows += [entry(terms.booking, k, amount, money, payee=account[0], reason=r) for k, amount, r in ends if amount]
    return rows


def withheld(account: Account, amount: int, terms: Terms) -> tuple[int, str]:
    """The tax on a payment, and what it is called."""
    rate, name = terms.standing.taxes.get(account[0], (Fraction(0), ""))
    return round_half_even(rate * amount), name


def incoming(account: Account, terms: Terms) -> Iterator[Row]:
    """What enters an account besides earnings: the balance carried in, charges, reserves that are due."""
    payee, currency = account
    money = (currency, digits(currency))
    booking = terms.booking
    if carried := terms.before.carried.get(account):
        reference = {"ref_run_id": carried.run_id, "ref_period": carried.period}
        yield entry(booking, Kind.CARRY_IN, carried.amount, money, payee=payee, **reference)
    for reason, amount in terms.standing.fees.get(account, ()):
        if amount:
            yield entry(booking, Kind.FEE, -amount, money, payee=payee, reason=reason)
    for period, held in due(terms).get(account, ()):
        reference = {"ref_run_id": held.run_id, "ref_period": period}
        yield entry(booking, Kind.RESERVE_RELEASE, held.amount, money, payee=payee, **reference)


def hold_released(account: Account, terms: Terms) -> Iterator[Row]:
    """Give back what was kept while the payee was on hold."""
    held = terms.before.suspense.get(("", *account))
    if held:
        reference = {"ref_run_id": held.run_id, "ref_period": held.period, "payee": account[0]}
        yield entry(terms.booking, Kind.SUSPENSE_RELEASE, held.amount, (account[1], held.scale), **reference)


def recouped(account: Account, balance: int, terms: Terms) -> Iterator[Row]:
    """Earn advances back, oldest first, from a part of what there is."""
    left = round_half_even(max(0, balance) * terms.policy.recoup)
    payee, currency = account
    for name, amount in terms.standing.advances.get(account, ()):
        taken = min(left, max(0, amount - terms.before.recouped.get((name, payee, currency), 0)))
        left -= taken
        if taken:
            money = (currency, digits(currency))
            yield entry(terms.booking, Kind.RECOUP, -taken, money, payee=payee, counterparty=name)


def month(earned: Earned, corrections: Iterable[Row], routing: Routing, terms: Terms) -> list[Row]:
    """The whole ledger of a month, in its order."""
    found = settle([*post(earned, routing, terms.booking), *corrections], terms, routing)
    return sorted(found, key=lambda r: (r[3], r[6], ORDER[r[4]], r[2], r[10], r[9], r[8], r[11], r[5], r))


def corrections(before: Earned, after: Earned, routing: Routing, booking: Booking, closed: Booking) -> Iterator[Row]:
    """What changes for each payee and pool where a closed month earned something else."""
    sums: dict[tuple[str, str, tuple[str, int]], int] = defaultdict(int)
    for sign, earned in ((-1, before), (1, after)):
        for row in post(earned, routing, booking):
            sums[row.payee, row.pool, (row.currency, row.scale)] += sign * row.amount
    reference = {"ref_run_id": closed.run_id, "ref_period": closed.period}
    for (payee, pool, money), amount in sums.items():
        if amount:
            yield entry(booking, Kind.ADJUSTMENT, amount, money, pool=pool, payee=payee, **reference)
