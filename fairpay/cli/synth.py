"""`fairpay synth`."""

from typing import Annotated, Any, Literal, TypeAlias

import typer

from fairpay.cli.asked import Asked, takes
from fairpay.cli.terminal import tell
from fairpay.cli.words import counted
from fairpay.errors import UsageError

__all__ = ["synth"]

Path: TypeAlias = Annotated[
    str, typer.Argument(metavar="PATH", help="The file to make (.parquet, .csv), or a directory for several.")
]


def option(flag: str, text: str, *, metavar: str | None = None) -> Any:  # noqa: ANN401 - what Typer takes
    """Declare an option of `fairpay synth`."""
    return typer.Option(flag, help=text, metavar=metavar)


class Made:
    """What month is made; names are those of `fairpay.synth`."""

    rows: Annotated[int, option("--rows", "How many plays.")] = 100_000
    users: Annotated[int | None, option("--users", "How many people; else one for each 100 plays.")] = None
    artists: Annotated[int | None, option("--artists", "How many artists; else 30 for each 100 people.")] = None
    seed: Annotated[int, option("--seed", "The same seed makes the same bytes.")] = 1
    month: Annotated[str, option("--month", "When it is.")] = "2026-10"
    order: Annotated[Literal["user", "time"], option("--order", "What the rows are sorted by.")] = "user"
    bots: Annotated[
        str | None, option("--bots", "Add N accounts that each play PLAYS times a day.", metavar="N:PLAYS")
    ] = None
    plants: Annotated[
        list[str] | None, option("--plant", "Add fakes of another kind: loops=3:25.", metavar="KIND=N:PLAYS")
    ] = None
    ids: Annotated[Literal["long", "short"], option("--ids", "Ids of 22 characters, or short ones.")] = "long"
    columns: Annotated[str | None, option("--columns", "Only these columns.", metavar="NAME,...")] = None
    files: Annotated[int, option("--files", "How many files to split the log into.")] = 1
    format: Annotated[Literal["csv", "parquet"] | None, option("--format", "Else by the extension.")] = None
    subscribers: Annotated[
        str | None, option("--subscribers", "Also make the file of what each user paid.", metavar="FILE")
    ] = None
    artist_file: Annotated[
        str | None, option("--artist-file", "Also make the file of artists' names.", metavar="FILE")
    ] = None
    force: Annotated[bool, option("--force", "Replace files that are there.")] = False


class Quiet:
    """Whether it is said what was made."""

    quiet: Annotated[bool, option("--quiet", "Print nothing but errors.")] = False


@takes(Made, Quiet)
def synth(path: Path, *, asked: Asked) -> None:
    """Make up a month of listening from a seed, of any size, with planted fakes if wanted."""
    from fairpay.synthetic import synth as make  # noqa: PLC0415 - PyArrow is loaded where it is used

    options = dict(asked.values)
    quiet = options.pop("quiet")
    options["columns"] = options["columns"].split(",") if options["columns"] else None
    options["plants"] = planted(options["plants"] or [])
    made = make(path, **options)
    if not quiet:
        people = f"{counted(made.users, 'user')}, {counted(made.artists, 'artist')}"
        where = str(made.files[0]) if len(made.files) == 1 else f"{len(made.files):,} files in {path}"
        tell(f"Made {counted(made.rows, 'play')}, {people}: {where}")


def planted(texts: list[str]) -> dict[str, str]:
    """Read `loops=3:25`.

    Raises:
        UsageError: no `=`, or a kind named twice.

    """
    found: dict[str, str] = {}
    for text in texts:
        kind, equals, how = text.partition("=")
        if not equals or kind in found:
            message = f"--plant {text}: not a kind of fakes with their numbers"
            raise UsageError(message, advice="Write KIND=ACCOUNTS:PLAYS_A_DAY, each kind once.")
        found[kind] = how
    return found
