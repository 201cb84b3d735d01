"""A bucket on a server of this machine, for the tests of object stores."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from stores import s3_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stores import Objects


@pytest.fixture(scope="module")
def server() -> Iterator[Objects]:
    with s3_server() as objects:
        yield objects


@pytest.fixture
def bucket(server: Objects, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Objects:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    return server
