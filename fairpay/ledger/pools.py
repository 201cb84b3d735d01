"""Pools: the money of a month by territory, offering and currency, what each pays, and which plays belong to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from fairpay.errors import InputError, UsageError
from fairpay.ledger.tables import noted, read_table
from fairpay.logs.faults import Faults
from fairpay.money.currency import LARGEST, Currency, exact_amount, exact_text, parse_rate, round_half_even
from fairpay.rules import find_rule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = [
    "EDITION",
    "OUTSIDE",
    "ROLE_OF",
    "Pool",
    "Revenue",
    "find_pool",
    "key_columns",
    "read_pools",
    "revenue",
]

KEYS = ("territory", "offering", "currency")
"""What a pool can be keyed by. An empty cell, or `*`, stands for any value."""
OUTSIDE = "outside all pools,"
"""How the pools begin that hold what subscribers paid whom no pool of the file covers."""
EDITION = 2
"""How deductions are read now. A month keeps the edition it was closed under: in the first, each percentage was taken
from the gross, also where that held a tax."""
NAMES = {
    "pool": ("pool_id", "name"),
    "territory": ("country",),
    "offering": ("plan", "tier", "service_tier"),
    "gross": ("gross_revenue", "revenue"),
    "royalty_rate": ("rate",),
    "minimum_per_subscriber": ("per_subscriber_minimum",),
    "fx_rate": ("exchange_rate",),
    "fx_source": ("exchange_rate_source",),
    "fx_date": ("date_of_currency_exchange",),
    "payout_currency": ("accounting_currency",),
}
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
DEDUCTION = re.compile(r"(?P<name>.*?)\s*(?P<size>[+-]?[\d.]+)\s*(?P<percent>%)?\s*(?P<of>included|of gross)?")
ANSWERS = {"": False, "no": False, "false": False, "yes": True, "true": True}


@dataclass(frozen=True, slots=True)
class Pool:
    """One line of the pool file. Amounts are exact major units of `currency`."""

    name: str
    key: Mapping[str, str]
    """key column -> value; columns that may be anything are left out."""
    currency: Currency
    """Of the gross revenue."""
    payout: Currency
    """Of what is divided; another than `currency` only with an exchange rate."""
    gross: Fraction
    """Below zero where more was refunded than received, and the pool file says so."""
    deductions: tuple[tuple[str, Fraction], ...] = ()
    """What each takes off the gross, by name."""
    rate: Fraction = Fraction(1)
    rule: str | None = None
    """The pool's own rule; None: its policy's, else the month's."""
    policy: str | None = None
    """The pool's own policy: a name, a `.toml` file seen from the pool file, or JSON; `none`; None: the month's."""
    minimum: Fraction = Fraction(0)
    subscribers: int | None = None
    """How many subscribers the minimum counts; None: those of the subscriber file, else the listeners."""
    exchange: Fraction = Fraction(1)
    """Units of the payout currency for one of the pool's, before it is divided."""
    fx_source: str = ""
    """Whose rate that is; empty where nothing is exchanged."""
    fx_date: str = ""
    """The day of the rate."""

    @property
    def said(self) -> dict[str, str]:
        """What statements say of it besides amounts."""
        rate = exact_text(self.exchange) if self.fx_source else ""
        keys = {name: self.key.get(name, "") for name in ("territory", "offering")}
        return {**keys, "fx_rate": rate, "fx_source": self.fx_source, "fx_date": self.fx_date}


def read_pools(path: Path, *, currency: str, edition: int = EDITION) -> list[Pool]:
    """Read the pool file, ordered by pool name.

    Args:
        path: CSV, TSV, Parquet, or TOML with `[[pool]]` tables.
        currency: of pools that do not name theirs.
        edition: how deductions are read, see `EDITION`.

    Raises:
        InputError: with every fault of every line.

    """
    faults = Faults(path.name)
    pools: dict[str, Pool] = {}
    keys: dict[tuple[tuple[str, str], ...], str] = {}
    for line in read_table(path, names=NAMES, needed=("gross",)):
        with noted(faults, line):
            pool = read_pool(line.values, currency, edition)
            refuse(pool.name in pools, f"two pools have one name: {pool.name}")
            other = keys.setdefault(tuple(sorted(pool.key.items())), pool.name)
            pools[pool.name] = pool
            refuse(other != pool.name, f"two pools have one key: {other} and {pool.name}")
    faults.stop("Correct these lines of the pool file.")
    if not pools:
        message = f"{path.name} holds no pool"
        raise InputError(message, advice="Give each pool a line with its gross revenue.")
    return [pools[name] for name in sorted(pools)]


def read_pool(values: Mapping[str, str], currency: str, edition: int) -> Pool:
    key = {column: values[column] for column in KEYS if values.get(column, "") not in {"", "*"}}
    own = Currency.of(values.get("currency") or currency)
    gross = read_gross(values)
    exchange, payout = read_exchange(values, own)
    count = values.get("subscribers", "")
    refuse(count and not (count.isascii() and count.isdigit()), f"subscribers is not a count: {count}")
    if values.get("rule"):
        find_rule(values["rule"])
    kept = values.get("pool", "").startswith(OUTSIDE)
    refuse(kept, f"the pool's name begins with words that fairpay keeps for itself: {OUTSIDE}")
    return Pool(
        name=values.get("pool") or "/".join(key.values()) or "all",
        key=key,
        currency=own,
        payout=payout,
        gross=gross,
        deductions=read_deductions(values.get("deductions", ""), gross, edition),
        rate=parse_rate(values.get("royalty_rate") or "1"),
        rule=values.get("rule") or None,
        policy=values.get("policy") or None,
        minimum=positive(values.get("minimum_per_subscriber") or "0", "minimum_per_subscriber"),
        subscribers=int(count) if count else None,
        exchange=exchange,
        fx_source=values.get("fx_source", "") if values.get("fx_rate") else "",
        fx_date=values.get("fx_date", "") if values.get("fx_rate") else "",
    )


def refuse(wrong: object, reason: str) -> None:
    if wrong:
        raise InputError(reason)


def positive(text: str, what: str) -> Fraction:
    amount = exact_amount(text)
    refuse(amount < 0, f"{what} is below zero: {text}")
    return amount


def read_gross(values: Mapping[str, str]) -> Fraction:
    """Read what a pool took; below zero only where the line says that it may be."""
    answer = values.get("refund", "").lower()
    refuse(answer not in ANSWERS, f"refund is yes or no, not {answer}")
    gross = exact_amount(values["gross"])
    if gross < 0:
        said = f"gross is below zero: {values['gross']}; a month of refunds says so: refund yes"
        refuse(not ANSWERS[answer], said)
        least = exact_amount(values.get("minimum_per_subscriber") or "0")
        refuse(least, "gross is below zero, and a minimum_per_subscriber would pay for refunds")
    return gross


def read_deductions(text: str, gross: Fraction, edition: int) -> tuple[tuple[str, Fraction], ...]:
    """Say what each part of `VAT 19% included; store fee 30%; levy 2% of gross; promotion 1.50` takes off, exactly.

    The price is the gross less all that it includes (119 give up 19); percentages are of the price, in whatever order
    they stand.
    """
    parts = []
    for part in filter(None, (one.strip() for one in text.split(";"))):
        match = DEDUCTION.fullmatch(part)
        if not match or (match["of"] and not match["percent"]):
            message = f"{part!r} is not a deduction"
            raise InputError(message)
        name = match["name"] or "deduction"
        size = positive(match["size"], name) / 100 if match["percent"] else exact_amount(match["size"])
        parts.append((name, size, match["of"] if match["percent"] else "amount"))
    price = gross / (1 + sum(rate for _, rate, of in parts if of == "included"))

    def taken(size: Fraction, of: str | None) -> Fraction:
        if of == "amount":
            return size
        if edition == 1:
            return gross * size / (1 + size if of == "included" else 1)
        return size * (gross if of == "of gross" else price)

    found = tuple((name, taken(size, of)) for name, size, of in parts)
    for name, amount in found:
        refuse(amount < 0 <= gross, f"{name} is below zero")
    left = gross - sum(amount for _, amount in found)
    refunded = " that was refunded" if gross < 0 else ""
    refuse(left * gross < 0 or (left and not gross), f"the deductions are more than the gross revenue{refunded}")
    return found


def read_exchange(values: Mapping[str, str], own: Currency) -> tuple[Fraction, Currency]:
    rate, code = values.get("fx_rate", ""), values.get("payout_currency", "")
    payout = Currency.of(code) if code else own
    if not rate:
        refuse(payout != own, f"{own.code} is to be paid in {payout.code} without fx_rate")
        return Fraction(1), own
    source, day, exact = values.get("fx_source", ""), values.get("fx_date", ""), exact_amount(rate)
    lacks = "an exchange rate needs payout_currency, fx_source and fx_date (2026-10-31), and is above zero"
    refuse(not source or not DAY.fullmatch(day) or not code or exact <= 0, lacks)
    return exact, payout


ROLE_OF = {"territory": "country", "offering": "plan", "currency": "currency"}
"""key column of the pool file -> role of the log's column."""


def key_columns(pools: Sequence[Pool], asked: Sequence[str]) -> tuple[str, ...]:
    """Return the key columns that decide, in the order of `KEYS`.

    Args:
        pools: the pool file.
        asked: `--pool-by`: names of keys or roles (`country,plan`); empty: every key two pools tell apart.

    Raises:
        UsageError: a name that is no key.
        InputError: the keys asked for do not tell two pools apart.

    """
    key_of = {role: key for key, role in ROLE_OF.items()}
    unknown = [name for name in asked if name not in KEYS and name not in key_of]
    if unknown:
        message = f"pools cannot be told apart by {', '.join(unknown)}"
        raise UsageError(message, advice="Use any of: country (territory), plan (offering), currency.")
    chosen = {key_of.get(name, name) for name in asked}
    if not asked:
        chosen = {key for key in KEYS if any(key in pool.key for pool in pools)}
        if chosen > {"currency"} and told_apart(pools, chosen - {"currency"}):
            chosen -= {"currency"}
    if not told_apart(pools, chosen):
        message = f"{', '.join(sorted(chosen)) or 'nothing'} does not tell the pools apart"
        raise InputError(
            message, advice="Give each pool its own territory, offering or currency, or more to --pool-by."
        )
    return tuple(key for key in KEYS if key in chosen)


def told_apart(pools: Sequence[Pool], chosen: set[str]) -> bool:
    return len({tuple(pool.key.get(key) for key in sorted(chosen)) for pool in pools}) == len(pools)


def find_pool(pools: Sequence[Pool], columns: Sequence[str], values: Sequence[str]) -> int | None:
    """Return the index of the pool of these key values; None where there is none.

    A pool matches where each of its keys has the value. Of several, the one with the most keys is meant.

    Raises:
        InputError: two pools match equally well.

    """
    given = dict(zip(columns, values, strict=True))
    matching = [
        (sum(key in pool.key for key in columns), index)
        for index, pool in enumerate(pools)
        if all(pool.key.get(key, given[key]) == given[key] for key in columns)
    ]
    if not matching:
        return None
    most = max(count for count, _ in matching)
    best = [index for count, index in matching if count == most]
    if len(best) > 1:
        names = " and ".join(pools[index].name for index in best)
        message = f"{'/'.join(values)} belongs to {names} alike"
        raise InputError(message, advice="Add a pool for exactly this key, or fill the empty keys of one of them.")
    return best[0]


@dataclass(frozen=True, slots=True)
class Revenue:
    """The chain of amounts of one pool. Fractions are exact major units of the pool's own currency."""

    own: Currency
    gross: Fraction
    deducted: tuple[tuple[str, Fraction], ...]
    net: Fraction
    royalty: Fraction
    """Net times the royalty rate."""
    floor: Fraction
    """The least royalty: minimum per subscriber times subscribers."""
    subscribers: int
    currency: Currency
    """Of the two amounts below."""
    base: int
    """The royalty in minor units of the payout currency."""
    topup: int
    """What the per-subscriber minimum adds, in minor units of the payout currency."""

    @property
    def pool(self) -> int:
        """What is divided."""
        return self.base + self.topup


def revenue(pool: Pool, *, subscribers: int) -> Revenue:
    """Work out what a pool pays: (gross - deductions) x rate, at least the floor, exchanged, rounded once.

    A pool that refunds more than it took comes to less than nothing, and has no floor.

    Args:
        pool: its line of the pool file.
        subscribers: how many to count for the floor where the pool does not say.

    Raises:
        InputError: when it comes to 2^62 minor units or more.

    """
    net = pool.gross - sum((amount for _, amount in pool.deductions), Fraction(0))
    royalty = net * pool.rate
    counted = subscribers if pool.subscribers is None else pool.subscribers
    floor = pool.minimum * counted
    minor = pool.exchange * Fraction(10) ** pool.payout.digits
    base = round_half_even(royalty * minor)
    whole = base if pool.gross < 0 else round_half_even(max(royalty, floor) * minor)
    own = 10**pool.currency.digits * max(abs(pool.gross), abs(net), floor)
    for size, currency in ((own, pool.currency), (abs(whole), pool.payout)):
        if size >= LARGEST:
            message = f"pool {pool.name} comes to 2^62 minor units of {currency.code} or more"
            raise InputError(message, advice="Divide it in several pools.")
    return Revenue(
        own=pool.currency,
        gross=pool.gross,
        deducted=pool.deductions,
        net=net,
        royalty=royalty,
        floor=floor,
        subscribers=counted,
        currency=pool.payout,
        base=base,
        topup=whole - base,
    )
