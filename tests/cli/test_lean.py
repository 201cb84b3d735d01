"""The command line does without pandas."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SAMPLE = Path(__file__).parents[2] / "sample_data" / "listens.csv"


def test_a_run_does_not_import_pandas_though_it_is_installed() -> None:
    """PyArrow would, and that takes longer than a small run."""
    program = f"""
import importlib.util, sys
from fairpay.cli import main
assert importlib.util.find_spec("pandas")
assert main(["compare", {str(SAMPLE)!r}, "--fee", "1", "--quiet"]) == 0
assert "pandas" not in sys.modules
import pandas, pyarrow
assert pyarrow.array([1]).to_pandas().tolist() == [1]
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
