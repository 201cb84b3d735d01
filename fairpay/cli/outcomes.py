"""What is printed when a run has ended well."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from fairpay.cli.terminal import emit, show, tell
from fairpay.reports.outcome import require_balance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rich.console import RenderableType

    from fairpay.cli.invocation import Invocation
    from fairpay.fraud.sweep.sweep import Swept
    from fairpay.pipeline.jobs import Result

__all__ = ["balanced", "present", "present_data"]

PUBLISHED = {"done": "Written to {}", "already": "Already done, verified: {}"}


T = TypeVar("T", "Result", "Swept")


class Presentable(Protocol):
    """A result of a run."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """What `--json` prints."""

    @property
    def published(self) -> str:
        """Whether it was written."""


def balanced(result: T) -> T:
    """Return a result whose controls all hold.

    Raises:
        UnbalancedError: one does not.

    """
    require_balance(result.outcome)
    return result


def present(
    call: Invocation, result: Presentable, screen: Callable[[], Iterable[RenderableType]], *, unwritten: str = ""
) -> None:
    """Print the result as a page or as JSON, and say where it was written; else how it would be, where that is told."""
    present_data(call, lambda: result.summary, screen)
    if call.silent:
        return
    if result.published:
        tell(PUBLISHED[result.published].format(call.values["output"]))
    elif unwritten:
        tell(f"Nothing was written: {unwritten}")


def present_data(
    call: Invocation, data: Callable[[], Mapping[str, Any]], screen: Callable[[], Iterable[RenderableType]]
) -> None:
    """Print one JSON object or a page, or nothing."""
    if call.json:
        emit(json.dumps(data(), indent=2) + "\n")
    elif not call.silent:
        show(*screen())
