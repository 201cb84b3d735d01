"""The stage beside a run that looks for suspects: plays are set down while they are read, looked at once divided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.fraud.detect.audience import listen_in
from fairpay.fraud.detect.groups import find_groups
from fairpay.fraud.detect.money import moved
from fairpay.fraud.detect.people import People
from fairpay.fraud.detect.ranking import rank
from fairpay.fraud.detect.scatter import ROLES, Scatter
from fairpay.fraud.detect.walk import PAIR_WORDS, walk
from fairpay.fraud.signal import ArtistSignal, GroupSignal, UserSignal
from fairpay.fraud.signals import artist_signals, group_signals, user_signals
from fairpay.fraud.traces import Span
from fairpay.logs.subscribers import read_subscribers
from fairpay.money.currency import Currency
from fairpay.pipeline.funds import fee_units
from fairpay.rules.core.month import Users

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fairpay.fraud.detect.groups import Company
    from fairpay.fraud.detect.money import Moved
    from fairpay.fraud.detect.ranking import Ranked
    from fairpay.fraud.detect.walk import Walked
    from fairpay.fraud.signal import Floats, Signal
    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.pipeline.run import Request
    from fairpay.reports.outcome import Outcome
    from fairpay.rules.core.month import Month

__all__ = ["Evidence", "Search"]

DAY = 86_400
NO_TIME_DAYS = 30.0
LACKING = {
    "time": "the log has no usable time column",
    "duration": "the log has no duration of single plays",
    "track": "the log has no track column",
    "previous": "no log of the month before was given (--previous)",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was found, before anything is made of it for people."""

    people: People
    walked: Walked
    users: Ranked
    artists: Ranked
    groups: list[Company]
    money: Sequence[Moved]
    """One per rule: what users move."""
    artist_money: Sequence[Ints]
    """One per rule, int64[artists]: what artists are paid."""
    artist_plays: Ints
    not_run: Mapping[str, str]
    """signal -> why it could not run."""
    signals: Sequence[Signal | GroupSignal]
    """Those that ran."""


class Search:
    """Looks for suspects beside a run."""

    roles: tuple[str, ...] = ROLES

    def __init__(self, request: Request, previous: Mapping[str, int] | None = None) -> None:
        """Look at the run of `request`; `previous` gives each artist's plays in the month before."""
        self.request, self.previous = request, previous
        self.scatter = Scatter(request.running)
        self.payers = payers_of(request)
        self.evidence: Evidence | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *stopped: object) -> None:
        """Remove temporary files."""
        self.scatter.close()

    def take(self, raw: RawBatch, listens: Listens) -> None:
        """Set the plays of a batch down; those of listeners whom the run leaves out are left out here too."""
        if self.payers is not None:
            paid = pc.is_in(listens.user.cast(pa.large_string()), value_set=self.payers).to_numpy(zero_copy_only=False)
            listens = replace(listens, used=listens.used & paid)
        self.scatter.take(raw, listens)

    def look(self, month: Month, outcome: Outcome) -> None:
        """Look at everything that was set down."""
        people = People.of(self.scatter)
        able, not_run = self.able()
        place = people.artists.search_sorted(pl.Series(outcome.artist)).to_numpy()
        by_artist = Placed(place, len(people.artists))
        plays = by_artist(outcome.plays)
        pairs = self.scatter.store("pairs", PAIR_WORDS)
        walked = walk(
            self.scatter,
            people,
            signals=[s for s in able if isinstance(s, UserSignal)],
            expected=by_artist(outcome.user_weight) / max(1, float(outcome.user_weight.sum())),
            artist_plays=plays,
            pairs=pairs,
            span=self.span(),
            threads=self.request.running.threads,
        )
        groups = find_groups([s for s in able if isinstance(s, GroupSignal)], walked.crowd)
        users = rank([s for s in able if isinstance(s, UserSignal)], walked.values, len(people.users))
        flagged = users.flagged.copy()
        for company in groups:
            flagged[company.users] = True
        audience = listen_in(
            pairs,
            plays=plays,
            artists_of=walked.artists,
            flagged=flagged,
            intensity=intensity(by_artist, outcome),
            previous=self.previous_plays(people),
            threads=self.request.running.threads,
        )
        looked = [s for s in able if isinstance(s, ArtistSignal)]
        everybody = Users(self.fees(people, outcome), walked.total, walked.plays)
        self.evidence = Evidence(
            people=people,
            walked=walked,
            users=users,
            artists=rank(looked, {s.name: s.measure(audience) for s in looked}, len(people.artists)),
            groups=groups,
            money=moved(outcome, month, everybody),
            artist_money=[by_artist(payout.allocation.paid) for payout in outcome.payouts],
            artist_plays=plays,
            not_run=not_run,
            signals=able,
        )

    def able(self) -> tuple[list[Signal | GroupSignal], dict[str, str]]:
        """Tell the signals that can run from those that cannot, and say why not."""
        has = {name for name in ("time", "duration", "track") if self.scatter.has(name)}
        has |= {"previous"} if self.previous is not None else set()
        able: list[Signal | GroupSignal] = []
        not_run: dict[str, str] = {}
        every: list[Signal | GroupSignal] = [*user_signals(), *artist_signals(), *group_signals()]
        for signal in every:
            lacking = sorted(signal.needs - has)
            if lacking:
                not_run[signal.name] = "; ".join(LACKING[name] for name in lacking)
            else:
                able.append(signal)
        return able, not_run

    def span(self) -> Span:
        """Return the time the log covers."""
        least = self.request.qualifying.min_ms
        if not self.scatter.has("time"):
            return Span(0, NO_TIME_DAYS, least)
        return Span(self.scatter.first, max(1.0, (self.scatter.last - self.scatter.first) / DAY), least)

    def previous_plays(self, people: People) -> Ints | None:
        """Return each artist's plays in the month before, int64[artists]."""
        if self.previous is None:
            return None
        return np.array([self.previous.get(artist, 0) for artist in people.artists], dtype=np.int64)

    def fees(self, people: People, outcome: Outcome) -> Ints:
        """Return what each user paid, in fee units: int64[users]."""
        money = self.request.money
        if money.subscribers is None:
            return np.full(len(people.users), fee_units(money, outcome.currency), dtype=np.int64)
        fees = np.zeros(len(people.users), dtype=np.int64)
        for ids, paid in read_subscribers(money.subscribers, outcome.currency):
            payer = pl.Series(ids).cast(pl.String)
            place = people.users.search_sorted(payer).to_numpy()
            known = (people.users.gather(np.minimum(place, len(people.users) - 1)) == payer).to_numpy()
            fees[place[known]] = paid[known]
        return fees


def payers_of(request: Request) -> pa.Array | None:
    """Return the ids of all subscribers where listeners without a line are left out; None where nobody is."""
    money = request.money
    if money.subscribers is None or money.unlisted != "leave-out":
        return None
    batches = [ids for ids, _ in read_subscribers(money.subscribers, Currency.of(money.currency))]
    chunks = [chunk for ids in batches for chunk in (ids.chunks if isinstance(ids, pa.ChunkedArray) else [ids])]
    return pa.concat_arrays([chunk.cast(pa.large_string()) for chunk in chunks])


class Placed:
    """Brings arrays of the outcome's artists to the order of all artists met; the two are the same as a rule."""

    def __init__(self, place: NDArray[np.int64], artists: int) -> None:
        """Artist i of the outcome is number place[i] of `artists`."""
        self.place, self.artists = place, artists

    def __call__(self, values: Ints) -> Ints:
        """Return int64[artists]; 0 for artists without listening."""
        placed = np.zeros(self.artists, dtype=np.int64)
        placed[self.place] = values
        return placed


def intensity(by_artist: Placed, outcome: Outcome) -> Floats:
    """Return each artist's share of market-centric weights over that of user-centric weights: float64[artists]."""
    market, user = (by_artist(weight).astype(np.float64) for weight in (outcome.market_weight, outcome.user_weight))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (market / market.sum()) / (user / user.sum())
    return np.where(np.isfinite(ratio), ratio, np.nan)
