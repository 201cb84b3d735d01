"""Pages as a browser shows them: headless Chromium, where it is installed."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import tempfile
import zlib
from dataclasses import dataclass
from html import escape
from pathlib import Path

from sample import SAMPLE_DATA, compare_sample

import fairpay

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
WITHOUT = "Chromium is not installed"
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
LIGHT, DARK = "1", "0"


@dataclass(frozen=True, slots=True)
class Picture:
    """What a browser showed."""

    width: int
    height: int
    corner: tuple[int, int, int]
    """The colour of the first pixel."""
    rows: int
    """How many different rows of pixels there are: one or two of a blank page."""


def chromium(page: Path, folder: Path, *options: str) -> str:
    """Open a page, and return what Chromium prints; its profile is put into a folder."""
    command = [CHROMIUM, *QUIET, f"--user-data-dir={folder / 'profile'}", *options, page.resolve().as_uri()]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def picture(page: Path, folder: Path, *, width: int, height: int = 1400, scheme: str = LIGHT) -> Picture:
    """Take a picture of a page."""
    made = folder / "picture.png"
    settings = f"--blink-settings=preferredColorScheme={scheme}"
    chromium(page, folder, f"--screenshot={made}", f"--window-size={width},{height}", settings)
    data = made.read_bytes()
    across, down, depth, colour = struct.unpack(">IIBB", data[16:26])
    assert (depth, colour) in {(8, 2), (8, 6)}
    pixels = zlib.decompress(b"".join(chunks(data)))
    stride = 1 + across * (3 if colour == 2 else 4)
    rows = {pixels[place * stride : (place + 1) * stride] for place in range(down)}
    return Picture(across, down, tuple(pixels[1:4]), len(rows))  # type: ignore[arg-type] # three of them


def chunks(data: bytes) -> list[bytes]:
    """Return the parts of a PNG file that hold its pixels."""
    found, place = [], 8
    while place < len(data):
        (size,) = struct.unpack(">I", data[place : place + 4])
        if data[place + 4 : place + 8] == b"IDAT":
            found.append(data[place + 8 : place + 8 + size])
        place += size + 12
    return found


MEASURE = """<script>
onload = () => {
  const page = document.querySelector("iframe").contentDocument;
  const parts = [...page.querySelectorAll("h1, h2, p, dl, figure, svg, section, .table")];
  const right = Math.max(...parts.map((part) => Math.ceil(part.getBoundingClientRect().right)));
  const letters = [...page.querySelectorAll("svg text")].map((text) => text.getBoundingClientRect().height);
  const window = page.documentElement;
  document.title = `window=${window.clientWidth} page=${window.scrollWidth} right=${right} letters=${letters.length}`;
};
</script>"""


def measured(page: Path, folder: Path, width: int) -> dict[str, int]:
    """Return in pixels how wide a window of a page is, the page itself, and where its parts end; and texts of pictures.

    The page stands in a frame, as no window of Chromium is narrower than 500 pixels.
    """
    frame = (
        f'<iframe style="border:0;width:{width}px;height:900px" srcdoc="{escape(page.read_text(encoding="utf-8"))}">'
    )
    copy = folder / "measured.html"
    copy.write_text(f"<!doctype html><body>{frame}</iframe>{MEASURE}</body>", encoding="utf-8")
    shown = chromium(copy, folder, "--dump-dom", "--window-size=1280,1000")
    found = re.search(r"<title>([^<]*)</title>", shown)
    assert found is not None
    return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", found[1])}


def picture_for_readme(made: Path) -> None:
    """Take the picture of a page that README shows."""
    with tempfile.TemporaryDirectory() as folder:
        page = fairpay.report(compare_sample(SAMPLE_DATA), output=Path(folder) / "page.html")
        chromium(page, Path(folder), f"--screenshot={made}", "--window-size=1000,1080")


if __name__ == "__main__":
    picture_for_readme(SAMPLE_DATA.parent / ".github" / "report.png")
