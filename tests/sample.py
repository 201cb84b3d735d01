"""How the sample month is made: `python tests/sample.py` writes its inputs anew."""

from __future__ import annotations

from pathlib import Path

from fairpay.synth import synth

SAMPLE_DATA = Path(__file__).parents[1] / "sample_data"
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


if __name__ == "__main__":
    make_sample(SAMPLE_DATA)
