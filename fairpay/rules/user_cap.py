"""user-cap: a listener's plays count up to a cap, and beyond it less or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.errors import UsageError
from fairpay.money.currency import LARGEST
from fairpay.rules.core.budgets import Budgeted, sum_users, units_each
from fairpay.rules.core.promise import ALWAYS, THREE, CounterExample, Example, Promise, moved_by_one, tie, underpaid
from fairpay.rules.core.rule import Edge, Heavy, Joining, Reason, parameter, times_fee
from fairpay.rules.solvers.caps import earned_at, plays_capped, safe_cap

if TYPE_CHECKING:
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Usage, Users
    from fairpay.rules.core.rule import Added


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
            listening=THREE,
            pays={"A": "9/10", "B": "9/20", "C": "33/20"},
            parameters="cap=10",
        ),
        Example(
            title="the same, with plays above 10 at one half",
            listening=THREE,
            pays={"A": "18/35", "B": "9/35", "C": "78/35"},
            parameters="cap=10,tail=1/2",
        ),
        tie({"u1": {"A": 2000}, "u2": {"B": 5000}, "u3": {"C": 1000}}),
    )
    breaks: ClassVar[tuple[CounterExample, ...]] = (
        *underpaid(
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
        *moved_by_one(
            title="u1, who pays 1, plays B 1,000 times instead of A 100 times",
            before={"u1": {"A": 100}, "u2": {"A": 100}, "u3": {"A": 100}},
            after={"u1": {"B": 1000}, "u2": {"A": 100}, "u3": {"A": 100}},
            artists=("B",),
            was="0",
            becomes="5/2",
        ),
    )
    joining: ClassVar[Joining] = Joining.STEADY
    heavy: ClassVar[Heavy | None] = Heavy.IS_HELD_BACK

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
        return ALWAYS | {Promise.MONOTONE, Promise.PROPORTIONAL, Promise.SPLIT_PROOF}

    def prepare(self, month: Month) -> Capped:
        """Add up what counts, to fix the units; find c*.

        Raises:
            UsageError: weighted plays are to be capped, and listening is time.

        """
        play = self.play_in(month)
        counted = sum_users(month, lambda users: self.scaled(users, play, 1))
        scale = units_each(counted + month.facts.users)  # each was cut off below 1
        even = self.tail.denominator
        safe = safe_cap(month, play=play) if month.facts.alpha and month.facts.users else None
        return Capped(scale // even * even if scale >= even else scale, safe, play)

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

    def scaled(self, users: Users | Usage, play: int, scale: int) -> Ints:
        """Return the listening of each user that counts, in units, cut off below: int64[users]."""
        from fairpay.kernels import forces  # noqa: PLC0415 - Numba is loaded where it is used

        capped, plays = plays_capped(users, int(self.cap), play)
        parts = self.tail.denominator
        out = np.empty_like(plays)
        counts = capped * parts + (plays - capped) * self.tail.numerator
        forces.scaled_ratio(users.total, counts, plays * parts, scale, out)
        return out

    def budgets(self, users: Users | Usage, prepared: Capped) -> Ints:
        """Each user steers the listening that counts."""
        return self.scaled(users, prepared.play, prepared.scale)

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

    @property
    def play_cap(self) -> int:
        """Plays up to the cap count fully."""
        return int(self.cap)

    def steers(self, added: Added, prepared: Capped) -> Fraction:  # noqa: ARG002 - units cancel
        """The part of its listening that counts."""
        full = min(added.plays, self.play_cap)
        return added.total * (full + self.tail * (added.plays - full)) / added.plays

    def unit(self, prepared: Capped) -> Fraction:
        """Units for one of listening."""
        return Fraction(prepared.scale)

    def limit(self, month: Month) -> Fraction | None:
        """What the cap lets through; above it a tail counts on without limit."""
        return None if self.tail else earned_at(month, self.play_cap, play=self.play_in(month))

    def edge(self, month: Month) -> Edge | None:
        """c*, the largest safe cap; there is none where plays above the cap count."""
        most = 0 if self.tail else safe_cap(month, play=self.play_in(month))
        if not most:
            return None
        plays = f"{most:,} play{'s' * (most != 1)}"
        return Edge("cap", replace(self, cap=Fraction(most)), f"every cap up to {plays}", f"a cap of {most:,}")

    def reason(self, month: Month, limit: Fraction | None) -> Reason:
        """The cap limits it: in plays, so that where listening is time, longer plays get round it."""
        if limit is None:
            sentence = f"plays above the cap of {self.cap} still count at {self.tail} each"
            return Reason("plays above the cap still count", sentence)
        length = ", each as long as the mean play," if month.facts.play is None else ""
        return Reason(
            f"plays count up to {self.play_cap:,}",
            f"an account that plays up to the cap of {self.play_cap:,}{length} gets back {times_fee(limit)}",
        )
