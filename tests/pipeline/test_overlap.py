from __future__ import annotations

import hashlib
import hmac
import random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from parties import in_parts

import fairpay
from fairpay.errors import InputError
from fairpay.pipeline import overlap
from fairpay.pipeline.partfile import unpacked

if TYPE_CHECKING:
    from pathlib import Path

USERS = 1_000
SECRET = b"0123456789abcdef0123456789abcdef"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A key that only its owner may read."""
    path = tmp_path / "key"
    path.write_bytes(SECRET)
    path.chmod(0o600)
    return path


def log(users: range, *, other: str = "artist") -> pl.DataFrame:
    """A play of each user."""
    return pl.DataFrame({"user": [f"listener {k}" for k in users], "artist": [other] * len(users)})


def parts(folder: Path, key: Path, logs: list[pl.DataFrame], **options: Any) -> list[Path]:  # noqa: ANN401 - options
    """The first part of each party."""
    paths = [folder / f"{k}.part" for k in range(len(logs))]
    for frame, path in zip(logs, paths, strict=True):
        fairpay.shard(frame, output=path, party=path.name, overlap_key=key, **options)
    return paths


def test_one_listener_in_a_thousand_who_is_in_two_parts_is_found(tmp_path: Path, key: Path) -> None:
    logs = [log(range(USERS)), log(range(5 * USERS, 6 * USERS)), log(range(USERS - 1, 2 * USERS - 1))]
    with pytest.raises(InputError, match=r"about 1 listener is both in .*0\.part and in .*2\.part"):
        fairpay.merge(parts(tmp_path, key, logs), output=tmp_path / "sum.part")


def test_parts_without_a_common_listener_add_up(tmp_path: Path, key: Path) -> None:
    logs = [*(log(range(k * USERS, (k + 1) * USERS)) for k in range(3)), log(range(1)).clear()]
    whole = fairpay.merge(parts(tmp_path, key, logs), output=tmp_path / "sum.part")
    assert whole.held.part.pools[0].payers.users == 3 * USERS


def test_the_month_is_the_same_with_the_check(tmp_path: Path, key: Path) -> None:
    logs = [log(range(3)), log(range(3, 5), other="another")]
    merged, _ = in_parts(logs, tmp_path, fee="9.99", overlap_key=key)
    assert merged.arrow.equals(fairpay.compare(pl.concat(logs), fee="9.99").arrow)


def test_a_subscriber_who_plays_elsewhere_is_found(tmp_path: Path, key: Path) -> None:
    paid = pl.DataFrame({"user": ["listener 0", "listener 9"], "paid": ["5", "5"]})
    first, second = tmp_path / "0.part", tmp_path / "1.part"
    fairpay.shard(log(range(2)), output=first, overlap_key=key, subscribers=paid.head(1))
    fairpay.shard(log(range(9, 12)), output=second, overlap_key=key, subscribers=paid)
    with pytest.raises(InputError, match="about 1 listener is both"):
        fairpay.merge([first, second], output=tmp_path / "sum.part")


def test_a_part_holds_the_first_forty_bits_of_each_listener_who_counts(tmp_path: Path, key: Path) -> None:
    frame = pl.DataFrame({"user": [7, 7, 8], "artist": ["a", "b", None]})
    (path,) = parts(tmp_path, key, [frame])
    begin = int.from_bytes(hmac.new(SECRET, b"7", hashlib.sha256).digest()[:5], "big")
    assert unpacked(path.read_bytes(), "a.part").prefixes == {begin: 1}


def test_a_sum_tells_of_no_listener_and_is_not_taken_for_a_part(tmp_path: Path, key: Path) -> None:
    first, *others = parts(tmp_path, key, [log(range(k, k + 1)) for k in range(3)])
    whole = fairpay.merge(others, output=tmp_path / "sum.part")
    assert whole.held.prefixes is None
    with pytest.raises(InputError, match=r"sum\.part does not say whose plays it holds"):
        fairpay.merge([first, tmp_path / "sum.part"], output=tmp_path / "all.part")


def test_parts_under_different_keys_are_not_compared(tmp_path: Path, key: Path) -> None:
    (first,) = parts(tmp_path, key, [log(range(2))])
    key.write_bytes(SECRET[::-1])
    fairpay.shard(log(range(2, 4)), output=tmp_path / "other.part", overlap_key=key)
    with pytest.raises(InputError, match="different terms: overlap key"):
        fairpay.merge([first, tmp_path / "other.part"], output=tmp_path / "sum.part")


@pytest.mark.parametrize(("mode", "length", "said"), [(0o640, 32, "others than you"), (0o600, 31, "32 bytes or more")])
def test_a_key_that_others_can_read_or_that_is_short_is_refused(
    mode: int, length: int, said: str, tmp_path: Path, key: Path
) -> None:
    key.write_bytes(SECRET[:length])
    key.chmod(mode)
    with pytest.raises(InputError, match=said):
        fairpay.shard(log(range(2)), output=tmp_path / "a.part", overlap_key=key)


def test_chance_alone_is_no_overlap_and_one_in_twenty_more_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 16 bits, 2,000 and 2,000 have 61 in common by chance."""
    monkeypatch.setattr(overlap, "BITS", 16)
    draws = random.Random(1)  # noqa: S311 - no secret
    for _ in range(100):
        one, other = (dict.fromkeys(draws.sample(range(2**16), 2_000), 1) for _ in range(2))
        overlap.refuse_common([one, other], ["one", "other"])
        both = dict.fromkeys([*other][:1_900] + [*one][:100], 1)
        with pytest.raises(InputError, match="both in one and in other"):
            overlap.refuse_common([one, both], ["one", "other"])
