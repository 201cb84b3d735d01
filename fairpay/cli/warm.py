"""`fairpay warm`."""

from __future__ import annotations

from fairpay.cli.terminal import tell


def warm() -> None:
    """Compile ahead, so that the first run starts as quickly as all later ones."""
    import pyarrow as pa  # noqa: PLC0415 - heavy, loaded where it is used

    from fairpay import api  # noqa: PLC0415 - the same
    from fairpay.rules import rule_classes  # noqa: PLC0415 - the same

    text = pa.table({"user": ["u1", "u1", "u2"], "artist": ["a", "b", "b"], "ms": [40_000, 50_000, 60_000]})
    numbers = pa.table({"user": [1, 1, 2], "artist": [7, 8, 8], "plays": [3, 2, 1]})
    for table in (text, numbers):
        api.compare(table, rules=list(rule_classes()), fee="9.99", royalty_rate="70%")
    tell("Compiled; the kernels are kept in your cache folder.")
