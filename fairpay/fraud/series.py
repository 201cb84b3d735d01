"""What is swept: rules as they are typed, one parameter of each with a range or a list of values."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from fairpay.errors import UsageError
from fairpay.money.currency import parse_rate
from fairpay.rules import find_rule
from fairpay.rules.core.rule import read_number

if TYPE_CHECKING:
    from fairpay.rules.core.rule import Rule

__all__ = ["MOST", "Series", "read_series", "usual_series"]

MOST = 200
"""Values of one range: each is a weight for every artist."""
DECADE = 10
"""From this factor on a range is cut into equal factors, below it into equal parts."""
LEAST = Fraction(1, 1000)
"""The smallest b of bounded."""
SPREAD, FORM = "..", "Write a..b, a..b..step, or a list a,b,c: a below b, none below 0."


@dataclass(frozen=True, slots=True)
class Series:
    """A rule with the values of one parameter that are tried."""

    rules: tuple[Rule, ...]
    """In the order of the values; one where nothing varies."""
    parameter: str = ""
    """What varies; empty: nothing."""
    asked: str = ""
    """As it was typed, under the rule's own name."""

    @property
    def field(self) -> str:
        """The same as an attribute of the rules."""
        return self.parameter.replace("-", "_")

    @property
    def label(self) -> str:
        """The rule, without what varies."""
        rule = self.rules[0]
        unset = {one.name: one.default for one in fields(rule) if one.name == self.field}
        return replace(rule, **unset).label


def read_series(text: str, *, steps: int) -> Series:
    """Read `user-cap:cap=100..3000,tail=0`: at most one parameter is a range or a list, the others are fixed.

    A range `a..b` is cut into `steps`, by equal factors where b is ten times a or more; `a..b..step` goes by that step,
    and `a,b,c` are the values themselves, of which each may be a range. What varies and spans no whole numbers is
    rounded to three digits; the ends are kept.

    Raises:
        UsageError: a rule, a parameter or a value that cannot be, or two parameters that vary.

    """
    name, _, parameters = text.partition(":")
    plain = find_rule(name)
    asked, whole = text.replace(name, plain.name, 1), {one.name: one.whole for one in plain.parameters()}
    given: dict[str, list[str]] = {}
    key = ""
    for part in filter(None, parameters.split(",")):
        found, equals, value = part.partition("=")
        if equals or not key:
            key = found.strip().replace("_", "-").lower()
            if key in given:
                message = f"{name}: {key} is given twice"
                raise UsageError(message)
            given[key] = []
        given[key].append(value.strip() if equals else part.strip())
    varied = [key for key, values in given.items() if len(values) > 1 or SPREAD in values[0]]
    if len(varied) > 1:
        message = f"{name}: {' and '.join(varied)} both vary"
        raise UsageError(message, advice="Vary one parameter of a rule; give --rule once for each value of the other.")
    if not varied:
        return Series((find_rule(text),), asked=asked)
    key = varied[0]
    values = [one for value in given[key] for one in spread(value, steps, whole=whole.get(key, False))]
    fixed = [f"{other}={one[0]}" for other, one in given.items() if other != key]
    tried = [":".join([name, ",".join([*fixed, f"{key}={value}"])]) for value in (values[-1], *values)]
    rules = [find_rule(one) for one in tried][1:]  # a range's end is judged first
    return Series(tuple(dict.fromkeys(rules)), key, asked)


def usual_series(rate: str) -> list[str]:
    """Return what is swept where nothing is asked for, at a royalty rate."""
    alpha = parse_rate(rate)
    bounded = [f"bounded:b={alpha}..1"] if LEAST <= alpha < 1 else []
    return ["user-cap:cap=100..3000", *bounded, "user-centric"]


def spread(text: str, steps: int, *, whole: bool) -> list[str]:
    """Return the values of a range, or a value itself, as text that a rule reads.

    Raises:
        UsageError: what is written is no range, or one of too many values.

    """
    ends = text.split(SPREAD)
    if len(ends) == 1:
        return ends
    numbers = [number for end in ends if (number := read_number(end.strip())) is not None]
    if len(numbers) != len(ends) or len(numbers) > 3 or numbers[0] >= numbers[1] or 0 in numbers[2:]:  # noqa: PLR2004 - a, b, step
        message = f"{text!r} is no range"
        raise UsageError(message, advice=FORM)
    low, high, *step = numbers
    steps = int((high - low) / step[0]) if step else steps
    if steps >= MOST:
        message = f"{text} has {steps + 1:,} values"
        raise UsageError(message, advice=f"Give at most {MOST}.")
    if step:
        found = [low + step[0] * k for k in range(steps + 1)]
    elif low and high >= DECADE * low:
        factors = (float(high / low) ** (k / steps) for k in range(1, steps))
        found = [low, *(rounded(value, value, whole=whole) for value in (float(low) * f for f in factors)), high]
    else:
        size = (high - low) / steps
        found = [low, *(rounded(low + size * k, float(size), whole=whole) for k in range(1, steps)), high]
    return [str(value) for value in found]


def rounded(value: Fraction | float, size: float, *, whole: bool) -> Fraction:
    """Round to three digits of `size`, or to whole numbers where these are wanted."""
    unit: Fraction = max(Fraction(10) ** (math.floor(math.log10(size)) - 2), Fraction(whole))
    return round(Fraction(value) / unit) * unit
