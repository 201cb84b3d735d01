"""Files of the layers: own history, wishes, delegations. Every line is read or named with its reason."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pyarrow as pa

from fairpay.adjust.layering import Wishes
from fairpay.errors import UsageError
from fairpay.logs.faults import Faults
from fairpay.logs.names import KNOWN
from fairpay.logs.tables import column_for, open_table, read_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from fairpay.settings.values import Conditions

__all__ = ["Stated", "check_conditions", "read_delegations", "read_history", "read_statements", "read_wishes"]

T = TypeVar("T")
KINDS = ("gift", "block", "boost")
AMOUNT = ("amount", "share", "value", "factor")
NUMBER = re.compile(r"-?(\d{1,9}(\.\d{0,9})?|\.\d{1,9})%?|-?\d{1,9}/\d{1,9}", re.ASCII)
MOST_BOOST = 1000
MOST_VISCOSITY = Fraction(99, 100)
ADVICE = "Correct these lines, or set them aside with --rejects FILE. Nothing was written."


@dataclass
class Stated(Generic[T]):
    """What a file states, by user, and the lines that cannot be used."""

    path: Path
    lines: int = 0
    by_user: dict[str, T] = field(default_factory=dict)
    rows: dict[str, list[int]] = field(default_factory=dict)
    """user -> lines, from 1 without the header, that were read."""
    faults: dict[str, list[int]] = field(default_factory=dict)
    """reason -> lines."""

    def fault(self, reason: str, *rows: int) -> None:
        """Note lines that cannot be used."""
        self.faults.setdefault(reason, []).extend(rows)

    def leave_out(self, user: str, reason: str) -> None:
        """Leave out everything a user stated."""
        self.by_user.pop(user, None)
        self.fault(reason, *self.rows.pop(user, []))

    def leave_out_unknown(self, known: Callable[[str], bool], reason: str) -> None:
        """Leave out the lines of users who are not known."""
        for user in [user for user in self.by_user if not known(user)]:
            self.leave_out(user, reason)

    def check(self, *, set_aside: bool) -> None:
        """Refuse the file if lines cannot be used and are not set aside.

        Raises:
            InputError: with counts and the first line of each reason.

        """
        faults = Faults(str(self.path))
        for first, reason, count in sorted((min(rows), reason, len(rows)) for reason, rows in self.faults.items()):
            faults.add(reason, first, count)
        if not set_aside:
            faults.stop(ADVICE, f"{{}} of {self.lines} lines cannot be used")

    def rejected(self) -> pa.Table:
        """Return the lines set aside, as `write_rejects` takes them: file, row, reason."""
        rows = sorted((row, reason) for reason, lines in self.faults.items() for row in lines)
        columns = {
            "row": pa.array([r for r, _ in rows], pa.int64()),
            "reason": pa.array([w for _, w in rows], pa.string()),
        }
        return pa.table({"file": pa.array([str(self.path)] * len(rows), pa.string()), **columns})


def read_history(path: Path) -> Stated[dict[str, int]]:
    """Read past plays: user, artist, plays; the same user and artist add up.

    Raises:
        InputError: the file cannot be read, or a column is missing.

    """
    stated: Stated[dict[str, int]] = Stated(path)
    for row, (user, artist, plays) in texts(stated, ["user", "artist", "plays"]):
        number = whole(plays)
        if not user or not artist:
            stated.fault("user is empty" if not user else "artist is empty", row)
        elif number is None:
            stated.fault("plays is not a whole number from 0", row)
        else:
            mine = stated.by_user.setdefault(user, {})
            stated.rows.setdefault(user, []).append(row)
            if number:
                mine[artist] = mine.get(artist, 0) + number
    return stated


def read_wishes(path: Path) -> Stated[Wishes]:
    """Read wishes: user, artist, kind (gift, block, boost), amount (a gift's share of the money, a boost's factor).

    Raises:
        InputError: the file cannot be read, or a column is missing.

    """
    stated: Stated[Wishes] = Stated(path)
    lines = list(texts(stated, ["user", "artist", "kind", "amount"]))
    pairs = Counter(line[:2] for _, line in lines)
    for row, (user, artist, kind, amount) in lines:
        reason = wrong_wish(user, artist, kind.lower(), amount)
        mine = stated.by_user.get(user, Wishes())
        if reason is None and pairs[user, artist] > 1:  # all of them: no order of lines says which holds
            reason = "the same user and artist twice"
        if reason is not None:
            stated.fault(reason, row)
            continue
        stated.by_user[user] = mine
        stated.rows.setdefault(user, []).append(row)
        if kind.lower() == "block":
            mine.blocked.add(artist)
        else:
            (mine.gifts if kind.lower() == "gift" else mine.boosts)[artist] = number(amount) or Fraction(0)
    for user in [u for u, mine in stated.by_user.items() if sum(mine.gifts.values()) > 1]:
        stated.leave_out(user, "gifts of one user sum to more than 1")
    return stated


def wrong_wish(user: str, artist: str, kind: str, amount: str) -> str | None:
    """Say what is wrong with a wish; None for nothing."""
    if not user or not artist:
        return "user is empty" if not user else "artist is empty"
    if kind not in KINDS:
        return f"kind is none of {', '.join(KINDS)}"
    if kind == "block":
        return None
    value = number(amount)
    if value is None:
        return "amount is not a number"
    if kind == "gift":
        return "gift is negative" if value < 0 else "gift is above 1" if value > 1 else None
    return None if 0 < value <= MOST_BOOST else f"boost is not above 0 and at most {MOST_BOOST}"


def read_delegations(path: Path) -> Stated[dict[str, Fraction]]:
    """Read delegations: user, delegate, share of the user's money.

    Raises:
        InputError: the file cannot be read, or a column is missing.

    """
    stated: Stated[dict[str, Fraction]] = Stated(path)
    lines = list(texts(stated, ["user", "delegate", "share"]))
    pairs = Counter(line[:2] for _, line in lines)
    for row, (user, delegate, share) in lines:
        value = number(share)
        mine = stated.by_user.get(user, {})
        reason = (
            ("user is empty" if not user else "delegate is empty") if not user or not delegate
            else "delegates to oneself" if user == delegate
            else "share is not a number" if value is None
            else "share is negative" if value < 0
            else "share is above 1" if value > 1
            else "the same user and delegate twice" if pairs[user, delegate] > 1
            else None
        )  # fmt: skip
        if reason is not None or value is None:
            stated.fault(reason or "", row)
            continue
        stated.by_user[user] = {**mine, delegate: value}
        stated.rows.setdefault(user, []).append(row)
    for user in [u for u, mine in stated.by_user.items() if sum(mine.values()) > 1]:
        stated.leave_out(user, "shares of one user sum to more than 1")
    return stated


def texts(stated: Stated[T], roles: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the line number and the texts of each line, spaces around them taken off, empty where missing."""
    log = open_table(stated.path)
    known = {"kind": ("kind", "wish"), "amount": AMOUNT, "delegate": ("delegate", "delegate_id", "to"), "share": AMOUNT}
    names = [column_for(log.names, {**KNOWN, **known}[role], what=role, where=stated.path) for role in roles]
    for numbers, broken, columns in read_columns(log, list(dict.fromkeys(names)), listing=True):
        values = [columns[name].cast(pa.large_string()).fill_null("").to_pylist() for name in names]
        stated.lines += len(numbers)
        for row, wrong, line in zip(numbers.tolist(), broken.tolist(), zip(*values, strict=True), strict=True):
            if wrong:
                stated.fault("more fields than the header", row)
            else:
                yield row, line


def number(text: str) -> Fraction | None:
    """Read 0.25, 25% or 1/4 exactly; None for anything else."""
    text = text.strip()
    if not NUMBER.fullmatch(text):
        return None
    try:
        return Fraction(text[:-1]) / 100 if text.endswith("%") else Fraction(text)
    except ZeroDivisionError:
        return None


def whole(text: str) -> int | None:
    """Read a whole number from 0; None for anything else."""
    return int(text) if re.fullmatch(r"\s*\d{1,12}\s*", text, re.ASCII) else None


def read_statements(
    history: Path | None, wishes: Path | None, delegations: Path | None, *, set_aside: bool
) -> dict[str, Any]:
    """Read what listeners state, each by its name; None for what no file states.

    Raises:
        InputError: a file cannot be used, or lines of it where they are not set aside.

    """
    readers: list[tuple[str, Path | None, Callable[[Path], Stated[Any]]]] = [
        ("history", history, read_history),
        ("wishes", wishes, read_wishes),
        ("delegations", delegations, read_delegations),
    ]
    found = {name: None if path is None else read(path) for name, path, read in readers}
    for stated in found.values():
        if stated is not None:
            stated.check(set_aside=set_aside)
    return found


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
