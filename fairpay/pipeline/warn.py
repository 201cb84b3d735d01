"""Warnings about logs as a whole, and what stops a run nobody watches: too much that was not said to be normal."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import polars as pl

from fairpay.errors import GuardError, InputError, Problem, UsageError
from fairpay.logs.names import KNOWN, MEASURED, normal
from fairpay.logs.schema import Fate
from fairpay.money.counts import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from fairpay.adjust.policy import Policy
    from fairpay.adjust.weights import Weigher
    from fairpay.engine.pool import Intake
    from fairpay.logs.read import Logs
    from fairpay.logs.schema import Cautions, RawBatch, Warned
    from fairpay.qualify import Counts
    from fairpay.rules.core.rule import Rule
    from fairpay.settings.values import Measure, MoneyStated, Reading

__all__ = [
    "guard_rejects",
    "guard_unlisted",
    "guard_withholding",
    "named_elsewhere",
    "refuse_own_pool",
    "refuse_tracks",
    "sentence",
    "sentences",
    "warn_of_alike",
    "warn_of_logs",
    "warn_of_policies",
    "warn_of_several",
]

PASSED = "By their names or columns these files are no logs, so they are not read; if they are logs, name each."
ABOVE = "These lines are above the header and are not read: check that none of them is a row."
LACKING = "Some files lack this column: what is said about it holds for the others only."
UNREAD = "These columns may be time listened and are not read, so each row is a play: bring them to seconds or ms."
LENGTHS = frozenset({"minutes", "mins", "hours", "hrs"})
SEVERAL = {
    "joined": "Several artists of one play earn together under their joined name; see --several-artists.",
    "first": "Of several artists of one play the first earns all of it; see --several-artists.",
    "split": "Several artists of one play share it equally; see --several-artists.",
}
ALIKE = "These ids of artists differ only in case, spaces, apostrophes or how letters are composed: each is paid."
NOT_BY_TRACK = (
    "--history and --wishes: what is divided anew is of artists",
    "--unlisted leave-out: tracks are counted without their listeners",
    "penalties: what excluded plays of a track would earn depends on its other plays",
    "a policy that withholds: what a play of a track earns depends on its other plays",
)
UNSEEN = r"[\p{Cf}\p{Cc}]"
"""Characters without a shape, such as the space of no width."""
SIGNS = {
    "\u2019": "'",
    "\u2018": "'",
    "\u02bc": "'",
    "`": "'",
    "\u00b4": "'",
    "\u2010": "-",
    "\u2011": "-",
    "\u2013": "-",
}
"""Apostrophes and hyphens of typesetters, and those of keyboards."""
LOST = "These plays pay nobody: {}. Above --max-without-artist nothing is paid."
SPAN = "The log covers more than a month, and the money is one month's: give --from and --to, or --by month."
UNMET = "No play holds one of the values that the policy withholds of: compare them with those of the column."
ENDS = "Nobody knows whether these plays went to the end, so they count whole: fill reason_end, or track_ms in ms."
MONTH = 33 * 86_400 * 1_000_000
"""Microseconds of a month, with room for time zones."""
WRONG = "Nothing was written. See whether the files are the right ones; if this is normal, allow more."
MOST = 3_000_000
"""Artists up to which they are held against each other."""


def warn_of_logs(logs: Logs, cautions: Cautions, measure: Measure | None) -> None:
    """Say what is known before a row is read; `measure` is what the user said that listening is counted in."""
    if logs.passed:
        cautions.add("passed-over", len(logs.passed), logs.passed, PASSED)
    for part in logs.parts:
        if part.source.above:
            cautions.add("lines-above-header", part.source.above, [part.source.where], ABOVE)
        if measure is None and not part.columns.roles.keys() & set(MEASURED):
            unread = [name for name in part.source.names if LENGTHS & set(re.split(r"[\W_]+", name.lower()))]
            cautions.add("unread-measure", len(unread), unread, UNREAD)
    for role, files in logs.lacking.items():
        cautions.add(f"{role}-missing", len(files), files, LACKING)


def warn_of_several(raw: RawBatch, several: str, cautions: Cautions) -> None:
    """Count plays of several artists."""
    cautions.add("several-artists", raw.several, [raw.duet], SEVERAL[several])


def warn_of_alike(artists: pa.Array, cautions: Cautions) -> None:
    """Say which ids of artists look alike: large_string, each once."""
    if len(artists) > MOST:
        return
    ids = pl.Series("id", artists)
    key = ids.str.to_lowercase().str.strip_chars()
    wide = (key.str.len_bytes() != key.str.len_chars()) | key.str.contains("  ", literal=True)
    if wide.any():  # composing costs more than all the rest
        plain = key.filter(wide).str.replace_many(SIGNS).str.replace_all(UNSEEN, "").str.replace_all(r"\s+", " ")
        composed = plain.str.normalize("NFKC").str.to_lowercase().str.strip_chars()
        key = key.scatter(wide.arg_true(), composed)
    twice = key.is_duplicated()
    if twice.any():
        found = pl.DataFrame({"id": ids.filter(twice), "key": key.filter(twice)})
        groups = found.group_by("key").agg(pl.col("id").sort())["id"]
        cautions.add("look-alikes", found.height, [" / ".join(map(repr, some[:4])) for some in groups], ALIKE)


def warn_of_policies(weighers: Iterable[Weigher], cautions: Cautions) -> None:
    """Say what policies asked of plays that these do not say."""
    for weigher in weighers:
        cautions.add("unknown-completion", weigher.unknown(), (), ENDS)
        lines = zip(weigher.policy.withhold, weigher.withholding, strict=True)
        unseen = [f"{one.name}: {one.column}" for one, factor in lines if not weigher.rows[factor.line].any()]
        cautions.add("nothing-withheld", len(unseen), unseen, UNMET)


def named_elsewhere(logs: Logs) -> Iterator[tuple[str, int]]:
    """Yield other columns with names of artists, and in how many rows without an artist they have one."""
    found: dict[str, int] = {}
    for part in logs.parts:
        source, chosen = part.source, part.columns.roles.get("artist")
        others = [name for name in source.names if name != chosen and is_artist(name)]
        if chosen is None or chosen not in source.fields or not others:
            continue
        for frame in source.read([chosen, *others]):
            empty = frame.filter(is_empty(chosen, frame))
            for name in others:
                found[name] = found.get(name, 0) + empty.height - int(empty.select(is_empty(name, frame).sum()).item())
    yield from sorted(((n, c) for n, c in found.items() if c), key=lambda one: (-one[1], one[0]))


def is_empty(name: str, frame: pl.DataFrame) -> pl.Expr:
    """Whether a column has nothing in a row."""
    empty = pl.col(name).is_null()
    return empty | (pl.col(name) == "") if frame.schema[name] == pl.String else empty


def is_artist(name: str) -> bool:
    """Whether a column may hold artists, by its name."""
    plain = normal(name)
    return "artist" in plain or plain in {normal(known) for known in KNOWN["artist"]}


def warn_of_lost(  # noqa: PLR0913 - what is counted, and where else artists may stand
    column: str,
    elsewhere: Iterable[tuple[str, int]],
    counts: Counts,
    reading: Reading,
    cautions: Cautions,
    *,
    paying: bool,
) -> None:
    """Warn of plays without an artist above the part that was told, and refuse to pay then.

    `column` is where artists stand; `elsewhere`, see `named_elsewhere`, is looked at only then.

    Raises:
        InputError: with the part, and which other column has names.

    """
    lost = counts.dropped.get(Fate.NO_ARTIST, 0)
    plays = lost + counts.used + counts.dropped.get(Fate.SHORT, 0)
    if not lost or Fraction(lost, plays) <= reading.max_without_artist:
        return
    others = [f"{name} has {counted(count, 'name')} in these rows" for name, count in elsewhere]
    told = f"{lost:,} of {plays:,} plays have no artist in the column {column}"
    hint = "; ".join(others) or "no other column has them"
    cautions.add("without-artist", lost, [told, *others], LOST.format(hint))
    if paying:
        message = f"{told}, which is more than {rate_text(reading.max_without_artist)}"
        advice = f"Nothing is paid: {hint}. Name the right column with --columns artist=NAME, or allow more with "
        raise InputError(message, advice=f"{advice}--max-without-artist.")


def rate_text(rate: Fraction) -> str:
    """Write a part as percent."""
    return f"{float(100 * rate):g} %"


def warn_of_span(counts: Counts, cautions: Cautions) -> None:
    """Warn where a month's money meets more than a month of plays."""
    if counts.first_time is None or counts.last_time is None or counts.last_time - counts.first_time <= MONTH:
        return
    days = (counts.last_time - counts.first_time) // (86_400 * 1_000_000) + 1
    cautions.add("long-period", days, [f"{days:,} days"], SPAN)


def stop_if_strict(reading: Reading, found: Sequence[Warned]) -> None:
    """Stop where warnings are to stop a run.

    Raises:
        InputError: naming them all.

    """
    if reading.strict and found:
        problems = [Problem(one.count, f"{one.code}: {one.advice}", ", ".join(one.examples)) for one in found]
        kinds = "one kind of warning" if len(found) == 1 else f"{len(found)} kinds of warnings"
        message = f"{kinds}, and --strict stops at any"
        raise InputError(message, problems=problems, advice="Nothing was written. Without --strict the run goes on.")


def guard_rejects(reading: Reading, counts: Counts) -> None:
    """Stop where more rows cannot be used than `max_rejects` allows.

    Raises:
        GuardError: with the reasons.

    """
    limit = reading.max_rejects
    if limit is not None and limit.broken(counts.bad, counts.rows):
        message = f"{counts.bad:,} of {counts.rows:,} rows cannot be used; --max-rejects {limit.text} allows fewer"
        raise GuardError(message, problems=counts.problems, advice=WRONG)


def guard_unlisted(money: MoneyStated, intake: Intake) -> None:
    """Stop where more listeners are not in the subscriber file than `max_unlisted` allows; no id is told.

    Raises:
        GuardError: with how many.

    """
    limit, everybody = money.max_unlisted, intake.users + (intake.unlisted if money.unlisted == "leave-out" else 0)
    if limit is not None and limit.broken(intake.unlisted, everybody):
        found = f"{intake.unlisted:,} of {everybody:,} listeners are not in the subscriber file"
        message = f"{found}; --max-unlisted {limit.text} allows fewer"
        raise GuardError(message, advice=WRONG)


def sentences(found: Sequence[Warned]) -> Iterator[str]:
    """Say each warning on a line."""
    return (f"Warning {sentence(one)}" for one in found)


def sentence(one: Warned) -> str:
    """Say a warning: its code, how many, some of them, and what it means."""
    examples = f" ({'; '.join(one.examples)})" if one.examples else ""
    return f"{one.code}: {one.count:,}{examples}. {one.advice}"


def guard_withholding(rules: Iterable[Rule], *, anew: bool = False, charged: bool = False, whose: str = "") -> None:
    """Refuse what a policy that withholds does not go with; `whose` says which policy it is, where there are several.

    Raises:
        UsageError: a rule that cannot say what a play earns, listening that is divided anew, or penalties.

    """
    named = f" ({whose})" if whose else ""
    if anew or charged:
        anew_is, charged_is = "--history and --wishes, whose listening is of no plays", "penalties for excluded plays"
        message = f"a policy that withholds{named} does not go with {anew_is if anew else charged_is}"
        raise UsageError(message, advice="Leave one of them out, or take [[withhold]] out of the policy.")
    for rule in rules:
        if not rule.by_play:
            message = f"{rule.label} cannot say what a play earns, so that the policy{named} can withhold nothing of it"
            raise UsageError(message, advice="Leave the rule out, or take [[withhold]] out of the policy.")


def refuse_tracks(columns: Mapping[str, Any], *stated: bool) -> None:
    """Refuse what does not go with rules that count by track; `stated` says what of `NOT_BY_TRACK` is.

    Raises:
        InputError: the log has no tracks.
        UsageError: something does not go with them.

    """
    if not columns.get("track"):
        message = "a rule counts by track, and the log has no column for it"
        raise InputError(message, advice="Name it with --columns track=NAME, or leave per=track out.")
    for one, what in zip(stated, NOT_BY_TRACK, strict=True):
        if one:
            message = f"a rule that counts by track does not go with {what}"
            raise UsageError(message, advice="Leave one of them out.")


def refuse_own_pool(policy: Policy | None) -> None:
    """Refuse, where no machine sees every subscriber, a policy that works the pool out from what each pays.

    Raises:
        UsageError: it is one.

    """
    if policy is not None and policy.has_pool:
        message = "the policy has a pool of its own, which needs what every subscriber pays"
        raise UsageError(message, advice="Run it over all rows, on this machine.")
