"""Values of JSON objects as columns of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["column_at"]

BETWEEN = ", "
"""Stands between several artists of one play, which earn together under this name."""
TOPIC = " - Topic"
"""What YouTube adds to the name of an artist."""


def column_at(rows: list[dict[str, Any]], path: tuple[str, ...]) -> pa.Array:
    """Return the values at a path as a column of text: at once where all are text, else one by one."""
    import pyarrow as pa  # noqa: PLC0415 - loaded where files are read

    if len(path) == 1:
        key = path[0]
        try:
            return pa.array([row.get(key) for row in rows], pa.string())
        except (pa.ArrowException, TypeError):
            pass  # lists, objects, true and false among them
    return pa.array([text_at(row, path) for row in rows], pa.string())


def text_at(row: dict[str, Any], path: tuple[str, ...]) -> str | None:
    """Return the value at a path as text; None where there is none. Several texts become one, with commas."""
    value: Any = row
    for key in path:
        if isinstance(value, list):
            value = value[0] if value else None
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    if isinstance(value, str):
        return value.removesuffix(TOPIC) if path == ("subtitles", "name") else value
    if isinstance(value, list):
        return BETWEEN.join(str(one) for one in value if one is not None) or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return None
