"""Pictures by Altair, drawn by vl-convert as SVG that stands in a page.

The bytes are the same on every machine with the same versions: no name is placed by how wide it is, which the fonts of
a machine decide. So a chart is one view, or layers of one, of the size and margins below; titles of axes stand at fixed
places, names are cut by `short`, and only words of our own, which vl-convert's own font has, stand in a legend.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from fairpay.reports.words import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairpay.reports.pages.page import Figure

__all__ = ["COLOURS", "GAIN", "HEIGHT", "LOSS", "MARGINS", "PLAIN", "WIDTH", "drawn", "short"]

WIDTH, HEIGHT = 460, 320
"""Of a picture with its margins, in pixels: two stand side by side on a screen and on paper."""
MARGINS = {"left": 64, "right": 20, "top": 30, "bottom": 44}
"""Around the view; a chart that needs others states `padding`, and loses as much of its size."""
COLOURS = ("#2f7dbd", "#c4641a", "#2b8a57", "#8f63c4", "#b8860b", "#c2506e", "#5a7d8c", "#7d7a2e")
"""Of rules, in their order; each stands out by 3 to 1 from white paper and from the dark page."""
GAIN, LOSS, PLAIN = "#2b8a57", "#c2503e", "#2f7dbd"
NAME_CELLS = 20
SVG = "http://www.w3.org/2000/svg"
CONFIG: dict[str, Any] = {
    "aria": False,
    "background": None,
    "font": "Liberation Sans",
    "range": {"category": list(COLOURS)},
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 12,
        "labelLimit": 0,
        "labelOverlap": False,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titleLimit": 0,
        "gridColor": "#8885",
        "domainColor": "#888",
        "tickColor": "#888",
        "tickCount": 5,
    },
    "axisX": {"titleAnchor": "end", "titleAlign": "right", "titleY": 32, "titleBaseline": "top"},
    "axisY": {"titleAngle": 0, "titleAnchor": "start", "titleAlign": "left", "titleX": -36, "titleY": -10},
    "legend": {"orient": "top", "direction": "horizontal", "title": None, "labelFontSize": 12, "labelLimit": 0}
    | {"rowPadding": 3, "columnPadding": 16, "offset": 10},
    "text": {"fontSize": 12, "limit": 0},
    "mark": {"color": PLAIN},
}


def short(name: str, cells: int = NAME_CELLS) -> str:
    """Cut a name to so many cells, a wide character counting as two, and say so with an ellipsis."""
    text, used = visible(name), 0
    for place, character in enumerate(text):
        used += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if used > cells:
            return text[: max(0, place - 1)].rstrip() + "…"
    return text


def drawn(figure: Figure, place: int) -> str:
    """Draw the picture of a figure as an SVG element.

    Its size is that of the page's column, its `title` and `desc` are the figure's, and ids begin with its place on the
    page, so that no two pictures share one.

    Args:
        figure: with a chart of one view or layers of one.
        place: where it stands among the pictures of the page.

    """
    import vl_convert  # noqa: PLC0415 - of the extra `report`

    spec = figure.chart.to_dict()
    margins = spec.setdefault("padding", MARGINS)
    spec.setdefault("width", WIDTH - margins["left"] - margins["right"])
    spec.setdefault("height", HEIGHT - margins["top"] - margins["bottom"])
    spec["autosize"] = {"type": "none"}
    spec["config"] = CONFIG
    root = ET.fromstring(vl_convert.vegalite_to_svg(spec))  # noqa: S314 - made by vl-convert a moment ago
    return ET.tostring(labelled(root, figure, f"picture-{place}"), encoding="unicode", short_empty_elements=True)


def labelled(root: ET.Element, figure: Figure, mark: str) -> ET.Element:
    """Name a picture for who cannot look, let it take the width there is, and give its ids their place."""
    for gone in ("width", "height", "class", "version"):
        root.attrib.pop(gone, None)
    root.attrib |= {"role": "img", "aria-labelledby": f"{mark}-title {mark}-desc"}
    renamed = {old: f"{mark}-{count}" for count, old in enumerate(ids(root))}
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{SVG}}}")
        for name, value in element.attrib.items():
            if name == "id":
                element.attrib[name] = renamed[value]
            elif value.startswith("url(#"):
                element.attrib[name] = f"url(#{renamed[value[5:-1]]})"
    for tag, text in (("desc", figure.alt), ("title", figure.caption)):
        element = ET.Element(tag, {"id": f"{mark}-{tag}"})
        element.text = visible(text)
        root.insert(0, element)
    return root


def ids(root: ET.Element) -> Iterator[str]:
    """Yield every id of a picture in its order."""
    return (element.attrib["id"] for element in root.iter() if "id" in element.attrib)
