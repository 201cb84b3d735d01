"""artist-growth: an artist's first plays count fully, further ones less."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from fairpay.errors import UsageError
from fairpay.rules.core.by_artist import Band, ByArtistSum, per_track, rising
from fairpay.rules.core.promise import COMMON_POT, THREE, CounterExample, Example, Promise, tie, uneven
from fairpay.rules.core.rule import parameter, read_number

if TYPE_CHECKING:
    from collections.abc import Sequence


class Numbers(tuple[Fraction, ...]):
    """Several numbers, written with a plus sign between them."""

    __slots__ = ()

    def __str__(self) -> str:
        """Write them as they are given."""
        return "+".join(map(str, self))


def read_numbers(text: str) -> Numbers | None:
    """Read `1/2+1/4`; None where one is no number."""
    found = [read_number(part.strip()) for part in text.split("+")]
    return Numbers(number for number in found if number is not None) if None not in found else None


@dataclass(frozen=True)
class ArtistGrowth(ByArtistSum):
    """All the money lies in one pot and is shared by listening, but an artist's plays count less from band to band.

    Plays up to the first number count fully, those above it at the first value, those above the second number at the
    second value, and so on. It moves money from the most played to those who grow. No rates were published: the
    numbers are yours. With `per=track` the bands are for each track, and an artist is paid for the sum of its tracks;
    plays that name no track are one more track of their artist. Whoever appears under several names starts again with
    each, and so does a recording that is released twice. Where listening is measured in time, a play is as long as the
    mean play of the month.
    """

    name: ClassVar[str] = "artist-growth"
    source: ClassVar[str] = (
        "AIM, written evidence to the UK Parliament's inquiry on music streaming (2020); IMPALA, ten-step plan (2021)"
    )
    formula: ClassVar[str] = "pay_j = P · g(X_j) / Σ_i g(X_i), g rising by 1, v_1, v_2, ... between the bands"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="three users who paid 1 each; plays above 5 count half: 11/2, 3 and 23",
            listening=THREE,
            pays={"A": "11/21", "B": "2/7", "C": "46/21"},
            parameters="above=5,values=1/2",
        ),
        Example(
            title="half above 5, nothing above 40",
            listening=THREE,
            pays={"A": "33/62", "B": "9/31", "C": "135/62"},
            parameters="above=5+40,values=1/2+0",
        ),
        tie({"u1": {"A": 4}, "u2": {"B": 4}, "u3": {"C": 4}}),
    )
    breaks: ClassVar[tuple[CounterExample, ...]] = (
        uneven(
            title="two thirds of the plays of B count half",
            before={"u1": {"A": 100_000, "B": 300_000}},
            artists=("A", "B"),
            was="2",
            becomes="3",
        ),
        *COMMON_POT,
        CounterExample(
            promise=Promise.SPLIT_PROOF,
            title="with two names all plays of A count fully, and it is paid 4/3 instead of 6/5",
            before={"u1": {"A": 200_000}, "u2": {"B": 100_000}},
            after={"u1": {"A": 100_000, "A2": 100_000}, "u2": {"B": 100_000}},
            artists=("A",),
            artists_after=("A", "A2"),
            was="6/5",
            becomes="4/3",
        ),
    )

    above: Numbers = parameter(  # noqa: RUF009 - a dataclass field
        Numbers([Fraction(100_000)]),
        help="plays of one artist, or track, above which they count less",
        read=read_numbers,
        takes="whole numbers from 1, rising, with + between them: 100000+1000000",
    )
    values: Numbers = parameter(  # noqa: RUF009 - a dataclass field
        Numbers([Fraction(1, 2)]),
        help="what a play counts above each of these numbers",
        read=read_numbers,
        takes="as many numbers from 1 down to 0, with + between them: 1/2+1/4",
    )
    per: str = per_track()

    def __post_init__(self) -> None:
        """Hold the two against each other.

        Raises:
            UsageError: they are not alike in number, or plays would count more from band to band.

        """
        super().__post_init__()
        wrong = [f"{self.above} and {self.values} differ in number"] if len(self.above) != len(self.values) else []
        wrong += [f"{number} is no whole number of plays" for number in self.above if number.denominator > 1]
        if not wrong:
            wrong += rising(self.bands)
        if wrong:
            message = f"artist-growth: {wrong[0]}"
            raise UsageError(message, advice="For example artist-growth:above=100000+1000000,values=1/2+1/4.")

    @property
    def bands(self) -> Sequence[Band]:
        """Full value first."""
        more = (Band(int(above), value) for above, value in zip(self.above, self.values, strict=True))
        return (Band(0, Fraction(1)), *more)
