"""Reads malformed inputs one after another in a process of its own, and writes what became of each: an abort shows."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent))
from inputs import malformed

import fairpay
from fairpay.errors import FairpayError

SLOW = 20.0
"""Seconds that no input may take."""


def fate(name: str, data: bytes, folder: Path) -> str:
    """Compare one input: `refused`, `paid`, or what is wrong."""
    path = folder / (name or "input")
    path.write_bytes(data)
    options = {"fee": "10.00", "user_from_folder": True} if name.endswith(".zip") else {"fee": "10.00"}
    if "." not in name:
        options["format"] = "csv"
    started = time.monotonic()
    try:
        result = fairpay.compare(path, **options)
    except FairpayError as error:
        told = error.message
        wrong = "Traceback" in told or "\n" in told or not told or error.status not in {2, 3, 4, 5}
        found = f"WRONG words: {told!r}" if wrong else "refused"
    except BaseException as error:  # noqa: BLE001 - a panic is no Exception
        return f"WRONG {type(error).__name__}: {error}"[:300]
    else:
        found = judged(result, name, data)
    finally:
        path.unlink()
    return found if time.monotonic() - started < SLOW else "WRONG slow"


def judged(result: fairpay.Result, name: str, data: bytes) -> str:
    """Hold a payout against a reading by the standard library, where the file is text that it can read."""
    table, listening = result.table, result.summary["listening"]
    total = sum(table["user_centric"])
    if total != 10 * listening["users"] or listening["rows"] != listening["used"] + sum(listening["dropped"].values()):
        return "WRONG sums"
    expected = None
    if name.endswith((".csv", ".tsv")) and b"\0" not in data and b"\r" not in data:  # CR alone ends a line only there
        expected = rows_of_text(data.decode("utf-8-sig"), "\t" if name.endswith(".tsv") else ",")
    elif name.endswith(".jsonl"):
        expected = values_in(data.decode("utf-8-sig"))
    elif name.endswith(".json"):
        whole = json.loads(data.decode("utf-8-sig"))
        expected = len(whole) if isinstance(whole, list) else None
    return "paid" if expected in {None, listening["rows"]} else f"WRONG rows: {listening['rows']}, not {expected}"


def rows_of_text(text: str, separator: str) -> int | None:
    """Count rows as the csv module reads them; None where it finds the quotes wrong."""
    with contextlib.suppress(csv.Error):
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True) if any(row)]
        header = next((i for i, row in enumerate(rows) if "user" in row and "artist" in row), None)
        return None if header is None else len(rows) - header - 1
    return None


def values_in(text: str) -> int:
    """Count the JSON values of a text, one after another."""
    count, at, decoder = 0, 0, json.JSONDecoder()
    while at < len(text):
        if text[at] in " \t\r\n":
            at += 1
            continue
        _, at = decoder.raw_decode(text, at)
        count += 1
    return count


def main() -> None:
    """Read the inputs of the numbers from argument 1 up to argument 2."""
    with TemporaryDirectory() as folder:
        for number in range(int(sys.argv[1]), int(sys.argv[2])):
            sys.stdout.write(f"{number} begun\n")
            sys.stdout.flush()
            sys.stdout.write(f"{number} {fate(*malformed(number), Path(folder))}\n")


main()
