"""Rules are found by themselves, read their parameters strictly, and explain themselves."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from fairpay.adjust.policy import policy_names
from fairpay.errors import UsageError
from fairpay.rules import find_rule, rule_classes, spelled
from fairpay.rules.core.promise import Promise

if TYPE_CHECKING:
    from fairpay.rules.core.rule import Rule

CLASSES = [pytest.param(cls, id=name) for name, cls in rule_classes().items()]


def test_every_file_is_a_rule_under_its_own_name() -> None:
    for name, cls in rule_classes().items():
        assert cls.__module__.rpartition(".")[2] == name.replace("-", "_")


def test_a_rule_asked_for_by_name_is_loaded_alone() -> None:
    program = "import sys; from fairpay.rules import find_rule; find_rule('user-centric')\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = [name for name in done.stdout.split() if name.startswith("fairpay.rules.") and ".core" not in name]
    assert loaded == ["fairpay.rules.user_centric"]


def test_no_two_rules_nor_a_policy_answer_to_one_name() -> None:
    words = [word for cls in rule_classes().values() for word in (cls.name, *cls.aliases)]
    plain = [word.replace("-", "") for word in (*words, *policy_names())]
    assert len(plain) == len(set(plain))


@pytest.mark.parametrize("cls", CLASSES)
def test_a_rule_answers_to_every_name_however_it_is_written(cls: type[Rule]) -> None:
    for word in (cls.name, *cls.aliases):
        for written in (word, word.upper(), word.replace("-", "_"), word.replace("-", "").title()):
            assert find_rule(written) == cls()


def test_a_rule_by_another_name_carries_its_own() -> None:
    assert find_rule("Scaled_User_Prop:B=0.8").label == "bounded:b=4/5"
    assert spelled("Scaled_User_Prop:b=0.8") == "bounded:b=0.8"


def test_a_room_of_the_rules_is_no_rule() -> None:
    with pytest.raises(UsageError, match="no rule 'core'"):
        find_rule("core")


@pytest.mark.parametrize(
    ("text", "meant"), [("pro-ratta", "pro-rata"), ("user-centrik", "user-centric"), ("user-cap:capp=3", "cap")]
)
def test_a_misspelt_rule_or_parameter_is_met_with_the_nearest(text: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_rule(text)
    assert caught.value.advice.startswith(f"Did you mean {meant}?")


@pytest.mark.parametrize("cls", CLASSES)
def test_the_manual_says_what_a_rule_is(cls: type[Rule]) -> None:
    assert len(cls.summary()) > 40
    assert cls.summary().endswith(".")
    assert cls.formula
    assert cls.source
    assert all(example.title for example in cls.examples)


@pytest.mark.parametrize("cls", CLASSES)
def test_parameters_are_described(cls: type[Rule]) -> None:
    for each in cls.parameters():
        assert each.default
        assert each.help
        assert each.allowed
    given = ",".join(f"{p.name}={p.default}" for p in cls.parameters() if p.default != "the royalty rate")
    assert cls.parse(given) == cls()


@pytest.mark.parametrize("cls", CLASSES)
def test_an_experimental_rule_says_what_it_breaks(cls: type[Rule]) -> None:
    if cls.experimental:
        rule = cls()
        remark = rule.broken()
        assert remark
        assert all(promise not in rule.keeps() for promise in remark)


def test_parameters_are_read_exactly() -> None:
    rules = {find_rule(f"weighted:beta={text}") for text in ("1/4", "25%", "0.25", ".25")}
    assert len(rules) == 1
    rule = rules.pop()
    assert (rule.label, rule.column) == ("weighted:beta=1/4", "weighted_beta_1_4")


def test_a_hyphen_and_an_underscore_name_the_same_parameter() -> None:
    assert find_rule("bounded:allow-unsafe=yes") == find_rule("bounded:allow_unsafe=yes")
    assert find_rule("bounded:allow-unsafe=yes").label == "bounded:allow-unsafe=yes"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("nobody", "market-centric"),
        ("user-centric:b=1", "none"),
        ("bounded:c=1", "force, b, allow-unsafe"),
        ("bounded:b", "force, b, allow-unsafe"),
        ("bounded:b=0", "a number from 1/1000 to 1"),
        ("bounded:b=2", "a number from 1/1000 to 1"),
        ("bounded:b=nan", "a number from"),
        ("bounded:b=1e-2", "a number from"),
        ("bounded:b=1/0", "a number from"),
        ("bounded:force=hard", "cap, smooth or bayes"),
        ("user-cap:cap=10.5", "a whole number from 1"),
        ("user-cap:cap=-3", "a whole number from 1"),
        ("user-cap:cap=" + "9" * 400, "a whole number from 1"),
        ("norm:p=0.5", "inf or a number from 1"),
        ("norm:p=Infinity", "inf or a number from 1"),
        ("weighted:beta=", "a number from 0 to 1"),
    ],
)
def test_a_wrong_parameter_names_what_is_allowed(text: str, named: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_rule(text)
    assert named in caught.value.advice
    assert caught.value.status == 2


def test_a_parameter_is_given_once() -> None:
    with pytest.raises(UsageError, match="given twice"):
        find_rule("weighted:beta=1,beta=1")


def test_every_promise_has_a_statement() -> None:
    assert all(promise.statement for promise in Promise)


def test_a_parameter_without_a_default_is_in_words() -> None:
    described = {p.name: p.default for p in find_rule("bounded").parameters()}
    assert described == {"force": "cap", "b": "the royalty rate", "allow-unsafe": "no"}
    assert find_rule("user-cap:tail=1/2").tail == Fraction(1, 2)
