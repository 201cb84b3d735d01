"""What people decide and listeners state, in several pools: what `pay` says of each pool's rows alone."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest
from laying import by_payee, late, nothing_changes
from pools_apart import (
    ARTISTS,
    DECIDED,
    PLAIN,
    USERS,
    difference,
    lay,
    month,
    paid_alone,
    paid_of,
    plays,
    review,
)

from fairpay.cli import main
from fairpay.errors import InputError, UsageError
from fairpay.ledger.close import close
from fairpay.ledger.closing import Closing
from fairpay.ledger.verify import verify_books
from fairpay.settings.values import Reading

if TYPE_CHECKING:
    from pathlib import Path

    from pools_apart import Play

    from fairpay.ledger.model import Ledger


HISTORY = "user,artist,plays\nu1,a5,30\nu1,x,10\nu3,a1,5\nu9,a1,5\n"
WISHES = "user,artist,kind,amount\nu1,a1,block,\nu2,a3,gift,0.25\nu3,a2,boost,3\n"


DELEGATIONS = "user,delegate,share\nu1,u2,0.5\nu2,u3,1/3\nu4,u1,1\nu7,u0,1\n"
POLICY = """title = "t"\nsource = "s"\nrule = "user-centric"\nmeasure = "plays"
[[boosts]]\nname = "b"\nstreams = 9\nlisteners = 5\ntimes = 1.5\n"""
STATED = {
    "histories and wishes": {"history": HISTORY, "wishes": WISHES, "kappa": "7"},
    "decisions": {"decisions": review(*DECIDED)},
    "decisions, then the policy, then wishes": {
        "wishes": WISHES,
        "decisions": review("user,u3,weight 1/2", "user,u1,hold", "artist,a1,hold"),
        "policy": "p.toml",
    },
}


SEEDS = pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(1, 9))])


def row(user: str, artist: str, country: str, track: str = "t") -> Play:
    """A play."""
    return {"user": user, "artist": artist, "country": country, "track": track, "ms": 40_000}


def held(rows: Ledger) -> list[tuple[str, int, str]]:
    """What waits by a decision: account, amount, reason."""
    return [(r.payee, r.amount, r.reason) for r in rows if r.kind == "suspense" and r.payee.startswith("held:")]


@SEEDS
@pytest.mark.parametrize("what", STATED)
def test_what_is_stated_means_in_each_pool_what_it_means_in_pay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, seed: int
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.toml").write_text(POLICY)
    rows = plays(seed, pools=PLAIN)
    found = month(tmp_path, rows, **STATED[what])
    options = {name: tmp_path / f"{name}.csv" if "\n" in text else text for name, text in STATED[what].items()}
    for pool in PLAIN:
        assert paid_of(found, pool) == paid_alone(tmp_path, rows, pool, **options), pool
    assert all(control.ok for control in found.controls)


def test_a_wish_about_an_artist_holds_for_its_tracks_that_have_splits(tmp_path: Path) -> None:
    """What the artist gets is divided between the artist and such tracks by listening."""
    rows = plays(5, pools=PLAIN)
    plain = month(tmp_path / "plain", rows, wishes=WISHES, history=HISTORY)
    splits = "track,payee,share\n" + "".join(f"{artist}-0,p-{artist},1\n" for artist in ARTISTS)
    split = month(tmp_path / "split", rows, wishes=WISHES, history=HISTORY, splits=splits)
    for pool in ("de", "at"):
        whole = paid_of(plain, pool)
        found: dict[str, int] = {}
        for source, amount in paid_of(split, pool).items():
            artist = source.partition(", track ")[0]
            found[artist] = found.get(artist, 0) + amount
        assert found == whole, pool


def test_wishes_of_strangers_are_refused_or_set_aside(tmp_path: Path) -> None:
    """With `--rejects` the month is as if they had not written; a listener without a pool is no stranger."""
    rows = [*plays(1, pools=PLAIN), row("u9", "a1", "ZZ")]
    wishes = WISHES + "stranger,a1,block,\nu9,a1,block,\n"
    with pytest.raises(InputError) as caught:
        month(tmp_path, rows, wishes=wishes)
    assert [(p.count, p.reason) for p in caught.value.problems] == [(1, "user is neither in the log nor a subscriber")]
    reading = Reading(rejects=tmp_path / "rejects.csv")
    found = month(tmp_path, rows, wishes=wishes, reading=reading)
    assert (tmp_path / "rejects.csv").read_text().count("\n") == 2
    plain = month(tmp_path / "plain", rows, wishes=WISHES)
    assert [paid_of(found, pool) for pool in PLAIN] == [paid_of(plain, pool) for pool in PLAIN]


def paid_by(pool: str, seed: int) -> dict[str, int]:
    """What each subscriber of a pool paid, in cents; u7 is in none but Germany."""
    draw = random.Random(seed)  # noqa: S311 - fees, no secrets
    return {user: draw.choice([0, 499, 999]) for user in USERS if pool == "de" or user != "u7"}


@SEEDS
def test_delegations_mean_in_each_pool_what_they_mean_in_pay(tmp_path: Path, seed: int) -> None:
    """A subscriber of several pools passes on a part of each fee, within the pool it was paid to."""
    rows, fees = plays(seed, pools=PLAIN), {pool: paid_by(pool, seed) for pool in PLAIN}
    lines = {
        pool: [f"{u},{n // 100}.{n % 100:02d},{PLAIN[pool][0]}\n" for u, n in own.items()] for pool, own in fees.items()
    }
    totals = {pool: sum(own.values()) for pool, own in fees.items()}
    pools = {pool: (PLAIN[pool][0], f"{n // 100}.{n % 100:02d}", "", "user-centric") for pool, n in totals.items()}
    subscribers = "user,paid,country\n" + "".join(line for own in lines.values() for line in own)
    numbers = {"viscosity": "0.9", "delegate_cap": "3"}
    found = month(tmp_path, rows, pools, delegations=DELEGATIONS, subscribers=subscribers, **numbers)
    for pool, own in lines.items():
        (tmp_path / "own.csv").write_text("user,paid,country\n" + "".join(own))
        stated = DELEGATIONS if pool == "de" else DELEGATIONS.replace("u7,u0,1\n", "")
        (tmp_path / "own_delegations.csv").write_text(stated)
        options = {"subscribers": tmp_path / "own.csv", "delegations": tmp_path / "own_delegations.csv", **numbers}
        assert paid_of(found, pool) == paid_alone(tmp_path, rows, pool, pools, **options), pool


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("u1,stranger,1\n", "delegate is not a subscriber"),
        ("stranger,u1,1\n", "user is not a subscriber"),
        ("u1,u7,1\n", "delegate is not a subscriber of the same pool"),
    ],
)
def test_money_is_passed_on_only_within_a_pool(tmp_path: Path, line: str, reason: str) -> None:
    lines = "u1,1.00,DE\nu2,1.00,DE\nu7,1.00,AT\n"
    with pytest.raises(InputError) as caught:
        month(
            tmp_path,
            plays(1, pools=PLAIN),
            delegations="user,delegate,share\n" + line,
            subscribers="user,paid,country\n" + lines,
        )
    assert [problem.reason for problem in caught.value.problems] == [reason]


def test_delegations_need_what_subscribers_paid(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file says what they paid"):
        month(tmp_path, plays(1, pools=PLAIN), delegations="user,delegate,share\nu1,u2,1\n")


def test_an_adjustment_keeps_what_listeners_stated(tmp_path: Path) -> None:
    """Histories, wishes, delegations and their numbers are those the month was closed with."""
    rows = plays(6, pools=PLAIN)
    lines = "".join(f"{user},9.99,{country}\n" for user in USERS for country in ("DE", "AT", "JP"))
    stated = {
        "history": HISTORY, "wishes": WISHES, "delegations": "user,delegate,share\nu1,u2,0.5\n",
        "subscribers": "user,paid,country\n" + lines, "kappa": "3", "viscosity": "0.9", "delegate_cap": "2",
    }  # fmt: skip
    asked = lay(tmp_path, rows, PLAIN, **stated)
    close(asked)
    assert nothing_changes(asked)
    moved = late(asked, exclude="user\nu3\n")
    first, again = (
        paid_of(month(tmp_path / name, kept, **stated), "de")
        for name, kept in (("first", rows), ("again", [row for row in rows if row["user"] != "u3"]))
    )
    assert by_payee(moved.rows, pool="de") == difference(again, first)


def test_no_table_that_names_users_is_copied_into_the_books(tmp_path: Path) -> None:
    month(tmp_path, plays(1, pools=PLAIN), history=HISTORY, wishes=WISHES, decisions=review("user,u1,keep"))
    own = tmp_path / "books" / "2026-10"
    assert sorted(path.name for path in own.glob("input-*")) == ["input-pools.csv"]
    roles = {one["role"] for one in json.loads((own / "manifest.json").read_text())["books"]["inputs"]}
    assert {"history", "wishes", "decisions"} <= roles


def test_what_decisions_leave_out_is_counted_by_their_own_reason(tmp_path: Path) -> None:
    rows = plays(1, pools=PLAIN)
    found = month(tmp_path, rows, decisions=review(*DECIDED))
    reason = "excluded by a person's decision"
    gone = [
        r for r in rows if r["ms"] >= 30_000 and r["country"] != "ZZ" and (r["user"] == "u2" or r["artist"] == "a2")
    ]
    assert found.facts.listening.dropped[reason] == found.facts.listening.plays_dropped[reason] == len(gone)
    assert found.facts.listening.listeners_dropped[reason] == len({r["user"] for r in gone})
    assert all(control.ok for control in found.controls)


def test_held_money_waits_in_suspense_and_names_nobody(tmp_path: Path) -> None:
    """Whatever the tables say; no id of a held user is in the ledger or the manifest."""
    rows = [row("somebody", "a1", "DE"), row("u2", "a2", "DE")]
    found = month(tmp_path, rows, decisions=review("user,somebody,hold"), artists="artist\na2\n", unsplit="suspend")
    ((account, *rest),) = held(found.rows)
    assert rest == [61_728, "held"]
    text = (tmp_path / "books" / "2026-10" / "manifest.json").read_text()
    assert "somebody" not in text + (tmp_path / "books" / "2026-10" / "ledger.csv").read_text()
    assert found.facts.decisions[0].rows == 1
    assert account == f"held:{found.facts.decisions[0].mark}"


def test_another_review_releases_what_was_held(tmp_path: Path) -> None:
    """The month is worked out again: what waited goes to whom it was kept from, and the next month pays it."""
    rows = plays(2, pools=PLAIN)
    asked = lay(tmp_path, rows, PLAIN, decisions=review("user,u1,hold"))
    close(asked)
    moved = late(asked, decisions=review("user,u1,keep"))
    assert sum(row.amount for row in moved.rows) == 0
    plain = month(tmp_path / "plain", rows)
    before = month(tmp_path / "held", rows, decisions=review("user,u1,hold"))
    for pool in PLAIN:
        expected = difference(paid_of(plain, pool), paid_of(before, pool))
        assert by_payee(moved.rows, pool=pool) == expected
    after = close(Closing("2026-11", asked.books, asked.logs, {"pools": asked.tables["pools"]}, any_date=True))
    assert sorted((who, -amount) for who, amount, _ in held(after.rows)) == sorted(
        (who, amount) for who, amount, _ in held(before.rows)
    )
    assert all(control.ok for control in verify_books(asked.books))


def test_a_decision_about_nobody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 of 1 decisions are about nobody in the log"):
        month(tmp_path, plays(1, pools=PLAIN), decisions=review("user,stranger,hold"))


def test_decisions_are_an_option_of_close_and_of_adjust(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = lay(tmp_path, plays(3, pools=PLAIN), PLAIN, decisions=review("user,u1,exclude"))
    words = ["--books", str(asked.books), "--period", "2026-10", "--json"]
    tables = ["--pools", str(asked.tables["pools"]), "--decisions", str(asked.tables["decisions"])]
    assert main(["close", *words, *tables, *asked.logs]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [one["decision"] for one in said["decisions"]] == ["exclude"]
    (tmp_path / "new.csv").write_text(review("user,u1,keep"))
    assert main(["adjust", *words, "--decisions", str(tmp_path / "new.csv")]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] > 0
