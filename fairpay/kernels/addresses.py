"""Where arrays lie, for the kernels that read by address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["address_of"]


def address_of(array: NDArray[Any] | None) -> int:
    """Return where an array's first element lies; 0 for None."""
    return 0 if array is None else int(array.__array_interface__["data"][0])
