"""All conditions of a run together, through the engine: order, unknown users, and nothing lost."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import naive
import numpy as np
import pyarrow as pa
import pytest

from fairpay.engine.local import LocalEngine
from fairpay.errors import InputError, UsageError
from fairpay.logs.read import open_logs
from fairpay.pipeline.census import MONEY_ROLES
from fairpay.pipeline.staging import Staging, open_stages
from fairpay.qualify import Qualifier
from fairpay.rules import find_rule
from fairpay.settings.values import Conditions, Qualifying, Reading, Running

if TYPE_CHECKING:
    from pathlib import Path

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
PAYERS: Any = [(pa.array(["u1", "u2", "u4"]), np.array([1000, 1000, 1000]))]


class Desk:
    """A folder with a log, and what may lie beside it."""

    def __init__(self, folder: Path) -> None:
        """Write the log."""
        self.folder, self.conditions, self.rejects = folder, {}, None
        (folder / "log.csv").write_text(LOG, encoding="utf-8")

    def lay(self, option: str, text: str, suffix: str = "csv") -> None:
        """Lay a side file there."""
        path = self.folder / f"{option}.{suffix}"
        path.write_text(text, encoding="utf-8")
        self.conditions[option] = str(path) if option == "policy" else path

    def open(self, **more: Any) -> Staging:  # noqa: ANN401
        """Open the stages."""
        settings = {"reading": Reading(rejects=self.rejects), "qualifying": Qualifying(), "running": Running(threads=1)}
        subscribers = more.pop("subscribers", self.folder / "log.csv")
        conditions = Conditions(**self.conditions, **more)
        return open_stages(conditions, [self.folder / "log.csv"], **settings, subscribers=subscribers)

    def pay(self, staging: Staging, rule: str = "user-centric") -> dict[str, int]:
        """Go through the stages as the pipeline does, and divide a million."""
        with LocalEngine(Running(threads=1)) as engine:
            engine.subscribe(staging.payers(PAYERS))
            logs = open_logs([self.folder / "log.csv"], Reading(), wanted=(*MONEY_ROLES, *staging.roles))
            judge = Qualifier(Qualifying()).judge
            engine.ingest(logs.units(), lambda raw: staging.apply(raw, judge(raw)))
            engine.ingest(staging.extra(), lambda listens: listens)
            engine.finish(fee=1)
            month = engine.month(pool=10**6, rate=Fraction(1), fees_are_money=False)
            return dict(zip(engine.artist.to_pylist(), naive.run(find_rule(rule), month).tolist(), strict=True))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty desk."""
    return Desk(tmp_path)


def test_without_conditions_nothing_changes(desk: Desk) -> None:
    """Every stage is absent."""
    staging = desk.open()
    assert desk.pay(staging) == {"a": 250_000, "b": 625_000, "c": 125_000}
    assert (staging.remarks(), staging.dropped, staging.rejected()) == ((), {}, [])


def test_weights_come_before_wishes(desk: Desk) -> None:
    """C misses the threshold; u1's plays of a count three times; then u2 gives half to d."""
    desk.lay("policy", POLICY, "toml")
    desk.lay("wishes", "user,artist,kind,amount\nu2,d,gift,0.5\n")
    staging = desk.open()
    assert desk.pay(staging) == {"a": 375_000, "b": 375_000, "d": 250_000}
    assert sum(staging.dropped.values()) == 1
    assert staging.plays_dropped == 1
    assert [touched.plays for touched in staging.touched] == [5, 1]


def test_history_wishes_and_delegations_compose(desk: Desk) -> None:
    """U2 passes half a fee to u1, whose past is all z, and who blocks b."""
    desk.lay("history", "user,artist,plays\nu1,z,9\n")
    desk.lay("wishes", "user,artist,kind,amount\nu1,b,block,\n")
    desk.lay("delegations", "user,delegate,share\nu2,u1,1\n")
    staging = desk.open(kappa=Fraction(2))
    assert desk.pay(staging) == {"a": 375_000, "b": 187_500, "c": 62_500, "z": 375_000}
    assert len(staging.remarks()) == 3


def test_wishes_of_a_subscriber_who_plays_nothing_are_no_fault(desk: Desk) -> None:
    """Known, and without effect."""
    desk.lay("wishes", "user,artist,kind,amount\nu4,a,block,\n")
    assert sum(desk.pay(desk.open()).values()) == 10**6


@pytest.mark.parametrize(
    ("option", "text", "reason"),
    [
        ("wishes", "user,artist,kind,amount\nnemo9,a,block,\n", "neither in the log nor a subscriber"),
        ("delegations", "user,delegate,share\nnemo9,u1,1\n", "user is not a subscriber"),
        ("delegations", "user,delegate,share\nu1,nemo9,1\n", "delegate is not a subscriber"),
    ],
)
def test_strangers_are_refused_or_set_aside(desk: Desk, option: str, text: str, reason: str) -> None:
    """Status 3; with rejects, the payouts are as if they had not written."""
    desk.lay(option, text)
    with pytest.raises(InputError) as caught:
        desk.pay(desk.open())
    assert reason in caught.value.problems[0].reason
    assert "nemo9" not in str(caught.value) + str(caught.value.problems)
    desk.rejects = desk.folder / "rejects.csv"
    staging = desk.open()
    assert desk.pay(staging) == {"a": 250_000, "b": 625_000, "c": 125_000}
    assert staging.rejected()[0].num_rows == 1


def test_delegations_need_to_know_what_was_paid(desk: Desk) -> None:
    """Status 2."""
    desk.lay("delegations", "user,delegate,share\nu1,u2,1\n")
    with pytest.raises(UsageError, match="what they paid"):
        desk.open(subscribers=None)


@pytest.mark.parametrize("wrong", [{"viscosity": Fraction(1)}, {"viscosity": Fraction(-1)}, {"kappa": Fraction(-1)}])
def test_numbers_out_of_range_are_refused(desk: Desk, wrong: dict[str, Fraction]) -> None:
    """Status 2."""
    with pytest.raises(UsageError):
        desk.open(**wrong)
