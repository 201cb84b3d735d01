"""mix: two rules, and a share of the pool for each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from fairpay.errors import UsageError
from fairpay.money.currency import LARGEST
from fairpay.money.rounding import largest_remainder_exact
from fairpay.rules import find_rule
from fairpay.rules.core.budgets import Budgeted
from fairpay.rules.core.promise import THREE, CounterExample, Example, Promise, moved_by_one, tie, underpaid, uneven
from fairpay.rules.core.rule import Joining, Needs, Reason, Rule, parameter, times_fee
from fairpay.rules.core.ties import settle_roughly

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Usage
    from fairpay.rules.core.rule import Added
    from fairpay.rules.core.ties import TiePart, Unsettled


def read_rules(text: str) -> str | None:
    """Read two rules with + between them, `user-cap:cap=100;tail=1/2+user-centric`; return them as they are written.

    Raises:
        UsageError: one is no rule, or none that can be mixed.

    """
    found = [find_rule(part.strip().replace(";", ",")) for part in text.split("+")]
    for rule in found:
        if not rule.mixable:
            message = f"mix: {rule.label} cannot be one of the two"
            raise UsageError(message, advice="It takes rules with a weight for each listener or artist, and no mix.")
    return "+".join(rule.label.replace(",", ";") for rule in found) if len(found) == 2 else None  # noqa: PLR2004 - two rules


@dataclass(frozen=True)
class Mix(Rule):
    """A share of the pool is divided by one rule and the rest by another: what lies between two ways to pay.

    Both parts are added up exactly and the pool is rounded once, so that no cent depends on the order of the two. Half
    market-centric and half user-centric is the compromise that most proposals come to. What a fake account can take is
    limited only as far as both rules limit it.

    Any two rules with a weight for each listener or artist can be mixed; parameters of theirs have ; between them.
    """

    name: ClassVar[str] = "mix"
    source: ClassVar[str] = (
        "compromises between focal schemes: Bergantiños and Moreno-Ternero, Omega 132 (2025); the abstract was read"
    )
    formula: ClassVar[str] = "pay_j = s · pay_j of the first rule + (1-s) · pay_j of the second"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="three users who paid 1 each; half market-centric, half user-centric",
            listening=THREE,
            pays={"A": "111/200", "B": "93/200", "C": "99/50"},
        ),
        Example(
            title="a quarter equal for all artists, the rest user-centric",
            listening=THREE,
            pays={"A": "13/16", "B": "13/16", "C": "11/8"},
            parameters="rules=uniform+user-centric,share=1/4",
        ),
        tie({"u1": {"A": 1}, "u2": {"B": 1}, "u3": {"C": 1}}),
    )
    breaks: ClassVar[tuple[CounterExample, ...]] = (
        uneven(
            title="a quarter is divided equally",
            before={"u1": {"A": 1, "B": 3}},
            artists=("A", "B"),
            was="11/5",
            becomes="3",
            parameters="rules=uniform+user-centric,share=1/4",
        ),
        *underpaid(
            title="A's only listener plays little, so some of that listener's money goes to B",
            before={"u1": {"A": 1}, "u2": {"B": 9}},
            artists=("A",),
            was="3/5",
            becomes="1",
        ),
        CounterExample(
            promise=Promise.FRAUD_PROOF,
            title="an added account that pays 1 and plays B 980 times brings B nearly 2",
            before={"u1": {"A": 10}, "u2": {"A": 10}},
            after={"u1": {"A": 10}, "u2": {"A": 10}, "bot": {"B": 980}},
            artists=("B",),
            was="0",
            becomes="197/100",
        ),
        *moved_by_one(
            title="u2, who pays 1, leaves a loop running and plays B 990 times instead of A 10 times",
            before={"u1": {"A": 10}, "u2": {"A": 10}},
            after={"u1": {"A": 10}, "u2": {"B": 990}},
            artists=("B",),
            was="0",
            becomes="149/100",
        ),
        CounterExample(
            promise=Promise.SPLIT_PROOF,
            title="with equal parts for all artists, A is paid for each of its names",
            before={"u1": {"A": 2}, "u2": {"B": 2}},
            after={"u1": {"A": 1, "A2": 1}, "u2": {"B": 2}},
            artists=("A",),
            artists_after=("A", "A2"),
            was="1",
            becomes="13/12",
            parameters="rules=uniform+user-centric,share=1/4",
        ),
    )

    rules: str = parameter(
        "market-centric+user-centric",
        help="the two rules",
        read=read_rules,
        takes="two rules with + between them, their parameters with ; between them: user-cap:cap=100+user-centric",
    )
    share: Fraction = parameter(  # noqa: RUF009 - a dataclass field
        Fraction(1, 2), help="part of the pool that the first rule divides", low=0, high=1
    )

    def __post_init__(self) -> None:
        """Take over from the two rules what classes say of other rules."""
        first, second = self.two
        steady = first.joining is Joining.STEADY is second.joining
        object.__setattr__(self, "joining", Joining.STEADY if steady else Joining.ANEW)
        object.__setattr__(self, "rows", first.rows + second.rows)
        if Needs.TRACKS in {first.needs, second.needs}:
            object.__setattr__(self, "needs", Needs.TRACKS)

    @property
    def by_play(self) -> bool:
        """Both can."""
        return True

    @cached_property
    def two(self) -> tuple[Rule, Rule]:
        """The two rules."""
        first, second = (find_rule(text.replace(";", ",")) for text in self.rules.split("+"))
        return first, second

    def each(self, prepared: Sequence[Any], weights: Ints) -> Iterator[tuple[Rule, Any, Ints]]:
        """Yield each rule with what it prepared and with its rows."""
        first, second = self.two
        yield first, prepared[0], weights[: first.rows]
        yield second, prepared[1], weights[first.rows :]

    def keeps(self) -> frozenset[Promise]:
        """What both keep: gains of two parts add up as the parts do. With a share of 0 or 1 it is one rule."""
        first, second = (rule.keeps() for rule in self.two)
        return first if self.share == 1 else second if self.share == 0 else first & second

    def check_rate(self, rate: Fraction | None) -> None:
        """Let both judge it."""
        for rule in self.two:
            rule.check_rate(rate)

    def prepare(self, month: Month) -> tuple[Any, Any]:
        """Let both prepare."""
        first, second = self.two
        return first.prepare(month), second.prepare(month)

    def weigh(self, usage: Usage, prepared: Sequence[Any], out: Ints) -> None:
        """Let each add to its rows."""
        for rule, ready, rows in self.each(prepared, out):
            rule.weigh(usage, ready, rows)

    def mixed(self, weights: Ints, prepared: Sequence[Any]) -> tuple[tuple[int, int], list[NDArray[Any]]]:
        """Return what a unit of each rule's proportions counts, and these times that, object[artists] each.

        Where a rule that has a share finds nothing to divide by, there is nothing.
        """
        found = [rule.proportions(rows, ready).astype(object) for rule, ready, rows in self.each(prepared, weights)]
        first, second = (sum(one.tolist()) for one in found)
        up, down = self.share.numerator, self.share.denominator
        times = (up * (second if up < down else 1), (down - up) * (first if up else 1))
        return times, [one * count for one, count in zip(found, times, strict=True)]

    def proportions(self, weights: Ints, prepared: Sequence[Any]) -> NDArray[Any]:
        """Add the two up at a common scale."""
        first, second = self.mixed(weights, prepared)[1]
        both: NDArray[Any] = first + second
        return both

    def settle(self, weights: Ints, pool: int, prepared: Sequence[Any]) -> Ints:
        """Divide the pool by both together, exactly."""
        return largest_remainder_exact(self.proportions(weights, prepared).tolist(), pool)

    def brought(self, weights: Ints, prepared: Sequence[Any]) -> Ints:
        """Mix what tracks bring under the two rules."""
        parts = [rule.brought(rows, ready).astype(object) for rule, ready, rows in self.each(prepared, weights)]
        return largest_remainder_exact((parts[0] * self.share + parts[1] * (1 - self.share)).tolist(), LARGEST)

    def settling(self, weights: Ints, month: Month, prepared: Sequence[Any]) -> Unsettled | Ints:
        """Divide the pool exactly: where rounding to units would decide over a minor unit, look again."""
        times, both = self.mixed(weights, prepared)
        whole, known, parts, loose, row = both[0] + both[1], None, [], [], 0
        if not month.facts.pool or not whole.any():
            return self.settle(weights, month.facts.pool, prepared)
        for (rule, ready, rows), own, count in zip(self.each(prepared, weights), both, times, strict=True):
            fine = rule.parts_of(rows, month, ready) if count else ()
            parts += [replace(part, times=part.times * count, row=part.row + row) for part in fine]
            known = known if fine else own if known is None else known + own
            loose += [rule.loose(month, ready)] if isinstance(rule, Budgeted) and fine else []
            row += rule.rows
        if not parts:
            return largest_remainder_exact(whole.tolist(), month.facts.pool)
        budgets, rough = sum(whole.tolist()), max((one for one in loose if one is not None), default=None)
        return settle_roughly(month, whole, budgets=budgets, parts=parts, loose=rough, known=known)

    def fine_parts(self, month: Month, prepared: Sequence[Any]) -> Sequence[TiePart]:
        """Those of both, each with its row."""
        first, second = self.two
        more = [replace(part, row=part.row + first.rows) for part in second.fine_parts(month, prepared[1])]
        return (*first.fine_parts(month, prepared[0]), *more)

    def taken(self, added: Sequence[Added], prepared: Sequence[Any], weights: Ints) -> Fraction | None:
        """What both say, in proportion; nothing where one is solved anew, as weights are those from before."""
        if Joining.SHIFTING in {rule.joining for rule in self.two}:
            return None
        first, second = (rule.taken(added, ready, rows) for rule, ready, rows in self.each(prepared, weights))
        return None if first is None or second is None else self.share * first + (1 - self.share) * second

    def limit(self, month: Month) -> Fraction | None:
        """What both allow, in proportion; a rule without a share has no say."""
        shares = (self.share, 1 - self.share)
        limits = [rule.limit(month) for rule, share in zip(self.two, shares, strict=True) if share]
        if None in limits:
            return None
        return sum(
            (share * limit for share, limit in zip(filter(None, shares), limits, strict=True) if limit), Fraction(0)
        )

    def reason(self, month: Month, limit: Fraction | None) -> Reason:
        """Name the rule that has no limit, or say what both allow."""
        if limit is not None:
            return Reason(
                "both rules limit an account", f"both rules limit an account: it gets back {times_fee(limit)}"
            )
        shares = zip(self.two, (self.share, 1 - self.share), strict=True)
        rule, share = next((rule, share) for rule, share in shares if share and rule.limit(month) is None)
        part = f"{float(share) * 100:.3g} %"
        return Reason(f"{part} is {rule.name}", f"{part} of the money is {rule.name}, which does not limit an account")

    def remarks(self, prepared: Sequence[Any]) -> tuple[str, ...]:
        """What both have to say."""
        first, second = self.two
        return (*first.remarks(prepared[0]), *second.remarks(prepared[1]))
