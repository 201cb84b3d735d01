from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fairpay.cli import main

COLOUR = re.compile(r"\x1b\[[0-9;]*(3[0-7]|9[0-7])[;m]")


def on_a_terminal(*words: str, stream: str = "stdout", **variables: str) -> str:
    """Run fairpay with one stream on a terminal of 80 columns and return what it wrote there."""
    shown, theirs = pty.openpty()
    with ThreadPoolExecutor() as others, pytest.MonkeyPatch.context() as patch:
        page = others.submit(everything, shown)
        for name in ("NO_COLOR", "FORCE_COLOR"):
            patch.delenv(name, raising=False)
        for name, value in {"TERM": "xterm-256color", "COLUMNS": "80", **variables}.items():
            patch.setenv(name, value)
        with (
            Path(os.devnull).open("w", encoding="utf-8") as nowhere,
            os.fdopen(theirs, "w", encoding="utf-8") as terminal,
        ):
            for name in ("stdout", "stderr"):
                patch.setattr(sys, name, terminal if name == stream else nowhere)
            assert main(list(words)) == 0
        return page.result()


def everything(shown: int) -> str:
    """Return all that comes until the other end is closed."""
    page = bytearray()
    with (
        contextlib.suppress(OSError),
        os.fdopen(shown, "rb", buffering=0) as terminal,
    ):  # how Linux says so
        while part := terminal.read(65_536):
            page += part
    return page.decode()


def test_a_terminal_gets_colour() -> None:
    assert COLOUR.search(on_a_terminal("rules"))


def test_no_colour_where_it_is_not_wanted() -> None:
    assert not COLOUR.search(on_a_terminal("rules", NO_COLOR="1"))


def test_a_dumb_terminal_gets_no_escape_at_all() -> None:
    assert "\x1b" not in on_a_terminal("rules", TERM="dumb")


def test_a_pipe_gets_the_same_plain_page_whatever_is_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules"]) == 0
    plain = capsys.readouterr().out
    forced = subprocess.run(
        [sys.executable, "-m", "fairpay", "rules"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "FORCE_COLOR": "1", "COLUMNS": "40"},
    ).stdout
    assert plain == forced
    assert "\x1b" not in plain


@pytest.mark.parametrize(("wanted", "drawn"), [("auto", True), ("none", False)])
def test_a_bar_is_drawn_on_standard_error_where_it_is_a_terminal(wanted: str, *, drawn: bool, tmp_path: Path) -> None:
    log = tmp_path / "listens.csv"
    log.write_text("user,artist\nu,A\n")
    page = on_a_terminal("compare", str(log), "--progress", wanted, stream="stderr")
    assert "Columns: user = user, artist = artist (detected)" in page
    assert ("\u2501" in page) == drawn
