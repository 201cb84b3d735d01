"""A month with accounts added, and one whose users lie in large blocks, are the months they say they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attack_months import months
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import NaiveMonth, run

from fairpay.pipeline.joined import Accounts, Joined, in_blocks
from fairpay.rules import find_rule

if TYPE_CHECKING:
    from fairpay.rules.core.month import Users

EVERY = ["market-centric", "user-centric", "equal-split", "weighted", "norm", "top-artist", "independent-markets",
         "median"]  # fmt: skip


def written_out(month: NaiveMonth, added: Accounts) -> NaiveMonth:
    """The same month from rows, each account a user of its own; made-up artists sort last."""
    names = [*month.names, "zz1", "zz2"]
    rows = [*month.rows]
    for k in range(added.count):
        rows += [(f"bot{k}", names[j], int(x)) for j, x in zip(added.artist, added.amount, strict=True)]
    fees = {**month.fees, **{f"bot{k}": added.fee for k in range(added.count)}}
    return NaiveMonth(rows, fees=fees, pool=month.pool, rate=month.rate)


@settings(max_examples=30, deadline=None)
@given(month=months(), count=st.integers(1, 5), amounts=st.lists(st.integers(1, 99), min_size=3, max_size=3))
def test_a_joined_month_is_the_month_written_out(month: NaiveMonth, count: int, amounts: list[int]) -> None:
    known = month.facts.artists
    added = Accounts(count, 777, np.array([0, known, known + 1]), np.array(amounts), sum(amounts))
    joined, plain = Joined(month, [added], month.pool, made_up=2), written_out(month, added)
    assert joined.facts == plain.facts
    assert joined.artist_amount.tolist() == plain.artist_amount.tolist()
    assert joined.artist_listeners.tolist() == plain.artist_listeners.tolist()
    for name in EVERY:
        rule = find_rule(name)
        assert run(rule, joined).tolist() == run(rule, plain).tolist()


@settings(max_examples=20, deadline=None)
@given(month=months())
def test_holding_users_in_blocks_changes_none_of_them(month: NaiveMonth) -> None:

    def everybody(users: Users) -> list[tuple[int, int, int]]:
        return list(zip(users.fee.tolist(), users.total.tolist(), users.plays.tolist(), strict=True))

    made = in_blocks(month)
    assert sum(made.each_users(everybody), []) == sum(month.each_users(everybody), [])  # noqa: RUF017 - a few users
    assert made.facts == month.facts
    assert made.artist_amount.tolist() == month.artist_amount.tolist()


def test_many_accounts_come_in_blocks_of_bounded_size() -> None:
    added = Accounts(1000, 1, np.arange(5000), np.ones(5000, dtype=np.int64), 5000)
    blocks = list(added.blocks(entries=5000))
    assert sum(blocks) == 1000
    assert max(blocks) * 5000 <= 1 << 20
