"""How well `fairpay suspects` finds planted attacks, and how much time it takes: `make bench-suspects`.

A month of 10,000 people with innocents who look odd (shops, sleepers, superfans, families), and one attack planted in
it.
Levels of the signals were set on months of the seeds 1 and 2; what is printed is of SEEDS. A group counts as one thing
to look at, since a reviewer opens it once; an account is found if it is listed, alone or in a group.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fairpay.api import suspects
from fairpay.synth.listeners import KINDS, Plant, make_people, make_plant
from fairpay.synth.plays import MadeMonth, World
from fairpay.synth.tables import COUNTRIES, PLANS, Tables

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from odd_accounts import INNOCENTS, make_hired, make_innocents

if TYPE_CHECKING:
    import polars as pl

SEEDS = tuple(int(seed) for seed in os.environ.get("SEEDS", "11 12 13").split())
USERS, ARTISTS, ROWS = 10_000, 3000, 3_000_000
ODD = {"cafes": 20, "sleepers": 50, "superfans": 50, "families": 60}
"""Innocents who look odd, beside the people."""
BUDGET = USERS // 100
SIZES = os.environ.get("SIZES", "").split()


@dataclass(frozen=True)
class Attack:
    """What is planted: accounts of a kind and their plays a day; `artists` and `each` for the hired."""

    name: str
    kind: str
    accounts: int
    plays: int
    artists: int = 0
    each: int = 0


ATTACKS = (
    Attack("no attack", "", 0, 0),
    Attack("bots (Smith), 0.5 %", "bots", 50, 636),
    Attack("bots (Smith), 5 %", "bots", 500, 636),
    Attack("overnight loops, 1 %", "loops", 100, 400),
    Attack("overnight loops, 0.5 %", "loops", 50, 200),
    Attack("lockstep, 500 accounts, 63 tracks", "lockstep", 500, 40),
    Attack("lockstep, 50 accounts, 63 tracks", "lockstep", 50, 20),
    Attack("click farm, 1 %", "farm", 100, 80),
    Attack("click farm, 5 %", "farm", 500, 40),
    Attack("click farm, 8 of 20 artists each, 1 %", "hired", 100, 80, 20, 8),
    Attack("click farm, 6 of 60 artists each, 5 %", "hired", 500, 80, 60, 6),
)


def make(attack: Attack, seed: int) -> tuple[MadeMonth, list[str]]:
    """Make a month, and say for each user what it is."""
    world = World.of("2026-10", rows=ROWS, artists=ARTISTS, seed=seed)
    cohorts = [make_people(world, USERS, rows=ROWS)]
    what = ["people"] * USERS
    for kind, accounts in ODD.items():
        cohorts.append(make_innocents(world, kind, accounts, first_user=len(what)))
        what += [kind] * accounts
    planted: list[str] = []
    if attack.kind == "hired":
        planted = Plant("farm", attack.accounts, attack.plays, attack.artists).names
        cohorts.append(
            make_hired(
                world,
                attack.accounts,
                attack.plays,
                first_user=len(what),
                first=ARTISTS,
                artists=attack.artists,
                each=attack.each,
            )
        )
    elif attack.kind:
        plant = Plant(attack.kind, attack.accounts, attack.plays, KINDS[attack.kind].artists)
        planted = plant.names
        cohorts.append(make_plant(world, plant, first_user=len(what), first_artist=ARTISTS))
    what += ["fake"] * attack.accounts
    return MadeMonth(tuple(cohorts), tuple(planted)), what


def write(month: MadeMonth, path: Path, seed: int) -> pa.Array:
    """Write the log; return the users' ids."""
    columns = ("ts", "user_id", "artist_id", "track_id", "ms_played")
    tables = Tables(seed, "short", month, columns, COUNTRIES, PLANS)
    with pq.ParquetWriter(path, tables.schema, compression="zstd") as writer:
        for plays in month.by_user():
            writer.write_table(tables.plays(plays))
    return tables.user_ids


def score(found: pl.DataFrame, what: dict[str, str]) -> dict[str, float]:
    """Compare what was listed with what was planted."""
    fakes = sum(kind == "fake" for kind in what.values())
    accounts = found.filter(kind="user")
    listed = accounts["subject"].to_list()
    opened = found.filter((found["kind"] != "artist") & ((found["kind"] == "group") | (found["group"] == "")))
    first = opened.head(BUDGET)
    groups = set(first.filter(kind="group")["subject"])
    seen = first.filter(kind="user")["subject"].to_list()
    seen += accounts.filter(accounts["group"].is_in(list(groups)))["subject"].to_list()
    hits = {"listed": sum(what[one] == "fake" for one in listed), "seen": sum(what[one] == "fake" for one in seen)}
    return {
        "to_open": len(opened),
        "listed": len(listed),
        "precision": hits["seen"] / max(1, len(seen)),
        "recall": hits["seen"] / fakes if fakes else float("nan"),
        "false_alarms": (len(listed) - hits["listed"]) / (len(what) - fakes),
        **{f"listed_{kind}": sum(what[one] == kind for one in listed) for kind in ("people", *INNOCENTS)},
    }


def attacks(folder: Path) -> list[dict[str, object]]:
    """Try every attack on every seed."""
    rows: list[dict[str, object]] = []
    for attack in ATTACKS:
        for seed in SEEDS:
            month, what = make(attack, seed)
            ids = write(month, folder / "log.parquet", seed).to_pylist()
            found = suspects(folder / "log.parquet", fee="9.99").table
            rows.append({"attack": attack.name, "seed": seed, **score(found, dict(zip(ids, what, strict=True)))})
            print(json.dumps(rows[-1]), file=sys.stderr)  # noqa: T201 - progress of a program
    return rows


def report(rows: list[dict[str, object]]) -> None:
    """Print one line for each attack: the worst and the mean of the seeds."""
    print("| attack | to open | precision | recall | false alarms |")  # noqa: T201 - the result
    print("|---|--:|--:|--:|--:|")  # noqa: T201 - the same
    for name in dict.fromkeys(str(row["attack"]) for row in rows):
        mine = [row for row in rows if row["attack"] == name]
        columns = {key: np.array([row[key] for row in mine], dtype=float) for key in mine[0] if key != "attack"}
        worst = f"{columns['precision'].min():.2f} | {columns['recall'].min():.2f}" if "no" not in name[:3] else "- | -"
        print(f"| {name} | {columns['to_open'].mean():.0f} | {worst} | {columns['false_alarms'].max():.3%} |")  # noqa: T201 - the same


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
    from fairpay.synth.make import synth  # noqa: PLC0415 - not needed for the attacks

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
    """Run what was asked: SIZES="1M 5M 20M" for speed, else the attacks."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        if SIZES:
            speeds(Path(folder))
        else:
            report(attacks(Path(folder)))
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)  # noqa: T201 - a program's words


if __name__ == "__main__":
    main()
