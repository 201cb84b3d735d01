"""Every option, declared once: its flag, its help and the panel it stands in. Names are those of the Python door.

A group is a class only to hold names, types and defaults together; `fairpay.cli.asked.takes` puts groups into a
command. Whatever has a choice of values or a form is judged by the Python door, so that both doors say the same.
"""

from typing import Annotated, Any, Literal, TypeAlias

import typer

from fairpay.cli.config import load

__all__ = [
    "Conditions",
    "Deciding",
    "Directory",
    "Logs",
    "Money",
    "Output",
    "Qualifying",
    "Reading",
    "RuleChoice",
    "Running",
    "Talking",
]

READ = "How to read the log"
COUNT = "Which listens count"
PAY = "Money"
CONDITIONS = "Policies and what listeners state"
WRITE = "Results"
RUN = "The run (changes no result)"


def option(flag: str, *more: str, text: str, panel: str, metavar: str | None = None, **other: Any) -> Any:  # noqa: ANN401 - what Typer takes
    """Declare an option that may also be set as FAIRPAY_<FLAG>."""
    variable = "FAIRPAY_" + flag.removeprefix("--").replace("-", "_").upper()
    return typer.Option(
        flag, *more, help=text, rich_help_panel=panel, metavar=metavar, envvar=variable, show_envvar=False, **other
    )


Text: TypeAlias = str | None
Logs: TypeAlias = Annotated[
    list[str],
    typer.Argument(metavar="LOG", help="Files, globs, directories, or s3://, gs:// and https:// addresses."),
]
Directory: TypeAlias = Annotated[str, typer.Argument(metavar="DIR", help="The directory of a finished run.")]


class Reading:
    """How the logs are read."""

    columns: Annotated[
        Text,
        option(
            "--columns",
            text="Which column is user, artist, plays, seconds, ms or time; without a header columns are numbered "
            "from 1. Else they are found by their names.",
            panel=READ,
            metavar="ROLE=COLUMN,...",
        ),
    ] = None
    format: Annotated[
        Literal["csv", "parquet", "json", "xlsx"] | None,
        option("--format", text="Format of the log; else by its extension.", panel=READ),
    ] = None
    encoding: Annotated[
        Text,
        option(
            "--encoding",
            text="Encoding of text files, such as utf-16 or latin-1; else UTF-8.",
            panel=READ,
            metavar="NAME",
        ),
    ] = None
    separator: Annotated[
        Text,
        option(
            "--separator", text=r"Character between columns; '\t' is a tab. Else found.", panel=READ, metavar="CHAR"
        ),
    ] = None
    no_quote: Annotated[bool, option("--no-quote", text='Take " as an ordinary character.', panel=READ)] = False
    no_header: Annotated[bool, option("--no-header", text="The first line is data.", panel=READ)] = False
    user_from_file: Annotated[
        bool, option("--user-from-file", text="One user per file, named by it (personal exports).", panel=READ)
    ] = False
    user_from_folder: Annotated[
        bool,
        option(
            "--user-from-folder", text="One user per folder or zip archive, named by it (personal exports).", panel=READ
        ),
    ] = False
    decimal: Annotated[
        Literal[".", ","],
        option("--decimal", text="What stands before the fraction in numbers: 1.5 or 1,5.", panel=READ),
    ] = "."
    day_first: Annotated[bool, option("--day-first", text="Dates are written day first: 31/12/2026.", panel=READ)] = (
        False
    )
    several_artists: Annotated[
        Literal["joined", "first", "split"],
        option(
            "--several-artists",
            text="A play with a list of artists goes to their joined name, to the first, or in equal parts to all.",
            panel=READ,
        ),
    ] = "joined"
    repeats: Annotated[
        Literal["keep", "drop", "refuse"],
        option("--repeats", text="Plays that the logs tell twice: counted, counted once, or refused.", panel=COUNT),
    ] = "keep"
    max_without_artist: Annotated[
        str,
        option(
            "--max-without-artist",
            text="The part of plays without an artist above which nothing is paid.",
            panel=COUNT,
            metavar="SHARE",
        ),
    ] = "20%"
    strict: Annotated[bool, option("--strict", text="Stop at a warning, with status 3.", panel=READ)] = False
    rejects: Annotated[
        Text,
        option(
            "--rejects", text="Set bad rows aside in this file; else they stop the run.", panel=READ, metavar="FILE"
        ),
    ] = None


class Qualifying:
    """Which listens count."""

    min_seconds: Annotated[
        str,
        option(
            "--min-seconds", text="Leave out shorter listens, where the log has a duration.", panel=COUNT, metavar="S"
        ),
    ] = "30"
    since: Annotated[Text, option("--from", text="First day or moment of the period.", panel=COUNT, metavar="DATE")] = (
        None
    )
    until: Annotated[
        Text,
        option(
            "--to",
            text="Last day of the period, which counts whole; a moment (2026-11-01T00:00Z) is the first after it.",
            panel=COUNT,
            metavar="DATE",
        ),
    ] = None
    measure: Annotated[
        Literal["time", "plays"] | None,
        option(
            "--measure",
            text="What listening is counted in; else time where the log has it.",
            panel=COUNT,
        ),
    ] = None


class Money:
    """What money is divided."""

    pool: Annotated[Text, option("--pool", text="The money in total.", panel=PAY, metavar="AMOUNT")] = None
    fee: Annotated[Text, option("--fee", text="What each user with listening paid.", panel=PAY, metavar="AMOUNT")] = (
        None
    )
    subscribers: Annotated[
        Text, option("--subscribers", text="A file of what each user paid: user, paid.", panel=PAY, metavar="FILE")
    ] = None
    royalty_rate: Annotated[
        str, option("--royalty-rate", text="Part of it that is paid out: 70%, 0.7 or 7/10.", panel=PAY, metavar="SHARE")
    ] = "100%"
    currency: Annotated[str, option("--currency", text="ISO 4217 code.", panel=PAY, metavar="CODE")] = "EUR"
    inactive: Annotated[
        Literal["share", "hold"],
        option(
            "--inactive",
            text="Money of subscribers who played nothing: shared like the rest, or held back.",
            panel=PAY,
        ),
    ] = "share"
    unlisted: Annotated[
        Literal["free", "leave-out", "refuse"],
        option(
            "--unlisted",
            text="Listeners missing from the subscriber file: pay nothing, are left out, or stop the run.",
            panel=PAY,
        ),
    ] = "free"


class Conditions:
    """What bears on listening before the rule."""

    policy: Annotated[
        Text,
        option(
            "--policy",
            text="A policy by name, or a .toml file: play weights, thresholds, and a rule; `fairpay rules` lists them.",
            panel=CONDITIONS,
            metavar="NAME|FILE",
        ),
    ] = None
    history: Annotated[
        Text,
        option(
            "--history",
            text="Past plays (user, artist, plays) join each listener's own.",
            panel=CONDITIONS,
            metavar="FILE",
        ),
    ] = None
    kappa: Annotated[
        str, option("--kappa", text="How many plays a listener's past counts for.", panel=CONDITIONS, metavar="PLAYS")
    ] = "20"
    wishes: Annotated[
        Text,
        option(
            "--wishes",
            text="What listeners want: user, artist, kind (gift, block, boost), amount.",
            panel=CONDITIONS,
            metavar="FILE",
        ),
    ] = None
    delegations: Annotated[
        Text,
        option(
            "--delegations",
            text="Who lets whom steer: user, delegate, share; needs --subscribers.",
            panel=CONDITIONS,
            metavar="FILE",
        ),
    ] = None
    viscosity: Annotated[
        str,
        option(
            "--viscosity",
            text="How much of delegated money is passed on at each step.",
            panel=CONDITIONS,
            metavar="SHARE",
        ),
    ] = "1/2"
    delegate_cap: Annotated[
        str,
        option(
            "--delegate-cap",
            text="How many times the own fee a delegate may receive.",
            panel=CONDITIONS,
            metavar="TIMES",
        ),
    ] = "10"


class Deciding:
    """What people decided."""

    decisions: Annotated[
        Text,
        option(
            "--decisions",
            text="A review file of `fairpay suspects`, filled in: keep, hold, exclude, weight 0.5.",
            panel=COUNT,
            metavar="FILE",
        ),
    ] = None


class Output:
    """What becomes of the result."""

    artists: Annotated[
        Text, option("--artists", text="A file of names: artist, name.", panel=WRITE, metavar="FILE")
    ] = None
    output: Annotated[
        Text, option("--output", "-o", text="Write the run to this directory.", panel=WRITE, metavar="DIR")
    ] = None
    force: Annotated[bool, option("--force", text="Replace another finished run there.", panel=WRITE)] = False


class Talking:
    """What is said while it runs, and how."""

    json: Annotated[bool, option("--json", text="Print one JSON object instead of a page.", panel=WRITE)] = False
    quiet: Annotated[bool, option("--quiet", text="Print nothing but errors.", panel=WRITE)] = False


class Running:
    """How it runs."""

    config: Annotated[
        Text,
        option(
            "--config",
            text="Take options from this file (fairpay.toml).",
            panel=RUN,
            metavar="FILE",
            is_eager=True,
            callback=load,
        ),
    ] = None
    memory: Annotated[
        Text,
        option(
            "--memory",
            text="Most memory for plays and listeners: 2GB. Else half of what is free.",
            panel=RUN,
            metavar="SIZE",
        ),
    ] = None
    threads: Annotated[int | None, option("--threads", text="Threads to use; else all.", panel=RUN, metavar="N")] = None
    batch_rows: Annotated[
        int | None, option("--batch-rows", text="Rows decoded at a time.", panel=RUN, metavar="N")
    ] = None
    temp_dir: Annotated[
        Text, option("--temp-dir", text="Where to spill what exceeds the memory.", panel=RUN, metavar="DIR")
    ] = None
    progress: Annotated[
        Literal["auto", "plain", "none"],
        option(
            "--progress",
            text="A bar where a terminal is looked at, a line every 10 s, or nothing.",
            panel=RUN,
        ),
    ] = "auto"


RuleChoice: TypeAlias = Annotated[
    list[str] | None,
    option(
        "--rule",
        text="A rule, with parameters as in norm:p=2; `fairpay rules` lists them.",
        panel=PAY,
        metavar="NAME",
    ),
]
