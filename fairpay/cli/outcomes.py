"""What is printed when a run has ended well."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fairpay.cli.terminal import emit, show, tell
from fairpay.errors import UnbalancedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.console import RenderableType

    from fairpay.api import Result
    from fairpay.cli.asked import Asked

__all__ = ["present"]

PUBLISHED = {"done": "Written to {}", "already": "Already done, verified: {}"}


def present(result: Result, asked: Asked, *, screen: Callable[[], Iterable[RenderableType]]) -> None:
    """Print the result as a page or as JSON, and say where it was written.

    Raises:
        UnbalancedError: a control of the run does not hold.

    """
    broken = [control for control in result.outcome.controls if not control.ok]
    if broken:
        raise UnbalancedError("; ".join(f"control {c.name} failed: {c.detail}" for c in broken))
    if asked.json:
        emit(json.dumps(result.summary, indent=2) + "\n")
    elif not asked.silent:
        show(*screen())
    if asked.silent:
        return
    if result.published:
        tell(PUBLISHED[result.published].format(asked.values["output"]))
    elif result.command == "pay":
        tell("Nothing was written: -o DIR writes the report.")
