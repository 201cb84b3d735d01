"""`make bench-pools`: 200 pools in one run against one pool of the same plays, in turn, several times.

Two things are measured as whole processes: reading the log and dividing every pool, and `fairpay close`, which also
writes a ledger row for each artist in each pool and so cannot cost the same. SIZES (default `20M`: 100,000 plays a
pool; the target is stated for `200M`), POOLS (default 200), ROUNDS (default 3), CLOSE (default `20M`: the sizes that
are closed too) and FAIRPAY_BENCH_DIR change what is done.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from data import ARTISTS, CACHE, rows_of
from measure import measure
from tables import heading, ratios, table

from fairpay.synth.make import synth

if TYPE_CHECKING:
    from measure import Measured

FAIRPAY = Path(sys.executable).with_name("fairpay")
SIZES = (os.environ.get("SIZES") or "20M").split()
POOLS = int(os.environ.get("POOLS") or "200")
ROUNDS = int(os.environ.get("ROUNDS") or "3")
CLOSED = (os.environ.get("CLOSE") or "20M").split()
USERS = 1_000_000
MONEY = 100_000
"""Gross revenue of a pool, major units."""


def make_log(size: str) -> Path:
    """Make a log of a million users in as many countries as there are pools, in order of time."""
    path = CACHE / f"pools-{POOLS}-{size}.parquet"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        print(f"making {path.name} ...", flush=True)  # noqa: T201 - a program
        countries = {f"C{number:03}": 1 / POOLS for number in range(POOLS)}
        columns = ("user_id", "artist_id", "ms_played", "country")
        synth(
            path, rows=rows_of(size), users=USERS, artists=ARTISTS, order="time", columns=columns, countries=countries
        )
    return path


def make_tables() -> dict[str, Path]:
    """Write the two pool files: the same money in one pool, and in many."""
    one, many = CACHE / "pool.csv", CACHE / "pools.csv"
    one.write_text(f"pool,gross\nall,{MONEY * POOLS}\n", "utf-8")
    lines = [f"p{number:03},C{number:03},{MONEY}\n" for number in range(POOLS)]
    many.write_text("pool,territory,gross\n" + "".join(lines), "utf-8")
    return {"one pool": one, f"{POOLS} pools": many}


def divide(log: str, pools: str) -> None:
    """Read a log and divide its pools: everything `fairpay close` does before there is a ledger."""
    from fairpay.ledger.closing import Closing, load  # noqa: PLC0415 - the benchmark itself needs none of it
    from fairpay.ledger.earning import earn  # noqa: PLC0415 - the same
    from fairpay.pipeline.request import Watch  # noqa: PLC0415 - the same

    closing = Closing("2026-10", CACHE / "books", (log,), {"pools": Path(pools)}, rule="user-centric")
    earned = earn(closing, load(closing), Watch())
    paid = sum(one["amount"].sum() for one in earned.paid)
    print(f"{len(earned.paid)} pools, {sum(one.height for one in earned.paid):,} parts, {paid:,} paid")  # noqa: T201 - a program


def in_turn(commands: dict[str, list[str | Path]]) -> list[dict[str, Measured]]:
    """Run each command once in every round, after a round that is not counted."""
    rounds = []
    for number in range(-1, ROUNDS):
        once = {name: measure(command, log=CACHE / "said.txt") for name, command in commands.items()}
        rounds += [once] if number >= 0 else []
        print(".", end="", flush=True)  # noqa: T201 - a program
    return rounds


def compare(size: str) -> str:
    """Measure one size."""
    log, tables = make_log(size), make_tables()
    one, many = tables
    words = ""
    kinds = {"divided": lambda pools: [sys.executable, __file__, log, pools]}
    if size in CLOSED:
        kinds["closed"] = lambda pools: [
            FAIRPAY, "close", log, "--pools", pools, "--rule", "user-centric", "--period", "2026-10", "--books",
            CACHE / "books", "--dry-run", "--quiet",
        ]  # fmt: skip
    for kind, command in kinds.items():
        rounds = in_turn({f"{name}, {kind}": command(path) for name, path in tables.items()})
        words += table(f"{size} plays, {kind}", rounds)
        words += ratios(
            rounds,
            {
                f"{what}: {many} / {one}, {kind}": (
                    lambda each, field=field, kind=kind: (
                        getattr(each[f"{many}, {kind}"], field) / getattr(each[f"{one}, {kind}"], field)
                    ),
                    "<= 1.3" if kind == "divided" else "",
                )
                for what, field in (("CPU", "cpu"), ("wall", "wall"), ("peak memory", "peak"))
            },
        )
    return words


def main() -> None:
    """Measure, and write the tables."""
    words = heading() + "".join(compare(size) for size in SIZES)
    (CACHE / "pools.md").write_text(words, "utf-8")
    print(f"\n{words}\nwritten to {CACHE / 'pools.md'}")  # noqa: T201 - a program


if __name__ == "__main__":
    divide(*sys.argv[1:]) if len(sys.argv) > 1 else main()
