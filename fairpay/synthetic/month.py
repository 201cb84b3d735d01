"""A made-up month, batch by batch: by user, or by time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairpay.synthetic.calendar import Calendar
from fairpay.synthetic.catalogue import make_catalogue
from fairpay.synthetic.people import make_people
from fairpay.synthetic.plants import make_plant
from fairpay.synthetic.plays import join, make_plays

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fairpay.synthetic.catalogue import Catalogue
    from fairpay.synthetic.plants import Plant
    from fairpay.synthetic.plays import Crowd, Plays

__all__ = ["Month", "make_month"]

WINDOW_ROWS = 3_000_000
DAYS = 28

BATCH_ROWS = 2_000_000
BATCH_USERS = 50_000


@dataclass(frozen=True)
class Month:
    """Everybody who listens, and when."""

    crowds: tuple[Crowd, ...]
    calendar: Calendar
    catalogue: Catalogue
    plants: tuple[Plant, ...]
    """Their users and artists come after everybody else's, in this order."""

    @property
    def artists(self) -> int:
        """Artists in all, those of plants among them."""
        return self.catalogue.artists + sum(plant.artists for plant in self.plants)

    @property
    def rows(self) -> int:
        """Plays in all."""
        return sum(int(crowd.total.sum()) for crowd in self.crowds)

    @property
    def users(self) -> int:
        """Users in all, those without a play among them."""
        return sum(len(crowd.total) for crowd in self.crowds)

    def by_user(self) -> Iterator[Plays]:
        """Make the month user by user, each user's plays in order of time."""
        whole = range(self.calendar.windows)
        for crowd in self.crowds:
            for users in blocks(crowd.total):
                plays = make_plays(crowd, users, whole)
                yield plays.take(np.argsort((plays.user << 33) + plays.second, kind="stable"))

    def by_time(self) -> Iterator[Plays]:
        """Make the month window by window, everybody's plays in order of time."""
        everybody = [np.arange(len(crowd.total)) for crowd in self.crowds]
        for window in range(self.calendar.windows):
            span = range(window, window + 1)
            plays = join([make_plays(crowd, users, span) for crowd, users in zip(self.crowds, everybody, strict=True)])
            yield plays.take(by_second(plays.second - plays.second.min(initial=1 << 62)))


def by_second(second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order a day's seconds, ties as they stand: int64[n]. Two radix sorts of 8 and 16 bits; second < 2^24."""
    order = np.argsort(second.astype(np.uint8), kind="stable")
    return order[np.argsort((second >> 8).astype(np.uint16)[order], kind="stable")]


def blocks(total: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Cut users into blocks of about BATCH_ROWS plays and at most BATCH_USERS users."""
    until = np.cumsum(total)
    begin = 0
    while begin < len(total):
        before = int(until[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(until, before + BATCH_ROWS, side="right")))
        end = min(end, begin + BATCH_USERS)
        yield np.arange(begin, min(end, len(total)))
        begin = end


def make_month(  # noqa: PLR0913 - the sizes of a month are told apart by name
    rows: int, plants: Sequence[Plant], *, users: int, artists: int, seed: int, month: str
) -> Month:
    """Make people with `rows` plays in all, and add the accounts of plants on top.

    Raises:
        UsageError: when `month` is not a month.

    """
    expected = rows + sum(plant.accounts * plant.plays * DAYS for plant in plants)
    parts = next((p for p in (1, 2, 4, 8) if expected <= WINDOW_ROWS * DAYS * p), 24)
    calendar = Calendar.of(month, parts=parts)
    catalogue = make_catalogue(artists, seed=seed)
    crowds = [make_people(users, rows=rows, catalogue=catalogue, calendar=calendar, seed=seed)]
    for plant in plants:
        crowds.append(
            make_plant(plant, first_user=users, first_artist=artists, catalogue=catalogue, calendar=calendar, seed=seed)
        )
        users += plant.accounts
        artists += plant.artists
    return Month(tuple(crowds), calendar, catalogue, tuple(plants))
