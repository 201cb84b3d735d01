"""Closing: what closing a month is asked to do, from which files, how its manifest says that, and what its tables say.

The tables are read and judged together, before any play is read. A run is what it was asked, on which bytes, after
which month; the same again has the same id.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

from fairpay.adjust.decisions import Penalties, read_decisions
from fairpay.adjust.stated import check_conditions, read_statements
from fairpay.errors import InputError, UsageError
from fairpay.ledger.model import bounds
from fairpay.ledger.payees import (
    Routing,
    Standing,
    read_advances,
    read_aliases,
    read_catalogue,
    read_fees,
    read_holds,
    read_taxes,
)
from fairpay.ledger.pools import EDITION, Chosen, Pool, key_columns, read_pools, with_policies, with_rules
from fairpay.ledger.settle import PaymentTerms
from fairpay.ledger.sorting import Exclusions, read_exclusions
from fairpay.ledger.splits import Splits, read_splits
from fairpay.logs.find import find_logs
from fairpay.money.counts import counted
from fairpay.money.currency import Currency, exact_amount, parse_rate
from fairpay.pipeline.intake import Statements
from fairpay.reports.outcome import InputFile
from fairpay.runs.inputs import LOGS, HashedInputs, log_inputs
from fairpay.runs.manifest import canonical, plain
from fairpay.settings.option import defaults, is_table
from fairpay.settings.options import CloseOptions, CompareOptions
from fairpay.settings.values import Conditions, Qualifying, Reading, Running, milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fairpay.adjust.decisions import Decision

__all__ = [
    "EXCLUDED",
    "KEPT",
    "LOGS",
    "TABLES",
    "Closing",
    "Input",
    "Loaded",
    "begin_hashing",
    "find_again",
    "identity_of",
    "inputs_of",
    "load",
    "run_id_of",
    "tables_of",
]

STATED = ("history", "wishes", "delegations")
OF_USERS = ("subscribers", "decisions", *STATED)
TABLES = ("pools", "splits", "aliases", "artists", "holds", "advances", "fees", "taxes", *OF_USERS)
"""The tables a month can be closed with; only the pools are needed."""
KEPT = tuple(name for name in TABLES if name not in OF_USERS)
"""Those the books keep a copy of, so that a month can be worked out again. They name no users."""
DEFAULT = defaults(CloseOptions)
MINIMUM = re.compile(r"(?:([A-Za-z]{3})\s*=\s*)?([\d.]+)")


@dataclass(frozen=True, slots=True)
class Closing:
    """A month to close."""

    period: str
    books: Path
    logs: tuple[str, ...]
    tables: Mapping[str, Path]
    """One of `TABLES` -> its file."""
    exclude: tuple[Path, ...] = ()
    """Tables of users or plays that do not count, when a month is reopened."""
    rule: str | None = None
    """Of pools that do not name their own."""
    policy: str | None = None
    """The same: a policy by name, or a `.toml` file."""
    policies: Mapping[str, str] = field(default_factory=dict)
    """Pool (or `pools.MONTH`) -> sha256 of the policy stated for it; known once the tables are read."""
    kept: Mapping[str, Path] = field(default_factory=dict)
    """The same -> the file that the books keep of it, when a month is reopened."""
    pool_by: tuple[str, ...] = ()
    """Keys that tell pools apart; empty: those the pool file uses."""
    currency: str = DEFAULT["currency"]
    """Of amounts in the tables that name none."""
    minimum_payment: str = DEFAULT["minimum_payment"]
    """`20.00`, or by currency `EUR=20.00, USD=25`."""
    recoup: str = DEFAULT["recoup"]
    reserve: str = DEFAULT["reserve"]
    reserve_months: int = DEFAULT["reserve_months"]
    unsplit: Literal["pay", "suspend"] = DEFAULT["unsplit"]
    min_seconds: str | None = None
    """None: what a pool's policy says, else 30."""
    measure: Literal["time", "plays"] | None = None
    """None: what a pool's policy says, else time where the log has it."""
    kappa: str = DEFAULT["kappa"]
    viscosity: str = DEFAULT["viscosity"]
    delegate_cap: str = DEFAULT["delegate_cap"]
    undecided: Literal["refuse", "keep"] = DEFAULT["undecided"]
    penalty: str | None = None
    """The share charged of what excluded plays would have earned, where the decisions state none."""
    penalty_to: Literal["pool", "platform"] = DEFAULT["penalty_to"]
    any_date: bool = DEFAULT["any_date"]
    tracks: bool = DEFAULT["tracks"]
    """Whether a table says what each track earned; the ledger is the same."""
    per_payee: bool = DEFAULT["per_payee"]
    excel: bool = DEFAULT["excel"]
    edition: int = EDITION
    """How deductions are read, see `pools.EDITION`."""
    engine: Literal["local", "spark"] = DEFAULT["engine"]
    """Where the plays are worked on: it decides nothing."""
    reading: Reading = field(default_factory=Reading)
    write_rejects: bool = True
    """Whether rows that are set aside are written where `reading` says."""
    running: Running = field(default_factory=Running)

    @property
    def place(self) -> dict[str, str]:
        """What manifests say of the engine, where it is another than this machine."""
        return {} if self.engine == "local" else {"engine": self.engine}

    @classmethod
    def of(cls, options: Mapping[str, Any], logs: tuple[str, ...]) -> Self:
        """Make a closing of options; what a command does not offer keeps its default.

        Raises:
            UsageError: an option has a value that it cannot have.

        """
        read = {"books", "logs", "tables", "exclude", "pool_by", "reading", "running"}
        same = {one.name for one in fields(cls)} & options.keys() - read
        return cls(
            books=Path(options["books"]),
            logs=logs,
            tables=tables_of(options),
            pool_by=tuple(options.get("pool_by", ())),
            reading=Reading.of(options),
            running=Running.of(options),
            **{name: options[name] for name in same},
        )

    def qualifying(self, chosen: Chosen | None) -> Qualifying:
        """Say which listens count: those of the period, where the log has times. What is stated goes before the policy.

        Raises:
            UsageError: a length that is finer than a millisecond.

        """
        policy = None if chosen is None else chosen.policy
        seconds = policy.min_seconds if policy is not None and self.min_seconds is None else None
        least = milliseconds(self.min_seconds or LEAST_SECONDS if seconds is None else seconds)
        measure = self.measure or (None if policy is None else policy.measure)
        since, until = (None, None) if self.any_date else bounds(self.period)
        return Qualifying(min_ms=least, since=since, until=until, measure=measure)

    @property
    def penalties(self) -> Penalties:
        """What is charged for excluded plays.

        Raises:
            UsageError: the share is none.

        """
        return Penalties(None if self.penalty is None else parse_rate(str(self.penalty)), self.penalty_to)

    def conditions(self) -> Conditions:
        """Say what listeners state, and how it counts.

        Raises:
            UsageError: a number that is none.

        """
        numbers = {name: getattr(self, name) for name in NUMBER_OF}
        return Conditions.of({**{name: self.tables.get(name) for name in STATED}, **numbers})

    def paying(self, currencies: set[str]) -> PaymentTerms:
        """Say how balances become payments, for these currencies.

        Raises:
            UsageError: an amount or a share that is none.

        """
        if self.reserve_months < 1:
            message = "a reserve is held for one month or more"
            raise UsageError(message)
        minimum: dict[str, int] = {}
        for part in filter(None, (p.strip() for p in self.minimum_payment.split(","))):
            match = MINIMUM.fullmatch(part)
            if not match:
                message = f"{part!r} is not a minimum payment"
                raise UsageError(message, advice="Write 20.00, or EUR=20.00,USD=25.00.")
            for code in [match[1].upper()] if match[1] else sorted(currencies - minimum.keys()):
                # finer digits than the currency has are rounded up
                minimum[code] = math.ceil(exact_amount(match[2]) * 10 ** Currency.of(code).digits)
        return PaymentTerms(minimum, parse_rate(self.recoup), parse_rate(self.reserve), self.reserve_months)

    def options(self) -> dict[str, Any]:
        """Everything that decides the result, besides the inputs; plain values."""
        reading = {name: getattr(self.reading, name) for name in READING}
        return {
            **{name: plain(getattr(self, name)) for name in OWN},
            **({"min_seconds": LEAST_SECONDS} if not (self.min_seconds or self.policies) else {}),
            **({"edition": self.edition} if self.edition > 1 else {}),
            **{name: plain(value) for name, value in reading.items() if name in ALWAYS or value != READING[name]},
            "set_aside": self.reading.rejects is not None,
            **({"policies": dict(self.policies)} if self.policies else {}),
            **{name: value for name in PENALTIES if (value := getattr(self, name)) != DEFAULT[name]},
            **{name: getattr(self, name) for name, table in NUMBER_OF.items() if table in self.tables},
        }

    def again(self, options: Mapping[str, Any]) -> Closing:
        """The closing those options were written from, with this one's files; rows that were set aside are so again."""
        own = {name: options[name] for name in OWN} | {name: options[name] for name in NUMBER_OF if name in options}
        own |= {name: options.get(name, DEFAULT[name]) for name in PENALTIES}
        if "policies" not in options and own["min_seconds"] == LEAST_SECONDS:
            own["min_seconds"] = None
        known = {name: options[name] for name in READING if name in options}
        reading = Reading(**known, rejects=self.books if options["set_aside"] else None)
        own |= {"pool_by": tuple(options["pool_by"]), "edition": options.get("edition", 1)}
        return replace(self, **own, reading=reading, write_rejects=False)


LEAST_SECONDS = defaults(CompareOptions)["min_seconds"]
NUMBER_OF = {"kappa": "history", "viscosity": "delegations", "delegate_cap": "delegations"}
"""Numbers -> the tables without which they mean nothing."""
PENALTIES = ("penalty", "penalty_to")
"""Named where they are not the default, so that older books keep their run ids; an adjustment keeps its month's."""
READING = {one.name: getattr(Reading(), one.name) for one in fields(Reading) if one.name not in {"rejects", "late"}}
"""What says how logs are read -> its default. Where rejects go decides nothing; whether rows are set aside does, and
which logs are late an adjustment says."""
ALWAYS = frozenset({"columns", "format", "separator", "quote", "header", "user_from_file"})
"""Those that books have always named; a later one is named where it is not the default, so that old books keep their
run ids."""
OWN = ("period", "rule", "pool_by", "currency", "minimum_payment", "recoup", "reserve", "reserve_months", "unsplit",
       "min_seconds", "measure", "any_date")  # fmt: skip
"""What decides the result and is kept as it is, in the order of the manifest."""


def tables_of(options: Mapping[str, Any]) -> dict[str, Path]:
    """Return the tables that were given.

    Raises:
        UsageError: one is in memory, and the books name files.

    """
    given = {name: options[name] for name in TABLES if options.get(name) is not None}
    for name, value in given.items():
        if is_table(value):
            message = f"{name} is a {type(value).__name__}: the books are closed from files, which they name"
            raise UsageError(message, advice="Write the table to a file first.")
    return {name: Path(value) for name, value in given.items()}


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the tables say."""

    pools: list[Pool]
    """Each with its rule and its policy."""
    columns: tuple[str, ...]
    """The key columns that tell pools apart."""
    routing: Routing
    standing: Standing
    statements: Statements
    exclusions: Exclusions = field(default_factory=Exclusions)
    chosen: Chosen | None = None
    """The policy of pools that do not name their own."""
    decisions: tuple[Decision, ...] | None = None


def load(closing: Closing) -> Loaded:
    """Read every table.

    Raises:
        UsageError: no pool file; a pool without a rule; a policy or a number that is none.
        InputError: a table that cannot be used.

    """
    tables, currency, exclusions = closing.tables, closing.currency, read_exclusions(closing.exclude)
    if "pools" not in tables:
        message = "no pools stated"
        raise UsageError(message, advice="Give --pools FILE: a line for each pool with its gross revenue.")
    if closing.tracks and (stated := {"history", "wishes"} & tables.keys()):
        message = f"tracks cannot be told apart with {' and '.join(sorted(stated))}, which name artists"
        raise UsageError(message, advice="Leave out --tracks.")
    pools = read_pools(tables["pools"], currency=currency, edition=closing.edition)
    pools, chosen = with_policies(pools, closing.policy, beside=tables["pools"].parent, kept=closing.kept)
    pools = with_rules(pools, closing.rule)
    conditions, set_aside = closing.conditions(), closing.reading.rejects is not None
    check_conditions(conditions, tables.get("subscribers"))
    advances, fees, holds = tables.get("advances"), tables.get("fees"), tables.get("holds")
    return Loaded(
        pools=pools,
        columns=key_columns(pools, closing.pool_by),
        routing=Routing(
            aliases=read_aliases(tables["aliases"]) if "aliases" in tables else {},
            splits=read_splits(tables["splits"]) if "splits" in tables else Splits(),
            catalogue=read_catalogue(tables["artists"]) if "artists" in tables else None,
            suspend_unsplit=closing.unsplit == "suspend",
        ),
        standing=Standing(
            holds=read_holds(holds) if holds else {},
            advances=read_advances(advances, currency=currency, period=closing.period) if advances else {},
            fees=read_fees(fees, currency=currency) if fees else {},
            taxes=read_taxes(tables["taxes"]) if "taxes" in tables else {},
        ),
        exclusions=exclusions,
        chosen=chosen,
        decisions=read_decisions(tables["decisions"], undecided=closing.undecided) if "decisions" in tables else None,
        statements=Statements(
            **read_statements(*(tables.get(name) for name in STATED), set_aside=set_aside), kappa=conditions.kappa
        ),
    )


EXCLUDED = "exclude"
DIGITS = 16
Input: TypeAlias = "Mapping[str, Any]"
"""A file a run read, as manifests state it: `role` (`logs`, `exclude`, or the table it is), `path` (seen from the
books), `size`, `sha256`, and `known_as` where its rows take something from its place: `country=DE` of hive folders, the
user of a personal export."""


def begin_hashing(closing: Closing, *, more: Sequence[tuple[str, Path]] = (), late: Sequence[str] = ()) -> HashedInputs:
    """Find the files of a closing, and begin to hash them; `more` are tables with their roles, `late` late logs."""
    asked = [InputFile(role, str(path)) for role, path in (*closing.tables.items(), *more)]
    if closing.logs or late:
        # each was held against the others of its correction when that was booked
        reading = replace(closing.reading, late={path: number for number, path in enumerate(late, start=1)})
        asked += log_inputs(find_logs([*closing.logs, *late], reading)[0], reading)
    return HashedInputs(asked)


def inputs_of(hashed: HashedInputs, books: Path) -> list[Input]:
    """Wait, and say what was read, in an order that the order of files does not change.

    Raises:
        InputError: a file that changed meanwhile or cannot be hashed: books need inputs that can be told again.

    """
    records = hashed.records()
    remote = [str(one["name"]) for one in records if one["sha256"] is None]
    if remote:
        message = f"{counted(len(remote), 'input')}, {remote[0]} among them: no plain files on this machine"
        raise InputError(message, advice="Books are closed from files that can be read again: copy them here first.")
    keys = ("role", "path", "size", "sha256", "known_as")
    inputs = [{**one, "path": os.path.relpath(one["name"], books)} for one in records]
    stated: list[Input] = [{key: one[key] for key in keys if key in one} for one in inputs]
    return sorted(stated, key=lambda one: (*(one.get(key, "") for key in ("role", "sha256", "known_as", "path")),))


def identity_of(one: Input) -> list[str]:
    """What tells one input from another: its role, its hash, and what its rows take from its place, if anything."""
    return [str(one["role"]), str(one["sha256"]), *([str(one["known_as"])] if one.get("known_as") else [])]


def run_id_of(previous: str, options: Mapping[str, Any], inputs: Iterable[Input], adjustments: Iterable[str]) -> str:
    """The id of a run: what decides its result, and nothing else (no path, no clock, no machine).

    Args:
        previous: the run id of the month before; empty for the first.
        options: everything that decides the result besides inputs.
        inputs: the files read.
        adjustments: run ids of the adjustments it books.

    """
    hashes = sorted(identity_of(one) for one in inputs)
    parts = {"previous": previous, "options": dict(options), "inputs": hashes, "adjustments": list(adjustments)}
    return hashlib.sha256(canonical(parts)).hexdigest()[:DIGITS]


def find_again(inputs: Iterable[Input], role: str, books: Path) -> list[Path]:
    """Where the inputs of a closed month are now.

    Raises:
        InputError: one is gone.

    """
    paths = [books / str(one["path"]) for one in inputs if one["role"] == role]
    gone = [path.name for path in paths if not path.is_file()]
    if gone:
        message = f"{len(gone):,} of the files the month was closed from are gone, {gone[0]} among them"
        raise InputError(message, advice="Put them back where they were; the manifest has their sha256.")
    return [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100 - a link keeps the folders it is found in
