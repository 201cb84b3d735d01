"""Completion: a play to the end counts 1, another 1 - delta, and one of which nobody knows counts whole and is told."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import fairpay
from fairpay.errors import InputError, UsageError
from fairpay.money.rounding import largest_remainder_exact

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 'title = "t"\nsource = "s"\nrule = "market-centric"\nmeasure = "plays"\nmin_seconds = 0\n'
HALF = '[completion]\ndelta = "1/2"\n'
THREE = pl.DataFrame(
    [
        ("u1", "A", 4, "trackdone"), ("u1", "A", 2, "fwdbtn"), ("u1", "B", 2, "trackdone"),
        ("u2", "B", 1, "trackdone"), ("u2", "C", 1, "TrackDone"),
        ("u3", "C", 20, "trackdone"), ("u3", "C", 20, "endplay"),
    ],
    schema=["user", "artist", "plays", "reason_end"],
    orient="row",
)  # fmt: skip
"""The three users of RULES section 2, of whose plays some stopped early: A counts 5, B 3, C 31."""


@pytest.fixture
def half(tmp_path: Path) -> str:
    """A policy with delta = 1/2."""
    return written(tmp_path, HALF)


def written(folder: Path, more: str) -> str:
    """A policy file with these lines."""
    (folder / "own.toml").write_text(HEAD + more)
    return str(folder / "own.toml")


def paid(log: pl.DataFrame, **options: Any) -> dict[str, str]:  # noqa: ANN401 - any option
    """What each artist is paid."""
    return {one["artist"]: str(one["payout"]) for one in fairpay.pay(log, **options).table.iter_rows(named=True)}


def test_plays_that_stopped_early_count_half_market_centric(half: str) -> None:
    assert paid(THREE, pool="39", policy=half) == {"A": "5.00", "B": "3.00", "C": "31.00"}


def test_lengths_of_tracks_in_seconds_tell_nothing_and_are_warned_of(half: str) -> None:
    log = pl.DataFrame({"user": "u", "artist": ["A", "B"], "ms": [200_000, 60_000], "track_ms": [200, 200]})
    result = fairpay.pay(log, pool="2", policy=half)
    assert [(one["code"], one["count"]) for one in result.summary["warnings"]] == [("unknown-completion", 2)]
    assert paid(log.with_columns(track_ms=200_000), pool="3", policy=half) == {"A": "2.00", "B": "1.00"}


def test_within_a_listener_they_count_half_user_centric(half: str) -> None:
    """u1: A 5/7, B 2/7; u2: a half each; u3: C. Of 42.00 a third each."""
    shares = {"A": "10.00", "B": "11.00", "C": "21.00"}
    assert paid(THREE, rule="user-centric", pool="42", policy=half) == shares


@pytest.mark.parametrize(("seconds", "counts"), [("190", "2.00"), ("189.999", "1.00")])
def test_without_a_reason_the_length_decides_from_95_percent(half: str, seconds: str, counts: str) -> None:
    log = pl.DataFrame(
        {"user": ["u", "v"], "artist": ["A", "B"], "seconds": [seconds, "200"], "track_ms": [200_000, 200_000]}
    )
    assert paid(log, pool=str(Fraction(counts) + 2), policy=half)["A"] == counts


def test_of_a_row_with_several_plays_the_mean_play_is_held_against_the_track(half: str) -> None:
    """Two plays of 189,999.5 ms, and three of 190,000."""
    log = pl.DataFrame(
        {
            "user": ["u", "v"],
            "artist": ["A", "B"],
            "plays": [2, 3],
            "ms": [379_999, 570_000],
            "track_ms": ["200000"] * 2,
        }
    )
    assert paid(log, pool="4", policy=half) == {"A": "1.00", "B": "3.00"}


def test_a_reason_goes_before_the_length(half: str) -> None:
    log = pl.DataFrame(
        {"user": ["u", "v"], "artist": ["A", "B"], "ms": [200_000, 200_000], "track_ms": [200_000] * 2}
    ).with_columns(reason_end=pl.Series(["fwdbtn", ""]))
    assert paid(log, pool="3", policy=half) == {"A": "1.00", "B": "2.00"}


def test_plays_of_which_nobody_knows_count_whole_and_are_warned_of(half: str) -> None:
    log = THREE.with_columns(reason_end=pl.when(pl.col("reason_end") == "endplay").then(None).otherwise("reason_end"))
    result = fairpay.pay(log, pool="49", policy=half)
    assert {one["code"]: one["count"] for one in result.summary["warnings"]} == {"unknown-completion": 20}
    assert dict(result.table.select("artist", pl.col("payout").cast(pl.String)).iter_rows())["C"] == "41.00"
    with pytest.raises(InputError, match="unknown-completion"):
        fairpay.pay(log, pool="49", policy=half, strict=True)


def test_where_it_is_known_of_every_play_nothing_is_said_of_those_unknown(half: str) -> None:
    some = THREE.with_columns(reason_end=pl.col("reason_end").replace("endplay", None))
    told = [fairpay.pay(log, pool="28", policy=half).summary["notes"] for log in (THREE, some)]
    assert [any("not known whether" in note for note in notes) for notes in told] == [False, True]


def test_delta_one_leaves_such_plays_out(tmp_path: Path) -> None:
    result = fairpay.pay(THREE, pool="28", policy=written(tmp_path, "[completion]\ndelta = 1\n"))
    assert [str(x) for x in result.table["payout"]] == ["21.00", "4.00", "3.00"]
    assert result.summary["listening"]["dropped"] == {"weighed at nothing by the policy": 2}


def test_other_words_for_the_end_may_be_named(tmp_path: Path) -> None:
    """`endplay` stands for the end too: A counts 5, B 3, C 41."""
    policy = written(tmp_path, HALF + 'values = ["trackdone", "endplay"]\n')
    assert paid(THREE, pool="49", policy=policy)["C"] == "41.00"


@pytest.mark.parametrize("lost", [["reason_end"], []])
def test_a_log_that_says_neither_is_refused_with_what_to_do(half: str, lost: list[str]) -> None:
    """A track's length without a duration says nothing."""
    log = THREE.drop(lost) if lost else THREE.drop("reason_end").with_columns(track_ms=pl.lit(200_000))
    with pytest.raises(InputError, match="whether they went to the end, and the log does not say") as refused:
        fairpay.pay(log, pool="1", policy=half)
    assert "columns reason_end=NAME" in str(refused.value.advice)


@pytest.mark.parametrize("delta", ["0", '"7/6"', "-1", '"half"', "true"])
def test_a_delta_that_is_no_part_is_refused(tmp_path: Path, delta: str) -> None:
    with pytest.raises(UsageError, match=r"\[completion\]: delta is .*, and must be above 0, up to 1"):
        fairpay.pay(THREE, pool="1", policy=written(tmp_path, f"[completion]\ndelta = {delta}\n"))


ROWS = st.tuples(
    st.sampled_from("uvw"),
    st.sampled_from("ABC"),
    st.integers(1, 4),
    st.integers(1, 400),
    st.sampled_from(["trackdone", "fwdbtn", "", None]),
    st.one_of(st.none(), st.integers(1, 120)),
)


TRIES = 15 if settings.default.derandomize else 60  # few by day, more in the nightly search


@settings(max_examples=TRIES, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(rows=st.lists(ROWS, min_size=1, max_size=12), delta=st.fractions(Fraction(1, 20), 1, max_denominator=20))
def test_it_is_what_fractions_say_whatever_the_order(
    rows: list[tuple[Any, ...]], delta: Fraction, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Market-centric: the pool by largest remainder of the sums of plays times what each counts."""
    sums: dict[str, Fraction] = {}
    for _, artist, plays, ms, reason, track in rows:
        known = bool(reason) or track is not None
        ended = (
            reason == "trackdone" if reason else track is not None and Fraction(ms, plays) >= Fraction(19, 20) * track
        )
        sums[artist] = sums.get(artist, Fraction(0)) + plays * (1 if ended or not known else 1 - delta)
    sums = {artist: x for artist, x in sorted(sums.items()) if x}
    folder = tmp_path_factory.mktemp("own")
    policy = written(folder, f'[completion]\ndelta = "{delta}"\n')
    schema = {"user": pl.String, "artist": pl.String, "plays": pl.Int64, "ms": pl.Int64, "reason_end": pl.String,
              "track_ms": pl.Int64}  # fmt: skip
    if not sums:
        return
    right = dict(zip(sums, largest_remainder_exact(list(sums.values()), 10_007).tolist(), strict=True))
    for order in (rows, rows[::-1]):
        log = pl.DataFrame(order, schema=schema, orient="row")
        found = paid(log, pool="100.07", policy=policy)
        assert {artist: int(Fraction(text) * 100) for artist, text in found.items()} == right
