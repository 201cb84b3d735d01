"""`fairpay init`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from fairpay.cli.terminal import tell
from fairpay.errors import OutputError


def init(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to write it.")] = "month.toml",
    *,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Write the commented file that `fairpay close --config` closes a month from."""
    from fairpay.runs.disk import open_new  # noqa: PLC0415 - loaded where it is used

    path = Path(file)
    try:
        with open_new(path) as out:
            out.write(files("fairpay.ledger").joinpath("month.toml").read_bytes())
    except FileExistsError:
        message = f"{file} is there already"
        raise OutputError(message, advice="Nothing was touched. Give another name.") from None
    except OSError as problem:
        message = f"{file} could not be written: {problem.strerror}"
        raise OutputError(message) from problem
    if not quiet:
        tell(f"Written: {file}. Fill it in, then: fairpay close --config {file} --dry-run")
