"""A secret key in a file that nobody but its owner may read."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from fairpay.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_key"]

LEAST_KEY, MOST_KEY = 32, 1 << 16
"""Bytes of a key."""
OTHERS = 0o077
"""Bits of a file's mode that let others than its owner at it."""


def read_key(path: Path) -> bytes:
    """Read the key: every byte of the file, a newline at its end too.

    Raises:
        InputError: it cannot be read, others may read it, or it is too short.

    """
    place = shlex.quote(str(path))
    make = f"Make one with: (umask 077; head -c {LEAST_KEY} /dev/urandom > {place})."
    try:
        with path.open("rb") as file:
            mode, key = os.fstat(file.fileno()).st_mode, file.read(MOST_KEY)
    except (OSError, ValueError) as error:
        message = f"{path}: the key cannot be read: {getattr(error, 'strerror', None) or error}"
        raise InputError(message, advice=make) from error
    if os.name == "posix" and mode & OTHERS:
        message = f"{path}: others than you may read or change this key (mode {mode & 0o777:o})"
        raise InputError(message, advice=f"{make} If nobody has read it, chmod 600 {place} is enough.")
    if len(key) < LEAST_KEY:
        message = f"{path}: a key has {LEAST_KEY} bytes or more, and this one has {len(key)}"
        raise InputError(message, advice=make)
    return key
