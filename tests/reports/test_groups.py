"""Groups of artists and of listeners: worked by hand, adding up under every rule, the same in any order."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample import SAMPLE_DATA

import fairpay
from fairpay.cli import main
from fairpay.errors import InputError, UsageError
from fairpay.rules import rule_classes
from fairpay.runs.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

PLAYS = pl.DataFrame(
    [("u", "a", 6, "DE"), ("u", "b", 2, "DE"), ("v", "b", 1, "FR"), ("v", "c", 1, "FR"), ("w", "d", 2, "DE")],
    schema=["user", "artist", "plays", "country"],
    orient="row",
)
"""u plays 8, v and w 2 each: 12 plays. At 10.00 each the pool is 30.00, so market-centric pays 2.50 for a play."""
LABELS = pl.DataFrame({"artist": ["a", "b", "c"], "label": ["Harrow", "Harrow 1/2; Second 1/2", "Second"]})
"""Nobody says whose label d is."""
RULES = sorted(rule_classes())
LISTENS, SUBSCRIBERS, ARTISTS = (SAMPLE_DATA / f"{name}.csv" for name in ("listens", "subscribers", "artists"))


def rows(table: Any, *columns: str) -> list[tuple[Any, ...]]:  # noqa: ANN401 - an Arrow table
    """Some columns, row by row."""
    return list(zip(*(table[name].to_pylist() for name in columns), strict=True))


def test_labels_are_paid_what_their_artists_are_and_shared_artists_by_their_shares() -> None:
    # market-centric: a 15.00, b 7.50, c 2.50, d 5.00; user-centric: a 7.50, b 2.50 + 5.00 = 7.50, c 5.00, d 10.00
    found = fairpay.compare(PLAYS, fee="10", artists=LABELS, by="label").groups["label"]
    assert rows(found, "label", "artists", "plays", "listeners", "market_centric", "user_centric") == [
        ("Harrow", 2, 8, 2, Decimal("18.75"), Decimal("11.25")),
        ("Second", 2, 2, 2, Decimal("6.25"), Decimal("8.75")),
        ("no label", 1, 2, 1, Decimal("5.00"), Decimal("10.00")),
    ]


def test_a_group_changes_for_the_reason_that_an_artist_has() -> None:
    found = fairpay.compare(PLAYS, fee="10", artists=LABELS, by="label").groups["label"]
    assert rows(found, "user_centric_difference", "user_centric_change_percent", "user_centric_share") == [
        (Decimal("-7.50"), Decimal("-40.00"), Decimal("0.3750000000")),
        (Decimal("2.50"), Decimal("40.00"), Decimal("0.2916666667")),
        (Decimal("5.00"), Decimal("100.00"), Decimal("0.3333333333")),
    ]
    assert found["fan_intensity"].to_pylist() == [1.6667, 0.7143, 0.5]  # 7.5/12 over 11.25/30, ...


def test_the_odd_cent_of_a_shared_artist_goes_to_the_largest_remainder_then_to_the_first_name() -> None:
    plays = pl.DataFrame({"user": ["u"], "artist": ["a"], "plays": [7]})
    artists = pl.DataFrame({"artist": ["a"], "label": ["Zed 1/3; Nought 1/3 ; Abe 33.333333% ; Zed 1/300000000"]})
    with pytest.raises(InputError, match="finer than can be divided"):
        fairpay.compare(plays, fee="1", artists=artists, by="label")
    artists = pl.DataFrame({"artist": ["a"], "label": ["Zed 1/2; Nought 25%; Abe 0.25"]})
    found = fairpay.compare(plays, fee="0.07", artists=artists, by="label").groups["label"]
    assert rows(found, "label", "plays", "market_centric") == [  # of 7: 3.5, 1.75, 1.75
        ("Zed", 3, Decimal("0.03")),
        ("Abe", 2, Decimal("0.02")),
        ("Nought", 2, Decimal("0.02")),
    ]


def test_listeners_of_a_country_steer_what_they_play_or_what_they_paid() -> None:
    # DE: u and w, 10 of 12 plays, two of three fees
    found = fairpay.compare(PLAYS, fee="10", by="country").groups["country"]
    assert rows(found, "country", "paid", "plays", "listeners", "market_centric", "user_centric") == [
        ("DE", Decimal("20.00"), 10, 2, Decimal("25.00"), Decimal("20.00")),
        ("FR", Decimal("10.00"), 2, 1, Decimal("5.00"), Decimal("10.00")),
    ]


def test_tenths_of_listeners_steer_what_they_play_or_a_tenth_of_the_money() -> None:
    # twenty listeners with 1 to 20 plays, 210 together: the k-th tenth plays 2k - 1 and 2k, and a play is 1.00
    plays = pl.DataFrame([(f"u{n}", "a", n) for n in range(1, 21)], schema=["user", "artist", "plays"], orient="row")
    found = fairpay.compare(plays, fee="10.50", by="intensity").groups["intensity"]
    assert rows(found, "intensity", "listeners", "plays", "paid", "market_centric", "user_centric") == [
        (name, 2, 4 * k - 1, Decimal("21.00"), Decimal(4 * k - 1), Decimal("21.00"))
        for k, name in [
            (10, "tenth 10, heaviest"),
            *((k, f"tenth {k}") for k in range(9, 1, -1)),
            (1, "tenth 1, lightest"),
        ]
    ]


def test_listeners_who_listen_the_same_are_in_one_tenth_also_beside_other_groups() -> None:
    found = fairpay.compare(PLAYS, fee="10", artists=LABELS, by=["intensity", "label", "country"]).groups
    assert rows(found["intensity"], "intensity", "listeners", "plays") == [
        ("tenth 10, heaviest", 1, 8),
        ("tenth 4", 2, 4),
    ]
    assert rows(found["country"], "country", "plays") == [("DE", 10), ("FR", 2)]


def test_a_column_named_intensity_goes_before_the_tenths() -> None:
    found = fairpay.compare(PLAYS.rename({"country": "Intensity"}), fee="10", by="intensity").groups
    assert [table.column(0).to_pylist() for table in found.values()] == [["DE", "FR"]]


def test_many_listeners_of_whom_the_subscriber_file_says_nothing_are_in_a_group_of_their_own() -> None:
    plays = pl.DataFrame({"user": [f"u{n}" for n in range(100)], "artist": ["a"] * 100, "plays": [1] * 100})
    paying = pl.DataFrame({"user": ["u0"], "paid": ["10.00"], "plan": ["solo"]})
    found = fairpay.compare(plays, subscribers=paying, by="plan").groups["plan"]
    assert dict(rows(found, "plan", "listeners")) == {"no plan": 99, "solo": 1}


def test_a_listener_with_two_countries_is_in_a_group_of_its_own_and_so_is_one_without() -> None:
    more = pl.DataFrame(
        [("w", "d", 1, "FR"), ("x", "d", 1, None), ("y", "d", 1, "")], schema=PLAYS.schema, orient="row"
    )
    found = fairpay.compare(pl.concat([PLAYS, more]), fee="10", by="country").groups["country"]
    assert sorted(rows(found, "country", "listeners", "plays")) == [
        ("DE", 1, 8),
        ("FR", 1, 2),
        ("more than one country", 1, 3),
        ("no country", 2, 2),
    ]


def test_what_the_subscriber_file_says_of_a_listener_goes_before_the_log() -> None:
    paid = pl.DataFrame({"user": ["u", "v"], "paid": ["9.00", "3.00"], "country": ["AT", "CH"]})
    found = fairpay.compare(PLAYS, subscribers=paid, by="country").groups["country"]
    assert rows(found, "country", "paid", "listeners", "user_centric") == [
        ("AT", Decimal("9.00"), 1, Decimal("9.00")),
        ("CH", Decimal("3.00"), 1, Decimal("3.00")),
        ("no country", Decimal("0.00"), 1, Decimal("0.00")),
    ]


def test_a_row_that_does_not_count_says_nothing_of_its_listener() -> None:
    short = PLAYS.with_columns(seconds=pl.Series([60, 60, 60, 60, 60])).vstack(
        pl.DataFrame([("w", "a", 1, "SE", 5)], schema=[*PLAYS.columns, "seconds"], orient="row")
    )
    found = fairpay.compare(short, fee="10", by="country", min_seconds="10").groups["country"]
    assert sorted(found["country"].to_pylist()) == ["DE", "FR"]


def test_what_is_paid_in_is_not_known_where_only_a_pool_is_stated() -> None:
    found = fairpay.compare(PLAYS, pool="30", by="country").groups["country"]
    assert found["paid"].to_pylist() == [None, None]


months = st.lists(
    st.tuples(
        st.sampled_from("uvwxyz"), st.sampled_from("abcdef"), st.integers(1, 9), st.sampled_from(["DE", "FR", None])
    ),
    min_size=1,
    max_size=24,
)
labels = st.lists(
    st.sampled_from(["", "Harrow", "Second", "Harrow 1/2; Second 1/2", "Third 1/3; Harrow 2/3", "no label"]),
    min_size=6,
    max_size=6,
)


@settings(max_examples=30)
@given(month=months, label=labels, pool=st.integers(1, 500))
def test_groups_add_up_to_plays_and_pool_under_every_rule(month: list[Any], label: list[str], pool: int) -> None:
    plays = pl.DataFrame(month, schema=PLAYS.schema, orient="row")
    artists = pl.DataFrame({"artist": list("abcdef"), "label": label})
    options: dict[str, Any] = {"pool": str(pool), "royalty_rate": "70%", "currency": "JPY", "rules": RULES}
    found = fairpay.compare(plays, artists=artists, by=["label", "country"], **options)
    for table in found.groups.values():
        first = table.column_names.index("listeners") + 1
        last = next(k for k, name in enumerate(table.column_names) if name.endswith(("_difference", "_share")))
        assert {sum(column.to_pylist()) for column in table.columns[first:last]} == {found.outcome.money.pool}
        assert sum(table["plays"].to_pylist()) == plays["plays"].sum()


@settings(max_examples=30)
@given(month=months)
def test_listeners_of_a_label_are_counted_once(month: list[Any]) -> None:
    plays = pl.DataFrame(month, schema=PLAYS.schema, orient="row")
    found = fairpay.compare(plays, fee="10", artists=LABELS, by="label").groups["label"]
    of = {"a": ["Harrow"], "b": ["Harrow", "Second"], "c": ["Second"]}
    met = {(user, label) for user, artist, *_ in month for label in of.get(artist, ["no label"])}
    assert dict(rows(found, "label", "listeners")) == {
        label: sum(one == label for _, one in met) for label in {label for _, label in met}
    }


@pytest.mark.parametrize("threads", [1, 2])
def test_order_of_rows_and_files_and_threads_change_nothing(threads: int, tmp_path: Path) -> None:
    plays = pl.read_csv(LISTENS, infer_schema=False)
    plays = plays.with_columns(country=pl.col("track_id").str.slice(-2, 1), plan=pl.col("user_id").str.slice(-1))
    chance = random.Random(threads)  # noqa: S311 - no secret
    mixed = plays.sample(fraction=1, shuffle=True, seed=threads)
    for name in ("x", "y", "z"):
        part, mixed = mixed.head(chance.randrange(100, 2000)), mixed.tail(-100)
        part.write_csv(tmp_path / f"{name}.csv")
    plays = pl.concat([pl.read_csv(path, infer_schema=False) for path in sorted(tmp_path.glob("*.csv"))])
    options: dict[str, Any] = {"fee": "9.99", "artists": ARTISTS, "by": ["label", "plan", "country"]}
    there = fairpay.compare([tmp_path / f"{n}.csv" for n in "zxy"], threads=threads, batch_rows=997, **options)
    here = fairpay.compare(plays.reverse(), **options)
    assert {name: table.to_pydict() for name, table in there.groups.items()} == {
        name: table.to_pydict() for name, table in here.groups.items()
    }


def test_past_plays_are_divided_anew_and_groups_still_add_up() -> None:
    past = pl.DataFrame({"user": ["u", "w"], "artist": ["c", "a"], "plays": [3, 1]})
    found = fairpay.compare(PLAYS, fee="10", artists=LABELS, history=past, by=["label", "country"])
    assert [sum(table["user_centric"].to_pylist()) for table in found.groups.values()] == [Decimal(30), Decimal(30)]


@pytest.mark.parametrize(
    ("by", "told"),
    [
        ("lable", "by lable: there is no such column. Did you mean label"),
        ("user", "by user: there is no such column"),
        (["label", "label"], "by label is given twice"),
    ],
)
def test_a_column_that_is_not_there_is_refused_with_those_that_are(by: Any, told: str) -> None:  # noqa: ANN401 - one or several
    with pytest.raises(UsageError) as refused:
        fairpay.compare(PLAYS, fee="10", artists=LABELS, by=by)
    assert f"{refused.value}. {refused.value.advice}".startswith(told)


def test_the_columns_there_are_stand_in_the_refusal() -> None:
    with pytest.raises(UsageError) as refused:
        fairpay.compare(PLAYS, fee="10", artists=LABELS, by="genre")
    assert refused.value.advice == "Give label in the artist file; country in the log; or month or intensity."


def test_a_log_without_a_column_to_group_by_leaves_months() -> None:
    with pytest.raises(UsageError) as refused:
        fairpay.compare(PLAYS.select("user", "artist", "plays"), fee="10", by="label")
    assert refused.value.advice == "Give month or intensity."


def test_a_column_that_artists_and_listeners_have_must_say_whose() -> None:
    artists = LABELS.with_columns(country=pl.lit("SE"))
    with pytest.raises(UsageError, match="the artists have a column country, and so have the listeners"):
        fairpay.compare(PLAYS, fee="10", artists=artists, by="country")
    found = fairpay.compare(PLAYS, fee="10", artists=artists, by=["artists.country"]).groups["country"]
    assert found["country"].to_pylist() == ["SE", "no country"]
    found = fairpay.compare(PLAYS, fee="10", artists=artists, by=["listeners.country"]).groups["country"]
    assert found["country"].to_pylist() == ["DE", "FR"]


@pytest.mark.parametrize(
    ("label", "told"),
    [
        ("Harrow; Second", "names several without a share for each"),
        ("Harrow 1/2; Second 1/3", "add up to 5/6"),
        ("Harrow 1/2", "add up to 1/2"),
        ("Harrow 3/2; Second 1/2", "add up to 2"),
    ],
)
def test_several_labels_of_an_artist_need_shares_that_add_up(label: str, told: str) -> None:
    artists = pl.DataFrame({"artist": ["a"], "label": [label]})
    with pytest.raises(InputError, match=told):
        fairpay.compare(PLAYS, fee="10", artists=artists, by="label")


def test_two_lines_of_an_artist_with_two_labels_are_refused() -> None:
    artists = pl.DataFrame({"artist": ["a", "a", "q", "q"], "label": ["Second", "Harrow", "x", "y"]})
    with pytest.raises(InputError, match="1 artist has several lines with another label, such as a with 'Harrow'"):
        fairpay.compare(PLAYS, fee="10", artists=artists, by="label")


def test_a_run_holds_groups_in_files_and_summary_and_verify_adds_them_up(tmp_path: Path) -> None:
    result = fairpay.compare(LISTENS, subscribers=SUBSCRIBERS, artists=ARTISTS, by=["label", "plan"])
    result.save(tmp_path / "run")
    written = pl.read_parquet(tmp_path / "run" / "comparison-by-label.parquet")
    assert written.equals(pl.DataFrame(result.groups["label"]))
    assert [one["by"] for one in result.summary["groups"]] == ["label", "plan"]
    assert result.summary["groups"][0]["largest"][0]["label"] == written["label"][0]
    controls = {control.name: control for control in verify(tmp_path / "run")}
    assert all(control.ok for control in controls.values())
    assert {"groups label", "groups plan"} <= controls.keys()


def test_groups_that_do_not_add_up_are_found(tmp_path: Path) -> None:
    from fairpay.runs.verify import check_groups  # noqa: PLC0415 - beside the test

    result = fairpay.pay(PLAYS, fee="10", rule="user-centric", artists=LABELS, by="label")
    result.save(tmp_path / "run")
    path = tmp_path / "run" / "payouts-by-label.parquet"
    assert check_groups(tmp_path / "run", path.stem, result.summary, 3).ok
    frame = pl.read_parquet(path)
    frame.with_columns(pl.col("payout") + pl.lit(Decimal("0.01"))).write_parquet(path)
    assert not check_groups(tmp_path / "run", path.stem, result.summary, 3).ok


def test_without_groups_a_summary_says_nothing_of_them() -> None:
    assert "groups" not in fairpay.compare(PLAYS, fee="10").summary


def test_under_k_a_group_is_the_sum_of_its_published_artists() -> None:
    found = fairpay.compare(LISTENS, fee="9.99", artists=ARTISTS, by="genre", k=5)
    table = pl.DataFrame(found.arrow)
    of = pl.read_csv(ARTISTS, infer_schema=False).select(artist="artist_id", genre="genre")
    alone = table.filter(pl.col("artists") == 1).join(of, on="artist").group_by("genre")
    sums = dict(alone.agg(pl.col("user_centric").sum()).iter_rows())
    sums["merged, under 5 listeners"] = table.filter(pl.col("artists") > 1)["user_centric"].sum()
    assert dict(rows(found.groups["genre"], "genre", "user_centric")) == sums
    assert set(found.groups["genre"]["listeners"].to_pylist()) == {None}
    assert sum(found.groups["genre"]["artists"].to_pylist()) == found.outcome.listening.artists


def test_under_k_groups_of_few_listeners_are_merged_as_artists_are() -> None:
    paid = (
        pl.read_csv(SUBSCRIBERS, infer_schema=False)
        .with_row_index("n")
        .with_columns(plan=pl.when(pl.col("n").is_in([0, 1])).then(pl.lit("trial")).otherwise(pl.col("n") % 3))
    )
    plain = fairpay.compare(LISTENS, subscribers=paid, by="plan").groups["plan"]
    assert ("trial", 2) in rows(plain, "plan", "listeners")
    found = fairpay.compare(LISTENS, subscribers=paid, by="plan", k=5).groups["plan"]
    assert all(count is None or count >= 5 for count in found["listeners"].to_pylist())
    assert sum(found["paid"].to_pylist()) == sum(plain["paid"].to_pylist())
    (merged,) = [row for row in rows(found, "groups", "listeners") if row[0] > 1]
    assert merged in {(3, None), (4, None)}  # with it those two that hide it, or all where two do not


def test_the_screen_shows_groups_in_eighty_columns(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    PLAYS.write_csv(tmp_path / "log.csv")
    LABELS.write_csv(tmp_path / "artists.csv")
    names = [str(tmp_path / name) for name in ("log.csv", "artists.csv")]
    assert main(["compare", names[0], "--artists", names[1], "--fee", "10", "--by", "label", "--by", "country"]) == 0
    page = capsys.readouterr().out
    assert "  By label  Artists  Listeners  market-centric  user-centric    Change\n" in page
    assert "  no label        1          1            5.00         10.00  +100.0 %\n" in page
    assert "  Harrow loses most, -7.50: its listeners play 1.7x the average.\n" in page
    assert "  By country  Listeners  market-centric  user-centric    Change\n" in page
    assert max(map(len, page.splitlines())) <= 80


def test_of_many_rules_the_screen_shows_three_or_the_first_and_who_gains_most_under_each(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    PLAYS.write_csv(tmp_path / "log.csv")
    names = ("market-centric", "user-centric", "equal-split", "user-cap")
    rules = [word for rule in names for word in ("--rule", rule)]
    typed = ["compare", str(tmp_path / "log.csv"), "--fee", "10", "--by", "country", *rules]
    assert main(typed[:-2]) == 0
    page = capsys.readouterr().out
    assert "  By country  Listeners  market-centric  user-centric  equal-split\n" in page
    assert "  DE                  2           25.00         20.00        20.00\n" in page
    assert main(typed) == 0
    page = capsys.readouterr().out
    assert "  By country  Listeners  market-centric   Share\n" in page
    assert "  DE                  2           25.00  83.3 %\n" in page
    said = "user-centric: 5.00 (16.7 %) changes hands between groups; FR gains most, +5.00; DE loses most, -5.00."
    assert said in " ".join(page.split())


def test_a_long_name_of_a_group_keeps_its_sentence_within_the_page(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    PLAYS.with_columns(country=pl.col("country").replace("DE", "D" * 300)).write_csv(tmp_path / "log.csv")
    assert main(["compare", str(tmp_path / "log.csv"), "--fee", "10", "--by", "country"]) == 0
    page = capsys.readouterr().out
    assert f"  {'D' * 40}... loses most, -5.00:" in page
    assert max(map(len, page.splitlines())) <= 80


def test_json_holds_groups(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    PLAYS.write_csv(tmp_path / "log.csv")
    assert main(["compare", str(tmp_path / "log.csv"), "--fee", "10", "--by", "country", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["groups"]
    assert (found["by"], found["of"], found["groups"]) == ("country", "listeners", 2)
    assert found["largest"][1]["user_centric"] == "10.00"
