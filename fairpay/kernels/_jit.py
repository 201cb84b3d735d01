"""The one place where Numba is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["jit"]

F = TypeVar("F", bound="Callable[..., Any]")


def jit(function: F) -> F:
    """Compile on first call; `nogil`, cached on disk, no fastmath: the same integers on every machine."""
    return cast("F", numba.njit(nogil=True, cache=True)(function))
