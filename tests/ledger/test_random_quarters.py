"""Random quarters: whatever happens, corrections undone or not, the books say what plain rows say."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from laying import examples
from naive_ledger import Terms, corrections, left_by, naive_earn
from naive_ledger import month as naive_month

from fairpay.ledger.accounts import closed_month
from fairpay.ledger.adjust import Correction, adjust
from fairpay.ledger.close import close
from fairpay.ledger.closing import Closing, load
from fairpay.ledger.model import Booking, plus
from fairpay.ledger.verify import verify_books
from fairpay.pipeline.request import Watch

if TYPE_CHECKING:
    from fairpay.ledger.facts import Earned
    from fairpay.ledger.model import Row

PERIODS = ("2026-11", "2026-12", "2027-01")
ARTISTS, USERS, PAYEES = ("a", "b", "c", "d"), ("u1", "u2", "u3"), ("a", "p", "q")
SPLITS = {
    "b": {"p": Fraction(1, 3), "q": Fraction(2, 3)},
    "c": {"a": Fraction(1, 7), "p": Fraction(3, 7), "q": Fraction(3, 7)},
}

Play = tuple[str, str, str, int]


@dataclass(frozen=True)
class Drawn:
    """One month as it is drawn."""

    plays: tuple[Play, ...]
    gross: tuple[int, int]
    rules: tuple[str, str]
    known: frozenset[str]
    holds: frozenset[str]
    advance: int
    tax: Fraction
    fraud: str | None
    """A user who turns out to be none in the month after."""
    undone: bool
    """Whether that is taken back at once."""


plays = st.lists(
    st.tuples(st.sampled_from(USERS), st.sampled_from(ARTISTS), st.sampled_from(("DE", "US", "FR")), st.integers(1, 9)),
    min_size=1,
    max_size=8,
).map(tuple)
rule = st.sampled_from(("market-centric", "user-centric"))
months = st.builds(
    Drawn,
    plays=plays,
    gross=st.tuples(st.integers(0, 10_000), st.integers(0, 500)),
    rules=st.tuples(rule, rule),
    known=st.frozensets(st.sampled_from(ARTISTS)),
    holds=st.frozensets(st.sampled_from(PAYEES)),
    advance=st.integers(0, 3_000),
    tax=st.sampled_from((Fraction(0), Fraction(1, 7), Fraction(1, 2), Fraction(9, 10))),
    fraud=st.none() | st.sampled_from(USERS),
    undone=st.booleans(),
)
quarters = st.lists(months, min_size=1, max_size=3)


def closing(place: Path, period: str, drawn: Drawn, advances: dict[str, int]) -> Closing:
    """Write a month's files, and say what is asked."""
    own = place / period
    own.mkdir()
    de, jp = drawn.gross
    tables = {
        "pools": "pool,territory,offering,gross,currency,rule\n"
        f"eur,DE,x,{de // 100}.{de % 100:02d},EUR,{drawn.rules[0]}\njpy,US,x,{jp},JPY,{drawn.rules[1]}\n",
        "splits": "artist,payee,share\n" + "".join(f"{a},{p},{s}\n" for a, ps in SPLITS.items() for p, s in ps.items()),
        "artists": "artist\n" + "".join(f"{artist}\n" for artist in sorted(drawn.known)),
        "holds": "payee,reason\n" + "".join(f"{payee},why not\n" for payee in sorted(drawn.holds)),
        "advances": "payee,amount,currency,period\n"
        + "".join(f"p,{units // 100}.{units % 100:02d},EUR,{month}\n" for month, units in advances.items()),
        "taxes": f"payee,rate,tax\np,{drawn.tax},tax abroad\nq,3/10,\n",
    }
    for name, content in tables.items():
        (own / f"{name}.csv").write_text(content)
    lines = [f"{user},{artist},{country},x,{count}\n" for user, artist, country, count in drawn.plays]
    (own / "plays.csv").write_text("user,artist,country,plan,plays\n" + "".join(lines))
    (own / "fraud.csv").write_text(f"user\n{drawn.fraud}\n")
    return Closing(
        period=period,
        books=place / "books",
        logs=(str(own / "plays.csv"),),
        tables={name: own / f"{name}.csv" for name in tables},
        minimum_payment="EUR=10.00,JPY=1000",
    )


def live(place: Path, quarter: list[Drawn]) -> None:
    """Live through a quarter in the books and in plain rows: every row of every month is the same."""
    rows: list[list[Row]] = []
    owed: list[Row] = []
    advances: dict[str, int] = {}
    for period, drawn in zip(PERIODS, quarter, strict=False):
        advances[period] = drawn.advance
        asked = closing(place, period, drawn, advances)
        month, loaded = close(asked, divide=naive_earn), load(asked)
        booking = Booking(month.run_id, period)
        terms = Terms(left_by(rows), loaded.standing, asked.paying({"EUR", "JPY"}), booking)
        earned = naive_earn(asked, loaded, Watch())
        rows.append(naive_month(earned, [row._replace(run_id=month.run_id) for row in owed], loaded.routing, terms))
        assert list(month.rows) == rows[-1]
        stated(place / "books", rows)
        owed = list(corrected(asked, drawn, earned, booking))
    assert [control for control in verify_books(place / "books") if not control.ok] == []


def stated(books: Path, months: list[list[Row]]) -> None:
    """Each statement foots in every column, and says what plain rows say: of this month, of those before, to date."""
    accounts = closed_month(books, None).accounts
    assert [control for control in accounts.controls() if not control.ok] == []
    said: dict[tuple[str, str], dict[str, tuple[int, ...]]] = defaultdict(dict)
    for payee, currency, _, item, *amounts in accounts.summary.iter_rows():
        said[payee, currency][item] = tuple(amounts)
    for items in said.values():
        for column in range(3):
            payable = items["Payable"][column]
            assert sum(amounts[column] for item, amounts in items.items() if item != "Payable") == payable
    for item, kind in (("Payable", "payable"), ("Tax withheld", "tax"), ("Advance recouped", "recoup")):
        now, before = (paid_of([row for rows in some for row in rows], kind) for some in (months[-1:], months[:-1]))
        for account, items in said.items():
            expected = (before[account], now[account], before[account] + now[account])
            assert items.get(item, (0, 0, 0)) == expected
        assert not {account for account, amount in now.items() if amount} - said.keys()


def paid_of(rows: list[Row], kind: str) -> Counter[tuple[str, str]]:
    """Account -> what its rows of a kind sum to."""
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if row.kind == kind:
            found[row.payee, row.currency] += row.amount
    return found


def corrected(asked: Closing, drawn: Drawn, earned: Earned, closed: Booking) -> list[Row]:
    """Take a user's plays out of a closed month, and perhaps put them back; return what plain rows say is owed."""
    if drawn.fraud is None:
        return []
    fraud = (asked.tables["pools"].with_name("fraud.csv"),)
    booked = adjust(asked, Correction(exclude=fraud), divide=naive_earn)
    loaded = load(replace(asked, exclude=fraud))
    after = naive_earn(asked, loaded, Watch())
    rows = list(corrections(earned, after, loaded.routing, Booking("", plus(closed.period, 1)), closed))
    if drawn.undone:
        adjust(asked, Correction(undo=booked.run_id), divide=naive_earn)
        rows += [row._replace(amount=-row.amount) for row in rows]
    return rows


@examples(6, 300)
@given(quarter=quarters)
def test_the_books_say_what_plain_rows_say(quarter: list[Drawn]) -> None:
    with tempfile.TemporaryDirectory() as place:
        live(Path(place), quarter)


@examples(5, 15)
@given(drawn=months, cut=st.integers(0, 8))
def test_the_order_of_log_files_changes_no_byte(drawn: Drawn, cut: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        ledgers = []
        for turn in (False, True):
            own = Path(place) / str(turn)
            own.mkdir()
            asked = closing(own, PERIODS[0], drawn, {})
            header, *lines = Path(asked.logs[0]).read_text().splitlines(keepends=True)
            names = [own / "one.csv", own / "two.csv"]
            for name, part in zip(names, (lines[:cut], lines[cut:]), strict=True):
                name.write_text(header + "".join(part))
            logs = tuple(str(name) for name in (reversed(names) if turn else names))
            close(Closing(asked.period, asked.books, logs, asked.tables), divide=naive_earn)
            ledgers.append((asked.books / asked.period / "ledger.parquet").read_bytes())
        assert ledgers[0] == ledgers[1]
