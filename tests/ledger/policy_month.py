"""Months whose pools have policies of their own, and what `pay` says of each pool."""

from __future__ import annotations

import csv
import random
from typing import TYPE_CHECKING, Any

import fairpay
from fairpay.ledger.closing import Closing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fairpay.ledger.close import Closed


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
POOLS = {
    "at": ("AT", "1000.00", "policies/licensor.toml", ""),
    "de": ("DE", "98765.43", "spotify-2024", ""),
    "fr": ("FR", "100.01", "policies/time.toml", "norm:p=2"),
    "jp": ("JP", "7.77", "none", "market-centric"),
    "se": ("SE", "12345.67", "", ""),
    "us": ("US", "55.55", "deezer-artist-centric", ""),
}
"""name -> country, gross, policy, rule; Sweden has the month's policy."""
MONTH = "apple-spatial"


def plays(seed: int, rows: int = 400) -> list[dict[str, Any]]:
    """Random plays, a few of them in a country without a pool."""
    draw = random.Random(seed)  # noqa: S311 - plays, no secrets
    artists = [f"a{i}" for i in range(9)]
    return [
        {
            "user": f"u{draw.randrange(12)}",
            "artist": (artist := draw.choice(artists)),
            "track": f"{artist}-{draw.randrange(5)}",
            "ms": draw.choice([10_000, 20_000, 30_000, 44_999, 45_000, 61_000, 125_000, 300_000]),
            "country": draw.choice(["AT", "DE", "FR", "JP", "SE", "US", "ZZ"]),
            "active": draw.choice(["true", "false", ""]),
            "category": draw.choice(["noise", "pop", "pop", ""]),
            "spatial": draw.choice(["true", "false"]),
        }
        for _ in range(rows)
    ]


def write(path: Path, rows: Iterable[dict[str, Any]], columns: tuple[str, ...] = COLUMNS) -> str:
    """Write a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def lay(place: Path, rows: list[dict[str, Any]], **asked: Any) -> Closing:  # noqa: ANN401 - fields of a closing
    """Lay a month's files there, and ask to close it."""
    (place / "policies").mkdir(parents=True, exist_ok=True)
    (place / "policies" / "licensor.toml").write_text(LICENSOR)
    (place / "policies" / "time.toml").write_text(BY_TIME)
    lines = [f"{name},{country},{gross},{policy},{rule}\n" for name, (country, gross, policy, rule) in POOLS.items()]
    (place / "pools.csv").write_text("pool,territory,gross,policy,rule\n" + "".join(lines))
    log = write(place / "log.csv", rows)
    plain: dict[str, Any] = {"policy": MONTH, "tables": {"pools": place / "pools.csv"}} | asked
    return Closing("2026-10", place / "books", (log,), **plain)


def paid_of(month: Closed, pool: str) -> dict[str, int]:
    """Artist -> minor units earned in a pool."""
    return {row.payee: row.amount for row in month.rows if row.pool == pool and row.kind == "earned"}


def paid_alone(rows: list[dict[str, Any]], place: Path, pool: str, **options: Any) -> dict[str, int]:  # noqa: ANN401
    """What `fairpay pay` says of a pool's rows alone."""
    country, gross, policy, rule = POOLS[pool]
    log = write(place / "alone" / f"{pool}.csv", [row for row in rows if row["country"] == country])
    named = str(place / policy) if "/" in policy else policy or MONTH
    conditions = {} if policy == "none" else {"policy": named}
    result = fairpay.pay(log, rule=rule or None, pool=gross, **conditions, **options)
    paid = result.outcome.payouts[0].allocation.paid.tolist()
    return {artist: units for artist, units in zip(result.outcome.artist.to_pylist(), paid, strict=True) if units}
