"""The stages between judging a batch and taking it in: a policy's weights, then what listeners state themselves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from fairpay.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from fairpay.adjust.layering import Layering
    from fairpay.adjust.ruling import Ruling
    from fairpay.adjust.splits import Wishes
    from fairpay.adjust.stated import Stated
    from fairpay.adjust.weights import Touched, Weigher
    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import Fate, Listens, RawBatch
    from fairpay.pipeline.repeats import Once
    from fairpay.settings.values import Conditions, Qualifying, Reading, Running

__all__ = ["Staging", "check_conditions", "open_stages", "read_ruling"]

MOST_VISCOSITY = Fraction(99, 100)


@dataclass
class Staging:
    """Applies what the conditions of a run ask for; without conditions it changes nothing."""

    weigher: Weigher | None = None
    layering: Layering | None = None
    wishes: Stated[Wishes] | None = None
    history: Stated[dict[str, int]] | None = None
    delegations: Stated[dict[str, Fraction]] | None = None
    viscosity: Fraction = Fraction(1, 2)
    delegate_cap: Fraction = Fraction(10)
    set_aside: bool = False
    """Whether lines that cannot be used are set aside instead of refused."""
    payers_met: set[str] = field(default_factory=set)
    delegators: int = 0
    fee_unit: int = 1
    """How many units of what subscribers steer make a minor unit."""

    @property
    def roles(self) -> tuple[str, ...]:
        """Columns of the log wanted besides those that money needs."""
        if self.weigher is None:
            return ()
        from fairpay.adjust.weights import wanted_roles  # noqa: PLC0415 - only where there is one

        return wanted_roles(self.weigher.policy)

    def payers(self, batches: Iterable[tuple[pa.Array, Ints]]) -> Iterable[tuple[pa.Array, Ints]]:
        """Pass on who paid what; where there are delegations, who steers what.

        Raises:
            InputError: a delegator or delegate is no subscriber, or a subscriber comes twice.

        """
        if self.delegations is None:
            return self.noted(batches)
        from fairpay.adjust.layering import delegated  # noqa: PLC0415 - only where there are delegations

        kept = list(self.noted(batches))
        users = {user for ids, _ in kept for user in ids.cast(pa.large_string()).to_pylist()}
        given = self.delegations
        given.leave_out_unknown(lambda user: user in users, "user is not a subscriber")
        given.leave_out_unknown(lambda user: given.by_user[user].keys() <= users, "delegate is not a subscriber")
        given.check(set_aside=self.set_aside)
        self.delegators = len(given.by_user)
        steered, self.fee_unit = delegated(kept, given.by_user, viscosity=self.viscosity, cap=self.delegate_cap)
        return steered

    def noted(self, batches: Iterable[tuple[pa.Array, Ints]]) -> Iterator[tuple[pa.Array, Ints]]:
        """Note which listeners with wishes are subscribers."""
        wishing = pa.array(self.wishes.by_user if self.wishes else [], pa.large_string())
        for users, paid in batches:
            if len(wishing):
                ids = users.cast(pa.large_string())
                self.payers_met.update(ids.filter(pc.is_in(ids, value_set=wishing)).to_pylist())
            yield users, paid

    def apply(self, raw: RawBatch, listens: Listens) -> Listens:
        """Weigh a judged batch, and set aside whose plays are divided anew; called from threads."""
        if self.weigher is not None:
            listens = self.weigher.apply(raw, listens)
        return listens if self.layering is None else self.layering.apply(listens)

    def extra(self) -> list[Callable[[], Iterator[Any]]]:
        """Return what is to be taken in, as it is, after everything else.

        Raises:
            InputError: wishes of users who are neither in the log nor subscribers.

        """
        if self.layering is None:
            return []
        divided = self.layering.extra()
        if self.wishes is not None:
            known = self.layering.met | self.payers_met
            self.wishes.leave_out_unknown(lambda user: user in known, "user is neither in the log nor a subscriber")
            self.wishes.check(set_aside=self.set_aside)
        return [lambda: iter([divided])] if len(divided.used) else []

    @property
    def base(self) -> int:
        """What a play that no line of the policy meets counts."""
        return 1 if self.weigher is None else self.weigher.base

    @property
    def dropped(self) -> Mapping[Fate, int]:
        """Rows that qualified and left here, by reason; no zeros."""
        return {} if self.weigher is None else {fate: n for fate, n in self.weigher.dropped.items() if n}

    @property
    def missed(self) -> tuple[str, ...]:
        """In sentences, how many artists or tracks reach each threshold of the policy."""
        return () if self.weigher is None else self.weigher.missed()

    @property
    def plays_dropped(self) -> int:
        """Their plays."""
        return 0 if self.weigher is None else self.weigher.plays_dropped

    @property
    def touched(self) -> tuple[Touched, ...]:
        """What each line of the policy did."""
        return () if self.weigher is None else tuple(self.weigher.touched)

    def remarks(self) -> tuple[str, ...]:
        """Say in sentences what was done."""
        said = (() if self.weigher is None else self.weigher.remarks()) + (
            () if self.layering is None else self.layering.remarks()
        )
        if self.delegations is None:
            return said
        return (*said, f"delegations: {self.delegators:,} subscribers let others steer part of their money")

    def rejected(self) -> list[pa.Table]:
        """Return the lines of side files that were set aside: file, row, reason."""
        files = (self.history, self.wishes, self.delegations)
        return [stated.rejected() for stated in files if stated is not None and stated.faults]


def open_stages(  # noqa: PLR0913 - the settings of a run
    conditions: Conditions,
    logs: object,
    *,
    reading: Reading,
    qualifying: Qualifying,
    running: Running,
    artists: Path | None = None,
    subscribers: Path | None = None,
    once: Once | None = None,
) -> Staging:
    """Read the side files, and count in the log what a policy's thresholds ask for.

    Raises:
        FairpayError: an unknown policy, a file that cannot be used, a viscosity out of range, or delegations without a
            file of subscribers.

    """
    check_conditions(conditions, subscribers)
    set_aside = reading.rejects is not None
    staging = Staging(viscosity=conditions.viscosity, delegate_cap=conditions.delegate_cap, set_aside=set_aside)
    if conditions.policy is not None:
        from fairpay.adjust.policy import find_policy  # noqa: PLC0415 - only where there is one
        from fairpay.pipeline.census import weigher_for  # noqa: PLC0415 - the same

        policy = find_policy(conditions.policy)
        kept = tuple(limit for limit in policy.thresholds if limit.name != conditions.without)
        staging.weigher = weigher_for(
            replace(policy, thresholds=kept),
            logs,
            reading=reading,
            qualifying=qualifying,
            running=running,
            artists=artists,
            once=once,
        )
    if (conditions.history, conditions.wishes, conditions.delegations) != (None, None, None):
        read_stated(staging, conditions)
    if staging.history or staging.wishes:
        from fairpay.adjust.layering import Layering  # noqa: PLC0415 - only where listeners state something

        past = staging.history.by_user if staging.history else {}
        stated_wishes = staging.wishes.by_user if staging.wishes else {}
        staging.layering = Layering(past, stated_wishes, conditions.kappa)
    return staging


def read_ruling(path: Path) -> Ruling:
    """Read what people have decided.

    Raises:
        InputError: the file cannot be used.

    """
    from fairpay.adjust.decisions import read_decisions  # noqa: PLC0415 - only where people have decided
    from fairpay.adjust.ruling import Ruling  # noqa: PLC0415 - the same

    return Ruling(read_decisions(path))


def read_stated(staging: Staging, conditions: Conditions) -> None:
    """Read what listeners state.

    Raises:
        FairpayError: a file that cannot be used.

    """
    from fairpay.adjust.stated import read_delegations, read_history, read_wishes  # noqa: PLC0415 - see open_stages

    staging.history = None if conditions.history is None else read_history(conditions.history)
    staging.wishes = None if conditions.wishes is None else read_wishes(conditions.wishes)
    staging.delegations = None if conditions.delegations is None else read_delegations(conditions.delegations)
    for stated in (staging.history, staging.wishes, staging.delegations):
        if stated is not None:
            stated.check(set_aside=staging.set_aside)


def check_conditions(conditions: Conditions, subscribers: Path | None) -> None:
    """Refuse what cannot be.

    Raises:
        UsageError: with what is allowed.

    """
    if not 0 <= conditions.viscosity <= MOST_VISCOSITY:
        message = f"the viscosity is {conditions.viscosity}"
        raise UsageError(message, advice="It runs from 0 to 99/100: only what fades lets cycles converge.")
    if conditions.kappa < 0 or conditions.delegate_cap < 0:
        message = "kappa and the delegates' cap are 0 or more"
        raise UsageError(message)
    if conditions.delegations is not None and subscribers is None:
        message = "delegations pass on what subscribers paid, and no file says what they paid"
        raise UsageError(message, advice="Give --subscribers FILE.")
