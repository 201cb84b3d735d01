from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parties import in_parts
from sample import SAMPLE_DATA as SAMPLE

import fairpay
from fairpay.errors import FairpayError, InputError, OutputError, UsageError
from fairpay.pipeline.partfile import mark_of, unpacked
from fairpay.rules import rule_classes
from fairpay.rules.core.rule import Needs

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """title = "t"
source = "s"
rule = "user-centric"
[[thresholds]]
name = "three streams of two people"
streams = 3
listeners = 2
per = "track"
[[boosts]]
name = "twenty streams count twice"
streams = 20
listeners = 2
times = 2
"""


def divided(frame: pl.DataFrame, parties: int) -> list[pl.DataFrame]:
    """Give every user to one of several parties."""
    users = frame["user_id"].unique().sort()
    place = pl.DataFrame({"user_id": users, "party": pl.Series(range(len(users))) % parties})
    joined = frame.join(place, on="user_id", how="left", maintain_order="left")
    return [joined.filter(pl.col("party") == k).drop("party") for k in range(parties)]


def sample() -> pl.DataFrame:
    """The plays of the sample."""
    return pl.read_csv(SAMPLE / "listens.csv", infer_schema=False)


def same(merged: Any, whole: Any) -> bool:  # noqa: ANN401 - results
    """Whether two results say the same."""
    return bool(merged.arrow.equals(whole.arrow) and merged.summary == whole.summary)


BY_SUMS = [rule.name for rule in rule_classes().values() if rule.needs is Needs.SUMS]


@pytest.mark.parametrize("parties", [1, 3])
def test_parts_of_all_rules_that_need_sums_make_the_month_of_one_log(parties: int, tmp_path: Path) -> None:
    options: dict[str, Any] = {"rules": BY_SUMS, "fee": "9.99", "royalty_rate": "70%"}
    merged, _ = in_parts(divided(sample(), parties), tmp_path, **options)
    assert same(merged, fairpay.compare(sample(), **options))


def test_a_policy_counts_in_a_round_of_its_own_and_moves_what_it_moves_on_one_log(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(POLICY, encoding="utf-8")
    options: dict[str, Any] = {"policy": str(tmp_path / "policy.toml"), "fee": "9.99"}
    merged, rounds = in_parts(divided(sample(), 2), tmp_path, **options)
    assert same(merged, fairpay.compare(sample(), **options))
    assert rounds > 3


def test_every_party_has_its_own_subscribers(tmp_path: Path) -> None:
    logs = divided(sample(), 2)
    everybody = pl.read_csv(SAMPLE / "subscribers.csv", infer_schema=False)
    first = everybody["user_id"].is_in(logs[0]["user_id"].implode())
    each = [{"subscribers": everybody.filter(first)}, {"subscribers": everybody.filter(~first)}]
    options: dict[str, Any] = {"inactive": "hold", "unlisted": "leave-out"}
    merged, _ = in_parts(logs, tmp_path, each, **options)
    assert same(merged, fairpay.compare(sample(), subscribers=everybody, **options))


def test_a_payout_is_settled_from_parts(tmp_path: Path) -> None:
    options: dict[str, Any] = {"pool": "1000", "measure": "plays"}
    merged, _ = in_parts(divided(sample(), 2), tmp_path, payouts=True, rules=["user-centric"], **options)
    assert same(merged, fairpay.pay(sample(), rule="user-centric", **options))


rows = st.lists(
    st.tuples(st.sampled_from("uvwxyz"), st.sampled_from("abcd"), st.integers(1, 10) | st.just(10**9)), min_size=1
)


@settings(max_examples=25)
@given(rows=rows, pool=st.integers(0, 60) | st.just(2**61))
def test_random_months_in_parts_are_paid_as_one_log(
    rows: list[tuple[str, str, int]], pool: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    frame = pl.DataFrame(rows, schema=["user_id", "artist", "plays"], orient="row")
    options: dict[str, Any] = {
        "rules": ["market-centric", "user-centric", "equal-split", "top-artist"],
        "pool": str(pool),
        "currency": "JPY",
    }
    logs = [log for log in divided(frame, 3) if log.height]
    merged, _ = in_parts(logs, tmp_path_factory.mktemp("parts"), **options)
    assert same(merged, fairpay.compare(frame, **options))


def test_a_part_holds_no_user(tmp_path: Path) -> None:
    fairpay.shard(sample(), output=tmp_path / "a.part")
    table = pq.read_table(tmp_path / "a.part")
    users = set(sample()["user_id"])
    assert users.isdisjoint(table.column("id").to_pylist())
    assert not any(user in str(table.schema.metadata) for user in users)


def test_a_part_that_is_read_again_is_the_same_part(tmp_path: Path) -> None:
    made = fairpay.shard(sample(), output=tmp_path / "a.part")
    assert mark_of(unpacked((tmp_path / "a.part").read_bytes(), "a.part")) == mark_of(made.held)


def refused(kind: type[FairpayError], said: str, call: Any, *args: Any, **options: Any) -> None:  # noqa: ANN401 - a call
    """Expect an error that says something."""
    with pytest.raises(kind, match=said):
        call(*args, **options)


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    """Two parts of the first round."""
    paths = [tmp_path / "a.part", tmp_path / "b.part"]
    for log, path in zip(divided(sample(), 2), paths, strict=True):
        fairpay.shard(log, output=path, fee="9.99")
    return paths


def test_parts_on_different_terms_are_refused_with_the_term(parts: list[Path], tmp_path: Path) -> None:
    fairpay.shard(divided(sample(), 2)[1], output=tmp_path / "c.part", fee="9.90")
    refused(InputError, "fee is '9.99' and '9.90'", fairpay.merge, [parts[0], tmp_path / "c.part"])


def test_a_part_given_twice_is_refused(parts: list[Path]) -> None:
    refused(InputError, "1 parts are there twice", fairpay.merge, [*parts, parts[0]])


def test_a_part_that_is_lost_is_no_zero(parts: list[Path], tmp_path: Path) -> None:
    whole = tmp_path / "sum.part"
    fairpay.merge(parts, output=whole)
    fairpay.shard(divided(sample(), 2)[0], output=tmp_path / "c.part", fee="9.99", after=whole)
    refused(InputError, "1 of 2 parts of this round are missing", fairpay.merge, [tmp_path / "c.part"])


def test_another_log_than_that_of_the_round_before_is_refused(parts: list[Path], tmp_path: Path) -> None:
    whole = tmp_path / "sum.part"
    fairpay.merge(parts, output=whole)
    log = divided(sample(), 2)[0].head(100)
    refused(InputError, "not among those", fairpay.shard, log, output=tmp_path / "c", fee="9.99", after=whole)


def test_parts_of_different_rounds_are_refused(parts: list[Path], tmp_path: Path) -> None:
    whole = tmp_path / "sum.part"
    fairpay.merge(parts, output=whole)
    fairpay.shard(divided(sample(), 2)[0], output=tmp_path / "c.part", fee="9.99", after=whole)
    refused(InputError, "of round 2", fairpay.merge, [parts[1], tmp_path / "c.part"])


@pytest.mark.parametrize("at", [0.2, 0.5, 0.9])
def test_a_damaged_part_is_refused(at: float, parts: list[Path]) -> None:
    content = bytearray(parts[0].read_bytes())
    content[int(len(content) * at)] ^= 0xFF
    parts[0].write_bytes(content)
    refused(InputError, str(parts[0]), fairpay.merge, parts)


def test_a_file_that_is_no_part_is_refused(parts: list[Path], tmp_path: Path) -> None:
    sample().write_parquet(tmp_path / "log.parquet")
    refused(InputError, "no part of a month", fairpay.merge, [parts[0], tmp_path / "log.parquet"])


def test_another_file_is_not_replaced_unasked(parts: list[Path]) -> None:
    refused(OutputError, "is there already", fairpay.shard, sample(), output=parts[0], fee="1")
    assert fairpay.shard(divided(sample(), 2)[0], output=parts[0], fee="9.99").path == parts[0]


@pytest.mark.parametrize("rule", [rule.name for rule in rule_classes().values() if rule.needs is not Needs.SUMS])
def test_what_needs_single_listeners_is_refused_before_anything_is_read(rule: str, tmp_path: Path) -> None:
    refused(UsageError, "parts do not show", fairpay.shard, tmp_path / "nothing", rules=[rule], output=tmp_path / "a")


def test_sums_above_int64_are_refused(tmp_path: Path) -> None:
    for name in "uv":
        frame = pl.DataFrame({"user": [name], "artist": ["a"], "plays": [2**61 + 2**60]})
        fairpay.shard(frame, output=tmp_path / f"{name}.part", party=name)
    refused(InputError, r"more than 2\^62", fairpay.merge, [tmp_path / "u.part", tmp_path / "v.part"])
