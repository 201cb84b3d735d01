"""A page as one HTML file, which opens offline, needs no script and asks for nothing else."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from fairpay.errors import UsageError
from fairpay.reports.pages.page import Figure, Labels, PageTable
from fairpay.reports.words import visible

if TYPE_CHECKING:
    from fairpay.reports.pages.page import Page, PagePart

__all__ = ["is_page", "render", "require_extra"]

MARK = b'<meta name="generator" content="fairpay">'
BEGINNING = 1000
LIBRARIES = ("altair", "jinja2", "vl_convert")


def require_extra() -> None:
    """Go on only where pages can be made; called before work that would be lost.

    Raises:
        UsageError: a library of the extra is not installed.

    """
    if missing := [name for name in LIBRARIES if find_spec(name) is None]:
        message = f"pages need the {'library' if len(missing) == 1 else 'libraries'} {', '.join(missing)}"
        raise UsageError(message, advice="Install what pages need: pip install 'fairpay[report]'.")


def render(page: Page) -> str:
    """Return a page as HTML; the same page gives the same text with the same versions of the libraries.

    Raises:
        UsageError: a library of the extra is not installed.

    """
    require_extra()
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - of the extra `report`
    from markupsafe import Markup  # noqa: PLC0415 - as above

    from fairpay.reports.pages.pictures import drawn  # noqa: PLC0415 - as above

    places = count(1)

    def picture(figure: Figure) -> Markup:
        return Markup(drawn(figure, next(places)))  # noqa: S704 - XML of pictures, escaped there

    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"visible": visible, "kind": kind_of, "drawn": picture}
    return environment.get_template("page.html.j2").render(page=page)


def is_page(path: Path) -> bool:
    """Whether a file is a page that was made here."""
    try:
        with path.open("rb") as file:
            return MARK in file.read(BEGINNING)
    except OSError:
        return False


def kind_of(part: PagePart) -> str:
    """Name a part of a page for the template."""
    return {Labels: "facts", Figure: "figure", PageTable: "table"}.get(type(part), "paragraph")
