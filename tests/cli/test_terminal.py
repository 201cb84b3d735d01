from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = "import sys; from fairpay.cli import main; sys.exit(main())"
COLOUR = re.compile(r"\x1b\[[0-9;]*(3[0-7]|9[0-7])[;m]")


def on_a_terminal(*words: str, stream: str = "stdout", **variables: str) -> str:
    """Run fairpay with one stream on a terminal of 80 columns and return what it wrote there."""
    shown, theirs = pty.openpty()
    known = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    environment = {**known, "TERM": "xterm-256color", "COLUMNS": "80", **variables}
    streams: dict[str, int] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: theirs}
    program = subprocess.Popen([sys.executable, "-c", PROGRAM, *words], env=environment, **streams)
    os.close(theirs)
    page = bytearray()
    while True:
        try:
            part = os.read(shown, 65_536)
        except OSError:  # how Linux says that the other end was closed
            break
        if not part:
            break
        page += part
    os.close(shown)
    assert program.wait() == 0
    return page.decode()


def test_a_terminal_gets_colour() -> None:
    assert COLOUR.search(on_a_terminal("rules"))


def test_no_colour_where_it_is_not_wanted() -> None:
    assert not COLOUR.search(on_a_terminal("rules", NO_COLOR="1"))


def test_a_dumb_terminal_gets_no_escape_at_all() -> None:
    assert "\x1b" not in on_a_terminal("rules", TERM="dumb")


def test_a_pipe_gets_the_same_plain_page_whatever_is_set() -> None:
    command = [sys.executable, "-c", PROGRAM, "rules"]
    known = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}}
    plain, forced = (
        subprocess.run(command, capture_output=True, check=True, env={**known, **more}).stdout
        for more in ({}, {"FORCE_COLOR": "1", "COLUMNS": "40"})
    )
    assert plain == forced
    assert b"\x1b" not in plain


@pytest.mark.parametrize(("wanted", "drawn"), [("auto", True), ("none", False)])
def test_a_bar_is_drawn_on_standard_error_where_it_is_a_terminal(wanted: str, *, drawn: bool, tmp_path: Path) -> None:
    log = tmp_path / "listens.csv"
    log.write_text("user,artist\nu,A\n")
    page = on_a_terminal("compare", str(log), "--progress", wanted, stream="stderr")
    assert "Columns: user = user, artist = artist (detected)" in page
    assert ("\u2501" in page) == drawn
