"""The audit as data and as a page: the same figures, whole in JSON and within 80 columns on the screen."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from attack_months import paying
from outcomes import outcome
from rich.console import Console

from fairpay.cli.audit import screen
from fairpay.fraud.audit.audit import audit
from fairpay.fraud.audit.report import summary, table
from fairpay.fraud.audit.scenario import find_scenario, scenario_names

if TYPE_CHECKING:
    from fairpay.fraud.audit.report import Audit
    from fairpay.reports.outcome import Outcome

KEYS = ["schema_version", "currency", "pool", "money", "listening", "scenarios", "rules", "safe_user_cap", "inactive",
        "mcdonald_ratio", "controls", "notes", "warnings"]  # fmt: skip


@pytest.fixture(scope="module")
def found() -> Audit:
    """Two scenarios on 60 listeners, with idle money in the pool."""
    rows = [(f"u{i}", f"a{j:03}", 40 + i + j) for i in range(60) for j in range(i % 30 + 1)]
    rules = ["market-centric", "user-centric", "user-cap", "bounded", "median"]
    scenarios = [find_scenario("one-account"), find_scenario("click-farm")]
    return audit(paying(rows, idle=2000), rules=rules, scenarios=scenarios)


@pytest.fixture
def changed() -> Audit:
    """A takeover, an injection and a flood on 60 listeners."""
    rows = [(f"u{i}", f"a{j:03}", 40 + i + j) for i in range(60) for j in range(i % 30 + 1)]
    named = ("account-takeover", "playlist-injection", "ai-flood")
    return audit(paying(rows), rules=["market-centric"], scenarios=[*map(find_scenario, named)])


@pytest.fixture
def about() -> Outcome:
    """The outcome around it."""
    return outcome({"market-centric": [500, 300, 200]})


def test_json_holds_every_part_in_order(found: Audit, about: Outcome) -> None:
    made = json.loads(json.dumps(summary(about, found)))
    assert list(made) == KEYS
    worst = [rule["worst_per_fee"] for rule in made["rules"]]
    assert worst == sorted(worst, reverse=True)


def test_income_less_cost_is_profit_in_every_row(found: Audit, about: Outcome) -> None:
    rows = table(about, found).to_pylist()
    assert len(rows) == 5 * 2
    listed = [s for rule in summary(about, found)["rules"] for s in rule["scenarios"]]
    for row, one in zip(rows, listed, strict=True):
        assert row["income"] - row["cost"] == row["profit"] == Decimal(one["profit"])
        assert row["income_by_formula"] in {None, row["income"]}


def test_what_has_no_limit_is_null_and_says_why(found: Audit, about: Outcome) -> None:
    limits = {rule["name"]: (rule["limit"], rule["most_per_fee"]) for rule in summary(about, found)["rules"]}
    assert limits["market-centric"] == ("none", None)
    assert limits["median"] == ("unknown", None)
    assert limits["bounded"] == ("known", 1.0)


def test_the_cap_in_use_is_judged(found: Audit, about: Outcome) -> None:
    made = summary(about, found)["safe_user_cap"]
    (used,) = made["in_use"]
    assert used["safe"] == (made["plays"] >= 1000)


def test_the_page_fits_into_80_columns(found: Audit, about: Outcome) -> None:
    console = Console(width=80, record=True, file=None, force_terminal=False)
    with console.capture() as page:
        for part in screen(about, found):
            console.print(part)
    text = page.get()
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "…" not in text
    said = ["market-centric", "one-account", "click-farm", "c* =", "never", "no limit", "not known", "Not played"]
    assert [words for words in said if words not in text] == []
    assert "With --inactive hold it would be 0.70" in " ".join(text.split())


def test_the_page_says_who_plays_what(changed: Audit, about: Outcome) -> None:
    page = " ".join(" ".join(str(part) for part in screen(about, changed)).split())
    said = [
        "1 listener who pays 10.00 EUR in fees (1.7 % of all) anyway: 3,000 plays of 90 s are made on",
        "6 listeners who pay 60.00 EUR in fees (10.0 % of all) anyway: the made-up artists are played instead",
        "60 listeners play the made-up artists, too, instead of 0.5 % of what each plays; income is of both",
    ]
    assert [words for words in said if words not in page] == []


def test_what_listeners_do_is_in_table_and_summary(changed: Audit, about: Outcome) -> None:
    made = summary(about, changed)
    assert [row["listeners"] for row in table(about, changed).to_pylist()] == [1, 6, 60]
    assert [one["listeners"] for one in made["scenarios"]] == [1, 6, 60]
    takeover, injection, flood = made["rules"][0]["scenarios"]
    assert takeover["cost"] == injection["cost"] == "0.00"
    assert takeover["brought_by_accounts"] == takeover["income"]
    assert Decimal(flood["brought_by_accounts"]) < Decimal(flood["income"])


def test_every_scenario_has_its_place_on_the_page(about: Outcome) -> None:
    scenarios = [find_scenario(name) for name in scenario_names()]
    made = audit(paying([(f"u{i}", "a", 40 + i) for i in range(40)]), rules=["user-centric"], scenarios=scenarios)
    page = " ".join(" ".join(str(part) for part in screen(about, made)).split())
    assert [one.name for one in scenarios if f"{one.name}: {one.title}" not in page] == []
