"""The sample month is what the program makes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType


def load_sample() -> ModuleType:
    """Load `tests/sample.py`, which is no package."""
    spec = importlib.util.spec_from_file_location("sample", Path(__file__).with_name("sample.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SAMPLE = load_sample()


@pytest.fixture(scope="module")
def made_anew(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's inputs, made now."""
    directory = tmp_path_factory.mktemp("sample")
    SAMPLE.make_sample(directory)
    return directory


@pytest.mark.parametrize("name", SAMPLE.INPUTS)
def test_synth_still_makes_the_inputs_byte_for_byte(made_anew: Path, name: str) -> None:
    assert (made_anew / name).read_bytes() == (SAMPLE.SAMPLE_DATA / name).read_bytes()


def test_the_sample_is_under_a_megabyte() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.SAMPLE_DATA.rglob("*") if path.is_file()) < 1_000_000
