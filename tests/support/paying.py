"""What the tests of files share: write a file, compare it, read what each artist gets."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import fairpay

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["file", "paid"]


def file(path: Path, content: object) -> Path:
    """Write text, bytes, or rows as JSON (an array, or lines where the name says so); packed where it ends in .gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, list):
        lines = path.name.removesuffix(".gz").endswith((".jsonl", ".ndjson"))
        content = "\n".join(map(json.dumps, content)) + "\n" if lines else json.dumps(content)
    data = content.encode() if isinstance(content, str) else content
    assert isinstance(data, bytes)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def paid(logs: object, **options: Any) -> dict[str, str]:  # noqa: ANN401 - any option
    """Compare with a fee of 10.00; return what each artist gets under user-centric."""
    money = {} if {"pool", "subscribers"} & options.keys() else {"fee": "10.00"}
    table = fairpay.compare(logs, **money, **options).table
    return {row["artist"]: str(row["user_centric"]) for row in table.iter_rows(named=True)}
