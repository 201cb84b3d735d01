"""The payout rules, one file each. The folder is the registry: a new file is found by itself."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from fairpay.errors import UsageError
from fairpay.rule import Rule

__all__ = ["find_rule", "rule_classes"]


def rule_classes() -> dict[str, type[Rule]]:
    """Return every rule in this folder by name, sorted."""
    found: dict[str, type[Rule]] = {}
    for module in pkgutil.iter_modules(__path__):
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        for _, member in inspect.getmembers(loaded, inspect.isclass):
            if issubclass(member, Rule) and member.__module__ == loaded.__name__ and not inspect.isabstract(member):
                found[member.name] = member
    return dict(sorted(found.items()))


def find_rule(text: str) -> Rule:
    """Make the rule asked for as `name` or `name:parameter=value,...`.

    Raises:
        UsageError: for an unknown rule or parameter; the message names what there is.

    """
    name, _, parameters = text.partition(":")
    classes = rule_classes()
    if name not in classes:
        message = f"there is no rule {name!r}"
        raise UsageError(message, advice=f"The rules are: {', '.join(classes)}.")
    return classes[name].parse(parameters)
