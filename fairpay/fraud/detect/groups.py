"""Groups of several signals put together, so that an account stands in one group at most."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from fairpay.fraud.signal import GroupSignal
    from fairpay.fraud.traces import Crowd
    from fairpay.kernels.arrays import Ints

__all__ = ["Company", "find_groups", "group_name"]

LEAST = 3


@dataclass(frozen=True, slots=True)
class Company:
    """Accounts that one or several signals put together."""

    users: Ints
    """int64[members]: ascending."""
    values: dict[str, float]
    """signal -> how strongly."""
    reasons: tuple[str, ...]


def find_groups(signals: Sequence[GroupSignal], crowd: Crowd) -> list[Company]:
    """Run the group signals, the largest groups first; a group most of whose members are known joins theirs."""
    found = [(signal, group) for signal in signals for group in signal.find(crowd)]
    found.sort(key=lambda one: (-len(one[1].users), int(one[1].users[0]), one[0].name))
    place = np.full(len(crowd.plays), -1, dtype=np.int64)
    companies: list[Company] = []
    for signal, group in found:
        home = settle(place, group.users, len(companies))
        words = (signal.words(group),)
        fresh = group.users[place[group.users] < 0]
        if home < len(companies):
            company = companies[home]
            place[fresh] = home
            values = {signal.name: group.value, **company.values}
            companies[home] = Company(np.union1d(company.users, fresh), values, company.reasons + words)
        elif len(fresh) >= LEAST:
            place[fresh] = home
            companies.append(Company(fresh, {signal.name: group.value}, words))
    return companies


def settle(place: Ints, users: Ints, new: int) -> int:
    """Return the company that already has at least half of the users; `new` where there is none."""
    known = place[users]
    homes, members = np.unique(known[known >= 0], return_counts=True)
    if len(homes) and 2 * int(members.max()) >= len(users):
        return int(homes[np.argmax(members)])
    return new


def group_name(users: Ints, ids: pl.Series) -> str:
    """Name a group by its members, so that the same accounts have the same name in every run."""
    return "group-" + sha256("\n".join(ids.gather(users).to_list()).encode()).hexdigest()[:12]
