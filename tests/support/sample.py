"""How the sample month is made: `python tests/sample.py` writes its files anew."""

from __future__ import annotations

from pathlib import Path

import fairpay
from fairpay.runs.outputs import write_csv
from fairpay.synth.make import synth

SAMPLE_DATA = Path(__file__).parents[2] / "sample_data"
EXPECTED = SAMPLE_DATA / "expected" / "comparison.csv"
INPUTS = ("listens.csv", "subscribers.csv", "artists.csv")


def make_sample(directory: Path) -> None:
    """Make a small month in which three fans loop an album of silence overnight."""
    synth(
        directory / "listens.csv",
        rows=4_500,
        users=180,
        artists=150,
        seed=7,
        ids="short",
        order="time",
        plants={"loops": "3:25"},
        subscribers=directory / "subscribers.csv",
        artist_file=directory / "artists.csv",
        force=True,
    )


def compare_sample(directory: Path) -> fairpay.Result:
    """Compare the two rules on it, as `make demo` does."""
    return fairpay.compare(
        directory / "listens.csv",
        subscribers=directory / "subscribers.csv",
        artists=directory / "artists.csv",
        royalty_rate="70%",
    )


if __name__ == "__main__":
    make_sample(SAMPLE_DATA)
    EXPECTED.parent.mkdir(exist_ok=True)
    EXPECTED.unlink(missing_ok=True)
    write_csv(compare_sample(SAMPLE_DATA).arrow, EXPECTED)
