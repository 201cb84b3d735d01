"""Running the whole program as its users do, for tests of what goes wrong around it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sample import SAMPLE_DATA

from fairpay.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FAIRPAY = Path(sys.executable).with_name("fairpay")
COMPARE = (
    *("compare", str(SAMPLE_DATA / "listens.csv"), "--subscribers", str(SAMPLE_DATA / "subscribers.csv")),
    *("--royalty-rate", "70%", "--quiet"),
)


def start(
    out: Path, *arguments: str, job: Sequence[str] = (*COMPARE, "-o"), limit: Callable[[], None] | None = None
) -> subprocess.Popen[bytes]:
    """Start a job, as it is a comparison of the sample, to a directory; its temporary files go beside that one's."""
    scratch = out.parent.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    return subprocess.Popen(
        [FAIRPAY, *job, out, *arguments],
        cwd=SAMPLE_DATA.parent,
        env={**os.environ, "TMPDIR": str(scratch)},
        preexec_fn=limit,  # noqa: PLW1509 - the child sets its own limits before it begins
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(out: Path, *arguments: str, limit: Callable[[], None] | None = None) -> tuple[int, str]:
    """Run a comparison to its end; return its status and what it said."""
    with start(out, *arguments, limit=limit) as process:
        _, said = process.communicate(timeout=120)
    return process.returncode, said.decode()


def again(out: Path, *arguments: str) -> int:
    """Run it to its end in this process, as nothing goes wrong; return its status."""
    return main([*COMPARE, "-o", str(out), *arguments])


def tables(out: Path) -> dict[str, str]:
    """SHA-256 of what a run says, without the manifest, which also says when."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.iterdir())
        if path.name != "manifest.json"
    }


def present(directory: Path) -> list[str]:
    """Names in a directory, hidden ones too."""
    return sorted(path.name for path in directory.iterdir())
