"""What the pages of several kinds of runs have in common."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

from fairpay.errors import UsageError
from fairpay.reports.pages.page import Labels, PageColumn, PageTable, Section
from fairpay.reports.tables import listened_to, why
from fairpay.reports.words import by_rule, counted, duration, joined, month_of, percent
from fairpay.rules import find_rule
from fairpay.runs.manifest import RUNNING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import polars as pl

    from fairpay.reports.pages.page import PagePart
    from fairpay.rules.core.rule import Rule
    from fairpay.runs.verify import FinishedRun

__all__ = [
    "RuleColumns",
    "about",
    "currency_of",
    "ending",
    "grouped",
    "part",
    "remarks",
    "rule_columns",
    "rule_of",
    "title",
]

MS = 1000
MOST_CHARGED = 50
"""Artists with penalties that a page shows."""


@dataclass(frozen=True, slots=True)
class RuleColumns:
    """A rule of a comparison, and its columns."""

    label: str
    paid: str
    difference: str = ""
    """Empty for the first rule, which others are held against."""
    percent: str = ""


def rule_columns(frame: pl.DataFrame, labels: Sequence[str]) -> list[RuleColumns]:
    """Return the columns of each rule: payouts follow `listeners`, then two columns for each rule but the first."""
    first = frame.columns.index("listeners") + 1
    names, beside = frame.columns[first : first + len(labels)], frame.columns[first + len(labels) :]
    changes = [("", ""), *zip(beside[::2], beside[1::2], strict=False)]
    return [RuleColumns(label, name, *pair) for label, name, pair in zip(labels, names, changes, strict=False)]


def rule_of(label: str) -> Rule | None:
    """Return a rule by its label; None for one that this version does not have."""
    try:
        return find_rule(label)
    except UsageError:
        return None


def why_of(run: FinishedRun, first: str, second: str) -> Callable[[Mapping[str, Any]], str]:
    """Return what gives the reason of a row, an artist or a group, that gets one amount under one rule and another."""
    rules = rule_of(first), rule_of(second)
    if rules[0] is None or rules[1] is None:
        return lambda row: listened_to(row["listeners"], row["plays"])
    words = why(rules[0], rules[1], equal_fees=run.option("subscribers") is None)
    return lambda row: words(row["fan_intensity"], row["listeners"], row["plays"])


class Summed(Protocol):
    """Whatever has a summary: a finished run, or a result that is in none."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """What `summary.json` holds, or `--json` prints."""


def currency_of(run: Summed) -> str:
    """Return the currency of a run of one."""
    return str(run.summary["currency"])


def title(words: str, run: Summed) -> str:
    """`market-centric -> user-centric · October 2026 · EUR`."""
    period = run.summary.get("listening", {}).get("period")
    return " · ".join(filter(None, [words, month_of(period and tuple(period)), currency_of(run)]))


def about(run: Summed) -> Labels:
    """Say where the money comes from, what was read, and what was left out."""
    found, code = run.summary, currency_of(run)
    rows = [("Pool", f"{grouped(found['pool'])} {code}")]
    money = found.get("money")
    if isinstance(money, dict):
        assumed = " (assumed: no money was stated)" if money["assumed"] else ""
        stated = "" if money["stated"].endswith(" stated") else f": {money['stated']}{assumed}"
        rows = [("Pool", f"{grouped(found['pool'])} {code}{stated}"), *beside(money, code)]
    sums = {one["name"]: Decimal(one.get("withheld_for_platform", "0")) for one in found.get("rules", [])}
    if any(sums.values()):
        told = by_rule(sums, lambda units: f"{grouped(str(units))} {code}")
        rows.append(("Withheld", f"{told} for the platform, by the policy"))
    if listening := found.get("listening"):
        rows += [("Listening", listened(listening)), *left_out(listening)]
    else:
        rows.append(("Listening", ", ".join(counted(found[f"{one}s"], one) for one in ("play", "user", "artist"))))
    return Labels(rows)


def beside(money: Mapping[str, Any], code: str) -> Iterator[tuple[str, str]]:
    """Say what became of the money of who played nothing, and of listeners who are not in the subscriber file."""
    inactive, unlisted = money["inactive"], money["unlisted"]
    for one in money.get("collected", {}).get("set_aside", ()):
        yield "Set aside", f"{grouped(one['amount'])} {code} for {one['purpose']}"
    if inactive["subscribers"]:
        paid = "not told" if inactive["money"] is None else f"{grouped(inactive['money'])} {code}"
        done = "held back" if inactive["policy"] == "hold" else "shared"
        people = counted(inactive["subscribers"], "subscriber")
        yield "Inactive", f"{paid} from {people} without counted plays, {done}"
    if unlisted["listeners"]:
        done = {"free": "counted as paying nothing", "leave-out": "left out"}.get(unlisted["policy"], "")
        yield "Unlisted", f"{counted(unlisted['listeners'], 'listener')} without a subscription line, {done}"


def listened(listening: Mapping[str, Any]) -> str:
    """`5,842 plays, 218 h, 180 users, 150 artists`."""
    seconds = listening["seconds"]
    time = [] if seconds is None else [duration(round(float(seconds) * MS))]
    people = [counted(listening["users"], "user"), counted(listening["artists"], "artist")]
    return ", ".join([counted(listening["plays"], "play"), *time, *people])


def left_out(listening: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Say how many rows were left out, and for which reasons, the most frequent first."""
    dropped = sorted(listening["dropped"].items(), key=lambda pair: (-pair[1], pair[0]))
    if dropped:
        rows = counted(listening["rows"] - listening["used"], "row")
        yield "Left out", f"{rows} of {listening['rows']:,}: " + ", ".join(f"{n:,} {reason}" for reason, n in dropped)


def grouped(amount: str) -> str:
    """`1022.68` is `1,022.68`."""
    return PageColumn("", "money").text(amount)


def part(share: float | None) -> str:
    """Write a share of the summary."""
    return percent(None if share is None else Fraction(share))


def grown(before: Decimal | str, after: Decimal | str) -> Fraction | None:
    """Return by how many per cent an amount grew, exactly; None where there was none."""
    return 100 * (Fraction(after) / Fraction(before) - 1) if Fraction(before) else None


def remarks(run: FinishedRun) -> list[str]:
    """Say what a reader must know before believing a figure: notes, and warnings with their counts."""
    told = [f"{note.rstrip('.')}." for note in run.summary.get("notes", [])]
    for warning in run.summary.get("warnings", []):
        examples = f", such as {joined([str(one) for one in warning['examples'][:2]])}" if warning["examples"] else ""
        told.append(f"Warning, {warning['code']}: {warning['count']:,}{examples}. {warning['advice']}")
    return told


def conditions(run: FinishedRun) -> list[Section]:
    """Show what each line of the policy met and moved, and what people's decisions came to; nothing without either."""
    labels, code = [str(rule["name"]) for rule in run.summary["rules"]], currency_of(run)
    parts: list[PagePart] = []
    if run.summary["conditions"]:
        columns = [
            PageColumn("Line"),
            PageColumn("Times"),
            PageColumn("Rows met", "count"),
            PageColumn("Plays", "count"),
        ]
        columns += [PageColumn(f"Moves, {label}", "money") for label in labels]
        nothing = [None] * len(labels)
        rows = [
            (
                one["name"],
                done(one),
                one["rows"],
                one["plays"],
                *(one["moved"] or nothing),
            )
            for one in run.summary["conditions"]
        ]
        note = (
            "Times: what a play it meets counts; a threshold counts plays 0 times; withheld: the share of what it "
            "earns that the platform keeps. Not applied: the column is missing."
        )
        parts.append(PageTable(f"What each line of the policy did, {code}", columns, rows, note=note))
    if run.summary["decisions"]:
        columns = [PageColumn("Subject", "code"), PageColumn("Of"), PageColumn("Decision"), PageColumn("By")]
        columns += [PageColumn("Plays", "count"), *(PageColumn(f"If kept, {label}", "money") for label in labels)]
        rows = [
            (
                one["subject"],
                one["kind"],
                one["decision"],
                one["by"],
                one["plays"],
                *(one["if_kept"][label] for label in labels),
            )
            for one in run.summary["decisions"]
        ]
        parts.append(PageTable(f"What people decided, {code}; subjects are known by a hash", columns, rows))
    if found := run.summary.get("penalties"):
        parts.append(penalties(found, labels, code))
    return [Section("Policy and decisions", parts)] if parts else []


def done(line: Mapping[str, Any]) -> str:
    """Say what a line of the policy does to a play that it meets: `1/2`, `3/10 withheld`, `not applied`."""
    if "withheld_share" in line:
        return f"{line['withheld_share']} withheld"
    return str(line["times"]) if line["applied"] else "not applied"


def penalties(found: Mapping[str, Any], labels: Sequence[str], code: str) -> PageTable:
    """Show the largest penalties: what excluded plays would have earned under each rule, and what of it is charged."""
    columns = [PageColumn("Artist"), PageColumn("Share")]
    columns += [PageColumn(f"{what}, {label}", "money") for label in labels for what in ("Excluded", "Charged")]
    rows = [
        (one["artist"], one["share"], *(one[what][k] for k in labels for what in ("would_have_earned", "charged")))
        for one in sorted(found["artists"], key=lambda one: -Decimal(one["charged"][labels[0]]))[:MOST_CHARGED]
    ]
    note = f"What excluded plays would have earned, and what is charged, each rounded; it goes to the {found['to']}."
    if (more := len(found["artists"]) - len(rows)) > 0:
        note += f" {more:,} more in penalties.csv."
    return PageTable(f"Penalties, {code}", columns, rows, note=note)


def ending(run: FinishedRun, labels: Sequence[str] = ()) -> list[Section]:
    """Return the last sections of every page: rules in words, controls, inputs and what was asked."""
    rules = [part for label in dict.fromkeys(labels) for part in in_words(label)]
    return [*([Section("The rules in words", rules)] if rules else []), controls(run), inputs(run)]


def in_words(label: str) -> Iterator[PagePart]:
    """Say what a rule does, what it promises and what it does not keep."""
    rule = rule_of(label)
    if rule is None:
        return
    manual = [" ".join(part.split()) for part in (inspect.getdoc(type(rule)) or "").split("\n\n")[1:]]
    rows = [("Rule", label), ("What it does", " ".join([rule.summary(), *manual])), ("Formula", rule.formula)]
    if broken := rule.broken():
        rows.append(("Does not keep", "; ".join(f"{promise.value}: {promise.statement}" for promise in broken)))
    yield Labels([*rows, ("Source", rule.source)])


def controls(run: FinishedRun) -> Section:
    """Show what was checked when the run was made, and say that it was checked again."""
    rows = [(one["name"], "holds" if one["ok"] else "FAILS", one["detail"]) for one in run.manifest["controls"]]
    columns = (PageColumn("Control"), PageColumn("Result"), PageColumn("Numbers"))
    again = f"Before this page was made, {counted(run.checked, 'control')} of its files held: every hash and total."
    return Section("Controls", (PageTable("What was checked when the run was made", columns, rows), again))


def inputs(run: FinishedRun) -> Section:
    """Show every input with its hash, and the options that were set."""
    listed = run.manifest.get("books", {}).get("inputs", run.manifest["inputs"])
    rows = [
        (one.get("path") or one["name"], one.get("role", ""), one["size"], one["sha256"] or "not hashed")
        for one in listed
    ]
    columns = (PageColumn("File"), PageColumn("Read as"), PageColumn("Bytes", "count"), PageColumn("SHA-256", "code"))
    chosen = [
        (name.replace("_", "-"), said(one["value"]))
        for name, one in run.manifest["options"].items()
        if one["origin"] != "default" and one["value"] not in (None, [], {}, False) and name not in RUNNING
    ]
    return Section(
        "Inputs and options",
        (
            PageTable("What was read", columns, rows)
            if rows
            else "What was read were tables in memory, which have no hash.",
            *([Labels(chosen)] if chosen else []),
            f"Made from a run of fairpay {run.manifest['fairpay']}, {run.command}: {run.manifest['fingerprint']}.",
        ),
    )


def said(value: Any) -> str:  # noqa: ANN401 - an option of any type
    """Write the value of an option."""
    if isinstance(value, dict):
        return ", ".join(f"{key}={said(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(said, value))
    return {True: "yes"}.get(value, str(value)) if isinstance(value, bool) else str(value)
