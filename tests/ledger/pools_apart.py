"""Months of several pools with policies, decisions and what listeners state, and what `pay` says of each pool alone."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from laying import by_payee, laid

import fairpay
from fairpay.ledger.close import close

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from fairpay.ledger.close import Closed
    from fairpay.ledger.closing import Closing


COLUMNS = ("user", "artist", "track", "ms", "country", "active", "category", "spatial")
LICENSOR = """title = "Sought plays count twice, short noise a fifth, crowds half more; nobody earns with one listener."
source = "a contract"
rule = "user-cap:cap=9"
measure = "plays"
min_seconds = 45
[[weights]]
name = "sought"
column = "active"
values = ["true"]
times = 2
[[weights]]
name = "noise"
column = "category"
values = ["noise"]
times = "1/5"
min_seconds = 60
[[boosts]]
name = "crowd"
streams = 4
listeners = 3
times = 1.5
[[thresholds]]
name = "two listeners"
listeners = 2
[[thresholds]]
name = "two streams"
per = "track"
streams = 2
"""
BY_TIME = """title = "Listening time, artists with five listeners count a third more."
source = "another contract"
rule = "user-centric"
measure = "time"
min_seconds = 20
[[boosts]]
name = "five listeners"
streams = 1
listeners = 5
times = "4/3"
"""
Pools = "Mapping[str, tuple[str, str, str, str]]"
"""name -> country, gross, policy, rule."""
POOLS: Pools = {
    "at": ("AT", "1000.00", "policies/licensor.toml", ""),
    "de": ("DE", "98765.43", "spotify-2024", ""),
    "fr": ("FR", "100.01", "policies/time.toml", "norm:p=2"),
    "jp": ("JP", "7.77", "none", "market-centric"),
    "se": ("SE", "12345.67", "", ""),
    "us": ("US", "55.55", "deezer-artist-centric", ""),
}
"""Sweden has the month's policy."""
PLAIN: Pools = {
    "de": ("DE", "1234.56", "", "user-centric"),
    "at": ("AT", "99.99", "", "market-centric"),
    "jp": ("JP", "7.01", "", "norm:p=2"),
}
MONTH = "apple-spatial"
USERS, ARTISTS = [f"u{i}" for i in range(8)], [f"a{i}" for i in range(6)]
DECIDED = (
    "user,u1,hold",
    "user,u2,exclude",
    "user,u3,weight 1/3",
    "artist,a1,hold",
    "artist,a2,exclude",
    "user,u4,keep",
)
Play = dict[str, Any]


def plays(seed: int, rows: int = 400, pools: Pools = POOLS) -> list[Play]:
    """Random plays, a few of them in a country without a pool."""
    draw = random.Random(seed)  # noqa: S311 - plays, no secrets
    return [
        {
            "user": draw.choice(USERS),
            "artist": (artist := draw.choice(ARTISTS)),
            "track": f"{artist}-{draw.randrange(4)}",
            "ms": draw.choice([10_000, 20_000, 30_000, 44_999, 45_000, 61_000, 125_000, 300_000]),
            "country": draw.choice([*(country for country, *_ in pools.values()), "ZZ"]),
            "active": draw.choice(["true", "false", ""]),
            "category": draw.choice(["noise", "pop", "pop", ""]),
            "spatial": draw.choice(["true", "false"]),
        }
        for _ in range(rows)
    ]


def write(path: Path, rows: Iterable[Play], columns: tuple[str, ...] = COLUMNS) -> str:
    """Write a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(csv_text(rows, columns))
    return str(path)


def csv_text(rows: Iterable[Play], columns: tuple[str, ...] = COLUMNS) -> str:
    """Plays as CSV."""
    return "".join(
        ",".join(str(line.get(name, "")) for name in columns) + "\n"
        for line in [dict(zip(columns, columns, strict=True)), *rows]
    )


def lay(place: Path, rows: list[Play], pools: Pools = POOLS, **asked: Any) -> Closing:  # noqa: ANN401 - see below
    """Lay a month's files there, and ask to close it; a keyword is the text of a table, or a field of the closing."""
    (place / "policies").mkdir(parents=True, exist_ok=True)
    (place / "policies" / "licensor.toml").write_text(LICENSOR)
    (place / "policies" / "time.toml").write_text(BY_TIME)
    lines = [f"{name},{country},{gross},{policy},{rule}\n" for name, (country, gross, policy, rule) in pools.items()]
    own = {
        "pools": "pool,territory,gross,policy,rule\n" + "".join(lines),
        **({"policy": MONTH} if pools is POOLS else {}),
    }
    return laid(place, csv_text(rows), **{**own, **asked})


def month(place: Path, rows: list[Play], pools: Pools = PLAIN, **asked: Any) -> Closed:  # noqa: ANN401 - see `lay`
    """Close it."""
    return close(lay(place, rows, pools, **asked))


def paid_of(month: Closed, pool: str) -> dict[str, int]:
    """Artist, or line that is held -> minor units earned in a pool."""
    return by_payee(month.rows, "earned", pool)


def paid_alone(place: Path, rows: list[Play], pool: str, pools: Pools = PLAIN, **options: Any) -> dict[str, int]:  # noqa: ANN401
    """What `fairpay pay` says of a pool's rows alone."""
    country, gross, policy, rule = pools[pool]
    log = write(place / "alone" / f"{pool}.csv", [row for row in rows if row["country"] == country])
    if pools is POOLS and policy != "none":
        options["policy"] = str(place / policy) if "/" in policy else policy or MONTH
    money = {} if "subscribers" in options else {"pool": gross}
    result = fairpay.pay(log, rule=rule or None, **money, **options)
    paid = result.outcome.payouts[0].allocation.paid.tolist()
    return {artist: units for artist, units in zip(result.outcome.artist.to_pylist(), paid, strict=True) if units}


def difference(after: Mapping[Any, int], before: Mapping[Any, int]) -> dict[Any, int]:
    """What changes; no zeros."""
    changes = {key: after.get(key, 0) - before.get(key, 0) for key in after.keys() | before.keys()}
    return {key: amount for key, amount in changes.items() if amount}


def review(*lines: str) -> str:
    """A review, filled in."""
    return "kind,subject,decision,by\n" + "".join(f"{line},me\n" for line in lines)
