"""The sample month is what the program makes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pytest
from sample import EXPECTED, INPUTS, SAMPLE_DATA, compare_sample, make_sample

import fairpay
from fairpay.runs.outputs import write_csv

if TYPE_CHECKING:
    from pathlib import Path

    from fairpay.fraud.detect.run import Searched


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


def test_the_penalties_are_those_of_the_readme() -> None:
    decisions = SAMPLE_DATA / "decisions.csv"
    found = fairpay.compare(SAMPLE_DATA / "listens.csv", fee="9.99", royalty_rate="70%", decisions=decisions)
    told = found.summary["penalties"]
    assert told["would_have_earned"] == {"market-centric": "184.16", "user-centric": "6.99"}
    assert told["charged"] == {"market-centric": "92.08", "user-centric": "3.50"}


def test_one_account_gets_many_times_what_it_pays(compared: fairpay.Result) -> None:
    silence = compared.table.filter(pl.col("name") == "Hushabye Loop").row(0, named=True)
    assert silence["listeners"] == 1
    assert silence["market_centric"] > 10 * Decimal("7.70") > silence["user_centric"]


def test_suspects_finds_the_loop_in_october_and_nothing_in_november() -> None:
    october, november = (looked_at(name).table for name in ("listens.csv", "listens-2026-11.csv"))
    assert october["kind"].to_list() == ["artist", "user"]
    assert october["name"].to_list() == ["Hushabye Loop", ""]
    assert november.is_empty()


def test_labels_and_genres_fare_differently(compared: fairpay.Result) -> None:
    about = pl.read_csv(SAMPLE_DATA / "artists.csv")
    paid = compared.table.join(about, left_on="artist", right_on="artist_id").cast({"market_centric": float})
    for column in ("label", "genre"):
        sums = paid.group_by(column).agg(pl.sum("market_centric", "user_centric_difference"), artists=pl.len())
        change = sums["user_centric_difference"].cast(float) / sums["market_centric"]
        assert (change < -0.1).any()
        assert (change > 0.4).any()
        assert sums.filter(pl.col(column).is_null())["artists"].to_list() == [1]
        assert (sums["artists"] > 5).sum() > 4


def looked_at(log: str) -> Searched:
    """Look for suspects in one month."""
    return fairpay.suspects(
        SAMPLE_DATA / log,
        subscribers=SAMPLE_DATA / "subscribers.csv",
        artists=SAMPLE_DATA / "artists.csv",
        royalty_rate="70%",
    )
