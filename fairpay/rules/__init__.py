"""The payout rules, one file each. The folder is the registry: a new file is found by itself."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from fairpay.errors import UsageError
from fairpay.rules.core.promise import Promise
from fairpay.rules.core.rule import Joining, Rule
from fairpay.settings.option import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["USUAL", "find_rule", "promise_named", "references", "rule_classes", "spelled", "usual_rules"]

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


def usual_rules() -> list[str]:
    """Return the rules that are tried where none is asked for: all that take one walk."""
    one_pass = (Joining.STEADY, Joining.SHIFTING)
    return [name for name, rule in rule_classes().items() if rule.joining in one_pass or not rule.experimental]


def find_rule(text: str) -> Rule:
    """Make the rule asked for as `name` or `name:parameter=value,...`.

    Raises:
        UsageError: for an unknown rule or parameter; the message names what there is.

    """
    name, _, parameters = text.partition(":")
    return rule_named(name).parse(parameters)


@cache
def rule_named(name: str) -> type[Rule]:
    """Find a rule by its name or one of its aliases, whatever the case, with `-`, `_` or neither between words.

    Raises:
        UsageError: there is none; the message names the nearest, and what there is.

    """
    wanted = plain(name)
    for module in pkgutil.iter_modules(__path__):  # most are alone in a file of their name
        if plain(module.name) == wanted:
            for rule in rules_of(module.name):
                return rule
    classes = rule_classes()
    called = {word: rule for rule in classes.values() for word in (rule.name, *rule.aliases)}
    for word, rule in called.items():
        if plain(word) == wanted:
            return rule
    message = f"there is no rule {name!r}"
    advice = f"{nearest(name, called)} The rules are: {', '.join(classes)}; policies are given with --policy."
    raise UsageError(message, advice=advice.strip())


def plain(name: str) -> str:
    """Return what matters of a name."""
    return name.strip().replace("-", "").replace("_", "").lower()


def spelled(text: str) -> str:
    """Return a rule as it was asked for, under its own name: `pro-rata` is `market-centric`.

    Raises:
        UsageError: as `find_rule` does.

    """
    _, colon, parameters = text.partition(":")
    return find_rule(text).name + colon + parameters


def promise_named(name: str) -> Promise:
    """Find a promise by its name, whatever the case, with `-`, `_` or neither between words.

    Raises:
        UsageError: there is none; the message names the nearest, and what there is.

    """
    for promise in Promise:
        if plain(promise.value) == plain(name):
            return promise
    every = [promise.value for promise in Promise]
    message = f"there is no promise {name!r}"
    raise UsageError(message, advice=f"{nearest(name, every)} The promises are: {', '.join(every)}.".strip())


def references() -> tuple[Rule, Rule]:
    """Make the rule by listening alone and the one by fee alone, whose weights the fan intensity is made of."""
    by_listening, by_fee = map(find_rule, USUAL)
    return by_listening, by_fee
