"""Shards: a month made of parts that nobody sees together, round by round.

Every party runs the same program on the same terms. Where it wants to know something of listeners, it takes the answer
from the sum of all parts, if that has it; else it works out what its own listeners add, and stops there. The sum of
these is the answer, and in the next round the program comes one step further, until it ends.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy as np

from fairpay.engine.keys import places_of
from fairpay.engine.partial import Answer
from fairpay.errors import InputError, UsageError
from fairpay.logs.schema import Cautions
from fairpay.money.counts import counted
from fairpay.pipeline.funds import check_stated
from fairpay.pipeline.intake import counted_apart, take_in
from fairpay.pipeline.overlap import Listeners, refuse_common
from fairpay.pipeline.partfile import PartFile, add_censuses, mark_of
from fairpay.pipeline.parts import add_up, leaving, merged, part_of
from fairpay.pipeline.request import Watch, begin
from fairpay.pipeline.run import artist_names, plan_of, variants_of, warn_of_counts, warned
from fairpay.pipeline.settle import Ending
from fairpay.pipeline.warn import named_elsewhere, sentences, stop_if_strict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fairpay.adjust.weights import Census
    from fairpay.engine.partial import PoolPart, Walks
    from fairpay.kernels.arrays import Ints
    from fairpay.pipeline.intake import Plan, Taken, Variant
    from fairpay.pipeline.parts import MonthPart
    from fairpay.pipeline.request import Observer, Opened, Request
    from fairpay.reports.outcome import InputFile, Outcome
    from fairpay.rules.core.month import Totals, Usage

__all__ = ["AnotherRound", "add", "conclude", "concluded", "contribute", "ending_of"]


T = TypeVar("T")
SHOWN = 200
"""Characters of terms that are shown; a policy's file is longer."""


class AnotherRound(Exception):  # noqa: N818 - no error: more is to be known first
    """Something is wanted that no sum of parts says yet."""


class AnsweredError(Exception):
    """What the next answer is for some users: the work ends here in this round."""

    def __init__(self, answer: Answer) -> None:
        """Keep it."""
        super().__init__()
        self.answer = answer


@dataclass(slots=True)
class Transcript:
    """Answers from the sum of all parts, in order by variant, as `partial.Walks`; behind them what some users add."""

    answers: Sequence[Answer]
    own: Callable[[int, Any, int, int], Answer] | None = None
    """Works out what users here add; None: there are none here."""
    at: Counter[int] = field(default_factory=Counter)

    def gather(
        self, pool: int, visit: Callable[[Usage, Ints], Totals | None], *, rows: int, columns: int
    ) -> tuple[Ints, Totals]:
        """Return the next answer.

        Raises:
            AnotherRound: there is none, and no user here.
            AnsweredError: there is none, with what users here add to it.

        """
        known = [one for one in self.answers if one.pool == pool]
        if self.at[pool] < len(known):
            answer = known[self.at[pool]]
            self.at[pool] += 1
            return answer.sums.copy(), answer.totals
        if self.own is None:
            raise AnotherRound
        raise AnsweredError(self.own(pool, visit, rows, columns))

    def each(self, pool: int, visit: Callable[[Usage], Any]) -> NoReturn:  # noqa: ARG002 - nothing is visited
        """Refuse: what is said of single users leaves no house."""
        message = "a rule looks at single listeners, which parts do not show"
        raise UsageError(message, advice="Leave it out, or run it over all rows.")

    def over(self, work: Sequence[Callable[[], T]]) -> list[T]:
        """Do work on each pool, one after another."""
        return [one() for one in work]


def contribute(  # noqa: PLR0913 - what is added, and by whom
    request: Request,
    terms: Mapping[str, Any],
    known: PartFile | None,
    watch: Watch,
    *,
    party: str = "",
    key: bytes | None = None,
) -> PartFile:
    """Work out what the users of some logs add to a month, in the round after `known`; `party` says whose they are.

    With a `key` the part says by keyed hashes whose plays it holds, see `overlap`.

    Raises:
        FairpayError: every error of a run; these logs are not of the month that `known` is the sum of.

    """
    if known is not None:
        check_terms(known.terms, terms, "the sum and this part")
    plan, opened = partly(request, known, kept=key is not None), request.opened
    begin(request, watch)
    if plan.counted is None and plan.counting:
        streams = {unit: of_pools[0] for unit, of_pools in counted_apart(plan, opened.logs).items()}
        bare = PartFile(terms=terms, round=1, parts=(), party=party, census=streams)
        return replace(bare, parts=(mark_of(bare),))
    first = known is None or known.part is None
    seen = Listeners() if key is not None and first else None
    with take_in(plan, opened.logs, watch, opened.cautions, observer=seen, variants=variants_of(request)) as taken:
        part = leaving(part_of(taken, opened.cautions), opened.logs)
        for sentence in sentences(opened.cautions.found()):
            watch.say(sentence)
        stop_if_strict(request.reading, opened.cautions.found())
        census = None if known is None else known.census
        bare = PartFile(terms=terms, round=1 if census is None else 2, parts=(), party=party, part=part, census=census)
        mine = replace(bare, parts=(mark_of(bare),))
        if known is None or known.part is None:
            return mine if key is None or seen is None else replace(mine, prefixes=prefixes(plan, seen, key))
        if mine.parts[0] not in known.parts:
            message = "these logs are not among those whose parts were added, or are read otherwise"
            raise InputError(message, advice="Give the logs, files and options of the rounds before.")
        transcript = Transcript(known.answers, partial(answered, taken, part.pools, known.part.pools))
        if answers := wanted(request, known, transcript):
            mine = replace(known, round=known.round + 1, parts=mine.parts, party=party, answer=answers)
            return replace(mine, everybody=known.parts, after=mark_of(known))
    message = "nothing more is to be known: the sum of the parts can be settled"
    raise UsageError(message, advice="Give it to `fairpay merge` with -o DIR.")


def wanted(request: Request, known: PartFile, transcript: Transcript) -> tuple[Answer, ...]:
    """Return what users here add to what is wanted next, in each variant that is not settled yet."""
    assert known.part is not None
    variants, ending = ending_of(request, known.part, counted_of(known) or {}, transcript)
    found = []
    for variant in (0, *ending.others(variants)):
        try:
            ending.settle(variant, pool=ending.money(0).pool)
        except AnsweredError as error:
            found.append(error.answer)
    return tuple(found)


def prefixes(plan: Plan, seen: Listeners, key: bytes) -> dict[int, int]:
    """Return the beginnings of keyed hashes of whose plays count, and of subscribers."""
    for batches in plan.payers.parts.values():
        seen.pay(batches)
    return seen.prefixes(key)


def partly(request: Request, known: PartFile | None, *, kept: bool) -> Plan:
    """Say how logs of some users are taken in; `kept`: payers are needed again."""
    currency = check_stated(request.money, required=request.money_required)
    plan, _ = plan_of(request, currency, kept=kept or len(variants_of(request)) > 1)
    return replace(plan, counted=counted_of(known), partly=True, rowless=True)


def counted_of(known: PartFile | None) -> dict[str, dict[int, Census]] | None:
    """Return what policies count, as stages take it; None where it is not known."""
    return None if known is None or known.census is None else {unit: {0: one} for unit, one in known.census.items()}


def answered(  # noqa: PLR0913, PLR0917 - what is visited, and how it is called
    taken: Taken,
    own: Sequence[PoolPart],
    everybody: Sequence[PoolPart],
    pool: int,
    visit: Callable[[Usage, Ints], Totals | None],
    rows: int,
    columns: int,
) -> Answer:
    """Visit the users of these logs."""
    codes = places_of(own[pool].artist, everybody[pool].artist).astype(np.uint32)

    def recoded(usage: Usage, out: Ints) -> Totals | None:
        return visit(replace(usage, artist=codes[usage.artist]), out)

    return Answer(*taken.engine.pool(pool).listening.gather(recoded, rows=rows, columns=columns), pool)


def add(several: Sequence[PartFile], names: Sequence[str], request: Request) -> PartFile:
    """Add parts of one round; where all of a month are there, what they answer is known from then on.

    Raises:
        InputError: terms differ, rounds differ, or a part is there twice.

    """
    first = several[0]
    for one, name in zip(several[1:], names[1:], strict=True):
        check_alike(first, one, names[0], name)
    marks = [mark for one in several for mark in one.parts]
    twice = sorted({mark for mark in marks if marks.count(mark) > 1})
    if twice:
        message = f"{counted(len(twice), 'part is', 'parts are')} there twice: {', '.join(mark[:12] for mark in twice)}"
        advice = "Give each once, or a sum and not what is in it; parties that add the same tell themselves apart with "
        raise InputError(message, advice=f"{advice}--party NAME.")
    if first.part is not None and not first.answer and first.terms["overlap key"] is not None and len(several) > 1:
        refuse_common([one.prefixes for one in several], names)
    whole = replace(first, parts=tuple(sorted(marks)), party="", prefixes=None)
    if first.answer:
        answers = first.answer
        for other in several[1:]:
            answers = tuple(mine + more for mine, more in zip(answers, other.answer, strict=True))
        if whole.parts == first.everybody:
            return replace(whole, answers=(*first.answers, *answers), answer=(), everybody=(), after="")
        return replace(whole, answer=answers)
    if first.part is not None:
        parts = [one.part for one in several if one.part is not None]
        return replace(whole, part=add_up(parts, request.qualifying))
    return replace(whole, census=add_censuses([one.census for one in several if one.census is not None]))


def check_alike(one: PartFile, other: PartFile, name: str, other_name: str) -> None:
    """Refuse parts that do not add up.

    Raises:
        InputError: their terms or rounds differ.

    """
    check_terms(one.terms, other.terms, f"{name} and {other_name}")
    if (one.round, one.after) != (other.round, other.after):
        message = f"{name} is of round {one.round} and {other_name} of round {other.round}, or of another sum"
        raise InputError(message, advice="Add the parts of one round, made --after the same sum.")


def check_terms(one: Mapping[str, Any], other: Mapping[str, Any], names: str) -> None:
    """Refuse terms that differ.

    Raises:
        InputError: with the first that does.

    """
    for key in sorted({*one, *other}):
        mine, theirs = one.get(key), other.get(key)
        if mine != theirs:
            differ = f"{key} is {mine!r} and {theirs!r}" if len(f"{mine}{theirs}") <= SHOWN else f"{key} differs"
            message = f"{names} are on different terms: {differ}"
            raise InputError(message, advice="Make all parts of a month with the same options and the same fairpay.")


def conclude(request: Request, held: PartFile, inputs: Sequence[InputFile] = ()) -> Outcome:
    """Settle a month from the sum of all its parts.

    Raises:
        AnotherRound: something must be known first, of all listeners.
        InputError: some parts are missing.
        FairpayError: every other error of a run.

    """
    if held.answer:
        missing = len({*held.everybody} - {*held.parts})
        message = f"{missing:,} of {counted(len(held.everybody), 'part')} of this round are missing"
        raise InputError(message, advice="Give every part; a lost one is made again with --after.")
    if held.part is None:
        raise AnotherRound
    return concluded(*ending_of(request, held.part, counted_of(held) or {}, Transcript(held.answers), inputs))


def concluded(variants: Sequence[Variant], ending: Ending, observer: Observer | None = None) -> Outcome:
    """Do what a run does once its plays are taken in, see `ending_of`."""
    month, outcome = ending.settle(0)
    if observer is not None:
        observer.look(month, outcome)
    return ending.moved(variants, outcome)


def ending_of(  # noqa: PLR0913 - what is known, and who holds the plays
    request: Request,
    whole: MonthPart,
    counted: Mapping[str, Mapping[int, Census]],
    walks: Walks,
    inputs: Sequence[InputFile] = (),
    *,
    opened: Opened | None = None,
) -> tuple[tuple[Variant, ...], Ending]:
    """Return what is divided, and what settles it; `opened`: the logs, where they are known here.

    Raises:
        FairpayError: whatever stops a run once its plays are taken in.

    """
    currency = check_stated(request.money, required=request.money_required)
    variants, cautions = variants_of(request), Cautions() if opened is None else opened.cautions
    for one in whole.warned:
        cautions.add(one.code, one.count, one.examples, one.advice)
    plan, fee_unit = plan_of(request, currency, kept=False)
    month = merged(replace(plan, counted=counted), whole, variants, walks)
    found = sorted(whole.elsewhere.items(), key=lambda one: (-one[1], one[0]))
    elsewhere = found if found or opened is None else named_elsewhere(opened.logs)
    warn_of_counts(whole.columns, elsewhere, request, cautions, month.counts)
    warnings = warned(month, cautions, request)
    return variants, Ending(request, currency, fee_unit, artist_names(request.artists), month, inputs, warnings)
