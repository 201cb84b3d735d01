"""The Python functions: the same jobs as the command line, on files or frames, with results as objects.

import fairpay
result = fairpay.compare("listens.parquet", fee="9.99", royalty_rate="70%")
result.table            # a Polars frame
result.save("out")      # the same files as `fairpay compare ... -o out`
"""

from __future__ import annotations

from fairpay.fraud.jobs import audit, suspects, sweep
from fairpay.ledger.issue import balances, statements
from fairpay.ledger.jobs import adjust, close, diff, explain
from fairpay.ledger.tables import init
from fairpay.ledger.verify import verify
from fairpay.pipeline.check import Checked, check
from fairpay.pipeline.jobs import Result, compare, pay
from fairpay.sharing.jobs import merge, shard
from fairpay.sharing.leaks import leaks
from fairpay.sharing.pseudonyms import pseudonymize
from fairpay.synth.make import synth
from fairpay.views.jobs import report

__all__ = [
    "Checked",
    "Result",
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
