"""Batches to judge, and their judgement."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from fairpay.errors import InputError
from fairpay.logs.schema import Listens, RawBatch
from fairpay.qualify import Counts, Qualifier
from fairpay.settings.values import Qualifying

SINCE = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp()) * 1_000_000
UNTIL = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp()) * 1_000_000


def text(*values: str | None) -> pa.Array:
    return pa.array(values, pa.string())


def batch(first_row: int = 1, file: str = "log.csv", **columns: pa.Array) -> RawBatch:
    rows = len(next(iter(columns.values())))
    columns.setdefault("user", text(*["u"] * rows))
    columns.setdefault("artist", text(*["a"] * rows))
    return RawBatch(columns, file, first_row)


def judged(raw: RawBatch, qualifying: Qualifying | None = None) -> tuple[Listens, Counts]:
    qualifier = Qualifier(qualifying or Qualifying(), set_aside=True)
    return qualifier.judge(raw), qualifier.finish()


def used(raw: RawBatch, qualifying: Qualifying | None = None) -> list[bool]:
    return judged(raw, qualifying)[0].used.tolist()


def refused(*raws: RawBatch, qualifying: Qualifying | None = None) -> InputError:
    qualifier = Qualifier(qualifying or Qualifying())
    for raw in raws:
        qualifier.judge(raw)
    with pytest.raises(InputError) as caught:
        qualifier.finish()
    return caught.value
