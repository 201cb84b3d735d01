"""Pools: the money of a month by territory, offering and currency, which plays belong to each, and how it is divided.

A pool has a rule and may have a policy; the books keep the text of every policy, so that a month can be restated by it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairpay.adjust.policy import make_policy, policy_file, policy_text, read_policy
from fairpay.errors import FairpayError, InputError, UsageError
from fairpay.ledger.tables import noted, read_table
from fairpay.logs.faults import Faults
from fairpay.money.counts import counted
from fairpay.money.currency import Currency, exact_amount, parse_rate
from fairpay.pipeline.warn import guard_withholding
from fairpay.rules import find_rule, rule_classes, spelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fairpay.adjust.policy import Policy

__all__ = [
    "EDITION",
    "INLINE",
    "MONTH",
    "OUTSIDE",
    "ROLE_OF",
    "Chosen",
    "Pool",
    "find_pool",
    "kept_name",
    "key_columns",
    "policy_files",
    "policy_hashes",
    "read_pools",
    "with_policies",
    "with_rules",
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
MONTH = ""
"""Stands for the pool's name where the policy is that of the month."""
INLINE = "in the pool file"
"""What a policy is called that stands in the pool file itself."""
NO_POLICY = "none"
"""What a pool says that has no policy though the month has one."""
DIGITS = 16


@dataclass(frozen=True, slots=True)
class Chosen:
    """A policy as pools use it."""

    name: str
    """As people know it: `spotify-2024`, `licensor.toml`, or `in the pool file`."""
    text: str
    """Its file, whole; of a policy that stands in the pool file, its tables as JSON."""
    policy: Policy
    inline: bool = False
    """Whether it stands in the pool file itself, which the books keep anyway."""

    @property
    def sha256(self) -> str:
        """Of the text, in UTF-8."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def of(self, pool: str) -> str:
        """What messages call it, as that of a pool: `licensor.toml, pool de`."""
        return f"{self.name}, pool {pool}"


def kept_name(sha256: str) -> str:
    """The name under which the books keep a policy of this hash."""
    return f"policy-{sha256[:DIGITS]}.toml"


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
    chosen: Chosen | None = None
    """The policy it is divided under, once that was read."""
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
    def deducted(self) -> dict[str, Fraction]:
        """What is taken off the gross, by name."""
        found: dict[str, Fraction] = {}
        for name, amount in self.deductions:
            found[name] = found.get(name, Fraction(0)) + amount
        return found


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
            pool = read_pool({name: cell for name, cell in line.values.items() if cell}, currency, edition)
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
    """Read a line; `values` are its cells that hold anything."""
    key = {column: values[column] for column in KEYS if values.get(column, "*") != "*"}
    own = Currency.of(values.get("currency", currency))
    gross = read_gross(values)
    exchange = read_exchange(values, own)
    count = values.get("subscribers", "")
    refuse(count and not (count.isascii() and count.isdigit()), f"subscribers is not a count: {count}")
    if "rule" in values:
        find_rule(values["rule"])
    kept = values.get("pool", "").startswith(OUTSIDE)
    refuse(kept, f"the pool's name begins with words that fairpay keeps for itself: {OUTSIDE}")
    return Pool(
        name=values.get("pool") or "/".join(key.values()) or "all",
        key=key,
        currency=own,
        gross=gross,
        deductions=read_deductions(values.get("deductions", ""), gross, edition),
        rate=parse_rate(values.get("royalty_rate", "1")),
        rule=values.get("rule"),
        policy=values.get("policy"),
        minimum=positive(values.get("minimum_per_subscriber", "0"), "minimum_per_subscriber"),
        subscribers=int(count) if count else None,
        **exchange,
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
    gross = exact_amount(values.get("gross", ""))
    if gross < 0:
        said = f"gross is below zero: {values['gross']}; a month of refunds says so: refund yes"
        refuse(not ANSWERS[answer], said)
        least = exact_amount(values.get("minimum_per_subscriber", "0"))
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


def read_exchange(values: Mapping[str, str], own: Currency) -> dict[str, Any]:
    """Read what is paid out in which currency: fields of `Pool`."""
    rate, code = values.get("fx_rate"), values.get("payout_currency")
    payout = Currency.of(code) if code else own
    if rate is None:
        refuse(payout != own, f"{own.code} is to be paid in {payout.code} without fx_rate")
        return {"payout": own}
    source, day, exact = values.get("fx_source"), values.get("fx_date", ""), exact_amount(rate)
    lacks = "an exchange rate needs payout_currency, fx_source and fx_date (2026-10-31), and is above zero"
    refuse(not source or not DAY.fullmatch(day) or not code or exact <= 0, lacks)
    return {"payout": payout, "exchange": exact, "fx_source": source, "fx_date": day}


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


def find_pool(pools: Sequence[Pool], columns: Sequence[str], values: Sequence[str]) -> int:
    """Return the index of the pool of these key values; the one behind all pools where there is none.

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
    most = max((count for count, _ in matching), default=0)
    best = [index for count, index in matching if count == most]
    if len(best) > 1:
        names = " and ".join(pools[index].name for index in best)
        message = f"{'/'.join(values)} belongs to {names} alike"
        raise InputError(message, advice="Add a pool for exactly this key, or fill the empty keys of one of them.")
    return best[0] if best else len(pools)


def with_policies(
    pools: Sequence[Pool], month: str | None, *, beside: Path, kept: Mapping[str, Path]
) -> tuple[list[Pool], Chosen | None]:
    """Read every policy that is stated: the pools, each with its own, and the policy of those that state none.

    Args:
        pools: the pool file's lines.
        month: the policy of pools that state none: a name, or a `.toml` file seen from where the command runs.
        beside: the directory of the pool file.
        kept: pool (or `MONTH`) -> the file the books keep, which stands for what is stated.

    Raises:
        UsageError: the month's policy cannot be used.
        InputError: policies of pools cannot be used, each named.

    """
    default = None if month is None else stated(month, month, kept.get(MONTH))
    faults = Faults("policies of pools")
    found: list[Pool] = []
    read: dict[tuple[str, Path | None], Chosen] = {}
    for pool in pools:
        said, chosen = pool.policy, default
        if said is not None:
            chosen, key = None, (said, kept.get(pool.name))
            try:
                if said.lower() != NO_POLICY and key not in read:
                    where = said if policy_file(said) is None else str(beside / said)
                    read[key] = inline(said) if said.startswith("{") else stated(said, where, key[1])
                chosen = read.get(key)
            except FairpayError as error:
                faults.add(f"{error.message}. {error.advice}".removesuffix(". "), f"pool {pool.name}")
        found.append(replace(pool, chosen=chosen))
    faults.stop("Give a policy by its name, or a .toml file beside the pool file; `none` for none.")
    return found, default


def policy_hashes(pools: Iterable[Pool], month: Chosen | None) -> dict[str, str]:
    """Pool (or `MONTH`) -> sha256 of the policy stated for it."""
    own = {pool.name: pool.chosen.sha256 for pool in pools if pool.chosen is not None and pool.policy is not None}
    return own if month is None else {MONTH: month.sha256, **own}


def policy_files(pools: Iterable[Pool], month: Chosen | None) -> dict[str, str]:
    """File name -> text, of every policy that the pool file does not hold itself."""
    every = [one for one in (month, *(pool.chosen for pool in pools)) if one is not None and not one.inline]
    return dict(sorted({kept_name(one.sha256): one.text for one in every}.items()))


def stated(said: str, where: str, kept: Path | None) -> Chosen:
    """Read a policy by name or from a file; where the books keep it, from there."""
    name = Path(said).name
    path = kept or (Path(where) if policy_file(said) is not None else None)
    if path is None:
        if said.partition(":")[0] in rule_classes():
            message = f"{said} is a rule, not a policy"
            raise UsageError(message, advice="It belongs in the column `rule`.")
        text = policy_text(said)
        return without_pool(Chosen(name, text, read_policy(text, where=said)))
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{name} cannot be read: {getattr(error, 'strerror', None) or error}"
        raise UsageError(message) from None
    chosen = without_pool(Chosen(name, text, read_policy(text, where=name)))
    if kept is not None and kept_name(chosen.sha256) != kept.name:
        message = f"the policy {name} is not the one that was kept in {kept.parent.name}"
        raise InputError(message, advice="Run `fairpay verify --books` and restore the books from a copy.")
    return chosen


def inline(said: str) -> Chosen:
    try:
        given = json.loads(said)
    except ValueError:
        message = f"{said[:40]} is no policy"
        raise UsageError(message) from None
    return without_pool(Chosen(INLINE, said, make_policy(given, where=f"the policy {INLINE}"), inline=True))


def without_pool(chosen: Chosen) -> Chosen:
    """Return a policy that leaves the money to the pool file.

    Raises:
        UsageError: it has a pool of its own.

    """
    if chosen.policy.has_pool:
        message = f"the policy {chosen.name} has a pool of its own, and the money of a month is in the pool file"
        stated = "state it as gross, what is set aside as a deduction, and its rule."
        raise UsageError(message, advice=f"Work the pool out with `fairpay pay`; {stated}")
    return chosen


def with_rules(pools: Sequence[Pool], rule: str | None) -> list[Pool]:
    """Give each pool its rule: its own, else that of its own policy, else the month's, else the month's policy's.

    Raises:
        UsageError: a rule that is none, or pools without one.

    """
    found = []
    for pool in pools:
        of_policy = pool.chosen.policy.rule if pool.chosen is not None else None
        own = of_policy if pool.policy is not None else None
        stated = pool.rule or own or rule or of_policy
        found.append(replace(pool, rule=None if stated is None else spelled(stated)))
    if rule is not None:
        find_rule(rule)
    bare = [pool.name for pool in found if pool.rule is None]
    if bare:
        message = f"no rule stated for {counted(len(bare), 'pool')}, {bare[0]} among them"
        raise UsageError(message, advice="Give --rule NAME, or fill the pool file's column `rule` or `policy`.")
    for pool in found:
        if pool.chosen is not None and pool.chosen.policy.withhold:
            guard_withholding([find_rule(pool.rule or "")], whose=pool.chosen.of(pool.name))
    return found
