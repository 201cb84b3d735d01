"""artist-cap: an artist's plays count up to a cap."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from fairpay.rules.core.by_artist import Band, ByArtistSum, per_track
from fairpay.rules.core.promise import COMMON_POT, THREE, CounterExample, Example, Promise, tie, uneven
from fairpay.rules.core.rule import parameter

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class ArtistCap(ByArtistSum):
    """All the money lies in one pot and is shared by listening, but an artist's plays count only up to a cap.

    Plays above the cap count for nobody: their money goes to all. The 2024 bill for a living wage for musicians was
    reported with a cap of 1,000,000 plays a month for each track. With `per=track` the cap is for each track, and an
    artist is paid for the sum of its tracks; plays that name no track are one more track of their artist. Whoever
    appears under two names has two caps, and so has a recording that is released twice; with `per=track` an artist who
    is played less, on more tracks, may be paid more. Where listening is measured in time, a play is as long as the mean
    play of the month.
    """

    name: ClassVar[str] = "artist-cap"
    source: ClassVar[str] = "reports on the Living Wage for Musicians Act, 2024, which cap each track"
    formula: ClassVar[str] = "pay_j = P · min(X_j, c) / Σ_i min(X_i, c)"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="three users who paid 1 each; of the 41 plays of C, 10 count",
            listening=THREE,
            pays={"A": "18/19", "B": "9/19", "C": "30/19"},
            parameters="cap=10",
        ),
        tie({"u1": {"A": 2_000_000}, "u2": {"B": 3_000_000}, "u3": {"C": 1_000_000}}),
    )
    breaks: ClassVar[tuple[CounterExample, ...]] = (
        uneven(
            title="B is played three times as much, and capped as A is",
            before={"u1": {"A": 1_000_000, "B": 3_000_000}},
            artists=("A", "B"),
            was="1",
            becomes="3",
        ),
        *COMMON_POT,
        CounterExample(
            promise=Promise.SPLIT_PROOF,
            title="with two names A has two caps, and is paid 4/3 instead of 1",
            before={"u1": {"A": 2_000_000}, "u2": {"B": 1_000_000}},
            after={"u1": {"A": 1_000_000, "A2": 1_000_000}, "u2": {"B": 1_000_000}},
            artists=("A",),
            artists_after=("A", "A2"),
            was="1",
            becomes="4/3",
        ),
    )

    cap: Fraction = parameter(  # noqa: RUF009 - a dataclass field
        Fraction(1_000_000), help="plays of one artist, or track, that count", low=1, whole=True
    )
    per: str = per_track()

    @property
    def bands(self) -> Sequence[Band]:
        """Full value up to the cap, none above."""
        return (Band(0, Fraction(1)), Band(int(self.cap), Fraction(0)))
