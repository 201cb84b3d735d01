"""`explain`: what an artist, or a label, is paid under each rule, and why, while the engine still holds the month."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fairpay.errors import InputError, UsageError
from fairpay.money.integers import sum_exactly
from fairpay.pipeline.division import runnable, settled, weigh
from fairpay.pipeline.factors import ListenerSums
from fairpay.pipeline.jobs import policy_rule, with_policy
from fairpay.pipeline.joined import in_blocks
from fairpay.pipeline.run import run
from fairpay.pipeline.subject import find_artist, find_group
from fairpay.pipeline.work import request_of, tables_in_files, watching
from fairpay.pipeline.worth import can_grow, shares_in, worth_of
from fairpay.reports.explanation import Explanation, PayeePaid, Reached, RulePaid, Subject, bands, explanation_of
from fairpay.reports.tables import Shown, decimals
from fairpay.reports.words import counted
from fairpay.rules import find_rule, references
from fairpay.rules.core.rule import Needs
from fairpay.runs.manifest import read_manifest
from fairpay.runs.verify import payout_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from fairpay.adjust.weights import Asked
    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.money.currency import Currency
    from fairpay.pipeline.request import Request
    from fairpay.reports.outcome import Condition, Outcome
    from fairpay.rules.core.month import Month
    from fairpay.rules.core.rule import Rule
    from fairpay.settings.option import Logs

__all__ = ["Explained", "Payees", "explained"]

Payees: TypeAlias = "Callable[[str, int], Iterable[tuple[str, int]]]"
"""An artist and minor units -> payees, each with its part; the parts sum to the whole."""
SHOWN = 3
"""Artists of several groups that are named."""


@dataclass(frozen=True, slots=True, repr=False)
class Explained(Shown):
    """What an artist, or several together, is paid, and why."""

    outcome: Outcome
    """The month; it holds no payouts: `found` does."""
    found: Explanation
    """Everything, in integers and fractions."""
    command: Literal["explain"] = "explain"
    """Which job it was."""
    published: str = ""
    """Nothing is written."""

    def __repr__(self) -> str:
        """Say in one line what it is."""
        code, text = self.outcome.currency.code, self.outcome.currency.text
        paid = ", ".join(f"{text(one.paid)} {code} under {one.rule.label}" for one in self.found.earned)
        return f"<explain {self.found.subject.kind} {self.found.subject.name}: {paid}>"

    @property
    def table(self) -> pl.DataFrame:
        """A row for each rule, with what `--json` says of it; amounts paid are exact decimals."""
        paid = decimals(np.array([one.paid for one in self.found.earned]), self.outcome.currency.digits)
        return pl.DataFrame(self.summary["rules"]).with_columns(paid=pl.Series(paid))

    @property
    def summary(self) -> dict[str, Any]:
        """What `--json` prints."""
        return explanation_of(self.outcome, self.found)


def explained(logs: Logs, options: Mapping[str, Any], payees: Payees | None = None) -> Explained:
    """Explain a part of a month; `payees` says who is behind an artist.

    Raises:
        FairpayError: every error a user can meet, see `fairpay.ledger.jobs.explain`.

    """
    full = with_policy("explain", options)
    column, value = asked_for(full)
    with tables_in_files(full) as there:
        request = request_of("explain", logs, (), {**there, "others": full["rules"] or policy_rule(full)})
        if request.policy is not None and request.policy.withhold:
            message = "explain does not tell what a policy withholds, so that it would say more than is paid"
            raise UsageError(message, advice="Take [[withhold]] out of a copy of the policy; see `fairpay pay`.")
        find: Callable[[Outcome], Subject] = partial(find_artist, value)
        if column != "artist":
            find = partial(group_of, request.artists, column, value)
            if value != f"no {column}":  # what is misspelt is said before the logs are read
                find_group(request.artists, column, value)
        explainer = Explainer(request, full["rules"], find, full["k"], full["against"], payees)
        outcome = run(request, watching(full), observer=explainer)
    assert explainer.found is not None
    return Explained(outcome, explainer.found)


def group_of(path: Path | None, column: str, value: str, outcome: Outcome) -> Subject:
    """Find a group among the artists of a month."""
    return find_group(path, column, value, outcome.artist.to_pylist())


def asked_for(options: Mapping[str, Any]) -> tuple[str, str]:
    """Return what is explained: `artist`, or a column of the artist file, and its value.

    Raises:
        UsageError: nothing, or several, or no column of a group.

    """
    given = [(name, str(options[name])) for name in ("artist", "label", "group") if options[name] is not None]
    if len(given) != 1:
        message = "say whom to explain" if not given else "explain takes one of --artist, --label and --group"
        raise UsageError(message, advice="Give --artist NAME, --label NAME or --group COLUMN=VALUE.")
    name, value = given[0]
    if not value:
        message = f"--{name} is empty"
        raise UsageError(message, advice="Give --artist NAME, --label NAME or --group COLUMN=VALUE.")
    if name != "group":
        return name, value
    column, equals, value = value.partition("=")
    if not equals or not value:
        message = f"--group {column}: no column with a value"
        raise UsageError(message, advice="Write --group COLUMN=VALUE, such as --group genre=jazz.")
    return column.strip().lower(), value


@dataclass(slots=True)
class Explainer:
    """An observer of a run that lets plays pass, and explains a part of the month."""

    request: Request
    rules: Sequence[str]
    find: Callable[[Outcome], Subject]
    k: int
    against: str | Path | None
    payees: Payees | None
    found: Explanation | None = None

    def take(self, raw: RawBatch, listens: Listens) -> None: ...

    def look(self, month: Month, outcome: Outcome) -> None:
        """Divide the month under every rule, and look at the listeners of the artists."""
        subject, month = self.find(outcome), in_blocks(month)
        at = pc.index_in(pa.array(subject.ids, pa.large_string()), value_set=outcome.artist.cast(pa.large_string()))
        chosen = np.sort(at.drop_null().to_numpy(zero_copy_only=False).astype(np.int64))
        among = np.isin(np.arange(month.facts.artists), chosen)
        rules, notes = self.chosen_rules(month)
        paid = paid_under(month, rules, chosen)
        earned = [RulePaid(rule, sum_exactly(units), share) for rule, (units, share) in paid.items()]
        audience, plays = ListenerSums.of(month, among), sum_exactly(outcome.plays[chosen])
        known = [one for one in earned if one.rule.needs is Needs.SUMS]
        worth = worth_of(month, known, chosen, audience, plays) if can_grow(month, audience) else None
        everything = max(1, sum_exactly(outcome.market_weight))
        listening = Fraction(sum_exactly(outcome.market_weight[chosen]), everything)
        told = audience.count >= self.k
        self.found = Explanation(
            subject=subject,
            artists=len(chosen),
            plays=plays,
            ms=None if outcome.ms is None else sum_exactly(outcome.ms[chosen]),
            listeners=audience.count,
            share=listening,
            earned=self.with_before(earned if worth is None else worth.earned(earned), subject, outcome.currency),
            factors=audience.factors(month, listening),
            k=self.k,
            bands=bands(audience.everybody, audience.by_decile, in_plays(month, audience.edges), k=self.k),
            joiner=worth.joiner if worth is not None and told else None,
            added=0 if worth is None else worth.added,
            reached=tuple(reached(line, line.asked, subject.ids) for line in outcome.conditions if line.asked),
            payees=self.divided(
                outcome.artist.take(pa.array(chosen)).to_pylist(), [units for units, _ in paid.values()]
            ),
            before="" if self.against is None else str(self.against),
            notes=(*whole(subject), *notes),
        )

    def chosen_rules(self, month: Month) -> tuple[list[Rule], list[str]]:
        """Return the rules asked for; else the usual ones that can run on the month, and that of the policy."""
        if self.rules:
            return [find_rule(name) for name in dict.fromkeys(self.rules)], []
        rules, notes = runnable(month)
        own = () if self.request.policy is None else (find_rule(self.request.policy.rule),)
        return sorted(dict.fromkeys((*own, *rules)), key=lambda rule: (rule not in references(), rule.label)), notes

    def divided(self, artists: Sequence[str], paid: Sequence[Ints]) -> tuple[PayeePaid, ...]:
        """Divide what each artist is paid under each rule among the payees; the first rule's most paid come first."""
        found: dict[str, list[int]] = {}
        for place, units in enumerate(paid if self.payees is not None else ()):
            for artist, amount in zip(artists, units.tolist(), strict=True):
                for payee, part in self.payees(artist, amount) if self.payees is not None else ():
                    found.setdefault(payee, [0] * len(paid))[place] += part
        return tuple(PayeePaid(*one) for one in sorted(found.items(), key=lambda one: (-one[1][0], one[0])))

    def with_before(self, earned: Sequence[RulePaid], subject: Subject, currency: Currency) -> tuple[RulePaid, ...]:
        """Put what another run paid beside what is paid."""
        if self.against is None:
            return tuple(earned)
        before = paid_before(Path(self.against), subject, currency)
        return tuple(replace(one, before=before.get(one.rule.label)) for one in earned)


def paid_under(month: Month, rules: Sequence[Rule], chosen: Ints) -> dict[Rule, tuple[Ints, Fraction]]:
    """Return what some artists are paid under each rule: minor units of each, and their part of the pool, finer."""
    prepared = {rule: rule.prepare(month) for rule in rules}
    weighed = weigh(month, prepared)
    found, _ = settled(month, rules, prepared, weighed)
    shares = shares_in(weighed.weights, prepared, chosen) if month.facts.pool else dict.fromkeys(rules, Fraction(0))
    return {rule: (one.paid[chosen], shares[rule]) for rule, one in zip(rules, found, strict=True)}


def whole(subject: Subject) -> list[str]:
    """Say which artists are of other groups as well."""
    if not (count := len(subject.shared)):
        return []
    named = ", ".join(subject.shared[:SHOWN]) + (", ..." if count > SHOWN else "")
    said = f"{counted(count, 'artist')} ({named}) {'is' if count == 1 else 'are'} shared with another {subject.kind}"
    return [f"{said}, and counted whole here; a comparison by {subject.kind} divides what is paid"]


def in_plays(month: Month, edges: Sequence[int]) -> list[int]:
    """Bring listening to plays, where that is what is counted; time stays milliseconds."""
    play = month.facts.play or 1
    return [-(-edge // play) for edge in edges]


def reached(line: Condition, asked: Asked, ids: Sequence[str]) -> Reached:
    """Say how artists, or their tracks, stand to a threshold or a boost."""
    limit, counted = asked.limit, asked.of(ids)
    missing = [one for one in counted if one[1] < limit.streams or one[2] < limit.listeners]
    return Reached(
        name=line.name,
        times=line.times,
        unit=asked.unit,
        streams=limit.streams,
        listeners=limit.listeners,
        counted=len(counted),
        reaching=len(counted) - len(missing),
        lost=sum(streams for _, streams, _ in missing),
        nearest=next(iter([*missing, *counted]), None),
    )


def paid_before(directory: Path, subject: Subject, currency: Currency) -> dict[str, int]:
    """Return what a finished run of `compare` or `pay` paid some artists together under each of its rules.

    Raises:
        InputError: it is no such run, it is in another currency, or it has merged artists of few listeners.

    """
    manifest = read_manifest(directory)
    name = {"compare": "comparison", "pay": "payouts"}.get(str(manifest.get("command")))
    if name is None:
        message = f"{directory} is no run of compare or pay"
        raise InputError(message, advice="Give a directory that one of these wrote with -o.")
    try:
        summary = json.loads((directory / "summary.json").read_bytes())
        rules, code = [rule["name"] for rule in summary["rules"]], summary["currency"]
        table = pq.read_table(directory / f"{name}.parquet")
        columns = payout_columns(table, len(rules))
        mine = pl.DataFrame(table.filter(pc.is_in(table["artist"], pa.array(subject.ids, table["artist"].type))))
        paid = [int(Decimal(mine[column].sum() or 0) * 10**currency.digits) for column in columns]
    except (OSError, ValueError, LookupError, TypeError, pa.ArrowException) as error:
        message = f"{directory} cannot be read: {str(error).splitlines()[0]}"
        raise InputError(message, advice="See `fairpay verify`.") from None
    if "artists" in table.column_names:
        message = f"{directory} has merged lines, so that an artist with few listeners is in none of its own"
        raise InputError(message, advice="Give a run without --k.")
    if code != currency.code:
        message = f"{directory} is in {code}, and this run is in {currency.code}"
        raise InputError(message, advice=f"Give --currency {code}, or a run in {currency.code}.")
    return dict(zip(rules, paid, strict=True))
