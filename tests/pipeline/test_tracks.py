"""Rules that count plays by track: an artist gets what its tracks come to."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import naive
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fairpay
from fairpay.errors import InputError, UsageError
from fairpay.pipeline.places.spark import refuse_there
from fairpay.pipeline.run import Request, run
from fairpay.rules import find_rule
from fairpay.rules.core.promise import Promise
from fairpay.settings.values import Conditions, MoneyStated, Qualifying, Reading, Running

if TYPE_CHECKING:
    from pathlib import Path

CAP = "artist-cap:cap=10,per=track"
GROWTH = "artist-growth:above=3+8,values=1/2+1/5,per=track"
LEAVE_OUT = {"unlisted": "leave-out"}
WISH = {"user": ["u"], "artist": ["A"], "kind": ["gift"], "amount": ["50%"]}
Play = tuple[str, str, str | None, int]
PLAYS: list[Play] = [
    ("u", "A", "t1", 20),
    ("v", "A", "t1", 10),
    ("u", "A", "t2", 10),
    ("v", "B", "t1", 5),
    ("w", "C", None, 12),
    ("v", "C", "", 8),
]
"""Of 65 plays, with a cap of 10 for each track: A 20, B 5, C 10."""


def log_of(plays: list[Play]) -> pl.DataFrame:
    """Make a log of plays."""
    return pl.DataFrame(plays, schema=["user", "artist", "track", "plays"], orient="row")


def paid(logs: object, rule: str = CAP, **options: Any) -> dict[str, str]:  # noqa: ANN401 - any option
    """What each artist is paid."""
    found = fairpay.pay(logs, rule=rule, measure="plays", **{"pool": "35", **options}).table
    return {row["artist"]: str(row["payout"]) for row in found.sort("artist").iter_rows(named=True)}


def counted(plays: list[Play], bands: list[tuple[int, Fraction]]) -> dict[str, Fraction]:
    """What counts of each artist, track by track, by plain sums."""
    tracks: Counter[tuple[str, str]] = Counter()
    for _, artist, track, times in plays:
        tracks[artist, track or ""] += times
    found: dict[str, Fraction] = {}
    for (artist, _), times in tracks.items():
        ends = [end for end, _ in bands[1:]] + [times]
        own = sum(
            (value * max(0, min(times, end) - begin) for (begin, value), end in zip(bands, ends, strict=True)),
            Fraction(0),
        )
        found[artist] = found.get(artist, Fraction(0)) + own
    return dict(sorted(found.items()))


def test_an_artist_gets_the_sum_of_its_capped_tracks_and_plays_without_a_track_are_one_more() -> None:
    assert paid(log_of(PLAYS)) == {"A": "20.00", "B": "5.00", "C": "10.00"}
    said = fairpay.pay(log_of(PLAYS), rule=CAP, pool="35", measure="plays").outcome.notes
    assert "20 plays name no track: all of an artist's count as one track" in said


def test_a_recording_that_is_released_twice_has_two_caps() -> None:
    plays: list[Play] = [("u", "A", "t1", 20), ("v", "B", "t2", 10)]
    twice: list[Play] = [("u", "A", "t1", 10), ("u", "A", "t1 again", 10), ("v", "B", "t2", 10)]
    assert [paid(log_of(one), pool="3") for one in (plays, twice)] == [
        {"A": "1.50", "B": "1.50"},
        {"A": "2.00", "B": "1.00"},
    ]


def test_an_artist_who_is_played_less_on_more_tracks_may_be_paid_more() -> None:
    """A has 30 plays of one track, B 25 of three: 10 and 25 count."""
    plays: list[Play] = [("u", "A", "t", 30), ("u", "B", "x", 9), ("u", "B", "y", 8), ("u", "B", "z", 8)]
    assert paid(log_of(plays), pool="35") == {"A": "10.00", "B": "25.00"}
    assert Promise.ORDER_PRESERVING in find_rule("artist-cap:cap=10").keeps()
    by_track = (CAP, "mix:rules=artist-cap:per=track+uniform")
    assert all(Promise.ORDER_PRESERVING not in find_rule(rule).keeps() for rule in by_track)


@pytest.mark.parametrize(
    ("rule", "bands"),
    [
        (CAP, [(0, Fraction(1)), (10, Fraction(0))]),
        (GROWTH, [(0, Fraction(1)), (3, Fraction(1, 2)), (8, Fraction(1, 5))]),
    ],
)
@settings(max_examples=40, deadline=None)
@given(
    plays=st.lists(
        st.tuples(st.sampled_from("uvw"), st.sampled_from("ABC"), st.sampled_from(["", "s", "t"]), st.integers(1, 15)),
        min_size=1,
        max_size=12,
    )
)
def test_it_pays_as_fractions_do_to_the_cent(
    rule: str, bands: list[tuple[int, Fraction]], plays: list[tuple[str, str, str, int]]
) -> None:
    own = counted([*plays], bands)
    whole = sum(own.values(), Fraction(0))
    cents = naive.round_by_largest_remainder([x / whole for x in own.values()], 10_007)
    assert paid(log_of([*plays]), rule, pool="100.07") == {
        artist: f"{units / 100:.2f}" for artist, units in zip(own, cents, strict=True)
    }


def test_no_order_thread_file_or_limit_of_memory_changes_an_amount(tmp_path: Path) -> None:
    plays: list[Play] = [
        (f"u{k % 911}", f"a{k % 37}", f"t{k * k % 5003}" if k % 11 else None, 1 + k % 13) for k in range(20_000)
    ]
    log = log_of(plays)
    expected = paid(log, pool="123456.78")
    for k in range(3):
        log[k::3].write_parquet(tmp_path / f"{k}.parquet")
    assert paid(tmp_path, pool="123456.78", threads=3, memory="64MB") == expected
    assert paid(log.reverse(), pool="123456.78", threads=1) == expected
    spilled = Request(log, (find_rule(CAP),), money=MoneyStated(pool="123456.78"), running=Running(memory=700_000))
    found = run(replace(spilled, qualifying=Qualifying(measure="plays"))).payouts[0].allocation
    assert [f"{units / 100:.2f}" for units in found.paid.tolist()] == [*expected.values()]
    own = counted(plays, [(0, Fraction(1)), (10, Fraction(0))])
    whole = sum(own.values(), Fraction(0))
    cents = naive.round_by_largest_remainder([x / whole for x in own.values()], 12_345_678)
    assert [*expected.values()] == [f"{units / 100:.2f}" for units in cents]


def test_where_listening_is_time_the_cap_is_as_many_mean_plays() -> None:
    """Four plays of 100 s in the mean: the cap of 1 is 100 s of t1's 250 and of t2's 50, and of B's 100."""
    log = pl.DataFrame(
        {"user": ["u", "v", "u", "v"], "artist": ["A", "A", "A", "B"], "track": ["t1", "t1", "t2", "t3"]}
    ).with_columns(ms_played=pl.Series([100_000, 150_000, 50_000, 100_000]))
    found = fairpay.pay(log, rule="artist-cap:cap=1,per=track", pool="25").table.sort("artist")
    assert found["payout"].cast(pl.String).to_list() == ["15.00", "10.00"]


def test_others_are_paid_as_without_it_and_a_mix_divides_each_half_by_its_rule() -> None:
    rules = ["market-centric", "user-centric", CAP, f"mix:rules={CAP.replace(',', ';')}+market-centric"]
    both = fairpay.compare(log_of(PLAYS), rules=rules, pool="2275", measure="plays").table.sort("artist")
    alone = fairpay.compare(log_of(PLAYS), rules=rules[:2], pool="2275", measure="plays").table.sort("artist")
    own = [rule.column for rule in map(find_rule, rules)]
    assert both[own[:2]].equals(alone[own[:2]])
    assert both.select(pl.col(own[0], *own[2:]).cast(pl.Int64)).rows() == [
        (1400, 1300, 1350),
        (175, 325, 250),
        (700, 650, 675),
    ]


def test_an_account_gets_by_formula_what_the_replay_finds() -> None:
    found = fairpay.audit(log_of(PLAYS), rules=[CAP, GROWTH], pool="35", measure="plays")
    assert {control.ok for control in found.outcome.controls} == {True}
    assert all(one.closed is not None for rule in found.findings.rules for one in rule.findings)


def test_listeners_who_change_what_they_play_are_not_audited_by_track() -> None:
    with pytest.raises(UsageError, match="needs what each track was played, and that is not known here"):
        fairpay.audit(log_of(PLAYS), rules=[CAP], pool="35", scenarios=["account-takeover"])


def test_what_a_person_decided_is_taken_from_tracks_too(tmp_path: Path) -> None:
    """Without u, A has 10 plays of t1 and B 5."""
    review = tmp_path / "review.csv"
    review.write_text("kind,subject,decision,by\nuser,u,exclude,me\n")
    assert paid(log_of(PLAYS), decisions=str(review), pool="25") == {"A": "10.00", "B": "5.00", "C": "10.00"}


def test_each_month_has_tracks_of_its_own() -> None:
    """In September A has 10 of t1 and 10 of t2, C 10; in October A has 10, B 5, C 8."""
    days = pl.Series(["2026-09-05", "2026-10-05"] * 3)
    log = log_of(PLAYS).with_columns(time=days)
    found = fairpay.compare(log, rules=["market-centric", CAP], fee="10", measure="plays", by=["month"])
    column = find_rule(CAP).column
    assert found.table.sort("artist")[column].cast(pl.String).to_list() == ["17.68", "2.17", "10.15"]


@pytest.mark.parametrize(
    ("drop", "options", "said"),
    [
        ("track", {}, "a rule counts by track, and the log has no column for it"),
        (
            "",
            {"subscribers": pl.DataFrame({"user": ["u"], "paid": [9]}), "pool": None, **LEAVE_OUT},
            "without their listeners",
        ),
        ("", {"wishes": pl.DataFrame(WISH)}, "what is divided anew is of artists"),
    ],
)
def test_what_does_not_go_with_it_is_one_sentence(drop: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises((InputError, UsageError), match=said):
        paid(log_of(PLAYS).drop(drop or []), **options)


def test_penalties_do_not_go_with_it(tmp_path: Path) -> None:
    review = tmp_path / "review.csv"
    review.write_text("kind,subject,decision,penalty\nuser,u,exclude,50%\n")
    with pytest.raises(UsageError, match="a rule that counts by track does not go with penalties"):
        paid(log_of(PLAYS), decisions=str(review))


def test_a_policy_that_withholds_does_not_go_with_it(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        'title = "t"\nsource = "s"\nrule = "market-centric"\nmeasure = "plays"\nmin_seconds = 0\n'
        '[[withhold]]\nname = "mode"\ncolumn = "context"\nvalues = ["radio"]\nshare = "3/10"\n'
    )
    with pytest.raises(UsageError, match="a rule that counts by track does not go with a policy that withholds"):
        paid(log_of(PLAYS).with_columns(context=pl.lit("radio")), policy=str(policy))


def test_parts_and_a_cluster_refuse_it_by_name(tmp_path: Path) -> None:
    log_of(PLAYS).write_csv(tmp_path / "log.csv")
    with pytest.raises(UsageError, match="needs what each track was played, which parts do not show"):
        fairpay.shard(tmp_path / "log.csv", rules=[CAP], pool="35", output=str(tmp_path / "a.part"))
    with pytest.raises(UsageError, match="needs what each track was played, which no executor has"):
        refuse_there({CAP: find_rule(CAP)}, Conditions(), Reading())
