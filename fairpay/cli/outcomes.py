"""What is printed when a run has ended well."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from fairpay.cli.terminal import emit, show, tell
from fairpay.reports.outcome import require_balance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import pyarrow as pa
    from rich.console import RenderableType

    from fairpay.cli.invocation import Invocation
    from fairpay.cli.screens.parts import View
    from fairpay.reports.outcome import Outcome

__all__ = ["balanced", "present", "present_data", "view_of"]

PUBLISHED = {"done": "Written to {}", "already": "Already done, verified: {}"}


T = TypeVar("T", bound="Divided")


class Divided(Protocol):
    """A result with a divided pool."""

    @property
    def outcome(self) -> Outcome:
        """What was divided, with its controls."""


class Presentable(Protocol):
    """A result of a run."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """What `--json` prints."""

    @property
    def parts(self) -> Iterator[pa.Table]:
        """What `--csv` prints, and `--sort` goes by."""

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
    """Print the result as a page, its table as CSV, or JSON; say where it was written, or how it would be."""
    try:
        present_data(call, lambda: result.summary, screen, lambda: result.parts)
    finally:  # also where a column to sort by is not there, or nobody reads any more: written it is
        if result.published and not call.silent:
            tell(PUBLISHED[result.published].format(call.values["output"]))
    if unwritten and not result.published and not call.silent:
        tell(f"Nothing was written: {unwritten}")


def present_data(
    call: Invocation,
    data: Callable[[], Mapping[str, Any]],
    screen: Callable[[], Iterable[RenderableType]],
    table: Callable[[], Iterable[pa.Table]] = tuple,
) -> None:
    """Print one JSON object, a table as CSV, or a page; or nothing."""
    if call.json:
        emit(json.dumps(data(), indent=2) + "\n")
    elif call.values.get("csv"):
        from fairpay.reports.tables import chosen  # noqa: PLC0415 - where a table is printed
        from fairpay.runs.outputs import csv_bytes  # noqa: PLC0415 - as above

        rows = chosen(table(), sort=call.values["sort"], top=call.values["top"])
        for part, _ in csv_bytes(rows, excel=call.values.get("excel", False)):
            emit(part)
    elif not call.silent:
        show(*screen())


def view_of(call: Invocation, result: Presentable) -> View:
    """Return how many rows the lists of the page have, and the list that was asked for."""
    from fairpay.cli.screens.parts import View  # noqa: PLC0415 - where a page is shown

    if call.values["sort"] is None:
        return View(call.values["top"])
    from fairpay.cli.screens.listing import listing  # noqa: PLC0415 - where one is asked for

    return View(call.values["top"], listing(result.parts, sort=call.values["sort"], top=call.values["top"]))
