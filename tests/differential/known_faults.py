"""What the program is known to get wrong while it is being mended: empty once it is. The oracle gives the right answer.

Each entry says why, and of which months and rules; these are run and not compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from oracle_layers import pot_of
from oracle_rules import divide, is_tied

if TYPE_CHECKING:
    from collections.abc import Callable

    from months import Month
    from oracle_rules import Rule

UNTIED = ("median", "independent-markets", "geometric-median", "norm", "bounded", "weighted")


def mean_length(month: Month, _: Rule) -> bool:
    """Whether a row's total is long enough for something that its mean length is not."""
    weights = month.policy.weights if month.policy else ()
    least = {30 if month.min_seconds is None else month.min_seconds, *(weight.min_seconds for weight in weights)}
    both = {"plays", "ms"} <= month.columns
    return both and any(1000 * s <= row.ms < 1000 * s * row.plays for s in least for row in month.rows)


def same_title(month: Month, _: Rule) -> bool:
    """Whether a limit counts tracks, and two artists have one of the same title."""
    limits = month.policy.limits if month.policy else ()
    tracks = {(row.artist, row.track) for row in month.rows}
    counted = "track" in month.columns and any(limit.per == "track" for limit in limits)
    return counted and len({track for _, track in tracks}) < len(tracks)


def layers(month: Month, _: Rule) -> bool:
    """Whether listening is divided anew."""
    return bool(month.history or month.wishes)


def delegations(month: Month, _: Rule) -> bool:
    """Whether fees are passed on."""
    return bool(month.delegations)


def tie(month: Month, rule: Rule) -> bool:
    """Whether equal remainders decide, under a rule that works in rounded numbers."""
    pot = pot_of(month)
    return rule.name in UNTIED and is_tied(divide(rule, pot.listeners, pot.rate).shares, pot.pool)


def boosts_before(_: Month, rule: Rule) -> bool:
    """Whether the cap is on boosted plays."""
    return rule.get("boosts", "after") == "before"


def held_and_limited(month: Month, _: Rule) -> bool:
    """Whether decided plays are put on lines of their own, under which no census knows their artists."""
    limits = month.policy.limits if month.policy else ()
    by_artist = any(limit.per == "artist" or "track" not in month.columns for limit in limits)
    return by_artist and any(decision != "keep" for _, _, decision in month.decisions)


def fee_and_threshold(month: Month, _: Rule) -> bool:
    """Whether a threshold leaves a user without plays where the pool is a fee of each."""
    limits = month.policy.limits if month.policy else ()
    return month.money != "pool" and any(limit.times is None for limit in limits)


@dataclass(frozen=True)
class Fault:
    """Something known to be wrong."""

    name: str
    why: str
    meets: Callable[[Month, Rule], bool] | None = None
    """Which months, under which rules; None where it is a matter of files or of the books."""


KNOWN_FAULTS: tuple[Fault, ...] = (
    Fault("mean-length", "a row of several plays qualifies by its total length, not by its mean", mean_length),
    Fault("same-title", "tracks of one title are one track under limits, whoever the artist is", same_title),
    Fault("layers", "listening divided anew is rounded before the rule sees it", layers),
    Fault("delegations", "what delegates steer is rounded to minor units", delegations),
    Fault("ties", "an exact tie for the last unit can go to the larger id", tie),
    Fault("boosts-before", "the user cap cannot be put after boosts", boosts_before),
    Fault(
        "held",
        "decided plays miss thresholds per artist: held money goes to others",
        held_and_limited,
    ),
    Fault("fee", "what a threshold moves is told of two pools where it leaves a user without plays", fee_and_threshold),
    Fault("track-splits", "a track with splits is weighed as one more artist, and is known by its title alone"),
    Fault("currency", "payouts and comparisons have no column of the currency"),
    Fault("parquet", "tables of the books hold minor units in Parquet and amounts in CSV"),
    Fault("exchange", "gross, net, royalty and floor of an exchanged pool stand beside the currency that is paid out"),
)


def known(month: Month, rule: Rule) -> str:
    """Why a month is not compared under a rule; empty where it is."""
    return next((fault.why for fault in KNOWN_FAULTS if fault.meets and fault.meets(month, rule)), "")


def known_by_name(name: str) -> str:
    """Why something is not tried; empty where it is."""
    return next((fault.why for fault in KNOWN_FAULTS if fault.name == name), "")
