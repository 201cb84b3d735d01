"""fairpay: divide subscription money among artists, exactly, under any published payout rule.

Each command of the command line is a function here: `fairpay.compare`, `pay`, `check`, `explain`, `audit`, `sweep`,
`suspects`, `shard`, `merge`, `close`, `adjust`, `balances`, `statements`, `diff`, `verify`, `report`, `leaks`,
`pseudonymize`, `synth`, `init`; the rules are in `fairpay.rules`. What goes wrong is raised as a `FairpayError` of some
kind. Functions are loaded when first used: importing fairpay loads neither Polars nor Numba.
"""

from __future__ import annotations

import fairpay.adjust
import fairpay.synth  # noqa: F401 - see below

TYPE_CHECKING = False  # as in `typing`, which takes as long to load as all else until signals are looked after
if TYPE_CHECKING:
    from typing import Any

    from fairpay.api import (
        adjust,
        audit,
        balances,
        check,
        close,
        compare,
        diff,
        explain,
        init,
        leaks,
        merge,
        pay,
        pseudonymize,
        report,
        shard,
        statements,
        suspects,
        sweep,
        synth,
        verify,
    )
    from fairpay.errors import (
        DifferentRunError,
        FairpayError,
        GuardError,
        InputError,
        LockedError,
        NothingToPayError,
        NotVerifiedError,
        OutputError,
        UnbalancedError,
        UnknownOptionError,
        UsageError,
    )

__all__ = [
    "DifferentRunError",
    "FairpayError",
    "GuardError",
    "InputError",
    "LockedError",
    "NotVerifiedError",
    "NothingToPayError",
    "OutputError",
    "UnbalancedError",
    "UnknownOptionError",
    "UsageError",
    "adjust",
    "audit",
    "balances",
    "check",
    "close",
    "compare",
    "diff",
    "explain",
    "init",
    "leaks",
    "merge",
    "pay",
    "pseudonymize",
    "report",
    "shard",
    "statements",
    "suspects",
    "sweep",
    "synth",
    "verify",
]
__version__ = "0.1.0"

# the functions go before the packages of these names, which stay importable
del globals()["adjust"], globals()["synth"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the functions differ in type
    """Load a public function when it is first asked for."""
    import importlib  # noqa: PLC0415 - as above

    if name not in __all__:
        message = f"module 'fairpay' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module("fairpay.errors" if name.endswith("Error") else "fairpay.api"), name)
