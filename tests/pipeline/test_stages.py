"""All conditions of a run together, through the engine: order, unknown users, and nothing lost."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import naive
import pytest

from fairpay.errors import InputError, UsageError
from fairpay.logs.schema import Fate
from fairpay.money.currency import Currency
from fairpay.pipeline.intake import take_in
from fairpay.pipeline.request import Request, Watch
from fairpay.pipeline.run import plan_of
from fairpay.rules import find_rule
from fairpay.settings.values import Conditions, MoneyStated, Reading, Running

if TYPE_CHECKING:
    from pathlib import Path

    from fairpay.pipeline.intake import Taken

LOG = "user,artist,plays,active\nu1,a,2,true\nu1,b,2,false\nu2,b,3,true\nu2,c,1,false\n"
POLICY = """title = "t"
source = "s"
rule = "user-centric"
[[weights]]
name = "sought"
column = "active"
values = ["true"]
times = 3
[[thresholds]]
name = "two streams"
streams = 2
"""
PAYERS = "user,paid\nu1,10\nu2,10\nu4,10\n"


class Month:
    """A folder with a log, and what may lie beside it."""

    def __init__(self, folder: Path) -> None:
        """Write the log."""
        self.folder, self.conditions, self.rejects = folder, {}, None
        (folder / "log.csv").write_text(LOG, encoding="utf-8")
        (folder / "subscribers.csv").write_text(PAYERS, encoding="utf-8")

    def lay(self, option: str, text: str, suffix: str = "csv") -> None:
        """Lay a side file there."""
        path = self.folder / f"{option}.{suffix}"
        path.write_text(text, encoding="utf-8")
        self.conditions[option] = str(path) if option == "policy" else path

    def pay(self, rule: str = "user-centric", **more: Any) -> tuple[dict[str, int], Taken]:  # noqa: ANN401
        """Go through the stages, and divide a million."""
        subscribers = self.folder / "subscribers.csv" if more.pop("paying", True) else None
        request = Request(
            [self.folder / "log.csv"],
            reading=Reading(rejects=self.rejects),
            running=Running(threads=1),
            money=MoneyStated(subscribers=subscribers),
            conditions=Conditions(**self.conditions, **more),
        )
        plan, _ = plan_of(request, Currency.of("EUR"), kept=False)
        opened = request.opened
        with take_in(plan, opened.logs, Watch(), opened.cautions) as taken:
            month = taken.engine.pool(0).month(pool=10**6, rate=Fraction(1), fees_are_money=False)
            paid = naive.run(find_rule(rule), month).tolist()
            return dict(zip(taken.engine.pool(0).artist.to_pylist(), paid, strict=True)), taken


@pytest.fixture
def month(tmp_path: Path) -> Month:
    """A month without conditions."""
    return Month(tmp_path)


def test_without_conditions_nothing_changes(month: Month) -> None:
    paid, taken = month.pay()
    assert paid == {"a": 250_000, "b": 625_000, "c": 125_000}
    assert (taken.stages[0].remarks(), taken.stages[0].left_out(), taken.plan.statements.rejected()) == ((), {}, [])


def test_weights_come_before_wishes(month: Month) -> None:
    """C misses the threshold; u1's plays of a count three times; then u2 gives half to d."""
    month.lay("policy", POLICY, "toml")
    month.lay("wishes", "user,artist,kind,amount\nu2,d,gift,0.5\n")
    paid, taken = month.pay()
    assert paid == {"a": 375_000, "b": 375_000, "d": 250_000}
    assert taken.stages[0].left_out() == {Fate.INELIGIBLE: 1}
    assert [line.plays for line in taken.stages[0].weighers[0].touched()] == [5, 1]


def test_history_wishes_and_delegations_compose(month: Month) -> None:
    """U2 passes half a fee to u1, whose past is all z, and who blocks b."""
    month.lay("history", "user,artist,plays\nu1,z,9\n")
    month.lay("wishes", "user,artist,kind,amount\nu1,b,block,\n")
    month.lay("delegations", "user,delegate,share\nu2,u1,1\n")
    paid, taken = month.pay(kappa=Fraction(2))
    assert paid == {"a": 375_000, "b": 187_500, "c": 62_500, "z": 375_000}
    assert len((*taken.stages[0].remarks(), *taken.plan.statements.remarks())) == 3


def test_wishes_of_a_subscriber_who_plays_nothing_are_no_fault(month: Month) -> None:
    month.lay("wishes", "user,artist,kind,amount\nu4,a,block,\n")
    assert sum(month.pay()[0].values()) == 10**6


@pytest.mark.parametrize(
    ("option", "text", "reason"),
    [
        ("wishes", "user,artist,kind,amount\nnemo9,a,block,\n", "neither in the log nor a subscriber"),
        ("delegations", "user,delegate,share\nnemo9,u1,1\n", "user is not a subscriber"),
        ("delegations", "user,delegate,share\nu1,nemo9,1\n", "delegate is not a subscriber"),
    ],
)
def test_strangers_are_refused_or_set_aside(month: Month, option: str, text: str, reason: str) -> None:
    """Status 3; with rejects, the payouts are as if they had not written."""
    month.lay(option, text)
    with pytest.raises(InputError) as caught:
        month.pay()
    assert reason in caught.value.problems[0].reason
    assert "nemo9" not in str(caught.value) + str(caught.value.problems)
    month.rejects = month.folder / "rejects.csv"
    paid, taken = month.pay()
    assert paid == {"a": 250_000, "b": 625_000, "c": 125_000}
    assert taken.plan.statements.rejected()[0].num_rows == 1


def test_delegations_need_to_know_what_was_paid(month: Month) -> None:
    """Status 2."""
    month.lay("delegations", "user,delegate,share\nu1,u2,1\n")
    with pytest.raises(UsageError, match="what they paid"):
        month.pay(paying=False)


@pytest.mark.parametrize("wrong", [{"viscosity": Fraction(1)}, {"viscosity": Fraction(-1)}, {"kappa": Fraction(-1)}])
def test_numbers_out_of_range_are_refused(month: Month, wrong: dict[str, Fraction]) -> None:
    """Status 2."""
    with pytest.raises(UsageError):
        month.pay(**wrong)
