"""`fairpay rules`."""

from __future__ import annotations

import inspect
import json
import textwrap
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rich.text import Text

from fairpay.adjust.policy import policy_names, policy_text
from fairpay.cli.outcomes import present_data
from fairpay.cli.screens.parts import figures, paragraph
from fairpay.cli.terminal import emit
from fairpay.errors import UsageError
from fairpay.reports.words import joined, visible
from fairpay.rules import find_rule, promise_named, rule_classes
from fairpay.rules.core.promise import GROUPS, Promise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from fairpay.cli.invocation import Invocation
    from fairpay.rules.core.promise import CounterExample, Example
    from fairpay.rules.core.rule import Rule

__all__ = ["described", "one_rule", "reasons_for", "run", "table"]


def run(call: Invocation) -> None:
    """Show all rules, one rule, a promise, or the file of a policy.

    Raises:
        UsageError: a rule and a promise are asked for at once, or there is none of that name.

    """
    name, why = call.arguments["name"], call.values["why"]
    if why is not None and name is not None:
        message = f"--why {why} explains a promise, and {name} is a rule"
        raise UsageError(message, advice=f"Leave {name} out; `fairpay rules {name}` says what it keeps and breaks.")
    if why is not None:
        every, promise = [found() for found in rule_classes().values()], promise_named(why)
        kept = [rule.name for rule in every if promise in rule.keeps()]
        data = {"schema_version": 1, "promise": promise.value, "statement": promise.statement, "kept_by": kept}
        present_data(call, lambda: data, lambda: reasons_for(promise, every))
        return
    if name in policy_names():
        text = policy_text(name)
        data = {"schema_version": 1, "policy": name, "text": text}
        emit(json.dumps(data, indent=2) + "\n" if call.json else text)
        return
    chosen = [found() for found in rule_classes().values()] if name is None else [find_rule(name)]
    present_data(
        call,
        lambda: {"schema_version": 1, "rules": [described(rule) for rule in chosen]},
        lambda: table(chosen) if name is None else one_rule(chosen[0]),
    )


WIDTH = 80
LABEL = 10
MOST = 6
"""Listeners, or artists of one, that are shown of an example."""
SHORT = {
    Promise.CONSERVES: "conserves",
    Promise.OWN_MONEY: "own",
    Promise.CORE: "core",
    Promise.LOWER_BOUND: "low",
    Promise.NULL_ARTIST: "null",
    Promise.MONOTONE: "mono",
    Promise.ORDER_PRESERVING: "order",
    Promise.PROPORTIONAL: "prop",
    Promise.FRAUD_PROOF: "fraud",
    Promise.BRIBERY_PROOF: "bribe",
    Promise.CLICK_FRAUD_PROOF: "click",
    Promise.SPLIT_PROOF: "split",
    Promise.ANONYMOUS: "anon",
}


def table(rules: Sequence[Rule]) -> Iterator[RenderableType]:
    """Yield the table of rules by promises, and what its heads mean."""
    everywhere = [promise for promise in Promise if all(promise in rule.keeps() for rule in rules)]
    differing = [promise for promise in Promise if promise not in everywhere]
    rows: list[Sequence[str | Text]] = []
    for rule in rules:
        marks = [Text("yes", style="green") if p in rule.keeps() else Text("-", style="dim") for p in differing]
        rows.append((rule.name + (" *" if rule.experimental else ""), *marks))
    yield figures("Rule", *(SHORT[promise] for promise in differing), rows=rows)
    yield ""
    for title, members in GROUPS.items():
        if told := [promise for promise in differing if promise in members]:
            yield paragraph(title, style="bold")
            yield from (labelled(SHORT[promise], f"{promise.value}: {promise.statement}") for promise in told)
            yield ""
    yield paragraph(f"Every rule keeps {joined([promise.value for promise in everywhere])}.")
    yield paragraph("`fairpay rules --why PROMISE` explains one with the shortest example.")
    if any(rule.experimental for rule in rules):
        yield paragraph("* experimental: for study, not for paying.")
    yield paragraph("With their parameters at the defaults. `fairpay rules NAME` explains one.")
    yield ""
    others = "; ".join(f"{', '.join(rule.aliases)} ({rule.name})" for rule in rules if rule.aliases)
    yield paragraph(f"Other names are understood, too: {others}.")
    yield ""
    yield paragraph(f"Policies, given with --policy and shown by name: {', '.join(policy_names())}.")


def one_rule(rule: Rule) -> Iterator[RenderableType]:
    """Yield what one rule is, with these parameters."""
    yield labelled(rule.name, rule.summary(), style="bold")
    for text in (inspect.getdoc(type(rule)) or "").split("\n\n")[1:]:
        yield labelled("", " ".join(text.split()))
    if rule.experimental:
        yield labelled("", "Experimental: for study, not for paying.")
    if rule.aliases:
        yield labelled("Also", ", ".join(rule.aliases))
    yield labelled("Formula", rule.formula)
    for parameter in rule.parameters():
        allowed = f"{parameter.allowed}; default {parameter.default}"
        yield labelled("Set", f"{parameter.name}: {parameter.help} ({allowed})")
    for example in rule.examples:
        yield labelled("Example", worked(example))
    yield labelled("Keeps", " · ".join(promise.value for promise in Promise if promise in rule.keeps()) or "nothing")
    shown = {broken.promise: broken.sentence() for broken in rule.breaks}
    for promise in rule.broken():
        yield labelled("Breaks", shown.get(promise, f"{promise.value}: not always {promise.statement}"))
    yield labelled("Source", rule.source)


def reasons_for(promise: Promise, rules: Sequence[Rule]) -> Iterator[RenderableType]:
    """Yield what a promise means, by the shortest example of a rule that breaks it, and who keeps it."""
    yield labelled(promise.value, promise.statement, style="bold")
    examples = [(rule, example) for rule in rules for example in rule.breaks if example.promise is promise]
    if examples:
        rule, example = min(
            examples, key=lambda pair: (pair[0].experimental, pair[1].rate != 1, bool(pair[1].parameters), pair[1].size)
        )
        yield labelled("Broken by", f"{rule.name}, {example.sentence().partition(': ')[2]}")
        yield ""
        for title, month in (("Before" if example.after else "The month", example.before), ("After", example.after)):
            if month:
                yield figures(title, "pays", "plays", rows=month_of(example, month), words=(0, 2))
                yield ""
    kept = [rule.name for rule in rules if promise in rule.keeps()]
    yield labelled("Kept by", joined(kept) if len(kept) < len(rules) else "every rule")


def month_of(example: CounterExample, month: Mapping[str, Mapping[str, int]]) -> list[Sequence[str | Text]]:
    """A row for each listener of a worked month; of many, the first and the last."""
    shown = [*month] if len(month) <= MOST else [*[*month][: MOST - 2], "...", *[*month][-1:]]
    plays = {user: [f"{artist} {count:,}" for artist, count in month.get(user, {}).items()] for user in shown}
    return [
        (
            user,
            str(example.fees.get(user, 1)) if user in month else "",
            ", ".join(of[:MOST]) + ", ..." * (len(of) > MOST),
        )
        for user, of in plays.items()
    ]


def labelled(label: str, text: str, *, style: str = "") -> Text:
    """Put a label before a text that is wrapped beside it."""
    start = f"{label:<{LABEL}}" if len(label) < LABEL else f"{label}  "
    wrapped = textwrap.fill(
        visible(text), width=WIDTH, initial_indent=start, subsequent_indent=" " * LABEL, break_on_hyphens=False
    )
    line = Text(wrapped)
    line.stylize(style or "bold", 0, len(label))
    return line


def worked(example: Example) -> str:
    """`three users who paid 1 each; the third plays most: A 0.36  B 0.18  C 2.46`."""
    pays = "  ".join(f"{artist} {number(value)}" for artist, value in example.pays.items())
    given = f" ({example.parameters})" if example.parameters else ""
    divided = "" if example.pool is None else f" of {example.pool}"
    return f"{example.title}{given}: {pays}{divided}"


def number(text: str) -> str:
    """Write a fraction as a decimal where that is exact and short: `9/25` is 0.36, `1/3` stays."""
    value = Fraction(text)
    scaled = value * 10_000
    return text if scaled.denominator != 1 else f"{scaled.numerator / 10_000:.4f}".rstrip("0").rstrip(".")


def described(rule: Rule) -> dict[str, Any]:
    """Return the same for scripts."""
    parameters = [
        {"name": p.name, "default": p.default, "allowed": p.allowed, "help": p.help} for p in rule.parameters()
    ]
    return {
        "name": rule.label,
        "aliases": [*rule.aliases],
        "summary": rule.summary(),
        "formula": rule.formula,
        "source": rule.source,
        "experimental": rule.experimental,
        "parameters": parameters,
        "keeps": [promise.value for promise in Promise if promise in rule.keeps()],
        "breaks": [promise.value for promise in rule.broken()],
    }
