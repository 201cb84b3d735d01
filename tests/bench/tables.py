"""Measurements as Markdown: every ratio is taken within a round, then its median, least and most are shown."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from measure import Measured

    Round = Mapping[str, Measured]

__all__ = ["heading", "ratios", "spread", "table"]

PACKAGES = ("fairpay", "duckdb", "polars", "pyarrow", "numba", "numpy")


def heading() -> str:
    """Say on what machine, with what versions."""
    model = next((line.split(":")[1].strip() for line in lines("/proc/cpuinfo") if line.startswith("model name")), "")
    memory = next((int(line.split()[1]) / 1e6 for line in lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    return (
        f"{os.cpu_count()} processors ({model or platform.machine()}), {memory:.0f} GB; "
        f"Python {platform.python_version()}, {versions}\n"
    )


def lines(path: str) -> list[str]:
    """Read a file of the system, where it has one."""
    return Path(path).read_text("utf-8").splitlines() if Path(path).exists() else []


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Write `median (least to most)`."""
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def table(title: str, rounds: Sequence[Round]) -> str:
    """Show time, processor time and peak memory of each contestant over the rounds."""
    rows = [f"\n### {title}\n", "| what | wall s | CPU s | peak GB |", "|---|---|---|---|"]
    for name in rounds[0]:
        runs = [each[name] for each in rounds]
        cells = (
            spread([run.wall for run in runs]),
            spread([run.cpu for run in runs]),
            spread([run.peak for run in runs]),
        )
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def ratios(rounds: Sequence[Round], wanted: Mapping[str, tuple[Callable[[Round], float], str]]) -> str:
    """Show ratios with their targets: name -> (how to take it of one round, target)."""
    rows = ["\n| ratio | median (least to most) | target |", "|---|---|---|"]
    for name, (take, target) in wanted.items():
        rows.append(f"| {name} | {spread([take(each) for each in rounds])} | {target} |")
    return "\n".join(rows) + "\n"
