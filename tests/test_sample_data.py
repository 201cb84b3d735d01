"""The sample month is what the program makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sample import EXPECTED, INPUTS, SAMPLE_DATA, compare_sample, make_sample

from fairpay.runs.outputs import write_csv

if TYPE_CHECKING:
    from pathlib import Path

    import fairpay


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


@pytest.fixture(scope="module")
def compared() -> fairpay.Result:
    """The two rules on the sample."""
    return compare_sample(SAMPLE_DATA)


def test_the_comparison_is_the_expected_one_byte_for_byte(tmp_path: Path, compared: fairpay.Result) -> None:
    write_csv(compared.arrow, tmp_path / "comparison.csv")
    assert (tmp_path / "comparison.csv").read_bytes() == EXPECTED.read_bytes()


def test_who_loops_silence_loses_most_and_the_many_gain(compared: fairpay.Result) -> None:
    most = compared.table.sort("user_centric_difference").row(0, named=True)
    assert most["name"] == "Hushabye Loop"
    assert most["user_centric_change_percent"] < -80
    assert (compared.table["user_centric_difference"] > 0).sum() > len(compared.table) / 2
