"""The commands: what each does, what it takes, and whether variables and config files may set its options."""

from __future__ import annotations

import os
from dataclasses import KW_ONLY, dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fairpay.errors import UnknownOptionError, UsageError
from fairpay.settings import options as o
from fairpay.settings.option import defaults, nearest, options_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairpay.settings.option import Option

__all__ = ["COMMANDS", "Argument", "Command", "complete"]


@dataclass(frozen=True, slots=True)
class Argument:
    """What is named without a flag."""

    name: str
    metavar: str
    help: str
    _: KW_ONLY
    many: bool = False
    required: bool = True
    default: str | None = None
    """None: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command."""

    help: str
    """Paragraphs: what it does."""
    arguments: tuple[Argument, ...] = ()
    options: type = o.NoOptions
    """The keywords of the Python function of that name."""
    typed: tuple[type, ...] = ()
    """Groups that only the command line has."""
    settable: bool = False
    """Whether variables and config files may set options."""

    @property
    def declared(self) -> Mapping[str, Option]:
        """What may be typed, by name; the order of headings is that of `PANELS`."""
        panels = {panel: place for place, panel in enumerate(o.PANELS)}
        both = {
            **options_of(o.ConfigOptions if self.settable else o.NoOptions, self.options),
            **options_of(*self.typed),
        }
        return dict(sorted(both.items(), key=lambda one: panels.get(one[1].panel or "", -1)))


LOG = Argument("logs", "LOG", "Files, globs, directories, or s3://, gs:// and https:// addresses.", many=True)
MORE_LOGS = Argument("logs", "LOG...", "Files, globs or directories of plays.", many=True, required=False)
RUN = "The directory of a finished run."
PAGE = (o.JsonOptions, o.QuietOptions, o.ProgressOptions)
TABLE = (o.TableOptions, *PAGE)

COMMANDS = {
    "compare": Command(
        help="What each artist gets under two or more rules: who gains, who loses, and why.\n\nDifferences are against "
        "the first rule. Without --rule: market-centric and user-centric; with one, that rule against market-centric; "
        "with a policy, its rule too. Without --pool, --fee or --subscribers a fee of 10.00 is assumed, and said.",
        arguments=(LOG,),
        options=o.CompareOptions,
        typed=(o.PageOptions, *TABLE),
        settable=True,
    ),
    "pay": Command(
        help="What each artist is paid under one rule: one payable report. The money must be stated.",
        arguments=(LOG,),
        options=o.PayOptions,
        typed=(o.PageOptions, *TABLE),
        settable=True,
    ),
    "check": Command(
        help="Read and qualify only: which column is what, what becomes of the rows, what the log spans.",
        arguments=(LOG,),
        options=o.CheckOptions,
        typed=PAGE,
        settable=True,
    ),
    "explain": Command(
        help="Why an artist, or a label, is paid what it is paid under each rule: three factors, its listeners, what "
        "one more and 100 more plays are worth.\n\nWithout --rule every rule that takes one walk. Single listeners are "
        "never told of.",
        arguments=(LOG,),
        options=o.ExplainOptions,
        typed=(o.PageOptions, *PAGE),
        settable=True,
    ),
    "shard": Command(
        help="What the listeners of these logs add to a month: a part, which names no listener.\n\nParts of several "
        "parties, or machines, are added by `fairpay merge`; nobody sees another's log. What a part still tells is in "
        "the reference.",
        arguments=(LOG,),
        options=o.ShardOptions,
        typed=(o.QuietOptions, o.ProgressOptions),
        settable=True,
    ),
    "merge": Command(
        help="Add parts of a month, in any order and in any tree; with all of them, settle it.\n\nWith -o NAME.part "
        "the sum is written, for the next round or the next sum; with -o DIR the run, as if one log had held all.",
        arguments=(Argument("parts", "PART", "Parts that `fairpay shard` or `fairpay merge` wrote.", many=True),),
        options=o.MergeOptions,
        typed=(o.JsonOptions, o.QuietOptions),
    ),
    "audit": Command(
        help="What each rule invites: what fake accounts would earn on this log, who would pay for it, and from how "
        "many plays.\n\nWithout --rule every rule that takes one walk is tried. State --royalty-rate: it is what keeps "
        "fakes from paying.",
        arguments=(LOG,),
        options=o.AuditOptions,
        typed=(o.ListScenarios, *TABLE),
        settable=True,
    ),
    "sweep": Command(
        help="A rule under many values of a parameter, in one walk over the log: the money each moves, what a fake "
        "account earns at most, who steers, what small artists get, and up to which value no fake account pays."
        "\n\nWithout --rule: user-cap:cap=100..3000, bounded from the royalty rate to 1, and user-centric.",
        arguments=(LOG,),
        options=o.SweepOptions,
        typed=(o.PageOptions, *TABLE),
        settable=True,
    ),
    "suspects": Command(
        help="Which accounts and artists to look at, and how much money each moves under each rule.\n\nNothing is "
        "withheld: with -o DIR a review file is written, a person fills in what to do, and `fairpay compare` and "
        "`fairpay pay` take it with --decisions.",
        arguments=(LOG,),
        options=o.SuspectsOptions,
        typed=(o.ListSignals, *TABLE),
        settable=True,
    ),
    "close": Command(
        help="Close a month: from money received and plays to amounts payable, every control checked, or nothing at "
        "all.",
        arguments=(MORE_LOGS,),
        options=o.CloseOptions,
        typed=(o.LogOptions, *PAGE),
        settable=True,
    ),
    "adjust": Command(
        help="Correct a closed month: late or corrected files, or fraud. The difference is booked in the open month.",
        arguments=(MORE_LOGS,),
        options=o.AdjustOptions,
        typed=(o.LogOptions, *PAGE),
        settable=True,
    ),
    "balances": Command(
        help="Where each payee stands after a closed month: payable, carried, recouping, held in reserve, in suspense.",
        options=o.BalancesOptions,
        typed=(o.TableOptions, o.JsonOptions, o.QuietOptions),
        settable=True,
    ),
    "statements": Command(
        help="Write what each payee is sent for a closed month: CSV, a workbook and PDF.\n\nNames and addresses come "
        "from --payees and --issuer, which may stand under [statements] in the file the month was closed from.",
        options=o.StatementsOptions,
        typed=(o.JsonOptions, o.QuietOptions),
        settable=True,
    ),
    "rules": Command(
        help="List the payout rules with what each promises, or explain one: formula, worked example, source, "
        "promises.\n\nThe name of a policy (spotify-2024) prints its file, to be copied, changed and given with "
        "--policy.",
        arguments=(
            Argument("name", "[NAME]", "A rule to explain; it may carry parameters: bounded:b=1.", required=False),
        ),
        typed=(o.PromiseOptions, o.JsonOptions),
    ),
    "init": Command(
        help="Write the commented file that `fairpay close --config` closes a month from.",
        arguments=(Argument("file", "FILE", "Where to write it.", required=False, default="month.toml"),),
        typed=(o.QuietOptions,),
    ),
    "diff": Command(
        help="Two runs side by side: whose payouts changed, by how much, and why: inputs, listening, rules, options, "
        "version.",
        arguments=(
            Argument("before", "RUN", "A finished run: a month of the books, or a report."),
            Argument("after", "RUN", "Another one."),
        ),
        options=o.DiffOptions,
        typed=(o.TableOptions, o.JsonOptions, o.QuietOptions),
    ),
    "verify": Command(
        help="Check a finished run from its files alone: every hash, size, row count and control total.",
        arguments=(Argument("directory", "DIR", RUN, required=False),),
        options=o.VerifyOptions,
        typed=(o.JsonOptions, o.QuietOptions),
    ),
    "report": Command(
        help="One HTML file of a finished run, to look at, print and hand on: pictures, tables with reasons, controls, "
        "inputs.\n\nIt opens offline and needs no script. Of runs of compare, pay, audit, sweep, suspects and close.",
        arguments=(Argument("directory", "DIR", RUN),),
        options=o.ReportOptions,
        typed=(o.QuietOptions,),
    ),
    "leaks": Command(
        help="What a report or part tells of single listeners: artists whose figures are those of one, and the money.",
        arguments=(Argument("path", "RUN|PART", "The directory of a run of `compare` or `pay`, or a part."),),
        typed=(o.JsonOptions,),
    ),
    "synth": Command(
        help="Make up a month of listening from a seed, of any size, with planted fakes if wanted.\n\nWith --like LOG "
        "the month has the statistics of a log and none of its listeners, to share with developers and researchers; "
        "what it comes to is held against the log.",
        arguments=(Argument("path", "PATH", "The file to make (.parquet, .csv), or a directory for several."),),
        options=o.SynthOptions,
        typed=PAGE,
    ),
    "pseudonymize": Command(
        help="Write a log to hand on: the plays that count, user ids hashed under a key, days for times, and no other "
        "column but those that are named.\n\nPayouts of the new log are those of the old one. Who has the key finds "
        "every user again: keep it apart.",
        arguments=(LOG,),
        options=o.PseudonymizeOptions,
        typed=PAGE,
        settable=True,
    ),
    "warm": Command(help="Compile ahead, so that the first run starts as quickly as all later ones."),
}


def complete(command: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in defaults; a number with a point is taken as its shortest text, `0.7`, and exactly that.

    Raises:
        UnknownOptionError: an option there is none of.
        UsageError: one is missing, or of a value that it cannot have.

    """
    group = COMMANDS[command].options
    full, declared = defaults(group), options_of(group)
    for name in options:
        if name not in full:
            message = f"{command} does not take {name}"
            advice = nearest(name, full) or f"The options are {', '.join(declared)}."
            raise UnknownOptionError(message, advice=advice)
    missing = [declared[name] for name in sorted(group.__required_keys__) if options.get(name) is None]  # type: ignore[attr-defined] # a TypedDict
    if missing:
        message = f"{' and '.join(one.flag for one in missing)} not given"
        raise UsageError(message, advice=f"Give {' and '.join(f'{one.flag} {one.metavar}' for one in missing)}.")
    given = {name: os.fspath(value) if isinstance(value, os.PathLike) else value for name, value in options.items()}
    full |= {k: str(value) if isinstance(value, float | Decimal | Fraction) else value for k, value in given.items()}
    for name, option in declared.items():
        if option.types == (str, int) and type(full[name]) is int:
            full[name] = str(full[name])
        if option.listed and isinstance(full[name], str | int):
            full[name] = [str(full[name])]
        option.check(full[name])
    return full
