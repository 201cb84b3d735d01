"""Policies of pools: what each pool pays, counts and says; kept in the books, corrected, compared, refused."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from laying import nothing_changes
from pools_apart import (
    BY_TIME,
    COLUMNS,
    LICENSOR,
    MONTH,
    POOLS,
    difference,
    lay,
    paid_alone,
    paid_of,
    plays,
    write,
)

import fairpay
from fairpay.adjust.policy import policy_text
from fairpay.cli import main
from fairpay.errors import InputError, UsageError
from fairpay.ledger.adjust import Correction, adjust
from fairpay.ledger.close import close
from fairpay.ledger.closing import Closing
from fairpay.ledger.jobs import diff
from fairpay.ledger.pools import kept_name
from fairpay.ledger.store import shelf
from fairpay.ledger.verify import verify_books
from fairpay.settings.values import Running

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("seed", "rows", "stated"),
    [
        *((seed, 400, {}) for seed in range(2)),
        pytest.param(5, 400, {"min_seconds": "44.999", "measure": "time"}, id="what is stated goes before policies"),
        *(pytest.param(seed, 1500, {}, marks=pytest.mark.nightly) for seed in range(100, 142)),
    ],
)
def test_each_pool_pays_what_pay_says_of_its_rows_alone(
    tmp_path: Path, seed: int, rows: int, stated: dict[str, Any]
) -> None:
    """To the minor unit: weights, boosts and thresholds act in each pool by its own counts, lengths and measure."""
    played = plays(seed, rows)
    month = close(lay(tmp_path, played, **stated))
    for pool in POOLS.keys() - {"de"}:
        assert paid_of(month, pool) == paid_alone(tmp_path, played, pool, POOLS, **stated), pool
    assert rows > 400 or paid_of(month, "de") == {"unallocated:": 9_876_543}


def test_no_order_of_files_threads_or_batches_changes_a_byte(tmp_path: Path) -> None:
    rows = plays(10)
    tables = {"decisions": "kind,subject,decision\nuser,u1,hold\nartist,a2,weight 1/3\n",
              "wishes": "user,artist,kind,amount\nu2,a1,block,\nu3,z,gift,1/3\n"}  # fmt: skip
    asked = lay(tmp_path, rows)
    for name, text in tables.items():
        (tmp_path / f"{name}.csv").write_text(text)
    own = {**asked.tables, **{name: tmp_path / f"{name}.csv" for name in tables}}
    logs = [write(tmp_path / f"{i}.csv", part) for i, part in enumerate((rows[:150], rows[150:]))]
    ledgers = []
    for i, (order, running) in enumerate(((logs, Running()), (logs[::-1], Running(threads=1, batch_rows=7)))):
        found = replace(asked, logs=tuple(order), running=running, tables=own, books=tmp_path / f"books{i}")
        close(found)
        ledgers.append([(found.books / "2026-10" / name).read_bytes() for name in ("ledger.csv", "policies.csv")])
    assert ledgers[0] == ledgers[1]


def test_thresholds_count_each_pool_by_itself(tmp_path: Path) -> None:
    threshold = 'title = "t"\nsource = "s"\nrule = "market-centric"\n[[thresholds]]\nname = "t"\nlisteners = 2\n'
    (tmp_path / "t.toml").write_text(threshold)
    log = write(
        tmp_path / "log.csv",
        [{"user": u, "artist": "a", "ms": 40_000, "country": c} for u, c in (("1", "DE"), ("2", "AT"))],
    )
    found = []
    for name, pools in (("two", "de,DE,1.00\nat,AT,1.00\n"), ("one", "all,,2.00\n")):
        (tmp_path / f"{name}.csv").write_text("pool,territory,gross\n" + pools)
        tables = {"pools": tmp_path / f"{name}.csv"}
        month = close(Closing("2026-10", tmp_path / name, (log,), tables, policy=str(tmp_path / "t.toml")))
        found.append({row.payee for row in month.rows if row.kind == "earned"})
    assert found == [{"unallocated:"}, {"a"}]


def test_what_policies_leave_out_is_counted_by_reason(tmp_path: Path) -> None:
    rows = plays(1)
    month = close(lay(tmp_path, rows))
    heard = month.facts.listening
    assert heard.rows == len(rows)
    reasons = {"below a threshold of the policy", "weighed at nothing by the policy", "without a pool"}
    assert set(heard.plays_dropped) == reasons == set(heard.listeners_dropped)
    short_of = {(row["country"], row["user"]) for row in rows if row["country"] == "DE" and row["ms"] >= 30_000}
    assert heard.listeners_dropped["below a threshold of the policy"] >= len({user for _, user in short_of})
    assert all(control.ok for control in month.controls)
    named = next(control.detail for control in month.controls if control.name == "plays")
    assert "below a threshold of the policy" in named


def test_the_manifest_says_what_each_line_did_in_each_pool(tmp_path: Path) -> None:
    rows = plays(2)
    month = close(lay(tmp_path, rows))
    qualified = [row for row in rows if row["country"] == "AT" and row["ms"] >= 45_000]
    at = next(one for one in month.facts.policies if one.pool == "at")
    sought = next(line for line in at.lines if line.name == "sought")
    assert (at.policy, at.min_seconds, at.measure, at.own) == ("licensor.toml", "45", "plays", True)
    assert sought.plays == sum(row["active"] == "true" for row in qualified)
    listeners = Counter(artist for artist, _ in {(row["artist"], row["user"]) for row in qualified})
    two = next(line for line in at.lines if line.name == "two listeners")
    assert two.plays == sum(listeners[row["artist"]] < 2 for row in qualified)
    with (tmp_path / "books" / "2026-10" / "policies.csv").open(newline="") as file:
        lines = {(line["pool"], line["line"]): line["plays"] for line in csv.DictReader(file)}
    assert lines["at", "sought"] == str(sought.plays)
    assert {pool for pool, _ in lines} == {"at", "de", "fr", "se", "us"}


def test_every_policy_is_kept_with_its_hash_and_verified(tmp_path: Path) -> None:
    month = close(lay(tmp_path, plays(3)))
    own = tmp_path / "books" / "2026-10"
    for one in month.facts.policies:
        assert (own / kept_name(one.sha256)).is_file()
    controls = verify_books(tmp_path / "books")
    assert all(control.ok for control in controls)
    assert any(control.detail.endswith(" under a policy; each as it was kept") for control in controls)
    kept = own / kept_name(month.facts.policies[0].sha256)
    kept.write_text(kept.read_text().replace("times = 2", "times = 3"))
    wrong = {control.name for control in verify_books(tmp_path / "books") if not control.ok}
    assert {"2026-10 files", "2026-10 policies"} <= wrong


def test_a_policy_with_a_pool_of_its_own_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text('title = "t"\nsource = "s"\nrule = "uniform"\n[pool]\nfee_share = "1/2"\n')
    with pytest.raises(UsageError, match="has a pool of its own, and the money of a month is in the pool file"):
        close(lay(tmp_path, plays(1), policy=str(tmp_path / "t.toml")))


def test_an_adjustment_goes_by_the_policy_the_month_was_closed_under(tmp_path: Path) -> None:
    """Whatever became of the file since; nothing excluded changes nothing, and a late file what `close` would say."""
    rows = plays(4)
    asked = lay(tmp_path, rows[:300])
    close(asked)
    for file in (tmp_path / "policies").iterdir():
        file.write_text("changed = true")
    (tmp_path / "policies" / "time.toml").unlink()
    assert nothing_changes(asked)
    late = adjust(asked, Correction(logs=(write(tmp_path / "late.csv", rows[300:]),)))
    whole = close(lay(tmp_path / "again", rows))
    before, after = (
        {(row.pool, row.payee): row.amount for row in rows if row.kind == "earned"}
        for rows in (shelf(asked.books).months[0].ledger(), whole.rows)
    )
    assert {(row.pool, row.payee): row.amount for row in late.rows} == difference(after, before)
    assert all(control.ok for control in verify_books(asked.books))


def test_a_corrected_pool_file_brings_its_own_policies(tmp_path: Path) -> None:
    """They are kept with the adjustment, so that it is repeated and undone by them."""
    rows = plays(6)
    asked = lay(tmp_path, rows)
    close(asked)
    other = tmp_path / "corrected"
    other.mkdir()
    (other / "new.toml").write_text(BY_TIME.replace('"4/3"', "3"))
    text = (tmp_path / "pools.csv").read_text()
    (other / "pools.csv").write_text(
        text.replace("policies/time.toml", "new.toml")
        .replace("policies/licensor.toml", "none")
        .replace("none,\n", "none,user-centric\n")
    )
    change = Correction(tables={"pools": other / "pools.csv"})
    booked = adjust(asked, change)
    assert {row.pool for row in booked.rows} == {"at", "fr"}
    assert adjust(asked, change).status == "already"
    (other / "new.toml").unlink()
    back = adjust(asked, Correction(undo=booked.run_id))
    assert sorted((r.pool, r.payee, r.amount) for r in back.rows) == sorted(
        (r.pool, r.payee, -r.amount) for r in booked.rows
    )
    assert nothing_changes(asked)
    assert all(control.ok for control in verify_books(asked.books))


def test_a_month_again_is_already_done_and_with_another_policy_it_is_not(tmp_path: Path) -> None:
    rows = plays(7, rows=50)
    asked = lay(tmp_path, rows)
    close(asked)
    assert close(asked).status == "already"
    (tmp_path / "copy.toml").write_text(policy_text(MONTH))
    assert close(replace(asked, policy=str(tmp_path / "copy.toml"))).status == "already"
    (tmp_path / "policies" / "time.toml").write_text(BY_TIME + "# a word\n")
    with pytest.raises(fairpay.errors.DifferentRunError):
        close(asked)


def test_a_pool_of_toml_may_hold_its_policy(tmp_path: Path) -> None:
    rows = plays(8)
    asked = lay(tmp_path, rows)
    expected = close(asked)
    body = LICENSOR.replace("[[weights]]", "[[pool.policy.weights]]").replace("[[boosts]]", "[[pool.policy.boosts]]")
    body = body.replace("[[thresholds]]", "[[pool.policy.thresholds]]")
    (tmp_path / "pools.toml").write_text(
        '[[pool]]\npool = "at"\nterritory = "AT"\ngross = 1000.00\n[pool.policy]\n' + body
    )
    found = close(replace(asked, books=tmp_path / "other", tables={"pools": tmp_path / "pools.toml"}))
    assert paid_of(found, "at") == paid_of(expected, "at")
    (tmp_path / "pools.toml").write_text("gone")
    assert nothing_changes(replace(asked, books=tmp_path / "other"))


def test_diff_names_the_policy_that_changed(tmp_path: Path) -> None:
    rows = plays(9, rows=80)
    asked = lay(tmp_path, rows)
    close(asked)
    other = lay(tmp_path / "next", rows)
    (tmp_path / "next" / "policies" / "time.toml").write_text(BY_TIME.replace('"4/3"', "2"))
    close(replace(other, period="2026-11", books=asked.books))
    why = diff(asked.books / "2026-10", asked.books / "2026-11").why
    named = [(one.what, one.name) for one in why if one.what == "policy"]
    assert named == [("policy", "fr")]
    assert not [one for one in why if one.name == "policies"]


@pytest.mark.parametrize(
    ("policy", "status", "word"),
    [
        ("nowhere.toml", InputError.status, "nowhere.toml cannot be read"),
        ("no-such", InputError.status, "there is no policy 'no-such'"),
        ("user-centric", InputError.status, "is a rule, not a policy"),
    ],
)
def test_a_policy_that_cannot_be_used_is_refused(
    tmp_path: Path, policy: str, status: int, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write(tmp_path / "log.csv", plays(1, rows=5))
    (tmp_path / "pools.csv").write_text(f"pool,gross,policy\nall,1.00,{policy}\n")
    asked = ("close", "--books", str(tmp_path / "books"), "--period", "2026-10", "--pools", str(tmp_path / "pools.csv"))
    assert main([*asked, log, "--json"]) == status
    problem = json.loads(capsys.readouterr().err)["error"]["problems"][0]
    assert word in problem["reason"]
    assert problem["where"] == "pool all"


def test_a_months_policy_that_is_none_is_status_2(tmp_path: Path) -> None:
    asked = lay(tmp_path, plays(1, rows=5), policy="nowhere.toml")
    with pytest.raises(UsageError, match=r"nowhere\.toml cannot be read"):
        close(asked)


def test_a_pool_that_measures_time_needs_a_duration(tmp_path: Path) -> None:
    asked = lay(tmp_path, [])
    log = write(tmp_path / "log.csv", plays(1, rows=20), tuple(c for c in COLUMNS if c != "ms"))
    with pytest.raises(InputError, match="1 pool to be measured by time, fr among them"):
        close(replace(asked, logs=(log,)))


def test_the_command_line_takes_a_policy_for_all_pools(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = plays(2)
    asked = lay(tmp_path, rows)
    words = ["close", "--books", str(tmp_path / "books"), "--period", "2026-10", "--policy", MONTH, "--json"]
    assert main([*words, "--pools", str(tmp_path / "pools.csv"), *asked.logs]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {one["pool"]: one["policy"] for one in said["policies"]}["se"] == MONTH
    assert close(asked).status == "already"


def test_the_page_names_the_policies_and_the_decisions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = lay(tmp_path, plays(2))
    (tmp_path / "review.csv").write_text("kind,subject,decision\nuser,u1,hold\nuser,u2,hold\nartist,a1,exclude\n")
    words = ["close", "--books", str(tmp_path / "books"), "--period", "2026-10", "--policy", MONTH, "--dry-run"]
    tables = ["--pools", str(tmp_path / "pools.csv"), "--decisions", str(tmp_path / "review.csv")]
    assert main([*words, *tables, *asked.logs]) == 0
    page = " ".join(capsys.readouterr().out.split())
    assert "Policy licensor.toml: 1 pool, see policies.csv" in page
    assert "Decisions 1 exclude, 2 hold" in page
