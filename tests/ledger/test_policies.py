"""Policies of pools: what each pool pays, counts and says."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from pools_apart import POOLS, lay, paid_alone, paid_of, plays, write

from fairpay.errors import UsageError
from fairpay.ledger.close import close
from fairpay.ledger.closing import Closing
from fairpay.ledger.pools import kept_name
from fairpay.ledger.verify import verify_books
from fairpay.settings.values import Running

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("seed", "rows", "stated"),
    [
        *((seed, 400, {}) for seed in range(4)),
        pytest.param(5, 400, {"min_seconds": "44.999", "measure": "time"}, id="what is stated goes before policies"),
        *(pytest.param(seed, 1500, {}, marks=pytest.mark.nightly) for seed in range(100, 140)),
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
