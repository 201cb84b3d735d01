"""Random months closed through the command line, against slow answers, and against `pay` of each pool's plays."""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from oracle_books import OF_TRACK, Books, Pool, settled
from oracle_layers import listeners_of, pot_of
from oracle_program import fairpay, lines, minor, paid
from random_months import every_rule, random_month, table

if TYPE_CHECKING:
    from pathlib import Path

    from random_months import Month

FIXED = range(24)
NIGHTLY = 1000
TERRITORIES = ("AT", "DE", "FR")
SPLITS = ({"x": "1/2", "y": "1/2"}, {"x": "1/3", "z": "2/3"}, {"w": "1/7", "x": "33/70", "y": "27/70"}, {"x": "1"})


def random_books(seed: int) -> Books:
    """A month with pools, splits by artist and by track, a catalogue, and what listeners and people state."""
    chance = random.Random(seed)  # noqa: S311 - examples, not secrets
    month = random_month(seed)
    rows = tuple(replace(row, territory=chance.choice(TERRITORIES)) for row in month.rows)
    if chance.random() < 0.1:  # a month in which nobody played; nobody decides or wishes anything of it
        rows, month = (), replace(month, decisions=(), wishes=(), history=())
    # A pool's currency and money are its own; what subscribers paid and pass on is no matter of it.
    month = replace(month, rows=rows, columns=month.columns | {"territory", "track"}, paid={}, delegations=())
    month = replace(month, min_seconds=None, money="pool", wishes=wishes_of_listeners(month))
    pools = tuple(
        Pool(
            f"p{territory}",
            territory,
            chance.choice(["1200", "119", "1", "99999", "7", "-119", "-7"]),
            chance.choice(["EUR", "JPY", "KWD"]),
            chance.choice(["70%", "1/2", "65.5%"]),
            chance.choice(every_rule(chance)),
            chance.choice(["", "", "30%"]),
            chance.choice([(), (), ("19%",), ("5%", "7%")]),
            chance.random() < 0.3,
            chance.choice(["", "", "0.10"]),
        )
        for territory in TERRITORIES
    )
    sources = sorted({(row.artist, chance.choice(["", row.track])) for row in rows})
    kept = [source for source in sources if chance.random() < 0.4]
    shares = {source: {p: Fraction(s) for p, s in chance.choice(SPLITS).items()} for source in kept}
    artists = sorted({row.artist for row in rows})
    catalogue = frozenset(artist for artist in artists if chance.random() < 0.8) if chance.random() < 0.5 else None
    return Books(
        month,
        pools,
        shares,
        catalogue,
        suspend_unsplit=chance.random() < 0.3,
        advances={(payee, pool.currency): chance.choice([1, 333, 10**6]) for payee in "xy" for pool in pools[:2]},
        recoup=chance.choice(["100%", "50%", "1/3"]),
        reserve=chance.choice(["0%", "10%", "1/3"]),
    )


def wishes_of_listeners(month: Month) -> tuple[tuple[str, str, str, str], ...]:
    """Those wishes that are of somebody who listened; others are refused."""
    heard = {one.user for one in listeners_of(month)}
    return tuple(wish for wish in month.wishes if wish[0] in heard)


def close(books: Books, folder: Path) -> str:
    """Close a month; return what went wrong, if anything did."""
    month = books.month
    asked = [word for word in month.write(folder) if word]
    log = asked[0]
    table(
        folder / "pools.csv",
        ["pool", "territory", "gross", "currency", "royalty_rate", "rule", "deductions", "refund"],
        [
            (p.name, p.territory, p.gross, p.currency, p.rate, p.rule.text, p.deductions, "yes" * (p.gross[0] == "-"))
            for p in books.pools
        ],
    )
    advances = [
        (who, "A", replace(month, currency=code).major(units), code, "2026-07")
        for (who, code), units in books.advances.items()
    ]
    table(folder / "advances.csv", ["payee", "advance", "amount", "currency", "period"], advances)
    words: list[object] = [log, "--pools", folder / "pools.csv", "--books", folder / "books", "--period", "2026-07"]
    if books.splits:
        split = [(*source, payee, share) for source, shares in books.splits.items() for payee, share in shares.items()]
        table(folder / "splits.csv", ["artist", "track", "payee", "share"], split)
        words += ["--splits", folder / "splits.csv"]
    if books.catalogue is not None:
        table(folder / "artists.csv", ["artist", "name"], [(artist, artist) for artist in sorted(books.catalogue)])
        words += ["--artists", folder / "artists.csv"]
    words += ["--unsplit", "suspend"] if books.suspend_unsplit else []
    words += ["--measure", month.measure] if month.measure else []
    words += ["--advances", folder / "advances.csv", "--recoup", books.recoup, "--reserve", books.reserve]
    said = fairpay("close", *words, *month.stated(folder))
    return "" if said.status == 0 else f"status {said.status}: {said.words}"


def stands(folder: Path) -> dict[tuple[str, str, str], int]:
    """What the statements say went to advances and reserves, and what is payable, waits or is owed."""
    found = {}
    for row in lines(folder / "books" / "2026-07" / "statements.csv"):
        rest = sum(minor(row[name]) for name in ("payable", "suspended", "closing_balance"))
        for what, amount in (*((name, minor(row[name])) for name in ("recouped", "reserve_held")), ("stands", rest)):
            found[what, row["payee"], row["currency"]] = amount
    return {key: amount for key, amount in found.items() if amount}


def earned(folder: Path, pool: str) -> dict[str, int]:
    """What the ledger says each artist earned in a pool, its tracks with splits among it."""
    found: dict[str, int] = {}
    for row in lines(folder / "books" / "2026-07" / "ledger.csv"):
        if row["kind"] == "earned" and row["pool"] == pool:
            artist = row["payee"].removeprefix("unmatched:").removeprefix("unclaimed:").partition(OF_TRACK)[0]
            found[artist] = found.get(artist, 0) + int(row["amount_minor"])
    return found


def compare_books(seed: int, folder: Path) -> str:
    """Close a random month; say how it differs from the slow answer, or from `pay` of one of its pools."""
    folder.mkdir()
    books = random_books(seed)
    if fault := close(books, folder):
        return fault
    right, seen = settled(books), stands(folder)
    if seen != right:
        return f"expected {right}, seen {seen}"
    return "; ".join(filter(None, (against_pay(books, pool, folder) for pool in books.pools)))


def against_pay(books: Books, pool: Pool, folder: Path) -> str:
    """Say where a pool's ledger differs from `pay` of its rows; what is refunded is taken back as it is paid."""
    month = replace(books.month_of(pool), rate=Fraction(1))
    if not pot_of(month).listeners or pool.deductions:
        return ""
    present = {("user", row.user) for row in month.rows} | {("artist", row.artist) for row in month.rows}
    heard = {one.user for one in listeners_of(month)}
    month = replace(
        month,
        decisions=tuple(line for line in month.decisions if line[:2] in present),
        wishes=tuple(wish for wish in month.wishes if wish[0] in heard),
    )
    into = folder / pool.name
    into.mkdir()
    asked = month.write(into)
    gross, sign = pool.gross.removeprefix("-"), -1 if pool.gross[0] == "-" else 1
    asked[asked.index("--pool") + 1], asked[asked.index("--royalty-rate") + 1] = gross, pool.rate
    said = fairpay("pay", *asked, "--rule", pool.rule.text, "--output", into / "out")
    if said.status:
        return f"pay of {pool.name}: status {said.status}: {said.words}"
    right = {artist: sign * amount for artist, amount in paid(into / "out")[0].items()}
    seen = earned(folder, pool.name)
    return "" if right == seen else f"{pool.name}: pay says {right}, close {seen}"


def all_differences(seeds: range, folder: Path) -> dict[int, str]:
    """Try seeds."""
    wrong = {}
    for seed in seeds:
        if found := compare_books(seed, folder / str(seed)):
            wrong[seed] = found
        shutil.rmtree(folder / str(seed))
    return wrong


def test_closed_months_stand_as_the_slow_answers_say_and_as_pay_pays(tmp_path: Path) -> None:
    assert all_differences(FIXED, tmp_path) == {}


@pytest.mark.nightly
def test_a_thousand_closed_months_stand_as_the_slow_answers_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = int(os.environ.get("FUZZ_FIRST") or random.SystemRandom().randrange(10**9))
    count = int(os.environ.get("FUZZ_MONTHS") or NIGHTLY)
    with capsys.disabled():
        print(f"\nbooks from seed {first}: FUZZ_FIRST={first} FUZZ_MONTHS={count} make fuzz")  # noqa: T201 - to repeat it
    assert all_differences(range(first, first + count), tmp_path) == {}


def test_some_of_the_ordinary_months_have_splits() -> None:
    assert any(random_books(seed).splits for seed in FIXED)
