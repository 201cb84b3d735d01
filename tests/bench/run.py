"""`make bench`: fairpay against DuckDB, Polars and a bare decode, in turn, several times, as whole processes.

SIZES (default `20M 100M 400M`), ROUNDS (default 5) and FAIRPAY_BENCH_DIR (default `.bench`) change what is done.
BEFORE names a checkout of an earlier commit that is measured beside this one.
DuckDB and Polars are left out above AGAINST rows (default 100M), where they need more memory than most machines have.
"""

from __future__ import annotations

import os
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from data import CACHE, make_log, rows_of
from measure import measure
from tables import heading, ratios, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from measure import Measured

FAIRPAY = Path(sys.executable).with_name("fairpay")
HERE = Path(__file__).parent
SAMPLE = HERE.parents[1] / "sample_data"
SIZES = os.environ.get("SIZES", "20M 100M 400M").split()
ROUNDS = int(os.environ.get("ROUNDS", "5"))
AGAINST = rows_of(os.environ.get("AGAINST", "100M"))
ONE_PASS = ("market-centric", "user-centric", "equal-split", "user-cap", "bounded", "weighted", "top-artist", "norm")
TOLERANCE = 0.02
"""Two minor units: fairpay rounds to the cent, the others compute in floating point."""
MONEY = ("--fee", "10.00", "--quiet")
Command = list["str | Path"]


def contestant(name: str, *arguments: str | Path) -> Command:
    """A contestant's command."""
    return [sys.executable, HERE / "contestants.py", name, *arguments]


def in_turn(commands: Mapping[str, Command], rounds: int = ROUNDS) -> list[dict[str, Measured]]:
    """Run each command once in every round; the first round begins with a run that is not counted."""
    log = CACHE / "said.txt"
    measured: list[dict[str, Measured]] = []
    for number in range(-1, rounds):
        once = {name: measure(command, log=log) for name, command in commands.items()}
        if number >= 0:
            measured.append(once)
        print(".", end="", flush=True)  # noqa: T201 - a program
    return measured


def check_against(log: Path, size: str) -> str:
    """Hold fairpay's payouts against those of DuckDB and Polars, artist by artist; return a sentence."""
    out = CACHE / f"run-{size}"
    shutil.rmtree(out, ignore_errors=True)
    measure([FAIRPAY, "compare", log, *MONEY, "-o", out], log=CACHE / "said.txt")
    rules = ["market_centric", "user_centric"]
    mine = pl.read_parquet(out / "comparison.parquet").select(
        "artist", *(pl.col(rule).cast(pl.Float64) for rule in rules)
    )
    shutil.rmtree(out)
    worst = 0.0
    for name in ("duckdb", "polars"):
        theirs = pl.read_parquet(CACHE / f"{name}.parquet")
        both = mine.join(theirs, on="artist", how="full", suffix="_theirs")
        if both.null_count().sum_horizontal().item() or both.height != mine.height:
            message = f"{name} pays other artists than fairpay on {log}"
            raise RuntimeError(message)
        for rule in rules:
            worst = max(worst, (both[rule] - both[f"{rule}_theirs"]).abs().max())  # type: ignore[type-var]
    if worst > TOLERANCE:
        message = f"payouts differ by up to {worst} on {log}"
        raise RuntimeError(message)
    return f"\nAll {mine.height:,} artists are paid as DuckDB and Polars find, to within {worst:.4f}.\n"


def parquet(size: str) -> tuple[str, list[dict[str, Measured]]] | None:
    """Measure one size of Parquet log."""
    log = make_log(size, "parquet")
    if log is None:
        return None
    compare: Command = [FAIRPAY, "compare", log, *MONEY]
    rules = [part for rule in ONE_PASS for part in ("--rule", rule)]
    commands: dict[str, Command] = {
        "fairpay": compare,
        "fairpay, all one-pass rules": [*compare, *rules],
        "fairpay --memory 1GB": [*compare, "--memory", "1GB"],
        "bare decode": contestant("decode", log, "-"),
    }
    against = rows_of(size) <= AGAINST
    if against:
        commands |= {name: contestant(name, log, CACHE / f"{name}.parquet") for name in ("duckdb", "polars")}
    rounds = in_turn(commands)
    words = table(f"{size} rows, Parquet, {log.stat().st_size / 1e9:.1f} GB", rounds)
    wanted: dict[str, tuple[Callable[[Any], float], str]] = {
        "wall / bare decode": (lambda r: r["fairpay"].wall / r["bare decode"].wall, "<= 2.0"),
        "all one-pass rules / two rules": (
            lambda r: r["fairpay, all one-pass rules"].wall / r["fairpay"].wall,
            "<= 1.5",
        ),
        "peak with --memory 1GB, GB": (lambda r: r["fairpay --memory 1GB"].peak, "<= 1.5"),
    }
    if against:
        better = partial(best_of, names=("duckdb", "polars"))
        wanted["wall / better of DuckDB and Polars"] = (lambda r: r["fairpay"].wall / better(r, "wall"), "<= 0.20")
        wanted["peak / smaller of theirs"] = (lambda r: r["fairpay"].peak / better(r, "peak"), "<= 0.25")
    words += ratios(rounds, wanted)
    return words + (check_against(log, size) if against else ""), rounds


def best_of(each: Mapping[str, Measured], what: str, *, names: Sequence[str]) -> float:
    """Return the least of a figure among contestants."""
    return min(float(getattr(each[name], what)) for name in names)


def csv() -> str:
    """Measure a CSV log of 20 M rows against Polars reading its columns."""
    log = make_log("20M", "csv")
    if log is None:
        return ""
    rounds = in_turn({"fairpay": [FAIRPAY, "compare", log, *MONEY], "Polars scan_csv": contestant("csv", log, "-")})
    wall = {"wall / Polars scan_csv": (lambda r: r["fairpay"].wall / r["Polars scan_csv"].wall, "<= 1.5")}
    return table("20M rows, CSV", rounds) + ratios(rounds, wall)


def formats() -> str:
    """Measure each format against an earlier checkout, `BEFORE=DIR`, the two in turn."""
    before = os.environ.get("BEFORE")
    words = ""
    limits = {"parquet": ("20M", 1.08), "csv": ("20M", 1.3), "ndjson": ("5M", 1.3)}
    for extension, (size, limit) in limits.items() if before else ():
        log = make_log(size, extension)
        if log is None:
            continue
        earlier = [
            "env",
            f"PYTHONPATH={before}",
            sys.executable,
            "-P",
            "-c",
            "from fairpay.cli import main; exit(main())",
        ]
        commands: dict[str, Command] = {
            "fairpay": [FAIRPAY, "compare", log, *MONEY],
            "fairpay before": [*earlier, "compare", log, *MONEY],
        }
        rounds = in_turn(commands)
        wall = {"wall / before": (lambda r: r["fairpay"].wall / r["fairpay before"].wall, f"<= {limit}")}
        words += table(f"{size} rows, {extension}, against the checkout before", rounds) + ratios(rounds, wall)
    return words


def start_up() -> str:
    """Measure how long fairpay takes to begin, when everything is compiled."""
    commands: dict[str, Command] = {
        "fairpay --help": [FAIRPAY, "--help"],
        "empty Typer app": contestant("typer"),
        "fairpay compare sample": [FAIRPAY, "compare", SAMPLE / "listens.csv", *MONEY],
        "import polars, numba": contestant("imports"),
    }
    rounds = in_turn(commands, rounds=max(ROUNDS, 9))
    wanted = {
        "help / empty Typer app": (lambda r: r["fairpay --help"].wall / r["empty Typer app"].wall, "<= 1.5"),
        "sample / imports": (lambda r: r["fairpay compare sample"].wall / r["import polars, numba"].wall, "<= 2.0"),
    }
    return table("Start-up", rounds) + ratios(rounds, wanted)


def growth(walls: Mapping[str, float]) -> str:
    """Compare the time per row of the smallest and the largest log."""
    if len(walls) < 2:
        return ""
    small, large = min(walls, key=rows_of), max(walls, key=rows_of)
    ratio = (walls[large] / rows_of(large)) / (walls[small] / rows_of(small))
    return f"\nTime per row, {large} / {small}: {ratio:.2f} (target <= 1.1)\n"


def main() -> None:
    """Measure everything that fits, and write the tables."""
    CACHE.mkdir(parents=True, exist_ok=True)
    words, walls = heading() + start_up(), {}
    for size in SIZES:
        if found := parquet(size):
            words += found[0]
            walls[size] = min(each["fairpay"].wall for each in found[1])
    words += growth(walls)
    if "20M" in SIZES:
        words += csv()
    words += formats()
    (CACHE / "bench.md").write_text(words, "utf-8")
    print(f"\n{words}\nwritten to {CACHE / 'bench.md'}")  # noqa: T201 - a program


if __name__ == "__main__":
    main()
