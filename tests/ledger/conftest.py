"""What tests of the books share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from quarter import ROOT, live_through


@pytest.fixture(scope="session")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The books after the worked quarter; tests copy them before they change anything."""
    made = tmp_path_factory.mktemp("quarter") / "books"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        live_through(made)
    return made


@pytest.fixture
def _in_quarter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand where the worked quarter is run: at the top of the project."""
    monkeypatch.chdir(ROOT)
