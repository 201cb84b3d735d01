"""What all tests share: `naive` and its like are imported by name from this folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path.insert(0, str(Path(__file__).parent / "support"))

# The first call of a kernel compiles it, which takes seconds and says nothing about a test. `make test` tries the same
# examples every time, so that a change and not chance makes it fail; `make test-all` looks at others, and more.
settings.register_profile("fairpay", deadline=None, derandomize=True, max_examples=60)
settings.register_profile("search", deadline=None)
settings.register_profile("few", deadline=None, derandomize=True, max_examples=20)
settings.load_profile("fairpay")


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Do not wait for fsync: no power is cut here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        yield
