"""Every option, once: keyword, type, help, heading, default, and how it is typed.

Each group is a `TypedDict`, so that a type checker knows the keywords of every Python function; `COMMANDS` says which
command takes which. The command line, config files, variables, manifests and the reference page are made from these.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal, Required, TypeAlias, TypedDict

from fairpay.errors import UsageError
from fairpay.settings.option import Amount, Option, PathText, Table

__all__ = [
    "PANELS",
    "ROLES",
    "AdjustOptions",
    "AuditOptions",
    "BalancesOptions",
    "CheckOptions",
    "CloseOptions",
    "CompareOptions",
    "ConfigOptions",
    "DiffOptions",
    "ExcelOptions",
    "ExplainOptions",
    "JsonOptions",
    "ListScenarios",
    "ListSignals",
    "LogOptions",
    "MergeOptions",
    "NoOptions",
    "PageOptions",
    "PayOptions",
    "ProgressOptions",
    "PromiseOptions",
    "PseudonymizeOptions",
    "QuietOptions",
    "ReportOptions",
    "ShardOptions",
    "StatementsOptions",
    "SuspectsOptions",
    "SweepOptions",
    "SynthOptions",
    "TableOptions",
    "VerifyOptions",
]

BOOKS = "The books"
CHANGE = "What became known"
PAY = "Money"
POOLS = "Money and pools"
WHO = "Who is paid"
TRY = "What is tried"
LOOK = "What is looked at"
COUNT = "Which listens count"
HOW = "How balances become payments"
STATE = "Policies and what listeners state"
READ = "How to read the log"
WRITE = "Results"
RUN = "The run (changes no result)"
PANELS = (BOOKS, CHANGE, PAY, POOLS, WHO, TRY, LOOK, COUNT, HOW, STATE, READ, WRITE, RUN)
"""Headings in their order on every page."""
ROLES = ("user", "artist", "plays", "seconds", "ms", "time", "track", "country", "plan", "currency", "active",
         "category", "spatial", "context", "reason_end", "track_ms")  # fmt: skip
"""What a column of a log can be. `user` and `artist` are needed; time listened is `seconds` or `ms`."""
Day: TypeAlias = str | date


def columns(text: str) -> dict[str, str]:
    """Read `user=U,artist=A`; a column whose name holds a comma is quoted: `user=U,"artist=Name, first"`.

    Raises:
        UsageError: a part that names no role, or a role named twice.

    """
    found: dict[str, str] = {}
    for part in next(csv.reader([text]), []):
        role, equals, column = part.partition("=")
        role = role.strip()
        if role not in ROLES or not equals or not column or role in found:
            message = f"--columns: {part!r} does not say which column is what"
            advice = f"Write ROLE=COLUMN once for each role; the roles are {', '.join(ROLES)}."
            raise UsageError(message, advice=advice)
        found[role] = column
    return found


def separator(text: str) -> str:
    r"""Read `\t` as a tab."""
    return "\t" if text == r"\t" else text


def names(text: str) -> list[str]:
    """Read `country,plan`."""
    return [name.strip() for name in text.split(",") if name.strip()]


def names_or_roles(text: str) -> list[str] | dict[str, str]:
    """Read `country,plan` or `user=U,artist=A`."""
    return columns(text) if "=" in text else names(text)


def planted(texts: Sequence[str]) -> dict[str, str]:
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


RULE = "A rule, with parameters as in norm:p=2; `fairpay rules` lists them."


class RulesOptions(TypedDict, total=False):
    """The rules compared."""

    rules: Annotated[
        Sequence[str], Option(RULE, PAY, default=(), metavar="NAME", flag="--rule", repeated=True, recorded="rule")
    ]


class RuleOptions(TypedDict, total=False):
    """The one rule paid by."""

    rule: Annotated[str | None, Option(RULE, PAY, metavar="NAME", repeated=True)]


CURRENCY = Option("ISO 4217 code.", PAY, default="EUR", metavar="CODE")


class MoneyOptions(TypedDict, total=False):
    """What money is divided."""

    pool: Annotated[Amount | None, Option("The money in total.", PAY, metavar="AMOUNT")]
    fee: Annotated[Amount | None, Option("What each user with listening paid.", PAY, metavar="AMOUNT")]
    subscribers: Annotated[Table | None, Option("A file of what each user paid: user, paid.", PAY, metavar="FILE")]
    royalty_rate: Annotated[
        Amount, Option("Part of it that is paid out: 70%, 0.7 or 7/10.", PAY, default="100%", metavar="SHARE")
    ]
    other_revenue: Annotated[
        Amount | None, Option("Revenue besides subscriptions, for a policy's pool.", PAY, metavar="AMOUNT")
    ]
    currency: Annotated[str, CURRENCY]
    inactive: Annotated[
        Literal["share", "hold"],
        Option("Money of subscribers who played nothing: shared like the rest, or held back.", PAY, default="share"),
    ]
    unlisted: Annotated[
        Literal["free", "leave-out", "refuse"],
        Option(
            "Listeners missing from the subscriber file: pay nothing, are left out, or stop the run.",
            PAY,
            default="free",
        ),
    ]


class PeriodOptions(TypedDict, total=False):
    """Which listens count."""

    min_seconds: Annotated[
        Amount,
        Option("Leave out shorter listens, where the log has a duration.", COUNT, default="30", metavar="S"),
    ]
    since: Annotated[Day | None, Option("First day or moment of the period.", COUNT, metavar="DATE", flag="--from")]
    until: Annotated[
        Day | None,
        Option(
            "Last day of the period, which counts whole; a moment (2026-11-01T00:00Z) is the first after it.",
            COUNT,
            metavar="DATE",
            flag="--to",
        ),
    ]


class QualifyingOptions(PeriodOptions, total=False):
    """The same, and what they come to."""

    measure: Annotated[
        Literal["time", "plays"] | None,
        Option("What listening is counted in; else time where the log has it.", COUNT),
    ]


class PolicyOptions(TypedDict, total=False):
    """The conditions of a service."""

    policy: Annotated[
        str | None,
        Option(
            "A policy by name, or a .toml file: play weights, thresholds, and a rule; `fairpay rules` lists them.",
            STATE,
            metavar="NAME|FILE",
        ),
    ]


class StatedOptions(PolicyOptions, total=False):
    """What bears on listening before the rule."""

    history: Annotated[
        Table | None, Option("Past plays (user, artist, plays) join each listener's own.", STATE, metavar="FILE")
    ]
    kappa: Annotated[
        Amount, Option("How many plays a listener's past counts for.", STATE, default="20", metavar="PLAYS")
    ]
    wishes: Annotated[
        Table | None,
        Option("What listeners want: user, artist, kind (gift, block, boost), amount.", STATE, metavar="FILE"),
    ]
    delegations: Annotated[
        Table | None,
        Option("Who lets whom steer: user, delegate, share; needs --subscribers.", STATE, metavar="FILE"),
    ]
    viscosity: Annotated[
        Amount,
        Option("How much of delegated money is passed on at each step.", STATE, default="1/2", metavar="SHARE"),
    ]
    delegate_cap: Annotated[
        Amount, Option("How many times the own fee a delegate may receive.", STATE, default="10", metavar="TIMES")
    ]


class DecidedOptions(TypedDict, total=False):
    """What people decided."""

    decisions: Annotated[
        Table | None,
        Option(
            "A review file of `fairpay suspects`, filled in: keep, hold, exclude, weight 0.5.", COUNT, metavar="FILE"
        ),
    ]
    undecided: Annotated[
        Literal["refuse", "keep"],
        Option("Lines of the review file without a decision: they stop the run, or are kept.", COUNT, default="refuse"),
    ]


class PenaltyOptions(DecidedOptions, total=False):
    """The same, and what is charged for what they excluded."""

    penalty: Annotated[
        Amount | None,
        Option("Charge payees this share of what excluded plays would have earned; the decisions' column `penalty` "
               "goes before it.", COUNT, metavar="SHARE"),
    ]  # fmt: skip
    penalty_to: Annotated[
        Literal["pool", "platform"],
        Option("Who gets it: all whom the pool pays, in proportion, or the platform.", COUNT, default="pool"),
    ]


class ColumnOptions(TypedDict, total=False):
    """What the logs are."""

    columns: Annotated[
        Mapping[str, str] | None,
        Option(
            f"Which column is {', '.join(ROLES[:-1])} or {ROLES[-1]}; without a header columns are numbered from 1. "
            "Else they are found by their names.",
            READ,
            metavar="ROLE=COLUMN,...",
            typed=columns,
        ),
    ]
    format: Annotated[
        Literal["csv", "parquet", "json", "xlsx"] | None, Option("Format of the log; else by its extension.", READ)
    ]


class TextOptions(TypedDict, total=False):
    """How the logs are read."""

    encoding: Annotated[
        str | None, Option("Encoding of text files, such as utf-16 or latin-1; else UTF-8.", READ, metavar="NAME")
    ]
    separator: Annotated[
        str | None,
        Option(r"Character between columns; '\t' is a tab. Else found.", READ, metavar="CHAR", typed=separator),
    ]
    quote: Annotated[bool, Option('Take " as an ordinary character.', READ, default=True)]
    header: Annotated[bool, Option("The first line is data.", READ, default=True)]
    user_from_file: Annotated[bool, Option("One user per file, named by it (personal exports).", READ, default=False)]
    user_from_folder: Annotated[
        bool, Option("One user per folder or zip archive, named by it (personal exports).", READ, default=False)
    ]
    decimal: Annotated[
        Literal[".", ","], Option("What stands before the fraction in numbers: 1.5 or 1,5.", READ, default=".")
    ]
    day_first: Annotated[bool, Option("Dates are written day first: 31/12/2026.", READ, default=False)]
    several_artists: Annotated[
        Literal["joined", "first", "split"],
        Option(
            "A play with a list of artists goes to their joined name, to the first, or in equal parts to all.",
            READ,
            default="joined",
        ),
    ]
    repeats: Annotated[
        Literal["keep", "drop", "refuse"],
        Option("Plays that the logs tell twice: counted, counted once, or refused.", COUNT, default="keep"),
    ]
    max_without_artist: Annotated[
        Amount,
        Option("The part of plays without an artist above which nothing is paid.", COUNT, default="20%",
               metavar="SHARE"),
    ]  # fmt: skip
    strict: Annotated[bool, Option("Stop at a warning, with status 3.", READ, default=False)]
    rejects: Annotated[
        PathText | None, Option("Set bad rows aside in this file; else they stop the run.", READ, metavar="FILE")
    ]


class ReadingOptions(ColumnOptions, TextOptions):
    """All of it."""


class OutputOptions(TypedDict, total=False):
    """What becomes of the result."""

    artists: Annotated[Table | None, Option("A file of names: artist, name.", WRITE, metavar="FILE")]
    output: Annotated[PathText | None, Option("Write the run to this directory.", WRITE, metavar="DIR", short="-o")]
    force: Annotated[bool, Option("Replace another finished run there.", WRITE, default=False)]


class RunOptions(TypedDict, total=False):
    """How it runs, and who is told; the last three are Python's alone."""

    memory: Annotated[
        Amount | None,
        Option("Most memory for plays and listeners: 2GB. Else half of what is free.", RUN, metavar="SIZE"),
    ]
    threads: Annotated[int | None, Option("Threads to use; else all.", RUN, metavar="N", least=1)]
    batch_rows: Annotated[int | None, Option("Rows decoded at a time.", RUN, metavar="N", least=1)]
    temp_dir: Annotated[PathText | None, Option("Where to spill what exceeds the memory.", RUN, metavar="DIR")]
    say: Callable[[str], None] | None
    """Takes sentences for the reader."""
    progress: Callable[[int, int], None] | None
    """Takes rows and bytes of each batch read; called from threads."""
    origins: Mapping[str, tuple[Any, str]] | None
    """Option -> (value, where it came from), for the manifest; stated by the command line, whose words errors use."""


class EngineOptions(TypedDict, total=False):
    """Where the plays are worked on."""

    engine: Annotated[
        Literal["local", "spark"],
        Option("This machine, or a cluster of Apache Spark, for logs that lie there.", RUN, default="local"),
    ]
    master: Annotated[
        str | None,
        Option("Where Spark runs: yarn, spark://host:7077, local[4]; else as Spark is set up.", RUN, metavar="URL"),
    ]
    remote: Annotated[str | None, Option("A server of Spark Connect; else SPARK_REMOTE.", RUN, metavar="sc://HOST")]
    partitions: Annotated[
        int | None,
        Option("Into how many parts Spark moves the users; else as Spark is set up.", RUN, metavar="N", least=1),
    ]


class SweptOptions(TypedDict, total=False):
    """The rules swept."""

    rules: Annotated[
        Sequence[str],
        Option(
            "A rule with a range (user-cap:cap=100..3000), steps of its own (cap=100..3000..100) or a list "
            "(bounded:b=0.7,0.8,1) of one parameter; or a rule as it is.",
            PAY,
            default=(),
            metavar="NAME",
            flag="--rule",
            repeated=True,
            recorded="rule",
        ),
    ]
    against: Annotated[
        str,
        Option("The rule that money moves from.", PAY, default="market-centric", metavar="NAME"),
    ]
    steps: Annotated[
        int,
        Option(
            "Into how many steps a range is cut: of equal factors from ten times on, else of equal size.",
            PAY,
            default=10,
            metavar="N",
            least=1,
        ),
    ]


class ScenarioOptions(TypedDict, total=False):
    """What is tried on the rules."""

    scenarios: Annotated[
        Sequence[str],
        Option(
            "A way of faking listening: a name, or a TOML file. Else one-account and catalogue-flood.",
            TRY,
            default=(),
            metavar="NAME|FILE",
            flag="--scenario",
            repeated=True,
            recorded="scenario",
        ),
    ]


class PreviousOptions(TypedDict, total=False):
    """What the month is compared with."""

    previous: Annotated[
        Any, Option("The log of the month before, to see which artists jumped.", LOOK, metavar="LOG", repeated=True)
    ]


class DisclosureOptions(TypedDict, total=False):
    """What is told of few listeners."""

    k: Annotated[
        int,
        Option(
            "Artists under N listeners appear only in merged lines, one for each tier; 1: all by themselves.",
            WRITE,
            default=1,
            metavar="N",
            least=1,
        ),
    ]


class ExcelOptions(TypedDict, total=False):
    """Whether people open tables in a spreadsheet."""

    excel: Annotated[
        bool,
        Option(
            "For Excel: with -o also a workbook (NAME.xlsx); CSV on standard output with a BOM, formulas defused.",
            WRITE,
            default=False,
        ),
    ]


class GroupOptions(TypedDict, total=False):
    """What is added up by group."""

    by: Annotated[
        Sequence[str],
        Option(
            "Add up by a column of the artists (label), the subscribers or log (plan), by intensity, or pay by month.",
            WRITE,
            default=(),
            metavar="COLUMN",
            repeated=True,
        ),
    ]


class GuardOptions(TypedDict, total=False):
    """When a run is not to be trusted, though each row and listener is accounted for."""

    max_rejects: Annotated[
        Amount | None,
        Option("With --rejects: stop with status 9 if more rows are set aside, 100 or 1%.", READ, metavar="N|P%"),
    ]
    max_unlisted: Annotated[
        Amount | None,
        Option("Stop with status 9 if more listeners than N or P% of them are not in the subscriber file.", PAY,
               metavar="N|P%"),
    ]  # fmt: skip


class CompareOptions(
    RulesOptions, MoneyOptions, QualifyingOptions, StatedOptions, PenaltyOptions, ReadingOptions, OutputOptions,
    GroupOptions, ExcelOptions, DisclosureOptions, GuardOptions, RunOptions, EngineOptions,
):  # fmt: skip
    """Options of `compare`."""


class PayOptions(
    RuleOptions, MoneyOptions, QualifyingOptions, StatedOptions, PenaltyOptions, ReadingOptions, OutputOptions,
    GroupOptions, ExcelOptions, GuardOptions, RunOptions, EngineOptions,
):  # fmt: skip
    """Options of `pay`."""


class ShardOptions(
    RulesOptions, MoneyOptions, QualifyingOptions, PolicyOptions, ReadingOptions, RunOptions, total=False
):  # fmt: skip
    """Options of `shard`."""

    payouts: Annotated[
        bool, Option("A part of what one rule pays, as `fairpay pay` does; else of a comparison.", PAY, default=False)
    ]
    exact: Annotated[
        bool,
        Option("See near ties in the round of weights: no round for these, and larger parts.", WRITE, default=False),
    ]
    artists: Annotated[
        Table | None, Option("A file of artists, whose columns a policy may use.", WRITE, metavar="FILE")
    ]
    party: Annotated[
        str,
        Option("What you call yourself: it tells parts apart that add the same.", WRITE, default="", metavar="NAME"),
    ]
    overlap_key: Annotated[
        PathText | None,
        Option(
            "A key that all parties have: the part tells merge by keyed hashes if a listener is in two.",
            WRITE,
            metavar="FILE",
        ),
    ]
    output: Annotated[Required[PathText], Option("The part to write.", WRITE, metavar="PART", short="-o")]
    after: Annotated[
        PathText | None,
        Option("The sum of all parts of the round before; none in the first round.", WRITE, metavar="SUM"),
    ]
    force: Annotated[bool, Option("Replace a file that is there.", WRITE, default=False)]


class MergeOptions(OutputOptions, DisclosureOptions):
    """Options of `merge`."""


SPLITS = Option("Payees of artists or tracks: artist, payee, share.", WHO, metavar="FILE")


class ExplainOptions(
    RulesOptions, MoneyOptions, QualifyingOptions, StatedOptions, DecidedOptions, ReadingOptions, RunOptions,
    total=False,
):  # fmt: skip
    """Options of `explain`."""

    artist: Annotated[str | None, Option("The artist, by name or id.", LOOK, metavar="NAME|ID")]
    label: Annotated[str | None, Option("All artists with this label in the artist file.", LOOK, metavar="NAME")]
    group: Annotated[
        str | None,
        Option("All artists with this value in any column of it: genre=jazz.", LOOK, metavar="COLUMN=VALUE"),
    ]
    against: Annotated[
        PathText | None,
        Option("A finished run of compare or pay: what it paid, beside what is paid now.", LOOK, metavar="RUN"),
    ]
    splits: Annotated[PathText | None, SPLITS]
    k: Annotated[
        int,
        Option("Tell nothing of fewer listeners than N but how many they are.", LOOK, default=5, metavar="N", least=1),
    ]
    artists: Annotated[Table | None, Option("A file of artists: artist, name, label.", LOOK, metavar="FILE")]


class CheckOptions(QualifyingOptions, ReadingOptions, RunOptions):
    """Options of `check`."""


class AuditOptions(
    RulesOptions, ScenarioOptions, MoneyOptions, QualifyingOptions, ReadingOptions, OutputOptions, ExcelOptions,
    RunOptions, EngineOptions,
):  # fmt: skip
    """Options of `audit`."""


class SweepOptions(
    SweptOptions, MoneyOptions, QualifyingOptions, StatedOptions, DecidedOptions, ReadingOptions, OutputOptions,
    ExcelOptions, RunOptions, EngineOptions,
):  # fmt: skip
    """Options of `sweep`."""


class SuspectsOptions(
    RulesOptions, PreviousOptions, MoneyOptions, QualifyingOptions, ReadingOptions, OutputOptions, ExcelOptions,
    RunOptions,
):  # fmt: skip
    """Options of `suspects`."""


class ShelfOptions(TypedDict, total=False):
    """Which books."""

    books: Annotated[Required[PathText], Option("Directory of all closed months.", BOOKS, metavar="DIR")]


class BookOptions(ShelfOptions, total=False):
    """Which books, and which month."""

    period: Annotated[Required[str], Option("The month.", BOOKS, metavar="2026-10")]
    dry_run: Annotated[bool, Option("Show everything and write nothing.", BOOKS, default=False)]


class ChangeOptions(TypedDict, total=False):
    """The correction."""

    exclude: Annotated[
        Sequence[PathText],
        Option("Users or plays that do not count: user, or user, artist, time.", CHANGE, default=(), metavar="FILE",
               repeated=True),
    ]  # fmt: skip
    instead: Annotated[
        bool,
        Option("The logs take the place of all the month's logs; else they are late ones.", CHANGE, default=False),
    ]
    undo: Annotated[str | None, Option("Take an adjustment back.", CHANGE, metavar="ID")]
    reason: Annotated[str, Option("Stands in every row.", CHANGE, default="", metavar="WORDS")]


class PoolOptions(TypedDict, total=False):
    """Where the money comes from."""

    pools: Annotated[PathText | None, Option("A line for each pool, see `fairpay init`.", POOLS, metavar="FILE")]
    subscribers: Annotated[
        PathText | None, Option("What each user paid: user, paid, and the keys.", POOLS, metavar="FILE")
    ]


class PayeeOptions(TypedDict, total=False):
    """Who stands behind an artist."""

    splits: Annotated[PathText | None, SPLITS]
    aliases: Annotated[PathText | None, Option("Wrong artist ids: wrong, right.", WHO, metavar="FILE")]
    artists: Annotated[PathText | None, Option("Known artists; all others are unmatched.", WHO, metavar="FILE")]


class TermsOptions(TypedDict, total=False):
    """Terms a month is closed on; an adjustment keeps those of its month."""

    pool_by: Annotated[
        Sequence[str],
        Option("What tells pools apart; else the keys of the pool file.", POOLS, default=(), metavar="country,plan",
               typed=names),
    ]  # fmt: skip
    rule: Annotated[str | None, Option("Default rule for pools.", POOLS, metavar="NAME")]
    currency: Annotated[str, Option("Of amounts that name none.", POOLS, default="EUR", metavar="CODE")]
    min_seconds: Annotated[
        Amount | None, Option("Leave out shorter listens; else as a policy says, or 30.", COUNT, metavar="S")
    ]
    measure: Annotated[Literal["time", "plays"] | None, Option("What listening is counted in.", COUNT)]
    any_date: Annotated[bool, Option("Count plays outside the period too.", COUNT, default=False)]
    minimum_payment: Annotated[
        Amount,
        Option("Less is carried to the next month: 20.00, or EUR=20,USD=25.", HOW, default="0", metavar="AMOUNT"),
    ]
    recoup: Annotated[
        Amount, Option("Part of a balance that goes to an advance.", HOW, default="100%", metavar="SHARE")
    ]
    reserve: Annotated[Amount, Option("Part of a month's earnings held back.", HOW, default="0%", metavar="SHARE")]
    reserve_months: Annotated[int, Option("Months until a reserve is released.", HOW, default=3, metavar="N")]
    holds: Annotated[PathText | None, Option("Payees nothing is paid to for now: payee, reason.", WHO, metavar="FILE")]
    advances: Annotated[
        PathText | None,
        Option("All advances: payee, advance, amount, currency, period.", WHO, metavar="FILE"),
    ]
    fees: Annotated[
        PathText | None, Option("This month's charges: payee, amount, currency, reason.", WHO, metavar="FILE")
    ]
    taxes: Annotated[
        PathText | None, Option("Tax withheld of what is paid to a payee: payee, rate, tax.", WHO, metavar="FILE")
    ]
    unsplit: Annotated[
        Literal["pay", "suspend"],
        Option("An artist without splits is paid itself, or is unclaimed.", WHO, default="pay"),
    ]
    tracks: Annotated[
        bool, Option("Divide what artists earn among all their tracks too, for statements.", WRITE, default=False)
    ]
    per_payee: Annotated[bool, Option("Write a statement file for each payee too.", WRITE, default=False)]
    excel: Annotated[bool, Option("Write tables also as CSV that is safe in a spreadsheet.", WRITE, default=False)]


class CloseOptions(
    BookOptions, PoolOptions, PayeeOptions, TermsOptions, StatedOptions, PenaltyOptions, ReadingOptions, RunOptions,
    EngineOptions,
):  # fmt: skip
    """Options of `close`."""


class AdjustOptions(
    BookOptions, ChangeOptions, PoolOptions, PayeeOptions, DecidedOptions, RunOptions, EngineOptions
):  # fmt: skip
    """Options of `adjust`."""


class ClosedOptions(ShelfOptions, total=False):
    """Which closed month."""

    period: Annotated[str | None, Option("A closed month; else the last.", BOOKS, metavar="2026-10")]
    payee: Annotated[Sequence[str], Option("Only this payee.", BOOKS, default=(), metavar="ID", repeated=True)]


class BalancesOptions(ClosedOptions):
    """Options of `balances`."""


class StatementsOptions(ClosedOptions, total=False):
    """Options of `statements`."""

    payees: Annotated[
        PathText | None,
        Option("Names and addresses: payee, name, address, postcode, city, country, tax_id, email.", WHO,
               metavar="FILE"),
    ]  # fmt: skip
    issuer: Annotated[
        PathText | None, Option("Who sends the statements: a line with the same columns.", WHO, metavar="FILE")
    ]
    date: Annotated[Day | None, Option("Day of the statements; else the last of the month.", WRITE, metavar="DATE")]
    formats: Annotated[
        Sequence[str],
        Option("What is written of each payee.", WRITE, default=("csv", "xlsx", "pdf"), metavar="csv,xlsx,pdf",
               typed=names),
    ]  # fmt: skip
    paper: Annotated[Literal["a4", "letter"], Option("Size of a page.", WRITE, default="a4")]
    fonts: Annotated[
        PathText | None,
        Option("A folder of fonts for letters that Typst's own lack (Chinese, Japanese, Korean, Thai).", WRITE,
               metavar="DIR"),
    ]  # fmt: skip
    output: Annotated[Required[PathText], Option("Where to write them.", WRITE, metavar="DIR", short="-o")]
    force: Annotated[bool, Option("Replace another finished run there.", WRITE, default=False)]


class SynthOptions(PeriodOptions, TextOptions, RunOptions, total=False):
    """Options of `synth`; how a log is read matters where there is one."""

    like: Annotated[
        Any,
        Option("A log: make a month with its statistics and none of its listeners.", metavar="LOG", repeated=True),
    ]
    rows: Annotated[int | None, Option("How many plays; else 100,000.")]
    users: Annotated[int | None, Option("How many people; else one for each 100 plays.")]
    artists: Annotated[int | None, Option("How many artists; else 30 for each 100 people.")]
    seed: Annotated[int, Option("The same seed makes the same bytes.", default=1)]
    month: Annotated[str, Option("When it is.", default="2026-10")]
    order: Annotated[Literal["user", "time"], Option("What the rows are sorted by.", default="user")]
    population: Annotated[
        Literal["plain", "realistic"] | None,
        Option("Who listens: realistic has scenes, friends, playlists, releases and people who look odd; else plain."),
    ]
    bots: Annotated[str | None, Option("Add N accounts that each play PLAYS times a day.", metavar="N:PLAYS")]
    plants: Annotated[
        Mapping[str, str] | None,
        Option("Add fakes of another kind: loops=3:25.", metavar="KIND=N:PLAYS", flag="--plant", repeated=True,
               typed=planted),
    ]  # fmt: skip
    ids: Annotated[Literal["long", "short"], Option("Ids of 22 characters, or short ones.", default="long")]
    columns: Annotated[
        Sequence[str] | Mapping[str, str] | None,
        Option(
            "Only these columns; with --like, which column of the log is what: ROLE=COLUMN,...",
            metavar="NAME,...",
            typed=names_or_roles,
        ),
    ]
    files: Annotated[int, Option("How many files to split the log into.", default=1)]
    format: Annotated[Literal["csv", "parquet"] | None, Option("Else by the extension.")]
    subscribers: Annotated[PathText | None, Option("Also make the file of what each user paid.", metavar="FILE")]
    artist_file: Annotated[PathText | None, Option("Also make the file of artists' names.", metavar="FILE")]
    truth: Annotated[
        PathText | None, Option("Also make the file of what each user is: person, odd or planted.", metavar="FILE")
    ]
    force: Annotated[bool, Option("Replace files that are there.", default=False)]
    countries: Mapping[str, float] | None
    """Country -> its part of the listeners."""
    plans: Mapping[str, tuple[str, float]] | None
    """Plan -> its price and its part of the listeners."""


class VerifyOptions(TypedDict, total=False):
    """Options of `verify`."""

    books: Annotated[PathText | None, Option("Check all months of these books instead.", metavar="DIR")]
    inputs: Annotated[bool, Option("Do not look for the logs: they may be gone.", default=True)]


class ReportOptions(TypedDict, total=False):
    """Options of `report`."""

    against: Annotated[PathText | None, Option("Show what changed from this run instead.", metavar="RUN")]
    output: Annotated[
        PathText | None,
        Option("The page to write; else DIR.html here, or DIR-against-RUN.html.", metavar="FILE.html", short="-o"),
    ]


class PageOptions(TypedDict, total=False):
    """What else is written of a run."""

    report: Annotated[
        PathText | None, Option("Also write a page to look at, as `fairpay report` does.", WRITE, metavar="FILE.html")
    ]


class PseudonymOptions(TypedDict, total=False):
    """What is written, and under which key."""

    key: Annotated[
        Required[PathText],
        Option("A file of 32 secret bytes or more, which only you may read.", WRITE, metavar="FILE"),
    ]
    output: Annotated[
        Required[PathText], Option("The log to write: LOG.parquet or LOG.csv.", WRITE, metavar="LOG", short="-o")
    ]
    keep: Annotated[
        Sequence[str],
        Option("Also write this column of the log, as text.", WRITE, default=(), metavar="COLUMN", repeated=True),
    ]
    subscribers: Annotated[
        Table | None,
        Option(
            "Also write this file of what each user paid, beside the log: LOG-subscribers.parquet.",
            PAY,
            metavar="FILE",
        ),
    ]
    currency: Annotated[str, CURRENCY]
    force: Annotated[bool, Option("Replace files that are there.", WRITE, default=False)]


class PseudonymizeOptions(PseudonymOptions, QualifyingOptions, ReadingOptions, RunOptions):
    """Options of `pseudonymize`."""


class DiffOptions(ExcelOptions, total=False):
    """Options of `diff`."""

    output: Annotated[
        PathText | None,
        Option("Write the table to this file: .csv, .parquet or .xlsx.", WRITE, metavar="FILE", short="-o"),
    ]
    force: Annotated[bool, Option("Replace a file that is there.", WRITE, default=False)]


class NoOptions(TypedDict, total=False):
    """Options of what has none."""


class TableOptions(TypedDict, total=False):
    """What is shown of a table."""

    top: Annotated[
        int | None,
        Option("Rows of each list; 0 shows all. Else as many as suit a page.", WRITE, metavar="N", least=0),
    ]
    sort: Annotated[
        str | None,
        Option(
            "List by this column of the table: numbers from the largest, texts from A; +COLUMN and -COLUMN say which.",
            WRITE,
            metavar="COLUMN",
        ),
    ]
    csv: Annotated[bool, Option("Print the table as CSV instead of a page.", WRITE, default=False)]


class JsonOptions(TypedDict, total=False):
    """Whether a program reads what is printed."""

    json: Annotated[bool, Option("Print one JSON object instead of a page.", WRITE, default=False)]


class QuietOptions(TypedDict, total=False):
    """Whether anything is printed."""

    quiet: Annotated[bool, Option("Print nothing but errors.", WRITE, default=False)]


class ConfigOptions(TypedDict, total=False):
    """Where options come from."""

    config: Annotated[
        str | None,
        Option("Take options from this file; else from fairpay.toml here, if there is one.", RUN, metavar="FILE"),
    ]


class ProgressOptions(TypedDict, total=False):
    """How progress is shown."""

    progress: Annotated[
        Literal["auto", "plain", "none"],
        Option("A bar where a terminal is looked at, a line every 10 s, or nothing.", RUN, default="auto"),
    ]


class LogOptions(TypedDict, total=False):
    """Logs, where a config file names them."""

    log: Annotated[
        Sequence[str] | None,
        Option("Files, globs or directories of plays, for a config file.", BOOKS, metavar="LOG", repeated=True),
    ]


class PromiseOptions(TypedDict, total=False):
    """What `rules` explains besides rules."""

    why: Annotated[
        str | None,
        Option("Explain a promise by the shortest example of a rule that breaks it.", LOOK, metavar="PROMISE"),
    ]


class ListScenarios(TypedDict, total=False):
    """What `audit` prints about scenarios."""

    list_scenarios: Annotated[
        bool,
        Option("List the scenarios that come with fairpay.", TRY, default=False, flag="--scenarios", shows=True),
    ]
    show_scenario: Annotated[
        str | None, Option("Print one as TOML, to copy and change.", TRY, metavar="NAME", shows=True)
    ]


class ListSignals(TypedDict, total=False):
    """What `suspects` prints about signals."""

    list_signals: Annotated[
        bool,
        Option("List what is looked at, with sources and innocent explanations.", LOOK, default=False,
               flag="--signals", shows=True),
    ]  # fmt: skip
