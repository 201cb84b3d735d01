"""`fairpay verify`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from fairpay.cli.terminal import emit, show
from fairpay.cli.words import counted
from fairpay.errors import NotVerifiedError, Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.reports.outcome import Control

SPOILT = "Pay nothing from these books; restore them from a copy."


def verify(
    directory: Annotated[
        str | None, typer.Argument(metavar="DIR", help="The directory of a finished run.", show_default=False)
    ] = None,
    *,
    books: Annotated[
        str | None, typer.Option("--books", help="Check all months of these books instead.", metavar="DIR")
    ] = None,
    no_inputs: Annotated[bool, typer.Option("--no-inputs", help="Do not look for the logs: they may be gone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a page.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Check a finished run from its files alone: every hash, size, row count and control total."""
    place = books if directory is None else directory
    if place is None or (directory is not None and books is not None):
        message = "verify takes the directory of a run, or --books DIR"
        raise UsageError(message, advice="Give one of the two.")
    controls = found(place, inputs=not no_inputs, as_books=books is not None)
    if as_json:
        emit(json.dumps(described(place, controls), indent=2) + "\n")
    elif not quiet:
        from fairpay.cli.screens.verify import screen  # noqa: PLC0415 - Rich is loaded where something is shown

        show(*screen(controls))
    failed = [control for control in controls if not control.ok]
    if failed:
        message = f"{place} does not verify: of {counted(len(controls), 'control')} {len(failed):,} failed"
        problems = [Problem(1, f"{control.name}: {control.detail}") for control in failed]
        raise NotVerifiedError(
            message, problems=problems, advice=SPOILT if books else "Do not pay from it; run it again from the logs."
        )


def found(place: str, *, inputs: bool, as_books: bool) -> Sequence[Control]:
    """Check one run, or all months of the books."""
    if as_books:
        from pathlib import Path  # noqa: PLC0415 - only here

        from fairpay.ledger.verify import verify_books  # noqa: PLC0415 - PyArrow is loaded where it is used

        return verify_books(Path(place))
    from fairpay import api  # noqa: PLC0415 - the same

    return api.verify(place, inputs=inputs)


def described(directory: str, controls: Sequence[Control]) -> dict[str, object]:
    """Return the controls for scripts."""
    listed = [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in controls]
    return {"schema_version": 1, "directory": directory, "ok": all(c.ok for c in controls), "controls": listed}
