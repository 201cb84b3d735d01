from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from outcomes import listening, money, outcome
from rich.cells import cell_len
from rich.text import Text

from fairpay import api
from fairpay.cli import main
from fairpay.cli.screens import compare, names, pay
from fairpay.cli.screens.names import reasons
from fairpay.cli.terminal import show
from fairpay.errors import NotVerifiedError
from fairpay.money.currency import Currency
from fairpay.reports.outcome import Control, Outcome
from fairpay.rules import find_rule, rule_classes
from fairpay.rules.core.promise import Promise

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Door

TWO = {"market-centric": [50_000, 30_000, 20_000], "user-centric": [40_000, 30_000, 30_000]}
EVIL = [
    "[red]red[/red]",
    "\x1b[31mred",
    "two\nlines",
    "\u202eflipped",
    "宇多田ヒカル",
    "👩\u200d👧",
    ":smile:",
]


def page(capsys: pytest.CaptureFixture[str], made: Outcome, *, equal_fees: bool = True) -> str:
    """Print the page of a comparison, and return it."""
    show(*compare.screen(made, equal_fees=equal_fees))
    return capsys.readouterr().out


def test_the_page_answers_from_top_to_bottom(capsys: pytest.CaptureFixture[str]) -> None:
    made = outcome(TWO, names={"a0000": "Sleepify", "a0002": "Nils Frahm"})
    assert page(capsys, made).splitlines() == [
        "market-centric -> user-centric · October 2026 · EUR",
        "",
        "  Pool        1,000.00   70 % of 9.99 from 999 subscribers",
        "  Listening   98,214 plays · 5,412 h · 999 users · 3 artists",
        "  Left out    3,402 rows: 2,960 under the qualifying length, 442 without an",
        "              artist",
        "",
        "  100.00 EUR (10.0 %) changes hands: 1 artist gains, 1 loses, 1 gets the same",
        "",
        "  Tier    Artists  market-centric  user-centric  Change",
        "  top 10        3        1,000.00      1,000.00   0.0 %",
        "",
        "  Of 3 artists paid, 33.3 % gain 40 % or more, 0.0 % lose as much.",
        "",
        "  Gains most   Change           Why",
        "  Nils Frahm  +100.00  +50.0 %  its listeners play 0.7x the average",
        "",
        "  Loses most",
        "  Sleepify    -100.00  -20.0 %  its listeners play 1.2x the average",
        "",
        "  The top 1 % of listeners decide 14.3 % of the pool (market-centric), 14.3 %",
        "  (user-centric).",
        "  Of a subscriber's 6.99, 2.33 goes to artists that subscriber never played",
        "  (market-centric), 2.33 (user-centric); all three are medians.",
        "",
        "Every cent is accounted for: paid 1,000.00 = pool 1,000.00 under both rules.",
    ]


def test_where_most_artists_are_paid_a_few_cents_the_page_says_that_rounding_decides(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = "Most are paid under 0.10, where rounding decides: a larger --pool shows more."
    few = {"market-centric": [90, 9, 1, 0], "user-centric": [92, 5, 2, 1]}
    assert said in " ".join(page(capsys, outcome(few)).split())
    half = {"market-centric": [80, 10, 9, 1], "user-centric": [85, 5, 8, 2]}
    assert "rounding decides" not in page(capsys, outcome(half))


@pytest.mark.parametrize("name", EVIL)
def test_a_name_neither_breaks_nor_colours_the_page(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    plain = page(capsys, outcome(TWO))
    for changes in ({"names": {"a0000": name}}, {"artist": [name, "b", "c"]}):
        shown = page(capsys, outcome(TWO, **changes))
        assert len(shown.splitlines()) == len(plain.splitlines())
        assert not any(c in shown for c in "\x1b\u202e\x07")
        assert name in shown or name.encode("unicode_escape").decode() in shown


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("Edward Sharpe & The Magnetic Zeros", ["Edward Sharpe &", "The Magnetic", "Zeros"]),
        ("Agustín Pereyra  Lucena", ["Agustín Pereyra", "Lucena"]),
        ("Rindfleischetikettierungsüberwachung", ["Rindfleischetiket", "tierungsüberwachu", "ng"]),
        ("宇多田ヒカル 宇多田ヒカル", ["宇多田ヒカル", "宇多田ヒカル"]),
    ],
)
def test_a_folded_name_breaks_at_spaces_and_within_a_word_only_where_it_is_longer(name: str, lines: list[str]) -> None:
    assert names.fitted(Text(name), 17).plain.split("\n") == lines


@pytest.mark.parametrize("letter", ["a", "宇"])
def test_a_long_name_is_folded_into_80_columns_where_nobody_looks(
    letter: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = page(capsys, outcome(TWO, names={"a0000": letter * 300}))
    assert max(map(cell_len, shown.splitlines())) <= 80
    assert shown.count(letter) >= 300


def test_on_a_terminal_a_long_name_is_cut_to_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "on_terminal", lambda: True)
    monkeypatch.setattr(names, "page_width", lambda: 80)
    (name,) = names.named(outcome(TWO, names={"a0000": "宇" * 50}), [0], [("1.00", "why")], headers=("Change", "Why"))
    assert name.plain.endswith("…")
    assert cell_len(name.plain) <= 80 - 2 - 8 - 5


def test_a_page_that_is_piped_is_plain_and_fits_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    shown = page(capsys, outcome(TWO))
    assert max(map(len, shown.splitlines())) <= 80
    assert all(line == line.rstrip() for line in shown.splitlines())


def test_the_page_with_every_rule_stays_within_100_columns(capsys: pytest.CaptureFixture[str]) -> None:
    paid = {name: [50_000, 30_000, 20_000][:: 1 if i % 2 else -1] for i, name in enumerate(rule_classes())}
    shown = page(capsys, outcome(paid))
    assert max(map(len, shown.splitlines())) <= 100
    assert f"under all {len(paid)} rules." in shown
    assert all(shown.count(f"  {name} ") >= 3 for name in list(paid)[1:])


def test_an_experimental_rule_says_so_and_what_it_breaks(capsys: pytest.CaptureFixture[str]) -> None:
    sentence = "trial is experimental, for study and not for paying; it breaks monotone and split-proof"
    made = {"market-centric": [3, 4], "trial": [4, 3]}
    assert sentence in " ".join(page(capsys, outcome(made)).split())
    assert page(capsys, outcome(made, notes=(sentence,))).count("experimental") == 1
    show(*pay.screen(outcome({"trial": [4, 3]})))
    assert "experimental" in capsys.readouterr().out


def test_assumed_money_is_shown_as_assumed(capsys: pytest.CaptureFixture[str]) -> None:
    shown = page(capsys, outcome(TWO, money=money(100_000, assumed=True)))
    assert "assumed: no money was stated" in " ".join(shown.split())


def test_money_policies_stand_on_the_page_with_their_amounts(capsys: pytest.CaptureFixture[str]) -> None:
    told = money(100_000, inactive=7, inactive_money=4893, held=4893, unlisted=12)
    shown = " ".join(page(capsys, outcome(TWO, money=told)).split())
    assert "48.93 from 7 subscribers without counted plays, held back" in shown
    assert "12 listeners without a subscription line, counted as paying nothing" in shown


def test_nothing_left_out_and_no_period_and_no_duration_leave_no_gaps(capsys: pytest.CaptureFixture[str]) -> None:
    bare = listening(dropped={}, rows=98_214, ms=None, period=None)
    lines = page(capsys, outcome(TWO, listening=bare)).splitlines()
    assert lines[0] == "market-centric -> user-centric · EUR"
    assert lines[3] == "  Listening   98,214 plays · 999 users · 2,310 artists"
    assert lines[4] == ""


def test_rules_that_pay_the_same_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    shown = page(capsys, outcome({"market-centric": [5, 5], "user-centric": [5, 5]}))
    assert "0.00 EUR (0.0 %) changes hands: 0 artists gain, 0 lose, 2 get the same" in shown
    assert "Every artist gets the same under both rules." in shown


def test_the_page_of_one_listener_says_what_it_cannot_show_and_lists_the_artists(
    capsys: pytest.CaptureFixture[str],
) -> None:
    same = {name: [50_000, 30_000, 20_000] for name in TWO}
    shown = page(capsys, outcome(same, listening=listening(users=1)))
    assert "With one listener nothing can change hands" in shown
    assert "a0000 500.00 50.0 %" in " ".join(shown.split())
    assert "Gains most" not in shown
    assert "Tier" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "Gains most" in page(capsys, outcome(TWO, listening=listening(users=1)))


def test_one_listener_is_said_to_divide_by_plays_only_where_every_rule_does(capsys: pytest.CaptureFixture[str]) -> None:
    for other, divides in (("user-centric", True), ("uniform", False), ("artist-cap", False), ("equal-split", False)):
        same = {"market-centric": [50_000, 50_000], other: [50_000, 50_000]}
        shown = " ".join(page(capsys, outcome(same, listening=listening(users=1))).split())
        assert ("in proportion to what counts of that listener's plays" in shown) == divides, other
        assert ("With this one listener nothing changes hands" in shown) != divides, other


def test_a_pool_of_nothing_is_a_page_too(capsys: pytest.CaptureFixture[str]) -> None:
    shown = page(capsys, outcome({"market-centric": [0, 0], "user-centric": [0, 0]}))
    assert "paid 0.00 = pool 0.00" in shown


def test_an_artist_who_got_nothing_before_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    shown = page(capsys, outcome({"market-centric": [5, 0], "user-centric": [0, 5]}, market_weight=[5, 1]))
    assert "a0001 +0.05 new" in " ".join(shown.split())


def test_a_currency_without_cents_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    shown = page(capsys, outcome(TWO, currency=Currency("JPY", 0)))
    assert "Every unit is accounted for: paid 100,000 = pool 100,000 under both rules." in shown


def test_with_fees_that_differ_the_reason_speaks_of_what_listeners_pay(capsys: pytest.CaptureFixture[str]) -> None:
    shown = page(capsys, outcome(TWO), equal_fees=False)
    assert "listening per fee is 0.7x the average" in shown


def test_only_market_against_user_centric_gets_a_reason_from_fan_intensity() -> None:
    made = outcome(TWO)
    market, user, equal = (find_rule(name) for name in ("market-centric", "user-centric", "equal-split"))
    assert reasons(made, user, market, equal_fees=True)(0) == "its listeners play 1.2x the average"
    assert reasons(made, user, equal, equal_fees=True)(0) == "1 listener, 1 play"
    assert reasons(made, market, equal, equal_fees=True)(1) == "1 listener, 2 plays"


def test_an_artist_whose_listeners_pay_nothing_has_that_reason() -> None:
    made = outcome(TWO, user_weight=[0, 1, 1])
    market, user = (find_rule(name) for name in ("market-centric", "user-centric"))
    assert reasons(made, market, user, equal_fees=False)(0) == "none of its listeners pays"


def test_json_is_the_summary_and_nothing_else(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "a", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == api.Result("compare", outcome(TWO_CENTS), (), {}).summary
    assert err == ""
    assert door.asked["logs"] == ["a"]


TWO_CENTS = {"market-centric": [500, 300, 200], "user-centric": [400, 300, 300]}


def test_a_payable_report_names_the_best_paid(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pay", "a", "--fee", "9.99", "--rule", "market-centric"]) == 0
    out, err = capsys.readouterr()
    assert "3 of 3 artists are paid" in out
    assert "a0000 5.00 50.0 % 1 1" in " ".join(out.split())
    assert "Nothing was written" in err
    assert door.asked["rule"] == "market-centric"


def test_a_written_run_says_where(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "a", "-o", "some/out"]) == 0
    assert capsys.readouterr().err.splitlines()[-1] == "Written to some/out"
    assert door.asked["output"] == "some/out"


def test_a_failed_control_is_status_70_and_no_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = outcome(TWO, controls=(Control("rows", ok=False, detail="5 read = 4 used + 2 left out"),))
    monkeypatch.setattr("fairpay.cli.compare.compare", lambda *_, **__: api.Result("compare", broken, (), {}))
    assert main(["compare", "a"]) == 70
    out, err = capsys.readouterr()
    assert out == ""
    assert "control rows failed: 5 read = 4 used + 2 left out" in err


def verified(monkeypatch: pytest.MonkeyPatch, *controls: Control) -> None:
    """Let `verify` find these controls."""
    monkeypatch.setattr("fairpay.cli.verify.verify", lambda *_, **__: list(controls))


def test_a_run_that_verifies_shows_every_control(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verified(monkeypatch, Control("rows", ok=True, detail="5 = 5"), Control("inputs", ok=True, detail="1 file"))
    assert main(["verify", "out"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "All 2 controls hold."


def test_a_run_that_does_not_verify_is_status_8_and_names_what_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verified(monkeypatch, Control("rows", ok=True, detail="5 = 5"), Control("inputs", ok=False, detail="changed"))
    assert main(["verify", "out"]) == NotVerifiedError.status
    out, err = capsys.readouterr()
    assert "inputs   FAILS  changed" in out
    assert "out does not verify: of 2 controls 1 failed" in err
    assert main(["verify", "out", "--json"]) == NotVerifiedError.status
    out, err = capsys.readouterr()
    assert json.loads(out)["ok"] is False
    assert json.loads(err)["error"]["status"] == 8
    assert main(["verify", "out", "--quiet"]) == NotVerifiedError.status
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", rule_classes())
def test_every_rule_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    rule = rule_classes()[name]
    assert main(["rules", name]) == 0
    shown = capsys.readouterr().out
    text = " ".join(shown.split())
    for needed in (rule.summary(), rule.formula, rule.source, *(p.name for p in rule.parameters())):
        assert " ".join(needed.split()) in text
    assert max(map(len, shown.splitlines())) <= 80
    heads = {line.split()[0] for line in shown.splitlines() if line[:1].strip()}
    assert {"Formula", "Example", "Keeps", "Source"} <= heads
    assert ("Breaks" in heads) == bool(rule().broken())


def test_the_list_of_rules_names_every_rule_and_promise(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules"]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    for name, rule in rule_classes().items():
        assert all(alias in shown for alias in rule.aliases)
        (line,) = [line for line in shown.splitlines() if line.split()[:1] == [name]]
        assert ("*" in line) == rule.experimental
        assert line.split().count("yes") == len(rule().keeps()) - kept_by_all()


def kept_by_all() -> int:
    """Count the promises every rule keeps."""
    sets = [rule().keeps() for rule in rule_classes().values()]
    return len(frozenset.intersection(*sets))


@pytest.mark.parametrize("promise", Promise)
def test_a_promise_is_explained_by_its_shortest_example(promise: Promise, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--why", promise.value]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert promise.statement in shown
    assert "Kept by" in shown
    broken = any(example.promise is promise for rule in rule_classes().values() for example in rule.breaks)
    assert ("Broken by" in shown and " u1 1 " in shown) == broken


def test_a_promise_nobody_made_is_met_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--why", "own-mony"]) == 2
    assert "Did you mean own-money?" in capsys.readouterr().err


def test_rules_for_scripts_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["rules"]
    assert [rule["name"] for rule in found] == list(rule_classes())
    assert all(rule["keeps"] for rule in found)


def test_an_unknown_rule_is_status_2_and_names_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "nope"]) == 2
    assert "user-centric" in capsys.readouterr().err


def test_a_name_of_megabytes_is_cut_on_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.csv"
    log.write_text("user,artist\nu," + "x" * 1_000_000 + "\nv,b\n")
    assert main(["pay", str(log), "--rule", "user-centric", "--fee", "10"]) == 0
    out = capsys.readouterr().out
    assert len(out) < 10_000
    assert "(1,000,000 characters)" in " ".join(out.split())


def test_of_fewer_than_a_hundred_listeners_the_heaviest_is_named_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    shown = " ".join(page(capsys, outcome(TWO, listening=listening(users=2))).split())
    assert "The heaviest listener decides 14.3 % of the pool" in shown
    assert "top 1 %" not in shown
