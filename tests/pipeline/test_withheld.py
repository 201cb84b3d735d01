"""Withholding: the platform's share of what plays in a context earn leaves the pool, and no other artist gets it."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_withheld import Played, paid_and_withheld
from parties import in_parts

import fairpay
from fairpay.cli import main
from fairpay.errors import InputError, UsageError
from fairpay.pipeline.withheld import BITS, in_units

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 'title = "t"\nsource = "s"\nrule = "market-centric"\nmeasure = "plays"\n'
LINE = '[[withhold]]\nname = "{name}"\ncolumn = "context"\nvalues = ["{value}"]\nshare = {share}\n'
THREE = pl.DataFrame(
    [
        ("u1", "A", 4, "Discovery"), ("u1", "A", 2, None), ("u1", "B", 2, ""), ("u2", "B", 1, "discovery"),
        ("u2", "C", 1, None), ("u3", "C", 20, "discovery"), ("u3", "C", 20, "album"),
    ],
    schema=["user", "artist", "plays", "context"],
    orient="row",
)  # fmt: skip
"""The three users of RULES section 2: of A's plays 4 of 6 are in the context, of B's 1 of 3, of C's 20 of 41."""


def written(folder: Path, *shares: str, more: str = "") -> str:
    """A policy that withholds these shares, the first in the context `discovery`, the second in `radio`."""
    names = zip(("Discovery Mode", "Radio"), ("discovery", "radio"), shares, strict=False)
    lines = [LINE.format(name=name, value=value, share=share) for name, value, share in names]
    (folder / "own.toml").write_text(HEAD + more + "".join(lines))
    return str(folder / "own.toml")


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """Three tenths are withheld."""
    return written(tmp_path, "0.3")


def told(log: Any, **options: Any) -> dict[str, tuple[str, str]]:  # noqa: ANN401 - any log and option
    """Artist -> what it is paid, and what is withheld of it."""
    table = fairpay.pay(log, **options).table
    return {one["artist"]: (str(one["payout"]), str(one["withheld"])) for one in table.iter_rows(named=True)}


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        # X = 50: 0.60 a play; 4, 1 and 20 plays of it are in the context
        ("market-centric", {"A": ("2.88", "0.72"), "B": ("1.62", "0.18"), "C": ("21.00", "3.60")}),
        # u1: A 7.50 of which 2/3; u2: B 5.00, all; u3: C 10.00, half
        ("user-centric", {"A": ("6.00", "1.50"), "B": ("6.00", "1.50"), "C": ("13.50", "1.50")}),
        # u1: A 5.00 of which 2/3; u2: B 5.00, all; u3: C 10.00, half
        ("equal-split", {"A": ("4.00", "1.00"), "B": ("8.50", "1.50"), "C": ("13.50", "1.50")}),
        # half of each of the first two
        ("mix", {"A": ("4.44", "1.11"), "B": ("3.81", "0.84"), "C": ("17.25", "2.55")}),
        # 10.00 each, by plays: 3 * 4/6 = 2.00, 3 * 1/3 = 1.00, 3 * 20/41 = 1.463
        ("uniform", {"A": ("8.00", "2.00"), "B": ("9.00", "1.00"), "C": ("8.54", "1.46")}),
    ],
)
def test_what_marked_plays_earn_under_a_rule_is_withheld_in_part(
    policy: str, rule: str, found: dict[str, tuple[str, str]]
) -> None:
    assert told(THREE, rule=rule, pool="30", policy=policy) == found


def test_the_platforms_part_is_a_line_of_the_summary_and_a_control(policy: str) -> None:
    summary = fairpay.compare(THREE, pool="30", rules=["market-centric", "equal-split"], policy=policy).summary
    assert [(one["paid"], one["withheld_for_platform"]) for one in summary["rules"]] == [
        ("25.50", "4.50"), ("26.00", "4.00"),
    ]  # fmt: skip
    details = {one["name"]: one["detail"] for one in summary["controls"]}
    assert details["paid equal-split"] == "paid 26.00 + withheld 4.00 = pool 30.00"
    assert summary["comparisons"][0]["moved"] == "8.00"  # A +1.12, B +6.88; C -7.50, the platform -0.50


def test_it_is_no_weight_others_are_paid_what_they_were(policy: str, tmp_path: Path) -> None:
    plain = tmp_path / "plain.toml"
    plain.write_text(HEAD)
    before = fairpay.pay(THREE, pool="30", policy=str(plain)).table
    assert "withheld" not in before.columns
    earned = {artist: Decimal(a) + Decimal(b) for artist, (a, b) in told(THREE, pool="30", policy=policy).items()}
    assert earned == dict(before.select("artist", "payout").iter_rows())


def test_of_two_lines_the_first_that_meets_a_play_holds(tmp_path: Path) -> None:
    """A: of 4 plays of 1.00 each 0.30; u2's play of B is in the second context, of which a half is withheld."""
    log = THREE.filter(pl.col("user") != "u3").with_columns(
        context=pl.when(pl.col("user") == "u2").then(pl.lit("radio")).otherwise("context")
    )
    found = told(log, pool="10", policy=written(tmp_path, "0.3", '"1/2"'))
    assert found == {"A": ("4.80", "1.20"), "B": ("2.50", "0.50"), "C": ("0.50", "0.50")}


def test_plays_keep_the_weights_of_the_policy(tmp_path: Path) -> None:
    """Noise counts half: A earns by 2 and 1 plays, of which the 2 of noise in the context came from 4."""
    log = pl.DataFrame(
        {
            "user": ["u", "u", "v"], "artist": ["A", "A", "B"], "plays": [4, 1, 3],
            "context": ["discovery", "", ""], "category": ["noise", "", ""],
        }
    )  # fmt: skip
    noise = '[[weights]]\nname = "noise"\ncolumn = "category"\nvalues = ["noise"]\ntimes = "1/2"\n'
    assert told(log, pool="6", policy=written(tmp_path, "0.3", more=noise)) == {
        "A": ("2.40", "0.60"),
        "B": ("3.00", "0.00"),
    }


def test_many_artists_of_a_cent_pay_the_platform_its_part_to_the_cent(policy: str) -> None:
    """Thirty artists with a cent each, all in the context: 9 cents are withheld, from the smaller ids."""
    log = pl.DataFrame({"user": "u", "artist": [f"a{k:02d}" for k in range(30)], "context": "discovery"})
    found = told(log, pool="0.30", policy=policy)
    assert [artist for artist, (paid, _) in sorted(found.items()) if paid == "0.00"] == [f"a{k:02d}" for k in range(9)]


def test_a_half_goes_to_the_even_unit_though_thirds_are_cut_off() -> None:
    third = (1 << BITS) // 3
    assert in_units([third, third, third, 1 << BITS - 1], [1] * 4) == [1, 0, 0, 1]
    assert in_units([third * 3 // 2, third * 3, third * 3], [3] * 3) == [0, 1, 1]


def test_plays_of_those_who_paid_nothing_earn_nothing_that_could_be_withheld(policy: str, tmp_path: Path) -> None:
    """u2, whose play of B is in the context, is no subscriber: B has 2.50 of u1, who played it elsewhere."""
    (tmp_path / "s.csv").write_text("user,paid\nu1,10\nu3,10\n")
    found = told(THREE, rule="user-centric", subscribers=tmp_path / "s.csv", policy=policy)
    assert found == {"A": ("6.00", "1.50"), "B": ("2.50", "0.00"), "C": ("8.50", "1.50")}


def test_a_threshold_moves_the_platforms_part_too(tmp_path: Path) -> None:
    """Without B a play brings 30 / 47: A +0.18, C +1.34, the platform +0.10 of what B had, 1.62."""
    threshold = '[[thresholds]]\nname = "five streams"\nper = "artist"\nstreams = 5\n'
    policy = written(tmp_path, "0.3", more=threshold)
    result = fairpay.pay(THREE, pool="30", policy=policy)
    moved = {one["name"]: one["moved"] for one in result.summary["conditions"]}
    assert moved == {"five streams": ["1.62"], "Discovery Mode": None}
    assert told(THREE, pool="30", policy=policy) == {"A": ("3.06", "0.77"), "C": ("22.34", "3.83")}


def test_suspense_lines_are_withheld_of_too(policy: str, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("kind,subject,decision,by\nartist,A,hold,me\n")
    result = fairpay.pay(THREE, pool="30", policy=policy, decisions=tmp_path / "d.csv")
    assert sorted(str(x) for x in result.table["withheld"]) == ["0.18", "0.72", "3.60"]


@pytest.mark.parametrize("share", ["0", "1", '"7/6"', "true"])
def test_a_share_that_is_no_part_is_refused(tmp_path: Path, share: str) -> None:
    with pytest.raises(UsageError, match=r"\[\[withhold\]\] 1: share is .*, and must be between 0 and 1"):
        fairpay.pay(THREE, pool="1", policy=written(tmp_path, share))


def test_shares_of_a_policy_are_written_like_other_shares(policy: str, tmp_path: Path) -> None:
    found = told(THREE, pool="30", policy=policy)
    assert told(THREE, pool="30", policy=written(tmp_path, '"30 %"')) == found


def test_sums_of_many_rules_are_told_by_the_least_and_the_most(
    policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = ("market-centric", "uniform", "equal-split")
    THREE.write_csv(tmp_path / "log.csv")
    typed = ["compare", str(tmp_path / "log.csv"), "--pool", "30", "--policy", policy]
    assert main([*typed, *(f"--rule={rule}" for rule in rules)]) == 0
    page = capsys.readouterr().out
    assert "Withheld    4.00 to 4.50, by rule   for the platform, by the policy" in page
    assert "paid + withheld = pool 30.00 under all 3 rules." in page


def test_screen_summary_and_page_say_what_is_withheld_and_what_part_of_the_whole_pool_moves(
    policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """8.00 of 30.00, of which 25.50 are paid under the first rule."""
    THREE.write_csv(tmp_path / "log.csv")
    typed = ["compare", str(tmp_path / "log.csv"), "--pool", "30", "--policy", policy, "--rule", "market-centric"]
    assert (
        main([*typed, "--rule", "equal-split", "-o", str(tmp_path / "run"), "--report", str(tmp_path / "p.html")]) == 0
    )
    page, screen = (tmp_path / "p.html").read_text(encoding="utf-8"), capsys.readouterr().out
    assert "8.00 EUR (26.7 %) changes hands" in screen
    assert "8.00 EUR (26.7 %) changes hands" in page
    assert '"moved_share": 0.266667' in (tmp_path / "run" / "summary.json").read_text()
    assert "4.50 EUR (market-centric), 4.00 EUR (equal-split) for the platform, by the policy" in page
    assert "3/10 withheld" in page
    (line,) = json.loads((tmp_path / "run" / "summary.json").read_text())["conditions"]
    assert (line["times"], line["withheld_share"]) == ("1", "3/10")


def test_a_log_without_the_column_is_refused(policy: str) -> None:
    with pytest.raises(InputError, match="Discovery Mode earn, by a column context that is not there"):
        fairpay.pay(THREE.drop("context"), pool="1", policy=policy)


def test_values_that_no_play_holds_are_warned_of(policy: str) -> None:
    summary = fairpay.pay(THREE.with_columns(context=pl.lit("x")), pool="1", policy=policy).summary
    assert [(one["code"], one["examples"]) for one in summary["warnings"]] == [
        ("nothing-withheld", ["Discovery Mode: context"])
    ]
    assert summary["rules"][0]["withheld_for_platform"] == "0.00"


@pytest.mark.parametrize("rule", ["median", "independent-markets", "geometric-median"])
def test_rules_that_cannot_say_what_a_play_earns_are_refused_by_name(policy: str, rule: str) -> None:
    with pytest.raises(UsageError, match=f"{rule} cannot say what a play earns"):
        fairpay.pay(THREE, rule=rule, pool="1", policy=policy)


def test_history_and_wishes_are_refused(policy: str, tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("user,artist,plays\nu1,A,3\n")
    with pytest.raises(UsageError, match="withholds does not go with history and wishes"):
        fairpay.pay(THREE, pool="1", policy=policy, history=tmp_path / "h.csv")


def test_penalties_are_refused(policy: str, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("kind,subject,decision,by\nartist,A,exclude,me\n")
    with pytest.raises(UsageError, match="withholds does not go with penalties"):
        fairpay.pay(THREE, pool="1", policy=policy, decisions=tmp_path / "d.csv", penalty="50%")


def test_explain_is_refused(policy: str) -> None:
    with pytest.raises(UsageError, match="explain does not tell what a policy withholds"):
        fairpay.explain(THREE, artist="A", pool="1", policy=policy)


def test_an_id_that_could_be_a_mark_is_refused(policy: str) -> None:
    with pytest.raises(InputError, match="the characters 1F 1C"):
        fairpay.pay(THREE.with_columns(artist=pl.lit("A\x1f\x1c0")), pool="1", policy=policy)


def test_groups_and_merged_lines_carry_what_is_withheld(policy: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("artist,label\nA,x\nB,x 1/2; y 1/2\nC,y\n")
    run = tmp_path / "run"
    options = {"artists": tmp_path / "a.csv", "by": ["label"], "output": run}
    fairpay.pay(THREE, rule="user-centric", pool="30", policy=policy, **options)
    found = pl.read_csv(run / "payouts-by-label.csv").select("label", "payout", "withheld").rows()
    assert sorted(found) == [("x", 9.0, 2.25), ("y", 16.5, 2.25)]
    assert all(control.ok for control in fairpay.verify(run))


def test_months_are_withheld_of_each_by_itself(policy: str, tmp_path: Path) -> None:
    """Two months alike, each with a fee of 10.00 from three listeners."""
    both = pl.concat([THREE.with_columns(time=pl.lit(f"2026-{month}-05")) for month in ("09", "10")])
    run = tmp_path / "run"
    result = fairpay.pay(both, fee="10", rule="user-centric", policy=policy, by=["month"], output=run)
    assert result.summary["rules"][0]["withheld_for_platform"] == "9.00"
    assert pl.read_csv(run / "payouts-by-month.csv").select("payout", "withheld").rows() == [(25.5, 4.5)] * 2
    assert all(control.ok for control in fairpay.verify(run))


def test_parts_of_parties_make_the_same(policy: str, tmp_path: Path) -> None:
    users = [THREE.filter(pl.col("user") == user) for user in ("u1", "u2", "u3")]
    rules = ["market-centric", "user-centric"]
    merged, _ = in_parts(users, tmp_path, pool="30", rules=rules, policy=policy)
    assert merged.table.equals(fairpay.compare(THREE, pool="30", rules=rules, policy=policy).table)


def test_the_page_of_a_run_and_its_comparison_with_another_say_what_was_withheld(tmp_path: Path) -> None:
    for name, share in (("one", "0.3"), ("two", "0.5")):
        fairpay.pay(THREE, pool="30", policy=written(tmp_path, share), output=tmp_path / name)
    page = fairpay.report(tmp_path / "one", output=tmp_path / "page.html").read_text(encoding="utf-8")
    assert "4.50 EUR for the platform, by the policy" in page
    rows = fairpay.diff(tmp_path / "one", tmp_path / "two").table.filter(figure="withheld")
    assert sorted(str(x) for x in rows["change"]) == ["0.12", "0.48", "2.40"]


def test_order_threads_and_files_change_no_byte(policy: str, tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    size = 3000
    log = pl.DataFrame(
        {
            "user": [f"u{k}" for k in generator.integers(0, 200, size)],
            "artist": [f"a{k}" for k in generator.integers(0, 60, size)],
            "plays": generator.integers(1, 5, size),
            "context": [("discovery", "album", None)[k] for k in generator.integers(0, 3, size)],
        }
    )
    log[: size // 3].write_csv(tmp_path / "1.csv")
    log[size // 3 :].reverse().write_csv(tmp_path / "2.csv")
    options = {"fee": "9.99", "royalty_rate": "70%", "rules": ["market-centric", "user-centric"], "policy": policy}
    whole = fairpay.compare(log.sample(fraction=1, shuffle=True, seed=1), threads=1, **options).table
    parts = fairpay.compare([tmp_path / "2.csv", tmp_path / "1.csv"], threads=3, batch_rows=100, **options).table
    assert whole.equals(parts)


ROWS = st.tuples(st.sampled_from("uvwx"), st.sampled_from("ABCD"), st.integers(1, 3), st.sampled_from([0, 1, 2]))
CONTEXTS = ("album", "discovery", "radio")


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(ROWS, min_size=1, max_size=14),
    rule=st.sampled_from(["market-centric", "user-centric", "equal-split", "user-cap:cap=3"]),
    shares=st.tuples(*[st.sampled_from(["3/10", "1/2", "1/3", "7/9"])] * 2),
    pool=st.integers(1, 999),
)
def test_it_is_what_fractions_say(
    rows: list[tuple[str, str, int, int]],
    rule: str,
    shares: tuple[str, str],
    pool: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    played: Played = {}
    for user, artist, plays, context in rows:
        share = (Fraction(0), *map(Fraction, shares))[context]
        own = played.setdefault((user, artist), {})
        own[share] = own.get(share, 0) + plays
    log = pl.DataFrame([(u, a, n, CONTEXTS[k]) for u, a, n, k in rows], schema=[*THREE.columns], orient="row")
    policy = written(tmp_path_factory.mktemp("own"), *(f'"{share}"' for share in shares))
    found = told(log, rule=rule, pool=f"{pool // 100}.{pool % 100:02d}", policy=policy)
    earned, withheld = paid_and_withheld(played, rule, pool)
    cents = {artist: tuple(int(Fraction(text) * 100) for text in pair) for artist, pair in found.items()}
    assert cents == {artist: (earned[artist] - withheld[artist], withheld[artist]) for artist in earned}
    assert sum(map(sum, cents.values())) == pool
