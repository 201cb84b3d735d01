"""The sample month is what the program makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sample import INPUTS, SAMPLE_DATA, make_sample

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def made_anew(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's inputs, made now."""
    directory = tmp_path_factory.mktemp("sample")
    make_sample(directory)
    return directory


@pytest.mark.parametrize("name", INPUTS)
def test_synth_still_makes_the_inputs_byte_for_byte(made_anew: Path, name: str) -> None:
    assert (made_anew / name).read_bytes() == (SAMPLE_DATA / name).read_bytes()


def test_the_sample_is_under_a_megabyte() -> None:
    assert sum(path.stat().st_size for path in SAMPLE_DATA.rglob("*") if path.is_file()) < 1_000_000
