"""Judging rows: RawBatch in, Listens out, and every row counted by its fate."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fairpay.errors import InputError
from fairpay.logs.schema import Fate, Judged, Listens, RawBatch, Shares
from fairpay.money.amounts import EXACT, ROUNDED_UP, read_amounts
from fairpay.money.currency import LARGEST
from fairpay.money.integers import shorter
from fairpay.qualify.columns import holds_nul, missing_ids, read_moments
from fairpay.qualify.odd import look_for_oddities
from fairpay.qualify.tally import Counts, Tally, Values, Verdict, refused, rejects

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from numpy.typing import NDArray

    from fairpay.logs.schema import Cautions
    from fairpay.money.amounts import Amounts
    from fairpay.settings.values import Measure, Qualifying

    FindRepeats: TypeAlias = Callable[[Judged], NDArray[np.bool_] | None]

__all__ = ["ByRow", "Qualifier"]

BROKEN_ROWS = {1: "row has more fields than the header", 2: "row repeats the header"}
"""In the codes of `fairpay.logs.source.BROKEN`."""


@dataclass(frozen=True, slots=True)
class ByRow:
    """Terms that differ from row to row: rows of several pools, each under its own."""

    min_ms: NDArray[np.int64]
    """int64[rows]: the qualifying length."""
    timed: NDArray[np.bool_]
    """bool[rows]: whether listening is time; only where the log has a duration."""


class Qualifier:
    """Judges batches from any number of threads and keeps count."""

    def __init__(
        self,
        qualifying: Qualifying,
        *,
        set_aside: bool = False,
        cautions: Cautions | None = None,
        repeats: FindRepeats | None = None,
    ) -> None:
        """Judge by `qualifying`; with `set_aside`, keep bad rows for a file of rejects instead of refusing them.

        What looks odd in rows that count goes to `cautions`. `repeats` sees the plays that count and have a time, and
        says which of them came before and do not count again.
        """
        self.qualifying = qualifying
        self.cautions = cautions
        self.repeats = repeats
        self.tally = Tally()
        self.set_aside: list[pa.Table] | None = [] if set_aside else None
        self.lock = Lock()

    def judge(self, raw: RawBatch, terms: ByRow | None = None) -> Listens:
        """Judge each row. A row has one fate: outside the period, else not a play, else bad, else left out, else used.

        `terms` stand for the qualifying length and the measure where they differ from row to row.

        Raises:
            InputError: a column's type cannot be what its role says, there is no duration to measure time by, or the
                amounts of all rows could sum to 2^62 and more.

        """
        columns = raw.columns
        if not columns:
            with self.lock:
                self.tally.add_fates({Fate.OUTSIDE_PERIOD: raw.pruned})
            none = pa.nulls(0, pa.string())
            return Listens(user=none, artist=none, used=np.ones(0, np.bool_), amount=None, plays=None, ms=None)
        verdict = Verdict(len(columns["user"]))
        values = read_values(columns)
        self.judge_period(verdict, values.times)
        self.judge_faults(verdict, raw, values)
        self.judge_usage(verdict, columns, values, terms)
        used = np.ones(verdict.rows, np.bool_) if verdict.fate is None else verdict.fate == 0
        if self.repeats is not None and values.times is not None:
            used = self.judge_repeats(self.repeats, verdict, used, raw, values)
        self.count(raw, verdict, used, values)
        if self.cautions is not None:
            look_for_oddities(raw, used, values, self.cautions)
        ms, plays = values.ms, values.plays
        return Listens(
            user=columns["user"],
            artist=columns["artist"],
            used=used,
            amount=shared(self.amount(ms, plays, terms), raw.shares),
            plays=None if plays is None else plays.value,
            ms=None if ms is None else divided(ms.value, raw.shares),
        )

    def judge_period(self, verdict: Verdict, times: Amounts | None) -> None:
        """Leave out rows whose time is readable and outside the period, whatever else is wrong with them."""
        since, until = self.qualifying.since, self.qualifying.until
        if times is None or (since is None and until is None):
            return
        outside = np.zeros(verdict.rows, np.bool_)
        if since is not None:
            outside |= times.value < since
        if until is not None:
            outside |= times.value >= until
        verdict.mark(times.usable(outside), Fate.OUTSIDE_PERIOD)

    def judge_faults(self, verdict: Verdict, raw: RawBatch, values: Values) -> None:
        """Mark what is not a play and what is bad."""
        columns = raw.columns
        if "played" in columns:
            verdict.mark(~flags(columns["played"]), Fate.NOT_A_PLAY)
        if raw.broken is not None:
            for code, words in BROKEN_ROWS.items():
                verdict.mark_bad(raw.broken == code, Fate.BAD_ROW, words)
        verdict.mark_bad(missing_ids(columns["user"], role="user"), Fate.BAD_USER, "user is empty")
        for role in ("user", "artist") if raw.nul else ():
            verdict.mark_bad(holds_nul(columns[role]), Fate.BAD_ROW, f"{role} holds a NUL character")
        if values.ms is not None:
            role = "ms" if "ms" in columns else "seconds"
            verdict.mark_amounts(values.ms, Fate.BAD_DURATION, role, columns[role])
        if values.plays is not None:
            verdict.mark_amounts(values.plays, Fate.BAD_PLAYS, "plays", columns["plays"])
            if values.plays.how is not None:
                wrong = values.plays.how != EXACT
                verdict.mark_bad(wrong, Fate.BAD_PLAYS, "plays is not a whole number", columns["plays"])
        if values.times is not None and (self.qualifying.since is not None or self.qualifying.until is not None):
            verdict.mark_amounts(values.times, Fate.BAD_TIME, "time", columns["time"])

    def amount(self, ms: Amounts | None, plays: Amounts | None, terms: ByRow | None) -> NDArray[np.int64] | None:
        """Return listening in the measure; None: one each."""
        counted = None if plays is None else plays.value
        if ms is None:
            return counted
        if terms is not None:
            return np.where(terms.timed, ms.value, 1 if counted is None else counted)
        return ms.value if self.measure_of(ms) == "time" else counted

    def judge_usage(
        self, verdict: Verdict, columns: Mapping[str, pa.Array], values: Values, terms: ByRow | None
    ) -> None:
        """Mark what is in order but does not count."""
        ms, plays = values.ms, values.plays
        missing = missing_ids(columns["artist"], role="artist")
        if missing is not None and "spoken" in columns:
            verdict.mark(missing & flags(columns["spoken"]), Fate.SPOKEN)
        verdict.mark(missing, Fate.NO_ARTIST)
        if plays is not None:
            verdict.mark(plays.value == 0, Fate.NOTHING_PLAYED)
        if ms is None:
            return
        least = self.qualifying.min_ms if terms is None else terms.min_ms
        if np.any(least > 0):
            count = None if plays is None else plays.value
            # 29.9996 s is short, though it rounds to 30,000 ms
            rounded_up = None if ms.how is None else ms.how == ROUNDED_UP
            verdict.mark(shorter(ms.value, count, least, rounded_up=rounded_up), Fate.SHORT)
        if terms is not None:
            verdict.mark((ms.value == 0) & terms.timed, Fate.NOTHING_PLAYED)
        elif self.measure_of(ms) == "time" and self.qualifying.min_ms <= 0:  # above it, nothing played is short
            verdict.mark(ms.value == 0, Fate.NOTHING_PLAYED)

    def judge_repeats(
        self, repeats: FindRepeats, verdict: Verdict, used: NDArray[np.bool_], raw: RawBatch, values: Values
    ) -> NDArray[np.bool_]:
        """Show what counts and has a time to `repeats`; mark what it says was told before, and return what is left."""
        times = values.times
        numbers = (None if one is None else one.value for one in (values.ms, values.plays))
        again = None if times is None else repeats(Judged(raw, times.usable(used), times.value, *numbers))
        if again is None:
            return used
        verdict.mark(again, Fate.REPEATED)
        return used & ~again

    def measure_of(self, ms: Amounts | None) -> Measure:
        """Return what listening is counted in."""
        return self.qualifying.measure or ("plays" if ms is None else "time")

    def count(self, raw: RawBatch, verdict: Verdict, used: NDArray[np.bool_], values: Values) -> None:
        """Add a judged batch to the counts."""
        ms, plays, times = values.ms, values.plays, values.times
        if ms is None and self.qualifying.measure == "time":
            message = f"{raw.file}: there is no duration to measure listening by"
            raise InputError(message, advice="Name it with --columns seconds=NAME or ms=NAME, or use --measure plays.")
        fates = verdict.counts(raw.shares)
        sum_ms = None if ms is None else exact_sum(ms.value, used)
        sum_plays = fates.get(Fate.USED, 0) if plays is None else exact_sum(plays.value, used)
        seen = np.empty(0, np.int64) if times is None else times.value
        if times is not None and not (readable := times.usable(used)).all():
            seen = seen[readable]
        with self.lock:
            tally = self.tally
            tally.add_fates(fates)
            tally.plays += sum_plays
            if sum_ms is not None:
                tally.ms = (tally.ms or 0) + sum_ms
            if len(seen):
                tally.add_times(int(seen.min()), int(seen.max()))
            for bad in verdict.bad:
                tally.add_bad(bad, raw)
            if self.set_aside is not None and verdict.bad:
                self.set_aside.append(rejects(raw, verdict.bad))
            if max(tally.plays, tally.ms or 0) >= LARGEST:
                what = "plays" if tally.plays >= LARGEST else "milliseconds"
                message = f"the {what} of the log sum to 2^62 and more, which no month can hold"
                raise InputError(message, advice="Look for damaged numbers in the log.")

    def finish(self, *, rowless: bool = False) -> Counts:
        """Return the counts of all batches.

        Raises:
            InputError: there was no row, where it is not `rowless`; there are bad rows and they are not set aside.

        """
        tally = self.tally
        if tally.rows == 0 and not rowless:
            message = "there is no row in the log"
            raise InputError(message, advice="Is it the right file? It is empty, or holds only a header.")
        if tally.bad_rows and self.set_aside is None:
            raise refused(tally.bad_rows, tally.rows, tally.problems(), tally.bad_files)
        first, last = tally.times or (None, None)
        return Counts(
            rows=tally.rows,
            used=tally.fates.get(Fate.USED, 0),
            dropped={Fate(f): n for f, n in sorted(tally.fates.items()) if f != Fate.USED and n},
            bad=tally.bad_rows,
            problems=tally.problems(),
            plays=tally.plays,
            ms=tally.ms,
            measure=self.qualifying.measure or ("plays" if tally.ms is None else "time"),
            first_time=first,
            last_time=last,
        )

    def rejected(self) -> pa.Table:
        """Return the bad rows, sorted by file and row: file, row, reason, then the roles as text."""
        if not self.set_aside:
            return pa.table({"file": pa.array([], pa.string()), "row": [], "reason": pa.array([], pa.string())})
        whole = pa.concat_tables(self.set_aside, promote_options="default")
        return whole.sort_by([("file", "ascending"), ("row", "ascending")])


def read_values(columns: Mapping[str, pa.Array]) -> Values:
    """Read the numbers and times of one batch."""
    length, digits = ("ms", 0) if "ms" in columns else ("seconds", 3)
    return Values(
        ms=read_amounts(columns[length], role=length, digits=digits) if length in columns else None,
        plays=read_amounts(columns["plays"], role="plays", digits=0) if "plays" in columns else None,
        times=read_moments(columns["time"]) if "time" in columns else None,
    )


def shared(amount: NDArray[np.int64] | None, shares: Shares | None) -> NDArray[np.int64] | None:
    """Divide listening among the artists of a play, in whole units of 1/scale.

    Raises:
        InputError: the units leave 62 bits.

    """
    if shares is None:
        return amount
    whole = np.ones(len(shares.part), np.int64) if amount is None else amount
    if int(whole.max(initial=0)) >= LARGEST // shares.scale:
        message = f"listening times {shares.scale:,}, so that plays divide among their artists, is more than 2^62"
        raise InputError(message, advice="Use --several-artists first or joined.")
    return whole * (shares.scale // shares.part)


def divided(ms: NDArray[np.int64], shares: Shares | None) -> NDArray[np.int64]:
    """Divide milliseconds among the artists of a play, in whole ones; the first get what is left."""
    if shares is None:
        return ms
    rows = np.arange(len(ms))
    place = rows - np.maximum.accumulate(np.where(shares.again, 0, rows))
    parts: NDArray[np.int64] = ms // shares.part + (place < ms % shares.part)
    return parts


def flags(column: pa.Array) -> NDArray[np.bool_]:
    """Read a column of true and false, null being false."""
    found: NDArray[np.bool_] = column.fill_null(fill_value=False).to_numpy(zero_copy_only=False)
    return found


def exact_sum(values: NDArray[np.int64], used: NDArray[np.bool_]) -> int:
    """Sum the used values, none of which is negative or as large as 2^62."""
    if len(values) == 0:
        return 0
    if int(values.max()) < LARGEST // len(values):
        return int((values * used).sum())
    return sum(values[used].tolist())
