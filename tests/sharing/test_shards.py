from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outcomes import same
from parties import in_parts
from sample import SAMPLE_DATA as SAMPLE

import fairpay
from fairpay.adjust.policy import policy_text
from fairpay.errors import FairpayError, InputError, NothingToPayError, OutputError, UsageError
from fairpay.pipeline import partfile
from fairpay.pipeline.partfile import mark_of, unpacked
from fairpay.rules import rule_classes
from fairpay.rules.core.rule import Needs

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
    """Some plays of the sample."""
    return pl.read_csv(SAMPLE / "listens.csv", infer_schema=False, n_rows=3000)


BY_SUMS = [rule.name for rule in rule_classes().values() if rule.needs is Needs.SUMS]


def test_parts_of_all_rules_that_need_sums_make_the_month_of_one_log(tmp_path: Path) -> None:
    options: dict[str, Any] = {"rules": BY_SUMS, "fee": "9.99", "royalty_rate": "70%"}
    merged, _ = in_parts(divided(sample(), 3), tmp_path, **options)
    assert same(merged, fairpay.compare(sample(), **options))


def test_a_policy_counts_in_a_round_of_its_own_and_moves_what_it_moves_on_one_log(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(POLICY, encoding="utf-8")
    options: dict[str, Any] = {"policy": str(tmp_path / "policy.toml"), "fee": "9.99"}
    merged, rounds = in_parts(divided(sample(), 2), tmp_path, **options)
    assert same(merged, fairpay.compare(sample(), **options))
    assert rounds == 4


def test_near_ties_take_a_round_unless_all_weights_are_exact(tmp_path: Path) -> None:
    rows = [("u", "A", 7), ("u", "B", 3), ("v", "A", 1)]
    frame = pl.DataFrame(rows, schema=["user", "artist", "plays"], orient="row")
    options: dict[str, Any] = {"pool": "71149.50", "rules": ["user-centric", "equal-split"]}
    rounds = []
    for exact in (False, True):
        merged, count = in_parts(divided(frame.rename({"user": "user_id"}), 2), tmp_path, exact=exact, **options)
        paid = {row["artist"]: str(row["user_centric"]) for row in merged.table.iter_rows(named=True)}
        assert paid == {"A": "60477.08", "B": "10672.42"}
        rounds.append(count)
        for name in tmp_path.glob("*.part"):
            name.unlink()
    assert rounds == [4, 3]


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
    st.tuples(st.sampled_from("uvwxyz"), st.sampled_from([*"abcd", None]), st.integers(1, 10) | st.just(10**9)),
    min_size=1,
)


@settings(max_examples=3 if settings.default.derandomize else 30)  # few by day, more in the nightly search
@given(
    rows=rows,
    pool=st.integers(0, 60) | st.just(2**61),
    parties=st.lists(st.integers(0, 2), min_size=6, max_size=6),
    exact=st.booleans(),
)
def test_random_months_in_parts_are_paid_as_one_log(
    *,
    rows: list[tuple[str, str | None, int]],
    pool: int,
    parties: list[int],
    exact: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Whoever has which listener; a party may have none, or none whose plays have an artist."""
    frame = pl.DataFrame(rows, schema=["user", "artist", "plays"], orient="row")
    options: dict[str, Any] = {
        "rules": ["market-centric", "user-centric", "equal-split", "top-artist", "norm"],
        "pool": str(pool),
        "currency": "JPY",
    }
    users = ["".join(user for user, mine in zip("uvwxyz", parties, strict=True) if mine == k) for k in range(3)]
    merge = partial(in_parts, shares(frame, *users), tmp_path_factory.mktemp("parts"), exact=exact, **options)
    if frame["artist"].null_count() == frame.height:
        refused(NothingToPayError, "nothing to pay", merge)
    else:
        assert same(merge()[0], fairpay.compare(frame, **options))


MONTH = pl.DataFrame(
    {
        "user": ["u", "u", "v", "v", "v", "w"],
        "artist": ["a", "b", "a", None, "c", "b"],
        "track": ["x", "x", "x", "y", "y", "x"],
        "time": ["2026-10-03T10:00:00Z", *["2026-10-04T10:00:00Z"] * 4, "2026-10-05T10:00:00Z"],
        "plays": [2**58, 3, 1, 4, 2, 9],
    }
)


def shares(frame: pl.DataFrame, *users: str) -> list[pl.DataFrame]:
    """The rows of each party's users, each user one letter."""
    return [frame.filter(pl.col("user").is_in(list(mine))) for mine in users]


@pytest.mark.parametrize("money", [{"pool": "7", "royalty_rate": "1/3"}, {"fee": "9.999", "currency": "KWD"}])
def test_however_users_are_divided_among_parties_the_month_is_the_same(
    money: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = fairpay.compare(MONTH, rules=BY_SUMS, **money)
    several = [("uvw",), ("", "w", "vu")] if "pool" in money else [("uv", "w"), ("u", "", "v", "w")]
    for users in several:
        merged, _ = in_parts(shares(MONTH, *users), tmp_path_factory.mktemp("parts"), rules=BY_SUMS, **money)
        assert same(merged, whole), users


def test_a_threshold_may_leave_a_party_without_a_play(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(POLICY, encoding="utf-8")
    frame = MONTH.with_columns(plays=pl.Series([3, 1, 1, 1, 1, 1]))
    options: dict[str, Any] = {"policy": str(tmp_path / "policy.toml"), "fee": "9.99"}
    merged, _ = in_parts(shares(frame, "uv", "w"), tmp_path, **options)
    assert same(merged, fairpay.compare(frame, **options))
    assert merged.table.select("artist", "plays").rows() == [("a", 4)]


def test_a_policy_counts_no_play_that_is_told_twice(tmp_path: Path) -> None:
    text = POLICY.replace("streams = 3", "streams = 2").replace("listeners = 2", "listeners = 1")
    (tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    rows = MONTH.drop("plays")
    frame = pl.concat([rows, rows.head(1), rows.tail(1)])
    options: dict[str, Any] = {"policy": str(tmp_path / "policy.toml"), "repeats": "drop"}
    merged, _ = in_parts(shares(frame, "uv", "w"), tmp_path, **options)
    assert same(merged, fairpay.compare(frame, **options))
    assert merged.table.select("artist", "plays").sort("artist").rows() == [("a", 2), ("b", 2)]


def test_every_party_reads_its_own_format(tmp_path: Path) -> None:
    first, second = shares(MONTH, "uv", "w")
    first.write_parquet(tmp_path / "first.parquet")
    second.rename({"user": "who"}).write_csv(tmp_path / "second.csv", separator=";")
    each = [{"party": "1"}, {"party": "2", "columns": {"user": "who", "artist": "artist", "plays": "plays"}}]
    merged, _ = in_parts([tmp_path / "first.parquet", tmp_path / "second.csv"], tmp_path, each, fee="9.99")
    assert merged.arrow.equals(fairpay.compare(MONTH, fee="9.99").arrow)


def test_the_sum_is_the_same_file_whatever_is_added_first(tmp_path: Path) -> None:
    names = [tmp_path / f"{k}.part" for k in range(3)]
    logs = [log.rename({"artist": f"artist {k}"}) for k, log in enumerate(shares(MONTH, "u", "v", "w"))]
    for k, (log, name) in enumerate(zip(logs, names, strict=True)):
        fairpay.shard(log, output=name, columns={"user": "user", "artist": f"artist {k}", "plays": "plays"})
    fairpay.merge(names[::-1], output=tmp_path / "at-once.part")
    fairpay.merge([names[2], names[0]], output=tmp_path / "two.part")
    fairpay.merge([tmp_path / "two.part", names[1]], output=tmp_path / "tree.part")
    assert (tmp_path / "at-once.part").read_bytes() == (tmp_path / "tree.part").read_bytes()


def test_where_names_stand_instead_is_said_of_all_parties_together(tmp_path: Path) -> None:
    options: dict[str, Any] = {"pool": "5", "measure": "plays"}
    frame = MONTH.with_columns(
        album_artist=pl.lit("z"), artist=pl.when(pl.col("plays") < 9).then(None).otherwise("artist")
    )
    refused(InputError, "4 of 6 plays have no artist", fairpay.pay, frame, rule="user-centric", **options)
    with pytest.raises(InputError) as merging:
        in_parts(shares(frame, "u", "vw"), tmp_path, payouts=True, rules=["user-centric"], **options)
    assert merging.value.message.startswith("4 of 6 plays have no artist")
    assert "album_artist has 4 names in these rows" in merging.value.advice


def test_a_warning_in_a_part_names_no_user(tmp_path: Path) -> None:
    frame = MONTH.with_columns(pl.col("user").replace("u", "1.2E+07"))
    said: list[str] = []
    fairpay.shard(frame, output=tmp_path / "a.part", say=said.append)
    assert b"1.2E+07" not in (tmp_path / "a.part").read_bytes()
    assert "spreadsheet-ids" in str(pq.read_schema(tmp_path / "a.part").metadata)
    assert any("1.2E+07" in sentence for sentence in said)


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


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two parts of the first round, a.part and b.part, their sum.part, and c.part of the second round."""
    folder, logs = tmp_path_factory.mktemp("made"), divided(sample(), 2)
    for log, name in zip(logs, "ab", strict=True):
        fairpay.shard(log, output=folder / f"{name}.part", fee="9.99")
    fairpay.merge([folder / "a.part", folder / "b.part"], output=folder / "sum.part")
    fairpay.shard(logs[0], output=folder / "c.part", fee="9.99", after=folder / "sum.part")
    return folder


@pytest.fixture
def parts(made: Path, tmp_path: Path) -> list[Path]:
    """Copies of two parts of the first round."""
    return [Path(shutil.copy(made / name, tmp_path)) for name in ("a.part", "b.part")]


def test_parts_on_different_terms_are_refused_with_the_term(parts: list[Path], tmp_path: Path) -> None:
    fairpay.shard(divided(sample(), 2)[1], output=tmp_path / "c.part", fee="9.90")
    refused(InputError, "fee is '9.99' and '9.9'", fairpay.merge, [parts[0], tmp_path / "c.part"])


def test_terms_that_are_only_spelt_otherwise_agree(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(policy_text("tidal-direct"), encoding="utf-8")
    one: dict[str, Any] = {"fee": "9.990", "royalty_rate": "70%", "currency": "eur", "policy": "tidal-direct"}
    other: dict[str, Any] = {"fee": "9.99", "royalty_rate": "7/10", "policy": str(tmp_path / "own.toml")}
    days: list[dict[str, Any]] = [{"until": "2026-10-31"}, {"until": "2026-11-01T01:00+01:00"}]
    for log, more, name in zip(shares(MONTH, "u", "vw"), ({**one, **days[0]}, {**other, **days[1]}), "ab", strict=True):
        fairpay.shard(log, output=tmp_path / name, **more)
    assert fairpay.merge([tmp_path / "a", tmp_path / "b"], output=tmp_path / "sum.part").held.round == 1


def test_a_policy_that_uses_a_column_of_one_party_only_is_refused(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(POLICY, encoding="utf-8")
    logs = [MONTH.head(2), MONTH.tail(1).drop("track")]
    for log, name in zip(logs, "ab", strict=True):
        fairpay.shard(log, output=tmp_path / name, policy=str(tmp_path / "policy.toml"))
    refused(InputError, "policy columns is 'track' and 'none'", fairpay.merge, [tmp_path / "a", tmp_path / "b"])


def test_another_round_on_other_terms_is_refused_with_the_term(made: Path, tmp_path: Path) -> None:
    log, after = divided(sample(), 2)[0], made / "sum.part"
    refused(InputError, "fee is '9.99' and '5'", fairpay.shard, log, output=tmp_path / "c", fee="5", after=after)


def test_a_part_is_not_written_over_what_is_read(parts: list[Path], tmp_path: Path) -> None:
    sample().write_csv(tmp_path / "log.csv")
    for name in ("log.csv", "other/../log.csv"):
        path = tmp_path / name
        refused(UsageError, "names an input", fairpay.shard, tmp_path / "log.csv", output=path, force=True)
    refused(UsageError, "names an input", fairpay.merge, parts, output=parts[0], force=True)


def test_no_part_at_all_is_refused() -> None:
    refused(UsageError, "no part given", fairpay.merge, [])


def test_a_part_given_twice_is_refused(parts: list[Path]) -> None:
    refused(InputError, "^1 part is there twice", fairpay.merge, [*parts, parts[0]])


def test_a_part_that_is_lost_is_no_zero(made: Path) -> None:
    refused(InputError, "1 of 2 parts of this round are missing", fairpay.merge, [made / "c.part"])


def test_another_log_than_that_of_the_round_before_is_refused(made: Path, tmp_path: Path) -> None:
    log, after = divided(sample(), 2)[0].head(100), made / "sum.part"
    refused(InputError, "not among those", fairpay.shard, log, output=tmp_path / "c", fee="9.99", after=after)


def test_parts_of_different_rounds_are_refused(made: Path) -> None:
    refused(InputError, "of round 2", fairpay.merge, [made / "b.part", made / "c.part"])


@pytest.mark.parametrize("bits", [0x01, 0xFF])
def test_a_damaged_part_is_refused_unless_it_still_says_the_same(bits: int, tmp_path: Path) -> None:
    made = fairpay.shard(MONTH, output=tmp_path / "a.part")
    whole, refusals = (tmp_path / "a.part").read_bytes(), 0
    for at in range(0, len(whole), 31):
        damaged = bytes([*whole[:at], whole[at] ^ bits, *whole[at + 1 :]])
        try:
            assert mark_of(unpacked(damaged, "a.part")) == mark_of(made.held)
        except InputError:
            refusals += 1
    assert refusals > len(whole) // 62


def test_a_part_that_is_cut_short_is_refused(parts: list[Path]) -> None:
    parts[0].write_bytes(parts[0].read_bytes()[:-100])
    refused(InputError, str(parts[0]), fairpay.merge, parts)


@pytest.mark.parametrize("key", ["round", "part", "answers", "prefixes", "terms"])
def test_a_part_that_somebody_else_wrote_is_refused_in_a_sentence(key: str, tmp_path: Path) -> None:
    fairpay.shard(MONTH, output=tmp_path / "a.part")
    table = pq.read_table(tmp_path / "a.part")
    said = json.loads(table.schema.metadata[b"fairpay"])
    del said[key], said["sha256"]
    said["sha256"] = partfile.digest(pl.DataFrame(table.replace_schema_metadata(None)), said)
    pq.write_table(table.replace_schema_metadata({b"fairpay": json.dumps(said).encode()}), tmp_path / "b.part")
    refused(InputError, "not what fairpay writes", fairpay.merge, [tmp_path / "b.part"])


def test_a_file_that_is_no_part_is_refused(parts: list[Path], tmp_path: Path) -> None:
    sample().write_parquet(tmp_path / "log.parquet")
    refused(InputError, r"no part of a month\n", fairpay.merge, [parts[0], tmp_path / "log.parquet"])
    (tmp_path / "log.csv").write_text("user,artist\nu,a\n", encoding="utf-8")
    refused(InputError, r"no part of a month\n", fairpay.merge, [parts[0], tmp_path / "log.csv"])


def test_a_part_that_is_cut_short_is_refused_in_our_words(parts: list[Path]) -> None:
    parts[0].write_bytes(parts[0].read_bytes()[:-10])
    refused(InputError, r"no part of a month, or its end is missing\n", fairpay.merge, parts)


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
