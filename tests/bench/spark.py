"""`make bench-spark`: fairpay on Spark against Spark SQL with the two rules, and fairpay on this machine, in turn.

SIZES (default `20M`), ROUNDS (default 3) and PROCESSORS (default 2) change what is done. A run is many processes, of
which Spark waits for few: what they took is read from the kernel's tables while they live, every tenth of a second.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from data import CACHE, make_log
from measure import Measured
from tables import heading, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

sys.path.append(str(Path(__file__).parents[1] / "support"))
from java import java_home

FAIRPAY = Path(sys.executable).with_name("fairpay")
SIZES = os.environ.get("SIZES", "").split() or ["20M"]
ROUNDS = int(os.environ.get("ROUNDS") or 3)
MASTER = f"local[{os.environ.get('PROCESSORS') or 2}]"
TICK, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
QUERY = """
WITH heard AS (
    SELECT user_id, artist_id, sum(ms_played) AS ms
    FROM log WHERE ms_played >= 30000 AND artist_id IS NOT NULL
    GROUP BY user_id, artist_id
),
listener AS (SELECT user_id, sum(ms) AS total FROM heard GROUP BY user_id),
artist AS (
    SELECT artist_id, sum(ms) AS ms, sum(ms / CAST(total AS DOUBLE)) AS parts
    FROM heard JOIN listener USING (user_id)
    GROUP BY artist_id
),
everybody AS (SELECT count(*) * 10.0D AS pool, sum(total) AS ms FROM listener)
SELECT artist_id AS artist, artist.ms / everybody.ms * pool AS market_centric, parts * 10.0D AS user_centric
FROM artist CROSS JOIN everybody
"""


def query(log: str, out: str) -> None:
    """Let Spark SQL work both rules out, in floating point."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - in a process of its own

    spark = SparkSession.builder.master(MASTER).config("spark.log.level", "ERROR").getOrCreate()
    spark.read.parquet(log).createOrReplaceTempView("log")
    spark.sql(QUERY).write.mode("overwrite").parquet(out)


def measured(command: Sequence[str | Path], environment: Mapping[str, str]) -> Measured:
    """Run a command in a session of its own, and add up what all its processes took.

    Raises:
        RuntimeError: it failed.

    """
    began, cpu, peak = time.monotonic(), 0.0, 0.0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [*map(str, command)], env=environment, stdout=said, stderr=said, start_new_session=True
        )
        while process.poll() is None:
            seconds, held = taken(process.pid)
            cpu, peak = max(cpu, seconds), max(peak, held)
            time.sleep(0.1)
        if process.returncode:
            said.seek(0)
            message = f"{' '.join(map(str, command))}: {said.read()[-800:].decode(errors='replace')}"
            raise RuntimeError(message)
    return Measured(time.monotonic() - began, cpu, peak)


def taken(session: int) -> tuple[float, float]:
    """Return seconds of all processors, of the processes of a session and those they waited for, and GB held now."""
    ticks = pages = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            ticks += sum(map(int, fields[11:15]))
            pages += int(fields[21])
    return ticks / TICK, pages * PAGE / 1e9


def main() -> None:
    """Measure, and print a table for each size."""
    CACHE.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "JAVA_HOME": str(java_home(CACHE)), "PYSPARK_PYTHON": sys.executable}
    environment["SPARK_LOCAL_DIRS"] = str(CACHE / "spark")
    environment.setdefault("PYSPARK_SUBMIT_ARGS", "--driver-memory 3g pyspark-shell")
    print(heading())  # noqa: T201 - a program
    for size in SIZES:
        log, out = make_log(size, "parquet"), CACHE / "spark-out"
        compare = [FAIRPAY, "compare", log, "--fee", "10.00", "--quiet"]
        commands: dict[str, list[str | Path]] = {
            "fairpay compare, on Spark": [*compare, "--engine", "spark", "--master", MASTER],
            "Spark SQL, the two rules in floats": [sys.executable, __file__, str(log), out],
            "fairpay compare, on this machine": compare,
        }
        rounds = [{name: measured(one, environment) for name, one in commands.items()} for _ in range(ROUNDS)]
        print(table(f"{size} plays", rounds), flush=True)  # noqa: T201 - a program
        ratios = sorted(
            each["fairpay compare, on Spark"].cpu / each["Spark SQL, the two rules in floats"].cpu for each in rounds
        )
        print(f"\nCPU of fairpay on Spark / Spark SQL: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")  # noqa: T201


if __name__ == "__main__":
    if len(sys.argv) > 1:
        query(*sys.argv[1:])
    else:
        main()
