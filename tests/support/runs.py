"""Small finished runs for tests of publishing and verifying."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from fairpay.reports.outcome import Control, InputFile
from fairpay.runs.inputs import HashedInputs, hash_file
from fairpay.runs.manifest import MANIFEST, describe, fingerprint, seal
from fairpay.runs.outputs import as_json, write_csv, write_json, write_parquet
from fairpay.runs.publish import Target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OPTIONS: dict[str, tuple[Any, str]] = {"rule": (["market-centric", "user-centric"], "default"), "fee": ("9.99", "flag")}
MONEY = pa.decimal128(38, 2)


def table(market: tuple[str, ...] = ("6.00", "3.00", "1.00")) -> pa.Table:
    """Three artists under two rules, 10.00 to divide."""
    before = [Decimal(text) for text in market]
    after = [Decimal("5.00"), Decimal("3.00"), Decimal("2.00")]
    return pa.table(
        {
            "artist": pa.array(["a", "b", "=1+1"], pa.large_string()),
            "plays": [6, 3, 1],
            "seconds": pa.array([Decimal("360.000"), Decimal("180.000"), Decimal("60.000")], pa.decimal128(38, 3)),
            "listeners": [2, 1, 1],
            "market_centric": pa.array(before, MONEY),
            "user_centric": pa.array(after, MONEY),
            "user_centric_difference": pa.array([y - x for x, y in zip(before, after, strict=True)], MONEY),
            "fan_intensity": [1.2, 1.0, 0.5],
        }
    )


def summary() -> dict[str, Any]:
    """What the summary of that run says."""
    rules = [{"name": name, "paid": "10.00", "artists_paid": 3} for name in ("market-centric", "user-centric")]
    change = {"from": "market-centric", "to": "user-centric", "moved": "1.00", "gainers": 1, "losers": 1}
    listening = {"rows": 12, "used": 10, "dropped": {"short": 2}, "artists": 3, "plays": 10, "seconds": "600.000"}
    return {"pool": "10.00", "rules": rules, "comparisons": [change], "listening": listening}


def writers(
    made: pa.Table | None = None, told: dict[str, Any] | None = None
) -> dict[str, Callable[[Path], int | None]]:
    """The files of a comparison."""
    made = table() if made is None else made
    return {
        "comparison.parquet": partial(write_parquet, made),
        "comparison.csv": partial(write_csv, made),
        "summary.json": partial(write_json, told or summary()),
    }


def publish_run(
    directory: Path,
    log: Path,
    *,
    force: bool = False,
    files: dict[str, Callable[[Path], int | None]] | None = None,
    **options: tuple[Any, str],
) -> str:
    """Publish a small comparison of a log to a directory, as `fairpay compare -o` does."""
    inputs = HashedInputs([InputFile("logs", str(log))]).records()
    asked = {**OPTIONS, **options}
    controls = [Control("rows", ok=True, detail="12 = 10 + 2")]
    with Target(directory, force=force) as target:
        return target.publish(
            files=files or writers(),
            manifest=describe(command="compare", options=asked, inputs=inputs, controls=controls),
            fingerprint=fingerprint(command="compare", options=asked, inputs=inputs),
        )


def refit(directory: Path) -> None:
    """Make the manifest fit its files, as somebody would who knows how it is made."""
    path = directory / MANIFEST
    manifest = json.loads(path.read_text())
    for output in manifest["outputs"]:
        output["size"], output["sha256"] = hash_file(directory / output["name"])
    path.write_bytes(as_json(seal(manifest)))


def snapshot(directory: Path) -> dict[str, bytes]:
    """Every file under a directory with its content; directories are empty."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else b"" for path in directory.rglob("*")
    }
