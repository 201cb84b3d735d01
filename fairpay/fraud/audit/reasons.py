"""Why an account gets what it gets, rule by rule: in a few words for a table, and in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fairpay.fraud.audit.closed_forms import CLOSED_FORMS

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from fairpay.fraud.audit.crowd import Crowd

__all__ = ["Reason", "why"]

ALSO_USER_CENTRIC = frozenset({"bounded", "norm", "top-artist", "weighted"})
"""Rules that are user-centric at one end of their parameters."""


class Reason(NamedTuple):
    """Why a rule gives what it gives."""

    brief: str
    """At most 38 characters where the numbers are of the usual size."""
    sentence: str
    """Without its full stop."""


def why(rule: Any, crowd: Crowd, most: Fraction | None) -> Reason:  # noqa: ANN401 - any rule
    """Say what limits an account under this rule, or that nothing does."""
    if rule.name not in CLOSED_FORMS:
        return Reason("no formula; found by replay", "no formula is known; the figures are what the replay found")
    if most is not None and most == crowd.alpha and rule.name in ALSO_USER_CENTRIC:
        return user(rule, crowd, most)
    return REASONS[rule.name](rule, crowd, most)


def back(most: Fraction | None) -> str:
    """`0.70 of its fee`, or `1.52 times its fee`."""
    value = float(most or 0)
    return f"{value:.2f} of its fee" if value <= 1 else f"{value:.2f} times its fee"


def market(rule: Any, crowd: Crowd, most: Fraction | None) -> Reason:  # noqa: ANN401, ARG001 - one shape for every rule
    """Nothing limits it."""
    return Reason(
        "more plays steer more, without limit",
        "whoever plays more steers more, without limit, whatever they paid",
    )


def user(rule: Any, crowd: Crowd, most: Fraction | None) -> Reason:  # noqa: ANN401, ARG001 - one shape for every rule
    """The fee limits it."""
    return Reason(
        "an account steers its own fee only",
        f"an account steers its own fee, however much it plays: it gets back at most {back(most)}",
    )


def equal(rule: Any, crowd: Crowd, most: Fraction | None) -> Reason:  # noqa: ANN401 - one shape for every rule
    """The fee limits it, but not what an artist with many names gets."""
    return Reason(
        "own fee only; more names get more",
        f"{user(rule, crowd, most).sentence}; but an artist under many names gets a part for each",
    )


def cap(rule: Any, crowd: Crowd, most: Fraction | None) -> Reason:  # noqa: ANN401 - user-cap
    """The cap limits it: in plays, so that where listening is time, longer plays get round it."""
    if most is None:
        return Reason(
            "plays above the cap still count", f"plays above the cap of {rule.cap} still count at {rule.tail} each"
        )
    length = ", each as long as the mean play," if crowd.terms.timed else ""
    return Reason(
        f"plays count up to {int(rule.cap):,}",
        f"an account that plays up to the cap of {int(rule.cap):,}{length} gets back {back(most)}",
    )


def weighted(rule: Any, crowd: Crowd, most: Fraction | None) -> Reason:  # noqa: ANN401, ARG001 - weighted
    """Nothing limits it, more slowly."""
    slower = f"{2 ** (1 / float(rule.beta)):.3g}"
    return Reason(
        f"{slower}x the plays steer 2x the money",
        f"as market-centric, only slower: to steer twice as much, play {slower} times as much",
    )


def norm(rule: Any, crowd: Crowd, most: Fraction | None) -> Reason:  # noqa: ANN401, ARG001 - norm
    """Artists make an account heavy."""
    gain = f"{100 ** (1 - 1 / float(rule.p)):.3g}"
    return Reason(
        f"100 fake artists weigh {gain}x",
        f"the more artists an account plays, the heavier it is: 100 made-up ones multiply it by {gain}",
    )


def top(rule: Any, crowd: Crowd, most: Fraction | None) -> Reason:  # noqa: ANN401, ARG001 - top-artist
    """The common pot has no limit."""
    common = f"{float(1 - rule.share) * 100:.3g} %"
    return Reason(
        f"{common} is in the common pot",
        f"{common} of the money is in the common pot, where whoever plays more steers more",
    )


def bounded(rule: Any, crowd: Crowd, most: Fraction | None) -> Reason:  # noqa: ANN401, ARG001 - one shape for every rule
    """The fee over b limits it."""
    return Reason(
        "what an account steers has a limit",
        f"what an account steers is limited by its fee: it gets back at most {back(most)}",
    )


REASONS: dict[str, Callable[[Any, Crowd, Fraction | None], Reason]] = {
    "market-centric": market,
    "user-centric": user,
    "equal-split": equal,
    "user-cap": cap,
    "weighted": weighted,
    "norm": norm,
    "top-artist": top,
    "bounded": bounded,
}
