"""What people decided about users and artists: the file they fill in, and what it does to plays, exactly.

Excluded plays leave by a reason of their own. Held plays are paid to a line of their own instead of to the artist.
A weight multiplies listening before any rule: every amount is multiplied by the common denominator of all weights, so
that each product is a whole number; rules divide by sums, so that multiples are paid the same.
For penalties, excluded plays are kept in a second division under their artist, marked with the share that is charged of
what they would have earned.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256
from math import lcm
from threading import Lock
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.adjust.factors import marked, places
from fairpay.errors import InputError, Problem, UsageError
from fairpay.logs.faults import Faults
from fairpay.logs.tables import bare, open_table, read_columns
from fairpay.money.counts import counted
from fairpay.money.currency import LARGEST, parse_rate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import Listens

__all__ = [
    "HELD",
    "PENALTY",
    "Action",
    "Decision",
    "Decisions",
    "Kind",
    "Penalties",
    "Undecided",
    "read_decisions",
]

Kind: TypeAlias = Literal["user", "artist"]
Action: TypeAlias = Literal["keep", "hold", "exclude", "weight"]
Undecided: TypeAlias = Literal["refuse", "keep"]


@dataclass(frozen=True, slots=True)
class Decision:
    """One decided subject."""

    kind: Kind
    subject: str
    """The id, as in the log."""
    action: Action
    """`keep` changes nothing, `hold` pays the plays to a suspense line, `exclude` leaves them out, `weight` counts them
    for a part."""
    weight: Fraction
    """What plays count: 1 for keep and hold, 0 for exclude."""
    by: str
    """Who decided."""
    note: str
    row: int
    """Line in the file, from 1 without the header, for messages."""
    penalty: Fraction | None = None
    """The share charged of what excluded plays would have earned, 0 to 1; None: as the run says. An artist's own goes
    before that of the account."""

    @property
    def mark(self) -> str:
        """The subject's hash, which stands for the id wherever results are kept: the same in every run.

        It hides an id from a reader and not from somebody who has a list of ids to try.
        """
        return sha256(f"{self.kind}\0{self.subject}".encode()).hexdigest()[:32]

    @property
    def said(self) -> str:
        """The decision as it is written: `weight 1/2`."""
        return f"weight {self.weight}" if self.action == "weight" else self.action


@dataclass(frozen=True, slots=True)
class Penalties:
    """How payees are charged for excluded plays."""

    share: Fraction | None = None
    """The share of what these would have earned, where no decision states its own; None: nothing then."""
    to: Literal["pool", "platform"] = "pool"
    """Who gets it: those the pool pays, in proportion, or the platform."""

    def charging(self, decisions: Sequence[Decision] | None) -> bool:
        """Whether anything may be charged.

        Raises:
            UsageError: a share is stated, and no decisions are.

        """
        if decisions is None and self != Penalties():
            message = "--penalty is about excluded plays, and no decisions are given"
            raise UsageError(message, advice="Add --decisions FILE, or leave out --penalty and --penalty-to.")
        return bool(decisions) and (self.share is not None or any(one.penalty is not None for one in decisions or ()))


PENALTY = "\0penalty:"
"""What stands between the artist of an excluded play and the share that is charged of it."""
HELD = "held:"
"""What the id of a suspense line begins with; the subject's hash follows."""
MOST_SCALE = 10**6
"""Weights with a larger common denominator are refused: listening would leave int64."""


class Decisions:
    """Applies decisions to batches, from any number of threads, and counts what each touched."""

    def __init__(
        self, decisions: Sequence[Decision], *, apart: bool = False, penalties: Penalties | None = None
    ) -> None:
        """Apply `decisions`; with `apart`, nothing is left out or weighed, and every decided play goes to its own line.

        With `penalties`, excluded plays stay, and `marked` tells them apart.

        Raises:
            InputError: the weights have no common denominator of a reasonable size.

        """
        self.decisions, self.apart = tuple(decisions), apart
        scales = {kind: 1 if apart else common(decisions, kind) for kind in ("user", "artist")}
        self.scale = scales["user"] * scales["artist"]
        if self.scale > MOST_SCALE:
            message = f"the weights' common denominator is {self.scale:,}"
            raise InputError(message, advice=f"Use weights whose common denominator is at most {MOST_SCALE:,}.")
        self.ids = {
            kind: pa.array([d.subject for d in decisions if d.kind == kind], pa.large_string()) for kind in scales
        }
        self.place = {kind: np.array([k for k, d in enumerate(decisions) if d.kind == kind] + [-1]) for kind in scales}
        actions = np.array([one.action for one in decisions] + ["keep"])
        self.penalties = penalties
        self.excluded = actions == "exclude"
        self.out = self.excluded & (not apart) & (penalties is None)
        self.weighs = "weight" in actions and not apart
        self.aside = (actions != "keep") if apart else (actions == "hold")
        self.weight = {
            kind: np.array([int(self.weight_of(one) * scale) for one in decisions] + [scale], dtype=np.int64)
            for kind, scale in scales.items()
        }
        self.lines = pa.array([HELD + one.mark for one in decisions] + [None], pa.large_string())
        self.lock = Lock()
        self.met = np.zeros(len(actions), dtype=np.int64)
        self.touched = np.zeros(len(actions), dtype=np.int64)
        self.plays = np.zeros(len(actions), dtype=np.int64)
        self.charged = np.zeros(len(actions), dtype=np.int64)
        """Excluded rows that were marked, by the decision about their artist."""
        self.left_out = 0

    def find(self, kind: Kind, column: pa.Array) -> Ints:
        """Return for each row the place of the decision about its user or artist, -1 for none: int64[rows]."""
        found: Ints = self.place[kind][places(column, self.ids[kind])]
        return found

    def weight_of(self, one: Decision) -> Fraction:
        """What plays of a subject count."""
        stays = self.apart or (self.penalties is not None and one.action == "exclude")
        return Fraction(1) if stays else one.weight

    def apply(self, listens: Listens) -> Listens:
        """Apply the decisions to a judged batch."""
        user, artist = self.find("user", listens.user), self.find("artist", listens.artist)
        self.count(user, artist, listens)
        if not ((user >= 0) | (artist >= 0)).any():
            return self.scaled(listens, user, artist)
        out = listens.used & (self.out[user] | self.out[artist])
        with self.lock:
            self.left_out += int(out.sum())
        line = np.where(self.aside[user], user, np.where(self.aside[artist], artist, -1))
        if self.penalties is not None:
            line[self.excluded[user] | self.excluded[artist]] = -1
        weighed = self.scaled(listens, user, artist)
        return replace(weighed, used=listens.used & ~out, artist=self.moved(listens.artist, line))

    def scaled(self, listens: Listens, user: Ints, artist: Ints) -> Listens:
        """Multiply listening by the weights; a play of a weighed user and a weighed artist counts for the product.

        Raises:
            InputError: a product leaves 62 bits.

        """
        if not self.weighs:
            return listens
        amount = np.ones(len(listens.used), dtype=np.int64) if listens.amount is None else listens.amount
        if amount.max(initial=0) > LARGEST // self.scale:
            message = f"listening times {self.scale:,}, the weights' common denominator, is more than 2^62"
            raise InputError(message, advice="Use weights with a smaller common denominator.")
        return replace(listens, amount=amount * self.weight["user"][user] * self.weight["artist"][artist])

    def moved(self, artist: pa.Array, line: Ints) -> pa.Array:
        """Put the plays of a held subject under its line."""
        aside = line >= 0
        if not aside.any():
            return artist
        text = artist.cast(pa.large_string())
        return pc.replace_with_mask(text, pa.array(aside), self.lines.take(pa.array(line[aside])))

    def marked(self, listens: Listens, artist: pa.Array, source: pa.Array, inside: NDArray[np.bool_]) -> pa.Array:
        """Mark the sources of excluded plays with the share that is charged: large_string[rows].

        Args:
            listens: the plays, after all that is done with them.
            artist: large_string[rows]: whose they are, held or not.
            source: large_string[rows]: under which name they earn.
            inside: bool[rows]: whether a pool pays them.

        Raises:
            InputError: an id has the mark in it.

        """
        if self.penalties is None:
            return source
        user, artist_at, size = self.find("user", listens.user), self.find("artist", artist), len(self.charged)
        gone = inside & (self.excluded[user] | self.excluded[artist_at])
        with self.lock:
            self.charged += np.bincount(artist_at[gone] + 1, minlength=size)[np.r_[1:size, 0]]
        stated = np.array([one.penalty is not None for one in self.decisions] + [False])
        place = np.where(stated[artist_at], artist_at, np.where(self.excluded[user] & stated[user], user, size - 1))
        shares = [*(one.penalty for one in self.decisions), self.penalties.share]
        return marked(source, PENALTY, [str(share or 0) for share in shares], np.where(gone, place, -1))

    def count(self, user: Ints, artist: Ints, listens: Listens) -> None:
        """Count the rows that name each subject, the used ones among them, and their plays."""
        size, used = len(self.met), listens.used
        plays = np.ones(len(used), dtype=np.int64) if listens.plays is None else listens.plays
        with self.lock:
            for who in (user, artist):
                self.met += np.bincount(who + 1, minlength=size)[np.r_[1:size, 0]]
                self.touched += np.bincount(who[used] + 1, minlength=size)[np.r_[1:size, 0]]
                np.add.at(self.plays, who[used], plays[used])

    def finish(self) -> None:
        """Refuse decisions about subjects that no row names, and penalties on artists of whom nothing is excluded.

        Raises:
            InputError: with how many there are and the line of the first.

        """
        unknown = [one for k, one in enumerate(self.decisions) if not self.met[k]]
        if unknown:
            message = f"{len(unknown)} of {len(self.decisions)} decisions are about nobody in the log"
            problem = Problem(len(unknown), "subject is not in the log", f"first at row {unknown[0].row}")
            advice = "Give the decisions of this month's review, or remove those lines."
            raise InputError(message, problems=[problem], advice=advice)
        charged = zip(self.decisions, self.charged, strict=False)
        idle = [one for one, rows in charged if one.kind == "artist" and one.penalty and not rows]
        if self.penalties is not None and idle:
            message = f"{counted(len(idle), 'penalty', 'penalties')} on artists of whom no play is excluded"
            problem = Problem(len(idle), "nothing of the artist is excluded", f"first at row {idle[0].row}")
            raise InputError(message, problems=[problem], advice="Exclude what is charged, or empty the penalty.")


def common(decisions: Sequence[Decision], kind: str) -> int:
    """Return the common denominator of the weights of one kind of subject."""
    return lcm(*(one.weight.denominator for one in decisions if one.kind == kind))


NEEDED = ("kind", "subject", "decision")
KNOWN = (*NEEDED, "group", "by", "note", "penalty")
KINDS = ("user", "artist", "group")
WEIGHT = re.compile(r"weight\s*[:=]?\s*(\d{1,9}(?:[.,]\d{1,9})?\s*%?|\d{1,9}/\d{1,9})", re.IGNORECASE)
WORDS = "keep, hold, exclude, or weight with a number from 0 to 1 (weight 0.5)"
ADVICE = (
    f"Write {WORDS} on every line; a line of a group's decision holds for members left blank. "
    "With --undecided keep all other blank lines are kept. A penalty is a share (50%) of what is excluded."
)
FULL = 100


ReviewLine: TypeAlias = "dict[str, str]"
"""What a line of the file says, by KNOWN; empty where it has no such column."""


def read_decisions(path: Path, *, undecided: Undecided = "refuse") -> tuple[Decision, ...]:
    """Read decisions about users and artists; a group's decision goes to those of its members left blank.

    What is then still blank is a fault, or with `undecided="keep"` is kept.

    Raises:
        InputError: the file cannot be read, a column is missing, or lines are blank, unreadable or contradict another.

    """
    lines = dict(read_lines(path))
    blank = "keep" if undecided == "keep" else ""
    deciding = (line for line in lines.values() if line["kind"].lower() == "group" and line["decision"])
    of_group = {line["subject"]: line for line in deciding}
    found: dict[tuple[str, str], Decision] = {}
    faults = Faults(path.name)
    for row, line in lines.items():
        if line["kind"].lower() == "group":
            if (line["decision"] or not blank) and (reason := wrong_group(line, lines.values())):
                faults.add(reason, row)
            continue
        decision = decide(row, line, of_group.get(line["group"]), blank)
        if isinstance(decision, str):
            faults.add(decision, row)
            continue
        other = found.setdefault((decision.kind, decision.subject), decision)
        if (other.action, other.weight, other.penalty) != (decision.action, decision.weight, decision.penalty):
            faults.add("the same subject with another decision", row)
    faults.stop(ADVICE, f"{{}} {'lines' if faults.count > 1 else 'line'} cannot be used")
    return tuple(found.values())


def decide(row: int, line: ReviewLine, group: ReviewLine | None, blank: str) -> Decision | str:
    """Make the decision of one line, `blank` where none is written; return what is wrong with it instead."""
    kind = line["kind"].lower()
    if kind not in KINDS:
        return f"kind is none of {', '.join(KINDS)}"
    if not line["subject"]:
        return "subject is empty"
    deciding = line if line["decision"] or group is None else group
    if not (written := deciding["decision"] or blank):
        return "decision is blank"
    read = read_action(written)
    if read is None:
        return "decision is not understood"
    action, weight = read
    which: Kind = "artist" if kind == "artist" else "user"
    penalty = read_penalty(line["penalty"] or deciding["penalty"], excluded=action == "exclude" or which == "artist")
    if isinstance(penalty, str):
        return penalty
    return Decision(which, line["subject"], action, weight, deciding["by"], deciding["note"], row, penalty)


def read_penalty(text: str, *, excluded: bool) -> Fraction | str | None:
    """Read the share that is charged, None where none is stated; return what is wrong with it instead."""
    if not text:
        return None
    try:
        return parse_rate(text) if excluded else "a penalty on an account that is not excluded"
    except UsageError:
        return "penalty is not a share from 0 to 100 %"


def wrong_group(line: ReviewLine, lines: Iterable[ReviewLine]) -> str | None:
    """Say what is wrong with a group's line: it decides, or every member does."""
    if line["decision"]:
        return None if read_action(line["decision"]) else "decision is not understood"
    if line["penalty"]:
        return "a penalty without a decision"
    members = [one for one in lines if one["group"] == line["subject"] and one["kind"].lower() == "user"]
    return None if members and all(one["decision"] for one in members) else "decision is blank"


def read_action(text: str) -> tuple[Action, Fraction] | None:
    """Read `keep`, `hold`, `exclude` or `weight 0.5` (also 50%, 1/2, 0,5); None where it is none of these."""
    word = text.strip().lower()
    plain: dict[str, tuple[Action, Fraction]] = {
        "keep": ("keep", Fraction(1)),
        "hold": ("hold", Fraction(1)),
        "exclude": ("exclude", Fraction(0)),
    }
    if word in plain:
        return plain[word]
    written = WEIGHT.fullmatch(word)
    if not written:
        return None
    number = written[1].replace(",", ".").replace(" ", "")
    if re.search(r"/0+$", number):
        return None
    weight = Fraction(number.rstrip("%")) / (FULL if number.endswith("%") else 1)
    return ("weight", weight) if weight <= 1 else None


def read_lines(path: Path) -> Iterator[tuple[int, ReviewLine]]:
    """Read every line that is not blank, from 1 without the header, its columns known by that.

    Raises:
        InputError: the file cannot be read or lacks a column.

    """
    table = open_table(path, known=KNOWN)
    names = {name.strip().lower(): name for name in table.names}
    missing = [name for name in NEEDED if name not in names]
    if missing:
        message = f"{path.name}: no column {' or '.join(missing)}"
        raise InputError(message, advice="Give the review file that `fairpay suspects` wrote, filled in.")
    for numbers, _, columns in read_columns(table, table.names):
        texts = [column.cast(pa.large_string()).fill_null("").to_pylist() for column in columns.values()]
        for row, *cells in zip(numbers.tolist(), *texts, strict=True):
            if any(cell.strip() for cell in cells):
                line = dict(zip(columns, map(bare, cells), strict=True))
                said = {name: line[names[name]] if name in names else "" for name in KNOWN}
                yield row, {name: cell if name == "subject" else cell.strip() for name, cell in said.items()}
