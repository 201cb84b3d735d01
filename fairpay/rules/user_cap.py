"""user-cap: a listener's plays count up to a cap, and beyond it less or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.errors import UsageError
from fairpay.money.currency import LARGEST
from fairpay.rules.core.budgets import Budgeted, sum_users, units_each
from fairpay.rules.core.rule import CounterExample, Example, Promise, parameter

if TYPE_CHECKING:
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Users
    from fairpay.rules.core.usage import Usage


@dataclass(frozen=True, slots=True)
class Capped:
    """What user-cap works out first."""

    scale: int
    """Units for one of listening."""
    safe: int | None
    """c*: the largest cap at which no account earns more than its fee; None without a royalty rate."""
    play: int
    """What one play comes to where weighted plays are capped; 0 where plays are."""


@dataclass(frozen=True)
class UserCap(Budgeted):
    """All the money lies in one pot and is shared by listening, but each listener's plays count only up to a cap.

    Plays beyond the cap count at `tail` of their weight: 0 says at most 1,000 plays count, 50% says half above. The
    third published reading, exactly 1,000 whatever was played, is user-centric. Where listening is measured in time, a
    listener whose plays count at two thirds has each second count at two thirds.

    A policy's weights and boosts come after the cap, unless `boosts=before` says that weighted plays are capped: of a
    cap of 1,000, 1,000 plays that count double are 2,000 after it, and 1,000 before it.

    One account is worth more than its fee as soon as the cap exceeds c*, which is worked out from the log and said.
    """

    name: ClassVar[str] = "user-cap"
    source: ClassVar[str] = "Deezer and SACEM, artist-centric payment system (2023 to 2025)"
    formula: ClassVar[str] = (
        "W_u = L_u · (min(N_u, c) + tail · max(0, N_u - c)) / N_u,  pay_j = P · Σ_u W_u s_uj / Σ_u W_u"
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="three users who paid 1 each; of 40 plays the first 10 count",
            listening={"u1": {"A": 6, "B": 2}, "u2": {"B": 1, "C": 1}, "u3": {"C": 40}},
            pays={"A": "9/10", "B": "9/20", "C": "33/20"},
            parameters="cap=10",
        ),
        Example(
            title="the same, with plays above 10 at one half",
            listening={"u1": {"A": 6, "B": 2}, "u2": {"B": 1, "C": 1}, "u3": {"C": 40}},
            pays={"A": "18/35", "B": "9/35", "C": "78/35"},
            parameters="cap=10,tail=1/2",
        ),
        Example(
            title="a tie for the last cent goes to the smaller artist id",
            listening={"u1": {"A": 2000}, "u2": {"B": 5000}, "u3": {"C": 1000}},
            pays={"A": "34", "B": "33", "C": "33"},
            pool=100,
        ),
    )
    breaks: ClassVar[tuple[CounterExample, ...]] = (
        CounterExample(
            promise=Promise.OWN_MONEY,
            title="B's only listener plays less than the cap, so part of that listener's money goes to A",
            before={"u1": {"A": 3}, "u2": {"B": 1}},
            artists=("B",),
            was="1/2",
            becomes="1",
        ),
        CounterExample(
            promise=Promise.FRAUD_PROOF,
            title="one added account that pays 1 and plays 1,000 times brings B more than 2",
            before={"u1": {"A": 100}, "u2": {"A": 100}, "u3": {"A": 100}},
            after={"u1": {"A": 100}, "u2": {"A": 100}, "u3": {"A": 100}, "bot": {"B": 1000}},
            artists=("B",),
            was="0",
            becomes="40/13",
        ),
        CounterExample(
            promise=Promise.BRIBERY_PROOF,
            title="u1, who pays 1, plays B 1,000 times instead of A 100 times",
            before={"u1": {"A": 100}, "u2": {"A": 100}, "u3": {"A": 100}},
            after={"u1": {"B": 1000}, "u2": {"A": 100}, "u3": {"A": 100}},
            artists=("B",),
            was="0",
            becomes="5/2",
        ),
        CounterExample(
            promise=Promise.CLICK_FRAUD_PROOF,
            title="u1, who pays 1, plays B 1,000 times instead of A 100 times",
            before={"u1": {"A": 100}, "u2": {"A": 100}, "u3": {"A": 100}},
            after={"u1": {"B": 1000}, "u2": {"A": 100}, "u3": {"A": 100}},
            artists=("B",),
            was="0",
            becomes="5/2",
        ),
    )

    cap: Fraction = parameter(  # noqa: RUF009 - a dataclass field
        Fraction(1000), help="plays of one listener that count fully", low=1, whole=True
    )
    tail: Fraction = parameter(  # noqa: RUF009 - a dataclass field
        Fraction(0), help="weight of the plays above the cap", low=0, high=1
    )

    boosts: str = parameter(
        "after",
        help="whether a policy's play weights multiply what the cap leaves, or are capped with it",
        choices=("after", "before"),
    )

    def keeps(self) -> frozenset[Promise]:
        """Monotone and split-proof like market-centric; proof against fraud only where the cap is at most c*."""
        return frozenset(
            {Promise.CONSERVES, Promise.NULL_ARTIST, Promise.MONOTONE, Promise.SPLIT_PROOF, Promise.ANONYMOUS}
        )

    def prepare(self, month: Month) -> Capped:
        """Add up what counts, to fix the units; find c*.

        Raises:
            UsageError: weighted plays are to be capped, and listening is time.

        """
        from fairpay.kernels import forces  # noqa: PLC0415 - Numba is loaded where it is used

        play = self.play_in(month)

        def counted(users: Users) -> Ints:
            out = np.empty_like(users.total)
            forces.ratio_ceiling(users.total, *self.parts(users, play), out)
            return out

        scale = units_each(sum_users(month, counted))
        even = self.tail.denominator
        return Capped(scale // even * even if scale >= even else scale, safe_cap(month, play), play)

    def play_in(self, month: Month) -> int:
        """Return what one play comes to where weighted plays are capped, 0 where plays are.

        Raises:
            UsageError: listening is time.

        """
        if self.boosts == "after":
            return 0
        if month.facts.play is None:
            message = f"{self.label} caps weighted plays, and listening is measured in time"
            raise UsageError(message, advice="Use --measure plays, or user-cap without boosts=before.")
        if month.facts.amount * self.tail.denominator > LARGEST:
            message = f"{self.label}: weighted plays and the parts of the tail leave 62 bits"
            raise UsageError(message, advice="Use a tail with a small denominator, such as 1/2.")
        return month.facts.play

    def parts(self, users: Users | Usage, play: int) -> tuple[Ints, Ints]:
        """Return numerator and denominator of the part of each user's plays that counts."""
        plays, parts = played(users, play), self.tail.denominator
        capped = np.minimum(plays, min(int(self.cap) * max(1, play), LARGEST))
        return capped * parts + (plays - capped) * self.tail.numerator, plays * parts

    def weight_of(self, users: Users | Usage, prepared: Capped) -> Ints:
        """Each user steers the listening that counts."""
        from fairpay.kernels import forces  # noqa: PLC0415 - Numba is loaded where it is used

        out = np.empty_like(users.total)
        forces.scaled_ratio(users.total, *self.parts(users, prepared.play), prepared.scale, out)
        return out

    def loose(self, month: Month, prepared: Capped) -> Fraction | None:
        """Plays that count are whole; of time or of weighted plays, a part counts, which is cut to units."""
        whole = prepared.play or month.facts.amount == month.facts.plays
        return None if whole and prepared.scale % self.tail.denominator == 0 else Fraction(0)

    def remarks(self, prepared: Capped) -> tuple[str, ...]:
        """Say whether the cap is safe against paid accounts on this log."""
        if prepared.safe is None or self.tail:
            return ()
        most, cap = f"{prepared.safe:,} play{'s' * (prepared.safe != 1)}", f"the cap is {int(self.cap):,}"
        if self.cap <= prepared.safe:
            return (f"{self.label}: up to {most} an account earns no more than its fee; {cap}, which is safe",)
        return (f"{self.label}: above {most} an account earns more than its fee; {cap}, which is not safe",)


def played(users: Users | Usage, play: int) -> Ints:
    """Return the plays the cap is held against, at least 1: those that were made, or weighted ones in their units."""
    return np.maximum(users.total if play else users.plays, 1)


def safe_cap(month: Month, play: int) -> int | None:
    """Return c*, the largest whole cap c with Σ_u min(N_u, c) >= alpha' n c (equal fees); None without a rate."""
    facts = month.facts
    if not facts.rate or not facts.users:
        return None
    share = Fraction(facts.pool * facts.fee_unit, facts.fees) if facts.fees and facts.fees_are_money else facts.rate
    unit = max(1, play)
    low, high = 0, facts.amount // unit if play else facts.plays
    if share:  # no more than all plays count
        high = min(high, int(high / (share * facts.users)))
    while low < high:
        cap = (low + high + 1) // 2
        counted = sum_users(month, lambda users, cap=cap: np.minimum(played(users, play), min(cap * unit, LARGEST)))  # type: ignore[misc]
        low, high = (cap, high) if counted >= share * facts.users * cap * unit else (low, cap - 1)
    return low
