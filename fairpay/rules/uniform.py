"""uniform: the same for every artist somebody played."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fairpay.rules.core.by_artist import ByArtistSum
from fairpay.rules.core.promise import THREE, CounterExample, Example, Promise, moved_by_one, tie, underpaid, uneven


@dataclass(frozen=True)
class Uniform(ByArtistSum):
    """Every artist with a play is paid the same, whoever played it and how often.

    Nobody pays this way. It is the far end to measure other rules against, as in the literature: no account needs
    more than one play, so whoever makes up the most artists takes the most.
    """

    name: ClassVar[str] = "uniform"
    source: ClassVar[str] = "Gonçalves-Dosantos, Martínez, Sánchez-Soriano, JEBO 2025, where it is a baseline"
    formula: ClassVar[str] = "pay_j = P / |{i : X_i > 0}|"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(title="three artists with a play", listening=THREE, pays={"A": "1", "B": "1", "C": "1"}),
        tie({"u1": {"A": 5}, "u2": {"B": 1, "C": 1}}),
    )
    breaks: ClassVar[tuple[CounterExample, ...]] = (
        uneven(
            title="everybody is paid the same",
            before={"u1": {"A": 1, "B": 3}},
            artists=("A", "B"),
            was="1",
            becomes="3",
        ),
        *underpaid(
            title="u1 and u2 play only A, and half of their money goes to B, whom they never played",
            before={"u1": {"A": 1}, "u2": {"A": 1}, "u3": {"B": 1}},
            artists=("A",),
            was="3/2",
            becomes="2",
        ),
        CounterExample(
            promise=Promise.FRAUD_PROOF,
            title="an added account that pays 1 and plays B and C once each brings them 2",
            before={"u1": {"A": 9}, "u2": {"A": 9}},
            after={"u1": {"A": 9}, "u2": {"A": 9}, "bot": {"B": 1, "C": 1}},
            artists=("B", "C"),
            was="0",
            becomes="2",
        ),
        *moved_by_one(
            title="u1, who pays 1, plays B once beside A, and B is paid half of all",
            before={"u1": {"A": 9}, "u2": {"A": 9}, "u3": {"A": 9}},
            after={"u1": {"A": 9, "B": 1}, "u2": {"A": 9}, "u3": {"A": 9}},
            artists=("B",),
            was="0",
            becomes="3/2",
        ),
        CounterExample(
            promise=Promise.SPLIT_PROOF,
            title="B appears under three names and takes three parts of four instead of one of two",
            before={"u1": {"A": 3}, "u2": {"B": 3}},
            after={"u1": {"A": 3}, "u2": {"B": 1, "B2": 1, "B3": 1}},
            artists=("B",),
            artists_after=("B", "B2", "B3"),
            was="1",
            becomes="3/2",
        ),
    )
