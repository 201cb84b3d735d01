"""A count with its noun, for every sentence that has one."""

from __future__ import annotations

__all__ = ["counted"]


def counted(count: int, one: str, many: str | None = None) -> str:
    """(1, "artist") is `1 artist`, (2310, "artist") `2,310 artists`; (1, "line has", "lines have") `1 line has`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
