"""What listeners state, in several pools: what `pay` says of each pool's rows alone."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest
from stated_month import ARTISTS, COUNTRIES, USERS, alone, asked_of, earned, month, plays, review, write_log

import fairpay
from fairpay.errors import InputError, UsageError
from fairpay.ledger.adjust import Correction, adjust
from fairpay.ledger.close import close
from fairpay.ledger.closing import Closing

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("_no_waiting_for_the_disk")


HISTORY = "user,artist,plays\nu1,a5,30\nu1,x,10\nu3,a1,5\nu9,a1,5\n"
WISHES = "user,artist,kind,amount\nu1,a1,block,\nu2,a3,gift,0.25\nu3,a2,boost,3\n"


@pytest.mark.parametrize("seed", range(3))
def test_histories_and_wishes_mean_in_each_pool_what_they_mean_in_pay(tmp_path: Path, seed: int) -> None:
    rows = plays(seed)
    found = month(tmp_path, rows, history=HISTORY, wishes=WISHES, kappa="7")
    files = {"history": tmp_path / "history.csv", "wishes": tmp_path / "wishes.csv", "kappa": "7"}
    for pool in COUNTRIES:
        assert earned(found, pool) == alone(tmp_path, rows, pool, **files), pool
    assert all(control.ok for control in found.controls)


def test_wishes_decisions_and_policies_compose_as_in_pay(tmp_path: Path) -> None:
    rows = plays(4)
    boost = '[[boosts]]\nname = "b"\nstreams = 9\nlisteners = 5\ntimes = 1.5\n'
    policy = f'title = "t"\nsource = "s"\nrule = "user-centric"\nmeasure = "plays"\n{boost}'
    (tmp_path / "p.toml").write_text(policy)
    decided = review("user,u3,weight 1/2", "user,u1,hold", "artist,a1,hold")
    found = month(tmp_path, rows, wishes=WISHES, decisions=decided, policy=str(tmp_path / "p.toml"))
    files = {name: tmp_path / f"{name}.csv" for name in ("wishes", "decisions")}
    for pool in COUNTRIES:
        assert earned(found, pool) == alone(tmp_path, rows, pool, policy=str(tmp_path / "p.toml"), **files), pool


def test_a_wish_about_an_artist_holds_for_its_tracks_that_have_splits(tmp_path: Path) -> None:
    """What the artist gets is divided between the artist and such tracks by listening."""
    rows = plays(5)
    plain = month(tmp_path / "plain", rows, wishes=WISHES, history=HISTORY)
    splits = "track,payee,share\n" + "".join(f"{artist}-0,p-{artist},1\n" for artist in ARTISTS)
    split = month(tmp_path / "split", rows, wishes=WISHES, history=HISTORY, splits=splits)
    for pool in ("de", "at"):
        whole = earned(plain, pool)
        found: dict[str, int] = {}
        for source, amount in earned(split, pool).items():
            artist = source.partition(", track ")[0]
            found[artist] = found.get(artist, 0) + amount
        assert found == whole, pool


def test_wishes_of_strangers_are_refused_or_set_aside(tmp_path: Path) -> None:
    """With `--rejects` the month is as if they had not written; a listener without a pool is no stranger."""
    rows = [*plays(1), ("u9", "a1", 40_000, "ZZ", "t")]
    wishes = WISHES + "stranger,a1,block,\nu9,a1,block,\n"
    with pytest.raises(InputError) as caught:
        month(tmp_path, rows, wishes=wishes)
    assert [(p.count, p.reason) for p in caught.value.problems] == [(1, "user is neither in the log nor a subscriber")]
    reading = fairpay.settings.values.Reading(rejects=tmp_path / "rejects.csv")
    found = month(tmp_path, rows, wishes=wishes, reading=reading)
    assert (tmp_path / "rejects.csv").read_text().count("\n") == 2
    plain = month(tmp_path / "plain", rows, wishes=WISHES)
    assert [earned(found, pool) for pool in COUNTRIES] == [earned(plain, pool) for pool in COUNTRIES]


def paid_by(pool: str, seed: int) -> dict[str, int]:
    """What each subscriber of a pool paid, in cents; u7 is in none but Germany."""
    draw = random.Random(seed)  # noqa: S311 - fees, no secrets
    return {user: draw.choice([0, 499, 999]) for user in USERS if pool == "de" or user != "u7"}


@pytest.mark.parametrize("seed", range(3))
def test_delegations_mean_in_each_pool_what_they_mean_in_pay(tmp_path: Path, seed: int) -> None:
    """A subscriber of several pools passes on a part of each fee, within the pool it was paid to."""
    rows = plays(seed)
    delegations = "user,delegate,share\nu1,u2,0.5\nu2,u3,1/3\nu4,u1,1\nu7,u0,1\n"
    keys = {pool: country for pool, (country, _, _) in COUNTRIES.items()}
    fees = {pool: paid_by(pool, seed) for pool in COUNTRIES}
    lines = [
        f"{user},{cents // 100}.{cents % 100:02d},{keys[pool]}\n"
        for pool, own in fees.items()
        for user, cents in own.items()
    ]
    gross = [
        f"{pool},{keys[pool]},{sum(own.values()) // 100}.{sum(own.values()) % 100:02d},user-centric\n"
        for pool, own in fees.items()
    ]
    pools = "pool,territory,gross,rule\n" + "".join(gross)
    subscribers = "user,paid,country\n" + "".join(lines)
    numbers = {"viscosity": "0.9", "delegate_cap": "3"}
    found = month(tmp_path, rows, delegations=delegations, subscribers=subscribers, pools=pools, **numbers)
    for pool, own in fees.items():
        (tmp_path / "own.csv").write_text(
            "user,paid\n" + "".join(f"{u},{n // 100}.{n % 100:02d}\n" for u, n in own.items())
        )
        stated = delegations if pool == "de" else delegations.replace("u7,u0,1\n", "")
        (tmp_path / "own_delegations.csv").write_text(stated)
        options = {"subscribers": tmp_path / "own.csv", "delegations": tmp_path / "own_delegations.csv", **numbers}
        log = write_log(tmp_path / f"{pool}.csv", [row for row in rows if row[3] == keys[pool]])
        result = fairpay.pay(log, rule="user-centric", **options)  # type: ignore[arg-type] # options by name
        paid = dict(
            zip(result.outcome.artist.to_pylist(), result.outcome.payouts[0].allocation.paid.tolist(), strict=True)
        )
        assert earned(found, pool) == {artist: units for artist, units in paid.items() if units}, pool


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
        month(tmp_path, plays(1), delegations="user,delegate,share\n" + line, subscribers="user,paid,country\n" + lines)
    assert [problem.reason for problem in caught.value.problems] == [reason]


def test_delegations_need_what_subscribers_paid(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file says what they paid"):
        month(tmp_path, plays(1), delegations="user,delegate,share\nu1,u2,1\n")


def test_an_adjustment_keeps_what_listeners_stated(tmp_path: Path) -> None:
    """Histories, wishes, delegations and their numbers are those the month was closed with."""
    rows = plays(6)
    lines = "".join(f"{user},9.99,{country}\n" for user in USERS for country in ("DE", "AT", "JP"))
    stated = {
        "history": HISTORY, "wishes": WISHES, "delegations": "user,delegate,share\nu1,u2,0.5\n",
        "subscribers": "user,paid,country\n" + lines, "kappa": "3", "viscosity": "0.9", "delegate_cap": "2",
    }  # fmt: skip
    asked = asked_of(tmp_path, rows, **stated)
    close(asked)
    (tmp_path / "nobody.csv").write_text("user\nnobody\n")
    plain = Closing("2026-10", asked.books, (), {})
    assert adjust(plain, Correction(exclude=(tmp_path / "nobody.csv",))).rows.frame.is_empty()
    (tmp_path / "out.csv").write_text("user\nu3\n")
    moved = adjust(plain, Correction(exclude=(tmp_path / "out.csv",)))
    again = month(tmp_path / "again", [row for row in rows if row[0] != "u3"], **stated)
    before = {pool: earned(month(tmp_path / "first", rows, **stated), pool) for pool in ["de"]}
    now = earned(again, "de")
    expected = {key: now.get(key, 0) - before["de"].get(key, 0) for key in now.keys() | before["de"].keys()}
    assert {r.payee: r.amount for r in moved.rows if r.pool == "de"} == {k: n for k, n in expected.items() if n}


def test_no_table_that_names_users_is_copied_into_the_books(tmp_path: Path) -> None:
    month(tmp_path, plays(1), history=HISTORY, wishes=WISHES, decisions=review("user,u1,keep"))
    own = tmp_path / "books" / "2026-10"
    assert sorted(path.name for path in own.glob("input-*")) == ["input-pools.csv"]
    roles = {one["role"] for one in json.loads((own / "manifest.json").read_text())["books"]["inputs"]}
    assert {"history", "wishes", "decisions"} <= roles
