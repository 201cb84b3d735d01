"""The pages of `fairpay rules`."""

from __future__ import annotations

import inspect
import textwrap
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rich.text import Text

from fairpay.adjust.policy import policy_names
from fairpay.cli.screens.parts import figures, paragraph
from fairpay.cli.words import joined, visible
from fairpay.rules.core.promise import Promise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from fairpay.rules.core.promise import Example
    from fairpay.rules.core.rule import Rule

__all__ = ["described", "one_rule", "table"]

WIDTH = 80
LABEL = 10
SHORT = {
    Promise.CONSERVES: "conserves",
    Promise.OWN_MONEY: "own",
    Promise.NULL_ARTIST: "null",
    Promise.MONOTONE: "mono",
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
    for promise in differing:
        yield labelled(SHORT[promise], f"{promise.value}: {promise.statement}")
    yield ""
    yield paragraph(f"Every rule keeps {joined([promise.value for promise in everywhere])}.")
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
