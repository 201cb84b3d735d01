"""Files of history, wishes and delegations: read exactly, or refused with every reason and its first line."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from fairpay.adjust.layering import Wishes
from fairpay.adjust.stated import read_delegations, read_history, read_wishes
from fairpay.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Write a file and give its path."""

    def to_file(text: str) -> Path:
        path = tmp_path / "stated.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


def test_history_adds_up(write: Callable[[str], Path]) -> None:
    stated = read_history(write("user,artist,plays\n007,a,3\n007,a,4\n007,b,0\n"))
    assert stated.by_user == {"007": {"a": 7}}
    stated.check(set_aside=False)


def test_wishes_are_exact(write: Callable[[str], Path]) -> None:
    text = "user,artist,kind,amount\nu,a,gift,0.1\nu,b,GIFT,25%\nu,c,gift,1/3\nu,d,block,\nu,e,boost,2\n"
    expected = Wishes({"a": Fraction(1, 10), "b": Fraction(1, 4), "c": Fraction(1, 3)}, {"d"}, {"e": Fraction(2)})
    assert read_wishes(write(text)).by_user == {"u": expected}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",a,gift,1", "user is empty"),
        ("u,,gift,1", "artist is empty"),
        ("u,a,tip,1", "kind is none of gift, block, boost"),
        ("u,a,gift,-0.1", "gift is negative"),
        ("u,a,gift,1.01", "gift is above 1"),
        ("u,a,gift,much", "amount is not a number"),
        ("u,a,gift,1/0", "amount is not a number"),
        ("u,a,gift,nan", "amount is not a number"),
        ("u,a,boost,0", "boost is not above 0 and at most 1000"),
        ("u,a,block,\nu,a,gift,0.1", "the same user and artist twice"),
        ("u,a,gift,0.6\nu,b,gift,0.6", "gifts of one user sum to more than 1"),
    ],
)
def test_a_wrong_wish_is_refused_or_set_aside(write: Callable[[str], Path], line: str, reason: str) -> None:
    stated = read_wishes(write(f"user,artist,kind,amount\nv,a,block,\n{line}\n"))
    with pytest.raises(InputError) as caught:
        stated.check(set_aside=False)
    assert [problem.reason for problem in caught.value.problems] == [reason]
    stated.check(set_aside=True)
    assert set(stated.rejected()["reason"].to_pylist()) == {reason}
    assert "v" in stated.by_user


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("u,u,0.5", "delegates to oneself"),
        ("u,v,1.5", "share is above 1"),
        ("u,v,-1", "share is negative"),
        ("u,v,all", "share is not a number"),
        ("u,,1", "delegate is empty"),
        (",v,1", "user is empty"),
        ("u,v,0.5\nu,v,0.5", "the same user and delegate twice"),
        ("u,v,0.6\nu,w,0.6", "shares of one user sum to more than 1"),
    ],
)
def test_a_wrong_delegation_is_refused(write: Callable[[str], Path], line: str, reason: str) -> None:
    stated = read_delegations(write(f"user,delegate,share\n{line}\n"))
    with pytest.raises(InputError) as caught:
        stated.check(set_aside=False)
    assert [problem.reason for problem in caught.value.problems] == [reason]
    assert "first at row" in caught.value.problems[0].where


def test_unknown_users_are_named_by_line_and_not_by_id(write: Callable[[str], Path]) -> None:
    stated = read_delegations(write("user,delegate,share\nsecret,v,1\nw,v,1\n"))
    stated.leave_out_unknown(lambda user: user == "w", "user is not a subscriber")
    with pytest.raises(InputError) as caught:
        stated.check(set_aside=False)
    assert caught.value.problems[0].where == "first at row 1"
    assert "secret" not in str(caught.value) + str(caught.value.problems) + caught.value.advice
    assert list(stated.by_user) == ["w"]


@pytest.mark.parametrize("plays", ["-1", "1.5", "x", ""])
def test_a_wrong_history_is_refused(write: Callable[[str], Path], plays: str) -> None:
    stated = read_history(write(f"user,artist,plays\nu,a,{plays}\n"))
    with pytest.raises(InputError, match="1 of 1 lines"):
        stated.check(set_aside=False)


def test_a_missing_column_names_what_was_looked_for(write: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match="kind"):
        read_wishes(write("user,artist\nu,a\n"))


@pytest.mark.parametrize("step", [1, -1])
def test_a_pair_stated_twice_is_set_aside_whole_in_any_order_of_lines(tmp_path: Path, step: int) -> None:
    lines = ["u1,a,gift,0.1", "u1,a,gift,0.5", "u1,b,gift,0.2"]
    wishes = tmp_path / "wishes.csv"
    wishes.write_text("\n".join(["user,artist,kind,amount", *lines[::step]]))
    stated = read_wishes(wishes)
    assert dict(stated.by_user["u1"].gifts) == {"b": Fraction(1, 5)}
    assert [len(rows) for rows in stated.faults.values()] == [2]
    delegations = tmp_path / "delegations.csv"
    told = ["u1,d,0.1", "u1,d,0.5", "u1,e,0.2"]
    delegations.write_text("\n".join(["user,delegate,share", *told[::step]]))
    given = read_delegations(delegations)
    assert given.by_user == {"u1": {"e": Fraction(1, 5)}}
