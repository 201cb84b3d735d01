"""How the sample month is made: `python tests/support/sample.py` writes its files anew."""

from __future__ import annotations

from pathlib import Path

import polars as pl

import fairpay
from fairpay.runs.outputs import write_csv
from fairpay.synth.catalogue import LABELS, OWN
from fairpay.synth.make import synth

SAMPLE_DATA = Path(__file__).parents[2] / "sample_data"
EXPECTED = SAMPLE_DATA / "expected" / "comparison.csv"
INPUTS = ("listens.csv", "listens-2026-11.csv", "subscribers.csv", "artists.csv", "decisions.csv", "README.md")
COLUMNS = ("ts", "user_id", "artist_id", "track_id", "ms_played")
ABOUT = """# Two made-up months

`listens.csv` is October ({rows:,} plays of {users} users), `listens-2026-11.csv` November ({later:,} plays of {fewer}).
`subscribers.csv` says who paid what, with plan and country ({subscribers} subscribers, {idle} of whom play nothing in
October), `artists.csv` has names, genres and labels of {artists} artists. All come from `fairpay.synth` with a seed:
`python tests/support/sample.py` writes them, and this page, anew, byte for byte. Nobody in them exists.
`expected/comparison.csv` is what `fairpay compare` makes of October with `--royalty-rate 70%`, as `make demo` does.
`decisions.csv` is a review of October, decided: its one account is excluded, with a penalty of 50 %.

In October one account plays the album of silence of "Hushabye Loop" every night, {nightly} times for half a minute.
Watch what the two rules pay for it, and what `fairpay suspects` says of it. In November it is gone, and
`fairpay suspects` finds nothing. Hushabye Loop has no label; the famous are with Big Meridian, the others with the
label of their genre or none but their own; one is with two labels, which share it.
"""
DECIDED = "kind,subject,decision,by,note,penalty\nuser,u000180,exclude,Kim,one album all night,50%\n"
NIGHTLY = 165
PLANS = {"individual": ("10.99", 70.0), "student": ("5.99", 30.0)}


def make_sample(directory: Path) -> None:
    """Make two small months; in the first an account plays an album of silence every night."""
    same = {"users": 180, "artists": 150, "ids": "short", "order": "time", "columns": COLUMNS, "force": True}
    synth(
        directory / "listens.csv",
        rows=6_500,
        seed=7,
        plants={"loops": f"1:{NIGHTLY}"},
        plans=PLANS,
        subscribers=directory / "subscribers.csv",
        artist_file=directory / "artists.csv",
        **same,
    )
    synth(directory / "listens-2026-11.csv", rows=2_400, seed=8, month="2026-11", **same)
    artists = directory / "artists.csv"
    own = f",{OWN}\n"
    artists.write_text(artists.read_text().replace(own, f",{LABELS['pop']} 1/2; {LABELS['rock']} 1/2\n", 1))
    (directory / "decisions.csv").write_text(DECIDED)
    (directory / "README.md").write_text(about(directory), encoding="utf-8")


def about(directory: Path) -> str:
    """Say what the files hold."""
    october, november, subscribers, artists = (pl.read_csv(directory / name) for name in INPUTS[:4])
    return ABOUT.format(
        rows=len(october),
        users=october["user_id"].n_unique(),
        later=len(november),
        fewer=november["user_id"].n_unique(),
        subscribers=len(subscribers),
        idle=len(subscribers.join(october, on="user_id", how="anti")),
        artists=len(artists),
        nightly=NIGHTLY,
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
