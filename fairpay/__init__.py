"""fairpay: divide subscription money among artists, exactly, under any published payout rule.

`fairpay.compare`, `pay`, `audit`, `suspects`, `check`, `verify` and `synth` do what the commands of the same
names do. They are loaded when first used: importing fairpay loads neither Polars nor Numba.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in `typing`, which takes as long to load as all else until signals are looked after
if TYPE_CHECKING:
    from typing import Any

    from fairpay.api import audit, check, compare, pay, suspects, verify
    from fairpay.errors import FairpayError
    from fairpay.synthetic import synth

__all__ = ["FairpayError", "audit", "check", "compare", "pay", "suspects", "synth", "verify"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the functions differ in type
    """Load a public function when it is first asked for."""
    import importlib  # noqa: PLC0415 - as above

    if name not in __all__:
        message = f"module 'fairpay' has no attribute {name!r}"
        raise AttributeError(message)
    places = {"synth": "fairpay.synthetic", "FairpayError": "fairpay.errors"}
    return getattr(importlib.import_module(places.get(name, "fairpay.api")), name)
