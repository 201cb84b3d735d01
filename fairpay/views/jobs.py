"""The job `report`: the page of a finished run, as one file."""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from fairpay.errors import OutputError, UsageError
from fairpay.pipeline.work import Saved
from fairpay.reports.pages.render import is_page, render, require_extra
from fairpay.reports.tables import Shown
from fairpay.runs import disk
from fairpay.runs.verify import finished
from fairpay.settings.commands import complete
from fairpay.settings.option import directory_of
from fairpay.settings.speech import job

if TYPE_CHECKING:
    from fairpay.reports.pages.page import Page
    from fairpay.settings import options as o
    from fairpay.settings.option import PathText

__all__ = ["prepare", "report"]

PAGES = ("compare", "pay", "audit", "sweep", "suspects", "close")
"""Jobs whose runs have a page; each has a module here."""
APART = ("explain",)
"""Those that write no run; the page is made of the result."""


@job
def report(run: PathText | Shown, **options: Unpack[o.ReportOptions]) -> Path:
    """Write one HTML file of a finished run, which opens offline; return its path.

    Args:
        run: the directory of a finished run, or what `compare`, `pay`, `sweep` or `explain` returned.
        **options: `against`, another run, to show what changed from that one to this; `output`, else the name of the
            directory (and `-against-` and that of the other one) with `.html`, in the working directory.

    Raises:
        InputError: the directory is no run.
        NotVerifiedError: something in it is not as it was written.
        OutputError: the page cannot be written, or another file is there.
        UsageError: a library of the extra `report` is not installed, or such a run has no page.

    """
    full = complete("report", options)
    names = ["report" if isinstance(run, Shown) else directory_of(run, "run").resolve().name]
    names += [] if full["against"] is None else [Path(full["against"]).resolve().name]
    path = Path(full["output"] or f"{'-against-'.join(names)}.html")
    prepare(path)
    if isinstance(run, Shown) and not isinstance(run, Saved):
        if getattr(run, "command", "") not in APART:
            message = f"a result of this kind has no page: {run!r}"
            raise UsageError(message, advice="Write the run to a directory, and report on that.")
        if full["against"] is not None:
            message = "an explanation is no run: what changed is not told of it"
            raise UsageError(message, advice="Give against=RUN to fairpay.explain, which puts it beside what is paid.")
        write(render(page_made("explain", run)), path)
        return path
    with tempfile.TemporaryDirectory(prefix="fairpay-") as folder:
        if isinstance(run, Saved):
            directory = Path(folder) / "run"
            run.save(directory)
        else:
            directory = Path(run)
            if path.resolve().parent == directory.resolve():
                message = f"{path} lies in the run, which holds only what the run wrote"
                raise UsageError(message, advice="Give another place; nothing was written.")
        page = page_of(directory, None if full["against"] is None else Path(full["against"]))
    write(render(page), path)
    return path


def page_of(directory: Path, against: Path | None) -> Page:
    """Make the page of a run, or of what changed from another one.

    Raises:
        InputError, NotVerifiedError, UsageError: as `report`.

    """
    run = finished(directory)
    if against is not None:
        return page_made("diff", finished(against), run)
    if run.command not in PAGES:
        message = f"{directory} is a run of {run.command}, which has no page"
        raise UsageError(message, advice=f"Give a run of {', '.join(PAGES)}, or show what it changed: --against RUN.")
    return page_made(run.command, run)


def page_made(kind: str, *told: object) -> Page:
    """Let the module of that name here make the page; Altair, which is an extra, is loaded with it."""
    page: Page = importlib.import_module(f"fairpay.views.{kind}").page(*told)
    return page


def prepare(path: Path) -> None:
    """Go on only where a page can be made and written; one that is there may be replaced, as it can be made again.

    Raises:
        OutputError: a file is there that is no page of fairpay's, or a directory; or the folder is not there.
        UsageError: a library of the extra is not installed.

    """
    require_extra()
    if path.is_dir() or (path.exists() and not is_page(path)):
        message = f"{path} is there already, and is no page of fairpay's"
        raise OutputError(message, advice="Nothing was touched. Give another name.")
    if not path.resolve().parent.is_dir():
        message = f"{path} cannot be written: there is no folder {path.parent}"
        raise OutputError(message, advice="Make it first, or give another place. Nothing was done.")


def write(text: str, path: Path) -> None:
    """Write a page, whole or not at all.

    Raises:
        OutputError: it cannot be written.

    """
    try:
        with disk.replacing(path) as made, disk.open_new(made) as file:
            file.write(text.encode())
    except (OSError, ValueError) as error:
        message = f"{path} could not be written: {getattr(error, 'strerror', None) or error}"
        raise OutputError(message, advice="Nothing half-written is left.") from error
