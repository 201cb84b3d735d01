"""The payout rules, one file each. The folder is the registry: a new file is found by itself."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING

from fairpay.errors import UsageError
from fairpay.rules.core.rule import Rule
from fairpay.settings.option import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["USUAL", "find_rule", "references", "rule_classes"]

USUAL = ("market-centric", "user-centric")


def rule_classes() -> dict[str, type[Rule]]:
    """Return every rule in this folder by name, sorted."""
    modules = [module.name for module in pkgutil.iter_modules(__path__)]
    return dict(sorted((rule.name, rule) for module in modules for rule in rules_of(module)))


def rules_of(module: str) -> Iterator[type[Rule]]:
    """Yield the rules of one file."""
    loaded = importlib.import_module(f"{__name__}.{module}")
    for _, member in inspect.getmembers(loaded, inspect.isclass):
        if issubclass(member, Rule) and member.__module__ == loaded.__name__ and not inspect.isabstract(member):
            yield member


def find_rule(text: str) -> Rule:
    """Make the rule asked for as `name` or `name:parameter=value,...`.

    Raises:
        UsageError: for an unknown rule or parameter; the message names what there is.

    """
    name, _, parameters = text.partition(":")
    module = name.replace("-", "_")
    if any(found.name == module for found in pkgutil.iter_modules(__path__)):  # most are alone in a file of their name
        for rule in rules_of(module):
            if rule.name == name:
                return rule.parse(parameters)
    classes = rule_classes()
    if name not in classes:
        message = f"there is no rule {name!r}"
        raise UsageError(message, advice=f"{nearest(name, classes)} The rules are: {', '.join(classes)}.".strip())
    return classes[name].parse(parameters)


def references() -> tuple[Rule, Rule]:
    """Make the rule by listening alone and the one by fee alone, whose weights the fan intensity is made of."""
    by_listening, by_fee = map(find_rule, USUAL)
    return by_listening, by_fee
