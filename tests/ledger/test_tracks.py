"""Tracks: with splits, where artists count as one under every rule; and months that say what every track earned."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laying import by_payee, examples, laid
from test_documents import section, statement_of, table

import fairpay
from fairpay.adjust.policy import find_policy
from fairpay.errors import InputError, UsageError
from fairpay.ledger.accounts import closed_month
from fairpay.ledger.close import close
from fairpay.ledger.verify import verify_books
from fairpay.pipeline.sources import nearly_exact
from fairpay.runs.manifest import MANIFEST

PLAYS = [("u1", "a", "a1", 1), ("u1", "a", "a2", 1), ("u1", "b", "b1", 2), ("u2", "a", "a1", 1), ("u2", "b", "b1", 9)]
INTRO = [("u1", "A", "Intro", 3), ("u2", "B", "Intro", 3), ("u1", "C", "x", 6)]
RULES = ("market-centric", "user-centric", "equal-split", "top-artist", "norm:p=2", "user-cap:cap=2", "weighted",
         "artist-cap:cap=2", "mix", "uniform", "mix:rules=artist-cap:cap=2+equal-split",
         "median", "independent-markets", "geometric-median")  # fmt: skip
Play = tuple[str, str, str, int]


def log_of(plays: list[Play]) -> str:
    """Plays of one territory."""
    lines = "".join(f'{user},"{artist}",{track},{count}\n' for user, artist, track, count in plays)
    return "user,artist,track,plays\n" + lines


def earned(place: Path, plays: list[Play], *, rule: str, gross: str, splits: str | None = None) -> dict[str, int]:
    """Artist, or track with splits -> minor units of one pool."""
    tables = {"pools": f"pool,gross,rule\np,{gross},{rule}\n", **({"splits": splits} if splits else {})}
    return by_payee(close(laid(place, log_of(plays), **tables), dry_run=True).rows, "earned")


def by_artist(sources: dict[str, int]) -> dict[str, int]:
    """The same, tracks with their artist."""
    found: dict[str, int] = defaultdict(int)
    for source, amount in sources.items():
        found[source.partition(", track ")[0]] += amount
    return dict(found)


def test_an_artist_whose_plays_weigh_nothing_divides_nothing_among_its_tracks(tmp_path: Path) -> None:
    log = "user,artist,track,category\nu1,a,a1,noise\nu1,a,a2,noise\nu1,b,b1,music\n"
    tables = {"splits": "artist,track,payee,share\na,a1,x,1\n", "pools": "pool,gross,policy\np,9.00,none.toml\n"}
    weight = '[[weights]]\nname = "noise"\ncolumn = "category"\nvalues = ["noise"]\ntimes = 0\n'
    (tmp_path / "none.toml").write_text('title = "t"\nsource = "s"\nrule = "market-centric"\n' + weight)
    assert by_payee(close(laid(tmp_path, log, **tables), dry_run=True).rows, "earned") == {"b": 900}


@pytest.mark.parametrize(
    ("rule", "of_b"), [("equal-split", 60000), ("top-artist", 93857), ("norm:p=2", 81047), ("user-centric", 84000)]
)
def test_a_track_with_splits_takes_nothing_from_other_artists(tmp_path: Path, rule: str, of_b: int) -> None:
    splits = "track,artist,payee,share\na1,,x,1/2\na1,,y,1/2\n"
    found = earned(tmp_path, PLAYS, rule=rule, gross="1200.00", splits=splits)
    assert by_artist(found) == {"a": 120000 - of_b, "b": of_b}


def test_each_listeners_part_goes_to_what_that_listener_played_of_the_artist(tmp_path: Path) -> None:
    found = earned(tmp_path, PLAYS, rule="equal-split", gross="1200.00", splits="artist,track,payee,share\na,a1,x,1\n")
    assert found == {"a": 15000, "a, track a1": 45000, "b": 60000}


def test_a_track_is_known_by_artist_and_title(tmp_path: Path) -> None:
    splits = "artist,track,payee,share\nA,Intro,x,1/2\nA,Intro,y,1/2\n"
    found = earned(tmp_path, INTRO, rule="market-centric", gross="12.00", splits=splits)
    assert found == {"A, track Intro": 300, "B": 300, "C": 600}


def test_a_title_that_several_artists_have_needs_the_artist_beside_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 track without its artist"):
        earned(tmp_path, INTRO, rule="market-centric", gross="12.00", splits="track,payee,share\nIntro,x,1\n")


def test_an_artist_named_like_a_tracks_account_is_refused(tmp_path: Path) -> None:
    plays = [*INTRO, ("u3", "A, track Intro", "z", 1)]
    with pytest.raises(InputError, match="has the name of a track's account"):
        earned(tmp_path, plays, rule="market-centric", gross="1.00", splits="artist,track,payee,share\nA,Intro,x,1\n")


def test_equal_shares_blurred_by_rounding_are_a_tie_for_the_first() -> None:
    assert nearly_exact(1, [2**61 - 1, 2**61], error=4) == [1, 0]
    assert nearly_exact(1, [2**60, 2**61], error=4) == [0, 1]


@st.composite
def months(draw: st.DrawFn) -> tuple[list[Play], str, int]:
    """Plays by few users of few artists with titles in common, a rule, a pool in minor units."""
    row = st.tuples(
        st.sampled_from(["u1", "u2", "u3"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["Intro", "x"]),
        st.integers(1, 9),
    )
    return draw(st.lists(row, min_size=1, max_size=12)), draw(st.sampled_from(RULES)), draw(st.integers(1, 10**6))


@examples(12, 200)
@given(month=months(), whole=st.booleans(), of=st.sets(st.sampled_from(["a,Intro", "b,Intro", "b,x"])))
def test_a_pool_pays_what_pay_says_of_its_rows(
    month: tuple[list[Play], str, int], *, whole: bool, of: set[str]
) -> None:
    plays, rule, units = month
    lines = [f"{key},p,1\n" for key in sorted(of)] + (["a,,p,1/3\n", "a,,q,2/3\n"] if whole else [])
    splits = "artist,track,payee,share\n" + "".join(lines) if lines else None
    gross = f"{units // 100}.{units % 100:02d}"
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        found = earned(place, plays, rule=rule, gross=gross, splits=splits)
        result = fairpay.pay(place / "log.csv", rule=rule, pool=gross)
    paid = result.outcome.payouts[0].allocation.paid.tolist()
    alone = {artist: n for artist, n in zip(result.outcome.artist.to_pylist(), paid, strict=True) if n}
    assert by_artist(found) == alone
    of_tracks = {source for source in found if ", track " in source}
    assert of_tracks <= {key.replace(",", ", track ", 1) for key in of}


POOLS = "pool,gross,rule\np,1200.00,equal-split\n"
THIRDS = "artist,payee,share\na,x,1/3\na,y,2/3\n"


def closed(place: Path, plays: list[Play], **asked: str) -> pl.DataFrame:
    """Close a month with all tracks; the table of what they earned."""
    month = laid(place, log_of(plays), tracks=True, **{"pools": POOLS, **asked})
    close(month)
    return pl.read_csv(month.books / "2026-10" / "tracks.csv", schema_overrides=dict.fromkeys(("earned",), pl.String))


def earnings(place: Path, payee: str) -> list[tuple[str, ...]]:
    """Artist, track, plays, rate, what the track earned, the payee's share, and what it comes to, from a statement."""
    lines = section(table(statement_of(place / "books", payee)), "Earnings")
    names = ("Artist", "Track", "Plays", "Rate per play", "Earned by artist", "Your share", "Earned")
    return [tuple(line[name] for name in names) for line in lines]


def test_each_track_earns_what_its_artists_listeners_give_it(tmp_path: Path) -> None:
    found = closed(tmp_path, PLAYS)
    assert found.rows() == [
        ("p", "a", "a1", 2, "450.00", "EUR", 2),
        ("p", "a", "a2", 1, "150.00", "EUR", 2),
        ("p", "b", "b1", 11, "600.00", "EUR", 2),
    ]


def test_a_statement_has_a_line_for_each_track_and_a_payees_lines_sum_to_its_part(tmp_path: Path) -> None:
    closed(tmp_path, PLAYS, splits=THIRDS)
    assert earnings(tmp_path, "x") == [
        ("a", "a1", "2", "225.000000", "450.00", "1/3", "150.00"),
        ("a", "a2", "1", "150.000000", "150.00", "1/3", "50.00"),
        ("Total", "", "3", "", "", "", "200.00"),
    ]


def test_cents_left_over_go_to_the_largest_remainder_and_then_to_the_smaller_track(tmp_path: Path) -> None:
    plays = [("u", "a", "t1", 1), ("u", "a", "t2", 1), ("u", "a", "t3", 1)]
    splits = "artist,payee,share\na,x,1/2\na,y,1/2\n"
    closed(tmp_path, plays, pools="pool,gross,rule\np,1.00,market-centric\n", splits=splits)
    found = [(line[1], line[4], line[6]) for line in earnings(tmp_path, "x")]
    assert sorted(found[:-1]) == [("t1", "0.34", "0.17"), ("t2", "0.33", "0.17"), ("t3", "0.33", "0.16")]


def test_a_track_with_splits_keeps_its_line_and_all_others_of_the_artist_share_the_rest(tmp_path: Path) -> None:
    plays = [*PLAYS, ("u2", "a", "", 1)]
    closed(tmp_path, plays, splits="artist,track,payee,share\na,a1,x,1\n")
    assert [line[:3] + line[4:] for line in earnings(tmp_path, "x")[:-1]] == [
        ("a", "a1", "2", "300.00", "100%", "300.00"),
    ]
    assert [line[:3] + line[4:] for line in earnings(tmp_path, "a")[:-1]] == [
        ("a", "", "1", "150.00", "100%", "150.00"),
        ("a", "a2", "1", "150.00", "100%", "150.00"),
    ]


def test_money_taken_back_is_taken_back_from_tracks(tmp_path: Path) -> None:
    found = closed(tmp_path, PLAYS, pools="pool,gross,rule,refund\np,-1200.00,equal-split,yes\n")
    assert found["earned"].to_list() == ["-450.00", "-150.00", "-600.00"]


def test_a_payee_divides_among_the_tracks_of_a_currency_without_cents(tmp_path: Path) -> None:
    pools = "pool,country,gross,currency,rule\ne,DE,12.00,EUR,equal-split\nj,JP,1200,JPY,equal-split\n"
    log = log_of(PLAYS).replace("user,", "country,user,")
    lines = [f"{land},{line}\n" for land in ("DE", "JP") for line in log.splitlines()[1:]]
    month = laid(tmp_path, log.splitlines()[0] + "\n" + "".join(lines), tracks=True, pools=pools, splits=THIRDS)
    close(month)
    assert all(control.ok for control in verify_books(month.books))
    found = section(table(statement_of(month.books, "x")), "Earnings", "JPY")
    assert [(line["Track"], line["Earned"]) for line in found] == [("a1", "150"), ("a2", "50"), ("", "200")]


def test_verify_says_that_tracks_no_longer_sum_to_artists(tmp_path: Path) -> None:
    closed(tmp_path, PLAYS)
    place = tmp_path / "books" / "2026-10" / "tracks.parquet"
    frame = pl.read_parquet(place)
    frame.with_columns(pl.col("plays") + (pl.col("track") == "a1")).write_parquet(place)
    (control,) = [one for one in verify_books(tmp_path / "books") if one.name == "2026-10 tracks"]
    assert (control.ok, control.detail) == (False, "3 tracks of 2 artists in a pool, 1 do not add up")


def test_a_month_that_was_not_asked_for_tracks_has_no_table_of_them(tmp_path: Path) -> None:
    month = laid(tmp_path, log_of(PLAYS), pools=POOLS)
    close(month)
    assert not (month.books / "2026-10" / "tracks.csv").exists()
    assert (month.books / "2026-10" / MANIFEST).exists()


def test_an_artist_named_like_a_track_is_refused_where_tracks_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has the name of a track's account"):
        closed(tmp_path, [("u", "a, track b", "x", 1)])


def test_tracks_are_not_told_apart_with_wishes_of_artists(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be told apart with wishes"):
        closed(tmp_path, PLAYS, wishes="user,artist,wish\nu1,a,block\n")


@examples(8, 100)
@given(month=months(), of=st.sets(st.sampled_from(["a,Intro", "b,Intro", "b,x"])), known=st.booleans())
def test_tracks_change_no_row_of_the_ledger_and_sum_to_artists_and_payees(
    month: tuple[list[Play], str, int], *, of: set[str], known: bool
) -> None:
    plays, rule, units = month
    tables = {"pools": f"pool,gross,rule\np,{units // 100}.{units % 100:02d},{rule}\n"}
    tables["splits"] = "artist,track,payee,share\nc,,p,1/3\nc,,q,2/3\n" + "".join(f"{key},p,1\n" for key in sorted(of))
    tables |= {"artists": "artist\na\nc\n"} if known else {}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        plain = laid(place / "plain", log_of(plays), **tables)
        every = laid(place / "every", log_of(plays), tracks=True, **tables)
        same = close(plain).rows.written.equals(close(every).rows.written)
        held = all(control.ok for control in verify_books(every.books))
        books = closed_month(every.books, None).accounts
        stated = all(control.ok for control in books.controls())
        without = closed_month(plain.books, None).accounts
        keys = ("payee", "pool", "Artist")
        lines = [
            one.earnings.with_columns(pl.col("Pool").alias("pool"))
            .filter(pl.col("Artist") != "Total")
            .group_by(keys)
            .agg(pl.col("Plays", "Earned").sum())
            .sort(keys)
            for one in (books, without)
        ]
    assert same
    assert held
    assert stated
    assert lines[0].equals(lines[1])


CAPPED = 'pool,gross,rule\np,1200.00,"artist-cap:cap=10,per=track"\n'
BUSY = [("u", "a", "a1", 30), ("u", "a", "a2", 10), ("v", "b", "b1", 20)]


def test_under_a_cap_for_each_track_an_artists_tracks_share_by_what_counts(tmp_path: Path) -> None:
    found = closed(tmp_path, BUSY, pools=CAPPED)
    assert found["track", "earned"].rows() == [("a1", "400.00"), ("a2", "400.00"), ("b1", "400.00")]


def test_under_a_cap_for_each_track_a_track_with_splits_earns_what_counts_of_it(tmp_path: Path) -> None:
    closed(tmp_path, BUSY, pools=CAPPED, splits="artist,track,payee,share\na,a1,x,1\n")
    assert earnings(tmp_path, "x")[-1][-1] == "400.00"
    assert earnings(tmp_path, "a")[-1][-1] == "400.00"


def test_a_months_pool_file_can_hold_what_a_policy_with_a_pool_collects(tmp_path: Path) -> None:
    """As README says: what `pay` collects as gross, what it sets aside as a deduction, and the policy's rule."""
    plays = [("u", "a", "a1", 900_000), ("v", "a", "a1", 900_000), ("w", "b", "b1", 500_000), ("u", "c", "c1", 300_000)]
    policy = "living-wage-2025"
    told = fairpay.pay(pl.read_csv(log_of(plays).encode()), policy=policy, fee="10.99", other_revenue="1070.20")
    found = told.summary["money"]["collected"]
    gross = sum(map(Decimal, (found["fees"], found["other_revenue"])))
    pools = f'pool,gross,deductions,rule\np,{gross},fund 10%,"{find_policy(policy).rule}"\n'
    assert (
        closed(tmp_path, plays, pools=pools)["earned"].to_list()
        == told.table.sort("artist")["payout"].cast(pl.String).to_list()
    )
