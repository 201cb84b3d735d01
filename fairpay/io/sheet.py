"""The first sheet of an XLSX workbook as rows of text: what the standard library needs to read a filled-in review."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from fairpay.errors import InputError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["read_sheet"]

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
CELL = re.compile(r"([A-Z]{1,3})(\d{1,7})")
LETTERS = 26
MOST_BYTES = 1 << 30
"""A sheet that unpacks to more is refused."""


def read_sheet(data: bytes, name: str) -> list[list[str]]:
    """Read every row of the first sheet; numbers come as they are written in the file.

    Raises:
        InputError: the file is no workbook.

    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            sheets = sorted(one for one in book.namelist() if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", one))
            shared = [text_of(item) for item in parse(book, "xl/sharedStrings.xml")] if has_shared(book) else []
            return [row_of(row, shared) for row in parse(book, sheets[0]).iter(f"{MAIN}row")]
    except (zipfile.BadZipFile, ET.ParseError, KeyError, IndexError, ValueError) as failure:
        message = f"{name}: not a workbook that can be read"
        raise InputError(message, advice="Save it as .xlsx or as 'CSV UTF-8'.") from failure


def has_shared(book: zipfile.ZipFile) -> bool:
    """Whether texts are kept apart from the cells."""
    return "xl/sharedStrings.xml" in book.namelist()


def parse(book: zipfile.ZipFile, part: str) -> Element:
    """Parse one part of the workbook.

    Raises:
        ValueError: it declares entities, which no workbook does, or is too large.

    """
    if book.getinfo(part).file_size > MOST_BYTES:
        message = "too large"
        raise ValueError(message)
    text = book.read(part)
    if b"<!DOCTYPE" in text[:1000]:
        message = "a document type in a workbook"
        raise ValueError(message)
    return ET.fromstring(text)  # noqa: S314 - no document type, see above


def row_of(row: Element, shared: list[str]) -> list[str]:
    """Read the cells of a row into their columns."""
    cells: dict[int, str] = {}
    for place, cell in enumerate(row.iter(f"{MAIN}c")):
        where = CELL.fullmatch(cell.get("r", ""))
        cells[column_of(where[1]) if where else place] = value_of(cell, shared)
    return [cells.get(place, "") for place in range(max(cells, default=-1) + 1)]


def column_of(letters: str) -> int:
    """A is 0, Z is 25, AA is 26."""
    number = 0
    for letter in letters:
        number = number * LETTERS + ord(letter) - ord("A") + 1
    return number - 1


def value_of(cell: Element, shared: list[str]) -> str:
    """Return a cell's text."""
    if cell.get("t") == "inlineStr":
        return text_of(cell)
    value = cell.findtext(f"{MAIN}v", "")
    return shared[int(value)] if cell.get("t") == "s" else value


def text_of(item: Element) -> str:
    """Join the pieces of a text, which may be formatted in parts; hints for pronunciation are left out."""
    pieces = [item.findtext(f"{MAIN}t", "")] + [run.findtext(f"{MAIN}t", "") for run in item.findall(f"{MAIN}r")]
    inline = item.find(f"{MAIN}is")
    return "".join(pieces) + (text_of(inline) if inline is not None else "")
