"""`explain`: who is meant, what an artist is paid and why, and that no single listener is told of."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import fairpay

if TYPE_CHECKING:
    from pathlib import Path

    from fairpay.pipeline.explain import Explained

USERS = [f"secret-{n:02}" for n in range(24)]
"""The first 20 play A, every second of them B; every third of all and the last four play C."""
ROWS = [
    (user, artist, f"{artist}{n % 3}", 31 + 2 * n + place)
    for n, user in enumerate(USERS)
    for place, artist in enumerate("ABC")
    if (artist == "A" and n < 20)
    or (artist == "B" and n % 2 == 0 and n < 20)
    or (artist == "C" and (n % 3 == 0 or n >= 20))
    for _ in range(1 + n % 4)
]
LOG = pl.DataFrame(ROWS, schema=["user", "artist", "track", "seconds"], orient="row")
ARTISTS = pl.DataFrame(
    {
        "artist": ["A", "B", "C", "D"],
        "name": ["Nils Frahm", "Sleepify", "Sleepify", "Nobody"],
        "label": ["Erased Tapes", "Own", "Erased Tapes", "Own"],
    }
)
PAID = pl.DataFrame({"user": [*USERS, "idle"], "paid": [f"{4 + n % 5}.99" for n in range(25)]})
MONEY = {"artists": ARTISTS, "subscribers": PAID, "royalty_rate": "70%"}
BOTH = ["market-centric", "user-centric"]


def explained(**options: Any) -> Explained:  # noqa: ANN401 - any option
    """What is said of the log above."""
    return fairpay.explain(LOG, **{**MONEY, **options})


def paid(found: Explained) -> dict[str, str]:
    """Rule -> amount."""
    return {one["name"]: one["paid"] for one in found.summary["rules"]}


def test_a_name_an_id_and_other_capitals_mean_the_same_artist() -> None:
    by_name = explained(artist="Nils Frahm").summary
    assert by_name["subject"] == {"kind": "artist", "name": "Nils Frahm", "artists": ["A"]}
    assert explained(artist="A").summary == explained(artist="nils frahm").summary == by_name


def test_an_ambiguous_name_is_listed_with_ids() -> None:
    with pytest.raises(fairpay.UsageError, match=r"2 artists are called 'Sleepify': C \(Sleepify, .* B \(Sleepify, "):
        explained(artist="Sleepify")


def test_an_unknown_name_is_told_what_is_near() -> None:
    with pytest.raises(fairpay.UsageError, match="there is no artist 'Nils Fram'") as refused:
        explained(artist="Nils Fram")
    assert refused.value.advice == "Did you mean 'Nils Frahm'?"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "say whom to explain"),
        ({"artist": "A", "label": "Own"}, "takes one of artist, label and group"),
        ({"group": "label"}, "no column with a value"),
        ({"group": "genre=jazz"}, "there is no column genre"),
        ({"label": "Owm"}, "no artist has the label 'Owm'"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(fairpay.UsageError, match=message):
        explained(**options)


def test_a_label_needs_a_file_that_knows_it() -> None:
    with pytest.raises(fairpay.UsageError, match="which artists belong to label 'Own' is not known"):
        fairpay.explain(LOG, label="Own", fee="9.99")


def test_a_label_is_paid_what_its_artists_are_paid_together_and_a_group_is_the_same() -> None:
    table = fairpay.compare(LOG, **MONEY).table.filter(pl.col("artist") != "B")
    found = explained(label="Erased Tapes", rules=BOTH)
    assert paid(found) == {rule: str(table[rule.replace("-", "_")].sum()) for rule in BOTH}
    assert explained(group="label=erased tapes", rules=BOTH).summary == found.summary


def test_an_artist_of_several_labels_is_whole_in_each_and_said_to_be() -> None:
    several = ARTISTS.with_columns(label=pl.Series(["Erased Tapes", "Own 1/2; Erased Tapes 1/2", "Own", "Own"]))
    found = explained(label="Erased Tapes", artists=several, rules=BOTH).summary
    assert found["subject"]["artists"] == ["A", "B"]
    note = (
        "1 artist (B) is shared with another label, and counted whole here; a comparison by label divides what is paid"
    )
    assert found["notes"][-1] == note


def test_artists_without_a_label_are_a_group_of_their_own() -> None:
    assert explained(label="no label", artists=ARTISTS[:2]).summary["subject"]["artists"] == ["C"]


def test_payouts_and_plays_are_those_of_a_comparison() -> None:
    (row,) = fairpay.compare(LOG, **MONEY).table.filter(pl.col("artist") == "A").iter_rows(named=True)
    found = explained(artist="A", rules=BOTH).summary
    assert paid(explained(artist="A", rules=BOTH)) == {rule: str(row[rule.replace("-", "_")]) for rule in BOTH}
    assert (found["plays"], found["listeners"]) == (row["plays"], row["listeners"])
    assert Fraction(found["rules"][0]["per_play"]) == round(Fraction(row["market_centric"]) / row["plays"], 6)


CHANGES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "inactive money held": {"inactive": "hold"},
    "one fee": {"subscribers": None, "fee": "9.99"},
    "a stated pool": {"subscribers": None, "pool": "1000.00"},
    "plays": {"measure": "plays"},
    "a cut-off": {"min_seconds": "45"},
    "history": {"history": pl.DataFrame({"user": [USERS[0], USERS[1]], "artist": ["B", "Z"], "plays": [50, 9]})},
    "wishes": {
        "wishes": pl.DataFrame(
            {"user": USERS[:2], "artist": ["B", "A"], "kind": ["gift", "boost"], "amount": ["0.5", "3"]}
        )
    },
    "delegations": {"delegations": pl.DataFrame({"user": [USERS[0]], "delegate": [USERS[1]], "share": ["0.5"]})},
    "listeners without a line": {"subscribers": PAID[2:]},
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("who", [{"artist": "A"}, {"artist": "B"}, {"label": "Erased Tapes"}])
def test_the_three_factors_say_what_is_paid_whatever_the_money_and_the_listening(
    change: str, who: dict[str, str]
) -> None:
    """Both payouts are rounded to cents: artists of several, a cent each."""
    found = explained(**who, rules=BOTH, k=1, **CHANGES[change])
    market, user = (one.paid for one in found.found.earned)
    factors = found.found.factors
    assert factors is not None
    assert abs(market * factors.product - user) <= 2 * (1 + factors.product)


def test_weights_and_thresholds_of_a_policy_leave_the_factors_true(tmp_path: Path) -> None:
    policy = tmp_path / "own.toml"
    policy.write_text(POLICY.format(streams=20, listeners=0, per="artist"))
    found = explained(artist="A", rules=BOTH, policy=str(policy)).found
    assert found.factors is not None
    assert abs(found.earned[0].paid * found.factors.product - found.earned[1].paid) <= 1 + found.factors.product


POLICY = """title = "t"
source = "s"
rule = "user-centric"
measure = "plays"
[[boosts]]
name = "loved"
streams = 45
listeners = 12
times = 2
[[thresholds]]
name = "enough"
streams = {streams}
listeners = {listeners}
per = "{per}"
"""


def of_policy(tmp_path: Path, *, artist: str, streams: int, listeners: int = 0, per: str = "artist") -> dict[str, Any]:
    """What is said under the policy above."""
    policy = tmp_path / "own.toml"
    policy.write_text(POLICY.format(streams=streams, listeners=listeners, per=per))
    return explained(artist=artist, policy=str(policy)).summary


def test_a_threshold_says_by_how_much_it_is_missed_and_nothing_is_paid(tmp_path: Path) -> None:
    """B has 20 plays by 10 listeners: 5 times 1 and 5 times 3 in the rows above."""
    found = of_policy(tmp_path, artist="B", streams=40)
    assert found["thresholds"][1] == {
        "name": "enough",
        "times": "0",
        "unit": "artist",
        "needs_streams": 40,
        "needs_listeners": 0,
        "counted": 1,
        "reaching": 0,
        "streams_of_others": 20,
        "nearest": {"id": "B", "streams": 20, "listeners": 10},
    }
    assert found["plays"] == 0
    assert {one["paid"] for one in found["rules"]} == {"0.00"}


def test_a_threshold_by_track_counts_the_tracks_and_names_the_nearest(tmp_path: Path) -> None:
    (_, found) = of_policy(tmp_path, artist="A", streams=17, per="track")["thresholds"]
    counts = LOG.filter(pl.col("artist") == "A").group_by("track").len().sort("len", descending=True)["len"].to_list()
    missing = [count for count in counts if count < 17]
    assert (found["counted"], found["reaching"], found["streams_of_others"]) == (3, 3 - len(missing), sum(missing))
    assert found["nearest"]["streams"] == max(missing)


def test_the_rule_of_a_policy_is_among_the_rules(tmp_path: Path) -> None:
    assert "user-centric" in {one["name"] for one in of_policy(tmp_path, artist="A", streams=1)["rules"]}


def test_no_order_of_rows_and_no_number_of_threads_changes_a_byte() -> None:
    found = json.dumps(explained(artist="A").summary)
    for seed in (1, 2):
        log = LOG.sample(fraction=1, shuffle=True, seed=seed)
        assert json.dumps(fairpay.explain(log, artist="A", threads=seed, **MONEY).summary) == found


def test_no_listener_is_named() -> None:
    found = explained(artist="A", k=1)
    assert "secret" not in json.dumps(found.summary) + repr(found) + str(found.table)


def test_every_count_of_listeners_by_decile_is_of_k_or_more() -> None:
    found = explained(artist="A", k=5).summary["listeners_by_decile"]
    assert [one["listeners"] for one in found if one["listeners"] < 5] == []
    assert sum(one["listeners"] for one in found) == 20
    assert sum(one["all_listeners"] for one in found) == 24


def test_of_fewer_than_k_listeners_only_what_payouts_tell_is_told() -> None:
    found = explained(artist="B", k=11).summary
    assert found["listeners"] == 10
    assert (found["listeners_by_decile"], found["one_more_listener"]) == ([], None)
    assert (found["factors"]["share_of_their_listening"], found["factors"]["fees_over_mean"]) == (None, None)
    assert explained(artist="B", k=10).summary["factors"]["fees_over_mean"] is not None


def test_what_more_would_bring_is_not_told_where_listening_is_divided_anew() -> None:
    found = explained(artist="A", rules=BOTH, **CHANGES["history"]).summary
    assert {one["one_more_listener"] for one in found["rules"]} == {None}
    assert found["plays_added"] == 0


@pytest.mark.parametrize("command", ["compare", "pay"])
def test_another_run_is_put_beside_it(command: str, tmp_path: Path) -> None:
    half = LOG.filter(pl.col("seconds") > 60)
    options: dict[str, Any] = {"rule": "market-centric"} if command == "pay" else {}
    made = getattr(fairpay, command)(half, **MONEY, **options, output=tmp_path / "run")
    was = made.table.filter(pl.col("artist") == "A")[0, "payout" if command == "pay" else "market_centric"]
    market = explained(artist="A", rules=BOTH, against=tmp_path / "run").summary["rules"][0]
    assert market["before"] == str(was)
    assert Fraction(market["change"]) == Fraction(market["paid"]) - Fraction(was)


def test_a_rule_that_the_other_run_has_not_is_no_change(tmp_path: Path) -> None:
    fairpay.pay(LOG, **MONEY, rule="market-centric", output=tmp_path / "run")
    found = explained(artist="A", rules=BOTH, against=tmp_path / "run").summary["rules"]
    assert [one["change"] for one in found] == ["0.00", None]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"currency": "USD", "subscribers": None, "fee": "5"}, "is in USD, and this run is in EUR"),
        ({"k": 3}, "has merged lines"),
    ],
)
def test_another_run_that_cannot_be_compared_is_refused(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    fairpay.compare(LOG, **{**MONEY, **options}, output=tmp_path / "run")
    with pytest.raises(fairpay.InputError, match=message):
        explained(artist="A", against=tmp_path / "run")


def test_payees_share_what_is_paid_by_their_splits_to_the_cent(tmp_path: Path) -> None:
    splits = tmp_path / "splits.csv"
    splits.write_text("artist,payee,share\nA,ann,1/3\nA,bob,2/3\n")
    (market, _) = (one.paid for one in explained(artist="A", rules=BOTH).found.earned)
    found = explained(label="Erased Tapes", rules=BOTH, splits=splits)
    assert {one.payee for one in found.found.payees} == {"ann", "bob", "C"}
    assert [sum(column) for column in zip(*(one.paid for one in found.found.payees), strict=True)] == [
        one.paid for one in found.found.earned
    ]
    (ann,) = (one for one in found.found.payees if one.payee == "ann")
    assert abs(ann.paid[0] - Fraction(market, 3)) < 1


def test_an_artist_of_the_file_whose_plays_do_not_count_is_paid_nothing() -> None:
    found = explained(artist="Nobody").summary
    assert (found["plays"], found["factors"]) == (0, None)
    assert {one["paid"] for one in found["rules"]} == {"0.00"}


def test_the_table_has_a_row_for_each_rule_with_exact_amounts() -> None:
    found = explained(artist="A", rules=BOTH)
    assert found.table["paid"].dtype == pl.Decimal(38, 2)
    assert [str(value) for value in found.table["paid"]] == [*paid(found).values()]


def test_where_nobody_paid_every_rule_pays_nothing() -> None:
    nothing = PAID.with_columns(paid=pl.lit("0.00"))
    assert set(paid(explained(artist="A", subscribers=nothing)).values()) == {"0.00"}


def test_a_rule_that_is_left_out_is_named_once() -> None:
    notes = explained(artist="A", royalty_rate="100%").summary["notes"]
    assert len([note for note in notes if note.startswith("bounded is left out: the pool is 1.0")]) == 1


@pytest.mark.parametrize("whom", ["artist", "label", "group"])
def test_an_empty_name_means_nobody(whom: str) -> None:
    with pytest.raises(fairpay.UsageError, match=f"{whom} is empty"):
        explained(**{whom: ""})
