"""File names from payee ids: safe on every file system, and never the same for two payees."""

from __future__ import annotations

import hashlib
import re

__all__ = ["file_name", "payment_ref"]

UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
KEPT = 48
MARK = 32
"""Hex digits, 128 bits: nobody can choose two ids with one mark."""
DIGITS = 16


def file_name(payee: str) -> str:
    """What the file of a payee is called, without extension: readable as far as it can be, then a mark of the whole id.

    Only ASCII letters, digits, `-` and `_` are kept, so no separator, dot, device name or emoji gets through; the mark
    also tells `A` from `a` where the file system does not.
    """
    mark = hashlib.sha256(payee.encode()).hexdigest()[:MARK]
    readable = UNSAFE.sub("_", payee)[:KEPT].strip("_")
    return f"statement-{readable}-{mark}" if readable else f"statement-{mark}"


def payment_ref(run_id: str, payee: str, currency: str) -> str:
    """A reference that is the same whenever the same run is written again; 19 characters, as a bank takes them."""
    text = f"{run_id}\x1f{payee}\x1f{currency}"
    return "FP-" + hashlib.sha256(text.encode()).hexdigest()[:DIGITS].upper()
