"""What tests of the command line share: a Python door that answers at once and remembers what it was asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from outcomes import outcome

from fairpay import api

if TYPE_CHECKING:
    from collections.abc import Iterator

PAID = {"market-centric": [500, 300, 200], "user-centric": [400, 300, 300]}


@dataclass
class Door:
    """The Python door with nothing behind it."""

    asked: dict[str, Any] = field(default_factory=dict)
    fails: BaseException | None = None

    def compare(self, logs: object, **options: Any) -> api.Result:  # noqa: ANN401 - whatever is asked
        """Answer `compare` with three artists."""
        return self.answer("compare", logs, options)

    def pay(self, logs: object, **options: Any) -> api.Result:  # noqa: ANN401 - whatever is asked
        """Answer `pay` with three artists."""
        return self.answer("pay", logs, options)

    def answer(self, command: Any, logs: object, options: dict[str, Any]) -> api.Result:  # noqa: ANN401 - a name
        """Remember, speak, and fail if that is wanted."""
        self.asked = {"logs": logs, **options}
        if self.fails is not None:
            raise self.fails
        options["say"]("Columns: user = user, artist = artist (detected)")
        published = "done" if options["output"] else ""
        paid = {options["rule"]: PAID["market-centric"]} if command == "pay" else PAID
        return api.Result(command, outcome(paid), (), options["origins"], published)


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """Put the remembering door in the place of the real one."""
    made = Door()
    monkeypatch.setattr("fairpay.cli.compare.compare", made.compare)
    monkeypatch.setattr("fairpay.cli.pay.pay", made.pay)
    return made
