"""The signals, one file each. The folder is the registry: a new file is found by itself."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

from fairpay.fraud.signal import ArtistSignal, GroupSignal, UserSignal

__all__ = ["artist_signals", "group_signals", "user_signals"]


def user_signals() -> tuple[UserSignal, ...]:
    """Return every signal about accounts, with its default parameters, by name."""
    return of_kind(UserSignal)


def artist_signals() -> tuple[ArtistSignal, ...]:
    """Return every signal about artists, likewise."""
    return of_kind(ArtistSignal)


def group_signals() -> tuple[GroupSignal, ...]:
    """Return every signal about accounts together, likewise."""
    return of_kind(GroupSignal)


def of_kind(kind: type[Any]) -> tuple[Any, ...]:
    """Return an instance of every class of a kind in this folder, by name."""
    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules(__path__):
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        for _, member in inspect.getmembers(loaded, inspect.isclass):
            if issubclass(member, kind) and member.__module__ == loaded.__name__ and not inspect.isabstract(member):
                found[str(member.name)] = member()  # type: ignore[attr-defined] # every kind has a name
    return tuple(found[name] for name in sorted(found))
