"""`fairpay verify`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from fairpay.cli.options import Directory  # noqa: TC001 - Typer reads annotations when it runs
from fairpay.cli.terminal import emit, show
from fairpay.cli.words import counted
from fairpay.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.outcome import Control


def verify(
    directory: Directory,
    *,
    no_inputs: Annotated[bool, typer.Option("--no-inputs", help="Do not look for the logs: they may be gone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a page.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Check a finished run from its files alone: every hash, size, row count and control total."""
    from fairpay import api  # noqa: PLC0415 - PyArrow is loaded where it is used

    controls = api.verify(directory, inputs=not no_inputs)
    if as_json:
        emit(json.dumps(described(directory, controls), indent=2) + "\n")
    elif not quiet:
        from fairpay.cli.screens.verify import screen  # noqa: PLC0415 - Rich is loaded where something is shown

        show(*screen(controls))
    failed = [control for control in controls if not control.ok]
    if failed:
        message = f"{directory} does not verify: of {counted(len(controls), 'control')} {len(failed):,} failed"
        problems = [Problem(1, f"{control.name}: {control.detail}") for control in failed]
        raise InputError(message, problems=problems, advice="Do not pay from it; run it again from the logs.")


def described(directory: str, controls: Sequence[Control]) -> dict[str, object]:
    """Return the controls for scripts."""
    listed = [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in controls]
    return {"schema_version": 1, "directory": directory, "ok": all(c.ok for c in controls), "controls": listed}
