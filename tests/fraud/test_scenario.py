"""Scenarios are small TOML files; whatever is wrong in one is named, with what is allowed."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attack_months import paying

from fairpay.errors import InputError, NothingToPayError, UsageError
from fairpay.fraud.audit.months import plan, survey
from fairpay.fraud.audit.scenario import USUAL, Scenario, find_scenario, scenario_names, scenario_text
from fairpay.pipeline.joined import spread

if TYPE_CHECKING:
    from naive import NaiveMonth

    from fairpay.fraud.audit.months import Attack, Baseline

GOOD = 'title = "t"\naccounts = 3\nstreams_a_day = 10\n'


def written(folder: Path, text: str) -> str:
    """Write a scenario file."""
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_ten_stories_and_the_probe_come_with_fairpay() -> None:
    stories = {"sleepify", "eternify", "smith-2024", "click-farm", "catalogue-flood", "one-superfan"}
    since = {"ai-flood", "stream-fraud", "playlist-injection", "account-takeover"}
    assert set(scenario_names()) == stories | since | {"one-account"}
    assert set(USUAL) <= set(scenario_names())


@pytest.mark.parametrize("name", scenario_names())
def test_each_can_be_copied_and_read_again(name: str, tmp_path: Path) -> None:
    copied = find_scenario(written(tmp_path, scenario_text(name)))
    assert copied == Scenario(**{**{f: getattr(find_scenario(name), f) for f in Scenario.__slots__}, "name": "mine"})


def test_smith_plays_as_in_the_indictment() -> None:
    """1,040 accounts, 661,440 plays a day."""
    scenario = find_scenario("smith-2024")
    assert scenario.accounts == 1040
    assert 1040 * scenario.streams_a_day == 661_440


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("stream_a_day = 5", "unknown 'stream_a_day'"),
        ("accounts = 0", "accounts is 0"),
        ("accounts = true", "accounts is True"),
        ('accounts = "120%"', "120%"),
        ('accounts = "100%"', "accounts is '100%'"),
        ("artists = -1", "artists is -1"),
        ('artists = "many"', "artists is 'many'"),
        ("days = 32", "days is 32"),
        ('camouflage_share = "10%"', "camouflage needs both"),
        ('paid_by = "nobody"', "paid_by is 'nobody'"),
        ("seconds = 86400", "exceed a day"),
        ("fee = 10", "fee is 10"),
        ('listeners = "7/6"', "listeners is '7/6'"),
        ("listeners = 0", "listeners is 0"),
        ('instead = "0%"', "instead is '0%'"),
        ("instead = 1", "instead is 1"),
        ('instead = "10%"', "there are no listeners"),
        ('listeners = "10%"', "it is not said what the listeners play"),
        ('streams = "3%"', "accounts and streams both"),
        ('by_accounts = "85%"', "there is no streams"),
    ],
)
def test_a_wrong_key_or_value_is_named(line: str, said: str, tmp_path: Path) -> None:
    key = line.partition(" = ")[0]
    kept = "".join(f"{one}\n" for one in GOOD.splitlines() if not one.startswith(f"{key} ="))
    with pytest.raises(UsageError) as caught:
        find_scenario(written(tmp_path, kept + line))
    assert said in caught.value.message
    assert caught.value.status == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('listeners = "1%"', "it is not said what the listeners play"),
        ('listeners = "1%"\ninstead = "1/2"\nfee = "1.00"\npaid_by = "fans"', "fee and paid_by without accounts"),
        ('listeners = "1%"\ninstead = "1/2"\nseconds = 9\ndays = 2', "days and seconds without streams_a_day"),
        ('streams = "100%"\nstreams_a_day = 9', "streams is '100%'"),
        ('streams = "3%"', "no streams_a_day"),
        ('streams = "3%"\nby_accounts = "85%"\nstreams_a_day = 9', "streams says what accounts and listeners play"),
        ('streams = "3%"\nlisteners = "1%"\nstreams_a_day = 9', "streams says what accounts and listeners play"),
    ],
)
def test_keys_that_contradict_each_other_are_named(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find_scenario(written(tmp_path, f'title = "t"\n{text}\n'))
    assert said in caught.value.message


def test_the_reference_page_names_every_key() -> None:
    page = (Path(__file__).parents[2] / ".github" / "REFERENCE.md").read_text(encoding="utf-8")
    told = page.partition("### A scenario\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in told.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", " ".join(cells))) == sorted(key for key in Scenario.__slots__ if key != "name")


def test_no_amount_passes_through_a_float(tmp_path: Path) -> None:
    assert find_scenario(written(tmp_path, GOOD + "fee = 9.990")).fee == "9.990"


def test_what_there_is_comes_with_what_is_unknown_or_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find_scenario(written(tmp_path, GOOD + "bots = 5"))
    assert all(key in caught.value.advice for key in Scenario.__slots__ if key != "name")
    with pytest.raises(UsageError, match="no accounts, streams_a_day"):
        find_scenario(written(tmp_path, 'title = "t"'))
    with pytest.raises(UsageError) as caught:
        find_scenario("smith")
    assert "smith-2024" in caught.value.advice


@pytest.mark.parametrize("text", [None, "title = ", "\udcff"])
def test_a_file_that_cannot_be_used_is_an_input_error(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match="mine"):
        find_scenario(str(path))


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert find_scenario(written(tmp_path, "\ufeff" + GOOD)).accounts == 3


def month(**how: Any) -> NaiveMonth:  # noqa: ANN401 - any field of a month
    """Ten listeners who paid 10.00."""
    return replace(paying([(f"u{i}", f"a{j}", 10) for i in range(10) for j in range(3)]), **how)


def planned(baseline: Baseline | None = None, **values: Any) -> Attack:  # noqa: ANN401 - any field of a scenario
    """Plan a scenario of one account that plays once a day, but for what is said."""
    chosen = {"name": "s", "title": "", "accounts": 1, "streams_a_day": 1, **values}
    return plan(Scenario(**chosen), baseline or survey(month()))


def test_a_share_of_the_fees_becomes_accounts() -> None:
    """20 % of all fees, their own among them: a quarter of what the ten pay, rounded."""
    assert planned(accounts=Fraction(1, 5)).count == 2
    assert planned(accounts=Fraction(1, 1000)).count == 1


def test_plays_last_at_least_the_qualifying_length_and_fit_into_the_day() -> None:
    baseline = survey(replace(month(), play=None), least_ms=3_600_000)
    attack = planned(baseline, streams_a_day=2787, seconds=31, days=2)
    assert attack.plays == 48
    assert attack.added[0].total == 2 * 86_400_000


def test_camouflage_goes_to_the_most_heard() -> None:
    """60 % of 10 plays to the first two real artists, the rest to the made-up ones."""
    cover = {"camouflage_share": Fraction(3, 5), "camouflage_artists": 2}
    accounts = planned(streams_a_day=10, days=1, artists=3, **cover).added[0]
    assert accounts.artist.tolist() == [0, 1, 3, 4, 5]
    assert accounts.amount.tolist() == [3, 3, 2, 1, 1]


def test_fewer_plays_than_artists_reach_only_some() -> None:
    assert spread(2, 5).tolist() == [1, 1]


def test_a_stated_fee_needs_fees_in_money() -> None:
    assert planned(fee="9.99").fee == 999
    with pytest.raises(UsageError, match="not known what listeners paid"):
        planned(survey(month(fees={}, fees_are_money=False)), fee="9.99")


@pytest.mark.parametrize("fee", ["0", "free", "-1", "9.999"])
def test_a_fee_that_is_none_is_refused(fee: str) -> None:
    with pytest.raises(UsageError):
        planned(fee=fee)


def test_nobody_pays_nothing_to_audit() -> None:
    with pytest.raises(NothingToPayError, match="nothing to audit"):
        survey(month(fees={f"u{i}": 0 for i in range(10)}, pool=0))


def test_the_median_of_free_listeners_is_no_fee() -> None:
    assert survey(month(fees={f"u{i}": 0 if i < 6 else 1000 for i in range(10)})).fee == 400
