"""How well `fairpay suspects` finds planted attacks, and how much time it takes: `make bench-suspects`.

A month of a realistic population (`fairpay synth --population realistic`) with sleepers, cafés, families and a
streaming party, and one attack planted in it. Signals and their levels are set on months of TUNE_SEEDS (SEEDS=tune);
what README says is of REPORT_SEEDS, which nobody tunes on. A group is one decision, since a reviewer opens it once; an
account is found if it is listed, alone or in a group.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from fairpay.api import compare, suspects
from fairpay.synth.make import synth
from fairpay.synth.population import INNOCENT

if TYPE_CHECKING:
    from collections.abc import Iterator

TUNE_SEEDS, REPORT_SEEDS = (1, 2, 3), (11, 12, 13)
ASKED = os.environ.get("SEEDS", "")
SEEDS = TUNE_SEEDS if ASKED == "tune" else tuple(int(seed) for seed in ASKED.split()) or REPORT_SEEDS
USERS, ARTISTS, ROWS = 10_500, 15_000, 4_000_000
FEE = "9.99"
BUDGET = USERS // 100
"""Decisions that a reviewer has time for."""
SHAPES = {
    "no attack": "",
    "loops day and night": "nonstop=60:600",
    "loops by people who also live": "living-loops=100:100",
    "lockstep, 63 tracks": "lockstep=50:20",
    "botnet over popular artists": "botnet=100:400",
    "slow bots within human hours": "slow-bots=100:80",
    "click farm of people": "click-farm=100:60",
    "small cells of a farm": "cells=100:60",
    "thin spread over 5,000 artists (Smith)": "spread=150:636",
    "playlist injection": "injection=120:150",
    "bought playlist places": "bought-places=60:150",
    "accounts taken over, heavy": "takeover-heavy=300:60",
    "accounts taken over, light": "takeover-light=500:15",
    "accounts taken over, dispersed": "takeover-dispersed=500:15",
    "farm whose accounts share nothing": "unlinked=200:60",
    "copycats of real listeners": "copycats=150:8",
    "single heavy accounts of one artist each": "solos=60:250",
}
"""What is planted: a kind, accounts, and plays a day of each."""
CHOSEN = os.environ.get("SHAPES", "").split()
"""Kinds to try, where not all."""
SIZES = os.environ.get("SIZES", "").split()


def score(found: pl.DataFrame, truth: pl.DataFrame) -> dict[str, float]:
    """Compare what was listed (its most urgent first) with what was planted (`user_id`, `kind`)."""
    planted = truth.select(subject="user_id", fake=~pl.col("kind").is_in(list(INNOCENT)), was="kind")
    accounts = found.filter(kind="user").select("subject", "group").join(planted, on="subject")
    groups = found.filter(pl.col("kind") == "group")["subject"]
    alone = (pl.col("kind") == "user") & ~pl.col("group").is_in(groups.implode())
    decisions = found.filter((pl.col("kind") == "group") | alone)["subject"]
    first = decisions.head(BUDGET).implode()
    opened = accounts.filter(pl.col("subject").is_in(first) | pl.col("group").is_in(first))
    fakes, innocent = int(planted["fake"].sum()), accounts.filter(~pl.col("fake"))
    return {
        "decisions": len(decisions),
        "listed": len(accounts),
        "recall": accounts["fake"].sum() / fakes if fakes else float("nan"),
        "false_alarms": len(innocent) / (len(truth) - fakes),
        "opened": opened["fake"].sum() / fakes if fakes else float("nan"),
        "budget": opened["fake"].mean() if len(opened) else float("nan"),
        **{kind: innocent.filter(was=kind).height for kind in INNOCENT},
    }  # type: ignore[dict-item]


def tried(folder: Path, plant: str, seed: int) -> dict[str, Any]:
    """Make a month with a plant, look for it, and compare what it earns."""
    log, truth, artists = (folder / f"{name}.parquet" for name in ("log", "truth", "artists"))
    synth(
        log,
        population="realistic",
        rows=ROWS,
        users=USERS,
        artists=ARTISTS,
        seed=seed,
        plants=dict([plant.split("=")]) if plant else {},
        columns=("ts", "user_id", "artist_id", "track_id", "ms_played"),
        truth=truth,
        artist_file=artists,
        force=True,
    )
    begun = time.perf_counter()
    paid = compare(log, fee=FEE).table
    compared = time.perf_counter()
    found = suspects(log, fee=FEE).table
    looked = time.perf_counter()
    what = pl.read_parquet(truth)
    theirs = pl.read_parquet(artists).filter(pl.col("genre").is_null())["artist_id"]
    earned = paid.filter(pl.col("artist").is_in(theirs.implode()))
    fakes = what.filter(~pl.col("kind").is_in(list(INNOCENT))).height or 1
    money = {rule: float(earned[rule].sum()) / fakes for rule in ("market_centric", "user_centric")}
    times = (looked - compared) / (compared - begun)
    return {"seed": seed, **score(found, what), **money, "times": times, "seconds": looked - compared}


def attacks(folder: Path) -> Iterator[dict[str, Any]]:
    """Try every shape on every seed."""
    compare_once = folder / "warm.parquet"
    synth(compare_once, rows=10_000)
    compare(compare_once, fee=FEE)
    suspects(compare_once, fee=FEE)
    for name, plant in SHAPES.items():
        for seed in SEEDS if not CHOSEN or plant.split("=")[0] in CHOSEN else ():
            row = {"attack": name, **tried(folder, plant, seed)}
            print(json.dumps(row), file=sys.stderr)  # noqa: T201 - progress of a program
            yield row


def report(rows: list[dict[str, Any]]) -> None:
    """Print one line for each attack: from the least to the most of the seeds."""
    ways = {
        "recall": ("found", "{:.2f}"),
        "false_alarms": ("false alarms", "{:.2%}"),
        "decisions": ("decisions", "{:.0f}"),
        "budget": ("fake in the budget", "{:.2f}"),
        "market_centric": ("earns, market-centric", "{:.2f}"),
        "user_centric": ("earns, user-centric", "{:.2f}"),
        "times": ("time", "{:.1f}"),
    }
    print("| attack | " + " | ".join(title for title, _ in ways.values()) + " |")  # noqa: T201 - the result
    print("|---|" + "--:|" * len(ways))  # noqa: T201 - the same
    for name in dict.fromkeys(row["attack"] for row in rows):
        mine = [row for row in rows if row["attack"] == name]
        cells = [span(way, [row[key] for row in mine]) for key, (_, way) in ways.items()]
        print("| " + " | ".join([name, *cells]) + " |")  # noqa: T201 - the same


def span(way: str, values: list[float]) -> str:
    """Write the least and the most of some numbers; a dash where there are none."""
    known = [value for value in values if value == value]  # noqa: PLR0124 - nan
    if not known:
        return "-"
    low, high = way.format(min(known)), way.format(max(known))
    return low if low == high else f"{low} to {high}"


TIMED = """
import resource, sys, time
from fairpay import api
log, command = sys.argv[1:3]
started = time.perf_counter()
getattr(api, command)(log, fee="9.99")
print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def speeds(folder: Path) -> None:
    """Time compare and suspects on months of growing size, each run a process of its own, the second of two."""
    print("| plays | compare | suspects | ratio | memory |")  # noqa: T201 - the result
    print("|---|--:|--:|--:|--:|")  # noqa: T201 - the same
    for size in SIZES:
        log = folder / f"{size}.parquet"
        synth(log, rows=int(size.removesuffix("M")) * 1_000_000, plants={"bots": "50:636"}, seed=5)
        best: dict[str, tuple[float, float]] = {}
        for command in ("compare", "suspects", "compare", "suspects"):
            run = subprocess.run(
                [sys.executable, "-c", TIMED, log, command], capture_output=True, text=True, check=True
            )
            seconds, megabytes = (float(part) for part in run.stdout.split())
            best[command] = min(best.get(command, (9e9, 0.0)), (seconds, megabytes))
        (plain, _), (looked, held) = best["compare"], best["suspects"]
        print(f"| {size} | {plain:.1f} s | {looked:.1f} s | {looked / plain:.1f} | {held:,.0f} MB |")  # noqa: T201 - the same
        log.unlink()


def main() -> None:
    """Run what was asked: SIZES="1M 5M 20M" for speed, else the attacks (SEEDS=tune SHAPES="solos cells" for some)."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        if SIZES:
            speeds(Path(folder))
        else:
            report(list(attacks(Path(folder))))
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)  # noqa: T201 - a program's words


if __name__ == "__main__":
    main()
