"""What excluded plays would have earned, and what is charged of it: held against fractions, rule by rule."""

from __future__ import annotations

import csv
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import fairpay
from fairpay.cli import main
from fairpay.errors import InputError, UsageError
from fairpay.money.currency import round_half_even

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Listening = dict[str, tuple[int, int, dict[str, Fraction]]]
"""user -> fee in cents, plays, and artist -> plays as they count."""
Excluded = set[tuple[str, str]]

WORKED = pl.DataFrame({"user": ["h1", "h2", "bot"], "artist": ["a", "b", "fake"], "plays": [10, 20, 10]})
"""Of a pool of 400.00 the fake plays would have earned 100.00 market-centric."""
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def charged(folder: Path, *lines: str, log: pl.DataFrame = WORKED, **options: Any) -> Any:  # noqa: ANN401 - a Result
    """Compare with these decisions: `user,bot,exclude,50%`."""
    path = folder / "review.csv"
    path.write_text("kind,subject,decision,penalty\n" + "".join(f"{line}\n" for line in lines))
    chosen = {"pool": "400.00", "rules": ("market-centric", "user-centric"), **options}
    return fairpay.compare(log, decisions=path, **chosen)


def lines(result: Any, rule: int = 0) -> dict[tuple[str, Fraction], tuple[int, int]]:  # noqa: ANN401 - a Result
    """(artist, share) -> what its excluded plays would have earned, and the charge."""
    return {(one.artist, one.share): (one.earned[rule], one.charged[rule]) for one in result.outcome.penalties.lines}


def test_half_of_what_fake_plays_would_have_earned_is_charged_and_goes_to_all_whom_the_pool_pays(
    tmp_path: Path,
) -> None:
    """R = 100, p = 50 %: the payee -50, the pool +50."""
    result = charged(tmp_path, "user,bot,exclude,50%")
    assert lines(result) == {("fake", Fraction(1, 2)): (100_00, 50_00)}
    table = pl.DataFrame(result.penalties)
    found = {artist: (str(penalty), str(shared)) for artist, penalty, shared in table.select(
        "artist", "market_centric_penalty", "market_centric_shared").iter_rows()}  # fmt: skip
    assert found == {"a": ("0.00", "16.67"), "b": ("0.00", "33.33"), "fake": ("-50.00", "0.00")}


def by_weight(weight: Callable[[int, int, Fraction], Fraction | int], *, equal: bool = False) -> Any:  # noqa: ANN401
    """R of a rule by what a user steers and how it is split: P · Σ W q_excluded / Σ W."""

    def oracle(month: Listening, gone: Excluded, pool: int) -> dict[str, Fraction]:
        whole = sum(weight(fee, rows, total(plays)) for fee, rows, plays in month.values())
        found: dict[str, Fraction] = {}
        for user, (fee, rows, plays) in month.items():
            steered = pool * weight(fee, rows, total(plays)) / Fraction(whole)
            for artist, count in plays.items():
                part = Fraction(1, len(plays)) if equal else count / total(plays)
                if (user, artist) in gone:
                    found[artist] = found.get(artist, Fraction(0)) + steered * part
        return found

    return oracle


def by_artist(value: Callable[[Fraction], Fraction]) -> Any:  # noqa: ANN401 - an oracle
    """R of a rule that pays artists by a function of their plays: the artist's pay, by the part of its plays."""

    def oracle(month: Listening, gone: Excluded, pool: int) -> dict[str, Fraction]:
        plays: dict[str, Fraction] = {}
        out: dict[str, Fraction] = {}
        for user, (_, _, own) in month.items():
            for artist, count in own.items():
                plays[artist] = plays.get(artist, Fraction(0)) + count
                out[artist] = out.get(artist, Fraction(0)) + count * ((user, artist) in gone)
        whole = sum(value(count) for count in plays.values())
        return {artist: pool * value(plays[artist]) / whole * out[artist] / plays[artist] for artist in plays}

    return oracle


def total(plays: Mapping[str, Fraction]) -> Fraction:
    """What a user listens."""
    return sum(plays.values(), Fraction(0))


ORACLES = {
    "market-centric": by_weight(lambda _, __, counted: counted),
    "user-centric": by_weight(lambda fee, _, __: fee),
    "equal-split": by_weight(lambda fee, _, __: fee, equal=True),
    "user-cap:cap=5": by_weight(lambda _, rows, counted: counted * Fraction(min(rows, 5), rows)),
    "artist-cap:cap=7": by_artist(lambda count: min(count, Fraction(7))),
    "uniform": by_artist(lambda _: Fraction(1)),
}
PLAYS = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 9), min_size=1)
MONTHS = st.dictionaries(
    st.sampled_from(["u1", "u2", "u3", "u4", "u5"]), st.tuples(st.integers(1, 2000), PLAYS), min_size=2
)
DECIDED = st.fixed_dictionaries({
    "users": st.dictionaries(st.sampled_from(["u1", "u2", "u3"]), st.sampled_from(["exclude", "weight 1/2"])),
    "artists": st.sets(st.sampled_from("ab"), max_size=1),
})  # fmt: skip


@FEW
@given(drawn=MONTHS, decided=DECIDED, share=st.sampled_from(["0", "1/3", "50%", "1"]))
def test_what_excluded_plays_would_have_earned_is_what_the_rule_pays_for_them_with_them_in(
    tmp_path: Path,
    drawn: dict[str, tuple[int, dict[str, int]]],
    decided: Any,  # noqa: ANN401 - drawn
    share: str,
) -> None:
    """Under every rule; each amount passes two largest remainders, of the artist and of its plays."""
    artists = {artist for _, plays in drawn.values() for artist in plays}
    users = {user: what for user, what in decided["users"].items() if user in drawn}
    out = {artist for artist in decided["artists"] if artist in artists}
    assume("exclude" in users.values() or out)
    gone = {(user, artist) for user, (_, plays) in drawn.items() for artist in plays
            if users.get(user) == "exclude" or artist in out}  # fmt: skip
    assume(any((user, artist) not in gone for user, (_, plays) in drawn.items() for artist in plays))
    half = {user: Fraction(1, 2) if users.get(user, "") == "weight 1/2" else Fraction(1) for user in drawn}
    month = {user: (fee, sum(plays.values()), {artist: half[user] * n for artist, n in plays.items()})
             for user, (fee, plays) in drawn.items()}  # fmt: skip
    log = pl.DataFrame([(user, artist, n) for user, (_, plays) in drawn.items() for artist, n in plays.items()],
                       schema=["user", "artist", "plays"], orient="row")  # fmt: skip
    payers = pl.DataFrame({"user": [*drawn], "fee": [f"{fee / 100:.2f}" for fee, _ in drawn.values()]})
    said = [*(f"user,{user},{what}," for user, what in users.items()), *(f"artist,{one},exclude," for one in out)]
    result = charged(tmp_path, *said, log=log, pool=None, subscribers=payers, rules=tuple(ORACLES), penalty=share,
                     royalty_rate="100%")  # fmt: skip
    pool = sum(fee for fee, _ in drawn.values())
    for k, (rule, oracle) in enumerate(ORACLES.items()):
        found = {artist: earned for (artist, _), (earned, _) in lines(result, k).items()}
        exact = oracle(month, gone, pool)
        assert all(abs(found.get(artist, 0) - exact.get(artist, 0)) < 2 for artist in artists), rule
        for (_, part), (earned, units) in lines(result, k).items():
            assert units == round_half_even(part * earned)


@pytest.mark.parametrize(("share", "units"), [("0%", 0), ("100%", 100_00), ("1/3", 33_33)])
def test_any_share_from_nothing_to_all_is_charged(tmp_path: Path, share: str, units: int) -> None:
    assert lines(charged(tmp_path, f"user,bot,exclude,{share}")) == {
        ("fake", Fraction(share.rstrip("%")) / (100 if "%" in share else 1)): (100_00, units)
    }


def test_an_artists_own_share_goes_before_the_accounts_and_that_before_the_runs(tmp_path: Path) -> None:
    log = pl.DataFrame({"user": ["h", "b1", "b1", "b2"], "artist": ["a", "x", "y", "z"], "plays": [10, 10, 10, 10]})
    asked = ["user,b1,exclude,50%", "user,b2,exclude,", "artist,y,keep,10%"]
    found = lines(charged(tmp_path, *asked, log=log, penalty="25%"))
    assert dict(found.keys()) == {
        "x": Fraction(1, 2), "y": Fraction(1, 10), "z": Fraction(1, 4),
    }  # fmt: skip
    assert {units for _, units in found.values()} == {50_00, 10_00, 25_00}


def test_a_groups_penalty_holds_for_members_left_blank(tmp_path: Path) -> None:
    path = tmp_path / "review.csv"
    path.write_text("kind,subject,group,decision,penalty\ngroup,g1,,exclude,50%\nuser,bot,g1,,\n")
    result = fairpay.pay(WORKED, decisions=path, pool="400.00", rule="market-centric")
    assert lines(result) == {("fake", Fraction(1, 2)): (100_00, 50_00)}


def test_an_artist_excluded_whole_is_charged_for_all_its_plays(tmp_path: Path) -> None:
    assert lines(charged(tmp_path, "artist,b,exclude,50%"), 1) == {("b", Fraction(1, 2)): (133_33, 66_66)}


def test_plays_that_are_held_or_weighed_are_not_charged(tmp_path: Path) -> None:
    result = charged(tmp_path, "user,h1,hold,", "user,h2,weight 1/2,", "user,bot,exclude,", penalty="50%")
    assert [artist for artist, _ in lines(result)] == ["fake"]
    assert lines(result)["fake", Fraction(1, 2)] == (133_33, 66_66)


def test_excluded_plays_of_a_held_artist_are_charged_to_the_artist(tmp_path: Path) -> None:
    result = charged(tmp_path, "artist,fake,hold,", "user,bot,exclude,50%")
    assert lines(result) == {("fake", Fraction(1, 2)): (100_00, 50_00)}


def test_payouts_are_the_same_with_penalties_and_without(tmp_path: Path) -> None:
    with_them, without = (charged(tmp_path, "user,bot,exclude,", **more) for more in ({"penalty": "50%"}, {}))
    assert with_them.table.equals(without.table)
    assert without.outcome.penalties is None
    assert "penalties" not in without.summary


def test_the_platform_may_keep_what_is_charged(tmp_path: Path) -> None:
    result = charged(tmp_path, "user,bot,exclude,50%", penalty_to="platform")
    control = next(one for one in result.outcome.controls if one.name == "penalties market-centric")
    assert (control.ok, control.detail) == (True, "charged 50.00 = shared 0.00 + kept by the platform 50.00")


def test_a_run_writes_its_penalties_and_shows_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    WORKED.write_csv(tmp_path / "log.csv")
    (tmp_path / "review.csv").write_text("kind,subject,decision\nuser,bot,exclude\n")
    asked = ["pay", str(tmp_path / "log.csv"), "--pool", "400", "--decisions", str(tmp_path / "review.csv")]
    assert main([*asked, "--rule", "market-centric", "--penalty", "50%", "-o", str(tmp_path / "run")]) == 0
    assert "market-centric          100.00    50.00        1" in capsys.readouterr().out
    with (tmp_path / "run" / "penalties.csv").open(newline="") as file:
        rows = {row["artist"]: row for row in csv.DictReader(file)}
    assert rows["fake"] == {"artist": "fake", "would_have_earned": "100.00", "penalty": "-50.00", "shared": "0.00",
                            "currency": "EUR"}  # fmt: skip
    assert main(["verify", str(tmp_path / "run")]) == 0
    assert main(["report", str(tmp_path / "run"), "-o", str(tmp_path / "page.html")]) == 0
    assert "Penalties, EUR" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("share", ["7/6", "-1", "much", "50"])
def test_what_is_no_share_is_refused(tmp_path: Path, share: str) -> None:
    with pytest.raises(UsageError) as wrong:
        charged(tmp_path, "user,bot,exclude,", penalty=share)
    assert share in wrong.value.message
    with pytest.raises(InputError) as refused:
        charged(tmp_path, f"user,bot,exclude,{share}")
    assert refused.value.problems[0].reason == "penalty is not a share from 0 to 100 %"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["user,bot,exclude,", "artist,a,keep,50%"], "1 penalty on artists of whom no play is excluded"),
        (["artist,a,keep,50%"], "1 penalty on artists of whom no play is excluded"),
        (["user,bot,keep,50%"], "1 line cannot be used"),
        (["user,bot,hold,50%"], "1 line cannot be used"),
    ],
)
def test_a_penalty_on_what_nobody_excluded_is_refused(tmp_path: Path, asked: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        charged(tmp_path, *asked)


def test_a_penalty_without_decisions_is_refused() -> None:
    with pytest.raises(UsageError, match="no decisions are given"):
        fairpay.compare(WORKED, penalty="50%")


def test_penalties_do_not_go_with_listening_that_is_divided_anew(tmp_path: Path) -> None:
    wishes = pl.DataFrame({"user": ["h1"], "artist": ["b"], "kind": ["gift"], "amount": ["1/2"]})
    with pytest.raises(UsageError, match="history and wishes, which divide"):
        charged(tmp_path, "user,bot,exclude,50%", wishes=wishes)


def test_an_id_that_looks_marked_is_refused(tmp_path: Path) -> None:
    odd = WORKED.with_columns(artist=pl.Series(["a", "b\0penalty:1", "fake"]))
    with pytest.raises(InputError, match="told apart"):
        charged(tmp_path, "user,bot,exclude,50%", log=odd)


def test_no_order_of_rows_or_threads_changes_a_penalty(tmp_path: Path) -> None:
    log = pl.DataFrame([(f"u{n % 7}", "abcde"[n % 5], n % 4 + 1) for n in range(60)],
                       schema=["user", "artist", "plays"], orient="row")  # fmt: skip
    asked = ("user,u1,exclude,1/3", "user,u2,exclude,", "artist,c,exclude,7%")
    first = charged(tmp_path, *asked, log=log, penalty="50%")
    other = charged(tmp_path, *asked[::-1], log=log.reverse(), penalty="50%", threads=1, batch_rows=7)
    assert first.penalties.equals(other.penalties)
