"""A search for suspects: one run of the pipeline with somebody looking on, and what it found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.errors import InputError
from fairpay.fraud.detect.findings import Evidence, find_groups, findings, moved, nearest, rank
from fairpay.fraud.detect.intake import DetectionIntake
from fairpay.fraud.detect.tables import review_table, summary, suspects_table
from fairpay.fraud.detect.walk import audience_of, walk
from fairpay.fraud.signals import artist_signals, group_signals, user_signals
from fairpay.fraud.traces import Span
from fairpay.logs.tables import defused, read_subscribers
from fairpay.money.currency import Currency
from fairpay.pipeline.funds import fee_units
from fairpay.pipeline.run import count_plays, run
from fairpay.reports.tables import Shown
from fairpay.rules.core.month import Users

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from fairpay.fraud.detect.findings import Finding, Near
    from fairpay.fraud.signals import Floats
    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.pipeline.run import Request, Watch
    from fairpay.reports.outcome import Outcome
    from fairpay.rules.core.month import Month

__all__ = ["Searched", "outputs", "search"]

DAY = 86_400
NO_TIME_DAYS = 30.0
LACKING = {
    "time": "the log has no usable time column",
    "duration": "the log has no duration of single plays",
    "track": "the log has no track column",
    "previous": "no log of the month before was given (--previous)",
}


@dataclass(frozen=True, slots=True, repr=False)
class Searched(Shown):
    """What a search found."""

    outcome: Outcome
    """What the run came to, as in a comparison."""
    found: Sequence[Finding]
    """By money."""
    near: Sequence[Near]
    """Who comes nearest, where nothing was found."""
    arrow: pa.Table
    """The findings as a table."""
    review: pa.Table
    """The file a person fills in."""
    summary: Mapping[str, Any]
    origins: Mapping[str, tuple[Any, str]]
    """Every option with its value and where it came from."""
    published: str = ""
    """`done` or `already` where the run was written to a directory."""
    command: str = "suspects"

    def __repr__(self) -> str:
        """Say in one line what it is."""
        pool = f"{self.outcome.currency.text(self.outcome.money.pool)} {self.outcome.currency.code}"
        rules = ", ".join(payout.rule.label for payout in self.outcome.payouts)
        artists = self.outcome.listening.artists
        return f"<suspects in {pool} under {rules}: {len(self.found):,} findings, {artists:,} artists>"


def search(
    request: Request,
    watch: Watch | None = None,
    *,
    previous: object = None,
    origins: Mapping[str, tuple[Any, str]] | None = None,
) -> Searched:
    """Run the month once and look for suspects in the same plays; `previous` is the log of the month before.

    Raises:
        FairpayError: every error of a comparison, and those of the log of the month before.

    """
    before = None if previous is None else plays_before(request, previous)
    with TemporaryDirectory(prefix="fairpay-", dir=request.running.temp_dir) as folder:
        stage = Search(request, DetectionIntake(folder, request.running), payers_of(request), before)
        outcome = run(request, watch, observer=stage)
    evidence = stage.evidence
    assert evidence is not None
    found = findings(evidence)
    near = () if found else nearest(evidence)
    return Searched(
        outcome=outcome,
        found=found,
        near=near,
        arrow=suspects_table(found, outcome, [signal.name for signal in evidence.signals]),
        review=review_table(found, outcome),
        summary=summary(found, near, evidence, outcome),
        origins=origins or {},
    )


def plays_before(request: Request, previous: object) -> dict[str, int]:
    """Count each artist's plays in the log of the month before, read like the log itself but whole."""
    asked = replace(
        request,
        logs=previous,
        reading=replace(request.reading, rejects=None),
        qualifying=replace(request.qualifying, since=None, until=None),
    )
    try:
        return count_plays(asked)
    except InputError as refused:
        message = f"the log of the month before: {refused.message}"
        raise InputError(message, problems=refused.problems, advice=refused.advice) from refused


def outputs(searched: Searched) -> dict[str, Callable[[Path], int | None]]:
    """Return what a search writes besides its table and its summary: file name -> writer.

    A review of more lines than a sheet holds comes as CSV only; a workbook that stops in the middle would be believed.
    """
    from fairpay.runs.outputs import MOST_ROWS, write_csv, write_review  # noqa: PLC0415 - only where files are written

    safe = defused(pl.DataFrame(searched.review)).to_arrow(compat_level=pl.CompatLevel.oldest())
    files: dict[str, Callable[[Path], int | None]] = {"review.csv": partial(write_csv, safe)}
    if searched.review.num_rows <= MOST_ROWS:
        files["review.xlsx"] = partial(write_review, searched.review)
    return files


@dataclass(slots=True)
class Search:
    """Looks for suspects in a run: plays are set down while they are read, and looked at once the month is divided."""

    request: Request
    intake: DetectionIntake
    payers: pa.Array | None
    """Ids of all subscribers where listeners without a line are left out."""
    previous: Mapping[str, int] | None
    """Each artist's plays in the month before."""
    evidence: Evidence | None = None

    def take(self, raw: RawBatch, listens: Listens) -> None:
        """Set the plays of a batch down; those of listeners whom the run leaves out are left out here too."""
        if self.payers is not None:
            paid = pc.is_in(listens.user.cast(pa.large_string()), value_set=self.payers).to_numpy(zero_copy_only=False)
            listens = replace(listens, used=listens.used & paid)
        self.intake.take(raw, listens)

    def look(self, month: Month, outcome: Outcome) -> None:
        user_ids, artist_ids, not_run = self.intake.users.ranked[0], self.intake.artists.ranked[0], self.not_run()
        of_users = [signal for signal in user_signals() if signal.name not in not_run]
        of_artists = [signal for signal in artist_signals() if signal.name not in not_run]
        of_groups = [signal for signal in group_signals() if signal.name not in not_run]
        place = artist_ids.search_sorted(pl.Series(outcome.artist)).to_numpy()

        def by_artist(values: Ints) -> Ints:  # of all artists met; those without listening are not in the outcome
            placed = np.zeros(len(artist_ids), dtype=np.int64)
            placed[place] = values
            return placed

        plays = by_artist(outcome.plays)
        market, user = by_artist(outcome.market_weight), by_artist(outcome.user_weight)
        expected = user / max(1, float(outcome.user_weight.sum()))
        found, sketches = walk(self.intake, signals=of_users, expected=expected, artist_plays=plays, span=self.span())
        everybody = Users(self.fees(user_ids, outcome), sketches.total, sketches.plays)
        rules = [payout.rule for payout in outcome.payouts]
        steered = [moved(rule.weight_of(everybody, rule.prepare(month)), outcome.money.pool) for rule in rules]
        users = rank(of_users, found, user_ids, sketches.plays, steered)
        groups = find_groups(of_groups, sketches, users)
        flagged = users.flagged.copy()
        for group in groups:
            flagged[group.users] = True
        audience = audience_of(
            self.intake,
            sketches,
            flagged=flagged,
            intensity=intensity(market, user),
            previous=artist_ids.replace_strict(self.previous or {}, default=0, return_dtype=pl.Int64).to_numpy(),
        )
        paid = [partial(total, by_artist(payout.allocation.paid)) for payout in outcome.payouts]
        self.evidence = Evidence(
            users=users,
            artists=rank(of_artists, {one.name: one.measure(audience) for one in of_artists}, artist_ids, plays, paid),
            groups=groups,
            signals=[*of_users, *of_artists, *of_groups],
            not_run=not_run,
        )

    def not_run(self) -> dict[str, str]:
        has = self.intake.has | ({"previous"} if self.previous is not None else set())
        lacking = {s.name: sorted(s.needs - has) for s in (*user_signals(), *artist_signals(), *group_signals())}
        return {name: "; ".join(LACKING[one] for one in columns) for name, columns in lacking.items() if columns}

    def span(self) -> Span:
        least = self.request.qualifying.min_ms
        if "time" not in self.intake.has:
            return Span(0, NO_TIME_DAYS, least)
        return Span(self.intake.first, max(1.0, (self.intake.last - self.intake.first) / DAY), least)

    def fees(self, users: pl.Series, outcome: Outcome) -> Ints:
        """Return what each user paid, in fee units: int64[users]."""
        money = self.request.money
        if money.subscribers is None:
            return np.full(len(users), fee_units(money, outcome.currency), dtype=np.int64)
        fees = np.zeros(len(users), dtype=np.int64)
        for ids, paid in read_subscribers(money.subscribers, outcome.currency):
            payer = pl.Series(ids).cast(pl.String)
            place = users.search_sorted(payer).to_numpy()
            known = (users.gather(np.minimum(place, len(users) - 1)) == payer).to_numpy()
            fees[place[known]] = paid[known]
        return fees


def payers_of(request: Request) -> pa.Array | None:
    """Return the ids of all subscribers where listeners without a line are left out; None where nobody is."""
    money = request.money
    if money.subscribers is None or money.unlisted != "leave-out":
        return None
    ids = [
        pl.Series(ids).cast(pl.String) for ids, _ in read_subscribers(money.subscribers, Currency.of(money.currency))
    ]
    return pl.concat(ids).to_arrow(compat_level=pl.CompatLevel.oldest())


def total(paid: Ints, artists: Ints) -> int:
    return int(paid[artists].sum())


def intensity(market: Ints, user: Ints) -> Floats:
    """Return each artist's share of market-centric weights over that of user-centric weights: float64[artists]."""
    market_share, user_share = (weight / weight.astype(np.float64).sum() for weight in (market, user))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = market_share / user_share
    return np.where(np.isfinite(ratio), ratio, np.nan)
