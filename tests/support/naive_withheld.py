"""What a policy withholds, from the definition alone, in fractions: slow, and it knows nothing of fairpay.

Each listener's entry for an artist earns what the rule gives it; a play of the entry earns its part by weight. An
artist is paid whole minor units; what its marked plays earned of these, times the share, is due to the platform. All of
it is brought to whole units together, to the nearest, by largest remainder; ties go to the smaller id.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Played = dict[tuple[str, str], dict[Fraction, int]]
"""(user, artist) -> share withheld -> plays."""


def entries(played: Played, rule: str) -> dict[tuple[str, str], Fraction]:
    """What the rule gives each entry, in any unit; every listener pays the same."""
    total: dict[str, int] = {}
    artists: dict[str, int] = {}
    for (user, _), plays in played.items():
        total[user] = total.get(user, 0) + sum(plays.values())
        artists[user] = artists.get(user, 0) + 1
    cap = 3
    given = {}
    for (user, artist), plays in played.items():
        part = Fraction(sum(plays.values()), total[user])
        given[user, artist] = {
            "market-centric": part * total[user],
            "user-centric": part,
            "equal-split": Fraction(1, artists[user]),
            "user-cap:cap=3": part * min(total[user], cap),
        }[rule]
    return given


def paid_and_withheld(played: Played, rule: str, pool: int) -> tuple[dict[str, int], dict[str, int]]:
    """Minor units that each artist earned, and what of these is withheld."""
    given = entries(played, rule)
    earned: dict[str, Fraction] = {}
    marked: dict[str, Fraction] = {}
    for (user, artist), plays in played.items():
        own = given[user, artist]
        earned[artist] = earned.get(artist, Fraction(0)) + own
        due = sum((share * count for share, count in plays.items()), Fraction(0)) / sum(plays.values())
        marked[artist] = marked.get(artist, Fraction(0)) + own * due
    whole = sum(earned.values())
    units = by_remainder({artist: pool * own / whole for artist, own in earned.items()}, pool)
    due_of = {artist: units[artist] * marked[artist] / earned[artist] for artist in units}
    return units, by_remainder(due_of, round(sum(due_of.values())))


def by_remainder(exact: Mapping[str, Fraction], total: int) -> dict[str, int]:
    """Bring amounts to whole units of this sum; a half goes to the even one where `round` made it."""
    found = {name: floor(x) for name, x in exact.items()}
    order = sorted(exact, key=lambda name: (found[name] - exact[name], name.encode()))
    for name in order[: total - sum(found.values())]:
        found[name] += 1
    return found
