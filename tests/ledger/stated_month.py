"""Months with decisions and with what listeners state, and what `pay` says of each pool."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import fairpay
from fairpay.ledger.close import Closed, close
from fairpay.ledger.closing import Closing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


COUNTRIES = {
    "de": ("DE", "1234.56", "user-centric"),
    "at": ("AT", "99.99", "market-centric"),
    "jp": ("JP", "7.01", "norm:p=2"),
}
USERS, ARTISTS = [f"u{i}" for i in range(8)], [f"a{i}" for i in range(6)]
Row = tuple[str, str, int, str, str]
"""user, artist, milliseconds, country, track."""


def plays(seed: int, rows: int = 300) -> list[Row]:
    """Random plays; some in a country without a pool."""
    draw = random.Random(seed)  # noqa: S311 - plays, no secrets
    return [
        (
            draw.choice(USERS),
            (artist := draw.choice(ARTISTS)),
            draw.choice([29_000, 31_000, 64_321, 200_000]),
            draw.choice(["DE", "AT", "JP", "ZZ"]),
            f"{artist}-{draw.randrange(3)}",
        )
        for _ in range(rows)
    ]


def write_log(path: Path, rows: list[Row]) -> str:
    """Write plays."""
    lines = [",".join(map(str, row)) + "\n" for row in rows]
    path.write_text("user,artist,ms,country,track\n" + "".join(lines))
    return str(path)


def month(place: Path, rows: list[Row], closer: Callable[..., Closed] = close, **files: Any) -> Closed:  # noqa: ANN401
    """Close a month of these plays; a keyword is the text of a table, or a field of the closing."""
    place.mkdir(exist_ok=True)
    return closer(asked_of(place, rows, **files))


def asked_of(place: Path, rows: list[Row], **files: Any) -> Closing:  # noqa: ANN401 - see `month`
    """What is asked."""
    lines = [f"{name},{country},{gross},{rule}\n" for name, (country, gross, rule) in COUNTRIES.items()]
    given = {"pools": "pool,territory,gross,rule\n" + "".join(lines)} | {
        name: text for name, text in files.items() if isinstance(text, str) and "\n" in text
    }
    tables = {name: place / f"{name}.csv" for name in given}
    for name, text in given.items():
        tables[name].write_text(text)
    plain = {name: value for name, value in files.items() if name not in given}
    return Closing("2026-10", place / "books", (write_log(place / "log.csv", rows),), tables, **plain)


def earned(found: Closed, pool: str) -> dict[str, int]:
    """Artist, or line that is held -> minor units."""
    return {row.payee: row.amount for row in found.rows if row.pool == pool and row.kind == "earned"}


def alone(place: Path, rows: list[Row], pool: str, **options: Any) -> dict[str, int]:  # noqa: ANN401 - options of pay
    """What `fairpay pay` says of a pool's rows."""
    country, gross, rule = COUNTRIES[pool]
    log = write_log(place / f"{pool}.csv", [row for row in rows if row[3] == country])
    money = {} if "subscribers" in options else {"pool": gross}
    result = fairpay.pay(log, rule=rule, **money, **options)
    paid = result.outcome.payouts[0].allocation.paid.tolist()
    return {artist: units for artist, units in zip(result.outcome.artist.to_pylist(), paid, strict=True) if units}


def review(*lines: str) -> str:
    """A review, filled in."""
    return "kind,subject,decision,by\n" + "".join(f"{line},me\n" for line in lines)


DECIDED = (
    "user,u1,hold",
    "user,u2,exclude",
    "user,u3,weight 1/3",
    "artist,a1,hold",
    "artist,a2,exclude",
    "user,u4,keep",
)
