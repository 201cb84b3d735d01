"""Why an account gets what it gets, in a sentence for each rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairpay.audit.closed_forms import CLOSED_FORMS

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from fairpay.audit.crowd import Crowd

__all__ = ["why"]


def why(rule: Any, crowd: Crowd, most: Fraction | None) -> str:  # noqa: ANN401 - any rule
    """Say what limits an account under this rule, or that nothing does."""
    if rule.name not in CLOSED_FORMS:
        return "no formula is known; the figures are what the replay found"
    if rule.name == "bounded" and most is not None and most == crowd.alpha:
        return user(rule, most)
    return REASONS[rule.name](rule, most)


def back(most: Fraction | None) -> str:
    """`0.7 of its fee`, or 1.52 times it."""
    value = float(most or 0)
    return f"{value:.2f} of its fee" if value <= 1 else f"{value:.2f} times its fee"


def market(rule: Any, most: Fraction | None) -> str:  # noqa: ANN401, ARG001 - one shape for every rule
    """Nothing limits it."""
    return "whoever plays more steers more, without limit, whatever they paid"


def user(rule: Any, most: Fraction | None) -> str:  # noqa: ANN401, ARG001 - one shape for every rule
    """The fee limits it."""
    return f"an account steers its own fee, however much it plays: it gets back at most {back(most)}"


def equal(rule: Any, most: Fraction | None) -> str:  # noqa: ANN401 - one shape for every rule
    """The fee limits it, but not what an artist with many names gets."""
    return f"{user(rule, most)}; but an artist under many names gets a part for each"


def cap(rule: Any, most: Fraction | None) -> str:  # noqa: ANN401 - user-cap
    """The cap limits it."""
    if most is None:
        return f"plays above the cap of {rule.cap} still count at {rule.tail}, without limit"
    return f"an account that plays up to the cap of {rule.cap} gets back {back(most)}"


def weighted(rule: Any, most: Fraction | None) -> str:  # noqa: ANN401 - weighted
    """Nothing limits it, more slowly."""
    if most is not None:
        return user(rule, most)
    slower = 2 ** (1 / float(rule.beta))
    return f"as market-centric, only slower: to steer twice as much, play {slower:.3g} times as much"


def norm(rule: Any, most: Fraction | None) -> str:  # noqa: ANN401 - norm
    """Artists make an account heavy."""
    if most is not None:
        return user(rule, most)
    gain = 1 - 1 / float(rule.p)
    return f"the more artists an account plays, the heavier it is: 100 made-up ones multiply it by {100**gain:.3g}"


def top(rule: Any, most: Fraction | None) -> str:  # noqa: ANN401 - top-artist
    """The common pot has no limit."""
    if most is not None:
        return user(rule, most)
    return (
        f"{float(1 - rule.share) * 100:.3g} % of the money is in the common pot, where whoever plays more steers more"
    )


def bounded(rule: Any, most: Fraction | None) -> str:  # noqa: ANN401, ARG001 - one shape for every rule
    """The fee over b limits it."""
    return f"the limit on what an account steers holds: it gets back at most {back(most)}"


REASONS: dict[str, Callable[[Any, Fraction | None], str]] = {
    "market-centric": market,
    "user-centric": user,
    "equal-split": equal,
    "user-cap": cap,
    "weighted": weighted,
    "norm": norm,
    "top-artist": top,
    "bounded": bounded,
}
