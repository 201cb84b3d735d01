"""Spark Connect: the same bytes from a server, and from a client without Java; and what the command line says."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from java import java_home
from sample import SAMPLE_DATA

from fairpay import compare

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.spark
LISTENS = SAMPLE_DATA / "listens.csv"
DEEPER = importlib.util.find_spec("grpc") is not None


def fairpay(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    given = [sys.executable, "-m", "fairpay", *map(str, words)]
    known = {name: value for name, value in os.environ.items() if name not in {"SPARK_REMOTE", "MASTER"}}
    return subprocess.run(given, env={**known, **environment}, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not DEEPER, reason="Spark Connect needs grpcio, grpcio-status and googleapis-common-protos")
def test_a_server_of_spark_connect_says_the_same(tmp_path: Path) -> None:
    java = {"JAVA_HOME": str(java_home(tmp_path)), "PYSPARK_PYTHON": sys.executable, "SPARK_REMOTE": "local[2]"}
    words = ("compare", LISTENS, "--fee", "9.99", "--engine", "spark", "--partitions", "2", "-o", tmp_path / "there")
    done = fairpay(*words, **java)
    assert done.returncode == 0, done.stderr
    compare(LISTENS, fee="9.99", output=tmp_path / "here")
    for name in ("comparison.csv", "summary.json"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def test_a_server_that_is_not_there_is_said_at_once() -> None:
    began = time.monotonic()
    done = fairpay("compare", LISTENS, "--engine", "spark", "--remote", "sc://127.0.0.1:9")
    assert done.returncode == 3
    assert "Spark cannot be reached at sc://127.0.0.1:9" in " ".join(done.stderr.split())
    assert time.monotonic() - began < 60  # its own client gives up after ten minutes


def test_a_machine_without_java_is_told_so_in_a_sentence(tmp_path: Path) -> None:
    done = fairpay("compare", LISTENS, "--engine", "spark", JAVA_HOME=str(tmp_path), PATH=os.defpath)
    assert done.returncode == 3
    assert "Spark on this machine needs Java 17 or newer" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_master_that_is_none_is_told_so_in_a_sentence(tmp_path: Path) -> None:
    java = {"JAVA_HOME": str(java_home(tmp_path))}
    done = fairpay("compare", LISTENS, "--engine", "spark", "--master", "nonsense", **java)
    assert done.returncode == 3
    assert "Spark cannot be reached at nonsense" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_machine_without_pyspark_is_told_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "pyspark.py").write_text("raise ImportError\n", encoding="utf-8")
    done = fairpay("compare", LISTENS, "--engine", "spark", PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert "pip install 'fairpay[spark]'" in done.stderr
