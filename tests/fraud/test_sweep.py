"""Sweeps: every value of a parameter in one walk, with c* among them."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fairpay
from fairpay.cli import main
from fairpay.errors import InputError, UsageError
from fairpay.fraud.series import read_series

if TYPE_CHECKING:
    from pathlib import Path

    from fairpay.fraud.sweep import Point, Swept

THREE = pl.DataFrame({"user": ["u1", "u1", "u2", "u2", "u3"], "artist": [*"ABBCC"], "plays": [6, 2, 1, 1, 40]})
"""The month of RULES.md, section 2, worked by hand: market-centric 9/25, 9/50 and 123/50 of a pool of 3."""
MONTH = st.lists(
    st.tuples(st.sampled_from(["u1", "u2", "u3", "u4", "u5"]), st.sampled_from("ABCDEFGHIJKL"), st.integers(1, 60)),
    min_size=1,
    max_size=25,
)


def log_of(rows: list[tuple[str, str, int]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["user", "artist", "plays"], orient="row")


def swept(log: Any = THREE, **options: Any) -> Swept:  # noqa: ANN401 - a table or a path, options of many types
    return fairpay.sweep(log, **({"fee": "1.00"} | options))


def at(result: Swept, label: str) -> Point:
    (point,) = [point for point in result.points if point.rule.label == label]
    return point


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("user-cap:cap=100..200", ["cap=100", "cap=120", "cap=140", "cap=160", "cap=180", "cap=200"]),
        ("user-cap:cap=100..3000", ["cap=100", "cap=197", "cap=390", "cap=770", "cap=1520", "cap=3000"]),
        ("user-cap:cap=1..4", ["cap=1", "cap=2", "cap=3", "cap=4"]),
        ("user-cap:cap=10..100..40", ["cap=10", "cap=50", "cap=90"]),
        ("user-cap:cap=7,100..300..100", ["cap=7", "cap=100", "cap=200", "cap=300"]),
        ("bounded:b=0.7..1", ["b=7/10", "b=19/25", "b=41/50", "b=22/25", "b=47/50", "b=1"]),
        ("bounded:b=1/3..2/3", ["b=1/3", "b=2/5", "b=4667/10000", "b=5333/10000", "b=3/5", "b=2/3"]),
        ("bounded:force=cap,smooth", ["", "force=smooth"]),
        ("user-cap:tail=50%,cap=3,4", ["cap=3,tail=1/2", "cap=4,tail=1/2"]),
        ("fan-powered", [""]),
    ],
)
def test_a_range_is_cut_into_steps_and_a_list_is_taken_as_it_is(text: str, labels: list[str]) -> None:
    assert [rule.label.partition(":")[2] for rule in read_series(text, steps=5).rules] == labels


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("user-cap:cap=3000..100", "'3000..100' is no range"),
        ("user-cap:cap=1..2..3..4", "'1..2..3..4' is no range"),
        ("user-cap:cap=1..9..0", "'1..9..0' is no range"),
        ("norm:p=1..inf", "'1..inf' is no range"),
        ("user-cap:cap=0..100", "cap is '0'"),
        ("bounded:b=0.5..1.5", "b is '3/2'"),
        ("user-cap:cap=1..5,tail=0..1", "cap and tail both vary"),
        ("user-cap:cap=1..5,cap=7", "cap is given twice"),
        ("user-cap:cap=1..1000..1", "1..1000..1 has 1,000 values"),
        ("user-kap:cap=1..5", "there is no rule 'user-kap'"),
        ("user-cap:kap=1..5", "no parameter 'kap'"),
    ],
)
def test_what_is_no_range_of_a_rule_is_refused_before_anything_is_read(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        fairpay.sweep("no/such/log.csv", rules=text)
    assert caught.value.status == 2


@pytest.mark.parametrize("rule", ["bounded:b=0.5..1", "mix:rules=bounded:b=1/2+user-centric,share=0.2,0.5"])
def test_a_b_below_the_royalty_rate_is_refused_before_anything_is_read(rule: str) -> None:
    with pytest.raises(UsageError, match="b = 1/2 is below 7/10"):
        fairpay.sweep("no/such/log.csv", rules=rule, royalty_rate="70%")
    with pytest.raises(InputError):
        fairpay.sweep("no/such/log.csv", rules="bounded:b=0.7..1", royalty_rate="70%")


def test_the_month_of_three_listeners_is_swept_as_by_hand() -> None:
    result = swept(rules=["user-cap:cap=2,10", "user-centric"])
    found = {p.rule.label: (p.change.moved, p.most, p.small.before, p.small.after) for p in result.points}
    assert found == {
        "market-centric": (0, None, 54, 54),
        "user-cap:cap=2": (96, 1, 54, 150),  # every listener counts 2 plays: A 75, B 75
        "user-cap:cap=10": (81, Fraction(3, 2), 54, 135),  # 8, 2 and 10 plays: A 90, B 45
        "user-centric": (96, 1, 54, 150),
    }


def test_the_last_safe_cap_is_settled_whether_it_was_asked_for_or_not() -> None:
    """At 70 %: 8, 2 and 9 plays count of three, mean 19/3, and 0.7 · 9 is below it; 0.7 · 10 is above 20/3."""
    result = swept(rules="user-cap:cap=2,10", royalty_rate="70%")
    labels = [point.rule.label for point in result.points]
    assert labels == ["market-centric", "user-cap:cap=2", "user-cap:cap=9", "user-cap:cap=10"]
    assert [point.edge is not None for point in result.points] == [False, False, True, False]
    assert at(result, "user-cap:cap=9").most == Fraction(7, 10) * 9 / Fraction(19, 3)
    assert "every cap up to 9 plays is fraud-proof" in result.summary["lessons"][0]["sentence"]


def test_the_smallest_safe_b_is_settled_too() -> None:
    result = swept(rules="bounded:b=0.8,0.9", royalty_rate="70%")
    assert [p.text for p in result.points] == ["", "0.7", "0.8", "0.9"]
    assert at(result, "bounded:b=7/10").most == 1
    assert result.summary["lessons"][0]["sentence"] == (
        "bounded: every b from 0.7 on is fraud-proof on this log; b = 0.7 moves 29.0 % of the pool"
    )


@given(rows=MONTH, rate=st.sampled_from(["30%", "70%", "9/10", "1"]))
@settings(max_examples=12, deadline=None)
def test_c_star_is_the_last_cap_that_pays_back_no_more_than_a_fee(rows: list[tuple[str, str, int]], rate: str) -> None:
    result = swept(log_of(rows), rules="user-cap:cap=1,2", royalty_rate=rate)
    plays: dict[str, int] = {}
    for user, _, count in rows:
        plays[user] = plays.get(user, 0) + count
    alpha = Fraction(rate[:-1]) / 100 if rate.endswith("%") else Fraction(rate)
    caps = range(1, 2 + int(sum(plays.values()) / alpha))
    earns = [alpha * cap * len(plays) / sum(min(n, cap) for n in plays.values()) for cap in caps]
    (edge,) = [point for point in result.points if point.edge is not None]
    assert edge.value == max(cap for cap, back in enumerate(earns, 1) if back <= 1)
    assert edge.most == earns[int(edge.value) - 1]


@given(
    rows=MONTH,
    against=st.sampled_from(["market-centric", "user-centric", "user-cap:cap=5"]),
    swept_rules=st.lists(
        st.sampled_from(
            [
                "user-cap:cap=1..30",
                "user-cap:cap=2,7,tail=1/2",
                "bounded:b=0.7..1",
                "weighted:beta=0..1",
                "norm:p=1,2,inf",
                "equal-split",
                "bounded:force=cap,smooth,bayes",
            ]
        ),
        min_size=1,
        max_size=3,
        unique=True,
    ),
)
@settings(max_examples=6, deadline=None)
def test_every_point_is_a_comparison_of_its_own(
    rows: list[tuple[str, str, int]], against: str, swept_rules: list[str]
) -> None:
    log, money = log_of(rows), {"royalty_rate": "70%", "fee": "9.99"}
    result = swept(log, rules=swept_rules, against=against, steps=3, **money)
    for point, row, told in zip(result.points, result.table.to_dicts(), result.summary["points"], strict=True):
        if point is result.points[0]:
            continue
        alone = fairpay.compare(log, rules=[against, point.rule.label], **money)
        assert point.payout.allocation.paid.tolist() == alone.outcome.payouts[1].allocation.paid.tolist()
        comparison = alone.summary["comparisons"][0]
        assert (str(row["moved"]), row["moved_share"]) == (comparison["moved"], comparison["moved_share"])
        assert [row[name] for name in row if name.startswith("change_percent_")] == [
            None if tier["change_percent"] is None else Decimal(str(tier["change_percent"])).quantize(Decimal("0.01"))
            for tier in comparison["tiers"]
        ]
        steered = alone.summary["rules"][1]["steered_by_top_1_percent_of_listeners"]
        assert row["steered_by_top_1_percent_of_listeners"] == steered
        assert told["rule"] == point.rule.label


def test_what_an_account_gets_back_is_what_audit_says() -> None:
    rules = ["user-cap:cap=5", "bounded:b=0.8", "user-centric", "weighted", "market-centric"]
    audited = fairpay.audit(THREE, rules=rules, fee="1.00", royalty_rate="70%").summary["rules"]
    told = {point["rule"]: point["most_per_fee"] for point in swept(rules=rules, royalty_rate="70%").summary["points"]}
    for rule in audited:
        assert told[rule["name"]] == rule["most_per_fee"]


def test_a_rule_without_a_safe_value_that_is_known_says_which_were_tried() -> None:
    result = swept(rules=["weighted:beta=0,1/2,1", "user-cap:cap=3,4,tail=1/2"], royalty_rate="70%")
    assert [one["sentence"] for one in result.summary["lessons"]] == [
        "weighted: 0 is fraud-proof on this log, no other of the 3 values of beta that were tried",
        "user-cap:tail=1/2: none of the 2 values of cap that were tried is known to be fraud-proof on this log",
    ]


def test_without_a_rule_caps_bounds_and_user_centric_are_swept() -> None:
    assert swept(royalty_rate="70%").origins["rule"][0] == [
        "user-cap:cap=100..3000",
        "bounded:b=7/10..1",
        "user-centric",
    ]
    assert swept().origins["rule"][0] == ["user-cap:cap=100..3000", "user-centric"]


def test_values_that_the_month_refuses_are_left_out_and_said(tmp_path: Path) -> None:
    """One of four subscribers plays nothing: 7/8 of what listeners paid is paid out, and no b below that is safe."""
    paid = tmp_path / "paid.csv"
    paid.write_text("user,paid\nu1,5\nu2,5\nu3,5\nidle,3.75\n")
    result = fairpay.sweep(THREE, subscribers=paid, royalty_rate="70%", steps=3)
    assert [p.text for p in result.points if p.rule.name == "bounded"] == ["0.875", "0.9", "1"]
    assert any(
        note.startswith("2 values of bounded left out, such as bounded: b = 7/10") for note in result.outcome.notes
    )
    with pytest.raises(UsageError, match="below 7/8"):
        fairpay.sweep(THREE, rules="bounded:b=0.8", subscribers=paid, royalty_rate="70%")


def test_a_sweep_of_a_table_can_be_saved(tmp_path: Path) -> None:
    result = swept(rules="user-cap:cap=2,10")
    assert result.save(tmp_path / "out") == "done"
    assert all(control.ok for control in fairpay.verify(tmp_path / "out", inputs=False))


def test_names_that_people_use_are_recorded_as_the_rules_own() -> None:
    origins = swept(rules="Scaled-User-Prop:b=0.9,1", against="pro-rata", royalty_rate="70%").origins
    assert (origins["rule"][0], origins["against"][0]) == (["bounded:b=0.9,1"], "market-centric")


def test_small_artists_are_those_outside_the_best_paid_tenth() -> None:
    rows = [("u1", f"a{k:02}", 1 + (k < 2)) for k in range(20)] + [("u2", "a02", 1)]
    (_, user) = swept(log_of(rows), rules="user-centric", fee="11.50").points
    assert (user.small.artists, user.small.before, user.small.after) == (18, 1900, 2090)


def test_a_policy_and_decisions_bear_on_every_point(tmp_path: Path) -> None:
    policy = tmp_path / "own.toml"
    policy.write_text(
        'title = "t"\nsource = "s"\nrule = "market-centric"\n'
        '[[thresholds]]\nname = "few"\nper = "artist"\nstreams = 3\n'
        '[[weights]]\nname = "radio"\ncolumn = "category"\nvalues = ["radio"]\ntimes = "1/2"\n'
    )
    log = THREE.with_columns(category=pl.Series(["own", "radio", "own", "own", "own"]))
    decisions = pl.DataFrame({"kind": ["user"], "subject": ["u3"], "decision": ["weight 1/2"], "by": ["Ann"]})
    given: dict[str, Any] = {"policy": policy, "decisions": decisions, "royalty_rate": "70%", "fee": "1.00"}
    result = swept(log, rules="user-cap:cap=2,10", **given)
    alone = fairpay.compare(log, rules=[p.rule.label for p in result.points], **given)
    assert len(result.points) == 4
    for key in ("rules", "comparisons", "conditions", "decisions"):
        assert result.summary[key] == alone.summary[key]
    assert any("neither boosts nor weighs down" in note for note in result.outcome.notes)


def test_a_sweep_is_published_whole_verifies_and_is_known_again(tmp_path: Path) -> None:
    log, out = tmp_path / "log.csv", tmp_path / "out"
    THREE.write_csv(log)
    command = ["sweep", str(log), "--fee", "1", "--royalty-rate", "70%", "--rule", "user-cap:cap=2..10", "-o", str(out)]
    assert main(command) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "manifest.json",
        "summary.json",
        "sweep.csv",
        "sweep.parquet",
    ]
    assert all(control.ok for control in fairpay.verify(out))
    made = json.loads((out / "summary.json").read_text())
    assert "edge user-cap:cap=9" in [control["name"] for control in made["controls"]]
    assert swept(log, rules="user-cap:cap=2..10", fee=1, royalty_rate="70%", output=out).published == "already"
    frame = pl.read_csv(out / "sweep.csv")
    assert frame["most_per_fee"].to_list() == pl.read_parquet(out / "sweep.parquet")["most_per_fee"].to_list()


def test_the_page_fits_80_columns_and_says_what_to_take_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.csv"
    THREE.write_csv(log)
    rules = ["--rule", "user-cap:cap=100..3000", "--rule", "bounded:b=0.7..1", "--rule", "median"]
    assert main(["sweep", str(log), "--fee", "1", "--royalty-rate", "70%", *rules]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    text = " ".join(shown.split())
    assert "user-cap: every cap up to 9 plays is fraud-proof on this log; a cap of 9 moves" in text
    lines = [line.split() for line in shown.splitlines()]
    assert [line[1] for line in lines if line[:1] == ["9"]] == ["*"]
    assert [line[3:5] for line in lines if line[:1] == ["median"] and "%" in line] == [["not", "known"]]


def test_one_value_is_no_values_and_no_two_lines_are_blank(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.csv"
    THREE.write_csv(log)
    assert main(["sweep", str(log), "--fee", "1", "--royalty-rate", "70%", "--rule", "user-centric"]) == 0
    shown = capsys.readouterr().out
    assert "market-centric -> 1 value · " in shown
    assert "\n\n\n" not in shown
