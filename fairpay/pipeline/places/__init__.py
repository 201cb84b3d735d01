"""Where and how a run is done that is not one pool on this machine: one file each, found by its name.

Each has a function `place`, which takes what `placed` takes, and refuses what cannot be done there.
"""

from __future__ import annotations

import importlib
from functools import partial
from typing import TYPE_CHECKING, Any

from fairpay.pipeline.request import MONTH
from fairpay.pipeline.run import run
from fairpay.pipeline.work import Placed, watching
from fairpay.settings.option import is_spark

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairpay.settings.option import Logs

__all__ = ["placed"]


def placed(command: str, logs: Logs, rules: Sequence[str], options: Mapping[str, Any]) -> Placed:
    """Say where a run is done: on this machine, month by month, or where Spark has the plays.

    Raises:
        FairpayError: something is wanted that cannot be done there, or the place is not to be had.

    """
    name = "months" if MONTH in options.get("by", ()) else "spark" if is_spark(logs) else options["engine"]
    if name == "local":
        return Placed(logs, options, partial(run, watch=watching(options)))
    found: Placed = importlib.import_module(f"{__name__}.{name}").place(command, logs, rules, options)
    return found
