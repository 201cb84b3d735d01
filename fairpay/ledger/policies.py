"""Policies: which pool is divided under which, as text that the books keep, so that a month can be restated by it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fairpay.adjust.policy import make_policy, policy_file, policy_text, read_policy
from fairpay.errors import FairpayError, InputError, UsageError
from fairpay.logs.faults import Faults
from fairpay.money.counts import counted
from fairpay.pipeline.warn import guard_withholding
from fairpay.rules import find_rule, rule_classes, spelled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairpay.adjust.policy import Policy
    from fairpay.ledger.pools import Pool

__all__ = ["MONTH", "Chosen", "Policies", "choose", "kept_name", "with_rules"]

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

    @property
    def file(self) -> str:
        """The name under which the books keep it."""
        return kept_name(self.sha256)


def kept_name(sha256: str) -> str:
    """The name under which the books keep a policy of this hash."""
    return f"policy-{sha256[:DIGITS]}.toml"


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of a month."""

    month: Chosen | None = None
    """Of pools that do not name their own."""
    pools: tuple[Chosen | None, ...] = ()
    """What each pool is divided under, in the order of the pools."""

    def every(self) -> dict[str, Chosen]:
        """Every policy that was stated, by the file it is kept as."""
        found = [chosen for chosen in (self.month, *self.pools) if chosen is not None]
        return {chosen.file: chosen for chosen in found}

    def hashes(self, pools: Sequence[Pool]) -> dict[str, str]:
        """Pool (or `MONTH`) -> sha256 of the policy stated for it."""
        said = {} if self.month is None else {MONTH: self.month.sha256}
        for pool, chosen in zip(pools, self.pools, strict=True):
            if chosen is not None and pool.policy is not None:
                said[pool.name] = chosen.sha256
        return said

    def files(self) -> dict[str, str]:
        """File name -> text, of every policy that the pool file does not hold itself."""
        return {name: chosen.text for name, chosen in sorted(self.every().items()) if not chosen.inline}


def choose(pools: Sequence[Pool], month: str | None, *, beside: Path, kept: Mapping[str, Path]) -> Policies:
    """Read every policy that is stated.

    Args:
        pools: the pool file's lines; a pool's policy is a name, a `.toml` file seen from the pool file, or JSON.
        month: the policy of pools that state none: a name, or a `.toml` file seen from where the command runs.
        beside: the directory of the pool file.
        kept: pool (or `MONTH`) -> the file the books keep, which stands for what is stated.

    Raises:
        UsageError: the month's policy cannot be used.
        InputError: policies of pools cannot be used, each named.

    """
    default = None if month is None else stated(month, month, kept.get(MONTH))
    faults = Faults("policies of pools")
    found: list[Chosen | None] = []
    read: dict[tuple[str, Path | None], Chosen] = {}
    for pool in pools:
        said = pool.policy
        if said is None or said.lower() == NO_POLICY:
            found.append(default if said is None else None)
            continue
        key = (said, kept.get(pool.name))
        try:
            if key not in read:
                where = said if policy_file(said) is None else str(beside / said)
                read[key] = inline(said) if said.startswith("{") else stated(said, where, key[1])
            found.append(read[key])
        except FairpayError as error:
            faults.add(f"{error.message}. {error.advice}".removesuffix(". "), f"pool {pool.name}")
    faults.stop("Give a policy by its name, or a .toml file beside the pool file; `none` for none.")
    return Policies(default, tuple(found))


def stated(said: str, where: str, kept: Path | None) -> Chosen:
    """Read a policy by name or from a file; where the books keep it, from there."""
    name = Path(said).name
    path = kept or (Path(where) if policy_file(said) is not None else None)
    if path is None:
        no_rule(said)
        text = policy_text(said)
        return without_pool(Chosen(name, text, read_policy(text, where=said)))
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{name} cannot be read: {getattr(error, 'strerror', None) or error}"
        raise UsageError(message) from None
    chosen = without_pool(Chosen(name, text, read_policy(text, where=name)))
    if kept is not None and chosen.file != kept.name:
        message = f"the policy {name} is not the one that was kept in {kept.parent.name}"
        raise InputError(message, advice="Run `fairpay verify --books` and restore the books from a copy.")
    return chosen


def no_rule(said: str) -> None:
    if said.partition(":")[0] in rule_classes():
        message = f"{said} is a rule, not a policy"
        raise UsageError(message, advice="It belongs in the column `rule`.")


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
        advice = (
            "Work the pool out with `fairpay pay`; state it as gross, what is set aside as a deduction, and its rule."
        )
        raise UsageError(message, advice=advice)
    return chosen


def with_rules(pools: Sequence[Pool], rule: str | None, policies: Policies) -> list[Pool]:
    """Give each pool its rule: its own, else that of its own policy, else the month's, else the month's policy's.

    Raises:
        UsageError: a rule that is none, or pools without one.

    """
    found = []
    for pool, chosen in zip(pools, policies.pools, strict=True):
        of_policy = chosen.policy.rule if chosen is not None else None
        own = of_policy if pool.policy is not None else None
        stated = pool.rule or own or rule or of_policy
        found.append(replace(pool, rule=None if stated is None else spelled(stated)))
    if rule is not None:
        find_rule(rule)
    bare = [pool.name for pool in found if pool.rule is None]
    if bare:
        message = f"no rule stated for {counted(len(bare), 'pool')}, {bare[0]} among them"
        raise UsageError(message, advice="Give --rule NAME, or fill the pool file's column `rule` or `policy`.")
    for pool, chosen in zip(found, policies.pools, strict=True):
        if chosen is not None and chosen.policy.withhold:
            guard_withholding([find_rule(pool.rule or "")], whose=chosen.of(pool.name))
    return found
