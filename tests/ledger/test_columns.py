"""The columns of the books say what plain Python rows say, to the last byte, whatever the amounts."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import naive_ledger
import polars as pl
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st
from laying import examples

from fairpay.ledger.controls import check_month
from fairpay.ledger.export import Sheet, csv_parts, ledger_csv
from fairpay.ledger.facts import Earned, MonthFacts, MonthListening, PoolFacts
from fairpay.ledger.model import Booking, Kind, Ledger, Row, by, read_ledger
from fairpay.ledger.payees import Routing, Standing
from fairpay.ledger.pools import Pool
from fairpay.ledger.settle import PaymentTerms, Terms, post, settle
from fairpay.ledger.splits import Splits, divide_lines
from fairpay.ledger.statements import payables, statements
from fairpay.ledger.store import LEFT, balances
from fairpay.money.currency import Currency, format_units
from fairpay.runs import outputs
from fairpay.runs.outputs import write_parquet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

ARTISTS = ("a", "b", 'q"uote', "comma, inc", "é", "held:x", "wrong")
PAYEES = ("a", "p", "q", "z\nz")
FINE = Fraction(1, 3**45)
"""A share that no int64 can hold."""
SPLITS = {
    "b": (("p", Fraction(1, 3)), ("q", Fraction(2, 3))),
    "é": (("a", Fraction(1, 7)), ("p", Fraction(3, 7)), ("q", Fraction(3, 7))),
    "comma, inc": (("p", FINE), ("z\nz", 1 - FINE)),
}
PERIODS = ("2026-10", "2026-11", "2026-12", "2027-01")


@dataclass(frozen=True)
class Drawn:
    """One month as it is drawn."""

    pools: tuple[dict[str, int], ...]
    topup: int
    corrections: tuple[tuple[str, str, int], ...]
    known: frozenset[str] | None
    unclaimed: bool
    holds: dict[str, str]
    advances: tuple[int, ...]
    fee: int
    minimum: int
    reserve: Fraction
    recoup: Fraction


amounts = st.integers(1, 3_000) | st.integers(1, 2**40) | st.integers(1, 2**58)
changes = st.integers(-3_000, 3_000) | st.integers(-(2**58), 2**58)
shares = st.sampled_from((Fraction(0), Fraction(1, 2), Fraction(1, 10), Fraction(1), FINE))
months = st.builds(
    Drawn,
    pools=st.tuples(*[st.dictionaries(st.sampled_from(ARTISTS), amounts, max_size=5)] * 3),
    topup=st.sampled_from((0, 0, 7, 1_000)),
    corrections=st.lists(
        st.tuples(st.sampled_from(("eur", "usd")), st.sampled_from((*PAYEES, "unmatched:b", "unclaimed:a")), changes),
        max_size=3,
    ).map(tuple),
    known=st.none() | st.frozensets(st.sampled_from(ARTISTS)),
    unclaimed=st.booleans(),
    holds=st.dictionaries(st.sampled_from(PAYEES), st.sampled_from(("", "why"))),
    advances=st.lists(st.integers(0, 5_000), max_size=2).map(tuple),
    fee=st.sampled_from((0, 150)),
    minimum=st.sampled_from((0, 1_000, 2**61)),
    reserve=shares,
    recoup=shares,
)
quarters = st.lists(months, min_size=1, max_size=4)


def earned_of(drawn: Drawn) -> Earned:
    """What the pools of a month earned."""
    pools, divided = [], []
    for name, code, paid in zip(("eur", "usd", "jpy"), ("EUR", "USD", "JPY"), drawn.pools, strict=True):
        total = sum(paid.values())
        own, topup = Currency.of(code), min(drawn.topup, total)
        gross, least = (Fraction(units, 10**own.digits) for units in (total - topup, total))
        pool = Pool(name, {}, own, own, gross, minimum=least, subscribers=1)
        pools.append(PoolFacts.of(pool, "user-centric", subscribers=1))
        divided.append(naive_ledger.as_paid(paid))
    nothing = {"dropped": {}, "plays_dropped": {}, "listeners_dropped": {}}
    counts = dict.fromkeys(("rows", "used", "plays", "plays_used", "listeners", "listeners_used"), 0)
    heard = MonthListening(**counts, **nothing)  # type: ignore[arg-type] # of mixed kinds
    return Earned(MonthFacts(period="", run_id="", pools=tuple(pools), listening=heard), tuple(divided))


def live(quarter: Sequence[Drawn]) -> None:
    """Live through some months in rows and in columns; all that is said of them must be the same."""
    rows: list[list[Row]] = []
    ledgers: list[Ledger] = []
    for period, drawn in zip(PERIODS, quarter, strict=False):
        routing = Routing({"wrong": "b"}, Splits(SPLITS), drawn.known, drawn.unclaimed)
        advances = {("p", "EUR"): tuple((f"A{n}", units) for n, units in enumerate(drawn.advances))}
        standing = Standing(drawn.holds, advances, {("q", "USD"): (("charge", drawn.fee),)})
        minimum = dict.fromkeys(("EUR", "USD", "JPY"), drawn.minimum)
        policy = PaymentTerms(minimum, drawn.recoup, drawn.reserve, 1)
        booking, earned = Booking(f"run {period}", period), earned_of(drawn)
        booked = [correction(booking, *one) for one in drawn.corrections if one[2]]
        slow = naive_ledger.Terms(naive_ledger.left_by(rows), standing, policy, booking)
        rows.append(naive_ledger.month(earned, booked, routing, slow))
        before = balances(Ledger.of(one).of_kinds(LEFT) for one in rows[:-1])
        known = Ledger.joined([post(earned, routing, booking), Ledger.of(booked)])
        ledgers.append(settle(known, Terms(before, standing, policy, booking), routing).sorted())
        assert list(ledgers[-1]) == rows[-1]
        promised = {f"p / EUR / advance {name}": units for name, units in advances["p", "EUR"]}
        facts = replace(earned.facts, period=period, run_id=booking.run_id, minimum=minimum, advances=promised)
        controls = check_month(
            ledgers[-1], facts, before, adjustments=Ledger.of(booked), closed=PERIODS[: len(rows) - 1]
        )
        assert [control for control in controls if not control.ok] == []
        texts(rows[-1], ledgers[-1])


def correction(booking: Booking, pool: str, payee: str, amount: int) -> Row:
    """An adjustment of the month before the first."""
    reference = ("", "run 2026-09", "2026-09", "late")
    return Row(booking.run_id, booking.period, pool, payee, "adjustment", amount, pool.upper(), 2, *reference)


def texts(rows: list[Row], ledger: Ledger) -> None:
    """The files for people say the same, byte for byte."""
    assert b"".join(ledger_csv(ledger.frame)) == written(Row._fields, rows)
    sums: dict[tuple[str, str, int], dict[str, int]] = {}
    for row in rows:
        own = sums.setdefault(
            (row.payee, row.currency, row.scale), dict.fromkeys(statements(ledger).frame.columns[4:], 0)
        )
        own[COLUMN.get(row.kind, row.kind)] += row.amount
    lines = [
        (rows[0].period, *key, *(format_units(n, key[2]) for n in own.values())) for key, own in sorted(sums.items())
    ]
    assert b"".join(csv_parts(statements(ledger))) == written(statements(ledger).frame.columns, lines)
    paid = [(r.period, r.payee, format_units(r.amount, r.scale)) for r in rows if r.kind == Kind.PAYABLE]
    frames = [part.select("period", "payee", "amount") for part in payables(ledger).texts()]
    assert [row for frame in frames for row in frame.rows()] == paid


COLUMN = {
    "carry_in": "opening_balance",
    "split_in": "split_from_others",
    "split_out": "split_to_others",
    "adjustment": "adjustments",
    "fee": "fees",
    "recoup": "recouped",
    "suspense": "suspended",
    "suspense_release": "suspense_released",
    "reserve_release": "reserve_released",
    "reserve_hold": "reserve_held",
    "carry_out": "closing_balance",
}
"""Kind -> its column in statements, where that has another name."""


def written(header: Sequence[str], records: Sequence[Sequence[object]]) -> bytes:
    """CSV as Python's own writer makes it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(records)
    return out.getvalue().encode()


@examples(8, 1500)
@given(quarter=quarters)
def test_columns_say_what_rows_say(quarter: list[Drawn]) -> None:
    live(quarter)


lines = st.lists(st.tuples(st.sampled_from(("b", "é", "comma, inc")), st.integers(-(2**62), 2**62)), max_size=9)


@examples(20, 300)
@given(lines=lines)
def test_many_amounts_are_divided_as_each_one_is(lines: list[tuple[str, int]]) -> None:
    splits = Splits(SPLITS)
    frame = pl.DataFrame(lines, schema={"source": pl.Categorical, "amount": pl.Int64}, orient="row")
    parts = divide_lines(frame.with_row_index("line"), splits)
    each = [(n, *part) for n, one in enumerate(lines) for part in naive_ledger.parts_of_source(splits, *one) if part[1]]
    assert sorted(parts.select("line", "payee", "amount").rows()) == sorted(each)


@given(rows=st.lists(st.tuples(st.sampled_from(("", "a", "é", "z", "Z", "aa")), st.integers(-(2**63), 2**63 - 1))))
def test_sums_do_not_wrap_and_stand_in_the_order_of_their_texts(rows: list[tuple[str, int]]) -> None:
    frame = pl.DataFrame(rows, schema={"text": pl.Categorical, "amount": pl.Int64}, orient="row")
    sums = {(text,): sum(n for other, n in rows if other == text) for text in sorted({text for text, _ in rows})}
    assert list(by(frame, "text").items()) == list(sums.items())


def test_a_ledger_written_in_parts_has_the_bytes_of_one_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "GROUP_ROWS", 64)
    rows = [Row("r", "2026-10", f"p{n % 3}", f"payee {n}", "earned", n * n, "EUR", 2) for n in range(200)]
    ledger = Ledger.of(rows)
    assert write_parquet(ledger.tables(64), tmp_path / "parts") == len(rows)
    write_parquet(next(ledger.tables()), tmp_path / "whole")
    assert (tmp_path / "parts").read_bytes() == (tmp_path / "whole").read_bytes()
    assert pq.ParquetFile(tmp_path / "parts").num_row_groups == 4
    assert list(read_ledger(str(tmp_path / "parts"))) == rows


def test_the_smallest_int64_has_its_text() -> None:
    frame = pl.DataFrame({"scale": [2, 0], "amount": [-(2**63), -1]})
    sheet = Sheet("x", frame, frozenset({"amount"}))
    assert next(sheet.texts())["amount"].to_list() == ["-92233720368547758.08", "-1"]


def test_a_payee_with_a_line_break_is_quoted() -> None:
    row = Row("r", "2026-10", "", "a\rb", "fee", -1, "EUR", 2)
    made = Ledger.of([row, replace_payee(row, 'c"\n')])
    assert list(csv.reader(io.StringIO(b"".join(ledger_csv(made.frame)).decode(), newline="")))[1][3] == "a\rb"


def replace_payee(row: Row, payee: str) -> Row:
    """The same row for somebody else."""
    return row._replace(payee=payee)
