"""Finished runs of every kind that has a page, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from viewed import NAMES, july, looped, plays

import fairpay

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Run each job that has a page, and return the directories by job."""
    folder = tmp_path_factory.mktemp("runs")
    names = pl.DataFrame({"artist": [*NAMES], "name": [*NAMES.values()]})
    fairpay.compare(plays(), fee="10", artists=names, output=folder / "compare")
    fairpay.pay(plays(), fee="10", rule="user-centric", artists=names, output=folder / "pay")
    fairpay.audit(plays(), fee="10", royalty_rate="70%", output=folder / "audit")
    fairpay.sweep(
        plays(),
        fee="10",
        royalty_rate="70%",
        rules=["user-cap:cap=20..200..60", "bounded:b=0.8,1"],
        output=folder / "sweep",
    )
    fairpay.suspects(looped(), fee="10", output=folder / "suspects")
    return {job: folder / job for job in ("compare", "pay", "audit", "sweep", "suspects")} | {
        "close": july(folder / "books")
    }
