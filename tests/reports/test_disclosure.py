"""What is published of artists with few listeners gives no listener away: attacks, sums and refusals."""

from __future__ import annotations

import csv
import json
import random
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outcomes import listening, money, outcome

import fairpay
from fairpay.cli import main
from fairpay.reports import disclosure
from fairpay.reports.disclosure import COVER, P, groups, merge_few
from fairpay.reports.figures import tiers
from fairpay.reports.summary import summary
from fairpay.reports.tables import by_payout

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLE = Path(__file__).parents[2] / "sample_data"
LISTENERS = 30


class Month(NamedTuple):
    """A log of thirty listeners, some of whom are alone with an artist."""

    plays: pl.DataFrame
    paid: pl.DataFrame


@pytest.fixture(scope="module")
def month() -> Month:
    """Everybody plays some of twelve known artists; ten also an artist of their own, one of them nothing else."""
    chance = random.Random(13)  # noqa: S311 - no secret
    rows: list[tuple[str, str, int]] = []
    for listener in range(LISTENERS):
        user = f"u{listener:02}"
        known = chance.sample(range(12), 6) if listener else []
        rows += [(user, f"known{artist:02}", chance.randrange(31_000, 9_000_000)) for artist in known]
        if listener < 10:
            rows += [
                (user, f"own{listener:02}", chance.randrange(31_000, 9_000_000)) for _ in range(1 + 20 * (not listener))
            ]
    fees = [f"{chance.randrange(100_000, 999_999) / 100:.2f}" for _ in range(LISTENERS)]
    plays = pl.DataFrame(rows, schema=["user", "artist", "ms"], orient="row")
    return Month(plays, pl.DataFrame({"user": [f"u{n:02}" for n in range(LISTENERS)], "paid": fees}))


def published(month: Month, folder: Path, k: int) -> Path:
    """Publish a comparison."""
    fairpay.compare(month.plays, subscribers=month.paid, k=k).save(folder)
    return folder


def units(row: dict[str, str]) -> tuple[int, ...]:
    """A row's figures as whole numbers: plays, ms, and both payouts in cents."""
    plays, seconds, market, user = (
        Decimal(row[name]) for name in ("plays", "seconds", "market_centric", "user_centric")
    )
    return int(plays), int(1000 * seconds), int(100 * market), int(100 * user)


def secrets(month: Month, k: int) -> dict[str, tuple[int, ...]]:
    """The figures of every artist under k listeners, or of one listener where everything is published."""
    exact = fairpay.compare(month.plays, subscribers=month.paid).table
    few = exact.filter(pl.col("listeners") < max(k, 2))
    return {
        row["artist"]: units({name: str(value) for name, value in row.items()}) for row in few.iter_rows(named=True)
    }


def worked_out(directory: Path) -> set[tuple[int, ...]]:
    """Every figure or difference of figures that a reviewer gets from the published files, of whatever they are."""
    with (directory / "comparison.csv").open(newline="") as file:
        rows = [(row["artist"].startswith("("), units(row)) for row in csv.DictReader(file)]
    told = json.loads((directory / "summary.json").read_text())
    pool = int(100 * Decimal(told["pool"]))
    whole = (told["listening"]["plays"], int(1000 * Decimal(told["listening"]["seconds"])), pool, pool)
    alone = [figures for merged, figures in rows if not merged]
    found = {figures for _, figures in rows}
    found.add(less(whole, alone))
    comparison = told["comparisons"][0]
    for tier in (*comparison["tiers"], *comparison["bands"]):
        sums = tuple(int(100 * Decimal(tier[name])) for name in ("from", "to"))
        for begin in range(len(alone)):
            for end in range(begin, len(alone) + 1):
                found.add(less(sums, [figures[2:] for figures in alone[begin:end]]))
    return found | gained_or_lost(alone, told)


def less(total: tuple[int, ...], parts: list[tuple[int, ...]]) -> tuple[int, ...]:
    """Subtract."""
    return (
        tuple(int(one) - sum(column) for one, column in zip(total, zip(*parts, strict=True), strict=True))
        if parts
        else total
    )


def gained_or_lost(alone: list[tuple[int, ...]], told: dict[str, Any]) -> set[tuple[int, ...]]:
    """If one hidden artist alone gains, or loses: what changes hands, less what is seen of it, is what it gains."""
    change = [figures[3] - figures[2] for figures in alone]
    hidden = -sum(change)
    both = 2 * int(100 * Decimal(told["comparisons"][0]["moved"])) - sum(map(abs, change))
    return {((hidden + both) // 2,), ((hidden - both) // 2,)}


def recovered(month: Month, directory: Path, k: int) -> set[str]:
    """Whose figures the reviewer has worked out: all four, both payouts, or the change between them."""
    found = worked_out(directory)
    return {
        artist
        for artist, figures in secrets(month, k).items()
        if {figures, figures[2:], (figures[3] - figures[2],)} & found
    }


@pytest.mark.parametrize("k", [2, 5])
def test_a_reviewer_recovers_no_listener_by_subtraction(month: Month, tmp_path: Path, k: int) -> None:
    assert len(secrets(month, k)) >= 10
    assert recovered(month, published(month, tmp_path / "out", k), k) == set()


def test_with_everything_published_the_reviewer_recovers_every_lone_listener(month: Month, tmp_path: Path) -> None:
    assert recovered(month, published(month, tmp_path / "out", 1), 1) == secrets(month, 1).keys()


@pytest.mark.parametrize("k", [2, 5])
def test_without_secondary_suppression_the_reviewer_recovers_a_listeners_total(
    month: Month, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, k: int
) -> None:
    """The listener who plays one artist only, the one hidden artist of the first tier."""
    monkeypatch.setattr(disclosure, "cover", lambda *_: 0)
    assert recovered(month, published(month, tmp_path / "out", k), k) == {"own00"}


@pytest.mark.parametrize("k", [2, 5])
def test_no_figure_about_listeners_is_that_of_one(month: Month, tmp_path: Path, k: int) -> None:
    told = json.loads((published(month, tmp_path / "out", k) / "summary.json").read_text())
    assert told["money"]["median_subscriber"] is None
    assert {rule["steered_by_top_1_percent_of_listeners"] for rule in told["rules"]} == {None}
    assert {rule["stray_money_of_median_subscriber"] for rule in told["rules"]} == {None}
    assert all((rule["steered_by_top_10_percent_of_listeners"] is None) == (k > 3) for rule in told["rules"])


@pytest.mark.parametrize("k", [2, 5])
def test_a_line_is_of_k_listeners_whichever_artist_is_taken_off_it(month: Month, k: int) -> None:
    exact = fairpay.compare(month.plays, subscribers=month.paid).outcome
    for group in groups(exact, k):
        together = [exact.artist[int(code)].as_py() for code in group.members[group.hidden]]
        for one in together:
            rest = month.plays.filter(pl.col("artist").is_in([artist for artist in together if artist != one]))
            assert rest["user"].n_unique() >= k


def test_a_run_with_merged_lines_verifies_and_pays_the_pool(month: Month, tmp_path: Path) -> None:
    directory = published(month, tmp_path / "out", 5)
    assert [control for control in fairpay.verify(directory, inputs=False) if not control.ok] == []
    table = pl.read_parquet(directory / "comparison.parquet")
    assert (
        table.filter(pl.col("artists") > 1)["listeners"].null_count() == table.filter(pl.col("artists") > 1).height > 0
    )
    assert str(table["user_centric"].sum()) == json.loads((directory / "summary.json").read_text())["pool"]


def made(paid: list[int], listeners: list[int], **changes: Any) -> Any:  # noqa: ANN401 - any field of Outcome
    """Make an outcome of artists with payouts and listeners; under the second rule the last is paid as the first."""
    told = {"listening": listening(artists=len(paid), users=max(listeners)), **changes}
    return outcome(
        {"market-centric": paid, "user-centric": paid[::-1]}, listeners=np.array(listeners, dtype=np.int64), **told
    )


def test_one_hidden_artist_takes_the_two_that_are_paid_most_like_it_along() -> None:
    """10.00 for one listener; 9.00 and 12.00 are nearer to it than 50.00 and 1.00."""
    (group,) = groups(made([5000, 1200, 1000, 900, 100], [9, 9, 1, 9, 9]), 5)
    assert group.members[group.hidden].tolist() == [1, 2, 3]


def test_a_hidden_artist_cannot_be_told_to_within_ten_per_cent() -> None:
    """10.00 with 0.10 each beside it would be told as 10.00 to 10.20; only with 6.00, next to 30.00, it is not."""
    paid = [3000, 1000, 600, 10, 10]
    (group,) = groups(
        outcome({"user-centric": paid}, listeners=np.array([9, 1, 9, 9, 9]), plays=np.array(paid), ms=None), 5
    )
    hidden = [paid[code] for code in group.members[group.hidden].tolist()]
    assert sum(hidden) - 1000 - max(amount for amount in hidden if amount != 1000) >= 100


def test_a_tier_that_hides_nobody_goes_with_the_next() -> None:
    """Of the first ten nine have one listener: no two others are among them."""
    found = groups(made([*range(1000, 900, -10), *range(500, 450, -1)], [1] * 9 + [9] * 51), 5)
    assert [(group.name, len(group.members)) for group in found] == [("top 100", 60)]


def test_where_no_tier_hides_anybody_everybody_is_one_line() -> None:
    (group,) = groups(made([300, 200, 100], [1, 1, 9]), 5)
    assert group.hidden.all()
    assert merge_few(made([300, 200, 100], [1, 1, 9]), 5).artist.to_pylist() == ["(3 artists, top 10)"]


artists = st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 12)), min_size=1, max_size=140)


@settings(max_examples=150, deadline=None)
@given(artists, st.integers(2, 8))
def test_whatever_the_month_nobody_is_alone_and_every_sum_stays(month: list[tuple[int, int]], k: int) -> None:
    before = made([paid for paid, _ in month], [count for _, count in month], money=money(sum(p for p, _ in month)))
    if before.listening.users < k:
        return
    after, found = merge_few(before, k), groups(before, k)
    for payout, other in zip(before.payouts, after.payouts, strict=True):
        assert payout.allocation.paid.sum() == other.allocation.paid.sum()
    assert after.plays.sum() == before.plays.sum()
    assert (after.listeners[after.merged.artists == 1] >= k).all() or len(month) == 1
    assert sum(len(group.members) for group in found) == len(month)
    for figures in hidden_figures(before, found, k):
        first, *rest = figures
        assert sum(rest) - max(rest) >= Fraction(first * P, 100)
    total = tiers(by_payout(after), after.payouts[0].allocation.paid, after.payouts[1].allocation.paid, after.merged)
    assert sum(tier.artists for tier in total) == len(month)


def hidden_figures(before: Any, found: list[Any], k: int) -> Iterator[list[int]]:  # noqa: ANN401 - an outcome
    """For each line and payout: the largest that is to be hidden, then all the others; not where all are one line."""
    for group in found:
        codes = group.members[group.hidden]
        if not len(codes) or (len(found) == 1 and group.hidden.all()):
            continue
        few = before.listeners[codes] < k
        assert (~few).sum() >= COVER
        for payout in before.payouts:
            paid = payout.allocation.paid[codes]
            at = int(np.flatnonzero(few)[np.argmax(paid[few])])
            yield [int(paid[at]), *np.delete(paid, at).tolist()]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"listening": listening(users=4)}, "the log has 4 listeners"),
        ({"money": money(100, unlisted=2, unlisted_policy="leave-out")}, "2 listeners are left out"),
        ({"money": money(100, inactive=3, inactive_money=9, held=9, inactive_policy="hold")}, "3 subscribers played"),
    ],
)
def test_what_no_merging_hides_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(fairpay.InputError, match=said):
        merge_few(made([60, 40], [9, 9], **changes), 5)


def test_what_few_inactive_subscribers_paid_is_not_told() -> None:
    told = summary(merge_few(made([60, 40], [9, 9], money=money(100, inactive=3, inactive_money=9)), 5))
    assert told["money"]["inactive"] == {"policy": "share", "subscribers": 3, "money": None, "held": "0.00"}


def test_decisions_about_single_accounts_do_not_go_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(SAMPLE / "listens.csv"), "--k", "5", "--decisions", "review.csv"]) == 2
    assert "--decisions tells what single accounts come to" in capsys.readouterr().err


def test_pay_has_no_such_option(capsys: pytest.CaptureFixture[str]) -> None:
    """What is paid is paid to each."""
    assert main(["pay", str(SAMPLE / "listens.csv"), "--rule", "user-centric", "--fee", "1", "--k", "5"]) == 2
    assert "--k" in capsys.readouterr().err


def test_the_page_names_no_artist_under_k_and_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(SAMPLE / "listens.csv"), "--fee", "9.99", "--k", "5"]) == 0
    page = " ".join(capsys.readouterr().out.split())
    few = fairpay.compare(SAMPLE / "listens.csv", fee="9.99").table.filter(pl.col("listeners") < 5)["artist"]
    assert len(few) > 20
    assert [artist for artist in few if artist in page] == []
    assert f"{len(few)} artists under 5 listeners are published in 3 lines, one for each tier, with " in page
    assert "At least" in page
