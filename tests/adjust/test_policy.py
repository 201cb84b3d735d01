"""Policies: those that come with fairpay can be read, and a wrong one is refused with every fault at once."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import polars as pl
import pytest

import fairpay
from fairpay.adjust.policy import find_policy, policy_names, policy_text, read_policy
from fairpay.errors import UsageError
from fairpay.rules import find_rule

if TYPE_CHECKING:
    from pathlib import Path

LEAST = 'title = "t"\nsource = "s"\nrule = "user-centric"\n'


def test_the_published_policies_are_there() -> None:
    assert policy_names() == (
        "apple-spatial",
        "audible-members",
        "deezer-2025",
        "deezer-artist-centric",
        "living-wage-2025",
        "soundcloud-fan-powered",
        "spotify-2024",
        "spotify-2024-discovery",
        "tidal-ai-2026",
        "tidal-direct",
    )


def test_discovery_mode_is_spotify_2024_and_three_tenths_withheld() -> None:
    plain, withholding = find_policy("spotify-2024"), find_policy("spotify-2024-discovery")
    assert [(one.column, one.share) for one in withholding.withhold] == [("context", Fraction(3, 10))]
    apart = {"title": "", "source": "", "notes": (), "withhold": ()}
    assert replace(withholding, **apart) == replace(plain, **apart)


@pytest.mark.parametrize("name", policy_names())
def test_a_policy_names_a_rule_that_exists(name: str) -> None:
    policy = find_policy(name)
    assert find_rule(policy.rule)
    assert policy.source
    assert policy.title.endswith(".")


@pytest.mark.parametrize("name", ["tidal-ai-2026", "deezer-2025"])
def test_tracks_made_wholly_by_ai_earn_nothing(name: str) -> None:
    log = pl.DataFrame({"user": ["u", "u", "v"], "artist": ["a", "b", "b"], "category": ["music", "AI", None]})
    paid = fairpay.pay(log, pool="10", policy=name).table
    assert dict(zip(paid["artist"], map(str, paid["payout"]), strict=True)) == {"a": "5.00", "b": "5.00"}


def test_deezer_is_what_was_published() -> None:
    """Twice for an audience, twice for plays that were sought, nothing for noise, at most 1,000 plays of a user."""
    policy = find_policy("deezer-artist-centric")
    assert [(w.column, w.times) for w in policy.weights] == [("active", 2), ("category", 0)]
    assert [(b.per, b.streams, b.listeners, b.times) for b in policy.boosts] == [("artist", 1000, 500, 2)]
    assert find_rule(policy.rule) == find_rule("user-cap")
    assert len(policy.notes) == 5
    assert find_rule("user-cap:cap=1000,boosts=before").boosts == "before"
    assert any("user-cap:cap=1000,boosts=before" in note for note in policy.notes)


def test_numbers_are_exact() -> None:
    """A TOML 1.1 is eleven tenths, not a float."""
    assert find_policy("apple-spatial").weights[0].times == Fraction(11, 10)
    assert find_policy("spotify-2024").weights[0].times == Fraction(1, 5)


def test_a_copied_policy_is_the_same_policy(tmp_path: Path) -> None:
    mine = tmp_path / "my.toml"
    mine.write_text(policy_text("spotify-2024"), encoding="utf-8")
    assert find_policy(str(mine)) == find_policy("spotify-2024")
    mine.write_text(policy_text("spotify-2024").replace("listeners = 50", "listeners = 7"), encoding="utf-8")
    assert find_policy(str(mine)).thresholds[0].listeners == 7


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("title = ", "not TOML"),
        ('source = "s"\nrule = "r"', "has no title"),
        (LEAST + "colour = 1", "unknown key 'colour'"),
        (LEAST + "weights = 3", "not a list of tables"),
        (LEAST + '[[weights]]\nname = "n"\ncolumn = "mood"\nvalues = ["x"]\ntimes = 2', "column is 'mood'"),
        (LEAST + '[[weights]]\nname = "n"\ncolumn = "active"\nvalues = []\ntimes = 2', "values is"),
        (LEAST + '[[weights]]\nname = "n"\ncolumn = "active"\nvalues = ["x"]\ntimes = -2', "times is"),
        (LEAST + '[[weights]]\nname = "n"\ncolumn = "active"\nvalues = ["x"]\ntimes = "1/0"', "times is"),
        (LEAST + '[[weights]]\nname = "n"\ncolumn = "active"\nvalues = ["x"]\ntimes = 1e-9', "times is"),
        (LEAST + '[[weights]]\nname = "n"\ncolumn = "active"\nvalues = ["x"]\ntimes = true', "times is"),
        (LEAST + '[[boosts]]\nname = "n"\nstreams = 1.5\nlisteners = 2\ntimes = 2', "streams is"),
        (LEAST + '[[thresholds]]\nname = "n"\nper = "label"', "per is 'label'"),
        (LEAST + 'measure = "minutes"', "measure is"),
        (LEAST + "pool = 3", "pool is 3"),
        (LEAST + "[pool]\nleast = 4", "[pool] has no fee_share"),
        (LEAST + "[pool]\nfee_share = 2\nleast = 4\nmost = 3", "[pool]: least is more than most"),
        (LEAST + "[pool]\nfee_share = 2\nother_share = 2", "[pool]: other_share is 2"),
        (LEAST + 2 * '[[set_aside]]\nname = "n"\nshare = "2/3"\n', "more than the whole pool is set aside"),
    ],
)
def test_a_wrong_policy_names_its_fault(text: str, named: str) -> None:
    """Status 2."""
    with pytest.raises(UsageError) as caught:
        read_policy(text, where="my.toml")
    assert named in caught.value.message
    assert caught.value.message.startswith("my.toml")


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        read_policy('colour = 1\n[[boosts]]\nname = "n"', where="my.toml")
    assert all(word in caught.value.message for word in ("colour", "title", "streams", "times"))


@pytest.mark.parametrize("name", ["spotify", "nowhere.toml"])
def test_an_unknown_policy_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        find_policy(name)
